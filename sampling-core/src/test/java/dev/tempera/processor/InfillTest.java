package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class InfillTest {
    /** The texts of the tokens, - for markup; the stop token's is markup, the last one. */
    private static final String STOP = "-";

    static Stream<Arguments> cases() {
        return Stream.of(
                // 3 * 0.1 * 4 is more than 0.9: the text ends.
                arguments("a b c -", "0.5 0.3 0.1 0.1", "-"),
                // 3 * 0.01 * 4 is not more than 0.99; c is not likely; of two each needs a third of 0.5 + 0.4 + 0.01.
                arguments("a b c -", "0.5 0.4 0.09 0.01", "a b -"),
                arguments("a b c -", "0.69 0.21 0.09 0.01", "a -"),
                // "he" begins "hello": 0.15 and 0.5 become 0.65, and "by" alone is not a third of 0.95.
                arguments("hello by he -", "0.5 0.34 0.15 0.01", "hello by -"),
                arguments("hello by he -", "0.5 0.3 0.19 0.01", "hello -"),
                // The shorter text is the more likely one, and stands for both.
                arguments("hello by he -", "0.19 0.3 0.5 0.01", "he -"),
                // Neither is likely alone.
                arguments("a ab x y z -", "0.15 0.14 0.19 0.18 0.329 0.011", "a z -"),
                // Nothing is likely: the text ends.
                arguments("a b c d e f -", "0.18 0.17 0.16 0.16 0.16 0.16 0.01", "-"),
                // The stop token was cut off before: the most likely one stays.
                arguments("a b c d e f -", "0.18 0.17 0.17 0.16 0.16 0.16 0", "a"),
                arguments("a ab c d e f -", "0.12 0.19 0.18 0.17 0.17 0.17 0", "ab"),
                // Markup begins nothing.
                arguments("- b -", "0.4 0.59 0.01", "- b -"));
    }

    @ParameterizedTest
    @MethodSource
    void cases(String texts, String probabilities, String expected) {
        String[] text = texts.split(" ");
        float[] logits = new float[text.length];
        String[] p = probabilities.split(" ");
        for (int i = 0; i < p.length; i++) {
            logits[i] = (float) Math.log(Double.parseDouble(p[i]));
        }
        assertThat(kept(text, start(text).process(logits))).isEqualTo(expected);
    }

    @Test
    void logitsOfWhatStays_areAsTheyWere() {
        String[] text = "hello by he -".split(" ");
        Logits left = start(text).process(new float[] {3, 2.5f, 1, -3});

        assertThat(left.ofToken(0)).isEqualTo(3);
        assertThat(left.ofToken(1)).isEqualTo(2.5f);
    }

    @Test
    void wholeVocabulary_isNotComparedWithItself() {
        String[] text = new String[50_000];
        for (int i = 0; i < text.length; i++) {
            text[i] = Integer.toString(i);
        }
        text[text.length - 1] = STOP;
        float[] logits = new float[text.length];
        Arrays.fill(logits, -20);
        logits[7] = 5;
        logits[text.length - 1] = -30;

        assertThat(kept(text, start(text).process(logits))).isEqualTo("7");
    }

    @Test
    void withoutTokenizer_isRefused() {
        assertThatThrownBy(() -> SamplingPipeline.of(new Infill()).start(new int[0], Vocabulary.ofRows(4), 1))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("this vocabulary has no tokenizer, so tokens have no text: use an engine that has one");
    }

    private static SequenceSampler start(String[] text) {
        Vocabulary plain = Vocabulary.ofRows(text.length);
        Vocabulary vocabulary = new Vocabulary() {
            @Override
            public int rows() {
                return plain.rows();
            }

            @Override
            public boolean isToken(int tokenId) {
                return plain.isToken(tokenId);
            }

            @Override
            public int[] encode(String given) {
                return plain.encode(given);
            }

            @Override
            public byte[] bytes(int tokenId) {
                String piece = text[tokenId];
                return piece.equals(STOP) ? new byte[0] : piece.getBytes(StandardCharsets.UTF_8);
            }
        };
        return SamplingPipeline.of(new Infill()).start(new int[0], vocabulary, new int[] {text.length - 1}, 1);
    }

    private static String kept(String[] text, Logits logits) {
        List<String> kept = new ArrayList<>();
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY) {
                kept.add(text[logits.tokenId(i)]);
            }
        }
        return String.join(" ", kept);
    }
}
