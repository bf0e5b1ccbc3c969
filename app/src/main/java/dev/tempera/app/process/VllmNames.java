package dev.tempera.app.process;

import dev.tempera.Dialect;
import dev.tempera.Options;
import dev.tempera.SamplingParameters;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** vLLM: a processor is a label for the {@code SamplingParams} fields that are set; all run through its one chain. */
final class VllmNames implements PeerNames {
    /** Inside vLLM: the stop tokens that {@code min_tokens} masks. */
    private static final String STOPS = "all_stop_token_ids";

    private static final Map<String, List<String>> FIELDS = new TreeMap<>(Map.ofEntries(
            Map.entry("allowed_token_ids", List.of("allowed_token_ids")),
            Map.entry("bad_words", List.of("bad_words_token_ids")),
            Map.entry("min_tokens", List.of("min_tokens", STOPS)),
            Map.entry("logit_bias", List.of("logit_bias")),
            Map.entry("penalties", List.of("repetition_penalty", "frequency_penalty", "presence_penalty")),
            Map.entry("repetition_penalty", List.of("repetition_penalty")),
            Map.entry("frequency_penalty", List.of("frequency_penalty")),
            Map.entry("presence_penalty", List.of("presence_penalty")),
            Map.entry("temperature", List.of("temperature")),
            Map.entry("min_p", List.of("min_p")),
            Map.entry("top_k", List.of("top_k")),
            Map.entry("top_p", List.of("top_p")),
            Map.entry("top_k_top_p", List.of("top_k", "top_p")),
            Map.entry(
                    PeerCase.CHAIN,
                    List.of(
                            "allowed_token_ids",
                            "bad_words_token_ids",
                            "min_tokens",
                            STOPS,
                            "logit_bias",
                            "repetition_penalty",
                            "frequency_penalty",
                            "presence_penalty",
                            "temperature",
                            "min_p",
                            "top_k",
                            "top_p"))));

    @Override
    public Setup setup(PeerCase peerCase, Options params) {
        List<String> fields = FIELDS.get(peerCase.processor());
        if (fields == null) {
            throw PeerNames.unknown("vllm", peerCase.processor(), FIELDS.keySet());
        }
        Map<String, Object> parameters = new TreeMap<>();
        List<Integer> stops = List.of();
        for (String field : fields) {
            if (field.equals(STOPS)) {
                stops = params.getInts(STOPS);
            } else {
                Object value = params.get(field);
                if (value != null) {
                    parameters.put(field, value);
                }
            }
        }
        return Setup.of(peerCase, SamplingParameters.fromMap(parameters).toPipeline(Dialect.VLLM))
                .withStopTokenIds(stops);
    }
}
