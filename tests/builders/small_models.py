"""Small but real models: random projections of real words, pixels and boxes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from knowledge.hierarchy import FlatDescription
from service.vision.rois import Rois, box_geometry, detected_rois

D = 16


@dataclass(frozen=True)
class TextVectors:
    pooled: NDArray[np.float32]
    svo: NDArray[np.float32]


@dataclass(frozen=True)
class ImageVectors:
    scene: NDArray[np.float32]
    relation: NDArray[np.float32]
    scene_gate: NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)


class HashedTexts:
    """Bag of hashed words, projected at random: the SVO half sees the roles, the other all."""

    def encode(self, texts: Sequence[FlatDescription], /) -> TextVectors:
        sentences = [item.text for item in texts]
        triplets = [f"{item.subject} {item.verb} {item.object}" for item in texts]
        return TextVectors(self._embed(sentences), self._embed(triplets))

    def _embed(self, sentences: list[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(sentences), D))
        for row, sentence in zip(rows, sentences, strict=True):
            for word in sentence.lower().split():
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
                row += np.random.default_rng(seed).normal(size=D)
        return unit(rows)


class ProjectedImages:
    """Pixel means and box geometry, projected at random with a row for each role and class."""

    longest_side: int | None = None

    def __init__(self, gate: float = 1.0) -> None:
        rng = np.random.default_rng(7)
        self.gate = gate
        self.calls: list[tuple[int, ...]] = []
        self.scene_weight = rng.normal(size=(12, D))
        self.subject_weight, self.object_weight = rng.normal(size=(2, 8, D))
        self.class_rows = rng.normal(size=(len(CLASS_GROUPS), D))
        self.null_row = rng.normal(size=D)

    def encode(
        self,
        frames: NDArray[np.uint8],
        rois: NDArray[np.float32],
        roi_classes: NDArray[np.int64],
        pairs: NDArray[np.int64],
        motion: NDArray[np.float32] | None = None,
        /,
    ) -> ImageVectors:
        self.calls.append(frames.shape)
        assert rois.shape[1] == 5
        assert len(roi_classes) == len(rois)
        assert pairs.max(initial=-1) < len(rois)
        height, width = frames.shape[1] // 2, frames.shape[2] // 2
        quarters = [
            frames[:, y : y + height, x : x + width].mean(axis=(1, 2)) / 255
            for y in (0, frames.shape[1] - height)
            for x in (0, frames.shape[2] - width)
        ]
        scene = np.concatenate(quarters, axis=1) @ self.scene_weight
        brightness = scene[rois[:, 0].astype(int)]  # an ROI looks at its own frame
        geometry = box_geometry(rois[:, 1:])
        as_subject = geometry @ self.subject_weight + self.class_rows[roi_classes] + brightness
        as_object = geometry @ self.object_weight + self.class_rows[roi_classes]
        null = np.where(pairs[:, 1:] < 0, self.null_row, as_object[pairs[:, 1]])
        gate = np.full(len(frames), self.gate, np.float32)
        return ImageVectors(unit(scene), unit(as_subject[pairs[:, 0]] + null), gate)


class BrightSpots:
    """Detects every maximal run of bright columns as a car, a red one as a person."""

    def detect(self, frame: NDArray[np.uint8], /) -> Rois:
        bright = np.concatenate([[False], frame[..., 0].max(axis=0) > 200, [False]])
        edges = np.flatnonzero(bright[1:] != bright[:-1]).reshape(-1, 2)
        width = frame.shape[1]
        names = ["person" if frame[:, a, 1].max() < 100 else "car" for a, _ in edges]
        boxes = [(a / width, 0.5, b / width, 0.8) for a, b in edges]
        return detected_rois(boxes, names, [0.8] * len(boxes))


def street(*cars: tuple[int, int], person: tuple[int, int] | None = None, wide: int = 64) -> Any:
    """A noisy dark frame, 48 high, with bright upright stripes for cars and a red one."""
    frame = np.random.default_rng(wide).integers(0, 90, (48, wide, 3)).astype(np.uint8)
    for start, end in cars:
        frame[24:38, start:end] = 255
    if person:
        frame[24:38, person[0] : person[1]] = (255, 0, 0)
    return frame
