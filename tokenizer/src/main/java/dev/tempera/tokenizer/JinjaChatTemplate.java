package dev.tempera.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import dev.tempera.TemperaException;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.ChatTemplate;
import dev.tempera.engine.ToolCall;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A chat template in Jinja, as Hugging Face models carry it, rendered to the same text as by transformers'
 * {@code apply_chat_template}: {@code trim_blocks} and {@code lstrip_blocks} are on, {@code tojson} writes Python's JSON,
 * {@code raise_exception} ends the rendering.
 *
 * <p>A template is somebody else's program. It sees only the conversation and the variables it is given, calls no Java
 * method, reads no file, and fails beyond {@value #MAX_CHARACTERS} characters or five seconds. What a user writes is
 * never taken for a part of the template.
 *
 * <p>Differences from Python's Jinja: booleans print as {@code true} and {@code false}, none as nothing; what is not defined is none; a slice
 * takes no step ({@code messages[::-1]} is an error).
 *
 * <p>Immutable and thread-safe. A rendering parses the template: a few milliseconds.
 */
public final class JinjaChatTemplate implements ChatTemplate {
    static final int MAX_CHARACTERS = 10_000_000;
    private static final int MAX_BRACKETS = 100;
    private static final Duration MAX_TIME = Duration.ofSeconds(5);

    private static final LegacyOverrides LIKE_PYTHON = LegacyOverrides.newBuilder()
            .withEvaluateMapKeys(true)
            .withIterateOverMapKeys(true)
            .withUsePyishObjectMapper(true)
            .withUseNaturalOperatorPrecedence(true)
            .withParseWhitespaceControlStrictly(true)
            .withAllowAdjacentTextNodes(true)
            .withUseTrimmingForNotesAndExpressions(true)
            .withKeepNullableLoopValues(true)
            .withHandleBackslashInQuotesOnly(true)
            .build();

    /** How jinjava writes down the names of filters and tests that were used. */
    private static final String FILTER = "filter:";

    private static final String TEST = "exptest:";

    private static final String JINJA_FILE = "chat_template.jinja";
    private static final String CONFIG_FILE = "tokenizer_config.json";

    private final String template;
    private final String templateWithTools;
    private final Map<String, Object> specialTokens;

    private JinjaChatTemplate(String template, String templateWithTools, Map<String, Object> specialTokens) {
        this.template = template;
        this.templateWithTools = templateWithTools;
        this.specialTokens = specialTokens;
    }

    /** A template without special tokens such as {@code bos_token}. */
    public static JinjaChatTemplate of(String template) {
        return new JinjaChatTemplate(template, template, Map.of());
    }

    /**
     * The template of a model: {@code chat_template.jinja} if there is one, else {@code chat_template} in
     * {@code tokenizer_config.json}. Of several named ones it is {@code default}, and {@code tool_use} for conversations
     * with tools.
     *
     * @param folder a model's folder
     * @throws MissingChatTemplateException if there is no template
     * @throws TemperaException if a file is missing or damaged
     */
    public static JinjaChatTemplate open(Path folder) {
        Config config = Config.read(folder);
        String template = config.named("default", folder);
        return new JinjaChatTemplate(
                template, config.templates().getOrDefault("tool_use", template), config.specialTokens());
    }

    /**
     * One of several named templates of a model.
     *
     * @throws MissingChatTemplateException if there is none of that name
     * @throws TemperaException if a file is missing or damaged
     */
    public static JinjaChatTemplate open(Path folder, String name) {
        Config config = Config.read(folder);
        String template = config.named(name, folder);
        return new JinjaChatTemplate(template, template, config.specialTokens());
    }

    @Override
    public String render(List<ChatMessage> messages, Map<String, ?> variables) {
        List<Map<String, Object>> maps = new ArrayList<>();
        for (ChatMessage message : messages) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("role", message.role());
            map.put("content", message.content());
            if (!message.toolCalls().isEmpty()) {
                map.put(
                        "tool_calls",
                        message.toolCalls().stream().map(JinjaChatTemplate::map).toList());
            }
            String answered = message.toolCallId();
            if (answered != null && !answered.isEmpty()) {
                map.put("tool_call_id", answered);
            }
            maps.add(map);
        }
        return renderMaps(maps, variables);
    }

    private static Map<String, Object> map(ToolCall call) {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", call.name());
        function.put("arguments", arguments(call.arguments()));
        return Map.of("type", "function", "id", call.id(), "function", function);
    }

    /** As transformers and vLLM give them to a template: parsed; what is no JSON object stays a string. */
    private static Object arguments(String json) {
        try {
            return new ObjectMapper().readValue(json, new TypeReference<LinkedHashMap<String, Object>>() {});
        } catch (JsonProcessingException e) {
            return json;
        }
    }

    /** For messages with fields that {@link ChatMessage} does not have. */
    String renderMaps(List<? extends Map<String, ?>> messages, Map<String, ?> variables) {
        if (messages.isEmpty()) {
            throw new TemperaException("A conversation must hold at least one message, got none.");
        }
        Map<String, Object> bindings = new LinkedHashMap<>(specialTokens);
        bindings.putAll(variables);
        bindings.put("messages", messages);
        boolean withTools = variables.get("tools") instanceof List<?> tools && !tools.isEmpty();
        String source = BlockWhitespace.strip(withTools ? templateWithTools : template);
        checkNesting(source);
        RenderResult result;
        try {
            result = jinjava().renderForResult(source, bindings);
        } catch (StackOverflowError e) {
            throw new TemperaException("The chat template cannot be rendered: it calls itself without end.", e);
        } catch (StoppedError e) {
            throw new TemperaException("The chat template cannot be rendered: " + e.getMessage() + ".");
        }
        for (TemplateError error : result.getErrors()) {
            if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
                throw failure(error);
            }
        }
        checkNames(result.getContext());
        return result.getOutput();
    }

    /** jinjava's parser looks ahead for every bracket: thousands within each other would keep it busy for hours. */
    private static void checkNesting(String source) {
        int depth = 0;
        for (int i = 0; i < source.length(); i++) {
            char c = source.charAt(i);
            depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
            if (depth > MAX_BRACKETS) {
                throw new TemperaException("The chat template cannot be rendered: it has more than " + MAX_BRACKETS
                        + " brackets within each other.");
            }
        }
    }

    /** jinjava takes a filter or test that it does not know for null, without a word. */
    private static void checkNames(Context context) {
        for (String name : context.getResolvedValues()) {
            if (name.startsWith(FILTER) && context.getFilter(name.substring(FILTER.length())) == null
                    || name.startsWith(TEST) && context.getExpTest(name.substring(TEST.length())) == null) {
                throw new TemperaException("The chat template cannot be rendered: it uses the "
                        + (name.startsWith(FILTER) ? "filter " : "test ") + name.substring(name.indexOf(':') + 1)
                        + ", which is not known here.");
            }
        }
    }

    private static TemperaException failure(TemplateError error) {
        for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
            if (cause instanceof RefusedException) {
                return new TemperaException(
                        "The model's chat template refuses the conversation: " + cause.getMessage());
            }
        }
        return new TemperaException(
                "The chat template cannot be rendered: line " + error.getLineno() + ", " + error.getMessage(),
                error.getException());
    }

    /** A fresh one for every rendering: it holds the deadline, and its global context is not made for threads. */
    private static Jinjava jinjava() {
        long deadline = System.nanoTime() + MAX_TIME.toNanos();
        JinjavaProcessors deadlineCheck = JinjavaProcessors.newBuilder()
                .withNodePreProcessor((node, interpreter) -> {
                    if (System.nanoTime() - deadline > 0) {
                        throw new StoppedError("it did not end within " + MAX_TIME.toSeconds() + " seconds");
                    }
                })
                .build();
        Jinjava jinjava = new Jinjava(JinjavaConfig.newBuilder()
                .withKeepTrailingNewline(true)
                // Else {{ in a user's message would be executed.
                .withNestedInterpretationEnabled(false)
                .withElResolver(new SandboxResolver())
                .withProcessors(deadlineCheck)
                .withMaxOutputSize(MAX_CHARACTERS)
                .withMaxStringLength(MAX_CHARACTERS)
                .withMaxMacroRecursionDepth(20)
                .withLegacyOverrides(LIKE_PYTHON)
                .build());
        jinjava.setResourceLocator((name, encoding, interpreter) -> {
            throw new StoppedError("it wants to read " + name + ", and a chat template may read no other file");
        });
        jinjava.registerFilter(new ToJsonFilter());
        jinjava.registerFunction(new ELFunctionDefinition(
                "", "raise_exception", JinjaChatTemplate.class, "raiseException", Object.class));
        return jinjava;
    }

    /** Called by templates. */
    static Object raiseException(@Nullable Object message) {
        throw new RefusedException(String.valueOf(message));
    }

    /** Passes through jinjava, which turns exceptions into notes and goes on. */
    private static final class StoppedError extends Error {
        StoppedError(String message) {
            super(message);
        }
    }

    private static final class RefusedException extends RuntimeException {
        RefusedException(String message) {
            super(message);
        }
    }

    /** @param templates by name; {@code default} when there is only one */
    private record Config(Map<String, String> templates, Map<String, Object> specialTokens) {
        static Config read(Path folder) {
            Map<String, String> templates = new TreeMap<>();
            Map<String, Object> specialTokens = new LinkedHashMap<>();
            Path jinja = folder.resolve(JINJA_FILE);
            Path file = folder.resolve(CONFIG_FILE);
            boolean hasJinja = Files.exists(jinja);
            if (!hasJinja || Files.exists(file)) {
                JsonNode config = ModelFile.parse(ModelFile.read(file), file, JsonNode.class);
                readTemplates(config.path("chat_template"), templates);
                config.properties().forEach(entry -> {
                    JsonNode token = entry.getValue().path("content").isTextual()
                            ? entry.getValue().path("content")
                            : entry.getValue();
                    if (entry.getKey().endsWith("_token") && token.isTextual()) {
                        specialTokens.put(entry.getKey(), token.asText());
                    }
                });
            }
            if (hasJinja) {
                templates.put("default", new String(ModelFile.read(jinja), StandardCharsets.UTF_8));
            }
            return new Config(templates, specialTokens);
        }

        private static void readTemplates(JsonNode json, Map<String, String> templates) {
            if (json.isTextual()) {
                templates.put("default", json.asText());
            }
            for (JsonNode named : json.isArray() ? json : List.<JsonNode>of()) {
                templates.put(
                        named.path("name").asText(), named.path("template").asText());
            }
        }

        String named(String name, Path folder) {
            String template = templates.get(name);
            if (template != null) {
                return template;
            }
            throw new MissingChatTemplateException(
                    templates.isEmpty()
                            ? "The model in " + folder + " has no chat template (neither chat_template in "
                                    + CONFIG_FILE
                                    + " nor " + JINJA_FILE
                                    + "), so it takes no conversations. Give it a plain text prompt, or use an instruction-tuned model."
                            : "The model in " + folder + " has no chat template named \"" + name + "\"; it has "
                                    + String.join(", ", templates.keySet()) + ".");
        }
    }
}
