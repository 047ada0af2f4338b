"""Nobody of the traffic around a plot drives through another, or through us.

Two boxes in one place with the label "normal" would teach that nothing happens where cars meet.
"""

from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

from model.synthesis.background import Group
from model.synthesis.contact import DONE, NORMAL, VEHICLES, Course, course, way_of
from model.synthesis.flow import Displacement, is_across, is_fixed
from model.synthesis.paths import poses, surroundings
from model.synthesis.plots import Plot, Statement, Way, half, shift
from model.synthesis.solids import SIZES, Actor

# Clips reach seven seconds out. Between two of these instants who crosses may graze another.
TIMES_S = tuple(np.arange(-7.0, 7.01, 0.4).tolist())
# While the accident comes, on its branch alone.
UNFOLDING_S = (-2.6, -2.0, -1.5, -0.9, -0.6, -0.4, -0.2)
CLOSELY_S = tuple(np.arange(-3.0, 3.01, 0.2).tolist())  # who crosses may graze another between
CROSSING_ROOM_M, CROSSING_ROOM_S = 1.5, 1.5  # before who crosses, and before us
OUR_NOSE_M = 3.0  # from the camera
AFTERWARDS_S = (0.4, 0.8, 1.2, 1.6, 2.0, 3.0)
RIDDEN = ({"person", "bicycle"}, {"person", "motorcycle"})  # who sits on what
OUR_CAR_Z = -0.6  # of the middle of the car around a dashcam

Extras = tuple[tuple[Actor, Way], ...]


class Instant(NamedTuple):
    """Seconds since the contact, how far the accident has come, how far camera and traffic."""

    time_s: float
    progress: Course
    moved: Displacement


def kept_clear(
    groups: list[Group], plot: Plot, seed: int, lane_x: float = 0.0
) -> tuple[Extras, tuple[tuple[Statement, Statement], ...]]:
    """Those groups that keep clear of the plot on either branch, of us, and of each other.

    Args:
        groups: From `background_traffic`.
        plot: What happens among them.
        seed: Decides how everybody moves.
        lane_x: Where on the street a dashcam drives.

    Returns:
        The remaining actors with their ways, and what is told of them: the statement and its
        opposite, places counted among the remaining actors.
    """
    times = [(time_s, NORMAL) for time_s in TIMES_S]
    times += [(time_s, course(seed, time_s)) for time_s in UNFOLDING_S]
    times += [(time_s, DONE) for time_s in TIMES_S if time_s > 0]
    instants = [Instant(t, at, way_of(plot, seed, t, at)) for t, at in times]
    ours = _ours(plot, seed, lane_x)
    taken = [poses(plot, seed, *instant) + ours for instant in instants]
    extras: Extras = ()
    facts: list[tuple[Statement, Statement]] = []
    for group in groups:
        first = len(extras)
        tried = extras + group.members
        ways = [surroundings(tried, seed, at.time_s, at.moved, first) for at in instants]
        if any(
            _touch(a, b) for way, now in zip(ways, taken, strict=True) for a in way for b in now
        ):
            continue
        extras = tried
        taken = [now + way for way, now in zip(ways, taken, strict=True)]
        if group.told:
            told, opposite = (shift(statement, first) for statement in group.told)
            facts.append((told, opposite))
    return extras, tuple(facts)


def is_safe(plot: Plot, seed: int, lane_x: float) -> bool:
    """Whether nobody of a plot drives through another while nothing happens, or ever through us.

    Nor crosses closely before one: a near miss is no normal traffic.
    """
    ours = _ours(plot, seed, lane_x)
    for time_s in TIMES_S + CLOSELY_S:
        moved = way_of(plot, seed, time_s, NORMAL)
        cast = poses(plot, seed, time_s, NORMAL, moved)
        met = [(a, b) for a, b in combinations((*cast, *ours), 2) if _touch(a, b, _room(a, b))]
        if any({a.kind, b.kind} not in RIDDEN for a, b in met):
            return False
        if ours and any(_cuts_us_off(actor, lane_x, moved.speed) for actor in cast):
            return False
    if plot.is_of_own_car:  # there it is meant to
        return True
    return not any(
        _touch(actor, own)
        for own in ours
        for time_s in AFTERWARDS_S
        for actor in poses(plot, seed, time_s, DONE, way_of(plot, seed, time_s, DONE))
    )


def _ours(plot: Plot, seed: int, lane_x: float) -> tuple[Actor, ...]:
    """The car around a dashcam; a mast has none."""
    if is_fixed(seed, plot.is_of_own_car):
        return ()
    return (Actor("car", lane_x, OUR_CAR_Z),)


def _crosses(actor: Actor) -> bool:
    return actor.kind in VEHICLES and is_across(actor)


def _room(a: Actor, b: Actor) -> float:
    """Metres that two of them keep between them in normal traffic."""
    return CROSSING_ROOM_M if _crosses(a) or _crosses(b) else 0.0


def _cuts_us_off(actor: Actor, lane_x: float, speed: float) -> bool:
    """Whether who crosses is in the lane where we shall be within moments."""
    if not _crosses(actor) or abs(actor.x - lane_x) > half(actor) + 1.0:
        return False
    return 0.0 < actor.z < OUR_NOSE_M + CROSSING_ROOM_S * speed


def _touch(a: Actor, b: Actor, room: float = 0.0) -> bool:
    """Whether two actors stand in one place, seen from above, or closer than ``room`` metres."""
    reach = room + sum(SIZES[actor.kind][0] + SIZES[actor.kind][2] for actor in (a, b)) / 2
    if abs(a.x - b.x) > reach or abs(a.z - b.z) > reach:
        return False
    result, _ = cv2.rotatedRectangleIntersection(_footprint(a, room), _footprint(b))
    return bool(result != cv2.INTERSECT_NONE)


def _footprint(
    actor: Actor, room: float = 0.0
) -> tuple[tuple[float, float], tuple[float, float], float]:
    width, _, length = SIZES[actor.kind]
    return (actor.x, actor.z), (width + 2 * room, length + 2 * room), -float(np.degrees(actor.yaw))
