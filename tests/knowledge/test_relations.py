"""Inverse relations and class groups as data."""

import pytest

from knowledge.entities import CLASS_GROUPS, class_group
from knowledge.relations import inverse_of, is_asymmetric


@pytest.mark.parametrize(
    ("relation", "inverse"),
    [
        ("above", "below"),
        ("in front of", "behind"),
        ("left of", "right of"),
        ("near", "far away from"),
    ],
)
def test_a_relation_has_its_inverse(relation: str, inverse: str) -> None:
    """The pairs of the table."""
    assert inverse_of(relation) == inverse


def test_an_unknown_relation_has_none() -> None:
    """Nothing is guessed."""
    assert inverse_of("sings to") is None


def test_being_near_is_mutual_and_being_behind_is_not() -> None:
    """Only asymmetric relations admit a role swap as hard negative."""
    assert is_asymmetric("behind")
    assert not is_asymmetric("near")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("car", "car"),
        ("person", "person"),
        ("dog", "animal"),
        ("animal", "animal"),
        ("spaceship", "other"),
    ],
)
def test_a_detector_class_has_its_group(name: str, group: str) -> None:
    """COCO's names and ours; what is unknown is `other`, never an error."""
    assert CLASS_GROUPS[class_group(name)] == group


def test_the_groups_keep_their_order() -> None:
    """Their indices are baked into exported graphs."""
    assert CLASS_GROUPS[:12] == (
        "other", "person", "bicycle", "car", "motorcycle", "bus", "truck", "animal", "obstacle",
        "full", "road", "ego",
    )  # fmt: skip
