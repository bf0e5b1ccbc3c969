package dev.tempera.engine;

import dev.tempera.Require;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A function that the model may ask to be called. Immutable and thread-safe.
 *
 * @param parameters a JSON schema of its arguments, as maps, lists and plain values
 */
public record Tool(String name, String description, Map<String, ?> parameters) {
    public Tool {
        Require.that(!name.isBlank(), "tool name", "not be blank", "\"" + name + "\"");
    }

    /** As the OpenAI protocol and chat templates write it. */
    public Map<String, Object> toMap() {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", name);
        function.put("description", description);
        function.put("parameters", parameters);
        Map<String, Object> tool = new LinkedHashMap<>();
        tool.put("type", "function");
        tool.put("function", function);
        return tool;
    }
}
