package dev.tempera.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.tempera.InvalidParametersException;
import dev.tempera.TemperaException;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a model's folder: {@code tokenizer.json}, as on Hugging Face.
 *
 * <p>Text becomes ids in Hugging Face's own library (through DJL), with nothing added and nothing cut off. Ids become
 * text here, byte by byte, so that a stream of ids gives the same text as all of them at once. For byte-level
 * tokenizers (Qwen2.5) that is Hugging Face's text exactly, also where the bytes are no UTF-8. For byte-fallback ones it
 * is the same as long as they are; else Hugging Face gives up every character of the run of byte tokens, and this class
 * only the broken one.
 *
 * <p>Thread-safe. {@link #close} frees native memory; only {@link #encode} needs it. Loading Qwen2.5's 151,665 tokens
 * takes about a second.
 */
public final class ModelTokenizer implements Tokenizer, AutoCloseable {
    /** Without these DJL cuts off after 512 tokens. */
    private static final Map<String, String> WHOLE_TEXT_AND_NOTHING_ELSE =
            Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

    /** Half a character has no UTF-8; native code would read it as bytes that the text does not hold. */
    private static final Pattern LONE_SURROGATE = Pattern.compile("\\p{Cs}");

    private final HuggingFaceTokenizer huggingFace;
    /** Readers use the native tokenizer, the writer frees it: freed while in use, it would take the JVM with it. */
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private final @Nullable String[] tokens;
    private final BitSet special;
    private final TokenBytes bytes;

    private ModelTokenizer(
            HuggingFaceTokenizer huggingFace, @Nullable String[] tokens, BitSet special, TokenBytes bytes) {
        this.huggingFace = huggingFace;
        this.tokens = tokens;
        this.special = special;
        this.bytes = bytes;
    }

    /**
     * @param folder a model's folder, which holds {@code tokenizer.json}
     * @throws TemperaException if the file is missing, damaged or of a kind that is not supported
     */
    public static ModelTokenizer open(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        byte[] json = ModelFile.read(file);
        TokenizerFile contents = ModelFile.parse(json, file, TokenizerFile.class);
        @Nullable String[] tokens = contents.tokens(file);
        BitSet special = new BitSet(tokens.length);
        for (TokenizerFile.AddedToken added : contents.addedTokens()) {
            special.set(added.id(), added.special());
        }
        TokenBytes bytes = new TokenBytes(contents.decoder(), file);
        try {
            HuggingFaceTokenizer huggingFace =
                    HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), WHOLE_TEXT_AND_NOTHING_ELSE);
            return new ModelTokenizer(huggingFace, tokens, special, bytes);
        } catch (IOException | RuntimeException e) {
            throw ModelFile.damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    /** @throws IllegalStateException if this tokenizer is closed */
    @Override
    public int[] encode(String text) {
        lock.readLock().lock();
        try {
            if (huggingFace.isReleased()) {
                throw new IllegalStateException("this tokenizer is closed");
            }
            long[] ids = huggingFace
                    .encode(LONE_SURROGATE.matcher(text).replaceAll("\uFFFD"))
                    .getIds();
            int[] tokenIds = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                tokenIds[i] = (int) ids[i];
            }
            return tokenIds;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** @throws InvalidParametersException if an id is no token */
    @Override
    public String decode(int[] tokenIds) {
        Decoder decoder = new Decoder();
        StringBuilder text = new StringBuilder();
        for (int tokenId : tokenIds) {
            decoder.append(tokenId, text);
        }
        decoder.utf8.flush(text);
        return text.toString();
    }

    /** @throws InvalidParametersException if the id is no token */
    @Override
    public byte[] bytes(int tokenId) {
        String token = token(tokenId);
        return special.get(tokenId) ? new byte[0] : bytes.of(token);
    }

    /** Its {@link TokenDecoder#append} throws {@link InvalidParametersException} if an id is no token. */
    @Override
    public TokenDecoder decoder() {
        return new Decoder();
    }

    @Override
    public int size() {
        return tokens.length;
    }

    @Override
    public boolean isToken(int tokenId) {
        return tokenId >= 0 && tokenId < tokens.length && tokens[tokenId] != null;
    }

    @Override
    public boolean isSpecial(int tokenId) {
        return tokenId >= 0 && special.get(tokenId);
    }

    /**
     * The token as {@code tokenizer.json} writes it, for instance {@code Ġhello} or {@code <0xE4>}.
     *
     * @throws InvalidParametersException if the id is no token
     */
    @Override
    public String token(int tokenId) {
        String token = tokenId >= 0 && tokenId < tokens.length ? tokens[tokenId] : null;
        if (token == null) {
            throw new InvalidParametersException("token id must be one of this tokenizer's " + count()
                    + " ids between 0 and " + (tokens.length - 1) + ", got " + tokenId);
        }
        return token;
    }

    private long count() {
        return Arrays.stream(tokens).filter(token -> token != null).count();
    }

    /** Frees native memory. Decoding goes on to work; a second call does nothing. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            huggingFace.close();
        } finally {
            lock.writeLock().unlock();
        }
    }

    private final class Decoder implements TokenDecoder {
        private final Utf8Decoder utf8 = new Utf8Decoder();

        @Override
        public String append(int tokenId) {
            StringBuilder text = new StringBuilder();
            append(tokenId, text);
            return text.toString();
        }

        @Override
        public String flush() {
            StringBuilder text = new StringBuilder();
            utf8.flush(text);
            return text.toString();
        }

        private void append(int tokenId, StringBuilder text) {
            for (byte b : bytes(tokenId)) {
                utf8.append(b & 0xFF, text);
            }
        }
    }
}
