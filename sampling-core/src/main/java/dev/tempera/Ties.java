package dev.tempera;

/** What a rank cut does with candidates whose logit equals that of the last one kept. */
public enum Ties {
    /** All of them stay, so more than k may remain: transformers and vLLM. */
    KEEP_ALL,
    /** Exactly k remain; among equals the lowest token ids: llama.cpp keeps exactly k as well, in no stated order. */
    LOWEST_IDS
}
