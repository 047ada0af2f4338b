"""All descriptions of a hierarchy with their vectors: what a frame is compared with.

Dimension letters used in this file:
    T descriptions, L anomaly leaves, D half dimension, G class groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS, NO_REGION
from knowledge.hierarchy import FlatDescription, Hierarchy

APPEARANCE, DAY = "appearance", "day"
UNIT_TOLERANCE = 1e-2  # fp16 encoders leave about 1e-3


class TextVectors(Protocol):
    """What a text encoder answers: two unit halves per description (Eq. 4 and 5)."""

    @property
    def pooled(self) -> NDArray[np.float32]:
        """(T, D) sentence half."""

    @property
    def svo(self) -> NDArray[np.float32]:
        """(T, D) relation half."""


class EncodesTexts(Protocol):
    """The text encoder of a bundle, or a small model of a test."""

    def encode(self, texts: Sequence[FlatDescription], /) -> TextVectors:
        """Embed descriptions in order."""


@dataclass(frozen=True, slots=True, eq=False)
class TextBank:
    """An immutable snapshot of the knowledge; a running job keeps the one it began with.

    Attributes:
        descriptions: T descriptions in file order.
        pooled: (T, D) float32 unit vectors.
        svo: (T, D) float32 unit vectors.
        is_anomaly: (T,) membership of D_a; the rest is D_b.
        counterpart: (T,) index of the normal counterpart, -1 for a normal description.
        leaf_ids: L ids of the anomaly leaves in file order.
        leaf_of: (T,) index into ``leaf_ids``, -1 for a normal description.
        leaf_weight: (L,) expert weights.
        leaf_cues: L lists of motion cues by name, as the experts wrote them.
        subject_groups: (T, G) class groups that may stand for the subject.
        object_groups: (T, G + 1) the same for the object; the last column accepts no object.
        knowledge_sha256: Digest of the hierarchy.
    """

    descriptions: tuple[FlatDescription, ...]
    pooled: NDArray[np.float32]
    svo: NDArray[np.float32]
    is_anomaly: NDArray[np.bool_]
    counterpart: NDArray[np.int64]
    leaf_ids: tuple[str, ...]
    leaf_of: NDArray[np.int64]
    leaf_weight: NDArray[np.float64]
    leaf_cues: tuple[tuple[str, ...], ...]
    subject_groups: NDArray[np.bool_]
    object_groups: NDArray[np.bool_]
    knowledge_sha256: str

    def __len__(self) -> int:
        return len(self.descriptions)

    @property
    def needs_pixels(self) -> NDArray[np.bool_]:
        """(T,): anomalies of which boxes and motion cannot tell.

        The expert named `appearance` as a cue, or weather or light as a condition: a slippery road
        is not to be named where nobody has looked at the road.
        """
        by_leaf = np.array([APPEARANCE in cues for cues in self.leaf_cues], np.bool_)
        conditional = np.array([bool(set(d.conditions) - {DAY}) for d in self.descriptions])
        silent: NDArray[np.bool_] = self.is_anomaly & (by_leaf[self.leaf_of] | conditional)
        return silent

    @property
    def of_unrecognised(self) -> NDArray[np.bool_]:
        """(T,): anomalies that name subject or object "unrecognised", which are no evidence."""
        return np.array([item.has_unrecognised for item in self.descriptions], np.bool_)

    @property
    def is_ego(self) -> NDArray[np.bool_]:
        """(T,): the camera's own car takes part, which a camera on a mast does not have."""
        return np.array([item.ego for item in self.descriptions], np.bool_)


def build_text_bank(hierarchy: Hierarchy, text_encoder: EncodesTexts) -> TextBank:
    """Embed every description of a hierarchy.

    Raises:
        ValueError: There is no anomaly description, or the encoder's answer does not fit.
    """
    vectors = text_encoder.encode(hierarchy.flat)
    return text_bank_of(hierarchy.flat, vectors, hierarchy.sha256)


def text_bank_of(
    descriptions: Sequence[FlatDescription], vectors: TextVectors, knowledge_sha256: str = ""
) -> TextBank:
    """Arrange descriptions and their vectors for scoring.

    Raises:
        ValueError: There is no anomaly description, or the vectors do not fit.
    """
    anomalies = [item for item in descriptions if item.polarity == "anomaly"]
    if not anomalies:
        raise ValueError("the hierarchy has no anomaly description, so nothing can be scored")
    _check_vectors(vectors, len(descriptions))
    index_of = {item.id: i for i, item in enumerate(descriptions)}
    leaf_weight = {item.leaf_id: item.weight for item in anomalies}
    leaf_cues = {item.leaf_id: item.cues for item in anomalies}
    leaf_index = {leaf_id: i for i, leaf_id in enumerate(leaf_weight)}
    return TextBank(
        descriptions=tuple(descriptions),
        pooled=_read_only(np.asarray(vectors.pooled, np.float32)),
        svo=_read_only(np.asarray(vectors.svo, np.float32)),
        is_anomaly=np.array([item.polarity == "anomaly" for item in descriptions]),
        counterpart=np.array([_counterpart_index(item, index_of) for item in descriptions]),
        leaf_ids=tuple(leaf_weight),
        leaf_of=np.array(
            [
                leaf_index[item.leaf_id] if item.polarity == "anomaly" else -1
                for item in descriptions
            ]
        ),
        leaf_weight=np.array([*leaf_weight.values()], np.float64),
        leaf_cues=tuple(leaf_cues.values()),
        subject_groups=_membership([item.subject_groups for item in descriptions], CLASS_GROUPS),
        object_groups=_membership(
            [item.object_groups for item in descriptions], (*CLASS_GROUPS, NO_REGION)
        ),
        knowledge_sha256=knowledge_sha256,
    )


def _counterpart_index(item: FlatDescription, index_of: dict[str, int]) -> int:
    if item.polarity == "normal":
        return -1
    if item.counterpart_id not in index_of:
        raise ValueError(f"{item.id} has no normal counterpart ({item.counterpart_id})")
    return index_of[item.counterpart_id]


def _check_vectors(vectors: TextVectors, num_texts: int) -> None:
    for name, half in (("pooled", vectors.pooled), ("svo", vectors.svo)):
        if half.ndim != 2 or len(half) != num_texts:
            raise ValueError(f"{name} must be ({num_texts}, D), the encoder gave {half.shape}")
        length = np.linalg.norm(half, axis=1)
        if not (np.abs(length - 1) <= UNIT_TOLERANCE).all():  # also catches NaN
            raise ValueError(f"{name} must hold unit vectors, lengths reach {length.max():.4g}")
    if vectors.pooled.shape != vectors.svo.shape:
        raise ValueError(f"halves differ: {vectors.pooled.shape} and {vectors.svo.shape}")


def _membership(rows: Sequence[Sequence[str]], names: Sequence[str]) -> NDArray[np.bool_]:
    """One row per description, one column per name."""
    return np.array([[name in row for name in names] for row in rows])


def _read_only(array: NDArray[np.float32]) -> NDArray[np.float32]:
    view = array.view()
    view.flags.writeable = False
    return view
