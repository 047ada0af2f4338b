"""Attention of open_clip's transformers, written so that ONNX Runtime's kernels apply.

PyTorch exports ``nn.MultiheadAttention`` as a long chain of small operators that no fusion
recognises. Here the same weights run through three linear maps and one step of attention, which a
fused graph names ``com.microsoft.MultiHeadAttention`` and a plain one spells out (int8 needs that).

Dimension letters used in this file: N pictures, L tokens, W width, H heads.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class ExportedAttention(nn.Module):
    """The weights of one ``nn.MultiheadAttention`` in the form that is exported.

    Args:
        attention: Self-attention with biases and batch first.
        is_fused: One operator of ONNX Runtime, or plain ones.
    """

    def __init__(self, attention: nn.MultiheadAttention, is_fused: bool) -> None:
        super().__init__()
        self.num_heads, self.is_fused = attention.num_heads, is_fused
        width = attention.embed_dim
        assert attention.in_proj_weight is not None
        assert attention.in_proj_bias is not None
        maps = []
        for part in range(3):
            linear = nn.Linear(width, width)
            rows = slice(part * width, (part + 1) * width)
            linear.weight = nn.Parameter(attention.in_proj_weight[rows].detach().clone())
            linear.bias = nn.Parameter(attention.in_proj_bias[rows].detach().clone())
            maps.append(linear)
        self.query, self.key, self.value = maps
        self.out = attention.out_proj

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        **_: object,
    ) -> tuple[Tensor, None]:
        """(N, L, W) to (N, L, W), in the signature of ``nn.MultiheadAttention``."""
        q, k, v = self.query(query), self.key(key), self.value(value)
        if self.is_fused and attn_mask is None:
            return self.out(_FusedStep.apply(q, k, v, self.num_heads)), None
        return self.out(_plain_step(q, k, v, self.num_heads, attn_mask)), None


def export_attention(encoder: nn.Module, is_fused: bool) -> int:
    """Replace the self-attention of an image or text transformer in place.

    Returns:
        How many were replaced; 0 for a tower that has none of this kind.
    """
    blocks = getattr(getattr(encoder, "transformer", None), "resblocks", ())
    replaced = 0
    for block in blocks:
        if isinstance(block.attn, nn.MultiheadAttention):
            block.attn = ExportedAttention(block.attn, is_fused)
            replaced += 1
    return replaced


def _plain_step(
    q: Tensor, k: Tensor, v: Tensor, num_heads: int, mask: Tensor | None = None
) -> Tensor:
    """Attention spelled out; ``mask`` (L, L) or (N * H, L, L) is added to its logits."""
    count, length, width = q.shape
    size = width // num_heads

    def heads(x: Tensor) -> Tensor:
        return x.reshape(count, length, num_heads, size).transpose(1, 2)  # (N, H, L, W/H)

    logits = heads(q) @ heads(k).transpose(2, 3) / math.sqrt(size)
    if mask is not None:
        logits = logits + (mask if mask.ndim == 2 else mask.unflatten(0, (-1, num_heads)))
    return (logits.softmax(dim=-1) @ heads(v)).transpose(1, 2).reshape(count, length, width)


class _FusedStep(torch.autograd.Function):
    """Attention that is exported as one operator."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
        return _plain_step(q, k, v, num_heads)

    @staticmethod
    def symbolic(g: Any, q: Any, k: Any, v: Any, num_heads: int) -> Any:
        out = g.op("com.microsoft::MultiHeadAttention", q, k, v, num_heads_i=num_heads)
        out.setType(q.type())
        return out
