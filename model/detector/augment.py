"""Random views of real frames. The teacher labels the finished view, so anything goes.

Dimension letters used in this file: N frames, B views, H W view size.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from model.detector.recipe import Augmentation

PADDING = 114  # YOLOX letterbox grey, the same in the service

Frame = NDArray[np.uint8]


def letterbox(frame: Frame, input_hw: tuple[int, int]) -> Frame:
    """Fit (H, W, 3) into the top-left corner of ``input_hw`` and pad with grey."""
    height, width = input_hw
    ratio = min(height / frame.shape[0], width / frame.shape[1])
    size_wh = (round(frame.shape[1] * ratio), round(frame.shape[0] * ratio))
    canvas = np.full((height, width, 3), PADDING, dtype=np.uint8)
    canvas[: size_wh[1], : size_wh[0]] = cv2.resize(frame, size_wh)
    return canvas


def _window(
    frame: Frame, size_hw: tuple[int, int], scale: float, stretch: float, rng: np.random.Generator
) -> Frame:
    """A scaled, stretched, shifted and perhaps mirrored window of ``frame``."""
    height, width = size_hw
    scale_x, scale_y = scale * stretch, scale / stretch
    slack_x, slack_y = width - frame.shape[1] * scale_x, height - frame.shape[0] * scale_y
    shift_x = rng.uniform(min(0.0, slack_x), max(0.0, slack_x)) + rng.uniform(-0.1, 0.1) * width
    shift_y = rng.uniform(min(0.0, slack_y), max(0.0, slack_y)) + rng.uniform(-0.1, 0.1) * height
    matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]])
    if rng.random() < 0.5:
        matrix[0] = (-scale_x, 0, width - shift_x)
    flags = cv2.INTER_CUBIC if rng.random() < 0.2 else cv2.INTER_LINEAR
    grey = (PADDING,) * 3
    window = cv2.warpAffine(frame, matrix, (width, height), flags=flags, borderValue=grey)
    return np.asarray(window, dtype=np.uint8)


def log_uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """A random number between two positive ones, as likely to double as to halve."""
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


def _mosaic(
    frames: Frame, input_hw: tuple[int, int], how: Augmentation, rng: np.random.Generator
) -> Frame:
    """Two or four windows of different frames side by side."""
    height, width = input_hw
    split_x = int(rng.uniform(0.3, 0.7) * width)
    split_y = int(rng.uniform(0.3, 0.7) * height) if rng.random() < 0.7 else height
    view = np.empty((height, width, 3), dtype=np.uint8)
    for rows in (slice(0, split_y), slice(split_y, height)):
        for columns in (slice(0, split_x), slice(split_x, width)):
            part = view[rows, columns]
            if part.size:
                frame = frames[rng.integers(len(frames))]
                scale = log_uniform(how.mosaic_scale, rng) * width / frame.shape[1]
                stretch = log_uniform((how.stretch**-0.5, how.stretch**0.5), rng)
                part[:] = _window(frame, part.shape[:2], scale, stretch, rng)
    return view


def _recolour(view: Frame, how: Augmentation, rng: np.random.Generator) -> Frame:
    """Shift hue, saturation and brightness; sometimes grey, sometimes night."""
    hue, saturation, value = cv2.split(cv2.cvtColor(view, cv2.COLOR_BGR2HSV))
    levels = np.arange(256)
    gain_s = 0.0 if rng.random() < how.grey else rng.uniform(0.4, 1.6)
    gain_v, gamma = rng.uniform(0.65, 1.35), rng.uniform(0.75, 1.35)
    if rng.random() < how.night:
        gain_v, gamma = rng.uniform(0.2, 0.55), rng.uniform(1.0, 1.8)
    bright = np.clip(255 * gain_v * (levels / 255) ** gamma, 0, 255).astype(np.uint8)
    vivid = np.clip(levels * gain_s, 0, 255).astype(np.uint8)
    turned = ((levels + int(rng.integers(-8, 9))) % 180).astype(np.uint8)
    parts = [cv2.LUT(hue, turned), cv2.LUT(saturation, vivid), cv2.LUT(value, bright)]
    return np.asarray(cv2.cvtColor(cv2.merge(parts), cv2.COLOR_HSV2BGR), dtype=np.uint8)


def _degrade(view: Frame, how: Augmentation, rng: np.random.Generator) -> Frame:
    """Blur, sensor noise and JPEG blocks, each on its own chance."""
    if rng.random() < how.blur:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), rng.uniform(0.5, 1.5)), dtype=np.uint8)
    if rng.random() < how.noise:
        # Noise at half size looks like a cheap sensor and costs a quarter.
        noise = rng.normal(0, rng.uniform(2, 12), (view.shape[0] // 2, view.shape[1] // 2, 3))
        large = cv2.resize(noise.astype(np.float32), (view.shape[1], view.shape[0]))
        view = np.clip(view + large, 0, 255).astype(np.uint8)
    if rng.random() < how.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))]
        packed = cv2.imencode(".jpg", view, quality)[1]
        view = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
    return view


def random_view(
    frames: Frame, input_hw: tuple[int, int], how: Augmentation, rng: np.random.Generator
) -> Frame:
    """Draw one training view.

    Args:
        frames: (N, H, W, 3) uint8 BGR.
        input_hw: Size of the view, multiples of 32.
        how: Chances and strengths.
        rng: The only source of chance.

    Returns:
        (H, W, 3) uint8 BGR of size ``input_hw``.
    """
    frame = frames[rng.integers(len(frames))]
    kind = rng.random()
    if kind < how.plain:
        view = letterbox(frame[:, ::-1] if rng.random() < 0.5 else frame, input_hw)
    elif kind < how.plain + how.mosaic:
        view = _mosaic(frames, input_hw, how, rng)
    else:
        scale = log_uniform(how.scale, rng) * input_hw[1] / frame.shape[1]
        stretch = log_uniform((how.stretch**-0.5, how.stretch**0.5), rng)
        view = _window(frame, input_hw, scale, stretch, rng)
    if kind >= how.plain / 2:  # half of the plain views keep their colours
        view = _degrade(_recolour(view, how, rng), how, rng)
    return view


def random_batch(
    frames: Frame, size: int, input_hw: tuple[int, int], how: Augmentation, rng: np.random.Generator
) -> Frame:
    """``size`` random views: (B, H, W, 3) uint8 BGR."""
    return np.stack([random_view(frames, input_hw, how, rng) for _ in range(size)])
