"""A camera beside its street: where things are in its view, worked out by hand."""

import numpy as np
import pytest

from model.data.records import EGO
from model.synthesis.flow import is_fixed
from model.synthesis.plots import AWAY
from model.synthesis.solids import NEAR, Actor
from model.synthesis.stage import set_stage
from model.synthesis.view import View, across

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
    turned = [stage.view.yaw for stage in stages if stage.view != View()]

    assert min(turned) < -0.3
    assert max(turned) > 0.3
    for seed, stage in enumerate(stages):
        if is_fixed(seed, ego=False):
            assert all(place != EGO for told, _ in stage.extra_facts for place in told[:2])
    assert all(set_stage(seed, "ego_side").view == View() for seed in range(20))
