"""Draw a street seen from a dashcam or a mast: sky, road, everything on it, weather.

Dimension letters used in this file: H W frame size in pixels.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from model.synthesis.actors import draw_actor, fill
from model.synthesis.solids import FRAME_WH, NEAR, Actor, Camera, Street, project
from model.synthesis.view import View

LANE = 3.5  # metres, like all that follow
ROAD_EDGE, BAY_EDGE, PAVEMENT_EDGE = 1.5 * LANE, 8.0, 10.8
CARRIAGEWAY_EDGES = (11.2, 18.8)  # of a second one
PAINT = (225, 225, 215)
DASH_M, PROPS_M = 7.0, 60.0  # after which markings and roadside repeat
WIDE_M, BEHIND_M = 120.0, 80.0  # how far the ground goes on beside and behind a dashcam
DASHCAM = View()


def draw_frame(
    street: Street,
    actors: tuple[Actor, ...],
    camera: Camera,
    travel_m: float = 0.0,
    view: View = DASHCAM,
) -> NDArray[np.uint8]:
    """Render one frame, far things first.

    Args:
        street: What stands still.
        actors: Everybody else, in the view.
        camera: Its pose.
        travel_m: Metres that the camera has come along the street.
        view: Where on the street it stands.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(street.seed)
    frame = _background(street, camera, travel_m, view)
    props = [view.of(replace(a, z=(a.z - NEAR - travel_m) % PROPS_M + NEAR)) for a in street.actors]
    everything = sorted((*props, *actors), key=lambda actor: -actor.z)
    for actor in everything:
        if actor.z > NEAR:
            draw_actor(frame, actor, camera, street.weather, rng)
    return _weather(frame, street, camera, rng)


def _background(street: Street, camera: Camera, travel_m: float, view: View) -> NDArray[np.uint8]:
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
    pavement = (min(255, street.asphalt + 45),) * 3

    def lay(x0: float, x1: float, z0: float, z1: float, colour: tuple[int, ...]) -> None:
        """A rectangle of the ground."""
        corners = np.array([[x0, 0, z0], [x1, 0, z0], [x1, 0, z1], [x0, 0, z1]], float)
        ahead = view.ground(corners)
        if len(ahead):
            fill(frame, project(ahead, camera), colour)

    lay(-WIDE_M, WIDE_M, -BEHIND_M, 300, side)
    for aside in street.carriageways:
        near, far = (aside * edge for edge in CARRIAGEWAY_EDGES)
        lay(near, far, -BEHIND_M, 250, (street.asphalt,) * 3)
    lay(-PAVEMENT_EDGE, PAVEMENT_EDGE, -BEHIND_M, 250, pavement)
    lay(-BAY_EDGE, BAY_EDGE, -BEHIND_M, 250, (street.bay,) * 3)
    lay(-ROAD_EDGE, ROAD_EDGE, -BEHIND_M, 250, (street.asphalt,) * 3)
    for x in (-LANE / 2, LANE / 2):
        for start in np.arange(2.0 - travel_m % DASH_M - 6 * DASH_M, 70.0, DASH_M):
            lay(x - 0.07, x + 0.07, start, start + 3, PAINT)
    for x in (-ROAD_EDGE, ROAD_EDGE):
        lay(x - 0.08, x + 0.08, -BEHIND_M, 200, PAINT)
    if street.junction_z is not None:  # the side road, which interrupts the markings
        middle = street.junction_z - travel_m
        lay(-90, 90, middle - LANE, middle + LANE, (street.asphalt,) * 3)
    if street.crosswalk_z is not None:
        low = street.crosswalk_z - travel_m - 1.5
        for x in np.arange(-ROAD_EDGE + 0.3, ROAD_EDGE - 0.4, 1.0):
            lay(x, x + 0.5, low, low + 3.0, PAINT)
    return frame


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
