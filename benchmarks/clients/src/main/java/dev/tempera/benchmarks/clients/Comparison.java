package dev.tempera.benchmarks.clients;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Runs every client on every case, one after the other, and prints the table. */
public final class Comparison {
    /** @param delayMicros between the tokens of a stream; 0 for as fast as the client reads */
    private record Case(String name, String words, int streams, int tokens, int repeats, int warmUp, long delayMicros) {}

    private static final List<Case> CASES = List.of(
            new Case("one", "one stream, as fast as it goes", 1, 2000, 40, 10, 0),
            new Case("many", "256 streams, as fast as they go", 256, 500, 1, 6, 0),
            new Case("paced", "256 streams of 50 tokens a second each", 256, 150, 1, 3, 20_000));

    private Comparison() {}

    public static void main(String[] args) throws Exception {
        List<String> clients = List.of("tempera", "tempera-ids", "openai-java", "langchain4j");
        List<String> cases = CASES.stream().map(Case::name).toList();
        int rounds = 5;
        for (int i = 0; i + 1 < args.length; i += 2) {
            switch (args[i]) {
                case "--rounds" -> rounds = Integer.parseInt(args[i + 1]);
                case "--clients" -> clients = List.of(args[i + 1].split(","));
                case "--cases" -> cases = List.of(args[i + 1].split(","));
                default -> throw new IllegalArgumentException("no option " + args[i]);
            }
        }
        System.out.println("JDK " + System.getProperty("java.version")
                + "\n\n| case | client | tokens/s | CPU µs/token | bytes/token |\n|---|---|---|---|---|");
        for (Case each : CASES) {
            if (cases.contains(each.name)) {
                run(each, clients, rounds);
            }
        }
    }

    private static void run(Case each, List<String> clients, int rounds) throws IOException, InterruptedException {
        Process server = java("Server", List.of("" + each.delayMicros, "" + each.tokens));
        try {
            String uri = firstLine(server);
            double[] ours = null;
            for (String client : clients) {
                Process timing = java(
                        "Timing",
                        List.of(client, uri, "" + each.tokens, "" + each.streams, "" + each.repeats, "" + each.warmUp, "" + rounds));
                String line = firstLine(timing);
                if (timing.waitFor() != 0 || line == null) {
                    throw new IOException(client + " failed, see above");
                }
                String[] words = line.split(" ");
                double[] figures = new double[3];
                for (int i = 0; i < 3; i++) {
                    figures[i] = Double.parseDouble(words[i]);
                }
                ours = ours == null ? figures : ours;
                String bytes = figures[2] == 0 // before JDK 21
                        ? "not known"
                        : String.format(Locale.ROOT, "%,.0f (%.1f×)", figures[2], figures[2] / ours[2]);
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %s | %,.0f | %.2f (%.1f×) | %s |%n",
                        each.words, client, figures[0], figures[1], figures[1] / ours[1], bytes);
            }
        } finally {
            server.getOutputStream().close();
            server.waitFor();
        }
    }

    private static Process java(String main, List<String> args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-Xmx1g",
                "-cp",
                System.getProperty("java.class.path"),
                Comparison.class.getPackageName() + "." + main));
        command.addAll(args);
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static String firstLine(Process process) throws IOException {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
    }
}
