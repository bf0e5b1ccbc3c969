"""llama.cpp: its samplers through the C functions that llama-cpp-python offers, without a model."""

import ctypes
import math

import llama_cpp as lib
import numpy as np

from cases import chance, ids, pick, rounded

VERSION = f"llama.cpp of llama-cpp-python {lib.__version__}"
DIALECT = "llama-cpp"
THRESHOLDS = ["p", "n", "threshold", "tau"]
ORDER = ["logit_bias", "penalties", "dry", "top_n_sigma", "top_k", "typical", "top_p", "min_p", "xtc", "temp_ext"]


def parameters(rng, name, size, keep):
    return {
        "logit_bias": lambda: {"bias": [[i, rounded(rng, -20, 20)] for i in ids(rng, size, 5)]},
        "penalties": lambda: {
            "penalty_last_n": pick(rng, 64, 8, 4, 16), "penalty_repeat": pick(rng, 1.0, rounded(rng, 0.5, 2)),
            "penalty_freq": pick(rng, 0.0, rounded(rng, -2, 2)), "penalty_present": pick(rng, 0.0, rounded(rng, -2, 2))},
        # Breakers are given as text, which takes a vocabulary: none here.
        "dry": lambda: {
            "multiplier": rounded(rng, 0.1, 2), "base": rounded(rng, 1, 2.5), "allowed_length": int(rng.integers(1, 4)),
            "penalty_last_n": pick(rng, 256, 16, 5), "seq_breakers": []},
        "top_n_sigma": lambda: {"n": rounded(rng, 0.3, 4)},
        "top_k": lambda: {"k": int(rng.integers(1, size + 1))},
        "typical": lambda: {"p": pick(rng, rounded(rng, 0.05, 0.99), 0.9), "min_keep": keep},
        "top_p": lambda: {"p": pick(rng, rounded(rng, 0.01, 0.99), 0.9, 0.95), "min_keep": keep},
        "min_p": lambda: {"p": pick(rng, rounded(rng, 0.001, 1, 3), 0.05), "min_keep": keep},
        "xtc": lambda: {"probability": pick(rng, 1.0, 1.0, 0.0), "threshold": rounded(rng, 0.02, 0.6), "min_keep": keep},
        "temp_ext": lambda: {
            "temp": rounded(rng, 0.1, 2), "delta": pick(rng, 0.0, rounded(rng, 0.05, 1)),
            "exponent": pick(rng, 1.0, rounded(rng, 0.3, 2))},
        "temp": lambda: {"temp": pick(rng, rounded(rng, 0.05, 2), 0.0)},
        "mirostat": lambda: {"tau": rounded(rng, 0.5, 8), "eta": 0.1, "m": 100},
        "mirostat_v2": lambda: {"tau": rounded(rng, 0.5, 8), "eta": 0.1},
        "adaptive_p": lambda: {"target": rounded(rng, 0, 1), "decay": pick(rng, 0.0, 0.5, 0.9)},
    }[name]()


def generate(rng, size, prompt, generated):
    kind = rng.random()
    keep = 0 if chance(rng, 0.8) else int(rng.integers(1, 6))  # one for all stages of a chain, as in its `common`
    if kind < 0.5:
        name = pick(rng, *ORDER, "temp", "mirostat", "mirostat_v2", "adaptive_p")
        return name, parameters(rng, name, size, keep)
    if kind < 0.6:
        return "chain_mirostat_v2", {n: parameters(rng, n, size, keep) for n in ("temp", "mirostat_v2")}
    names = [n for n in ORDER if chance(rng, 0.45)]
    names = names or ["temp_ext"]
    return "chain", {n: parameters(rng, n, size, keep) for n in names}


def sampler(name, p, size):
    if name == "logit_bias":
        bias = (lib.llama_logit_bias * len(p["bias"]))(*[(i, b) for i, b in p["bias"]])
        return lib.llama_sampler_init_logit_bias(size, len(p["bias"]), bias)
    return {
        "penalties": lambda: lib.llama_sampler_init_penalties(
            size, p["penalty_last_n"], p["penalty_repeat"], p["penalty_freq"], p["penalty_present"]),
        "dry": lambda: lib.llama_sampler_init_dry(
            None, p["multiplier"], p["base"], p["allowed_length"], p["penalty_last_n"], None, 0),
        "top_n_sigma": lambda: lib.llama_sampler_init_top_n_sigma(p["n"]),
        "top_k": lambda: lib.llama_sampler_init_top_k(p["k"]),
        "typical": lambda: lib.llama_sampler_init_typical(p["p"], p["min_keep"]),
        "top_p": lambda: lib.llama_sampler_init_top_p(p["p"], p["min_keep"]),
        "min_p": lambda: lib.llama_sampler_init_min_p(p["p"], p["min_keep"]),
        "xtc": lambda: lib.llama_sampler_init_xtc(p["probability"], p["threshold"], p["min_keep"], 1),
        "temp_ext": lambda: lib.llama_sampler_init_temp_ext(p["temp"], p["delta"], p["exponent"]),
        "temp": lambda: lib.llama_sampler_init_temp(p["temp"]),
        "mirostat": lambda: lib.llama_sampler_init_mirostat(size, 1, p["tau"], p["eta"], p["m"]),
        "mirostat_v2": lambda: lib.llama_sampler_init_mirostat_v2(1, p["tau"], p["eta"]),
        "adaptive_p": lambda: lib.llama_sampler_init_adaptive_p(p["target"], p["decay"], 1),
    }[name]()


def dynamic_temperature_in_double(p, candidates):
    """temp_ext's formula in double: its float32 entropy loses most digits where one token is nearly certain."""
    x = np.array([candidates.data[i].logit for i in range(candidates.size)], dtype=np.float64)
    weights = np.exp(x - x.max())
    log_p = x - x.max() - np.log(weights.sum())
    entropy = -sum(math.exp(v) * v for v in log_p if v > -np.inf)
    low = max(0.0, p["temp"] - p["delta"])
    if 1 / weights.sum() == 1 and low == 0:
        raise ValueError("a temperature of nothing but rounding")
    t = low + (p["temp"] + p["delta"] - low) * (entropy / math.log(len(x))) ** p["exponent"]
    for i in range(candidates.size):
        candidates.data[i].logit = float(x[i] / t)


def zipf_count_overflows(p, x):
    """Whether mirostat's k is beyond int: the conversion is undefined in C, and keeps one token on x86-64."""
    x = np.sort(x.astype(np.float64))[::-1]
    log_p = x - x[0]
    if log_p[min(p["m"], len(x)) - 1] < -87:
        return True  # a float32 probability of 0 makes k NaN
    top = min(p["m"] - 1, len(x) - 1)
    t = np.log(np.arange(2, top + 2) / np.arange(1, top + 1))
    b = log_p[:top] - log_p[1 : top + 1]
    s = float((t * b).sum() / (t * t).sum()) if top > 0 else 0.0
    if s == 0:
        return True
    epsilon = s - 1
    with np.errstate(all="ignore"):
        base = epsilon * 2.0 ** (2 * p["tau"]) / (1 - float(len(x)) ** -epsilon)
        k = np.power(base, 1 / s)
    return not k < 2**31


def answer(case, logits, double=False):
    size = len(logits)
    data = (lib.llama_token_data * size)(*[(i, float(x), 0.0) for i, x in enumerate(logits)])
    candidates = lib.llama_token_data_array(data=data, size=size, selected=-1, sorted=False)
    name, params = case["processor"], case["params"]
    stages = params.items() if name.startswith("chain") else [(name, params)]
    for stage, own in stages:
        if stage == "typical" and any(candidates.data[i].logit == -np.inf for i in range(candidates.size)):
            raise ValueError("a masked candidate makes the entropy of llama.cpp's typical NaN")
        if stage == "typical":
            values = np.array([candidates.data[i].logit for i in range(candidates.size)], dtype=np.float32)
            if (np.exp(values - values.max()) == 0).any():
                raise ValueError("so does one whose float32 probability is 0")
        if stage == "mirostat" and zipf_count_overflows(own, logits):
            raise ValueError("the number of tokens that mirostat keeps is beyond int")
        if double and stage == "temp_ext" and own["delta"] > 0 and candidates.size > 1:
            dynamic_temperature_in_double(own, candidates)
            continue
        made = sampler(stage, own, size)
        for token in case["prompt"] + case["generated"]:
            lib.llama_sampler_accept(made, token)
        lib.llama_sampler_apply(made, ctypes.byref(candidates))
        lib.llama_sampler_free(made)
    out = np.full(size, -np.inf, dtype=np.float32)
    for i in range(candidates.size):
        out[candidates.data[i].id] = candidates.data[i].logit
    return out
