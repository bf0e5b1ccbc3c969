package dev.tempera;

import java.nio.file.Files;
import java.nio.file.Path;

/** The guide, wherever the tests are started from. */
final class Docs {
    private Docs() {}

    static Path page(String name) {
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null && !Files.exists(folder.resolve("docs").resolve(name))) {
            folder = folder.getParent();
        }
        if (folder == null) {
            throw new AssertionError("no docs/" + name + " above " + Path.of("").toAbsolutePath());
        }
        return folder.resolve("docs").resolve(name);
    }
}
