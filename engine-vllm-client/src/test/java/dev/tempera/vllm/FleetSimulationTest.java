package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.vllm.SimulatedServers.Simulated;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What affinity wins and costs: conversations on four servers, simulated for 40 minutes. Sessions begin at random, one every
 * 0.625 s, with 1 to 9 turns; a turn takes 8 s in the mean and the next comes 20 s later in the mean (both exponential),
 * so that about 64 requests are under way. A hot key stands for what a batch job sends: requests of their own, all with
 * the same beginning. The figures are those of docs/scaling.md.
 */
class FleetSimulationTest {
    private static final int SERVERS = 4;
    private static final double END = 2400;
    private static final double WARM_UP = 300;
    private static final double BETWEEN_SESSIONS = 0.625;
    private static final double TURN = 8;
    private static final double PAUSE = 20;

    private interface Action {
        void run() throws InterruptedException;
    }

    private record Event(double at, long order, Action what) {}

    private final SplittableRandom random = new SplittableRandom(7);
    private final SimulatedServers servers = new SimulatedServers(SERVERS);
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingDouble(Event::at).thenComparingLong(Event::order));
    private final Map<Integer, Simulated> lastServer = new HashMap<>();
    private double now;
    private long order;
    private int sessions;
    private int laterTurns;
    private int hits;
    private double imbalance;
    private int samples;

    /**
     * @param load the factor of {@link FleetOptions.Builder#affinityLoad}; 0 for no affinity
     * @param hot requests of the hot key per second
     * @param hitPercent later turns that came to the server of the turn before
     * @param imbalanceMean of the fullest server's load over the mean of all, each second
     */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 26, 1.04",
        "1.25, 0, 95, 1.22",
        "2, 0, 100, 1.27",
        "1000, 0, 100, 1.27",
        "0, 4, 25, 1.03",
        "1.25, 4, 83, 1.29",
        "2, 4, 97, 1.93",
        "1000, 4, 100, 2.08",
    })
    void keepsConversationsTogetherAndLoadsEven(double load, double hot, int hitPercent, double imbalanceMean)
            throws InterruptedException {
        FleetOptions.Builder options = FleetOptions.builder().affinity(load > 0);
        Fleet<Simulated> fleet = servers.fleet((load > 0 ? options.affinityLoad(load) : options).build());
        at(0, () -> beginSession(fleet));
        at(0.5, () -> look(fleet));
        if (hot > 0) {
            at(0, () -> hotRequest(fleet, hot));
        }
        while (now < END) {
            Event event = events.remove();
            servers.pass(Duration.ofNanos((long) ((event.at - now) * 1e9)));
            now = event.at;
            event.what.run();
        }

        assertThat(Math.round(100.0 * hits / laterTurns)).isEqualTo(hitPercent);
        assertThat(Math.round(100 * imbalance / samples) / 100.0).isEqualTo(imbalanceMean);
    }

    private void beginSession(Fleet<Simulated> fleet) throws InterruptedException {
        int session = sessions++;
        turn(fleet, session, 1 + random.nextInt(9));
        at(now + exponential(BETWEEN_SESSIONS), () -> beginSession(fleet));
    }

    private void turn(Fleet<Simulated> fleet, int session, int turns) throws InterruptedException {
        Fleet<Simulated>.Lease lease = choose(fleet, "session " + session);
        Simulated before = lastServer.put(session, lease.server());
        if (before != null && now > WARM_UP) { // once it has settled
            laterTurns++;
            hits += before == lease.server() ? 1 : 0;
        }
        at(now + exponential(TURN), () -> {
            end(lease);
            if (turns > 1) {
                at(now + exponential(PAUSE), () -> turn(fleet, session, turns - 1));
            }
        });
    }

    private void hotRequest(Fleet<Simulated> fleet, double perSecond) throws InterruptedException {
        Fleet<Simulated>.Lease lease = choose(fleet, "hot");
        at(now + exponential(TURN), () -> end(lease));
        at(now + exponential(1 / perSecond), () -> hotRequest(fleet, perSecond));
    }

    /** Each second: what the fleet asks, and what we count. */
    private void look(Fleet<Simulated> fleet) throws InterruptedException {
        fleet.check();
        double[] loads = servers.servers.stream().mapToDouble(s -> s.running).toArray();
        double sum = 0;
        double most = 0;
        for (double load : loads) {
            sum += load;
            most = Math.max(most, load);
        }
        if (now > WARM_UP) {
            imbalance += most / (sum / SERVERS);
            samples++;
        }
        at(now + 1, () -> look(fleet));
    }

    private Fleet<Simulated>.Lease choose(Fleet<Simulated> fleet, String key) throws InterruptedException {
        Fleet<Simulated>.Lease lease = fleet.choose(Affinity.of(key), Set.of());
        lease.server().running++;
        return lease;
    }

    private void end(Fleet<Simulated>.Lease lease) {
        lease.server().running--;
        lease.answered();
        lease.close();
    }

    private void at(double time, Action what) {
        events.add(new Event(time, order++, what));
    }

    private double exponential(double mean) {
        return -mean * StrictMath.log(1 - random.nextDouble());
    }
}
