package dev.tempera.vllm;

import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import java.nio.channels.ClosedByInterruptException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The texts of one request for several: their pieces come in any order. For one thread, save {@link #abort}. */
final class ManyTexts implements Running {
    private final EventStream events;
    private final BooleanSupplier engineClosed;

    ManyTexts(EventStream events, BooleanSupplier engineClosed) {
        this.events = events;
        this.engineClosed = engineClosed;
    }

    /** Where one text goes: nobody reads its chunks. */
    static final class Kept implements Generation.Output {
        private @Nullable GenerationResult result;
        private @Nullable GenerationException failure;

        @Override
        public void put(GenerationChunk chunk) {}

        @Override
        public void end(GenerationResult whole) {
            result = whole;
        }

        @Override
        public void fail(GenerationException cause) {
            failure = cause;
        }

        GenerationResult result() {
            if (failure != null) {
                throw failure;
            }
            return Objects.requireNonNull(result);
        }
    }

    /** Reads all to their end; each receiver's output keeps its result, or the failure. */
    void read(List<Receiver> receivers) {
        for (Receiver receiver : receivers) {
            receiver.generation().begin();
            receiver.generation().details(Map.of("request_id", events.requestId()));
        }
        try {
            while (!areFinished(receivers)) {
                Event event = events.next();
                if (event == null) {
                    complete(receivers);
                } else {
                    take(event, receivers);
                }
            }
        } catch (ClosedByInterruptException e) {
            finish(receivers, FinishReason.CANCELLED); // the interrupt stays set
        } catch (VllmException e) {
            if (engineClosed.getAsBoolean()) {
                finish(receivers, FinishReason.ABORT);
            } else {
                receivers.forEach(receiver -> {
                    receiver.cut();
                    receiver.generation().fail(e::withPartialResult);
                });
            }
        } catch (RuntimeException | Error e) {
            receivers.forEach(receiver -> receiver.generation().fail(e));
        } finally {
            events.close();
        }
    }

    private static boolean areFinished(List<Receiver> receivers) {
        return receivers.stream().allMatch(receiver -> receiver.generation().isFinished());
    }

    private void take(Event event, List<Receiver> receivers) {
        for (Receiver receiver : receivers) {
            receiver.ofAll(event, receivers.size());
        }
        for (Event.Choice choice : event.choices()) {
            if (choice.index() < 0 || choice.index() >= receivers.size()) {
                throw new VllmException(
                                Reason.PROTOCOL,
                                "the server sent choice " + choice.index() + " where " + receivers.size()
                                        + " were asked for")
                        .withRequestId(events.requestId());
            }
            receivers.get(choice.index()).take(choice);
        }
    }

    private void complete(List<Receiver> receivers) {
        for (Receiver receiver : receivers) {
            receiver.complete(events.requestId());
        }
    }

    private static void finish(List<Receiver> receivers, FinishReason reason) {
        receivers.forEach(receiver -> receiver.generation().finish(reason));
    }

    @Override
    public void abort() {
        events.close();
    }
}
