"""Which pair may stand for which description."""

from collections.abc import Callable

import numpy as np
import pytest

from knowledge.hierarchy import FlatDescription
from service.scoring.pairing import accepts, may_speak
from service.scoring.text_bank import TextBank
from service.vision.rois import Rois, detected_rois

Describe = Callable[..., FlatDescription]
MakeBank = Callable[..., TextBank]
MakeRois = Callable[..., Rois]


def test_a_pair_fits_a_description_when_both_roles_fit(
    make_description: Describe, make_bank: MakeBank, make_rois: MakeRois
) -> None:
    """Car 0, person 1, full 2, road 3, ego 4 against four kinds of roles."""
    bank = make_bank(
        [
            make_description("n", roles=("car", "person")),
            make_description("a", "n", roles=("person", "car")),
            make_description("b", "n", roles=("car", "null")),
            make_description("c", "n", roles=("ego", "road")),
        ]
    )
    pairs = np.array([[0, 1], [1, 0], [0, -1], [4, 3], [1, -1]])

    accepted = accepts(bank, make_rois("car", "person"), pairs)

    assert accepted.astype(int).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]


def test_a_missing_object_is_not_the_last_roi(
    make_description: Describe, make_bank: MakeBank, make_rois: MakeRois
) -> None:
    """Index -1 would read the ego ROI, which ends every list."""
    bank = make_bank(
        [
            make_description("n", roles=("car", "ego")),
            make_description("a", "n", roles=("car", "ego")),
        ]
    )

    accepted = accepts(bank, make_rois("car"), np.array([[0, -1], [0, 3]]))

    assert accepted.tolist() == [[False, False], [True, True]]


def test_a_frame_without_pairs_accepts_nothing(
    make_description: Describe, make_bank: MakeBank
) -> None:
    """K = 0 and N = 0 keep their shape."""
    bank = make_bank([make_description("n"), make_description("a", "n")])
    nothing = detected_rois(np.zeros((0, 4)), [], [])

    assert accepts(bank, nothing, np.zeros((0, 2), np.int64)).shape == (0, 2)


@pytest.mark.parametrize("pixels", [True, False])
def test_of_the_unrecognised_is_told_where_nobody_has_looked(
    make_description: Describe, make_bank: MakeBank, pixels: bool
) -> None:
    """Where pixels are trusted, what is there has been seen."""
    bank = make_bank(
        [
            make_description("tree", "pass"),
            make_description("thing", "pass", has_unrecognised=True),
            make_description("pass"),
        ]
    )

    assert may_speak(bank, pixels, stands=False).tolist() == [True, not pixels, True]
