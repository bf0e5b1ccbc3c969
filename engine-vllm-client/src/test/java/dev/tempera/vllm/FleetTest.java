package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tempera.InvalidParametersException;
import dev.tempera.vllm.ServerStatus.State;
import dev.tempera.vllm.SimulatedServers.Simulated;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class FleetTest {
    private static final VllmException REFUSED = new VllmException(Reason.CONNECTION, "nothing listens");
    private static final VllmException FAILED = new VllmException(Reason.GENERATION_FAILED, "it failed");
    private static final FleetOptions NO_AFFINITY =
            FleetOptions.builder().affinity(false).build();

    private final SimulatedServers servers = new SimulatedServers(3);

    // ---- choice

    @Test
    void aKeyKeepsItsServer() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);

        Set<Simulated> chosen = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            try (Fleet<Simulated>.Lease lease = fleet.choose(42, Set.of())) {
                chosen.add(lease.server());
            }
        }

        assertThat(chosen).hasSize(1);
    }

    @Test
    void affinityGivesWayWhereTheLoadIsFarAboveTheMean() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);

        List<Simulated> chosen = new ArrayList<>();
        for (int i = 0; i < 90; i++) {
            chosen.add(fleet.choose(42, Set.of()).server());
        }

        // The last one found the bound at 1.25 * 90 / 3 + 2 = 39.5.
        List<Integer> loads =
                servers.servers.stream().map(s -> count(chosen, s)).sorted().toList();
        assertThat(loads).isEqualTo(List.of(12, 39, 39));
    }

    @Test
    void withoutAffinityTheLeastLoadedIsChosen() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(NO_AFFINITY);
        server(0).running = 5;
        server(1).running = 1;
        server(1).waiting = 2;
        fleet.check();

        List<Simulated> chosen = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            chosen.add(fleet.choose(42, Set.of()).server());
        }

        // 8 requests of others and 10 of ours: 6 each.
        assertThat(servers.servers.stream().map(s -> count(chosen, s))).containsExactly(1, 3, 6);
    }

    @Test
    void withoutAffinityEqualsGetTheirShare() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(NO_AFFINITY);
        List<Simulated> chosen = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            try (Fleet<Simulated>.Lease lease = fleet.choose(42, Set.of())) {
                chosen.add(lease.server());
            }
        }

        assertThat(servers.servers).allSatisfy(s -> assertThat(count(chosen, s)).isBetween(900, 1100));
    }

    @Test
    void ownRequestsAreNotCountedTwice() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(NO_AFFINITY);
        Fleet<Simulated>.Lease first = fleet.choose(1, Set.of());
        first.server().running = 3; // the one of ours, and two of others
        fleet.check();
        assertThat(status(fleet, first.server()).load()).isEqualTo(3);

        first.close();
        first.close();
        assertThat(status(fleet, first.server()).load()).isEqualTo(2);
        assertThat(status(fleet, first.server()).inFlight()).isZero();
    }

    @Test
    void aFullCacheIsAvoidedWhileThereIsAnother() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Simulated home = chosen(fleet, 42);
        home.cacheUsage = 0.97;
        fleet.check();
        assertThat(chosen(fleet, 42)).isNotEqualTo(home);

        servers.servers.forEach(s -> s.cacheUsage = 0.99);
        fleet.check();
        assertThat(chosen(fleet, 42)).isEqualTo(home);
    }

    @Test
    void anotherAttemptGoesToAnotherServerWhileThereIsOne() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Set<Simulated> tried = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            assertThat(fleet.hasOther(tried)).isTrue();
            assertThat(tried.add(fleet.choose(42, tried).server())).isTrue();
        }

        assertThat(fleet.hasOther(tried)).isFalse();
        assertThat(fleet.choose(42, tried).server()).isIn(tried);
    }

    // ---- load and health

    @Test
    void aServerThatHidesItsMetricsCountsByWhatWeSent() throws Exception {
        servers.servers.forEach(s -> {
            s.metricsStatus = 404;
            s.running = 50;
        });
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Fleet<Simulated>.Lease lease = fleet.choose(42, Set.of());
        fleet.check();

        assertThat(status(fleet, lease.server()).load()).isEqualTo(1);
        assertThat(status(fleet, lease.server()).cacheUsage()).isNaN();
        assertThat(status(fleet, lease.server()).state()).isEqualTo(State.UP);
    }

    @Test
    void aGatewayWithoutHealthIsUp() throws Exception {
        servers.servers.forEach(s -> s.health = 404);
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        fleet.check();

        assertThat(fleet.status()).allSatisfy(s -> assertThat(s.state()).isEqualTo(State.UP));
    }

    @Test
    void aDeadEngineIsFoundByItsHealth() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        server(1).health = 503;
        fleet.check();

        assertThat(status(fleet, server(1)).state()).isEqualTo(State.OUT);
        assertThat(status(fleet, server(1)).lastFailure())
                .hasMessage("http://gpu1:8000/health answers 503: the server's engine is dead");
    }

    // ---- out and back

    @Test
    void aRefusedConnectionTakesAServerOutUntilItIsHealthyAndOneRequestWasAnswered() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Fleet<Simulated>.Lease lease = fleet.choose(42, Set.of());
        Simulated home = lease.server();
        home.down = true;
        lease.failed(REFUSED);
        lease.close();
        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
        assertThat(chosen(fleet, 42)).isNotEqualTo(home);

        home.down = false;
        servers.asked.clear();
        fleet.check(); // too early
        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
        assertThat(servers.asked).noneMatch(a -> a.startsWith(home.uri().getHost()));

        servers.pass(Duration.ofSeconds(1));
        fleet.check();
        assertThat(status(fleet, home).state()).isEqualTo(State.ON_TRIAL);

        Fleet<Simulated>.Lease trial = fleet.choose(42, Set.of());
        assertThat(trial.server()).isEqualTo(home);
        assertThat(chosen(fleet, 42)).isNotEqualTo(home); // one at a time

        trial.answered();
        assertThat(status(fleet, home).state()).isEqualTo(State.UP);
        assertThat(chosen(fleet, 42)).isEqualTo(home);
    }

    @Test
    void aTrialThatFailsAtAllTakesTheServerOutAgain() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Simulated home = failed(fleet, 42, REFUSED);
        servers.pass(Duration.ofSeconds(1));
        fleet.check();

        assertThat(failed(fleet, 42, FAILED)).isEqualTo(home);

        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
    }

    @Test
    void theBackOffDoublesUpToItsMaximumAndStartsAnewAfterAnAnswer() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.builder()
                .backOff(Duration.ofSeconds(1), Duration.ofSeconds(5))
                .build());
        Simulated home = failed(fleet, 42, REFUSED);
        home.down = true;
        for (int seconds : new int[] {1, 2, 4, 5, 5}) {
            assertThat(secondsUntilAsked(fleet, home)).isEqualTo(seconds);
        }

        home.down = false;
        assertThat(secondsUntilAsked(fleet, home)).isEqualTo(5);
        try (Fleet<Simulated>.Lease trial = fleet.choose(42, Set.of())) {
            trial.answered();
        }
        failed(fleet, 42, REFUSED);
        assertThat(secondsUntilAsked(fleet, home)).isEqualTo(1);
    }

    @Test
    void manyRequestsThatFailTogetherCountOnce() throws Exception {
        Fleet<Simulated> fleet =
                servers.fleet(FleetOptions.builder().affinityLoad(100).build());
        List<Fleet<Simulated>.Lease> leases = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            leases.add(fleet.choose(42, Set.of()));
        }
        leases.forEach(l -> l.failed(REFUSED));
        leases.forEach(l -> l.answered()); // late news of better times
        leases.forEach(l -> l.close());

        Simulated home = leases.get(0).server();
        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
        assertThat(secondsUntilAsked(fleet, home)).isEqualTo(1);
    }

    @Test
    void failuresThatMayBeTheRequestsTakeAServerOutOnlyThreeInARow() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Simulated home = failed(fleet, 42, FAILED);
        failed(fleet, 42, FAILED);
        try (Fleet<Simulated>.Lease lease = fleet.choose(42, Set.of())) {
            lease.answered();
        }
        failed(fleet, 42, FAILED);
        failed(fleet, 42, FAILED);
        assertThat(status(fleet, home).state()).isEqualTo(State.UP);

        failed(fleet, 42, FAILED);
        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
    }

    @Test
    void theCallersMistakesAndDeadlinesAreNoFailuresOfTheServer() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        for (Reason reason : List.of(
                Reason.BAD_PARAMETER,
                Reason.CONTEXT_TOO_LONG,
                Reason.MODEL_NOT_FOUND,
                Reason.UNAUTHORIZED,
                Reason.NOT_SUPPORTED,
                Reason.TOTAL_TIMEOUT)) {
            Simulated home = failed(fleet, 42, new VllmException(reason, "no"));
            assertThat(status(fleet, home).state()).isEqualTo(State.UP);
            assertThat(status(fleet, home).lastFailure()).isNull();
        }
    }

    @Test
    void aBusyServerIsLeftAloneAsLongAsItAsksAndComesBackWithoutTrial() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        Simulated home = failed(
                fleet,
                42,
                new VllmException(
                        Reason.UNAVAILABLE,
                        "busy",
                        new VllmException.Details(503, null, null, Duration.ofSeconds(7), null)));

        assertThat(secondsUntilAsked(fleet, home)).isEqualTo(7);
        assertThat(status(fleet, home).state()).isEqualTo(State.UP);
    }

    @Test
    void aServerWhoseHealthWasBadIsOnTrialWhateverAGatewayCalledIt() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        server(0).health = 502;
        fleet.check();
        assertThat(status(fleet, server(0)).state()).isEqualTo(State.OUT);

        server(0).health = 200;
        servers.pass(Duration.ofSeconds(1));
        fleet.check();
        assertThat(status(fleet, server(0)).state()).isEqualTo(State.ON_TRIAL);
    }

    @Test
    void aServerThatNoLongerFitsStaysOut() throws Exception {
        Fleet<Simulated> fleet = new Fleet<>(
                servers.servers,
                FleetOptions.DEFAULT,
                server -> {
                    throw new VllmException(Reason.NOT_SUPPORTED, server + " serves another model now");
                },
                () -> servers.nanos,
                false);
        Simulated home = failed(fleet, 42, REFUSED);
        servers.pass(Duration.ofSeconds(1));
        fleet.check();

        assertThat(status(fleet, home).state()).isEqualTo(State.OUT);
        assertThat(status(fleet, home).lastFailure()).hasMessage(home + " serves another model now");
    }

    @Test
    void whenAllAreOutEachIsNamedWithItsFailure() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(FleetOptions.DEFAULT);
        for (Simulated server : servers.servers) {
            fleet.takeOut(server, new VllmException(Reason.CONNECTION, "nothing listens at " + server));
            servers.pass(Duration.ofMillis(100));
        }

        assertThat(fleet.hasOther(Set.of())).isFalse();
        VllmException failure = catchThrowableOfType(VllmException.class, () -> fleet.choose(42, Set.of()));
        assertThat(failure)
                .hasMessage("none of the 3 servers takes requests; the last failure of each:"
                        + " http://gpu0:8000 (nothing listens at http://gpu0:8000);"
                        + " http://gpu1:8000 (nothing listens at http://gpu1:8000);"
                        + " http://gpu2:8000 (nothing listens at http://gpu2:8000)."
                        + " They are asked for their health again, the first in 700 ms");
        assertThat(failure.reason()).isEqualTo(Reason.UNAVAILABLE);
        assertThat(failure.retryAfter()).isEqualTo(Duration.ofMillis(700));
    }

    @Test
    void aServerAloneIsNeverOut() throws Exception {
        SimulatedServers one = new SimulatedServers(1);
        Fleet<Simulated> fleet = one.fleet(FleetOptions.DEFAULT);
        Simulated server = failed(fleet, 42, REFUSED);

        assertThat(chosen(fleet, 42)).isEqualTo(server);
        assertThat(fleet.status().get(0).lastFailure()).isEqualTo(REFUSED);
    }

    // ---- admission

    @Test
    void beyondTheLimitARequestIsRefusedWithTheNumbers() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlight(2).maxWaiting(0)));
        fleet.choose(1, Set.of());
        fleet.choose(2, Set.of());

        VllmException failure = catchThrowableOfType(VllmException.class, () -> fleet.choose(3, Set.of()));
        assertThat(failure.reason()).isEqualTo(Reason.RATE_LIMITED);
        assertThat(failure)
                .hasMessage("no room for another request: 2 are under way (maxInFlight 2) and 0 wait (maxWaiting 0)."
                        + " These limits are this client's own, because vLLM queues without end:"
                        + " send fewer requests at a time, or raise the limits");
    }

    @Test
    void oneThatWaitedTooLongIsRefused() throws Exception {
        Fleet<Simulated> fleet =
                servers.fleet(options(o -> o.maxInFlightPerServer(1).maxWait(Duration.ofMillis(1))));
        for (int i = 0; i < 3; i++) {
            fleet.choose(i, Set.of());
        }

        assertThatThrownBy(() -> fleet.choose(3, Set.of()))
                .hasMessageContaining("3 are under way (maxInFlightPerServer 1) and"
                        + " its turn did not come within 1 ms (maxWait)");
        assertThat(fleet.waiting()).isZero();
    }

    @Test
    void thoseWhoWaitAreServedInTheirOrder() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlight(1).maxWait(Duration.ofMinutes(1))));
        Fleet<Simulated>.Lease held = fleet.choose(0, Set.of());
        List<Integer> order = new ArrayList<>();
        AtomicInteger most = new AtomicInteger();
        List<CompletableFuture<Void>> waiters = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int number = i;
            waiters.add(CompletableFuture.runAsync(
                    () -> {
                        Fleet<Simulated>.Lease lease = chosenUninterrupted(fleet, number);
                        synchronized (order) {
                            order.add(number);
                        }
                        most.accumulateAndGet(total(fleet), Math::max);
                        lease.close();
                    },
                    task -> new Thread(task).start()));
            while (fleet.waiting() <= i) {
                Thread.onSpinWait();
            }
        }

        held.close();
        CompletableFuture.allOf(waiters.toArray(CompletableFuture[]::new)).get(1, TimeUnit.MINUTES);

        assertThat(order).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(most).hasValue(1);
        assertThat(total(fleet)).isZero();
    }

    @Test
    void aFullServerIsPassedOver() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlightPerServer(1)));

        Set<Simulated> chosen = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            chosen.add(fleet.choose(42, Set.of()).server());
        }

        assertThat(chosen).hasSize(3);
    }

    @Test
    void theLimitsHoldWhateverTheThreadsDo() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(
                options(o -> o.maxInFlight(5).maxInFlightPerServer(2).maxWait(Duration.ofMinutes(1))));
        Map<Simulated, AtomicInteger> inFlight = new HashMap<>();
        servers.servers.forEach(s -> inFlight.put(s, new AtomicInteger()));
        AtomicInteger total = new AtomicInteger();
        List<CompletableFuture<Integer>> threads = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            long first = 1000L * t;
            threads.add(CompletableFuture.supplyAsync(
                    () -> {
                        int tooMany = 0;
                        for (int i = 0; i < 500; i++) {
                            Fleet<Simulated>.Lease lease = chosenUninterrupted(fleet, first + i);
                            AtomicInteger there = inFlight.get(lease.server());
                            tooMany += there.incrementAndGet() > 2 ? 1 : 0;
                            tooMany += total.incrementAndGet() > 5 ? 1 : 0;
                            there.decrementAndGet();
                            total.decrementAndGet();
                            lease.close();
                        }
                        return tooMany;
                    },
                    task -> new Thread(task).start()));
        }

        for (CompletableFuture<Integer> thread : threads) {
            assertThat(thread.get(1, TimeUnit.MINUTES)).isZero();
        }
        assertThat(total(fleet)).isZero();
        assertThat(fleet.waiting()).isZero();
    }

    @Test
    void whoWaitsIsToldWhenAllServersGoOut() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlight(1).maxWait(Duration.ofMinutes(1))));
        fleet.choose(0, Set.of());
        CompletableFuture<?> one = waiting(fleet, 1);
        CompletableFuture<?> two = waiting(fleet, 2);

        servers.servers.forEach(s -> fleet.takeOut(s, REFUSED));

        for (CompletableFuture<?> waiter : List.of(one, two)) {
            assertThatThrownBy(() -> waiter.get(1, TimeUnit.MINUTES))
                    .isInstanceOf(ExecutionException.class)
                    .hasMessageContaining("none of the 3 servers takes requests");
        }
    }

    @Test
    void closingEndsTheWaitAndFurtherRequests() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlight(1).maxWait(Duration.ofMinutes(1))));
        Fleet<Simulated>.Lease lease = fleet.choose(0, Set.of());
        CompletableFuture<?> waiter = waiting(fleet, 1);

        fleet.close();

        assertThatThrownBy(() -> waiter.get(1, TimeUnit.MINUTES)).hasMessageContaining("the engine is closed");
        assertThatThrownBy(() -> fleet.choose(0, Set.of()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the engine is closed");
        lease.close();
        fleet.close();
    }

    @Test
    void anInterruptEndsTheWait() throws Exception {
        Fleet<Simulated> fleet = servers.fleet(options(o -> o.maxInFlight(1).maxWait(Duration.ofMinutes(1))));
        fleet.choose(0, Set.of());
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        Thread waiter = new Thread(() -> {
            try {
                fleet.choose(1, Set.of());
                interrupted.complete(false);
            } catch (InterruptedException e) {
                interrupted.complete(true);
            }
        });
        waiter.start();
        while (fleet.waiting() == 0) {
            Thread.onSpinWait();
        }
        waiter.interrupt();

        assertThat(interrupted.get(1, TimeUnit.MINUTES)).isTrue();
        assertThat(fleet.waiting()).isZero();
    }

    // ---- threads

    @Test
    void oneThreadAsksSeveralServersAndEndsWithTheFleet() throws Exception {
        FleetOptions options = options(o -> o.checkInterval(Duration.ofMillis(1)));
        try (Fleet<Simulated> fleet = new Fleet<>(servers.servers, options, server -> {})) {
            server(2).health = 503;
            while (status(fleet, server(2)).state() == State.UP) {
                Thread.onSpinWait();
            }
            assertThat(checkers()).hasSize(1);
        }
        assertThat(checkers()).isEmpty();
    }

    @Test
    void aServerAloneIsNotAsked() {
        SimulatedServers one = new SimulatedServers(1);
        try (Fleet<Simulated> fleet = new Fleet<>(one.servers, FleetOptions.DEFAULT, server -> {})) {
            assertThat(fleet.status()).hasSize(1);
            assertThat(checkers()).isEmpty();
        }
        assertThat(one.asked).isEmpty();
    }

    @Test
    void aBrokenTransportDoesNotEndTheChecks() throws Exception {
        SimulatedServers broken = new SimulatedServers(2);
        broken.servers.get(0).broken = true;
        Fleet<Simulated> fleet = broken.fleet(FleetOptions.DEFAULT);
        fleet.check();

        assertThat(fleet.status()).extracting(ServerStatus::state).containsExactly(State.OUT, State.UP);
    }

    // ---- options

    @Test
    void optionsAreChecked() {
        FleetOptions.Builder builder = FleetOptions.builder();
        assertThatThrownBy(() -> builder.maxInFlight(0))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("max in flight must be at least 1, got 0");
        assertThatThrownBy(() -> builder.maxInFlightPerServer(0))
                .hasMessage("max in flight per server must be at least 1, got 0");
        assertThatThrownBy(() -> builder.maxWaiting(-1)).hasMessage("max waiting must be at least 0, got -1");
        assertThatThrownBy(() -> builder.maxWait(Duration.ofSeconds(-1)))
                .hasMessage("max wait must not be negative, got PT-1S");
        assertThatThrownBy(() -> builder.affinityLoad(0.9)).hasMessage("affinity load must be at least 1, got 0.9");
        assertThatThrownBy(() -> builder.affinityLoad(Double.NaN))
                .hasMessage("affinity load must be at least 1, got NaN");
        assertThatThrownBy(() -> builder.checkInterval(Duration.ZERO))
                .hasMessage("check interval must be positive, got PT0S");
        assertThatThrownBy(() -> builder.backOff(Duration.ofSeconds(2), Duration.ofSeconds(1)))
                .hasMessage("max back-off must be at least the first, PT2S, got PT1S");
    }

    // ---- helpers

    private static FleetOptions options(UnaryOperator<FleetOptions.Builder> change) {
        return change.apply(FleetOptions.builder()).build();
    }

    private Simulated server(int number) {
        return servers.servers.get(number);
    }

    private static int count(List<Simulated> chosen, Simulated server) {
        return (int) chosen.stream().filter(s -> s == server).count();
    }

    private static int total(Fleet<Simulated> fleet) {
        return fleet.status().stream().mapToInt(ServerStatus::inFlight).sum();
    }

    private static ServerStatus status(Fleet<Simulated> fleet, Simulated server) {
        return fleet.status().stream()
                .filter(s -> s.server().equals(server.uri()))
                .findFirst()
                .orElseThrow();
    }

    private static Simulated chosen(Fleet<Simulated> fleet, long key) throws InterruptedException {
        try (Fleet<Simulated>.Lease lease = fleet.choose(key, Set.of())) {
            return lease.server();
        }
    }

    private static Simulated failed(Fleet<Simulated> fleet, long key, VllmException failure)
            throws InterruptedException {
        try (Fleet<Simulated>.Lease lease = fleet.choose(key, Set.of())) {
            lease.failed(failure);
            return lease.server();
        }
    }

    /** Lets whole seconds pass until the server, which is out, is asked again. */
    private int secondsUntilAsked(Fleet<Simulated> fleet, Simulated server) throws InterruptedException {
        servers.asked.clear();
        int seconds = 0;
        while (servers.asked.stream().noneMatch(a -> a.startsWith(server.uri().getHost()))) {
            servers.pass(Duration.ofSeconds(1));
            seconds++;
            fleet.check();
        }
        return seconds;
    }

    private static Fleet<Simulated>.Lease chosenUninterrupted(Fleet<Simulated> fleet, long key) {
        try {
            return fleet.choose(key, Set.of());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static CompletableFuture<?> waiting(Fleet<Simulated> fleet, long key) {
        int before = fleet.waiting();
        CompletableFuture<?> waiter =
                CompletableFuture.supplyAsync(() -> chosenUninterrupted(fleet, key), task -> new Thread(task).start());
        while (fleet.waiting() == before) {
            Thread.onSpinWait();
        }
        return waiter;
    }

    private static List<Thread> checkers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("tempera-vllm-fleet"))
                .toList();
    }
}
