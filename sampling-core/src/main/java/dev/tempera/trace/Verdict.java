package dev.tempera.trace;

/** Whether a cut leaves a candidate. */
enum Verdict {
    STAYS,
    GOES,
    UNKNOWN;

    /** STAYS where the first is certain, GOES where the second is. */
    static Verdict of(boolean stays, boolean goes) {
        return stays ? STAYS : goes ? GOES : UNKNOWN;
    }
}
