package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.tokenizer.JinjaChatTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The same model folder here and behind vLLM, both in float32: the same requests give the same texts and numbers. */
class CrossEngineParityIT {
    private static final List<String> PROMPTS = Stream.of(
                    "春天", "夏夜", "秋风", "冬雪", "明月", "江水", "高山", "故乡", "离别", "相思", "边塞", "梅花", "菊花", "竹林", "古寺", "渔翁",
                    "落日", "孤雁", "美酒", "琴声", "杨柳", "白云", "长城", "洞庭湖", "清晨", "草原", "荷花", "燕子")
            .flatMap(theme -> Stream.of("请写一首关于" + theme + "的诗", "以“" + theme + "”为题写一首五言绝句"))
            .toList();
    /** Where the two likeliest tokens are closer, sums in another order may turn them round. */
    private static final double NEAR_TIE = 1e-4;

    private static LocalModel local;

    @BeforeAll
    static void open() {
        local = new LocalModel();
    }

    @AfterAll
    static void close() {
        local.close();
    }

    @Test
    void greedyTexts_areEqual_withTokenIdsAndWithText() {
        List<GenerationRequest> requests = requests(128, 2);
        List<GenerationResult> expected = local.engine().generateAll(requests);
        List<String> different = new ArrayList<>();
        int compared = 0;
        for (VllmEngineBuilder builder : List.of(
                VllmEngine.builder(RealVllm.shared().uri()),
                VllmEngine.builder(RealVllm.shared().uri())
                        .tokenizer(local.engine().tokenizer())
                        .chatTemplate(JinjaChatTemplate.open(SampleModel.path()))
                        .chatRendering(ChatRendering.LOCAL))) {
            compared = 0;
            try (VllmEngine engine = builder.open()) {
                List<GenerationResult> found = engine.generateAll(requests);
                for (int i = 0; i < requests.size(); i++) {
                    if (smallestGap(expected.get(i)) >= NEAR_TIE) {
                        compared++;
                        if (!inWords(found.get(i)).equals(inWords(expected.get(i)))) {
                            different.add(inWords(found.get(i)) + " instead of " + inWords(expected.get(i)));
                        }
                    }
                }
            }
        }
        System.out.println(compared + " of " + requests.size() + " greedy texts compared, the others have near ties");

        assertThat(different).isEmpty();
        assertThat(compared).isGreaterThanOrEqualTo(50);
    }

    @Test
    void twentyLikeliestTokens_haveTheSameLogProbabilities() {
        double worst = 0;
        int compared = 0;
        List<GenerationRequest> requests = requests(24, 20);
        List<GenerationResult> expected = local.engine().generateAll(requests);
        List<GenerationResult> found;
        try (VllmEngine engine = VllmEngine.builder(RealVllm.shared().uri())
                .tokenizer(local.engine().tokenizer())
                .open()) {
            found = engine.generateAll(requests);
        }
        for (int i = 0; i < requests.size(); i++) {
            Logprobs here = expected.get(i).logprobs();
            Logprobs there = found.get(i).logprobs();
            assertThat(there.stage()).isEqualTo(here.stage()).isEqualTo(Logprobs.Stage.RAW_LOGPROBS);
            for (int step = 0; step < here.positions().size(); step++) {
                if (!found.get(i)
                        .tokenIds()
                        .subList(0, step)
                        .equals(expected.get(i).tokenIds().subList(0, step))) {
                    break; // another text from here on: a near tie
                }
                Map<Integer, Double> ours = byId(here.positions().get(step));
                Map<Integer, Double> theirs = byId(there.positions().get(step));
                assertThat(theirs).hasSize(20);
                for (Map.Entry<Integer, Double> token : ours.entrySet()) {
                    // The last of them may be another one where two are as good as equal.
                    Double other = theirs.get(token.getKey());
                    if (other != null) {
                        worst = Math.max(worst, Math.abs(other - token.getValue()));
                        compared++;
                    }
                }
            }
        }
        System.out.printf("%d log-probabilities compared, worst difference %.2g%n", compared, worst);

        assertThat(worst).isLessThanOrEqualTo(1e-3);
        assertThat(compared).isGreaterThan(20_000);
    }

    private static Map<Integer, Double> byId(Logprobs.Position position) {
        return position.top().stream().collect(Collectors.toMap(Logprobs.Token::tokenId, Logprobs.Token::value));
    }

    /** Over all steps, between the two likeliest tokens. */
    private static double smallestGap(GenerationResult result) {
        return result.logprobs().positions().stream()
                .mapToDouble(position ->
                        position.top().get(0).value() - position.top().get(1).value())
                .min()
                .orElse(Double.POSITIVE_INFINITY);
    }

    private static String inWords(GenerationResult result) {
        return result.text() + " " + result.tokenIds() + " " + result.finishReason();
    }

    private static List<GenerationRequest> requests(int maxTokens, int logprobs) {
        return PROMPTS.stream()
                .map(prompt -> GenerationRequest.builder()
                        .prompt(Prompt.chat(prompt))
                        .parameters(SamplingParameters.builder()
                                .temperature(0)
                                .maxTokens(maxTokens)
                                .build())
                        .logprobs(logprobs)
                        .build())
                .toList();
    }
}
