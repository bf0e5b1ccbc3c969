package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.app.Columns.Column;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ColumnsTest {
    private static final Column FIVE = new Column("T = 0.1", "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。");
    private static final Column SEVEN = new Column("T = 1.0", "朝辞白帝彩云间，千里江陵一日还。");

    @Test
    void twoTexts_standSideBySide() {
        assertThat(new Columns(36).lines(List.of(FIVE, SEVEN)))
                .containsExactly(
                        "T = 0.1            T = 1.0",
                        "─────────────────  ─────────────────",
                        "春眠不觉晓，       朝辞白帝彩云间，",
                        "处处闻啼鸟。       千里江陵一日还。",
                        "夜来风雨声，",
                        "花落知多少。");
    }

    @Test
    void wideColumn_holdsACouplet() {
        assertThat(new Columns(60).lines(List.of(FIVE, SEVEN))).contains("春眠不觉晓，处处闻啼鸟。       朝辞白帝彩云间，");
    }

    @Test
    void sixTexts_onEightyColumns_makeTwoRowsOfThree() {
        List<String> lines =
                new Columns(80).lines(Stream.generate(() -> FIVE).limit(6).toList());
        assertThat(lines.stream().filter(line -> line.startsWith("T = 0.1"))).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 20, 33})
    void narrowOrUnknownScreen_stacksThem(int screen) {
        assertThat(new Columns(screen).lines(List.of(FIVE, SEVEN)))
                .startsWith("T = 0.1")
                .contains("\nT = 1.0");
    }

    @ParameterizedTest
    @ValueSource(ints = {34, 50, 80, 81, 99, 120, 200})
    void line_neverLeavesTheScreen(int screen) {
        Column prose =
                new Column("x", "A long English sentence, with aVeryLongWordThatDoesNotFitAnywhere 和中文。".repeat(5));
        for (String line : new Columns(screen).lines(List.of(FIVE, prose, SEVEN, prose, prose))) {
            assertThat(DisplayWidth.of(line)).as(line).isLessThanOrEqualTo(screen);
        }
    }
}
