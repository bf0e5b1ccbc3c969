package dev.tempera.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.testkit.vllm.FakeVllm;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every example runs, and every snippet in the README stands in one. */
class ExamplesTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/tempera/examples");

    @Test
    void drawFromLogits_drawsOnlyWhatTopPKeeps() throws Exception {
        // softmax(logits / 0.7) is 0.63 for token 1 and 0.31 for token 2: both are needed to reach 0.9.
        assertThat(output("DrawFromLogits")).startsWith("1 ").matches("(?s)([12] ){8}drawn by .*TopP.*");
    }

    @Test
    void whyPeersDiffer_tellsTheOrder() throws Exception {
        assertThat(output("WhyPeersDiffer")).contains("vLLM: ", "transformers: ", "vLLM and llama.cpp differ.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"WritePoem", "OwnProcessor"})
    void poemExamples_writeChinese(String example) throws Exception {
        String poem = output(example);
        assertThat(poem.codePoints().filter(Character::isIdeographic).count())
                .as(poem)
                .isGreaterThan(15);
        if (example.equals("OwnProcessor")) {
            assertThat(poem).doesNotContain("春");
        }
    }

    @Test
    void streamPoem_endsWhereItIsCancelled() throws Exception {
        assertThat(output("StreamPoem")).endsWith("。 (cancelled)\n");
    }

    @Test
    void compareTemperatures_seesDiversityRise() throws Exception {
        List<Double> distinct2 = output("CompareTemperatures")
                .lines()
                .map(line -> Double.valueOf(line.replaceFirst("^[\\d.]+: distinct-2 ", "")))
                .toList();
        assertThat(distinct2).hasSize(3).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void whyThisToken_tellsOfTheNeighbour() throws Exception {
        String told = output("WhyThisToken");
        assertThat(told.lines().filter(line -> line.matches(".+ [01]\\.\\d{3} of \\d+, rank \\d+")))
                .hasSize(12);
        assertThat(told)
                .containsPattern("log-probability -[\\d.]+, at 0.9 it would be -")
                .containsPattern(
                        "20 poems at 1\\.0 are worth (1?\\d|20)\\.\\d at 0\\.9; there \\d+\\.\\d of 12 characters");
    }

    @Test
    void onServer_printsThePlanAndTheText() throws Exception {
        try (FakeVllm server = FakeVllm.builder().saying("春眠不觉晓").start()) {
            assertThat(output("OnServer", server.uri().toString()))
                    .startsWith("DELEGATED Temperature[value=0.7] (sent as temperature)\n")
                    .endsWith("\n春眠不觉晓\n");
        }
    }

    @Test
    void everySnippetOfTheReadme_standsInAnExample() throws Exception {
        StringBuilder examples = new StringBuilder();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                examples.append(withoutLayout(Files.readString(file)));
            }
        }
        for (String page : List.of("README.md", "README.zh-CN.md", "docs/trace.md")) {
            Pattern block = Pattern.compile("(?s)```java\n(.*?)```");
            List<MatchResult> snippets = block.matcher(Files.readString(Path.of("..", page)))
                    .results()
                    .toList();
            assertThat(snippets).as(page).isNotEmpty();
            for (MatchResult snippet : snippets) {
                assertThat(examples.toString()).as(page).contains(withoutLayout(snippet.group(1)));
            }
        }
    }

    private static String withoutLayout(String source) {
        return source.replaceAll("\\s", "");
    }

    /** What the example prints. */
    private static String output(String example, String... arguments) throws Exception {
        PrintStream standard = System.out;
        var printed = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            Class.forName("dev.tempera.examples." + example)
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) arguments);
        } finally {
            System.setOut(standard);
        }
        return printed.toString(StandardCharsets.UTF_8).replace("\r\n", "\n");
    }
}
