package dev.tempera.presets;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads <code>{"presets": [...]}</code> and collects every problem before it complains. The built-in file,
 * {@code presets.json}, is the example of the format.
 */
final class PresetReader {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9.-]*");
    private static final Set<String> FIELDS = new TreeSet<>(List.of(
            "name",
            "aliases",
            "title",
            "description",
            "hint",
            "temperature_range",
            "parameters",
            "system_prompt",
            "source"));

    private static final LocalizedText NOTHING = new LocalizedText("", "");

    private final String source;
    private final Map<String, Preset> overridden;
    private final List<String> problems = new ArrayList<>();

    private PresetReader(String source, Map<String, Preset> overridden) {
        this.source = source;
        this.overridden = overridden;
    }

    /**
     * @param source how messages name the text
     * @param overridden where a preset of the same name takes the fields from that it leaves out
     * @return by name, in the order of the text
     * @throws InvalidParametersException with every problem
     */
    static Map<String, Preset> read(String json, String source, Map<String, Preset> overridden) {
        return new PresetReader(source, overridden).read(Json.parseObject(json, source));
    }

    private Map<String, Preset> read(Map<String, Object> file) {
        Map<String, Preset> presets = new LinkedHashMap<>();
        if (!(file.get("presets") instanceof List<?> list) || file.size() != 1) {
            throw new InvalidParametersException(
                    source + " must be an object with the one field \"presets\", a list, got the fields "
                            + String.join(", ", file.keySet()));
        }
        for (int i = 0; i < list.size(); i++) {
            if (list.get(i) instanceof Map<?, ?> map && map.get("name") instanceof String name) {
                Preset preset = preset(name, map);
                if (preset != null && presets.put(name, preset) != null) {
                    problems.add(source + " has the preset " + name + " twice");
                }
            } else {
                problems.add(source + ": presets[" + i + "] must be an object with a name, got " + list.get(i));
            }
        }
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return presets;
    }

    private @Nullable Preset preset(String name, Map<?, ?> map) {
        int before = problems.size();
        Fields fields = new Fields(name, map);
        for (Object field : map.keySet()) {
            if (!FIELDS.contains(String.valueOf(field))) {
                fields.problem("unknown field \"" + field + "\"; known: " + String.join(", ", FIELDS));
            }
        }
        if (!NAME.matcher(name).matches()) {
            fields.problem("name must be lower-case letters, digits, hyphens and dots");
        }
        Preset base = overridden.get(name);
        LocalizedText title = fields.read("title", value -> text("title", value));
        LocalizedText description = fields.read("description", value -> text("description", value));
        LocalizedText hint = fields.read("hint", value -> text("hint", value));
        List<String> aliases = fields.read("aliases", value -> strings("aliases", value));
        TemperatureRange range = fields.read("temperature_range", PresetReader::range);
        SamplingParameters parameters = fields.read("parameters", PresetReader::parameters);
        SystemPrompt systemPrompt = fields.read("system_prompt", PresetReader::systemPrompt);
        String origin = fields.read("source", value -> string("source", value));
        if (base != null) {
            title = or(title, base.title());
            description = or(description, base.description());
            hint = or(hint, base.hint());
            aliases = or(aliases, base.aliases());
            range = or(range, base.temperatureRange());
            parameters = or(parameters, base.parameters());
            systemPrompt = systemPrompt == null ? base.systemPrompt() : systemPrompt;
        } else {
            fields.require("temperature_range");
            fields.require("parameters");
        }
        if (range != null && parameters != null) {
            Double temperature = parameters.temperature();
            if (temperature == null || !range.contains(temperature)) {
                fields.problem(
                        "parameters.temperature must lie in temperature_range, " + range + ", got " + temperature);
            }
        }
        if (problems.size() > before || range == null || parameters == null) {
            return null;
        }
        return new Preset(
                name,
                or(aliases, List.of()),
                or(title, new LocalizedText(name, name)),
                or(description, NOTHING),
                or(hint, NOTHING),
                range,
                parameters,
                systemPrompt,
                or(origin, source));
    }

    private static <T> T or(@Nullable T value, T otherwise) {
        return value == null ? otherwise : value;
    }

    private static TemperatureRange range(Object value) {
        if (value instanceof List<?> list
                && list.size() == 2
                && list.get(0) instanceof Number low
                && list.get(1) instanceof Number high) {
            return new TemperatureRange(low.doubleValue(), high.doubleValue());
        }
        throw new InvalidParametersException("temperature_range must be [low, high], got " + value);
    }

    private static SamplingParameters parameters(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> named = new LinkedHashMap<>();
            map.forEach((key, parameter) -> named.put(String.valueOf(key), parameter));
            return SamplingParameters.fromMap(named);
        }
        throw new InvalidParametersException(
                "parameters must be an object such as {\"temperature\": 0.7}, got " + value);
    }

    private static SystemPrompt systemPrompt(Object value) {
        if (value instanceof Map<?, ?> map && map.get("version") instanceof Integer version && map.size() == 2) {
            return new SystemPrompt(version, text("system_prompt.text", map.get("text")));
        }
        throw new InvalidParametersException(
                "system_prompt must be an object with version (a whole number) and text, got " + value);
    }

    /** A string for both languages, or an object with en and zh. */
    private static LocalizedText text(String name, @Nullable Object value) {
        if (value instanceof String text) {
            return new LocalizedText(text, text);
        }
        if (value instanceof Map<?, ?> map
                && map.size() == 2
                && map.get("en") instanceof String en
                && map.get("zh") instanceof String zh) {
            return new LocalizedText(en, zh);
        }
        throw new InvalidParametersException(
                name + " must be a string or {\"en\": \"...\", \"zh\": \"...\"}, got " + value);
    }

    private static String string(String name, Object value) {
        if (value instanceof String string) {
            return string;
        }
        throw new InvalidParametersException(name + " must be a string, got " + value);
    }

    private static List<String> strings(String name, Object value) {
        List<String> strings = new ArrayList<>();
        for (Object element : value instanceof List<?> list ? list : List.of(value)) {
            strings.add(string(name, element));
        }
        return strings;
    }

    /** The fields of one preset; a problem of one does not hide the next. */
    private final class Fields {
        private final String name;
        private final Map<?, ?> map;

        Fields(String name, Map<?, ?> map) {
            this.name = name;
            this.map = map;
        }

        <T> @Nullable T read(String field, Function<Object, T> reader) {
            Object value = map.get(field);
            if (value == null) {
                return null;
            }
            try {
                return reader.apply(value);
            } catch (InvalidParametersException e) {
                e.problems().forEach(this::problem);
                return null;
            }
        }

        void require(String field) {
            if (map.get(field) == null) {
                problem(field + " is missing");
            }
        }

        void problem(String problem) {
            problems.add(source + ": preset " + name + ": " + problem);
        }
    }
}
