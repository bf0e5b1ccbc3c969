"""The model card's figures: held-out perplexity, and per temperature how regular, copied and diverse the poems are.

    python evaluate.py --model ../src/main/resources/dev/tempera/samplemodel/model --work work --out work/figures.json

Plain sampling at every temperature (no top-k, no top-p), transformers in float32 on the shipped bfloat16 weights.
"""

import argparse
import json
import math
import os
import random
import re

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

import prompts

PROMPTS = [
    "请写一首关于春天的诗", "请写一首关于秋天的诗", "请写一首关于月亮的诗", "写一首关于送别的诗", "请写一首关于山水的诗",
    "请写一首关于思乡的五言绝句", "请写一首关于雪的七言绝句", "请写一首关于边塞的五言律诗", "请写一首关于梅花的七言律诗",
    "写一首关于饮酒的诗",
]
TEMPERATURES = [0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.5]
SEPARATORS = re.compile(r"[，。？！；：、\n]+")


def clauses(text):
    return [c for c in SEPARATORS.split(text.strip()) if c]


def couplets(text):
    return ["".join(clauses(line)) for line in text.split("\n") if line.strip()]


def regular(text):
    """Every clause has five characters, or every clause has seven; and they come in pairs."""
    parts = clauses(text)
    return len(parts) >= 2 and len(parts) % 2 == 0 and {len(c) for c in parts} in ({5}, {7})


def distinct(texts, n):
    """Different character n-grams over all of them, within clauses, of several poems for one prompt together."""
    grams = [c[i : i + n] for t in texts for c in clauses(t) for i in range(len(c) - n + 1)]
    return len(set(grams)) / max(1, len(grams))


def perplexity(model, tokenizer, poems):
    total = count = 0
    rng = random.Random(20)
    for poem in poems:
        subject = rng.choice(poem["themes"] or poem["words"] or ["春天"])
        request = f"请写一首关于{subject}的{prompts.form_name(poem['width'], poem['clauses'])}"
        frame = tokenizer.encode(prompts.chat(prompts.DEFAULT_SYSTEM, [(request, None)]))
        answer = tokenizer.encode(poem["text"] + "<|im_end|>")
        ids = torch.tensor([frame + answer])
        with torch.no_grad():
            logits = model(ids).logits[0, len(frame) - 1 : -1]
        total += F.cross_entropy(logits, ids[0, len(frame) :], reduction="sum").item()
        count += len(answer)
    return math.exp(total / count), total / count, count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--repeats", type=int, default=40, help="poems for each prompt and temperature")
    parser.add_argument("--temperatures", type=float, nargs="*", default=TEMPERATURES)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-perplexity", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype=torch.float32).eval()
    poems = [json.loads(line) for line in open(os.path.join(args.work, "poems.jsonl"), encoding="utf-8")]
    corpus_clauses = {c for p in poems if not p["held_out"] for c in clauses(p["text"])}
    corpus_couplets = {c for p in poems if not p["held_out"] for c in couplets(p["text"])}
    figures = {"repeats": args.repeats, "prompts": PROMPTS, "seed": args.seed, "temperatures": {}, "samples": {}}

    held_out = [p for p in poems if p["held_out"]]
    human = [c for p in held_out for c in clauses(p["text"])]
    figures["held_out_clauses_in_training"] = sum(c in corpus_clauses for c in human) / len(human)
    print("held-out clauses that occur in training poems too:", figures["held_out_clauses_in_training"], flush=True)
    if not args.no_perplexity:
        ppl, loss, count = perplexity(model, tokenizer, held_out)
        figures.update(held_out_perplexity=ppl, held_out_loss=loss, held_out_tokens=count)
        print(f"held-out perplexity {ppl:.2f} (loss {loss:.4f}, {count} tokens)", flush=True)

    for temperature in args.temperatures:
        torch.manual_seed(args.seed)
        right = finished = copied = copied_pairs = lines = pairs = 0
        one = two = 0.0
        for prompt in PROMPTS:
            frame = tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt")
            out = model.generate(
                frame.expand(args.repeats, -1), attention_mask=torch.ones(args.repeats, frame.shape[1], dtype=torch.long),
                do_sample=True, temperature=temperature, top_k=0, top_p=1.0, max_new_tokens=160)
            tails = [row[frame.shape[1] :].tolist() for row in out]
            texts = [tokenizer.decode(t, skip_special_tokens=True) for t in tails]
            ended = [tokenizer.eos_token_id in t for t in tails]
            finished += sum(ended)
            right += sum(regular(t) and e for t, e in zip(texts, ended))
            for t in texts:
                lines, pairs = lines + len(clauses(t)), pairs + len(couplets(t))
                copied += sum(c in corpus_clauses for c in clauses(t))
                copied_pairs += sum(c in corpus_couplets for c in couplets(t))
            one, two = one + distinct(texts, 1), two + distinct(texts, 2)
            figures["samples"].setdefault(str(temperature), {})[prompt] = texts[:3]
        total = args.repeats * len(PROMPTS)
        row = {"regular": right / total, "finished": finished / total, "copied_clauses": copied / lines,
               "copied_couplets": copied_pairs / pairs, "distinct_1": one / len(PROMPTS), "distinct_2": two / len(PROMPTS),
               "poems": total, "clauses": lines}
        figures["temperatures"][str(temperature)] = row
        print(temperature, {k: round(v, 4) for k, v in row.items()}, flush=True)
        print(figures["samples"][str(temperature)][PROMPTS[0]][0].replace("\n", ""), flush=True)
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump(figures, file, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
