package dev.tempera.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The program as a process of its own, with the sample model: what only a real process shows. */
class RealModelTest {
    @TempDir
    private Path folder;

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED"); // as ./tempera does
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.tempera.app.Tempera"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(error().toFile());
        // No UTF-8 locale: what is written must be UTF-8 all the same.
        builder.environment().put("LC_ALL", "C");
        return builder.start();
    }

    private Path error() {
        return folder.resolve("stderr");
    }

    private void assertExit(Process process, int exitCode, String errorPattern) throws Exception {
        assertThat(process.waitFor(60, TimeUnit.SECONDS))
                .as("ends within a minute")
                .isTrue();
        String error = Files.readString(error());
        assertThat(error).matches("(?s)" + errorPattern);
        assertThat(process.exitValue()).as(error).isEqualTo(exitCode);
    }

    @Test
    void demo_writesVersesThatDifferMoreAtHigherTemperature() throws Exception {
        Process process = start("demo", "--samples=4", "--temperatures=0.1,1.5", "--lang=zh");
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertExit(process, 0, "");
        assertThat(out).contains("温度 0.1", "温度 1.5").containsPattern("\\p{IsHan}{5}[，。]|\\p{IsHan}{7}[，。]");
    }

    @Test
    void sameSeed_sameTextInAnotherProcess() throws Exception {
        List<String> texts = new ArrayList<>();
        for (int run = 0; run < 2; run++) {
            Process process = start("generate", "--seed=5", "--max-tokens=40", "--raw", "spring");
            texts.add(new String(process.getInputStream().readAllBytes(), UTF_8));
            assertExit(process, 0, "");
        }
        assertThat(texts.get(0)).isNotBlank().isEqualTo(texts.get(1));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void interrupt_keepsTheTextSoFarAndEndsInOrder() throws Exception {
        Process process = start("generate", "--ignore-eos", "--max-tokens=1900", "--temperature=1.5", "x");
        InputStream out = process.getInputStream();
        byte[] first = out.readNBytes(60);
        // What Ctrl-C does, too; but that signal is ignored by whatever a shell starts in the background.
        new ProcessBuilder("kill", "-TERM", String.valueOf(process.pid()))
                .start()
                .waitFor();
        byte[] rest = out.readAllBytes();
        assertExit(process, 128 + 15, "");
        assertThat(new String(first, UTF_8) + new String(rest, UTF_8)).containsPattern("\\p{IsHan}");
    }

    @Test
    void readerThatLeaves_endsTheProgramQuietly() throws Exception {
        Process process = start("generate", "--ignore-eos", "--max-tokens=1900", "--temperature=1.5", "x");
        InputStream out = process.getInputStream();
        out.readNBytes(10);
        out.close();
        assertExit(process, 0, "");
    }

    @Test
    void thinkingBudget_withoutItsMarkers_isWarnedOf() throws Exception {
        Process process = start("generate", "--plan", "--thinking-token-budget=50", "x");
        process.getInputStream().readAllBytes();
        assertExit(
                process,
                0,
                "warning: --thinking-token-budget needs <think>, which is no token of this model: no effect, unless the"
                        + " model writes it piece by piece\\R");
    }

    @Test
    void folderThatIsNone_getsOneSentence() throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Process process = start("generate", "--model", empty.toString(), "x");
        assertExit(process, 2, "tempera: [^\n]*empty[^\n]*\\R");
    }
}
