package dev.tempera.samplemodel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleModelTest {
    @TempDir
    Path temporary;

    /** Prints the path, in a process of its own. */
    public static final class Main {
        public static void main(String[] arguments) {
            System.out.print(SampleModel.path());
        }
    }

    @Test
    void plainFilesAreUsedWhereTheyLie() throws Exception {
        Path folder = SampleModel.path();
        assertThat(folder).isEqualTo(classes().resolve("dev/tempera/samplemodel/model"));
        for (String file : SampleModel.FILES) {
            assertThat(folder.resolve(file)).isNotEmptyFile();
        }
    }

    @Test
    void theWeightsAreWholeSafetensorsOfAtMostEightMegabytes() throws Exception {
        byte[] file = Files.readAllBytes(SampleModel.path().resolve("model.safetensors"));
        int header = Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
        String json = new String(file, 8, header, StandardCharsets.UTF_8);
        assertThat(json).contains("\"model.embed_tokens.weight\"", "\"BF16\"").doesNotContain("\"F32\"");
        assertThat(json).contains("," + (file.length - 8 - header) + "]");
        assertThat(file.length).isLessThanOrEqualTo(8_000_000);
    }

    @Test
    void aJarIsUnpackedOnceAndSharedAfterwards() throws Exception {
        Path jar = jar(SampleModel.FILES);
        Path cache = temporary.resolve("cache");
        Path folder = pathFromJar(jar, cache);
        assertThat(folder.getParent()).isEqualTo(cache);
        assertThat(folder.getFileName().toString()).matches("sample-model-[0-9a-f]{16}");
        assertSameAsSource(folder);

        Path weights = folder.resolve("model.safetensors");
        Object before = Files.getAttribute(weights, "creationTime");
        Object modified = Files.getLastModifiedTime(weights);
        assertThat(pathFromJar(jar, cache)).isEqualTo(folder);
        assertThat(Files.getAttribute(weights, "creationTime")).isEqualTo(before);
        assertThat(Files.getLastModifiedTime(weights)).isEqualTo(modified);
    }

    @Test
    void aDamagedCopyIsRepaired() throws Exception {
        Path jar = jar(SampleModel.FILES);
        Path cache = temporary.resolve("cache");
        Path folder = pathFromJar(jar, cache);
        byte[] weights = Files.readAllBytes(folder.resolve("model.safetensors"));
        weights[weights.length / 2] ^= 1;
        Files.write(folder.resolve("model.safetensors"), weights);
        Files.write(folder.resolve("tokenizer.json"), new byte[10]);
        Files.delete(folder.resolve("config.json"));

        assertThat(pathFromJar(jar, cache)).isEqualTo(folder);
        assertSameAsSource(folder);
    }

    @Test
    void threadsMayAskAtOnce() throws Exception {
        Path jar = jar(SampleModel.FILES);
        Path cache = temporary.resolve("cache");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Callable<Path>> calls = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                calls.add(() -> pathFromJar(jar, cache));
            }
            Path folder = null;
            for (Future<Path> call : threads.invokeAll(calls)) {
                folder = call.get();
            }
            assertThat(folder).isNotNull();
            assertSameAsSource(folder);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void processesMayAskAtOnce() throws Exception {
        Path jar = jar(SampleModel.FILES);
        Path cache = temporary.resolve("cache");
        Path tests = Path.of(
                Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            processes.add(new ProcessBuilder(
                            java,
                            "-Xshare:auto",
                            "-Xmx64m",
                            "-D" + SampleModel.CACHE_PROPERTY + "=" + cache,
                            "-cp",
                            jar + System.getProperty("path.separator") + tests,
                            Main.class.getName())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start());
        }
        for (Process process : processes) {
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).isZero();
            assertSameAsSource(Path.of(printed));
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamedWithTheWayOut() throws Exception {
        Path jar = jar(SampleModel.FILES);
        Path occupied = Files.writeString(temporary.resolve("occupied"), "a file, not a folder");
        assertThatThrownBy(() -> pathFromJar(jar, occupied))
                .hasMessageStartingWith("The sample model could not be unpacked to " + occupied)
                .hasMessageContaining("8 MB")
                .hasMessageEndingWith("choose one with -Dtempera.cache=FOLDER.");
    }

    @Test
    void aJarWithoutTheWeightsSaysSo() throws Exception {
        Path jar = jar(SampleModel.FILES.subList(0, 4));
        assertThatThrownBy(() -> pathFromJar(jar, temporary.resolve("cache")))
                .hasMessage("The sample model's model.safetensors is not on the class path: tempera-sample-model's jar"
                        + " was built or shaded without its resources.");
    }

    @Test
    void theCacheFolderIsTheOneOfTheOperatingSystem() {
        assertThat(SampleModel.cacheFolder(null, "Linux", "/users/li", Map.of()))
                .isEqualTo(Path.of("/users/li/.cache/tempera"));
        assertThat(SampleModel.cacheFolder("", "Linux", "/users/li", Map.of("XDG_CACHE_HOME", "/var/cache/li")))
                .isEqualTo(Path.of("/var/cache/li/tempera"));
        assertThat(SampleModel.cacheFolder(null, "Linux", "/users/li", Map.of("XDG_CACHE_HOME", "relative")))
                .isEqualTo(Path.of("/users/li/.cache/tempera"));
        assertThat(SampleModel.cacheFolder(null, "Mac OS X", "/Users/li", Map.of()))
                .isEqualTo(Path.of("/Users/li/Library/Caches/tempera"));
        assertThat(SampleModel.cacheFolder(null, "Windows 11", "/li", Map.of("LOCALAPPDATA", "/li/local")))
                .isEqualTo(Path.of("/li/local/tempera"));
        assertThat(SampleModel.cacheFolder("chosen", "Windows 11", "/li", Map.of()))
                .isEqualTo(Path.of("chosen"));
    }

    private static Path classes() throws Exception {
        return Path.of(SampleModel.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
    }

    private Path jar(List<String> files) throws Exception {
        Path jar = Files.createTempFile(temporary, "model", ".jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream zip = new JarOutputStream(out)) {
            zip.setLevel(1);
            List<String> entries = new ArrayList<>(List.of("dev/tempera/samplemodel/SampleModel.class"));
            files.forEach(file -> entries.add("dev/tempera/samplemodel/model/" + file));
            for (String entry : entries) {
                zip.putNextEntry(new JarEntry(entry));
                Files.copy(classes().resolve(entry), zip);
            }
        }
        return jar;
    }

    /** Calls the class inside the jar, which knows nothing of the plain files on this test's class path. */
    private static Path pathFromJar(Path jar, Path cache) throws Exception {
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {jar.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
            var method = loader.loadClass(SampleModel.class.getName()).getDeclaredMethod("path", Path.class);
            method.setAccessible(true);
            return (Path) method.invoke(null, cache);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }

    private static void assertSameAsSource(Path folder) throws Exception {
        for (String file : SampleModel.FILES) {
            assertThat(folder.resolve(file))
                    .hasSameBinaryContentAs(classes().resolve("dev/tempera/samplemodel/model/" + file));
        }
        try (Stream<Path> listed = Files.list(folder)) {
            assertThat(listed.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(SampleModel.FILES);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
