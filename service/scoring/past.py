"""A clip or stream against its own past: what a camera has said all along is no news.

Dimension letters used in this file: n frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LAG_S, WINDOW_S = 1.0, 20.0  # an accident that has just begun is no past yet
LEAST = 3  # frames that make a past


class OwnPast:
    """What the text has said of late, as a share of its median.

    Before there is a past the frame stands for it: the first frames of a stream are neither higher
    nor lower than those of a calm road later, so no clock is built in.

    Args:
        share: Of the median that is taken off, 0..1; a whole would forget what lasts.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._levels: deque[tuple[float, float]] = deque()

    def update(self, time_s: float, level: float) -> float:
        """Take the next frame's level and return what is to be taken off its score."""
        while self._levels and self._levels[0][0] < time_s - WINDOW_S:
            self._levels.popleft()
        past = [value for at_s, value in self._levels if at_s <= time_s - LAG_S]
        self._levels.append((time_s, level))
        return self._share * (float(np.median(past)) if len(past) >= LEAST else level)

    def state(self) -> list[list[float]]:
        """What it remembers, ready for JSON."""
        return [list(entry) for entry in self._levels]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Go on where ``state`` was taken."""
        self._levels = deque((float(time_s), float(level)) for time_s, level in state)


def against_past(
    times_s: NDArray[np.float64],
    scores: Sequence[float],
    levels: Sequence[float],
    share: float,
) -> NDArray[np.float64]:
    """A clip's scores (n,) less what its text (n,) has said before."""
    past = OwnPast(share)
    return np.array(
        [
            score - past.update(float(time_s), level)
            for time_s, score, level in zip(times_s, scores, levels, strict=True)
        ]
    )
