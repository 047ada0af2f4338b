"""Fits on numbers small enough to check, and on drawn samples whose truth is known."""

import math

import numpy as np
import pytest

from service.scoring.calibration import probability
from service.scoring.eq11 import NO_EVIDENCE
from service.scoring.fitting import (
    MIN_STD,
    fit_affine,
    motion_weights,
    strongest_null,
    threshold_for,
    upper_rate,
)


def test_the_null_is_that_of_the_strongest_leaf_of_each_frame() -> None:
    """Strongest 0.1 and 0.3 in turn: mean 0.2, deviation 0.1; silent frames do not count."""
    evidence = np.array([[0.1, 0.0], [0.2, 0.3]] * 10 + [[NO_EVIDENCE, NO_EVIDENCE]] * 5)

    mean, std = strongest_null(evidence)

    assert mean == pytest.approx(0.2)
    assert std == pytest.approx(0.1)


def test_constant_evidence_keeps_a_deviation_above_zero() -> None:
    """A division by zero would make every frame infinitely anomalous."""
    assert strongest_null(np.full((30, 1), 0.2))[1] == MIN_STD


def test_a_null_of_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="no null"):
        strongest_null(np.full((30, 2), NO_EVIDENCE))


def test_loud_motion_is_turned_down_to_that_of_the_typical_leaf() -> None:
    """Seldom exceeded: 0.4, 0.2 and 0.1, the middle one 0.2; who is quieter is left alone."""
    frames = np.zeros((1000, 4))
    frames[:20] = (0.4, 0.2, 0.1, 0.01)

    assert motion_weights(frames).tolist() == pytest.approx([0.5, 1.0, 1.0, 1.0])


def test_motion_that_nothing_measures_keeps_its_weight() -> None:
    """Nobody is louder than the others where all are silent."""
    assert motion_weights(np.zeros((50, 3))).tolist() == [1.0, 1.0, 1.0]


def test_the_affine_map_recovers_a_known_logistic() -> None:
    """Unit normals at -1 and +1: the log odds are 2 x, whatever the class sizes."""
    rng = np.random.default_rng(0)

    affine = fit_affine(rng.normal(-1, 1, 20_000), rng.normal(1, 1, 2_000))

    assert affine.slope == pytest.approx(2.0, abs=0.1)
    assert affine.intercept == pytest.approx(0.0, abs=0.1)


def test_the_fit_does_not_depend_on_the_unit_of_the_score() -> None:
    """Scores in thousandths around 5 get the same probabilities."""
    rng = np.random.default_rng(1)
    normal, anomalous = rng.normal(-1, 1, 300), rng.normal(1, 1, 300)

    plain = fit_affine(normal, anomalous)
    shifted = fit_affine(5 + normal / 1000, 5 + anomalous / 1000)

    for score in (-2.0, 0.0, 1.5):
        assert probability(5 + score / 1000, shifted) == pytest.approx(
            probability(score, plain), abs=1e-3
        )


def test_classes_that_separate_perfectly_keep_a_finite_slope() -> None:
    """Softened targets: P of the anomalous score is (n + 1) / (n + 2), as Platt has it."""
    affine = fit_affine(np.zeros(10), np.ones(10))

    assert probability(1.0, affine) == pytest.approx(11 / 12, abs=1e-3)
    assert probability(0.0, affine) == pytest.approx(1 / 12, abs=1e-3)


def test_a_score_that_ranks_the_wrong_way_round_tells_nothing() -> None:
    """Slope 0 and probability one half, rather than a map that falls."""
    affine = fit_affine(np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, -3.0]))

    assert (affine.slope, affine.intercept) == (0.0, 0.0)


def test_without_anomalies_the_budget_sets_the_middle() -> None:
    """Of 0..100, one per cent lies above 99: there the probability is one half."""
    normal = np.arange(101.0)

    affine = fit_affine(normal, false_alarm_rate=0.01)

    assert probability(99.0, affine) == pytest.approx(0.5)
    assert affine.slope == pytest.approx(1 / normal.std())


@pytest.mark.parametrize(
    "scores", [pytest.param([], id="empty"), pytest.param([0.1, math.nan], id="not a number")]
)
def test_scores_that_cannot_be_fitted_are_refused(scores: list[float]) -> None:
    """The message says which class is meant."""
    with pytest.raises(ValueError, match="anomalous scores"):
        fit_affine(np.array([0.0, 1.0]), np.array(scores))


@pytest.mark.parametrize(
    ("rate", "expected_alarms"), [(0.0, 0), (0.1, 1), (0.25, 2), (0.99, 9), (1.0, 10)]
)
def test_a_threshold_keeps_the_false_alarm_budget(rate: float, expected_alarms: int) -> None:
    """Ten normal frames with different probabilities; the budget is used as far as it goes."""
    normal = np.linspace(0.05, 0.95, 10)

    threshold = threshold_for(normal, rate)

    assert (normal >= threshold).sum() == expected_alarms


def test_equal_frames_alarm_together_or_not_at_all() -> None:
    """A budget of one frame cannot be spent on one of three equals."""
    threshold = threshold_for(np.array([0.1, 0.7, 0.7, 0.7]), 0.25)

    assert threshold > 0.7


def test_a_threshold_never_leaves_the_range_of_a_probability() -> None:
    """A normal frame of probability 1 alarms whatever is chosen."""
    assert threshold_for(np.array([1.0]), 0.0) == 1.0


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # Tabulated exact Poisson limits, one-sided 95 % (Garwood 1936).
        pytest.param(0, 2.996, id="rule of three"),
        pytest.param(1, 4.744, id="one"),
        pytest.param(10, 16.962, id="ten"),
    ],
)
def test_the_upper_rate_matches_the_tables(events: int, expected: float) -> None:
    """Nothing seen does not mean that nothing happens."""
    assert upper_rate(events, exposure=1.0) == pytest.approx(expected, abs=1e-3)
    assert upper_rate(events, exposure=4.0) == pytest.approx(expected / 4, abs=1e-3)


def test_without_exposure_the_rate_is_unbounded() -> None:
    """No normal footage proves nothing."""
    assert upper_rate(0, exposure=0.0) == math.inf
