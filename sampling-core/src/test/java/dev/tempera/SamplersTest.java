package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.processor.TopK;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SamplersTest {
    /** No more options than must be given. */
    private static final Map<String, Map<String, Object>> LEAST = new TreeMap<>(Map.of(
            "greedy", Map.of(),
            "categorical", Map.of(),
            "gumbel_max", Map.of(),
            "mirostat", Map.of(),
            "mirostat_v2", Map.of(),
            "adaptive_p", Map.of("target", 0.4)));

    private static final String KNOWN = String.join(", ", LEAST.keySet());

    static Stream<Arguments> createdWithDefaults() {
        return Stream.of(
                Arguments.of("greedy", "Greedy[]"),
                Arguments.of("categorical", "Categorical[]"),
                Arguments.of("gumbel_max", "GumbelMax[]"),
                Arguments.of("mirostat", "Mirostat[tau=5.0, eta=0.1, m=100]"),
                Arguments.of("mirostat_v2", "MirostatV2[tau=5.0, eta=0.1]"),
                Arguments.of("adaptive_p", "AdaptiveP[target=0.4, decay=0.9]"));
    }

    @ParameterizedTest
    @MethodSource
    void createdWithDefaults(String name, String printed) {
        assertThat(create(name, LEAST.get(name))).hasToString(printed);
    }

    @Test
    void names_areTheStandardOnes() {
        assertThat(Samplers.names()).containsExactlyElementsOf(LEAST.keySet());
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(
                        "mirostat2",
                        Map.of(),
                        "no sampler named \"mirostat2\" (did you mean \"mirostat\"?); known: " + KNOWN
                                + ". A sampler from another jar needs that jar on the class path"),
                Arguments.of("greedy", Map.of("k", 1), "sampler \"greedy\" does not read option \"k\"; it has none"),
                Arguments.of(
                        "mirostat_v2",
                        Map.of("target", 3),
                        "sampler \"mirostat_v2\" does not read option \"target\"; it reads eta, tau"),
                Arguments.of("adaptive_p", Map.of(), "sampler \"adaptive_p\": target must be given"),
                Arguments.of(
                        "adaptive_p",
                        Map.of("target", 1.5),
                        "sampler \"adaptive_p\": target must be in [0, 1], or negative for none, got 1.5"),
                Arguments.of(
                        "adaptive_p",
                        Map.of("target", 0.5, "decay", 1),
                        "sampler \"adaptive_p\": decay must be in [0, 1), got 1.0"),
                Arguments.of(
                        "mirostat",
                        Map.of("tau", -1),
                        "sampler \"mirostat\": tau must be a finite number of at least 0 bits, got -1.0"),
                Arguments.of(
                        "mirostat_v2",
                        Map.of("eta", -0.1),
                        "sampler \"mirostat_v2\": eta must be a finite number of at least 0, got -0.1"),
                Arguments.of("mirostat", Map.of("m", 1), "sampler \"mirostat\": m must be at least 2 tokens, got 1"));
    }

    @ParameterizedTest(name = "{2}")
    @MethodSource
    void refused(String name, Map<String, Object> options, String message) {
        assertThatThrownBy(() -> create(name, options))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void provider_thatOffersNone_needNotSaySo() {
        LogitsProcessorProvider provider = Map::of;

        assertThat(provider.samplers()).isEmpty();
    }

    @Test
    void samplerOfferedTwice_namesBothProviders() {
        LogitsProcessorProvider one = new Offers("mine");
        List<LogitsProcessorProvider> providers = List.of(one, new Offers("mine"));

        assertThatThrownBy(() -> NamedFactories.of("sampler", "sampler", providers, LogitsProcessorProvider::samplers))
                .isInstanceOf(TemperaException.class)
                .hasMessage("two providers offer the sampler \"mine\": " + Offers.class.getName() + " and "
                        + Offers.class.getName());
    }

    @Test
    void everySamplerOfThePackage_isRegistered() throws IOException, URISyntaxException, ClassNotFoundException {
        List<Class<?>> registered = new ArrayList<>();
        for (String name : Samplers.names()) {
            registered.add(create(name, LEAST.get(name)).getClass());
        }
        Path classes = Path.of(
                TopK.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.list(classes.resolve("dev/tempera/processor"))) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString().replace(".class", "");
                Class<?> type = Class.forName("dev.tempera.processor." + name);
                if (Sampler.class.isAssignableFrom(type) && Modifier.isPublic(type.getModifiers())) {
                    assertThat(registered).contains(type);
                }
            }
        }
        assertThat(registered).doesNotHaveDuplicates();
    }

    @Test
    void everySamplerHasARowInTheDocs_withAllItsOptions() throws IOException {
        String docs = Files.readString(Docs.page("processors.md"));
        for (String name : Samplers.names()) {
            Options options = Options.of(LEAST.get(name));
            Samplers.factory(name).apply(options);
            List<String> rows = docs.lines()
                    .filter(line -> line.startsWith("| `" + name + "` |"))
                    .toList();
            assertThat(rows).as(name).hasSize(2);
            for (String option : options.asked()) {
                assertThat(rows.get(0)).contains("`" + option + "`");
            }
        }
    }

    private record Offers(String name) implements LogitsProcessorProvider {
        @Override
        public Map<String, Function<Options, LogitsProcessor>> processors() {
            return Map.of();
        }

        @Override
        public Map<String, Function<Options, Sampler>> samplers() {
            return Map.of(name, options -> Sampler.GREEDY);
        }
    }

    private static Sampler create(String name, Map<String, ?> options) {
        return Samplers.create(ProcessorSpec.of(name, options));
    }
}
