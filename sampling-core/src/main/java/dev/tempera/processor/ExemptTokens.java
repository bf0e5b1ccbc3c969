package dev.tempera.processor;

import dev.tempera.Acceptance;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Keeps some tokens out of a processor's reach: whatever it does to their logits is undone. For punctuation, markup or
 * names that a penalty must not wear down. Tokens that the processor narrows away stay away.
 *
 * <p>Asked for in text-generation-inference (issue 1170) and transformers (issue 26902).
 * Immutable and thread-safe if the processor is. O(number of ids) beside the processor's cost, no allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 * @param processor the processor that does not see them changed
 */
public record ExemptTokens(List<Integer> tokenIds, LogitsProcessor processor) implements LogitsProcessor {
    private static final String NAME = "exempt_tokens";

    /** @throws InvalidParametersException if the list is empty or an id is negative */
    public ExemptTokens {
        tokenIds = TokenIds.set(NAME, tokenIds);
    }

    /** What the processor needs. */
    @Override
    public Set<String> needsLogits() {
        return processor.needsLogits();
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        return new OfSequence(TokenIds.of(NAME, tokenIds, context), processor.forSequence(context));
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        new OfSequence(TokenIds.array(tokenIds), processor).process(logits, context);
    }

    /** The state is the processor's. */
    private static final class OfSequence implements LogitsProcessor {
        private final int[] exempt;
        private final float[] before;
        private final LogitsProcessor processor;

        OfSequence(int[] exempt, LogitsProcessor processor) {
            this.exempt = exempt;
            this.before = new float[exempt.length];
            this.processor = processor;
        }

        @Override
        public void process(Logits logits, SamplingContext context) {
            for (int i = 0; i < exempt.length; i++) {
                before[i] = logits.ofToken(exempt[i]);
            }
            processor.process(logits, context);
            for (int i = 0; i < exempt.length; i++) {
                logits.setToken(exempt[i], before[i]);
            }
        }

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            return processor.accept(tokenId, context);
        }

        @Override
        public boolean mayRewind() {
            return processor.mayRewind();
        }

        @Override
        public void rewound(int[] takenBack, SamplingContext context) {
            processor.rewound(takenBack, context);
        }

        @Override
        public @Nullable Object snapshot() {
            return processor.snapshot();
        }

        @Override
        public void restore(@Nullable Object snapshot) {
            processor.restore(snapshot);
        }
    }
}
