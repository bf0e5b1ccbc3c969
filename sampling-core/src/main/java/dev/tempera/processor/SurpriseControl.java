package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.RandomPurpose;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Mirostat on one sequence: how it narrows the candidates is the version's, what it learns is the same. */
final class SurpriseControl implements Sampler {
    static final double LN2 = StrictMath.log(2);

    private static final int NONE = -1;

    private final double tau;
    private final double eta;
    private final Narrowing narrowing;
    private double mu;
    // Between sample and accept alone: what accept will learn from.
    private int drawn = NONE;
    private double surprise;

    SurpriseControl(double tau, double eta, Narrowing narrowing) {
        this.tau = tau;
        this.eta = eta;
        this.narrowing = narrowing;
        mu = 2 * tau;
    }

    static void require(double tau, double eta) {
        Require.that(tau >= 0 && tau <= Float.MAX_VALUE, "tau", "be a finite number of at least 0 bits", tau);
        Require.that(eta >= 0 && eta <= Float.MAX_VALUE, "eta", "be a finite number of at least 0", eta);
    }

    @Override
    public int sample(Logits logits, SamplingContext context) {
        shape(logits, context);
        drawn = logits.draw(context.uniform(RandomPurpose.DRAW));
        surprise = (logits.logSumExp() - logits.ofToken(drawn)) / LN2;
        return drawn;
    }

    @Override
    public void shape(Logits logits, SamplingContext context) {
        if (logits.max() > Float.NEGATIVE_INFINITY) { // else the draw says what is wrong
            narrowing.narrow(logits, mu);
        }
    }

    @Override
    public void accept(int tokenId, SamplingContext context) {
        if (tokenId == drawn && Double.isFinite(surprise)) { // a logit of +inf has no surprise that is a number
            mu -= eta * (surprise - tau);
        }
        drawn = NONE;
    }

    @Override
    public Object snapshot() {
        return mu;
    }

    @Override
    public void restore(@Nullable Object snapshot) {
        mu = (Double) Objects.requireNonNull(snapshot);
        drawn = NONE;
    }

    /** Keeps what mu allows. */
    @FunctionalInterface
    interface Narrowing {
        void narrow(Logits logits, double mu);
    }
}
