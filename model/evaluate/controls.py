"""Scores that never look at a pixel: what every figure on clips has to beat.

On dashcam data sets a clock alone reaches 61 to 82 % AUC, so these stand beside
every result and go through the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from model.evaluate.auc import LabelledScores, Measure
from service.scoring.temporal import smooth

RAMP_S = 4.0
NOISE_DRAWS = 20
SHUFFLES = 20  # of the texts: whether one hurts depends on which vectors meet which description

Control = Callable[[Sequence[LabelledScores]], list[LabelledScores]]


def position_control(clips: Sequence[LabelledScores]) -> list[LabelledScores]:
    """Score by the clock, t / T: the later in its clip, the more anomalous."""
    return [replace(clip, scores=clip.position) for clip in clips]


def ramp_control(clips: Sequence[LabelledScores]) -> list[LabelledScores]:
    """min(t / 4 s, 1): what a smoother that starts at zero adds by itself."""
    return [replace(clip, scores=np.minimum(clip.times_s / RAMP_S, 1.0)) for clip in clips]


def always_on(clips: Sequence[LabelledScores]) -> list[LabelledScores]:
    """One value for every frame: 0.5 by definition, a check on the code that measures."""
    return [replace(clip, scores=np.ones(len(clip.scores))) for clip in clips]


def noise_control(
    clips: Sequence[LabelledScores],
    smoothing_s: float,
    seed: int,
    release_s: float | None = None,
) -> list[LabelledScores]:
    """Uniform noise through our own smoother: 0.5 unless the smoother leaks the position."""
    generator = np.random.default_rng(seed)
    return [
        replace(
            clip,
            scores=smooth(
                clip.times_s, generator.random(len(clip.times_s)), smoothing_s, release_s
            ),
        )
        for clip in clips
    ]


def mean_over_noise(
    clips: Sequence[LabelledScores],
    measure: Measure,
    smoothing_s: float,
    release_s: float | None = None,
    draws: int = NOISE_DRAWS,
) -> float:
    """The measure of ``noise_control``, averaged over seeds 0, 1, ..."""
    values = [measure(noise_control(clips, smoothing_s, seed, release_s)) for seed in range(draws)]
    return float(np.mean(values))
