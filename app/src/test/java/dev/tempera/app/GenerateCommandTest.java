package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.testkit.ScriptedEngine;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

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
                .isEqualTo("{\"temperature\":0.5,\"top_k\":40,\"logit_bias\":{\"7\":-1.5,\"8\":2.0},"
                        + "\"bad_words\":[\"q\"],\"bad_words_token_ids\":[[1,2],[3]],\"stop\":[\"a,b\",\"c\"],"
                        + "\"stop_token_ids\":[5,6],\"include_stop_str_in_output\":true,\"ignore_eos\":false,\"seed\":9,"
                        + "\"processors\":[{\"name\":\"min_p\",\"p\":0.1},{\"name\":\"top_k\",\"k\":5}]}");
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
    void stopString_endsTheText() {
        assertThat(Run.of("generate", "spring", "--stop", "，").out()).isEqualTo("春眠不觉晓" + System.lineSeparator());
    }

    @Test
    void failureInTheMiddle_keepsTheTextAndIsExitCode1() {
        ScriptedEngine breaks = new ScriptedEngine(
                history -> {
                    float[] logits = new float[258];
                    Arrays.fill(logits, history.generatedSize() < 3 ? -1000 : Float.NaN);
                    if (history.generatedSize() < 3) {
                        logits['a'] = 0;
                    }
                    return logits;
                },
                100);
        Run run = Run.with(breaks, "", "generate", "x");
        assertThat(run.out()).isEqualTo("aaa" + System.lineSeparator());
        assertThat(run.err()).startsWith("tempera: ").doesNotContain("\tat ");
        assertThat(run.exitCode()).isEqualTo(1);
    }
}
