package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchCommandTest {
    @Test
    void everyChainAndShape_isOneJsonLine() throws Exception {
        Run run = Run.of("bench", "--vocab=64,1000", "--steps=3", "--warm-up=0");
        assertThat(run.exitCode()).isZero();
        List<String> rows = new ArrayList<>();
        for (String line : run.out().lines().toList()) {
            JsonNode row = new ObjectMapper().readTree(line);
            // What takes less than half a tenth of a microsecond is printed as 0.
            assertThat(row.get("median_us").asDouble()).isNotNegative();
            rows.add(row.get("vocab").asInt() + " " + row.get("shape").asText() + " "
                    + row.get("chain").asText());
        }
        assertThat(rows)
                .hasSize(20)
                .contains("64 flat copy", "64 flat A", "1000 peaked B", "1000 flat C", "1000 peaked D")
                .doesNotHaveDuplicates();
    }

    @Test
    void warmUp_outOfRange_isRefused() {
        Run run = Run.of("bench", "--warm-up=-1");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("--warm-up must be from 0 to 60 seconds, got -1.0");
    }
}
