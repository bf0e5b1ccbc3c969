package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenTableTest {
    @Test
    void table_isThatOfAMap() {
        TokenTable table = new TokenTable();
        for (int seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            int distinct = 1 + random.nextInt(seed % 3 == 0 ? 5_000 : 20);
            Map<Integer, Long> map = new LinkedHashMap<>();
            table.clear();
            for (int step = 0; step < 1_000; step++) {
                int tokenId = random.nextInt(distinct) * 7;
                long value = random.nextInt(9);
                if (random.nextBoolean()) {
                    assertThat(table.add(tokenId, value)).isEqualTo(!map.containsKey(tokenId));
                    map.merge(tokenId, value, Long::sum);
                } else {
                    table.raise(tokenId, value);
                    map.merge(tokenId, value, Math::max);
                }
            }
            Map<Integer, Long> entries = new LinkedHashMap<>();
            for (int i = 0; i < table.size(); i++) {
                entries.put(table.tokenId(i), table.value(i));
            }
            assertThat(entries).as("seed %d", seed).containsExactlyEntriesOf(map);
        }
    }
}
