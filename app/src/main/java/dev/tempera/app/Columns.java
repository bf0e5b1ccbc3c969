package dev.tempera.app;

import java.util.ArrayList;
import java.util.List;

/** Titled texts side by side, in as many rows as the screen asks for; below each other when it is narrow. */
record Columns(int screen) {
    /** Seven characters and a mark: the longer of the two usual verse lengths. */
    private static final int LEAST_WIDTH = 16;

    private static final int MOST_WIDTH = 36;
    private static final int HANGING_MARK = 2;
    private static final int STACKED_WIDTH = 76;
    private static final String GAP = "  ";

    /** One text and what stands above it. */
    record Column(String title, String text) {}

    List<String> lines(List<Column> columns) {
        int fitting = (screen + GAP.length()) / (LEAST_WIDTH + GAP.length());
        if (fitting < 2) {
            return stacked(columns);
        }
        int rows = ceilDiv(columns.size(), fitting);
        int perRow = ceilDiv(columns.size(), rows);
        int width = Math.min(MOST_WIDTH, (screen - GAP.length() * (perRow - 1)) / perRow);
        List<String> lines = new ArrayList<>();
        for (int from = 0; from < columns.size(); from += perRow) {
            if (from > 0) {
                lines.add("");
            }
            lines.addAll(row(columns.subList(from, Math.min(from + perRow, columns.size())), width));
        }
        return lines;
    }

    private static List<String> row(List<Column> columns, int width) {
        List<List<String>> cells = new ArrayList<>();
        int height = 0;
        for (Column column : columns) {
            List<String> cell = new ArrayList<>();
            cell.add(column.title());
            cell.add("─".repeat(width));
            cell.addAll(DisplayWidth.wrap(column.text(), width - HANGING_MARK));
            cells.add(cell);
            height = Math.max(height, cell.size());
        }
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < height; i++) {
            StringBuilder line = new StringBuilder();
            for (List<String> cell : cells) {
                line.append(DisplayWidth.pad(i < cell.size() ? cell.get(i) : "", width))
                        .append(GAP);
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }

    private List<String> stacked(List<Column> columns) {
        List<String> lines = new ArrayList<>();
        int width = Math.max(20, screen == 0 ? STACKED_WIDTH : screen) - 2;
        for (Column column : columns) {
            lines.add((lines.isEmpty() ? "" : "\n") + column.title());
            for (String line : DisplayWidth.wrap(column.text(), width)) {
                lines.add("  " + line);
            }
        }
        return lines;
    }

    private static int ceilDiv(int a, int b) {
        return (a + b - 1) / b;
    }
}
