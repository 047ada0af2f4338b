"""Regions of interest: what the detector found, the regions no detector reports, and their pairs.

Dimension letters used in this file: N ROIs, K pairs, C candidate pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowledge.entities import CLASS_GROUPS, class_group

NO_OBJECT = -1  # in the object column of a pair: the learned null vector stands in
NO_TRACK = -1

# Where a dashcam sees the whole scene, the road and its own bonnet.
PSEUDO_XYXY = {
    "full": (0.0, 0.0, 1.0, 1.0),
    "road": (0.0, 0.55, 1.0, 1.0),
    "ego": (0.2, 0.82, 0.8, 1.0),
}

VEHICLE, PERSON, THING, PLACE = 0, 1, 2, 3
_KIND_OF_GROUP = {
    **dict.fromkeys(("car", "motorcycle", "bus", "truck"), VEHICLE),
    **dict.fromkeys(("person", "bicycle"), PERSON),  # a bicycle stands for its rider
    **dict.fromkeys(("animal", "obstacle", "other"), THING),
    **dict.fromkeys(PSEUDO_XYXY, PLACE),
}
KIND = np.array([_KIND_OF_GROUP[group] for group in CLASS_GROUPS])

# How a pair budget is divided when every participant type asks for more than its part.
SHARE = {
    "vehicle-vehicle": 8,
    "vehicle-person": 6,
    "vehicle-thing": 4,
    "ego": 6,
    "single": 3,
    "road": 2,
    "full": 1,
    "rest": 1,
}


@dataclass(frozen=True, slots=True, eq=False)
class Rois:
    """The ROIs of one frame as parallel arrays.

    Attributes:
        xyxy: (N, 4) float32 corners in 0..1 of the frame.
        class_group: (N,) int64 ids into ``CLASS_GROUPS``.
        confidence: (N,) float32 in 0..1; 1 for a pseudo ROI.
        class_name: N names, the detector's own or full/road/ego.
        source: N times ``detected`` or ``pseudo``.
        track_id: (N,) int64, ``NO_TRACK`` when the ROI belongs to no track.
    """

    xyxy: NDArray[np.float32]
    class_group: NDArray[np.int64]
    confidence: NDArray[np.float32]
    class_name: tuple[str, ...]
    source: tuple[str, ...]
    track_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.class_name)

    def chosen(self, mask: NDArray[np.bool_]) -> Rois:
        """The ROIs for which ``mask`` (N,) is true, in order."""
        kept = np.flatnonzero(mask).tolist()
        return Rois(
            xyxy=self.xyxy[kept],
            class_group=self.class_group[kept],
            confidence=self.confidence[kept],
            class_name=tuple(self.class_name[i] for i in kept),
            source=tuple(self.source[i] for i in kept),
            track_id=self.track_id[kept],
        )


def detected_rois(xyxy: ArrayLike, class_names: Sequence[str], confidence: ArrayLike) -> Rois:
    """Check a detector's boxes, clip them to the frame and map their classes to groups.

    Rows are neither dropped nor reordered, so indices of the caller stay valid.

    Args:
        xyxy: (N, 4) corners in units of the frame; what hangs over the border is clipped.
        class_names: N detector class names; an unknown one falls into the group "other".
        confidence: (N,) in 0..1.

    Returns:
        N ROIs without pseudo ROIs; N = 0 is a frame in which nothing was found.

    Raises:
        ValueError: Lengths differ, a number is not finite, or a box is turned inside out.
    """
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    scores = np.asarray(confidence, np.float32).reshape(-1)
    num_rois = len(class_names)
    if len(boxes) != num_rois or len(scores) != num_rois:
        raise ValueError(
            f"{len(boxes)} boxes, {num_rois} class names and {len(scores)} confidences "
            "must be equally many"
        )
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise ValueError("boxes and confidences must be finite numbers")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("a box must have x1 <= x2 and y1 <= y2")
    if ((scores < 0) | (scores > 1)).any():
        raise ValueError("a confidence must lie in 0..1")
    return Rois(
        xyxy=boxes.clip(0.0, 1.0),
        class_group=np.array([class_group(name) for name in class_names], np.int64),
        confidence=scores.copy(),
        class_name=tuple(class_names),
        source=("detected",) * num_rois,
        track_id=np.full(num_rois, NO_TRACK, np.int64),
    )


def with_pseudo_rois(rois: Rois) -> Rois:
    """Append the whole frame, the road and the ego vehicle, so that no frame is without ROIs.

    Raises:
        ValueError: ``rois`` already has pseudo ROIs.
    """
    if "pseudo" in rois.source:
        raise ValueError("these ROIs already have their pseudo ROIs")
    names = tuple(PSEUDO_XYXY)
    groups = np.array([CLASS_GROUPS.index(name) for name in names], np.int64)
    return Rois(
        xyxy=np.concatenate([rois.xyxy, np.array([*PSEUDO_XYXY.values()], np.float32)]),
        class_group=np.concatenate([rois.class_group, groups]),
        confidence=np.concatenate([rois.confidence, np.ones(len(names), np.float32)]),
        class_name=rois.class_name + names,
        source=rois.source + ("pseudo",) * len(names),
        track_id=np.concatenate([rois.track_id, np.full(len(names), NO_TRACK, np.int64)]),
    )


def box_geometry(xyxy: NDArray[np.floating]) -> NDArray[np.float32]:
    """Describe boxes by [x1, y1, x2, y2, cx, cy, w, h]: (N, 4) to (N, 8) float32, all in 0..1."""
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([boxes, (low + high) / 2, high - low], axis=1)


def affinity(xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """How strongly two ROIs may have to do with each other: IoU + exp(-gap / mean size).

    The gap is the distance between the nearest edges, the size of a box is the root of its area.

    Args:
        xyxy: (N, 4) corners in units of the frame.

    Returns:
        (N, N) symmetric, in 0..2: 2 for equal boxes, near 0 for far and small ones.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])  # (N, N, 2)
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    overlap = (high - low).clip(min=0.0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = area[:, None] + area[None, :] - overlap
    iou = np.divide(overlap, union, out=np.zeros_like(union), where=union > 0)
    gap = np.hypot(*np.moveaxis((low - high).clip(min=0.0), 2, 0))
    size = np.sqrt(area)
    mean_size = (size[:, None] + size[None, :]) / 2
    # Two boxes without area touch (gap 0) or have nothing to do with each other.
    relative_gap: NDArray[np.float64] = np.divide(
        gap, mean_size, out=np.where(gap > 0, np.inf, 0.0), where=mean_size > 0
    )
    nearness: NDArray[np.float64] = iou + np.exp(-relative_gap)
    return nearness


def form_pairs(rois: Rois, max_pairs: int = 32) -> NDArray[np.int64]:
    """Choose the ordered (subject, object) pairs that are worth encoding.

    Every participant type queues by affinity and is served in proportion to its share, so that
    thirty overlapping cars cannot push out the pairs of the only pedestrian; what a type leaves
    over goes to the others. Two participants enter in both orders or not at all. The pairs
    (ego, road) and (ego, nothing) always come first.

    Args:
        rois: ROIs of one frame, as a rule with pseudo ROIs.
        max_pairs: Budget, at least 2.

    Returns:
        (K, 2) int64 distinct rows of ROI indices, K <= max_pairs; the object is ``NO_OBJECT`` in
        pairs about the subject alone. K = 0 only without any ROI.

    Raises:
        ValueError: ``max_pairs`` is too small for the pairs that are always there.
    """
    if max_pairs < 2:
        raise ValueError(f"max_pairs must be at least 2, got {max_pairs}")
    places = {rois.class_name[i]: i for i, source in enumerate(rois.source) if source == "pseudo"}
    chosen: list[tuple[int, int]] = []
    if "ego" in places:
        chosen += [(places["ego"], places["road"])] if "road" in places else []
        chosen += [(places["ego"], NO_OBJECT)]
    for pairs in _served_in_turn(_queues(rois, places, max_pairs)):
        if len(chosen) + len(pairs) <= max_pairs:
            chosen += pairs
    return np.array(chosen, np.int64).reshape(-1, 2)


_Pairs = tuple[tuple[int, int], ...]


def _queues(rois: Rois, places: dict[str, int], limit: int) -> dict[str, list[_Pairs]]:
    """At most ``limit`` candidates of each type, best first; both orders are one candidate."""
    near = affinity(rois.xyxy)
    kind = KIND[rois.class_group]
    participants = np.flatnonzero([source != "pseudo" for source in rois.source])
    queues: dict[str, list[_Pairs]] = {name: [] for name in SHARE}
    for name, i, j in _closest_first(participants, kind, near, limit):
        queues[name].append(((i, j), (j, i)))

    area = (rois.xyxy[:, 2:] - rois.xyxy[:, :2]).prod(axis=1)
    largest = _kinds_in_turn(participants, kind, area)[:limit]
    queues["single"] = [((i, NO_OBJECT),) for i in largest]
    for name, place in places.items():
        for i in _kinds_in_turn(participants, kind, near[place])[:limit]:
            # The ego vehicle acts and is acted on; the road and the frame are only ever objects.
            queues[name].append(((i, place), (place, i)) if name == "ego" else ((i, place),))
    return queues


_PAIR_TYPES = {
    "vehicle-vehicle": (VEHICLE, VEHICLE),
    "vehicle-person": (VEHICLE, PERSON),
    "vehicle-thing": (VEHICLE, THING),
}


def _closest_first(
    participants: NDArray[np.int64], kind: NDArray[np.int64], near: NDArray[np.float64], limit: int
) -> list[tuple[str, int, int]]:
    """(type, i, j), i < j: the first ``limit`` of each type by falling affinity, then by index."""
    first, second = np.triu_indices(len(participants), k=1)  # (C,) each
    i, j = participants[first], participants[second]
    order = np.lexsort((j, i, -near[i, j]))
    i, j = i[order], j[order]
    low, high = np.minimum(kind[i], kind[j]), np.maximum(kind[i], kind[j])
    unnamed = np.ones(len(i), np.bool_)
    members: dict[str, NDArray[np.bool_]] = {}
    for name, (a, b) in _PAIR_TYPES.items():
        members[name] = (low == a) & (high == b)
        unnamed &= ~members[name]
    members["rest"] = unnamed
    return [
        (name, int(i[c]), int(j[c]))
        for name, is_member in members.items()
        for c in np.flatnonzero(is_member)[:limit]
    ]


def _kinds_in_turn(
    participants: NDArray[np.int64], kind: NDArray[np.int64], rank: NDArray[np.floating]
) -> list[int]:
    """Best vehicle, best person, best thing, second vehicle, ...: no kind hides another."""
    turn: list[tuple[int, int, int]] = []
    for which in (VEHICLE, PERSON, THING):
        members = participants[kind[participants] == which]
        best_first = members[np.lexsort((members, -rank[members]))]
        turn += [(place, which, int(i)) for place, i in enumerate(best_first)]
    return [i for _, _, i in sorted(turn)]


def _served_in_turn(queues: dict[str, list[_Pairs]]) -> list[_Pairs]:
    """Merge the queues by weighted fair queueing: a candidate's time is pairs so far / share."""
    timed: list[tuple[float, int, _Pairs]] = []
    for order, (name, share) in enumerate(SHARE.items()):
        served = 0
        for pairs in queues[name]:
            served += len(pairs)
            timed.append((served / share, order, pairs))
    return [pairs for _, _, pairs in sorted(timed, key=lambda item: item[:2])]
