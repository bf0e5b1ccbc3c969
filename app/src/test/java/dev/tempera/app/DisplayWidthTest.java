package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DisplayWidthTest {
    @ParameterizedTest
    @CsvSource({"'',0", "abc,3", "春,2", "春天。,6", "ｆ,2", "é,1", "e\u0301,1", "█▌,2", "한,2", "𠮷,2", "🌸,2"})
    void of_countsCells(String text, int cells) {
        assertThat(DisplayWidth.of(text)).isEqualTo(cells);
    }

    @Test
    void wrap_keepsClausesWhole() {
        assertThat(DisplayWidth.wrap("春风吹，花开了，好。", 8)).containsExactly("春风吹，", "花开了，", "好。");
        assertThat(DisplayWidth.wrap("春风吹，花开了，好。", 10)).containsExactly("春风吹，", "花开了，好。");
    }

    @Test
    void wrap_breaksWhatHasNoClauses() {
        assertThat(DisplayWidth.wrap("春风吹花开", 4)).containsExactly("春风", "吹花", "开");
        assertThat(DisplayWidth.wrap("one two three", 8)).containsExactly("one two", "three");
        assertThat(DisplayWidth.wrap("abcdefgh", 3)).containsExactly("abc", "def", "gh");
    }

    @Test
    void wrap_noLineBeginsWithAClosingMark() {
        assertThat(DisplayWidth.wrap("春风。”花", 5)).containsExactly("春风。”", "花");
    }

    @Test
    void wrap_dropsControlCharacters() {
        assertThat(DisplayWidth.wrap("a\u001b[31mb\u0007", 20)).containsExactly("a[31mb");
    }

    @Test
    void wrap_ofNothing_isOneEmptyLine() {
        assertThat(DisplayWidth.wrap("", 10)).containsExactly("");
    }
}
