package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.testkit.ScriptedEngine;
import java.io.ByteArrayInputStream;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
    private static Run doctor(EngineOpener engines, Map<String, String> variables) {
        return Run.in(
                new Environment(new ByteArrayInputStream(new byte[0]), variables, new Run.Screen(false, 0), engines),
                "doctor");
    }

    @Test
    void health_isExitCode0() {
        Run run = doctor(folder -> ScriptedEngine.saying("春"), Map.of());
        assertThat(run.out())
                .contains(System.getProperty("java.version"), "2.7.1", "0.36.0", "scripted loaded in", "all is well");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void modelThatDoesNotWork_isExitCode1AndDoesNotHideTheRest() {
        Run run = doctor(
                folder -> {
                    throw new UnsatisfiedLinkError("no libtorch");
                },
                Map.of());
        assertThat(run.out()).contains("! no libtorch", "GPUs", "something does not work");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void halfOfTheCudaRecipe_isToldWhole() {
        Run run = doctor(folder -> ScriptedEngine.saying("春"), Map.of("PYTORCH_LIBRARY_PATH", "/opt/torch/lib"));
        assertThat(run.out()).contains("also needs PYTORCH_VERSION and PYTORCH_FLAVOR");
        assertThat(run.exitCode()).isEqualTo(1);
    }
}
