package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.djl.Dtype;
import dev.tempera.testkit.ScriptedEngine;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelOptionsTest {
    private static ModelChoice chosen(String... options) {
        List<String> typed = new ArrayList<>(List.of("generate", "x"));
        typed.addAll(List.of(options));
        List<ModelChoice> opened = new ArrayList<>();
        Environment environment =
                new Environment(new ByteArrayInputStream(new byte[0]), Map.of(), new Run.Screen(false, 0), model -> {
                    opened.add(model);
                    return ScriptedEngine.saying("x");
                });
        assertThat(Run.in(environment, typed.toArray(String[]::new)).err()).isEmpty();
        return opened.get(0);
    }

    @Test
    void nothing_isTheSampleModelAndTheEnginesOwnChoice() {
        assertThat(chosen()).isEqualTo(new DjlChoice(null, null, null, null, null));
    }

    @Test
    void engineAndModel_nameTheSameFolder() {
        assertThat(chosen("--engine", "djl:some/folder")).isEqualTo(chosen("--model", "some/folder"));
    }

    @Test
    void everyOption_reachesTheEngine() {
        assertThat(chosen("--model=m", "--device=gpu1", "--dtype=float32", "--context-length=4096", "--threads=2"))
                .isEqualTo(new DjlChoice(Path.of("m"), "gpu1", Dtype.FLOAT32, 4096, 2));
    }
}
