package dev.tempera.vllm;

import dev.tempera.vllm.ServerStatus.State;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The servers of an engine: chooses one for every request, and limits how many are under way.
 *
 * <p>The choice is rendezvous hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): of the servers in the
 * order of the request's {@link Affinity}, the first whose load stays near the mean; the least loaded without affinity. A
 * load is what the server last said of all clients' requests, corrected by what this engine sent and finished since.
 *
 * <p>A server that fails is out, for twice as long each time; then, once its health is good again, on trial: it gets one
 * request at a time until one is answered. Of one server alone nothing is asked, and it is never out.
 *
 * <p>Health and load are asked for by one daemon thread, not on the way of a request: so a request never waits for it,
 * finds a fresh load after an idle hour, and is not the one to find out that a server died.
 *
 * <p>Thread-safe. Nothing is sent while the lock is held.
 */
final class Fleet<S extends Fleet.Member> implements AutoCloseable {
    /** A server as the fleet sees it. Has identity: it is not compared by value. */
    interface Member {
        URI uri();

        /**
         * The body of an answer with status 200.
         *
         * @throws VllmException for any other, or none
         */
        String get(String path, Duration timeout) throws InterruptedException;
    }

    /** A request's place on a server, until it ends. Thread-safe. */
    final class Lease implements AutoCloseable {
        private final Replica replica;
        private final int epoch;
        private final AtomicBoolean closed = new AtomicBoolean();

        private Lease(Replica replica) {
            this.replica = replica;
            this.epoch = replica.epoch;
        }

        S server() {
            return replica.server;
        }

        /** The server works: its first token came, or it refused with good reason. */
        void answered() {
            locked(() -> replica.answered(epoch));
        }

        /** The request failed, at whatever time; whether the server is to blame is found from the reason. */
        void failed(VllmException failure) {
            locked(() -> replica.failed(epoch, failure));
        }

        /** The request ended, well or not. Any number of times. */
        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                locked(() -> {
                    replica.inFlight--;
                    inFlight--;
                });
            }
        }
    }

    private static final System.Logger LOG = System.getLogger(Fleet.class.getName());
    private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(2);

    /** Failures in a row that may each be the request's fault, but hardly all of them. */
    private static final int DOUBTFUL_FAILURES = 3;

    /** Requests above the mean that are no load to speak of. */
    private static final int SLACK = 2;

    /** With less of its KV cache left, vLLM soon stops requests to run them again later. */
    private static final double FULL_CACHE = 0.95;

    private final FleetOptions options;
    private final Consumer<S> admission;
    private final LongSupplier nanoTime;
    private final List<Replica> replicas;
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Condition> waiting = new ArrayDeque<>();
    private final @Nullable Thread checker;
    private int inFlight;
    private long chosen;
    private boolean closed;

    /** @param admission refuses, by a {@link VllmException}, a server that is back but no longer fits the others */
    Fleet(List<S> servers, FleetOptions options, Consumer<S> admission) {
        this(servers, options, admission, System::nanoTime, servers.size() > 1);
    }

    /** For tests: with a clock of their own, and {@link #check} called by them. */
    Fleet(List<S> servers, FleetOptions options, Consumer<S> admission, LongSupplier nanoTime, boolean checksItself) {
        this.options = options;
        this.admission = admission;
        this.nanoTime = nanoTime;
        this.replicas = servers.stream().map(Replica::new).toList();
        checker = checksItself ? new Thread(this::checkAgainAndAgain, "tempera-vllm-fleet") : null;
        if (checker != null) {
            checker.setDaemon(true);
            checker.start();
        }
    }

    /**
     * Chooses a server, waiting for room if there is a limit.
     *
     * @param affinity see {@link Affinity}
     * @param tried servers that failed this request, avoided while there is another
     * @throws VllmException with {@link Reason#UNAVAILABLE} if all servers are out, with {@link Reason#RATE_LIMITED} if no
     *     room was found; neither is worth another attempt at once
     * @throws IllegalStateException if the fleet is closed, also while waiting
     */
    Lease choose(long affinity, Collection<S> tried) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            requireOpen();
            Replica replica = waiting.isEmpty() ? pick(affinity, tried) : null;
            if (replica == null) {
                replica = await(affinity, tried);
            }
            replica.inFlight++;
            inFlight++;
            return new Lease(replica);
        } finally {
            lock.unlock();
        }
    }

    /** Whether a server is up that is not among these. */
    boolean hasOther(Collection<S> tried) {
        lock.lock();
        try {
            return replicas.stream().anyMatch(r -> r.state != State.OUT && !tried.contains(r.server));
        } finally {
            lock.unlock();
        }
    }

    /** Takes a server out until a check finds it healthy and fit. */
    void takeOut(S server, VllmException failure) {
        locked(() -> replicas.stream().filter(r -> r.server == server).forEach(r -> {
            r.takeOut(failure);
            r.mayHaveChanged = true;
        }));
    }

    List<ServerStatus> status() {
        lock.lock();
        try {
            return replicas.stream().map(Replica::status).toList();
        } finally {
            lock.unlock();
        }
    }

    /** How many requests wait for room. */
    int waiting() {
        lock.lock();
        try {
            return waiting.size();
        } finally {
            lock.unlock();
        }
    }

    /** Asks every server that is due for its health and load. */
    void check() throws InterruptedException {
        for (Replica replica : replicas) {
            replica.check();
        }
    }

    @Override
    public void close() {
        locked(() -> {
            closed = true;
            waiting.forEach(Condition::signal);
        });
        if (checker != null) {
            checker.interrupt();
            try {
                checker.join(CHECK_TIMEOUT.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void checkAgainAndAgain() {
        try {
            while (true) {
                check();
                Thread.sleep(options.checkInterval().toMillis());
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the engine is closed");
        }
    }

    /** Does so, and lets the first who waits look again. */
    private void locked(Runnable change) {
        lock.lock();
        try {
            change.run();
            signalFirst();
        } finally {
            lock.unlock();
        }
    }

    private void signalFirst() {
        Condition first = waiting.peek();
        if (first != null) {
            first.signal();
        }
    }

    private Replica await(long affinity, Collection<S> tried) throws InterruptedException {
        if (waiting.size() >= options.maxWaiting()) {
            throw noRoom(waiting.size() + " wait (maxWaiting " + options.maxWaiting() + ")");
        }
        Condition turn = lock.newCondition();
        waiting.add(turn);
        try {
            long left = options.maxWait().toNanos();
            while (left > 0) {
                left = turn.awaitNanos(left);
                requireOpen();
                Replica replica = waiting.peek() == turn ? pick(affinity, tried) : null;
                if (replica != null) {
                    return replica;
                }
            }
            throw noRoom("its turn did not come within " + Texts.of(options.maxWait()) + " (maxWait)");
        } finally {
            waiting.remove(turn);
            signalFirst();
        }
    }

    /** @return null if it has to wait */
    private @Nullable Replica pick(long affinity, Collection<S> tried) {
        // One that was full when last asked is better than none.
        List<Replica> up = only(prefer(replicas, r -> r.state != State.OUT), r -> !r.hasFailed());
        if (up.isEmpty()) {
            throw allOut();
        }
        List<Replica> candidates = only(up, Replica::hasRoom);
        if (candidates.isEmpty() || inFlight >= options.maxInFlight()) {
            return null;
        }
        candidates = prefer(candidates, r -> !tried.contains(r.server));
        candidates = prefer(candidates, r -> !(r.cacheUsage >= FULL_CACHE));
        // Without affinity each request has a key of its own, so that of equals each gets its share.
        long key = options.affinity() ? affinity : chosen++;
        Comparator<Replica> byRank = Comparator.comparingLong(r -> Affinity.rank(key, r.hash));
        double total = up.stream().mapToDouble(Replica::load).sum();
        double bound = options.affinityLoad() * (total + 1) / up.size() + SLACK;
        List<Replica> near = only(candidates, r -> options.affinity() && r.load() + 1 <= bound);
        return near.isEmpty()
                ? Collections.min(
                        candidates, Comparator.comparingDouble(Replica::load).thenComparing(byRank))
                : Collections.min(near, byRank);
    }

    private List<Replica> only(List<Replica> of, Predicate<Replica> which) {
        return of.stream().filter(which).toList();
    }

    /** Those, or all if there are none. */
    private List<Replica> prefer(List<Replica> of, Predicate<Replica> which) {
        List<Replica> preferred = only(of, which);
        return preferred.isEmpty() ? of : preferred;
    }

    private VllmException allOut() {
        long now = nanoTime.getAsLong();
        long next = replicas.stream().mapToLong(r -> r.outUntil - now).min().orElseThrow();
        String each = replicas.stream()
                .map(r -> r.server.uri() + " ("
                        + Objects.requireNonNull(r.lastFailure).getMessage() + ")")
                .collect(Collectors.joining("; "));
        Duration retryAfter = Duration.ofNanos(Math.max(0, next));
        return new VllmException(
                Reason.UNAVAILABLE,
                "none of the " + replicas.size() + " servers takes requests; the last failure of each: " + each
                        + ". They are asked for their health again, the first in " + Texts.of(retryAfter),
                new VllmException.Details(0, null, null, retryAfter, null));
    }

    private VllmException noRoom(String waited) {
        List<String> limits = new ArrayList<>();
        if (options.maxInFlight() < Integer.MAX_VALUE) {
            limits.add("maxInFlight " + options.maxInFlight());
        }
        if (options.maxInFlightPerServer() < Integer.MAX_VALUE) {
            limits.add("maxInFlightPerServer " + options.maxInFlightPerServer());
        }
        if (replicas.stream().anyMatch(r -> r.state == State.ON_TRIAL)) {
            limits.add("1 for a server that failed and is on trial");
        }
        return new VllmException(
                Reason.RATE_LIMITED,
                "no room for another request: " + inFlight + " are under way (" + String.join(", ", limits) + ") and "
                        + waited + ". These limits are this client's own, because vLLM queues without end:"
                        + " send fewer requests at a time, or raise the limits");
    }

    /** What is known of a server. Guarded by the lock, save what is final. */
    private final class Replica {
        final S server;
        final long hash;
        State state = State.UP;
        int inFlight;
        /** How many times it was out: tells late news of a request sent before from news of now. */
        int epoch;
        /** How many times since it last answered. */
        int timesOut;

        /** Whether it is out because it failed: by now it may be started anew, otherwise. */
        boolean mayHaveChanged;

        long outUntil;
        int doubtfulFailures;
        double othersLoad;
        double cacheUsage = Double.NaN;

        @Nullable
        VllmException lastFailure;

        Replica(S server) {
            this.server = server;
            this.hash = Affinity.of(server.uri().toString());
        }

        double load() {
            return othersLoad + inFlight;
        }

        boolean hasRoom() {
            return inFlight < (state == State.ON_TRIAL ? 1 : options.maxInFlightPerServer());
        }

        /** Other than a server that is out because it was full. */
        boolean hasFailed() {
            return state == State.OUT && mayHaveChanged;
        }

        ServerStatus status() {
            return new ServerStatus(server.uri(), state, inFlight, load(), cacheUsage, lastFailure);
        }

        void answered(int sinceEpoch) {
            if (sinceEpoch == epoch) {
                state = State.UP;
                timesOut = 0;
                doubtfulFailures = 0;
                lastFailure = null;
            }
        }

        void failed(int sinceEpoch, VllmException failure) {
            if (sinceEpoch != epoch) {
                return; // it failed many requests at once; the first one counts
            }
            switch (failure.reason()) {
                case CONNECTION, CONNECT_TIMEOUT, UNAVAILABLE, ENGINE_DEAD, RATE_LIMITED -> takeOut(failure);
                case GENERATION_FAILED, PROTOCOL, TRUNCATED, FIRST_TOKEN_TIMEOUT, IDLE_TIMEOUT -> {
                    lastFailure = failure;
                    doubtfulFailures++;
                    if (state == State.ON_TRIAL || doubtfulFailures >= DOUBTFUL_FAILURES) {
                        takeOut(failure);
                    }
                }
                case TOTAL_TIMEOUT -> {} // says nothing of the server
                case BAD_PARAMETER, CONTEXT_TOO_LONG, MODEL_NOT_FOUND, UNAUTHORIZED, NOT_SUPPORTED ->
                    answered(sinceEpoch);
            }
        }

        void takeOut(VllmException failure) {
            lastFailure = failure;
            if (replicas.size() == 1) {
                return; // there is no other
            }
            System.Logger.Level level = state == State.OUT ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING;
            state = State.OUT;
            // With health, all is well again for one that was just full (--max-num-queued-reqs, a gateway's limit).
            mayHaveChanged |= failure.reason() != Reason.UNAVAILABLE && failure.reason() != Reason.RATE_LIMITED;
            epoch++;
            doubtfulFailures = 0;
            double backOff = options.firstBackOff().toNanos() * Math.pow(2, timesOut++);
            double asked =
                    failure.retryAfter() == null ? 0 : failure.retryAfter().toNanos();
            long wait = (long)
                    Math.min(Math.max(backOff, asked), options.maxBackOff().toNanos());
            outUntil = nanoTime.getAsLong() + wait;
            LOG.log(
                    level,
                    () -> server.uri() + " gets no requests for at least " + Texts.of(Duration.ofNanos(wait)) + ": "
                            + failure.getMessage());
        }

        void check() throws InterruptedException {
            boolean changed;
            int sent;
            int sinceEpoch;
            lock.lock();
            try {
                if (state == State.OUT && nanoTime.getAsLong() - outUntil < 0) {
                    return;
                }
                changed = mayHaveChanged;
                sent = inFlight;
                sinceEpoch = epoch;
            } finally {
                lock.unlock();
            }
            try {
                askHealth();
                ServerLoad load = askLoad();
                if (changed) {
                    admission.accept(server);
                }
                locked(() -> checked(sinceEpoch, sent, load));
            } catch (VllmException e) {
                locked(() -> checkFailed(sinceEpoch, e));
            } catch (RuntimeException e) { // of a transport that is not ours
                locked(() -> checkFailed(sinceEpoch, new VllmException(Reason.CONNECTION, e.toString(), e)));
            }
        }

        private void askHealth() throws InterruptedException {
            try {
                server.get("/health", CHECK_TIMEOUT);
            } catch (VllmException e) {
                if (e.status() == 503) {
                    throw new VllmException(
                            Reason.ENGINE_DEAD, server.uri() + "/health answers 503: the server's engine is dead", e);
                }
                if (e.status() == 0 || e.status() >= 500) {
                    throw e;
                }
                // A gateway that does not pass /health on is alive.
            }
        }

        /** The load is a help, no need: a server may hide its metrics. */
        private ServerLoad askLoad() throws InterruptedException {
            try {
                return ServerLoad.parse(server.get("/metrics", CHECK_TIMEOUT));
            } catch (VllmException e) {
                return ServerLoad.UNKNOWN;
            }
        }

        private void checked(int sinceEpoch, int sent, ServerLoad load) {
            othersLoad = Double.isNaN(load.requests()) ? 0 : Math.max(0, load.requests() - sent);
            cacheUsage = load.cacheUsage();
            if (state == State.OUT && sinceEpoch == epoch) {
                state = mayHaveChanged ? State.ON_TRIAL : State.UP;
                mayHaveChanged = false;
                LOG.log(System.Logger.Level.INFO, () -> server.uri() + " gets requests again");
            }
        }

        private void checkFailed(int sinceEpoch, VllmException failure) {
            if (state == State.OUT && sinceEpoch == epoch) {
                takeOut(failure);
            } else {
                failed(sinceEpoch, failure);
            }
            mayHaveChanged |= state == State.OUT; // whoever is just full is healthy
        }
    }
}
