"""Class groups, and the entity that a noun phrase is about."""

import pytest

from knowledge.entities import (
    CLASS_GROUPS,
    EntityFinder,
    class_group,
    detector_classes,
    entity_groups,
    role_groups,
)
from knowledge.hierarchy import load_hierarchy
from knowledge.schema import Entity

ENTITIES = load_hierarchy().entities
FINDER = EntityFinder(ENTITIES)


def test_the_order_of_class_groups_never_changes() -> None:
    """The index is a row of a trained table: append only."""
    first = "other person bicycle car motorcycle bus truck animal obstacle full road ego"

    assert CLASS_GROUPS[:12] == tuple(first.split())


@pytest.mark.parametrize(
    ("detector_class", "group"),
    [
        ("person", 1),
        ("bicycle", 2),
        ("car", 3),
        ("motorcycle", 4),
        ("bus", 5),
        ("truck", 6),
        ("animal", 7),
        ("dog", 7),
        ("traffic light", 8),
        ("Traffic_Light", 8),
        ("kite", 0),
        ("no such class", 0),
        ("", 0),
    ],
)
def test_detector_classes_belong_to_groups(detector_class: str, group: int) -> None:
    """COCO names and the seven classes of the own detector; all else is "other"."""
    assert class_group(detector_class) == group


def test_all_of_coco_is_listed() -> None:
    """So that a typing error in `coco:` is told from a class of COCO: 80 and our own names."""
    own = {"animal", "obstacle", "other", "pedestrian", "rider", "bike", "van", "motorbike", "deer"}

    assert len(set(detector_classes()) - own) == 80
    assert set(detector_classes().values()) <= set(CLASS_GROUPS)


@pytest.mark.parametrize(
    ("noun_phrase", "entity"),
    [
        ("A car", "car"),
        ("Several cars", "car"),
        ("two buses", "bus"),
        ("People", "people"),
        ("our car", "ego"),
        ("Our  Car", "ego"),
        ("the camera car", "ego"),
        ("the car ahead", "car"),
        ("the door of a parked car", "car"),
        ("a car in the next lane", "car"),
        ("Red brake lights", "brake_light"),
        ("a traffic light", "pole"),
        ("a road worker", "person"),
        ("the car's door", "car"),
        ("a carpet", None),
        ("", None),
    ],
)
def test_the_first_entity_word_decides(noun_phrase: str, entity: str | None) -> None:
    """Longer wordings win at the same place; parts of words do not count."""
    assert FINDER.find(noun_phrase) == entity


def test_without_entities_nothing_is_found() -> None:
    """The empty case."""
    assert EntityFinder({}).find("a car") is None


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("vehicle", ("car", "motorcycle", "bus", "truck")),
        ("cyclist", ("person", "bicycle")),
        ("deer", ("animal",)),
        ("pole", ("obstacle", "null")),
        ("guardrail", ("null",)),
        ("unrecognised_object", ("null",)),
        ("debris", ("obstacle", "road")),
        ("roadside", ("full",)),
        ("smoke", ()),
        ("ego", ("ego",)),
    ],
)
def test_an_entity_has_these_groups(name: str, groups: tuple[str, ...]) -> None:
    """Detector classes first, then what the fallback adds."""
    assert entity_groups(ENTITIES[name]) == groups


def test_a_subject_without_a_region_leaves_the_other_alone() -> None:
    """In "A tree falls onto a pole" a pole is looked at, without an object."""
    assert role_groups(ENTITIES["tree"], ENTITIES["pole"]) == (("obstacle",), ("null",))


def test_an_object_without_a_region_is_null() -> None:
    """As in "A car drives into thick smoke"."""
    assert role_groups(ENTITIES["car"], ENTITIES["smoke"]) == (("car",), ("null",))


def test_a_subject_is_never_null() -> None:
    """In "A pole falls onto a car" it is the pole: pairs have a subject ROI."""
    assert role_groups(ENTITIES["pole"], ENTITIES["car"]) == (("obstacle",), ("car",))


def test_a_written_wording_beats_a_made_plural() -> None:
    """Here "glasses" is an entity, although it is the plural of another."""
    thing = Entity(coco=("car",), role="vehicle")
    finder = EntityFinder({"glass": thing, "glasses": thing, "lorry": thing})

    assert [finder.find(word) for word in ("glass", "glasses", "lorries")] == [
        "glass",
        "glasses",
        "lorry",
    ]
