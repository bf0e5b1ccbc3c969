package dev.tempera.app.process;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class ProcessCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Where the peer's float32 numbers go astray and its answer is not the rule's; docs/process.md says how. */
    private static final Set<String> PEER_ROUNDS = Set.of("lcpp-temp_ext-010", "lcpp-typical-008");

    @ParameterizedTest
    @CsvSource({"vllm, vllm, 140", "transformers, transformers, 177", "llama-cpp, llama_cpp, 189"})
    void golden_everyCase_passes(String dialect, String file, int size) throws IOException {
        String input = golden(file);
        List<JsonNode> answers = answers(dialect, input);
        List<JsonNode> cases = lines(input);
        TreeMap<String, String> mistakes = new TreeMap<>();
        assertThat(answers).hasSameSizeAs(cases).hasSize(size);
        for (int i = 0; i < cases.size(); i++) {
            JsonNode answer = answers.get(i);
            assertThat(answer.path("id")).isEqualTo(cases.get(i).path("id"));
            String mistake = Golden.mistake(cases.get(i), answer);
            if (mistake != null) {
                mistakes.put(answer.path("id").asText(), mistake);
            }
        }
        assertThat(mistakes.keySet()).isEqualTo(dialect.equals("llama-cpp") ? PEER_ROUNDS : Set.of());
    }

    /** Computed by transformers 5.19.0 on torch 2.13.0: both schemes, widths of 1 to 4, keys beyond 32 bits and below 0. */
    @Test
    void watermark_isThatOfTransformers() throws IOException {
        String input = resource("/watermark-transformers.jsonl");
        List<JsonNode> cases = lines(input);

        List<JsonNode> answers = answers("transformers", input);

        for (int i = 0; i < cases.size(); i++) {
            assertThat(Golden.mistake(cases.get(i), answers.get(i)))
                    .as("case %d", i)
                    .isNull();
        }
        assertThat(answers).hasSize(24);
    }

    @Test
    void golden_aWrongAnswer_isNoticed() throws IOException {
        JsonNode expected = JSON.readTree("{\"out\":[1.0,\"-inf\",2.5],\"probs\":[[0,0.2],[2,0.8]]}");

        assertThat(Golden.mistake(expected, expected)).isNull();
        assertThat(Golden.mistake(expected, JSON.readTree("{\"out\":[1.0,0.5,2.5]}")))
                .contains("tokens [1]");
        assertThat(Golden.mistake(expected, JSON.readTree("{\"out\":[1.0,\"-inf\",2.51]}")))
                .contains("token 2: 2.51");
        assertThat(Golden.mistake(expected, JSON.readTree("{\"out\":[1.0,\"-inf\",2.5],\"probs\":[[0,0.2]]}")))
                .contains("probability of token 2");
        assertThat(Golden.mistake(expected, JSON.readTree("{\"error\":\"no\"}")))
                .isEqualTo("no");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "vllm | {`processor`:`top_q`,`params`:{}} | vllm has no processor \"top_q\"; known:"
                        + " allowed_token_ids, bad_words, chain, frequency_penalty, logit_bias, min_p, min_tokens,"
                        + " penalties, presence_penalty, repetition_penalty, temperature, top_k, top_k_top_p, top_p",
                "vllm | {`processor`:`top_k`,`params`:{`k`:3}} | processor \"top_k\" of vllm has no parameter k; it"
                        + " has top_k",
                "vllm | {`processor`:`top_p`,`params`:{`top_p`:1.2}} | top_p must be in (0, 1] in the vLLM dialect,"
                        + " got 1.2",
                "vllm | {`processor`:`top_p`,`params`:{`top_p`:`high`}} | top_p must be a number, got \"high\"",
                "vllm | {`processor`:`chain`,`params`:{`temperature`:3,`top_p`:0}} | temperature must be in [0, 2] in"
                        + " the vLLM dialect, got 3.0; top_p must be in (0, 1] in the vLLM dialect, got 0.0",
                "vllm | {`peer`:`llama.cpp`,`processor`:`top_k`,`params`:{`k`:3}} | the case is for llama.cpp, but"
                        + " --dialect is vllm",
                "transformers | {`processor`:`TypicalLogitsWarper`,`params`:{`mass`:1.0}} | mass must be greater than 0"
                        + " and less than 1, got 1.0",
                "transformers | {`processor`:`SynthIDTextWatermarkLogitsProcessor`,`params`:{}} | processor"
                        + " \"SynthIDTextWatermarkLogitsProcessor\" is not available here",
                "transformers | {`processor`:`WatermarkLogitsProcessor`,`params`:{`seeding_scheme`:`selfhash`}} | logits"
                        + " must be at least 40 for selfhash, which looks at so many, got 2",
                "transformers | {`processor`:`WatermarkLogitsProcessor`,`params`:{`seeding_scheme`:`hash`}} |"
                        + " seeding_scheme must be selfhash or lefthash, got hash",
                "transformers | {`processor`:`chain`,`params`:{`watermarking_config`:{},`diversity_penalty`:1}} |"
                        + " processor \"diversity_penalty\", \"watermarking_config\" is not available here",
                "transformers | {`processor`:`chain`,`params`:{`top_h`:1.4}} | top_h must be in (0, 1] in the"
                        + " transformers dialect, got 1.4",
                "transformers | {`processor`:`ExponentialDecayLengthPenalty`,`params`:{}} |"
                        + " exponential_decay_length_penalty must be given",
                "transformers | {`processor`:`EncoderRepetitionPenaltyLogitsProcessor`,`params`:{`penalty`:2}} |"
                        + " encoder_input_ids must be given",
                "transformers | {`processor`:`TopKLogitsWarper`,`params`:{`top_k`:1,`filter_value`:`low`}} |"
                        + " filter_value must be a number or \"-inf\", got low",
                "transformers | {`processor`:`TemperatureLogitsWarper`,`params`:{`temperature`:0.0}} | temperature"
                        + " must be a finite number greater than 0, got 0.0",
                "transformers | {`processor`:`TopKLogitsWarper`,`params`:{}} | top_k must be given",
                "transformers | {`processor`:`TopKLogitsWarper`,`params`:{`top_k`:0}} | top_k must be at least 1, got"
                        + " 0",
                "transformers | {`processor`:`SequenceBiasLogitsProcessor`,`params`:{`sequence_bias`:[[1,2]]}} |"
                        + " sequence_bias must be a list of pairs of token ids and a number, got [1, 2]",
                "transformers | {`processor`:`NoBadWordsLogitsProcessor`,`params`:{`bad_words_ids`:5}} | bad_words_ids"
                        + " must be a list, got 5",
                "transformers | {`processor`:`chain`,`params`:{`sequence_bias`:{`3`:1}}} | sequence_bias must be a list,"
                        + " got {3=1}",
                "llama-cpp | {`processor`:`temp`,`params`:{`temp`:1e300}} | temp must be a finite number greater than 0,"
                        + " got 1.0E300",
                "llama-cpp | {`processor`:`chain`,`params`:{`penalties`:{`penalty_last_n`:4,`penalty_repeat`:0}}} |"
                        + " penalty_repeat must be greater than 0 in the llama.cpp dialect, got 0.0",
                "llama-cpp | {`processor`:`xtc`,`params`:{`probability`:1}} | threshold must be given",
                "llama-cpp | {`processor`:`infill`,`params`:{`pieces`:[`a`]}} | pieces must be as many as logits (2), got 1",
                "llama-cpp | {`processor`:`chain`,`params`:{`infill`:{}}} | infill is not in llama.cpp's own order: give"
                        + " it as a processor by itself",
                "llama-cpp | {`processor`:`chain`,`params`:{`top_p`:{`p`:0.5,`min_keep`:2},`min_p`:{`p`:0.1}}} | min_p:"
                        + " min_keep must be the same for every sampler of a chain, got 2 and 1",
                "llama-cpp | {`processor`:`chain_mirostat`,`params`:{`mirostat`:{`tau`:5,`eta`:0.1,`m`:50}}} | mirostat:"
                        + " m must be 100 in a chain, got 50",
                "llama-cpp | {`processor`:`dry`,`params`:{`multiplier`:1,`seq_breakers`:7}} | seq_breakers must be a"
                        + " list, got 7",
                "llama-cpp | {`processor`:`chain`,`params`:{`top_k`:{`p`:1}}} | top_k: k must be given",
                "llama-cpp | {`processor`:`chain`,`params`:{`top_k`:{`k`:1,`p`:1}}} | top_k has no parameter p; it"
                        + " has k",
                "llama-cpp | {`processor`:`chain`,`params`:{`top_k`:1}} | top_k must be an object, got 1",
                "llama-cpp | {`processor`:`chain`,`params`:{`tfs`:{`z`:1}}} | processor \"chain\" of llama.cpp has no"
                        + " parameter tfs; it has adaptive_p, dry, logit_bias, min_p, mirostat, mirostat_v2, penalties, temp,"
                        + " temp_ext, top_k, top_n_sigma, top_p, typical, xtc",
                "llama-cpp | {`processor`:`chain`,`params`:{`dry`:{`z`:1}}} | dry: multiplier must be given",
                "llama-cpp | {`processor`:`tfs`,`params`:{`z`:1}} | llama.cpp has no processor \"tfs\"; known:"
                        + " adaptive_p, chain, chain_mirostat, chain_mirostat_v2, dry, infill, logit_bias, min_p, mirostat,"
                        + " mirostat_v2, penalties, temp, temp_ext, top_k, top_n_sigma, top_p, typical, xtc",
                "transformers | {`processor`:`TopQLogitsWarper`,`params`:{}} | transformers has no processor"
                        + " \"TopQLogitsWarper\"; known: EncoderNoRepeatNGramLogitsProcessor,"
                        + " EncoderRepetitionPenaltyLogitsProcessor, EpsilonLogitsWarper, EtaLogitsWarper,"
                        + " ExponentialDecayLengthPenalty, ForcedBOSTokenLogitsProcessor,"
                        + " ForcedEOSTokenLogitsProcessor, InfNanRemoveLogitsProcessor, LogitNormalization,"
                        + " MinLengthLogitsProcessor, MinNewTokensLengthLogitsProcessor, MinPLogitsWarper,"
                        + " NoBadWordsLogitsProcessor, NoRepeatNGramLogitsProcessor,"
                        + " RepetitionPenaltyLogitsProcessor, SequenceBiasLogitsProcessor,"
                        + " SuppressTokensAtBeginLogitsProcessor, SuppressTokensLogitsProcessor,"
                        + " TemperatureLogitsWarper, TopHLogitsWarper, TopKLogitsWarper, TopPLogitsWarper,"
                        + " TypicalLogitsWarper, WatermarkLogitsProcessor, chain",
                "llama-cpp | {`processor`:`logit_bias`,`params`:{`bias`:[[1]]}} | bias must be a list of pairs of"
                        + " token id and number, got [1]",
                "llama-cpp | {`processor`:`logit_bias`,`params`:{`bias`:[[7,1.0]]}} | logit_bias must name token ids"
                        + " below 2, got 7",
                "vllm | {`params`:{}} | processor must be a string, got none",
                "vllm | {`processor`:`top_k`} | params must be an object, got none",
            })
    void error_saysWhatIsWrong(String dialect, String fields, String message) throws IOException {
        ObjectNode peerCase = (ObjectNode) JSON.readTree(fields.replace('`', '"'));
        peerCase.put("id", "x").putArray("logits").add(1.5).add(0);

        JsonNode answer = answers(dialect, peerCase.toString()).get(0);

        assertThat(answer.path("error").asText()).isEqualTo("line 1: " + message);
        assertThat(answer.path("id").asText()).isEqualTo("x");
        assertThat(answer).hasSize(2);
    }

    @Test
    void error_inTheTokens_saysWhichField() throws IOException {
        String top = "{\"id\":1,\"processor\":\"top_k\",\"params\":{\"top_k\":1},";

        assertThat(errors(
                        "vllm",
                        top + "\"logits\":[]}",
                        top + "\"logits\":\"x\"}",
                        top + "\"logits\":[1,\"-infinity\"]}",
                        top + "\"logits\":[1],\"prompt\":[-1]}",
                        top + "\"logits\":[1],\"generated\":[1.5]}",
                        top + "\"logits\":[1],\"generated\":7}",
                        top + "\"prompt\":[]}"))
                .containsExactly(
                        "line 1: logits must be a list of at least one number, got none",
                        "line 2: logits must be a list of at least one number, got \"x\"",
                        "line 3: logits[1] must be a number, \"-inf\", \"inf\" or \"nan\", got \"-infinity\"",
                        "line 4: prompt must hold token ids of at least 0, got -1",
                        "line 5: generated must hold token ids of at least 0, got 1.5",
                        "line 6: generated must be a list of token ids, got 7",
                        "line 7: logits must be a list of at least one number, got none");
    }

    @Test
    void malformedLines_areNamedByTheirNumber_andTheNextIsRead() throws IOException {
        String good = "{\"id\":\"ok\",\"processor\":\"top_k\",\"params\":{\"top_k\":1},\"logits\":[1,2]}";
        List<JsonNode> answers = answers("vllm", good + "\n{\"id\":\n\n[1]\n" + good + " x\n" + good);

        assertThat(answers).hasSize(5);
        assertThat(answers.get(1).path("error").asText())
                .isEqualTo("line 2 is not JSON: Unexpected end-of-input within/between Object entries (column 7)");
        assertThat(answers.get(1).path("id").isNull()).isTrue();
        assertThat(answers.get(2).path("error").asText()).isEqualTo("line 4 is not a JSON object");
        assertThat(answers.get(3).path("error").asText()).startsWith("line 5 is not JSON: Unrecognized token 'x'");
        assertThat(errors("vllm", "", good, "{}").get(1)).isEqualTo("line 3: params must be an object, got none");
        assertThat(answers.get(4)).hasToString("{\"id\":\"ok\",\"out\":[\"-inf\",2.0]}");
    }

    @Test
    void numbers_areTheShortestDecimals() throws IOException {
        String line =
                "{\"id\":7,\"processor\":\"chain\",\"params\":{},\"logits\":[2.0E-3,0.1,\"nan\",\"-inf\",33554432]}";

        assertThat(run("transformers", line).out())
                .isEqualTo("{\"id\":7,\"out\":[0.002,0.1,\"nan\",\"-inf\",3.3554432E7],\"probs\":[[4,1.0]]}\n");
    }

    @Test
    void filterValue_standsForWhatWasCut() throws IOException {
        String line = "{\"id\":1,\"processor\":\"TopKLogitsWarper\",\"params\":{\"top_k\":1,"
                + "\"filter_value\":-1e4},\"logits\":[1,2]}";

        assertThat(run("transformers", line).out()).isEqualTo("{\"id\":1,\"out\":[-10000.0,2.0]}\n");
    }

    /** "ab" begins with "a": the likelier of them stands for both, and stays; the end never goes. */
    @Test
    void infill_hasItsPiecesFromTheCase() throws IOException {
        String line = "{\"id\":1,\"processor\":\"infill\",\"params\":{\"eog_token_ids\":[3],"
                + "\"pieces\":[\"a\",\"ab\",\"c\",\"\"]},\"logits\":[4,3,-1,-9]}";

        assertThat(run("llama-cpp", line).out()).isEqualTo("{\"id\":1,\"out\":[4.0,\"-inf\",\"-inf\",-9.0]}\n");
    }

    @Test
    void greedy_leavesTheFirstMaximum() throws IOException {
        String line = "{\"id\":1,\"processor\":\"chain\",\"params\":{\"temperature\":0},\"logits\":[1,2,2]}";

        assertThat(run("vllm", line).out())
                .isEqualTo("{\"id\":1,\"out\":[\"-inf\",2.0,\"-inf\"],\"probs\":[[1,1.0]]}\n");
    }

    @Test
    void dialect_unknown_listsTheKnown() {
        Run run = run("llama.cpp", "");

        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err())
                .contains("Invalid value for option '--dialect': must be one of vllm, transformers, llama-cpp, got"
                        + " llama.cpp");
    }

    /** Junk in any place gives an answer for its line, whatever it is, and never ends the run. */
    @Test
    void junk_alwaysGetsAnAnswer() throws IOException {
        Random random = new Random(20261123);
        String[] junk = {
            "null", "-1", "1e300", "\"nan\"", "[]", "{}", "[[]]", "[null]", "true", "{\"a\":null}", "2147483648", "0.5"
        };
        for (String[] peer :
                new String[][] {{"vllm", "vllm"}, {"transformers", "transformers"}, {"llama-cpp", "llama_cpp"}}) {
            List<JsonNode> cases = lines(golden(peer[1]));
            List<String> damaged = new ArrayList<>();
            for (int i = 0; i < 700; i++) {
                ObjectNode copy = cases.get(random.nextInt(cases.size())).deepCopy();
                ObjectNode target = copy;
                if (random.nextInt(4) > 0) {
                    target = (ObjectNode) copy.path("params");
                    if (random.nextBoolean()
                            && target.elements().hasNext()
                            && target.elements().next() instanceof ObjectNode nested) {
                        target = nested;
                    }
                }
                List<String> names = new ArrayList<>();
                target.fieldNames().forEachRemaining(names::add);
                if (!names.isEmpty()) {
                    target.set(
                            names.get(random.nextInt(names.size())), JSON.readTree(junk[random.nextInt(junk.length)]));
                }
                damaged.add(copy.toString());
            }
            assertThat(answers(peer[0], String.join("\n", damaged)))
                    .hasSize(700)
                    .allMatch(answer -> answer.has("error") != answer.has("out"));
        }
    }

    private record Run(int exitCode, String out, String err) {}

    private static Run run(String dialect, String input) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        InputStream in = new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8));
        int exitCode = new CommandLine(new ProcessCommand(in))
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute("--dialect", dialect);
        return new Run(exitCode, out.toString(), err.toString());
    }

    private static List<JsonNode> answers(String dialect, String input) throws IOException {
        Run run = run(dialect, input);
        assertThat(run.exitCode()).as(run.err()).isZero();
        return lines(run.out());
    }

    private static List<String> errors(String dialect, String... lines) throws IOException {
        return answers(dialect, String.join("\n", lines)).stream()
                .map(answer -> answer.path("error").asText())
                .toList();
    }

    private static List<JsonNode> lines(String text) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : text.split("\n")) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    private static String golden(String file) throws IOException {
        return resource("/golden/" + file + ".jsonl");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = Objects.requireNonNull(ProcessCommandTest.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
