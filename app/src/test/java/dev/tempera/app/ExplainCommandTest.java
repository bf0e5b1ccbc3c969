package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.testkit.ScriptedEngine;
import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.TraceStep;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A generation traced, and the trace explained. */
class ExplainCommandTest {
    @TempDir
    private Path folder;

    private String traced(String... options) {
        return tracedTo("t.jsonl", options);
    }

    private String tracedTo(String name, String... options) {
        String file = folder.resolve(name).toString();
        List<String> typed = new ArrayList<>(List.of("generate", "spring", "--max-tokens=30", "--trace-file", file));
        typed.addAll(List.of(options));
        Run run = Run.with(ScriptedEngine.babbling(), "", typed.toArray(String[]::new));
        assertThat(run.err()).isEmpty();
        return file;
    }

    private static Run explain(String... typed) {
        List<String> all = new ArrayList<>(List.of("explain"));
        all.addAll(List.of(typed));
        return Run.of(all.toArray(String[]::new));
    }

    @Test
    void trace_isATableAfterTheText() {
        for (String language : List.of("en", "zh")) {
            Run run = Run.with(
                    ScriptedEngine.babbling(),
                    "",
                    "generate",
                    "spring",
                    "--seed=3",
                    "--max-tokens=40",
                    "--top-p=0.9",
                    "--top-k=12",
                    "--min-p=0.02",
                    "--trace",
                    "--lang=" + language);
            String plain = Run.with(
                            ScriptedEngine.babbling(),
                            "",
                            "generate",
                            "spring",
                            "--seed=3",
                            "--max-tokens=40",
                            "--top-p=0.9",
                            "--top-k=12",
                            "--min-p=0.02")
                    .out();
            assertThat(run.out()).startsWith(plain + System.lineSeparator());
            List<String> table =
                    run.out().substring(plain.length()).lines().skip(1).toList();
            assertThat(table.get(0)).contains(language.equals("en") ? "entropy  removed" : "去掉");
            assertThat(table)
                    .hasSizeGreaterThanOrEqualTo(43)
                    .allSatisfy(
                            line -> assertThat(DisplayWidth.of(line)).as(line).isLessThanOrEqualTo(80));
            assertThat(table).anyMatch(line -> line.contains("TopK "));
        }
    }

    @Test
    void json_holdsTheTrace() throws Exception {
        Run run = Run.of("generate", "spring", "--json", "--trace", "--trace-candidates=3");
        JsonNode trace = new ObjectMapper().readTree(run.out()).get("trace");
        assertThat(trace).hasSize(38);
        assertThat(trace.get(0).get("tempera_trace").asInt()).isEqualTo(1);
        assertThat(trace.get(1).get("candidates")).hasSize(3);
    }

    @Test
    void traceFile_isTheTraceAgain() throws Exception {
        String file = traced("--seed=4", "--temperature=1.2");
        SamplingTrace trace = TraceFile.read(file);
        assertThat(trace.steps()).hasSize(30);
        assertThat(trace.header().seed()).isEqualTo(4);
        assertThat(Files.readAllLines(Path.of(file))).hasSize(31);
        List<String> lines = new ArrayList<>();
        for (var map : trace.toMaps()) {
            lines.add(new ObjectMapper().writeValueAsString(map));
        }
        assertThat(lines).isEqualTo(Files.readAllLines(Path.of(file)));
    }

    @Test
    void explain_aText_showsTheTableAndWhatWouldDiffer() {
        String file = traced("--seed=4");
        Run run = explain(file, "--temperature=0.3");
        assertThat(run.err()).isEmpty();
        assertThat(run.out())
                .contains("seed: 4")
                .contains("under Temperature[value=0.3] -> Categorical[]")
                .contains("log-probability of the same text: -")
                .contains("steps that would most likely differ:")
                .contains("the same random number draws");
        double drawn = TraceFile.read(file).logProbability();
        assertThat(run.out()).contains("(as drawn " + String.format(java.util.Locale.ROOT, "%.4f", drawn) + ")");
        assertThat(explain(file, "--temperature=0.3", "--lang=zh").out()).contains("最可能不同的步：", "同一随机数会抽出");
    }

    @Test
    void explain_aTextThatCannotCome_saysSo() {
        String out =
                explain(traced("--seed=4", "--temperature=1.2"), "--top-k=1").out();
        assertThat(out).contains("log-probability of the same text: -inf", "this text cannot come");
    }

    @Test
    void explain_aStep_tellsStagesDrawAndAlternatives() {
        String file = traced("--seed=4", "--top-p=0.8");
        TraceStep step = TraceFile.read(file).steps().get(2);
        Run run = explain(file, "--step=2", "--temperature=0.4");
        assertThat(run.out())
                .startsWith("step 2: ")
                .contains("-> TopP[p=0.8, minKeep=1]")
                .contains("removed " + step.stages().get(0).removed() + ", together")
                .contains("the random number was " + String.format(java.util.Locale.ROOT, "%.6f", step.uniform()))
                .contains("so it was drawn (p " + TraceTable.probability(step.exactLogProbability()) + ")")
                .contains("under that  removed by")
                .contains("(as drawn " + TraceTable.probability(step.exactLogProbability())
                        + "); the same random number");
        assertThat(run.out().lines().filter(line -> line.startsWith("*"))).hasSize(1);
        assertThat(run.out().lines().filter(line -> line.endsWith("  TopP"))).isNotEmpty();
        assertThat(explain(file, "--step=2", "--lang=zh").out()).contains("第 2 步：", "随机数 ", "于是抽出它");
    }

    @Test
    void explain_greedy_namesNoRandomNumber() {
        assertThat(explain(traced("--temperature=0"), "--step=1").out())
                .contains("-> Greedy[]", "the largest is taken, without a random number");
        assertThat(explain(traced("--temperature=0"), "--step=1", "--lang=zh").out())
                .contains("取概率最大的词元");
    }

    @Test
    void explain_severalTraces_weighsThem() {
        String[] files = new String[6];
        for (int i = 0; i < files.length; i++) {
            files[i] = tracedTo(i + ".jsonl", "--seed=" + i);
        }
        List<String> typed = new ArrayList<>(List.of(files));
        typed.add("--temperature=0.95");
        Run run = explain(typed.toArray(String[]::new));
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines().filter(line -> line.startsWith("log-weight ")))
                .hasSize(6);
        assertThat(run.out())
                .containsPattern("these 6 texts are worth [1-6]\\.\\d \\([\\d.]+ … [\\d.]+\\) drawn afresh");
    }

    @Test
    void explain_badInput_isNamed() throws Exception {
        String file = traced("--seed=4");
        assertRefused("--step must be from 0 to 29, got 30", file, "--step=30");
        assertRefused(
                "--seed changes nothing here: explain asks about the text that is in the trace", file, "--seed=3");
        assertRefused("--top-p must be in (0, 1] in the vLLM dialect, got 1.5", file, "--top-p=1.5");
        assertRefused("cannot read the trace nowhere.jsonl: no such file or folder", "nowhere.jsonl");
        assertRefused("--step needs one trace, got 2", file, file, "--step=1");
        assertRefused(
                "several traces are weighed for other parameters: give some, for instance --temperature 0.7",
                file,
                file);
        Path other = folder.resolve("other.jsonl");
        Files.writeString(other, "{\"text\": 1}\n");
        assertRefused(
                other
                        + ": line 1 of the trace: \"tempera_trace\" must be 1 in the first line, got null: this is no trace"
                        + " of tempera generate --trace-file",
                other.toString());
        Files.writeString(other, "hello\n");
        assertRefused(
                other + ": line 1 is no JSON object: it is not, or not the whole of, what tempera generate --trace-file"
                        + " writes",
                other.toString());
        Files.writeString(other, "null\n");
        assertRefused(other + ": line 1 is no JSON object", other.toString());
        Files.writeString(other, "{\"tempera_trace\": 2}\n");
        assertRefused(
                other
                        + ": line 1 of the trace: \"tempera_trace\" must be 1 in the first line, got 2: a newer version of"
                        + " tempera wrote this trace; read it with that one",
                other.toString());
        assertRefused("cannot read the trace " + folder + ": it is a folder", folder.toString());
        Files.writeString(other, "");
        assertRefused(other + ": a trace must have at least one line, its header; got none", other.toString());
        List<String> lines = Files.readAllLines(Path.of(file));
        Files.writeString(other, lines.get(0) + "\n");
        assertRefused(other + " has no step: nothing was generated", other.toString());
        Files.write(other, new byte[] {(byte) 0xff, (byte) 0xfe});
        assertRefused("cannot read the trace " + other + ": it is not text in UTF-8", other.toString());
        assertRefused(
                "step 0: " + "EtaCutoff[epsilon=0.01, minKeep=1] needs every token that is left there, but the trace"
                        + " lists 5 of ",
                traced("--trace-candidates=5"),
                "--eta-cutoff=0.01",
                "--dialect=transformers");
    }

    private static void assertRefused(String message, String... typed) {
        Run run = explain(typed);
        assertThat(run.err()).startsWith("tempera: " + message);
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
    }

    @Test
    void traceOptions_badInput_isNamed() {
        Run alone = Run.of("generate", "spring", "--trace-candidates=5");
        assertThat(alone.err()).startsWith("tempera: --trace-candidates needs --trace or --trace-file");
        Run none = Run.of("generate", "spring", "--trace", "--trace-candidates=0");
        assertThat(none.err()).startsWith("tempera: --trace-candidates must be at least 1, got 0");
        Run onFolder = Run.of("generate", "spring", "--trace", "--trace-file", folder.toString());
        assertThat(onFolder.err()).startsWith("tempera: cannot write the trace to " + folder + ": it is a folder");
        String file = folder.resolve("no/such/t.jsonl").toString();
        Run nowhere = Run.of("generate", "spring", "--trace-file", file);
        assertThat(nowhere.err()).startsWith("tempera: cannot write the trace to " + file + ": no such file or folder");
        assertThat(nowhere.exitCode()).isEqualTo(2);
        assertThat(nowhere.out()).isEmpty();
    }

    @Test
    void token_isShownInTenCells() {
        assertThat(TraceTable.token("春", 5)).isEqualTo("春");
        assertThat(TraceTable.token(" a\n", 5)).isEqualTo("␣a\\n");
        assertThat(TraceTable.token("", 5)).isEqualTo("#5");
        assertThat(TraceTable.token("<|im_end|>", 5)).isEqualTo("<|im_end|~");
        assertThat(TraceTable.token("春眠不觉晓处", 5)).isEqualTo("春眠不觉~");
        assertThat(TraceTable.token("\u0007", 5)).isEqualTo("\\u0007");
    }

    @Test
    void probability_staysReadableWhenSmall() {
        assertThat(TraceTable.probability(Math.log(0.25))).isEqualTo("0.2500");
        assertThat(TraceTable.probability(-20)).isEqualTo("2e-09");
        assertThat(TraceTable.probability(Double.NEGATIVE_INFINITY)).isEqualTo("0");
        assertThat(TraceTable.share(0.0004)).isEqualTo("<0.1%");
        assertThat(TraceTable.share(0)).isEqualTo("0%");
    }
}
