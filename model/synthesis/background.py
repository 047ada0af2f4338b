"""Normal traffic around a plot."""

from dataclasses import dataclass, replace

import numpy as np

from model.data.records import EGO, NO_OBJECT, ROAD
from model.synthesis.plots import (
    AWAY,
    CARRIAGEWAY,
    CROSSING,
    LEFT,
    RIGHT,
    SIDEWALK,
    TOWARD,
    Drift,
    Random,
    Statement,
    Turn,
    Way,
    being,
    half,
    vehicle,
)
from model.synthesis.solids import Actor

MOST_GROUPS = 8
LATERAL_ACCELERATION = 2.5  # m/s2 at most, of who turns off
# Who needs most room is turned away most often, so it is tried most often.
KINDS = (
    *("oncoming",) * 3,
    *("overtaking",) * 3,
    *("crossing",) * 2,
    *("turning",) * 3,
    *("carriageway",) * 3,
    *("rider",) * 2,
    *("ahead", "queue", "walker", "pedestrian", "bystander"),
)
MACHINES = ("motorcycle", "bicycle", None)  # under a rider; detectors often miss them
PERSONS = ("walker", "pedestrian", "bystander")


@dataclass(frozen=True, slots=True)
class Group:
    """Who belongs together in normal traffic, and what is true of them.

    Attributes:
        members: Actors and how fast they drift in m/s.
        told: The true statement and its opposite, places counted within the group; or None.
    """

    members: tuple[tuple[Actor, Way], ...]
    told: tuple[Statement, Statement] | None = None


def background_traffic(
    rng: Random, one_way: bool = False, carriageways: tuple[int, ...] = ()
) -> list[Group]:
    """Normal traffic around the plot, mostly overlapping it on the image by perspective alone.

    It knows nothing of the plot: who would drive through another is left out later
    (`clearance.py`).

    Args:
        rng: Draws all of it.
        one_way: Whether nobody comes towards us on our street.
        carriageways: Sides, -1 and 1, on which a second one lies.
    """
    count = int(rng.integers(0, MOST_GROUPS + 1))
    return [_group(rng, one_way, carriageways) for _ in range(count)]


def _group(rng: Random, one_way: bool, carriageways: tuple[int, ...]) -> Group:
    side = rng.choice([-1.0, 1.0])
    kind = KINDS[int(rng.integers(len(KINDS)))]
    if kind in PERSONS:
        return _person(rng, kind, side)
    if kind == "rider":
        return _rider(rng, side, one_way)
    if kind == "queue":
        return _queue(rng, side)
    if kind == "carriageway" and carriageways:
        aside = carriageways[int(rng.integers(len(carriageways)))] * rng.uniform(*CARRIAGEWAY)
        ahead = rng.random() < 0.5
        actor = vehicle(rng, aside, rng.uniform(6, 60), AWAY if ahead else TOWARD)
        return _on_its_way(rng, actor, (0, (1 if ahead else -1) * rng.uniform(2, 14)))
    if kind == "oncoming" and not one_way:
        return _oncoming(rng)
    if kind == "ahead":
        actor = vehicle(rng, rng.choice([0.0, 3.5]), rng.uniform(28, 55), AWAY)
        return _alone(actor, (0, 0.5), "ahead", "fills_view")
    if kind == "turning":
        return _on_its_way(rng, *_turning(rng, side, one_way))
    if kind == "crossing":
        yaw = RIGHT if side > 0 else LEFT
        actor = vehicle(rng, side * rng.uniform(-8, 18), rng.uniform(26, 55), yaw)
        return _on_its_way(rng, actor, (-side * rng.uniform(*CROSSING), 0))
    # Overtakes; none falls behind, which beside a waiting car would be reversing.
    lane = -3.5 if one_way and side < 0 else 3.5
    actor = vehicle(rng, lane, rng.uniform(5, 40), AWAY)
    return _on_its_way(rng, actor, (0, rng.uniform(0, 7)))


def _person(rng: Random, kind: str, side: float) -> Group:
    """Somebody on foot, told of beside our own car."""
    if kind == "walker":
        walker = being(rng, "person", side * rng.uniform(*SIDEWALK), rng.uniform(6, 26))
        return _alone(walker, (0, rng.uniform(-1.4, 1.4)), "sidewalk", "hit_by")
    if kind == "pedestrian":  # crosses where nobody is near
        walker = being(rng, "person", side * rng.uniform(0, 9), rng.uniform(3.5, 40))
        return _alone(walker, (-side * rng.uniform(0.6, 1.6), 0), "walk_across", "hit_by")
    walker = being(rng, "person", side * rng.uniform(5.4, 9), rng.uniform(4, 30))
    return _alone(walker, (0, rng.choice([0.0, 0.0, 0.8, -0.8])), "sidewalk", "hit_by")


def _rider(rng: Random, side: float, one_way: bool) -> Group:
    """Somebody on two wheels along the street, or across it."""
    machine = MACHINES[int(rng.integers(len(MACHINES)))]
    actor = being(rng, machine or "person", 0.0, rng.uniform(4, 40))
    if rng.random() < 0.2:
        actor = replace(actor, x=side * rng.uniform(-4, 14), yaw=RIGHT if side > 0 else LEFT)
        drift = (-side * rng.uniform(2, 7), 0.0)
    elif side < 0 and not one_way:
        actor = replace(actor, x=-rng.uniform(1.9, 5.4), yaw=TOWARD)
        drift = (0.0, -rng.uniform(2, 9))
    else:
        lanes = rng.uniform(1.9, 5.4) * (side if one_way else 1)
        actor = replace(actor, x=lanes, yaw=AWAY)
        drift = (0.0, rng.uniform(0, 6))
    if machine:
        return _on_its_way(rng, actor, drift)
    told = ((0, EGO, "ride_beside", "bicycle", "ego"), (0, EGO, "hit_by", "bicycle", "ego"))
    return Group(((actor, drift),), told)


def _queue(rng: Random, side: float) -> Group:
    first = vehicle(rng, side * 6.8, rng.uniform(5, 28), AWAY)
    second = vehicle(rng, side * 6.8, 0.0, AWAY)
    gap = half(first) + half(second) + rng.uniform(1.5, 4.5)
    second = replace(second, z=first.z + gap)
    return Group(
        ((first, (0, 0)), (second, (0, 0))),
        ((0, 1, "queue", first.kind, second.kind), (0, 1, "wreck", first.kind, second.kind)),
    )


def _oncoming(rng: Random) -> Group:
    actor = vehicle(rng, -3.6, rng.uniform(14, 50), TOWARD)
    drift = (0, -rng.uniform(3, 9))
    if rng.random() < 0.5:
        return _on_its_way(rng, actor, drift)
    return _alone(actor, drift, "oncoming", "ego_oncoming_hit")


def _turning(rng: Random, side: float, one_way: bool) -> tuple[Actor, Turn]:
    """Somebody who turns off our street, or into it."""
    radius = rng.uniform(5.0, 12.0)
    speed = rng.uniform(0.5, 1.0) * np.sqrt(LATERAL_ACCELERATION * radius)
    way = Turn(speed, radius, side * rng.uniform(1.3, 1.75), rng.uniform(-12.0, 15.0))
    start = int(rng.integers(3))
    if start == 0:  # out of the side road
        yaw = RIGHT if side > 0 else LEFT
        return vehicle(rng, side * rng.uniform(6, 16), rng.uniform(12, 40), yaw), way
    if start == 1 and not one_way:
        return vehicle(rng, -3.6, rng.uniform(12, 50), TOWARD), way
    return vehicle(rng, rng.choice([0.0, 3.5]), rng.uniform(6, 30), AWAY), way


def _on_its_way(rng: Random, actor: Actor, drift: Way) -> Group:
    """One vehicle, told of beside the road, or beside what stands along it and has no box."""
    if rng.random() < 0.5:
        told = ((0, ROAD, "clear", actor.kind, "road"), (0, ROAD, "leave", actor.kind, "road"))
        return Group(((actor, drift),), told)
    thing = ("pole", "tree", "barrier")[int(rng.integers(3))]
    told = (
        (0, NO_OBJECT, "pass_object", actor.kind, thing),
        (0, NO_OBJECT, "hit_object", actor.kind, thing),
    )
    return Group(((actor, drift),), told)


def _alone(actor: Actor, drift: Drift, good: str, bad: str) -> Group:
    """One actor, told of beside our own car."""
    told = ((0, EGO, good, actor.kind, "ego"), (0, EGO, bad, actor.kind, "ego"))
    return Group(((actor, drift),), told)
