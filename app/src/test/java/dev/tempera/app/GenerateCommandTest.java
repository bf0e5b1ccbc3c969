package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.presets.LocalizedText;
import dev.tempera.presets.Presets;
import dev.tempera.testkit.ScriptedEngine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {
    private static final String POEM = "春眠不觉晓，处处闻啼鸟。";

    @Test
    void text_isAllThatStandardOutputGets() {
        Run run = Run.of("generate", "spring");
        assertThat(run.out()).isEqualTo(POEM + System.lineSeparator());
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void prompt_isReadFromAPipe() {
        assertThat(Run.with(ScriptedEngine.saying("ok"), "spring\n", "generate").out())
                .startsWith("ok");
        assertThat(Run.with(ScriptedEngine.saying("ok"), "spring\n", "generate", "-")
                        .out())
                .startsWith("ok");
        assertThat(Run.with(ScriptedEngine.saying("ok"), "\n", "generate").err())
                .isEqualTo("tempera: the prompt is empty" + System.lineSeparator());
    }

    @Test
    void prompt_missingAtTheKeyboard_isAskedFor() {
        Run run = Run.with(ScriptedEngine.saying("ok"), new Run.Screen(true, 80), "", "generate");
        assertThat(run.err()).contains("no prompt: give one, for instance tempera generate");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @Test
    void prompt_longerThanTheContext_isRefused() {
        Run run = Run.of("generate", "春".repeat(1000));
        assertThat(run.err()).contains("the context holds");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @Test
    void json_isOneObjectWithEverything() throws Exception {
        Run run = Run.of("generate", "spring", "--json", "--seed", "7", "--top-p", "0.9", "--dialect", "llama-cpp");
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.get("text").asText()).isEqualTo(POEM);
        assertThat(json.get("token_ids")).hasSize(POEM.getBytes("UTF-8").length + 1);
        assertThat(json.get("finish_reason").asText()).isEqualTo("stop");
        assertThat(json.get("usage").get("generated_tokens").asInt()).isEqualTo(37);
        assertThat(json.get("parameters").get("seed").asInt()).isEqualTo(7);
        assertThat(json.get("parameters").get("top_p").asDouble()).isEqualTo(0.9);
        assertThat(json.get("dialect").asText()).isEqualTo("llama-cpp");
        assertThat(json.get("pipeline").asText()).contains("TopP");
    }

    @Test
    void everyShapeOfOption_reachesTheParameters() throws Exception {
        Run run = Run.with(
                ScriptedEngine.saying("x"),
                "",
                "generate",
                "spring",
                "--json",
                "--temperature=0.5",
                "--top-k=40",
                "--logit-bias=7=-1.5",
                "--logit-bias=8=2",
                "--stop=a,b",
                "--stop=c",
                "--bad-words=q",
                "--stop-token-ids=5,6",
                "--bad-words-token-ids=1,2",
                "--bad-words-token-ids=3",
                "--ignore-eos=false",
                "--include-stop-str-in-output",
                "--processors=min_p:p=0.1",
                "--processors={\"name\":\"top_k\",\"k\":5}",
                "--seed=9");
        assertThat(run.err()).isEmpty();
        assertThat(new ObjectMapper().readTree(run.out()).get("parameters").toString())
                .isEqualTo(
                        "{\"temperature\":0.5,\"top_k\":40,\"logit_bias\":{\"7\":-1.5,\"8\":2.0},"
                                + "\"bad_words\":[\"q\"],\"bad_words_token_ids\":[[1,2],[3]],"
                                + "\"processors\":[{\"name\":\"min_p\",\"p\":0.1},{\"name\":\"top_k\",\"k\":5}],\"stop\":[\"a,b\",\"c\"],"
                                + "\"stop_token_ids\":[5,6],\"include_stop_str_in_output\":true,\"ignore_eos\":false,\"seed\":9}");
    }

    @Test
    void stops_ofEveryKind_endTheText() throws Exception {
        assertThat(Run.of("generate", "spring", "--stop-regex=x", "--stop-regex=[，。]闻?")
                        .out())
                .isEqualTo("春眠不觉晓" + System.lineSeparator());
        assertThat(finishReason("--max-time=1e-9")).isEqualTo("deadline");
        assertThat(finishReason("--max-time=3600")).isEqualTo("stop");
        assertThat(finishReason("--repetition-detection=max_pattern_size=1,min_count=3", "--allowed-token-ids=65"))
                .isEqualTo("repetition");
        Run plan = Run.of("generate", "spring", "--plan", "--stop-regex=a+b", "--max-time=5");
        assertThat(plan.out()).contains("LOCAL stop_regex [a+b] (").contains("LOCAL max_time 5.0 (");
    }

    private static String finishReason(String... options) throws JsonProcessingException {
        List<String> typed = new ArrayList<>(List.of("generate", "spring", "--json"));
        typed.addAll(List.of(options));
        return new ObjectMapper()
                .readTree(Run.of(typed.toArray(new String[0])).out())
                .path("finish_reason")
                .asText();
    }

    @Test
    void stopRegex_thatCannotBe_isRefused() {
        Run none = Run.of("generate", "spring", "--stop-regex=a(b");
        assertThat(none.err()).contains("--stop-regex").contains("\"a(b\": Unclosed group near index 3");
        assertThat(none.exitCode()).isEqualTo(2);
        Run empty = Run.of("generate", "spring", "--stop-regex=a*");
        assertThat(empty.err())
                .isEqualTo(
                        "tempera: --stop-regex must not match the empty text, which would end every generation at once,"
                                + " got \"a*\"" + System.lineSeparator());
    }

    @Test
    void negativePrompt_runsBesideThePrompt() throws Exception {
        String[] typed = {
            "generate",
            "spring",
            "--dialect=transformers",
            "--guidance-scale=3",
            "--negative-prompt=rain",
            "--json",
            "--seed=1",
            "--max-tokens=30"
        };
        JsonNode guided = new ObjectMapper()
                .readTree(Run.with(ScriptedEngine.babbling(), "", typed).out());
        assertThat(guided.get("negative_prompt").asText()).isEqualTo("rain");
        assertThat(guided.get("pipeline").asText()).contains("ClassifierFreeGuidance[scale=3.0]");
        typed[4] = "--plan";
        assertThat(Run.with(ScriptedEngine.babbling(), "", typed).out())
                .contains("LOCAL negative_prompt (the last token of the prompt, as transformers where none is given)");
    }

    @Test
    void negativePrompt_withoutGuidance_isRefused() {
        Run run = Run.of("generate", "spring", "--negative-prompt", "rain");
        assertThat(run.err()).contains("the negative prompt would have no effect without guidance_scale");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @Test
    void sameSeed_sameText() {
        String[] typed = {"generate", "spring", "--seed", "3", "--max-tokens", "40"};
        String first = Run.with(ScriptedEngine.babbling(), "", typed).out();
        assertThat(first).hasSizeGreaterThan(10);
        assertThat(Run.with(ScriptedEngine.babbling(), "", typed).out()).isEqualTo(first);
        typed[3] = "4";
        assertThat(Run.with(ScriptedEngine.babbling(), "", typed).out()).isNotEqualTo(first);
    }

    @Test
    void preset_givesTheParametersThatOptionsDoNot() throws Exception {
        Run run = Run.of("generate", "spring", "--json", "--preset", "default", "--top-p", "0.5");
        JsonNode parameters = new ObjectMapper().readTree(run.out()).get("parameters");
        assertThat(parameters.get("temperature").asDouble()).isEqualTo(0.7);
        assertThat(parameters.get("top_p").asDouble()).isEqualTo(0.5);
    }

    @Test
    void presetsSystemPrompt_isUsedInTheLanguageAskedFor() {
        assertThat(shownSystem("--preset=coding"))
                .isEqualTo(systemPrompt("coding").en());
        assertThat(shownSystem("--preset=coding", "--lang=zh"))
                .isEqualTo(systemPrompt("coding").zh());
        assertThat(shownSystem("--preset=coding", "--system=Be brief.")).isEqualTo("Be brief.");
        assertThat(shownSystem("--preset=coding", "--raw")).isEmpty();
        assertThat(shownSystem("--preset=default")).isEmpty();
        int without = promptTokens("--system=");
        assertThat(promptTokens("--preset=coding"))
                .isEqualTo(without + systemPrompt("coding").en().length());
    }

    private static LocalizedText systemPrompt(String preset) {
        return Objects.requireNonNull(Presets.get(preset).systemPrompt()).text();
    }

    private static String shownSystem(String... options) {
        return json(options).path("system").asText();
    }

    private static int promptTokens(String... options) {
        return json(options).get("usage").get("prompt_tokens").asInt();
    }

    private static JsonNode json(String... options) {
        List<String> typed = new ArrayList<>(List.of("generate", "spring", "--json"));
        typed.addAll(List.of(options));
        try {
            return new ObjectMapper()
                    .readTree(Run.of(typed.toArray(String[]::new)).out());
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void presetsSystemPrompt_withAWordToFillIn_isRefused() {
        Run run = Run.of("generate", "hello", "--preset", "role-play");
        assertThat(run.err())
                .startsWith("tempera: preset role-play needs --system: its system prompt has {character} to fill in: "
                        + "You are {character}.");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(Run.of("generate", "hello", "--preset", "role-play", "--system", "You are Li Bai.")
                        .exitCode())
                .isZero();
    }

    @Test
    void showParameters_tellsTheSystemMessage() {
        assertThat(Run.of("generate", "spring", "--show-parameters", "--preset", "coding")
                        .err())
                .contains("system:     \"" + systemPrompt("coding").en());
    }

    @Test
    void flagBeforeThePrompt_leavesThePrompt() {
        Run run = Run.of("generate", "--ignore-eos", "写诗", "--max-tokens=3", "--json");
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).contains("\"ignore_eos\":true");
        assertThat(Run.of("generate", "--ignore-eos", "false", "写诗", "--json").out())
                .contains("\"ignore_eos\":false");
    }

    @Test
    void promptThatBeginsWithAt_isNoFileOfArguments(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("notes.txt"), "--no-such-option");
        Run run = Run.of("generate", "@" + file);
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).isEqualTo(POEM + System.lineSeparator());
    }

    @Test
    void seed_reachesBothEndsOf64Bits() {
        for (String seed : List.of("9223372036854775807", "-9223372036854775808")) {
            assertThat(Run.of("generate", "x", "--json", "--seed=" + seed).out())
                    .contains("\"seed\":" + seed);
        }
    }

    @Test
    void engineThatGivesUp_isSaid() {
        for (String how : List.of("--max-tokens=9", "--json")) {
            Run run = Run.with(closingItself(), "", "generate", "x", how);
            assertThat(run.out()).contains("aaa");
            assertThat(run.err())
                    .isEqualTo("tempera: the engine ended the generation before its time" + System.lineSeparator());
            assertThat(run.exitCode()).isEqualTo(1);
        }
    }

    /** Is closed after three tokens, as an engine is by Ctrl-C. */
    static ScriptedEngine closingItself() {
        List<ScriptedEngine> self = new ArrayList<>();
        self.add(new ScriptedEngine(
                history -> {
                    if (history.generatedSize() == 2) {
                        self.get(0).close();
                    }
                    float[] logits = new float[258];
                    logits['a'] = 100;
                    return logits;
                },
                100));
        return self.get(0);
    }

    @Test
    void noPreset_isNeutral() throws Exception {
        Run run = Run.of("generate", "spring", "--json", "--seed", "1");
        assertThat(new ObjectMapper().readTree(run.out()).get("parameters").toString())
                .isEqualTo("{\"seed\":1}");
    }

    @Test
    void plan_namesEveryStageAndGeneratesNothing() {
        Run run = Run.of("generate", "spring", "--plan", "--temperature", "0.5", "--top-p", "0.9", "--stop", "x");
        assertThat(run.out())
                .contains("LOCAL Temperature", "LOCAL TopP", "LOCAL stop [x]")
                .doesNotContain(POEM);
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void showParameters_tellsWhatWasInForce() {
        Run run = Run.of("generate", "spring", "--show-parameters", "--temperature", "0.5", "--seed", "5");
        assertThat(run.err())
                .contains(
                        "{\"temperature\":0.5,\"seed\":5}", "logits -> Temperature", "finish reason: stop", "tokens/s");
        assertThat(run.out()).isEqualTo(POEM + System.lineSeparator());
    }

    @Test
    void warnings_goToStandardError() {
        Run run = Run.of("generate", "spring", "--temperature", "0", "--top-p", "0.9");
        assertThat(run.err()).startsWith("warning: temperature 0 decodes greedily");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void fullContext_isSaid() {
        String warning = "warning: the context of 100 tokens is full: the text ends there" + System.lineSeparator();
        assertThat(Run.with(endless(), "", "generate", "x").err()).isEqualTo(warning);
        assertThat(Run.with(endless(), "", "generate", "x", "--max-tokens=999").err())
                .isEqualTo(warning);
        assertThat(Run.with(endless(), "", "generate", "x", "--max-tokens=9").err())
                .isEmpty();
    }

    /** Goes on and on in a context of 100 tokens. */
    private static ScriptedEngine endless() {
        return new ScriptedEngine(
                history -> {
                    float[] logits = new float[258];
                    logits['a'] = 100;
                    return logits;
                },
                100);
    }

    @Test
    void stopString_endsTheText() {
        assertThat(Run.of("generate", "spring", "--stop", "，").out()).isEqualTo("春眠不觉晓" + System.lineSeparator());
    }

    @Test
    void failureInTheMiddle_keepsTheTextAndIsExitCode1() {
        Run run = Run.with(breaking(), "", "generate", "x");
        assertThat(run.out()).isEqualTo("aaa" + System.lineSeparator());
        assertThat(run.err()).startsWith("tempera: ").doesNotContain("\tat ");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    /** Has no token to choose after three. */
    static ScriptedEngine breaking() {
        return new ScriptedEngine(
                history -> {
                    float[] logits = new float[258];
                    Arrays.fill(logits, history.generatedSize() < 3 ? -1000 : Float.NaN);
                    if (history.generatedSize() < 3) {
                        logits['a'] = 0;
                    }
                    return logits;
                },
                100);
    }
}
