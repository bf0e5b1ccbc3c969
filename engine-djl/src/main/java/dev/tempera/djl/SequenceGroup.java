package dev.tempera.djl;

import dev.tempera.engine.FinishReason;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Sequences with one and the same prompt, and negative prompt if they have one, that are decoded together: a prompt is
 * read once, and every step reads the weights once for all of them. Each has its own sampling. Belongs to the decode
 * thread.
 */
final class SequenceGroup {
    private final List<Branch> branches; // the prompt's, and the negative prompt's if there is one
    private final List<Sequence> rows;
    private boolean promptsRead;
    private float[] logits = new float[0]; // one row, for the sampler to overwrite
    private float[] negativeLogits = new float[0];

    /** @param prompts the prompt, and the negative prompt if there is one */
    SequenceGroup(List<int[]> prompts, List<Sequence> sequences) {
        this.branches = prompts.stream().map(Branch::new).toList();
        this.rows = new ArrayList<>(sequences);
    }

    /** Whether a step would do anything now: every reader has room, or one of them is gone. */
    boolean isRunnable(long unreadLimitNanos) {
        boolean room = true;
        for (Sequence row : rows) {
            if (isGone(row, unreadLimitNanos)) {
                return true;
            }
            room &= row.stream().hasRoom();
        }
        return room;
    }

    boolean isFinished() {
        return rows.isEmpty();
    }

    /** Reads a piece of the prompt, or generates one token for every row. */
    void step(Decoder decoder, long unreadLimitNanos) {
        endThoseGone(unreadLimitNanos);
        if (rows.isEmpty()) {
            return;
        }
        rows.forEach(Sequence::begin);
        if (promptsRead) {
            generate(decoder);
        } else {
            readPrompts(decoder);
        }
    }

    private void readPrompts(Decoder decoder) {
        for (Branch branch : branches) {
            if (!branch.isRead()) {
                branch.readPrompt(decoder);
                break;
            }
        }
        promptsRead = branches.stream().allMatch(Branch::isRead);
        if (promptsRead) {
            logits = new float[decoder.vocabSize()];
            negativeLogits = new float[branches.size() == 1 ? 0 : decoder.vocabSize()];
            sample();
            dropFinished();
        }
    }

    private void generate(Decoder decoder) {
        branches.forEach(branch -> branch.readNewest(decoder, rows));
        sample();
        dropFinished();
    }

    private void sample() {
        for (int i = 0; i < rows.size(); i++) {
            branches.get(0).copyLogits(i, logits);
            if (branches.size() > 1) {
                branches.get(1).copyLogits(i, negativeLogits);
                rows.get(i).provideNegative(negativeLogits);
            }
            rows.get(i).advance(logits);
        }
    }

    private void dropFinished() {
        int[] kept = IntStream.range(0, rows.size())
                .filter(i -> !rows.get(i).isFinished())
                .toArray();
        rows.removeIf(Sequence::isFinished);
        if (promptsRead) {
            branches.forEach(branch -> branch.keep(kept));
        }
    }

    void endThoseGone(long unreadLimitNanos) {
        for (Sequence row : rows) {
            if (isGone(row, unreadLimitNanos)) {
                row.finish(row.stream().isCancelled() ? FinishReason.CANCELLED : FinishReason.ABORT);
            }
        }
        dropFinished();
    }

    private static boolean isGone(Sequence row, long unreadLimitNanos) {
        return row.stream().isCancelled() || row.stream().nanosUnread(System.nanoTime()) > unreadLimitNanos;
    }

    void finishAll(FinishReason reason) {
        while (!rows.isEmpty()) {
            rows.remove(0).finish(reason);
        }
    }

    void failAll(RuntimeException cause) {
        while (!rows.isEmpty()) {
            rows.remove(0).fail(cause);
        }
    }

    void free() {
        branches.forEach(Branch::free);
    }
}
