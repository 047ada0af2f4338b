"""Normal traffic around a plot."""

import numpy as np

from model.data.records import EGO
from model.synthesis.plots import AWAY, SIDEWALK, TOWARD, Statement, being, vehicle
from model.synthesis.solids import Actor


def background_traffic(
    rng: np.random.Generator,
) -> tuple[list[tuple[Actor, tuple[float, float]]], list[tuple[Statement, Statement]]]:
    """Normal traffic around the plot, mostly overlapping it on the image by perspective alone."""
    extras: list[tuple[Actor, tuple[float, float]]] = []
    facts: list[tuple[Statement, Statement]] = []

    def add(
        actor: Actor, drift: tuple[float, float], good: Statement | None, bad: Statement | None
    ) -> None:
        extras.append((actor, drift))
        if good and bad:
            facts.append((good, bad))

    for _ in range(int(rng.integers(0, 4))):
        index = len(extras)
        kind = rng.integers(4)
        if kind == 0:
            actor = vehicle(rng, -3.6, rng.uniform(14, 50), TOWARD)
            add(
                actor,
                (0, -6.0),
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
            side = rng.choice([-1.0, 1.0])
            first = vehicle(rng, side * 6.8, rng.uniform(12, 28), AWAY)
            second = vehicle(rng, side * 6.8, first.z + rng.uniform(7, 9), AWAY)
            add(first, (0, -1.0), None, None)
            add(
                second,
                (0, -1.0),
                (index, index + 1, "queue", first.kind, second.kind),
                (index, index + 1, "wreck", first.kind, second.kind),
            )
        else:
            walker = being(
                rng,
                "person",
                rng.choice([-1.0, 1.0]) * rng.uniform(*SIDEWALK),
                rng.uniform(9, 26),
            )
            add(
                walker,
                (0, -1.0),
                (index, EGO, "sidewalk", "person", "ego"),
                (index, EGO, "hit_by", "person", "ego"),
            )
    return extras, facts
