"""Draws loss.csv: python plot.py work/loss.csv ../loss.png"""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# A resumed run repeats the steps since its checkpoint: the later line counts.
rows = list({int(r["step"]): r for r in csv.DictReader(open(sys.argv[1]))}.values())
tokens = [float(r["tokens"]) / 1e6 for r in rows]
figure, left = plt.subplots(figsize=(8, 4.5), layout="constrained")
left.plot(tokens, [float(r["train_loss"]) for r in rows], color="#8fa8c8", linewidth=1, label="training")
held = [(t, float(r["held_out_loss"])) for t, r in zip(tokens, rows) if r["held_out_loss"]]
left.plot(*zip(*held), color="#b03a2e", marker="o", markersize=3, linewidth=1.5, label="held-out poems")
left.set_xlabel("tokens processed (millions)")
left.set_ylabel("loss per answer token (nats)")
left.grid(alpha=0.3)
right = left.twinx()
right.plot(tokens, [float(r["learning_rate"]) for r in rows], color="#999999", linestyle=":", label="learning rate")
right.set_ylabel("learning rate")
right.set_ylim(0)
lines = left.get_lines() + right.get_lines()
left.legend(lines, [line.get_label() for line in lines], loc="upper right")
figure.savefig(sys.argv[2], dpi=120)
