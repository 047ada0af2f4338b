"""The text bank: what it arranges, and what it refuses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from knowledge.hierarchy import FlatDescription, load_hierarchy
from service.scoring.text_bank import TextBank, build_text_bank, text_bank_of

Describe = Callable[..., FlatDescription]


@dataclass(frozen=True)
class Vectors:
    pooled: NDArray[Any]
    svo: NDArray[Any]


class LengthEncoder:
    """Embeds a text by its length: a model small enough to predict."""

    def encode(self, texts: Sequence[FlatDescription], /) -> Vectors:
        angle = np.array([len(item.text) for item in texts]) / 100
        half = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        return Vectors(half, half[:, ::-1])


def test_the_shipped_hierarchy_becomes_one_row_per_description() -> None:
    """Rows keep the file order; counterparts and leaves point at the right ones."""
    hierarchy = load_hierarchy()

    bank = build_text_bank(hierarchy, LengthEncoder())

    assert len(bank) == len(hierarchy.flat) == len(bank.pooled) == len(bank.svo)
    assert bank.knowledge_sha256 == hierarchy.sha256
    for i, description in enumerate(bank.descriptions):
        if description.polarity == "anomaly":
            assert bank.descriptions[bank.counterpart[i]].id == description.counterpart_id
            assert bank.leaf_ids[bank.leaf_of[i]] == description.leaf_id
            assert not bank.is_anomaly[bank.counterpart[i]]
        else:
            assert bank.counterpart[i] == bank.leaf_of[i] == -1
    assert bank.is_anomaly.sum() == (bank.leaf_of >= 0).sum()
    assert bank.pooled[0] == pytest.approx(
        [np.cos(len(bank.descriptions[0].text) / 100), np.sin(len(bank.descriptions[0].text) / 100)]
    )


def test_roles_become_columns_of_class_groups(
    make_description: Describe, make_bank: Callable[..., TextBank]
) -> None:
    """The column after the last class group says that no object is needed."""
    bank = make_bank(
        [
            make_description("n", roles=("car", "person")),
            make_description("a", "n", roles=("truck", "null")),
        ]
    )

    groups = (*CLASS_GROUPS, "null")
    assert [CLASS_GROUPS[i] for i in np.flatnonzero(bank.subject_groups[0])] == ["car"]
    assert [groups[i] for i in np.flatnonzero(bank.object_groups[0])] == ["person"]
    assert [groups[i] for i in np.flatnonzero(bank.object_groups[1])] == ["null"]


def test_the_bank_is_a_snapshot_that_nobody_can_write_to(
    make_description: Describe, make_bank: Callable[..., TextBank]
) -> None:
    """A running job keeps the knowledge it began with."""
    bank = make_bank([make_description("n"), make_description("a", "n")])

    with pytest.raises(ValueError, match="read-only"):
        bank.pooled[0, 0] = 0.0


def test_knowledge_without_an_anomaly_is_refused(make_description: Describe) -> None:
    """Eq. (11) would divide by zero."""
    with pytest.raises(ValueError, match="no anomaly description"):
        text_bank_of([make_description("n")], Vectors(np.eye(1, 2), np.eye(1, 2)))


def test_an_unknown_counterpart_is_named(make_description: Describe) -> None:
    """The message says which description points nowhere."""
    with pytest.raises(ValueError, match=r"a has no normal counterpart \(elsewhere\)"):
        text_bank_of([make_description("a", "elsewhere")], Vectors(np.eye(1, 2), np.eye(1, 2)))


@pytest.mark.parametrize(
    ("pooled", "svo", "message"),
    [
        pytest.param(np.eye(3), np.eye(2), "pooled must be", id="a row too many"),
        pytest.param(np.eye(2), np.ones(2), "svo must be", id="one axis missing"),
        pytest.param(np.eye(2) * 0.5, np.eye(2), "unit vectors", id="too short"),
        pytest.param(np.eye(2), np.full((2, 2), np.nan), "unit vectors", id="not a number"),
        pytest.param(np.eye(2), np.eye(2, 3), "halves differ", id="two sizes"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    make_description: Describe, pooled: NDArray[Any], svo: NDArray[Any], message: str
) -> None:
    """A broken text encoder is caught before it can score anything."""
    with pytest.raises(ValueError, match=message):
        text_bank_of([make_description("n"), make_description("a", "n")], Vectors(pooled, svo))
