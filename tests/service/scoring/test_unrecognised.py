"""What has no box is evidence by its name, and told as something unrecognised."""

from collections.abc import Callable

import numpy as np
import pytest

from knowledge.hierarchy import FlatDescription
from service.scoring.calibration import Mode
from service.scoring.comparison import Comparison, compare
from service.scoring.explain import Explanation, FrameView, explain
from service.scoring.text_bank import TextBank
from service.vision.rois import NO_OBJECT, Rois

Describe = Callable[..., FlatDescription]
MakeBank = Callable[..., TextBank]
MakeRois = Callable[..., Rois]
PAIRS = np.array([[0, NO_OBJECT]])
UNSEEN, SEEN = 0.49, 0.5  # the gate of the frame's pixels
ALONE = ("car", "null")


class Lone:
    """One car beside nobody, and texts about it; with gate g a similarity is cosine / (1 + g)."""

    def __init__(self, describe: Describe, bank_of: MakeBank, rois_of: MakeRois) -> None:
        self.describe, self.bank_of = describe, bank_of
        self.cosines = {
            "part": 0.3,
            "thing": 0.9,
            "tree": 0.6,
            "pole": 0.5,
            "stop": 0.55,
            "park": 0.0,
        }
        self.kinds = ("vehicle", "obstacle")
        self.rois = rois_of("car")

    @property
    def bank(self) -> TextBank:
        """Thing and part are unrecognised, and of the leaf of tree and pole."""
        texts = [
            self._struck("part", has_unrecognised=True),
            self._struck("thing", has_unrecognised=True),
            self._struck("tree", kinds=self.kinds),
            self._struck("pole"),
            self.describe("stop", "park", leaf="stalled", roles=ALONE),
            self.describe("park", roles=ALONE),
        ]
        svo = [[c, np.sqrt(1 - c * c), 0] for c in self.cosines.values()]
        return self.bank_of(texts, pooled=[[0, 1, 0]] * 6, svo=svo)

    def _struck(
        self,
        name: str,
        has_unrecognised: bool = False,
        kinds: tuple[str, str] = ("vehicle", "obstacle"),
    ) -> FlatDescription:
        return self.describe(
            name,
            "park",
            leaf="struck",
            roles=ALONE,
            kinds=kinds,
            has_unrecognised=has_unrecognised,
        )

    def compare(self, gate: float) -> Comparison:
        relation = np.array([[1.0, 0.0, 0.0]])
        return compare(self.bank, self.rois, PAIRS, np.array([0, 0, 1.0]), relation, gate)

    def explain(
        self, gate: float, mode: Mode = "paired", anomalous: bool = True
    ) -> tuple[Explanation, ...]:
        found = self.compare(gate)
        margins = found.leaf_margins
        return explain(
            self.bank,
            FrameView(self.rois, PAIRS, (200, 100)),
            found,
            found.evidence,
            margins,
            (0, int(margins[0].argmax())),
            mode=mode,
            anomalous=anomalous,
            top_k=5,
        )

    def told(self, gate: float, mode: Mode = "paired") -> list[str]:
        return [item.description_id for item in self.explain(gate, mode)]


@pytest.fixture
def lone(
    make_description: Describe,
    make_bank: MakeBank,
    make_rois: MakeRois,
) -> Lone:
    return Lone(make_description, make_bank, make_rois)


@pytest.mark.parametrize("gate", [UNSEEN, SEEN])
def test_no_score_knows_it(lone: Lone, gate: float) -> None:
    """Tree .6, not thing .9; Eq. (11) is the mean of tree, pole and stop."""
    found = lone.compare(gate)

    assert found.leaf_margins[0].tolist() == pytest.approx([0.6 / (1 + gate), 0.55 / (1 + gate)])
    assert found.evidence.tolist() == found.leaf_margins[0].tolist()
    assert found.literal == found.contrast == pytest.approx((0.6 + 0.5 + 0.55) / 3 / (1 + gate))


@pytest.mark.parametrize("mode", ["paired", "literal"])
def test_where_nobody_has_looked_the_leaf_is_told_by_it(lone: Lone, mode: Mode) -> None:
    """By the text of the kind that fits best, with its own figures, in the tree's place."""
    first = lone.explain(UNSEEN, mode)[0]

    assert lone.told(UNSEEN, mode) == ["thing", "stop"]
    assert first.similarity == first.margin == pytest.approx(0.9 / 1.49)


@pytest.mark.parametrize("mode", ["paired", "literal"])
@pytest.mark.parametrize(
    ("gate", "cosines", "told"),
    [
        (UNSEEN, {"thing": 0.4}, ["thing", "stop"]),  # told though the tree fits better
        (UNSEEN, {"tree": 0.5}, ["stop", "thing"]),  # thing has .9, and ranks by pole's .5
        (SEEN, {}, ["tree", "stop"]),  # somebody has seen what it is
    ],
)
def test_how_well_it_fits_moves_no_leaf(
    lone: Lone, mode: Mode, gate: float, cosines: dict[str, float], told: list[str]
) -> None:
    """It only says which text of its kind is told."""
    lone.cosines |= cosines

    assert lone.told(gate, mode) == told


@pytest.mark.parametrize("mode", ["paired", "literal"])
def test_it_does_not_tell_what_is_about_something_else(lone: Lone, mode: Mode) -> None:
    """A load on the road is a vehicle and a place, not a vehicle and what it has struck."""
    lone.kinds = ("vehicle", "place")

    assert lone.told(UNSEEN, mode) == ["tree", "stop"]


def test_a_normal_frame_is_not_measured_against_it(lone: Lone) -> None:
    """Its rival is the closest anomaly that names something."""
    normal = lone.explain(UNSEEN, anomalous=False)[0]

    assert (normal.description_id, normal.counterpart) == ("park", "tree")
