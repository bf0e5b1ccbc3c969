package dev.tempera.testkit.vllm;

import org.jspecify.annotations.Nullable;

/** The server says no. */
final class Refusal extends RuntimeException {
    final int status;
    final String type;
    final @Nullable String param;
    private boolean byTheEngine;

    Refusal(int status, String type, String message, @Nullable String param) {
        super(message);
        this.status = status;
        this.type = type;
        this.param = param;
    }

    /** The same, but found only by the engine: a stream has then begun, and says it as its first event. */
    Refusal byTheEngine() {
        byTheEngine = true;
        return this;
    }

    boolean isByTheEngine() {
        return byTheEngine;
    }

    /** What vLLM's own validation says, without a parameter's name. */
    static Refusal badRequest(String message) {
        return new Refusal(400, "BadRequestError", message, null);
    }

    /** What vLLM's own validation says of a parameter. */
    static Refusal badParameter(String name, String message) {
        return new Refusal(400, "BadRequestError", message + " (parameter=" + name + ")", name);
    }

    static Refusal badParameter(String name, Object value, String message) {
        return new Refusal(
                400, "BadRequestError", message + " (parameter=" + name + ", value=" + Python.text(value) + ")", name);
    }

    static Refusal notFound(String model, String servedName) {
        return new Refusal(
                404,
                "NotFoundError",
                "The model `" + model + "` does not exist. Valid aliases: " + servedName + ".",
                "model");
    }
}
