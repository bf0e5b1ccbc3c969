package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ending the JVM in the middle of a generation: the native code must not be pulled from under the decode thread. */
class ExitTest {
    @TempDir
    Path folder;

    @Test
    void signal_inTheMiddleOfAGeneration_endsTheJvmWithoutACrash() throws Exception {
        assumeThat(System.getProperty("os.name")).isEqualTo("Linux");
        Process jvm = java("-cp", System.getProperty("java.class.path"), Endless.class.getName());
        try (BufferedReader output = jvm.inputReader(StandardCharsets.UTF_8)) {
            assertThat(output.lines().anyMatch("generating"::equals)).isTrue();
            // What Ctrl-C does, too; but that signal is ignored by whatever a shell starts in the background.
            new ProcessBuilder("kill", "-TERM", Long.toString(jvm.pid()))
                    .start()
                    .waitFor();
            assertThat(output.lines()).contains("ended abort"); // the exit waited for the decode thread
            assertThat(jvm.waitFor(30, TimeUnit.SECONDS)).isTrue();
        } finally {
            jvm.destroyForcibly();
        }
        assertThat(jvm.exitValue()).isEqualTo(128 + 15);
        try (var files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void open_withoutLibtorchOnTheClassPath_saysWhatToAdd() throws Exception {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("pytorch-jni") && !entry.contains("pytorch-native"))
                .collect(Collectors.joining(File.pathSeparator));
        Process jvm = java("-DDJL_CACHE_DIR=" + folder, "-cp", classPath, Endless.class.getName());
        String output = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(jvm.waitFor()).isEqualTo(1);
        assertThat(output)
                .contains("EngineSetupException: libtorch could not be loaded: ")
                .contains("Add ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0 and ai.djl.pytorch:pytorch-native-cpu:2.7.1");
    }

    private Process java(String... arguments) throws IOException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:ErrorFile=" + folder.resolve("crash.log"));
        command.add("-Dai.djl.offline=true");
        command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        command.addAll(List.of(arguments));
        Process jvm = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        // A test that waits for its output must not wait for ever.
        CompletableFuture.delayedExecutor(2, TimeUnit.MINUTES).execute(jvm::destroyForcibly);
        return jvm;
    }

    /** Generates until it is ended. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] args) throws InterruptedException {
            DjlEngine engine = TinyQwen2.engine().open();
            var someTokens = new CountDownLatch(50);
            var request = GenerationRequest.builder()
                    .prompt(new Prompt.Tokens(List.of(1, 2, 3)))
                    .parameters(SamplingParameters.builder().ignoreEos(true).build())
                    .listener(new GenerationListener() {
                        @Override
                        public void token(int tokenId) {
                            someTokens.countDown();
                        }

                        @Override
                        public void finished(GenerationResult result, Timings timings) {
                            System.out.println("ended " + result.finishReason());
                        }
                    })
                    .build();
            // Several, so that some generation is under way at any time, also while another's reader starts its next.
            for (int i = 0; i < 4; i++) {
                new Thread(() -> {
                            while (true) {
                                engine.generate(request);
                            }
                        })
                        .start();
            }
            someTokens.await();
            System.out.println("generating");
        }
    }
}
