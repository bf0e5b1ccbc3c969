package dev.tempera.vllm;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Tokenizer;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.TopK;
import dev.tempera.vllm.StepwiseProcessors.Sight;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a pipeline comes to over the likeliest tokens of each step. A stage is called exact only if it can be proven
 * without looking at a step: it sees the whole vocabulary, or a {@code top_k} within what is listed has run before it, or
 * it only asks for a token's own logit and the largest one.
 *
 * @param candidates how many tokens are listed
 * @param processors one each, in their order
 */
record StepwiseView(int candidates, List<Part> processors, Part sampler) {
    /** What vLLM lists at most unless it was told otherwise. */
    private static final int DEFAULT_MAX_LOGPROBS = 20;

    /** One stage. @param reason why it is exact or not, or why it cannot be run */
    record Part(boolean isPossible, boolean exact, String reason) {
        private static Part exact(String reason) {
            return new Part(true, true, reason);
        }

        private static Part inexact(String reason) {
            return new Part(true, false, reason);
        }

        private static Part impossible(String reason) {
            return new Part(false, false, reason);
        }
    }

    /**
     * How many tokens of each step will be looked at. But for completions, one of as many as are asked for is the drawn
     * token, whether it is one of the likeliest or not: then one less.
     */
    static int candidates(Stepwise how, Capabilities server, int vocabulary, Route route) {
        int most = server.maxLogprobs() == null ? DEFAULT_MAX_LOGPROBS : server.maxLogprobs();
        int listed = most < 0 ? vocabulary : route == Route.COMPLETIONS || most >= vocabulary ? most : most - 1;
        int wanted = how.candidates() < 0 ? vocabulary : how.candidates();
        return Math.max(1, Math.min(Math.min(wanted, listed), vocabulary));
    }

    /** How many to ask for, to be told so many; -1 for all rows of the head, those included that are no token. */
    static int asked(int candidates, Capabilities server, int vocabulary, Route route) {
        if (candidates >= vocabulary) {
            return server.isAtLeast(0, 32).orElse(false) ? -1 : vocabulary;
        }
        return route == Route.COMPLETIONS ? candidates : candidates + 1;
    }

    static StepwiseView of(
            SamplingPipeline pipeline, Stepwise how, Capabilities server, @Nullable Tokenizer tokenizer, Route route) {
        int vocabulary = tokenizer == null ? Integer.MAX_VALUE : tokenizer.size();
        Walk walk = new Walk(candidates(how, server, vocabulary, route), vocabulary, logits(server), how);
        List<Part> parts = new ArrayList<>();
        for (LogitsProcessor processor : pipeline.processors()) {
            parts.add(walk.demanding(walk.step(processor)));
        }
        return new StepwiseView(walk.candidates, parts, walk.demanding(walk.sampler(pipeline.sampler())));
    }

    /** Whether the server shows logits rather than log-probabilities. */
    static boolean logits(Capabilities server) {
        Logprobs.Stage stage = server.logprobsStage();
        return stage == Logprobs.Stage.RAW_LOGITS || stage == Logprobs.Stage.PROCESSED_LOGITS;
    }

    /** Whether what the server shows is the model's own log-probabilities, whatever the temperature. */
    static boolean raw(Capabilities server) {
        return server.logprobsStage() == Logprobs.Stage.RAW_LOGPROBS;
    }

    private static final class Walk {
        private final int candidates;
        private final boolean whole;
        private final boolean logits;
        private final Stepwise how;
        private boolean inOrder = true; // no listed token has fallen behind one that is not listed
        private boolean narrowed; // only listed tokens are left, as they would be of the whole vocabulary

        Walk(int candidates, int vocabulary, boolean logits, Stepwise how) {
            this.candidates = candidates;
            this.whole = candidates >= vocabulary;
            this.logits = logits;
            this.how = how;
        }

        Part step(LogitsProcessor processor) {
            Sight sight = StepwiseProcessors.of(processor);
            if (sight == Sight.SIGN && !logits) {
                return Part.impossible("it looks at the sign of a logit, which log-probabilities do not have; a server"
                        + " started with --logprobs-mode raw_logits shows it");
            }
            if (sight == Sight.UNKNOWN && !logits) {
                inOrder = false;
                return Part.inexact(
                        "it sees log-probabilities of the " + candidates + " likeliest tokens, not logits of" + " all");
            }
            if (sight == Sight.SECOND_LOGITS
                    && !Set.of(SamplingContext.NEGATIVE).containsAll(processor.needsLogits())) {
                return Part.impossible("it needs the logits " + processor.needsLogits() + ", which no server gives");
            }
            if (whole) {
                return Part.exact("on the whole vocabulary");
            }
            if (sight == Sight.SECOND_LOGITS) {
                return Part.impossible(
                        "it needs both prompts' logits of the whole vocabulary: Stepwise.withCandidates(-1)"
                                + " and a server with --max-logprobs -1");
            }
            if (narrowed) {
                return Part.exact("on what top_k left");
            }
            return switch (sight) {
                case ORDER -> {
                    narrowed = inOrder && processor instanceof TopK topK && topK.k() < candidates;
                    yield inOrder
                            ? Part.exact("on the " + candidates + " likeliest tokens")
                            : Part.inexact(
                                    "a token that is not among the " + candidates + " likeliest could have come up");
                }
                case TOKEN -> {
                    inOrder = false;
                    yield Part.inexact("right for each of the " + candidates
                            + " likeliest tokens; others, which could come up, are missing");
                }
                case FORCED ->
                    Part.impossible("the token that it forces may not be among the " + candidates
                            + " likeliest: Stepwise.withCandidates(-1) and a server with --max-logprobs -1");
                default -> {
                    inOrder = false;
                    yield Part.inexact("it weighs all tokens, and sees the " + candidates
                            + " likeliest; the result tells the mass of the others");
                }
            };
        }

        Part sampler(Sampler sampler) {
            if (whole) {
                return Part.exact("on the whole vocabulary");
            }
            if (narrowed) {
                return Part.exact("on what top_k left");
            }
            if (sampler == Sampler.GREEDY && inOrder) {
                return Part.exact("the likeliest token is listed");
            }
            return Part.inexact(
                    "draws among the " + candidates + " likeliest tokens; the result tells the mass of the others");
        }

        /** What is not exact may be refused. */
        Part demanding(Part part) {
            return how.exactOnly() && part.isPossible && !part.exact
                    ? Part.impossible("exactness was demanded, and " + part.reason)
                    : part;
        }
    }

    /** Whether tokens can be drawn ahead: the sampler must draw from a distribution that it can tell. */
    static boolean canDraft(Sampler sampler) {
        return sampler == Sampler.CATEGORICAL || sampler == Sampler.GREEDY || sampler instanceof GumbelMax;
    }
}
