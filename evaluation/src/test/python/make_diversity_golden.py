"""Computes self-BLEU-4 with sacrebleu and nltk, and distinct-n with sets: the expectation of DiversityTest.

    python make_diversity_golden.py      (sacrebleu 2.6.0, nltk 3.10.4)
"""

import json
import pathlib
import random
import warnings

import nltk
import sacrebleu
from nltk.translate.bleu_score import sentence_bleu

warnings.filterwarnings("ignore")
FILE = pathlib.Path(__file__).parents[1] / "resources/dev/tempera/evaluation/diversity-golden.json"
BLEU = sacrebleu.metrics.BLEU(tokenize="none", effective_order=True, force=True)


def others(texts, i):
    return texts[:i] + texts[i + 1 :]


def self_bleu_sacrebleu(texts):
    scores = [BLEU.sentence_score(" ".join(t), [" ".join(o) for o in others(texts, i)]).score / 100 for i, t in enumerate(texts)]
    return sum(scores) / len(scores)


def self_bleu_nltk(texts):
    """Without smoothing: only where every order of every text has a match."""
    scores = [sentence_bleu(others(texts, i), t) for i, t in enumerate(texts)]
    return sum(scores) / len(scores) if min(scores) > 1e-50 else None


def distinct(texts, n):
    grams = [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0


randomness = random.Random(20261123)


def draw(texts, alphabet, shortest, longest):
    return [[randomness.choice(alphabet) for _ in range(randomness.randint(shortest, longest))] for _ in range(texts)]


poems = ["白日依山尽，黄河入海流。欲穷千里目，更上一层楼。", "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "床前明月光，疑是地上霜。举头望明月，低头思故乡。"]
sentences = ["the cat sat on the mat", "the cat sat on a red mat today", "a dog sat on the mat", "the the the the the the"]
cases = [[list(p) for p in poems], [s.split() for s in sentences], [["a", "b", "c", "d", "e"]] * 3, [["a"], ["a"]], [["a"], ["b"]], [["a", "b"], ["a", "c"], ["b"]], [["a", "b", "c"], ["d", "e", "f", "g", "h"]]]
cases += [draw(randomness.randint(2, 6), alphabet, 1, 30) for alphabet in ["ab", "abcd", "abcdefghij", "春花秋月何时了往事知多少"] for _ in range(4)]
cases += [draw(8, "ab", 20, 40) for _ in range(3)]
golden = {
    "generated_by": f"make_diversity_golden.py, sacrebleu {sacrebleu.__version__}, nltk {nltk.__version__}",
    "cases": [
        {
            "texts": texts,
            "distinct1": distinct(texts, 1),
            "distinct2": distinct(texts, 2),
            "sacrebleu": self_bleu_sacrebleu(texts),
            "nltk": self_bleu_nltk(texts),
        }
        for texts in cases
    ],
}
print(sum(case["nltk"] is not None for case in golden["cases"]), "of", len(cases), "cases have an nltk figure")
FILE.write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")
