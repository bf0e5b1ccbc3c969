package dev.tempera.testkit;

import dev.tempera.Acceptance;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import org.jspecify.annotations.Nullable;

/**
 * Lets a generation begin as it would and takes its second and third token back when they come as given; from then on the
 * second is another. Only the instance of a sequence says that it may rewind.
 */
record TakesBack(int second, int third) implements LogitsProcessor {
    @Override
    public void process(Logits logits, SamplingContext context) {
        throw new IllegalStateException("only the instance of a sequence runs");
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        return new LogitsProcessor() {
            private boolean learnt;

            @Override
            public void process(Logits logits, SamplingContext current) {
                if (learnt && current.history().generatedSize() == 1) {
                    logits.mask(second);
                }
            }

            @Override
            public Acceptance accept(int tokenId, SamplingContext current) {
                int generated = current.history().generatedSize();
                if (generated == 2 && tokenId == second) {
                    return Acceptance.HOLD;
                }
                int before = current.history().get(current.history().size() - 2);
                return generated == 3 && before == second && tokenId == third ? Acceptance.rewind(2) : Acceptance.EMIT;
            }

            @Override
            public boolean mayRewind() {
                return true;
            }

            @Override
            public void rewound(int[] takenBack, SamplingContext current) {
                learnt = true;
            }

            @Override
            public @Nullable Object snapshot() {
                return learnt;
            }

            @Override
            public void restore(@Nullable Object snapshot) {
                learnt = Boolean.TRUE.equals(snapshot);
            }
        };
    }
}
