"""Motion cues of a frame: what is physically odd about a participant, a pair, or the own car.

Every cue lies in 0..1: x^2 / (x^2 + s^2), a half where the measured x reaches its scale s. The
scale is a physical one (a change of speed by one own size a second, a second to contact), widened
by what the detector's jitter alone would give, and for the own car by what the road has done
before. Nothing here knows how long a clip is or where in it a frame stands.

Dimension letters used in this file:
    K pairs of the frame, C cues.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.vision.kinematics import LEAST_MOMENTS, NOISE_SIGMAS, RECENT_S, Kinematics
from service.vision.overlap import iou
from service.vision.rois import NO_OBJECT, Rois
from service.vision.tracks import Track

# `residual` belongs to every leaf: an accident breaks the steady motion, the others say how.
CUE_NAMES = (
    "residual", "closing", "iou_rise", "short_ttc", "sudden_stop", "lateral_jump", "crossing_path",
    "opposite_heading", "spin", "aspect_flip", "looming", "ego_jerk", "ego_rotation", "swerve",
)  # fmt: skip
UNKNOWN = np.nan  # not measured for this pair: it neither speaks for nor against

SPEED_CHANGE = 1.0  # own sizes a second: about 2 m/s within half a second, harder than braking
SURPRISE = 0.35  # own sizes off the way
ASPECT_CHANGE = 0.4  # log: half as wide again
GROWTH = 1.0  # 1/s: one second to contact
APPROACH = 1.5  # mean sizes a second
IOU_RISE = 0.2
HEADING_SPEED = 0.5  # own sizes a second; slower, a direction is jitter
NEAR_GAP = 0.3  # mean heights between two participants, at which nearness has fallen to 1/e
SAME_GROUND = 0.3  # heights between their feet, likewise
ALONE = 0.9  # what one does alone tells less than two that meet: nobody else was found
LEAST_SIZE_RATIO = 0.3  # a far one behind a near one does not touch it
CORRIDOR = 1.2  # half of our way, in heights of a car: what passes further out does not hit us


@dataclass(frozen=True, slots=True)
class EgoCues:
    """Cues of the own car in 0..1; a fixed camera has none."""

    jerk: float
    rotation: float


@dataclass(frozen=True, slots=True)
class _Alone:
    """Cues of one participant."""

    residual: float
    stop: float
    lateral: float
    aspect: float
    growth: float


def squash(value: float, scale: float) -> float:
    """x^2 / (x^2 + s^2), 0 for a negative x."""
    x = max(value, 0.0)
    return x * x / (x * x + scale * scale)


def cue_matrix(
    rois: Rois,
    pairs: NDArray[np.int64],
    tracks: Mapping[int, Track],
    moving: Mapping[int, Kinematics],
    ego: EgoCues | None,
) -> NDArray[np.float64]:
    """Cues of every pair of a frame.

    Args:
        rois: With pseudo ROIs and track ids.
        pairs: (K, 2) into ``rois``.
        tracks: By track id.
        moving: Kinematics of those tracks that are old enough.
        ego: None for a fixed camera, which has no own car.

    Returns:
        (K, C) in 0..1, ``UNKNOWN`` where a cue was not measured.
    """
    matrix = np.full((len(pairs), len(CUE_NAMES)), UNKNOWN)
    alone = {track_id: _alone(motion) for track_id, motion in moving.items()}
    together: dict[tuple[int, int], dict[str, float]] = {}
    for row, (subject, obj) in enumerate(pairs.tolist()):
        sides = [i for i in (subject, obj) if i != NO_OBJECT]
        has_ego = any(rois.source[i] == "pseudo" and rois.class_name[i] == "ego" for i in sides)
        others = [int(rois.track_id[i]) for i in sides if rois.source[i] != "pseudo"]
        known = [track_id for track_id in others if track_id in alone]
        cues: dict[str, float] = {}
        if has_ego:
            cues = _of_ego(ego) if ego is not None and len(known) == len(others) else {}
            if cues and known:
                cues |= _with_ego(tracks[known[0]], moving[known[0]], alone[known[0]], cues)
        elif len(known) == 2:
            first, second = sorted(known)
            if (first, second) not in together:
                together[first, second] = _between(first, second, tracks, moving, alone)
            cues = together[first, second]
        elif len(known) == len(others) == 1:
            cues = {name: ALONE * value for name, value in _own(alone[known[0]]).items()}
        for name, value in cues.items():
            matrix[row, CUE_NAMES.index(name)] = value
    return matrix


def _alone(motion: Kinematics) -> _Alone:
    old_speed, speed = float(np.hypot(*motion.old_velocity)), float(np.hypot(*motion.velocity))
    change = _widened(SPEED_CHANGE, motion.velocity_noise)
    return _Alone(
        residual=squash(motion.surprise, _widened(SURPRISE, motion.surprise_noise)),
        stop=squash(old_speed - speed, change),
        lateral=squash(abs(float(motion.velocity[0] - motion.old_velocity[0])), change),
        aspect=squash(motion.aspect_change, _widened(ASPECT_CHANGE, motion.aspect_noise)),
        growth=squash(motion.growth, _widened(GROWTH, motion.growth_noise)),
    )


def _widened(scale: float, noise: float) -> float:
    return math.hypot(scale, NOISE_SIGMAS * noise)


def _own(one: _Alone) -> dict[str, float]:
    """A participant about which nothing else is said."""
    return {
        "residual": one.residual,
        "sudden_stop": one.stop,
        "lateral_jump": one.lateral,
        "swerve": one.lateral,
        "aspect_flip": one.aspect,
        "spin": one.aspect,
    }


def _of_ego(ego: EgoCues) -> dict[str, float]:
    jolt = max(ego.jerk, ego.rotation)
    return {"residual": jolt, "ego_jerk": ego.jerk, "ego_rotation": ego.rotation}


def _with_ego(
    track: Track, motion: Kinematics, one: _Alone, of_ego: dict[str, float]
) -> dict[str, float]:
    """A participant and our own car."""
    x1, y1, x2, y2 = track.steady[-1].tolist()
    beside = ((x1 + x2) / 2 - 0.5) / max(y2 - y1, 1e-4)  # heights right of our middle
    in_way = 1 / (1 + (beside / CORRIDOR) ** 4)
    inwards = -math.copysign(float(motion.velocity[0]), beside * float(motion.velocity[0]))
    crossing = squash(inwards, _widened(SPEED_CHANGE, motion.velocity_noise)) * one.growth
    return {
        "residual": max(one.residual, of_ego["residual"]),
        "looming": in_way * one.growth,
        "closing": in_way * one.growth,
        "short_ttc": in_way * one.growth,
        "crossing_path": crossing if beside * motion.velocity[0] < 0 else 0.0,
        "sudden_stop": one.stop,
        "lateral_jump": one.lateral,
        "swerve": one.lateral,
    }


def _between(
    first: int,
    second: int,
    tracks: Mapping[int, Track],
    moving: Mapping[int, Kinematics],
    alone: Mapping[int, _Alone],
) -> dict[str, float]:
    """Two participants; what one of them does alone counts as far as the other is near."""
    a, b = tracks[first], tracks[second]
    near = nearness(a.steady[-1], b.steady[-1])
    own = [_own(alone[first]), _own(alone[second])]
    cues = {name: near * max(own[0][name], own[1][name]) for name in own[0]}
    times, at_a, at_b = np.intersect1d(a.times_s, b.times_s, return_indices=True)
    boxes_a, boxes_b = a.steady[at_a], b.steady[at_b]
    age = times[-1] - times
    overlap = np.array([iou(p[None], q[None])[0, 0] for p, q in zip(boxes_a, boxes_b, strict=True)])
    new_s, old_s = moving[first].new_s, moving[first].old_s
    before = (age >= new_s) & (age < new_s + old_s)
    if before.any():
        rise = float(overlap[-1] - overlap[before].mean())
        cues["iou_rise"] = squash(rise, IOU_RISE) * min(1.0, 2 * near)
    size = (moving[first].size + moving[second].size) / 2
    way = np.hypot(*((boxes_a - boxes_b)[:, :2] + (boxes_a - boxes_b)[:, 2:]).T) / 2 / size
    recent = age < new_s + RECENT_S
    if recent.sum() >= LEAST_MOMENTS:
        centred = times[recent] - times[recent].mean()
        approach = -float(centred @ way[recent] / (centred @ centred))
        cues["closing"] = near * squash(approach, APPROACH)
        cues["short_ttc"] = near * squash(approach / max(float(way[-1]), 0.3), GROWTH)
    velocity_a, velocity_b = moving[first].velocity, moving[second].velocity
    slower = min(float(np.hypot(*velocity_a)), float(np.hypot(*velocity_b)))
    if slower > 0:
        cosine = float(velocity_a @ velocity_b) / float(
            np.hypot(*velocity_a) * np.hypot(*velocity_b)
        )
        both_move = near * squash(slower, HEADING_SPEED)
        cues["opposite_heading"] = both_move * max(0.0, -cosine)
        cues["crossing_path"] = both_move * math.sqrt(max(0.0, 1 - cosine * cosine))
    return cues


def nearness(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """How likely two boxes (4,) touch on the ground, in 0..1: small gap, same feet, like size."""
    heights = float(first[3] - first[1]), float(second[3] - second[1])
    smaller, larger = min(heights), max(heights)
    if smaller < LEAST_SIZE_RATIO * larger:
        return 0.0
    gap = np.maximum(first[:2], second[:2]) - np.minimum(first[2:], second[2:])
    apart = float(np.hypot(*gap.clip(min=0.0))) / ((smaller + larger) / 2)
    feet = abs(float(first[3] - second[3])) / smaller
    return math.exp(-apart / NEAR_GAP - feet / SAME_GROUND)
