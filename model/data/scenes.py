"""The generated scenes of a training step, and the batches made of them ahead of time."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.data.loader import Batch, CaptionEncoder, make_batch
from model.data.records import Scene
from model.recipe import SCENES_OF_A_SEED, Data
from model.synthesis.layouts import make_layout
from model.synthesis.traffic import make_traffic_scene

EXPOSURE, OFFSET = (0.8, 1.2), (-15.0, 15.0)  # drawn frames are not all in the same light


class StepBatches(Dataset[Batch]):
    """The batch of each step, a function of the recipe and the step alone."""

    def __init__(self, data: Data, encoder: CaptionEncoder) -> None:
        self.data = data
        self.encoder = encoder

    def __getitem__(self, step: int) -> Batch:
        """Draw the scenes of a step and assemble them."""
        data, rng = self.data, np.random.default_rng((self.data.seed, step))
        scenes = draw_scenes(data, step)
        batch = make_batch(scenes, self.encoder, rng, data.idle_pairs, still_share=data.still_share)
        return replace(batch, frames=in_other_light(batch.frames, rng))


def batches(data: Data, encoder: CaptionEncoder, first: int, last: int) -> Iterator[Batch]:
    """The batches of steps ``first`` to ``last`` - 1, in order."""
    ahead = DataLoader(
        StepBatches(data, encoder),
        batch_size=None,
        sampler=range(first, last),
        num_workers=data.workers,
        worker_init_fn=_one_thread,
        # A fork takes over locks that threads of other libraries hold, and waits for ever.
        multiprocessing_context="spawn" if data.workers else None,
    )
    return iter(ahead)


def first_scene(data: Data, step: int) -> int:
    """The seed of the first scene of a step: no two steps and no two ``data.seed`` share one."""
    return data.seed * SCENES_OF_A_SEED + step * (data.drawn_scenes + data.geometry_scenes)


def draw_scenes(data: Data, step: int) -> list[Scene]:
    """The scenes of a step: some drawn, layouts among them, then those of geometry alone."""
    first = first_scene(data, step)
    geometry = first + data.drawn_scenes
    watched = data.still_share < 1
    drawn = [_drawn_scene(first + i, data.layout_share, watched) for i in range(data.drawn_scenes)]
    return drawn + [
        make_traffic_scene(geometry + i, drawn=False, watched=watched)
        for i in range(data.geometry_scenes)
    ]


def in_other_light(frames: Tensor, rng: np.random.Generator) -> Tensor:
    """(P, H, W, 3) uint8, each frame with an exposure of its own."""
    count = len(frames)
    gain = torch.from_numpy(rng.uniform(*EXPOSURE, count)).view(-1, 1, 1, 1)
    offset = torch.from_numpy(rng.uniform(*OFFSET, count)).view(-1, 1, 1, 1)
    return (frames * gain.float() + offset.float()).clamp(0, 255).to(torch.uint8)


def _drawn_scene(seed: int, layout_share: float, watched: bool) -> Scene:
    if np.random.default_rng(seed).random() < layout_share:
        return make_layout(seed, "train")
    return make_traffic_scene(seed, watched=watched)


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)
