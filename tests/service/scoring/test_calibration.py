"""calibration.json: what it may say, and what the numbers do to evidence."""

import json
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.scoring.calibration import (
    Z_LIMIT,
    AffineMap,
    Calibration,
    LeafNull,
    neutral_calibration,
    paired_score,
    probability,
    standardise,
)
from service.scoring.eq11 import NO_EVIDENCE


def as_json() -> dict[str, Any]:
    """A complete calibration.json, to be spoilt in one place."""
    content: dict[str, Any] = json.loads(neutral_calibration().model_dump_json())
    return content


def test_a_calibration_survives_its_own_file() -> None:
    """What is written is what is read."""
    calibration = neutral_calibration()

    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration
    assert calibration.of("stills") is calibration.stills
    assert calibration.of("clips") is calibration.clips


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(("stills", "thresold"), 0.5, "Extra inputs", id="misspelt key"),
        pytest.param(("stills", "threshold"), 1.5, "less than or equal to 1", id="not in 0..1"),
        pytest.param(("stills", "leaf_null"), {"a": {"mean": 0, "std": 0}}, "greater", id="std 0"),
        pytest.param(("stills", "affine", "paired", "slope"), -1.0, "greater", id="falling map"),
        pytest.param(("stills", "affine"), {}, "contrast, literal, paired", id="no maps"),
        pytest.param(("clips", "off"), 0.9, "must not lie above", id="off above on"),
        pytest.param(
            ("clips", "on_hold_s"), 0.5, "must not exceed on_window_s", id="impossible alarm"
        ),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(
    path: tuple[str, ...], value: object, message: str
) -> None:
    """A bundle with such a file must stop the start, not score strangely."""
    content = as_json()
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(ValidationError, match=message):
        Calibration.model_validate(content)


def test_evidence_is_measured_in_deviations_of_its_own_null() -> None:
    """Leaf a: (0.3 - 0.1) / 0.1 = 2; leaf b: (0.3 - 0.2) / 0.2 = 0.5, weight 2 makes it 1."""
    nulls = {"a": LeafNull(mean=0.1, std=0.1), "b": LeafNull(mean=0.2, std=0.2)}

    standard = standardise(np.array([0.3, 0.3]), ["a", "b"], np.array([1.0, 2.0]), nulls)

    assert standard == pytest.approx([2.0, 1.0])


def test_frames_may_be_standardised_together() -> None:
    """(n, L) gives what n calls of (L,) give, silent leaves included."""
    nulls = {"a": LeafNull(mean=0.1, std=0.1), "b": LeafNull(mean=0.2, std=0.2)}
    evidence = np.array([[0.3, NO_EVIDENCE], [-0.1, 0.4]])
    weight = np.array([1.0, 2.0])

    together = standardise(evidence, ["a", "b"], weight, nulls)

    assert together.tolist() == [
        standardise(row, ["a", "b"], weight, nulls).tolist() for row in evidence
    ]
    assert together[0, 1] == NO_EVIDENCE


def test_a_new_leaf_borrows_the_median_null() -> None:
    """An expert has added leaf x at run time; nulls known are 0.0, 0.1 and 0.8 wide 0.1."""
    nulls = {
        name: LeafNull(mean=mean, std=0.1) for name, mean in zip("abc", (0, 0.1, 0.8), strict=True)
    }

    standard = standardise(np.array([0.3]), ["x"], np.array([1.0]), nulls)

    assert standard == pytest.approx([2.0])


def test_a_narrow_null_cannot_shout() -> None:
    """A hundred deviations say no more than ten."""
    nulls = {"a": LeafNull(mean=0.0, std=0.001)}

    assert standardise(np.array([0.1]), ["a"], np.ones(1), nulls).tolist() == [Z_LIMIT]
    assert standardise(np.array([-0.1]), ["a"], np.ones(1), nulls).tolist() == [-Z_LIMIT]


def test_without_nulls_the_evidence_stays_as_it_is() -> None:
    """The neutral calibration of tests."""
    standard = standardise(np.array([0.3, -0.2]), ["a", "b"], np.ones(2), {})

    assert standard == pytest.approx([0.3, -0.2])


def test_a_frame_in_which_no_leaf_speaks_is_like_normal_footage() -> None:
    """Neither calmer nor livelier than the mean of the null; finite, so that it can be JSON."""
    assert paired_score(np.array([NO_EVIDENCE, NO_EVIDENCE])) == 0.0
    assert paired_score(np.array([NO_EVIDENCE, 0.5])) == 0.5


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        pytest.param(1.0, 0.5, id="middle"),
        pytest.param(1.0 + math.log(3) / 2, 0.75, id="odds of three"),
        pytest.param(1.0 - math.log(3) / 2, 0.25, id="odds of a third"),
        pytest.param(1e6, 1.0, id="no overflow above"),
        pytest.param(-1e6, 0.0, id="no overflow below"),
    ],
)
def test_probability_is_the_sigmoid_of_an_affine_map(score: float, expected: float) -> None:
    """sigmoid(2 score - 2)."""
    assert probability(score, AffineMap(slope=2.0, intercept=-2.0)) == pytest.approx(expected)


def test_a_score_that_tells_nothing_leaves_the_probability_in_the_middle() -> None:
    """Slope 0."""
    assert probability(7.0, AffineMap(slope=0.0, intercept=0.0)) == 0.5


def test_trusted_pixels_have_a_null_of_their_own() -> None:
    """Half of the evidence comes from the scene then; without the entry one null serves for all."""
    one, other = ({"a": LeafNull(mean=m, std=1.0)} for m in (0.0, 2.0))
    stills = neutral_calibration().stills.model_copy(update={"leaf_null": one})

    assert stills.null_of(trusted=True) is one
    both = stills.model_copy(update={"leaf_null_trusted": other})
    assert both.null_of(trusted=True) is other
    assert both.null_of(trusted=False) is one


def test_text_weighs_more_where_it_has_seen_pixels() -> None:
    """0.2 for boxes and motion alone, 1 with pixels, where motion weighs 0.3."""
    clips = neutral_calibration().clips.model_copy(update={"weight_text": 0.2})

    assert clips.weights_of(trusted=True) == (0.2, 1.0)
    told = clips.model_copy(update={"weights_trusted": (1.0, 0.3)})
    assert told.weights_of(trusted=True) == (1.0, 0.3)
    assert told.weights_of(trusted=False) == (0.2, 1.0)


def test_a_leaf_that_is_loud_on_normal_roads_is_worth_less() -> None:
    """A leaf that an expert has added since is worth what it says."""
    clips = neutral_calibration().clips
    told = clips.model_copy(update={"leaf_motion_weight": {"a.loud": 0.5}})

    assert told.motion_weights(("a.new", "a.loud")).tolist() == [1.0, 0.5]
    assert clips.motion_weights(("a.new", "a.loud")).tolist() == [1.0, 1.0]
