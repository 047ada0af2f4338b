"""How the boxes of a scene came to where they are: what a tracker would remember of them.

Dimension letters used in this file: n instants, A actors, N boxes of the scene.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.data.records import History
from model.synthesis.paths import SHAKE_S
from model.synthesis.solids import DETECTED, FRAME_WH, SIZES, Actor, Camera, project
from model.synthesis.visible import MAX_HIDDEN, MIN_BOX_PX

STEP_S = 0.1
NUM_INSTANTS = 13  # what the kinematics of a track look at, at ten a second
LEAST_Z = 1.0
# The own car's cues on a quiet road: some cameras tremble more than others by far.
CALM, CALM_SPREAD, CALM_SHAPE = 0.02, 1.2, 0.7  # typical scale, its spread (log), Gamma's shape
ROTATION_SHARE = 0.4  # of the jerk's scale
BUMP_SHARE = 0.01


def history_of(
    instants: Sequence[tuple[Actor, ...]], camera: Camera, rows: Sequence[int]
) -> NDArray[np.float32]:
    """Boxes of some actors over time, in the view of one camera: its turns are taken out.

    Args:
        instants: n times A actors, oldest first.
        camera: Of the newest instant.
        rows: N actors that have a box in the scene.

    Returns:
        (n, N, 4) xyxy in 0..1, NaN where the actor could not be seen.
    """
    boxes = _boxes(instants, camera)  # (n, A, 4)
    depth = np.array([[actor.z for actor in actors] for actors in instants])
    detected = np.array([actor.kind in DETECTED for actor in instants[-1]])
    size = boxes[..., 2:] - boxes[..., :2]
    low = np.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = np.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clip(min=0.0).prod(axis=3)  # (n, A, A)
    nearer = (depth[:, None, :] < depth[:, :, None] - 0.5) & detected[None, None, :]
    area = np.maximum(size.prod(axis=2), 1e-6)
    hidden = np.where(nearer, shared / area[:, :, None], 0.0).max(axis=2)
    seen = (depth >= LEAST_Z) & (size.min(axis=2) >= MIN_BOX_PX) & (hidden <= MAX_HIDDEN)
    seen[-1] = True  # the scene itself has decided
    scaled = boxes / np.array([*FRAME_WH, *FRAME_WH])
    history: NDArray[np.float32] = np.where(seen[..., None], scaled, np.nan).astype(np.float32)
    return history[:, list(rows)]


def own_car_cues(
    seed: int, since_event_s: float, struck: bool, roll_rate: float
) -> tuple[float, float]:
    """Jerk and rotation of the own car as the service would measure them, in 0..1.

    Args:
        seed: Decides bumps and the strength of a blow.
        since_event_s: Seconds since the contact.
        struck: Whether the own car has been struck.
        roll_rate: Radians a second that the camera tilts.
    """
    rng = np.random.default_rng((seed, 10, round(since_event_s * 100) + 100_000))
    scale = CALM * np.exp(CALM_SPREAD * np.random.default_rng((seed, 14)).standard_normal())
    jerk, rotation = np.minimum(rng.gamma(CALM_SHAPE, [scale, ROTATION_SHARE * scale]), 1.0)
    if rng.random() < BUMP_SHARE:
        jerk = rng.uniform(0.2, 0.9)
    if struck:
        blow = np.random.default_rng((seed, 11)).uniform(0.6, 1.0)
        jerk = max(jerk, blow * float(np.exp(-max(since_event_s, 0.0) / (2 * SHAKE_S))))
    turn = roll_rate / 0.3
    return float(jerk), float(max(rotation, turn * turn / (turn * turn + 1)))


def make_history(
    instants: Sequence[tuple[Actor, ...]],
    camera: Camera,
    rows: Sequence[int],
    ego: tuple[float, float] | None,
) -> History:
    """Boxes and own-car cues as one record; times end at 0."""
    times = np.arange(1 - len(instants), 1).astype(np.float64) * STEP_S
    return History(times, history_of(instants, camera, rows), ego)


def _boxes(instants: Sequence[tuple[Actor, ...]], camera: Camera) -> NDArray[np.float64]:
    """(n, A, 4) in pixels, clipped to the frame; the solids of `solid_corners`, all at once."""
    poses = np.array([[(a.x, a.z, a.yaw, a.roll) for a in actors] for actors in instants], float)
    x, z, yaw, roll = np.moveaxis(poses, 2, 0)[..., None]  # (n, A, 1) each
    width, height, length = np.array([SIZES[a.kind] for a in instants[-1]]).T[..., None]
    side = np.array([-1, 1, 1, -1] * 2) * width / 2  # (A, 8)
    ahead = np.array([-1, -1, 1, 1] * 2) * length / 2
    up = np.array([0, 0, 0, 0, 1, 1, 1, 1]) * height - height / 2
    across = side * np.cos(roll) - up * np.sin(roll)
    lifted = side * np.sin(roll) + up * np.cos(roll)
    lifted = lifted - lifted.min(axis=2, keepdims=True)
    right = across * np.cos(yaw) + ahead * np.sin(yaw)
    away = -across * np.sin(yaw) + ahead * np.cos(yaw)
    points = np.stack([x + right, lifted, z + away], axis=-1)  # (n, A, 8, 3)
    pixels = project(points.reshape(-1, 3), camera).reshape(*points.shape[:3], 2)
    boxes = np.concatenate([pixels.min(axis=2), pixels.max(axis=2)], axis=-1)
    clipped: NDArray[np.float64] = boxes.clip(0, np.array([*FRAME_WH, *FRAME_WH]))
    return clipped
