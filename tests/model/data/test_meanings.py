"""A caption is true of the facts whose relation and participants it names, generally or exactly."""

from knowledge.hierarchy import load_hierarchy
from model.data.meanings import GENERAL, VEHICLES, is_told


def test_a_vehicle_is_any_vehicle_and_nothing_else() -> None:
    """Worked out by hand: three facts against five captions."""
    facts = ("t_bone:truck:car", "t_bone:car:truck", "hit_person:bus:person")
    captions = (
        "t_bone:truck:car",
        "t_bone:vehicle:vehicle",
        "rear_end:vehicle:vehicle",
        "hit_person:vehicle:person",
        "hit_person:vehicle:vehicle",
    )

    told = is_told(facts, captions)

    assert told.tolist() == [
        [True, True, False, False, False],
        [False, True, False, False, False],
        [False, False, False, True, False],
    ]


def test_a_general_fact_is_not_told_by_a_special_caption() -> None:
    """And a caption that means nothing tells of nothing."""
    assert not is_told(("rear_end:vehicle:car",), ("rear_end:car:car", "")).any()
    assert is_told((), ()).shape == (0, 0)


def test_the_hierarchy_means_the_same_by_a_vehicle() -> None:
    """What training calls a vehicle is what the service looks for under that noun."""
    assert set(load_hierarchy().entities[GENERAL].coco) == set(VEHICLES)
