package dev.tempera.vllm;

import dev.tempera.TemperaException;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.TokenStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Generates for many requests, some at a time. The first failure ends all. */
final class Together {
    private final Function<GenerationRequest, TokenStream> opener;
    private final List<GenerationRequest> requests;
    private final Background background;
    private final AtomicReferenceArray<GenerationResult> results;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Set<TokenStream> open = ConcurrentHashMap.newKeySet();

    Together(Function<GenerationRequest, TokenStream> opener, List<GenerationRequest> requests, Background background) {
        this.opener = opener;
        this.requests = requests;
        this.background = background;
        this.results = new AtomicReferenceArray<>(requests.size());
    }

    List<GenerationResult> generate(int atATime) {
        int helpers = Math.max(0, Math.min(atATime, requests.size()) - 1);
        CountDownLatch helped = new CountDownLatch(helpers);
        for (int i = 0; i < helpers; i++) {
            try {
                background.run(() -> {
                    try {
                        work();
                    } finally {
                        helped.countDown();
                    }
                });
            } catch (RuntimeException e) { // an executor that takes no more
                helped.countDown();
            }
        }
        work();
        await(helped);
        Throwable first = failure.get();
        if (first instanceof Error error) {
            throw error;
        }
        if (first != null) {
            throw (RuntimeException) first;
        }
        List<GenerationResult> all = new ArrayList<>();
        for (int i = 0; i < results.length(); i++) {
            all.add(Objects.requireNonNull(results.get(i)));
        }
        return all;
    }

    private void work() {
        for (int i = next.getAndIncrement(); i < requests.size() && failure.get() == null; i = next.getAndIncrement()) {
            try (TokenStream stream = opener.apply(requests.get(i))) {
                open.add(stream);
                results.set(i, failure.get() == null ? stream.result() : null);
                open.remove(stream);
                if (Thread.currentThread().isInterrupted()) {
                    fail(interrupted());
                }
            } catch (RuntimeException | Error e) {
                fail(e);
            }
        }
    }

    private static TemperaException interrupted() {
        return new TemperaException("interrupted while it waited for generations: all of them are cancelled");
    }

    private void fail(Throwable cause) {
        if (failure.compareAndSet(null, cause)) {
            open.forEach(TokenStream::cancel);
        }
    }

    private void await(CountDownLatch helped) {
        boolean interrupted = false;
        while (helped.getCount() > 0) {
            try {
                helped.await();
            } catch (InterruptedException e) {
                interrupted = true;
                fail(interrupted());
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
