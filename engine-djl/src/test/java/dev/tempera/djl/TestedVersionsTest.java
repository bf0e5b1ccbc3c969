package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TestedVersionsTest {
    @Test
    void check_theTestsOwnClassPath_isTheTestedOne() {
        assertThatCode(TestedVersions::check).doesNotThrowAnyException();
    }

    @Test
    void check_otherVersion_saysWhichToUse() {
        assertThatThrownBy(() -> TestedVersions.check("0.99.0", "0.36.0", "DJL (ai.djl:api)"))
                .isInstanceOf(EngineSetupException.class)
                .hasMessage(
                        "DJL (ai.djl:api) on the class path is 0.99.0, but this engine was tested with 0.36.0;"
                                + " another one may crash the JVM. Use 0.36.0, or try it with -Ddev.tempera.djl.untested=true.");
    }
}
