package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.processor.PrefixConstraint;
import dev.tempera.processor.TopK;
import dev.tempera.processor.Xtc;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class LogitsProcessorsTest {
    /** A registered name, no more options than must be given, and how the processor then prints itself. */
    private record Registered(String name, Map<String, Object> least, String printed) {}

    private static final List<Registered> TRANSFORMS = List.of(
            new Registered("temperature", Map.of("value", 0.7), "Temperature[value=0.7]"),
            new Registered(
                    "dynamic_temperature",
                    Map.of("low", 0.5, "high", 1.5),
                    "DynamicTemperature[low=0.5, high=1.5, exponent=1.0, countMasked=false]"),
            new Registered("smoothing", Map.of("factor", 0.3), "QuadraticSmoothing[factor=0.3, curve=1.0]"),
            new Registered("skew", Map.of("skew", 0.5), "Skew[skew=0.5]"),
            new Registered("softcap", Map.of("cap", 30), "Softcap[cap=30.0]"),
            new Registered("renormalize", Map.of(), "Renormalize[]"),
            new Registered("remove_invalid_values", Map.of(), "RemoveInvalidValues[liftMasked=false]"),
            new Registered("logit_bias", Map.of("biases", Map.of("1", 2)), "LogitBias[biases={1=2.0}]"),
            new Registered(
                    "sequence_bias",
                    Map.of("biases", List.of(List.of(List.of(1, 2), -3))),
                    "SequenceBias[biases={[1, 2]=-3.0}, wholeSequenceMustFit=true]"),
            new Registered("classifier_free_guidance", Map.of("scale", 1.5), "ClassifierFreeGuidance[scale=1.5]"),
            new Registered(
                    "exponential_decay_length_penalty",
                    Map.of("start", 6, "factor", 1.2),
                    "ExponentialDecayLengthPenalty[start=6, factor=1.2]"));

    private static final List<Registered> TRUNCATION = List.of(
            new Registered("top_k", Map.of("k", 5), "TopK[k=5, ties=KEEP_ALL]"),
            new Registered("top_p", Map.of("p", 0.9), "TopP[p=0.9, minKeep=1]"),
            new Registered("min_p", Map.of("p", 0.1), "MinP[p=0.1, minKeep=1]"),
            new Registered("top_a", Map.of("a", 0.2), "TopA[a=0.2, minKeep=1]"),
            new Registered("top_h", Map.of("h", 0.4), "TopH[h=0.4]"),
            new Registered("top_n_sigma", Map.of("n", 1.5), "TopNSigma[n=1.5, minKeep=1]"),
            new Registered("typical_p", Map.of("p", 0.9), "TypicalP[p=0.9, minKeep=1, ties=KEEP_ALL]"),
            new Registered("epsilon_cutoff", Map.of("epsilon", 0.01), "EpsilonCutoff[epsilon=0.01, minKeep=1]"),
            new Registered("eta_cutoff", Map.of("epsilon", 0.01), "EtaCutoff[epsilon=0.01, minKeep=1]"),
            new Registered("tail_free", Map.of("z", 0.95), "TailFree[z=0.95, minKeep=1]"),
            new Registered("infill", Map.of(), "Infill[]"),
            new Registered("p_less", Map.of(), "PLess[]"),
            new Registered(
                    "xtc",
                    Map.of("probability", 0.5, "threshold", 0.1),
                    "Xtc[probability=0.5, threshold=0.1, minKeep=1, protectedTokenIds=[], marginalised=false]"));

    private static final List<Registered> HISTORY = List.of(
            new Registered(
                    "repetition_penalty",
                    Map.of("penalty", 1.1),
                    "RepetitionPenalty[penalty=1.1, window=2147483647, scope=PROMPT_AND_GENERATED]"),
            new Registered(
                    "presence_penalty",
                    Map.of("penalty", 0.1),
                    "PresencePenalty[penalty=0.1, window=2147483647, scope=GENERATED]"),
            new Registered(
                    "frequency_penalty",
                    Map.of("penalty", 0.1),
                    "FrequencyPenalty[penalty=0.1, window=2147483647, scope=GENERATED]"),
            new Registered(
                    "distinct_token_penalty",
                    Map.of("alpha", 1),
                    "DistinctTokenPenalty[alpha=1.0, window=2147483647, scope=PROMPT_AND_GENERATED]"),
            new Registered(
                    "normalized_repetition_penalty",
                    Map.of("penalty", 1.1),
                    "NormalizedRepetitionPenalty[penalty=1.1, window=2147483647, scope=PROMPT_AND_GENERATED]"),
            new Registered(
                    "sloped_repetition_penalty",
                    Map.of("penalty", 1.1, "slope", 0.7),
                    "SlopedRepetitionPenalty[penalty=1.1, slope=0.7, window=2147483647, scope=PROMPT_AND_GENERATED]"),
            new Registered(
                    "decaying_penalties",
                    Map.of("decay", 9),
                    "DecayingPenalties[repetition=1.0, presence=0.0, frequency=0.0, window=2147483647, decay=9,"
                            + " scope=PROMPT_AND_GENERATED]"),
            new Registered(
                    "dry",
                    Map.of("multiplier", 0.8),
                    "Dry[multiplier=0.8, base=1.75, allowedLength=2, window=2147483647, breakerTokenIds=[],"
                            + " breakers=[]]"),
            new Registered(
                    "no_repeat_ngram",
                    Map.of("ngram_size", 3),
                    "NoRepeatNGram[ngramSize=3, window=2147483647, scope=PROMPT_AND_GENERATED, exemptTokenIds=[]]"),
            new Registered(
                    "encoder_no_repeat_ngram",
                    Map.of("ngram_size", 3),
                    "EncoderNoRepeatNGram[ngramSize=3, inputTokenIds=[]]"),
            new Registered(
                    "encoder_repetition_penalty",
                    Map.of("penalty", 1.2),
                    "EncoderRepetitionPenalty[penalty=1.2, inputTokenIds=[]]"),
            new Registered(
                    "exempt_tokens",
                    Map.of("token_ids", List.of(4), "processor", Map.of("name", "top_k", "k", 3)),
                    "ExemptTokens[tokenIds=[4], processor=TopK[k=3, ties=KEEP_ALL]]"));

    private static final List<Registered> CONSTRAINTS = List.of(
            new Registered("allowed_tokens", Map.of("token_ids", List.of(1)), "AllowedTokens[tokenIds=[1]]"),
            new Registered(
                    "bad_words",
                    Map.of("words", List.of("x")),
                    "BadWords[tokenIds=[], words=[x], scope=GENERATED, wholeWordMustFit=false]"),
            new Registered(
                    "banned_strings",
                    Map.of("strings", List.of("x")),
                    "BannedStrings[strings=[x], patterns=[], maxLength=100, caseSensitive=false]"),
            new Registered(
                    "thinking_budget",
                    Map.of("budget", 9),
                    "ThinkingBudget[budget=9, start=Marker[text=<think>, tokenIds=[]], end=Marker[text=</think>,"
                            + " tokenIds=[]], message=Marker[text=, tokenIds=[]]]"),
            new Registered(
                    "green_list_watermark",
                    Map.of("key", 7),
                    "GreenListWatermark[gamma=0.25, delta=2.0, key=7, contextWidth=1, seeding=LEFTHASH]"),
            new Registered("min_tokens", Map.of("min_tokens", 3), "MinTokens[minTokens=3, scope=GENERATED]"),
            new Registered("suppress_tokens", Map.of("token_ids", List.of(1)), "SuppressTokens[tokenIds=[1]]"),
            new Registered(
                    "begin_suppress_tokens",
                    Map.of("token_ids", List.of(1)),
                    "BeginSuppressTokens[tokenIds=[1], beginIndex=0, scope=GENERATED, skipsForcedBos=false]"),
            new Registered("forced_bos", Map.of("token_id", 1), "ForcedBos[tokenId=1, overMasks=false]"),
            new Registered(
                    "forced_eos",
                    Map.of("token_ids", List.of(1), "max_length", 9),
                    "ForcedEos[tokenIds=[1], maxLength=9, scope=PROMPT_AND_GENERATED, overMasks=false]"),
            new Registered("forced_tokens", Map.of("token_ids", List.of(1)), "ForcedTokens[tokenIds=[1], position=0]"));

    private static final Map<String, Registered> ALL =
            new TreeMap<>(Stream.of(TRANSFORMS, TRUNCATION, HISTORY, CONSTRAINTS)
                    .flatMap(List::stream)
                    .collect(Collectors.toMap(Registered::name, Function.identity())));

    private static final String KNOWN = String.join(", ", ALL.keySet());

    static Stream<Arguments> createdWithDefaults() {
        return ALL.values().stream().map(each -> Arguments.of(each.name(), each.printed()));
    }

    @ParameterizedTest
    @MethodSource
    void createdWithDefaults(String name, String printed) {
        assertThat(LogitsProcessors.create(ProcessorSpec.of(name, ALL.get(name).least())))
                .hasToString(printed);
    }

    @Test
    void create_allOptions_areRead() {
        assertThat(create("top_k", Map.of("k", 5, "ties", "lowest_ids"))).isEqualTo(new TopK(5, Ties.LOWEST_IDS));
        assertThat(create("frequency_penalty", Map.of("penalty", 1, "window", 9, "scope", "prompt_and_generated")))
                .hasToString("FrequencyPenalty[penalty=1.0, window=9, scope=PROMPT_AND_GENERATED]");
        assertThat(create("repetition_penalty", Map.of("penalty", 2, "window", -1)))
                .hasToString("RepetitionPenalty[penalty=2.0, window=2147483647, scope=PROMPT_AND_GENERATED]");
        assertThat(create(
                        "decaying_penalties",
                        Map.of(
                                "repetition_penalty",
                                1.5,
                                "presence_penalty",
                                0.25,
                                "frequency_penalty",
                                0.5,
                                "window",
                                64,
                                "decay",
                                9,
                                "scope",
                                "generated")))
                .hasToString("DecayingPenalties[repetition=1.5, presence=0.25, frequency=0.5, window=64, decay=9,"
                        + " scope=GENERATED]");
        assertThat(create(
                        "dry",
                        Map.of(
                                "multiplier",
                                1,
                                "base",
                                2,
                                "allowed_length",
                                0,
                                "window",
                                64,
                                "breaker_token_ids",
                                List.of(List.of(1, 2)),
                                "breakers",
                                List.of("x"))))
                .hasToString("Dry[multiplier=1.0, base=2.0, allowedLength=0, window=64, breakerTokenIds=[[1, 2]],"
                        + " breakers=[x]]");
        assertThat(create(
                        "no_repeat_ngram",
                        Map.of("ngram_size", 2, "window", 9, "scope", "generated", "exempt_token_ids", List.of(7, 3))))
                .hasToString("NoRepeatNGram[ngramSize=2, window=9, scope=GENERATED, exemptTokenIds=[3, 7]]");
        assertThat(create("encoder_no_repeat_ngram", Map.of("ngram_size", 2, "input_token_ids", List.of(7, 3, 7))))
                .hasToString("EncoderNoRepeatNGram[ngramSize=2, inputTokenIds=[7, 3, 7]]");
        assertThat(create("encoder_repetition_penalty", Map.of("penalty", 2, "input_token_ids", List.of(7, 3, 7))))
                .hasToString("EncoderRepetitionPenalty[penalty=2.0, inputTokenIds=[7, 3, 7]]");
        assertThat(create(
                        "xtc",
                        Map.of(
                                "probability",
                                1,
                                "threshold",
                                0.2,
                                "min_keep",
                                2,
                                "protected_token_ids",
                                List.of(5),
                                "marginalised",
                                true)))
                .isEqualTo(new Xtc(1, 0.2, 2, List.of(5), true));
        assertThat(create("banned_strings", Map.of("patterns", List.of("a+"), "max_length", 9, "case_sensitive", true)))
                .hasToString("BannedStrings[strings=[], patterns=[a+], maxLength=9, caseSensitive=true]");
        assertThat(create("thinking_budget", Map.of("budget", 0, "end", List.of(7, 8), "message", "Enough.")))
                .hasToString("ThinkingBudget[budget=0, start=Marker[text=<think>, tokenIds=[]], end=Marker[text=,"
                        + " tokenIds=[7, 8]], message=Marker[text=Enough., tokenIds=[]]]");
        assertThat(create(
                        "green_list_watermark",
                        Map.of(
                                "key",
                                Long.MIN_VALUE,
                                "gamma",
                                0.5,
                                "delta",
                                1,
                                "context_width",
                                3,
                                "seeding",
                                "selfhash")))
                .hasToString("GreenListWatermark[gamma=0.5, delta=1.0, key=-9223372036854775808, contextWidth=3,"
                        + " seeding=SELFHASH]");
        assertThat(create("bad_words", Map.of("token_ids", List.of(List.of(1, 2)), "whole_word_must_fit", true)))
                .hasToString("BadWords[tokenIds=[[1, 2]], words=[], scope=GENERATED, wholeWordMustFit=true]");
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(
                        "min-p",
                        Map.of(),
                        "no logits processor named \"min-p\" (did you mean \"min_p\"?); known: " + KNOWN
                                + ". A processor from another jar needs that jar on the class path"),
                Arguments.of(
                        "no_such",
                        Map.of(),
                        "no logits processor named \"no_such\"; known: " + KNOWN
                                + ". A processor from another jar needs that jar on the class path"),
                Arguments.of(
                        "top_k",
                        Map.of("k", 3, "kk", 4),
                        "processor \"top_k\" does not read option \"kk\"; it reads k, ties"),
                Arguments.of(
                        "min_p",
                        Map.of("q", 3),
                        "processor \"min_p\": p must be given; processor \"min_p\" does not read option \"q\"; it reads"
                                + " min_keep, p"),
                Arguments.of(
                        "min_p",
                        Map.of("p", "high", "min_keep", 2),
                        "processor \"min_p\": p must be a number, got \"high\""),
                Arguments.of("top_k", Map.of("k", 0), "processor \"top_k\": k must be at least 1, got 0"),
                Arguments.of("top_k", Map.of(), "processor \"top_k\": k must be given"),
                Arguments.of(
                        "top_k",
                        Map.of("k", 3, "ties", "none"),
                        "processor \"top_k\": ties must be one of keep_all, lowest_ids, got none"),
                Arguments.of(
                        "presence_penalty",
                        Map.of("penalty", 1, "scope", "prompt"),
                        "processor \"presence_penalty\": scope must be one of prompt_and_generated, generated, got"
                                + " prompt"),
                Arguments.of(
                        "presence_penalty",
                        Map.of("penalty", 1, "window", 0),
                        "processor \"presence_penalty\": window must be at least 1 token, got 0"),
                Arguments.of(
                        "logit_bias",
                        Map.of(),
                        "processor \"logit_bias\": biases must be an object of token ids and numbers, got none"),
                Arguments.of(
                        "logit_bias",
                        Map.of("biases", Map.of("cat", 1)),
                        "processor \"logit_bias\": biases must be an object of token ids and numbers, got cat: 1"),
                Arguments.of(
                        "sequence_bias",
                        Map.of("biases", Map.of("1", 2)),
                        "processor \"sequence_bias\": biases must be a list of pairs of token ids and a number, as"
                                + " [[[10, 45], -2.0]]"),
                Arguments.of(
                        "sequence_bias",
                        Map.of("biases", List.of(List.of(3, 2))),
                        "processor \"sequence_bias\": biases must be a list of pairs of token ids and a number, as"
                                + " [[[10, 45], -2.0]], got [3, 2]"),
                Arguments.of(
                        "sequence_bias",
                        Map.of("biases", List.of(List.of(List.of(3, 4), "much"))),
                        "processor \"sequence_bias\": the bias of [3, 4] must be a number, got much"),
                Arguments.of(
                        "renormalize",
                        Map.of("p", 1),
                        "processor \"renormalize\" does not read option \"p\"; it has none"),
                Arguments.of(
                        "exempt_tokens",
                        Map.of("token_ids", List.of(3)),
                        "processor \"exempt_tokens\": processor must be an object with the name and the options of a"
                                + " processor, got null"),
                Arguments.of(
                        "exempt_tokens",
                        Map.of("token_ids", List.of(3), "processor", Map.of("name", "top_k", "kk", 3)),
                        "processor \"exempt_tokens\": processor \"top_k\": k must be given; processor \"exempt_tokens\":"
                                + " processor \"top_k\" does not read option \"kk\"; it reads k, ties"),
                Arguments.of(
                        "thinking_budget",
                        Map.of("budget", 9, "start", 5),
                        "processor \"thinking_budget\": start must be a text or a list of token ids, got 5"),
                Arguments.of(
                        "green_list_watermark",
                        Map.of("key", 1.5),
                        "processor \"green_list_watermark\": key must be a whole number of 64 bits, got 1.5"),
                Arguments.of(
                        "green_list_watermark",
                        Map.of("key", Double.NaN),
                        "processor \"green_list_watermark\": key must be a whole number of 64 bits, got NaN"),
                Arguments.of(
                        "bad_words",
                        Map.of("token_ids", List.of(3)),
                        "processor \"bad_words\": token_ids must be a list, got 3"),
                Arguments.of(
                        "bad_words",
                        Map.of("token_ids", Collections.singletonList(null)),
                        "processor \"bad_words\": token_ids must hold no empty token sequence, got [[]]"),
                Arguments.of(
                        "bad_words", Map.of(), "processor \"bad_words\": words must name at least one word, got none"));
    }

    @ParameterizedTest(name = "{2}")
    @MethodSource
    void refused(String name, Map<String, Object> options, String message) {
        assertThatThrownBy(() -> create(name, options))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void spec_optionCalledName_isRefused() {
        assertThatThrownBy(() -> ProcessorSpec.of("top_k", Map.of("name", "x")))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("processor \"top_k\" must have no option \"name\", got {name=x}");
    }

    @Test
    void register_nameOfferedTwice_namesBothProviders() {
        List<LogitsProcessorProvider> providers = List.of(new One(), new Another());

        assertThatThrownBy(() -> LogitsProcessors.register(providers))
                .isInstanceOf(TemperaException.class)
                .hasMessage("two providers offer the processor \"mine\": " + One.class.getName() + " and "
                        + Another.class.getName());
    }

    @Test
    void register_malformedName_namesTheProvider() {
        LogitsProcessorProvider bad = () -> Map.of("My-Processor", options -> (logits, context) -> {});

        assertThatThrownBy(() -> LogitsProcessors.register(List.of(bad)))
                .isInstanceOf(TemperaException.class)
                .hasMessageEndingWith(
                        " offers a processor named \"My-Processor\"; names must match [a-z][a-z0-9_]{0,63}");
    }

    private static final class One implements LogitsProcessorProvider {
        @Override
        public Map<String, Function<Options, LogitsProcessor>> processors() {
            return Map.of("mine", options -> (logits, context) -> {});
        }
    }

    private static final class Another implements LogitsProcessorProvider {
        @Override
        public Map<String, Function<Options, LogitsProcessor>> processors() {
            return Map.of("mine", options -> (logits, context) -> {}, "other", options -> (logits, context) -> {});
        }
    }

    @Test
    void everyProcessorIsRegistered() throws IOException, URISyntaxException, ClassNotFoundException {
        List<Class<?>> registered = new ArrayList<>();
        for (String name : LogitsProcessors.names()) {
            registered.add(create(name, ALL.get(name).least()).getClass());
        }
        Path classes = Path.of(
                TopK.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<Class<?>> written = new ArrayList<>();
        try (Stream<Path> files = Files.list(classes.resolve("dev/tempera/processor"))) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString().replace(".class", "");
                Class<?> type = Class.forName("dev.tempera.processor." + name);
                if (LogitsProcessor.class.isAssignableFrom(type)
                        && Modifier.isPublic(type.getModifiers())
                        && type != PrefixConstraint.class) { // takes a function, which has no form in JSON
                    written.add(type);
                }
            }
        }
        assertThat(registered).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(written);
    }

    @Test
    void everyProcessorHasARowInTheDocs_withAllItsOptions() throws IOException {
        String docs = Files.readString(Docs.page("processors.md"));
        for (String name : LogitsProcessors.names()) {
            Options options = Options.of(ALL.get(name).least());
            LogitsProcessors.factory(name).apply(options);
            assertThat(docs.lines().filter(line -> line.startsWith("| `" + name + "` |")))
                    .as(name)
                    .anySatisfy(row ->
                            options.asked().forEach(option -> assertThat(row).contains(option)));
        }
    }

    private static LogitsProcessor create(String name, Map<String, ?> options) {
        return LogitsProcessors.create(ProcessorSpec.of(name, options));
    }
}
