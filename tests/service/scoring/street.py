"""A small street whose every similarity can be read off, to explain by hand."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from knowledge.hierarchy import FlatDescription
from service.scoring.calibration import Mode
from service.scoring.comparison import Comparison, compare
from service.scoring.explain import Explanation, FrameView, explain
from service.scoring.telling import told_first
from service.scoring.text_bank import TextBank
from service.vision.rois import NO_OBJECT, Rois

# Two cars, no person: cars 0 and 1, full 2, road 3, ego 4.
PAIRS = np.array([[0, 1], [1, 0], [0, NO_OBJECT]])
RELATION = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


class Street:
    """A text bank and a frame whose every similarity can be read off.

    The scene is orthogonal to all sentences, so a similarity is half the relation cosine:

        pair        crash   slam   follow   burn   park   hit   pass
        (0, 1)       .5     .48      .3      .2     0      0     .4
        (1, 0)       0      .14      .4      0      0      .5   -.3
        (0, -)       0      0        0       .458   .5     0     0
    """

    def __init__(
        self,
        describe: Callable[..., FlatDescription],
        bank_of: Callable[..., TextBank],
        rois_of: Callable[..., Rois],
    ) -> None:
        to_person, alone = ("car", "person"), ("car", "null")
        self.bank = bank_of(
            [
                describe("crash", "follow", leaf="collision"),
                describe("slam", "follow", leaf="collision"),
                describe("follow"),
                describe("burn", "park", leaf="fire", roles=alone),
                describe("park", roles=alone),
                describe("hit", "pass", leaf="person", roles=to_person),
                describe("pass", roles=to_person),
            ],
            pooled=[[0, 1, 0]] * 7,
            svo=[
                [1, 0, 0],
                [0.96, 0.28, 0],
                [0.6, 0.8, 0],
                [0.4, 0, np.sqrt(0.84)],
                [0, 0, 1],
                [0, 1, 0],
                [0.8, -0.6, 0],
            ],
        )
        self.rois = rois_of("car", "car")
        self.view = FrameView(self.rois, PAIRS, (200, 100))

    def compare(self) -> Comparison:
        scene = np.array([0.0, 0.0, 1.0])
        return compare(self.bank, self.rois, PAIRS, scene, RELATION, 1.0)

    def explain(
        self,
        *,
        mode: Mode = "paired",
        anomalous: bool = True,
        top_k: int = 5,
        standardised: tuple[float, ...] | None = None,
        above_null: tuple[float, float, float] = (0.0, 0.0, 0.0),
        of_pairs: NDArray[np.float64] | None = None,
    ) -> tuple[Explanation, ...]:
        comparison = self.compare()
        values = comparison.evidence if standardised is None else np.array(standardised)
        pairs = comparison.leaf_margins + np.array(above_null)
        pairs = pairs if of_pairs is None else pairs + of_pairs
        return explain(
            self.bank,
            self.view,
            comparison,
            values,
            pairs,
            told_first(PAIRS, np.zeros(5, np.bool_), pairs, pairs),
            mode=mode,
            anomalous=anomalous,
            top_k=top_k,
        )
