package dev.tempera.engine;

import dev.tempera.Require;
import java.util.List;
import java.util.Map;

/** What shape the text must have: the engine masks every token that would break it. Immutable and thread-safe. */
public sealed interface StructuredOutput {
    /** Any JSON object. */
    record JsonObject() implements StructuredOutput {}

    /** JSON that a schema accepts. @param schema a JSON schema as maps, lists and plain values */
    record JsonSchema(Map<String, ?> schema) implements StructuredOutput {
        public JsonSchema {
            Require.that(!schema.isEmpty(), "schema", "have at least one key", "none");
        }
    }

    /** Text that matches a regular expression, in the engine's dialect, from its beginning to its end. */
    record Regex(String pattern) implements StructuredOutput {
        public Regex {
            Require.that(!pattern.isEmpty(), "pattern", "not be empty", "\"\"");
        }
    }

    /** One of the given texts. */
    record Choice(List<String> texts) implements StructuredOutput {
        public Choice {
            texts = List.copyOf(texts);
            Require.that(!texts.isEmpty(), "choice", "name at least one text", "none");
        }
    }

    /** Text of a context-free grammar, in the engine's notation: EBNF for vLLM. */
    record Grammar(String grammar) implements StructuredOutput {
        public Grammar {
            Require.that(!grammar.isBlank(), "grammar", "not be blank", "\"" + grammar + "\"");
        }
    }

    /** Free text with structured parts between tags, see vLLM's structural_tag. @param tag as maps, lists and plain values */
    record StructuralTag(Map<String, ?> tag) implements StructuredOutput {}
}
