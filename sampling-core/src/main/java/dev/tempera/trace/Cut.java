package dev.tempera.trace;

import dev.tempera.LogitsProcessor;
import dev.tempera.Ties;
import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopA;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import org.jspecify.annotations.Nullable;

/** A processor that keeps the largest logits, down to somewhere. Certain only where bounds and rounding allow it. */
@FunctionalInterface
interface Cut {
    /** More than the rounding of sums in double, and than what {@code Logits} allows itself. */
    double MARGIN = 1e-9;

    Verdict verdict(Place place, World world);

    /** Null for a processor that is none of the known cuts. */
    static @Nullable Cut of(LogitsProcessor processor) {
        if (processor instanceof Temperature) {
            return minP(1); // so cold that only the largest are left
        } else if (processor instanceof TopK topK) {
            return topK(topK.k(), topK.ties());
        } else if (processor instanceof TopP topP) {
            return topP.p() < 1 ? keeping(topP.minKeep(), topP(topP.p())) : ALL;
        } else if (processor instanceof MinP minP) {
            return minP.p() > 0 ? keeping(minP.minKeep(), minP(minP.p())) : ALL;
        } else if (processor instanceof TopA topA) {
            return topA.a() > 0 ? keeping(topA.minKeep(), topA(topA.a())) : ALL;
        } else if (processor instanceof EpsilonCutoff cutoff) {
            return cutoff.epsilon() > 0 ? keeping(cutoff.minKeep(), epsilon(cutoff.epsilon())) : ALL;
        } else if (processor instanceof TopNSigma sigma) {
            return keeping(sigma.minKeep(), topNSigma(sigma.n()));
        }
        return null;
    }

    /** Cuts nothing. */
    Cut ALL = (place, world) -> Verdict.STAYS;

    static Cut topK(int k, Ties ties) {
        return ties == Ties.KEEP_ALL
                ? (place, world) -> Verdict.of(place.greaterHigh() < k, place.greaterLow() >= k)
                : (place, world) -> Verdict.of(place.rankHigh() < k, place.rankLow() >= k);
    }

    private static Cut topP(double p) {
        return (place, world) -> Verdict.of(
                place.beforeHigh() * (1 - p) < place.restLow() * p * (1 - MARGIN),
                place.beforeLow() * (1 - p) >= place.restHigh() * p * (1 + MARGIN));
    }

    private static Cut minP(double p) {
        double ln = StrictMath.log(p);
        return (place, world) ->
                Verdict.of(place.logitLow() >= world.maxHigh() + ln, place.logitHigh() < world.maxLow() + ln);
    }

    private static Cut topA(double a) {
        double ln = StrictMath.log(a);
        return (place, world) -> Verdict.of(
                place.logitLow() >= ln + 2 * world.maxHigh() - world.logSumLow() + MARGIN,
                place.logitHigh() < ln + 2 * world.maxLow() - world.logSumHigh() - MARGIN);
    }

    private static Cut epsilon(double epsilon) {
        double ln = StrictMath.log(epsilon);
        return (place, world) -> Verdict.of(
                place.logitLow() >= ln + world.logSumHigh() + MARGIN,
                place.logitHigh() < ln + world.logSumLow() - MARGIN);
    }

    private static Cut topNSigma(double n) {
        return (place, world) -> {
            Bounds sigma = world.sigma();
            double scale = 1 + n * sigma.upper();
            return Verdict.of(
                    place.logitLow() >= world.maxHigh() - n * sigma.lower() + MARGIN * scale,
                    place.logitHigh() < world.maxLow() - n * sigma.upper() - MARGIN * scale);
        };
    }

    private static Cut keeping(int minKeep, Cut cut) {
        return (place, world) -> {
            if (place.rankHigh() < minKeep) {
                return Verdict.STAYS;
            }
            Verdict verdict = cut.verdict(place, world);
            // What ties with the last of those that must stay may stay, too.
            return verdict == Verdict.GOES && place.greaterLow() < minKeep ? Verdict.UNKNOWN : verdict;
        };
    }
}
