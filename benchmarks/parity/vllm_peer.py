"""vLLM: its V1 sampler in pure PyTorch, without a model."""

import numpy as np
import torch
import vllm
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import LogitsProcessors
from vllm.v1.sample.logits_processor.builtin import (
    LogitBiasLogitsProcessor, MinPLogitsProcessor, MinTokensLogitsProcessor)
from vllm.v1.sample.logits_processor.interface import BatchUpdate
from vllm.v1.sample.metadata import SamplingMetadata
from vllm.v1.sample.sampler import Sampler

from cases import chance, ids, pick, rounded
from transformers_peer import sequences

VERSION = f"vLLM {vllm.__version__} (V1 sampler, PyTorch path), torch {torch.__version__}"
DIALECT = "vllm"
THRESHOLDS = ["top_p", "min_p"]

SAMPLER = Sampler(logprobs_mode="processed_logits")


class Config:
    class scheduler_config:
        max_num_seqs = 1


def generate(rng, size, prompt, generated):
    params = {}

    def maybe(probability, **given):
        if chance(rng, probability):
            params.update(given)

    maybe(0.15, allowed_token_ids=ids(rng, size, size))
    # As inside vLLM, which has encoded the words.
    maybe(0.25, bad_words_token_ids=sequences(rng, size, generated or prompt))
    maybe(0.25, min_tokens=int(rng.integers(1, 40)), all_stop_token_ids=ids(rng, size, 2))
    maybe(0.3, logit_bias={str(i): rounded(rng, -20, 20) for i in ids(rng, size, 5)})
    maybe(0.4, repetition_penalty=rounded(rng, 0.5, 2.5))
    maybe(0.3, frequency_penalty=rounded(rng, -2, 2))
    maybe(0.3, presence_penalty=rounded(rng, -2, 2))
    maybe(0.9, temperature=pick(rng, rounded(rng, 0.01, 2), 0.7, 1.0, 1.5))
    maybe(0.3, min_p=pick(rng, rounded(rng, 0, 1), 0.01, 0.05))
    maybe(0.5, top_k=int(rng.integers(1, size + 1)))
    maybe(0.5, top_p=pick(rng, rounded(rng, 0.01, 0.99), 0.9, 0.95))
    return "chain", params


def processors(params, case):
    own = SamplingParams(
        min_p=params.get("min_p", 0.0),
        logit_bias={int(i): b for i, b in params["logit_bias"].items()} if "logit_bias" in params else None,
        min_tokens=params.get("min_tokens", 0),
        max_tokens=10_000)
    own._all_stop_token_ids = set(params.get("all_stop_token_ids", []))
    made = [kind(Config, torch.device("cpu"), False)
            for kind in (MinTokensLogitsProcessor, LogitBiasLogitsProcessor, MinPLogitsProcessor)]
    for each in made:
        each.update_state(BatchUpdate(
            batch_size=1, removed=[], moved=[], added=[(0, own, case["prompt"], case["generated"])]))
    return LogitsProcessors(made)


def answer(case, logits, double=False):
    params = case["params"]
    x = torch.from_numpy(logits.astype(np.float64 if double else np.float32)).unsqueeze(0)
    size = x.shape[1]
    allowed = None
    if "allowed_token_ids" in params:
        allowed = torch.ones((1, size), dtype=torch.bool)
        allowed[0, params["allowed_token_ids"]] = False

    def row(name, default):
        return torch.tensor([params.get(name, default)], dtype=torch.float32)

    metadata = SamplingMetadata(
        temperature=row("temperature", 1.0), all_greedy=False, all_random=True,
        top_p=row("top_p", 1.0) if "top_p" in params else None,
        top_k=torch.tensor([params["top_k"]], dtype=torch.int32) if "top_k" in params else None,
        generators={}, max_num_logprobs=0,
        no_penalties=not any(n.endswith("penalty") for n in params),
        prompt_token_ids=torch.tensor([case["prompt"]]),
        frequency_penalties=row("frequency_penalty", 0.0), presence_penalties=row("presence_penalty", 0.0),
        repetition_penalties=row("repetition_penalty", 1.0),
        output_token_ids=[case["generated"]], allowed_token_ids_mask=allowed,
        bad_words_token_ids={0: params["bad_words_token_ids"]} if "bad_words_token_ids" in params else {},
        logitsprocs=processors(params, case))
    x = SAMPLER.apply_logits_processors(x, metadata, False)
    if torch.isneginf(x).all():
        return x[0].numpy().astype(np.float32)  # nothing left to draw from
    _, processed = SAMPLER.sample(x, metadata)
    return processed[0].numpy().astype(np.float32)
