package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationPlan.Placement;
import dev.tempera.engine.GenerationPlan.Stage;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.ByteTokenizer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlannerTest {
    private static final Planner TEXT = new Planner(Servers.RECENT, new Planner.Client(null, false, null));

    @Test
    void everyParameterOfTheServerIsSentByItsName() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.7)
                .topP(0.9)
                .topK(40)
                .minP(0.05)
                .repetitionPenalty(1.1)
                .presencePenalty(0.2)
                .frequencyPenalty(-0.3)
                .logitBias(Map.of(5, 1.5))
                .allowedTokenIds(List.of(5, 6))
                .badWords(List.of("no"))
                .minTokens(2)
                .maxTokens(10)
                .stop(List.of("\n"))
                .stopTokenIds(List.of(7))
                .seed(3)
                .ignoreEos(true)
                .build();
        Planned planned = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), parameters));
        assertThat(planned.plan().stages()).extracting(Stage::placement).containsOnly(Placement.DELEGATED);
        assertThat(planned.route()).isEqualTo(Route.COMPLETIONS);
        assertThat(planned.toSend(new PromptBody.Text("Hi"), -1).sampling())
                .containsEntry("temperature", 0.7)
                .containsEntry("top_p", 0.9)
                .containsEntry("top_k", 40)
                .containsEntry("min_p", 0.05)
                .containsEntry("repetition_penalty", 1.1)
                .containsEntry("presence_penalty", 0.2)
                .containsEntry("frequency_penalty", -0.3)
                .containsEntry("logit_bias", Map.of(5, 1.5))
                .containsEntry("allowed_token_ids", List.of(5, 6))
                .containsEntry("bad_words", List.of("no"))
                .containsEntry("min_tokens", 2)
                .containsEntry("max_tokens", 10)
                .containsEntry("stop", List.of("\n"))
                .containsEntry("stop_token_ids", List.of(7))
                .containsEntry("seed", 3L)
                .containsEntry("ignore_eos", true);
    }

    /** Or the server's generation_config.json would fill the gaps. */
    @Test
    void whatIsNotSetIsSentAtItsNeutralValue() {
        Planned planned = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL));
        assertThat(planned.sampling())
                .isEqualTo(Map.of(
                        "temperature", 1.0,
                        "top_p", 1.0,
                        "top_k", 0,
                        "min_p", 0.0,
                        "repetition_penalty", 1.0,
                        "presence_penalty", 0.0,
                        "frequency_penalty", 0.0,
                        "min_tokens", 0,
                        "ignore_eos", false,
                        "skip_special_tokens", true));
    }

    /** Chats list as many tokens as are asked for, the drawn one among them even if it is none of the likeliest. */
    @Test
    void logprobs_leaveAPlaceForTheDrawnToken() {
        GenerationRequest.Builder request = GenerationRequest.builder().prompt(Prompt.chat("Hi"));
        assertThat(TEXT.plan(request.logprobs(3).build()).sampling()).containsEntry("logprobs", 4);
        assertThat(TEXT.plan(request.logprobs(0).build()).sampling()).containsEntry("logprobs", 0);
        Planned full = TEXT.plan(request.logprobs(20).build());
        assertThat(full.sampling()).containsEntry("logprobs", 20);
        assertThat(full.plan().toString())
                .contains("takes the place of the last of them")
                .contains("; not exact");
        assertThat(TEXT.plan(request.prompt(new Prompt.Text("Hi")).logprobs(3).build())
                        .sampling())
                .containsEntry("logprobs", 3);
    }

    @Test
    void lengthOfTheServersPrompt_isTheServersMatter() {
        PromptBody prompt = new PromptBody.Text("Hi");
        SamplingParameters much =
                SamplingParameters.builder().maxTokens(1_000_000).build();
        Planned some = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), much));
        assertThat(some.toSend(prompt, -1).sampling()).containsEntry("max_tokens", Servers.RECENT.contextLength());
        Planned all = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL));
        assertThat(all.toSend(prompt, -1).sampling()).containsEntry("max_tokens", Servers.RECENT.contextLength());
        Planned chat = TEXT.plan(GenerationRequest.of(Prompt.chat("Hi"), SamplingParameters.NEUTRAL));
        assertThat(chat.toSend(prompt, -1).sampling()).doesNotContainKey("max_tokens");
    }

    /** The server gives /inference/v1/generate --max-num-seqs texts at most, and does not tell how many that is. */
    @Test
    void severalTexts_goWhereTheirNumberHasNoSuchLimit() {
        Planner tokens = new Planner(Servers.RECENT, new Planner.Client(new ByteTokenizer(), false, null));
        GenerationRequest request = GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL);
        assertThat(tokens.plan(request).route()).isEqualTo(Route.GENERATE);
        assertThat(tokens.plan(request, 2).route()).isEqualTo(Route.COMPLETIONS);
    }
}
