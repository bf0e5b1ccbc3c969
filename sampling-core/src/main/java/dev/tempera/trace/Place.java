package dev.tempera.trace;

/**
 * Where a candidate stands among all others, as far as it is known. {@code …Low} and {@code …High} are bounds. Masses are
 * sums of e^(logit - reference).
 *
 * @param logitLow its own logit
 * @param rankLow candidates before it by falling logit, equal ones by rising id
 * @param greaterLow candidates of greater logit
 * @param beforeLow mass of those before it
 * @param restLow mass of itself and of those behind it
 */
record Place(
        double logitLow,
        double logitHigh,
        int rankLow,
        int rankHigh,
        int greaterLow,
        int greaterHigh,
        double beforeLow,
        double beforeHigh,
        double restLow,
        double restHigh) {}
