package dev.tempera.trace;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Traces as JSON-shaped maps. An infinite number is left out or written as text, which JSON has no number for. */
final class TraceMaps {
    private static final String VERSION = "tempera_trace";

    private TraceMaps() {}

    static Map<String, Object> toMap(SamplingTrace.Header header) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put(VERSION, 1);
        map.put("model", header.model());
        map.put("seed", header.seed());
        map.put("dialect", name(header.dialect()));
        map.put("parameters", header.parameters().toMap());
        map.put("pipeline", header.pipeline());
        map.put("rows", header.rows());
        map.put("prompt_token_ids", header.promptTokenIds());
        map.put("stop_token_ids", header.stopTokenIds());
        map.put("markup_token_ids", header.markupTokenIds());
        map.put("taken_back", header.takenBack());
        return map;
    }

    static Map<String, Object> toMap(TraceStep step) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("position", step.position());
        map.put("token_id", step.tokenId());
        map.put("text", step.text());
        map.put("rank", step.rank());
        map.put("logit", number(step.logit()));
        map.put("raw_log_probability", step.rawLogProbability());
        map.put("processed_log_probability", step.processedLogProbability());
        map.put("exact_log_probability", step.exactLogProbability());
        map.put("uniform", step.uniform());
        map.put("cumulative_from", step.cumulativeFrom());
        map.put("cumulative_to", step.cumulativeTo());
        map.put("stages", step.stages().stream().map(TraceMaps::toMap).toList());
        map.put("candidates", step.candidates().stream().map(TraceMaps::toMap).toList());
        Map<String, Object> others = new LinkedHashMap<>();
        step.others().forEach((id, logit) -> others.put(id.toString(), number(logit)));
        map.put("others", others);
        map.put("tail", step.tail().stream().map(TraceMaps::toMap).toList());
        return map;
    }

    private static Map<String, Object> toMap(TracedStage stage) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", stage.name());
        map.put("removed", stage.removed());
        map.put("removed_mass", stage.removedMass());
        map.put("kept", stage.kept());
        map.put("entropy_before", stage.entropyBefore());
        map.put("entropy_after", stage.entropyAfter());
        return map;
    }

    private static Map<String, Object> toMap(TracedCandidate candidate) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("token_id", candidate.tokenId());
        map.put("text", candidate.text());
        map.put("logit", number(candidate.logit()));
        if (candidate.removedBy() < 0) {
            map.put("log_probability", candidate.logProbability());
        } else {
            map.put("removed_by", candidate.removedBy());
        }
        return map;
    }

    private static Map<String, Object> toMap(TailBucket bucket) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("from", bucket.from());
        map.put("to", bucket.to());
        map.put("count", bucket.count());
        map.put("mean_gap", bucket.meanGap());
        return map;
    }

    private static Object number(float value) {
        return Float.isInfinite(value) ? Float.toString(value) : (Object) value;
    }

    private static String name(Dialect dialect) {
        return dialect.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static SamplingTrace fromMaps(List<? extends Map<String, ?>> maps) {
        if (maps.isEmpty()) {
            throw new InvalidParametersException("a trace must have at least one line, its header; got none");
        }
        SamplingTrace.Header header = null;
        List<TraceStep> steps = new ArrayList<>();
        for (int line = 1; line <= maps.size(); line++) {
            try {
                Fields fields = new Fields(maps.get(line - 1));
                if (header == null) {
                    header = header(fields);
                } else {
                    steps.add(step(fields, steps.size(), header));
                }
            } catch (InvalidParametersException e) {
                int place = line;
                throw new InvalidParametersException(e.problems().stream()
                        .map(problem -> "line " + place + " of the trace: " + problem)
                        .toList());
            }
        }
        return new SamplingTrace(java.util.Objects.requireNonNull(header), steps);
    }

    private static SamplingTrace.Header header(Fields fields) {
        Object version = fields.map.get(VERSION);
        double format = version instanceof Number number ? number.doubleValue() : Double.NaN;
        if (format > 1) {
            throw new InvalidParametersException("\"" + VERSION + "\" must be 1 in the first line, got " + version
                    + ": a newer version of tempera wrote this trace; read it with that one");
        }
        if (format != 1) {
            throw new InvalidParametersException("\"" + VERSION + "\" must be 1 in the first line, got " + version
                    + ": this is no trace of tempera generate --trace-file");
        }
        return new SamplingTrace.Header(
                fields.text("model"),
                fields.number("seed").longValue(),
                SamplingParameters.fromMap(fields.object("parameters")),
                dialect(fields.text("dialect")),
                fields.texts("pipeline"),
                fields.whole("rows", 0, Integer.MAX_VALUE),
                fields.wholes("prompt_token_ids"),
                fields.wholes("stop_token_ids"),
                fields.wholes("markup_token_ids"),
                fields.whole("taken_back", 0, Integer.MAX_VALUE));
    }

    private static Dialect dialect(String typed) {
        for (Dialect dialect : Dialect.values()) {
            if (name(dialect).equals(typed)) {
                return dialect;
            }
        }
        throw new InvalidParametersException("dialect must be vllm, transformers or llama-cpp, got \"" + typed + "\"");
    }

    private static TraceStep step(Fields fields, int position, SamplingTrace.Header header) {
        List<TracedStage> stages = new ArrayList<>();
        for (Fields stage : fields.objects("stages")) {
            stages.add(new TracedStage(
                    stage.text("name"),
                    stage.whole("removed", 0, header.rows()),
                    stage.real("removed_mass"),
                    stage.whole("kept", 0, header.rows()),
                    stage.real("entropy_before"),
                    stage.real("entropy_after")));
        }
        if (stages.isEmpty()) {
            throw new InvalidParametersException("stages must have at least one, the sampler; got none");
        }
        List<TracedCandidate> candidates = new ArrayList<>();
        for (Fields candidate : fields.objects("candidates")) {
            boolean stayed = !candidate.map.containsKey("removed_by");
            candidates.add(new TracedCandidate(
                    candidate.whole("token_id", 0, header.rows() - 1),
                    candidate.text("text"),
                    candidate.logit("logit"),
                    stayed ? candidate.real("log_probability") : Double.NEGATIVE_INFINITY,
                    stayed ? -1 : candidate.whole("removed_by", 0, stages.size() - 1)));
        }
        SortedMap<Integer, Float> others = new TreeMap<>();
        Fields listed = new Fields(fields.object("others"));
        for (String id : listed.map.keySet()) {
            if (!id.matches("\\d{1,9}") || Integer.parseInt(id) >= header.rows()) {
                throw new InvalidParametersException(
                        "others must have token ids below " + header.rows() + ", got \"" + id + "\"");
            }
            others.put(Integer.valueOf(id), listed.logit(id));
        }
        List<TailBucket> tail = new ArrayList<>();
        for (Fields bucket : fields.objects("tail")) {
            tail.add(new TailBucket(
                    bucket.real("from"),
                    bucket.real("to"),
                    bucket.whole("count", 1, header.rows()),
                    bucket.real("mean_gap")));
        }
        TraceStep step = new TraceStep(
                fields.whole("position", position, position),
                fields.whole("token_id", 0, header.rows() - 1),
                fields.text("text"),
                fields.whole("rank", 1, header.rows()),
                fields.logit("logit"),
                fields.real("raw_log_probability"),
                fields.real("processed_log_probability"),
                fields.real("exact_log_probability"),
                fields.real("uniform"),
                fields.real("cumulative_from"),
                fields.real("cumulative_to"),
                stages,
                candidates,
                others,
                tail);
        boolean known = others.containsKey(step.tokenId())
                || candidates.stream().anyMatch(candidate -> candidate.tokenId() == step.tokenId());
        if (!known) {
            throw new InvalidParametersException(
                    "candidates or others must have the token drawn, " + step.tokenId() + "; neither has");
        }
        return step;
    }

    /** Typed reading; every value must be there. */
    private record Fields(Map<String, ?> map) {
        private Object get(String name) {
            @Nullable Object value = map.get(name);
            if (value == null) {
                throw new InvalidParametersException(name + " must be given");
            }
            return value;
        }

        private InvalidParametersException wrong(String name, String rule) {
            return new InvalidParametersException(name + " must " + rule + ", got " + get(name));
        }

        String text(String name) {
            if (get(name) instanceof String text) {
                return text;
            }
            throw wrong(name, "be text");
        }

        Number number(String name) {
            if (get(name) instanceof Number number) {
                return number;
            }
            throw wrong(name, "be a number");
        }

        double real(String name) {
            return number(name).doubleValue();
        }

        float logit(String name) {
            if (get(name) instanceof String text && text.matches("-?Infinity")) {
                return Float.parseFloat(text);
            }
            return number(name).floatValue();
        }

        int whole(String name, int least, int most) {
            double value = real(name);
            if (value != (int) value || value < least || value > most) {
                throw wrong(
                        name,
                        least == most ? "be " + least + " here" : "be a whole number from " + least + " to " + most);
            }
            return (int) value;
        }

        List<?> list(String name) {
            if (get(name) instanceof List<?> list) {
                return list;
            }
            throw wrong(name, "be a list");
        }

        List<String> texts(String name) {
            List<String> texts = new ArrayList<>();
            list(name).forEach(element -> texts.add(new Fields(Map.of(name, element)).text(name)));
            return texts;
        }

        List<Integer> wholes(String name) {
            List<Integer> wholes = new ArrayList<>();
            list(name)
                    .forEach(
                            element -> wholes.add(new Fields(Map.of(name, element)).whole(name, 0, Integer.MAX_VALUE)));
            return wholes;
        }

        @SuppressWarnings("unchecked") // JSON objects have names of text
        Map<String, ?> object(String name) {
            if (get(name) instanceof Map<?, ?> object) {
                return (Map<String, ?>) object;
            }
            throw wrong(name, "be an object");
        }

        List<Fields> objects(String name) {
            List<Fields> objects = new ArrayList<>();
            list(name).forEach(element -> objects.add(new Fields(new Fields(Map.of(name, element)).object(name))));
            return objects;
        }
    }
}
