"""What the peers in Python share: the logits, the clock and the JSON lines."""

import json
import sys
import time

import numpy as np

VECTORS = 16
WINDOW = 64
SHAPES = ["flat", "peaked"]


def arguments():
    """FOLDER STEPS: where flat.f32 and peaked.f32 are, and how many steps to time of each chain."""
    return sys.argv[1], int(sys.argv[2])


def read(folder, shape):
    return np.fromfile(f"{folder}/{shape}.f32", dtype="<f4").reshape(VECTORS, -1)


def history(size):
    return [int(t) for t in np.random.default_rng(1).integers(0, size, WINDOW)]


def run(name, chain, shape, inputs, steps, prepare, step):
    """Times step(prepare(vector)); what prepare does, the copy of the logits above all, is not counted."""
    times = []
    for i in range(steps + steps // 4):
        prepared = prepare(inputs[i % VECTORS])
        start = time.perf_counter_ns()
        step(prepared)
        times.append(time.perf_counter_ns() - start)
    times = sorted(times[steps // 4:])
    print(json.dumps({
        "impl": name, "chain": chain, "shape": shape, "vocab": inputs.shape[1],
        "median_us": times[steps // 2] / 1e3, "p99_us": times[steps * 99 // 100] / 1e3}), flush=True)
