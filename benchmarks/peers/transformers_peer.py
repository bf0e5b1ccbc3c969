"""transformers: its processors in the order of `generate` (temperature first), softmax, multinomial, item.

It has no frequency and no presence penalty: chain A has the repetition penalty alone.
"""

import torch
import transformers
from transformers.generation import logits_process as lp

import timing

CHAINS = {
    "A": lambda: [lp.RepetitionPenaltyLogitsProcessor(1.1), lp.TemperatureLogitsWarper(0.7), lp.TopKLogitsWarper(40),
                  lp.TopPLogitsWarper(0.9), lp.MinPLogitsWarper(0.05)],
    "B": lambda: [lp.TemperatureLogitsWarper(0.7), lp.TopPLogitsWarper(0.9)],
    "C": lambda: [],
    "D": lambda: [lp.TemperatureLogitsWarper(0.7)],
}


@torch.inference_mode()
def main():
    torch.set_num_threads(1)
    torch.manual_seed(42)
    folder, steps = timing.arguments()
    for shape in timing.SHAPES:
        inputs = timing.read(folder, shape)
        ids = torch.tensor([timing.history(inputs.shape[1])])
        for name, make in CHAINS.items():
            processors = lp.LogitsProcessorList(make())

            def step(scores):
                scores = processors(ids, scores)
                if name == "C":
                    return torch.argmax(scores, dim=-1).item()
                return torch.multinomial(torch.softmax(scores, dim=-1), num_samples=1).item()

            timing.run(f"transformers ({transformers.__version__}, torch {torch.__version__})", name, shape, inputs,
                       steps, lambda x: torch.from_numpy(x.copy()).unsqueeze(0), step)


main()
