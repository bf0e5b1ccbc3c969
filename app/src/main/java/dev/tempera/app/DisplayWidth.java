package dev.tempera.app;

import java.util.ArrayList;
import java.util.List;

/** Text measured in the cells of a terminal: a Chinese character takes two. */
final class DisplayWidth {
    private static final String NEVER_FIRST = "，。、；：？！）》」』】〕”’…,.;:?!)]}";
    private static final String CLAUSE_END = "，。；：？！,;";

    private DisplayWidth() {}

    static int of(String text) {
        return text.codePoints().map(DisplayWidth::of).sum();
    }

    /** East Asian wide and full-width characters by Unicode block; combining and control characters take no cell. */
    static int of(int codePoint) {
        if (codePoint < 0x300) {
            return codePoint < 0x20 || codePoint >= 0x7f && codePoint < 0xa0 ? 0 : 1;
        }
        switch (Character.getType(codePoint)) {
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT, Character.CONTROL -> {
                return 0;
            }
            default -> {}
        }
        boolean wide = codePoint >= 0x1100 && codePoint <= 0x115f
                || codePoint >= 0x2e80 && codePoint <= 0xa4cf && codePoint != 0x303f
                || codePoint >= 0xac00 && codePoint <= 0xd7a3
                || codePoint >= 0xf900 && codePoint <= 0xfaff
                || codePoint >= 0xfe30 && codePoint <= 0xfe6f
                || codePoint >= 0xff00 && codePoint <= 0xff60
                || codePoint >= 0xffe0 && codePoint <= 0xffe6
                || codePoint >= 0x1f300 && codePoint <= 0x1f64f
                || codePoint >= 0x1f900 && codePoint <= 0x1f9ff
                || codePoint >= 0x20000 && codePoint <= 0x3fffd;
        return wide ? 2 : 1;
    }

    /** The text with spaces up to the given width; as it is when it is wider. */
    static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - of(text)));
    }

    /**
     * Breaks text into lines of at most the given width, before a clause that no longer fits where there is one, so
     * that verses stay whole; else at spaces or between Chinese characters. A closing mark never begins a line: it may
     * hang over the width by its own two cells. Control characters are dropped.
     */
    static List<String> wrap(String text, int width) {
        List<String> lines = new ArrayList<>();
        for (String paragraph : text.strip().split("\\R")) {
            StringBuilder line = new StringBuilder();
            for (String clause : clauses(paragraph)) {
                if (line.length() > 0 && of(line + withoutMark(clause)) > width) {
                    lines.add(line.toString().stripTrailing());
                    line.setLength(0);
                }
                append(clause, line, width, lines);
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }

    /** Appends a clause, which may be longer than a line. */
    private static void append(String clause, StringBuilder line, int width, List<String> lines) {
        clause.codePoints()
                .filter(c -> Character.getType(c) != Character.CONTROL)
                .forEach(c -> {
                    boolean hangs = NEVER_FIRST.indexOf(c) >= 0 && of(line.toString()) + of(c) <= width + 2 || c == ' ';
                    if (of(line.toString()) + of(c) > width && !hangs) {
                        int space = line.lastIndexOf(" ");
                        // A word moves to the next line as a whole, unless it fills one alone.
                        String word = of(c) == 1 && space > 0 ? line.substring(space + 1) : "";
                        line.setLength(line.length() - word.length());
                        lines.add(line.toString().stripTrailing());
                        line.setLength(0);
                        line.append(word);
                    }
                    line.appendCodePoint(c);
                });
    }

    private static String withoutMark(String clause) {
        String stripped = clause.stripTrailing();
        int last = stripped.length() - 1;
        return last >= 0 && NEVER_FIRST.indexOf(stripped.charAt(last)) >= 0 ? stripped.substring(0, last) : stripped;
    }

    private static List<String> clauses(String text) {
        List<String> clauses = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            boolean ends = CLAUSE_END.indexOf(text.charAt(i)) >= 0
                    && (i + 1 == text.length() || NEVER_FIRST.indexOf(text.charAt(i + 1)) < 0);
            if (ends) {
                clauses.add(text.substring(start, i + 1));
                start = i + 1;
            }
        }
        if (start < text.length()) {
            clauses.add(text.substring(start));
        }
        return clauses;
    }
}
