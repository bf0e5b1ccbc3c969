"""Qwen2's forward pass over the parameters of transformers' own model, written for speed on a CPU.

bfloat16 arithmetic on float32 parameters, one matrix for query, key and value, one for gate and up, no attention mask
(sequences are padded on the right and the attention is causal), logits only where the loss is. `train.py` checks it
against transformers before it starts.
"""

import torch
import torch.nn.functional as F


def rotary(config, length, dtype):
    size = config.hidden_size // config.num_attention_heads
    frequencies = 1.0 / config.rope_theta ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    angles = torch.cat((angles, angles), -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def before_attention(x, cos, sin, heads, kv_heads, eps, norm, qw, qb, kw, kb, vw, vb):
    batch, length, hidden = x.shape
    dtype = x.dtype
    h = F.rms_norm(x, (hidden,), norm.to(dtype), eps)
    qkv = F.linear(h, torch.cat((qw, kw, vw)).to(dtype), torch.cat((qb, kb, vb)).to(dtype))
    qkv = qkv.view(batch, length, heads + 2 * kv_heads, hidden // heads).transpose(1, 2)
    qk = qkv[:, : heads + kv_heads]
    left, right = qk.chunk(2, -1)
    qk = qk * cos + torch.cat((-right, left), -1) * sin
    k = qk[:, heads:].repeat_interleave(heads // kv_heads, 1)
    v = qkv[:, heads + kv_heads :].repeat_interleave(heads // kv_heads, 1)
    return qk[:, :heads].contiguous(), k.contiguous(), v.contiguous()


def after_attention(x, o, eps, ow, norm, gate, up, down):
    dtype = x.dtype
    x = x + F.linear(o.transpose(1, 2).reshape(x.shape), ow.to(dtype))
    h = F.rms_norm(x, (x.shape[-1],), norm.to(dtype), eps)
    g, u = F.linear(h, torch.cat((gate, up)).to(dtype)).chunk(2, -1)
    return x + F.linear(F.silu(g) * u, down.to(dtype))


def head_loss(hidden, norm, head, targets, eps):
    dtype = hidden.dtype
    h = F.rms_norm(hidden, (hidden.shape[-1],), norm.to(dtype), eps)
    return F.cross_entropy(F.linear(h, head.to(dtype)).float(), targets, reduction="sum")


class Trainer:
    def __init__(self, model, dtype=torch.bfloat16, compiled=True):
        self.model, self.dtype, self.config = model, dtype, model.config
        # Attention itself stays outside: compiled with changing lengths, its strides come out wrong in torch 2.7.1.
        wrap = (lambda f: torch.compile(f, dynamic=True)) if compiled else (lambda f: f)
        self.before, self.after, self.head = wrap(before_attention), wrap(after_attention), wrap(head_loss)
        self.cos, self.sin = rotary(self.config, self.config.max_position_embeddings, dtype)

    def hidden(self, ids):
        c = self.config
        x = F.embedding(ids, self.model.model.embed_tokens.weight).to(self.dtype)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.model.model.layers:
            a, m = layer.self_attn, layer.mlp
            q, k, v = self.before(
                x, cos, sin, c.num_attention_heads, c.num_key_value_heads, c.rms_norm_eps,
                layer.input_layernorm.weight, a.q_proj.weight, a.q_proj.bias, a.k_proj.weight, a.k_proj.bias,
                a.v_proj.weight, a.v_proj.bias,
            )
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = self.after(
                x, o, c.rms_norm_eps, a.o_proj.weight, layer.post_attention_layernorm.weight,
                m.gate_proj.weight, m.up_proj.weight, m.down_proj.weight,
            )
        return x

    def loss_sum(self, ids, positions, targets):
        """Sum of the cross entropy at flat `positions` of `ids`, whose next tokens are `targets`."""
        x = self.hidden(ids).flatten(0, 1).index_select(0, positions)
        return self.head(x, self.model.model.norm.weight, self.model.lm_head.weight, targets, self.config.rms_norm_eps)

    def logits(self, ids):
        x = self.hidden(ids)
        x = F.rms_norm(x, (x.shape[-1],), self.model.model.norm.weight.to(self.dtype), self.config.rms_norm_eps)
        return F.linear(x, self.model.lm_head.weight.to(self.dtype)).float()
