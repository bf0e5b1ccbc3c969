package dev.tempera.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.TemperaException;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.Tool;
import dev.tempera.engine.ToolCall;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JinjaChatTemplateTest {
    private static final List<ChatMessage> HELLO = List.of(ChatMessage.user("Hello"));

    record Golden(String generated_by, List<Case> cases) {}

    /** @param template null for Qwen2.5's */
    record Case(
            String name,
            @Nullable String template,
            List<Map<String, Object>> messages,
            Map<String, Object> variables,
            @Nullable String expected,
            @Nullable String error) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Case> goldenCases() throws IOException {
        return new ObjectMapper()
                .readValue(resource("chat-golden.json"), new TypeReference<Golden>() {})
                .cases();
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = JinjaChatTemplateTest.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        }
    }

    /** The expected text is of transformers' {@code apply_chat_template}. */
    @Test
    void conversationWithTools_isRenderedAsByTransformers() throws IOException {
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("type", "object");
        schema.put("properties", Map.of("city", Map.of("type", "string")));
        schema.put("required", List.of("city"));
        Prompt.Chat chat = new Prompt.Chat(
                List.of(
                        ChatMessage.user("Rain in Paris?"),
                        ChatMessage.assistant(
                                "I look.", List.of(new ToolCall("c1", "weather", "{\"city\":\"Paris\",\"days\":2}"))),
                        ChatMessage.tool("c1", "dry")),
                List.of(new Tool("weather", "The weather of a city 今天", schema)));
        assertThat(JinjaChatTemplate.of(qwenTemplate()).render(chat)).isEqualTo("""
                <|im_start|>system
                You are Qwen, created by Alibaba Cloud. You are a helpful assistant.

                # Tools

                You may call one or more functions to assist with the user query.

                You are provided with function signatures within <tools></tools> XML tags:
                <tools>
                {"type": "function", "function": {"name": "weather", "description": "The weather of a city 今天", \
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
                </tools>

                For each function call, return a json object with function name and arguments within \
                <tool_call></tool_call> XML tags:
                <tool_call>
                {"name": <function-name>, "arguments": <args-json-object>}
                </tool_call><|im_end|>
                <|im_start|>user
                Rain in Paris?<|im_end|>
                <|im_start|>assistant
                I look.
                <tool_call>
                {"name": "weather", "arguments": {"city": "Paris", "days": 2}}
                </tool_call><|im_end|>
                <|im_start|>user
                <tool_response>
                dry
                </tool_response><|im_end|>
                <|im_start|>assistant
                """);
    }

    static String qwenTemplate() throws IOException {
        return new String(resource("qwen2.5-chat-template.jinja"), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @MethodSource("goldenCases")
    void render_sameTextAsTransformers(Case golden) throws IOException {
        String template = golden.template() == null ? qwenTemplate() : golden.template();
        JinjaChatTemplate chatTemplate = JinjaChatTemplate.of(template);
        if (golden.error() == null) {
            assertThat(chatTemplate.renderMaps(golden.messages(), golden.variables()))
                    .isEqualTo(golden.expected());
        } else {
            assertThatThrownBy(() -> chatTemplate.renderMaps(golden.messages(), golden.variables()))
                    .isInstanceOf(TemperaException.class)
                    .hasMessage("The model's chat template refuses the conversation: " + golden.error());
        }
    }

    @Test
    void render_chatMessages_opensTheAssistantsTurn() throws IOException {
        String text = JinjaChatTemplate.of(qwenTemplate())
                .render(List.of(
                        ChatMessage.system("Be brief."),
                        ChatMessage.user("Hi"),
                        ChatMessage.assistant("Hello"),
                        ChatMessage.user("春")));
        assertThat(text)
                .isEqualTo("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                        + "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\n春<|im_end|>\n"
                        + "<|im_start|>assistant\n");
    }

    @Test
    void render_manyThreads_likeOne() throws IOException {
        JinjaChatTemplate template = JinjaChatTemplate.of(qwenTemplate());
        List<String> texts = IntStream.range(0, 200)
                .parallel()
                .mapToObj(i -> template.render(List.of(ChatMessage.user("message " + i))))
                .toList();
        for (int i = 0; i < texts.size(); i++) {
            assertThat(texts.get(i)).contains("user\nmessage " + i + "<|im_end|>");
        }
    }

    @Test
    void render_noMessages_fails() {
        assertThatThrownBy(() -> JinjaChatTemplate.of("x").render(List.of()))
                .isInstanceOf(TemperaException.class)
                .hasMessage("A conversation must hold at least one message, got none.");
    }

    @Test
    void render_brokenTemplate_namesTheLine() {
        assertThatThrownBy(() -> JinjaChatTemplate.of("a\n{% if %}").render(HELLO))
                .isInstanceOf(TemperaException.class)
                .hasMessageStartingWith("The chat template cannot be rendered: line 2, ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ strftime_later('x') }}",
                "{{ messages | no_such_filter }}",
                "{{ messages is no_such_test }}",
                "{% no_such_tag %}",
                "{% for m in messages %}{{ m.role }}",
                "{{ messages[::-1] }}",
                "{{ 'a'.no_such_method() }}",
                "{{ messages[0].no_such_method() }}",
            })
    void render_unknownName_fails(String template) {
        assertThatThrownBy(() -> JinjaChatTemplate.of(template).render(HELLO))
                .isInstanceOf(TemperaException.class)
                .hasMessageStartingWith("The chat template cannot be rendered: ");
    }

    /** Ways from a value to Java's classes that template engines have been broken with, and what they must not give. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'x'.getClass() }}",
                "{{ 'x'['class'] }}",
                "{{ 'x'.class.forName('java.lang.Runtime') }}",
                "{{ 'x'.getBytes() }}",
                "{{ messages.getClass().getName() }}",
                "{{ messages[0].getClass() }}",
                "{{ messages.stream() }}",
                "{{ loop.getClass() }}",
                "{% for m in messages %}{{ loop.getClass() }}{{ loop.class }}{% endfor %}",
                "{{ ____int3rpr3t3r____.getConfig() }}",
                "{{ ____int3rpr3t3r____.config.objectMapper }}",
                "{{ ____int3rpr3t3r____.render('{{ 1 }}') }}",
                "{{ ('x' | upper).getClass() }}",
                "{{ messages.clear() }}",
                "{{ messages[0].put('role', 'x') }}",
                "{% include 'java/lang/Object.class' %}",
                "{% include '/etc/hostname' %}",
                "{% import 'x' as y %}",
                "{% extends 'x' %}",
            })
    void render_reachForJava_findsNothing(String template) {
        List<ChatMessage> messages = HELLO;
        String text;
        try {
            text = JinjaChatTemplate.of(template).render(messages);
        } catch (TemperaException e) {
            return;
        }
        assertThat(text).isBlank();
    }

    @Test
    @Timeout(60)
    void render_endlessTemplate_isStopped() {
        String loops = "{% for a in range(1000) %}".repeat(4) + "{{ a }}" + "{% endfor %}".repeat(4);
        assertThatThrownBy(() -> JinjaChatTemplate.of("{% set x = 1 %}" + loops.replace("{{ a }}", "{% set x = a %}"))
                        .render(HELLO))
                .isInstanceOf(TemperaException.class)
                .hasMessageContaining("it did not end within 5 seconds");
    }

    @Test
    @Timeout(60)
    void render_growingTemplate_isStopped() {
        String doubling = "{% set x = 'ab' %}" + "{% set x = x ~ x %}".repeat(40) + "{{ x }}";
        assertThatThrownBy(() -> JinjaChatTemplate.of(doubling).render(HELLO)).isInstanceOf(TemperaException.class);
        String looping = "{% for a in range(1000) %}".repeat(3)
                + "{{ 'x' * 10 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" + "{% endfor %}".repeat(3);
        assertThatThrownBy(() -> JinjaChatTemplate.of(looping).render(HELLO)).isInstanceOf(TemperaException.class);
    }

    @Test
    void render_deepTemplate_fails() {
        assertThatThrownBy(() -> JinjaChatTemplate.of("{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}")
                        .render(HELLO))
                .isInstanceOf(TemperaException.class)
                .hasMessage("The chat template cannot be rendered: it has more than 100 brackets within each other.");
    }

    @Test
    void open_configHoldsTemplateAndTokens_rendersWithThem(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "bos_token": "<s>",
                 "eos_token": {"__type": "AddedToken", "content": "</s>"}, "unk_token": null}
                """);
        assertThat(JinjaChatTemplate.open(folder).render(HELLO)).isEqualTo("<s>Hello</s>");
    }

    @Test
    void open_jinjaFile_winsOverConfig(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), "file {{ bos_token }}{{ messages[0].content }}\n");
        assertThat(JinjaChatTemplate.open(folder).render(HELLO)).isEqualTo("file Hello");
        Files.writeString(
                folder.resolve("tokenizer_config.json"), "{\"chat_template\": \"config\", \"bos_token\": \"<s>\"}");
        assertThat(JinjaChatTemplate.open(folder).render(HELLO)).isEqualTo("file <s>Hello");
    }

    @Test
    void open_namedTemplates_picksByToolsOrName(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "default", "template": "plain"},
                                   {"name": "tool_use", "template": "with {{ tools | length }} tools"},
                                   {"name": "rag", "template": "rag"}]}
                """);
        JinjaChatTemplate template = JinjaChatTemplate.open(folder);
        assertThat(template.render(HELLO)).isEqualTo("plain");
        assertThat(template.render(HELLO, Map.of("tools", List.of(Map.of("name", "f")))))
                .isEqualTo("with 1 tools");
        assertThat(JinjaChatTemplate.open(folder, "rag").render(HELLO)).isEqualTo("rag");
        assertThatThrownBy(() -> JinjaChatTemplate.open(folder, "rga"))
                .isInstanceOf(TemperaException.class)
                .hasMessage("The model in " + folder
                        + " has no chat template named \"rga\"; it has default, rag, tool_use.");
    }

    @Test
    void open_noTemplate_saysWhatToDo(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
        assertThatThrownBy(() -> JinjaChatTemplate.open(folder))
                .isInstanceOf(MissingChatTemplateException.class)
                .hasMessage("The model in " + folder + " has no chat template (neither chat_template in"
                        + " tokenizer_config.json nor chat_template.jinja), so it takes no conversations. Give it a plain"
                        + " text prompt, or use an instruction-tuned model.");
    }

    @Test
    void open_noFile_namesIt(@TempDir Path folder) {
        assertThatThrownBy(() -> JinjaChatTemplate.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessageStartingWith(folder.resolve("tokenizer_config.json") + " is missing.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "null", "{\"chat_template\": 3}", "{\"chat_template\": \"x\"} more"})
    void open_damagedConfig_fails(String config, @TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        assertThatThrownBy(() -> JinjaChatTemplate.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessageContaining(folder.toString());
    }

    @Test
    void tojson_numbers_asPythonWritesThem() {
        Map<Double, String> expected = new LinkedHashMap<>();
        expected.put(1e15, "1000000000000000.0");
        expected.put(1e16, "1e+16");
        expected.put(-1.5e300, "-1.5e+300");
        expected.put(2e-3, "0.002");
        expected.put(1e-5, "1e-05");
        expected.put(4.9e-324, "5e-324");
        expected.put(2.0e-44, "2e-44");
        expected.put(1.0e23, "1e+23");
        expected.put(0.1 + 0.2, "0.30000000000000004");
        expected.put(-0.0, "-0.0");
        expected.put(Double.NaN, "NaN");
        expected.put(Double.NEGATIVE_INFINITY, "-Infinity");
        expected.forEach((number, text) -> assertThat(PythonJson.repr(number)).isEqualTo(text));
    }
}
