"""Prints the JSON lines of a run as one table: medians, p99 in brackets, and how many times our median that is."""

import json
import sys


def main():
    rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    shapes = sorted({r["shape"] for r in rows})
    ours = {(r["chain"], r["shape"]): r["median_us"] for r in rows if r["impl"] == "tempera"}
    copy = {r["shape"]: r["median_us"] for r in rows if r["chain"] == "copy"}
    names = list(dict.fromkeys(r["impl"] for r in rows if r["chain"] != "copy"))
    cells = {(r["impl"], r["chain"], r["shape"]): r for r in rows}
    print(f"{rows[0]['vocab']:,} logits, one thread; microseconds: median (p99), times our median; "
          + ", ".join(f"copy {shape} {copy[shape]:.1f}" for shape in shapes))
    print()
    print("| chain | implementation | " + " | ".join(shapes) + " |")
    print("|---|---|" + "---|" * len(shapes))
    for chain in "ABCD":
        for name in names:
            found = [cells.get((name, chain, shape)) for shape in shapes]
            if any(found):
                print(f"| {chain} | {name} | " + " | ".join(cell(r, ours[chain, r['shape']]) for r in found if r) + " |")


def cell(row, ours):
    ratio = row["median_us"] / ours
    factor = "" if row["impl"] == "tempera" else f", **{ratio:,.{0 if ratio >= 10 else 1}f}×**"
    return f"{row['median_us']:,.1f} ({row['p99_us']:,.0f}){factor}"


main()
