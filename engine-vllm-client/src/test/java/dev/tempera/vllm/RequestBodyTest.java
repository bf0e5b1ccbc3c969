package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.Tool;
import dev.tempera.engine.ToolCall;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RequestBodyTest {
    private static final PromptBody IDS = new PromptBody.Ids(List.of(1, 2, 3));

    @Test
    void generate_hasSamplingInAnObjectOfItsOwn() {
        assertThat(body(
                        Route.GENERATE,
                        Map.of("temperature", 0.7, "max_tokens", 5, "vllm_xargs", Map.of("k", "v")),
                        Map.of("stream", true, "cache_salt", "s"),
                        IDS))
                .isEqualTo("{'token_ids':[1,2,3],'sampling_params':{'extra_args':{'k':'v'},'max_tokens':5,"
                        + "'temperature':0.7},'cache_salt':'s','stream':true}");
    }

    @Test
    void completions_areFlat() {
        assertThat(body(
                        Route.COMPLETIONS,
                        Map.of("temperature", 1, "stop", List.of("\n", "。"), "logprobs", 3),
                        Map.of("model", "m"),
                        IDS))
                .isEqualTo("{'prompt':[1,2,3],'logprobs':3,'model':'m','stop':['\\n','。'],'temperature':1}");
        assertThat(body(Route.COMPLETIONS, Map.of(), Map.of(), new PromptBody.Text("春\"")))
                .isEqualTo("{'prompt':'春\\''}");
    }

    @Test
    void chat_hasMessagesAndTools() {
        PromptBody chat = new PromptBody.Chat(
                List.of(
                        ChatMessage.user("hi"),
                        ChatMessage.assistant("", List.of(new ToolCall("c1", "f", "{}"))),
                        ChatMessage.tool("c1", "4")),
                List.of(new Tool("f", "does", Map.of("type", "object"))));
        assertThat(body(Route.CHAT, Map.of("logprobs", 0), Map.of("tool_choice", "auto"), chat))
                .isEqualTo("{'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'','tool_calls':["
                        + "{'id':'c1','type':'function','function':{'name':'f','arguments':'{}'}}]},"
                        + "{'role':'tool','content':'4','tool_call_id':'c1'}],'tools':[{'function':{'description':'does',"
                        + "'name':'f','parameters':{'type':'object'}},'type':'function'}],"
                        + "'logprobs':true,'tool_choice':'auto','top_logprobs':0}");
        assertThat(body(Route.CHAT, Map.of(), Map.of(), new PromptBody.Chat(List.of(ChatMessage.user("hi")))))
                .as("an empty list of tools is refused by the server")
                .isEqualTo("{'messages':[{'role':'user','content':'hi'}]}");
    }

    @Test
    void numbers_areAsTheyWere() {
        Map<String, Object> numbers = new TreeMap<>();
        numbers.put("a", 0.1f);
        numbers.put("b", 1e-7);
        numbers.put("c", Long.MIN_VALUE);
        numbers.put("d", new java.math.BigDecimal("0.10"));
        numbers.put("e", null);
        numbers.put("f", new int[] {1, 2});
        assertThat(body(Route.GENERATE, numbers, Map.of(), IDS))
                .isEqualTo("{'token_ids':[1,2,3],'sampling_params':{'a':0.1,'b':1.0E-7,'c':-9223372036854775808,"
                        + "'d':0.10,'e':null,'f':[1,2]}}");
    }

    @Test
    void idKeys_areInTheOrderOfNumbers() {
        Map<Integer, Double> bias = new HashMap<>();
        for (int id : new int[] {100, 9, 20_000, 0}) {
            bias.put(id, 1.0);
        }
        assertThat(body(Route.GENERATE, Map.of("logit_bias", bias), Map.of(), IDS))
                .isEqualTo(
                        "{'token_ids':[1,2,3],'sampling_params':{'logit_bias':{'0':1.0,'9':1.0,'100':1.0,'20000':1.0}}}");
    }

    @Test
    void numbersThatJsonDoesNotHave_areRefused() {
        assertThatThrownBy(() ->
                        body(Route.GENERATE, Map.of("logit_bias", Map.of(5, Double.NEGATIVE_INFINITY)), Map.of(), IDS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "logit_bias.5 must be a finite number, got -Infinity: JSON has no other. To ban a token, use"
                                + " bad_words or allowed_token_ids, or a logit_bias of -100.");
        assertThatThrownBy(() -> body(Route.GENERATE, Map.of("top_p", Float.NaN), Map.of(), IDS))
                .hasMessageStartingWith("top_p must be a finite number, got NaN");
    }

    @Test
    void valuesThatAreNoJson_areRefused() {
        assertThatThrownBy(() -> body(Route.CHAT, Map.of(), Map.of("x", Map.of("y", new StringBuilder())), chat()))
                .hasMessage("x.y must be made of texts, numbers, booleans, lists and maps, found a"
                        + " java.lang.StringBuilder.");
    }

    @Test
    void fieldGivenTwice_isRefused() {
        assertThatThrownBy(() -> body(Route.COMPLETIONS, Map.of("seed", 1), Map.of("seed", 2), IDS))
                .hasMessage(
                        "seed is given twice: as a sampling parameter and as a field of the request. Leave out one.");
    }

    @Test
    void promptOfTheWrongKind_isRefused() {
        assertThatThrownBy(() -> body(Route.GENERATE, Map.of(), Map.of(), new PromptBody.Text("x")))
                .hasMessage("/inference/v1/generate takes no prompt of the kind Text.");
        assertThatThrownBy(() -> body(Route.CHAT, Map.of(), Map.of(), IDS))
                .hasMessage("/v1/chat/completions takes no prompt of the kind Ids.");
    }

    @Test
    void tokenizeAndDetokenize() {
        assertThat(quoted(RequestBody.tokenize(new PromptBody.Text("x"), Map.of("add_special_tokens", false))))
                .isEqualTo("{'prompt':'x','add_special_tokens':false}");
        assertThat(quoted(RequestBody.tokenize(chat(), Map.of("add_generation_prompt", true))))
                .isEqualTo("{'messages':[{'role':'user','content':'hi'}],'add_generation_prompt':true}");
        assertThat(quoted(RequestBody.detokenize(List.of(5, 6)))).isEqualTo("{'tokens':[5,6]}");
    }

    private static PromptBody chat() {
        return new PromptBody.Chat(List.of(ChatMessage.user("hi")));
    }

    private static String body(
            Route route, Map<String, Object> sampling, Map<String, Object> other, PromptBody prompt) {
        return quoted(
                RequestBody.of(new SendableRequest(route, new TreeMap<>(sampling), new TreeMap<>(other), prompt)));
    }

    private static String quoted(byte[] json) {
        return new String(json, StandardCharsets.UTF_8).replace('"', '\'');
    }
}
