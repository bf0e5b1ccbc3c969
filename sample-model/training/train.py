"""Trains the sample model on poems.jsonl. See README.md for the exact command.

Resumes from --work/checkpoint.pt when it is there. SIGUSR1 means "cool down now": the learning rate goes to zero over
the next --cooldown steps and the run ends. Every --save-minutes a checkpoint and an exported model are written.
"""

import argparse
import csv
import json
import math
import os
import random
import signal
import time

import torch
from tokenizers import Tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

import prompts
from qwen2 import Trainer


class Poems:
    def __init__(self, folder, tokenizer, irregular_share):
        self.tokenizer, self.irregular_share = tokenizer, irregular_share
        poems, self.irregular = (
            [json.loads(line) for line in open(os.path.join(folder, name), encoding="utf-8")]
            for name in ("poems.jsonl", "irregular.jsonl"))
        self.train = [p for p in poems if not p["held_out"]]
        self.held_out = [p for p in poems if p["held_out"]]

    def encode(self, system, turns):
        """Ids, and the positions whose next token is part of an answer (its <|im_end|> included)."""
        ids, targets = [], []
        for i, (user, answer) in enumerate(turns):
            frame = prompts.chat(system if i == 0 else None, [(user, None)])
            ids += self.tokenizer.encode(frame, add_special_tokens=False).ids
            body = self.tokenizer.encode(answer + "<|im_end|>\n", add_special_tokens=False).ids
            targets += range(len(ids) - 1, len(ids) + len(body) - 2)
            ids += body
        return ids[:-1], targets  # the newline after the last <|im_end|> is nobody's to predict

    def epoch(self, seed, epoch, tokens_per_batch):
        """Batches of (ids, positions, targets): shuffled, of like lengths, padded on the right."""
        rng = random.Random(f"{seed}/{epoch}")
        order = list(range(len(self.train)))
        rng.shuffle(order)
        samples, i = [], 0
        while i < len(order):
            poem = self.train[order[i]]
            turns = [(prompts.user_prompt(rng, poem), poem["text"])]
            i += 1
            if rng.random() < 0.03 and i < len(order):  # a second turn
                other = self.train[order[i]]
                same = other["width"] == poem["width"] and rng.random() < 0.6
                turns.append((rng.choice(prompts.AGAIN) if same else prompts.user_prompt(rng, other), other["text"]))
                i += 1
            samples.append(self.encode(prompts.system_prompt(rng), turns))
            if self.irregular_share and rng.random() < self.irregular_share:
                poem = rng.choice(self.irregular)
                samples.append(self.encode(prompts.system_prompt(rng), [(prompts.free_prompt(rng, poem), poem["text"])]))
        batches = []
        for start in range(0, len(samples), 4096):
            pool = sorted(samples[start : start + 4096], key=lambda s: len(s[0]))
            batch = []
            for sample in pool:
                if batch and (len(batch) + 1) * len(sample[0]) > tokens_per_batch:
                    batches.append(batch)
                    batch = []
                batch.append(sample)
            batches.append(batch)
        rng.shuffle(batches)
        return batches


def collate(batch, pad):
    length = max(len(ids) for ids, _ in batch)
    grid = torch.full((len(batch), length), pad, dtype=torch.long)
    positions, targets = [], []
    for row, (ids, wanted) in enumerate(batch):
        grid[row, : len(ids)] = torch.tensor(ids)
        positions += [row * length + p for p in wanted]
        targets += [ids[p + 1] for p in wanted]
    return grid, torch.tensor(positions), torch.tensor(targets)


def orthogonalised(g):
    """Newton-Schulz iteration of Muon (Jordan et al. 2024) on a stack of matrices with rows <= columns."""
    x = g.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.float()


class Muon:
    """Momentum with orthogonalised steps for the matrices of the layers; its steps have AdamW's size
    (Liu et al. 2025, "Muon is scalable for LLM training"), so that one learning rate serves both."""

    def __init__(self, parameters, weight_decay, momentum=0.95):
        self.weight_decay, self.momentum = weight_decay, momentum
        self.groups = {}
        for p in parameters:
            self.groups.setdefault((min(p.shape), max(p.shape)), []).append(p)
        self.buffers = {shape: [torch.zeros_like(p) for p in group] for shape, group in self.groups.items()}

    @torch.no_grad()
    def step(self, lr):
        for shape, group in self.groups.items():
            wide = []
            for p, buffer in zip(group, self.buffers[shape]):
                buffer.lerp_(p.grad, 1 - self.momentum)
                g = p.grad.lerp(buffer, self.momentum)
                wide.append(g.T if g.shape[0] > g.shape[1] else g)
            updates = orthogonalised(torch.stack(wide)) * (0.2 * math.sqrt(shape[1]))
            for p, u in zip(group, updates):
                p.mul_(1 - lr * self.weight_decay).add_(u.T if p.shape[0] > p.shape[1] else u, alpha=-lr)


def export(model, folder):
    copy = Qwen2ForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="folder with config.json and tokenizer.json")
    parser.add_argument("--work", required=True, help="folder with poems.jsonl; checkpoints and the log go there")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--tokens-per-batch", type=int, default=6144)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--cooldown", type=int, default=300)
    parser.add_argument("--irregular-share", type=float, default=0.0, help="irregular poems added to each regular one")
    parser.add_argument("--further-lr", type=float, help="go on after --steps: from this rate to zero over --cooldown steps")
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--evaluate-every", type=int, default=250)
    parser.add_argument("--stop-after", type=int, help="end here, as if interrupted (for trials)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    tokenizer = Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    poems = Poems(args.work, tokenizer, args.irregular_share)
    config = Qwen2Config.from_pretrained(args.model)
    model = Qwen2ForCausalLM(config).float()
    pad = config.pad_token_id

    with torch.no_grad():
        probe = torch.randint(0, 4000, (2, 50))
        exact = Trainer(model, torch.float32, compiled=False).logits(probe)
        difference = (exact - model(probe).logits).abs().max().item()
    assert difference < 1e-4, f"own forward differs from transformers by {difference}"

    trainer = Trainer(model, compiled=not args.no_compile)
    matrices, embeddings, vectors = [], [], []
    for name, p in model.named_parameters():
        (vectors if p.dim() < 2 else embeddings if "embed" in name else matrices).append(p)
    if args.optimizer == "adamw":
        embeddings, matrices = embeddings + matrices, []
    groups = [{"params": embeddings, "weight_decay": args.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95), fused=True)
    muon = Muon(matrices, args.weight_decay)

    rng = random.Random(args.seed)
    held_out = []
    for poem in poems.held_out:
        subject = rng.choice(poem["themes"] or poem["words"] or ["春天"])
        form = prompts.form_name(poem["width"], poem["clauses"])
        held_out.append(poems.encode(prompts.DEFAULT_SYSTEM, [(f"请写一首关于{subject}的{form}", poem["text"])]))
    held_out.sort(key=lambda s: len(s[0]))
    held_out = [held_out[i : i + 64] for i in range(0, len(held_out), 64)]

    def evaluate():
        with torch.no_grad():
            total = count = 0
            for batch in held_out:
                ids, positions, targets = collate(batch, pad)
                total += trainer.loss_sum(ids, positions, targets).item()
                count += len(targets)
        return total / count

    state = {"step": 0, "epoch": 0, "batch": 0, "tokens": 0, "targets": 0, "seconds": 0.0, "cooldown": None}
    checkpoint = os.path.join(args.work, "checkpoint.pt")
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        adam.load_state_dict(saved["adam"])
        muon.buffers = saved["muon"]
        state = saved["state"]
        if args.further_lr and not state["cooldown"]:
            state.update(cooldown=(state["step"], args.further_lr), epoch=state["epoch"] + 1, batch=0)
        print("resumed at", state, flush=True)

    def save():
        torch.save({"model": model.state_dict(), "adam": adam.state_dict(), "muon": muon.buffers, "state": state},
                   checkpoint + ".tmp")
        os.replace(checkpoint + ".tmp", checkpoint)
        export(model, os.path.join(args.work, "export"))

    asked = []
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(True))

    def learning_rate():
        step = state["step"]
        if state["cooldown"]:
            start, peak = state["cooldown"]
            return peak * max(0.0, 1 - (step - start) / args.cooldown)
        if step < args.warmup:
            return args.lr * (step + 1) / args.warmup
        progress = min(1.0, (step - args.warmup) / (args.steps - args.warmup))
        return args.lr * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress)))

    def finished():
        if state["cooldown"]:
            return state["step"] >= state["cooldown"][0] + args.cooldown
        return state["step"] >= (args.stop_after or args.steps)

    log = open(os.path.join(args.work, "loss.csv"), "a", newline="")
    writer = csv.writer(log)
    if log.tell() == 0:
        writer.writerow(["step", "epoch", "tokens", "seconds", "learning_rate", "train_loss", "held_out_loss"])
    began = time.time() - state["seconds"]
    saved_at, loss_sum, loss_count = time.time(), 0.0, 0
    batches = poems.epoch(args.seed, state["epoch"], args.tokens_per_batch)
    print(f"{len(batches)} batches an epoch, {len(poems.train)} poems, {sum(p.numel() for p in model.parameters())}"
          f" parameters, difference from transformers {difference:.1e}", flush=True)
    while not finished():
        if state["batch"] == len(batches):
            state["epoch"], state["batch"] = state["epoch"] + 1, 0
            batches = poems.epoch(args.seed, state["epoch"], args.tokens_per_batch)
        if asked and not state["cooldown"]:
            state["cooldown"] = (state["step"], learning_rate())
            print("cooling down", state["cooldown"], flush=True)
        ids, positions, targets = collate(batches[state["batch"]], pad)
        lr = learning_rate()
        loss = trainer.loss_sum(ids, positions, targets)
        (loss / len(targets)).backward()
        torch.nn.utils.clip_grad_norm_(embeddings + vectors, 1.0)
        for group in adam.param_groups:
            group["lr"] = lr
        adam.step()
        muon.step(lr)
        model.zero_grad(set_to_none=True)
        loss_sum, loss_count = loss_sum + loss.item(), loss_count + len(targets)
        state["step"], state["batch"] = state["step"] + 1, state["batch"] + 1
        state["tokens"], state["targets"] = state["tokens"] + ids.numel(), state["targets"] + len(targets)
        state["seconds"] = time.time() - began
        held = evaluate() if state["step"] % args.evaluate_every == 0 or finished() else None
        if state["step"] % 25 == 0 or held is not None:
            row = [state["step"], round(state["epoch"] + state["batch"] / len(batches), 3), state["tokens"],
                   round(state["seconds"], 1), f"{lr:.6f}", f"{loss_sum / loss_count:.4f}",
                   "" if held is None else f"{held:.4f}"]
            writer.writerow(row)
            log.flush()
            print(*row, f"{state['tokens'] / state['seconds']:.0f} tokens/s", flush=True)
            loss_sum, loss_count = 0.0, 0
        if time.time() - saved_at > args.save_minutes * 60:
            save()
            saved_at = time.time()
    save()
    print("done", state, flush=True)


if __name__ == "__main__":
    main()
