"""Draw a street seen from a dashcam: road, sky, shaded solids in perspective, weather.

World: x to the right, y up, z ahead of the camera, in metres; the road is y = 0.
Dimension letters used in this file: H W frame size in pixels, P points.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

FRAME_WH = (320, 192)
NEAR = 0.6  # metres; nothing nearer than the bonnet is drawn
SIZES: dict[str, tuple[float, float, float]] = {  # width, height, length in metres
    "car": (1.8, 1.5, 4.3), "truck": (2.5, 3.2, 8.0), "bus": (2.5, 3.1, 10.5),
    "motorcycle": (0.7, 1.1, 2.1), "bicycle": (0.5, 1.0, 1.8), "person": (0.6, 1.75, 0.5),
    "animal": (0.5, 1.0, 1.5), "pole": (0.25, 5.0, 0.25), "tree": (0.5, 5.0, 0.5),
    "barrier": (0.5, 0.9, 6.0), "debris": (0.7, 0.5, 0.7),
}  # fmt: skip
DETECTED = ("car", "truck", "bus", "motorcycle", "bicycle", "person", "animal")


@dataclass(frozen=True, slots=True)
class Actor:
    """A solid on the road. ``yaw`` 0 drives away from the camera; ``roll`` lays it on its side."""

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
    """Dashcam pose: ``focal`` in pixels, ``horizon`` row, ``roll`` in radians."""

    focal: float
    height: float
    horizon: float
    roll: float = 0.0


@dataclass(frozen=True, slots=True)
class Street:
    """What stands still: lanes, colours, weather, and the seed of its small irregularities."""

    lanes: int
    weather: str
    asphalt: int
    seed: int
    side: tuple[int, int, int] = (70, 110, 70)
    actors: tuple[Actor, ...] = field(default=())


def project(points: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """World points (P, 3) to pixels (P, 2); points behind ``NEAR`` are moved onto it."""
    z = np.maximum(points[:, 2], NEAR)
    u = FRAME_WH[0] / 2 + camera.focal * points[:, 0] / z
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
    local = np.column_stack([np.tile(ring[:, 0], 2), np.concatenate([low, high]), np.tile(ring[:, 1], 2)])
    if actor.roll:
        cos, sin = np.cos(actor.roll), np.sin(actor.roll)
        local[:, 1] -= height / 2
        local[:, :2] = local[:, :2] @ np.array([[cos, sin], [-sin, cos]])
        local[:, 1] -= local[:, 1].min()
    cos, sin = np.cos(actor.yaw), np.sin(actor.yaw)
    local[:, [0, 2]] = local[:, [0, 2]] @ np.array([[cos, -sin], [sin, cos]])
    return local + [actor.x, 0.0, actor.z]


def actor_box(actor: Actor, camera: Camera) -> NDArray[np.float32]:
    """Bounding box (4,) xyxy in pixels, not clipped to the frame."""
    pixels = project(solid_corners(actor), camera)
    return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]).astype(np.float32)


def draw_frame(street: Street, actors: tuple[Actor, ...], camera: Camera) -> NDArray[np.uint8]:
    """Render one frame, far things first; returns (H, W, 3) uint8 RGB."""
    rng = np.random.default_rng(street.seed)
    frame = _background(street, camera)
    everything = sorted(street.actors + actors, key=lambda actor: -actor.z)
    for actor in everything:
        if actor.z > NEAR:
            _draw_actor(frame, actor, camera, street.weather, rng)
    return _weather(frame, street, camera, rng)


def _background(street: Street, camera: Camera) -> NDArray[np.uint8]:
    width, height = FRAME_WH
    sky = {"day": (200, 215, 235), "rain": (150, 155, 165), "snow": (205, 208, 214),
           "fog": (190, 192, 195), "night": (18, 20, 34)}[street.weather]  # fmt: skip
    side = (225, 228, 232) if street.weather == "snow" else street.side
    frame = np.empty((height, width, 3), np.uint8)
    frame[:] = sky
    ground = np.array([[-90, 0, 1.0], [90, 0, 1.0], [90, 0, 300], [-90, 0, 300]], float)
    _fill(frame, project(ground, camera), side)
    half = street.lanes * 1.75
    asphalt = (street.asphalt,) * 3
    _fill(frame, project(_strip(-half - 0.5, half + 0.5, NEAR, 250), camera), asphalt)
    pavement = tuple(min(255, street.asphalt + 45) for _ in range(3))
    for edge in (-1, 1):
        low, high = sorted((edge * (half + 0.7), edge * (half + 2.6)))
        _fill(frame, project(_strip(low, high, NEAR, 250), camera), pavement)
    paint = (225, 225, 215)
    for lane in range(1, street.lanes):
        x = -half + 3.5 * lane
        for start in np.arange(2.0, 70.0, 7.0):
            _fill(frame, project(_strip(x - 0.07, x + 0.07, start, start + 3), camera), paint)
    for x in (-half, half):
        _fill(frame, project(_strip(x - 0.08, x + 0.08, NEAR, 200), camera), paint)
    return frame


def _strip(x0: float, x1: float, z0: float, z1: float) -> NDArray[np.float64]:
    return np.array([[x0, 0, z0], [x1, 0, z0], [x1, 0, z1], [x0, 0, z1]], float)


def _draw_actor(
    frame: NDArray[np.uint8],
    actor: Actor,
    camera: Camera,
    weather: str,
    rng: np.random.Generator,
) -> None:
    x0, y0, x1, y1 = actor_box(actor, camera)
    if x1 < 0 or y1 < 0 or x0 > FRAME_WH[0] or y0 > FRAME_WH[1] or y1 - y0 < 2:
        return
    shadow = np.array([[x0, y1], [x1, y1], [x1 + 0.05 * (x1 - x0), y1 + 0.06 * (y1 - y0)], [x0, y1]])
    _fill(frame, shadow, (30, 30, 30))
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
    faces = {"rear": (0, 1, 5, 4), "right": (1, 2, 6, 5), "front": (2, 3, 7, 6),
             "left": (3, 0, 4, 7), "top": (4, 5, 6, 7), "bottom": (0, 1, 2, 3)}  # fmt: skip
    centre = corners.mean(axis=0)
    eye = np.array([0.0, camera.height, 0.0])
    shades = {"rear": 0.8, "front": 0.85, "left": 0.65, "right": 0.7, "top": 1.0, "bottom": 0.3}
    order = sorted(faces, key=lambda name: -float(np.linalg.norm(corners[list(faces[name])].mean(0) - eye)))
    for name in order:
        face = corners[list(faces[name])]
        outward = face.mean(axis=0) - centre
        if outward @ (eye - face.mean(axis=0)) <= 0:
            continue
        dim = 0.45 if weather == "night" else 1.0
        colour = tuple(int(c * shades[name] * dim) for c in actor.colour)
        pixels = project(face, camera)
        _fill(frame, pixels, colour)
        if actor.kind in ("barrier", "debris") or name in ("top", "bottom"):
            continue
        _fill(frame, _inset(pixels, 0.12, 0.88, 0.5, 0.92), (25, 30, 40))
        if name in ("rear", "front"):
            light = (235, 40, 30) if name == "rear" else (255, 250, 200)
            for low in (0.04, 0.8):
                _fill(frame, _inset(pixels, low, low + 0.16, 0.28, 0.42), light)
        else:
            _draw_wheels(frame, pixels)
        if actor.damaged:
            _fill(frame, _inset(pixels, 0.1, 0.6, 0.05, 0.35), (20, 20, 20))
            _fill(frame, _inset(pixels, 0.5, 0.95, 0.3, 0.6), (60, 55, 50))


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
        cv2.circle(frame, _pixel(np.array([x, y1 - radius])), radius, (20, 20, 20), thickness, cv2.LINE_AA)
    body = np.array([[x0 + radius, y1 - radius], [x1 - radius, y1 - radius],
                     [x1 - radius, y0 + 0.3 * (y1 - y0)], [x0 + radius, y0 + 0.45 * (y1 - y0)]])  # fmt: skip
    _fill(frame, body, actor.colour)


def _draw_person(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    skin, legs = (205, 160, 130), (45, 45, 70)
    if actor.roll:  # lying: head at one end
        third = (x1 - x0) / 5
        _fill(frame, np.array([[x0 + third, y0], [x0 + 3 * third, y0], [x0 + 3 * third, y1], [x0 + third, y1]]), actor.colour)
        _fill(frame, np.array([[x0 + 3 * third, y0], [x1, y0], [x1, y1], [x0 + 3 * third, y1]]), legs)
        cv2.circle(frame, _pixel(np.array([x0 + third / 2, (y0 + y1) / 2])), max(1, int(third / 2)), skin, -1, cv2.LINE_AA)
        return
    height = y1 - y0
    middle = (x0 + x1) / 2
    half = 0.18 * height
    _fill(frame, np.array([[middle - half, y0 + 0.17 * height], [middle + half, y0 + 0.17 * height],
                           [middle + half * 0.8, y0 + 0.55 * height], [middle - half * 0.8, y0 + 0.55 * height]]), actor.colour)  # fmt: skip
    for side in (-1, 1):
        foot = middle + side * half * 0.7
        _fill(frame, np.array([[middle, y0 + 0.5 * height], [middle + side * half * 0.8, y0 + 0.5 * height],
                               [foot + half * 0.3, y1], [foot - half * 0.3, y1]]), legs)  # fmt: skip
    cv2.circle(frame, _pixel(np.array([middle, y0 + 0.09 * height])), max(1, int(0.08 * height)), skin, -1, cv2.LINE_AA)


def _draw_animal(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    cv2.ellipse(frame, _pixel(np.array([(x0 + x1) / 2, y0 + 0.45 * height])),
                (max(1, int(0.38 * width)), max(1, int(0.25 * height))), 0, 0, 360, actor.colour, -1, cv2.LINE_AA)  # fmt: skip
    for share in (0.2, 0.35, 0.65, 0.8):
        x = x0 + share * width
        cv2.line(frame, _pixel(np.array([x, y0 + 0.5 * height])), _pixel(np.array([x, y1])), actor.colour, max(1, int(0.06 * width)))
    cv2.circle(frame, _pixel(np.array([x1 - 0.1 * width, y0 + 0.2 * height])), max(1, int(0.14 * height)), actor.colour, -1, cv2.LINE_AA)


def _draw_upright(
    frame: NDArray[np.uint8], actor: Actor, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    middle, half = (x0 + x1) / 2, max(0.5, (x1 - x0) / 4)
    stem = (90, 70, 50) if actor.kind == "tree" else (140, 140, 145)
    _fill(frame, np.array([[middle - half, y0], [middle + half, y0], [middle + half, y1], [middle - half, y1]]), stem)
    if actor.kind == "tree":
        radius = max(2, int(0.28 * (y1 - y0)))
        cv2.circle(frame, _pixel(np.array([middle, y0 + radius])), radius, (50, 95, 45), -1, cv2.LINE_AA)


def _draw_fire(
    frame: NDArray[np.uint8], box: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    x0, y0, x1, y1 = box
    for _ in range(9):
        spot = np.array([rng.uniform(x0, x1), y0 - rng.uniform(0.0, 1.2) * (y1 - y0)])
        grey = int(rng.uniform(50, 120))
        cv2.circle(frame, _pixel(spot), max(2, int(0.22 * (y1 - y0))), (grey, grey, grey), -1, cv2.LINE_AA)
    for _ in range(12):
        spot = np.array([rng.uniform(x0, x1), rng.uniform(y0 - 0.3 * (y1 - y0), (y0 + y1) / 2)])
        colour = (255, int(rng.uniform(90, 220)), 20)
        cv2.circle(frame, _pixel(spot), max(1, int(0.12 * (y1 - y0))), colour, -1, cv2.LINE_AA)


def _weather(
    frame: NDArray[np.uint8], street: Street, camera: Camera, rng: np.random.Generator
) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    image = frame.astype(np.float32)
    if street.weather == "fog":
        rows = np.arange(height)[:, None, None]
        haze = np.clip(1.0 - (rows - camera.horizon) / (0.5 * height), 0.15, 0.85)
        image = image * (1 - haze) + 190 * haze
    elif street.weather == "night":
        rows, columns = np.mgrid[0:height, 0:width]
        beam = np.exp(-(((columns - width / 2) / (0.35 * width)) ** 2) - ((rows - 0.75 * height) / (0.28 * height)) ** 2)
        image *= (0.25 + 0.75 * beam)[..., None].astype(np.float32)
    elif street.weather in ("rain", "snow"):
        for _ in range(120 if street.weather == "rain" else 90):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            end = (x + 1, y + 8) if street.weather == "rain" else (x, y + 1)
            cv2.line(image, (x, y), end, (205, 205, 212), 1)
    image += rng.normal(0.0, rng.uniform(1.0, 6.0), image.shape).astype(np.float32)
    image = image * rng.uniform(0.85, 1.12) + rng.uniform(-10, 10)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9))
    return np.clip(image, 0, 255).astype(np.uint8)


def _inset(quad: NDArray[np.float64], x0: float, x1: float, y0: float, y1: float) -> NDArray[np.float64]:
    """A part of a face given in shares of its width and height (y up)."""
    low = [quad[0] * (1 - s) + quad[1] * s for s in (x0, x1)]
    high = [quad[3] * (1 - s) + quad[2] * s for s in (x0, x1)]
    return np.array([
        low[0] * (1 - y0) + high[0] * y0, low[1] * (1 - y0) + high[1] * y0,
        low[1] * (1 - y1) + high[1] * y1, low[0] * (1 - y1) + high[0] * y1,
    ])  # fmt: skip


def _fill(frame: NDArray[np.uint8], polygon: NDArray[np.float64], colour: tuple[int, ...]) -> None:
    points = np.clip(polygon, -4000, 4000).round().astype(np.int32)
    cv2.fillConvexPoly(frame, points, colour, cv2.LINE_AA)


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.clip(point, -4000, 4000)
    return int(x), int(y)
