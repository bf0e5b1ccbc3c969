"""Random cases: logits of many shapes, a history, and the parameters of one peer."""

import numpy as np

SIZES = [8, 10, 16, 24, 32, 50, 64, 100, 128, 200, 256, 500, 1000]
SHAPES = ["flat", "near_flat", "uniform", "peaked", "very_peaked", "zipf", "ties", "two_valued", "bf16", "neginf",
          "one_finite", "large", "negative"]


def logits(rng):
    """A shape's name and float32 logits."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    size = int(SIZES[rng.integers(len(SIZES))])
    x = rng.normal(0, 2, size)
    if shape == "near_flat":
        x = rng.normal(0, 0.05, size)
    elif shape == "uniform":
        x = rng.uniform(-8, 8, size)
    elif shape == "peaked":
        x = rng.normal(-4, 1, size)
        x[rng.choice(size, int(rng.integers(2, 8)), replace=False)] = rng.uniform(10, 26)
        x += rng.normal(0, 0.3, size)
    elif shape == "very_peaked":
        x[rng.integers(size)] = 24
    elif shape == "zipf":
        x = -rng.uniform(0.8, 2) * np.log(1 + rng.permutation(size))
    elif shape == "ties":
        x = np.round(2 * x) / 2
    elif shape == "two_valued":
        x = np.where(rng.random(size) < 0.3, 2.0, -1.0)
    elif shape == "bf16":
        x = (x.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
    elif shape == "neginf":
        x[rng.random(size) < 0.4] = -np.inf
        x[rng.integers(size)] = 3
    elif shape == "one_finite":
        x[:] = -np.inf
        x[rng.integers(size)] = 1.5
    elif shape == "large":
        x = rng.normal(0, 60, size)
    elif shape == "negative":
        x = rng.normal(-40, 3, size)
    return shape, np.asarray(x, dtype=np.float32)


def history(rng, size):
    """Prompt and generated ids: many repeats, so that penalties and n-grams have something to do."""
    few = rng.choice(size, min(size, int(rng.integers(2, 12))), replace=False)
    prompt = [int(t) for t in rng.choice(few, int(rng.integers(1, 20)))]
    generated = [int(t) for t in rng.choice(few, int(rng.integers(0, 30)))]
    return prompt, generated


def ids(rng, size, most):
    return sorted(int(i) for i in rng.choice(size, int(rng.integers(1, min(most, size) + 1)), replace=False))


def pick(rng, *values):
    return values[rng.integers(len(values))]


def rounded(rng, low, high, digits=2):
    return round(float(rng.uniform(low, high)), digits)


def chance(rng, probability=0.5):
    return rng.random() < probability
