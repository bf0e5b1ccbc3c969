package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Known answers of Philox4x32-10 from the Random123 distribution (kat_vectors), first two output words. */
class CounterRandomTest {
    @Test
    void bits_zeroCounterAndKey() {
        assertThat(CounterRandom.bits(0, 0, 0)).isEqualTo(0x6627e8d5e169c58dL);
    }

    @Test
    void bits_allOnes() {
        assertThat(CounterRandom.bits(-1, -1, -1)).isEqualTo(0x408f276d41c83b0eL);
    }

    @Test
    void bits_digitsOfPi() {
        assertThat(CounterRandom.bits(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x0370734413198a2eL))
                .isEqualTo(0xd16cfe0994fdccebL);
    }

    @Test
    void uniform_isTheUpper53Bits() {
        assertThat(CounterRandom.uniform(0, 0, 0)).isEqualTo((0x6627e8d5e169c58dL >>> 11) * 0x1.0p-53);
        assertThat(CounterRandom.uniform(-1, -1, -1)).isBetween(0.0, Math.nextDown(1.0));
    }
}
