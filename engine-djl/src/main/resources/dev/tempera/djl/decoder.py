# The Qwen2 decoder, as TorchScript. Names and order are those of the reference implementation
# (transformers, modeling_qwen2). Dimensions: batch, heads, seq (tokens of this call), keys (all tokens so far), head_dim.
# Rows of one call share their position: they are sequences of equal length that are decoded together.
class Decoder(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  num_attention_heads : int
  num_key_value_heads : int
  head_dim : int
  rms_norm_eps : float
  rope_theta : float

  # weights[0] = [embed_tokens, norm, lm_head]; weights[1 + i] = the twelve tensors of layer i, see decoder_layer.
  # cache[2 * i] and cache[2 * i + 1] = keys and values of layer i, [batch, num_key_value_heads, capacity, head_dim];
  # the first `start` places are filled, this call fills the next `seq`.
  # Returns float32 logits in the CPU's memory, [batch, seq - logits_from, vocab_size]: the first `logits_from` positions do not meet the head.
  def forward(self, weights: List[List[Tensor]], cache: List[Tensor], input_ids: List[int], batch: int, start: int,
              logits_from: int) -> Tensor:
    embed_tokens, norm, lm_head = weights[0]
    ids = torch.tensor(input_ids, dtype=4, device=embed_tokens.device).view(batch, -1)
    seq = ids.size(1)
    assert start + seq <= cache[0].size(2), "the KV cache is too small for this call"
    x = torch.embedding(embed_tokens, ids)
    cos, sin = self.rotary_embedding(x, start, start + seq)
    mask = self.causal_mask(x, start, start + seq)
    for i in range(len(weights) - 1):
      x = self.decoder_layer(weights[1 + i], x, cos, sin, mask, cache[2 * i], cache[2 * i + 1], start)
    x = self.rms_norm(x[:, logits_from:], norm)
    return torch.linear(x, lm_head).to(6).cpu()

  def decoder_layer(self, w: List[Tensor], x: Tensor, cos: Tensor, sin: Tensor, mask: Optional[Tensor],
                    key_cache: Tensor, value_cache: Tensor, start: int) -> Tensor:
    (input_layernorm, q_proj, q_bias, k_proj, k_bias, v_proj, v_bias, o_proj,
     post_attention_layernorm, gate_proj, up_proj, down_proj) = w
    h = self.rms_norm(x, input_layernorm)
    q = self.split_heads(torch.linear(h, q_proj, q_bias), self.num_attention_heads)
    k = self.split_heads(torch.linear(h, k_proj, k_bias), self.num_key_value_heads)
    v = self.split_heads(torch.linear(h, v_proj, v_bias), self.num_key_value_heads)
    x = x + torch.linear(self.attention(self.rotate(q, cos, sin), self.rotate(k, cos, sin), v, mask,
                                        key_cache, value_cache, start), o_proj)
    h = self.rms_norm(x, post_attention_layernorm)
    return x + torch.linear(torch.silu(torch.linear(h, gate_proj)) * torch.linear(h, up_proj), down_proj)

  # Grouped-query attention: each key-value head serves `groups` query heads. enable_gqa=True would say so in one line,
  # but copies the cache for every group: with 2,048 keys on a CPU it took 9 to 40 times as long.
  def attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor],
                key_cache: Tensor, value_cache: Tensor, start: int) -> Tensor:
    batch, seq, end = q.size(0), q.size(2), start + q.size(2)
    key_cache[:, :, start:end] = k
    value_cache[:, :, start:end] = v
    keys, values = key_cache[:, :, :end], value_cache[:, :, :end]
    kv_heads, groups = self.num_key_value_heads, self.num_attention_heads // self.num_key_value_heads
    if seq == 1:
      # The queries of a group stand where the sequence would: one pass over the keys serves them all.
      q = q.reshape(batch, kv_heads, groups, self.head_dim)
      out = torch.scaled_dot_product_attention(q, keys, values, None, 0.0, False)
    else:
      # Batch and key-value heads become one dimension, and the groups share their keys by a stride of 0.
      q = q.reshape(batch * kv_heads, groups, seq, self.head_dim)
      keys = keys.flatten(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
      values = values.flatten(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
      out = torch.scaled_dot_product_attention(q, keys, values, mask, 0.0, start == 0)
    return out.reshape(batch, self.num_attention_heads, seq, self.head_dim).transpose(1, 2).flatten(2)

  def split_heads(self, x: Tensor, heads: int) -> Tensor:
    return x.view(x.size(0), x.size(1), heads, self.head_dim).transpose(1, 2)

  # Angles in float32, as the reference does: bfloat16 could not tell positions apart. cos and sin are [seq, head_dim].
  def rotary_embedding(self, x: Tensor, start: int, end: int) -> Tuple[Tensor, Tensor]:
    exponents = torch.arange(0, self.head_dim, 2, dtype=6, device=x.device) / self.head_dim
    inv_freq = 1.0 / torch.pow(self.rope_theta, exponents)
    freqs = torch.outer(torch.arange(start, end, dtype=6, device=x.device), inv_freq)
    angles = torch.cat([freqs, freqs], -1)
    return torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype)

  def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = torch.chunk(x, 2, -1)
    return x * cos + torch.cat([torch.neg(second), first], -1) * sin

  # A call at the start uses the kernel's own causal mask, a single token sees everything: only later chunks need one.
  def causal_mask(self, x: Tensor, start: int, end: int) -> Optional[Tensor]:
    mask : Optional[Tensor] = None
    if start > 0 and end - start > 1:
      queries = torch.arange(start, end, device=x.device).unsqueeze(1)
      mask = torch.arange(end, device=x.device).unsqueeze(0) <= queries
    return mask

  def rms_norm(self, x: Tensor, weight: Tensor) -> Tensor:
    return torch.rms_norm(x, [x.size(-1)], weight, self.rms_norm_eps)

  # Stored bytes [..., columns * width] as a tensor of type `stored`, converted to `dtype`; always a copy, so that nothing
  # refers to the mapped file afterwards. Types by number: 5 float16, 6 float32, 15 bfloat16.
  def load_tensor(self, data: Tensor, stored: int, dtype: int) -> Tensor:
    tensor = torch.view_copy(data, dtype=stored)
    if dtype != stored:
      tensor = tensor.to(dtype)
    return tensor

  # A cache for `batch` rows of `capacity` tokens, in the type and on the device of the weights.
  def new_cache(self, weights: List[List[Tensor]], batch: int, capacity: int) -> List[Tensor]:
    cache : List[Tensor] = []
    for i in range(2 * (len(weights) - 1)):
      cache.append(torch.new_empty(weights[0][0], [batch, self.num_key_value_heads, capacity, self.head_dim]))
    return cache

  # The first `length` places of row `rows[r]` of a cache become those of row r of a new one.
  def copy_cache(self, cache: List[Tensor], rows: List[int], length: int, capacity: int) -> List[Tensor]:
    copies : List[Tensor] = []
    for i in range(len(cache)):
      old = cache[i]
      new = torch.new_empty(old, [len(rows), old.size(1), capacity, old.size(3)])
      for r in range(len(rows)):
        new[r, :, :length] = old[rows[r], :, :length]
      copies.append(new)
    return copies
