package dev.tempera.app;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;

/** Diversity by temperature as a picture. Its words are English: a server seldom has Chinese fonts. */
final class DiversityChart {
    private DiversityChart() {}

    /** @throws InputException if the file cannot be written */
    static void write(List<DiversityTable.Row> rows, Path file) {
        XYChart chart = new XYChartBuilder()
                .width(900)
                .height(540)
                .title("Diversity by temperature")
                .xAxisTitle("temperature")
                .yAxisTitle("share")
                .build();
        chart.getStyler().setYAxisMin(0.0).setYAxisMax(1.0);
        add(chart, "distinct-1", rows, row -> row.diversity().distinct1());
        add(chart, "distinct-2", rows, row -> row.diversity().distinct2());
        add(chart, "self-BLEU-4", rows, DiversityTable.Row::selfBleu4);
        try (OutputStream out = Files.newOutputStream(file)) {
            ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", out);
        } catch (IOException e) {
            throw new InputException(
                    "--chart: cannot write " + file + " (" + e.getClass().getSimpleName() + ")");
        }
    }

    private static void add(
            XYChart chart, String name, List<DiversityTable.Row> rows, ToDoubleFunction<DiversityTable.Row> figure) {
        chart.addSeries(
                name,
                rows.stream().mapToDouble(DiversityTable.Row::temperature).toArray(),
                rows.stream().mapToDouble(figure).toArray());
    }
}
