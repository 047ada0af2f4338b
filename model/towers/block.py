"""The transformer block of both text towers.

Dimension letters used in this file: T texts, C token context, W width, h heads.
"""

from torch import Tensor, nn


class Block(nn.Module):
    """Attention and feed-forward, each levelled by a norm before it (ours) or after it (BERT)."""

    def __init__(self, width: int, heads: int, norm_first: bool = True, eps: float = 1e-5) -> None:
        super().__init__()
        self.heads = heads
        self.norm_first = norm_first
        self.norm_attention = nn.LayerNorm(width, eps=eps)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mix (T, C, W) tokens; ``mask`` is that of `attention_mask`."""
        if self.norm_first:
            x = x + self._attend(self.norm_attention(x), mask)
            mlp: Tensor = self.mlp(self.norm_mlp(x))
            return x + mlp
        x = self.norm_attention(x + self._attend(x, mask))
        after: Tensor = self.norm_mlp(x + self.mlp(x))
        return after

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        width = x.shape[-1]
        q, k, v = (
            part.unflatten(-1, (self.heads, width // self.heads)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )  # each (T, h, C, W/h)
        scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + mask  # (T, h, C, C)
        mixed = (scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)
        attended: Tensor = self.out(mixed)
        return attended


def attention_mask(tokens: Tensor, like: Tensor) -> Tensor:
    """(T, 1, 1, C) for (T, C) ids: 0 on words and very low on padding, of the type of ``like``."""
    return (tokens == 0).to(like.dtype)[:, None, None, :] * -1e4
