"""The generated scenes of a training step, made once and met again."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from model.data.records import Scene
from model.recipe import Data
from model.synthesis.layouts import make_layout
from model.synthesis.traffic import make_traffic_scene

KEPT_DRAWN, KEPT_GEOMETRY = 8_000, 40_000  # scenes in memory, 180 KB and some 10 KB each
EXPOSURE, OFFSET = (0.8, 1.2), (-15.0, 15.0)  # drawn frames never come in the same light twice


def draw_scenes(data: Data, step: int) -> list[Scene]:
    """The scenes of a step: some drawn, layouts among them, then those of geometry alone."""
    first = step * (data.drawn_scenes + data.geometry_scenes)
    drawn = range(first, first + data.drawn_scenes)
    geometry = range(first + data.drawn_scenes, first + data.drawn_scenes + data.geometry_scenes)
    rng = np.random.default_rng((data.seed, step, 1))
    chosen = _from_pool(drawn, data.drawn_pool, rng), _from_pool(geometry, data.geometry_pool, rng)
    watched = data.still_share < 1
    return [_drawn_scene(seed, data.layout_share, watched) for seed in chosen[0]] + [
        _geometry_scene(seed, watched) for seed in chosen[1]
    ]


def _from_pool(seeds: range, pool: int, rng: np.random.Generator) -> list[int]:
    return rng.integers(0, pool, len(seeds)).tolist() if pool else list(seeds)


# A scene costs more to make than to learn from, so those of a pool are kept.
@lru_cache(maxsize=KEPT_DRAWN)
def _drawn_scene(seed: int, layout_share: float, watched: bool) -> Scene:
    if np.random.default_rng(seed).random() < layout_share:
        return make_layout(seed, "train")
    return make_traffic_scene(seed, watched=watched)


@lru_cache(maxsize=KEPT_GEOMETRY)
def _geometry_scene(seed: int, watched: bool) -> Scene:
    return make_traffic_scene(seed, drawn=False, watched=watched)


def in_other_light(frames: Tensor, rng: np.random.Generator) -> Tensor:
    """(P, H, W, 3) uint8, each frame with an exposure of its own."""
    count = len(frames)
    gain = torch.from_numpy(rng.uniform(*EXPOSURE, count)).view(-1, 1, 1, 1)
    offset = torch.from_numpy(rng.uniform(*OFFSET, count)).view(-1, 1, 1, 1)
    return (frames * gain.float() + offset.float()).clamp(0, 255).to(torch.uint8)
