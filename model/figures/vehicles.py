"""Plans of large vehicles: buses, and trucks of three builds."""

import numpy as np

from model.figures.parts import Hull, Part, Vector, Wheel, capsule
from model.figures.people import RUBBER, SIDES, colour, grey

PROUD = 0.02  # metres by which windows and lamps stand out, so that they are drawn on top
BUILDS = ("box", "flatbed", "pickup")


def block(
    low: tuple[float, ...], high: tuple[float, ...], paint: Vector, gloss: float = 0.2
) -> Hull:
    """A box from its lowest to its highest corner (x, y, z)."""
    corners = np.array(
        [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    )
    return Hull(corners, paint, gloss)


def glass(rng: np.random.Generator) -> Vector:
    """Dark, or bright where the sky is mirrored."""
    return rng.uniform(0.7, 2.6) * np.array([52.0, 45.0, 38.0])


def _ends(
    front: float, rear: float, half: float, high: float, rng: np.random.Generator
) -> list[Part]:
    """Headlamps, tail lamps, bumpers and number plates."""
    lit = 255.0 if rng.random() < 0.4 else 190.0
    parts: list[Part] = [
        block((front, -half, 0.35), (front + 0.1, half, 0.6), grey(rng, 20, 120)),
        block((rear - 0.1, -half, 0.4), (rear, half, 0.6), grey(rng, 20, 90)),
        block((rear - 0.13, -0.26, 0.5), (rear - 0.1, 0.26, 0.62), grey(rng, 160, 240)),
    ]
    for y in SIDES:
        lamp, tail = (0.8 * half * y, high), (0.85 * half * y, high + 0.1)
        parts.append(
            capsule([front + 0.1, *lamp], [front + 0.12, *lamp], (0.12, 0.12), np.full(3, lit), 0.6)
        )
        parts.append(
            capsule(
                [rear - 0.1, *tail],
                [rear - 0.12, *tail],
                (0.09, 0.09),
                np.array([25.0, 25.0, rng.uniform(110, 255)]),
            )
        )
    return parts


def _wheels(axles: tuple[float, ...], half: float, radius: float) -> list[Part]:
    return [
        Wheel(np.array([x, y * (half - 0.1), radius]), radius, 0.3, RUBBER, np.full(3, 110.0))
        for x in axles
        for y in SIDES
    ]


def bus(rng: np.random.Generator) -> list[Part]:
    """A city bus or coach."""
    half, length, high = 1.25, rng.uniform(7.5, 12.5), rng.uniform(2.8, 3.4)
    front, rear = length / 2, -length / 2
    paint, panes = colour(rng, 110, 250, 1.0), glass(rng)
    band = colour(rng, 30, 245, 1.0) if rng.random() < 0.6 else paint
    sill, lintel = rng.uniform(1.1, 1.4), high - rng.uniform(0.3, 0.6)
    parts: list[Part] = [
        block((rear, -half, 0.3), (front, half, high), paint, 0.3),
        block((front, -half + 0.1, sill - 0.2), (front + PROUD, half - 0.1, lintel), panes, 0.6),
        block((front, -0.8, lintel + 0.06), (front + PROUD, 0.8, high - 0.06), grey(rng, 15, 60)),
        block((rear - PROUD, -half + 0.2, sill), (rear, half - 0.2, lintel), panes, 0.6),
        *_wheels((front - 2.3, rear + 2.6), half, 0.5),
        *_ends(front, rear, half, 0.75, rng),
    ]
    pane, gap = rng.uniform(1.1, 1.7), rng.uniform(0.06, 0.14)
    for y in SIDES:
        near, far = sorted((y * half, y * (half + PROUD)))
        parts.append(block((rear, near, 0.5), (front, far, sill - 0.15), band, 0.3))
        x = rear + 0.25
        while x + pane < front - 0.1:
            parts.append(block((x, near, sill), (x + pane, far, lintel), panes, 0.6))
            x += pane + gap
    return parts


def truck(rng: np.random.Generator) -> list[Part]:
    """A box truck, a flatbed, or a pickup."""
    build = BUILDS[rng.integers(len(BUILDS))]
    paint, panes = colour(rng, 40, 245, 1.0), glass(rng)
    if build == "pickup":
        return _pickup(rng, paint, panes)
    half, length, cab = 1.2, rng.uniform(5.5, 9.0), rng.uniform(1.7, 2.2)
    front, rear, roof = length / 2, -length / 2, rng.uniform(2.2, 2.8)
    load, high = front - cab - 0.2, rng.uniform(2.8, 3.7)
    cargo = colour(rng, 120, 250, 0.4) if rng.random() < 0.7 else colour(rng, 30, 250, 1.0)
    parts: list[Part] = [
        block((rear, -half + 0.2, 0.6), (front - 0.3, half - 0.2, 0.95), grey(rng, 20, 60)),
        block((front - cab, -half, 0.5), (front, half, roof), paint, 0.4),
        block((front, -half + 0.12, 1.45), (front + PROUD, half - 0.12, roof - 0.2), panes, 0.6),
        block((front, -half + 0.3, 0.75), (front + PROUD, half - 0.3, 1.2), grey(rng, 20, 90)),
        *_wheels((front - 1.0, rear + 1.0, rear + 2.1)[: int(rng.integers(2, 4))], half, 0.48),
        *_ends(front, rear, half, 0.8, rng),
    ]
    for y in SIDES:
        near, far = sorted((y * half, y * (half + PROUD)))
        parts.append(
            block((front - cab + 0.5, near, 1.5), (front - 0.25, far, roof - 0.25), panes, 0.6)
        )
        parts.append(
            capsule(
                [front, 1.15 * y * half, 1.6], [front, 1.15 * y * half, 2.1], (0.08, 0.08), RUBBER
            )
        )
    if build == "box":
        parts.append(block((rear, -half, 0.95), (load, half, high), cargo, 0.1))
        parts.append(block((rear - PROUD, -0.03, 1.0), (rear, 0.03, high - 0.05), 0.6 * cargo))
    else:
        parts.append(block((rear, -half, 0.95), (load, half, rng.uniform(1.2, 2.1)), cargo, 0.1))
    return parts


def _pickup(rng: np.random.Generator, paint: Vector, panes: Vector) -> list[Part]:
    half, front, rear = 0.95, 2.6, -2.7
    roof, hood = rng.uniform(1.75, 1.95), rng.uniform(1.1, 1.25)
    glass = [
        [1.35, 0.9, hood],
        [0.75, 0.75, roof - 0.06],
        [-0.75, 0.75, roof - 0.06],
        [-0.95, 0.9, hood],
    ]
    cabin = np.array([[x, side * y, z] for x, y, z in glass for side in SIDES])
    parts: list[Part] = [
        block((-1.0, -half, 0.45), (front, half, hood), paint, 0.5),
        block((rear, -half, 0.45), (-1.0, half, hood), paint, 0.4),
        block((rear + 0.1, -half + 0.1, hood), (-1.1, half - 0.1, hood + 0.02), grey(rng, 15, 50)),
        Hull(cabin, panes, 0.5),
        block((-0.7, -0.74, roof - 0.08), (0.7, 0.74, roof), paint, 0.5),
        block((front, -0.6, 0.7), (front + PROUD, 0.6, hood - 0.12), grey(rng, 20, 120)),
        *_wheels((front - 0.85, rear + 1.1), half, 0.4),
        *_ends(front, rear, half, 0.85, rng),
    ]
    return parts
