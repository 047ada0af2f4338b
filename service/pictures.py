"""Picture files scored, and drawn when asked: the work behind ``saclip score``."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from service.errors import ServiceError
from service.pipeline.engine import Engine
from service.pipeline.frame_score import FrameScore, frame_score
from service.scoring.calibration import Mode
from service.vision.draw import draw_result
from service.vision.images import decode_image


def score_pictures(
    engine: Engine,
    paths: Sequence[Path],
    mode: Mode,
    top_k: int,
    max_pixels: int,
    draw_to: Path | None = None,
) -> list[FrameScore]:
    """Score picture files one after the other.

    Args:
        engine: Models and knowledge.
        paths: JPEG, PNG or WebP files.
        mode: How the score is made.
        top_k: Explanations of each.
        max_pixels: Largest picture accepted.
        draw_to: Folder for the pictures with boxes and best description; made when missing.

    Raises:
        ServiceError: Naming the file that cannot be used.
        OSError: A file cannot be read or written.
    """
    names = drawn_names(paths)
    scores = []
    for path in paths:
        started = time.perf_counter()
        try:
            frame = decode_image(path.read_bytes(), max_pixels)
        except ServiceError as error:
            raise type(error)(f"{path}: {error}") from error
        decode_ms = (time.perf_counter() - started) * 1000
        (result,) = engine.analyzer.analyze([frame], mode=mode, top_k=top_k, domain="stills")
        size_wh = (frame.shape[1], frame.shape[0])
        scores.append(frame_score(str(path), size_wh, result, decode_ms))
        if draw_to is not None:
            draw_to.mkdir(parents=True, exist_ok=True)
            bgr = cv2.cvtColor(draw_result(frame, result), cv2.COLOR_RGB2BGR)
            (draw_to / next(names)).write_bytes(cv2.imencode(".jpg", bgr)[1].tobytes())
    return scores


def drawn_names(paths: Sequence[Path]) -> Iterator[str]:
    """A file name for each drawing; pictures of one name from two folders keep apart."""
    taken: set[str] = set()
    for path in paths:
        name, number = f"{path.stem}.jpg", 1
        while name in taken:
            number += 1
            name = f"{path.stem}-{number}.jpg"
        taken.add(name)
        yield name
