package dev.tempera.app;

import static dev.tempera.app.TraceTable.probability;
import static dev.tempera.app.TraceTable.right;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.trace.Bounds;
import dev.tempera.trace.Reweighting;
import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.StepWhatIf;
import dev.tempera.trace.TextWhatIf;
import dev.tempera.trace.TraceStep;
import dev.tempera.trace.TracedCandidate;
import dev.tempera.trace.TracedStage;
import dev.tempera.trace.WhatIf;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tempera explain}: why a token was drawn, and what other parameters would have done; runs no model. */
@Command(
        name = "explain",
        description = "Say from a trace why a token was drawn, and what other parameters would have done.",
        sortOptions = false)
final class ExplainCommand implements Callable<Integer> {
    private static final int STEPS_SHOWN = 8;
    private static final int CANDIDATES_SHOWN = 12;

    private final Environment environment;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(
            arity = "1..*",
            paramLabel = "TRACE",
            description = "What tempera generate --trace-file wrote; several to weigh them all for other parameters.")
    private List<String> files = new ArrayList<>();

    @Option(names = "--step", paramLabel = "N", description = "One token, counted from 0; without it the whole text.")
    private @Nullable Integer step;

    @Option(
            names = "--dialect",
            paramLabel = "NAME",
            converter = DialectConverter.class,
            description = "Whose rules other parameters follow; without it those of the trace.")
    private @Nullable Dialect dialect;

    @Mixin
    private LanguageOption languageOption = new LanguageOption();

    private Language language = Language.EN;

    ExplainCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        language = languageOption.language(environment.variables());
        SamplingParameters given =
                SamplingOptions.read(spec.commandLine().getParseResult(), dialect == null ? Dialect.VLLM : dialect);
        for (String name : given.toMap().keySet()) {
            if (!given.pipelineParameters().contains(name)) {
                throw new InputException(SamplingOptions.optionName(name)
                        + " changes nothing here: explain asks about the text that is in the trace");
            }
        }
        boolean asks = dialect != null || !given.toMap().isEmpty();
        if (files.size() > 1) {
            weigh(given, asks);
            return 0;
        }
        SamplingTrace trace = read(files.get(0));
        if (step != null && (step < 0 || step >= trace.steps().size())) {
            throw new InputException(
                    "--step must be from 0 to " + (trace.steps().size() - 1) + ", got " + step);
        }
        TextWhatIf whatIf = null;
        if (asks) {
            SamplingPipeline pipeline = pipeline(trace, given);
            whatIf = told(() -> WhatIf.of(trace).under(pipeline));
        }
        if (step == null) {
            explainText(trace, whatIf);
        } else {
            StepWhatIf other = whatIf == null ? null : whatIf.steps().get(step);
            explainStep(trace, trace.steps().get(step), other, whatIf);
        }
        out().flush();
        return 0;
    }

    private static SamplingTrace read(String file) {
        SamplingTrace trace = TraceFile.read(file);
        if (trace.steps().isEmpty()) {
            throw new InputException(file + " has no step: nothing was generated");
        }
        return trace;
    }

    private void weigh(SamplingParameters given, boolean asks) {
        if (step != null) {
            throw new InputException("--step needs one trace, got " + files.size());
        }
        if (!asks) {
            throw new InputException(
                    "several traces are weighed for other parameters: give some, for instance --temperature 0.7");
        }
        List<SamplingTrace> traces = files.stream().map(ExplainCommand::read).toList();
        SamplingPipeline pipeline = pipeline(traces.get(0), given);
        Reweighting reweighting = told(() -> Reweighting.of(traces, pipeline));
        out().println(language.say("假如用 ", "under ") + withoutLogits(pipeline.toString()));
        for (int i = 0; i < files.size(); i++) {
            Bounds weight = reweighting.logWeights().get(i);
            out().println(language.say("对数权重 ", "log-weight ") + number(weight) + "  " + files.get(i));
        }
        Bounds bounds = reweighting.effectiveSampleSizeBounds();
        String size = String.format(
                Locale.ROOT, "%.1f (%.1f … %.1f)", reweighting.effectiveSampleSize(), bounds.lower(), bounds.upper());
        out().println(language.say(
                "这 " + traces.size() + " 篇相当于新抽的 " + size + " 篇",
                "these " + traces.size() + " texts are worth " + size + " drawn afresh"));
        out().flush();
    }

    private static String number(Bounds bounds) {
        return bounds.upper() == Double.NEGATIVE_INFINITY ? "-inf" : bounds.toString();
    }

    private SamplingPipeline pipeline(SamplingTrace trace, SamplingParameters given) {
        SamplingTrace.Header header = trace.header();
        Dialect rules = dialect == null ? header.dialect() : dialect;
        boolean compiled =
                names(header.parameters().toPipeline(header.dialect())).equals(header.pipeline());
        if (!compiled) {
            spec.commandLine()
                    .getErr()
                    .println("warning: the text was drawn by a pipeline of its own, which no parameters stand for;"
                            + " it is compared with the parameters given here alone");
        }
        SamplingParameters parameters = compiled ? header.parameters().overrideWith(given) : given;
        return SamplingOptions.asTyped(given.toMap().keySet(), () -> parameters.toPipeline(rules));
    }

    /** What a trace does not hold is told in terms of this program. */
    private static <T> T told(Supplier<T> question) {
        try {
            return question.get();
        } catch (InvalidParametersException e) {
            throw new InputException(String.join("; ", e.problems())
                    .replace("trace with more candidates", "trace with a larger --trace-candidates"));
        }
    }

    private static List<String> names(SamplingPipeline pipeline) {
        List<String> names = new ArrayList<>();
        for (LogitsProcessor processor : pipeline.processors()) {
            names.add(processor.toString());
        }
        names.add(pipeline.sampler().toString());
        return names;
    }

    private void explainText(SamplingTrace trace, @Nullable TextWhatIf whatIf) {
        SamplingTrace.Header header = trace.header();
        out().println(language.say("采样：", "drawn by: ") + oneLine(String.join(" -> ", header.pipeline())));
        out().println(language.say("种子：", "seed: ") + header.seed());
        out().println();
        new TraceTable(language).lines(trace).forEach(out()::println);
        if (whatIf == null) {
            return;
        }
        out().println();
        out().println(language.say("假如用 ", "under ") + withoutLogits(whatIf.pipeline()));
        Bounds total = whatIf.logProbability();
        out().println(language.say("同一全文的对数概率：", "log-probability of the same text: ")
                + number(total)
                + language.say("（实际为 ", " (as drawn ")
                + String.format(Locale.ROOT, "%.4f", trace.logProbability())
                + language.say("）", ")"));
        if (total.upper() == Double.NEGATIVE_INFINITY) {
            out().println(language.say(
                    "即同样的全文不会出现：下面概率为 0 的词元已被去掉。",
                    "that is, this text cannot come: tokens of probability 0 below are removed"));
        }
        out().println(language.say("最可能不同的步：", "steps that would most likely differ:"));
        out().println(whatIfLine(
                language.say("步", "step"),
                language.say("词元", "token"),
                language.say("实际概率", "p as drawn"),
                language.say("假如", "p under that"),
                language.say("同一随机数会抽出", "the same random number draws")));
        for (StepWhatIf other :
                whatIf.mostLikelyToDiffer().stream().limit(STEPS_SHOWN).toList()) {
            TraceStep drawn = trace.steps().get(other.position());
            out().println(whatIfLine(
                    Integer.toString(other.position()),
                    TraceTable.token(drawn.text(), drawn.tokenId()),
                    probability(drawn.exactLogProbability()),
                    probabilities(other.logProbability()),
                    redrawn(drawn, other.sameNumber())));
        }
    }

    private static String whatIfLine(String step, String token, String drawn, String other, String redrawn) {
        return (right(step, 4) + " " + DisplayWidth.pad(token, 11) + right(drawn, 11) + right(other, 18) + "  "
                        + redrawn)
                .stripTrailing();
    }

    private String redrawn(TraceStep drawn, OptionalInt tokenId) {
        if (tokenId.isEmpty()) {
            return language.say("不能确定", "not certain");
        }
        if (tokenId.getAsInt() == drawn.tokenId()) {
            return language.say("同一个", "the same");
        }
        return name(drawn, tokenId.getAsInt());
    }

    private static String name(TraceStep step, int tokenId) {
        return step.candidates().stream()
                .filter(candidate -> candidate.tokenId() == tokenId)
                .findFirst()
                .map(candidate -> TraceTable.token(candidate.text(), tokenId))
                .orElse("#" + tokenId);
    }

    private void explainStep(
            SamplingTrace trace, TraceStep drawn, @Nullable StepWhatIf other, @Nullable TextWhatIf whatIf) {
        String token = TraceTable.token(drawn.text(), drawn.tokenId());
        int all = drawn.candidates().size() + drawn.others().size() + drawn.tailSize();
        out().println(language.say(
                "第 " + drawn.position() + " 步：" + token + "（词元 " + drawn.tokenId() + "），" + all + " 个词元之一",
                "step " + drawn.position() + ": " + token + " (token " + drawn.tokenId() + "), one of " + all
                        + " tokens"));
        String before = trace.steps().subList(Math.max(0, drawn.position() - 12), drawn.position()).stream()
                .map(TraceStep::text)
                .collect(Collectors.joining());
        if (!before.isBlank()) {
            out().println(language.say("前文：", "after: ") + before.replaceAll("\\R", " "));
        }
        out().println(language.say("模型：", "model: ")
                + language.say("第 ", "rank ")
                + drawn.rank()
                + language.say(" 名，概率 ", ", p ")
                + probability(drawn.rawLogProbability())
                + language.say("，熵 ", ", entropy ")
                + TraceTable.entropy(drawn.rawEntropy()));
        for (int i = 0; i < drawn.stages().size(); i++) {
            TracedStage stage = drawn.stages().get(i);
            // The sampler is told of below, unless it shapes the candidates itself.
            if (i < drawn.stages().size() - 1 || stage.entropyAfter() != stage.entropyBefore()) {
                out().println("  -> " + oneLine(stage.name()));
                out().println("       " + what(stage));
            }
        }
        out().println(draw(trace, drawn, token));
        candidates(drawn, other);
        if (other != null && whatIf != null) {
            out().println();
            out().println(language.say("假如用 ", "under ") + withoutLogits(whatIf.pipeline()));
            out().println(language.say(
                    token + " 的概率为 " + probabilities(other.logProbability()) + "（实际 "
                            + probability(drawn.exactLogProbability()) + "）；同一随机数会抽出："
                            + redrawn(drawn, other.sameNumber()),
                    "p of " + token + " is " + probabilities(other.logProbability()) + " (as drawn "
                            + probability(drawn.exactLogProbability()) + "); the same random number draws: "
                            + redrawn(drawn, other.sameNumber())));
        }
    }

    private String what(TracedStage stage) {
        String entropy = TraceTable.entropy(stage.entropyBefore()) + " → " + TraceTable.entropy(stage.entropyAfter());
        if (stage.removed() == 0) {
            return language.say("没有去掉词元，熵 ", "removed nothing, entropy ") + entropy;
        }
        return language.say("去掉 ", "removed ")
                + stage.removed()
                + language.say(" 个，共占 ", ", together ")
                + TraceTable.share(stage.removedMass())
                + language.say("；留下 ", "; left ")
                + stage.kept()
                + language.say(" 个，熵 ", ", entropy ")
                + entropy;
    }

    private String draw(SamplingTrace trace, TraceStep drawn, String token) {
        String sampler = trace.header().pipeline().get(trace.header().pipeline().size() - 1);
        if (sampler.startsWith("Greedy")) {
            return language.say("取概率最大的词元，不用随机数。", "the largest is taken, without a random number");
        }
        String p = probability(drawn.exactLogProbability());
        if (!sampler.startsWith("Categorical")) {
            return language.say(sampler + " 抽出它，概率 " + p, sampler + " drew it, p " + p);
        }
        String from = String.format(Locale.ROOT, "%.6f", drawn.cumulativeFrom());
        String to = String.format(Locale.ROOT, "%.6f", drawn.cumulativeTo());
        String uniform = String.format(Locale.ROOT, "%.6f", drawn.uniform());
        return language.say(
                "随机数 " + uniform + "；按词元编号累计，" + token + " 占 " + from + " 到 " + to + "：\n于是抽出它（概率 " + p + "）。",
                "the random number was " + uniform + "; by rising token id, " + token + " covers " + from + " to " + to
                        + ":\nso it was drawn (p " + p + ")");
    }

    private void candidates(TraceStep drawn, @Nullable StepWhatIf other) {
        out().println();
        out().println(candidateLine(
                "",
                language.say("词元", "token"),
                language.say("原始", "raw"),
                language.say("实际", "exact"),
                other == null ? "" : language.say("假如", "under that"),
                language.say("被去掉于", "removed by")));
        int rank = 0;
        for (TracedCandidate candidate : drawn.candidates()) {
            rank++;
            if (rank > CANDIDATES_SHOWN && candidate.tokenId() != drawn.tokenId()) {
                continue;
            }
            out().println(candidateLine(
                    (candidate.tokenId() == drawn.tokenId() ? "*" : " ") + right(Integer.toString(rank), 3),
                    TraceTable.token(candidate.text(), candidate.tokenId()),
                    probability(drawn.rawLogProbability(candidate)),
                    probability(candidate.logProbability()),
                    other == null
                            ? ""
                            : probabilities(
                                    Objects.requireNonNull(other.candidates().get(candidate.tokenId()))),
                    candidate.removedBy() < 0
                            ? ""
                            : TraceTable.shortName(drawn.stages().get(candidate.removedBy()))));
        }
    }

    private static String candidateLine(
            String rank, String token, String raw, String exact, String other, String removedBy) {
        return (DisplayWidth.pad(rank, 4) + " " + DisplayWidth.pad(token, 11) + right(raw, 9) + right(exact, 9)
                        + (other.isEmpty() ? "" : right(other, 18)) + "  " + removedBy)
                .stripTrailing();
    }

    /** Both ends where they do not look the same. */
    private static String probabilities(Bounds logProbability) {
        String low = probability(logProbability.lower());
        String high = probability(logProbability.upper());
        return low.equals(high) ? low : low + "–" + high;
    }

    /** A stage may have texts with line breaks, as the breakers of DRY. */
    private static String oneLine(String stages) {
        return stages.replace("\n", "\\n");
    }

    private static String withoutLogits(String pipeline) {
        return pipeline.replaceFirst("^logits -> ", "");
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
