"""Tracks of a generated scene with the faults that a detector and a tracker put in them.

Dimension letters used in this file: n instants, N boxes of the scene, R ROIs, K pairs.
"""

import numpy as np
from numpy.typing import NDArray

from model.data.records import History
from model.synthesis.noise import JITTER, MISS, one_side_off
from model.synthesis.solids import FRAME_WH
from service.bundle.encoder import MOTION_WIDTH
from service.vision.kinematics import kinematics
from service.vision.pair_motion import motion_inputs
from service.vision.rois import Rois
from service.vision.tracks import Track

ASPECT = FRAME_WH[1] / FRAME_WH[0]
PICTURE = np.array([0.0, 0.0, 1.0, ASPECT])  # without black bars
YOUNG_SHARE = 0.1  # of the participants have only just been found
HALF_HIDDEN_SHARE = 0.2  # are half hidden for a while, or held for one with what is beside them
SWITCH_SHARE = 0.02  # of the tracks go on with somebody else's past


def motion_of(
    history: History,
    rois: Rois,
    origin: NDArray[np.int64],
    pairs: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """What the service would hand its encoder about the motion of a scene's pairs.

    Args:
        history: Of the N true boxes.
        rois: R noisy ROIs of the scene, pseudo ROIs last.
        origin: The true box of each detected ROI, -1 for a false one.
        pairs: (K, 2) into ``rois``.
        rng: Draws misses, jitter, young tracks and switches.

    Returns:
        (K, M) as from `service.vision.pair_motion.motion_inputs`.
    """
    tracks = {}
    for row, source in enumerate(origin.tolist()):
        if source >= 0:
            tracks[row] = _track(history, row, source, rois, rng)
    step_s = float(history.times_s[1] - history.times_s[0])
    moving = {
        row: motion
        for row, track in tracks.items()
        if (motion := kinematics(track, step_s, PICTURE)) is not None
    }
    followed = np.full(len(rois), -1, np.int64)
    followed[list(tracks)] = list(tracks)
    known = Rois(
        rois.xyxy, rois.class_group, rois.confidence, rois.class_name, rois.source, followed
    )
    return motion_inputs(known, pairs, tracks, moving, history.ego)


def nothing_known(pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """The same for a still."""
    return np.zeros((len(pairs), MOTION_WIDTH), np.float32)


def _track(history: History, row: int, source: int, rois: Rois, rng: np.random.Generator) -> Track:
    past = history.xyxy[:, source].astype(np.float64)  # (n, 4)
    count = history.xyxy.shape[1]
    if count > 1 and rng.random() < SWITCH_SHARE:
        until = int(rng.integers(1, len(past)))
        past[:until] = history.xyxy[:until, int(rng.integers(count))]
    size = np.tile(past[:, 2:] - past[:, :2], 2)
    jitter = rng.normal(0.0, JITTER, past.shape) + one_side_off(len(past), rng)
    since, until = np.sort(rng.integers(0, len(past) + 1, 2))
    jitter[since:until] += one_side_off(1, rng, HALF_HIDDEN_SHARE)  # and stays so for a while
    past = (past + jitter * np.nan_to_num(size)).clip(0.0, 1.0)
    past[-1] = rois.xyxy[row]
    kept = np.isfinite(past).all(axis=1) & (rng.random(len(past)) >= MISS)
    kept[-1] = True
    if rng.random() < YOUNG_SHARE:
        kept[: int(rng.integers(3, len(past)))] = False
    boxes = past[kept] * np.array([1.0, ASPECT, 1.0, ASPECT])
    return Track(row, history.times_s[kept], boxes, boxes, {int(rois.class_group[row]): 1.0})
