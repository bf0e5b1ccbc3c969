package dev.tempera.vllm;

/** A generation under way. */
interface Running {
    /** Ends it because the engine closes: whoever reads it finds out. From any thread. */
    void abort();
}
