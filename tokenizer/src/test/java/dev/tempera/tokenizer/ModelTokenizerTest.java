package dev.tempera.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.InvalidParametersException;
import dev.tempera.TemperaException;
import dev.tempera.Vocabulary;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.samplemodel.SampleModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelTokenizerTest {
    /** Where Qwen2.5's own tokenizer.json lies; the tests on it are skipped without. */
    private static final String QWEN_PROPERTY = "tempera.qwen2.5-tokenizer";

    record Golden(String generated_by, int size, List<Encoded> encoded, List<Decoded> decoded) {}

    record Encoded(String text, int[] ids) {}

    record Decoded(int[] ids, String text) {}

    private static Path folder(String name) {
        if (name.equals("qwen2.5")) {
            String folder = System.getProperty(QWEN_PROPERTY, "");
            if (folder.isEmpty()) {
                String message = "Qwen2.5's tokenizer is not tested: give its folder by -D" + QWEN_PROPERTY + "=FOLDER";
                System.getLogger(ModelTokenizerTest.class.getName()).log(System.Logger.Level.WARNING, message);
                abort(message);
            }
            return Path.of(folder);
        }
        try {
            return Path.of(ModelTokenizerTest.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static Golden golden(String name) throws IOException {
        String resource = name.equals("qwen2.5") ? "qwen2.5-golden.json" : name + "/golden.json";
        try (InputStream in = ModelTokenizerTest.class.getResourceAsStream(resource)) {
            return new ObjectMapper().readValue(in, Golden.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte-level", "byte-fallback", "qwen2.5"})
    void encode_sameIdsAsPython(String name) throws IOException {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder(name))) {
            Golden golden = golden(name);
            assertThat(tokenizer.size()).isEqualTo(golden.size());
            for (Encoded encoded : golden.encoded()) {
                assertThat(tokenizer.encode(encoded.text())).as(encoded.text()).isEqualTo(encoded.ids());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte-level", "qwen2.5"})
    void decode_byteLevel_sameTextAsPython_alsoForBrokenBytes(String name) throws IOException {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder(name))) {
            List<Decoded> cases = golden(name).decoded();
            assertThat(cases).anyMatch(decoded -> decoded.text().contains("\uFFFD"));
            for (Decoded decoded : cases) {
                assertThat(tokenizer.decode(decoded.ids())).isEqualTo(decoded.text());
            }
        }
    }

    @Test
    void decode_byteFallback_sameTextAsPython_whereBytesAreUtf8() throws IOException {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-fallback"))) {
            int compared = 0;
            for (Decoded decoded : golden("byte-fallback").decoded()) {
                if (!decoded.text().contains("\uFFFD")) {
                    assertThat(tokenizer.decode(decoded.ids())).isEqualTo(decoded.text());
                    compared++;
                }
            }
            assertThat(compared).isGreaterThan(10);
        }
    }

    @Test
    void decode_byteFallback_brokenByte_costsThatCharacterOnly() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-fallback"))) {
            // Hugging Face gives four U+FFFD here.
            assertThat(tokenizer.decode(new int[] {0xE4, 0xBD, 0xA0, 0xFF})).isEqualTo("你\uFFFD");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte-level", "byte-fallback", "qwen2.5"})
    void decode_ofEncode_givesTheTextWithoutSpecialTokens(String name) throws IOException {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder(name))) {
            for (Encoded encoded : golden(name).encoded()) {
                // Qwen2.5 normalises to NFC.
                String expected = name.equals("byte-fallback")
                        ? encoded.text()
                        : Normalizer.normalize(encoded.text(), Normalizer.Form.NFC);
                assertThat(tokenizer.decode(tokenizer.encode(encoded.text())))
                        .isEqualTo(expected.replace("<|im_start|>", "").replace("<|im_end|>", ""));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte-level", "byte-fallback", "qwen2.5"})
    void decoder_anyIds_joinsToTheWhole(String name) {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder(name))) {
            for (int seed = 0; seed < 500; seed++) {
                Random random = new Random(seed);
                int[] ids = randomIds(tokenizer, random);
                TokenDecoder decoder = tokenizer.decoder();
                StringBuilder joined = new StringBuilder();
                for (int id : ids) {
                    String text = decoder.append(id);
                    assertThat(text.codePoints())
                            .as("seed %s", seed)
                            .noneMatch(c -> Character.getType(c) == Character.SURROGATE);
                    joined.append(text);
                }
                joined.append(decoder.flush());
                assertThat(joined.toString()).as("seed %s", seed).isEqualTo(tokenizer.decode(ids));
                assertThat(decoder.flush()).isEmpty();
            }
        }
    }

    /** Any tokens, bytes alone, or whole texts with one id replaced. */
    private static int[] randomIds(ModelTokenizer tokenizer, Random random) {
        int[] ids = switch (random.nextInt(3)) {
            case 0 -> random.ints(random.nextInt(40), 0, tokenizer.size()).toArray();
            case 1 -> random.ints(random.nextInt(40), 0, 256).toArray();
            default -> tokenizer.encode("e\u0301 😀👩‍👩‍👧🇨🇳 春眠不觉晓 𠮷 <|im_end|> العربية");
        };
        if (ids.length > 0) {
            ids[random.nextInt(ids.length)] = random.nextInt(tokenizer.size());
        }
        return ids;
    }

    @Test
    void decoder_characterInPieces_comesWhenItIsWhole() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-fallback"))) {
            TokenDecoder decoder = tokenizer.decoder();
            assertThat(decoder.append(0xF0)).isEmpty();
            assertThat(decoder.append(0x9F)).isEmpty();
            assertThat(decoder.append(0x98)).isEmpty();
            assertThat(decoder.append(0x80)).isEqualTo("😀");
            assertThat(decoder.append(0xE6)).isEmpty();
            assertThat(decoder.append('A')).isEqualTo("\uFFFDA");
            assertThat(decoder.append(0xE6)).isEmpty();
            assertThat(decoder.flush()).isEqualTo("\uFFFD");
        }
    }

    @Test
    void encode_loneSurrogate_isReplaced() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-level"))) {
            assertThat(tokenizer.encode("a\uD83Db\uDE00")).isEqualTo(tokenizer.encode("a\uFFFDb\uFFFD"));
        }
    }

    @Test
    void encode_longText_isNotCutOff() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-fallback"))) {
            assertThat(tokenizer.encode("A".repeat(10_000))).hasSize(10_000);
        }
    }

    @Test
    void encode_manyThreads_likeOne() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-level"))) {
            IntStream.range(0, 200).parallel().forEach(i -> {
                String text = "thread text " + i + " 春";
                assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
            });
        }
    }

    @Test
    void special_isTheFlagOfTheAddedToken() {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-level"))) {
            int end = tokenizer.encode("<|im_end|>")[0];
            int toolCall = tokenizer.encode("<tool_call>")[0];
            assertThat(tokenizer.isSpecial(end)).isTrue();
            assertThat(tokenizer.token(end)).isEqualTo("<|im_end|>");
            assertThat(tokenizer.decode(new int[] {end})).isEmpty();
            assertThat(tokenizer.isSpecial(toolCall)).isFalse();
            assertThat(tokenizer.decode(new int[] {toolCall})).isEqualTo("<tool_call>");
            assertThat(tokenizer.isSpecial(-1)).isFalse();
            assertThat(tokenizer.isSpecial(Integer.MAX_VALUE)).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte-level", "byte-fallback"})
    void vocabulary_bytesOfTokens_joinToTheText(String name) {
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder(name))) {
            Vocabulary vocabulary = tokenizer.vocabulary(tokenizer.size() + 5);
            int[] ids = vocabulary.encode("春眠 <|im_end|>😀");
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (int id : ids) {
                bytes.writeBytes(vocabulary.bytes(id));
            }

            assertThat(bytes.toString(StandardCharsets.UTF_8))
                    .isEqualTo("春眠 😀")
                    .isEqualTo(vocabulary.decode(ids));
            assertThatThrownBy(() -> vocabulary.bytes(tokenizer.size()))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessageStartingWith("token id must be one of this tokenizer's ");
        }
    }

    @Test
    void isToken_gapsAndPadding_areNone(@TempDir Path folder) throws IOException {
        write(folder, """
                {"version": "1.0", "added_tokens": [], "decoder": {"type": "ByteFallback"},
                 "model": {"type": "BPE", "vocab": {"a": 0, "b": 3}, "merges": []}}
                """);
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder)) {
            assertThat(tokenizer.size()).isEqualTo(4);
            assertThat(IntStream.range(-1, 6).filter(tokenizer::isToken)).containsExactly(0, 3);
            assertThat(tokenizer.vocabulary(10).isToken(7)).isFalse();
            assertThatThrownBy(() -> tokenizer.decode(new int[] {0, 1}))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessage("token id must be one of this tokenizer's 2 ids between 0 and 3, got 1");
        }
    }

    @Test
    void close_twice_isHarmless_andEncodeSaysSo() {
        ModelTokenizer tokenizer = ModelTokenizer.open(folder("byte-level"));
        int[] ids = tokenizer.encode("春");
        tokenizer.close();
        tokenizer.close();
        assertThat(tokenizer.decode(ids)).isEqualTo("春");
        assertThatThrownBy(() -> tokenizer.encode("春"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this tokenizer is closed");
    }

    @Test
    void open_replaceDecoder_appliesToTokens(@TempDir Path folder) throws IOException {
        write(folder, """
                {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"▁a": 0, "<0xE2>": 1, "<0x82>": 2, "<0xAC>": 3}, "merges": []},
                 "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]}}
                """);
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder)) {
            assertThat(tokenizer.decode(new int[] {0, 1, 2, 3, 0})).isEqualTo(" a€ a");
        }
    }

    @Test
    void open_noFolder_saysSo(@TempDir Path folder) throws IOException {
        Path missing = folder.resolve("no-model");
        assertThatThrownBy(() -> ModelTokenizer.open(missing))
                .isInstanceOf(TemperaException.class)
                .hasMessage("The model folder " + missing
                        + " does not exist. Give the folder that holds the model's tokenizer.json.");
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> ModelTokenizer.open(file))
                .isInstanceOf(TemperaException.class)
                .hasMessageContaining(file + " is a file, not a folder");
    }

    @Test
    void open_noTokenizer_namesTheFile(@TempDir Path folder) {
        assertThatThrownBy(() -> ModelTokenizer.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessage(folder.resolve("tokenizer.json") + " is missing. A model's folder holds config.json,"
                        + " tokenizer.json, tokenizer_config.json and the weights, as on Hugging Face.");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "null",
                "{}",
                "{\"model\": {}}",
                "{\"model\": {\"vocab\": 3}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 2147483647}, \"merges\": []}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": \"x\"}, \"merges\": []}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"x y\"]}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"type\": \"XYZ\", \"vocab\": {\"a\": 0}}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": [{\"id\": -5, \"content\": \"x\"}], \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": [null], \"decoder\": {\"type\": \"ByteLevel\"}}",
                "{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": 3, \"decoder\": {\"type\": \"ByteLevel\"}}",
            })
    void open_damagedFile_saysDamaged(String json, @TempDir Path folder) throws IOException {
        write(folder, json);
        assertThatThrownBy(() -> ModelTokenizer.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessageStartingWith(folder.resolve("tokenizer.json") + " is damaged: ");
    }

    @Test
    void open_truncatedAnywhere_fails(@TempDir Path folder) throws IOException {
        String json =
                Files.readString(folder("byte-level").resolve("tokenizer.json")).strip();
        for (int length = 0; length < json.length(); length += 97) {
            write(folder, json.substring(0, length));
            assertThatThrownBy(() -> ModelTokenizer.open(folder)).isInstanceOf(TemperaException.class);
        }
    }

    @Test
    void open_unsupportedDecoder_listsTheSupported(@TempDir Path folder) throws IOException {
        write(folder, """
                {"model": {"vocab": {"a": 0}}, "decoder": {"type": "WordPiece", "prefix": "##"}}
                """);
        assertThatThrownBy(() -> ModelTokenizer.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessage(folder.resolve("tokenizer.json")
                        + " has the decoder {\"type\":\"WordPiece\",\"prefix\":\"##\"}, which is not supported. Supported:"
                        + " ByteLevel, ByteFallback, Replace with a string, Fuse, and Sequence of these.");
        write(folder, "{\"model\": {\"vocab\": {\"a\": 0}}}");
        assertThatThrownBy(() -> ModelTokenizer.open(folder)).hasMessageContaining(" has no decoder, ");
    }

    @Test
    void open_sampleModel_roundTripsChinese() {
        Path folder = SampleModel.path();
        try (ModelTokenizer tokenizer = ModelTokenizer.open(folder)) {
            List<String> texts = List.of("请写一首关于春天的五言绝句", "春眠不觉晓，处处闻啼鸟。", "Hello 😀 \n𠮷");
            for (String text : texts) {
                assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
            }
            assertThat(JinjaChatTemplate.open(folder).render(List.of(ChatMessage.user("春"))))
                    .endsWith("<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n");
        }
    }

    private static void write(Path folder, String json) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), json);
    }
}
