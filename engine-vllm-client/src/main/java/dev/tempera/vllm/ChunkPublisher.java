package dev.tempera.vllm;

import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.TokenStream;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Chunks for whoever subscribes, each a generation of his own, as fast as he asks for them: what he does not ask for is
 * not read. By Reactive Streams' rules (java.util.concurrent.Flow).
 */
final class ChunkPublisher implements Flow.Publisher<GenerationChunk> {
    private final Supplier<TokenStream> opener;
    private final Background background;

    ChunkPublisher(Supplier<TokenStream> opener, Background background) {
        this.opener = opener;
        this.background = background;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super GenerationChunk> subscriber) {
        subscriber.onSubscribe(new Reading(subscriber));
    }

    private final class Reading implements Flow.Subscription {
        private final Flow.Subscriber<? super GenerationChunk> subscriber;
        private final AtomicLong asked = new AtomicLong();
        private final AtomicBoolean working = new AtomicBoolean();
        private volatile boolean over;
        private volatile @Nullable TokenStream stream;

        Reading(Flow.Subscriber<? super GenerationChunk> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public void request(long number) {
            if (number <= 0) {
                fail(new IllegalArgumentException("a subscriber must ask for at least 1, got " + number));
                return;
            }
            asked.accumulateAndGet(number, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
            work();
        }

        private void work() {
            if (!over && asked.get() > 0 && working.compareAndSet(false, true)) {
                try {
                    background.run(this::read);
                } catch (RuntimeException e) {
                    fail(e);
                }
            }
        }

        private void read() {
            try {
                TokenStream reading = open();
                while (!over && asked.get() > 0) {
                    if (!reading.hasNext()) {
                        end();
                        return;
                    }
                    asked.decrementAndGet();
                    subscriber.onNext(reading.next());
                }
            } catch (Throwable e) {
                fail(e);
                return;
            } finally {
                working.set(false);
            }
            work(); // what was asked for since the last look
        }

        private TokenStream open() {
            TokenStream open = stream;
            if (open == null) {
                open = opener.get();
                stream = open;
                if (over) {
                    open.close();
                }
            }
            return open;
        }

        private void end() {
            if (!over) {
                over = true;
                subscriber.onComplete();
            }
        }

        private void fail(Throwable cause) {
            if (!over) {
                cancel();
                subscriber.onError(cause);
            }
        }

        @Override
        public void cancel() {
            over = true;
            TokenStream open = stream;
            if (open != null) {
                open.cancel();
            }
        }
    }
}
