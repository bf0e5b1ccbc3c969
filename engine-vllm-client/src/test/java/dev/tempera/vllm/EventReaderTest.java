package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.vllm.Event.Candidate;
import dev.tempera.vllm.Event.Choice;
import dev.tempera.vllm.Event.Position;
import dev.tempera.vllm.Event.ServerError;
import dev.tempera.vllm.Event.TokenUsage;
import dev.tempera.vllm.Event.ToolCallPart;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventReaderTest {
    private final EventReader reader = new EventReader();

    static Stream<Recording> generations() {
        return Recording.all().filter(each -> each.isGeneration() && each.status() == 200);
    }

    /** What the reader finds without a tree is what a tree of the same bytes holds. */
    @ParameterizedTest
    @MethodSource("generations")
    void recording_isReadAsItsTreeSays(Recording recording) throws IOException {
        for (byte[] payload : recording.payloads()) {
            Event event = reader.read(payload, 0, payload.length);
            JsonNode tree = Recording.JSON.readTree(payload);
            if (tree.has("error")) {
                assertThat(event.error()).isNotNull();
                continue;
            }
            assertThat(event.id())
                    .isEqualTo(tree.path(tree.has("id") ? "id" : "request_id").asText(null));
            assertThat(event.model()).isEqualTo(tree.path("model").asText(null));
            assertThat(event.choices()).hasSameSizeAs(tree.path("choices"));
            for (int i = 0; i < event.choices().size(); i++) {
                check(event.choices().get(i), tree.path("choices").get(i));
            }
            if (tree.hasNonNull("usage")) {
                assertThat(event.usage()).isNotNull();
                assertThat(event.usage().promptTokens())
                        .isEqualTo(tree.at("/usage/prompt_tokens").asInt());
                assertThat(event.usage().generatedTokens())
                        .isEqualTo(tree.at("/usage/completion_tokens").asInt());
            } else {
                assertThat(event.usage()).isNull();
            }
            if (tree.hasNonNull("prompt_token_ids")) {
                assertThat(event.promptTokenIds()).containsExactly(ints(tree.get("prompt_token_ids")));
            }
        }
    }

    private static void check(Choice choice, JsonNode tree) {
        JsonNode message = tree.has("delta") ? tree.get("delta") : tree.path("message");
        assertThat(choice.index()).isEqualTo(tree.get("index").asInt());
        JsonNode text = tree.has("text") ? tree.get("text") : message.path("content");
        assertThat(choice.text()).isEqualTo(text.isTextual() ? text.asText() : "");
        assertThat(choice.tokenIds()).containsExactly(ints(tree.path("token_ids")));
        assertThat(choice.finishReason())
                .isEqualTo(
                        tree.hasNonNull("finish_reason")
                                ? tree.get("finish_reason").asText()
                                : null);
        JsonNode stop = tree.path("stop_reason");
        assertThat(choice.stopReason())
                .isEqualTo(stop.isTextual() ? stop.asText() : stop.isInt() ? stop.asInt() : null);
        assertThat(choice.toolCalls()).hasSameSizeAs(message.path("tool_calls"));
        JsonNode columns = tree.path("logprobs").path("token_logprobs");
        JsonNode content = tree.path("logprobs").path("content");
        List<Double> expected = new ArrayList<>();
        columns.forEach(each -> expected.add(each.isNull() ? Double.NaN : infinite(each.asDouble())));
        content.forEach(each -> expected.add(infinite(each.get("logprob").asDouble())));
        assertThat(choice.logprobs().stream().map(p -> p.sampled().logprob())).isEqualTo(expected);
        for (int i = 0; i < choice.logprobs().size(); i++) {
            JsonNode tops = content.isArray()
                    ? content.get(i).path("top_logprobs")
                    : tree.path("logprobs").path("top_logprobs").path(i);
            List<Double> values = new ArrayList<>();
            tops.forEach(each -> values.add(infinite(
                    each.isNumber() ? each.asDouble() : each.get("logprob").asDouble())));
            assertThat(choice.logprobs().get(i).top().stream().map(Candidate::logprob))
                    .isEqualTo(values);
        }
    }

    private static double infinite(double wire) {
        return wire == -9999.0 ? Double.NEGATIVE_INFINITY : wire;
    }

    private static int[] ints(JsonNode array) {
        int[] ints = new int[array.size()];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = array.get(i).asInt();
        }
        return ints;
    }

    /** The same after a payload of any other shape: nothing of one event is left in the next. */
    @Test
    void recordings_readTwiceInARow_giveTheSame() {
        List<byte[]> payloads =
                generations().flatMap(each -> each.payloads().stream()).toList();
        List<String> first = payloads.stream().map(this::text).toList();
        assertThat(payloads.stream().map(this::text).toList()).isEqualTo(first);
    }

    private String text(byte[] payload) {
        Event event = reader.read(payload, 0, payload.length);
        StringBuilder text =
                new StringBuilder().append(event.id()).append(event.usage()).append(event.others());
        for (Choice choice : event.choices()) {
            text.append(choice.text())
                    .append(List.of(choice.finishReason() + ""))
                    .append(choice.others());
            text.append(choice.logprobs().stream()
                    .map(p -> p.sampled().tokenId() + "=" + p.sampled().logprob()
                            + p.top().size())
                    .toList());
        }
        return text.toString();
    }

    @Test
    void generate_withIds_givesIdsAndRanks() {
        Choice choice = choice("{'request_id':'r','output_mode':'tokens','choices':[{'index':0,'finish_reason':null,"
                + "'token_ids':[7],'logprobs':{'content':[{'token_id':7,'logprob':-1.5,'rank':2,'top_logprobs':["
                + "{'token_id':7,'logprob':-1.5,'rank':2},{'token_id':9,'logprob':-0.5,'rank':1}]}]}}]}");
        assertThat(choice.logprobs())
                .containsExactly(new Position(
                        new Candidate(7, null, null, -1.5, 2),
                        List.of(new Candidate(7, null, null, -1.5, 2), new Candidate(9, null, null, -0.5, 1))));
    }

    @Test
    void generate_olderShape_givesTheSameIds() {
        Choice choice = choice("{'request_id':'r','choices':[{'index':0,'token_ids':[7],'logprobs':{'content':["
                + "{'token':'token_id:7','logprob':-1.5,'bytes':null,'top_logprobs':["
                + "{'token':'token_id:9','logprob':-9999.0}]}]}}]}");
        assertThat(choice.logprobs())
                .containsExactly(new Position(
                        new Candidate(7, null, null, -1.5, 0),
                        List.of(new Candidate(9, null, null, Double.NEGATIVE_INFINITY, 0))));
    }

    @Test
    void completions_withTextKeys_takeTheDrawnIdsFromBeside() {
        Choice choice = choice("{'choices':[{'index':0,'text':'ab','token_ids':[5,6],'logprobs':{'text_offset':[0,1],"
                + "'tokens':['a','b'],'token_logprobs':[null,-2],'top_logprobs':[null,{'b':-2,'token_id:x':-3}]}}]}");
        assertThat(choice.logprobs()).hasSize(2);
        assertThat(choice.logprobs().get(0).sampled().tokenId()).isEqualTo(5);
        assertThat(choice.logprobs().get(0).sampled().logprob()).isNaN();
        assertThat(choice.logprobs().get(1).top())
                .containsExactly(new Candidate(-1, "b", null, -2, 0), new Candidate(-1, "token_id:x", null, -3, 0));
    }

    @Test
    void completions_withIdKeys_giveIds() {
        Choice choice = choice("{'choices':[{'index':0,'text':'a','logprobs':{'top_logprobs':[{'token_id:5':-1,"
                + "'token_id:123456789':-2}],'tokens':['token_id:5'],'token_logprobs':[-1]}}]}");
        assertThat(choice.logprobs().get(0).top())
                .containsExactly(new Candidate(5, null, null, -1, 0), new Candidate(123456789, null, null, -2, 0));
    }

    @Test
    void chat_bytes_areThoseOfTheToken() {
        Choice choice = choice("{'choices':[{'index':0,'delta':{'content':''},'logprobs':{'content':["
                + "{'token':'\uFFFD','logprob':-1,'bytes':[230,152],'top_logprobs':[]}]}}]}");
        assertThat(choice.logprobs().get(0).sampled().bytes()).containsExactly(230, 152);
    }

    @Test
    void chat_deltas_ofEveryKind() {
        assertThat(choice("{'choices':[{'index':0,'delta':{}}]}").text()).isEmpty();
        assertThat(choice("{'choices':[{'index':0,'delta':{'role':'assistant','content':null}}]}")
                        .text())
                .isEmpty();
        assertThat(choice("{'choices':[{'index':0,'delta':{'reasoning':'a'}}]}").reasoning())
                .isEqualTo("a");
        assertThat(choice("{'choices':[{'index':0,'delta':{'reasoning_content':'a'}}]}")
                        .reasoning())
                .isEqualTo("a");
        assertThat(choice("{'choices':[{'index':0,'delta':{'reasoning':'a','reasoning_content':'a'}}]}")
                        .reasoning())
                .as("both names, one text")
                .isEqualTo("a");
        assertThat(choice("{'choices':[{'index':0,'delta':{'reasoning':null,'reasoning_content':'a'}}]}")
                        .reasoning())
                .isEqualTo("a");
    }

    @Test
    void chat_toolCalls_inPiecesAndWhole() {
        assertThat(choice("{'choices':[{'index':0,'delta':{'tool_calls':[{'index':1,'id':'c1','type':'function',"
                                + "'function':{'name':'f','arguments':''}}]}}]}")
                        .toolCalls())
                .containsExactly(new ToolCallPart(1, "c1", "f", ""));
        assertThat(choice("{'choices':[{'index':0,'delta':{'tool_calls':[{'index':1,'id':'','type':'',"
                                + "'function':{'name':'','arguments':'{'}}]}}]}")
                        .toolCalls())
                .containsExactly(new ToolCallPart(1, "", "", "{"));
        assertThat(choice("{'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'id':null,'function':null}]}}]}")
                        .toolCalls())
                .containsExactly(new ToolCallPart(0, "", "", ""));
        assertThat(choice("{'choices':[{'index':0,'message':{'content':null,'tool_calls':["
                                + "{'id':'a','type':'function','function':{'name':'f','arguments':'{}'}},"
                                + "{'id':'b','type':'function','function':{'name':'g','arguments':'[]'}}]}}]}")
                        .toolCalls())
                .containsExactly(new ToolCallPart(0, "a", "f", "{}"), new ToolCallPart(1, "b", "g", "[]"));
    }

    @Test
    void usage_withCachedTokens() {
        assertThat(read("{'choices':[],'usage':{'prompt_tokens':9,'total_tokens':12,'completion_tokens':3,"
                                + "'prompt_tokens_details':{'cached_tokens':4}}}")
                        .usage())
                .isEqualTo(new TokenUsage(9, 3, 4));
        assertThat(read("{'choices':[],'usage':{'prompt_tokens':9,'completion_tokens':3,'prompt_tokens_details':null}}")
                        .usage())
                .isEqualTo(new TokenUsage(9, 3, -1));
    }

    @Test
    void errors_ofEveryShape() {
        assertThat(read("{'error':{'message':'no','type':'InternalServerError','param':null,'code':500}}")
                        .error())
                .isEqualTo(new ServerError("no", "InternalServerError", null, 500));
        assertThat(read("{'error':{'message':'no','type':'server_error','param':'p','code':'server_error'}}")
                        .error())
                .isEqualTo(new ServerError("no", "server_error", "p", "server_error"));
        assertThat(read("{'error':{'object':'error','message':'no','type':'t','param':null,'code':400}}")
                        .error())
                .isEqualTo(new ServerError("no", "t", null, 400));
        assertThat(read("{'object':'error','message':'no','type':'t','param':null,'code':400}")
                        .error())
                .isEqualTo(new ServerError("no", "t", null, 400));
        assertThat(read("{'error':'scaling'}").error()).isEqualTo(new ServerError("scaling", null, null, null));
        assertThat(read("{'error':{}}").error()).isEqualTo(new ServerError("", null, null, null));
        assertThat(read("{'error':null,'choices':[]}").error()).isNull();
    }

    @Test
    void promptLogprobs_keyedByIds() {
        Event event = read("{'choices':[],'prompt_logprobs':[null,{'5':{'logprob':-1.5,'rank':2,'decoded_token':'a'},"
                + "'6':{'logprob':-9999.0,'rank':1,'decoded_token':'b'}}]}");
        assertThat(event.promptLogprobs())
                .containsExactly(
                        List.of(),
                        List.of(
                                new Candidate(5, "a", null, -1.5, 2),
                                new Candidate(6, "b", null, Double.NEGATIVE_INFINITY, 1)));
    }

    @Test
    void unknownFields_areKept_nullOnesAreNot() {
        Event event = read(
                "{'object':'text_completion','created':1,'novel':{'a':[1,2.5,true,null],'b':null},'nothing':null,"
                        + "'choices':[{'index':0,'text':'x','weight_versions':[{'version':'default'}],'routed_experts':null}]}");
        assertThat(event.others()).isEqualTo(Map.of("novel", Map.of("a", java.util.Arrays.asList(1, 2.5, true, null))));
        assertThat(event.choices().get(0).others())
                .isEqualTo(Map.of("weight_versions", List.of(Map.of("version", "default"))));
    }

    @Test
    void stopReason_isATextOrANumber() {
        assertThat(choice("{'choices':[{'index':0,'text':'','stop_reason':'。'}]}")
                        .stopReason())
                .isEqualTo("。");
        assertThat(choice("{'choices':[{'index':0,'text':'','stop_reason':151645}]}")
                        .stopReason())
                .isEqualTo(151645);
    }

    @Test
    void idAndModel_thatRepeat_areOneString() {
        String payload = "{'id':'cmpl-1','model':'m','choices':[]}";
        Event first = read(payload);
        Event second = read(payload);
        assertThat(second.id()).isSameAs(first.id());
        assertThat(second.model()).isSameAs(first.model());
        assertThat(read("{'id':'cmpl-2','choices':[]}").id()).isEqualTo("cmpl-2");
    }

    /** As a server with --max-logprobs -1 sends it for every token. */
    @Test
    void vocabularyOfLogprobs_isRead() {
        StringBuilder json = new StringBuilder("{'choices':[{'index':0,'text':'x','logprobs':{'tokens':['token_id:0'],"
                + "'token_logprobs':[-1],'top_logprobs':[{");
        for (int id = 0; id < 152_064; id++) {
            json.append(id == 0 ? "" : ",")
                    .append("'token_id:")
                    .append(id)
                    .append("':")
                    .append(-id / 1000.0);
        }
        Choice choice = choice(json.append("}]}}]}").toString());
        List<Candidate> top = choice.logprobs().get(0).top();
        assertThat(top).hasSize(152_064);
        assertThat(top.get(152_063).tokenId()).isEqualTo(152_063);
        assertThat(top.get(152_063).logprob()).isCloseTo(-152.063, within(1e-12));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "null",
                "<html>",
                "{\"choices\":3}",
                "{\"choices\":[3]}",
                "{\"choices\":[]} x",
                "{\"choices\":[{\"index\":0,\"token_ids\":[\"a\"]}]}",
                "{\"choices\":[]}{\"choices\":[]}",
                "{\"choices\":[{\"index\":0,\"logprobs\":{\"content\":[null]}}]}"
            })
    void notVllm_isRefused_andTheReaderGoesOn(String payload) {
        byte[] bytes = payload.getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> reader.read(bytes, 0, bytes.length))
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.PROTOCOL))
                .hasMessageStartingWith("The server sent what is not vLLM's JSON (")
                .hasMessageEndingWith(
                        "\"" + payload + "\". Is it a vLLM server, or something before one that rewrites answers?");
        assertThat(choice("{'choices':[{'index':0,'text':'x'}]}").text()).isEqualTo("x");
    }

    @Test
    void whiteSpaceAround_isNothing() {
        assertThat(read(" \n{'choices':[]} \r\n\t").choices()).isEmpty();
    }

    private Choice choice(String json) {
        return read(json).choices().get(0);
    }

    /** With single quotes for double ones, in the middle of a larger array. */
    private Event read(String json) {
        byte[] payload = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        byte[] within =
                ("data: " + new String(payload, StandardCharsets.UTF_8) + "\n\nxyz").getBytes(StandardCharsets.UTF_8);
        return reader.read(within, 6, 6 + payload.length);
    }
}
