"""Nano's text towers: one that learns its words from captions, one on top of a language model.

Dimension letters used in this file: T texts, C token context, W width, L width of the language
model.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.towers.block import Block, attention_mask
from model.towers.language_model import LanguageModel

HEADS = 6
DROPOUT = 0.05  # of words, in training
LANGUAGE_DROPOUT = 0.1  # of the numbers that a language model gives, in training


class TextTower(nn.Module):
    """f_u of Eq. (1): every token sees the whole sentence, so passives need no rewriting."""

    def __init__(self, vocab_size: int, context_length: int, width: int, layers: int = 4) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab_size, width, padding_idx=0)
        self.position = nn.Parameter(torch.randn(context_length, width) * 0.02)
        self.blocks = nn.ModuleList([Block(width, HEADS) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.token.weight, std=0.05)
        with torch.no_grad():
            self.token.weight[0].zero_()

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (T, C) int64 ids, 0 = padding, to (T, C, W); C may be shorter than the context."""
        x = self.token(tokens) + self.position[: tokens.shape[1]]
        mask = attention_mask(tokens, x)
        x = F.dropout(x, DROPOUT, self.training)
        for block in self.blocks:
            x = block(x, mask)
        normed: Tensor = self.norm(x)
        return normed


class LanguageTower(nn.Module):
    """f_u of Eq. (1) on top of a language model, which stays as it is."""

    def __init__(self, language: LanguageModel, width: int, layers: int = 1) -> None:
        super().__init__()
        self.language = language.requires_grad_(False)
        self.inward = nn.Linear(language.sizes.width, width)
        self.blocks = nn.ModuleList([Block(width, HEADS) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (T, C) int64 ids, 0 = padding, to (T, C, W); C may be shorter than the context."""
        return self.refine(self.language(tokens), tokens)

    def refine(self, said: Tensor, tokens: Tensor) -> Tensor:
        """The same where (T, C, L) of the language model is known already."""
        x = self.inward(F.dropout(said, LANGUAGE_DROPOUT, self.training))
        mask = attention_mask(tokens, x)
        for block in self.blocks:
            x = block(x, mask)
        normed: Tensor = self.norm(x)
        return normed
