"""The inverse lexicon."""

import pytest

from knowledge.relations import inverse_of, is_asymmetric, relations


@pytest.mark.parametrize(
    ("relation", "inverse"),
    [
        ("above", "below"),
        ("left of", "right of"),
        ("In  front of", "behind"),
        ("is behind", "is in front of"),
        ("near", "far away from"),
        ("facing away from", "facing"),
        ("on", "off"),
        ("hits", "passes well clear of"),
        ("is hit by", "is passed with plenty of room by"),
        ("sings to", None),
        ("", None),
    ],
)
def test_a_relation_has_this_opposite(relation: str, inverse: str | None) -> None:
    """A copula in front stays; an unknown relation has none."""
    assert inverse_of(relation) == inverse


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("above", True),
        ("is left of", True),
        ("beside", False),
        ("touching", False),
        ("sings", False),
    ],
)
def test_a_role_swap_changes_asymmetric_relations(relation: str, expected: bool) -> None:
    """Beside is the same from both sides; nothing is claimed about unknown relations."""
    assert is_asymmetric(relation) is expected


def test_no_relation_is_its_own_opposite() -> None:
    """Otherwise a hard negative would be a positive."""
    assert [name for name, relation in relations().items() if relation.inverse == name] == []


def test_the_opposite_of_a_spatial_relation_is_never_its_synonym() -> None:
    """Going there and back leads to the same family: above, below, above."""
    for name, relation in relations().items():
        if relation.kind == "spatial" and (back := relations().get(relation.inverse)):
            assert back.inverse != relation.inverse, name


def test_each_relation_stands_once() -> None:
    """YAML 1.1 reads a bare on as true; a listed one must be text."""
    assert all(isinstance(name, str) for name in relations())
    assert len(relations()) > 100
