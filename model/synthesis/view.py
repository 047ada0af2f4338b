"""Where a camera stands beside its street, and what of the ground lies before it.

Plots and streets are set along z, as a dashcam in the middle lane sees them where one drives on
the right. It may be in another lane; a camera on a mast may look across the street, so that traffic
crosses the picture; and where one drives on the left, the picture is the mirror image.

Dimension letters used in this file: P points.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.synthesis.solids import NEAR, Actor

ASIDE = 3.0  # metres beside the middle for each metre ahead; a lens shows 1.2 at most
CUTS = (((0, 0, 1), NEAR), ((1, 0, ASIDE), -ASIDE), ((-1, 0, ASIDE), -ASIDE))


@dataclass(frozen=True, slots=True)
class View:
    """A place on the ground in metres, and a heading in radians as that of an actor.

    The default is the place of a dashcam: everything stays where it is. ``mirrored`` says that left
    and right are changed in its picture.
    """

    x: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    mirrored: bool = False

    def of(self, actor: Actor) -> Actor:
        """The same actor, x to the right of this view and z ahead of it."""
        if self == View():
            return actor
        x, z = self._turned(np.array([[actor.x, actor.z]]))[0].tolist()
        yaw, side = actor.yaw - self.yaw, self._side
        return replace(actor, x=side * x, z=z, yaw=side * yaw, roll=side * actor.roll)

    def ground(self, polygon: NDArray[np.float64]) -> NDArray[np.float64]:
        """What of a convex polygon (P, 3) lies ahead, in this view; (0, 3) where nothing does.

        Cut at the near plane and well beside the picture (Sutherland and Hodgman 1974): a corner
        behind the camera has no place in its picture, and one far aside none that can be drawn.
        """
        x, z = self._turned(polygon[:, [0, 2]]).T
        points = np.stack([x, polygon[:, 1], z], axis=1)
        for inwards, at_least in CUTS:
            points = _cut(points, np.array(inwards), at_least)
        seen: NDArray[np.float64] = points * np.array([self._side, 1.0, 1.0])
        return seen

    @property
    def _side(self) -> float:
        return -1.0 if self.mirrored else 1.0

    def _turned(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (P, 2) on the ground: right and ahead."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        turned: NDArray[np.float64] = (places - np.array([self.x, self.z])) @ np.array(
            [[cos, sin], [-sin, cos]]
        )
        return turned


def _cut(
    points: NDArray[np.float64], inwards: NDArray[np.float64], at_least: float
) -> NDArray[np.float64]:
    """What of a convex polygon lies where ``points @ inwards >= at_least``."""
    inside = points @ inwards - at_least
    kept = []
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if inside[i] >= 0:
            kept.append(points[i])
        if (inside[i] >= 0) != (inside[j] >= 0):
            share = inside[i] / (inside[i] - inside[j])
            kept.append(points[i] + share * (points[j] - points[i]))
    return np.array(kept, float).reshape(-1, 3)


def across(middle_z: float, distance: float, yaw: float) -> View:
    """A camera that looks at a point of the street from a distance, turned by ``yaw``."""
    return View(-distance * float(np.sin(yaw)), middle_z - distance * float(np.cos(yaw)), yaw)
