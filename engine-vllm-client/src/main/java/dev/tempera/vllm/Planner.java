package dev.tempera.vllm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.RepetitionDetection;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationPlan.Placement;
import dev.tempera.engine.GenerationPlan.Stage;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Decides where every stage of a request runs, and what is sent for it. Thread-safe. */
final class Planner {
    /** Begins the reason of a stage that the server could run, were it not for others. */
    static final String OTHERS = "the others cannot run on the server";

    private static final int MAX_STOP_STRINGS = 4;
    private static final int DEFAULT_MAX_LOGPROBS = 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Capabilities server;
    private final Client client;

    /**
     * What this side can do.
     *
     * @param tokenizer of the model; null if there is none, and the server's text is taken
     * @param rendersChats whether chats are rendered here; otherwise by the server
     * @param stepwise how processors run here that the server does not have; null if they may not
     */
    record Client(
            @Nullable Tokenizer tokenizer,
            boolean rendersChats,
            @Nullable Stepwise stepwise) {}

    Planner(Capabilities server, Client client) {
        this.server = server;
        this.client = client;
    }

    /**
     * Plans one text.
     *
     * @throws InvalidParametersException with every value that the server would refuse or fail on
     */
    Planned plan(GenerationRequest request) {
        return plan(request, 1);
    }

    /** @param texts how many to generate for the one prompt */
    Planned plan(GenerationRequest request, int texts) {
        List<String> problems = Limits.problems(request, texts, server, client.tokenizer());
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return new Draft(request, texts).finish();
    }

    /** One request under way. */
    private final class Draft {
        private final GenerationRequest request;
        private final SamplingParameters parameters;
        private final EngineOptions options;
        private final int texts;
        private final SortedMap<String, Object> sampling = neutral();
        private final SortedMap<String, Object> other = new TreeMap<>();
        private final List<Stage> stages = new ArrayList<>();
        private final boolean hasIds;
        private final Route route;
        private final @Nullable Stepwise stepwise; // null if the server runs all processors
        private boolean streamed = true;

        Draft(GenerationRequest request, int texts) {
            this.request = request;
            this.parameters = request.parameters();
            this.options = request.engineOptions();
            this.texts = texts;
            this.hasIds = hasIds();
            this.route = route();
            boolean complete = DelegatedProcessors.of(request.pipeline()).isComplete();
            this.stepwise = complete ? null : how();
        }

        /** As the client wants it; drawing ahead needs a distribution on both sides. */
        private Stepwise how() {
            Stepwise how = allowed() == null ? Stepwise.DEFAULT : allowed();
            boolean told = server.logprobsStage() != null && !StepwiseView.logits(server);
            return told && StepwiseView.canDraft(request.pipeline().sampler()) ? how : how.withDraft(1);
        }

        /** What the request allows, or else the engine; null if neither does. */
        private @Nullable Stepwise allowed() {
            return options.fields().get(Stepwise.FIELD) instanceof Stepwise asked ? asked : client.stepwise();
        }

        /** Whether the prompt becomes token ids on this side, and ids come back. */
        private boolean hasIds() {
            if (client.tokenizer() == null
                    || server.tokenRoute() == Capabilities.TokenRoute.NONE && !server.returnsTokenIds()) {
                return false;
            }
            if (request.prompt() instanceof Prompt.Chat chat && !client.rendersChats()) {
                return chat.tools().isEmpty() && server.tokenizes() && !needsChatRoute();
            }
            return true;
        }

        private boolean needsChatRoute() {
            return options.fields().keySet().stream()
                    .map(BodyField::named)
                    .anyMatch(field -> field != null && !field.isOn(Route.COMPLETIONS));
        }

        private Route route() {
            if (!hasIds) {
                return request.prompt() instanceof Prompt.Chat ? Route.CHAT : Route.COMPLETIONS;
            }
            boolean plain = options.fields().keySet().stream()
                    .map(BodyField::named)
                    .allMatch(field -> field == null || field.isOn(Route.GENERATE));
            // /inference/v1/generate has no more texts for one prompt than the server's --max-num-seqs, which it does
            // not tell.
            boolean listed = listsLikeliest() && texts == 1 || !server.returnsTokenIds();
            return plain && listed && server.tokenRoute() != Capabilities.TokenRoute.NONE
                    ? Route.GENERATE
                    : Route.COMPLETIONS;
        }

        /**
         * Whether as many of the likeliest tokens as the request wants fit into the list of a chat or of
         * {@code /inference/v1/generate}, where the drawn token has a place whether it is one of them or not.
         */
        private boolean listsLikeliest() {
            Integer wanted = request.logprobs();
            int most = server.maxLogprobs() == null ? DEFAULT_MAX_LOGPROBS : server.maxLogprobs();
            return wanted == null || wanted == 0 || most < 0 || wanted < most;
        }

        Planned finish() {
            other.put("model", options.lora() == null ? server.model() : options.lora());
            if (stepwise == null) {
                delegateProcessors();
            } else {
                runProcessorsHere(stepwise);
            }
            planParameters();
            if (request.isGuided()) {
                planNegativePrompt();
            }
            planTexts();
            planLogprobs();
            planPrompt();
            planOptions();
            return new Planned(
                    request,
                    new GenerationPlan(stages),
                    route,
                    hasIds,
                    stepwise,
                    streamed,
                    sampling,
                    other,
                    effective(),
                    server.contextLength(),
                    allowed() != null);
        }

        private void delegateProcessors() {
            DelegatedProcessors.Delegation delegation = DelegatedProcessors.of(request.pipeline());
            sampling.putAll(delegation.fields());
            for (DelegatedProcessors.Verdict verdict : delegation.processors()) {
                delegateProcessor(verdict);
            }
            String reason = request.pipeline().sampler() == Sampler.GREEDY
                    ? "temperature 0; of equal logits the server takes any, and rounding depends on its batch"
                    : "the server draws, with random numbers of its own, also rows of its head that are no token";
            add(delegation.sampler().stage(), Placement.DELEGATED, reason, true, "");
        }

        private void delegateProcessor(DelegatedProcessors.Verdict verdict) {
            if (verdict.field().equals("thinking_token_budget")) {
                if (isBefore(0, 20)) {
                    add(
                            verdict.stage(),
                            Placement.REJECTED,
                            "vLLM has it since 0.20, this is " + server.version(),
                            false,
                            "");
                } else {
                    String reason = "with the markers of the server's reasoning parser, without which it refuses";
                    add(verdict.stage(), Placement.DELEGATED, reason, true, "");
                }
                return;
            }
            add(verdict.stage(), Placement.DELEGATED, "sent as " + verdict.field(), true, "");
        }

        private boolean isBefore(int major, int minor) {
            return !server.isAtLeast(major, minor).orElse(server.frontend() != Capabilities.Frontend.PYTHON_OLD);
        }

        /** All of them: what the server would do to the logits is not in the log-probabilities that it shows. */
        private void runProcessorsHere(Stepwise how) {
            String obstacle = obstacle();
            StepwiseView view = StepwiseView.of(request.pipeline(), how, server, client.tokenizer(), route);
            DelegatedProcessors.Delegation delegation = DelegatedProcessors.of(request.pipeline());
            for (int i = 0; i < delegation.processors().size(); i++) {
                here(delegation.processors().get(i), view.processors().get(i), obstacle, "");
            }
            here(
                    delegation.sampler(),
                    view.sampler(),
                    obstacle,
                    how.isSpeculative()
                            ? "one request for a run of tokens that are kept, " + how.draft() + " at most"
                            : "one request for every token");
        }

        private void here(DelegatedProcessors.Verdict verdict, StepwiseView.Part part, String obstacle, String cost) {
            String why = verdict.isTaken() ? OTHERS : verdict.reason();
            if (!obstacle.isEmpty()) {
                add(verdict.stage(), Placement.REJECTED, why + "; " + obstacle, false, "");
            } else if (!part.isPossible()) {
                add(verdict.stage(), Placement.REJECTED, why + "; and not here: " + part.reason(), false, "");
            } else {
                add(verdict.stage(), Placement.STEPWISE, why + "; " + part.reason(), part.exact(), cost);
            }
        }

        /** What keeps processors from running here at all; empty if nothing does. */
        private String obstacle() {
            if (client.tokenizer() == null) {
                return "and to run it here the engine needs the model's tokenizer: builder.tokenizer(...)";
            }
            if (!hasIds) {
                return "and to run it here the prompt must become token ids on this side: no tools that the server"
                        + " renders, and a server that returns ids";
            }
            if (texts > 1) {
                return "and here one text is generated at a time";
            }
            if (options.structuredOutput() != null || options.fields().containsKey("response_format")) {
                return "and to run it here is not possible with structured output: every request would begin its grammar"
                        + " anew";
            }
            return "";
        }

        private void planParameters() {
            boolean server = stepwise == null;
            for (Map.Entry<String, Object> each : parameters.toMap().entrySet()) {
                String name = each.getKey();
                if (parameters.pipelineParameters().contains(name)) {
                    continue;
                }
                String stage = name + " " + each.getValue();
                if (!server) {
                    add(stage, Placement.CLIENT_SIDE, "applied here, token by token", true, "");
                    continue;
                }
                switch (name) {
                    case "max_tokens" ->
                        add(stage, Placement.DELEGATED, "cut to what the prompt leaves of the context", true, "");
                    case "stop" -> planStop(stage);
                    case "stop_regex", "max_time" -> clientSide(stage, "the server has none; scanned and cut here");
                    case "repetition_detection" -> planRepetition(stage);
                    case "seed" -> {
                        sampling.put(name, each.getValue());
                        String reason =
                                "the same distribution; the same draws only as far as the server repeats itself";
                        add(stage, Placement.DELEGATED, reason, false, "");
                    }
                    default -> {
                        sampling.put(name, each.getValue());
                        add(stage, Placement.DELEGATED, "sent as " + name, true, "");
                    }
                }
            }
        }

        private void clientSide(String stage, String reason) {
            add(stage, Placement.CLIENT_SIDE, reason, true, "the server may generate a few tokens more than are used");
        }

        private void planStop(String stage) {
            if (parameters.stop().size() > MAX_STOP_STRINGS) {
                clientSide(stage, "the server takes " + MAX_STOP_STRINGS + " at most; scanned and cut here");
            } else {
                sampling.put("stop", parameters.stop());
                add(stage, Placement.DELEGATED, "sent as stop, and looked for here, too", true, "");
            }
        }

        private void planRepetition(String stage) {
            RepetitionDetection detection = parameters.repetitionDetection();
            if (detection == null) {
                return;
            }
            if (!isBefore(0, 17)) {
                sampling.put("repetition_detection", repetition(detection));
                add(stage, Placement.DELEGATED, "sent as repetition_detection", true, "");
            } else if (hasIds || server.returnsTokenIds()) {
                clientSide(stage, "vLLM has it since 0.17; looked for here");
            } else {
                String reason = "vLLM has it since 0.17, and here it needs token ids, which the server does not return";
                add(stage, Placement.REJECTED, reason, false, "");
            }
        }

        private Map<String, Object> repetition(RepetitionDetection detection) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("max_pattern_size", detection.maxPatternSize());
            map.put("min_pattern_size", detection.minPatternSize());
            map.put("min_count", detection.minCount());
            return map;
        }

        private void planNegativePrompt() {
            String stage = "negative_prompt";
            if (stepwise == null) {
                add(stage, Placement.REJECTED, "no processor of the pipeline uses it", false, "");
            } else if (request.negativePrompt() instanceof Prompt.Chat) {
                add(stage, Placement.REJECTED, "give it as text or token ids: it is not rendered", false, "");
            } else {
                String reason = "continued with the same generated tokens";
                add(stage, Placement.STEPWISE, reason, true, "a second request for every token");
            }
        }

        private void planTexts() {
            if (texts > 1) {
                sampling.put("n", texts);
                add("n " + texts, Placement.DELEGATED, "sent as n", true, "");
            }
        }

        private int candidates(Stepwise how) {
            Tokenizer tokenizer = client.tokenizer();
            int vocabulary = tokenizer == null ? Integer.MAX_VALUE : tokenizer.size();
            return StepwiseView.candidates(how, server, vocabulary, route);
        }

        private void planLogprobs() {
            if (request.traceCandidates() > 0) {
                String reason =
                        "the server shows log-probabilities, not the logits of the vocabulary: ask for logprobs";
                add("trace", Placement.REJECTED, reason, false, "");
            }
            Integer logprobs = request.logprobs();
            if (logprobs == null) {
                return;
            }
            String stage = "logprobs " + logprobs;
            if (stepwise != null) {
                int listed = candidates(stepwise);
                String reason = logprobs <= listed
                        ? "those that the processors ran on"
                        : "those that the processors ran on, which are " + listed;
                add(stage, Placement.CLIENT_SIDE, reason, logprobs <= listed, "");
                return;
            }
            boolean whole = route == Route.COMPLETIONS || listsLikeliest();
            int asked = logprobs > 0 && whole && route != Route.COMPLETIONS ? logprobs + 1 : logprobs;
            sampling.put("logprobs", asked);
            Logprobs.Stage of = server.logprobsStage();
            String reason = of == null
                    ? "of a stage that the server does not tell; vLLM's default is the model's own"
                    : of == Logprobs.Stage.RAW_LOGPROBS || of == Logprobs.Stage.RAW_LOGITS
                            ? "the model's own, before any processor: not what the token was drawn with"
                            : "after all processors: what the token was drawn with";
            String missing = "; a drawn token that is not among the likeliest takes the place of the last of them,"
                    + " because the server lists no more";
            add(stage, Placement.DELEGATED, whole ? reason : reason + missing, whole, "");
        }

        private void planPrompt() {
            if (route == Route.CHAT
                    && request.prompt() instanceof Prompt.Chat chat
                    && !chat.tools().isEmpty()) {
                other.put(
                        "tools", chat.tools().stream().map(tool -> tool.toMap()).toList());
                String reason = "rendered by the server's template, read by its tool parser";
                add("tools", Placement.DELEGATED, reason, true, "");
            }
        }

        private void planOptions() {
            if (options.lora() != null) {
                add("lora " + options.lora(), Placement.DELEGATED, "sent as model", true, "");
            }
            option("priority", options.priority(), "heeded if the server runs --scheduling-policy priority");
            option("cache_salt", options.cacheSalt(), "sent as cache_salt");
            option("request_id", options.requestId(), "sent as X-Request-Id");
            option("session_id", options.sessionId(), "sent as X-Session-ID");
            StructuredOutput structured = options.structuredOutput();
            if (structured != null) {
                planStructured(structured);
            }
            planExtraArguments();
            options.fields().forEach(this::planField);
        }

        private void option(String name, @Nullable Object value, String reason) {
            if (value != null) {
                other.put(name, value);
                add(name + " " + value, Placement.DELEGATED, reason, true, "");
            }
        }

        private void planStructured(StructuredOutput structured) {
            if (stepwise != null) {
                String reason = "every step is a request, which would begin its grammar anew";
                add("structured_output", Placement.REJECTED, reason, false, "");
            } else if (!isBefore(0, 11)) {
                sampling.put("structured_outputs", constraint(structured, ""));
                add("structured_output", Placement.DELEGATED, "sent as structured_outputs", true, "");
            } else if (structured instanceof StructuredOutput.StructuralTag || route == Route.GENERATE) {
                String reason = "vLLM has it since 0.11, this is " + server.version();
                add("structured_output", Placement.REJECTED, reason, false, "");
            } else {
                sampling.putAll(constraint(structured, "guided_"));
                add("structured_output", Placement.DELEGATED, "sent as guided_..., its name before 0.11", true, "");
            }
        }

        private Map<String, Object> constraint(StructuredOutput structured, String prefix) {
            Map<String, Object> fields = new HashMap<>();
            if (structured instanceof StructuredOutput.JsonObject) {
                fields.put(prefix + "json_object", true);
            } else if (structured instanceof StructuredOutput.JsonSchema schema) {
                fields.put(prefix + "json", schema.schema());
            } else if (structured instanceof StructuredOutput.Regex regex) {
                fields.put(prefix + "regex", regex.pattern());
            } else if (structured instanceof StructuredOutput.Choice choice) {
                fields.put(prefix + "choice", choice.texts());
            } else if (structured instanceof StructuredOutput.Grammar grammar) {
                fields.put(prefix + "grammar", grammar.grammar());
            } else if (structured instanceof StructuredOutput.StructuralTag tag) {
                fields.put(prefix + "structural_tag", json(tag.tag()));
            }
            return fields;
        }

        private static String json(Map<String, ?> value) {
            try {
                return JSON.writeValueAsString(value);
            } catch (JsonProcessingException e) {
                throw new InvalidParametersException(
                        "structured output: the tag must be JSON: " + e.getOriginalMessage());
            }
        }

        private void planExtraArguments() {
            if (options.extraArguments().isEmpty()) {
                return;
            }
            sampling.put("vllm_xargs", options.extraArguments());
            options.extraArguments().forEach((name, value) -> {
                String reason = "sent in vllm_xargs for a processor that the server was started with, if it has one";
                add(name + " " + value, Placement.DELEGATED, reason, false, "");
            });
        }

        private void planField(String name, Object value) {
            if (name.equals(Stepwise.FIELD)) {
                return; // the processors' stages tell it
            }
            String stage = name + " " + value;
            BodyField field = BodyField.named(name);
            if (stepwise != null && (field == null || field.isSampling())) {
                add(stage, Placement.REJECTED, "it does not go with processors that run here", false, "");
                return;
            }
            if (field == null) {
                other.put(name, value);
                String reason = "sent as it is; the server ignores names that it does not know, without a word";
                add(stage, Placement.DELEGATED, reason, false, "");
            } else if (!field.isOn(route)) {
                String reason = "only " + field.routes() + " takes it, and this request goes to " + route.path();
                add(stage, Placement.REJECTED, reason, false, "");
            } else {
                (field.isSampling() ? sampling : other).put(name, value);
                boolean whole = field == BodyField.PROMPT_LOGPROBS
                        || field == BodyField.USE_BEAM_SEARCH && Boolean.TRUE.equals(value);
                streamed &= !whole;
                String reason = "sent as " + name + (whole ? "; the text comes as a whole, not as a stream" : "");
                add(stage, Placement.DELEGATED, reason, true, "");
            }
        }

        private SamplingParameters effective() {
            SamplingParameters.Builder effective = parameters.toBuilder();
            if (stepwise == null
                    && parameters.temperature() != null
                    && request.pipeline().sampler() != Sampler.GREEDY) {
                effective.temperature(Math.max(parameters.temperature(), 0.01));
            }
            if (!parameters.logitBias().isEmpty() && request.dialect() == Dialect.VLLM) {
                Map<Integer, Double> clamped = new TreeMap<>();
                parameters.logitBias().forEach((id, bias) -> clamped.put(id, Math.max(-100, Math.min(100, bias))));
                effective.logitBias(clamped);
            }
            return effective.build();
        }

        private void add(String stage, Placement placement, String reason, boolean exact, String cost) {
            stages.add(new Stage(stage, placement, reason, exact, cost));
        }
    }

    /** Nothing is left out, so that no default of the server's {@code generation_config.json} comes in. */
    static SortedMap<String, Object> neutral() {
        SortedMap<String, Object> fields = new TreeMap<>();
        fields.put("temperature", 1.0);
        fields.put("top_p", 1.0);
        fields.put("top_k", 0);
        fields.put("min_p", 0.0);
        fields.put("repetition_penalty", 1.0);
        fields.put("presence_penalty", 0.0);
        fields.put("frequency_penalty", 0.0);
        fields.put("min_tokens", 0);
        fields.put("ignore_eos", false);
        fields.put("skip_special_tokens", true);
        return fields;
    }
}
