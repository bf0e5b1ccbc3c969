package dev.tempera;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A pipeline running on one sequence: what an engine holds for each row of its batch. Owns the history, the state of
 * the processors and the scratch space. Not thread-safe. No allocation per token after the first, unless a processor
 * may rewind.
 */
public final class SequenceSampler {
    /** A processor that forbids what it takes back cannot need as many; one that does not would never end. */
    private static final int MAX_REWINDS = 10_000;

    private static final int[] NONE = {};

    private final SamplingPipeline pipeline;
    private final Vocabulary vocabulary;
    private final int[] stopTokenIds;
    private final int[] rowsWithoutToken;
    private final TokenBuffer history;
    private final SamplingContext context;
    private final LogitsProcessor[] processors;
    private final Sampler sampler;
    private final boolean mayRewind;
    private final Acceptance[] answers;
    private int rewinds; // since the last token that stays
    // States before each token that may still be taken back, oldest first.
    private final List<Snapshot> held = new ArrayList<>(0);
    private Acceptance acceptance = Acceptance.EMIT;
    private @Nullable Logits working;

    SequenceSampler(SamplingPipeline pipeline, int[] prompt, Vocabulary vocabulary, int[] stopTokenIds, long seed) {
        this.pipeline = pipeline;
        this.vocabulary = vocabulary;
        this.stopTokenIds = stopTokenIds.clone();
        this.rowsWithoutToken = rowsWithoutToken(vocabulary);
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= vocabulary.rows()) {
                Require.that(
                        false,
                        "prompt token ids",
                        "be at least 0 and below the rows of the LM head (" + vocabulary.rows() + ")",
                        prompt[i] + " at position " + i);
            }
        }
        this.history = new TokenBuffer(
                prompt, pipeline.exemptsMarkupFromPenalties() ? id -> !vocabulary.isMarkup(id) : id -> true);
        this.context = new SamplingContext(history, vocabulary, stopTokenIds, seed);
        List<LogitsProcessor> configured = pipeline.processors();
        this.processors = new LogitsProcessor[configured.size()];
        boolean anyMayRewind = false;
        for (int i = 0; i < processors.length; i++) {
            processors[i] = configured.get(i).forSequence(context);
            anyMayRewind |= processors[i].mayRewind();
        }
        this.sampler = pipeline.sampler().forSequence(context);
        this.mayRewind = anyMayRewind;
        this.answers = new Acceptance[processors.length];
    }

    /**
     * Runs the processors on the logits of the next position, chooses a token and accepts it: {@link #accept} is for
     * tokens from elsewhere.
     *
     * @param logits one row of the LM head, {@code [vocabulary.rows()]}; overwritten
     * @return the token id; what to do with it is {@link #acceptance}
     * @throws InvalidLogitsException if no logit is a number above -inf
     */
    public int sample(float[] logits) {
        return sampleFrom(fresh(logits));
    }

    /**
     * As {@link #sample(float[])}, for candidates that were narrowed on a device.
     *
     * @param logits of the same vocabulary; overwritten
     */
    public int sample(Logits logits) {
        requireVocabulary(logits);
        return sampleFrom(logits);
    }

    private void requireVocabulary(Logits logits) {
        if (logits.vocabularySize() != vocabulary.rows()) {
            Require.that(
                    false,
                    "logits",
                    "be of a vocabulary as large as the LM head has rows (" + vocabulary.rows() + ")",
                    logits.vocabularySize());
        }
    }

    private int sampleFrom(Logits logits) {
        int tokenId = choose(process(logits));
        accept(tokenId);
        return tokenId;
    }

    /** As {@link #sample(float[])}, with the same result, and shows an observer every stage. For traces, not for speed. */
    public int sample(float[] logits, SamplingObserver observer) {
        Logits candidates = fresh(logits);
        maskRowsWithoutToken(candidates);
        observer.given(candidates, context);
        for (int i = 0; i < processors.length; i++) {
            processors[i].process(candidates, context);
            observer.processed(pipeline.processors().get(i), candidates);
        }
        Logits shaped = candidates.copy();
        sampler.shape(shaped, context);
        observer.shaped(pipeline.sampler(), shaped);
        int tokenId = choose(candidates);
        accept(tokenId);
        observer.accepted(tokenId, context);
        return tokenId;
    }

    /** Runs the processors alone: what the sampler is given. The state stays as it is. */
    public Logits process(float[] logits) {
        return process(fresh(logits));
    }

    /**
     * Runs the processors and draws nothing: the softmax of the result is the distribution of the next token, what the
     * sampler makes of it included. The state stays as it is.
     */
    public Logits distribution(float[] logits) {
        return distribution(fresh(logits));
    }

    /**
     * As {@link #distribution(float[])}, for candidates that were narrowed elsewhere.
     *
     * @param logits of the same vocabulary; overwritten
     */
    public Logits distribution(Logits logits) {
        requireVocabulary(logits);
        Logits processed = process(logits);
        sampler.shape(processed, context);
        return processed;
    }

    private Logits process(Logits logits) {
        maskRowsWithoutToken(logits);
        for (LogitsProcessor processor : processors) {
            processor.process(logits, context);
        }
        return logits;
    }

    private void maskRowsWithoutToken(Logits logits) {
        for (int id : rowsWithoutToken) {
            logits.mask(id);
        }
    }

    private int choose(Logits logits) {
        try {
            return sampler.sample(logits, context);
        } catch (InvalidLogitsException e) {
            throw new InvalidLogitsException(
                    "step " + history.generatedSize() + ": " + e.getMessage() + suspects(logits));
        }
    }

    private String suspects(Logits logits) {
        if (processors.length == 0) {
            return "";
        }
        return logits.size() < vocabulary.rows()
                ? "; or a stage before the constraints removed what they allow"
                : "; or a stage pushed them beyond the largest float, such as a temperature near 0";
    }

    /** Appends a token that was chosen elsewhere: forced, drafted, replayed. */
    public Acceptance accept(int tokenId) {
        if (mayRewind) {
            held.add(snapshot(history.size(), NONE, List.of()));
            context.held(held.size());
        }
        history.append(tokenId);
        context.forgetLogits();
        acceptance = Acceptance.EMIT;
        for (int i = 0; i < processors.length; i++) {
            Acceptance answer = processors[i].accept(tokenId, context);
            if (!mayRewind && !answer.equals(Acceptance.EMIT)) {
                throw new IllegalStateException(pipeline.processors().get(i) + " answered " + answer
                        + " although its mayRewind() says that it never does");
            }
            answers[i] = answer;
            acceptance = acceptance.and(answer);
        }
        sampler.accept(tokenId, context);
        if (mayRewind) {
            settle();
        }
        return acceptance;
    }

    /** Whether {@link #acceptance} may be anything but {@link Acceptance#EMIT}. */
    public boolean mayRewind() {
        return mayRewind;
    }

    /** What to do with the newest token. After a rewind the history is already back; the engine follows. */
    public Acceptance acceptance() {
        return acceptance;
    }

    private void settle() {
        if (acceptance.rewind() > held.size()) {
            throw new IllegalStateException("a processor wants to take back " + acceptance.rewind()
                    + " tokens, but only " + held.size() + " were held back: " + pipeline);
        }
        if (acceptance.rewind() > 0) {
            rewind(acceptance.rewind());
        } else if (acceptance.held() < held.size()) {
            held.subList(0, held.size() - acceptance.held()).clear();
            rewinds = 0;
        }
    }

    private void rewind(int tokens) {
        if (++rewinds > MAX_REWINDS) {
            throw new IllegalStateException("took tokens back " + MAX_REWINDS + " times without getting on: a processor"
                    + " takes back nearly all that may come, or lets the same token come again (see"
                    + " LogitsProcessor.rewound): " + pipeline);
        }
        int[] takenBack = newest(tokens);
        int keep = held.size() - tokens;
        goBackTo(held.get(keep));
        held.subList(keep, held.size()).clear();
        for (int i = 0; i < processors.length; i++) {
            if (answers[i].rewind() == tokens) {
                processors[i].rewound(takenBack, context);
            }
        }
    }

    public TokenHistory history() {
        return history;
    }

    /** What the processors of this sequence see. */
    public SamplingContext context() {
        return context;
    }

    /** Gives processors a second set of logits for this position alone, see {@link SamplingContext#logits}. */
    public void provideLogits(String name, float[] logits) {
        context.logits(name, logits);
    }

    /** The state of this sequence: how far it has come and what its processors remember. */
    public Snapshot snapshot() {
        int staying = history.size() - held.size();
        return snapshot(staying, newest(held.size()), List.copyOf(held));
    }

    private Snapshot snapshot(int staying, int[] heldTokenIds, List<Snapshot> held) {
        return new Snapshot(staying, history.fingerprint(staying), heldTokenIds, states(), held, acceptance);
    }

    private int[] newest(int tokens) {
        int[] newest = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            newest[i] = history.get(history.size() - tokens + i);
        }
        return newest;
    }

    private List<@Nullable Object> states() {
        List<@Nullable Object> states = new ArrayList<>(processors.length + 1);
        for (LogitsProcessor processor : processors) {
            states.add(processor.snapshot());
        }
        states.add(sampler.snapshot());
        return states;
    }

    /**
     * Goes back to an earlier state of this sequence. A snapshot does not hold the tokens that stay: to go more ways than
     * one from somewhere, {@link #fork}.
     *
     * @throws IllegalArgumentException if the snapshot is of a longer history, or of other tokens
     */
    public void restore(Snapshot snapshot) {
        int staying = snapshot.staying;
        if (staying >= history.promptSize()
                && staying <= history.size()
                && history.fingerprint(staying) != snapshot.fingerprint) {
            throw new IllegalArgumentException(
                    "cannot go back to this snapshot: the " + staying + " tokens before it are"
                            + " not those of this sequence, which has gone another way since; fork() where ways part");
        }
        goBackTo(snapshot);
        held.clear();
        held.addAll(snapshot.held);
        acceptance = snapshot.acceptance;
    }

    private void goBackTo(Snapshot snapshot) {
        history.truncate(snapshot.staying);
        for (int tokenId : snapshot.heldTokenIds) {
            history.append(tokenId);
        }
        context.forgetLogits();
        restoreStates(snapshot);
    }

    private void restoreStates(Snapshot snapshot) {
        for (int i = 0; i < processors.length; i++) {
            processors[i].restore(snapshot.states.get(i));
        }
        sampler.restore(snapshot.states.get(processors.length));
    }

    /** An independent sequence that continues from here, with a seed of its own. */
    public SequenceSampler fork(long seed) {
        int[] prompt = new int[history.promptSize()];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = history.get(i);
        }
        SequenceSampler copy = new SequenceSampler(pipeline, prompt, vocabulary, stopTokenIds, seed);
        for (int i = prompt.length; i < history.size(); i++) {
            copy.history.append(history.get(i));
        }
        copy.restoreStates(snapshot());
        copy.held.addAll(held);
        copy.acceptance = acceptance;
        return copy;
    }

    private Logits fresh(float[] logits) {
        if (logits.length != vocabulary.rows()) { // asked once per token: builds its message only if need be
            Require.that(
                    false,
                    "logits",
                    "have as many entries as the LM head has rows (" + vocabulary.rows() + ")",
                    logits.length);
        }
        Logits result = working;
        if (result == null) {
            result = Logits.wrap(logits);
            working = result;
        } else {
            result.reset(logits);
        }
        return result;
    }

    private static int[] rowsWithoutToken(Vocabulary vocabulary) {
        int[] rows = new int[vocabulary.rows()];
        int n = 0;
        for (int id = 0; id < rows.length; id++) {
            if (!vocabulary.isToken(id)) {
                rows[n++] = id;
            }
        }
        return java.util.Arrays.copyOf(rows, n);
    }

    /** A state to go back to. Immutable. */
    public static final class Snapshot {
        private final int staying;
        private final long fingerprint; // of the tokens that stay
        // They come back although they may have been taken back since.
        private final int[] heldTokenIds;
        private final List<@Nullable Object> states;
        // What could still be taken back then.
        private final List<Snapshot> held;
        private final Acceptance acceptance;

        private Snapshot(
                int staying,
                long fingerprint,
                int[] heldTokenIds,
                List<@Nullable Object> states,
                List<Snapshot> held,
                Acceptance acceptance) {
            this.staying = staying;
            this.fingerprint = fingerprint;
            this.heldTokenIds = heldTokenIds;
            this.states = states;
            this.held = held;
            this.acceptance = acceptance;
        }
    }
}
