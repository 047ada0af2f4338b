"""Draw a street seen from a dashcam: sky, road, everything on it, weather.

Dimension letters used in this file: H W frame size in pixels.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthesis.actors import draw_actor, fill
from model.synthesis.solids import FRAME_WH, NEAR, Actor, Camera, Street, project

LANE = 3.5  # metres, like all that follow
ROAD_EDGE, BAY_EDGE, PAVEMENT_EDGE = 1.5 * LANE, 8.0, 10.8
PAINT = (225, 225, 215)
DASH_M, PROPS_M = 7.0, 60.0  # after which markings and roadside repeat


def draw_frame(
    street: Street, actors: tuple[Actor, ...], camera: Camera, travel_m: float = 0.0
) -> NDArray[np.uint8]:
    """Render one frame, far things first.

    Args:
        street: What stands still.
        actors: Everybody else, relative to the camera.
        camera: Its pose.
        travel_m: Metres that the camera has come along the street.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(street.seed)
    frame = _background(street, camera, travel_m)
    props = [replace(a, z=(a.z - NEAR - travel_m) % PROPS_M + NEAR) for a in street.actors]
    everything = sorted((*props, *actors), key=lambda actor: -actor.z)
    for actor in everything:
        if actor.z > NEAR:
            draw_actor(frame, actor, camera, street.weather, rng)
    return _weather(frame, street, camera, rng)


def _background(street: Street, camera: Camera, travel_m: float) -> NDArray[np.uint8]:
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
    pavement = (min(255, street.asphalt + 45),) * 3
    fill(frame, project(_strip(-PAVEMENT_EDGE, PAVEMENT_EDGE, NEAR, 250), camera), pavement)
    fill(frame, project(_strip(-BAY_EDGE, BAY_EDGE, NEAR, 250), camera), (street.bay,) * 3)
    fill(frame, project(_strip(-ROAD_EDGE, ROAD_EDGE, NEAR, 250), camera), (street.asphalt,) * 3)
    for x in (-LANE / 2, LANE / 2):
        for start in np.arange(2.0 - travel_m % DASH_M, 70.0, DASH_M):
            near, far = max(NEAR, start), max(NEAR, start + 3)
            fill(frame, project(_strip(x - 0.07, x + 0.07, near, far), camera), PAINT)
    for x in (-ROAD_EDGE, ROAD_EDGE):
        fill(frame, project(_strip(x - 0.08, x + 0.08, NEAR, 200), camera), PAINT)
    _crossings(frame, street, camera, travel_m)
    return frame


def _crossings(frame: NDArray[np.uint8], street: Street, camera: Camera, travel_m: float) -> None:
    """The side road of a junction, which interrupts the markings, and the bars of a crosswalk."""
    if street.junction_z is not None and street.junction_z - travel_m + LANE > NEAR:
        middle = street.junction_z - travel_m
        low, high = max(NEAR, middle - LANE), middle + LANE
        fill(frame, project(_strip(-90, 90, low, high), camera), (street.asphalt,) * 3)
    if street.crosswalk_z is not None and street.crosswalk_z - travel_m > NEAR:
        low = max(NEAR, street.crosswalk_z - travel_m - 1.5)
        for x in np.arange(-ROAD_EDGE + 0.3, ROAD_EDGE - 0.4, 1.0):
            fill(frame, project(_strip(x, x + 0.5, low, low + 3.0), camera), PAINT)


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
        image *= (0.35 + 0.65 * beam)[..., None].astype(np.float32)
    elif street.weather in ("rain", "snow"):
        for _ in range(120 if street.weather == "rain" else 90):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            end = (x + 1, y + 8) if street.weather == "rain" else (x, y + 1)
            cv2.line(image, (x, y), end, (205, 205, 212), 1)
    image += rng.uniform(1.0, 6.0) * rng.standard_normal(image.shape, dtype=np.float32)
    image = image * rng.uniform(0.85, 1.12) + rng.uniform(-10, 10)
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9)))
    clipped: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return clipped
