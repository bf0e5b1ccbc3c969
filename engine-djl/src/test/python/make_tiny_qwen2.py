"""Makes the tiny random Qwen2 model of the tests and what transformers computes with it.

Two layers, 14 query heads over 2 key-value heads (7:1, as Qwen2.5-7B), a separate LM head, a vocabulary of 300 rows for
290 ids. Weights are numbers that bfloat16 can hold, so that one file serves the float32 and the bfloat16 tests.

    pip install torch==2.7.1 transformers==4.53.3 tokenizers==0.21.4 safetensors==0.8.0
    python make_tiny_qwen2.py ../resources/dev/tempera/djl/tiny-qwen2
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SEED = 20261123
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def make_tokenizer(folder):
    characters = "春江潮水连海平月共生滟随波千万里何处明流宛转"
    vocabulary = {f"<0x{i:02X}>": i for i in range(256)}
    for character in characters:
        vocabulary.setdefault(character, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    tokenizer.add_special_tokens(
        [AddedToken(f"<|extra_{i}|>", special=True, normalized=False) for i in range(290 - tokenizer.get_vocab_size())])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE)
    fast.save_pretrained(folder)
    # one file, as Qwen2.5 has it
    template = folder / "chat_template.jinja"
    if template.exists():
        template.unlink()
        config = json.loads((folder / "tokenizer_config.json").read_text())
        config["chat_template"] = TEMPLATE
        (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n")
    return fast


def make_model(tied):
    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=300, hidden_size=112, intermediate_size=96, num_hidden_layers=2, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=1024, rope_theta=1_000_000.0, rms_norm_eps=1e-6,
        tie_word_embeddings=tied, use_sliding_window=False, torch_dtype="bfloat16")
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            mean = 1.0 if name.endswith("norm.weight") else 0.0
            deviation = 1.0 if "embed_tokens" in name else 0.15
            parameter.copy_((torch.randn(parameter.shape) * deviation + mean).bfloat16().float())
    return model


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_grad_enabled(False)
    tokenizer = make_tokenizer(folder)
    model = make_model(tied=False)
    model.config.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_end|>")
    model.config.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps(
        {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05,
         "eos_token_id": [tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]}, indent=2) + "\n")
    weights = {name: p.bfloat16().contiguous() for name, p in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    prompt = torch.randint(0, 256, (200,), generator=torch.Generator().manual_seed(SEED))
    logits = model(prompt[None]).logits[0]
    generated = greedy(model, prompt[:7].tolist(), 300)
    generated_ids = greedy(model, prompt[:7].tolist(), 290)
    tied_logits = make_tied(model)(prompt[None, :7]).logits[0]
    difference = (model.bfloat16()(prompt[None]).logits[0].float() - logits).abs()
    save_file({"logits": logits.contiguous(), "tied_logits": tied_logits.contiguous()}, folder / "golden.safetensors")
    (folder / "golden.json").write_text(json.dumps({
        "generated_by": f"make_tiny_qwen2.py, transformers {transformers.__version__}, torch {torch.__version__}",
        "prompt": prompt.tolist(),
        "greedy_from_first_7": generated,
        "greedy_from_first_7_without_padding_rows": generated_ids,
        "guided": guided(model, prompt),
        "bfloat16_max_abs_difference": difference.max().item(),
        "bfloat16_mean_abs_difference": difference.mean().item(),
    }) + "\n")
    print("logits up to", logits.abs().max().item(), "bf16 differs by", difference.max().item(), difference.mean().item())
    print("greedy", generated_ids)


def greedy(model, prompt, rows):
    sequence = list(prompt)
    for _ in range(64):
        sequence.append(int(model(torch.tensor([sequence])).logits[0, -1, :rows].argmax()))
    return sequence[len(prompt):]


def guided(model, prompt):
    """Classifier-free guidance by transformers' own generate; the rows that are no token are suppressed."""
    cases = [(1.5, prompt[20:31]), (4.0, prompt[20:31]), (0.5, prompt[100:101]), (3.0, None)]
    results = []
    for scale, negative in cases:
        generated = model.generate(
            prompt[None, :7], guidance_scale=scale, negative_prompt_ids=None if negative is None else negative[None],
            do_sample=False, max_new_tokens=48, eos_token_id=None, suppress_tokens=list(range(290, 300)),
            temperature=None, top_p=None, top_k=None, repetition_penalty=None, pad_token_id=0)
        results.append({"scale": scale, "negative": None if negative is None else negative.tolist(),
                        "generated": generated[0, 7:].tolist()})
    return results


def make_tied(model):
    tied = make_model(tied=True)
    weights = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    tied.load_state_dict(weights, strict=False)
    tied.tie_weights()
    return tied


if __name__ == "__main__":
    main(sys.argv[1])
