"""Normal traffic around a plot: who takes part, and what is told of them."""

from dataclasses import replace

import numpy as np

from model.data.records import EGO, NO_OBJECT, ROAD
from model.synthesis.background import Group, background_traffic
from model.synthesis.paths import turned
from model.synthesis.plots import Turn
from model.synthesis.solids import Actor, Street

SEEDS = 120


STREET = Street("day", 90, 90, 0, junction_z=25.0, actors=(Actor("tree", 9.5, 30.0),))


def drawn(one_way: bool = False, street: Street = STREET) -> list[Group]:
    """The groups of many draws."""
    rngs = (np.random.default_rng(seed) for seed in range(SEEDS))
    return [group for rng in rngs for group in background_traffic(rng, street, one_way)]


def driven_along(carriageways: tuple[int, ...]) -> list[Actor]:
    """Who drives along the street, but not on it."""
    members = [
        actor
        for group in drawn(street=replace(STREET, carriageways=carriageways))
        for actor, _ in group.members
    ]
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


def test_vehicles_are_told_beside_road_and_roadside() -> None:
    """Or a car at the side of the picture would be one that leaves the road: nothing said no."""
    told = [group.told[0] for group in drawn() if group.told]

    assert {(ROAD, "clear"), (NO_OBJECT, "pass_object"), (EGO, "oncoming")} <= {
        statement[1:3] for statement in told
    }
    assert {
        (EGO, "sidewalk"),
        (EGO, "roadside"),
        (EGO, "walk_across"),
        (EGO, "ride_beside"),
        (NO_OBJECT, "stand_by_object"),
    } <= {statement[1:3] for statement in told}
    things = {one[4] for one in told if one[2] in ("pass_object", "stand_by_object")}
    assert things == {"tree"}  # all that stands there


def test_who_turns_ends_in_a_lane_of_our_street_or_of_the_side_road() -> None:
    """Every one in the lane of its direction, as where one drives on the right."""
    turning = [g for g in drawn() if isinstance(g.members[0][1], Turn)]
    lanes = {0: (0.0, 3.5), 1: (-1.8,), 3: (1.8,)}  # away, to the right, to the left
    headings = set()
    for group in turning:
        ((actor, way),) = group.members
        assert isinstance(way, Turn)
        after = turned(actor, way, (way.begins_m + way.radius * np.pi / 2 + 1.0) / way.speed)
        lane = after.x if abs(np.cos(after.yaw)) > 0.5 else after.z - 25.0
        heading = round(float(np.degrees(after.yaw) / 90)) % 4
        headings.add(heading)
        assert min(abs(lane - middle) for middle in lanes[heading]) < 1.5

    assert len(turning) > 20
    assert {group.told[0][1:3] for group in turning if group.told} == {(ROAD, "turn")}
    assert headings == set(lanes)


def test_nobody_parks_in_the_mouth_of_a_side_road_nor_far_from_what_is_named() -> None:
    """A lane to either side of the middle of the side road stays free."""
    parked = 0
    for group in drawn():
        standing = [actor for actor, way in group.members if way == (0, 0) and abs(actor.x) < 8]
        parked += len(standing)
        for car in standing:
            assert car.kind == "person" or abs(car.z - 25.0) > 3.6 + 2.1
        if group.told and group.told[0][2] == "stand_by_object":
            assert standing[0].x > 0
            assert abs(standing[0].z - 30.0) < 8
    assert parked > 20


def test_nobody_crosses_or_turns_where_no_side_road_is() -> None:
    """They would drive over the pavement."""
    for group in drawn(street=replace(STREET, junction_z=None)):
        for actor, way in group.members:
            assert not isinstance(way, Turn)
            assert abs(np.sin(actor.yaw)) < 0.5 or actor.kind == "person"
