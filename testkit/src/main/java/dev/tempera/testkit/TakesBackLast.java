package dev.tempera.testkit;

import dev.tempera.Acceptance;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import org.jspecify.annotations.Nullable;

/** Takes some tokens back once, whatever they are: holds those that come after a number of others. */
record TakesBackLast(int after, int tokens) implements LogitsProcessor {
    @Override
    public void process(Logits logits, SamplingContext context) {}

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        return new LogitsProcessor() {
            private boolean done;

            @Override
            public void process(Logits logits, SamplingContext current) {}

            @Override
            public Acceptance accept(int tokenId, SamplingContext current) {
                int held = current.history().generatedSize() - after;
                if (done || held < 1) {
                    return Acceptance.EMIT;
                }
                return held < tokens ? Acceptance.HOLD : Acceptance.rewind(tokens);
            }

            @Override
            public boolean mayRewind() {
                return true;
            }

            @Override
            public void rewound(int[] takenBack, SamplingContext current) {
                done = true;
            }

            @Override
            public @Nullable Object snapshot() {
                return done;
            }

            @Override
            public void restore(@Nullable Object snapshot) {
                done = Boolean.TRUE.equals(snapshot);
            }
        };
    }
}
