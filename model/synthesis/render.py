"""Draw a street seen from a dashcam: sky, road, everything on it, weather.

Dimension letters used in this file: H W frame size in pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthesis.actors import draw_actor, fill
from model.synthesis.solids import FRAME_WH, NEAR, Actor, Camera, Street, project


def draw_frame(street: Street, actors: tuple[Actor, ...], camera: Camera) -> NDArray[np.uint8]:
    """Render one frame, far things first; returns (H, W, 3) uint8 RGB."""
    rng = np.random.default_rng(street.seed)
    frame = _background(street, camera)
    everything = sorted(street.actors + actors, key=lambda actor: -actor.z)
    for actor in everything:
        if actor.z > NEAR:
            draw_actor(frame, actor, camera, street.weather, rng)
    return _weather(frame, street, camera, rng)


def _background(street: Street, camera: Camera) -> NDArray[np.uint8]:
    width, height = FRAME_WH
    sky = {
        "day": (200, 215, 235),
        "rain": (150, 155, 165),
        "snow": (205, 208, 214),
        "fog": (190, 192, 195),
        "night": (18, 20, 34),
    }[street.weather]
    side = (225, 228, 232) if street.weather == "snow" else street.side
    frame = np.empty((height, width, 3), np.uint8)
    frame[:] = sky
    ground = np.array([[-90, 0, 1.0], [90, 0, 1.0], [90, 0, 300], [-90, 0, 300]], float)
    fill(frame, project(ground, camera), side)
    half = street.lanes * 1.75
    asphalt = (street.asphalt,) * 3
    fill(frame, project(_strip(-half - 0.5, half + 0.5, NEAR, 250), camera), asphalt)
    pavement = tuple(min(255, street.asphalt + 45) for _ in range(3))
    for edge in (-1, 1):
        low, high = sorted((edge * (half + 0.7), edge * (half + 2.6)))
        fill(frame, project(_strip(low, high, NEAR, 250), camera), pavement)
    paint = (225, 225, 215)
    for lane in range(1, street.lanes):
        x = -half + 3.5 * lane
        for start in np.arange(2.0, 70.0, 7.0):
            fill(frame, project(_strip(x - 0.07, x + 0.07, start, start + 3), camera), paint)
    for x in (-half, half):
        fill(frame, project(_strip(x - 0.08, x + 0.08, NEAR, 200), camera), paint)
    return frame


def _strip(x0: float, x1: float, z0: float, z1: float) -> NDArray[np.float64]:
    return np.array([[x0, 0, z0], [x1, 0, z0], [x1, 0, z1], [x0, 0, z1]], float)


def _weather(
    frame: NDArray[np.uint8], street: Street, camera: Camera, rng: np.random.Generator
) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    image: NDArray[np.floating] = frame.astype(np.float32)
    if street.weather == "fog":
        rows = np.arange(height)[:, None, None]
        haze = np.clip(1.0 - (rows - camera.horizon) / (0.5 * height), 0.15, 0.85)
        image = image * (1 - haze) + 190 * haze
    elif street.weather == "night":
        rows, columns = np.mgrid[0:height, 0:width]
        beam = np.exp(
            -(((columns - width / 2) / (0.35 * width)) ** 2)
            - ((rows - 0.75 * height) / (0.28 * height)) ** 2
        )
        image *= (0.25 + 0.75 * beam)[..., None].astype(np.float32)
    elif street.weather in ("rain", "snow"):
        for _ in range(120 if street.weather == "rain" else 90):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            end = (x + 1, y + 8) if street.weather == "rain" else (x, y + 1)
            cv2.line(image, (x, y), end, (205, 205, 212), 1)
    image += rng.normal(0.0, rng.uniform(1.0, 6.0), image.shape).astype(np.float32)
    image = image * rng.uniform(0.85, 1.12) + rng.uniform(-10, 10)
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9)), np.float64)
    clipped: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return clipped
