package dev.tempera.vllm;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Servers without a network that answer {@code /health} and {@code /metrics}, and a clock. */
final class SimulatedServers {
    /** What a server answers. */
    final class Simulated implements Fleet.Member {
        private final URI uri;
        boolean down;
        boolean broken;
        int health = 200;
        int running;
        int waiting;
        double cacheUsage;
        int metricsStatus = 200;

        Simulated(int number) {
            uri = URI.create("http://gpu" + number + ":8000");
        }

        @Override
        public URI uri() {
            return uri;
        }

        @Override
        public String get(String path, Duration timeout) {
            asked.add(uri.getHost() + path);
            if (broken) {
                throw new IllegalArgumentException("not one of our exceptions");
            }
            if (down) {
                throw new VllmException(Reason.CONNECTION, "nothing listens at " + uri);
            }
            if (path.equals("/health")) {
                return body(health, "");
            }
            return body(
                    metricsStatus,
                    "vllm:num_requests_running{engine=\"0\"} " + running + "\nvllm:num_requests_waiting{engine=\"0\"} "
                            + waiting + "\nvllm:kv_cache_usage_perc{engine=\"0\"} " + cacheUsage + "\n");
        }

        private String body(int status, String body) {
            if (status != 200) {
                throw new VllmException(
                        Reason.UNAVAILABLE,
                        "status " + status,
                        new VllmException.Details(status, null, null, null, null));
            }
            return body;
        }

        @Override
        public String toString() {
            return uri.toString();
        }
    }

    final List<Simulated> servers;
    final List<String> asked = new ArrayList<>();
    long nanos;

    SimulatedServers(int count) {
        servers = IntStream.range(0, count).mapToObj(Simulated::new).toList();
    }

    Fleet<Simulated> fleet(FleetOptions options) {
        return new Fleet<>(servers, options, server -> {}, () -> nanos, false);
    }

    void pass(Duration time) {
        nanos += time.toNanos();
    }
}
