"""What figures are made of, and how a figure is drawn: capsules, convex hulls and wheels.

Figures stand on z = 0 and face +x, y to their left, in metres. Parts are drawn from far to near
(painter's algorithm) with a lamp far away (Lambert's cosine law, and a highlight).
Dimension letters used in this file: P points, S side of the picture in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

Vector = NDArray[np.float64]
SUBPIXEL = 4  # bits of OpenCV's fixed-point coordinates
ROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
CIRCLE = np.stack([np.cos(ROUND), np.sin(ROUND)], axis=1)
# Radius and brightness of the nested outlines that make a capsule look round.
SHADES = ((1.0, 0.55), (0.85, 0.75), (0.65, 0.95), (0.4, 1.08), (0.18, 1.1))
AMBIENT, DIFFUSE, HIGHLIGHT_POWER = 0.4, 0.75, 8


@dataclass(frozen=True, slots=True, eq=False)
class Capsule:
    """A limb: from ``start`` to ``end`` (3,), with a radius at each end; colour BGR 0..255."""

    start: Vector
    end: Vector
    radii: tuple[float, float]
    colour: Vector
    gloss: float = 0.2

    @property
    def centre(self) -> Vector:
        """Middle of the two ends (3,)."""
        middle: Vector = (self.start + self.end) / 2
        return middle


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """A solid panel: the convex hull of ``points`` (P, 3)."""

    points: Vector
    colour: Vector
    gloss: float = 0.3

    @property
    def centre(self) -> Vector:
        """Mean of the points (3,)."""
        middle: Vector = self.points.mean(axis=0)
        return middle


@dataclass(frozen=True, slots=True, eq=False)
class Wheel:
    """A tyre around ``centre``, turned by ``steer`` radians; ``open`` ones are seen through."""

    centre: Vector
    radius: float
    width: float
    tyre: Vector
    rim: Vector
    steer: float = 0.0
    open: bool = False


Part = Capsule | Hull | Wheel


def vec(x: float, y: float, z: float) -> Vector:
    """A place or a step (3,) in metres."""
    return np.array([x, y, z], np.float64)


def capsule(
    start: ArrayLike,
    end: ArrayLike,
    radii: tuple[float, float],
    colour: Vector,
    gloss: float = 0.2,
) -> Capsule:
    """A `Capsule` from plain lists."""
    return Capsule(np.asarray(start, float), np.asarray(end, float), radii, colour, gloss)


def symmetric_hull(corners: ArrayLike, colour: Vector, gloss: float = 0.3) -> Hull:
    """A `Hull` of x, y, z rows and their mirror images at -y."""
    half = np.asarray(corners, float)
    return Hull(np.concatenate([half, half * [1, -1, 1]]), colour, gloss)


class Drawing:
    """A square picture of a figure and the camera that sees it.

    Args:
        side: S, pixels.
        yaw: Radians from which the camera looks; 0 sees the figure's face.
        pitch: Radians above the ground.
        distance: Metres.
        span: Metres that fill the picture at the figure.
        lamp: Direction (3,) towards the light, of length 1.
        level: Metres above the ground that the camera looks at.
    """

    def __init__(
        self,
        side: int,
        yaw: float,
        pitch: float,
        distance: float,
        span: float,
        lamp: Vector,
        level: float,
    ) -> None:
        towards = np.array(
            [np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)]
        )
        right = np.cross(-towards, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        down = np.cross(-towards, right)
        self._axes = np.stack([right, down, -towards])
        self._eye = np.array([0.0, 0.0, level]) + towards * distance
        self._focal = side * distance / span
        self._lamp = lamp
        self.colour = np.zeros((side, side, 3), np.float32)
        self.mask = np.zeros((side, side), np.uint8)

    def draw(self, parts: Sequence[Part]) -> None:
        """Draw all parts, far ones first."""
        for part in sorted(parts, key=lambda p: -float(np.linalg.norm(p.centre - self._eye))):
            if isinstance(part, Capsule):
                self._capsule(part)
            elif isinstance(part, Hull):
                self._hull(part)
            else:
                self._wheel(part)

    def _project(self, points: Vector) -> tuple[Vector, Vector]:
        """World points (P, 3) to pixels (P, 2) and pixels a metre (P,)."""
        seen = (points - self._eye) @ self._axes.T
        scale = self._focal / seen[:, 2]
        return seen[:, :2] * scale[:, None] + len(self.mask) / 2, scale

    def _fill(self, outline: Vector, colour: Vector) -> None:
        """Fill the convex hull of pixels (P, 2)."""
        corners = cv2.convexHull(np.round(outline * (1 << SUBPIXEL)).astype(np.int32))
        shade = tuple(float(c) for c in np.clip(colour, 0, 255))
        cv2.fillConvexPoly(self.colour, corners, shade, cv2.LINE_8, SUBPIXEL)
        cv2.fillConvexPoly(self.mask, corners, 255, cv2.LINE_8, SUBPIXEL)

    def _capsule(self, part: Capsule) -> None:
        ends, scale = self._project(np.stack([part.start, part.end]))
        radii = np.array(part.radii) * scale
        lit = (self._axes @ self._lamp)[:2]
        for share, shade in SHADES:
            shift = 0.75 * (1 - share) * lit
            rings = [e + r * (shift + share * CIRCLE) for e, r in zip(ends, radii, strict=True)]
            bright = shade + part.gloss * (share == SHADES[-1][0])
            self._fill(np.concatenate(rings), part.colour * bright)

    def _hull(self, part: Hull) -> None:
        hull = ConvexHull(part.points)
        for corners, plane in zip(hull.simplices, hull.equations, strict=True):
            face, outward = part.points[corners], plane[:3]
            if outward @ (self._eye - face.mean(axis=0)) > 0:
                cosine = max(0.0, float(outward @ self._lamp))
                bright = AMBIENT + DIFFUSE * cosine + part.gloss * cosine**HIGHLIGHT_POWER
                self._fill(self._project(face)[0], part.colour * bright)

    def _wheel(self, part: Wheel) -> None:
        ahead = np.array([np.cos(part.steer), np.sin(part.steer), 0.0])
        axle = np.array([-np.sin(part.steer), np.cos(part.steer), 0.0])
        ring = CIRCLE[:, :1] * ahead + CIRCLE[:, 1:] * [0.0, 0.0, 1.0]
        if part.open:
            self._spokes(part, ring)
            return
        sides = [part.centre + part.radius * ring + y * part.width / 2 * axle for y in (-1, 1)]
        self._fill(self._project(np.concatenate(sides))[0], 0.8 * part.tyre)
        near = 1.0 if axle @ (self._eye - part.centre) > 0 else -1.0
        middle = part.centre + near * part.width / 2 * axle
        for share, colour in (
            (0.97, part.tyre),
            (0.68, 0.5 * part.rim),
            (0.62, 0.6 * part.tyre + 0.2 * part.rim),
            (0.25, part.rim),
        ):
            self._fill(self._project(middle + share * part.radius * ring)[0], colour)

    def _spokes(self, part: Wheel, ring: Vector) -> None:
        outline, scale = self._project(part.centre + part.radius * ring)
        hub = self._project(part.centre[None])[0][0]
        thick = max(1, round(part.width * float(scale.mean())))
        corners, middle = ((x * (1 << SUBPIXEL)).astype(np.int32) for x in (outline, hub))
        for canvas, tyre, rim in (
            (self.colour, tuple(map(float, part.tyre)), tuple(map(float, part.rim))),
            (self.mask, (255.0,), (255.0,)),
        ):
            cv2.polylines(canvas, [corners], True, tyre, thick, cv2.LINE_8, SUBPIXEL)
            for end in corners[::2]:
                cv2.line(
                    canvas, middle.tolist(), end.tolist(), rim, max(1, thick // 4), 8, SUBPIXEL
                )
