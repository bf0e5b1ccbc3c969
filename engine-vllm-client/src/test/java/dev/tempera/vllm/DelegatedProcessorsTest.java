package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.Dry;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.ThinkingBudget;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DelegatedProcessorsTest {
    /** What {@code Dialect.VLLM} compiles to is what the server runs, whichever parameters are set. */
    @Test
    void everyPipelineOfTheDialectIsTaken() {
        Map<String, Object> all = new TreeMap<>(Map.of(
                "allowed_token_ids",
                List.of(1, 2),
                "bad_words",
                List.of("no"),
                "min_tokens",
                2,
                "logit_bias",
                Map.of("1", 250.0),
                "repetition_penalty",
                1.2,
                "frequency_penalty",
                -2.0,
                "presence_penalty",
                2.0,
                "thinking_token_budget",
                9));
        all.putAll(Map.of("temperature", 0.001, "min_p", 0.1, "top_k", 5, "top_p", 1e-6));
        List<String> names = List.copyOf(all.keySet());
        for (int subset = 0; subset < 1 << names.size(); subset++) {
            Map<String, Object> some = new TreeMap<>();
            for (int i = 0; i < names.size(); i++) {
                if ((subset >> i & 1) == 1) {
                    some.put(names.get(i), all.get(names.get(i)));
                }
            }
            DelegatedProcessors.Delegation delegation =
                    DelegatedProcessors.of(SamplingParameters.fromMap(some).toPipeline());
            assertThat(delegation.isComplete()).as("%s", some).isTrue();
            assertThat(delegation.fields().keySet()).isEqualTo(some.keySet());
        }
    }

    @Test
    void valuesAreThoseOfTheServer() {
        DelegatedProcessors.Delegation delegation = DelegatedProcessors.of(SamplingParameters.builder()
                .temperature(0.001)
                .logitBias(Map.of(1, 250.0))
                .build()
                .toPipeline());
        assertThat(delegation.fields())
                .containsEntry("temperature", 0.01)
                .containsEntry("logit_bias", Map.of(1, 100.0));
    }

    @Test
    void greedyIsTemperatureZero() {
        assertThat(DelegatedProcessors.of(SamplingParameters.builder()
                                .temperature(0)
                                .presencePenalty(1)
                                .build()
                                .toPipeline())
                        .fields())
                .isEqualTo(Map.of("temperature", 0.0, "presence_penalty", 1.0));
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(new Dry(1), "the server has no such processor"),
                Arguments.of(
                        new AllowedTokens(IntStream.range(0, 1025).boxed().toList()),
                        "1025 ids: more than 1024 end the server's engine (vllm issue 55164)"),
                Arguments.of(
                        BadWords.ofTokenIds(List.of(List.of(1))), "the server takes words as text, not as token ids"),
                Arguments.of(
                        new BadWords(List.of(), List.of("a"), TokenScope.PROMPT_AND_GENERATED, false),
                        "the server looks at generated tokens only"),
                Arguments.of(
                        BadWords.of(
                                IntStream.range(0, 129).mapToObj(i -> "w" + i).toArray(String[]::new)),
                        "129 words: the server takes 128"),
                Arguments.of(
                        new MinTokens(2, TokenScope.PROMPT_AND_GENERATED), "the server counts generated tokens only"),
                Arguments.of(
                        new LogitBias(Map.of(1, 101.0)),
                        "the server clamps biases to [-100, 100], and has none of -inf"),
                Arguments.of(
                        new LogitBias(Map.of(1, Double.NEGATIVE_INFINITY)),
                        "the server clamps biases to [-100, 100], and has none of -inf"),
                Arguments.of(
                        new RepetitionPenalty(1.1, 64, TokenScope.PROMPT_AND_GENERATED),
                        "the server counts the whole prompt and output"),
                Arguments.of(
                        new RepetitionPenalty(1.1, Integer.MAX_VALUE, TokenScope.GENERATED),
                        "the server counts the whole prompt and output"),
                Arguments.of(new FrequencyPenalty(2.5), "the server takes -2 to 2"),
                Arguments.of(new PresencePenalty(1, 64, TokenScope.GENERATED), "the server counts the whole output"),
                Arguments.of(
                        new ThinkingBudget(
                                1, ThinkingBudget.THINK, ThinkingBudget.END_OF_THINK, ThinkingBudget.Marker.of("so")),
                        "the server has markers of its own and no message"),
                Arguments.of(new Temperature(2.5), "the server takes 0.01 to 2"),
                Arguments.of(new Temperature(0.005), "the server takes 0.01 to 2"),
                Arguments.of(new MinP(0.1, 2), "the server has no min_keep"),
                Arguments.of(new TopK(5, Ties.LOWEST_IDS), "the server keeps all that tie with the k-th"),
                Arguments.of(new TopP(0, 1), "the server takes values above 0"),
                Arguments.of(new TopP(0.5, 3), "the server has no min_keep"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatTheServerDoesOtherwiseIsNotHandedOver(LogitsProcessor processor, String reason) {
        DelegatedProcessors.Delegation delegation = DelegatedProcessors.of(SamplingPipeline.of(processor));
        assertThat(delegation.isComplete()).isFalse();
        assertThat(delegation.processors())
                .singleElement()
                .satisfies(verdict -> assertThat(verdict.reason()).isEqualTo(reason));
    }

    @Test
    void anotherOrderIsNotHandedOver() {
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(5), new Temperature(0.7), new TopK(3));
        assertThat(DelegatedProcessors.of(pipeline).processors())
                .extracting(DelegatedProcessors.Verdict::reason)
                .containsExactly("", "the server runs temperature before top_k", "the server runs it once");
    }

    @Test
    void penaltiesThatSpareMarkupAreNotHandedOver() {
        SamplingPipeline pipeline = SamplingPipeline.builder()
                .add(new PresencePenalty(1))
                .add(new Temperature(0.7))
                .exemptMarkupFromPenalties(true)
                .build();
        assertThat(DelegatedProcessors.of(pipeline).processors())
                .extracting(DelegatedProcessors.Verdict::reason)
                .containsExactly("the server's penalties count chat markup, which this pipeline exempts", "");
    }

    @Test
    void samplers() {
        assertThat(verdict(Sampler.CATEGORICAL).isTaken()).isTrue();
        assertThat(verdict(Sampler.GREEDY).isTaken()).isTrue();
        assertThat(verdict(new GumbelMax()).isTaken()).isTrue();
        assertThat(verdict(new MirostatV2(5, 0.1)).reason()).isEqualTo("the server has no such sampler");
        assertThat(verdict((logits, context) -> logits.argmax()).reason()).isEqualTo("the server has no such sampler");
    }

    private static DelegatedProcessors.Verdict verdict(Sampler sampler) {
        return DelegatedProcessors.of(
                        SamplingPipeline.builder().sampler(sampler).build())
                .sampler();
    }
}
