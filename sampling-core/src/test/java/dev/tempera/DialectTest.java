package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DialectTest {
    static Stream<Arguments> pipelines() {
        Map<String, Object> all = Map.ofEntries(
                Map.entry("temperature", 0.7),
                Map.entry("top_k", 40),
                Map.entry("top_p", 0.9),
                Map.entry("min_p", 0.05),
                Map.entry("repetition_penalty", 1.1),
                Map.entry("logit_bias", Map.of(1, 2)),
                Map.entry("distinct_token_penalty", 0.5),
                Map.entry("processors", List.of(Map.of("name", "top_k", "k", 99))));
        return Stream.of(
                Arguments.of(
                        Dialect.VLLM,
                        all,
                        "logits -> LogitBias[biases={1=2.0}] -> RepetitionPenalty[penalty=1.1, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> DistinctTokenPenalty[alpha=0.5, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> TopK[k=99, ties=KEEP_ALL] -> Temperature[value=0.7]"
                                + " -> MinP[p=0.05, minKeep=1] -> TopK[k=40, ties=KEEP_ALL] -> TopP[p=0.9, minKeep=1]"
                                + " -> Categorical[]"),
                Arguments.of(
                        Dialect.TRANSFORMERS,
                        all,
                        "logits -> LogitBias[biases={1=2.0}] -> RepetitionPenalty[penalty=1.1, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> DistinctTokenPenalty[alpha=0.5, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> TopK[k=99, ties=KEEP_ALL] -> Temperature[value=0.7]"
                                + " -> TopK[k=40, ties=KEEP_ALL] -> TopP[p=0.9, minKeep=1] -> MinP[p=0.05, minKeep=1]"
                                + " -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        all,
                        "logits -> LogitBias[biases={1=2.0}] -> RepetitionPenalty[penalty=1.1, window=64,"
                                + " scope=PROMPT_AND_GENERATED] -> DistinctTokenPenalty[alpha=0.5, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> TopK[k=99, ties=KEEP_ALL] -> TopK[k=40,"
                                + " ties=LOWEST_IDS] -> TopP[p=0.9, minKeep=1] -> MinP[p=0.05, minKeep=1] ->"
                                + " Temperature[value=0.7] -> Categorical[]"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of(
                                "min_tokens",
                                2,
                                "allowed_token_ids",
                                List.of(4, 2),
                                "bad_words",
                                List.of("x"),
                                "presence_penalty",
                                0.2,
                                "frequency_penalty",
                                0.1),
                        "logits -> AllowedTokens[tokenIds=[2, 4]] -> BadWords[tokenIds=[], words=[x],"
                                + " scope=GENERATED, wholeWordMustFit=false] -> MinTokens[minTokens=2, scope=GENERATED] ->"
                                + " FrequencyPenalty[penalty=0.1, window=2147483647, scope=GENERATED] ->"
                                + " PresencePenalty[penalty=0.2, window=2147483647, scope=GENERATED] -> Categorical[]"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("temperature", 0.000001, "top_k", 40, "top_p", 0.9, "min_p", 0.1),
                        "logits -> Greedy[]"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("temperature", 0.001),
                        "logits -> Temperature[value=0.01] -> Categorical[]"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("temperature", 1, "top_k", -1, "top_p", 1, "min_p", 0, "repetition_penalty", 1),
                        "logits -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("temperature", 0, "top_k", 40),
                        "logits -> TopK[k=40, ties=LOWEST_IDS] -> Greedy[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("repetition_penalty", 1.1, "presence_penalty", 1, "penalty_last_n", 0),
                        "logits -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("presence_penalty", 1, "penalty_last_n", -1),
                        "logits -> PresencePenalty[penalty=1.0, window=2147483647, scope=PROMPT_AND_GENERATED] ->"
                                + " Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("temperature", 0, "dynatemp_range", 0.5),
                        "logits -> DynamicTemperature[low=0.0, high=0.5, exponent=1.0, countMasked=true] ->"
                                + " Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("temperature", 0.7, "samplers", "kit", "top_k", 5, "top_a", 0.1),
                        "logits -> TopK[k=5, ties=LOWEST_IDS] -> Infill[] -> TopA[a=0.1, minKeep=1] ->"
                                + " Temperature[value=0.7] -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("temperature", 0, "samplers", "tk", "top_k", 5),
                        "logits -> TopK[k=1, ties=LOWEST_IDS] -> TopK[k=5, ties=LOWEST_IDS] -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("temperature", 0, "mirostat", 1, "mirostat_tau", 3),
                        "logits -> TopK[k=1, ties=LOWEST_IDS] -> Mirostat[tau=3.0, eta=0.1, m=100]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("adaptive_target", 0.5, "adaptive_decay", 0.999, "min_p", 0.1, "min_keep", 3),
                        "logits -> MinP[p=0.1, minKeep=3] -> AdaptiveP[target=0.5, decay=0.99]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("adaptive_target", 0.5, "samplers", "k", "top_k", 3),
                        "logits -> TopK[k=3, ties=LOWEST_IDS] -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of(
                                "samplers",
                                "kek",
                                "top_k",
                                3,
                                "presence_penalty",
                                1,
                                "distinct_token_penalty",
                                0.5,
                                "top_a",
                                0.1),
                        "logits -> TopK[k=3, ties=LOWEST_IDS] -> PresencePenalty[penalty=1.0, window=64,"
                                + " scope=PROMPT_AND_GENERATED] -> DistinctTokenPenalty[alpha=0.5, window=2147483647,"
                                + " scope=PROMPT_AND_GENERATED] -> TopK[k=3, ties=LOWEST_IDS] -> TopA[a=0.1, minKeep=1]"
                                + " -> Categorical[]"),
                Arguments.of( // where top_n_sigma alone has run, as many as min_keep are always left
                        Dialect.LLAMA_CPP,
                        Map.of("samplers", "sxk", "top_n_sigma", 1, "xtc_probability", 0.5, "top_k", 9, "min_keep", 3),
                        "logits -> TopNSigma[n=1.0, minKeep=1] -> Xtc[probability=0.5, threshold=0.1, minKeep=1,"
                                + " protectedTokenIds=[], marginalised=false] -> TopK[k=9, ties=LOWEST_IDS] ->"
                                + " Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("samplers", "xs", "top_n_sigma", 1, "xtc_probability", 0.5, "min_keep", 3),
                        "logits -> Xtc[probability=0.5, threshold=0.1, minKeep=3, protectedTokenIds=[],"
                                + " marginalised=false] -> TopNSigma[n=1.0, minKeep=1] -> Categorical[]"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("samplers", "six", "top_n_sigma", 1, "xtc_probability", 0.5, "min_keep", 3),
                        "logits -> TopNSigma[n=1.0, minKeep=1] -> Infill[] -> Xtc[probability=0.5, threshold=0.1,"
                                + " minKeep=3, protectedTokenIds=[], marginalised=false] -> Categorical[]"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("typical_p", 1, "mirostat", 0, "dry_multiplier", 0, "sampler", Map.of("name", "greedy")),
                        "logits -> Greedy[]"),
                Arguments.of(
                        Dialect.TRANSFORMERS,
                        Map.of("bad_words_token_ids", List.of(List.of(1)), "min_tokens", 3, "top_p", 0),
                        "logits -> BadWords[tokenIds=[[1]], words=[], scope=PROMPT_AND_GENERATED,"
                                + " wholeWordMustFit=true] -> MinTokens[minTokens=3, scope=GENERATED] -> TopP[p=0.0, minKeep=1] ->"
                                + " Categorical[]"));
    }

    @ParameterizedTest
    @MethodSource
    void pipelines(Dialect dialect, Map<String, Object> json, String printed) {
        assertThat(SamplingParameters.fromMap(json).toPipeline(dialect)).hasToString(printed);
    }

    /** docs/order.md shows what these parameters compile to, without those that a dialect does not have. */
    @Test
    void docs_showWhatRuns() throws IOException {
        Map<String, Object> json = new TreeMap<>();
        json.putAll(Map.of(
                "temperature",
                0.75,
                "dynatemp_range",
                0.5,
                "smoothing_factor",
                0.3,
                "guidance_scale",
                1.5,
                "max_tokens",
                99));
        json.putAll(Map.of("top_k", 40, "top_p", 0.9, "min_p", 0.05, "typical_p", 0.95, "top_a", 0.1, "tfs", 0.97));
        json.putAll(Map.of(
                "top_n_sigma", 2, "top_h", 0.8, "epsilon_cutoff", 0.001, "eta_cutoff", 0.002, "xtc_probability", 0.5));
        json.putAll(Map.of(
                "repetition_penalty",
                1.1,
                "presence_penalty",
                0.2,
                "frequency_penalty",
                0.1,
                "distinct_token_penalty",
                0.5,
                "encoder_repetition_penalty",
                1.2,
                "dry_multiplier",
                0.8,
                "no_repeat_ngram_size",
                4,
                "encoder_no_repeat_ngram_size",
                5));
        json.putAll(Map.of(
                "logit_bias",
                Map.of("7", 2),
                "sequence_bias",
                List.of(List.of(List.of(3, 4), -1)),
                "allowed_token_ids",
                List.of(1, 7, 9),
                "bad_words_token_ids",
                List.of(List.of(9)),
                "banned_strings",
                List.of("as an AI"),
                "suppress_tokens",
                List.of(2),
                "begin_suppress_tokens",
                List.of(3),
                "min_tokens",
                5,
                "min_length",
                6,
                "thinking_token_budget",
                64));
        json.putAll(Map.of(
                "forced_bos_token_id",
                1,
                "forced_eos_token_id",
                List.of(7),
                "remove_invalid_values",
                true,
                "exponential_decay_length_penalty",
                List.of(50, 1.01),
                "renormalize_logits",
                true,
                "adaptive_target",
                0.4,
                "processors",
                List.of(Map.of("name", "top_k", "k", 99))));
        String page = Files.readString(Docs.page("order.md"));

        for (Dialect dialect : Dialect.values()) {
            Map<String, Object> had = new TreeMap<>(json);
            had.keySet().removeIf(name -> {
                Parameter parameter = Parameter.valueOf(name.toUpperCase(Locale.ROOT));
                return parameter.isPartOfPipeline() && !dialect.has(parameter);
            });
            assertThat(page).contains(printed(had, dialect));
        }
        assertThat(page).contains(printed(Map.of("mirostat", 2, "temperature", 0.7, "top_k", 40), Dialect.LLAMA_CPP));
        assertThat(page)
                .contains(printed(
                        Map.of("samplers", "tpk", "temperature", 0.7, "top_k", 40, "top_p", 0.9, "min_p", 0.1),
                        Dialect.LLAMA_CPP));
    }

    private static String printed(Map<String, Object> json, Dialect dialect) {
        String pipeline = SamplingParameters.fromMap(json).toPipeline(dialect).toString();
        return "```\n" + pipeline.replace(" -> ", "\n  -> ") + "\n```";
    }

    static Stream<Arguments> refusals() {
        String vllm = ": leave it unset, or use the vLLM dialect or a pipeline of your own";
        String two = ": leave them unset, or use the vLLM or llama.cpp dialect or a pipeline of your own";
        return Stream.of(
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("temperature", 2.5, "min_p", 1.5, "top_p", 0, "presence_penalty", 3),
                        "presence_penalty must be in [-2, 2] in the vLLM dialect, got 3.0; temperature must be in [0,"
                                + " 2] in the vLLM dialect, got 2.5; min_p must be in [0, 1] in the vLLM dialect, got"
                                + " 1.5; top_p must be in (0, 1] in the vLLM dialect, got 0.0"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("frequency_penalty", -2.1, "repetition_penalty", 0, "penalty_last_n", 64),
                        "penalty_last_n must be unset or -1 (the penalties look at the whole text) in the vLLM dialect,"
                                + " got 64; repetition_penalty must be greater than 0 in the vLLM dialect, got 0.0;"
                                + " frequency_penalty must be in [-2, 2] in the vLLM dialect, got -2.1"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("min_tokens", 9, "max_tokens", 4),
                        "min_tokens must be at most max_tokens (4) in the vLLM dialect, got 9"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("allowed_token_ids", List.of()),
                        "allowed_token_ids must name at least one token, got none"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("processors", List.of(Map.of("name", "heat")), "top_p", 1.2),
                        "no logits processor named \"heat\"; known: " + String.join(", ", LogitsProcessors.names())
                                + ". A processor from another jar needs that jar on the class path; top_p must be in"
                                + " (0, 1] in the vLLM dialect, got 1.2"),
                Arguments.of(
                        Dialect.TRANSFORMERS,
                        Map.of("temperature", 0, "top_k", -1, "top_p", 1.2, "min_p", 2, "repetition_penalty", 0),
                        "repetition_penalty must be greater than 0 in the transformers dialect, got 0.0; temperature"
                                + " must be greater than 0 (for greedy decoding use top_k 1 or another dialect) in the"
                                + " transformers dialect, got 0.0; top_k must be at least 0 (0 switches it off) in the"
                                + " transformers dialect, got -1; top_p must be in [0, 1] in the transformers dialect,"
                                + " got 1.2; min_p must be in [0, 1] in the transformers dialect, got 2.0"),
                Arguments.of(
                        Dialect.TRANSFORMERS,
                        Map.of(
                                "presence_penalty",
                                1,
                                "frequency_penalty",
                                1,
                                "allowed_token_ids",
                                List.of(1),
                                "bad_words",
                                List.of("x"),
                                "penalty_last_n",
                                5),
                        "transformers has no presence_penalty, frequency_penalty" + two
                                + "; transformers has no allowed_token_ids" + vllm
                                + "; transformers has no bad_words: give bad_words_token_ids, as its bad_words_ids are"
                                + " token ids; penalty_last_n must be unset or -1 (the penalty looks"
                                + " at the whole text) in the transformers dialect, got 5"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of(
                                "allowed_token_ids",
                                List.of(1),
                                "bad_words",
                                List.of("x"),
                                "bad_words_token_ids",
                                List.of(List.of(1)),
                                "min_tokens",
                                1),
                        "llama.cpp has no allowed_token_ids, bad_words: leave them unset, or use the vLLM dialect or a"
                                + " pipeline of your own; llama.cpp has no bad_words_token_ids, min_tokens: leave them"
                                + " unset, or use the vLLM or transformers dialect or a pipeline of your own"),
                Arguments.of(
                        Dialect.TRANSFORMERS,
                        Map.of(
                                "forced_eos_token_id",
                                7,
                                "typical_p",
                                0,
                                "top_h",
                                2,
                                "epsilon_cutoff",
                                1,
                                "eta_cutoff",
                                1),
                        "forced_eos_token_id needs max_tokens: it forces the last token that this allows; top_h must be"
                                + " in (0, 1] in the transformers dialect, got 2.0; typical_p must be in (0, 1] in the"
                                + " transformers dialect, got 0.0; epsilon_cutoff must be in [0, 1) in the transformers"
                                + " dialect, got 1.0; eta_cutoff must be in [0, 1) in the transformers dialect, got"
                                + " 1.0"),
                Arguments.of(
                        Dialect.VLLM,
                        Map.of("temperature", 0, "sampler", Map.of("name", "gumbel_max"), "tfs", 1.5),
                        "sampler \"gumbel_max\" and temperature 0.0 both choose the token: leave one of them unset; tfs"
                                + " must be in [0, 1] in the vLLM dialect, got 1.5"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("mirostat", 2, "sampler", Map.of("name", "greedy")),
                        "sampler \"greedy\" and mirostat both choose the token: leave one of them unset"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("adaptive_target", 1.5),
                        "adaptive_target must be in [0, 1], or negative for off in the llama.cpp dialect, got 1.5"),
                Arguments.of(
                        Dialect.LLAMA_CPP,
                        Map.of("repetition_penalty", 0, "top_p", 1.01, "min_p", 1.01),
                        "repetition_penalty must be greater than 0 in the llama.cpp dialect, got 0.0; top_p must be in"
                                + " [0, 1] in the llama.cpp dialect, got 1.01; min_p must be in [0, 1] in the llama.cpp"
                                + " dialect, got 1.01"));
    }

    @ParameterizedTest
    @MethodSource
    void refusals(Dialect dialect, Map<String, Object> json, String message) {
        SamplingParameters parameters = SamplingParameters.fromMap(json);

        assertThatThrownBy(() -> parameters.toPipeline(dialect))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    static Stream<Arguments> differences() {
        Dialect vllm = Dialect.VLLM;
        Dialect transformers = Dialect.TRANSFORMERS;
        Dialect llamaCpp = Dialect.LLAMA_CPP;
        return Stream.of(
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0.7, "top_p", 0.9),
                        "vLLM and llama.cpp differ. order: vLLM applies temperature, then top_p; llama.cpp applies"
                                + " top_p, then temperature."),
                Arguments.of(
                        vllm,
                        transformers,
                        Map.of("top_k", 40, "top_p", 0.9, "min_p", 0.05),
                        "vLLM and transformers differ. order: vLLM applies min_p, then top_p; transformers applies"
                                + " top_p, then min_p."),
                Arguments.of(
                        vllm,
                        transformers,
                        Map.of("temperature", 0.7, "top_k", 40, "min_p", 0.05),
                        "vLLM and transformers give the same distribution for these parameters."),
                Arguments.of(
                        transformers,
                        llamaCpp,
                        Map.of("top_k", 40),
                        "transformers and llama.cpp differ. top_k: transformers keeps every token that ties with the"
                                + " k-th; llama.cpp keeps exactly k tokens."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("presence_penalty", 0.5, "repetition_penalty", 1.1, "penalty_last_n", -1),
                        "vLLM and llama.cpp differ. presence_penalty: vLLM counts generated tokens only; llama.cpp"
                                + " counts the whole prompt and output."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("frequency_penalty", 0.5),
                        "vLLM and llama.cpp differ. frequency_penalty: vLLM counts generated tokens only; llama.cpp"
                                + " counts the last 64 tokens, prompt included."),
                Arguments.of(
                        vllm,
                        transformers,
                        Map.of("bad_words_token_ids", List.of(List.of(1, 2))),
                        "vLLM and transformers differ. bad_words_token_ids: vLLM looks at generated tokens only;"
                                + " transformers looks at prompt and output, and only at words no longer than that"
                                + " text."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0, "top_k", 40, "top_p", 0.9, "min_p", 0.1),
                        "vLLM and llama.cpp give the same distribution for these parameters."),
                Arguments.of(
                        vllm,
                        transformers,
                        Map.of("temperature", 0),
                        "vLLM and transformers differ. transformers refuses them: temperature must be greater than 0"
                                + " (for greedy decoding use top_k 1 or another dialect) in the transformers dialect,"
                                + " got 0.0."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0.005, "logit_bias", Map.of(1, 200)),
                        "vLLM and llama.cpp differ. logit_bias: vLLM clamps it to [-100, 100]; llama.cpp takes it as it"
                                + " is. temperature: vLLM raises it to 0.01; llama.cpp takes it as it is."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("top_p", 1.2),
                        "Neither vLLM nor llama.cpp takes these parameters. vLLM refuses them: top_p must be in (0, 1]"
                                + " in the vLLM dialect, got 1.2. llama.cpp refuses them: top_p must be in [0, 1] in"
                                + " the llama.cpp dialect, got 1.2."),
                Arguments.of(
                        transformers,
                        llamaCpp,
                        Map.of("typical_p", 0.9, "top_p", 0.5),
                        "transformers and llama.cpp differ. order: transformers applies top_p, then typical_p;"
                                + " llama.cpp applies typical_p, then top_p. typical_p: transformers keeps up to the"
                                + " token at which the sum reaches it, and what is as typical as that; llama.cpp keeps"
                                + " up to the token at which the sum exceeds it."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0.7, "tfs", 0.9, "top_a", 0.1, "smoothing_factor", 0.2),
                        "vLLM and llama.cpp differ. order: vLLM applies temperature, then smoothing_factor, then tfs,"
                                + " then top_a; llama.cpp applies smoothing_factor, then tfs, then top_a, then"
                                + " temperature."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("xtc_probability", 0.5, "top_k", 40),
                        "vLLM and llama.cpp differ. vLLM refuses them: vLLM has no xtc_probability: leave it unset, or"
                                + " use the llama.cpp dialect or a pipeline of your own. top_k: vLLM keeps every token that"
                                + " ties with the k-th; llama.cpp keeps exactly k tokens."),
                Arguments.of(
                        transformers,
                        llamaCpp,
                        Map.of("mirostat", 2, "top_p", 0.9, "repetition_penalty", 1.1),
                        "transformers and llama.cpp differ. transformers refuses them: transformers has no mirostat:"
                                + " leave it unset, or use the llama.cpp dialect or a pipeline of your own."
                                + " repetition_penalty: transformers counts the whole prompt and output; llama.cpp"
                                + " drops it, as mirostat replaces the chain. top_p: transformers takes it as it is;"
                                + " llama.cpp drops it, as mirostat replaces the chain."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0.7, "top_p", 0.9, "min_p", 0.1, "tfs", 0.9, "samplers", "tpm"),
                        "vLLM and llama.cpp differ. vLLM refuses them: vLLM has no samplers: leave it unset, or use"
                                + " the llama.cpp dialect or a pipeline of your own. order: vLLM applies temperature,"
                                + " then min_p, then top_p, then tfs; llama.cpp applies temperature, then top_p, then"
                                + " min_p, then tfs."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 0, "samplers", "k", "top_k", 3),
                        "vLLM and llama.cpp differ. vLLM refuses them: vLLM has no samplers: leave it unset, or use"
                                + " the llama.cpp dialect or a pipeline of your own. temperature: vLLM decodes"
                                + " greedily; llama.cpp drops it, as samplers does not name it. top_k: vLLM ignores"
                                + " it, as it decodes greedily; llama.cpp keeps exactly k tokens."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("top_k", 3, "top_p", 0.9, "samplers", List.of("top_k")),
                        "vLLM and llama.cpp differ. vLLM refuses them: vLLM has no samplers: leave it unset, or use"
                                + " the llama.cpp dialect or a pipeline of your own. top_k: vLLM keeps every token that ties"
                                + " with the k-th; llama.cpp keeps exactly k tokens. top_p: vLLM takes it as it is;"
                                + " llama.cpp drops it, as samplers does not name it."),
                Arguments.of(
                        vllm,
                        llamaCpp,
                        Map.of("temperature", 1, "top_p", 1, "seed", 3),
                        "vLLM and llama.cpp give the same distribution for these parameters."));
    }

    @ParameterizedTest
    @MethodSource
    void differences(Dialect a, Dialect b, Map<String, Object> json, String text) {
        assertThat(Dialect.difference(a, b, SamplingParameters.fromMap(json))).isEqualTo(text);
    }

    /** When it says that two give the same distribution, they do. */
    @Test
    void difference_none_isTrue() {
        int same = 0;
        for (long seed = 0; seed < 4000; seed++) {
            Random random = new Random(seed);
            SamplingParameters parameters = samplingOnly(random);
            Dialect a = Dialect.values()[random.nextInt(3)];
            Dialect b = Dialect.values()[random.nextInt(3)];
            if (Dialect.difference(a, b, parameters).contains("same distribution")) {
                same++;
                float[] logits = new float[40];
                for (int i = 0; i < logits.length; i++) {
                    logits[i] = Math.round(random.nextGaussian() * 8) / 4f;
                }
                assertThat(distribution(parameters.toPipeline(a), logits))
                        .as("seed %d, %s and %s, %s", seed, a, b, parameters)
                        .containsExactly(
                                distribution(parameters.toPipeline(b), logits),
                                org.assertj.core.api.Assertions.within(1e-5));
            }
        }
        assertThat(same).isGreaterThan(500);
    }

    private static SamplingParameters samplingOnly(Random random) {
        Map<String, Object> json = new TreeMap<>();
        json.put("temperature", random.nextInt(5) / 2.0);
        json.put("top_k", random.nextInt(12) - 1);
        json.put("top_p", random.nextInt(11) / 10.0);
        json.put("min_p", random.nextInt(5) / 8.0);
        json.put("typical_p", 0.1 + random.nextInt(10) / 10.0);
        json.put("top_a", random.nextInt(5) / 8.0);
        json.put("tfs", random.nextInt(11) / 10.0);
        json.put("smoothing_factor", random.nextInt(3) / 2.0);
        json.put("distinct_token_penalty", random.nextInt(3) - 1);
        json.put("min_tokens", random.nextInt(4));
        json.put("repetition_penalty", 0.8 + random.nextInt(5) / 10.0);
        json.put("presence_penalty", random.nextInt(3) - 1);
        json.put("frequency_penalty", random.nextInt(3) - 1);
        json.put("penalty_last_n", random.nextInt(6) - 1);
        json.put("logit_bias", Map.of(random.nextInt(40), random.nextInt(300) - 150));
        json.put("bad_words_token_ids", List.of(List.of(5, 6)));
        json.keySet().removeIf(name -> random.nextInt(5) > 1);
        return SamplingParameters.fromMap(json);
    }

    private static double[] distribution(SamplingPipeline pipeline, float[] logits) {
        SequenceSampler sequence = pipeline.start(new int[] {1, 2, 2, 5}, Vocabulary.ofRows(40), 1);
        sequence.accept(3);
        sequence.accept(5);
        sequence.accept(1);
        Logits left = sequence.process(logits.clone());
        if (pipeline.sampler() == Sampler.GREEDY) {
            int best = left.argmax();
            left.retainIf((id, logit) -> id == best);
        }
        double[] probabilities = new double[logits.length];
        double logSumExp = left.logSumExp();
        for (int i = 0; i < left.size(); i++) {
            probabilities[left.tokenId(i)] = Math.exp(left.get(i) - logSumExp);
        }
        return probabilities;
    }
}
