"""Controls: what a score reaches that sees no pixel."""

import numpy as np
import pytest

from model.evaluate.auc import LabelledScores, pooled_auc
from model.evaluate.controls import (
    always_on,
    mean_over_noise,
    noise_control,
    position_control,
    ramp_control,
)


def late_anomaly(frames: int = 60, fps: float = 10.0) -> LabelledScores:
    """Six seconds, the last two anomalous."""
    times = np.arange(frames) / fps
    return LabelledScores(
        "late", times, times / times[-1], times >= 4.0, np.zeros(frames, np.float64)
    )


def test_a_clock_is_perfect_on_an_anomaly_at_the_end() -> None:
    """That is why it stands beside every figure."""
    assert pooled_auc(position_control([late_anomaly()])) == 1.0


def test_the_ramp_rises_for_four_seconds() -> None:
    """0, a half at two seconds, 1 from four seconds on."""
    (ramp,) = ramp_control([late_anomaly()])

    assert ramp.scores[[0, 20, 40, 59]].tolist() == pytest.approx([0.0, 0.5, 1.0, 1.0])


def test_always_on_is_one_half() -> None:
    """Every pair is a tie."""
    assert pooled_auc(always_on([late_anomaly()])) == 0.5


def test_our_smoother_does_not_leak_the_position() -> None:
    """Noise through it stays at 0.5; initialised at zero it would rise with the clip."""
    clips = [late_anomaly() for _ in range(40)]

    assert mean_over_noise(clips, pooled_auc, smoothing_s=0.5) == pytest.approx(0.5, abs=0.02)


def test_noise_differs_between_clips_and_repeats_with_its_seed() -> None:
    """Otherwise the mean over clips would be one draw."""
    clips = [late_anomaly(), late_anomaly()]

    first, second = noise_control(clips, 0.5, seed=1)

    assert not np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.scores, noise_control(clips, 0.5, seed=1)[0].scores)
