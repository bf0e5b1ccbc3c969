"""transformers: its logits processor classes, and its chain as `generate` builds it."""

import types
import warnings

import numpy as np
import torch
import transformers
from transformers import GenerationConfig, GenerationMixin
from transformers.generation import logits_process as lp

from cases import chance, ids, pick, rounded

VERSION = f"transformers {transformers.__version__}, torch {torch.__version__}"
DIALECT = "transformers"
THRESHOLDS = ["top_p", "min_p", "mass", "typical_p", "epsilon", "epsilon_cutoff", "eta_cutoff", "top_h"]

warnings.filterwarnings("ignore")


def sequences(rng, size, history):
    """Token sequences, some of which the history is about to complete."""
    result = []
    for _ in range(int(rng.integers(1, 6))):
        sequence = [int(t) for t in rng.integers(0, size, int(rng.integers(1, 4)))]
        if len(sequence) > 1 and chance(rng):
            tail = history[-(len(sequence) - 1):]
            sequence[: len(tail)] = tail
        if sequence not in result:
            result.append(sequence)
    return result


def biases(rng, size, history):
    return [[s, rounded(rng, -8, 8)] for s in sequences(rng, size, history)]


def single(rng, size, prompt, generated):
    history = prompt + generated
    length = len(history)
    processor = pick(
        rng, "TemperatureLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper", "MinPLogitsWarper",
        "TypicalLogitsWarper", "EpsilonLogitsWarper", "EtaLogitsWarper", "TopHLogitsWarper",
        "RepetitionPenaltyLogitsProcessor", "NoRepeatNGramLogitsProcessor", "NoBadWordsLogitsProcessor",
        "SequenceBiasLogitsProcessor", "MinNewTokensLengthLogitsProcessor", "MinLengthLogitsProcessor",
        "ExponentialDecayLengthPenalty", "SuppressTokensLogitsProcessor", "EncoderRepetitionPenaltyLogitsProcessor",
        "EncoderNoRepeatNGramLogitsProcessor", "SuppressTokensAtBeginLogitsProcessor", "ForcedEOSTokenLogitsProcessor",
        "ForcedBOSTokenLogitsProcessor", "LogitNormalization")
    keep = {} if chance(rng, 0.7) else {"min_tokens_to_keep": int(rng.integers(1, 6))}
    params = {
        "TemperatureLogitsWarper": lambda: {"temperature": rounded(rng, 0.05, 3)},
        "TopKLogitsWarper": lambda: {"top_k": int(rng.integers(1, 2 * size)), **keep},
        "TopPLogitsWarper": lambda: {"top_p": pick(rng, rounded(rng, 0.01, 0.99), 0.9, 0.95, 0.999), **keep},
        "MinPLogitsWarper": lambda: {"min_p": pick(rng, rounded(rng, 0, 1), 0.05, 0.01), **keep},
        "TypicalLogitsWarper": lambda: {"mass": pick(rng, rounded(rng, 0.01, 0.99), 0.9, 0.95), **keep},
        "EpsilonLogitsWarper": lambda: {"epsilon": rounded(rng, 0.0001, 0.05, 4), **keep},
        "EtaLogitsWarper": lambda: {"epsilon": rounded(rng, 0.0001, 0.05, 4), **keep},
        "TopHLogitsWarper": lambda: {"top_h": rounded(rng, 0.05, 0.99)},
        "RepetitionPenaltyLogitsProcessor": lambda: {
            "penalty": rounded(rng, 0.5, 2.5),
            **({"prompt_ignore_length": int(rng.integers(1, length + 1))} if chance(rng, 0.3) else {})},
        "NoRepeatNGramLogitsProcessor": lambda: {"ngram_size": int(rng.integers(1, 5))},
        "NoBadWordsLogitsProcessor": lambda: {
            "bad_words_ids": sequences(rng, size, history), "eos_token_id": int(rng.integers(size))},
        "SequenceBiasLogitsProcessor": lambda: {"sequence_bias": biases(rng, size, history)},
        "MinNewTokensLengthLogitsProcessor": lambda: {
            "prompt_length_to_skip": len(prompt), "min_new_tokens": int(rng.integers(1, 40)),
            "eos_token_id": ids(rng, size, 3)},
        "MinLengthLogitsProcessor": lambda: {
            "min_length": int(rng.integers(1, 60)), "eos_token_id": ids(rng, size, 3)},
        "ExponentialDecayLengthPenalty": lambda: {
            "exponential_decay_length_penalty": [int(rng.integers(0, 20)), rounded(rng, 1.01, 1.5)],
            "eos_token_id": ids(rng, size, 3), "input_ids_seq_length": len(prompt)},
        "SuppressTokensLogitsProcessor": lambda: {"suppress_tokens": ids(rng, size, 4)},
        "EncoderRepetitionPenaltyLogitsProcessor": lambda: {
            "penalty": rounded(rng, 0.5, 2.5), "encoder_input_ids": prompt},
        "EncoderNoRepeatNGramLogitsProcessor": lambda: {
            "encoder_ngram_size": int(rng.integers(1, 4)), "encoder_input_ids": prompt},
        "SuppressTokensAtBeginLogitsProcessor": lambda: {
            "begin_suppress_tokens": ids(rng, size, 4), "begin_index": length - int(rng.integers(0, 2))},
        "ForcedEOSTokenLogitsProcessor": lambda: {
            "max_length": length + int(rng.integers(1, 3)), "eos_token_id": ids(rng, size, 2)},
        "ForcedBOSTokenLogitsProcessor": lambda: {"bos_token_id": int(rng.integers(size))},
        "LogitNormalization": dict,
    }[processor]()
    return processor, params


def chain(rng, size, prompt, generated):
    history = prompt + generated
    params = {}

    def maybe(probability, **given):
        if chance(rng, probability):
            params.update(given)

    maybe(0.3, sequence_bias=biases(rng, size, history))
    maybe(0.4, repetition_penalty=rounded(rng, 0.8, 2))
    maybe(0.3, no_repeat_ngram_size=int(rng.integers(2, 4)))
    maybe(0.2, bad_words_ids=sequences(rng, size, history))
    maybe(0.3, min_new_tokens=int(rng.integers(1, 40)), eos_token_id=int(rng.integers(size)))
    maybe(0.2, suppress_tokens=ids(rng, size, 3))
    maybe(0.8, temperature=pick(rng, rounded(rng, 0.1, 2), 0.7, 1.5))
    maybe(0.1, top_h=rounded(rng, 0.2, 0.95))
    maybe(0.5, top_k=int(rng.integers(1, size + 1)))
    maybe(0.6, top_p=pick(rng, rounded(rng, 0.1, 0.99), 0.9, 0.95))
    maybe(0.4, min_p=pick(rng, 0.01, 0.05, 0.1, 0.2))
    maybe(0.2, typical_p=pick(rng, 0.5, 0.9, 0.95))
    maybe(0.2, epsilon_cutoff=pick(rng, 0.0005, 0.001, 0.01))
    maybe(0.15, eta_cutoff=pick(rng, 0.0005, 0.002, 0.01))
    maybe(0.1, renormalize_logits=True)
    return "chain", params


def generate(rng, size, prompt, generated):
    return (chain if chance(rng) else single)(rng, size, prompt, generated)


def built(case):
    params = dict(case["params"])
    if "encoder_input_ids" in params:
        params["encoder_input_ids"] = torch.tensor([params["encoder_input_ids"]])
    if case["processor"] != "chain":
        return lp.LogitsProcessorList([getattr(lp, case["processor"])(**params)])
    config = GenerationConfig(do_sample=True, **{"top_k": 0, **params})
    eos = params.get("eos_token_id")
    config._eos_token_tensor = None if eos is None else torch.tensor([eos])
    model = types.SimpleNamespace(
        config=types.SimpleNamespace(is_encoder_decoder=False),
        _merge_criteria_processor_list=lambda default, custom: default)
    return GenerationMixin._get_logits_processor(
        model, config, input_ids_seq_length=len(case["prompt"]), encoder_input_ids=None,
        prefix_allowed_tokens_fn=None, logits_processor=[])


def changed_since(case):
    """From 5.18 on a sequence that is one longer than the text counts; the dialect is that of 5.16 and 5.17."""
    params, length = case["params"], len(case["prompt"] + case["generated"])
    given = params.get("bad_words_ids", []) + [pair[0] for pair in params.get("sequence_bias", [])]
    return any(1 < len(sequence) == length + 1 for sequence in given)


def answer(case, logits, double=False):
    if changed_since(case):
        raise ValueError("transformers changed this rule")
    history = torch.tensor([case["prompt"] + case["generated"]])
    scores = torch.from_numpy(logits.astype(np.float64 if double else np.float32)).unsqueeze(0)
    return built(case)(history, scores)[0].numpy().astype(np.float32)
