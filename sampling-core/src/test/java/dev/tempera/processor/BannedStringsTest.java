package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Acceptance;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BannedStringsTest {
    /** Words, letters, and 春 and 明 as their bytes; the last token is markup. */
    private static final List<byte[]> TOKENS = new ArrayList<>();

    static {
        for (String token : List.of("a", "b", "c", "ab", "bc", "cab", " ", "A", "春", "con", "cat", "x")) {
            TOKENS.add(token.getBytes(StandardCharsets.UTF_8));
        }
        for (int b : new int[] {0xE6, 0x98, 0xA5, 0x8E}) {
            TOKENS.add(new byte[] {(byte) b});
        }
        TOKENS.add(new byte[0]);
    }

    private static final int SPACE = 6;
    private static final int CON = 9;
    private static final int CAT = 10;
    private static final int X = 11;
    private static final int E6 = 12;
    private static final int MARKUP = TOKENS.size() - 1;

    private static final Vocabulary VOCABULARY = new Vocabulary() {
        @Override
        public int rows() {
            return TOKENS.size();
        }

        @Override
        public boolean isToken(int tokenId) {
            return tokenId < TOKENS.size();
        }

        @Override
        public int[] encode(String text) {
            throw new UnsupportedOperationException("banned strings encode nothing");
        }

        @Override
        public String decode(int... tokenIds) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (int tokenId : tokenIds) {
                bytes.writeBytes(bytes(tokenId));
            }
            return bytes.toString(StandardCharsets.UTF_8);
        }

        @Override
        public byte[] bytes(int tokenId) {
            return TOKENS.get(tokenId);
        }
    };

    @Test
    void accept_phraseInPieces_isHeldThenTakenBackToItsFirstToken() {
        SequenceSampler sequence = start(BannedStrings.of("b cab"));

        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.EMIT); // a
        assertThat(accept(sequence, 3)).isEqualTo(Acceptance.hold(1)); // ab
        assertThat(accept(sequence, SPACE)).isEqualTo(Acceptance.hold(2));
        assertThat(accept(sequence, 2)).isEqualTo(Acceptance.hold(3)); // c
        assertThat(accept(sequence, 3)).isEqualTo(Acceptance.rewind(4));
        assertThat(text(sequence)).isEqualTo("a");

        assertThat(likeliest(sequence, 3, 0)).as("ab is forbidden here").isZero();
        sequence.accept(1); // b
        assertThat(likeliest(sequence, 3, 0)).as("and nowhere else").isEqualTo(3);
    }

    @Test
    void accept_phraseThatDoesNotCome_isLetGo() {
        SequenceSampler sequence = start(BannedStrings.of("abc c"));

        assertThat(accept(sequence, 3)).isEqualTo(Acceptance.hold(1)); // ab
        assertThat(accept(sequence, 0)).as("the new a may begin one").isEqualTo(Acceptance.hold(1));
        assertThat(accept(sequence, SPACE)).isEqualTo(Acceptance.EMIT);
        assertThat(text(sequence)).isEqualTo("aba ");
    }

    @Test
    void accept_phraseWithinOneToken_isTakenBack() {
        SequenceSampler sequence = start(BannedStrings.of("at"));

        assertThat(accept(sequence, CAT)).isEqualTo(Acceptance.rewind(1));
        assertThat(likeliest(sequence, CAT, 0)).isZero();
    }

    @Test
    void accept_negativeLookahead_waitsUntilItIsDecided() {
        SequenceSampler sequence = start(pattern("cat(?!ab)", 10));

        assertThat(accept(sequence, CAT)).isEqualTo(Acceptance.hold(1));
        assertThat(accept(sequence, 0)).as("a may be the beginning of ab").isEqualTo(Acceptance.hold(2));
        assertThat(accept(sequence, 1)).isEqualTo(Acceptance.EMIT);
        sequence.accept(CAT);
        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.hold(2));
        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.rewind(3));
    }

    @Test
    void accept_negativeLookaheadBehindALongMatch_isDecidedAtMaxLength() {
        SequenceSampler sequence = start(pattern("a+(?!b)", 3));

        sequence.accept(0);
        sequence.accept(0);
        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.hold(3));
        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.rewind(4));
    }

    @Test
    void accept_lookaheadAlone_isTakenBackWhereTheTextBeginsToo() {
        SequenceSampler sequence = start(pattern("(?=abc)", 100));

        sequence.accept(0);
        sequence.accept(1);
        assertThat(accept(sequence, 2)).isEqualTo(Acceptance.rewind(3));
    }

    @Test
    void accept_characterInBytes_isTheCharacter() {
        SequenceSampler sequence = start(BannedStrings.of("春"));

        assertThat(accept(sequence, E6)).isEqualTo(Acceptance.hold(1)); // E6
        assertThat(accept(sequence, E6 + 1)).isEqualTo(Acceptance.hold(2)); // 98
        assertThat(accept(sequence, E6 + 3)).as("明 is another").isEqualTo(Acceptance.EMIT); // 8E
        sequence.accept(E6);
        sequence.accept(E6 + 1);
        assertThat(accept(sequence, E6 + 2)).isEqualTo(Acceptance.rewind(3)); // A5
        assertThat(accept(sequence, 8)).as("春 as one token").isEqualTo(Acceptance.rewind(1));
        assertThat(text(sequence)).isEqualTo("明");
    }

    @Test
    void accept_brokenBytes_areNoneOfTheCharacters() {
        SequenceSampler sequence = start(BannedStrings.of("春a"));

        sequence.accept(E6); // E6
        assertThat(accept(sequence, 0)).as("maybe a character still").isEqualTo(Acceptance.hold(2));
        sequence.accept(1);
        assertThat(sequence.acceptance()).isEqualTo(Acceptance.EMIT);
        assertThat(text(sequence)).isEqualTo("\uFFFDab");
    }

    @Test
    void accept_case_countsOnlyIfAsked() {
        assertThat(accept(start(BannedStrings.of("CAT")), CAT)).isEqualTo(Acceptance.rewind(1));
        BannedStrings exact = new BannedStrings(List.of("CAT"), List.of(), 100, true);
        assertThat(accept(start(exact), CAT)).isEqualTo(Acceptance.EMIT);
        assertThat(accept(start(BannedStrings.of("c.t")), CAT)).as("no pattern").isEqualTo(Acceptance.EMIT);
    }

    @Test
    void accept_prompt_isNotLookedAt() {
        SequenceSampler sequence = start(BannedStrings.of("a cat", "cat cat"), 0, SPACE);

        assertThat(accept(sequence, CAT)).isEqualTo(Acceptance.hold(1));
        assertThat(accept(sequence, 1)).isEqualTo(Acceptance.EMIT);
    }

    @Test
    void accept_markup_isNoText() {
        SequenceSampler sequence = start(BannedStrings.of("ab"));

        sequence.accept(0);
        assertThat(accept(sequence, MARKUP)).isEqualTo(Acceptance.hold(2));
        assertThat(accept(sequence, 1)).isEqualTo(Acceptance.rewind(3));
    }

    @Test
    void accept_pattern_waitsForWhatItLooksAheadAt() {
        SequenceSampler sequence = start(pattern("\\bcat\\b", 3));

        assertThat(accept(sequence, CON)).isEqualTo(Acceptance.EMIT);
        assertThat(accept(sequence, CAT)).as("concat").isEqualTo(Acceptance.EMIT);
        assertThat(accept(sequence, SPACE)).isEqualTo(Acceptance.EMIT);
        assertThat(accept(sequence, CAT)).isEqualTo(Acceptance.hold(1));
        assertThat(accept(sequence, SPACE)).isEqualTo(Acceptance.rewind(2));
        sequence.accept(CAT);
        assertThat(accept(sequence, 0)).as("cata").isEqualTo(Acceptance.EMIT);
    }

    @Test
    void accept_patternLongerThanLookedAt_isLetGo() {
        SequenceSampler sequence = start(pattern("ca+b", 4));

        sequence.accept(2);
        sequence.accept(0);
        assertThat(accept(sequence, 0)).isEqualTo(Acceptance.hold(3));
        assertThat(accept(sequence, 1)).isEqualTo(Acceptance.rewind(4));
        sequence.accept(1);
        sequence.accept(2);
        sequence.accept(0);
        sequence.accept(0);
        sequence.accept(0);
        assertThat(accept(sequence, 0)).as("caaaa").isEqualTo(Acceptance.EMIT);
    }

    @Test
    void accept_patternOfTheBeginning_matchesOnlyThere() {
        BannedStrings begin = pattern("^cat", 10);
        assertThat(accept(start(begin), CAT)).isEqualTo(Acceptance.rewind(1));
        SequenceSampler later = start(begin, CAT);
        later.accept(SPACE);
        for (int i = 0; i < 40; i++) {
            assertThat(accept(later, CAT)).isEqualTo(Acceptance.EMIT);
        }
    }

    @Test
    void process_everyCandidateForbidden_letsThePhrasePass() {
        SequenceSampler sequence = SamplingPipeline.builder()
                .add(new AllowedTokens(List.of(0, 1)))
                .add(BannedStrings.of("a", "b"))
                .sampler(Sampler.GREEDY)
                .build()
                .start(new int[0], VOCABULARY, 1);
        List<Acceptance> answers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            answers.add(sample(sequence, 0));
        }

        Acceptance back = Acceptance.rewind(1);
        assertThat(answers).containsExactly(back, back, Acceptance.EMIT, back, back, Acceptance.EMIT);
        assertThat(text(sequence)).isEqualTo("aa");
    }

    @Test
    void restore_whatWasForbidden_isForbiddenAgain() {
        SequenceSampler sequence = start(BannedStrings.of("ab"));
        SequenceSampler.Snapshot before = sequence.snapshot();
        sequence.accept(0);
        sequence.accept(1);
        SequenceSampler.Snapshot after = sequence.snapshot();

        sequence.restore(before);
        assertThat(likeliest(sequence, 0, 1)).isZero();
        sequence.restore(after);
        assertThat(likeliest(sequence, 0, 1)).isEqualTo(1);
        assertThat(likeliest(sequence.fork(7), 0, 1)).isEqualTo(1);
    }

    @Test
    void restore_heldTokensThatWereTakenBack_comeAgain() {
        SequenceSampler sequence = start(BannedStrings.of("cab"));
        sequence.accept(1);
        sequence.accept(2);
        sequence.accept(0);
        SequenceSampler.Snapshot holding = sequence.snapshot();
        sequence.accept(1);
        assertThat(text(sequence)).isEqualTo("b");
        sequence.accept(SPACE);
        sequence.accept(SPACE);

        sequence.restore(holding);
        assertThat(text(sequence)).isEqualTo("bca");
        assertThat(sequence.accept(1)).isEqualTo(Acceptance.rewind(3));
    }

    @Test
    void accept_beginningWasShown_goesBackAsFarAsItCan() {
        SequenceSampler sequence = start(BannedStrings.of("cabx", "ab a"));

        assertThat(accept(sequence, 2)).as("c").isEqualTo(Acceptance.hold(1));
        assertThat(accept(sequence, 0)).as("ca").isEqualTo(Acceptance.hold(2));
        assertThat(accept(sequence, 1)).as("cab").isEqualTo(Acceptance.hold(3));
        assertThat(accept(sequence, SPACE)).as("c is shown").isEqualTo(Acceptance.hold(3));
        assertThat(accept(sequence, 0)).as("cab a").isEqualTo(Acceptance.rewind(4));
        sequence.accept(3);
        assertThat(text(sequence)).as("another way").isEqualTo("cab");
        assertThat(accept(sequence, X)).isEqualTo(Acceptance.rewind(2));
        assertThat(text(sequence)).isEqualTo("c");
    }

    @Test
    void sample_anyPhrases_isTheSearchThatGoesBackByHand() {
        int rewinds = 0;
        for (int seed = 0; seed < 1000; seed++) {
            List<String> phrases = phrases(new Random(seed));
            SequenceSampler sequence = start(BannedStrings.of(phrases.toArray(new String[0])));
            while (sequence.history().size() < 25) {
                sequence.sample(logits(seed, text(sequence)));
                rewinds += sequence.acceptance().rewind() > 0 ? 1 : 0;
            }
            String text = text(sequence);
            assertThat(text).as("seed %d: %s", seed, phrases).isEqualTo(byHand(seed, phrases));
            assertThat(phrases).as("seed %d: %s", seed, text).noneMatch(text.toLowerCase(Locale.ROOT)::contains);
        }
        assertThat(rewinds).isGreaterThan(1000);
    }

    private static List<String> phrases(Random random) {
        List<String> phrases = new ArrayList<>();
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            StringBuilder phrase = new StringBuilder();
            for (int length = 2 + random.nextInt(4); length > 0; length--) {
                phrase.append("abc 春".charAt(random.nextInt(5)));
            }
            phrases.add(phrase.toString());
        }
        return phrases;
    }

    /** The whole text is searched after every token. */
    private static String byHand(int seed, List<String> phrases) {
        List<Integer> tokens = new ArrayList<>();
        List<Set<Integer>> forbidden = new ArrayList<>();
        int shown = 0;
        while (tokens.size() < 25) {
            int position = tokens.size();
            if (forbidden.size() == position) {
                forbidden.add(new HashSet<>());
            }
            float[] logits = logits(seed, text(tokens));
            int best = -1;
            for (int id = 0; id < logits.length; id++) {
                if (!forbidden.get(position).contains(id) && (best < 0 || logits[id] > logits[best])) {
                    best = id;
                }
            }
            tokens.add(best);
            String text = text(tokens).toLowerCase(Locale.ROOT);
            int found = phrases.stream()
                    .mapToInt(text::indexOf)
                    .filter(i -> i >= 0)
                    .min()
                    .orElse(-1);
            if (found >= 0) {
                int back = Math.max(shown, tokenOf(found, tokens));
                forbidden.get(back).add(tokens.get(back));
                tokens.subList(back, tokens.size()).clear();
                forbidden.subList(back + 1, forbidden.size()).clear();
            } else {
                int open = 0;
                while (!mayBegin(text.substring(open), phrases)) {
                    open++;
                }
                shown = Math.max(shown, open == text.length() ? tokens.size() : tokenOf(open, tokens));
            }
        }
        return text(tokens);
    }

    private static boolean mayBegin(String end, List<String> phrases) {
        return phrases.stream().anyMatch(phrase -> phrase.startsWith(end));
    }

    private static int tokenOf(int character, List<Integer> tokens) {
        int token = 0;
        while (text(tokens.subList(0, token + 1)).length() <= character) {
            token++;
        }
        return token;
    }

    /** Depend on the text so far. Single bytes are no choice, so that all text is readable. */
    private static float[] logits(int seed, String text) {
        Random random = new Random(31L * seed + text.hashCode());
        float[] logits = new float[TOKENS.size()];
        for (int id = 0; id < logits.length; id++) {
            logits[id] =
                    TOKENS.get(id).length == 1 && TOKENS.get(id)[0] < 0 ? -100 - id : (float) random.nextGaussian();
        }
        return logits;
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(
                        (Supplier<LogitsProcessor>) BannedStrings::of,
                        "banned_strings must name at least one string, got none"),
                Arguments.of(
                        (Supplier<LogitsProcessor>) () -> BannedStrings.of("x", ""),
                        "banned_strings must hold no empty string, got [\"x\", \"\"]"),
                Arguments.of(
                        (Supplier<LogitsProcessor>) () -> pattern("(", 9),
                        "banned_strings patterns must be regular expressions, got \"(\": Unclosed group"),
                Arguments.of(
                        (Supplier<LogitsProcessor>) () -> pattern("a*", 9),
                        "banned_strings patterns must match no empty text, got \"a*\""),
                Arguments.of(
                        (Supplier<LogitsProcessor>) () -> pattern("a", 0), "max_length must be at least 1, got 0"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refused(Supplier<LogitsProcessor> processor, String message) {
        assertThatThrownBy(processor::get)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void start_withoutTokenizer_saysSo() {
        assertThatThrownBy(() -> SamplingPipeline.of(BannedStrings.of("x")).start(new int[0], Vocabulary.ofRows(4), 1))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("this vocabulary has no tokenizer, so tokens have no text: use an engine that has one");
    }

    private static BannedStrings pattern(String pattern, int maxLength) {
        return new BannedStrings(List.of(), List.of(pattern), maxLength, false);
    }

    private static SequenceSampler start(LogitsProcessor processor, int... prompt) {
        return SamplingPipeline.builder()
                .add(processor)
                .sampler(Sampler.GREEDY)
                .build()
                .start(prompt, VOCABULARY, 1);
    }

    private static Acceptance accept(SequenceSampler sequence, int tokenId) {
        return sequence.accept(tokenId);
    }

    private static Acceptance sample(SequenceSampler sequence, int likeliest) {
        float[] logits = new float[TOKENS.size()];
        logits[likeliest] = 1;
        sequence.sample(logits);
        return sequence.acceptance();
    }

    /** Which of two tokens is the likelier next one, the first being so unless it is forbidden. */
    private static int likeliest(SequenceSampler sequence, int first, int second) {
        float[] logits = new float[TOKENS.size()];
        logits[first] = 9;
        logits[second] = 8;
        return sequence.process(logits).argmax();
    }

    private static String text(SequenceSampler sequence) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = sequence.history().promptSize(); i < sequence.history().size(); i++) {
            tokens.add(sequence.history().get(i));
        }
        return text(tokens);
    }

    private static String text(List<Integer> tokens) {
        return VOCABULARY.decode(tokens.stream().mapToInt(Integer::intValue).toArray());
    }
}
