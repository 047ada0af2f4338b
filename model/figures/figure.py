"""One figure as a picture with a mask, and how it is laid into a frame.

Dimension letters used in this file: h w size of the cut-out, H W size of a frame, in pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from model.figures.animals import animal
from model.figures.parts import Drawing, Part
from model.figures.people import pedestrian
from model.figures.two_wheelers import bicycle, motorcycle
from model.figures.vehicles import bus, truck

Kind = Literal["person", "motorcycle", "bicycle", "animal", "bus", "truck"]
SIDE = 320  # pixels of the drawing; frames show figures smaller
LYING = 0.12  # share of figures that lie on their side
# What each kind looks like, how many metres a drawing shows, and the eye's height in metres.
PLANS: dict[Kind, tuple[Callable[[np.random.Generator], list[Part]], float, float]] = {
    "person": (pedestrian, 2.6, 0.9),
    "motorcycle": (motorcycle, 3.2, 0.7),
    "bicycle": (bicycle, 3.2, 0.7),
    "animal": (animal, 3.6, 0.7),
    "bus": (bus, 15.0, 1.5),
    "truck": (truck, 11.5, 1.5),
}


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A cut-out: ``pixels`` (h, w, 3) float32 BGR 0..255, ``mask`` (h, w) float32 in 0..1."""

    kind: Kind
    pixels: NDArray[np.float32]
    mask: NDArray[np.float32]


def draw_figure(kind: Kind, rng: np.random.Generator) -> Figure:
    """Draw a random figure, seen from anywhere."""
    ahead = rng.choice([0.0, np.pi]) + rng.normal(0, 0.4)  # half of them come or go
    yaw = ahead if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi)
    pitch = rng.uniform(0.02, 0.15) if rng.random() < 0.5 else rng.uniform(0.1, 0.6)
    height, side = rng.uniform(0.5, 1.3), rng.uniform(0, 2 * np.pi)
    lamp = np.array([np.cos(height) * np.cos(side), np.cos(height) * np.sin(side), np.sin(height)])
    plan, span, level = PLANS[kind]
    # From some lengths away: nearer, what is close would be drawn too large.
    drawing = Drawing(SIDE, yaw, pitch, span * rng.uniform(1.6, 4.5), span, lamp, level)
    drawing.draw(plan(rng))
    patchy = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), 6)
    shown = drawing.colour * (1 + patchy[..., None])
    if rng.random() < LYING:
        angle = float(rng.choice([-1, 1]) * rng.uniform(50, 95))
    else:
        angle = float(rng.normal(0, 4))  # they lean into bends
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, 1.0)
    pixels, mask = (cv2.warpAffine(part, turn, (SIDE, SIDE)) for part in (shown, drawing.mask))
    x, y, w, h = cv2.boundingRect(mask)
    cut = np.s_[y : y + h, x : x + w]
    return Figure(
        kind,
        np.asarray(pixels[cut].clip(0, 255), np.float32),
        np.asarray(mask[cut] / np.float32(255), np.float32),
    )


def lay_into(
    frame: NDArray[np.uint8],
    figure: Figure,
    foot: tuple[float, float],
    size: float,
    rng: np.random.Generator,
) -> None:
    """Lay a figure and its shadow into (H, W, 3) uint8 BGR, in place.

    Args:
        frame: Changed.
        figure: What to lay.
        foot: Pixel x, y of the middle of its lower edge.
        size: Its longer side in pixels.
        rng: Decides haze, brightness, shadow and whether it is mirrored.
    """
    scale = size / max(figure.mask.shape)
    h, w = (max(3, round(side * scale)) for side in figure.mask.shape)
    pixels, mask = (
        cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA)
        for part in (figure.pixels, figure.mask)
    )
    if rng.random() < 0.5:
        pixels, mask = cv2.flip(pixels, 1), cv2.flip(mask, 1)
    x, y = round(foot[0] - w / 2), round(foot[1] - h)
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(frame.shape[1], x + w), min(frame.shape[0], y + h)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    _shade(frame, foot, (w, h), rng)
    place, cut = np.s_[y0:y1, x0:x1], np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
    below = frame[place].astype(np.float32)
    light = np.clip(float(below.mean()) / 115, 0.35, 1.4) * rng.uniform(0.75, 1.25)
    haze = rng.uniform(0, 0.3)
    shown = light * pixels[cut] * (1 - haze) + haze * below.mean(axis=(0, 1))
    share = mask[cut][..., None]
    frame[place] = np.clip(below * (1 - share) + shown * share, 0, 255).astype(np.uint8)


def _shade(
    frame: NDArray[np.uint8],
    foot: tuple[float, float],
    size_wh: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """A soft shadow under a figure."""
    w, h = size_wh
    reach = max(2.0, 0.15 * h)
    x0, x1 = (int(np.clip(foot[0] + s * (0.5 * w + reach), 0, frame.shape[1])) for s in (-1, 1))
    y0, y1 = (int(np.clip(foot[1] + s * reach, 0, frame.shape[0])) for s in (-1, 1))
    if x1 <= x0 or y1 <= y0:
        return
    dark = np.zeros((y1 - y0, x1 - x0), np.float32)
    centre = round(foot[0]) - x0, round(foot[1] - 0.04 * h) - y0
    axes = round(0.5 * w), max(1, round(0.06 * h))
    cv2.ellipse(dark, centre, axes, 0, 0, 360, rng.uniform(0.3, 0.7), -1)
    soft = cv2.GaussianBlur(dark, (0, 0), max(0.8, 0.03 * h))
    ground = frame[y0:y1, x0:x1]
    ground[:] = (ground * (1 - soft[..., None])).astype(np.uint8)
