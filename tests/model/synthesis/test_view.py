"""A camera beside its street: where things are in its view, worked out by hand."""

import numpy as np
import pytest

from model.data.records import EGO
from model.synthesis.contact import VEHICLES
from model.synthesis.flow import is_fixed
from model.synthesis.plots import AWAY
from model.synthesis.scripts import SCRIPTS
from model.synthesis.solids import NEAR, Actor, Camera
from model.synthesis.stage import set_stage
from model.synthesis.view import View, across
from model.synthesis.visible import visible_boxes

EAST = np.pi / 2


def test_what_drives_away_from_a_dashcam_crosses_the_view_of_a_mast() -> None:
    """Ten metres left of the street, looking across it: a car driving along goes to the left."""
    beside = View(x=-10.0, z=20.0, yaw=EAST)

    car = beside.of(Actor("car", 0.0, 23.0, AWAY))

    assert (car.x, car.z) == pytest.approx((-3.0, 10.0))
    assert (np.sin(car.yaw), np.cos(car.yaw)) == pytest.approx((-1.0, 0.0), abs=1e-9)


def test_a_dashcam_sees_everything_where_it_is() -> None:
    """No turn, no change."""
    car = Actor("car", 1.0, 12.0, 0.3)
    assert View().of(car) == car


@pytest.mark.parametrize("yaw", [-1.2, 0.0, 0.9])
def test_a_mast_looks_at_the_middle_from_its_distance(yaw: float) -> None:
    """What it looks at stands in the middle of its picture, that far ahead."""
    middle = across(15.0, 20.0, yaw).of(Actor("car", 0.0, 15.0))
    assert (middle.x, middle.z) == pytest.approx((0.0, 20.0))


def test_the_ground_is_cut_before_the_camera() -> None:
    """A square around the camera, by hand: its front half from the near plane on."""
    square = np.array([[-2, 0, -5], [2, 0, -5], [2, 0, 5], [-2, 0, 5]], float)

    ahead = View().ground(square)

    assert ahead[:, 2].min() == pytest.approx(NEAR)
    assert ahead[:, 2].max() == 5.0
    assert sorted(set(ahead[:, 0].round(9).tolist())) == [-2.0, 2.0]
    assert len(View().ground(square - np.array([0.0, 0.0, 20.0]))) == 0


def test_the_ground_is_cut_far_aside() -> None:
    """A strip of 200 m that crosses ten metres ahead ends three metres aside a metre ahead."""
    strip = np.array([[-100, 0, 10], [100, 0, 10], [100, 0, 11], [-100, 0, 11]], float)

    ahead = View().ground(strip)

    assert np.abs(ahead[:, 0]).max() == pytest.approx(3 * 11 + 3)


def test_masts_stand_on_both_sides_and_nobody_there_is_told_of_an_own_car() -> None:
    """Otherwise a description of the own car would be learned where there is none."""
    stages = [set_stage(seed, "t_bone") for seed in range(60)]
    turned = [stage.view.yaw for stage in stages]

    assert min(turned) < -0.3
    assert max(turned) > 0.3
    for seed, stage in enumerate(stages):
        if is_fixed(seed, ego=False):
            assert all(place != EGO for told, _ in stage.extra_facts for place in told[:2])
    for seed in range(20):
        view = set_stage(seed, "ego_side").view
        assert (view.x, view.z, view.yaw) == (0.0, 0.0, 0.0)


def test_where_one_drives_on_the_left_the_picture_is_the_mirror_image() -> None:
    """By hand: two metres right of a dashcam, turned a little to the left and tilted."""
    car = Actor("car", 2.0, 12.0, 0.3, roll=0.5)

    seen = View(x=0.5, mirrored=True).of(car)

    assert (seen.x, seen.z, seen.yaw, seen.roll) == pytest.approx((-1.5, 12.0, -0.3, -0.5))
    strip = np.array([[1, 0, 5], [3, 0, 5], [3, 0, 9], [1, 0, 9]], float)
    ahead = View(mirrored=True).ground(strip)
    assert (ahead[:, 0].min(), ahead[:, 0].max()) == (-3.0, -1.0)


def test_a_mirrored_street_gives_mirrored_boxes() -> None:
    """Everybody of a street, seen by a camera that looks straight ahead."""
    camera = Camera(200.0, 1.4, 96.0)
    everyone = (
        *(actor for actor, _ in set_stage(3, "t_bone").extras),
        Actor("car", -3.5, 14.0, 0.4),
        Actor("person", 6.0, 9.0, 1.2, roll=0.3),
    )

    right, names, _ = visible_boxes(everyone, camera)
    left, others, _ = visible_boxes(tuple(View(mirrored=True).of(a) for a in everyone), camera)

    assert names == others
    assert len(names) >= 2
    mirrored = left[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1]) + np.array([1, 0, 1, 0])
    assert mirrored.ravel().tolist() == pytest.approx(right.ravel().tolist(), abs=1e-6)


def test_dashcams_drive_in_every_lane_and_on_both_sides_of_the_road() -> None:
    """But never in the lane of those who come towards them, nor does anybody of a plot."""
    stages = [
        set_stage(seed, script)
        for seed in range(40)
        for script, (*_, ego) in SCRIPTS.items()
        if not ego and not is_fixed(seed, ego=False)
    ]

    oncoming, against = dict.fromkeys((-3.5, 0.0, 3.5), 0), 0
    for stage in stages:
        actors = [*stage.plot.normal, *(actor for actor, _ in stage.extras)]
        towards = [
            a for a in actors if np.cos(a.yaw) < -0.5 and abs(a.x) < 6 and a.kind in VEHICLES
        ]
        oncoming[stage.view.x] += len(towards)
        assert all(a.x < -1.5 for a in towards)
        plot = stage.plot.normal
        away = [a for a in plot if np.cos(a.yaw) > 0.5 and -6 < a.x < -1.75 and a.kind in VEHICLES]
        assert not (away and towards)
        against += bool(away)

    assert {stage.view.x for stage in stages} == set(oncoming)
    assert {stage.view.mirrored for stage in stages} == {False, True}
    assert oncoming[-3.5] == 0
    assert against > 20  # would drive against those who come, were it no one-way street
    assert min(oncoming[0.0], oncoming[3.5]) > 5
