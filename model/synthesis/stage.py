"""Set the stage for a seed: camera, street, plot and the traffic around it."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from model.data.records import EGO
from model.synthesis.background import Group, background_traffic, is_in_side_road
from model.synthesis.clearance import Extras, is_safe, kept_clear
from model.synthesis.contact import DONE, NORMAL, VEHICLES, can_be_driven, way_of
from model.synthesis.flow import ROADSIDE, is_fixed
from model.synthesis.paths import poses
from model.synthesis.plots import Plot, Random, Statement
from model.synthesis.scripts import SCRIPTS
from model.synthesis.solids import FRAME_WH, Actor, Camera, Street
from model.synthesis.view import View, across
from model.synthesis.visible import visible_boxes

WEATHERS = ("day", "day", "day", "night", "rain", "snow", "fog")
MAX_TRIES = 100
AFTER_S = (0.3, 0.6)  # after the contact: they slide on
ALONG_SHARE = 0.3  # of the masts look along their street,
DISTANCE, MOST_TURN = (12.0, 34.0), 1.4  # the others at it, from metres away, radians
PAVEMENT = (9.0, 10.7)  # metres to either side, where poles and trees stand
ONE_WAY_SHARE, MIRRORED_SHARE, CARRIAGEWAY_SHARE = 0.35, 0.5, 0.4
# Where a dashcam may drive, metres; mostly beside those who come towards it.
TWO_WAY_LANES, ONE_WAY_LANES = (0.0, 0.0, 3.5), (-3.5, 0.0, 3.5)
LANE_EDGE = -1.75  # metres; beyond it one comes towards us, unless all go one way
JUNCTION_SHARE, CROSSWALK_SHARE = 0.5, 0.15  # of the streets whose plot needs none


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything of a clip that its branch and the time do not change."""

    camera: Camera
    view: View
    street: Street
    plot: Plot
    extras: Extras = ()
    extra_facts: tuple[tuple[Statement, Statement], ...] = ()


@lru_cache(maxsize=8)
def set_stage(seed: int, script: str) -> Stage:
    """Draw stages until one shows what it tells of.

    Whether the accident takes place has no part in the choice: it must be possible and visible, and
    the normal twin must be too. Otherwise an accident hidden behind a car would count as one, and
    a rule for accidents alone would tell them from normal traffic by where cars stand.

    Args:
        seed: Decides everything.
        script: Key of ``SCRIPTS``.

    Returns:
        The first stage that shows both branches, or the last one tried.
    """
    ego = SCRIPTS[script][4]
    for attempt in range(MAX_TRIES):
        stage, groups = _draw(seed, script, attempt)
        if attempt < MAX_TRIES - 1 and not (
            can_be_driven(stage.plot, seed, way_of(stage.plot, seed, 0.0, NORMAL))
            and _shows_both(stage, seed)
            and is_safe(stage.plot, seed, stage.view.x)
        ):
            continue  # nobody need be asked to keep clear of it
        extras, facts = kept_clear(groups, stage.plot, seed, stage.view.x)
        if is_fixed(seed, ego):  # what has no own car is not told of one
            facts = tuple(told for told in facts if EGO not in told[0][:2])
        stage = replace(stage, extras=extras, extra_facts=facts)
        if _shows_both(stage, seed):
            break
    return stage


def _draw(seed: int, script: str, attempt: int) -> tuple[Stage, list[Group]]:
    rng = np.random.default_rng((seed, 3, attempt))
    fixed = is_fixed(seed, SCRIPTS[script][4])
    camera = _mast(rng) if fixed else _camera(rng)
    plot = SCRIPTS[script][0](rng)
    view = _beside(rng, plot) if fixed else View()
    street = _street(rng, seed, plot)
    one_way = _may_be_one_way(plot) and (_must_be_one_way(plot) or rng.random() < ONE_WAY_SHARE)
    if not (fixed or SCRIPTS[script][4]):
        view = View(float(rng.choice(ONE_WAY_LANES if one_way else TWO_WAY_LANES)))
    view = replace(view, mirrored=bool(rng.random() < MIRRORED_SHARE))
    return Stage(camera, view, street, plot), background_traffic(rng, street, one_way)


def _may_be_one_way(plot: Plot) -> bool:
    """Whether nobody of it comes towards us before the accident, or without one."""
    return all(np.cos(actor.yaw) > -0.5 for actor in plot.normal)


def _must_be_one_way(plot: Plot) -> bool:
    """Whether somebody drives away from us where others would come towards us."""
    return any(
        np.cos(actor.yaw) > 0.5 and -ROADSIDE < actor.x < LANE_EDGE and actor.kind in VEHICLES
        for actor in plot.normal
    )


def _shows_both(stage: Stage, seed: int) -> bool:
    """Whether the accident can be seen at its contact and after it, and its normal twin too."""
    plot = stage.plot
    after = [
        poses(plot, seed, time_s, DONE, way_of(plot, seed, time_s, DONE)) for time_s in AFTER_S
    ]
    return _shows(stage, plot.normal, plot.normal_facts, 0.0) and all(
        _shows(stage, cast, plot.anomalous_facts, plot.camera_roll)
        for cast in (plot.contact, *after)
    )


def _shows(
    stage: Stage, cast: tuple[Actor, ...], statements: tuple[Statement, ...], roll: float
) -> bool:
    """Whether the participants of at least one statement can be seen."""
    everyone = tuple(stage.view.of(a) for a in (*cast, *(actor for actor, _ in stage.extras)))
    _, _, row_of = visible_boxes(everyone, stage.camera.tilted(roll))
    return any(all(place < 0 or place in row_of for place in s[:2]) for s in statements)


def _camera(rng: Random) -> Camera:
    fov = np.radians(rng.uniform(60, 100))
    focal = FRAME_WH[0] / 2 / np.tan(fov / 2)
    horizon = FRAME_WH[1] * (0.5 + rng.uniform(-0.08, 0.16))
    return Camera(
        float(focal), float(rng.uniform(1.2, 1.6)), float(horizon), float(rng.normal(0, 0.01))
    )


def _mast(rng: Random) -> Camera:
    """A fixed camera: higher, looking down, seldom as wide."""
    fov = np.radians(rng.uniform(50, 80))
    focal = FRAME_WH[0] / 2 / np.tan(fov / 2)
    horizon = FRAME_WH[1] * rng.uniform(-0.1, 0.3)
    return Camera(
        float(focal), float(rng.uniform(3.5, 8.0)), float(horizon), float(rng.normal(0, 0.01))
    )


def _beside(rng: Random, plot: Plot) -> View:
    """Where a mast stands: over the street as a dashcam, or to one side and turned towards it."""
    if rng.random() < ALONG_SHARE:
        return View()
    middle_z = float(np.mean([actor.z for actor in plot.contact]))
    return across(
        middle_z, float(rng.uniform(*DISTANCE)), float(rng.uniform(-MOST_TURN, MOST_TURN))
    )


def _street(rng: Random, seed: int, plot: Plot) -> Street:
    asphalt = int(rng.integers(60, 115))
    side = tuple(int(c) for c in np.array([80, 110, 70]) + rng.integers(-35, 50, 3))
    props = tuple(
        Actor(
            ("pole", "tree", "barrier")[int(rng.integers(3))],
            float(rng.choice([-1, 1]) * rng.uniform(*PAVEMENT)),
            float(rng.uniform(8, 60)),
            colour=(140, 140, 140),
        )
        for _ in range(int(rng.integers(0, 7)))
    )
    street = Street(
        weather=WEATHERS[int(rng.integers(len(WEATHERS)))],
        asphalt=asphalt,
        bay=asphalt + int(rng.integers(-15, 30)),
        seed=seed,
        junction_z=_some(rng, JUNCTION_SHARE, plot.junction_z),
        crosswalk_z=_some(rng, CROSSWALK_SHARE, plot.crosswalk_z),
        side=(side[0], side[1], side[2]),
        actors=props,
        carriageways=tuple(side for side in (-1, 1) if rng.random() < CARRIAGEWAY_SHARE),
    )
    return replace(street, actors=tuple(a for a in props if not is_in_side_road(street, a)))


def _some(rng: Random, share: float, needed: float | None) -> float | None:
    """The plot's own distance, else one now and then: a junction alone must announce nothing."""
    if needed is not None:
        return needed
    return float(rng.uniform(8, 40)) if rng.random() < share else None
