"""Frames to embeddings: one encoder call for several frames, each frame's rows handed back.

Dimension letters used in this file:
    B frames of one call, R ROIs, K pairs, D half dimension, H W frame size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from service.pipeline.stages import ms_since
from service.scoring.explain import FrameView

Frame = NDArray[np.uint8]

MAX_BATCH = 16  # frames per encoder call; more gains nothing on a CPU and costs memory
# ... nor may they be larger than this together: the runtime keeps the memory of its largest call.
MAX_BATCH_PIXELS = 2 * 1920 * 1080
# Encoders sample some hundred pixels a side; a larger picture only costs them memory.
MAX_FRAME_PIXELS = 3840 * 2160


class ImageVectors(Protocol):
    """What an image encoder answers (Eq. 6 to 8); both halves have unit length."""

    @property
    def scene(self) -> NDArray[np.float32]:
        """(B, D) frame half."""

    @property
    def relation(self) -> NDArray[np.float32]:
        """(K, D) pair half."""

    @property
    def scene_gate(self) -> NDArray[np.float32]:
        """(B,) in 0..1, how far the frame half may be trusted."""


class EncodesImages(Protocol):
    """The image encoder of a bundle, or a small model of a test."""

    @property
    def longest_side(self) -> int | None:
        """Pixels beyond which a frame may be shrunk for it; None: it looks at every pixel."""

    def encode(
        self,
        frames: Frame,
        rois: NDArray[np.float32],
        roi_classes: NDArray[np.int64],
        pairs: NDArray[np.int64],
        motion: NDArray[np.float32] | None = None,
        /,
    ) -> ImageVectors:
        """Embed (B, H, W, 3) frames, (R, 5) ROIs, (R,) class groups, (K, 2) pairs.

        ``motion`` (K, M) says how the pairs have moved; None where nothing is known.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One frame's part of a batch: scene (D,), relation (K, D), gate, and its share of time."""

    scene: NDArray[np.float32]
    relation: NDArray[np.float32]
    scene_gate: float
    encode_ms: float


def encode_frames(
    image_encoder: EncodesImages, frames: Sequence[Frame], views: Sequence[FrameView]
) -> list[Encoded]:
    """Encode frames in one call and hand each its own rows.

    Args:
        image_encoder: Any encoder that keeps the bundle's contract.
        frames: At least one (H, W, 3) uint8 RGB frame, all from one of `same_size_batches`.
        views: ROIs and pairs of each frame.
    """
    started = perf_counter()
    side = image_encoder.longest_side
    num_rois = [len(view.rois) for view in views]
    first_roi = np.cumsum([0, *num_rois])[:-1]
    frame_index = np.repeat(np.arange(len(frames)), num_rois).astype(np.float32)
    xyxy = np.concatenate([view.rois.xyxy for view in views])
    pairs = [
        # A missing object stays -1; every other index moves to the frame's place in the batch.
        np.where(view.pairs >= 0, view.pairs + first, view.pairs)
        for view, first in zip(views, first_roi, strict=True)
    ]
    answer = image_encoder.encode(
        np.stack([_fitting(frame, side) for frame in frames]),
        np.concatenate([frame_index[:, None], xyxy], axis=1),  # (R, 5)
        np.concatenate([view.rois.class_group for view in views]),
        np.concatenate(pairs),
        _motion(views),
    )
    encode_ms = ms_since(started) / len(frames)
    ends = np.cumsum([len(of_frame) for of_frame in pairs])[:-1]
    relations = np.split(answer.relation, ends)
    return [
        Encoded(answer.scene[b], relations[b], float(answer.scene_gate[b]), encode_ms)
        for b in range(len(frames))
    ]


def _motion(views: Sequence[FrameView]) -> NDArray[np.float32] | None:
    """(K, M) of all views together; one that knows none is all 0 beside the others."""
    known = [view.motion for view in views if view.motion is not None]
    if not known:
        return None
    width = known[0].shape[1]
    rows = [
        np.zeros((len(view.pairs), width), np.float32) if view.motion is None else view.motion
        for view in views
    ]
    return np.concatenate(rows)


def same_size_batches(
    frames: Sequence[Frame], longest_side: int | None = None
) -> Iterator[list[int]]:
    """Indices of frames that may share an encoder call, within both limits of a batch.

    Args:
        frames: (H, W, 3) each, of any sizes.
        longest_side: Of the encoder that they are for.
    """
    by_size: dict[tuple[int, int], list[int]] = {}
    for i, frame in enumerate(frames):
        by_size.setdefault(_fitting_wh(frame, longest_side), []).append(i)
    for (width, height), members in by_size.items():
        together = max(1, min(MAX_BATCH, MAX_BATCH_PIXELS // (height * width)))
        for start in range(0, len(members), together):
            yield members[start : start + together]


def _fitting(frame: Frame, longest_side: int | None) -> Frame:
    """The frame, or a smaller copy of a large one; ROIs are relative, so they stay."""
    size_wh = _fitting_wh(frame, longest_side)
    if size_wh == (frame.shape[1], frame.shape[0]):
        return frame
    return np.asarray(cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _fitting_wh(frame: Frame, longest_side: int | None) -> tuple[int, int]:
    """Width and height at which a frame reaches the encoder: at most 4K, and what it asks for."""
    height, width = frame.shape[:2]
    shrink = (MAX_FRAME_PIXELS / (height * width)) ** 0.5
    if shrink < 1:
        width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    if longest_side is None or max(height, width) <= longest_side:
        return width, height
    shrink = longest_side / max(height, width)
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def check_frame(frame: Frame) -> None:
    """Raise ValueError, naming shape and type, for what is no RGB frame."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame is (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
