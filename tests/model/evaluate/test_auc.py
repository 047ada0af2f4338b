"""Areas worked out by counting pairs on fingers."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from model.evaluate.auc import (
    LabelledScores,
    bootstrap_interval,
    median_auc,
    paired_interval,
    per_clip_auc,
    pooled_auc,
    roc_auc,
    stratified_auc,
)


def clip(
    scores: Sequence[float], labels: Sequence[int], position: Sequence[float] | None = None
) -> LabelledScores:
    times = np.arange(len(scores), dtype=np.float64)
    place = times / max(len(scores) - 1, 1) if position is None else np.array(position, np.float64)
    return LabelledScores("c", times, place, np.array(labels, bool), np.array(scores, np.float64))


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        pytest.param([1, 2, 3, 4], [0, 0, 1, 1], 1.0, id="perfect"),
        pytest.param([4, 3, 2, 1], [0, 0, 1, 1], 0.0, id="upside down"),
        pytest.param([1, 2, 3, 4], [0, 1, 0, 1], 0.75, id="one of four pairs wrong"),
        pytest.param([5, 5, 5], [0, 1, 0], 0.5, id="all tied"),
        pytest.param([1, 2, 2, 3], [0, 0, 1, 1], 0.875, id="one of four pairs tied"),
        pytest.param([7, 1, 7, 7], [0, 0, 1, 1], 0.75, id="ties at the top"),
    ],
)
def test_area_counts_ordered_pairs_and_half_the_ties(
    scores: list[float], labels: list[int], expected: float
) -> None:
    """Each expectation is (pairs in order + ties / 2) / pairs."""
    assert roc_auc(np.array(scores, float), np.array(labels, bool)) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_has_no_area(labels: list[int]) -> None:
    """Not 0.5, which would look like a result."""
    assert math.isnan(roc_auc(np.ones(len(labels)), np.array(labels, bool)))


def test_area_agrees_with_counting_every_pair() -> None:
    """Scores with many ties against the quadratic definition."""
    generator = np.random.default_rng(3)
    scores, labels = generator.integers(0, 6, 80).astype(float), generator.random(80) < 0.3
    differences = scores[labels][:, None] - scores[~labels][None, :]

    by_pairs = float(((differences > 0) + 0.5 * (differences == 0)).mean())

    assert roc_auc(scores, labels) == pytest.approx(by_pairs)


def test_pooling_compares_across_clips_and_the_mean_does_not() -> None:
    """Each clip is perfect by itself; one lies wholly above the other.

    Pooled pairs: positives 2, 12; negatives 1, 11. In order: 2 > 1, 12 > 1, 12 > 11, not 2 > 11.
    """
    clips = [clip([1, 2], [0, 1]), clip([11, 12], [0, 1])]

    assert per_clip_auc(clips) == 1.0
    assert pooled_auc(clips) == pytest.approx(0.75)


def test_a_normal_clip_counts_in_the_pool_but_has_no_area_of_its_own() -> None:
    """Positive 2 against negatives 1 and 3."""
    clips = [clip([1, 2], [0, 1]), clip([3], [0])]

    assert per_clip_auc(clips) == 1.0
    assert pooled_auc(clips) == pytest.approx(0.5)


def test_a_clock_scores_perfectly_in_the_pool_and_nothing_within_a_place() -> None:
    """Ten clips whose second half is anomalous: time alone separates, equal places never mix."""
    clips = [clip(range(10), [0] * 5 + [1] * 5) for _ in range(10)]

    assert pooled_auc(clips) == 1.0
    assert math.isnan(stratified_auc(clips))


def test_places_are_weighted_by_their_pairs() -> None:
    """First half: one pair, right (1.0). Second half: 1 x 3 pairs, all wrong (0.0): 1 / 4."""
    early = clip([1, 2], [0, 1], position=[0.1, 0.1])
    late = clip([0, 5, 6, 7], [1, 0, 0, 0], position=[0.9] * 4)

    assert stratified_auc([early, late], bins=2) == pytest.approx(0.25)


def test_the_last_frame_falls_into_the_last_bin() -> None:
    """Position 1.0 is not a bin of its own."""
    assert stratified_auc([clip([1, 2], [0, 1], position=[0.95, 1.0])], bins=10) == 1.0


def test_the_interval_is_over_clips_and_repeats() -> None:
    """Half of the clips perfect, half upside down: 0.5 with a wide interval."""
    clips = [clip([1, 2], [0, 1])] * 4 + [clip([2, 1], [0, 1])] * 4

    low, high = bootstrap_interval([clips], per_clip_auc, draws=500)

    assert low < 0.3 < 0.5 < 0.7 < high
    assert (low, high) == bootstrap_interval([clips], per_clip_auc, draws=500)


def test_of_several_versions_the_median_counts_and_the_interval_holds_them_all() -> None:
    """Within each version every clip says the same: 0, 1 and 1; only versions can differ."""
    good, bad = [clip([1, 2], [0, 1])] * 3, [clip([2, 1], [0, 1])] * 3
    versions = [bad, good, good]

    assert median_auc(versions, per_clip_auc) == 1.0
    assert bootstrap_interval(versions, per_clip_auc, draws=200) == (0.0, 1.0)
    assert bootstrap_interval(versions[1:], per_clip_auc, draws=200) == (1.0, 1.0)
    assert paired_interval(good, versions, per_clip_auc, draws=200) == (0.0, 1.0)


def test_no_clips_have_no_interval() -> None:
    """Neither have clips of one class."""
    assert all(math.isnan(edge) for edge in bootstrap_interval([[]], pooled_auc))
    assert all(math.isnan(edge) for edge in bootstrap_interval([[clip([1], [0])]], pooled_auc, 10))
