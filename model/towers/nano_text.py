"""Nano's text tower: a small bidirectional transformer over WordPiece tokens.

Dimension letters used in this file: T texts, C token context, W width, h heads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mix (T, C, W) tokens; ``mask`` (T, 1, 1, C) is 0 on words and -inf on padding."""
        width = x.shape[-1]
        q, k, v = (
            part.unflatten(-1, (self.heads, width // self.heads)).transpose(1, 2)
            for part in self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        )  # each (T, h, C, W/h)
        scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + mask  # (T, h, C, C)
        mixed = (scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)
        x = x + self.out(mixed)
        mlp: Tensor = self.mlp(self.norm_mlp(x))
        return x + mlp


class TextTower(nn.Module):
    """f_u of Eq. (1): every token sees the whole sentence, so passives need no rewriting."""

    def __init__(self, vocab_size: int, context_length: int, width: int, layers: int = 4) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab_size, width, padding_idx=0)
        self.position = nn.Parameter(torch.randn(context_length, width) * 0.02)
        self.blocks = nn.ModuleList([Block(width, heads=6) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.token.weight, std=0.05)
        with torch.no_grad():
            self.token.weight[0].zero_()

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (T, C) int64 ids, 0 = padding, to (T, C, W); C may be shorter than the context."""
        mask = (tokens == 0).to(self.position.dtype)[:, None, None, :] * -1e4
        x = F.dropout(self.token(tokens) + self.position[: tokens.shape[1]], 0.05, self.training)
        for block in self.blocks:
            x = block(x, mask)
        normed: Tensor = self.norm(x)
        return normed
