package dev.tempera.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.InvalidParametersException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DiversityTest {
    record Golden(String generated_by, List<Case> cases) {}

    /** @param nltk null where nltk would have to smooth */
    record Case(
            List<List<String>> texts,
            double distinct1,
            double distinct2,
            double sacrebleu,
            @Nullable Double nltk) {}

    static List<Case> goldenCases() throws IOException {
        try (InputStream in = DiversityTest.class.getResourceAsStream("diversity-golden.json")) {
            return new ObjectMapper().readValue(in, Golden.class).cases();
        }
    }

    @ParameterizedTest
    @MethodSource("goldenCases")
    void figures_equalThoseOfPython(Case golden) {
        assertThat(Diversity.distinct(golden.texts(), 1)).isCloseTo(golden.distinct1(), within(1e-12));
        assertThat(Diversity.distinct(golden.texts(), 2)).isCloseTo(golden.distinct2(), within(1e-12));
        assertThat(Diversity.selfBleu4(golden.texts())).isCloseTo(golden.sacrebleu(), within(1e-12));
        if (golden.nltk() != null) {
            assertThat(Diversity.selfBleu4(golden.texts())).isCloseTo(golden.nltk(), within(1e-12));
        }
    }

    @Test
    void distinct_byHand() {
        // a b a b | b c: words a b a b b c; pairs ab ba ab bc, none across the texts.
        List<List<String>> texts = List.of(List.of("a", "b", "a", "b"), List.of("b", "c"));
        assertThat(Diversity.distinct(texts, 1)).isEqualTo(3 / 6.0);
        assertThat(Diversity.distinct(texts, 2)).isEqualTo(3 / 4.0);
        assertThat(Diversity.distinct(texts, 5)).isZero();
        assertThatThrownBy(() -> Diversity.distinct(texts, 0))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("n must be at least 1, got 0");
    }

    @Test
    void selfBleu_byHand() {
        // Both ways: 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours match; same length.
        List<List<String>> texts = List.of(List.of("a", "b", "c", "d", "e"), List.of("a", "b", "c", "d", "f"));
        assertThat(Diversity.selfBleu4(texts))
                .isCloseTo(Math.pow(4 / 5.0 * 3 / 4 * 2 / 3 * 1 / 2, 0.25), within(1e-12));
        // "a" against "a b": precision 1, penalty exp(1 - 2/1). "a b" against "a": 1 of 2 words, 1 pair smoothed to
        // 1/2.
        List<List<String>> shorter = List.of(List.of("a"), List.of("a", "b"));
        assertThat(Diversity.selfBleu4(shorter))
                .isCloseTo((Math.exp(-1) + Math.sqrt(1 / 2.0 * 1 / 2.0)) / 2, within(1e-12));
    }

    @Test
    void of_sameTexts_isTheLeastDiversity() {
        Diversity diversity = Diversity.of(Collections.nCopies(10, "床前明月光，疑是地上霜。"));
        assertThat(diversity.texts()).isEqualTo(10);
        assertThat(diversity.selfBleu4()).isCloseTo(1, within(1e-12));
        assertThat(diversity.distinct1()).isEqualTo(12 / 120.0);
        assertThat(diversity.distinct2()).isEqualTo(11 / 110.0);
    }

    @Test
    void of_textsWithNothingInCommon_isTheMostDiversity() {
        assertThat(Diversity.of(List.of("春眠不觉晓", "白日依山尽"))).isEqualTo(new Diversity(2, 1, 1, 0.0));
    }

    @Test
    void of_fewOrEmptyTexts_hasNoSelfBleuOrZero() {
        assertThat(Diversity.of(List.of("春眠"))).isEqualTo(new Diversity(1, 1, 1, null));
        assertThat(Diversity.of(List.of())).isEqualTo(new Diversity(0, 0, 0, null));
        assertThat(Diversity.of(List.of("", ""))).isEqualTo(new Diversity(2, 0, 0, 0.0));
        assertThatThrownBy(() -> Diversity.selfBleu4(List.of(List.of("a"))))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("self-BLEU must be taken of at least 2 texts, got 1");
    }

    @Test
    void figures_stayInRange_andDoNotDependOnTheOrder() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            List<String> texts = new ArrayList<>();
            for (int i = 2 + random.nextInt(6); i > 0; i--) {
                texts.add(random.ints(random.nextInt(20), 'a', 'a' + 1 + random.nextInt(8))
                        .mapToObj(c -> (char) c + " ")
                        .reduce("", String::concat));
            }
            Diversity diversity = Diversity.of(texts);
            assertThat(List.of(diversity.distinct1(), diversity.distinct2(), diversity.selfBleu4()))
                    .as("seed %s", seed)
                    .allMatch(figure -> figure >= 0 && figure <= 1 + 1e-12);
            Collections.shuffle(texts, random);
            assertThat(Diversity.of(texts).selfBleu4()).isCloseTo(diversity.selfBleu4(), within(1e-12));
        }
    }
}
