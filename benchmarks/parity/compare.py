"""Whether two answers to one case agree.

Kept sets must be equal and values within 1e-5 + 2e-6 |value|. Two kinds of cases are compared more leniently:
a cut within rounding (the peer itself keeps other tokens when its input moves by a rounding error), where the sets may
differ by tokens at the cut; and a cut among equal logits, where which of them stay is an accident of the peer's sort.
What still differs is compared with the peer's own code in double precision.
"""

import math

import numpy as np


def close(a, b):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-5 + 2e-6 * abs(b)


def kept(out):
    return frozenset(np.flatnonzero(~np.isneginf(out)).tolist())


def difference(expected, found, fragile, tie_cut):
    """None when they agree, else one line. For the lenient comparisons see above."""
    if len(expected) != len(found):
        return f"{len(found)} logits, expected {len(expected)}"
    here, there = kept(found), kept(expected)
    if here != there and tie_cut:
        a, b = sorted(found[list(here)]), sorted(expected[list(there)])
        if len(a) == len(b) and all(close(x, y) for x, y in zip(a, b)):
            return None
    if here != there:
        if not fragile:
            return f"kept {len(here)}, expected {len(there)}: missing {sorted(there - here)[:5]}, extra {sorted(here - there)[:5]}"
        cut = min((expected[i] for i in there), default=0.0)
        for i in here ^ there:
            value = found[i] if i in here else expected[i]
            if abs(value - cut) > 1e-3 * max(1.0, abs(cut)):
                return f"token {i} is not at the cut"
    for i in here & there:
        if not close(float(found[i]), float(expected[i])):
            return f"logit of token {i} is {found[i]!r}, expected {expected[i]!r}"
    return None
