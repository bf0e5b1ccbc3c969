package dev.tempera;

import static dev.tempera.Parameter.*;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What is allowed and yet probably not meant. Each has a section of its id in docs/warnings.md. */
enum Warning {
    GREEDY_CUTS {
        @Override
        @Nullable
        String find(Given p) {
            List<String> idle = p.set(
                    TOP_K, TOP_P, MIN_P, TOP_A, TFS, TOP_N_SIGMA, TOP_H, EPSILON_CUTOFF, ETA_CUTOFF, SMOOTHING_FACTOR);
            return p.isFrozen() && !p.has(DYNATEMP_RANGE) && !idle.isEmpty()
                    ? "temperature 0 decodes greedily: " + and(idle) + " " + have(idle) + " no effect"
                    : null;
        }
    },
    GREEDY_DYNATEMP {
        @Override
        @Nullable
        String find(Given p) {
            return p.isFrozen() && p.has(DYNATEMP_RANGE)
                    ? "temperature 0 is not greedy beside dynatemp_range " + p.of(DYNATEMP_RANGE)
                            + ": the temperature moves between 0 and " + p.of(DYNATEMP_RANGE)
                    : null;
        }
    },
    ONE_CANDIDATE {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(TEMPERATURE) && !p.isZero(TEMPERATURE) && p.number(TOP_K) == 1
                    ? "top_k 1 leaves one token: temperature " + p.of(TEMPERATURE) + " has no effect"
                    : null;
        }
    },
    TOP_P_NEAR_ZERO {
        @Override
        @Nullable
        String find(Given p) {
            return p.isGiven(TOP_P) && p.number(TOP_P) < 0.1
                    ? "top_p " + p.of(TOP_P) + " leaves one token at most positions; the field uses 0.8 to 0.95"
                    : null;
        }
    },
    MIN_P_HIGH {
        @Override
        @Nullable
        String find(Given p) {
            return p.number(MIN_P) > 0.5
                    ? "min_p " + p.of(MIN_P)
                            + " keeps only tokens nearly as probable as the best one; the field uses 0.02" + " to 0.2"
                    : null;
        }
    },
    HOT_WITHOUT_CUT {
        @Override
        @Nullable
        String find(Given p) {
            return p.number(TEMPERATURE) > 1.5 && !p.cuts()
                    ? "temperature " + p.of(TEMPERATURE)
                            + " without a cut draws often from the tail of the vocabulary; min_p"
                            + " 0.05 or top_p 0.9 keeps the text readable"
                    : null;
        }
    },
    TEMPERATURE_RAISED {
        @Override
        @Nullable
        String find(Given p) {
            double temperature = p.number(TEMPERATURE);
            return temperature >= 1e-5 && temperature < 0.01
                    ? "temperature " + p.of(TEMPERATURE) + " is raised to 0.01 by vLLM; 0 decodes greedily"
                    : null;
        }
    },
    MIN_P_BEFORE_TOP_P {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(MIN_P) && p.has(TOP_P) && !p.isZero(TEMPERATURE)
                    ? "min_p and top_p together depend on the order: vLLM cuts by min_p first, so top_p sees what is left;"
                            + " transformers and llama.cpp cut by top_p first"
                    : null;
        }
    },
    XTC_TEMPERATURE {
        @Override
        @Nullable
        String find(Given p) {
            List<String> order = p.parameters.samplers();
            boolean after = order != null && order.indexOf("temperature") < order.indexOf("xtc");
            return p.has(XTC_PROBABILITY) && p.has(TEMPERATURE) && !after
                    ? "xtc_threshold is compared with probabilities before temperature " + p.of(TEMPERATURE)
                            + " in llama.cpp; text-generation-webui and koboldcpp compare after it"
                    : null;
        }
    },
    XTC_THRESHOLD_HIGH {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(XTC_PROBABILITY) && p.number(XTC_THRESHOLD) > 0.5
                    ? "xtc_threshold " + p.of(XTC_THRESHOLD) + " switches XTC off: no two tokens can both be above 0.5"
                    : null;
        }
    },
    NO_EFFECT_ALONE {
        @Override
        @Nullable
        String find(Given p) {
            List<String> idle = new ArrayList<>();
            DETAILS.forEach((detail, of) -> {
                if (p.isGiven(detail) && of.stream().noneMatch(p::has)) {
                    idle.add(detail.wireName() + " has no effect without " + or(of));
                }
            });
            return idle.isEmpty() ? null : String.join("; ", idle);
        }
    },
    WINDOW_ZERO {
        @Override
        @Nullable
        String find(Given p) {
            List<String> idle = new ArrayList<>();
            if (p.isGiven(PENALTY_LAST_N) && p.isZero(PENALTY_LAST_N)) {
                idle.addAll(p.set(REPETITION_PENALTY, PRESENCE_PENALTY, FREQUENCY_PENALTY));
            }
            if (p.isGiven(DRY_PENALTY_LAST_N) && p.isZero(DRY_PENALTY_LAST_N)) {
                idle.addAll(p.set(DRY_MULTIPLIER));
            }
            return idle.isEmpty() ? null : "a window of 0 tokens switches " + and(idle) + " off";
        }
    },
    DRY_BASE_LOW {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(DRY_MULTIPLIER) && p.isGiven(DRY_BASE) && p.number(DRY_BASE) < 1
                    ? "dry_base " + p.of(DRY_BASE) + " is below 1 and switches DRY off"
                    : null;
        }
    },
    DRY_WHOLE_TEXT {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(DRY_MULTIPLIER) && !p.isGiven(DRY_PENALTY_LAST_N)
                    ? "dry_multiplier without dry_penalty_last_n looks at the whole text, prompt included: quotes from a long"
                            + " prompt are penalised, too"
                    : null;
        }
    },
    DRY_STRONG {
        @Override
        @Nullable
        String find(Given p) {
            return p.number(DRY_MULTIPLIER) > 3
                    ? "dry_multiplier " + p.of(DRY_MULTIPLIER) + " is unusually strong; the field uses 0.8"
                    : null;
        }
    },
    REPETITION_STRONG {
        @Override
        @Nullable
        String find(Given p) {
            return p.number(REPETITION_PENALTY) > 1.5
                    ? "repetition_penalty " + p.of(REPETITION_PENALTY)
                            + " is unusually strong; the field uses 1.0 to 1.3"
                    : null;
        }
    },
    REPETITION_BELOW_ONE {
        @Override
        @Nullable
        String find(Given p) {
            return p.isGiven(REPETITION_PENALTY) && p.number(REPETITION_PENALTY) < 1
                    ? "repetition_penalty " + p.of(REPETITION_PENALTY) + " is below 1 and encourages repetition"
                    : null;
        }
    },
    PENALTY_COUNTS_MARKUP {
        @Override
        @Nullable
        String find(Given p) {
            List<String> counting =
                    new ArrayList<>(p.number(REPETITION_PENALTY) > 1.1 ? List.of("repetition_penalty") : List.of());
            counting.addAll(p.number(DISTINCT_TOKEN_PENALTY) > 0 ? List.of("distinct_token_penalty") : List.of());
            return !counting.isEmpty() && !p.has(EXEMPT_MARKUP_FROM_PENALTIES)
                    ? and(counting) + (counting.size() == 1 ? " counts" : " count")
                            + " the chat markup of the prompt: the end of" + " the answer becomes less likely, too"
                    : null;
        }
    },
    PENALTY_LARGE {
        @Override
        @Nullable
        String find(Given p) {
            List<String> large = new ArrayList<>();
            for (Parameter penalty : List.of(PRESENCE_PENALTY, FREQUENCY_PENALTY)) {
                if (Math.abs(p.number(penalty)) > 2) {
                    large.add(penalty.wireName());
                }
            }
            return large.isEmpty() ? null : and(large) + " beyond [-2, 2] is refused by vLLM and unusual elsewhere";
        }
    },
    NGRAM_SHORT {
        @Override
        @Nullable
        String find(Given p) {
            int size = (int) p.number(NO_REPEAT_NGRAM_SIZE);
            return size == 1 || size == 2
                    ? "no_repeat_ngram_size " + size + " forbids "
                            + (size == 1 ? "every token" : "every pair of tokens")
                            + " to come twice; the field uses 3 or more"
                    : null;
        }
    },
    CUTOFF_LARGE {
        @Override
        @Nullable
        String find(Given p) {
            List<String> large = new ArrayList<>();
            for (Parameter cutoff : List.of(EPSILON_CUTOFF, ETA_CUTOFF)) {
                if (p.number(cutoff) > 0.1) {
                    large.add(cutoff.wireName());
                }
            }
            return large.isEmpty() ? null : and(large) + " above 0.1 leaves few tokens; the field uses 0.0003 to 0.004";
        }
    },
    BIAS_CLAMPED {
        @Override
        @Nullable
        String find(Given p) {
            List<String> clamped = new ArrayList<>();
            p.parameters.logitBias().forEach((tokenId, bias) -> {
                if (Math.abs(bias) > 100) {
                    clamped.add("logit_bias of token " + tokenId + " is " + bias);
                }
            });
            return clamped.isEmpty() ? null : String.join("; ", clamped) + "; vLLM clamps it to [-100, 100]";
        }
    },
    MIROSTAT_DROPS {
        @Override
        @Nullable
        String find(Given p) {
            List<String> dropped = p.set(
                    REPETITION_PENALTY,
                    PRESENCE_PENALTY,
                    FREQUENCY_PENALTY,
                    DRY_MULTIPLIER,
                    TOP_N_SIGMA,
                    TOP_K,
                    TYPICAL_P,
                    TOP_P,
                    MIN_P,
                    XTC_PROBABILITY,
                    DYNATEMP_RANGE,
                    ADAPTIVE_TARGET,
                    SAMPLERS);
            return p.has(MIROSTAT) && !dropped.isEmpty()
                    ? "mirostat replaces the chain in llama.cpp: " + and(dropped) + " " + have(dropped) + " no effect"
                    : null;
        }
    },
    MIROSTAT_TAU_UNUSUAL {
        @Override
        @Nullable
        String find(Given p) {
            double tau = p.number(MIROSTAT_TAU);
            return p.has(MIROSTAT) && p.isGiven(MIROSTAT_TAU) && (tau < 1 || tau > 10)
                    ? "mirostat_tau " + p.of(MIROSTAT_TAU) + " is unusual; the field uses 3 to 8"
                    : null;
        }
    },
    ADAPTIVE_WITHOUT_CUT {
        @Override
        @Nullable
        String find(Given p) {
            ProcessorSpec sampler = p.parameters.sampler();
            boolean byParameter = p.has(ADAPTIVE_TARGET) && p.number(ADAPTIVE_TARGET) >= 0 && !p.has(MIROSTAT);
            boolean byName = sampler != null
                    && sampler.name().equals("adaptive_p")
                    && p.parameters.processors().isEmpty();
            return (byParameter || byName) && !p.cuts()
                    ? (byName ? "adaptive_p" : "adaptive_target")
                            + " without a cut gives the whole vocabulary a chance; min_p 0.05 keeps the text readable"
                    : null;
        }
    },
    SAMPLERS_LEAVE_OUT {
        @Override
        @Nullable
        String find(Given p) {
            List<String> order = p.parameters.samplers();
            if (order == null || p.has(MIROSTAT)) {
                return null;
            }
            List<String> idle = new ArrayList<>();
            ChainOrder.PARAMETERS.forEach((stage, of) -> {
                if (!order.contains(stage)) {
                    of.stream().filter(p::has).forEach(parameter -> idle.add(parameter.wireName()));
                }
            });
            return idle.isEmpty() ? null : "samplers does not name the stage of " + and(idle) + ": no effect";
        }
    },
    RENORMALIZE_IDLE {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(RENORMALIZE_LOGITS)
                    ? "renormalize_logits changes no draw: it only moves all logits by one number"
                    : null;
        }
    },
    FORCED_BOS_IDLE {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(FORCED_BOS_TOKEN_ID)
                    ? "forced_bos_token_id acts after a prompt of one token alone, the start of a decoder beside an encoder"
                    : null;
        }
    },
    GUIDANCE_TOWARDS_NEGATIVE {
        @Override
        @Nullable
        String find(Given p) {
            return p.isGiven(GUIDANCE_SCALE) && p.number(GUIDANCE_SCALE) < 1
                    ? "guidance_scale " + p.of(GUIDANCE_SCALE) + " is below 1 and moves towards the negative prompt"
                    : null;
        }
    },
    BUDGET_BEYOND_LENGTH {
        @Override
        @Nullable
        String find(Given p) {
            Integer maxTokens = p.parameters.maxTokens();
            return p.has(THINKING_TOKEN_BUDGET) && maxTokens != null && p.number(THINKING_TOKEN_BUDGET) >= maxTokens
                    ? "thinking_token_budget " + p.of(THINKING_TOKEN_BUDGET) + " may use up max_tokens " + maxTokens
                            + ": no answer is left"
                    : null;
        }
    },
    MIN_BEYOND_MAX {
        @Override
        @Nullable
        String find(Given p) {
            Integer maxTokens = p.parameters.maxTokens();
            return maxTokens != null && p.number(MIN_TOKENS) > maxTokens
                    ? "min_tokens " + p.of(MIN_TOKENS) + " is above max_tokens " + maxTokens
                            + ": the text always ends by length"
                    : null;
        }
    },
    ENDLESS {
        @Override
        @Nullable
        String find(Given p) {
            return p.has(IGNORE_EOS) && p.parameters.maxTokens() == null && !p.isGiven(MAX_TIME)
                    ? "ignore_eos without max_tokens generates until the context is full"
                    : null;
        }
    };

    /** What says how another one works, and which ones that may be. */
    private static final Map<Parameter, List<Parameter>> DETAILS = details();

    private static Map<Parameter, List<Parameter>> details() {
        Map<Parameter, List<Parameter>> details = new EnumMap<>(Parameter.class);
        details.put(DYNATEMP_EXPONENT, List.of(DYNATEMP_RANGE));
        details.put(SMOOTHING_CURVE, List.of(SMOOTHING_FACTOR));
        details.put(XTC_THRESHOLD, List.of(XTC_PROBABILITY));
        details.put(MIN_KEEP, List.of(TYPICAL_P, TOP_P, MIN_P, XTC_PROBABILITY));
        details.put(PENALTY_LAST_N, List.of(REPETITION_PENALTY, PRESENCE_PENALTY, FREQUENCY_PENALTY));
        details.put(DRY_BASE, List.of(DRY_MULTIPLIER));
        details.put(DRY_ALLOWED_LENGTH, List.of(DRY_MULTIPLIER));
        details.put(DRY_PENALTY_LAST_N, List.of(DRY_MULTIPLIER));
        details.put(DRY_SEQUENCE_BREAKERS, List.of(DRY_MULTIPLIER));
        details.put(MIROSTAT_TAU, List.of(MIROSTAT));
        details.put(MIROSTAT_ETA, List.of(MIROSTAT));
        details.put(ADAPTIVE_DECAY, List.of(ADAPTIVE_TARGET));
        return details;
    }

    /** The words of the warning; null if there is nothing to warn of. */
    abstract @Nullable String find(Given p);

    /** Stable, in kebab-case. */
    String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String and(List<String> names) {
        int last = names.size() - 1;
        return last == 0 ? names.get(0) : String.join(", ", names.subList(0, last)) + " and " + names.get(last);
    }

    private static String or(List<Parameter> parameters) {
        List<String> names = new ArrayList<>();
        parameters.forEach(parameter -> names.add(parameter.wireName()));
        return and(names).replace(" and ", " or ");
    }

    private static String have(List<String> names) {
        return names.size() == 1 ? "has" : "have";
    }

    /** Parameters as a warning asks for them. */
    static final class Given {
        private static final List<Parameter> CUTS =
                List.of(TOP_K, TOP_P, MIN_P, TYPICAL_P, TOP_A, TFS, TOP_N_SIGMA, TOP_H, EPSILON_CUTOFF, ETA_CUTOFF);

        private final SamplingParameters parameters;
        private final Map<String, Object> values;

        Given(SamplingParameters parameters) {
            this.parameters = parameters;
            values = parameters.toMap();
        }

        /** Set to something that changes anything. */
        boolean has(Parameter parameter) {
            return parameters.effective().contains(parameter);
        }

        /** Set, maybe to what changes nothing. */
        boolean isGiven(Parameter parameter) {
            return values.containsKey(parameter.wireName());
        }

        boolean isZero(Parameter parameter) {
            return isGiven(parameter) && number(parameter) == 0;
        }

        /** Temperature 0, where {@code samplers} does not leave the temperature out. */
        boolean isFrozen() {
            List<String> order = parameters.samplers();
            return isZero(TEMPERATURE) && (order == null || has(MIROSTAT) || order.contains("temperature"));
        }

        /** NaN, which compares with nothing, if it is not set. */
        double number(Parameter parameter) {
            return parameters.number(parameter, Double.NaN);
        }

        /** As it was given. */
        @Nullable
        Object of(Parameter parameter) {
            return values.get(parameter.wireName());
        }

        /** Whether anything takes the tail of the vocabulary away. */
        boolean cuts() {
            return CUTS.stream().anyMatch(this::has);
        }

        /** The names of those that change anything. */
        List<String> set(Parameter... candidates) {
            List<String> names = new ArrayList<>();
            for (Parameter candidate : candidates) {
                if (has(candidate)) {
                    names.add(candidate.wireName());
                }
            }
            return names;
        }
    }
}
