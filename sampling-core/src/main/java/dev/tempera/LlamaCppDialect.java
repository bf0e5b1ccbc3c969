package dev.tempera;

import static dev.tempera.Parameter.*;

import dev.tempera.processor.AdaptiveP;
import dev.tempera.processor.Dry;
import dev.tempera.processor.DynamicTemperature;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.Infill;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Mirostat;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.processor.Xtc;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** {@code common_sampler_init} and {@code llama-sampler.cpp} of llama.cpp, August 2026. */
final class LlamaCppDialect implements DialectRules {
    private static final int DEFAULT_LAST_N = 64;
    private static final Set<String> HISTORY = Set.of("penalties", "dry");

    @Override
    public Set<Parameter> parameters() {
        return EnumSet.of(
                THINKING_TOKEN_BUDGET,
                LOGIT_BIAS,
                REPETITION_PENALTY,
                FREQUENCY_PENALTY,
                PRESENCE_PENALTY,
                PENALTY_LAST_N,
                DRY_MULTIPLIER,
                DRY_BASE,
                DRY_ALLOWED_LENGTH,
                DRY_PENALTY_LAST_N,
                DRY_SEQUENCE_BREAKERS,
                TOP_N_SIGMA,
                TOP_K,
                TYPICAL_P,
                TOP_P,
                MIN_P,
                XTC_PROBABILITY,
                XTC_THRESHOLD,
                MIN_KEEP,
                TEMPERATURE,
                DYNATEMP_RANGE,
                DYNATEMP_EXPONENT,
                MIROSTAT,
                MIROSTAT_TAU,
                MIROSTAT_ETA,
                ADAPTIVE_TARGET,
                ADAPTIVE_DECAY,
                SAMPLERS);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        checkRanges(p, c);
        c.addIf(THINKING_TOKEN_BUDGET, () -> DialectCompiler.thinking(p));
        c.addIf(LOGIT_BIAS, () -> new LogitBias(p.logitBias()));
        List<String> order = order(p);
        int history = 1 + lastOf(order, HISTORY::contains);
        int cuts = Math.max(history, cuts(order));
        order.subList(0, history).forEach(stage -> stage(stage, p, c));
        c.addExtensions(p);
        order.subList(history, cuts).forEach(stage -> stage(stage, p, c));
        c.addOwnCuts(p);
        List<String> temperature = order.subList(cuts, order.size());
        if (!temperature.isEmpty() && isGreedy(p) && !choosesByProbability(p)) {
            c.choose("temperature 0", () -> Sampler.GREEDY);
        } else {
            temperature.forEach(stage -> stage(stage, p, c));
            choose(p, c);
        }
    }

    /** Mirostat leaves nothing of the chain but the temperature. */
    private static List<String> order(SamplingParameters p) {
        if (p.integer(MIROSTAT, 0) > 0) {
            return List.of("temperature");
        }
        List<String> order = new ArrayList<>();
        List<String> given = p.samplers();
        order.addAll(given == null ? ChainOrder.DEFAULT : given);
        order.remove("adaptive_p");
        return order;
    }

    private static int lastOf(List<String> order, Predicate<String> stage) {
        int last = order.size() - 1;
        while (last >= 0 && !stage.test(order.get(last))) {
            last--;
        }
        return last;
    }

    /** How many stages stand before the temperature that ends the order. */
    private static int cuts(List<String> order) {
        return 1 + lastOf(order, stage -> !stage.equals("temperature"));
    }

    private static boolean isGreedy(SamplingParameters p) {
        return p.number(TEMPERATURE, 1) <= 0 && p.number(DYNATEMP_RANGE, 0) == 0;
    }

    private static void checkRanges(SamplingParameters p, DialectCompiler c) {
        double repetition = p.number(REPETITION_PENALTY, 1);
        c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0");
        for (Parameter share : List.of(TYPICAL_P, TOP_P, MIN_P, XTC_PROBABILITY)) {
            double value = p.number(share, 0);
            c.check(value, value <= 1, share.wireName(), "be in [0, 1]");
        }
        double target = p.number(ADAPTIVE_TARGET, -1);
        c.check(target, target <= 1, "adaptive_target", "be in [0, 1], or negative for off");
    }

    private static void stage(String stage, SamplingParameters p, DialectCompiler c) {
        int minKeep = Math.max(1, p.integer(MIN_KEEP, 1));
        switch (stage) {
            case "penalties" -> penalties(p, c);
            case "dry" -> dry(p, c);
            case "top_n_sigma" -> {
                double n = p.number(TOP_N_SIGMA, -1);
                if (n > 0) {
                    c.add(() -> c.has(DYNATEMP_RANGE) ? new MaskingCut(new TopNSigma(n)) : new TopNSigma(n));
                }
            }
            case "top_k" -> c.addIf(TOP_K, () -> new TopK(p.integer(TOP_K, 0), Ties.LOWEST_IDS));
            case "typ_p" ->
                c.addIf(TYPICAL_P, () -> new TypicalP(Math.min(1, p.number(TYPICAL_P, 1)), minKeep, Ties.LOWEST_IDS));
            case "top_p" -> c.addIf(TOP_P, () -> new TopP(Math.min(1, p.number(TOP_P, 1)), minKeep));
            case "min_p" -> c.addIf(MIN_P, () -> new MinP(Math.min(1, p.number(MIN_P, 0)), minKeep));
            case "xtc" ->
                c.addIf(
                        XTC_PROBABILITY,
                        () -> new Xtc(
                                Math.min(1, p.number(XTC_PROBABILITY, 0)),
                                Math.min(1, p.number(XTC_THRESHOLD, 0.1)),
                                masksOnly(p, c) ? 1 : minKeep,
                                List.of(),
                                false));
            case "temperature" -> temperature(p, c);
            case "infill" -> c.add(Infill::new);
            default -> {}
        }
    }

    /**
     * Whether nothing before xtc takes candidates away but top_n_sigma, which leaves what it masks among them: then there
     * are always min_keep of them.
     */
    private static boolean masksOnly(SamplingParameters p, DialectCompiler c) {
        List<String> order = order(p);
        List<String> before = order.subList(0, order.indexOf("xtc"));
        return c.has(TOP_N_SIGMA)
                && before.contains("top_n_sigma")
                && before.stream().noneMatch(stage -> removes(stage, c));
    }

    private static boolean removes(String stage, DialectCompiler c) {
        return switch (stage) {
            case "top_k" -> c.has(TOP_K);
            case "typ_p" -> c.has(TYPICAL_P);
            case "top_p" -> c.has(TOP_P);
            case "min_p" -> c.has(MIN_P);
            case "infill" -> true;
            default -> false;
        };
    }

    private static void penalties(SamplingParameters p, DialectCompiler c) {
        int lastN = p.integer(PENALTY_LAST_N, DEFAULT_LAST_N);
        int window = lastN == -1 ? Integer.MAX_VALUE : lastN;
        double repetition = p.number(REPETITION_PENALTY, 1);
        if (window > 0) {
            TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
            if (repetition > 0) { // else it has been reported
                c.addIf(REPETITION_PENALTY, () -> new RepetitionPenalty(repetition, window, scope));
            }
            c.addIf(FREQUENCY_PENALTY, () -> new FrequencyPenalty(p.number(FREQUENCY_PENALTY, 0), window, scope));
            c.addIf(PRESENCE_PENALTY, () -> new PresencePenalty(p.number(PRESENCE_PENALTY, 0), window, scope));
        }
    }

    private static void dry(SamplingParameters p, DialectCompiler c) {
        int lastN = p.integer(DRY_PENALTY_LAST_N, -1);
        double base = p.number(DRY_BASE, 1.75);
        if (lastN != 0 && base >= 1) {
            List<String> breakers = p.drySequenceBreakers();
            c.addIf(
                    DRY_MULTIPLIER,
                    () -> new Dry(
                            p.number(DRY_MULTIPLIER, 0),
                            base,
                            p.integer(DRY_ALLOWED_LENGTH, 2),
                            lastN == -1 ? Integer.MAX_VALUE : lastN,
                            List.of(),
                            breakers == null ? Dry.USUAL_BREAKERS : breakers));
        }
    }

    private static void temperature(SamplingParameters p, DialectCompiler c) {
        double temperature = p.number(TEMPERATURE, 1);
        double range = p.number(DYNATEMP_RANGE, 0);
        if (range > 0) {
            double low = Math.max(0, temperature - range);
            double exponent = p.number(DYNATEMP_EXPONENT, 1);
            c.add(() -> new DynamicTemperature(low, temperature + range, exponent, true));
        } else if (isGreedy(p)) {
            c.add(() -> new TopK(1, Ties.LOWEST_IDS));
        } else {
            c.addIf(TEMPERATURE, () -> new Temperature(temperature));
        }
    }

    private static boolean choosesByProbability(SamplingParameters p) {
        return p.integer(MIROSTAT, 0) > 0 || isAdaptive(p);
    }

    /** Here the target alone is enough; llama.cpp wants adaptive_p among the samplers, too. */
    private static boolean isAdaptive(SamplingParameters p) {
        List<String> order = p.samplers();
        return p.number(ADAPTIVE_TARGET, -1) >= 0 && (order == null || order.contains("adaptive_p"));
    }

    private static void choose(SamplingParameters p, DialectCompiler c) {
        double tau = p.number(MIROSTAT_TAU, 5);
        double eta = p.number(MIROSTAT_ETA, 0.1);
        switch (p.integer(MIROSTAT, 0)) {
            case 1 -> c.choose("mirostat", () -> new Mirostat(tau, eta));
            case 2 -> c.choose("mirostat", () -> new MirostatV2(tau, eta));
            default -> {
                if (isAdaptive(p)) {
                    double target = Math.min(1, p.number(ADAPTIVE_TARGET, -1));
                    double decay = Math.min(0.99, p.number(ADAPTIVE_DECAY, 0.9)); // llama.cpp clamps it, too
                    c.choose("adaptive_target", () -> new AdaptiveP(target, decay));
                }
            }
        }
    }

    @Override
    public Map<String, String> describe(SamplingParameters p) {
        Description d = new Description(p);
        int window = p.integer(PENALTY_LAST_N, DEFAULT_LAST_N);
        String counts = window == -1
                ? "counts the whole prompt and output"
                : window == 0 ? "switches it off" : "counts the last " + window + " tokens, prompt included";
        List<String> order = p.samplers();
        if (isGreedy(p) && order(p).contains("temperature")) {
            d.greedy();
        }
        boolean mirostat = p.integer(MIROSTAT, 0) > 0;
        ChainOrder.PARAMETERS.forEach((stage, names) -> {
            if (mirostat && !stage.equals("temperature")) {
                names.forEach(name -> d.drop(name.wireName(), "as mirostat replaces the chain"));
            } else if (!mirostat && order != null && !order.contains(stage)) {
                names.forEach(name -> d.drop(name.wireName(), "as samplers does not name it"));
            }
        });
        d.ifSet("top_k", "keeps exactly k tokens");
        d.ifSet("repetition_penalty", counts);
        d.ifSet("frequency_penalty", counts);
        d.ifSet("presence_penalty", counts);
        d.ifSet("typical_p", "keeps up to the token at which the sum exceeds it");
        d.order(stages(p));
        return d.clauses();
    }

    /** By the names of their parameters, in the order in which they run. */
    private static String[] stages(SamplingParameters p) {
        List<String> stages = order(p);
        int cuts = cuts(stages);
        stages = new ArrayList<>(stages);
        stages.replaceAll(stage -> stage.equals("typ_p") ? "typical_p" : stage);
        stages.addAll(cuts, List.of("smoothing_factor", "tfs", "top_a"));
        if (p.samplers() == null) { // they commute with the others where they stand by default
            stages.removeAll(List.of("top_k", "top_n_sigma"));
        }
        return stages.toArray(String[]::new);
    }
}
