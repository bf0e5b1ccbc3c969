package dev.tempera.tokenizer;

/**
 * Jinja's {@code lstrip_blocks} and {@code trim_blocks}, done on the source: a block or comment that begins its line
 * loses the blanks before it, and every block or comment the line end after it; {@code +} beside the percent sign keeps
 * them. jinjava has both options, but loses a blank between an expression and a block, too.
 */
final class BlockWhitespace {
    private final String source;
    private final StringBuilder out = new StringBuilder();

    private BlockWhitespace(String source) {
        this.source = source;
    }

    /** The source for a Jinja without those options, which also keeps its last line end: Jinja drops one here. */
    static String strip(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        return new BlockWhitespace(source).strip();
    }

    private String strip() {
        int position = 0;
        while (position < source.length()) {
            int brace = nextTag(position);
            if (brace < 0) {
                break;
            }
            out.append(source, position, brace);
            position = source.charAt(brace + 1) == '{' ? copyExpression(brace) : copyBlock(brace);
        }
        return out.append(source.substring(position)).toString();
    }

    /** Where the next <code>{{</code>, <code>{%</code> or <code>{#</code> begins, or -1. */
    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private int copyExpression(int start) {
        int end = end(start, "}}");
        out.append(source, start, end);
        return end;
    }

    private int copyBlock(int start) {
        boolean comment = source.charAt(start + 1) == '#';
        int end = comment ? endOfComment(start) : end(start, "%}");
        boolean keepBefore = start + 2 < source.length() && source.charAt(start + 2) == '+';
        boolean keepAfter = end - 3 > start + 1 && source.charAt(end - 3) == '+';
        if (!keepBefore) {
            stripBlanks(start);
        }
        out.append(source, start, start + 2)
                .append(source, start + (keepBefore ? 3 : 2), end - (keepAfter ? 3 : 2))
                .append(source, end - 2, end);
        return !keepAfter && end < source.length() && source.charAt(end) == '\n' ? end + 1 : end;
    }

    /** Takes back the blanks from the line's beginning, if there is nothing else on the line so far. */
    private void stripBlanks(int tag) {
        int start = tag;
        while (start > 0 && (source.charAt(start - 1) == ' ' || source.charAt(start - 1) == '\t')) {
            start--;
        }
        if (start == 0 || source.charAt(start - 1) == '\n') {
            out.setLength(out.length() - (tag - start));
        }
    }

    private int endOfComment(int start) {
        int end = source.indexOf("#}", start + 2);
        return end < 0 ? source.length() : end + 2;
    }

    /** Behind the closing mark; one within a string closes nothing. */
    private int end(int start, String close) {
        char quote = 0;
        for (int i = start + 2; i < source.length(); i++) {
            char c = source.charAt(i);
            if (quote != 0) {
                if (c == '\\') {
                    i++;
                } else if (c == quote) {
                    quote = 0;
                }
            } else if (c == '\'' || c == '"') {
                quote = c;
            } else if (source.startsWith(close, i)) {
                return i + 2;
            }
        }
        return source.length();
    }
}
