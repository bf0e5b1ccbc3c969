package dev.tempera.app.process;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.InvalidParametersException;
import dev.tempera.Options;
import dev.tempera.SequenceSampler;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One case: what to run on which logits after which tokens. */
record PeerCase(
        @Nullable String peer,
        String processor,
        Map<String, @Nullable Object> params,
        int[] prompt,
        int[] generated,
        float[] logits) {
    /** The name under which every peer's whole chain goes. */
    static final String CHAIN = "chain";

    /** @throws InvalidParametersException if a field is missing or has another shape */
    static PeerCase read(JsonNode json) {
        JsonNode params = json.path("params");
        if (!params.isObject()) {
            throw new InvalidParametersException("params must be an object, got " + found(params));
        }
        JsonNode processor = json.path("processor");
        if (!processor.isTextual()) {
            throw new InvalidParametersException("processor must be a string, got " + found(processor));
        }
        return new PeerCase(
                json.path("peer").textValue(),
                processor.textValue(),
                Json.MAPPER.convertValue(params, new TypeReference<>() {}),
                tokenIds(json, "prompt"),
                tokenIds(json, "generated"),
                logits(json.path("logits")));
    }

    private static int[] tokenIds(JsonNode json, String field) {
        JsonNode list = json.path(field);
        if (list.isMissingNode()) {
            return new int[0];
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = list.path(i);
            if (!id.canConvertToExactIntegral() || !id.canConvertToInt() || id.intValue() < 0) {
                throw new InvalidParametersException(field + " must hold token ids of at least 0, got " + found(id));
            }
            ids[i] = id.intValue();
        }
        if (!list.isArray()) {
            throw new InvalidParametersException(field + " must be a list of token ids, got " + found(list));
        }
        return ids;
    }

    private static float[] logits(JsonNode list) {
        if (!list.isArray() || list.isEmpty()) {
            throw new InvalidParametersException(
                    "logits must be a list of at least one number, got " + (list.isArray() ? "none" : found(list)));
        }
        float[] logits = new float[list.size()];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = logit(list.path(i), i);
        }
        return logits;
    }

    private static float logit(JsonNode value, int at) {
        if (value.isNumber()) {
            return value.floatValue();
        }
        return switch (value.asText()) {
            case "-inf" -> Float.NEGATIVE_INFINITY;
            case "inf" -> Float.POSITIVE_INFINITY;
            case "nan" -> Float.NaN;
            default ->
                throw new InvalidParametersException(
                        "logits[" + at + "] must be a number, \"-inf\", \"inf\" or \"nan\", got " + found(value));
        };
    }

    private static String found(JsonNode node) {
        String text = node.isMissingNode() ? "none" : node.toString();
        return text.length() > 40 ? text.substring(0, 40) + "..." : text;
    }

    /** Whether the processor is the peer's last, so that the answer has probabilities. */
    boolean isChain() {
        return processor.startsWith(CHAIN) || processor.startsWith("mirostat") || processor.equals("adaptive_p");
    }

    /**
     * The answer: what is left of the logits.
     *
     * @throws dev.tempera.TemperaException if the case is not of this peer, unknown, or not allowed
     */
    String answer(JsonNode id, Peer dialect) {
        if (peer != null && !peer.equals(dialect.caseName())) {
            throw new InvalidParametersException("the case is for " + peer + ", but --dialect is " + dialect.option());
        }
        Options options = Options.of(params);
        Setup setup = dialect.names().setup(this, options);
        if (!options.unread().isEmpty()) {
            throw new InvalidParametersException("processor \"" + processor + "\" of " + dialect.caseName()
                    + " has no parameter " + String.join(", ", options.unread()) + "; it has "
                    + String.join(", ", options.asked()));
        }
        int[] history = Arrays.copyOf(prompt, prompt.length + generated.length);
        System.arraycopy(generated, 0, history, prompt.length, generated.length);
        int promptSize = Math.min(setup.promptSize(), history.length);
        SequenceSampler sampler = setup.pipeline()
                .start(
                        Arrays.copyOf(history, promptSize),
                        setup.vocabulary(),
                        setup.stopTokenIds().stream()
                                .mapToInt(Integer::intValue)
                                .toArray(),
                        0);
        for (int i = promptSize; i < history.length; i++) {
            sampler.accept(history[i]);
        }
        return Answers.of(id, isChain(), sampler.distribution(logits.clone()), setup.removed());
    }
}
