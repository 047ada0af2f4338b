"""Normal traffic around a plot."""

from dataclasses import dataclass, replace

from model.data.records import EGO
from model.synthesis.plots import (
    AWAY,
    CROSSING,
    LEFT,
    RIGHT,
    SIDEWALK,
    TOWARD,
    Drift,
    Random,
    Statement,
    being,
    half,
    vehicle,
)
from model.synthesis.solids import Actor

MOST_GROUPS = 8
# Who needs most room is turned away most often, so it is tried most often.
KINDS = ("oncoming",) * 3 + ("overtaking",) * 3 + ("crossing",) * 2 + ("ahead", "queue", "walker")


@dataclass(frozen=True, slots=True)
class Group:
    """Who belongs together in normal traffic, and what is true of them.

    Attributes:
        members: Actors and how fast they drift in m/s.
        told: The true statement and its opposite, places counted within the group; or None.
    """

    members: tuple[tuple[Actor, Drift], ...]
    told: tuple[Statement, Statement] | None = None


def background_traffic(rng: Random) -> list[Group]:
    """Normal traffic around the plot, mostly overlapping it on the image by perspective alone.

    It knows nothing of the plot: who would drive through another is left out later
    (`clearance.py`).
    """
    return [_group(rng) for _ in range(int(rng.integers(0, MOST_GROUPS + 1)))]


def _group(rng: Random) -> Group:
    side = rng.choice([-1.0, 1.0])
    kind = KINDS[int(rng.integers(len(KINDS)))]
    if kind == "oncoming":
        actor = vehicle(rng, -3.6, rng.uniform(14, 50), TOWARD)
        return _alone(actor, (0, -rng.uniform(3, 9)), "oncoming", "ego_oncoming_hit")
    if kind == "ahead":
        actor = vehicle(rng, rng.choice([0.0, 3.5]), rng.uniform(28, 55), AWAY)
        return _alone(actor, (0, 0.5), "ahead", "fills_view")
    if kind == "queue":
        first = vehicle(rng, side * 6.8, rng.uniform(5, 28), AWAY)
        second = vehicle(rng, side * 6.8, 0.0, AWAY)
        gap = half(first) + half(second) + rng.uniform(1.5, 4.5)
        second = replace(second, z=first.z + gap)
        return Group(
            ((first, (0, 0)), (second, (0, 0))),
            (
                (0, 1, "queue", first.kind, second.kind),
                (0, 1, "wreck", first.kind, second.kind),
            ),
        )
    if kind == "walker":
        walker = being(rng, "person", side * rng.uniform(*SIDEWALK), rng.uniform(6, 26))
        return _alone(walker, (0, rng.uniform(-1.4, 1.4)), "sidewalk", "hit_by")
    if kind == "crossing":
        yaw = RIGHT if side > 0 else LEFT
        actor = vehicle(rng, side * rng.uniform(-8, 18), rng.uniform(26, 55), yaw)
        return Group(((actor, (-side * rng.uniform(*CROSSING), 0)),))
    # Overtakes; none falls behind, which beside a waiting car would be reversing.
    actor = vehicle(rng, 3.5, rng.uniform(5, 40), AWAY)
    return Group(((actor, (0, rng.uniform(0, 7))),))


def _alone(actor: Actor, drift: Drift, good: str, bad: str) -> Group:
    """One actor, told of beside our own car."""
    told = ((0, EGO, good, actor.kind, "ego"), (0, EGO, bad, actor.kind, "ego"))
    return Group(((actor, drift),), told)
