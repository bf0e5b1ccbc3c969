"""Makes two tiny tokenizers and what Hugging Face's library says of them: the expectation of ModelTokenizerTest.

    python make_tiny_tokenizers.py [FOLDER]     (tokenizers 0.21.4)

byte-level: a byte-level BPE as Qwen2.5's, trained on the texts below. byte-fallback: characters without merges, with
byte tokens for the rest. With the folder of Qwen2.5's tokenizer as argument, also what the library says of that one.
"""

import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).parents[1] / "resources/dev/tempera/tokenizer"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXTS = [
    "",
    " ",
    "Hello, world! 1234567890",
    "  two  spaces\n\n\tand a tab \r\n",
    "请写一首关于春天的诗：春眠不觉晓，处处闻啼鸟。",
    "emoji 😀 family 👩‍👩‍👧 flag 🇨🇳 skin 👍🏽",
    "combining e\u0301 and \u00e9, Zalgo Z\u0351\u036b, ﬁ ligature, Ａ full width",
    "rare 𠮷 㐀 \U0010ffff \ufffd \u2028 \u0000 nul",
    "العربية हिन्दी ไทย 한국어 русский",
    "<|im_start|>user\nHi<|im_end|>\n<tool_call>{\"a\": 1}</tool_call>",
    "don't you'll I'M 'quoted'",
    "x" * 300,
]


def finish(tokenizer):
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken("<tool_call>", special=False, normalized=False), AddedToken("</tool_call>", special=False, normalized=False)])
    return tokenizer


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXTS * 3, trainers.BpeTrainer(vocab_size=330, initial_alphabet=sorted(alphabet), show_progress=False))
    return finish(tokenizer)


def byte_fallback():
    tokens = [f"<0x{b:02X}>" for b in range(256)] + sorted(set("".join(TEXTS[2:5])))
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return finish(tokenizer)


def golden(tokenizer, seed=20261123):
    randomness = random.Random(seed)
    size = tokenizer.get_vocab_size()
    encoded = [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids} for t in TEXTS]
    decoded = []
    for i in range(60):
        ids = [randomness.randrange(size) for _ in range(randomness.choice([1, 2, 5, 40]))]
        if i % 2:  # bytes alone: nearly never UTF-8
            ids = [randomness.randrange(256) for _ in ids]
        decoded.append({"ids": ids, "text": tokenizer.decode(ids)})
    return {"size": size, "encoded": encoded, "decoded": decoded}


def write(name, tokenizer):
    expectation = {"generated_by": f"make_tiny_tokenizers.py, tokenizers {tokenizers.__version__}", **golden(tokenizer)}
    (FOLDER / name).write_text(json.dumps(expectation, ensure_ascii=True) + "\n", encoding="utf-8")


for name, tokenizer in {"byte-level": byte_level(), "byte-fallback": byte_fallback()}.items():
    (FOLDER / name).mkdir(exist_ok=True)
    (FOLDER / name / "tokenizer.json").write_text(tokenizer.to_str() + "\n", encoding="utf-8")
    write(f"{name}/golden.json", tokenizer)
if len(sys.argv) > 1:
    write("qwen2.5-golden.json", Tokenizer.from_file(sys.argv[1] + "/tokenizer.json"))
