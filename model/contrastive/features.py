"""What the locked image tower says of every sample, computed once and kept on disk.

Dimension letters used in this file: I images, S samples, D half of the embedding size.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from model.contrastive.samples import Sample
from model.errors import ModelError
from model.towers.clip_tower import ClipTower, ImageFeatures
from service.vision.images import decode_image

MAX_PIXELS = 50_000_000
NOTE_EVERY = 50  # images; what was computed since is computed again after a kill
log = structlog.get_logger()


class StaleFeatures(ModelError):
    """The kept features were made by other weights or for other samples."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCache:
    """Memory-mapped features: ``scene`` (S, D), ``roi`` (S, 2, D), ``union`` (S, D), float32."""

    scene: NDArray[np.float32]
    roi: NDArray[np.float32]
    union: NDArray[np.float32]

    def of(self, rows: Sequence[int]) -> ImageFeatures:
        """Features of some samples; the ROIs are subject, object, subject, object, ..."""
        index = np.asarray(rows)
        roi = self.roi[index].reshape(-1, self.roi.shape[2])
        parts = (self.scene[index], roi, self.union[index])
        return ImageFeatures(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def boxes_of(samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """ROIs of some samples as a tower takes them: rois (2S, 5), classes (2S,), pairs (S, 2)."""
    count = len(samples)
    boxes = np.array([s.boxes for s in samples], np.float32).reshape(-1, 4)
    frames = np.repeat(np.arange(count, dtype=np.float32), 2)[:, None]
    classes = np.array([s.classes for s in samples], np.int64).reshape(-1)
    pairs = np.arange(2 * count, dtype=np.int64).reshape(-1, 2)
    pairs[[not s.has_object for s in samples], 1] = -1
    rois = np.concatenate([frames, boxes], axis=1)
    return torch.from_numpy(rois), torch.from_numpy(classes), torch.from_numpy(pairs)


def open_features(
    tower: ClipTower, samples: Sequence[Sample], images: Path, folder: Path
) -> FeatureCache:
    """Compute the features that are not there yet; a kill loses at most the last images.

    Raises:
        StaleFeatures: The folder holds those of another tower or of other samples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key, note = _key(tower, samples), folder / "features.json"
    done = 0
    if note.is_file():
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["key"] != key:
            raise StaleFeatures(
                f"{folder}: made for other weights or samples; delete the folder to compute anew"
            )
        done = int(kept["images"])
    shapes = {
        "scene": (len(samples), tower.half_dim),
        "roi": (len(samples), 2, tower.half_dim),
        "union": (len(samples), tower.half_dim),
    }
    arrays = {name: _open(folder / f"{name}.npy", shape) for name, shape in shapes.items()}
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, sample in enumerate(samples):
        rows_of[sample.image].append(row)
    names = sorted(rows_of)
    for number in track(range(done, len(names)), description="image features", transient=True):
        rows = rows_of[names[number]]
        seen = _see(tower, [samples[row] for row in rows], images / names[number])
        arrays["scene"][rows] = seen.scene.numpy().repeat(len(rows), axis=0)
        arrays["roi"][rows] = seen.roi.numpy().reshape(len(rows), 2, -1)
        arrays["union"][rows] = seen.union.numpy()
        if (number + 1) % NOTE_EVERY == 0 or number + 1 == len(names):
            for array in arrays.values():
                array.flush()
            note.write_text(json.dumps({"key": key, "images": number + 1}), encoding="utf-8")
    log.info("features_ready", images=len(names), samples=len(samples), computed=len(names) - done)
    return FeatureCache(arrays["scene"], arrays["roi"], arrays["union"])


def _see(tower: ClipTower, samples: Sequence[Sample], path: Path) -> ImageFeatures:
    """Features of one image: its frame, and ROIs and hull of each sample in it."""
    frame = torch.from_numpy(decode_image(path.read_bytes(), MAX_PIXELS).copy())[None]
    rois, _, pairs = boxes_of(samples)
    rois[:, 0] = 0
    return tower.frozen_features(frame, rois, pairs)


def _open(path: Path, shape: tuple[int, ...]) -> np.memmap[tuple[int, ...], np.dtype[np.float32]]:
    mode = "r+" if path.is_file() else "w+"
    array: np.memmap[tuple[int, ...], np.dtype[np.float32]] = np.lib.format.open_memmap(
        path, mode=mode, dtype=np.float32, shape=shape
    )
    return array


def _key(tower: ClipTower, samples: Sequence[Sample]) -> str:
    """Digest of the locked weights, of how pictures are cut, and of the samples."""
    digest = hashlib.sha256()
    for name, value in sorted(tower.visual.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    spec = tower.spec
    views = (spec.roi_view, spec.union_view, spec.crop_context, tower.size)
    digest.update(repr(views).encode())
    for sample in samples:
        digest.update(repr((sample.image, sample.boxes, sample.has_object)).encode())
    return digest.hexdigest()
