package dev.tempera.vllm;

import java.util.List;

/**
 * How busy a server is, as its {@code /metrics} say. With data parallelism a server has several engines: requests are
 * summed over them, the cache's usage is their mean.
 *
 * @param requests running and waiting, of all clients; NaN if the server does not tell
 * @param cacheUsage part of the KV cache that running requests hold, 0 to 1; NaN if the server does not tell
 */
record ServerLoad(double requests, double cacheUsage) {
    static final ServerLoad UNKNOWN = new ServerLoad(Double.NaN, Double.NaN);

    private static final String RUNNING = "vllm:num_requests_running";
    private static final String WAITING = "vllm:num_requests_waiting";

    /** The second is its name before vLLM 0.10. */
    private static final List<String> CACHE = List.of("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc");

    /** Reads Prometheus' text format, as far as it concerns us; lines that make no sense are passed over. */
    static ServerLoad parse(String metrics) {
        double requests = 0;
        double cacheUsage = 0;
        int engines = 0;
        int caches = 0;
        for (String line : metrics.split("\n")) {
            int end = nameEnd(line);
            String name = line.substring(0, end);
            boolean isCache = CACHE.contains(name);
            if (!isCache && !name.equals(RUNNING) && !name.equals(WAITING)) {
                continue;
            }
            double value = value(line, end);
            if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
                continue; // NaN, too
            }
            if (isCache) {
                cacheUsage += value;
                caches++;
            } else {
                requests += value;
                engines++;
            }
        }
        return new ServerLoad(engines == 0 ? Double.NaN : requests, caches == 0 ? Double.NaN : cacheUsage / caches);
    }

    private static int nameEnd(String line) {
        int end = 0;
        while (end < line.length() && line.charAt(end) != '{' && !Character.isWhitespace(line.charAt(end))) {
            end++;
        }
        return end;
    }

    /** @return NaN if there is none */
    private static double value(String line, int nameEnd) {
        // What follows is "value" or "value timestamp".
        String[] fields = line.substring(labelsEnd(line, nameEnd)).strip().split("\\s+");
        try {
            return Double.parseDouble(fields[0]);
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    /** Past the closing brace, if there are labels. Their values may hold spaces, braces and escaped quotes. */
    private static int labelsEnd(String line, int from) {
        if (from == line.length() || line.charAt(from) != '{') {
            return from;
        }
        boolean quoted = false;
        for (int i = from; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quoted && c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (c == '}' && !quoted) {
                return i + 1;
            }
        }
        return line.length();
    }
}
