package dev.tempera.samplemodel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A small Qwen2 checkpoint that writes Tang poems: four million parameters in Hugging Face layout, 8 MB. What it was
 * trained on, what it can do and what it cannot is in the module's {@code MODEL_CARD.md}.
 */
public final class SampleModel {

    /** System property that names another cache folder than the operating system's own. */
    public static final String CACHE_PROPERTY = "tempera.cache";

    static final List<String> FILES = List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");

    private SampleModel() {}

    /**
     * The model's folder, ready to be opened by an engine.
     *
     * <p>Where the model lies on the class path as plain files, it is that folder. Inside a jar the files are copied to
     * the user's cache folder, below a name made from their content, the first time; later calls, other processes and
     * other versions of Tempera with the same model share the copy. Each call compares the copy with the jar (about 8 MB
     * to read twice, tens of milliseconds) and writes again what is missing or damaged. Files are replaced atomically:
     * any number of threads and processes may call this at once.
     *
     * @throws UncheckedIOException if the copy cannot be written; the message names the folder and how to choose another
     */
    public static Path path() {
        return path(cacheFolder());
    }

    static Path path(Path cache) {
        URL config = resource(FILES.get(0));
        if (config.getProtocol().equals("file")) {
            try {
                return Path.of(config.toURI()).resolveSibling(".").normalize();
            } catch (URISyntaxException e) {
                throw new IllegalStateException(config + " is no valid file address", e);
            }
        }
        Path folder = null;
        try {
            Map<String, byte[]> expected = new LinkedHashMap<>();
            MessageDigest all = sha256();
            for (String name : FILES) {
                byte[] digest = digest(resource(name).openStream());
                expected.put(name, digest);
                all.update(digest);
            }
            String content = HexFormat.of().formatHex(all.digest(), 0, 8);
            folder = cache.resolve("sample-model-" + content);
            Files.createDirectories(folder);
            for (Map.Entry<String, byte[]> entry : expected.entrySet()) {
                Path file = folder.resolve(entry.getKey());
                if (!holds(file, entry.getValue())) {
                    replace(file, entry.getKey());
                }
            }
            return folder.toAbsolutePath();
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "The sample model could not be unpacked to " + (folder == null ? cache : folder) + " (" + e
                            + "). It needs 8 MB in a folder that can be written; choose one with -D" + CACHE_PROPERTY
                            + "=FOLDER.",
                    e);
        }
    }

    private static boolean holds(Path file, byte[] digest) throws IOException {
        return Files.isRegularFile(file) && MessageDigest.isEqual(digest(Files.newInputStream(file)), digest);
    }

    /** Nobody ever sees half a file: it is written beside its place, then moved there. */
    private static void replace(Path file, String name) throws IOException {
        Path part = Files.createTempFile(file.getParent(), name, ".part");
        try (InputStream in = resource(name).openStream()) {
            Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static URL resource(String name) {
        URL url = SampleModel.class.getResource("model/" + name);
        if (url == null) {
            throw new IllegalStateException(
                    "The sample model's " + name
                            + " is not on the class path: tempera-sample-model's jar was built or shaded without its resources.");
        }
        return url;
    }

    static Path cacheFolder() {
        return cacheFolder(
                System.getProperty(CACHE_PROPERTY),
                System.getProperty("os.name"),
                System.getProperty("user.home"),
                System.getenv());
    }

    /** Where each operating system wants caches: {@code ~/.cache}, {@code ~/Library/Caches}, {@code %LOCALAPPDATA%}. */
    static Path cacheFolder(@Nullable String chosen, String system, String home, Map<String, String> environment) {
        if (chosen != null && !chosen.isBlank()) {
            return Path.of(chosen);
        }
        String name = system.toLowerCase(Locale.ROOT);
        if (name.startsWith("windows")) {
            String local = environment.get("LOCALAPPDATA");
            return local == null ? Path.of(home, "AppData", "Local", "tempera") : Path.of(local, "tempera");
        }
        if (name.startsWith("mac")) {
            return Path.of(home, "Library", "Caches", "tempera");
        }
        String xdg = environment.get("XDG_CACHE_HOME");
        // The XDG specification: a relative path is invalid and to be ignored.
        return xdg != null && Path.of(xdg).isAbsolute() ? Path.of(xdg, "tempera") : Path.of(home, ".cache", "tempera");
    }

    private static byte[] digest(InputStream stream) throws IOException {
        MessageDigest digest = sha256();
        try (DigestInputStream in = new DigestInputStream(stream, digest)) {
            byte[] buffer = new byte[1 << 16];
            while (in.read(buffer) >= 0) {
                // The digest sees what is read.
            }
        }
        return digest.digest();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
