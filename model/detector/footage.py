"""Real frames for the detector, split by camera: neighbouring frames are near copies.

Dimension letters used in this file: N frames, H W frame size.
"""

import csv
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model.detector.recipe import Footage

FRAME_WH = (640, 360)


@dataclass(frozen=True, slots=True)
class FrameFile:
    """A frame on disk and the camera (or folder) that it came from."""

    path: Path
    camera: str


@dataclass(frozen=True, slots=True)
class FrameSplit:
    """Frames that train and frames of cameras the training never sees."""

    train: tuple[FrameFile, ...]
    held_out: tuple[FrameFile, ...]


def data_root() -> Path:
    """The folder that ``SACLIP_TEST_DATA`` names.

    Raises:
        FileNotFoundError: The variable is unset or names no folder.
    """
    root = Path(os.environ.get("SACLIP_TEST_DATA", ""))
    if "SACLIP_TEST_DATA" not in os.environ or not root.is_dir():
        raise FileNotFoundError("set SACLIP_TEST_DATA to the folder with rf_accident and weights")
    return root


def split_by_camera(root: Path, footage: Footage) -> FrameSplit:
    """List the frames of ``footage`` under ``root``.

    Raises:
        ValueError: A held-out or ignored camera is not in the manifest (a typo would leak it).
    """
    manifest = root / footage.camera_manifest
    with manifest.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    unknown = {*footage.held_out, *footage.ignored} - {row["scene"] for row in rows}
    if unknown:
        raise ValueError(f"{manifest}: no camera is called {', '.join(sorted(unknown))}")
    frames = [FrameFile(manifest.parent / row["file"], row["scene"]) for row in rows]
    used = [frame for frame in frames if frame.camera not in footage.ignored]
    extra = [
        FrameFile(path, path.parent.name)
        for folder in footage.extra_folders
        for path in sorted((root / folder).rglob("*.jpg"))
    ]
    return FrameSplit(
        train=(*(frame for frame in used if frame.camera not in footage.held_out), *extra),
        held_out=tuple(frame for frame in used if frame.camera in footage.held_out),
    )


def camera_shares(files: tuple[FrameFile, ...], balance: float) -> NDArray[np.float64]:
    """How often each frame is drawn: (N,) that sum to 1.

    Args:
        files: N frames.
        balance: Each frame counts 1 / (frames of its camera) ** balance.
    """
    frames_of = Counter(file.camera for file in files)
    weights = np.array([frames_of[file.camera] ** -balance for file in files], np.float64)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def read_frames(files: tuple[FrameFile, ...]) -> NDArray[np.uint8]:
    """Read all frames into memory: (N, 360, 640, 3) uint8 BGR."""
    frames = np.empty((len(files), FRAME_WH[1], FRAME_WH[0], 3), dtype=np.uint8)
    for slot, file in zip(frames, files, strict=True):
        slot[:] = cv2.resize(read_frame(file), FRAME_WH, interpolation=cv2.INTER_AREA)
    return frames


def read_frame(file: FrameFile) -> NDArray[np.uint8]:
    """Read one frame: (H, W, 3) uint8 BGR.

    Raises:
        FileNotFoundError: There is no image that OpenCV can read.
    """
    pixels = cv2.imread(str(file.path))
    if pixels is None:
        raise FileNotFoundError(f"{file.path} is not a readable image")
    return np.asarray(pixels, dtype=np.uint8)
