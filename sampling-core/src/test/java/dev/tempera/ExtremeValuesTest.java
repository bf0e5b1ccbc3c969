package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Temperature;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ExtremeValuesTest {
    @Test
    void sample_minPOverManyNaN_saysHowMany() {
        float[] logits = new float[5000];
        Arrays.fill(logits, Float.NaN);

        assertThatThrownBy(() -> SamplingPipeline.of(new MinP(0.05))
                        .start(new int[0], Vocabulary.ofRows(5000), 1)
                        .sample(logits))
                .isInstanceOf(InvalidLogitsException.class)
                .hasMessageContaining("none of the 5000 logits is a number above -inf (5000 NaN, 0 -inf)");
    }

    @Test
    void retainAtLeast_nan_isRefused() {
        assertThatThrownBy(() -> Logits.of(1, 2).retainAtLeast(Float.NaN))
                .hasMessage("threshold must be a number, got NaN");
    }

    @Test
    void process_tinyTemperature_keepsTheMaximumAlone() {
        Logits logits = SamplingPipeline.of(new Temperature(1e-38))
                .start(new int[0], Vocabulary.ofRows(3), 1)
                .process(new float[] {10, 11, 10.5f});

        assertThat(logits.size()).isEqualTo(1);
        assertThat(logits.tokenId(0)).isEqualTo(1);
    }

    @Test
    void logitBias_beyondFloat_isRefused() {
        assertThatThrownBy(() -> new LogitBias(Map.of(3, 1e300)))
                .hasMessage("logit_bias[3] must be a finite number or -inf, got 1.0E300");
    }

    @Test
    void seed_beyond64Bits_isRefused() {
        assertThatThrownBy(() -> SamplingParameters.fromMap(Map.of("seed", new BigInteger("9223372036854775808"))))
                .hasMessage("seed must be a whole number of 64 bits, got 9223372036854775808");
        assertThatThrownBy(() -> SamplingParameters.fromMap(Map.of("seed", 0x1p63)))
                .hasMessageStartingWith("seed must be a whole number of 64 bits, got ");
        assertThat(SamplingParameters.fromMap(Map.of("seed", Long.MAX_VALUE)).seed())
                .isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void request_parametersBesideAPipeline_areRefused() {
        assertThatThrownBy(() -> GenerationRequest.builder()
                        .prompt(new Prompt.Text("a"))
                        .parameters(SamplingParameters.builder()
                                .temperature(0.2)
                                .maxTokens(5)
                                .build())
                        .pipeline(SamplingPipeline.of())
                        .build())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("temperature would have no effect beside a pipeline of your own: add it to the pipeline, or"
                        + " leave it unset");
    }
}
