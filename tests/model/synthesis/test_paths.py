"""How generated participants move, and what a tracker would remember of it."""

import numpy as np
import pytest

from model.synthesis.contact import NORMAL, VEHICLES, course, way_of
from model.synthesis.flow import (
    COMFORTABLE_BRAKING,
    HARDEST_BRAKING,
    Displacement,
    displacement,
    is_fixed,
)
from model.synthesis.histories import NUM_INSTANTS, own_car_cues
from model.synthesis.paths import (
    poses,
    shaken,
    surroundings,
    turned,
    wandered,
)
from model.synthesis.plots import AWAY, LEFT, RIGHT, TOWARD, Turn, Way
from model.synthesis.scripts import SCRIPTS
from model.synthesis.solids import Actor, Camera, solid_corners
from model.synthesis.stage import set_stage
from model.synthesis.traffic import make_moment, make_traffic_scene, watch


def test_a_history_ends_in_the_scene() -> None:
    """The same boxes by another way: all instants at once against one by one."""
    for seed in range(60):
        scene = make_traffic_scene(seed, drawn=False, watched=True)
        assert scene.history is not None
        boxes = scene.history.xyxy
        assert boxes.shape == (NUM_INSTANTS, len(scene.xyxy), 4)
        assert boxes[-1].ravel().tolist() == pytest.approx(scene.xyxy.ravel().tolist(), abs=1e-6)


def test_a_history_is_what_earlier_moments_showed() -> None:
    """With a camera on a mast nothing has to be taken out: half a second ago is the fifth back."""
    seed = next(s for s in range(100) if is_fixed(s, ego=False))
    now = make_moment(seed, "rear_end", True, 0.2, drawn=False)
    before = make_moment(seed, "rear_end", True, -0.3, drawn=False)

    earlier = watch(now, seed, True, 0.2).xyxy[-6]

    compared = 0
    for row, actor in enumerate(now.track_ids):
        if actor in before.track_ids:
            expected = before.scene.xyxy[before.track_ids.index(actor)]
            assert earlier[row].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
            compared += 1
    assert compared >= 2


def test_the_own_car_is_thrown_when_it_is_struck() -> None:
    """Before, the road trembles; after the blow the camera jumps, and a second later it has not."""
    camera = Camera(200.0, 1.4, 96.0)

    def jump(seed: int, struck: bool, at_s: float) -> float:
        a, b = (shaken(camera, seed, t, True, struck) for t in (at_s, at_s + 0.1))
        return float(np.hypot(a.pan - b.pan, a.horizon - b.horizon))

    blow = np.median([jump(seed, True, 0.05) for seed in range(50)])
    calm = np.median([jump(seed, False, 0.05) for seed in range(50)])
    later = np.median([jump(seed, True, 2.0) for seed in range(50)])
    assert blow > 3 * calm
    assert later < 1.5 * calm
    cues = [own_car_cues(seed, 0.1, True, 0.0)[0] for seed in range(50)]
    quiet = [own_car_cues(seed, 0.1, False, 0.0)[0] for seed in range(50)]
    assert np.mean(cues) > 0.5 > 3 * np.mean(quiet)
    assert 0.003 < np.median(quiet) < 0.03  # of real dashcams 0.000 to 0.1, mostly 0.01


@pytest.mark.parametrize(
    ("at_s", "x", "z", "yaw"),
    [
        (-2.0, 0.0, 0.0, AWAY),
        (1.0, 0.0, 15.0, AWAY),  # where the bend begins
        (3.0, 6.0 + (10.0 - 3.0 * np.pi), 21.0, np.pi / 2),  # beyond a quarter circle of 6 m
    ],
)
def test_who_turns_right_drives_a_quarter_circle(
    at_s: float, x: float, z: float, yaw: float
) -> None:
    """By hand, at five metres a second from z = 10 on; the bend begins five metres further."""
    way = Turn(5.0, 6.0, np.pi / 2, 5.0)

    now = turned(Actor("car", 0.0, 10.0, AWAY), way, at_s)

    assert (now.x, now.z, now.yaw) == pytest.approx((x, z, yaw))


@pytest.mark.parametrize("angle", [-1.5, 1.5])
@pytest.mark.parametrize("yaw", [AWAY, TOWARD, LEFT, RIGHT])
def test_who_turns_goes_where_its_nose_points(yaw: float, angle: float) -> None:
    """Before, in and after the bend, by the corners that are drawn of it."""
    way = Turn(5.0, 6.0, angle, 3.0)
    for at_s in np.arange(-1.0, 4.0, 0.25).tolist():
        before, now = (turned(Actor("car", 0.0, 20.0, yaw), way, at_s + h) for h in (0.0, 0.01))
        course = np.array([now.x - before.x, now.z - before.z]) / 0.01
        rear, _, _, front = solid_corners(before)[:4, [0, 2]]
        nose = (front - rear) / np.linalg.norm(front - rear)
        assert course @ nose == pytest.approx(5.0, abs=0.03)


def test_who_comes_out_of_a_side_road_drives_away_from_us_or_to_us() -> None:
    """From the right, a turn to the right leads away; a camera that has come nearer sees it so."""
    start = Actor("car", 10.0, 20.0, RIGHT)

    away = turned(start, Turn(4.0, 5.0, np.pi / 2, 0.0), 10.0)
    to_us = turned(start, Turn(4.0, 5.0, -np.pi / 2, 0.0), 10.0, Displacement(travel_m=3.0))

    assert (away.x, away.yaw) == pytest.approx((5.0, 0.0))
    assert away.z > 40
    assert (to_us.x, to_us.yaw) == pytest.approx((5.0, -TOWARD))
    assert to_us.z == pytest.approx(40 - away.z - 3.0)


def test_a_camera_on_a_mast_stands_still() -> None:
    """And never takes part itself."""
    seed = next(s for s in range(100) if is_fixed(s, ego=False))
    camera = Camera(200.0, 1.4, 96.0)

    assert shaken(camera, seed, 0.3, False, False) == camera
    assert not any(is_fixed(s, ego=True) for s in range(100))
    assert any(ego for *_, ego in SCRIPTS.values())


def test_traffic_flows_past_a_mast() -> None:
    """Away on the near lane, towards us on the far one; what is parked or crosses stays."""
    seed = next(
        s for s in range(100) if is_fixed(s, ego=False) and displacement(s, False, 1, False).flow_m
    )
    moved = displacement(seed, False, 2.0, False)
    speed = moved.flow_m / 2

    assert 2.0 <= speed <= 10.0
    assert moved.shift(Actor("car", 0.0, 20.0, AWAY)) == pytest.approx(2 * speed)
    assert moved.shift(Actor("car", -3.6, 20.0, TOWARD)) == pytest.approx(-2 * speed)
    assert moved.shift(Actor("car", 6.8, 20.0, AWAY)) == 0
    assert moved.shift(Actor("car", 9.0, 20.0, np.pi / 2)) == 0
    assert moved.shift(Actor("car", 0.0, 20.0, AWAY), flows=False) == 0


def test_a_witness_rolls_out_from_the_speed_it_has() -> None:
    """Neither the road nor the traffic around it jumps at the contact of others."""
    step_s = 1e-3
    for seed in range(80):
        if is_fixed(seed, ego=False):
            continue
        before, at, after = (displacement(seed, False, t, t >= 0) for t in (-step_s, 0.0, step_s))
        later = displacement(seed, False, 2 * step_s, True)
        harsh = 2 * after.travel_m - at.travel_m - later.travel_m
        assert harsh / step_s**2 <= HARDEST_BRAKING + 0.01
        for name in ("travel_m", "surge_m"):
            speeds = [
                (getattr(b, name) - getattr(a, name)) / step_s
                for a, b in ((before, at), (at, after))
            ]
            assert speeds[1] == pytest.approx(speeds[0], abs=0.05)


@pytest.mark.parametrize("speed", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("yaw", [AWAY, TOWARD, LEFT])
def test_who_wanders_brakes_no_harder_than_traffic_and_never_reverses(
    yaw: float, speed: float
) -> None:
    """It varies its speed along its own way, and hardly leaves it."""
    step_s, most = 0.05, 0.0
    times = np.arange(-4.0, 4.0, step_s)
    along = np.array([np.sin(yaw), np.cos(yaw)])
    for seed in range(60):
        drift = (speed * float(np.sin(yaw)), min(speed * float(np.cos(yaw)), 0.0))
        at = [Displacement(clock_s=float(t), speed=speed) for t in times]
        way = [wandered(Actor("car", 0.0, 20.0, yaw), drift, 0.0, (seed,), now) for now in at]
        places = np.array([(actor.x, actor.z - 20.0) for actor in way])
        ahead, aside = places @ along, places @ [along[1], -along[0]]
        assert speed + np.diff(ahead).min() / step_s > -1e-6
        assert np.abs(np.diff(ahead, 2)).max() / step_s**2 < COMFORTABLE_BRAKING + 0.01
        assert np.ptp(aside) <= 0.31
        most = max(most, float(np.ptp(ahead)))
    assert most > 2.0 if speed > 1 else most < 2.9 * speed + 1e-6  # 9 s / pi


def parks(actor: Actor, way: Way) -> bool:
    """Who backs along the kerb."""
    return not isinstance(way, Turn) and abs(actor.x) > 6 and -2 <= way[1] < 0 == round(actor.yaw)


def test_nobody_around_an_accident_drives_backwards() -> None:
    """Over ground, past a mast or around a witness who brakes; nor do vehicles that have none."""
    driving = 0
    for seed in range(70):
        script = sorted(SCRIPTS)[seed % len(SCRIPTS)]
        stage = set_stage(seed, script)
        extras = tuple(one for one in stage.extras if one[0].kind != "person" and not parks(*one))
        for time_s in np.arange(-3.0, 3.0, 0.5).tolist():
            places = []
            for now_s in (time_s, time_s + 0.02):
                progress = course(seed, now_s) if seed % 2 else NORMAL
                moved = way_of(stage.plot, seed, now_s, progress)
                cast = surroundings(extras, seed, now_s, moved)
                if not seed % 2:
                    plot = poses(stage.plot, seed, now_s, NORMAL, moved)
                    cast += tuple(one for one in plot if one.kind in VEHICLES)
                places.append([(a.x, a.z + moved.travel_m, a.yaw) for a in cast])
            for (x, z, yaw), (later_x, later_z, _) in zip(*places, strict=True):
                speed = ((later_x - x) * np.sin(yaw) + (later_z - z) * np.cos(yaw)) / 0.02
                assert speed > -0.1
                driving += speed > 1
    assert driving > 500


def test_an_own_car_brakes_no_harder_than_traffic_and_never_rolls_back() -> None:
    """And what drives along with it comes nearer while it is ahead of its even way."""
    times = np.arange(-4.0, 4.0, 0.05)
    surging = 0
    for seed in range(60):
        moved = [displacement(seed, True, float(t), False) for t in times]
        travel = np.array([w.travel_m for w in moved])
        assert np.diff(travel).min() > -1e-6
        assert np.abs(np.diff(travel, 2)).max() / 0.05**2 < COMFORTABLE_BRAKING + 0.1
        surging += any(w.surge_m for w in moved)
        along = moved[-1].shift(Actor("car", 0.0, 20.0, AWAY))
        assert along == pytest.approx(-moved[-1].surge_m)
    assert 15 <= surging <= 40


def test_neighbours_keep_level_unless_one_swerves() -> None:
    """Both drive in lanes: beside a parked car nobody keeps level for long."""
    for seed in range(40):
        plot = set_stage(seed, "sideswipe").plot
        for time_s in (-3.0, 0.0, 3.0):
            moved = displacement(seed, False, time_s, False)
            one, other = poses(plot, seed, time_s, NORMAL, moved)
            assert abs(one.z - other.z) < 18
            assert max(abs(one.x), abs(other.x)) < 5
