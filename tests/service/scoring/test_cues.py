"""Motion cues of pairs and of the own car, by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from service.scoring.cues import ALONE, CUE_NAMES, EgoCues, cue_matrix, nearness, squash
from service.vision.kinematics import Kinematics, kinematics
from service.vision.rois import NO_OBJECT, detected_rois, with_pseudo_rois
from service.vision.tracks import Track

ASPECT = 0.5625
PICTURE = np.array([0.0, 0.0, 1.0, ASPECT])
TIMES = np.round(np.arange(0, 1.15, 0.1), 3)


def square(x: NDArray[np.float64], y: NDArray[np.float64], size: float = 0.1) -> Track:
    """A square that follows centres (n,), (n,) in widths of the picture."""
    boxes = np.column_stack([x - size / 2, y - size / 2, x + size / 2, y + size / 2])
    return Track(0, TIMES, boxes, boxes.copy(), {3: 1.0})


def cues_of(*tracks: Track, ego: EgoCues | None = None) -> dict[tuple[int, int], dict[str, float]]:
    """Known cues of every pair of the tracks, of each alone (-1) and with our car (9)."""
    last = np.array([t.seen[-1] for t in tracks]) / [1, ASPECT, 1, ASPECT]
    rois = detected_rois(last, ["car"] * len(tracks), [0.9] * len(tracks))
    rois.track_id[:] = range(1, len(tracks) + 1)
    everything = with_pseudo_rois(rois)
    own = next(i for i, name in enumerate(everything.class_name) if name == "ego")
    pairs = [(0, NO_OBJECT), (0, own), *([(0, 1)] if len(tracks) == 2 else [])]
    numbered = dict(enumerate(tracks, start=1))
    moving: dict[int, Kinematics] = {}
    for number, one in numbered.items():
        found = kinematics(one, 0.1, PICTURE)
        assert found is not None
        moving[number] = found
    matrix = cue_matrix(everything, np.array(pairs), numbered, moving, ego)
    return {
        (0, 9 if b == own else b): {
            name: value
            for name, value in zip(CUE_NAMES, row.tolist(), strict=True)
            if value == value
        }
        for (_, b), row in zip(pairs, matrix, strict=True)
    }


def test_a_cue_is_a_half_at_its_scale() -> None:
    """x^2 / (x^2 + s^2); what goes the other way is 0."""
    assert squash(2.0, 2.0) == 0.5
    assert squash(4.0, 2.0) == 0.8
    assert squash(-1.0, 2.0) == 0.0


def test_a_car_that_drives_on_has_no_cue() -> None:
    """Every cue of one that goes on as before is near 0."""
    alone = cues_of(square(0.3 + 0.1 * TIMES, np.full(12, 0.3)))[0, -1]

    assert max(alone.values()) < 0.01
    assert {"residual", "sudden_stop", "lateral_jump", "swerve"} <= alone.keys()


def test_a_sudden_stop_speaks_by_its_lost_speed() -> None:
    """2 own sizes a second are lost; the scale is 1, widened by three sigmas of jitter."""
    stops = square(0.3 + 0.2 * np.minimum(TIMES, 0.75), np.full(12, 0.3))
    motion = kinematics(stops, 0.1, PICTURE)
    assert motion is not None
    scale = np.hypot(1.0, 3 * motion.velocity_noise)

    alone = cues_of(stops)[0, -1]

    assert alone["sudden_stop"] == pytest.approx(ALONE * 4 / (4 + scale**2))


def test_two_that_close_in_are_near_and_one_far_behind_is_not() -> None:
    """Feet on one line and a gap of nothing: 1; the same gap but a third of the size: 0."""
    one = np.array([0.3, 0.2, 0.4, 0.3])

    assert nearness(one, np.array([0.4, 0.2, 0.5, 0.3])) == pytest.approx(1)
    assert nearness(one, np.array([0.4, 0.275, 0.425, 0.3])) == 0
    assert nearness(one, np.array([0.43, 0.2, 0.53, 0.3])) == pytest.approx(np.exp(-1), rel=1e-6)


def test_a_collision_closes_overlaps_and_stops() -> None:
    """Two cars drive at each other and stop where they meet."""
    left = np.minimum(0.22 + 0.20 * TIMES, 0.37)
    right = np.maximum(0.58 - 0.20 * TIMES, 0.43)
    level = np.full(12, 0.3)

    pair = cues_of(square(left, level), square(right, level))[0, 1]

    assert pair["residual"] > 0.3
    assert pair["sudden_stop"] > 0.3
    assert pair["iou_rise"] > 0.3
    assert pair.get("crossing_path", 0.0) < 0.05  # one that stands has no heading


def test_looming_counts_in_our_way_and_not_beside_it() -> None:
    """The same growth, once ahead of us and once three heights to the left."""

    def comes(x: float) -> Track:
        height = 0.06 / (1.6 - TIMES)
        centre = np.full(12, 0.3)
        across = 0.5 + x * height
        boxes = np.column_stack(
            [across - height / 2, centre - height / 2, across + height / 2, centre + height / 2]
        )
        return Track(0, TIMES, boxes, boxes.copy(), {3: 1.0})

    calm = EgoCues(jerk=0.0, rotation=0.0)
    ahead, beside = (cues_of(comes(x), ego=calm)[0, 9] for x in (0.0, -3.0))

    assert ahead["looming"] > 0.4
    assert beside["looming"] < 0.05
    assert ahead["short_ttc"] == ahead["looming"]


def test_a_fixed_camera_has_no_own_car() -> None:
    """Nothing is measured for pairs with it: they neither speak for nor against."""
    one = square(0.3 + 0.1 * TIMES, np.full(12, 0.3))

    assert cues_of(one, ego=None)[0, 9] == {}
    assert cues_of(one, ego=EgoCues(0.6, 0.2))[0, 9]["ego_jerk"] == 0.6
