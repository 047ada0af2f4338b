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
from model.synthesis.solids import Actor, Street

MOST_GROUPS = 8
LATERAL_ACCELERATION = 2.5  # m/s2 at most, of who turns
# Who needs most room is turned away most often, so it is tried more often.
KINDS = (
    *("oncoming",) * 3,
    *("overtaking",) * 3,
    *("carriageway",) * 3,
    *("rider",) * 2,
    *("ahead", "queue", *("parked",) * 2, "walker", "pedestrian", *("bystander",) * 2),
)
AT_JUNCTION = (*("crossing",) * 3, *("turning",) * 4)  # where there is one
PERSONS = ("walker", "pedestrian", "bystander")
MACHINES = ("motorcycle", "bicycle", None)  # under a rider; detectors often miss them
BAY_END = 8.0  # metres to either side: here the pavement begins;
EDGE = (6.1, 7.9)  # here one rides a bicycle,
ASIDE = (5.4, 10.3)  # here one stands or walks
SIDE_LANE = 1.8  # metres from the middle of the side road
REVERSING_SHARE, MANOEUVRING = 0.4, (0.5, 2.0)  # m/s of who parks backwards
NEAR_M = 8.0  # beside what a parked car is told of


@dataclass(frozen=True, slots=True)
class Group:
    """Who belongs together in normal traffic, and what is true of them.

    Attributes:
        members: Actors and how each of them moves.
        told: The true statement and its opposite, places counted within the group; or None.
    """

    members: tuple[tuple[Actor, Way], ...]
    told: tuple[Statement, Statement] | None = None


def background_traffic(rng: Random, street: Street, one_way: bool = False) -> list[Group]:
    """Normal traffic around the plot, mostly overlapping it on the image by perspective alone.

    It knows nothing of the plot: who would drive through another is left out later
    (`clearance.py`).

    Args:
        rng: Draws all of it.
        street: Where it drives.
        one_way: Whether nobody comes towards us on it.
    """
    count = int(rng.integers(0, MOST_GROUPS + 1))
    return [_group(rng, street, one_way) for _ in range(count)]


def _group(rng: Random, street: Street, one_way: bool) -> Group:
    side = float(rng.choice([-1.0, 1.0]))
    kinds = KINDS if street.junction_z is None else KINDS + AT_JUNCTION
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind in PERSONS:
        return _person(rng, kind, side)
    if kind == "rider":
        return _rider(rng, street, side, one_way)
    if kind == "queue":
        return _queue(rng, street, side)
    if kind == "parked":
        return _parked(rng, street, side)
    if kind == "carriageway" and street.carriageways:
        sides = street.carriageways
        aside = sides[int(rng.integers(len(sides)))] * rng.uniform(*CARRIAGEWAY)
        ahead = rng.random() < 0.5
        actor = vehicle(rng, aside, rng.uniform(6, 60), AWAY if ahead else TOWARD)
        return _on_its_way(rng, street, actor, (0, (1 if ahead else -1) * rng.uniform(2, 14)))
    if kind == "oncoming" and not one_way:
        return _oncoming(rng, street)
    if kind == "ahead":
        actor = vehicle(rng, rng.choice([0.0, 3.5]), rng.uniform(28, 55), AWAY)
        return _alone(actor, (0, 0.5), "ahead", "fills_view")
    if street.junction_z is not None and kind == "turning":
        return _turning(rng, street.junction_z, side, one_way)
    if street.junction_z is not None and kind == "crossing":
        lane = street.junction_z + side * SIDE_LANE
        actor = vehicle(rng, side * rng.uniform(-8, 18), lane, RIGHT if side > 0 else LEFT)
        return _on_its_way(rng, street, actor, (-side * rng.uniform(*CROSSING), 0))
    # Overtakes; none falls behind, which beside a waiting car would be reversing.
    lane = -3.5 if one_way and side < 0 else 3.5
    actor = vehicle(rng, lane, rng.uniform(5, 40), AWAY)
    return _on_its_way(rng, street, actor, (0, rng.uniform(0, 7)))


def _person(rng: Random, kind: str, side: float) -> Group:
    """Somebody on foot, told of beside our own car."""
    if kind == "walker":
        walker = being(rng, "person", side * rng.uniform(*SIDEWALK), rng.uniform(6, 26))
        return _alone(walker, (0, rng.uniform(-1.4, 1.4)), "sidewalk", "hit_by")
    if kind == "pedestrian":  # crosses where nobody is near
        walker = being(rng, "person", side * rng.uniform(0, 9), rng.uniform(3.5, 40))
        return _alone(walker, (-side * rng.uniform(0.6, 1.6), 0), "walk_across", "hit_by")
    aside = rng.uniform(*ASIDE)
    walker = being(rng, "person", side * aside, rng.uniform(4, 30))
    good = "sidewalk" if aside > BAY_END else "roadside"
    return _alone(walker, (0, rng.choice([0.0, 0.0, 0.8, -0.8])), good, "hit_by")


def _rider(rng: Random, street: Street, side: float, one_way: bool) -> Group:
    """Somebody on two wheels along the street: in its lanes on a motorcycle, else at its edge."""
    machine = MACHINES[int(rng.integers(len(MACHINES)))]
    actor = being(rng, machine or "person", 0.0, rng.uniform(4, 40))
    comes = side < 0 and not one_way
    aside = rng.uniform(1.9, 5.2) if machine == "motorcycle" else rng.uniform(*EDGE)
    actor = replace(actor, x=aside * side, yaw=TOWARD if comes else AWAY)
    if machine == "motorcycle":  # those who drive away flow with the traffic
        speed = -rng.uniform(3, 9) if comes else rng.uniform(0, 6)
        return _on_its_way(rng, street, actor, (0.0, speed))
    drift = (0.0, rng.uniform(2, 7) * (-1 if comes else 1))
    if machine:
        return _on_its_way(rng, street, actor, drift)
    good, bad = ("oncoming", "ego_oncoming_hit") if comes else ("ride_beside", "hit_by")
    told = ((0, EGO, good, "bicycle", "ego"), (0, EGO, bad, "bicycle", "ego"))
    return Group(((actor, drift),), told)


def is_in_side_road(street: Street, actor: Actor) -> bool:
    """Whether somebody would stand in the mouth of it."""
    if street.junction_z is None:
        return False
    return abs(actor.z - street.junction_z) < 2 * SIDE_LANE + half(actor)


def _queue(rng: Random, street: Street, side: float) -> Group:
    first = vehicle(rng, side * 6.8, rng.uniform(5, 28), AWAY)
    second = vehicle(rng, side * 6.8, 0.0, AWAY)
    gap = half(first) + half(second) + rng.uniform(1.5, 4.5)
    second = replace(second, z=first.z + gap)
    if street.junction_z is not None and any(
        is_in_side_road(street, one) for one in (first, second)
    ):
        first = replace(first, z=street.junction_z + 2 * SIDE_LANE + half(first))
        second = replace(second, z=first.z + gap)
    return Group(
        ((first, (0, 0)), (second, (0, 0))),
        ((0, 1, "queue", first.kind, second.kind), (0, 1, "wreck", first.kind, second.kind)),
    )


def _parked(rng: Random, street: Street, side: float) -> Group:
    """One vehicle by itself that parks, or is: told of beside what stands there and has no box."""
    if rng.random() < REVERSING_SHARE:
        car = vehicle(rng, side * 6.8, rng.uniform(5, 34), AWAY)
        told = ((0, ROAD, "reverse", car.kind, "road"), (0, ROAD, "leave", car.kind, "road"))
        return Group(((car, (0, -rng.uniform(*MANOEUVRING))),), told)
    car = vehicle(rng, side * 6.8, rng.uniform(5, 30), rng.choice([AWAY, TOWARD]))
    if is_in_side_road(street, car):
        car = replace(car, z=car.z + 2 * (2 * SIDE_LANE + half(car)))
    near = [a.kind for a in street.actors if a.x * side > 0 and abs(a.z - car.z) < NEAR_M]
    if not near:
        return _alone(car, (0.0, 0.0), "ego_parked", "ego_pull_out")
    thing = near[int(rng.integers(len(near)))]
    told = (
        (0, NO_OBJECT, "stand_by_object", car.kind, thing),
        (0, NO_OBJECT, "hit_object", car.kind, thing),
    )
    return Group(((car, (0.0, 0.0)),), told)


def _oncoming(rng: Random, street: Street) -> Group:
    actor = vehicle(rng, -3.6, rng.uniform(14, 50), TOWARD)
    drift = (0, -rng.uniform(3, 9))
    if rng.random() < 0.5:
        return _on_its_way(rng, street, actor, drift)
    return _alone(actor, drift, "oncoming", "ego_oncoming_hit")


def _turning(rng: Random, junction_z: float, side: float, one_way: bool) -> Group:
    """Somebody who turns off our street, or into it.

    Reference poses lie where the straight way before the turn leads to its beginning.
    """
    radius = rng.uniform(5.0, 12.0)
    begins = rng.uniform(-1.4 * radius, 3.0)  # in the bend, mostly: it is told of as a turn
    speed = rng.uniform(0.5, 1.0) * np.sqrt(LATERAL_ACCELERATION * radius)
    before = radius + begins
    start = int(rng.integers(3))
    if start == 0:  # out of the side road, and away from us
        lane = rng.choice([0.0, 3.5])
        yaw = RIGHT if side > 0 else LEFT
        actor = vehicle(rng, lane + side * before, junction_z + side * SIDE_LANE, yaw)
    elif start == 1 and not one_way:
        actor = vehicle(rng, -3.6, junction_z + side * SIDE_LANE + before, TOWARD)
    else:
        actor = vehicle(rng, rng.choice([0.0, 3.5]), junction_z - side * SIDE_LANE - before, AWAY)
    way = Turn(speed, radius, side * np.pi / 2, begins)
    told = ((0, ROAD, "turn", actor.kind, "road"), (0, ROAD, "leave", actor.kind, "road"))
    return Group(((actor, way),), told)


def _on_its_way(rng: Random, street: Street, actor: Actor, drift: Drift) -> Group:
    """One vehicle, told of beside the road, or beside what stands along it and has no box."""
    things = [prop.kind for prop in street.actors]
    if not things or rng.random() < 0.5:
        told = ((0, ROAD, "clear", actor.kind, "road"), (0, ROAD, "leave", actor.kind, "road"))
        return Group(((actor, drift),), told)
    thing = things[int(rng.integers(len(things)))]
    told = (
        (0, NO_OBJECT, "pass_object", actor.kind, thing),
        (0, NO_OBJECT, "hit_object", actor.kind, thing),
    )
    return Group(((actor, drift),), told)


def _alone(actor: Actor, drift: Drift, good: str, bad: str) -> Group:
    """One actor, told of beside our own car."""
    told = ((0, EGO, good, actor.kind, "ego"), (0, EGO, bad, actor.kind, "ego"))
    return Group(((actor, drift),), told)
