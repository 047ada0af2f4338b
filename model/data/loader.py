"""Scenes to training batches: detector noise, ROI order, captions, hard negatives.

A batch is a pure function of the recipe and the step, so a resumed run sees what an uninterrupted
one would have seen.

Dimension letters used in this file:
    B scenes, R ROIs, K pairs, T facts (each with its caption), C token context,
    M numbers of a pair's motion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from model.data.records import EGO, FULL, NO_OBJECT, ROAD, Caption, Fact, Scene
from model.data.tracks import motion_of, nothing_known
from model.synthesis.noise import apply_detector_noise
from service.bundle.text import token_spans
from service.vision.rois import Rois, detected_rois, form_pairs, with_pseudo_rois

POLARITY = {True: 1, False: -1, None: 0}
PSEUDO_CLASS = {FULL: "full", ROAD: "road", EGO: "ego"}


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One optimiser step's worth of scenes.

    Attributes:
        frames: (P, H, W, 3) uint8 of the first P scenes, which have pixels.
        rois: (R, 5) float32 frame index and xyxy in 0..1, pseudo ROIs included.
        roi_classes: (R,) int64.
        pairs: (K, 2) int64; the first T are facts, the rest are pairs nothing is said about.
        pair_frame: (K,) int64.
        motion: (K, M) of `service.vision.pair_motion`; all 0 where nobody has watched.
        tokens: (T, C) captions of the facts.
        spans: (T, 3, C).
        negative_tokens: (T, C) hard negatives.
        negative_spans: (T, 3, C).
        keys: T facts, by what is true of them.
        meanings: 2T captions, the hard negatives last, by what they say (`model.data.meanings`).
        polarity: (T,) int64: 1 the caption tells of an accident, -1 its hard negative does, 0
            neither.
    """

    frames: Tensor
    rois: Tensor
    roi_classes: Tensor
    pairs: Tensor
    pair_frame: Tensor
    motion: Tensor
    tokens: Tensor
    spans: Tensor
    negative_tokens: Tensor
    negative_spans: Tensor
    keys: tuple[str, ...]
    meanings: tuple[str, ...]
    polarity: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch with its tensors on another device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
        moved: dict[str, Any] = {name: value.to(device) for name, value in tensors.items()}
        return replace(self, **moved)


class CaptionEncoder:
    """Captions to token ids and span weights, as the service does it for descriptions."""

    def __init__(self, tokenizer: Tokenizer, context_length: int) -> None:
        self.tokenizer = tokenizer
        self.context_length = context_length

    def __call__(self, captions: Sequence[Caption]) -> tuple[Tensor, Tensor]:
        """Return tokens (T, C) int64 and spans (T, 3, C) float32."""
        tokens = np.zeros((len(captions), self.context_length), np.int64)
        spans = np.zeros((len(captions), 3, self.context_length), np.float32)
        for row, caption in enumerate(captions):
            encoding = self.tokenizer.encode(caption.text)
            ids = encoding.ids[: self.context_length]
            tokens[row, : len(ids)] = ids
            offsets = encoding.offsets[: self.context_length]
            spans[row] = token_spans(offsets, caption.spans, self.context_length)
        return torch.from_numpy(tokens), torch.from_numpy(spans)


def cut_to_longest(tokens: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
    """(T, C) ids and (T, 3, C) weights without the columns that are padding in every text."""
    longest = int((tokens != 0).sum(dim=1).max())
    return tokens[:, :longest], spans[..., :longest]


def make_batch(
    scenes: Sequence[Scene],
    encoder: CaptionEncoder,
    rng: np.random.Generator,
    num_idle_pairs: int = 4,
    noise: bool = True,
    still_share: float = 0.0,
) -> Batch:
    """Assemble scenes into one batch.

    Args:
        scenes: B scenes of one frame size; those without pixels stand last.
        encoder: Caption encoder.
        rng: Draws noise, paraphrases and idle pairs.
        num_idle_pairs: Pairs per scene without a fact, as negatives of every caption.
        noise: Whether boxes get the detector-noise model.
        still_share: Of the watched scenes that are taken for stills.

    Returns:
        The batch; T may be smaller than the number of facts, as missed boxes take theirs along.
    """
    roi_rows: list[NDArray[np.float32]] = []
    roi_classes: list[NDArray[np.int64]] = []
    fact_pairs: list[tuple[int, int]] = []
    fact_frames: list[int] = []
    idle_pairs: list[tuple[int, int]] = []
    idle_frames: list[int] = []
    facts: list[Fact] = []
    fact_motion: list[NDArray[np.float32]] = []
    idle_motion: list[NDArray[np.float32]] = []
    first = 0
    for index, scene in enumerate(scenes):
        rois, place, origin = _place_rois(scene, rng, noise)
        told: list[tuple[int, int]] = []
        for fact in scene.facts:
            subject, object_ = place.get(fact.subject), place.get(fact.object)
            if subject is None or object_ is None:
                continue
            facts.append(fact)
            told.append((subject, object_))
        idle = _idle_pairs(rois, {*told, *((o, s) for s, o in told)}, num_idle_pairs, rng)
        pairs = np.array(told + idle, np.int64).reshape(-1, 2)
        if scene.history is None or rng.random() < still_share:
            motion = nothing_known(pairs)
        else:
            motion = motion_of(scene.history, rois, origin, pairs, rng)
        placed = [(first + s, o if o < 0 else first + o) for s, o in pairs.tolist()]
        fact_pairs += placed[: len(told)]
        idle_pairs += placed[len(told) :]
        fact_frames += [index] * len(told)
        idle_frames += [index] * len(idle)
        fact_motion.append(motion[: len(told)])
        idle_motion.append(motion[len(told) :])
        count = len(rois.class_name)
        roi_rows.append(np.column_stack([np.full(count, index), rois.xyxy]).astype(np.float32))
        roi_classes.append(rois.class_group)
        first += count
    captions = [fact.captions[int(rng.integers(len(fact.captions)))] for fact in facts]
    opposites = [fact.opposites[int(rng.integers(len(fact.opposites)))] for fact in facts]
    tokens, spans = encoder(captions)
    negative_tokens, negative_spans = encoder(opposites)
    return Batch(
        frames=_stacked([scene.frame for scene in scenes if scene.frame is not None]),
        rois=torch.from_numpy(np.concatenate(roi_rows)),
        roi_classes=torch.from_numpy(np.concatenate(roi_classes)),
        pairs=torch.tensor(fact_pairs + idle_pairs, dtype=torch.int64).reshape(-1, 2),
        pair_frame=torch.tensor(fact_frames + idle_frames, dtype=torch.int64),
        motion=torch.from_numpy(np.concatenate(fact_motion + idle_motion)),
        tokens=tokens,
        spans=spans,
        negative_tokens=negative_tokens,
        negative_spans=negative_spans,
        keys=tuple(fact.key for fact in facts),
        meanings=(
            *(c.meaning or fact.key for c, fact in zip(captions, facts, strict=True)),
            *(caption.meaning for caption in opposites),
        ),
        polarity=torch.tensor([POLARITY[fact.anomalous] for fact in facts], dtype=torch.int64),
    )


def _stacked(frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    """(P, H, W, 3); of no frames, (0, 0, 0, 3)."""
    if not frames:
        return torch.empty((0, 0, 0, 3), dtype=torch.uint8)
    return torch.from_numpy(np.stack(frames))


def _place_rois(
    scene: Scene, rng: np.random.Generator, noise: bool
) -> tuple[Rois, dict[int, int], NDArray[np.int64]]:
    """The scene's ROIs as a detector would give them, where each participant went, and back."""
    if noise:
        xyxy, names, origin = apply_detector_noise(scene.xyxy, scene.class_names, rng)
    else:
        xyxy, names = scene.xyxy, scene.class_names
        origin = np.arange(len(names))
    detected = detected_rois(xyxy, names, np.ones(len(names), np.float32))
    rois = with_pseudo_rois(detected)
    place = {int(source): row for row, source in enumerate(origin) if source >= 0}
    place[NO_OBJECT] = NO_OBJECT
    for participant, class_name in PSEUDO_CLASS.items():
        place[participant] = rois.class_name.index(class_name, len(names))
    return rois, place, origin


def _idle_pairs(
    rois: Rois, said: set[tuple[int, int]], count: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Pairs of which no fact is known, among those that the service would look at."""
    looked_at = [(int(subject), int(object_)) for subject, object_ in form_pairs(rois)]
    idle = [pair for pair in looked_at if pair not in said]
    chosen = rng.permutation(len(idle))[:count]
    return [idle[int(row)] for row in chosen]
