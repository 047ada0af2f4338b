"""Builders for scoring tests: descriptions, text banks and ROIs to work out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from knowledge.hierarchy import FlatDescription
from service.scoring.text_bank import TextBank, text_bank_of
from service.vision.rois import Rois, detected_rois, with_pseudo_rois


@dataclass(frozen=True)
class Vectors:
    """Text vectors written down instead of computed."""

    pooled: NDArray[np.float32]
    svo: NDArray[np.float32]


def describe(
    description_id: str,
    counterpart: str | None = None,
    *,
    leaf: str | None = None,
    weight: float = 1.0,
    roles: tuple[str, str] = ("car", "car"),
    cues: tuple[str, ...] = (),
    conditions: tuple[str, ...] = (),
    ego: bool = False,
    has_unrecognised: bool = False,
    kinds: tuple[str, str] | None = None,
) -> FlatDescription:
    """A description of `roles`; an anomaly if it has a counterpart."""
    polarity, severity = ("normal", 0) if counterpart is None else ("anomaly", 3)
    leaf_id = leaf or description_id
    return FlatDescription(
        id=description_id,
        text=f"A {roles[0]} meets a {roles[1]}.",
        subject=f"A {roles[0]}",
        verb="meets",
        object=f"a {roles[1]}",
        spans=((0, 5), (6, 11), (12, 17)),
        leaf_id=leaf_id,
        leaf_title=leaf_id.upper(),
        path=("Traffic", leaf_id.upper()),
        polarity="normal" if polarity == "normal" else "anomaly",
        severity=severity,
        participants="VV",
        ego=ego,
        dota=(),
        cues=cues,
        weight=weight,
        conditions=conditions,
        roles=kinds or roles,
        has_unrecognised=has_unrecognised,
        subject_groups=(roles[0],),
        object_groups=(roles[1],),
        counterpart_id=counterpart,
    )


def bank_of(
    descriptions: Sequence[FlatDescription],
    pooled: ArrayLike | None = None,
    svo: ArrayLike | None = None,
) -> TextBank:
    """A text bank with the given vectors; where none are given, unit vectors along one axis."""
    same = np.tile(np.array([1.0, 0.0], np.float32), (len(descriptions), 1))
    return text_bank_of(
        descriptions,
        Vectors(
            same if pooled is None else np.asarray(pooled, np.float32),
            same if svo is None else np.asarray(svo, np.float32),
        ),
    )


def rois_of(*class_names: str) -> Rois:
    """One box per class name, side by side, and the pseudo ROIs full, road, ego behind them."""
    boxes = [(0.1 * i, 0.5, 0.1 * i + 0.1, 0.6) for i in range(len(class_names))]
    return with_pseudo_rois(detected_rois(boxes, class_names, [0.9] * len(boxes)))


@pytest.fixture
def make_description() -> Callable[..., FlatDescription]:
    return describe


@pytest.fixture
def make_bank() -> Callable[..., TextBank]:
    return bank_of


@pytest.fixture
def make_rois() -> Callable[..., Rois]:
    return rois_of
