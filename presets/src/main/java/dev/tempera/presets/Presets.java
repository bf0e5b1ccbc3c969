package dev.tempera.presets;

import dev.tempera.InvalidParametersException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Presets by name. A preset is found by its name, by its title in either language and by its aliases; case, blanks,
 * hyphens and underscores do not count. Immutable and thread-safe.
 */
public final class Presets {
    private static final Presets BUILT_IN = new Presets(PresetReader.read(resource(), "presets.json", Map.of()));

    private final Map<String, Preset> presets;

    private Presets(Map<String, Preset> presets) {
        this.presets = Collections.unmodifiableMap(presets);
    }

    /** {@code default}, {@code qwen2.5-instruct} and the five scenarios. */
    public static Presets builtIn() {
        return BUILT_IN;
    }

    /**
     * A built-in preset.
     *
     * @throws InvalidParametersException if there is none of that name; the message lists the known ones
     */
    public static Preset get(String name) {
        return BUILT_IN.find(name);
    }

    /**
     * The built-in presets and those of a JSON file, which override built-in ones of the same name: a field that is left
     * out is taken from there.
     *
     * @throws InvalidParametersException if the file is missing or anything in it is wrong; names every problem
     */
    public static Presets load(Path file) {
        return BUILT_IN.and(file);
    }

    /** As {@link #load}, on top of these presets. */
    public Presets and(Path file) {
        Map<String, Preset> merged = new LinkedHashMap<>(presets);
        merged.putAll(PresetReader.read(read(file), file.toString(), presets));
        return new Presets(merged);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new InvalidParametersException("the presets file " + file + " does not exist");
        } catch (IOException e) {
            throw new InvalidParametersException("the presets file " + file + " cannot be read: " + e);
        }
    }

    /** All presets, the built-in ones first. */
    public List<Preset> all() {
        return List.copyOf(presets.values());
    }

    /** @throws InvalidParametersException if there is none of that name; the message lists the known ones */
    public Preset find(String name) {
        Preset preset = presets.get(name);
        Preset found = preset != null ? preset : byOtherName(plain(name));
        if (found == null) {
            throw new InvalidParametersException("no preset is named \"" + name + "\"" + suggestion(plain(name))
                    + "; known: " + String.join(", ", presets.keySet()));
        }
        return found;
    }

    /** The names of presets come before what others call themselves by the way; the later preset wins. */
    private @Nullable Preset byOtherName(String plain) {
        Preset found = null;
        for (Preset preset : presets.values()) {
            if (plain(preset.name()).equals(plain)) {
                return preset;
            }
            if (otherNames(preset).stream().anyMatch(other -> plain(other).equals(plain))) {
                found = preset;
            }
        }
        return found;
    }

    private static List<String> otherNames(Preset preset) {
        List<String> names = new ArrayList<>(preset.aliases());
        names.add(preset.title().en());
        names.add(preset.title().zh());
        return names;
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[\\s_-]", "");
    }

    /** A preset with a name that begins alike or has at most a letter in three wrong. */
    private String suggestion(String plain) {
        String best = "";
        int bestDistance = plain.length() / 3 + 1;
        for (Preset preset : presets.values()) {
            List<String> names = otherNames(preset);
            names.add(preset.name());
            for (String name : names) {
                int distance = plain.length() >= 3 && plain(name).startsWith(plain) ? 0 : distance(plain, plain(name));
                if (distance < bestDistance) {
                    bestDistance = distance;
                    best = " (did you mean \"" + preset.name() + "\"?)";
                }
            }
        }
        return best;
    }

    /** Levenshtein. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }

    private static String resource() {
        try (InputStream in = Presets.class.getResourceAsStream("presets.json")) {
            if (in == null) {
                throw new IllegalStateException("presets.json is not in the jar beside " + Presets.class.getName());
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
