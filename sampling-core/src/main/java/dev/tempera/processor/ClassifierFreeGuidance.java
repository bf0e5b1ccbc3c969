package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TemperaException;
import java.util.Set;

/**
 * Pushes the text away from what a second, negative prompt would give: {@code logit := scale (c - u) + u}, where c and u
 * are log probabilities under the prompt and under the negative prompt.
 *
 * <p>Source: Sanchez et al. 2023, "Stay on topic with Classifier-Free Guidance", arXiv 2306.17806. As transformers'
 * {@code UnbatchedClassifierFreeGuidanceLogitsProcessor}; exllamav2's {@code scale c + (1 - scale) u} is the same. It
 * belongs first in a pipeline: u is of the whole vocabulary, as the model gave it. A masked token stays masked; where
 * only u is -inf, c alone stays. If the largest logit is +inf, nothing changes.
 *
 * <p>The second logits are {@link SamplingContext#logits} of the name {@link SamplingContext#NEGATIVE}. Immutable and
 * thread-safe; scratch space of the vocabulary's size for each sequence. O(size) with the weights of two softmaxes, no
 * allocation.
 *
 * @param scale finite; above 1 away from the negative prompt, below 1 towards it, 1 changes nothing and needs no second
 *     logits
 */
public record ClassifierFreeGuidance(double scale) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the scale is not finite */
    public ClassifierFreeGuidance {
        Require.that(Math.abs(scale) <= Float.MAX_VALUE, "guidance_scale", "be a finite number", scale);
    }

    @Override
    public Set<String> needsLogits() {
        return scale == 1 ? Set.of() : Set.of(SamplingContext.NEGATIVE);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        float[] scratch = new float[context.vocabulary().rows()];
        Logits negative = Logits.wrap(scratch);
        return (logits, current) -> {
            if (scale != 1) {
                float[] given = given(current, scratch.length);
                System.arraycopy(given, 0, scratch, 0, scratch.length);
                guide(logits, negative);
            }
        };
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }

    /** @throws TemperaException if the engine gave no second logits, or not as many as the vocabulary has */
    private static float[] given(SamplingContext context, int rows) {
        float[] given = context.logits(SamplingContext.NEGATIVE);
        if (given == null) {
            throw new TemperaException("classifier_free_guidance found no logits of the negative prompt at step "
                    + context.history().generatedSize() + ": give the request a negative prompt and an engine that runs"
                    + " it, or call SequenceSampler.provideLogits(\"" + SamplingContext.NEGATIVE
                    + "\", logits) before each token");
        }
        if (given.length != rows) {
            throw new TemperaException("the logits \"" + SamplingContext.NEGATIVE + "\" must be " + rows
                    + ", one for each row of the LM head, got " + given.length);
        }
        return given;
    }

    private void guide(Logits logits, Logits negative) {
        if (Float.isInfinite(logits.max())) {
            return;
        }
        double logSumExp = logits.logSumExp();
        double negativeLogSumExp = negative.logSumExp();
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                double c = values[i] - logSumExp;
                double u = negative.get(logits.tokenId(i)) - negativeLogSumExp;
                values[i] = (float) (u > Double.NEGATIVE_INFINITY ? scale * (c - u) + u : c);
            }
        }
    }
}
