package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What vLLM draws follows the distribution that the parameters compile to here. Parameters that look at what was
 * generated show at the second token: there pairs of tokens are counted, and few tokens allowed so that pairs repeat.
 */
class NextTokenDistributionIT {
    private static final int DRAWS = 4_000;
    private static final int DRAWS_OF_A_REQUEST = 250;
    private static final double LEVEL = 0.01;

    private static RealVllm server;
    private static LocalModel local;
    private static Planner planner;
    private static List<Integer> prompt;
    private static final Map<List<Integer>, float[]> logits = new HashMap<>();
    private static long seed = 20_261_124;

    @BeforeAll
    static void open() {
        server = RealVllm.shared();
        local = new LocalModel();
        try (VllmEngine engine = VllmEngine.builder(server.uri())
                .tokenizer(local.engine().tokenizer())
                .open()) {
            planner = new Planner(
                    engine.capabilities(), new Planner.Client(local.engine().tokenizer(), false, null));
        }
        // Few tokens: every choice of a request computes them anew, which is what takes the time.
        prompt = local.encode("春天");
    }

    @AfterAll
    static void close() {
        local.close();
    }

    @Test
    void eachFieldAlone_drawsTheExactDistribution() throws Exception {
        Map<String, SamplingParameters.Builder> cases = new LinkedHashMap<>();
        cases.put("nothing", SamplingParameters.builder());
        cases.put("temperature below 1", SamplingParameters.builder().temperature(0.6));
        cases.put("temperature above 1", SamplingParameters.builder().temperature(1.7));
        cases.put("top_k", SamplingParameters.builder().topK(12));
        cases.put("top_p", SamplingParameters.builder().topP(0.55));
        cases.put("min_p", SamplingParameters.builder().minP(0.12));
        cases.put("repetition_penalty above 1", SamplingParameters.builder().repetitionPenalty(1.6));
        cases.put("repetition_penalty below 1", SamplingParameters.builder().repetitionPenalty(0.7));
        cases.put("presence_penalty", few().presencePenalty(1.5));
        cases.put("frequency_penalty", few().frequencyPenalty(-1.2));
        cases.put("logit_bias", SamplingParameters.builder().logitBias(Map.of(397, -2.0, 646, 1.5, 2, 3.0)));
        cases.put("allowed_token_ids", few());
        cases.put("bad_words", SamplingParameters.builder().badWords(List.of("上")));
        cases.put("bad_words of two tokens", few().badWords(List.of("上天", "上上")));
        cases.put("min_tokens", SamplingParameters.builder().minTokens(1).logitBias(Map.of(2, 8.0)));

        assertThat(rejected(cases)).isEmpty();
    }

    @Test
    void thirtyRandomCombinations_drawTheExactDistribution() throws Exception {
        Map<String, SamplingParameters.Builder> cases = new LinkedHashMap<>();
        Random random = new Random(4);
        for (int i = 1; i <= 30; i++) {
            cases.put("combination " + i, combination(random));
        }

        assertThat(rejected(cases)).isEmpty();
    }

    /** What a test of this many draws notices, and so excludes. */
    @Test
    void otherParameters_areNoticed() throws Exception {
        Map<List<Integer>, Integer> counts =
                draw(SamplingParameters.builder().temperature(0.6).topK(12).build());
        Map<String, Double> pValues = new TreeMap<>();
        pValues.put(
                "the same",
                pValue(counts, SamplingParameters.builder().temperature(0.6).topK(12)));
        pValues.put(
                "warmer",
                pValue(counts, SamplingParameters.builder().temperature(0.66).topK(12)));
        pValues.put(
                "colder",
                pValue(counts, SamplingParameters.builder().temperature(0.55).topK(12)));
        pValues.put(
                "one token less",
                pValue(counts, SamplingParameters.builder().temperature(0.6).topK(11)));
        pValues.put(
                "one token more",
                pValue(counts, SamplingParameters.builder().temperature(0.6).topK(13)));

        assertThat(ChiSquare.rejected(pValues, LEVEL))
                .as("%s", pValues)
                .containsExactly("colder", "one token less", "one token more", "warmer");
    }

    private static SamplingParameters.Builder few() {
        return SamplingParameters.builder().allowedTokenIds(List.of(370, 371, 397, 406, 411, 465, 646, 693));
    }

    private static SamplingParameters.Builder combination(Random random) {
        boolean pairs = random.nextBoolean();
        SamplingParameters.Builder builder = pairs ? few() : SamplingParameters.builder();
        if (pairs) {
            builder.presencePenalty(between(random, -2, 2));
            builder.frequencyPenalty(between(random, -2, 2));
        }
        if (random.nextBoolean()) {
            builder.temperature(between(random, 0.4, 1.8));
        }
        if (random.nextBoolean()) {
            builder.topK(3 + random.nextInt(60));
        }
        if (random.nextBoolean()) {
            builder.topP(between(random, 0.4, 0.98));
        }
        if (random.nextBoolean()) {
            builder.minP(between(random, 0.01, 0.3));
        }
        if (random.nextBoolean()) {
            builder.repetitionPenalty(between(random, 0.7, 1.8));
        }
        if (random.nextBoolean()) {
            builder.logitBias(
                    Map.of(397, between(random, -3, 1), 371, between(random, -1, 3), 646, between(random, -1, 3)));
        }
        if (random.nextBoolean()) {
            builder.badWords(List.of("上", "乐"));
        }
        return builder;
    }

    private static double between(Random random, double low, double high) {
        return Math.round((low + random.nextDouble() * (high - low)) * 1000) / 1000.0;
    }

    private static List<String> rejected(Map<String, SamplingParameters.Builder> cases) throws Exception {
        Map<String, Double> pValues = new TreeMap<>();
        for (Map.Entry<String, SamplingParameters.Builder> each : cases.entrySet()) {
            SamplingParameters parameters = each.getValue().build();
            double pValue = ChiSquare.pValue(draw(parameters), exact(parameters));
            pValues.put(each.getKey() + " " + parameters.toMap(), pValue);
            System.out.printf("p %.4f  %s %s%n", pValue, each.getKey(), parameters.toMap());
        }
        return ChiSquare.rejected(pValues, LEVEL);
    }

    private static double pValue(Map<List<Integer>, Integer> counts, SamplingParameters.Builder parameters)
            throws Exception {
        return ChiSquare.pValue(counts, exact(parameters.build()));
    }

    private static int tokens(SamplingParameters parameters) {
        return parameters.allowedTokenIds() == null ? 1 : 2;
    }

    /** With the fields that the client sends for the parameters, and many choices a request. */
    private static Map<List<Integer>, Integer> draw(SamplingParameters parameters) throws Exception {
        GenerationRequest request = GenerationRequest.of(
                new Prompt.Tokens(prompt),
                parameters.toBuilder().maxTokens(tokens(parameters)).build());
        Planned planned = planner.plan(request);
        planned.requireRunnable();
        SendableRequest one = planned.toSend(new PromptBody.Ids(prompt), prompt.size());
        assertThat(one.route()).isEqualTo(Route.GENERATE);
        Map<List<Integer>, Integer> counts = new HashMap<>();
        for (int i = 0; i < DRAWS; i += DRAWS_OF_A_REQUEST) {
            SortedMap<String, Object> sampling = new TreeMap<>(one.sampling());
            sampling.put("n", DRAWS_OF_A_REQUEST);
            // Choice j of a request is drawn with its seed + j.
            sampling.put("seed", seed);
            seed += DRAWS_OF_A_REQUEST;
            byte[] body = RequestBody.of(new SendableRequest(one.route(), sampling, one.other(), one.prompt()));
            for (JsonNode choice : server.post(Route.GENERATE.path(), body).path("choices")) {
                List<Integer> ids = new ArrayList<>();
                choice.path("token_ids").forEach(id -> ids.add(id.asInt()));
                counts.merge(ids, 1, Integer::sum);
            }
        }
        return counts;
    }

    /** Of one token, or of two as they follow each other; a text may also end with the first. */
    private static Map<List<Integer>, Double> exact(SamplingParameters parameters) throws Exception {
        Map<List<Integer>, Double> probabilities = new HashMap<>();
        double[] first = local.distribution(parameters, prompt, List.of(), logits(prompt));
        for (int id = 0; id < first.length; id++) {
            if (first[id] == 0) {
                continue;
            }
            if (tokens(parameters) == 1 || isStop(id)) {
                probabilities.put(List.of(id), first[id]);
                continue;
            }
            List<Integer> text = new ArrayList<>(prompt);
            text.add(id);
            double[] second = local.distribution(parameters, prompt, List.of(id), logits(text));
            for (int next = 0; next < second.length; next++) {
                if (second[next] > 0) {
                    probabilities.put(List.of(id, next), first[id] * second[next]);
                }
            }
        }
        return probabilities;
    }

    private static boolean isStop(int id) {
        return IntStream.of(LocalModel.STOP_TOKENS).anyMatch(stop -> stop == id);
    }

    /**
     * This engine's, with vLLM's for the rows that are no token: this engine does not compute those, and vLLM does not
     * mask them.
     */
    private static float[] logits(List<Integer> text) throws Exception {
        float[] known = logits.get(text);
        if (known == null) {
            known = local.logits(text);
            double logSum = logSumExp(known);
            JsonNode answer = server.post(
                    "/inference/v1/generate",
                    Map.of(
                            "token_ids",
                            text,
                            "sampling_params",
                            Map.of("max_tokens", 1, "temperature", 0, "logprobs", -1)));
            for (JsonNode token : answer.at("/choices/0/logprobs/content/0/top_logprobs")) {
                int id = token.path("token_id").asInt();
                if (known[id] == Float.NEGATIVE_INFINITY) {
                    known[id] = (float) (token.path("logprob").asDouble() + logSum);
                }
            }
            logits.put(text, known);
        }
        return known.clone();
    }

    private static double logSumExp(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return max + Math.log(sum);
    }
}
