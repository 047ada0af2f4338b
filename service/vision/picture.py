"""Where the picture of a clip lies: bars of black beside it belong to another format.

A vehicle that drives behind a bar leaves the picture there, as at the border of the frame.

Dimension letters used in this file: H W size of the small grey picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLACK = 24  # grey levels that no part of a bar has ever passed: black, and the blur of its edge
LARGEST = 0.35  # of the frame, on each side: a phone held upright leaves 0.34; more is dark
UNLIKE = 0.03  # of the frame, by which two bars of one format may differ


class PictureEdges:
    """Learns the bars of one clip or stream: two alike, left and right or above and below.

    A night's sky is as black as a bar, but it lies above only, and something shines in it one day.
    """

    def __init__(self) -> None:
        self._brightest: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def update(self, grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Take the next frame, (H, W) uint8, and return the corners (4,) of its picture in 0..1.

        Another size begins anew.
        """
        columns, rows = grey.max(axis=0), grey.max(axis=1)
        before = self._brightest
        if before is not None and (len(before[0]), len(before[1])) == (len(columns), len(rows)):
            columns, rows = np.maximum(columns, before[0]), np.maximum(rows, before[1])
        self._brightest = columns, rows
        (left, right), (top, bottom) = _bars(columns), _bars(rows)
        return np.array([left, top, 1.0 - right, 1.0 - bottom])

    def reset(self) -> None:
        """Forget: another scene begins, in another format perhaps."""
        self._brightest = None

    def state(self) -> list[list[int]] | None:
        """What it remembers, ready for JSON."""
        return None if self._brightest is None else [line.tolist() for line in self._brightest]

    def restore(self, state: list[list[int]] | None) -> None:
        """Go on where ``state`` was taken."""
        self._brightest = None
        if state is not None:
            columns, rows = (np.array(line, np.uint8) for line in state)
            self._brightest = columns, rows


def _bars(brightest: NDArray[np.uint8]) -> tuple[float, float]:
    """Shares of the frame that the first and the last bar of these lines take."""
    lit = np.flatnonzero(brightest > BLACK)
    if not len(lit):
        return 0.0, 0.0
    first, last = lit[0] / len(brightest), 1.0 - (lit[-1] + 1) / len(brightest)
    alike = abs(first - last) <= UNLIKE and max(first, last) <= LARGEST
    return (float(first), float(last)) if alike else (0.0, 0.0)
