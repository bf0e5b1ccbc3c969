package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** docs/dialects.md says which parameter exists in which dialect. */
class DialectTableTest {
    @Test
    void everyParameter_inEveryDialect_isAsTheDocsSay() throws IOException {
        Map<String, List<String>> expected = new LinkedHashMap<>();
        for (Parameter parameter : Parameter.values()) {
            List<String> cells = new ArrayList<>();
            for (Dialect dialect : Dialect.values()) {
                cells.add(
                        !parameter.isPartOfPipeline()
                                ? "engine"
                                : DialectCompiler.OWN.contains(parameter)
                                        ? "own"
                                        : dialect.has(parameter) ? "has" : "—");
            }
            expected.put(parameter.wireName(), cells);
        }
        assertThat(table()).isEqualTo(expected);
    }

    /** A parameter that the table has is not refused for itself, and one that it has not is. */
    @Test
    void everyParameter_isRefusedExactlyWhereTheTableSaysSo() throws IOException {
        Map<String, List<String>> table = table();
        for (Map.Entry<String, Object> entry : everything().entrySet()) {
            for (Dialect dialect : Dialect.values()) {
                String refusal = dialect.displayName() + " has no " + entry.getKey() + ":";
                boolean missing =
                        table.get(entry.getKey()).get(dialect.ordinal()).equals("—");
                assertThat(problems(dialect, Map.of(entry.getKey(), entry.getValue())).stream()
                                .anyMatch(problem -> problem.startsWith(refusal)))
                        .as("%s in %s", entry, dialect)
                        .isEqualTo(missing);
            }
        }
    }

    /** What a dialect has is no dead entry: beside the parameters that it belongs to, it changes what runs. */
    @Test
    void everyParameter_thatADialectHas_changesThePipeline() {
        Map<String, Map<String, Object>> beside = Map.of(
                "dynatemp_exponent", Map.of("dynatemp_range", 0.5),
                "smoothing_curve", Map.of("smoothing_factor", 0.5),
                "xtc_threshold", Map.of("xtc_probability", 0.5),
                "min_keep", Map.of("top_p", 0.5),
                "penalty_last_n", Map.of("repetition_penalty", 1.5),
                "mirostat_tau", Map.of("mirostat", 2),
                "mirostat_eta", Map.of("mirostat", 2),
                "adaptive_decay", Map.of("adaptive_target", 0.5),
                "forced_eos_token_id", Map.of("max_tokens", 9),
                "samplers", Map.of("top_k", 3, "top_p", 0.5, "temperature", 0.5));
        for (Map.Entry<String, Object> entry : everything().entrySet()) {
            String name = entry.getKey();
            Map<String, Object> others = new LinkedHashMap<>(
                    name.startsWith("dry_") && !name.equals("dry_multiplier")
                            ? Map.of("dry_multiplier", 0.5)
                            : beside.getOrDefault(name, Map.of()));
            Parameter parameter = Parameter.valueOf(name.toUpperCase(java.util.Locale.ROOT));
            for (Dialect dialect : Dialect.values()) {
                boolean only = name.equals("penalty_last_n") && dialect != Dialect.LLAMA_CPP;
                if (parameter.isPartOfPipeline() && dialect.has(parameter) && !only) {
                    String without = compiled(dialect, others);
                    Map<String, Object> with = new LinkedHashMap<>(others);
                    with.put(name, entry.getValue());
                    assertThat(compiled(dialect, with))
                            .as("%s in %s", entry, dialect)
                            .isNotEqualTo(without);
                }
            }
        }
    }

    private static String compiled(Dialect dialect, Map<String, Object> json) {
        SamplingPipeline pipeline = SamplingParameters.fromMap(json).toPipeline(dialect);
        return pipeline + " " + pipeline.exemptsMarkupFromPenalties();
    }

    private static List<String> problems(Dialect dialect, Map<String, Object> json) {
        try {
            SamplingParameters.fromMap(json).toPipeline(dialect);
            return List.of();
        } catch (InvalidParametersException e) {
            return e.problems();
        }
    }

    /** Every parameter at a value that changes something. */
    private static Map<String, Object> everything() {
        Map<String, Object> all = new LinkedHashMap<>();
        for (long seed = 0; all.size() < SamplingParameters.names().size(); seed++) {
            SamplingParameters parameters = SamplingParametersTest.random(new Random(seed));
            for (Parameter parameter : parameters.effective()) {
                all.put(parameter.wireName(), parameters.toMap().get(parameter.wireName()));
            }
            assertThat(seed).as("seeds until every parameter came").isLessThan(100);
        }
        // What the dialects, too, allow.
        all.put("temperature", 0.7);
        all.put("top_k", 5);
        all.put("top_p", 0.9);
        all.put("min_p", 0.05);
        all.put("presence_penalty", 0.5);
        all.put("frequency_penalty", 0.5);
        all.put("dry_base", 1.25);
        all.put("dry_penalty_last_n", 64);
        all.put("sampler", Map.of("name", "gumbel_max"));
        all.put("samplers", List.of("top_k", "temperature"));
        all.put("smoothing_curve", 2.0);
        all.put("exempt_markup_from_penalties", true);
        return all;
    }

    private static Map<String, List<String>> table() throws IOException {
        Map<String, List<String>> table = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Docs.page("dialects.md"))) {
            if (line.startsWith("| `")) {
                String[] cells = line.split("\\|");
                List<String> values = new ArrayList<>();
                for (int i = 2; i <= 4; i++) {
                    String cell = cells[i].strip();
                    values.add(cell.startsWith("`") || cell.equals("only -1") ? "has" : cell);
                }
                table.put(cells[1].strip().replace("`", ""), values);
            }
        }
        return table;
    }
}
