"""Who may drive around a plot."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.records import EGO
from model.synthesis.background import Group
from model.synthesis.clearance import is_safe, kept_clear
from model.synthesis.contact import NORMAL, course, way_of
from model.synthesis.flow import displacement, is_fixed
from model.synthesis.paths import poses, surroundings
from model.synthesis.plots import AWAY, LEFT, RIGHT, Plot, Statement, two_actors
from model.synthesis.scripts import SCRIPTS
from model.synthesis.solids import Actor, solid_corners
from model.synthesis.stage import set_stage

AHEAD = Actor("car", 0.0, 20.0, AWAY)
FURTHER = Actor("car", 0.0, 40.0, AWAY)
TOLD: tuple[Statement, Statement] = ((0, EGO, "ahead", "car", "ego"), (0, EGO, "x", "car", "ego"))


def plot() -> Plot:
    """Two cars in our lane that keep their distance."""
    still = ((0.0, 0.0), (0.0, 0.0))
    return two_actors(AHEAD, FURTHER, AHEAD, FURTHER, "rear_end", "ahead", still)


def standing_camera(fixed: bool) -> int:
    """A seed whose camera is of this kind, with traffic that waits."""
    return next(
        seed
        for seed in range(1000)
        if is_fixed(seed, ego=False) == fixed and displacement(seed, False, 1.0, False).speed == 0
    )


@pytest.mark.parametrize(
    ("actor", "drift", "stays"),
    [
        (Actor("car", 7.0, 20.0), (0.0, 0.0), True),  # parked beside them
        (Actor("car", 0.0, 21.0), (0.0, 0.0), False),  # in one of them
        (Actor("car", 0.0, 60.0, np.pi), (0.0, -8.0), False),  # comes towards them in their lane
        (Actor("bus", -30.0, 30.0, LEFT), (12.0, 0.0), True),  # crosses between them
    ],
)
def test_who_stays(actor: Actor, drift: tuple[float, float], stays: bool) -> None:
    """Past a mast, where nothing moves but they."""
    extras, facts = kept_clear([Group(((actor, drift),), TOLD)], plot(), standing_camera(True))

    assert [a for a, _ in extras] == [actor] * stays
    assert facts == (TOLD,) * stays


def test_no_one_drives_through_the_own_car_of_a_dashcam() -> None:
    """It stands at the origin or in another lane; a mast stands in nobody's way."""
    through_us = Group(((Actor("car", 0.0, 0.5), (0.0, 0.0)),))

    kept = [
        kept_clear([through_us], plot(), standing_camera(fixed), lane_x)[0]
        for fixed, lane_x in ((False, 0.0), (False, 3.5), (True, 0.0))
    ]

    assert [len(extras) for extras in kept] == [0, 1, 1]


def test_nobody_of_a_plot_drives_through_the_dashcam_that_sees_it() -> None:
    """Or comes towards it in its own lane; a mast has none."""
    still = ((0.0, 0.0), (0.0, -2.0))
    near, far = Actor("car", 3.5, 12.0, np.pi), Actor("car", 3.5, 40.0, AWAY)
    ahead = two_actors(far, near, far, near, "rear_end", "ahead", still)
    witness, mast = standing_camera(False), standing_camera(True)

    assert not is_safe(ahead, witness, 3.5)
    assert is_safe(ahead, witness, 0.0)
    assert is_safe(ahead, mast, 3.5)
    own = next(s for s in range(100) if displacement(s, True, 1.0, False).speed < 3)
    assert not is_safe(replace(ahead, anomalous_facts=((0, EGO, "x", "car", "ego"),)), own, 3.5)


@pytest.mark.parametrize(
    ("z", "speed", "safe"),
    [
        (12.0, 4.0, False),  # before us while we are close
        (12.0, 0.0, True),  # waits at the side road
        (80.0, 4.0, True),
    ],
)
def test_who_crosses_before_a_dashcam_that_drives_keeps_room(
    z: float, speed: float, safe: bool
) -> None:
    """A car of 4.3 metres that is five metres from our lane at the drawn instant."""
    seed = next(
        s
        for s in range(500)
        if not is_fixed(s, ego=False) and 8 < displacement(s, False, 0.0, False).speed < 12
    )
    car = Actor("car", 7.0, z, RIGHT)
    far = Actor("car", -7.0, 40.0, AWAY)
    alone = two_actors(car, far, car, far, "t_bone", "crossing", ((-speed, 0.0), (0.0, 0.0)))

    assert is_safe(alone, seed, 0.0) is safe


def test_who_crosses_keeps_room_before_others() -> None:
    """One and a half metres, past a mast where nobody else moves; who drives beside needs none."""
    mast = standing_camera(True)
    still = ((0.0, 0.0), (0.0, 0.0))
    for gap, safe in ((1.0, False), (2.0, True)):
        front = AHEAD.z + 4.3 / 2
        crosses = Actor("car", 0.0, front + gap + 0.9, LEFT)
        assert is_safe(two_actors(AHEAD, crosses, AHEAD, crosses, "", "", still), mast, 0) is safe
    behind = Actor("car", 0.0, AHEAD.z + 4.3 + 1.0, AWAY)
    assert is_safe(two_actors(AHEAD, behind, AHEAD, behind, "", "", still), mast, 0)


def test_what_is_told_names_those_who_stayed() -> None:
    """The second group is left out: the third takes its place in the count."""
    seed = standing_camera(True)
    first, blocked, last = (Actor("car", x, 20.0) for x in (7.0, 0.0, -7.0))

    extras, facts = kept_clear(
        [Group(((actor, (0.0, 0.0)),), TOLD) for actor in (first, blocked, last)],
        plot(), seed,
    )  # fmt: skip

    assert [actor for actor, _ in extras] == [first, last]
    assert [told[0] for told, _ in facts] == [0, 1]
    assert [opposite[:2] for _, opposite in facts] == [(0, EGO), (1, EGO)]


def ground(actor: Actor) -> NDArray[np.float32]:
    """Where an actor stands, a tenth smaller: those who only graze each other do not count."""
    corners = solid_corners(actor)[:4, [0, 2]].astype(np.float32)
    middle = corners.mean(axis=0)
    return np.asarray(middle + 0.9 * (corners - middle), np.float32)


def stand_in_one_place(some: Sequence[Actor], others: Sequence[Actor]) -> bool:
    """By another way than the generator's: areas that convex outlines share."""
    return any(
        cv2.intersectConvexConvex(ground(a), ground(b))[0] > 0
        for a in some
        for b in others
        if a is not b
    )


def test_traffic_of_real_scripts_keeps_clear() -> None:
    """On either branch, between the looked-at times too, where only a graze may slip through."""
    met = {"the plot": 0, "each other": 0}
    for seed in range(60):
        script = sorted(SCRIPTS)[seed % len(SCRIPTS)]
        stage = set_stage(seed, script)
        times = np.arange(-2.9, 2.0, 0.35).tolist()
        for time_s, progress in [
            *((t, NORMAL) for t in times),
            *((t, course(seed, t)) for t in times),
        ]:
            moved = way_of(stage.plot, seed, time_s, progress)
            around = surroundings(stage.extras, seed, time_s, moved)
            cast = poses(stage.plot, seed, time_s, progress, moved)
            for name, others in (("the plot", cast), ("each other", around)):
                met[name] += stand_in_one_place(around, others)

    # Of 1,440 instants; 230 and 427 where nobody is left out.
    assert met["the plot"] <= 2
    assert met["each other"] <= 2


def test_a_queue_stands() -> None:
    """Parked cars neither wander nor drive into each other."""
    row = [(Actor("bus", 7.0, z), (0.0, 0.0)) for z in (10.0, 22.0)]

    for seed in range(20):
        for time_s in (-3.0, 0.0, 2.0):
            assert surroundings(tuple(row), seed, time_s) == tuple(actor for actor, _ in row)
