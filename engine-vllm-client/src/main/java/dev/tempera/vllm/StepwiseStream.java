package dev.tempera.vllm;

import dev.tempera.SequenceSampler;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Tokenizer;
import java.nio.channels.ClosedByInterruptException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A generation whose tokens are drawn here, see {@link StepwiseDecoder}. A step is asked for when a chunk is. */
final class StepwiseStream implements TokenStream, Running {
    private final Steps steps;
    private final StepwiseDecoder decoder;
    private final SequenceSampler sampler;
    private final Tokenizer tokenizer;
    private final Generation generation;
    private final BooleanSupplier engineClosed;
    private final Consumer<Running> ended;
    private final int maxTokens;
    private final @Nullable Integer logprobs;
    private final Deque<GenerationChunk> chunks = new ArrayDeque<>();
    private final StringBuilder readText = new StringBuilder();
    private final List<Integer> readIds = new ArrayList<>();
    private final List<Double> unseen = new ArrayList<>();
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private volatile boolean cancelled;

    /**
     * @param decoder of the same steps and sampler
     * @param logits whether the server shows logits rather than log-probabilities
     */
    StepwiseStream(
            Generation.Settings settings,
            Steps steps,
            SequenceSampler sampler,
            StepwiseDecoder decoder,
            Tokenizer tokenizer,
            boolean logits,
            BooleanSupplier engineClosed,
            Consumer<Running> ended) {
        this.steps = steps;
        this.sampler = sampler;
        this.decoder = decoder;
        this.tokenizer = tokenizer;
        this.engineClosed = engineClosed;
        this.ended = ended;
        this.maxTokens = settings.maxTokens();
        this.logprobs = settings.request().logprobs();
        TokenDecoder textDecoder = tokenizer.decoder();
        this.generation = new Generation(settings, textDecoder, new Generation.Output() {
            @Override
            public void put(GenerationChunk chunk) {
                chunks.add(chunk);
            }

            @Override
            public void end(GenerationResult whole) {
                result = whole;
            }

            @Override
            public void fail(GenerationException why) {
                failure = why;
            }
        });
        generation.logprobsStage(logits ? Logprobs.Stage.RAW_LOGITS : Logprobs.Stage.RAW_LOGPROBS);
        if (!logits) {
            generation.details(Map.of("stepwise_unseen_masses", Collections.unmodifiableList(unseen)));
        }
    }

    /** For {@link GenerationResult#details}. */
    void details(Map<String, ?> more) {
        generation.details(more);
    }

    @Override
    public boolean hasNext() {
        while (chunks.isEmpty() && !generation.isFinished()) {
            advance();
        }
        if (generation.isFinished()) {
            ended.accept(this);
        }
        if (cancelled && !chunks.isEmpty()) {
            cancelUnread();
        }
        if (chunks.isEmpty() && failure != null) {
            throw failure;
        }
        return !chunks.isEmpty();
    }

    private void advance() {
        if (cancelled || engineClosed.getAsBoolean()) {
            generation.finish(cancelled ? FinishReason.CANCELLED : FinishReason.ABORT);
            return;
        }
        try {
            generation.begin();
            step();
        } catch (VllmException e) {
            if (e.getCause() instanceof ClosedByInterruptException) {
                cancel(); // the caller wants its thread back; the interrupt stays set
            }
            if (cancelled || engineClosed.getAsBoolean()) {
                generation.finish(cancelled ? FinishReason.CANCELLED : FinishReason.ABORT);
            } else {
                generation.fail(e::withPartialResult);
            }
        } catch (RuntimeException | Error e) {
            generation.fail(e);
        }
    }

    private void step() {
        StepwiseDecoder.Drawn drawn =
                decoder.next(maxTokens - generation.tokenIds().size());
        int generated = sampler.history().generatedSize(); // less than before if tokens were taken back
        unseen.add(drawn.unseen());
        unseen.subList(generated, unseen.size()).clear();
        generation.details(decoder.details());
        generation.accept(drawn.tokenId(), sampler.acceptance(), position(drawn));
    }

    private Logprobs.@Nullable Position position(StepwiseDecoder.Drawn drawn) {
        if (logprobs == null) {
            return null;
        }
        int[] ids = drawn.step().tokenIds();
        float[] values = drawn.step().values();
        List<Integer> falling = IntStream.range(0, ids.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -values[i]))
                .toList();
        List<Logprobs.Token> top = new ArrayList<>();
        Logprobs.Token own = new Logprobs.Token(drawn.tokenId(), text(drawn.tokenId()), Double.NEGATIVE_INFINITY, 0);
        for (int rank = 1; rank <= falling.size(); rank++) {
            int i = falling.get(rank - 1);
            if (rank > logprobs && ids[i] != drawn.tokenId()) {
                continue;
            }
            Logprobs.Token token = new Logprobs.Token(ids[i], text(ids[i]), values[i], rank);
            own = ids[i] == drawn.tokenId() ? token : own;
            if (rank <= logprobs) {
                top.add(token);
            }
        }
        return new Logprobs.Position(own, top);
    }

    private String text(int tokenId) {
        return tokenizer.isSpecial(tokenId) ? tokenizer.token(tokenId) : tokenizer.decode(new int[] {tokenId});
    }

    @Override
    public GenerationChunk next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the stream has ended");
        }
        GenerationChunk chunk = chunks.remove();
        readText.append(chunk.text());
        readIds.addAll(chunk.tokenIds());
        return chunk;
    }

    @Override
    public GenerationResult result() {
        while (hasNext()) {
            next();
        }
        if (result == null) {
            throw new IllegalStateException("the stream has ended without a result");
        }
        return result;
    }

    /** What was generated and not read does not belong to the text. */
    private void cancelUnread() {
        generation.finish(FinishReason.CANCELLED);
        chunks.clear();
        GenerationResult whole = result;
        if (whole != null) {
            Logprobs all = whole.logprobs();
            result = GenerationResult.builder()
                    .text(readText.toString())
                    .tokenIds(readIds)
                    .finishReason(FinishReason.CANCELLED)
                    .usage(whole.usage())
                    .effectiveParameters(whole.effectiveParameters())
                    .logprobs(
                            all == null
                                    ? null
                                    : new Logprobs(all.stage(), all.positions().subList(0, readIds.size())))
                    .details(whole.details())
                    .build();
        }
    }

    /** Because the engine closes: the reader finds out. */
    @Override
    public void abort() {
        steps.cancel();
    }

    @Override
    public void cancel() {
        cancelled = true;
        steps.cancel();
    }

    @Override
    public void close() {
        cancel();
        while (!generation.isFinished()) {
            advance();
        }
        ended.accept(this);
    }
}
