"""vLLM: its V1 sampler in pure PyTorch, one row, in its own order (penalties, min-p, temperature, top-k, top-p)."""

import torch
import vllm
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import LogitsProcessors
from vllm.v1.sample.logits_processor.builtin import MinPLogitsProcessor
from vllm.v1.sample.logits_processor.interface import BatchUpdate
from vllm.v1.sample.metadata import SamplingMetadata
from vllm.v1.sample.sampler import Sampler

import timing


class Config:
    class scheduler_config:
        max_num_seqs = 1


def metadata(history, greedy=False, penalties=False, top_k=None, top_p=None, min_p=None):
    processors = []
    if min_p is not None:
        processor = MinPLogitsProcessor(Config, torch.device("cpu"), False)
        processor.update_state(BatchUpdate(
            batch_size=1, removed=[], moved=[], added=[(0, SamplingParams(min_p=min_p), history, [])]))
        processors.append(processor)

    def row(value):
        return torch.tensor([value], dtype=torch.float32)

    return SamplingMetadata(
        temperature=None if greedy else row(0.7), all_greedy=greedy, all_random=not greedy,
        top_p=None if top_p is None else row(top_p),
        top_k=None if top_k is None else torch.tensor([top_k], dtype=torch.int32),
        generators={}, max_num_logprobs=None, no_penalties=not penalties,
        prompt_token_ids=torch.tensor([history]) if penalties else None,
        frequency_penalties=row(0.1), presence_penalties=row(0.1), repetition_penalties=row(1.1),
        output_token_ids=[list(history)], allowed_token_ids_mask=None, bad_words_token_ids={},
        logitsprocs=LogitsProcessors(processors))


@torch.inference_mode()
def main():
    torch.set_num_threads(1)
    torch.manual_seed(42)
    folder, steps = timing.arguments()
    sampler = Sampler()
    for shape in timing.SHAPES:
        inputs = timing.read(folder, shape)
        history = timing.history(inputs.shape[1])
        for name, own in {
            "A": metadata(history, penalties=True, top_k=40, top_p=0.9, min_p=0.05),
            "B": metadata(history, top_p=0.9),
            "C": metadata(history, greedy=True),
            "D": metadata(history),
        }.items():
            def step(logits):
                logits = sampler.apply_logits_processors(logits, own, False)
                return sampler.sample(logits, own)[0].item()

            timing.run(f"vLLM ({vllm.__version__}, torch {torch.__version__})", name, shape, inputs, steps,
                       lambda x: torch.from_numpy(x.copy()).unsqueeze(0), step)


main()
