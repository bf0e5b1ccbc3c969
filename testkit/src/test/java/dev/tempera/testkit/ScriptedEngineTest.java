package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Acceptance;
import dev.tempera.InvalidLogitsException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** {@link ScriptedEngine} keeps the contract of engines, and what it alone promises. */
class ScriptedEngineTest extends GenerationEngineContract {
    @Override
    protected GenerationEngine open() {
        return ScriptedEngine.babbling();
    }

    @Override
    protected Prompt prompt() {
        return new Prompt.Text("say 说");
    }

    @Override
    protected int contextLength() {
        return 512;
    }

    @Test
    void saying_aText_saysItAndStops() {
        GenerationResult result = ScriptedEngine.saying("春风 and 🌸!")
                .generate(GenerationRequest.of(
                        Prompt.chat("hello"),
                        SamplingParameters.builder().temperature(2).build()));

        assertThat(result.text()).isEqualTo("春风 and 🌸!");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.tokenIds()).endsWith((int) '!', ByteTokenizer.END_OF_TURN);
        assertThat(result.usage().promptTokens()).isEqualTo("|user\nhello|\n|assistant\n".length());
    }

    @Test
    void saying_stopStringCutInsideCharacters_isFound() {
        GenerationResult result = ScriptedEngine.saying("春风又绿江南岸")
                .generate(GenerationRequest.of(
                        Prompt.chat("hello"),
                        SamplingParameters.builder().stop(List.of("绿江")).build()));

        assertThat(result.text()).isEqualTo("春风又");
    }

    @Test
    void logits_thatAreNoNumbers_failWithTheStep() {
        try (ScriptedEngine engine = new ScriptedEngine(
                history -> {
                    float[] logits = new float[258];
                    Arrays.fill(logits, history.generatedSize() < 2 ? 0 : Float.NaN);
                    return logits;
                },
                100)) {
            assertThatThrownBy(() -> engine.generate(GenerationRequest.of(
                            Prompt.chat("hello"),
                            SamplingParameters.builder().ignoreEos(true).build())))
                    .isInstanceOf(GenerationException.class)
                    .hasRootCauseInstanceOf(InvalidLogitsException.class)
                    .hasMessageStartingWith("scripted: step 2: none of the 258 logits is a number");
        }
    }

    @Test
    void processor_thatTakesBack_changesTheText() {
        // "bad" is not to be written: from its last letter back to its first, which is then forbidden once.
        GenerationResult result = ScriptedEngine.saying("a bad day")
                .generate(GenerationRequest.builder()
                        .prompt(Prompt.chat("hello"))
                        .parameters(SamplingParameters.builder()
                                .seed(1)
                                .maxTokens(12)
                                .build())
                        .pipeline(SamplingPipeline.of(new TakesBackBad()))
                        .build());

        assertThat(result.text()).startsWith("a ").doesNotContain("bad").hasSizeGreaterThanOrEqualTo(5);
        assertThat(result.tokenIds()).hasSizeLessThanOrEqualTo(12);
    }

    @Test
    void tokenizer_roundTrips() {
        ByteTokenizer tokenizer = new ByteTokenizer();
        String text = "<|im_start|>user\n春🌸\u00e9<|im_end|>";

        assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo("user\n春🌸\u00e9");
        assertThat(tokenizer.encode(text)).startsWith(256).endsWith(257);
        assertThat(tokenizer.decode(new int[] {0xE6, 0x98, 'a', 0xE6})).isEqualTo("\uFFFDa\uFFFD");
        assertThat(tokenizer.encode(ChatMessage.user("x").toString())).hasSize("user: x".length());
    }

    /** Forbids the first letter once, where it was taken back. */
    private static final class TakesBackBad implements LogitsProcessor {
        private int forbidden = -1;

        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            return new TakesBackBad();
        }

        @Override
        public void process(Logits logits, SamplingContext context) {
            if (forbidden == context.history().generatedSize()) {
                logits.mask('b');
            }
        }

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            int size = context.history().size();
            if (tokenId == 'd'
                    && context.history().get(size - 2) == 'a'
                    && context.history().get(size - 3) == 'b') {
                return Acceptance.rewind(3);
            }
            return tokenId == 'b' || tokenId == 'a' && context.history().get(size - 2) == 'b'
                    ? Acceptance.HOLD
                    : Acceptance.EMIT;
        }

        @Override
        public boolean mayRewind() {
            return true;
        }

        @Override
        public void rewound(int[] takenBack, SamplingContext context) {
            forbidden = context.history().generatedSize();
        }

        @Override
        public Object snapshot() {
            return forbidden;
        }

        @Override
        public void restore(@Nullable Object snapshot) {
            forbidden = (Integer) Objects.requireNonNull(snapshot);
        }
    }
}
