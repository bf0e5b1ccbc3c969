import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Whether {@code tempera demo} did what it is for, told from what it printed in two runs with the same seed: verses at
 * several temperatures, figures of diversity that rise with the temperature, and the same verses again.
 */
public final class CheckDemo {
    private static final Pattern VERSE =
            Pattern.compile("(?<!\\p{IsHan})(?:\\p{IsHan}{5}|\\p{IsHan}{7})(?=[，。？！])");
    /** Temperature, distinct-1, distinct-2, a bar, self-BLEU. */
    private static final Pattern FIGURES =
            Pattern.compile("(?m)^\\s*(\\d+\\.\\d+)\\s+(\\d\\.\\d{3})\\s+(\\d\\.\\d{3})\\s.*?(\\d\\.\\d{3})\\s*$");

    private CheckDemo() {}

    public static void main(String[] arguments) throws Exception {
        String output = Files.readString(Path.of(arguments[0]));
        List<String> verses = verses(output);
        require(verses.size() >= 12, "at least 12 lines of 5 or 7 characters, found " + verses);
        require(new HashSet<>(verses).size() >= 8, "at least 8 different ones, found " + verses);

        List<double[]> rows = new ArrayList<>();
        for (MatchResult row : FIGURES.matcher(output).results().toList()) {
            rows.add(new double[] {number(row, 1), number(row, 2), number(row, 3), number(row, 4)});
        }
        require(rows.size() >= 3, "figures for at least 3 temperatures, found " + rows.size());
        double[] coldest = rows.get(0);
        double[] hottest = rows.get(rows.size() - 1);
        require(hottest[0] > coldest[0], "temperatures in ascending order");
        require(hottest[2] > coldest[2], "more different pairs of characters at the highest temperature");
        require(hottest[3] < coldest[3], "less likeness among the texts at the highest temperature");

        require(verses.equals(verses(Files.readString(Path.of(arguments[1])))), "the same verses in the second run");
        System.out.printf(
                "%d verses, %d temperatures, distinct-2 from %.3f to %.3f, self-BLEU from %.3f to %.3f, repeatable%n",
                verses.size(), rows.size(), coldest[2], hottest[2], coldest[3], hottest[3]);
    }

    private static List<String> verses(String output) {
        return VERSE.matcher(output).results().map(MatchResult::group).toList();
    }

    private static double number(MatchResult row, int group) {
        return Double.parseDouble(row.group(group));
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("the demo must show " + what);
        }
    }
}
