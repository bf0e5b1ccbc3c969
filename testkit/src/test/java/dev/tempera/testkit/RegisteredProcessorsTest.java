package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingParameters;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every registered processor holds the contract, in each of its modes. */
class RegisteredProcessorsTest extends LogitsProcessorContract {
    static final List<ProcessorSpec> SPECS = List.of(
            ProcessorSpec.of("temperature", Map.of("value", 0.7)),
            ProcessorSpec.of("dynamic_temperature", Map.of("low", 0.4, "high", 1.6, "exponent", 0.5)),
            ProcessorSpec.of("dynamic_temperature", Map.of("low", 0, "high", 0)),
            ProcessorSpec.of("smoothing", Map.of("factor", 0.3)),
            ProcessorSpec.of("smoothing", Map.of("factor", 0.7, "curve", 3.5)),
            ProcessorSpec.of("skew", Map.of("skew", 0.8)),
            ProcessorSpec.of("skew", Map.of("skew", -1.5)),
            ProcessorSpec.of("softcap", Map.of("cap", 3)),
            ProcessorSpec.of("renormalize", Map.of()),
            ProcessorSpec.of("remove_invalid_values", Map.of()),
            ProcessorSpec.of(
                    "sequence_bias", Map.of("biases", List.of(List.of(List.of(3), 2), List.of(List.of(1, 2), -4.5)))),
            ProcessorSpec.of(
                    "sequence_bias",
                    Map.of("biases", List.of(List.of(List.of(7, 3, 11, 3, 9), 2)), "whole_sequence_must_fit", false)),
            ProcessorSpec.of("classifier_free_guidance", Map.of("scale", 1)),
            ProcessorSpec.of("exponential_decay_length_penalty", Map.of("start", 2, "factor", 1.5)),
            ProcessorSpec.of("top_k", Map.of("k", 5)),
            ProcessorSpec.of("top_k", Map.of("k", 5, "ties", "lowest_ids")),
            ProcessorSpec.of("top_p", Map.of("p", 0.8)),
            ProcessorSpec.of("top_p", Map.of("p", 0.1, "min_keep", 4)),
            ProcessorSpec.of("min_p", Map.of("p", 0.2)),
            ProcessorSpec.of("min_p", Map.of("p", 0.9, "min_keep", 4)),
            ProcessorSpec.of("top_a", Map.of("a", 0.4)),
            ProcessorSpec.of("top_a", Map.of("a", 1, "min_keep", 4)),
            ProcessorSpec.of("top_h", Map.of("h", 0.4)),
            ProcessorSpec.of("top_n_sigma", Map.of("n", 1)),
            ProcessorSpec.of("typical_p", Map.of("p", 0.5)),
            ProcessorSpec.of("typical_p", Map.of("p", 0.2, "min_keep", 3, "ties", "lowest_ids")),
            ProcessorSpec.of("epsilon_cutoff", Map.of("epsilon", 0.01)),
            ProcessorSpec.of("eta_cutoff", Map.of("epsilon", 0.01, "min_keep", 3)),
            ProcessorSpec.of("tail_free", Map.of("z", 0.9)),
            ProcessorSpec.of("tail_free", Map.of("z", 0.2, "min_keep", 3)),
            ProcessorSpec.of("infill", Map.of()),
            ProcessorSpec.of("p_less", Map.of()),
            ProcessorSpec.of("xtc", Map.of("probability", 0.5, "threshold", 0.05)),
            ProcessorSpec.of("xtc", Map.of("probability", 0.7, "threshold", 0.02, "marginalised", true)),
            ProcessorSpec.of("repetition_penalty", Map.of("penalty", 1.3)),
            ProcessorSpec.of("repetition_penalty", Map.of("penalty", 0.8, "window", 3, "scope", "generated")),
            ProcessorSpec.of("presence_penalty", Map.of("penalty", 0.5)),
            ProcessorSpec.of("presence_penalty", Map.of("penalty", 0.5, "window", 5, "scope", "prompt_and_generated")),
            ProcessorSpec.of("frequency_penalty", Map.of("penalty", 0.5)),
            ProcessorSpec.of("frequency_penalty", Map.of("penalty", -0.5, "window", 2)),
            ProcessorSpec.of("distinct_token_penalty", Map.of("alpha", 1.5)),
            ProcessorSpec.of("normalized_repetition_penalty", Map.of("penalty", 1.3)),
            ProcessorSpec.of(
                    "normalized_repetition_penalty", Map.of("penalty", 0.7, "window", 5, "scope", "generated")),
            ProcessorSpec.of("sloped_repetition_penalty", Map.of("penalty", 1.3, "slope", 0.5)),
            ProcessorSpec.of(
                    "sloped_repetition_penalty", Map.of("penalty", 0.7, "slope", 2, "window", 5, "scope", "generated")),
            ProcessorSpec.of(
                    "decaying_penalties",
                    Map.of(
                            "repetition_penalty",
                            1.2,
                            "presence_penalty",
                            0.3,
                            "frequency_penalty",
                            0.1,
                            "window",
                            4,
                            "decay",
                            6)),
            ProcessorSpec.of("decaying_penalties", Map.of("frequency_penalty", -0.4, "decay", 0, "scope", "generated")),
            ProcessorSpec.of("dry", Map.of("multiplier", 0.8, "allowed_length", 1)),
            ProcessorSpec.of(
                    "dry",
                    Map.of(
                            "multiplier",
                            2,
                            "base",
                            1.1,
                            "allowed_length",
                            0,
                            "window",
                            9,
                            "breaker_token_ids",
                            List.of(List.of(3), List.of(1, 2)))),
            ProcessorSpec.of("no_repeat_ngram", Map.of("ngram_size", 2)),
            ProcessorSpec.of("no_repeat_ngram", Map.of("ngram_size", 1, "window", 5, "exempt_token_ids", List.of(3))),
            ProcessorSpec.of("encoder_no_repeat_ngram", Map.of("ngram_size", 2)),
            ProcessorSpec.of("encoder_no_repeat_ngram", Map.of("ngram_size", 1, "input_token_ids", List.of(5, 9))),
            ProcessorSpec.of(
                    "exempt_tokens",
                    Map.of("token_ids", List.of(3, 7), "processor", Map.of("name", "frequency_penalty", "penalty", 1))),
            ProcessorSpec.of(
                    "exempt_tokens",
                    Map.of(
                            "token_ids",
                            List.of(150, 151),
                            "processor",
                            Map.of("name", "thinking_budget", "budget", 2, "start", List.of(3), "end", List.of(4)))),
            ProcessorSpec.of(
                    "exempt_tokens",
                    Map.of(
                            "token_ids",
                            List.of(2),
                            "processor",
                            Map.of(
                                    "name",
                                    "banned_strings",
                                    "strings",
                                    List.of("\u0001\u0002", "\u0004\u0005\u0006")))),
            ProcessorSpec.of("encoder_repetition_penalty", Map.of("penalty", 1.4)),
            ProcessorSpec.of("encoder_repetition_penalty", Map.of("penalty", 0.5, "input_token_ids", List.of(5, 9))),
            ProcessorSpec.of("logit_bias", Map.of("biases", Map.of("3", 2.5, "7", -100))),
            ProcessorSpec.of("allowed_tokens", Map.of("token_ids", allButTheFirstTen())),
            ProcessorSpec.of("bad_words", Map.of("token_ids", List.of(List.of(3), List.of(1, 2), List.of(4, 5, 6)))),
            ProcessorSpec.of(
                    "bad_words",
                    Map.of(
                            "token_ids",
                            List.of(List.of(1, 2), List.of(11, 3, 4)),
                            "scope",
                            "prompt_and_generated",
                            "whole_word_must_fit",
                            true)),
            ProcessorSpec.of(
                    "banned_strings", Map.of("strings", List.of("\u0001\u0002", "\u0003", "\u0004\u0005\u0006"))),
            ProcessorSpec.of(
                    "banned_strings", Map.of("patterns", List.of("[\u0001-\u0003]\u0004*\u0005"), "max_length", 5)),
            ProcessorSpec.of("thinking_budget", Map.of("budget", 2, "start", List.of(3), "end", List.of(4))),
            ProcessorSpec.of(
                    "thinking_budget",
                    Map.of("budget", 0, "start", List.of(11, 3), "end", List.of(20, 21), "message", "so")),
            ProcessorSpec.of("green_list_watermark", Map.of("key", 42, "context_width", 2)),
            ProcessorSpec.of("green_list_watermark", Map.of("key", 42, "context_width", 3, "seeding", "selfhash")),
            ProcessorSpec.of("min_tokens", Map.of("min_tokens", 6)),
            ProcessorSpec.of("min_tokens", Map.of("min_tokens", 9, "scope", "prompt_and_generated")),
            ProcessorSpec.of("suppress_tokens", Map.of("token_ids", List.of(3, 1, 8))),
            ProcessorSpec.of("begin_suppress_tokens", Map.of("token_ids", List.of(3, 1, 8), "begin_index", 2)),
            ProcessorSpec.of("forced_bos", Map.of("token_id", 20)),
            ProcessorSpec.of("forced_eos", Map.of("token_ids", List.of(20, 21, 22), "max_length", 8)),
            ProcessorSpec.of("forced_tokens", Map.of("token_ids", List.of(20, 21, 22, 23, 24, 25), "position", 1)));

    private static List<Integer> allButTheFirstTen() {
        List<Integer> ids = new ArrayList<>();
        for (int id = 10; id < 300; id++) {
            ids.add(id);
        }
        return ids;
    }

    /** Every row is a token, with a text for those that ask. */
    @Override
    protected Vocabulary vocabulary() {
        Vocabulary bytes = new ByteTokenizer().vocabulary(rows());
        return new Vocabulary() {
            @Override
            public int rows() {
                return bytes.rows();
            }

            @Override
            public boolean isToken(int tokenId) {
                return true;
            }

            @Override
            public int[] encode(String text) {
                return bytes.encode(text);
            }

            @Override
            public String decode(int... tokenIds) {
                return bytes.decode(tokenIds);
            }

            @Override
            public byte[] bytes(int tokenId) {
                return bytes.bytes(tokenId);
            }
        };
    }

    @Override
    protected List<LogitsProcessor> processors() {
        return SPECS.stream().map(LogitsProcessors::create).toList();
    }

    @Test
    void everyProcessor_survivesTheWayThroughParameters() {
        for (ProcessorSpec spec : SPECS) {
            SamplingParameters parameters =
                    SamplingParameters.builder().processors(List.of(spec)).build();

            SamplingParameters read = SamplingParameters.fromMap(parameters.toMap());

            assertThat(read).as("%s", spec).isEqualTo(parameters);
            assertThat(read.toPipeline().processors()).containsExactly(LogitsProcessors.create(spec));
        }
    }

    @Test
    void everyRegisteredProcessor_isTested() {
        assertThat(SPECS).extracting(ProcessorSpec::name).containsAll(LogitsProcessors.names());
    }
}
