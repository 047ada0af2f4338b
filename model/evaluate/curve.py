"""The curve of a clip, made of its frames' scores as the service makes it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.scoring.calibration import ClipsCalibration
from service.scoring.past import against_past
from service.scoring.temporal import smooth


def curve(
    times_s: NDArray[np.float64],
    scores: Sequence[float],
    text_levels: Sequence[float],
    calibration: ClipsCalibration,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (n,) less what the text has said before, and the same smoothed.

    Args:
        times_s: (n,) rising seconds.
        scores: Of each frame alone.
        text_levels: What the text has added to each; zeros of a score without text.
        calibration: The share of the past and the smoother.
    """
    raw = against_past(times_s, scores, text_levels, calibration.past_share)
    return raw, smooth(times_s, raw, calibration.smoothing_s, calibration.release_s)
