"""A sentence encoder that others have trained: what it knows of words, captions cannot teach.

Generated captions have some two thousand words. An expert who writes "T-bones" or "jackknifes"
has read more, and so has all-MiniLM-L6-v2 (Apache-2.0, a BERT of 6 layers, trained on a billion
pairs of sentences). Its weights are rounded to 8 bits when they are read, so that whatever is
taught on top of it has been taught on what ships.

Dimension letters used in this file: T texts, C token context, V vocabulary, L width.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from model.eight_bits import STEPS
from model.errors import ModelError
from model.towers.block import Block, attention_mask

HEAD_WIDTH = 32  # of every MiniLM; no weight tells it
NORM_EPS = 1e-12  # of every BERT
CONFIG, WEIGHTS = "config.json", "model.safetensors"


class LanguageSizes(NamedTuple):
    """What a language model's weights tell of it."""

    vocab_size: int
    context_length: int
    width: int
    layers: int


class LanguageModel(nn.Module):
    """BERT without its pooler; every sentence is a first one."""

    def __init__(self, sizes: LanguageSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.token = nn.Embedding(sizes.vocab_size, sizes.width, padding_idx=0)
        self.position = nn.Parameter(torch.zeros(sizes.context_length, sizes.width))
        self.norm = nn.LayerNorm(sizes.width, eps=NORM_EPS)
        heads = sizes.width // HEAD_WIDTH
        self.blocks = nn.ModuleList(
            [Block(sizes.width, heads, norm_first=False, eps=NORM_EPS) for _ in range(sizes.layers)]
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (T, C) int64 ids, 0 = padding, to (T, C, L)."""
        x = self.norm(self.token(tokens) + self.position[: tokens.shape[1]])
        mask = attention_mask(tokens, x)
        for block in self.blocks:
            x = block(x, mask)
        return torch.as_tensor(x)


def sizes_in(weights: Mapping[str, Tensor], prefix: str) -> LanguageSizes | None:
    """The sizes of the language model among weights whose names begin so; None if there is none."""
    token = weights.get(f"{prefix}token.weight")
    if token is None:
        return None
    layers = sum(name.startswith(prefix) and name.endswith("qkv.bias") for name in weights)
    vocab_size, width = token.shape
    return LanguageSizes(vocab_size, len(weights[f"{prefix}position"]), width, layers)


def load_language_model(folder: Path, context_length: int) -> LanguageModel:
    """Read a BERT as the Hugging Face library saves it, and round its matrices to 8 bits.

    Args:
        folder: With ``config.json`` and ``model.safetensors``.
        context_length: Tokens of the longest text.

    Raises:
        ModelError: A file is missing or damaged, or tells of another architecture.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        found = load_file(folder / WEIGHTS)
    except Exception as error:  # the library raises plain Exception
        raise ModelError(f"{folder}: not a language model ({error})") from error
    _check(folder, config, context_length)
    sizes = LanguageSizes(
        config["vocab_size"], context_length, config["hidden_size"], config["num_hidden_layers"]
    )
    model = LanguageModel(sizes)
    try:
        model.load_state_dict(_renamed(found, sizes))
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{folder / WEIGHTS}: not the weights of a BERT ({error})") from error
    _round(model)
    return model.eval().requires_grad_(False)


def _check(folder: Path, config: Mapping[str, Any], context_length: int) -> None:
    wanted = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": NORM_EPS,
        "pad_token_id": 0,
    }
    sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    for key in (*sizes, "intermediate_size", "max_position_embeddings"):
        if not isinstance(config.get(key), int):
            raise ModelError(f"{folder / CONFIG}: {key} is {config.get(key)!r}, not a number")
    for key, value in wanted.items():
        if config.get(key) != value:
            raise ModelError(f"{folder / CONFIG}: {key} is {config.get(key)!r}, not {value!r}")
    if config["hidden_size"] != HEAD_WIDTH * config["num_attention_heads"]:
        raise ModelError(
            f"{folder / CONFIG}: {config['num_attention_heads']} heads of "
            f"{config['hidden_size']} numbers, expected heads of {HEAD_WIDTH} each"
        )
    if config["intermediate_size"] != 4 * config["hidden_size"]:
        raise ModelError(f"{folder / CONFIG}: intermediate_size is not 4 times hidden_size")
    if context_length > config["max_position_embeddings"]:
        raise ModelError(
            f"{folder / CONFIG}: {config['max_position_embeddings']} positions, "
            f"fewer than the {context_length} asked for"
        )


def _renamed(found: Mapping[str, Tensor], sizes: LanguageSizes) -> dict[str, Tensor]:
    """BERT's weights by the names here; the type of a first sentence goes into the positions."""
    weights = {name.removeprefix("bert."): value.float() for name, value in found.items()}
    kinds = weights["embeddings.token_type_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"][: sizes.context_length]
    named = {
        "token.weight": weights["embeddings.word_embeddings.weight"],
        "position": positions + kinds[0],
    }
    parts = {
        "attention.output.dense": "out",
        "attention.output.LayerNorm": "norm_attention",
        "intermediate.dense": "mlp.0",
        "output.dense": "mlp.2",
        "output.LayerNorm": "norm_mlp",
    }
    for end in ("weight", "bias"):
        named[f"norm.{end}"] = weights[f"embeddings.LayerNorm.{end}"]
        for layer in range(sizes.layers):
            theirs, ours = f"encoder.layer.{layer}.", f"blocks.{layer}."
            read = [weights[f"{theirs}attention.self.{q}.{end}"] for q in ("query", "key", "value")]
            named[f"{ours}qkv.{end}"] = torch.cat(read)
            for part, name in parts.items():
                named[f"{ours}{name}.{end}"] = weights[f"{theirs}{part}.{end}"]
    return named


@torch.no_grad()
def _round(model: LanguageModel) -> None:
    """Each row of a matrix (a word, or an output) to a grid of its own."""
    matrices = [model.token.weight]
    for block in model.blocks:
        assert isinstance(block, Block)
        linears = (block.qkv, block.out, block.mlp[0], block.mlp[2])
        matrices += [linear.weight for linear in linears if isinstance(linear, nn.Linear)]
    for matrix in matrices:
        reach = matrix.abs().amax(dim=1, keepdim=True)
        step = torch.where(reach > 0, reach / STEPS, torch.ones_like(reach))
        matrix.copy_((matrix / step).round() * step)
