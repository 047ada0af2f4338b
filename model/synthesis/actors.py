"""Draw one actor: shaded solids, two-wheelers, people, animals, upright things, fire."""

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthesis.solids import FRAME_WH, Actor, Camera, actor_box, project, solid_corners


def draw_actor(
    frame: NDArray[np.uint8],
    actor: Actor,
    camera: Camera,
    weather: str,
    rng: np.random.Generator,
) -> None:
    x0, y0, x1, y1 = actor_box(actor, camera)
    if x1 < 0 or y1 < 0 or x0 > FRAME_WH[0] or y0 > FRAME_WH[1] or y1 - y0 < 2:
        return
    shadow = np.array(
        [[x0, y1], [x1, y1], [x1 + 0.05 * (x1 - x0), y1 + 0.06 * (y1 - y0)], [x0, y1]]
    )
    fill(frame, shadow, (30, 30, 30))
    if actor.kind in ("car", "truck", "bus", "barrier", "debris"):
        _draw_solid(frame, actor, camera, weather)
    elif actor.kind in ("motorcycle", "bicycle"):
        _draw_two_wheeler(frame, actor, (x0, y0, x1, y1))
    elif actor.kind == "person":
        _draw_person(frame, actor, (x0, y0, x1, y1))
    elif actor.kind == "animal":
        _draw_animal(frame, actor, (x0, y0, x1, y1))
    else:
        _draw_upright(frame, actor, (x0, y0, x1, y1))
    if actor.burning:
        _draw_fire(frame, (x0, y0, x1, y1), rng)


def _draw_solid(frame: NDArray[np.uint8], actor: Actor, camera: Camera, weather: str) -> None:
    corners = solid_corners(actor)
    faces = {
        "rear": (0, 1, 5, 4),
        "right": (1, 2, 6, 5),
        "front": (2, 3, 7, 6),
        "left": (3, 0, 4, 7),
        "top": (4, 5, 6, 7),
        "bottom": (0, 1, 2, 3),
    }
    centre = corners.mean(axis=0)
    eye = np.array([0.0, camera.height, 0.0])
    shades = {"rear": 0.8, "front": 0.85, "left": 0.65, "right": 0.7, "top": 1.0, "bottom": 0.3}
    order = sorted(
        faces, key=lambda name: -float(np.linalg.norm(corners[list(faces[name])].mean(0) - eye))
    )
    for name in order:
        face = corners[list(faces[name])]
        outward = face.mean(axis=0) - centre
        if outward @ (eye - face.mean(axis=0)) <= 0:
            continue
        dim = 0.45 if weather == "night" else 1.0
        colour = tuple(int(c * shades[name] * dim) for c in actor.colour)
        pixels = project(face, camera)
        fill(frame, pixels, colour)
        if actor.kind in ("barrier", "debris") or name in ("top", "bottom"):
            continue
        fill(frame, _inset(pixels, 0.12, 0.88, 0.5, 0.92), (25, 30, 40))
        if name in ("rear", "front"):
            light = (235, 40, 30) if name == "rear" else (255, 250, 200)
            for low in (0.04, 0.8):
                fill(frame, _inset(pixels, low, low + 0.16, 0.28, 0.42), light)
        else:
            _draw_wheels(frame, pixels)
        if actor.damaged:
            fill(frame, _inset(pixels, 0.1, 0.6, 0.05, 0.35), (20, 20, 20))
            fill(frame, _inset(pixels, 0.5, 0.95, 0.3, 0.6), (60, 55, 50))


def _draw_wheels(frame: NDArray[np.uint8], side: NDArray[np.float64]) -> None:
    radius = max(1, int(0.16 * abs(side[0, 1] - side[3, 1])))
    for share in (0.2, 0.8):
        spot = side[0] * (1 - share) + side[1] * share
        cv2.circle(frame, _pixel(spot), radius, (15, 15, 15), -1, cv2.LINE_AA)


def _draw_two_wheeler(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    radius = max(1, int(0.3 * min(y1 - y0, x1 - x0)))
    thickness = max(1, radius // 3)
    for x in (x0 + radius, x1 - radius):
        cv2.circle(
            frame, _pixel(np.array([x, y1 - radius])), radius, (20, 20, 20), thickness, cv2.LINE_AA
        )
    body = np.array(
        [
            [x0 + radius, y1 - radius],
            [x1 - radius, y1 - radius],
            [x1 - radius, y0 + 0.3 * (y1 - y0)],
            [x0 + radius, y0 + 0.45 * (y1 - y0)],
        ]
    )
    fill(frame, body, actor.colour)


def _draw_person(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    skin, legs = (205, 160, 130), (45, 45, 70)
    if actor.roll:  # lying: head at one end
        third = (x1 - x0) / 5
        fill(
            frame,
            np.array(
                [[x0 + third, y0], [x0 + 3 * third, y0], [x0 + 3 * third, y1], [x0 + third, y1]]
            ),
            actor.colour,
        )
        fill(
            frame, np.array([[x0 + 3 * third, y0], [x1, y0], [x1, y1], [x0 + 3 * third, y1]]), legs
        )
        cv2.circle(
            frame,
            _pixel(np.array([x0 + third / 2, (y0 + y1) / 2])),
            max(1, int(third / 2)),
            skin,
            -1,
            cv2.LINE_AA,
        )
        return
    height = y1 - y0
    middle = (x0 + x1) / 2
    half = 0.18 * height
    fill(
        frame,
        np.array(
            [
                [middle - half, y0 + 0.17 * height],
                [middle + half, y0 + 0.17 * height],
                [middle + half * 0.8, y0 + 0.55 * height],
                [middle - half * 0.8, y0 + 0.55 * height],
            ]
        ),
        actor.colour,
    )
    for side in (-1, 1):
        foot = middle + side * half * 0.7
        fill(
            frame,
            np.array(
                [
                    [middle, y0 + 0.5 * height],
                    [middle + side * half * 0.8, y0 + 0.5 * height],
                    [foot + half * 0.3, y1],
                    [foot - half * 0.3, y1],
                ]
            ),
            legs,
        )
    cv2.circle(
        frame,
        _pixel(np.array([middle, y0 + 0.09 * height])),
        max(1, int(0.08 * height)),
        skin,
        -1,
        cv2.LINE_AA,
    )


def _draw_animal(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    cv2.ellipse(
        frame,
        _pixel(np.array([(x0 + x1) / 2, y0 + 0.45 * height])),
        (max(1, int(0.38 * width)), max(1, int(0.25 * height))),
        0,
        0,
        360,
        actor.colour,
        -1,
        cv2.LINE_AA,
    )
    for share in (0.2, 0.35, 0.65, 0.8):
        x = x0 + share * width
        cv2.line(
            frame,
            _pixel(np.array([x, y0 + 0.5 * height])),
            _pixel(np.array([x, y1])),
            actor.colour,
            max(1, int(0.06 * width)),
        )
    cv2.circle(
        frame,
        _pixel(np.array([x1 - 0.1 * width, y0 + 0.2 * height])),
        max(1, int(0.14 * height)),
        actor.colour,
        -1,
        cv2.LINE_AA,
    )


def _draw_upright(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    middle, half = (x0 + x1) / 2, max(0.5, (x1 - x0) / 4)
    stem = (90, 70, 50) if actor.kind == "tree" else (140, 140, 145)
    fill(
        frame,
        np.array(
            [[middle - half, y0], [middle + half, y0], [middle + half, y1], [middle - half, y1]]
        ),
        stem,
    )
    if actor.kind == "tree":
        radius = max(2, int(0.28 * (y1 - y0)))
        cv2.circle(
            frame, _pixel(np.array([middle, y0 + radius])), radius, (50, 95, 45), -1, cv2.LINE_AA
        )


def _draw_fire(
    frame: NDArray[np.uint8], box: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    x0, y0, x1, y1 = box
    for _ in range(9):
        spot = np.array([rng.uniform(x0, x1), y0 - rng.uniform(0.0, 1.2) * (y1 - y0)])
        grey = int(rng.uniform(50, 120))
        cv2.circle(
            frame, _pixel(spot), max(2, int(0.22 * (y1 - y0))), (grey, grey, grey), -1, cv2.LINE_AA
        )
    for _ in range(12):
        spot = np.array([rng.uniform(x0, x1), rng.uniform(y0 - 0.3 * (y1 - y0), (y0 + y1) / 2)])
        colour = (255, int(rng.uniform(90, 220)), 20)
        cv2.circle(frame, _pixel(spot), max(1, int(0.12 * (y1 - y0))), colour, -1, cv2.LINE_AA)


def _inset(
    quad: NDArray[np.float64], x0: float, x1: float, y0: float, y1: float
) -> NDArray[np.float64]:
    """A part of a face given in shares of its width and height (y up)."""
    low = [quad[0] * (1 - s) + quad[1] * s for s in (x0, x1)]
    high = [quad[3] * (1 - s) + quad[2] * s for s in (x0, x1)]
    return np.array(
        [
            low[0] * (1 - y0) + high[0] * y0,
            low[1] * (1 - y0) + high[1] * y0,
            low[1] * (1 - y1) + high[1] * y1,
            low[0] * (1 - y1) + high[0] * y1,
        ]
    )


def fill(frame: NDArray[np.uint8], polygon: NDArray[np.float64], colour: tuple[int, ...]) -> None:
    points = np.clip(polygon, -4000, 4000).round().astype(np.int32)
    cv2.fillConvexPoly(frame, points, colour, cv2.LINE_AA)


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.clip(point, -4000, 4000)
    return int(x), int(y)
