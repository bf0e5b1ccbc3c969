package dev.tempera.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "春眠不觉晓，处处闻啼鸟。 | 春 眠 不 觉 晓 ， 处 处 闻 啼 鸟 。",
                "Hello, World! | Hello , World !",
                "don't stop | don't stop",
                "GPT4用了2024年的数据 | GPT 4 用 了 2024 年 的 数 据",
                "さくらサクラ桜 | さ く ら サ ク ラ 桜",
                "한국어 사람 | 한국어 사람",
                "über Größe naïve | über Größe naïve",
                "नमस्ते दुनिया | नमस्ते दुनिया",
                "a\u3000b\u00a0c | a b c",
                "𠮷野家 | 𠮷 野 家",
                "x=3.14; | x = 3 . 14 ;",
            })
    void of_text_givesWords(String text, String words) {
        assertThat(String.join(" ", Words.of(text))).isEqualTo(words);
    }

    @Test
    void of_twoSpellingsOfOneLetter_isOneWord() {
        assertThat(Words.of("e\u0301te\u0301")).isEqualTo(Words.of("été")).containsExactly("été");
    }

    @Test
    void of_blanks_isEmpty() {
        assertThat(Words.of(" \n\t\u3000")).isEmpty();
        assertThat(Words.of("")).isEmpty();
    }
}
