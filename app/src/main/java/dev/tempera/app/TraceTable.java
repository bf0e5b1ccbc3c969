package dev.tempera.app;

import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.TraceStep;
import dev.tempera.trace.TracedStage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A trace on a screen of 80 columns: a line a token, more where many stages removed something. */
record TraceTable(Language language) {
    private static final int WIDTH = 80;
    private static final int TOKEN = 10;
    private static final int REMOVED = 20;

    List<String> lines(SamplingTrace trace) {
        List<String> lines = new ArrayList<>();
        lines.add(line(
                language.say("步", "step"),
                language.say("词元", "token"),
                language.say("名次", "rank"),
                language.say("原始", "raw"),
                language.say("处理后", "processed"),
                language.say("实际", "exact"),
                language.say("熵", "entropy"),
                language.say("去掉", "removed")));
        for (TraceStep step : trace.steps()) {
            add(step, lines);
        }
        double raw =
                trace.steps().stream().mapToDouble(TraceStep::rawLogProbability).sum();
        String total = language.say("全文对数概率：实际 ", "log-probability of the text: ")
                + number(trace.logProbability())
                + language.say("，按模型原始分布 ", " as drawn, ")
                + number(raw)
                + language.say("", " by the model's own logits")
                + takenBack(trace);
        String legend = language.say(
                "概率：原始为模型自身，处理后为采样器所得，实际为抽取所用；熵以纳特计。",
                "probabilities: raw the model's, processed the sampler's input, exact the draw's; entropy in nats");
        lines.addAll(DisplayWidth.wrap(total, WIDTH - 2)); // a mark may hang over
        lines.addAll(DisplayWidth.wrap(legend, WIDTH - 2));
        return lines;
    }

    private String takenBack(SamplingTrace trace) {
        int tokens = trace.header().takenBack();
        return tokens == 0
                ? ""
                : language.say("；另有 " + tokens + " 个词元抽出后又收回", "; " + tokens + " more were drawn and taken back");
    }

    private static void add(TraceStep step, List<String> lines) {
        List<String> removed = removed(step);
        lines.add(line(
                Integer.toString(step.position()),
                token(step.text(), step.tokenId()),
                Integer.toString(step.rank()),
                probability(step.rawLogProbability()),
                probability(step.processedLogProbability()),
                probability(step.exactLogProbability()),
                entropy(step.rawEntropy()) + "→" + entropy(step.exactEntropy()),
                removed.get(0)));
        for (String more : removed.subList(1, removed.size())) {
            lines.add(line("", "", "", "", "", "", "", more));
        }
    }

    /** Stages that removed something, as many on a line as fit. */
    private static List<String> removed(TraceStep step) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (TracedStage stage : step.stages()) {
            if (stage.removed() > 0) {
                String item = shortName(stage) + " " + stage.removed() + " " + share(stage.removedMass());
                if (line.length() > 0 && line.length() + 2 + item.length() > REMOVED) {
                    lines.add(line.toString());
                    line.setLength(0);
                }
                line.append(line.length() > 0 ? ", " : "").append(item);
            }
        }
        lines.add(line.toString());
        return lines;
    }

    static String shortName(TracedStage stage) {
        return stage.name().replaceFirst("(?s)\\[.*", "");
    }

    private static String line(
            String step,
            String token,
            String rank,
            String raw,
            String processed,
            String exact,
            String entropy,
            String removed) {
        return (right(step, 4)
                        + " "
                        + DisplayWidth.pad(token, TOKEN)
                        + right(rank, 5)
                        + right(raw, 8)
                        + right(processed, 10)
                        + right(exact, 8)
                        + right(entropy, 12)
                        + "  "
                        + removed)
                .stripTrailing();
    }

    static String right(String text, int width) {
        return " ".repeat(Math.max(0, width - DisplayWidth.of(text))) + text;
    }

    /** A token in at most ten cells, with what would move the cursor spelt out. */
    static String token(String text, int tokenId) {
        String shown = text.isEmpty() ? "#" + tokenId : visible(text);
        int width = 0;
        for (int i = 0; i < shown.length(); i += Character.charCount(shown.codePointAt(i))) {
            width += DisplayWidth.of(shown.codePointAt(i));
            if (width > TOKEN - 1) {
                return shown.substring(0, i) + "~";
            }
        }
        return shown;
    }

    private static String visible(String text) {
        StringBuilder visible = new StringBuilder();
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> visible.append("\\n");
                case '\r' -> visible.append("\\r");
                case '\t' -> visible.append("\\t");
                case ' ' -> visible.append('␣');
                default -> {
                    if (Character.getType(c) == Character.CONTROL) {
                        visible.append(String.format(Locale.ROOT, "\\u%04x", c));
                    } else {
                        visible.appendCodePoint(c);
                    }
                }
            }
        });
        return visible.toString();
    }

    /** From a logarithm. */
    static String probability(double logProbability) {
        double p = Math.exp(logProbability);
        return p == 0 || p >= 0.0001
                ? String.format(Locale.ROOT, p == 0 ? "%.0f" : "%.4f", p)
                : String.format(Locale.ROOT, "%.0e", p);
    }

    static String share(double mass) {
        return mass == 0 ? "0%" : mass < 0.001 ? "<0.1%" : String.format(Locale.ROOT, "%.1f%%", 100 * mass);
    }

    static String entropy(double nats) {
        return String.format(Locale.ROOT, "%.2f", nats);
    }

    static String number(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }
}
