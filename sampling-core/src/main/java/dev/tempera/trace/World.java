package dev.tempera.trace;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * What the candidates of a step may be at some stage: tokens with their logits, and buckets of others. Where a cut may
 * fall in several places there are several worlds, one of which is the true one. Immutable.
 */
final class World {
    private final int rows;
    private final int[] ids; // ascending
    private final float[] logits; // above -inf
    private final List<Tail> tail;
    private final double reference;
    private final double known; // sum of e^(logit - reference)
    private final double tailLow;
    private final double tailHigh;
    private final Integer[] falling; // positions by falling logit, equal ones by rising id

    World(int rows, int[] ids, float[] logits, List<Tail> tail) {
        this.rows = rows;
        this.ids = ids;
        this.logits = logits;
        this.tail = tail;
        float max = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        reference = max;
        double sum = 0;
        for (float logit : logits) {
            sum += weight(logit);
        }
        known = sum;
        tailLow = tail.stream().mapToDouble(t -> t.leastWeight(reference)).sum();
        tailHigh = tail.stream().mapToDouble(t -> t.mostWeight(reference)).sum();
        falling = IntStream.range(0, ids.length).boxed().toArray(Integer[]::new);
        Arrays.sort(falling, Comparator.comparingDouble((Integer i) -> -(logits[i] + 0f)));
    }

    private double weight(float logit) {
        return logit == reference ? 1 : Math.exp(logit - reference);
    }

    /** Whether every candidate is known. */
    boolean isComplete() {
        return tail.isEmpty();
    }

    boolean isEmpty() {
        return ids.length == 0;
    }

    double maxLow() {
        return reference;
    }

    double maxHigh() {
        return tail.stream().mapToDouble(Tail::highest).reduce(reference, Math::max);
    }

    double logSumLow() {
        return reference + Math.log(known + tailLow);
    }

    double logSumHigh() {
        return reference + Math.log(known + tailHigh);
    }

    /** The standard deviation of the logits. */
    Bounds sigma() {
        // Relative to the reference. A sum of squares has its least at the means and its most at the ends.
        double count = 0;
        double sum = 0;
        double squaresLow = 0;
        double squaresHigh = 0;
        for (float logit : logits) {
            double x = logit - reference;
            count++;
            sum += x;
            squaresLow += x * x;
            squaresHigh += x * x;
        }
        double error = 0;
        for (Tail bucket : tail) {
            if (!bucket.isWhole()) {
                return new Bounds(0, Double.MAX_VALUE);
            }
            double low = bucket.low() - reference;
            double high = bucket.high() - reference;
            double mean = bucket.mean() - reference;
            count += bucket.most();
            sum += bucket.most() * mean;
            squaresLow += bucket.most() * mean * mean;
            // (high - mean) (mean - low) is the most that a variance between them can be.
            squaresHigh += bucket.most() * (mean * mean + Math.max(0, (high - mean) * (mean - low)));
            error = Math.max(error, bucket.error());
        }
        double mean = sum / count;
        double low = Math.sqrt(Math.max(0, squaresLow / count - mean * mean));
        double high = Math.sqrt(Math.max(0, squaresHigh / count - mean * mean));
        double slack = 2 * error + Cut.MARGIN * (1 + high + Math.abs(mean));
        return new Bounds(Math.max(0, low - slack), high + slack);
    }

    /** Runs a processor that needs all candidates, or touches listed ones alone. */
    World processed(LogitsProcessor processor, SamplingContext context, List<Tail> rest) {
        if (isEmpty()) {
            return this;
        }
        return ofLogits(run(logits -> processor.process(logits, context)), rest);
    }

    /** Lets somebody change the candidates listed. */
    Logits run(java.util.function.Consumer<Logits> change) {
        Logits candidates = Logits.ofCandidates(ids.clone(), logits.clone(), rows);
        change.accept(candidates);
        return candidates;
    }

    World ofLogits(Logits candidates, List<Tail> rest) {
        int[] left = IntStream.range(0, candidates.size())
                .filter(i -> candidates.get(i) > Float.NEGATIVE_INFINITY)
                .toArray();
        int[] leftIds = new int[left.length];
        float[] leftLogits = new float[left.length];
        for (int i = 0; i < left.length; i++) {
            leftIds[i] = candidates.tokenId(left[i]);
            leftLogits[i] = candidates.get(left[i]);
        }
        return new World(rows, leftIds, leftLogits, rest);
    }

    List<Tail> tail() {
        return tail;
    }

    /** Every world that a cut may leave. */
    List<World> cut(Cut cut) {
        Place[] places = knownPlaces();
        int sure = 0;
        while (sure < places.length && cut.verdict(places[sure], this) == Verdict.STAYS) {
            sure++;
        }
        int most = places.length;
        while (most > sure && cut.verdict(places[most - 1], this) == Verdict.GOES) {
            most--;
        }
        Verdict[] ofBuckets = new Verdict[tail.size()];
        for (int i = 0; i < ofBuckets.length; i++) {
            ofBuckets[i] = cut.verdict(place(i), this);
        }
        List<World> worlds = new ArrayList<>();
        for (int kept = sure; kept <= most; kept++) {
            worlds.add(cutAfter(kept, ofBuckets));
        }
        return worlds;
    }

    /** With so many of the listed candidates left; what stands above one that stays, stays. */
    private World cutAfter(int kept, Verdict[] ofBuckets) {
        double lastKept = kept > 0 ? logits[falling[kept - 1]] : Double.POSITIVE_INFINITY;
        double firstGone = kept < falling.length ? logits[falling[kept]] : Double.NEGATIVE_INFINITY;
        List<Tail> rest = new ArrayList<>();
        for (int i = 0; i < ofBuckets.length; i++) {
            Tail bucket = tail.get(i);
            if (ofBuckets[i] == Verdict.STAYS || bucket.lowest() > lastKept) {
                rest.add(bucket);
            } else if (ofBuckets[i] == Verdict.UNKNOWN && bucket.highest() >= firstGone) {
                rest.add(bucket.uncertain());
            }
        }
        int[] positions =
                Arrays.stream(falling, 0, kept).mapToInt(i -> i).sorted().toArray();
        int[] leftIds = Arrays.stream(positions).map(i -> ids[i]).toArray();
        float[] leftLogits = new float[kept];
        for (int i = 0; i < kept; i++) {
            leftLogits[i] = logits[positions[i]];
        }
        return new World(rows, leftIds, leftLogits, rest);
    }

    private Place[] knownPlaces() {
        Place[] places = new Place[falling.length];
        double before = 0;
        int greater = 0;
        for (int j = 0; j < places.length; j++) {
            float logit = logits[falling[j]];
            if (j > 0 && logit < logits[falling[j - 1]]) {
                greater = j;
            }
            places[j] = place(logit, logit, j, j, greater, greater, before, known - before, before, known - before, -1);
            before += weight(logit);
        }
        return places;
    }

    private Place place(int bucket) {
        Tail own = tail.get(bucket);
        int above = 0;
        int maybeAbove = 0;
        double massAbove = 0;
        double massMaybeAbove = 0;
        for (float logit : logits) {
            if (logit > own.highest()) {
                above++;
                massAbove += weight(logit);
            }
            if (logit >= own.lowest()) {
                maybeAbove++;
                massMaybeAbove += weight(logit);
            }
        }
        return place(
                own.lowest(),
                own.highest(),
                above,
                maybeAbove,
                above,
                maybeAbove,
                massAbove,
                known - massAbove,
                massMaybeAbove,
                known - massMaybeAbove,
                bucket);
    }

    /** Adds what the buckets may put before and behind. The figures of the listed candidates come as at best, at worst. */
    private Place place(
            double logitLow,
            double logitHigh,
            int rankLow,
            int rankHigh,
            int greaterLow,
            int greaterHigh,
            double beforeBest,
            double restBest,
            double beforeWorst,
            double restWorst,
            int self) {
        int surely = 0;
        int maybe = 0;
        double beforeLow = beforeBest;
        double beforeHigh = beforeWorst;
        double restLow = Math.max(0, restWorst);
        double restHigh = Math.max(0, restBest);
        for (int i = 0; i < tail.size(); i++) {
            Tail bucket = tail.get(i);
            if (i != self && bucket.lowest() > logitHigh) {
                surely += bucket.least();
                beforeLow += bucket.leastWeight(reference);
            } else {
                restHigh += bucket.mostWeight(reference);
            }
            if (i == self || bucket.highest() >= logitLow) {
                maybe += bucket.most();
                beforeHigh += bucket.mostWeight(reference);
            } else {
                restLow += bucket.leastWeight(reference);
            }
        }
        return new Place(
                logitLow,
                logitHigh,
                rankLow + surely,
                rankHigh + maybe,
                greaterLow + surely,
                greaterHigh + maybe,
                beforeLow,
                beforeHigh,
                restLow,
                restHigh);
    }

    /** Of drawing a token, if this is the true world. */
    Bounds logProbability(int tokenId) {
        int i = Arrays.binarySearch(ids, tokenId);
        if (i < 0) {
            return Bounds.exactly(Double.NEGATIVE_INFINITY);
        }
        double gap = logits[i] == reference ? 0 : logits[i] - reference;
        if (isComplete()) {
            return Bounds.exactly(gap - Math.log(known));
        }
        return new Bounds(
                gap - Math.log(known + tailHigh) - Cut.MARGIN,
                Math.min(0, gap - Math.log(known + tailLow) + Cut.MARGIN));
    }

    /** The token that a draw by ascending ids gives, if it is the same wherever the unlisted ones stand. */
    OptionalInt drawn(double uniform) {
        if (isComplete() && ids.length == 1) {
            return OptionalInt.of(ids[0]);
        }
        double before = 0;
        for (int i = 0; i < ids.length; i++) {
            double weight = weight(logits[i]);
            boolean reached = before + tailHigh <= uniform * (known + tailHigh) - 1e-6 * known;
            boolean inside = uniform * (known + tailHigh) < before + weight - 1e-6 * known;
            boolean certain = (reached || before == 0 && isComplete()) && inside;
            if (certain) {
                return OptionalInt.of(ids[i]);
            }
            before += weight;
        }
        return OptionalInt.empty();
    }
}
