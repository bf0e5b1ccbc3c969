package dev.tempera.engine;

import dev.tempera.trace.TraceStep;
import dev.tempera.trace.TracedCandidate;
import java.util.ArrayList;
import java.util.List;

/**
 * Log-probabilities of the generated tokens, natural logarithms. Immutable and thread-safe.
 *
 * @param stage what they are logarithms of: an engine states it, they are not comparable across stages
 * @param positions one for each generated token, in order
 */
public record Logprobs(Stage stage, List<Position> positions) {
    public Logprobs {
        positions = List.copyOf(positions);
    }

    /** At which stage of sampling the numbers were taken. */
    public enum Stage {
        /** The model's log-softmax, before any processor: not what the token was drawn with. */
        RAW_LOGPROBS,
        /** The log-softmax that the token was drawn from. */
        PROCESSED_LOGPROBS,
        /** The model's logits, no probabilities at all. */
        RAW_LOGITS,
        /** The logits that the token was drawn from. */
        PROCESSED_LOGITS
    }

    /**
     * @param drawn the token that was generated
     * @param top the most probable ones, falling; as many as were asked for, the drawn one among them if it is one
     */
    public record Position(Token drawn, List<Token> top) {
        public Position {
            top = List.copyOf(top);
        }

        /** From the model's own logits. */
        static Position raw(TraceStep step, int top) {
            List<Token> tokens = new ArrayList<>();
            for (TracedCandidate each :
                    step.candidates().subList(0, Math.min(top, step.candidates().size()))) {
                tokens.add(new Token(each.tokenId(), each.text(), step.rawLogProbability(each), tokens.size() + 1));
            }
            return new Position(new Token(step.tokenId(), step.text(), step.rawLogProbability(), step.rank()), tokens);
        }
    }

    /**
     * @param text of the token, as the engine shows it; empty if it does not
     * @param value -inf for a masked token
     * @param rank 1 for the most probable; 0 where the engine does not tell
     */
    public record Token(int tokenId, String text, double value, int rank) {}
}
