package dev.tempera;

import java.util.Arrays;

/**
 * A cut by logit that masks instead of removing, as llama.cpp's {@code top_n_sigma}: what comes after it still counts the
 * tokens that are out, and so does its dynamic temperature.
 */
record MaskingCut(LogitsProcessor cut) implements LogitsProcessor {
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        float[] scratch = new float[context.vocabulary().rows()];
        Logits kept = Logits.wrap(scratch);
        return (logits, current) -> process(logits, kept, scratch, current);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }

    private void process(Logits logits, Logits kept, float[] scratch, SamplingContext context) {
        float[] values = logits.values();
        int size = logits.size();
        System.arraycopy(values, 0, scratch, 0, size);
        Arrays.fill(scratch, size, scratch.length, Float.NEGATIVE_INFINITY);
        kept.reset(scratch);
        cut.process(kept, context);
        float least = Float.POSITIVE_INFINITY;
        for (int i = 0; i < kept.size(); i++) {
            least = Math.min(least, kept.get(i));
        }
        for (int i = 0; i < size; i++) {
            if (values[i] < least) {
                values[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
