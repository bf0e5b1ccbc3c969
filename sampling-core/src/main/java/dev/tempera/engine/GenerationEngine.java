package dev.tempera.engine;

import java.util.ArrayList;
import java.util.List;

/** Generates text with one model. Thread-safe; each stream is for one thread, save {@link TokenStream#cancel}. */
public interface GenerationEngine extends AutoCloseable {
    /** The model's name, for people and for logs. */
    String model();

    /** How every stage of the request would run; generates nothing. */
    GenerationPlan plan(GenerationRequest request);

    /**
     * Starts a generation.
     *
     * @throws UnsupportedRequestException if the plan rejects a stage
     * @throws dev.tempera.InvalidParametersException if the prompt is empty or longer than the context
     * @throws IllegalStateException if the engine is closed
     */
    TokenStream stream(GenerationRequest request);

    /** Generates to the end; see {@link #stream} for what it throws at once. */
    default GenerationResult generate(GenerationRequest request) {
        try (TokenStream stream = stream(request)) {
            return stream.result();
        }
    }

    /**
     * Generates for many requests; results in their order, the same as one by one. An engine that can, runs them in one
     * batch. The first failure ends all and is thrown.
     */
    default List<GenerationResult> generateAll(List<GenerationRequest> requests) {
        List<GenerationResult> results = new ArrayList<>(requests.size());
        for (GenerationRequest request : requests) {
            results.add(generate(request));
        }
        return results;
    }

    /** Ends running generations and frees what the engine holds. Any number of times. */
    @Override
    void close();
}
