package dev.tempera.testkit.vllm;

import dev.tempera.LogitsProcessor;
import dev.tempera.TokenHistory;
import dev.tempera.testkit.ByteTokenizer;
import java.util.List;

/** What the answer must say, or begin with. */
final class Constraint {
    private Constraint() {}

    /** One of these texts, and then the end of the turn. */
    static LogitsProcessor oneOf(ByteTokenizer tokenizer, List<String> texts) {
        List<int[]> choices = texts.stream().map(tokenizer::encode).toList();
        return (logits, context) -> {
            TokenHistory history = context.history();
            int said = history.generatedSize();
            int[] allowed = choices.stream()
                    .filter(choice -> choice.length >= said && beginsWith(choice, history, said))
                    .mapToInt(choice -> said < choice.length ? choice[said] : ByteTokenizer.END_OF_TURN)
                    .sorted()
                    .distinct()
                    .toArray();
            logits.maskAllExcept(allowed.length == 0 ? new int[] {ByteTokenizer.END_OF_TURN} : allowed);
        };
    }

    /** This text, and then anything. */
    static LogitsProcessor beginning(ByteTokenizer tokenizer, String text) {
        int[] beginning = tokenizer.encode(text);
        return (logits, context) -> {
            int said = context.history().generatedSize();
            if (said < beginning.length) {
                logits.maskAllExcept(new int[] {beginning[said]});
            }
        };
    }

    private static boolean beginsWith(int[] choice, TokenHistory history, int length) {
        for (int i = 0; i < length; i++) {
            if (history.get(history.promptSize() + i) != choice[i]) {
                return false;
            }
        }
        return true;
    }
}
