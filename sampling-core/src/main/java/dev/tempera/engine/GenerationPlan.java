package dev.tempera.engine;

import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * How an engine will run every stage of a request: no stage is ever dropped in silence. Immutable and thread-safe.
 *
 * @param stages the processors in order, then the sampler, then the stop conditions and engine options
 */
public record GenerationPlan(List<Stage> stages) {
    private static final String ON_LOGITS = "runs in this JVM on the full logits";

    public GenerationPlan {
        stages = List.copyOf(stages);
    }

    /** Where a stage runs. */
    public enum Placement {
        /** In this JVM, on the full logits. */
        LOCAL,
        /** By the server, by its own parameter. */
        DELEGATED,
        /** By the client, on what the server sends: scan and cut. */
        CLIENT_SIDE,
        /** By the client, token by token over top-K log-probabilities: one request each. */
        STEPWISE,
        /** Not at all: the request will be refused. */
        REJECTED
    }

    /**
     * @param stage what it is, as it prints itself
     * @param reason why it runs there
     * @param exact whether the result is what the full logits would give
     * @param cost what it costs beyond plain decoding; empty if nothing to speak of
     */
    public record Stage(String stage, Placement placement, String reason, boolean exact, String cost) {}

    /**
     * The plan of an engine that has the full logits in this JVM, samples with a {@link dev.tempera.SequenceSampler} and
     * ends with a {@link Generation}: both do everything that can be asked of them. Engine options are rejected.
     *
     * @param providedLogits the names of further logits that the engine gives, see {@link dev.tempera.SamplingContext#logits}
     */
    public static GenerationPlan local(GenerationRequest request, Set<String> providedLogits) {
        List<Stage> stages = new ArrayList<>();
        for (LogitsProcessor processor : request.pipeline().processors()) {
            Set<String> missing = new TreeSet<>(processor.needsLogits());
            missing.removeAll(providedLogits);
            stages.add(
                    missing.isEmpty()
                            ? local(processor.toString(), ON_LOGITS)
                            : rejected(processor.toString(), "the engine does not give the logits " + missing));
        }
        stages.add(local(request.pipeline().sampler().toString(), ON_LOGITS));
        SamplingParameters parameters = request.parameters();
        List<String> inPipeline = parameters.pipelineParameters();
        parameters.toMap().forEach((name, value) -> {
            // min_tokens is the engine's part, too: it puts off stop strings.
            if (!inPipeline.contains(name) || name.equals("min_tokens")) {
                stages.add(local(name + " " + value, "applied in this JVM, token by token"));
            }
        });
        if (request.isGuided()) {
            stages.add(negativePrompt(request, providedLogits.contains(SamplingContext.NEGATIVE)));
        }
        for (String option : request.engineOptions().names()) {
            stages.add(rejected(option, "the local engine has no such option"));
        }
        return new GenerationPlan(stages);
    }

    private static Stage negativePrompt(GenerationRequest request, boolean provided) {
        if (!provided) {
            return rejected("negative_prompt", "the engine does not run a second prompt beside the first");
        }
        String reason = request.negativePrompt() == null
                ? "the last token of the prompt, as transformers where none is given"
                : "continued with the same generated tokens";
        return new Stage("negative_prompt", Placement.LOCAL, reason, true, "the model runs twice for every token");
    }

    private static Stage rejected(String stage, String reason) {
        return new Stage(stage, Placement.REJECTED, reason, false, "");
    }

    private static Stage local(String stage, String reason) {
        return new Stage(stage, Placement.LOCAL, reason, true, "");
    }

    /** The stages that cannot run. */
    public List<Stage> rejected() {
        return stages.stream().filter(s -> s.placement == Placement.REJECTED).toList();
    }

    /** @throws UnsupportedRequestException naming every rejected stage with its reason */
    public void requireRunnable() {
        if (!rejected().isEmpty()) {
            throw new UnsupportedRequestException(rejected());
        }
    }

    @Override
    public String toString() {
        return stages.stream().map(GenerationPlan::line).collect(Collectors.joining("\n"));
    }

    private static String line(Stage stage) {
        return stage.placement + " " + stage.stage
                + (stage.reason.isEmpty() ? "" : " (" + stage.reason + ")")
                + (stage.exact || stage.placement == Placement.REJECTED ? "" : "; not exact")
                + (stage.cost.isEmpty() ? "" : "; cost: " + stage.cost);
    }
}
