package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class WarningTest {
    static Stream<Arguments> examples() {
        return Stream.of(
                row(
                        "greedy-cuts",
                        ordered("temperature", 0, "top_p", 0.9),
                        "temperature 0 decodes greedily: top_p has no effect"),
                row(
                        "greedy-dynatemp",
                        ordered("temperature", 0, "dynatemp_range", 0.5),
                        "temperature 0 is not greedy beside dynatemp_range 0.5: the temperature"
                                + " moves between 0 and 0.5"),
                row(
                        "one-candidate",
                        ordered("temperature", 0.7, "top_k", 1),
                        "top_k 1 leaves one token: temperature 0.7 has no effect"),
                row(
                        "top-p-near-zero",
                        ordered("top_p", 0.05),
                        "top_p 0.05 leaves one token at most positions; the field uses 0.8 to 0.95"),
                row(
                        "min-p-high",
                        ordered("min_p", 1),
                        "min_p 1.0 keeps only tokens nearly as probable as the best one; the field"
                                + " uses 0.02 to 0.2"),
                row(
                        "hot-without-cut",
                        ordered("temperature", 1.8),
                        "temperature 1.8 without a cut draws often from the tail of the vocabulary;"
                                + " min_p 0.05 or top_p 0.9 keeps the text readable"),
                row(
                        "temperature-raised",
                        ordered("temperature", 0.005),
                        "temperature 0.005 is raised to 0.01 by vLLM; 0 decodes greedily"),
                row(
                        "min-p-before-top-p",
                        ordered("min_p", 0.05, "top_p", 0.9),
                        "min_p and top_p together depend on the order: vLLM cuts by min_p first, so"
                                + " top_p sees what is left; transformers and llama.cpp cut by top_p first"),
                row(
                        "xtc-temperature",
                        ordered("xtc_probability", 0.5, "temperature", 1.2),
                        "xtc_threshold is compared with probabilities before temperature 1.2 in"
                                + " llama.cpp; text-generation-webui and koboldcpp compare after it"),
                row(
                        "xtc-threshold-high",
                        ordered("xtc_probability", 0.5, "xtc_threshold", 0.6),
                        "xtc_threshold 0.6 switches XTC off: no two tokens can both be above 0.5"),
                row(
                        "no-effect-alone",
                        ordered("penalty_last_n", 64),
                        "penalty_last_n has no effect without repetition_penalty, presence_penalty"
                                + " or frequency_penalty"),
                row(
                        "window-zero",
                        ordered("dry_multiplier", 0.8, "dry_penalty_last_n", 0),
                        "a window of 0 tokens switches dry_multiplier off"),
                row(
                        "dry-base-low",
                        ordered("dry_multiplier", 0.8, "dry_base", 0.5, "dry_penalty_last_n", 1024),
                        "dry_base 0.5 is below 1 and switches DRY off"),
                row(
                        "dry-whole-text",
                        ordered("dry_multiplier", 0.8),
                        "dry_multiplier without dry_penalty_last_n looks at the whole text, prompt"
                                + " included: quotes from a long prompt are penalised, too"),
                row(
                        "dry-strong",
                        ordered("dry_multiplier", 5, "dry_penalty_last_n", 1024),
                        "dry_multiplier 5.0 is unusually strong; the field uses 0.8"),
                row(
                        "repetition-strong",
                        ordered("repetition_penalty", 2, "exempt_markup_from_penalties", true),
                        "repetition_penalty 2.0 is unusually strong; the field uses 1.0 to 1.3"),
                row(
                        "repetition-below-one",
                        ordered("repetition_penalty", 0.9),
                        "repetition_penalty 0.9 is below 1 and encourages repetition"),
                row(
                        "penalty-counts-markup",
                        ordered("repetition_penalty", 1.2),
                        "repetition_penalty counts the chat markup of the prompt: the end of the"
                                + " answer becomes less likely, too"),
                row(
                        "penalty-large",
                        ordered("presence_penalty", 3),
                        "presence_penalty beyond [-2, 2] is refused by vLLM and unusual elsewhere"),
                row(
                        "ngram-short",
                        ordered("no_repeat_ngram_size", 1),
                        "no_repeat_ngram_size 1 forbids every token to come twice; the field uses 3" + " or more"),
                row(
                        "cutoff-large",
                        ordered("epsilon_cutoff", 0.3),
                        "epsilon_cutoff above 0.1 leaves few tokens; the field uses 0.0003 to 0.004"),
                row(
                        "bias-clamped",
                        ordered("logit_bias", Map.of("5", -200)),
                        "logit_bias of token 5 is -200.0; vLLM clamps it to [-100, 100]"),
                row(
                        "mirostat-drops",
                        ordered("mirostat", 2, "top_p", 0.9),
                        "mirostat replaces the chain in llama.cpp: top_p has no effect"),
                row(
                        "mirostat-tau-unusual",
                        ordered("mirostat", 2, "mirostat_tau", 0.1),
                        "mirostat_tau 0.1 is unusual; the field uses 3 to 8"),
                row(
                        "adaptive-without-cut",
                        ordered("adaptive_target", 0.3),
                        "adaptive_target without a cut gives the whole vocabulary a chance; min_p"
                                + " 0.05 keeps the text readable"),
                row(
                        "samplers-leave-out",
                        ordered("samplers", List.of("top_k", "temperature"), "top_k", 40, "top_p", 0.9),
                        "samplers does not name the stage of top_p: no effect"),
                row(
                        "renormalize-idle",
                        ordered("renormalize_logits", true),
                        "renormalize_logits changes no draw: it only moves all logits by one number"),
                row(
                        "forced-bos-idle",
                        ordered("forced_bos_token_id", 5),
                        "forced_bos_token_id acts after a prompt of one token alone, the start of a"
                                + " decoder beside an encoder"),
                row(
                        "guidance-towards-negative",
                        ordered("guidance_scale", 0.5),
                        "guidance_scale 0.5 is below 1 and moves towards the negative prompt"),
                row(
                        "budget-beyond-length",
                        ordered("thinking_token_budget", 512, "max_tokens", 512),
                        "thinking_token_budget 512 may use up max_tokens 512: no answer is left"),
                row(
                        "min-beyond-max",
                        ordered("min_tokens", 9, "max_tokens", 4),
                        "min_tokens 9 is above max_tokens 4: the text always ends by length"),
                row(
                        "endless",
                        ordered("ignore_eos", true),
                        "ignore_eos without max_tokens generates until the context is full"));
    }

    /** In the order in which the page has them. */
    private static Map<String, Object> ordered(Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }

    private static Arguments row(String id, Map<String, Object> json, String text) {
        return Arguments.of(id, json, text);
    }

    /** The example of the page gives its warning, in these words. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("examples")
    void warning_ofTheExample(String id, Map<String, Object> json, String text) throws IOException {
        assertThat(SamplingParameters.fromMap(json).warnings()).containsExactly(text + " [" + id + "]");
        assertThat(sections().get(id)).as(id).contains("```json\n" + json(json) + "\n```");
        assertThat(sections().get(id).replace('\n', ' ')).as(id).contains("**What to do:** ");
    }

    /** Every warning has its section, and every section its warning and its example. */
    @Test
    void docs_haveEveryWarning() throws IOException {
        List<String> ids = new ArrayList<>();
        for (Warning warning : Warning.values()) {
            ids.add(warning.id());
        }
        assertThat(sections().keySet()).containsExactlyElementsOf(ids);
        assertThat(examples().map(arguments -> arguments.get()[0])).containsExactlyElementsOf(ids);
    }

    static Stream<Arguments> more() {
        return Stream.of(
                Arguments.of(
                        Map.of("temperature", 0, "top_k", 5, "top_p", 0.9, "min_p", 0.1),
                        "temperature 0 decodes greedily: top_k, top_p and min_p have no effect [greedy-cuts]"),
                Arguments.of(
                        Map.of("mirostat_tau", 3, "xtc_threshold", 0.1),
                        "xtc_threshold has no effect without xtc_probability; mirostat_tau has no effect without mirostat"
                                + " [no-effect-alone]"),
                Arguments.of(
                        Map.of("temperature", 0, "top_k", 40, "samplers", "k"),
                        "samplers does not name the stage of temperature: no effect [samplers-leave-out]"),
                Arguments.of(
                        Map.of("repetition_penalty", 1.05, "penalty_last_n", 0),
                        "a window of 0 tokens switches repetition_penalty off [window-zero]"),
                Arguments.of(
                        Map.of("repetition_penalty", 1.2, "distinct_token_penalty", 1),
                        "repetition_penalty and distinct_token_penalty count the chat markup of the prompt: the end of the"
                                + " answer becomes less likely, too [penalty-counts-markup]"),
                Arguments.of(
                        Map.of("no_repeat_ngram_size", 2),
                        "no_repeat_ngram_size 2 forbids every pair of tokens to come twice; the field uses 3 or more"
                                + " [ngram-short]"),
                Arguments.of(
                        Map.of("mirostat", 1, "top_k", 40, "samplers", "kt"),
                        "mirostat replaces the chain in llama.cpp: top_k and samplers have no effect [mirostat-drops]"));
    }

    @ParameterizedTest
    @MethodSource
    void more(Map<String, Object> json, String warning) {
        assertThat(SamplingParameters.fromMap(json).warnings()).containsExactly(warning);
    }

    @Test
    void warnings_ofUsualParameters_areNone() {
        assertThat(SamplingParameters.builder()
                        .temperature(0.7)
                        .topK(20)
                        .topP(0.8)
                        .repetitionPenalty(1.05)
                        .maxTokens(512)
                        .build()
                        .warnings())
                .isEmpty();
        assertThat(SamplingParameters.builder()
                        .temperature(1)
                        .minP(0.05)
                        .dryMultiplier(0.8)
                        .dryPenaltyLastN(1024)
                        .xtcProbability(0.5)
                        .xtcThreshold(0.1)
                        .build()
                        .warnings())
                .isEmpty();
        assertThat(SamplingParameters.NEUTRAL.warnings()).isEmpty();
    }

    private static Map<String, String> sections() throws IOException {
        String page = Files.readString(Docs.page("warnings.md"));
        Map<String, String> sections = new LinkedHashMap<>();
        Matcher section = Pattern.compile("## `([^`]*)`\n(.*?)(?=\n## |\\z)", Pattern.DOTALL)
                .matcher(page);
        while (section.find()) {
            sections.put(section.group(1), section.group(2));
        }
        return sections;
    }

    private static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            List<String> fields = new ArrayList<>();
            map.forEach((key, field) -> fields.add("\"" + key + "\": " + json(field)));
            return "{" + String.join(", ", fields) + "}";
        }
        if (value instanceof List<?> list) {
            List<String> elements = new ArrayList<>();
            list.forEach(element -> elements.add(json(element)));
            return "[" + String.join(", ", elements) + "]";
        }
        return value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
    }

    @Test
    void adaptiveP_byName_isWarnedOfToo() {
        Map<String, Object> named = Map.of("name", "adaptive_p", "target", 0.3);
        assertThat(SamplingParameters.fromMap(Map.of("sampler", named)).warnings())
                .containsExactly(
                        "adaptive_p without a cut gives the whole vocabulary a chance; min_p 0.05 keeps the text"
                                + " readable [adaptive-without-cut]");
        assertThat(SamplingParameters.fromMap(Map.of("sampler", named, "min_p", 0.05))
                        .warnings())
                .isEmpty();
    }
}
