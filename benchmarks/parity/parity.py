"""Compares `tempera process` with a peer on random cases. See README.md."""

import argparse
import collections
import copy
import importlib
import json
import subprocess
import sys

import numpy as np

import cases
from compare import difference, kept

NAMES = {-np.inf: "-inf", np.inf: "inf"}


def number(x):
    if np.isnan(x):
        return "nan"
    return NAMES.get(float(x), float(str(np.float32(x))))


def read(value):
    return np.float32(value if not isinstance(value, str) else {"-inf": -np.inf, "inf": np.inf, "nan": np.nan}[value])


def moved(params, names, factor):
    """The parameters with every threshold moved by a factor; an own parameter object per processor is gone into."""
    result = copy.deepcopy(params)
    for key, value in result.items():
        if isinstance(value, dict) and key != "logit_bias":
            result[key] = moved(value, names, factor)
        elif key in names:
            result[key] = min(value * factor, max(value, 1.0))  # shares stay shares
    return result


def is_stable(peer, case, logits, expected, rng, by_token):
    """Whether the peer keeps the same tokens when its input moves by rounding errors."""
    values, places = np.unique(logits, return_inverse=True)
    places = places if not by_token else np.arange(len(logits))
    count = len(values) if not by_token else len(logits)
    trials = [(rng.choice([-1.0, 1.0], count), 1.0) for _ in range(12 if by_token else 2)]
    if not by_token:
        trials += [(np.zeros(count), 1 + 2e-6), (np.zeros(count), 1 - 2e-6)]
    for signs, threshold in trials:
        other = dict(case, params=moved(case["params"], peer.THRESHOLDS, threshold))
        x = logits.astype(np.float64)
        x = (x + 2e-7 * signs[places] * np.where(np.isfinite(x) & (x != 0), np.abs(x), 1)).astype(np.float32)
        if kept(peer.answer(other, x)) != kept(expected):
            return False
    return True


def make(peer, count, seed):
    rng = np.random.default_rng(seed)
    while count > 0:
        shape, logits = cases.logits(rng)
        prompt, generated = cases.history(rng, len(logits))
        processor, params = peer.generate(rng, len(logits), prompt, generated)
        case = {"id": f"{count}-{shape}", "processor": processor, "params": params,
                "prompt": prompt, "generated": generated}
        try:
            expected = peer.answer(case, logits)
        except ValueError:
            continue  # the peer cannot answer, for instance because nothing is left
        if not kept(expected) or np.isnan(expected).any():
            continue  # the peer leaves nothing to draw from
        yield case, logits, expected
        count -= 1


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("peer", choices=["transformers", "vllm", "llama_cpp"])
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--tempera", default="../../tempera", help="the program to compare")
    options.add_argument("--show", type=int, default=5, help="how many differences to print")
    given = options.parse_args()
    peer = importlib.import_module(given.peer + "_peer")
    made = list(make(peer, given.cases, given.seed))
    lines = "\n".join(json.dumps(dict(case, logits=[number(x) for x in logits])) for case, logits, _ in made)
    run = subprocess.run([given.tempera, "process", "--dialect", peer.DIALECT], input=lines + "\n",
                         stdout=subprocess.PIPE, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if len(answers) != len(made):
        sys.exit(f"{len(answers)} answers to {len(made)} cases")
    rng = np.random.default_rng(given.seed)
    report = collections.Counter()
    by_processor = collections.Counter()
    shown = 0
    for (case, logits, expected), found in zip(made, answers):
        by_processor[case["processor"]] += 1
        if "error" in found:
            result = found["error"]
        else:
            out = np.array([read(x) for x in found["out"]], dtype=np.float32)
            result = difference(expected, out, False, False)
            if result is None:
                report["equal"] += 1
                continue
            if not is_stable(peer, case, logits, expected, rng, False):
                result = difference(expected, out, True, False)
                if result is None:
                    report["equal but for tokens at a cut within rounding"] += 1
                    continue
            if not is_stable(peer, case, logits, expected, rng, True):
                result = difference(expected, out, False, True)
                if result is None:
                    report["equal but for which of tied tokens stay"] += 1
                    continue
            try:
                if difference(peer.answer(case, logits, double=True), out, False, False) is None:
                    report["equal to the peer in double precision"] += 1
                    continue
            except ValueError:
                report["no answer in double precision"] += 1
                continue
        report["different"] += 1
        if shown < given.show:
            shown += 1
            print(f"{case['id']} {case['processor']} {json.dumps(case['params'])}: {result}")
    print(f"{peer.VERSION}: {given.cases} cases, seed {given.seed}")
    print("  of " + ", ".join(f"{name} {n}" for name, n in sorted(by_processor.items())))
    for name, n in report.most_common():
        print(f"  {n} {name}")
    sys.exit(1 if report["different"] else 0)


main()
