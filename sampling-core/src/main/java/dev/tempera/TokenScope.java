package dev.tempera;

/** Which part of the history a processor looks at. */
public enum TokenScope {
    /** What the model was given and what it wrote. */
    PROMPT_AND_GENERATED,
    /** Only what the model wrote: OpenAI's and vLLM's definition for presence and frequency penalty. */
    GENERATED
}
