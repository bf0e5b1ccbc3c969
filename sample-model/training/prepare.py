"""Corpus and tokenizer: reads the npm package chinese-poetry, writes poems.jsonl and the tokenizer files.

    python prepare.py --corpus package/dist/quantangshi --work work --model ../src/main/resources/dev/tempera/samplemodel/model

The numbers of a vocabulary decide what the weights mean: a changed tokenizer needs a new training.
"""

import argparse
import collections
import glob
import hashlib
import json
import os
import re

from opencc import OpenCC

import prompts

ROWS = 4672  # rows of the LM head; a handful past the last real id, as in Qwen2.5's own checkpoints
PADDING_ROWS = 24
HELD_OUT = 0.02
CLAUSES = (4, 6, 8, 10, 12)
PUNCTUATION = "，。？！；：、“”‘’《》（）—…·"
ROLES = {
    # Merges for the three role words alone, so that ChatML's frame costs little; everything else is one character.
    "system": ["s y", "s t", "e m", "sy st", "syst em"],
    "user": ["u s", "e r", "us er"],
    "assistant": ["a s", "n t", "as s", "i st", "a nt", "ist ant", "ass istant"],
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def regular(lines):
    """(width, clauses) when every line is two clauses of five or of seven characters, else None."""
    for width in (5, 7):
        line = re.compile(r"[\u3400-\u9fff]{%d}[，？！；。][\u3400-\u9fff]{%d}[。？！；]" % (width, width))
        if lines and all(line.fullmatch(x) for x in lines):
            return width, 2 * len(lines)
    return None


def irregular(lines):
    """A poem whose clauses are not all of five or all of seven characters, complete and without notes."""
    text = "".join(lines)
    clauses = [c for c in re.split(r"[，。？！；：]", text) if c]
    return (
        12 <= len(text) <= 100
        and re.fullmatch(r"[\u3400-\u9fff，。？！；：]+[。？！]", text) is not None
        and {len(c) for c in clauses} not in ({5}, {7})
    )


def clean_title(title):
    title = re.sub(r"[（(\[].*?[)）\]]", "", title)
    title = re.sub(r"[一二三四五六七八九十百]+首", "", title)
    title = re.sub(r"\s+其?[一二三四五六七八九十百]+$", "", title).strip()
    if " " in title:
        title = title.split()[-1]
    return title if re.fullmatch(r"[\u3400-\u9fff]{1,10}", title) else ""


def read_poems(folder):
    convert = OpenCC("t2s").convert
    files = glob.glob(os.path.join(folder, "poet.tang.*.json"))
    files.sort(key=lambda f: int(f.split(".")[-2]))
    seen, total = set(), 0
    for file in files:
        for raw in json.load(open(file, encoding="utf-8")):
            total += 1
            lines = [convert(x.strip()) for x in raw["paragraphs"]]
            shape = regular(lines)
            text = "\n".join(lines)
            if text in seen or not (irregular(lines) if shape is None else shape[1] in CLAUSES):
                continue
            seen.add(text)
            width, clauses = shape or (0, 0)
            yield {"title": clean_title(convert(raw["title"])), "width": width, "clauses": clauses, "text": text}
    print(f"{total} poems read")


def choose_characters(poems, mandatory, room):
    counts = collections.Counter()
    for poem in poems:
        counts.update(c for c in poem["text"] + poem["title"] if "\u3400" <= c <= "\u9fff")
    chosen = set(c for c in mandatory if "\u3400" <= c <= "\u9fff")
    for c, _ in sorted(counts.items(), key=lambda x: (-x[1], x[0])):
        if len(chosen) == room:
            break
        chosen.add(c)
    covered = sum(n for c, n in counts.items() if c in chosen) / sum(counts.values())
    print(f"{len(counts)} distinct characters, {len(chosen)} chosen, covering {covered:.2%}")
    return sorted(chosen, key=lambda c: (-counts[c], c))


def tokenizer_json(vocab, merges):
    special = [
        {"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": True}
        for t in SPECIAL
    ]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": merges},
    }


def chat_template(folder):
    """Qwen2.5's own template, structure untouched, with this model's default system message."""
    with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
        template = json.load(file)["chat_template"]
    template = template.replace(
        "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", prompts.DEFAULT_SYSTEM)
    assert template.count(prompts.DEFAULT_SYSTEM) == 2, folder + " has no Qwen2.5 chat template"
    return template


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--corpus", required=True)
    args.add_argument("--template", help="a Qwen2.5-Instruct folder to take the chat template from, else --model's own")
    args.add_argument("--work", required=True, help="folder for poems.jsonl")
    args.add_argument("--model", required=True, help="the model's folder, for everything but the weights")
    args = args.parse_args()
    os.makedirs(args.work, exist_ok=True)
    os.makedirs(args.model, exist_ok=True)

    everything = list(read_poems(args.corpus))
    poems = [p for p in everything if p["width"]]
    free = [p for p in everything if not p["width"]]
    print(f"{len(poems)} regular poems of {CLAUSES} clauses, {len(free)} irregular ones, no duplicates")
    pieces = list(SPECIAL) + [f"<0x{b:02X}>" for b in range(256)] + ["\n"] + [chr(c) for c in range(32, 127)]
    merges = []
    for rules in ROLES.values():
        for rule in rules:
            merges.append(rule)
            pieces.append(rule.replace(" ", ""))
    pieces += list(PUNCTUATION)
    pieces += choose_characters(poems, prompts.all_prompt_characters(), ROWS - PADDING_ROWS - len(pieces))
    vocab = {piece: i for i, piece in enumerate(pieces)}
    assert len(vocab) == len(pieces) == ROWS - PADDING_ROWS, len(vocab)

    known = set(pieces)
    poems = [p for p in poems if all(c in known for c in p["text"])]
    words = collections.Counter()
    for p in poems:
        for clause in re.split(r"[，。？！；\n]+", p["text"]):
            words.update(clause[i : i + 2] for i in range(0, 4 if len(clause) == 7 else 2, 2))
            words[clause[-2:]] += 1
    free = [p for p in free if all(c in known for c in p["text"])]
    for p in poems + free:
        if not all(c in known for c in p["title"]):
            p["title"] = ""
        both = p["title"] + "\n" + p["text"]
        p["themes"] = [name for name, signs in prompts.THEMES.items() if any(s in both for s in signs)]
        p["english"] = [name for name, sign in prompts.ENGLISH.items() if sign in both]
        found = set()
        for clause in re.split(r"[，。？！；\n]+", p["text"]):
            found.update(clause[i : i + 2] for i in (0, 2, len(clause) - 2) if clause)
        p["words"] = sorted((w for w in found if words[w] >= 40), key=lambda w: (-words[w], w))[:8]
        if 1 <= len(p["title"]) <= 4:
            p["words"].append(p["title"])
        digest = hashlib.sha256(p["text"].encode()).digest()
        p["held_out"] = int.from_bytes(digest[:4], "big") < HELD_OUT * 2**32

    for name, kept in ("poems.jsonl", poems), ("irregular.jsonl", free):
        with open(os.path.join(args.work, name), "w", encoding="utf-8") as out:
            for p in kept:
                out.write(json.dumps(p, ensure_ascii=False) + "\n")
    shapes = collections.Counter(prompts.form_name(p["width"], p["clauses"]) for p in poems)
    print(f"{len(free)} irregular poems kept")
    print(f"{len(poems)} poems kept, {sum(p['held_out'] for p in poems)} held out, "
          f"{sum(len(p['text']) for p in poems)} characters; {dict(shapes)}")
    print(f"{sum(1 for p in poems if '春天' in p['themes'])} of them with spring, "
          f"{sum(1 for p in poems if not p['themes'])} without a theme, {sum(1 for p in poems if p['title'])} with title")

    def write(name, content):
        with open(os.path.join(args.model, name), "w", encoding="utf-8") as out:
            json.dump(content, out, ensure_ascii=False, indent=2)
            out.write("\n")

    write("tokenizer.json", tokenizer_json(vocab, merges))
    write("tokenizer_config.json", {
        "add_bos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": {
            str(vocab[t]): {"content": t, "lstrip": False, "normalized": False, "rstrip": False,
                            "single_word": False, "special": True} for t in SPECIAL},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        # transformers 5 (vLLM 0.32) otherwise takes Qwen's byte-level tokenizer for every model of type qwen2, whatever
        # tokenizer_class and tokenizer.json say, and loses every character that is not ASCII. With an auto_map it does
        # not; nothing is loaded from it, also not in transformers 4, unless remote code is trusted.
        "auto_map": {"AutoTokenizer": ["PreTrainedTokenizerFast", "PreTrainedTokenizerFast"]},
        "bos_token": None, "chat_template": chat_template(args.template or args.model), "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>", "model_max_length": 2048, "pad_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": None,
    })
    end, start_of, im_end = (vocab[t] for t in SPECIAL)
    write("config.json", {
        "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": end, "eos_token_id": im_end,
        "hidden_act": "silu", "hidden_size": 256, "initializer_range": 0.02, "intermediate_size": 512,
        "max_position_embeddings": 2048, "max_window_layers": 5, "model_type": "qwen2", "num_attention_heads": 8,
        "num_hidden_layers": 5, "num_key_value_heads": 2, "pad_token_id": end, "rms_norm_eps": 1e-06,
        "rope_theta": 10000.0, "sliding_window": None, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        "use_cache": True, "use_sliding_window": False, "vocab_size": ROWS,
    })
    write("generation_config.json", {
        "bos_token_id": end, "do_sample": True, "eos_token_id": [im_end, end], "max_new_tokens": 128,
        "pad_token_id": end, "temperature": 0.7, "top_k": 20, "top_p": 0.8,
    })


if __name__ == "__main__":
    main()
