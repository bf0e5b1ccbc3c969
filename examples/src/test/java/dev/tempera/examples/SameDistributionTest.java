package dev.tempera.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.djl.DjlEngine;
import dev.tempera.djl.Dtype;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.testkit.ScriptedEngine;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.tokenizer.ModelTokenizer;
import dev.tempera.vllm.VllmEngine;
import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** That the comparison finds the same distribution the same, and another one different. */
class SameDistributionTest {
    /** Of 2,000 draws of 8 tokens 0.024 is expected; 0.08 comes once in 250,000 times at most (McDiarmid). */
    private static final double SAME = 0.08;

    private static final ScriptedEngine.Script SCRIPT = history -> {
        float[] logits = new float[258];
        for (int id = 0; id < logits.length; id++) {
            logits[id] = (id * 7919 % 258) / 40f;
        }
        return logits;
    };

    @Test
    void sameModel_isTold() {
        assertThat(distance(SCRIPT)).isLessThan(SAME);
    }

    @Test
    void otherModel_isTold() {
        assertThat(distance(history -> {
                    float[] logits = SCRIPT.logits(history);
                    logits[40] = 12;
                    return logits;
                }))
                .isGreaterThan(0.5);
    }

    private static double distance(ScriptedEngine.Script served) {
        try (FakeVllm fake = FakeVllm.builder().script(served).start();
                VllmEngine server = VllmEngine.builder(fake.uri())
                        .tokenizer(fake.tokenizer())
                        .open();
                ScriptedEngine local = new ScriptedEngine(SCRIPT, 512)) {
            return SameDistribution.compare(local, server);
        }
    }

    @Test
    @EnabledIfSystemProperty(
            named = "tempera.vllm",
            matches = "http.*",
            disabledReason = "needs a vLLM server of the sample model: -Dtempera.vllm=http://HOST:PORT")
    void realServer_drawsAsThisJvm() {
        try (GenerationEngine local = DjlEngine.builder(SampleModel.path())
                        .dtype(Dtype.FLOAT32)
                        .open();
                ModelTokenizer tokenizer = ModelTokenizer.open(SampleModel.path());
                VllmEngine server = VllmEngine.builder(URI.create(System.getProperty("tempera.vllm")))
                        .tokenizer(tokenizer)
                        .open()) {
            assertThat(SameDistribution.compare(local, server)).isLessThan(SAME);
        }
    }
}
