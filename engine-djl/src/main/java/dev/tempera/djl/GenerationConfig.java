package dev.tempera.djl;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.SamplingParameters;
import dev.tempera.TemperaException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * What {@code generation_config.json} says.
 *
 * @param eosTokenIds ids that end a generation; of config.json where the file does not say
 * @param defaults the sampling that the model's makers recommend
 */
record GenerationConfig(Set<Integer> eosTokenIds, SamplingParameters defaults) {

    static GenerationConfig read(Path folder) {
        Path file = folder.resolve("generation_config.json");
        JsonNode json = Files.exists(file) ? Json.readObject(file) : null;
        boolean says = json != null && json.hasNonNull("eos_token_id");
        Path eosFile = says ? file : folder.resolve("config.json");
        JsonNode eos = Json.readObject(eosFile).path("eos_token_id");
        return new GenerationConfig(
                ids(eos, eosFile), json == null ? SamplingParameters.NEUTRAL : defaults(json, file));
    }

    private static Set<Integer> ids(JsonNode eos, Path file) {
        var ids = new LinkedHashSet<Integer>();
        if (eos.isInt()) {
            ids.add(eos.intValue());
        } else if (!eos.isMissingNode() && !eos.isNull()) {
            for (JsonNode id : eos) {
                ids.add(id.asInt(-1));
            }
            if (!eos.isArray() || ids.contains(-1)) {
                throw new ModelFolderException(
                        file + ": eos_token_id must be a token id or a list of them, found " + eos + ".");
            }
        }
        return Set.copyOf(ids);
    }

    private static SamplingParameters defaults(JsonNode json, Path file) {
        if (!json.path("do_sample").asBoolean(false)) {
            return SamplingParameters.builder().temperature(0).build(); // transformers' default is greedy
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (String name : new String[] {"temperature", "top_p", "min_p", "repetition_penalty"}) {
            if (json.hasNonNull(name)) {
                values.put(name, json.get(name).asDouble());
            }
        }
        if (json.hasNonNull("top_k")) {
            values.put("top_k", json.get("top_k").asInt());
        }
        try {
            return SamplingParameters.fromMap(values);
        } catch (TemperaException e) {
            throw new ModelFolderException(file + ": " + e.getMessage());
        }
    }
}
