package com.example.shortsentences;

import static org.assertj.core.api.Assertions.assertThat;

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

/** The page that this module belongs to shows its code, and the program does what the page says. */
class TutorialTest {
    @Test
    void everySnippetOfThePage_standsInThisModule() throws Exception {
        StringBuilder sources = new StringBuilder();
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sources.append(withoutLayout(Files.readString(file)));
            }
        }
        List<MatchResult> snippets = Pattern.compile("(?s)```(?:java|text)\n(.*?)```")
                .matcher(Files.readString(Path.of("../docs/write-a-processor.md")))
                .results()
                .toList();
        assertThat(snippets)
                .hasSizeGreaterThanOrEqualTo(5)
                .allSatisfy(snippet -> assertThat(sources.toString()).contains(withoutLayout(snippet.group(1))));
    }

    private static String withoutLayout(String source) {
        return source.replaceAll("\\s", "");
    }

    @Test
    void sentences_growShorter() throws Exception {
        PrintStream standard = System.out;
        var printed = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            Sentences.main(new String[0]);
        } finally {
            System.setOut(standard);
        }
        List<Long> ends = printed.toString(StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.chars().filter(c -> c == '.').count())
                .toList();
        assertThat(ends).hasSize(3);
        assertThat(ends.get(1)).isGreaterThan(ends.get(0));
        assertThat(ends.get(2)).isGreaterThan(ends.get(0));
    }
}
