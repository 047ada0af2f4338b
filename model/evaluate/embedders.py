"""Pictures and sentences to joined embeddings, from a checkpoint or from a bundle.

Every evaluation that compares pictures with texts goes through this one door.

Dimension letters used in this file: N pictures, T texts, D half of the embedding size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model.data.loader import CaptionEncoder
from model.data.records import Caption
from service.bundle.bundle import Bundle

HALF = np.float32(1 / np.sqrt(2))
BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture and the pair of regions that a sentence is compared with.

    Attributes:
        frame: (H, W, 3) uint8 RGB.
        xyxy: (2, 4) float32 subject and object in 0..1.
        classes: Class groups of both.
        has_object: Without, the subject stands alone.
    """

    frame: NDArray[np.uint8]
    xyxy: NDArray[np.float32]
    classes: tuple[int, int]
    has_object: bool = True


class Embedder(Protocol):
    """Anything that embeds views and captions into one space."""

    def images(self, views: Sequence[View]) -> NDArray[np.float32]:
        """(N, 2D) unit vectors of Eq. (8)."""

    def texts(self, captions: Sequence[Caption]) -> NDArray[np.float32]:
        """(T, 2D) unit vectors of Eq. (5)."""


class Tower(Protocol):
    """What a student or a CLIP tower offers."""

    @property
    def context_length(self) -> int: ...
    def encode_image(self, frames: Any, rois: Any, roi_classes: Any, pairs: Any) -> Any: ...
    def encode_text(self, tokens: Any, spans: Any) -> Any: ...
    def eval(self) -> Any: ...


class TorchEmbedder:
    """A model in memory.

    Args:
        tower: The model.
        tokenizer: Its tokenizer.
        use_roi: As the loss that trained it had it: a half that was left out was never compared
            with anything, and would only add noise here.
        use_svo: The same for the texts.
    """

    def __init__(
        self, tower: Tower, tokenizer: Tokenizer, use_roi: bool = True, use_svo: bool = True
    ) -> None:
        self._tower = tower
        self._use_roi, self._use_svo = use_roi, use_svo
        self._captions = CaptionEncoder(tokenizer, tower.context_length)
        tower.eval()

    @torch.no_grad()
    def images(self, views: Sequence[View]) -> NDArray[np.float32]:
        """See ``Embedder``."""
        parts = []
        for batch in _equal_sizes(views):
            frames, rois, classes, pairs = (torch.from_numpy(part) for part in _arrays(batch))
            scene, relation, _ = self._tower.encode_image(frames, rois, classes, pairs)
            parts.append(_joined(scene.numpy(), (relation if self._use_roi else scene).numpy()))
        return np.concatenate(parts)

    @torch.no_grad()
    def texts(self, captions: Sequence[Caption]) -> NDArray[np.float32]:
        """See ``Embedder``."""
        pooled, svo = self._tower.encode_text(*self._captions(captions))
        return _joined(pooled.numpy(), (svo if self._use_svo else pooled).numpy())


@dataclass(frozen=True, slots=True)
class _Described:
    """A caption as the bundle's text encoder takes it."""

    id: str
    text: str
    spans: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


class BundleEmbedder:
    """The graphs of a bundle, as the service runs them."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def images(self, views: Sequence[View]) -> NDArray[np.float32]:
        """See ``Embedder``."""
        parts = []
        for batch in _equal_sizes(views):
            found = self._bundle.image_encoder.encode(*_arrays(batch))
            parts.append(_joined(found.scene, found.relation))
        return np.concatenate(parts)

    def texts(self, captions: Sequence[Caption]) -> NDArray[np.float32]:
        """See ``Embedder``."""
        rows = [_Described(str(i), c.text, c.spans) for i, c in enumerate(captions)]
        found = self._bundle.text_encoder.encode(rows)
        return _joined(found.pooled, found.svo)


def _joined(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    joined: NDArray[np.float32] = HALF * np.concatenate([first, second], axis=1)
    return joined


def _equal_sizes(views: Sequence[View]) -> list[list[View]]:
    """Runs of views of one frame size, at most a batch long; the order stays."""
    batches: list[list[View]] = []
    for view in views:
        fits = batches and len(batches[-1]) < BATCH
        if fits and batches[-1][0].frame.shape == view.frame.shape:
            batches[-1].append(view)
        else:
            batches.append([view])
    return batches


def _arrays(
    views: Sequence[View],
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    count = len(views)
    owner = np.repeat(np.arange(count, dtype=np.float32), 2)[:, None]
    boxes = np.concatenate([view.xyxy for view in views]).astype(np.float32)
    pairs = np.arange(2 * count, dtype=np.int64).reshape(-1, 2)
    pairs[[not view.has_object for view in views], 1] = -1
    classes = np.array([view.classes for view in views], np.int64).reshape(-1)
    frames = np.stack([view.frame for view in views])
    return frames, np.concatenate([owner, boxes], axis=1), classes, pairs
