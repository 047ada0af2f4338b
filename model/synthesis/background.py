"""Normal traffic around a plot."""

import numpy as np

from model.data.records import EGO
from model.synthesis.plots import (
    AWAY,
    CROSSING,
    LEFT,
    RIGHT,
    SIDEWALK,
    TOWARD,
    Statement,
    being,
    vehicle,
)
from model.synthesis.solids import Actor


def background_traffic(
    rng: np.random.Generator,
) -> tuple[list[tuple[Actor, tuple[float, float]]], list[tuple[Statement, Statement]]]:
    """Normal traffic around the plot, mostly overlapping it on the image by perspective alone.

    It knows nothing of the plot: what overtakes or crosses drives through another car now and then.
    """
    extras: list[tuple[Actor, tuple[float, float]]] = []
    facts: list[tuple[Statement, Statement]] = []

    def add(
        actor: Actor, drift: tuple[float, float], good: Statement | None, bad: Statement | None
    ) -> None:
        extras.append((actor, drift))
        if good and bad:
            facts.append((good, bad))

    for _ in range(int(rng.integers(0, 6))):
        index = len(extras)
        side = rng.choice([-1.0, 1.0])
        kind = rng.integers(6)
        if kind == 0:
            actor = vehicle(rng, -3.6, rng.uniform(14, 50), TOWARD)
            add(
                actor,
                (0, -rng.uniform(3, 9)),
                (index, EGO, "oncoming", actor.kind, "ego"),
                (index, EGO, "ego_oncoming_hit", actor.kind, "ego"),
            )
        elif kind == 1:
            actor = vehicle(rng, rng.choice([0.0, 3.5]), rng.uniform(28, 55), AWAY)
            add(
                actor,
                (0, 0.5),
                (index, EGO, "ahead", actor.kind, "ego"),
                (index, EGO, "fills_view", actor.kind, "ego"),
            )
        elif kind == 2:
            first = vehicle(rng, side * 6.8, rng.uniform(5, 28), AWAY)
            second = vehicle(rng, side * 6.8, first.z + rng.uniform(7, 9), AWAY)
            add(first, (0, 0), None, None)
            add(
                second,
                (0, 0),
                (index, index + 1, "queue", first.kind, second.kind),
                (index, index + 1, "wreck", first.kind, second.kind),
            )
        elif kind == 3:
            x = side * rng.uniform(*SIDEWALK)
            walker = being(rng, "person", x, rng.uniform(6, 26))
            add(
                walker,
                (0, rng.uniform(-1.4, 1.4)),
                (index, EGO, "sidewalk", "person", "ego"),
                (index, EGO, "hit_by", "person", "ego"),
            )
        elif kind == 4:  # crosses our street beyond whatever happens on it
            yaw = RIGHT if side > 0 else LEFT
            actor = vehicle(rng, side * rng.uniform(-8, 18), rng.uniform(26, 55), yaw)
            add(actor, (-side * rng.uniform(*CROSSING), 0), None, None)
        else:  # overtakes; none falls behind, which beside a waiting car would be reversing
            actor = vehicle(rng, 3.5, rng.uniform(5, 40), AWAY)
            add(actor, (0, rng.uniform(0, 7)), None, None)
    return extras, facts
