"""What transformers computes on this checkpoint, for other engines to be tested against.

    python golden.py --model ../src/main/resources/dev/tempera/samplemodel/model --work work \
        --out ../../engine-djl/src/test/resources/dev/tempera/djl/sample-model/golden.json

Run it again whenever the weights change: the file holds their SHA-256, and the tests compare it.

Float32 arithmetic on the bfloat16 weights. For prompts of 1, 7 and 200 tokens and for every position: the sixteen highest
logits, sixteen of random tokens and the log of the sum of all exponentials; the whole row at the last position; and how
far transformers in bfloat16 is from that. For a list of chats: the prompt's ids, the greedy continuation as ids and text,
and the smallest gap between the two highest logits on the way (below about 1e-4 another engine may rightly part there).
"""

import argparse
import hashlib
import json
import os
import random

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from evaluate import PROMPTS

MORE = [
    "请写一首关于夏天的诗", "请写一首关于冬天的诗", "请写一首关于长安的七言律诗", "请写一首关于相思的五言绝句",
    "以明月为题，写一首诗", "请以《登高》为题写一首七言律诗", "写一首七言绝句", "再来一首关于竹子的诗", "你好",
    "Write a poem about the moon.", "请写一首关于🙂的诗", "请写一首关于人工智能的诗",
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    exact = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype=torch.float32).eval()
    coarse = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype=torch.bfloat16).eval()
    rng = random.Random(args.seed)
    with open(os.path.join(args.work, "poems.jsonl"), encoding="utf-8") as file:
        poems = [json.loads(line)["text"] for line, _ in zip(file, range(40))]
    long = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPTS[0]}, {"role": "assistant", "content": poems[3]},
         {"role": "user", "content": "再写一首"}, {"role": "assistant", "content": "\n".join(poems[4:10])}])
    rows = exact.config.vocab_size

    def number(x):
        return float(f"{x:.6f}")

    logits = []
    for ids in (tokenizer.encode("春"), tokenizer.encode("白日依山尽，黄"), long[:200]):
        with torch.no_grad():
            full = exact(torch.tensor([ids])).logits[0]
            difference = (coarse(torch.tensor([ids])).logits[0].float() - full).abs().max().item()
        positions = []
        for row in full:
            top = row.topk(16).indices.tolist()
            chosen = top + rng.sample(sorted(set(range(rows)) - set(top)), 16)
            positions.append({"ids": chosen, "logits": [number(row[i].item()) for i in chosen],
                              "log_sum_exp": number(row.double().logsumexp(0).item())})
        logits.append({"prompt_ids": ids, "positions": positions, "last_row": [number(v) for v in full[-1].tolist()],
                       "bfloat16_max_difference": number(difference)})
        print(len(ids), "tokens, bfloat16 differs by", difference, "largest logit", full.max().item())

    greedy = []
    for prompt in PROMPTS + MORE:
        ids = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True)
        with torch.no_grad():
            out = exact.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
                temperature=None, top_p=None, top_k=None, max_new_tokens=128, output_logits=True,
                return_dict_in_generate=True)
        new = out.sequences[0, len(ids) :].tolist()
        pairs = torch.cat(out.logits).topk(2).values
        greedy.append({"prompt": prompt, "prompt_ids": ids, "ids": new,
                       "text": tokenizer.decode(new, skip_special_tokens=True),
                       "smallest_gap": number((pairs[:, 0] - pairs[:, 1]).min().item())})
        print(prompt, greedy[-1]["text"].replace("\n", ""), greedy[-1]["smallest_gap"])

    with open(os.path.join(args.model, "model.safetensors"), "rb") as file:
        weights = hashlib.sha256(file.read()).hexdigest()
    with open(args.out, "w", encoding="utf-8") as file:
        json.dump({"weights_sha256": weights, "versions": {"transformers": transformers.__version__, "torch": torch.__version__}, "seed": args.seed,
                   "logits": logits, "greedy": greedy}, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
