package dev.tempera.vllm;

import dev.tempera.Require;
import java.time.Duration;

/**
 * How requests are spread over servers, and how many go out at a time. The limits hold for one server, too; the rest
 * matters from two on. Immutable and thread-safe.
 */
public final class FleetOptions {
    /** No limits; load asked for every second; affinity; a failed server is left alone for 1 s, then up to 30 s. */
    public static final FleetOptions DEFAULT = builder().build();

    private final int maxInFlight;
    private final int maxInFlightPerServer;
    private final int maxWaiting;
    private final Duration maxWait;
    private final boolean affinity;
    private final double affinityLoad;
    private final Duration checkInterval;
    private final Duration firstBackOff;
    private final Duration maxBackOff;

    private FleetOptions(Builder builder) {
        maxInFlight = builder.maxInFlight;
        maxInFlightPerServer = builder.maxInFlightPerServer;
        maxWaiting = builder.maxWaiting;
        maxWait = builder.maxWait;
        affinity = builder.affinity;
        affinityLoad = builder.affinityLoad;
        checkInterval = builder.checkInterval;
        firstBackOff = builder.firstBackOff;
        maxBackOff = builder.maxBackOff;
    }

    public static Builder builder() {
        return new Builder();
    }

    int maxInFlight() {
        return maxInFlight;
    }

    int maxInFlightPerServer() {
        return maxInFlightPerServer;
    }

    int maxWaiting() {
        return maxWaiting;
    }

    Duration maxWait() {
        return maxWait;
    }

    boolean affinity() {
        return affinity;
    }

    double affinityLoad() {
        return affinityLoad;
    }

    Duration checkInterval() {
        return checkInterval;
    }

    Duration firstBackOff() {
        return firstBackOff;
    }

    Duration maxBackOff() {
        return maxBackOff;
    }

    /** Collects options. Not thread-safe. */
    public static final class Builder {
        private int maxInFlight = Integer.MAX_VALUE;
        private int maxInFlightPerServer = Integer.MAX_VALUE;
        private int maxWaiting = 1000;
        private Duration maxWait = Duration.ofSeconds(10);
        private boolean affinity = true;
        private double affinityLoad = 1.25;
        private Duration checkInterval = Duration.ofSeconds(1);
        private Duration firstBackOff = Duration.ofSeconds(1);
        private Duration maxBackOff = Duration.ofSeconds(30);

        private Builder() {}

        /**
         * How many requests of this engine may be under way at a time; no limit by default. vLLM itself refuses none: its
         * queue has no end.
         */
        public Builder maxInFlight(int requests) {
            Require.that(requests >= 1, "max in flight", "be at least 1", requests);
            maxInFlight = requests;
            return this;
        }

        /** The same for each server; no limit by default. */
        public Builder maxInFlightPerServer(int requests) {
            Require.that(requests >= 1, "max in flight per server", "be at least 1", requests);
            maxInFlightPerServer = requests;
            return this;
        }

        /** How many requests may wait here for room, first come, first served; 1000 by default. */
        public Builder maxWaiting(int requests) {
            Require.that(requests >= 0, "max waiting", "be at least 0", requests);
            maxWaiting = requests;
            return this;
        }

        /** How long one may wait here for room before it is refused with {@link Reason#RATE_LIMITED}; 10 s by default. */
        public Builder maxWait(Duration wait) {
            Require.that(!wait.isNegative(), "max wait", "not be negative", wait);
            maxWait = wait;
            return this;
        }

        /**
         * Whether requests of the same session, or that begin in the same way, go to the same server, whose prefix cache
         * then spares it the work; on by default.
         */
        public Builder affinity(boolean on) {
            affinity = on;
            return this;
        }

        /**
         * How far above the mean load of all, as a factor, a server may get before affinity gives way: less spreads more
         * evenly, more keeps more of the cache's use. 1.25 by default.
         */
        public Builder affinityLoad(double factor) {
            Require.that(factor >= 1 && factor < Double.POSITIVE_INFINITY, "affinity load", "be at least 1", factor);
            affinityLoad = factor;
            return this;
        }

        /** How often each server is asked for its health and load; every second by default. */
        public Builder checkInterval(Duration interval) {
            Timeouts.requirePositive("check interval", interval);
            checkInterval = interval;
            return this;
        }

        /**
         * How long a failed server is left alone before its health is asked for again: {@code first}, twice that after
         * another failure, and so on up to {@code max}. 1 s and 30 s by default.
         */
        public Builder backOff(Duration first, Duration max) {
            Timeouts.requirePositive("first back-off", first);
            Require.that(max.compareTo(first) >= 0, "max back-off", "be at least the first, " + first, max);
            firstBackOff = first;
            maxBackOff = max;
            return this;
        }

        public FleetOptions build() {
            return new FleetOptions(this);
        }
    }
}
