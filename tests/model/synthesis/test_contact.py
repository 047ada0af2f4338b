"""How accidents come about and end: by hand, and over every script by the poses themselves."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model.synthesis.contact import (
    DONE,
    MASS,
    MAX_BRAKING,
    MAX_GAINING,
    MAX_SPEED,
    NORMAL,
    SKID,
    STOPS_SHORT_M,
    VEHICLES,
    Course,
    can_be_driven,
    course,
    headings_after,
    offset,
    slid,
    speeds_at_contact,
    way_of,
)
from model.synthesis.flow import Displacement, displacement
from model.synthesis.paths import poses
from model.synthesis.plots import AWAY, LEFT, RIGHT, Plot, one_actor, two_actors
from model.synthesis.scripts import SCRIPTS
from model.synthesis.solids import Actor
from model.synthesis.stage import set_stage

STILL = ((0.0, 0.0), (0.0, 0.0))


def rear_end(gap_m: float = 6.0) -> Plot:
    """The second car stands; the first drives over the gap."""
    first, second = Actor("car", 0.0, 10.0, AWAY), Actor("car", 0.0, 14.3 + gap_m, AWAY)
    hit = replace(first, z=first.z + gap_m)
    return replace(two_actors(first, second, hit, second, "rear_end", "follow", STILL), flows=False)


def test_an_accident_speeds_up_until_the_contact() -> None:
    """Nothing before the lead-in, everything from the contact on, and fastest at the end."""
    times = np.linspace(-3.3, 0.5, 77)
    for seed in range(20):
        ways = np.array([course(seed, float(t)) for t in times])
        assert (ways[0] == 0).all()
        assert (ways[times >= 0] == 1).all()
        assert (np.diff(ways, 2, axis=0)[times[2:] < -0.01] > -1e-9).all()
        assert (ways[:, 0] >= ways[:, 1]).all()


def test_who_drives_on_gains_along_its_way_and_swerves_aside_of_it() -> None:
    """By hand: to the left crosses the first, ahead the second; abrupt ones do both at once."""
    one, other = Actor("car", 4.0, 20.0, RIGHT), Actor("car", 0.0, 12.0, AWAY)
    plot = two_actors(
        one, other, replace(one, x=1.0, z=19.0), replace(other, x=0.5, z=18.0), "", "", STILL
    )
    now = Course(0.5, 0.1)

    assert offset(plot, 0, now) == pytest.approx((-1.5, -0.1))
    assert offset(plot, 1, now) == pytest.approx((0.05, 3.0))
    assert offset(replace(plot, abrupt=True), 1, now) == pytest.approx((0.05, 0.6))


def test_speed_at_the_contact_is_twice_the_mean_one() -> None:
    """Even acceleration: the last instants of the way say the same, of who flows and who stands."""
    plot, traffic = rear_end(), Displacement(speed=5.0)
    by_poses = [
        (poses(plot, 3, 0.0, course(3, 0.0))[0].z - poses(plot, 3, -h, course(3, -h))[0].z) / h
        for h in (1e-4,)
    ]

    standing = speeds_at_contact(plot, 3, traffic)
    flowing = speeds_at_contact(replace(plot, flows=True), 3, traffic)

    assert standing[0].tolist() == pytest.approx([0.0, by_poses[0]], abs=1e-2)
    assert standing[1].tolist() == [0.0, 0.0]
    assert (flowing - standing).tolist() == [[0.0, 5.0], [0.0, 5.0]]


def test_who_meets_slides_on_together() -> None:
    """A car of 1.4 tonnes shares its speed with its like; a truck of 8 loses little of its own."""
    plot = rear_end()
    before = speeds_at_contact(plot, 3, Displacement())
    truck = replace(
        plot,
        normal=(replace(plot.normal[0], kind="truck"), plot.normal[1]),
        contact=(replace(plot.contact[0], kind="truck"), plot.contact[1]),
    )

    def speed(of: Plot) -> NDArray[np.float64]:
        return np.asarray(slid(of, 3, 1e-4, Displacement()) / 1e-4)

    v = before[0, 1]
    assert speed(plot) == pytest.approx(np.array([[0, v / 2], [0, v / 2]]), abs=2e-3)
    assert speed(truck) == pytest.approx(np.array([[0, v * 8 / 9.4]] * 2), abs=2e-3)
    near_miss = replace(plot, collides=False)
    assert speed(near_miss) == pytest.approx(np.array([[0, v], [0, 0]]), abs=2e-3)
    assert slid(near_miss, 3, 9.0, Displacement())[0, 1] <= STOPS_SHORT_M + 1e-9


def test_a_slide_ends() -> None:
    """After v / a seconds, v * v / 2 a metres further; against a pole at once."""
    plot = rear_end()
    v = float(speeds_at_contact(plot, 3, Displacement())[0, 1]) / 2
    at_last = slid(plot, 3, 100.0, Displacement())
    skid = v * v / 2 / at_last[0, 1]

    assert SKID[0] <= skid <= SKID[1]
    assert slid(plot, 3, v / skid, Displacement()) == pytest.approx(at_last)
    pole = Actor("pole", 8.3, 20.0)
    car = Actor("car", 3.5, 12.0, AWAY)
    crash = one_actor(car, replace(car, x=7.3, z=17.8), pole, "hit_object", "pass_object", "pole")
    assert slid(crash, 3, 1.0, Displacement(speed=9.0)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_what_no_car_can_drive_is_told() -> None:
    """Backwards, too hard a swerve, too strong an engine."""
    plot, traffic = rear_end(), Displacement(speed=10.0)
    back = replace(plot.contact[1], z=plot.contact[1].z - 8)
    aside = replace(plot.contact[1], x=20.0)

    assert can_be_driven(plot, 3, traffic)
    assert not can_be_driven(rear_end(gap_m=40.0), 3, traffic)
    reverses = replace(plot, contact=(plot.contact[0], back))
    assert not can_be_driven(reverses, 3, traffic)
    assert can_be_driven(replace(reverses, flows=True), 3, traffic)  # it brakes
    assert can_be_driven(replace(reverses, reverses=True), 3, traffic)
    assert not can_be_driven(replace(plot, contact=(plot.contact[0], aside)), 3, traffic)


@pytest.mark.parametrize("script", sorted(set(SCRIPTS) - {"ego_leaves"}))
def test_vehicles_come_to_an_accident_as_vehicles_do(script: str) -> None:
    """Over ground, from the poses: none reverses, brakes, pulls off or drives as none can.

    Before our own car too: it is we who come nearer, and what is parked stands.
    """
    step_s, seen = 0.05, 0
    times = np.arange(-3.4, 0.01, step_s).tolist()
    for seed in range(12):
        plot = set_stage(seed, script).plot
        way = []
        for time_s in times:
            progress = course(seed, time_s)
            moved = way_of(plot, seed, time_s, progress)
            cast = poses(plot, seed, time_s, progress, moved)
            way.append([(a.x, a.z + moved.travel_m) for a in cast])
        speed = np.diff(np.array(way), axis=0) / step_s
        for index, actor in enumerate(plot.normal):
            if actor.kind not in VEHICLES:
                continue
            # The nose turns as it spins; its way goes on where it pointed.
            ahead = speed[:, index] @ [np.sin(actor.yaw), np.cos(actor.yaw)]
            pull = np.diff(ahead) / step_s
            assert ahead.min() > -1.0 or plot.reverses
            assert np.hypot(*speed[:, index].T).max() < MAX_SPEED + 3
            assert pull.min() > -MAX_BRAKING - 4  # wandering on top of it
            assert pull.max() < MAX_GAINING + 4
            seen += 1
    assert seen >= 8 or script == "ego_person"


@pytest.mark.parametrize("script", ["rear_end", "t_bone", "sideswipe", "rollover"])
def test_nobody_stops_dead_at_the_contact_of_others(script: str) -> None:
    """What rolls before it rolls after it, but for what it gives to whom it meets."""
    rolling = 0
    for seed in range(20):
        plot = set_stage(seed, script).plot
        moved = displacement(seed, False, 0.0, False)
        before = speeds_at_contact(plot, seed, moved)
        after = slid(plot, seed, 0.01, moved) / 0.01
        masses = np.array([MASS[actor.kind] for actor in plot.contact])
        assert masses @ after == pytest.approx(masses @ before, rel=0.1, abs=1.0)
        rolling += float(np.hypot(*after.T).max()) > 1
    assert rolling >= 10


def test_after_the_contact_an_actor_goes_on_from_where_it_was() -> None:
    """No jump: a hundredth of a second on each side of the contact."""
    for script in sorted(SCRIPTS):
        plot = set_stage(4, script).plot
        at, later = (poses(plot, 4, t, DONE, way_of(plot, 4, t, DONE)) for t in (0.0, 0.01))
        for one, same in zip(at, later, strict=True):
            assert (same.x, same.z) == pytest.approx((one.x, one.z), abs=0.5)


def test_who_crosses_keeps_its_line() -> None:
    """A car that comes out of the side road into another's side stays on that road."""
    for seed in range(20):
        plot = set_stage(seed, "t_bone").plot
        assert plot.contact[0].z == plot.normal[0].z == plot.junction_z
        assert plot.normal[0].yaw == pytest.approx(LEFT if plot.normal[0].x < 0 else RIGHT, abs=0.2)


def test_before_us_it_is_we_who_come_nearer() -> None:
    """What is parked stands on its street, which comes by as fast as the gap closes."""
    for seed in range(12):
        plot = set_stage(seed, "ego_pull_out").plot
        gap = plot.normal[0].z - plot.contact[0].z
        at = course(seed, -1.0)
        moved = way_of(plot, seed, -1.0, at)
        even = way_of(plot, seed, -1.0, NORMAL)

        (car,) = poses(plot, seed, -1.0, at, moved)

        assert moved.travel_m - even.travel_m == pytest.approx(gap * at.along)
        assert car.z + moved.travel_m == pytest.approx(plot.normal[0].z)
        assert way_of(plot, seed, 0.0, DONE).travel_m == pytest.approx(gap)


def test_who_is_struck_falls_then_and_not_before() -> None:
    """On foot: upright at the contact, down within half a second; who is missed keeps upright."""
    plot = set_stage(3, "pedestrian_hit").plot
    rolls = [
        poses(plot, 3, t, course(3, t), way_of(plot, 3, t, course(3, t)))[1].roll
        for t in (-0.2, 0.0, 0.2, 0.6)
    ]

    assert rolls[:2] == [0.0, 0.0]
    assert 0 < rolls[2] < rolls[3] == pytest.approx(np.pi / 2)
    missed = set_stage(3, "dart").plot
    assert poses(missed, 3, 0.6, DONE, way_of(missed, 3, 0.6, DONE))[0].roll == 0


def test_only_who_is_struck_turns() -> None:
    """By how hard: who stands and burns does not, nor who only brakes."""
    for script, turns in (("fire", False), ("dart", False), ("t_bone", True)):
        found = []
        for seed in range(8):
            plot = set_stage(seed, script).plot
            moved = way_of(plot, seed, 1.0, DONE)
            found.append(np.abs(headings_after(plot, seed, 1.0, moved)).max())
        assert bool(max(found) > 0.1) is turns
        assert max(found) < 0.5


def test_a_dashcam_that_saw_it_stops_before_it_or_passes() -> None:
    """It never drives through what lies on the road."""
    ours = Actor("car", 0.0, -0.6)
    for seed in range(40):
        script = ("head_on", "rear_end", "t_bone", "wreck")[seed % 4]
        stage = set_stage(seed, script)
        for time_s in (0.5, 1.0, 1.5, 2.0):
            moved = way_of(stage.plot, seed, time_s, DONE)
            if not moved.travel_m:
                continue
            for one in poses(stage.plot, seed, time_s, DONE, moved):
                beside = abs(one.x - stage.view.x) > 1.0
                assert beside or abs(one.z - ours.z) > 2.5
