package dev.tempera.testkit.vllm;

import dev.tempera.TokenCounts;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import dev.tempera.testkit.ByteTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The logits of a fake server: pure functions of the tokens so far, however these are split in prompt and answer. */
final class FakeModel {
    static final int SIZE = ByteTokenizer.END_OF_TURN + 1;

    /** A logit that is not drawn at any temperature up to 2, unless nothing else is allowed: a model masks nothing. */
    private static final float NEVER = -80;

    private FakeModel() {}

    static Vocabulary vocabulary(ByteTokenizer tokenizer) {
        return tokenizer.vocabulary(SIZE);
    }

    /** Latin letters, spaces and Chinese characters, each followed by any other; some thirty tokens long. */
    static float[] babble(TokenHistory history) {
        float[] logits = new float[SIZE];
        Arrays.fill(logits, NEVER);
        int seed = history.size() * 0x9E3779B9;
        for (int i = Math.max(0, history.size() - 4); i < history.size(); i++) {
            seed = (seed ^ history.get(i)) * 0x85EBCA6B;
            seed ^= seed >>> 15;
        }
        if (bytesOpen(history) > 0) {
            allow(logits, 0x80, 0xBF, seed);
        } else {
            allow(logits, 'a', 'z', seed);
            allow(logits, ' ', ' ', seed);
            allow(logits, 0xE4, 0xE9, seed);
            allow(logits, ByteTokenizer.END_OF_TURN, ByteTokenizer.END_OF_TURN, seed);
        }
        return logits;
    }

    /** Of the character that the text ends in, how many bytes are still to come. */
    private static int bytesOpen(TokenHistory history) {
        for (int back = 1; back <= Math.min(2, history.size()); back++) {
            int tokenId = history.get(history.size() - back);
            if (tokenId >= 0xE0 && tokenId <= 0xEF) {
                return 3 - back;
            }
            if (tokenId < 0x80 || tokenId > 0xBF) {
                return 0;
            }
        }
        return 0;
    }

    private static void allow(float[] logits, int from, int to, int seed) {
        for (int id = from; id <= to; id++) {
            int mixed = (id * 0x9E3779B9 ^ seed) * 0x27D4EB2F;
            mixed = (mixed ^ mixed >>> 15) * 0x85EBCA6B;
            logits[id] = (mixed >>> 8) * 0x1p-24f * 6;
        }
    }

    /**
     * One text and the end of the turn. Where in the text the history is, is read off its end, so that a request which
     * resumes goes on where it was.
     */
    static float[] saying(byte[] text, TokenHistory history) {
        int said = Math.min(text.length, history.size());
        while (said > 0 && !endsWith(history, text, said)) {
            said--;
        }
        float[] logits = new float[SIZE];
        Arrays.fill(logits, NEVER);
        logits[said < text.length ? text[said] & 0xff : ByteTokenizer.END_OF_TURN] = 0;
        return logits;
    }

    private static boolean endsWith(TokenHistory history, byte[] text, int length) {
        for (int i = 0; i < length; i++) {
            if (history.get(history.size() - length + i) != (text[i] & 0xff)) {
                return false;
            }
        }
        return true;
    }

    /** The first {@code size} tokens as a history: for the log-probabilities of a prompt. */
    record Prefix(int[] tokenIds, int size) implements TokenHistory {
        @Override
        public int promptSize() {
            return size;
        }

        @Override
        public int get(int position) {
            return tokenIds[position];
        }

        @Override
        public TokenCounts counts(TokenScope scope, int window) {
            throw new UnsupportedOperationException("a prefix counts nothing");
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
