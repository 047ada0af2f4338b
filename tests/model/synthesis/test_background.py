"""Normal traffic around a plot: who takes part, and what is told of them."""

import numpy as np

from model.data.records import EGO, NO_OBJECT, ROAD
from model.synthesis.background import Group, background_traffic
from model.synthesis.plots import Turn
from model.synthesis.solids import Actor

SEEDS = 120


def drawn(one_way: bool = False, carriageways: tuple[int, ...] = ()) -> list[Group]:
    """The groups of many streets."""
    rngs = (np.random.default_rng(seed) for seed in range(SEEDS))
    return [group for rng in rngs for group in background_traffic(rng, one_way, carriageways)]


def driven_along(carriageways: tuple[int, ...]) -> list[Actor]:
    """Who drives along the street, but not on it."""
    members = [actor for group in drawn(carriageways=carriageways) for actor, _ in group.members]
    return [a for a in members if abs(a.x) > 11 and abs(np.sin(a.yaw)) < 0.5]


def test_on_a_one_way_street_nobody_comes_towards_us() -> None:
    """Whoever drives along it heads away; on other streets many do not."""
    towards = {
        one_way: [
            actor
            for group in drawn(one_way)
            for actor, _ in group.members
            if abs(actor.x) < 6 and np.cos(actor.yaw) < -0.5
        ]
        for one_way in (False, True)
    }

    assert not towards[True]
    assert len(towards[False]) > 20


def test_a_second_carriageway_has_traffic_of_its_own() -> None:
    """Behind the pavement of its side, both ways; without one nobody drives there."""
    aside = driven_along((1,))
    assert {a.x > 0 for a in aside} == {True}
    assert {np.cos(a.yaw) > 0 for a in aside} == {True, False}
    assert not driven_along(())


def test_some_turn_off_and_vehicles_are_told_beside_road_and_roadside() -> None:
    """Or a car at the side of the picture would be one that leaves the road: nothing said no."""
    groups = drawn(carriageways=(-1, 1))
    told = {group.told[0][1:3] for group in groups if group.told}
    turning = [group for group in groups if isinstance(group.members[0][1], Turn)]

    assert {(ROAD, "clear"), (NO_OBJECT, "pass_object"), (EGO, "oncoming")} <= told
    assert {(EGO, "sidewalk"), (EGO, "walk_across")} <= told
    assert len(turning) > 20
    assert {group.told[0][1:3] for group in turning if group.told} == {
        (ROAD, "clear"),
        (NO_OBJECT, "pass_object"),
    }
