"""Figures that the teacher takes for what they are, and frames with some of them in.

Permitted footage shows hardly a motorcycle and no animal. Drawn ones stand in, but only those
that the teacher recognises in a real frame: what it takes for something else teaches nothing.

Dimension letters used in this file: N frames, H W frame size, A grid cells.
"""

from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray
from rich.progress import track

from model.detector.augment import letterbox, log_uniform
from model.detector.classes import CLASSES
from model.detector.network import decode_boxes, grid_cells
from model.detector.recipe import Figures
from model.detector.teacher import Teacher
from model.errors import ModelError
from model.figures.figure import Figure, draw_figure, lay_into

JUDGED_PX = (35.0, 140.0)  # longer side of a figure when the teacher judges it
JUDGED_FOOT = (90 / 256, 0.9)  # heights of the view between which it then stands, wholly seen
TRIES = 30  # drawings for one that is kept; the teacher knows one in two to ten
LARGE = {"bus": 1.8, "truck": 1.8}  # times the size of the others
NEAREST_FOOT = 0.35  # of the frame's height: above that is mostly sky

log = structlog.get_logger()


def draw_bank(
    frames: NDArray[np.uint8],
    view_hw: tuple[int, int],
    teacher: Teacher,
    how: Figures,
    seed: int,
) -> list[Figure]:
    """Draw figures until the teacher has recognised as many of each kind as asked for.

    Args:
        frames: (N, H, W, 3) uint8 BGR, on which they are judged.
        view_hw: Size at which the teacher sees a frame, multiples of 32.
        teacher: Judges.
        how: Kinds, how many, and the least score.
        seed: The only source of chance.

    Raises:
        ModelError: The teacher recognises too few.
    """
    rng = np.random.default_rng(seed)
    bank: list[Figure] = []
    for kind, wanted in how.count.items():
        kept: list[Figure] = []
        for _ in track(range(wanted * TRIES), description=f"figures: {kind}", transient=True):
            if len(kept) == wanted:
                break
            figure = draw_figure(kind, rng)
            view = letterbox(frames[rng.integers(len(frames))], view_hw)
            if recognised(figure, view, teacher, rng) > how.least_score:
                kept.append(figure)
        if len(kept) < wanted:
            raise ModelError(
                f"the teacher gave {len(kept)} of {wanted * TRIES} figures of kind {kind} "
                f"more than {how.least_score}; {wanted} are wanted"
            )
        bank += kept
    log.info("figures_drawn", **how.count)
    return bank


def recognised(
    figure: Figure, view: NDArray[np.uint8], teacher: Teacher, rng: np.random.Generator
) -> float:
    """Lay the figure into a view (H, W, 3): the teacher's best score (0..1) there for its class."""
    height, width = view.shape[:2]
    size = min(log_uniform(JUDGED_PX, rng) * LARGE.get(figure.kind, 1.0), JUDGED_FOOT[1] * height)
    highest = max(size, JUDGED_FOOT[0] * height)
    foot = (rng.uniform(0.15, 0.85) * width, rng.uniform(highest, JUDGED_FOOT[1] * height))
    lay_into(view, figure, foot, size, rng)
    seen = teacher.view(view[None])
    boxes = decode_boxes(seen.offsets[0], *grid_cells(height, width)).numpy()
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    here = (np.abs(middle - [foot[0], foot[1] - size / 2]) < size / 2).all(axis=1)
    scores = seen.scores[0, :, CLASSES.index(figure.kind)].numpy()[here]
    return float(scores.max(initial=0.0))


def with_figures(
    frames: NDArray[np.uint8], bank: Sequence[Figure], how: Figures, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A copy of (N, H, W, 3) uint8 BGR frames, some with up to ``how.most`` figures laid in."""
    mixed = frames.copy()
    height, width = frames.shape[1:3]
    for frame in mixed:
        if rng.random() < how.share:
            for _ in range(int(rng.integers(1, how.most + 1))):
                figure = bank[int(rng.integers(len(bank)))]
                size = log_uniform(how.size, rng) * height
                foot = rng.uniform(0, width), rng.uniform(NEAREST_FOOT, 1.1) * height
                lay_into(frame, figure, foot, size * LARGE.get(figure.kind, 1.0), rng)
    return mixed
