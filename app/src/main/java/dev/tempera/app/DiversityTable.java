package dev.tempera.app;

import dev.tempera.evaluation.Diversity;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** Figures of diversity by temperature, with a bar for the eye. */
record DiversityTable(Language language) {
    private static final int BAR = 20;
    private static final String EIGHTHS = " ▏▎▍▌▋▊▉";

    /** The figures of one temperature; self-BLEU is there, since there are at least two texts. */
    record Row(double temperature, Diversity diversity) {
        double selfBleu4() {
            return Objects.requireNonNull(diversity.selfBleu4());
        }
    }

    List<String> lines(List<Row> rows) {
        List<String> lines = new ArrayList<>();
        lines.add(line(language.say("温度", "T"), "distinct-1", "distinct-2", "", "self-BLEU-4"));
        for (Row row : rows) {
            lines.add(line(
                    DemoCommand.number(row.temperature),
                    figure(row.diversity.distinct1()),
                    figure(row.diversity.distinct2()),
                    bar(row.diversity.distinct2()),
                    figure(row.selfBleu4())));
        }
        lines.add(language.say(
                "distinct-n：不重复的 n 字词占比，越高越多样。", "distinct-n: share of different n-grams, higher is more diverse."));
        lines.add(language.say(
                "self-BLEU：各首之间的相似度，越低越多样。", "self-BLEU: likeness among the texts, lower is more diverse."));
        return lines;
    }

    private static String line(String temperature, String distinct1, String distinct2, String bar, String selfBleu4) {
        return DisplayWidth.pad(temperature, 6)
                + DisplayWidth.pad(distinct1, 12)
                + DisplayWidth.pad(distinct2, 12)
                + DisplayWidth.pad(bar, BAR + 2)
                + selfBleu4;
    }

    /** Eighths of a cell, so that small differences are seen. */
    static String bar(double share) {
        int eighths = (int) Math.round(Math.max(0, Math.min(1, share)) * BAR * 8);
        String whole = "█".repeat(eighths / 8);
        return eighths % 8 == 0 ? whole : whole + EIGHTHS.charAt(eighths % 8);
    }

    private static String figure(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }
}
