"""Actors as boxes in perspective: what stands where, and where that is on the picture.

World: x to the right, y up, z ahead of the camera, in metres; the road is y = 0.
Dimension letters used in this file: H W frame size in pixels, P points.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

FRAME_WH = (320, 192)
NEAR = 0.6  # metres; nothing nearer than the bonnet is drawn
SIZES: dict[str, tuple[float, float, float]] = {  # width, height, length in metres
    "car": (1.8, 1.5, 4.3),
    "truck": (2.5, 3.2, 8.0),
    "bus": (2.5, 3.1, 10.5),
    "motorcycle": (0.7, 1.1, 2.1),
    "bicycle": (0.5, 1.0, 1.8),
    "person": (0.6, 1.75, 0.5),
    "animal": (0.5, 1.0, 1.5),
    "pole": (0.25, 5.0, 0.25),
    "tree": (0.5, 5.0, 0.5),
    "barrier": (0.5, 0.9, 6.0),
    "debris": (0.7, 0.5, 0.7),
}
DETECTED = ("car", "truck", "bus", "motorcycle", "bicycle", "person", "animal")


@dataclass(frozen=True, slots=True)
class Actor:
    """A solid on the road.

    ``yaw`` 0 drives away from the camera, pi / 2 to the right; ``roll`` lays it on its side.
    """

    kind: str
    x: float
    z: float
    yaw: float = 0.0
    roll: float = 0.0
    colour: tuple[int, int, int] = (120, 120, 120)
    burning: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Camera:
    """Dashcam pose: ``focal`` and ``pan`` in pixels, ``horizon`` row, ``roll`` in radians."""

    focal: float
    height: float
    horizon: float
    roll: float = 0.0
    pan: float = 0.0

    def tilted(self, roll: float) -> "Camera":
        """The same camera turned further, in radians."""
        return replace(self, roll=self.roll + roll)


@dataclass(frozen=True, slots=True)
class Street:
    """What stands still: colours, weather, and the seed of its small irregularities.

    Three lanes, one of them the camera's, with a bay for parking and a pavement on either
    side. ``bay`` is the grey of the bay; ``junction_z`` and ``crosswalk_z`` are None where the
    street has none; ``carriageways`` has the sides, -1 and 1, on which a second one lies
    behind the pavement.
    """

    weather: str
    asphalt: int
    bay: int
    seed: int
    junction_z: float | None = None
    crosswalk_z: float | None = None
    side: tuple[int, int, int] = (70, 110, 70)
    actors: tuple[Actor, ...] = field(default=())
    carriageways: tuple[int, ...] = ()


def project(points: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """World points (P, 3) to pixels (P, 2); points behind ``NEAR`` are moved onto it."""
    z = np.maximum(points[:, 2], NEAR)
    u = FRAME_WH[0] / 2 + camera.pan + camera.focal * points[:, 0] / z
    v = camera.horizon + camera.focal * (camera.height - points[:, 1]) / z
    if camera.roll:
        centre = np.array([FRAME_WH[0] / 2, FRAME_WH[1] / 2])
        cos, sin = np.cos(camera.roll), np.sin(camera.roll)
        turned = (np.stack([u, v], 1) - centre) @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned + centre)
    return np.stack([u, v], axis=1)


def solid_corners(actor: Actor) -> NDArray[np.float64]:
    """The 8 corners of an actor's box in world metres: low ring, then high ring."""
    width, height, length = SIZES[actor.kind]
    ring = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, length / 2]
    low, high = np.zeros(4), np.full(4, height)
    local = np.column_stack(
        [np.tile(ring[:, 0], 2), np.concatenate([low, high]), np.tile(ring[:, 1], 2)]
    )
    if actor.roll:
        cos, sin = np.cos(actor.roll), np.sin(actor.roll)
        local[:, 1] -= height / 2
        local[:, :2] = local[:, :2] @ np.array([[cos, sin], [-sin, cos]])
        local[:, 1] -= local[:, 1].min()
    cos, sin = np.cos(actor.yaw), np.sin(actor.yaw)
    local[:, [0, 2]] = local[:, [0, 2]] @ np.array([[cos, -sin], [sin, cos]])
    placed: NDArray[np.float64] = local + np.array([actor.x, 0.0, actor.z])
    return placed


def actor_box(actor: Actor, camera: Camera) -> NDArray[np.float32]:
    """Bounding box (4,) xyxy in pixels, not clipped to the frame."""
    pixels = project(solid_corners(actor), camera)
    return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]).astype(np.float32)
