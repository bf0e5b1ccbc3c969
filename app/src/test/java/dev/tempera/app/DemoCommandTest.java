package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.testkit.ScriptedEngine;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoCommandTest {
    private static Run demo(int columns, String... options) {
        String[] arguments = new String[options.length + 3];
        arguments[0] = "demo";
        arguments[1] = "--max-tokens=60";
        arguments[2] = "--temperatures=0.01,0.5,1.5";
        System.arraycopy(options, 0, arguments, 3, options.length);
        return Run.with(ScriptedEngine.babbling(), new Run.Screen(false, columns), "", arguments);
    }

    @Test
    void demo_saysWhatItDoesAndShowsTheTexts() {
        Run run = demo(80);
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .contains("请写一首关于春天的诗")
                .contains("preset default, top_p 0.9, max_tokens 60; only the temperature differs")
                .contains("42 to 51")
                .containsPattern("T = 0\\.01 +T = 0\\.5 +T = 1\\.5")
                .contains("Diversity (10 texts per temperature)")
                .containsPattern("30 texts, [\\d,]+ tokens in");
    }

    @Test
    void demo_inChinese() {
        assertThat(demo(80, "--lang=zh").out())
                .contains("温度 0.01", "多样性（每个温度 10 首）", "种子", "预设 default，top_p 0.9，max_tokens 60；只有温度不同");
    }

    @Test
    void longPrompt_isShortenedInTheHeader() {
        assertThat(demo(80, "𠮷".repeat(60)).out()).containsPattern("(?m)^Prompt +(𠮷){60}$");
        Run refused = demo(80, "𠮷".repeat(1000));
        assertThat(refused.out()).containsPattern("(?m)^Prompt +(𠮷){60}…$");
        assertThat(refused.err()).contains("the context holds 512");
        assertThat(refused.exitCode()).isEqualTo(2);
    }

    @Test
    void systemMessage_isThePresetsOrTheTypedOne() {
        assertThat(demo(80).out()).doesNotContain("System ");
        assertThat(demo(80, "--preset=coding").out()).containsPattern("(?m)^System +\\S");
        assertThat(demo(80, "--preset=coding", "--system=Be brief.").out())
                .containsPattern("(?m)^System +Be brief\\.$");
        assertThat(demo(80, "--preset=role-play").err()).contains("preset role-play needs --system");
    }

    @Test
    void diversity_risesWithTheTemperature() {
        Matcher row = Pattern.compile("(?m)^(\\d\\.\\d+) +([01]\\.\\d{3}) +([01]\\.\\d{3}) .*([01]\\.\\d{3})$")
                .matcher(demo(0).out());
        assertThat(row.find()).isTrue();
        double coldDistinct2 = Double.parseDouble(row.group(3));
        double coldSelfBleu = Double.parseDouble(row.group(4));
        assertThat(row.find() && row.find()).isTrue();
        assertThat(row.group(1)).isEqualTo("1.5");
        assertThat(Double.parseDouble(row.group(3))).isGreaterThan(coldDistinct2);
        assertThat(Double.parseDouble(row.group(4))).isLessThan(coldSelfBleu);
    }

    @Test
    void pipe_getsTheTextsBelowEachOther() {
        assertThat(demo(0).out()).containsPattern("(?m)^T = 0\\.01$").containsPattern("(?m)^T = 1\\.5$");
    }

    @Test
    void oneSample_hasNoFigures() {
        assertThat(demo(80, "--samples=1").out()).doesNotContain("Diversity").contains("3 texts");
    }

    @Test
    void chart_isAPicture(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("diversity.png");
        assertThat(demo(80, "--chart=" + file).out()).contains("Chart written to " + file);
        BufferedImage picture = ImageIO.read(file.toFile());
        assertThat(picture.getWidth()).isEqualTo(900);
    }

    @Test
    void sameSeed_sameTexts() {
        String figures = "(?s)(T = 0\\.01.*)\\d+ texts.*";
        String first = demo(80).out().replaceFirst(".*?" + figures, "$1");
        assertThat(demo(80).out().replaceFirst(".*?" + figures, "$1")).isEqualTo(first);
        assertThat(demo(80, "--seed=7").out().replaceFirst(".*?" + figures, "$1"))
                .isNotEqualTo(first);
    }
}
