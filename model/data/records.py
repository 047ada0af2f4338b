"""One training scene and the relation facts that are true in it.

Dimension letters used in this file:
    N boxes in the scene, H W frame size in pixels, n instants of a history.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# A fact's subject or object is a box index, or one of these places that no detector reports.
NO_OBJECT = -1
ROAD = -2
EGO = -3
FULL = -4

Slot = Literal["inverse", "role_swap"]


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence and the character spans of its subject, verb phrase and object (paper §2.1).

    ``spans`` are half-open, ordered and disjoint; ``text[a:b]`` is the role's wording.
    ``meaning`` is the key of the facts that it tells of, which may name a noun more general than
    theirs (`model.data.meanings`); empty: it tells of its own fact alone.
    """

    text: str
    spans: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One subject-relation-object statement that is true in a scene.

    ``key`` names the meaning, for example ``rear_end:car:car``: facts with the same key are
    positives of each other in Eq. (9). ``captions`` are paraphrases with that meaning;
    ``opposites`` say the inverse of the same two participants (the hard negative of Eq. 10).
    ``anomalous`` says which of the two is the accident; None where neither is.
    """

    subject: int
    object: int
    key: str
    captions: tuple[Caption, ...]
    opposites: tuple[Caption, ...]
    anomalous: bool | None = None
    opposite_kind: Slot = "inverse"


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """How the boxes of a scene came to where they are; n instants, the newest last.

    Attributes:
        times_s: (n,) rising, ending at 0.
        xyxy: (n, N, 4) in 0..1 with the camera's turns taken out; NaN where not visible.
        ego: Jerk and rotation of the own car in 0..1; None for a fixed camera.
    """

    times_s: NDArray[np.float64]
    xyxy: NDArray[np.float32]
    ego: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One rendered training image with its boxes and facts.

    Attributes:
        frame: (H, W, 3) uint8 RGB, or None when only geometry was asked for.
        xyxy: (N, 4) float32 visible boxes in 0..1, without detector noise.
        class_names: N detector class names (person, bicycle, car, ...).
        facts: What is true in the image; empty when nothing stands in relation.
        anomalous: Whether the frame shows an anomaly.
        leaf_id: Leaf of the hierarchy that the scene was scripted from, or None for layouts.
        weather: day, night, rain, snow or fog.
        history: How the boxes moved before; None where nobody has watched.
    """

    frame: NDArray[np.uint8] | None
    xyxy: NDArray[np.float32]
    class_names: tuple[str, ...]
    facts: tuple[Fact, ...]
    anomalous: bool
    leaf_id: str | None
    weather: str = "day"
    history: History | None = None
