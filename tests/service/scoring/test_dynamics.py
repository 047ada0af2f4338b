"""Motion at the leaf: the expert's cues, the pairs that fit, and the sum with the text."""

from collections.abc import Callable

import numpy as np
import pytest

from knowledge.hierarchy import FlatDescription
from service.scoring.cues import CUE_NAMES
from service.scoring.dynamics import cues_of, fused, leaf_motion, pair_motion, spoken_cues
from service.scoring.eq11 import NO_EVIDENCE
from service.scoring.text_bank import TextBank

NAN = float("nan")


@pytest.fixture
def bank(
    make_description: Callable[..., FlatDescription], make_bank: Callable[..., TextBank]
) -> TextBank:
    """Leaves: collision (closing, iou_rise), fire (appearance, which nothing measures)."""
    return make_bank(
        [
            make_description("crash", "follow", leaf="collision", cues=("closing", "iou_rise")),
            make_description("follow"),
            make_description("burn", "park", leaf="fire", cues=("appearance",)),
            make_description("park"),
        ]
    )


def row(**cues: float) -> list[float]:
    """One pair's cues, unknown where not named."""
    return [cues.get(name, NAN) for name in CUE_NAMES]


def test_residual_belongs_to_every_leaf_that_names_a_measured_cue() -> None:
    """A leaf without one is not moved by motion."""
    assert spoken_cues(("closing", "iou_rise")) == ("residual", "closing", "iou_rise")
    assert spoken_cues(("appearance",)) == ()


def test_a_leaf_is_the_mean_of_its_known_cues_on_a_pair(bank: TextBank) -> None:
    """(0.9 + 0.3 + 0.6) / 3; unknown ones are left out; a leaf without cues is not measured."""
    cues = np.array(
        [row(residual=0.9, closing=0.3, iou_rise=0.6, spin=1.0), row(residual=0.4), row(spin=1.0)]
    )

    found = pair_motion(bank, cues)

    assert found[:, 0].tolist() == [pytest.approx(0.6), 0.4, pytest.approx(NAN, nan_ok=True)]
    assert np.isnan(found[:, 1]).all()


def test_a_cue_that_nothing_measures_counts_as_nothing(
    make_description: Callable[..., FlatDescription], make_bank: Callable[..., TextBank]
) -> None:
    """(0.9 + 0.6 + 0) / 3: such a leaf can be told in part only."""
    bank = make_bank(
        [
            make_description("hit", "clear", leaf="debris", cues=("swerve", "static_in_lane")),
            make_description("clear"),
        ]
    )

    assert pair_motion(bank, np.array([row(residual=0.9, swerve=0.6)]))[0, 0] == pytest.approx(0.5)


def test_the_strongest_pair_that_fits_speaks(bank: TextBank) -> None:
    """The third pair moves most but fits no text of the leaf; unknown counts nothing."""
    motion = np.array([[0.2, NAN], [0.5, NAN], [0.9, NAN]])
    accepted = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]], bool)

    assert leaf_motion(bank, accepted, motion).tolist() == [0.5, 0.0]
    assert leaf_motion(bank, accepted[:0], motion[:0]).tolist() == [0.0, 0.0]


def test_text_and_motion_add_up_at_the_leaf(bank: TextBank) -> None:
    """0.2 * 3 + 1.0 * 10 * 0.5 = 5.6; a leaf that cannot speak stays silent."""
    text = np.array([3.0, NO_EVIDENCE])

    found = fused(text, np.array([0.5, 0.5]), bank, weight_text=0.2, weight_motion=1.0)

    assert found.tolist() == [pytest.approx(5.6), NO_EVIDENCE]


def test_explanations_name_the_cues_that_spoke(bank: TextBank) -> None:
    """Rounded, and without those that were not measured."""
    cues = np.array(row(residual=0.12345, iou_rise=0.6, spin=1.0))

    assert cues_of(bank, 0, cues) == {"residual": 0.123, "iou_rise": 0.6}
    assert cues_of(bank, 1, cues) == {}


def test_a_text_about_something_unrecognised_gives_its_leaf_no_pairs(
    make_description: Callable[..., FlatDescription], make_bank: Callable[..., TextBank]
) -> None:
    """The leaf speaks of cars; that any vehicle may have struck something only tells."""
    bank = make_bank(
        [
            make_description("tree", "park", leaf="struck", cues=("spin",)),
            make_description("thing", "park", leaf="struck", cues=("spin",), has_unrecognised=True),
            make_description("park"),
        ]
    )
    accepted = np.array([[True, True, True], [False, True, True]])

    assert leaf_motion(bank, accepted, np.array([[0.2], [0.9]])).tolist() == [0.2]
