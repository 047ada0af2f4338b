"""How the two sides of a pair have moved, as numbers for the image encoder.

The encoder reads from them what single pictures cannot tell: who ran into whom, who stopped, who
crossed whose way. All zero says that nobody watches (a still), zero but for the last number that
nothing is known of the two yet.

Dimension letters used in this file: K pairs, M numbers of a pair, n moments of one track.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from service.bundle.encoder import MOTION_WIDTH
from service.vision.kinematics import LEAST_MOMENTS, NOISE_SIGMAS, RECENT_S, Kinematics
from service.vision.overlap import iou
from service.vision.rois import NO_OBJECT, Rois
from service.vision.tracks import Track

SIDE = 8  # numbers of one participant
BETWEEN, OWN_CAR = 5, 3
SPEED = 1.0  # own sizes a second, at which a velocity fills half of its range
GROWTH = 1.0  # 1/s
SURPRISE = 0.35  # own sizes
ASPECT = 0.4  # log
OVERLAP = 0.2
NEAREST = 0.3  # mean sizes; closer centres do not make the time to contact shorter


def motion_inputs(
    rois: Rois,
    pairs: NDArray[np.int64],
    tracks: Mapping[int, Track],
    moving: Mapping[int, Kinematics],
    ego: tuple[float, float] | None,
) -> NDArray[np.float32]:
    """Describe the motion of every pair of a frame.

    Args:
        rois: With pseudo ROIs and track ids.
        pairs: (K, 2) into ``rois``; ``NO_OBJECT`` as object.
        tracks: By track id.
        moving: Kinematics of those tracks that are old enough.
        ego: Jerk and rotation of the own car in 0..1; None for a fixed camera.

    Returns:
        (K, M) float32 in -1..1. For subject and object each: known, velocity right and down, the
        older velocity, growth, surprise, change of aspect. Between them: relative velocity of the
        object right and down, approach, inverse time to contact, rise of the overlap. The own
        car: known, jerk, rotation. Last, 1: somebody watches, so this is no still.
    """
    rows = np.zeros((len(pairs), MOTION_WIDTH), np.float32)
    side_of = {track_id: _side(motion) for track_id, motion in moving.items()}
    between: dict[tuple[int, int], NDArray[np.float64]] = {}
    for row, (subject, obj) in enumerate(pairs.tolist()):
        first = int(rois.track_id[subject])
        second = int(rois.track_id[obj]) if obj != NO_OBJECT else -1
        if first in side_of:
            rows[row, :SIDE] = side_of[first]
        if second in side_of:
            rows[row, SIDE : 2 * SIDE] = side_of[second]
        if first in side_of and second in side_of and first != second:
            if (first, second) not in between:
                found = _between(tracks[first], tracks[second], moving[first], moving[second])
                # Seen from the other side only the relative velocity changes its sign.
                between[first, second] = found
                between[second, first] = found * np.array([-1.0, -1.0, 1.0, 1.0, 1.0])
            rows[row, 2 * SIDE : 2 * SIDE + BETWEEN] = between[first, second]
    if ego is not None:
        rows[:, -1 - OWN_CAR : -1] = (1.0, *ego)
    rows[:, -1] = 1.0
    return rows


def _side(motion: Kinematics) -> NDArray[np.float64]:
    speed = math.hypot(SPEED, NOISE_SIGMAS * motion.velocity_noise)
    growth = math.hypot(GROWTH, NOISE_SIGMAS * motion.growth_noise)
    surprise = math.hypot(SURPRISE, NOISE_SIGMAS * motion.surprise_noise)
    aspect = math.hypot(ASPECT, NOISE_SIGMAS * motion.aspect_noise)
    return np.array(
        [
            1.0,
            *(_bounded(float(v), speed) for v in motion.velocity),
            *(_bounded(float(v), speed) for v in motion.old_velocity),
            _bounded(motion.growth, growth),
            _bounded(motion.surprise, surprise),
            _bounded(motion.aspect_change, aspect),
        ]
    )


def _between(
    first: Track, second: Track, motion: Kinematics, other: Kinematics
) -> NDArray[np.float64]:
    """Relative velocity (right, down), approach, inverse time to contact, rise of the overlap."""
    size = (motion.size + other.size) / 2
    relative = (other.velocity * other.size - motion.velocity * motion.size) / size
    speed = math.hypot(SPEED, NOISE_SIGMAS * max(motion.velocity_noise, other.velocity_noise))
    values = [_bounded(float(relative[0]), speed), _bounded(float(relative[1]), speed)]
    times, at_first, at_second = np.intersect1d(first.times_s, second.times_s, return_indices=True)
    boxes, others = first.steady[at_first], second.steady[at_second]
    centres = (boxes - others)[:, :2] + (boxes - others)[:, 2:]
    way = np.hypot(*centres.T) / 2 / size
    age = times[-1] - times if len(times) else times
    new_s, old_s = motion.new_s, motion.old_s
    recent, before = age < new_s + RECENT_S, (age >= new_s) & (age < new_s + old_s)
    approach = 0.0
    if recent.sum() >= LEAST_MOMENTS:
        centred = times[recent] - times[recent].mean()
        approach = -float(centred @ way[recent] / (centred @ centred))
    nearness = max(float(way[-1]), NEAREST) if len(way) else 1.0
    values += [_bounded(approach, speed), _bounded(approach / nearness, max(speed, GROWTH))]
    rise = 0.0
    if before.any():
        overlap = np.diagonal(iou(boxes, others))
        rise = float(overlap[-1] - overlap[before].mean())
    return np.array([*values, _bounded(rise, OVERLAP)])


def _bounded(value: float, scale: float) -> float:
    """Bend x to x / (|x| + s): the sign stays, a half at the scale, never beyond 1."""
    return value / (abs(value) + scale)
