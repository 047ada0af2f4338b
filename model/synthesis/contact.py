"""How an accident comes about and ends: the course to the contact, and the slide from it.

Along its way an actor gains or falls behind over seconds, as one who brakes too late does; aside it
swerves within one. Where our own car takes part it is we who gain on what is ahead. At the contact
those who meet have one speed, that of their masses together, and brake from there (a collision
without rebound). Nobody reverses over ground who is not said to.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.synthesis.flow import Displacement, displacement, stands
from model.synthesis.plots import Plot
from model.synthesis.solids import Actor

GAINING_S = (2.2, 3.2)  # how long the way to an accident unfolds along the street,
SWERVING_S = (1.1, 1.8)  # and aside, or where somebody acts abruptly; both accelerate evenly
SKID = (4.0, 8.0)  # m/s2 of who brakes or slides after the contact
STOPS_SHORT_M = 1.5  # who only came near stops within it
MASS = {"car": 1.4, "truck": 8.0, "bus": 11.0, "motorcycle": 0.3, "bicycle": 0.1, "animal": 0.1}
LIGHT = 0.08  # tonnes of anybody else
IMMOVABLE = ("pole", "tree", "barrier")
MAX_GAINING, MAX_SWERVING = 5.0, 9.0  # m/s2 along and aside
MAX_BRAKING, MAX_SPEED = 9.0, 25.0  # m/s2, m/s
FASTEST = {"person": 7.0, "animal": 10.0}  # m/s on foot
SPIN, SPIN_S = 1.2, 0.4  # rad/s at most of a struck vehicle, seconds
HARD_BLOW = 5.0  # m/s that it loses or gains, from which it may turn so fast
FALL_S = 0.35  # in which who is struck on foot or on a bicycle falls
VEHICLES = ("car", "truck", "bus")


class Course(NamedTuple):
    """How far an accident has come, in 0..1: along the street, and aside. 1 from the contact on."""

    along: float
    aside: float


NORMAL, DONE = Course(0.0, 0.0), Course(1.0, 1.0)


def course(seed: int, since_event_s: float) -> Course:
    """How far the accident has come at a time."""
    along, aside = (np.clip(since_event_s / s + 1.0, 0.0, 1.0) ** 2 for s in _leads_s(seed))
    return Course(float(along), float(aside))


def way_of(plot: Plot, seed: int, since_event_s: float, progress: Course) -> Displacement:
    """The way of camera and traffic since the contact; with it, what our own car has gained.

    Args:
        plot: What happens.
        seed: Decides the speeds.
        since_event_s: Seconds since the contact; negative before.
        progress: From ``course``; ``NORMAL`` on the normal branch.
    """
    moved = displacement(seed, plot.is_of_own_car, since_event_s, progress == DONE)
    if not plot.is_of_own_car or plot.abrupt:
        return moved
    gained = progress.along * (plot.normal[0].z - plot.contact[0].z)
    return replace(moved, travel_m=moved.travel_m + gained, surge_m=moved.surge_m + gained)


def offset(plot: Plot, index: int, progress: Course) -> tuple[float, float]:
    """Metres to the right and ahead by which an actor has left its normal way.

    Args:
        plot: With the actor's normal and contact pose.
        index: Which actor.
        progress: From ``course``.
    """
    gained, swerved = _parts(plot, index)
    now = gained * progress.along + swerved * progress.aside
    return float(now[0]), float(now[1])


def slid(plot: Plot, seed: int, seconds: float, moved: Displacement) -> NDArray[np.float64]:
    """Metres to the right and ahead, over ground, that each actor slides after the contact.

    Args:
        plot: A actors.
        seed: Decides how fast they came, and how hard they brake.
        seconds: Since the contact, from 0.
        moved: The speed of traffic.

    Returns:
        (A, 2).
    """
    speeds = _speeds_after(plot, seed, moved)
    skid = float(np.random.default_rng((seed, 15)).uniform(*SKID))
    speed = np.hypot(*speeds.T)[:, None]
    skids = np.full_like(speed, skid)
    if not plot.collides:
        skids = np.maximum(skids, speed**2 / 2 / STOPS_SHORT_M)
    lasts = np.minimum(seconds, speed / skids)  # until it stands
    way: NDArray[np.float64] = speeds * (lasts - lasts**2 * skids / (2 * np.maximum(speed, 1e-6)))
    return way


def _speeds_after(plot: Plot, seed: int, moved: Displacement) -> NDArray[np.float64]:
    speeds = speeds_at_contact(plot, seed, moved)
    if not plot.collides:
        return speeds
    masses = np.array([MASS.get(actor.kind, LIGHT) for actor in plot.contact])
    together = (masses[:, None] * speeds).sum(axis=0) / masses.sum()
    met = any(actor.kind in IMMOVABLE for actor in plot.contact)
    return np.zeros_like(speeds) if met else np.broadcast_to(together, speeds.shape)


def speeds_at_contact(plot: Plot, seed: int, moved: Displacement) -> NDArray[np.float64]:
    """(A, 2) metres a second to the right and ahead, over ground, just before the contact."""
    gaining_s, swerving_s = _leads_s(seed)
    found = []
    for index, (actor, drift) in enumerate(zip(plot.normal, plot.drift, strict=True)):
        gained, swerved = _parts(plot, index)
        over = 2 * (gained / gaining_s + swerved / swerving_s)
        found.append(np.array(moved.velocity_of(actor, drift, plot.flows)) + over)
    return np.array(found)


def can_be_driven(plot: Plot, seed: int, moved: Displacement) -> bool:
    """Whether its vehicles come to the contact as vehicles can.

    Nobody reverses, or brakes or swerves harder than tyres hold.
    """
    gaining_s, swerving_s = _leads_s(seed)
    speeds = speeds_at_contact(plot, seed, moved)
    own = plot.is_of_own_car
    for index, actor in enumerate(plot.normal):
        most = FASTEST.get(actor.kind, MAX_SPEED) if stands(actor) else MAX_SPEED
        if np.hypot(*speeds[index]) > most:
            return False
        if actor.kind not in VEHICLES:
            continue
        gained, swerved = _parts(plot, index)
        nose = np.array([np.sin(actor.yaw), np.cos(actor.yaw)])
        pull = 2 * (gained / gaining_s**2 + swerved / swerving_s**2)
        ahead = float(pull @ nose)
        aside = float(np.hypot(*(pull - ahead * nose)))
        if not -MAX_BRAKING < ahead < MAX_GAINING or (aside > MAX_SWERVING and not own):
            return False
        if own and stands(actor):
            continue
        backwards = -float(speeds[index] @ nose)
        if backwards > 0.3 and not plot.reverses:
            return False
    return True


def _parts(plot: Plot, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The way from an actor's normal pose to its contact: what is gained along, what swerved."""
    actor, contact = plot.normal[index], plot.contact[index]
    way = np.array([contact.x - actor.x, contact.z - actor.z])
    nose = np.array([np.sin(actor.yaw), np.cos(actor.yaw)])
    if plot.abrupt:
        return np.zeros(2), way
    along: NDArray[np.float64] = nose * (way @ nose)
    if plot.is_of_own_car:  # ahead it is we who come nearer: `way_of`
        return np.array([along[0], 0.0]), np.array([way[0] - along[0], 0.0])
    return along, way - along


def _leads_s(seed: int) -> tuple[float, float]:
    """How long an accident unfolds before the contact, along the street and aside."""
    rng = np.random.default_rng((seed, 5))
    return float(rng.uniform(*GAINING_S)), float(rng.uniform(*SWERVING_S))


def headings_after(
    plot: Plot, seed: int, seconds: float, moved: Displacement
) -> NDArray[np.float64]:
    """(A,) radians that each vehicle has turned since the contact, by how hard it was struck."""
    blows = np.hypot(*(_speeds_after(plot, seed, moved) - speeds_at_contact(plot, seed, moved)).T)
    vehicle = np.array([actor.kind in VEHICLES for actor in plot.contact])
    most = SPIN * np.minimum(blows / HARD_BLOW, 1.0) * vehicle
    spin = np.random.default_rng((seed, 16)).uniform(-1.0, 1.0, len(most)) * most
    turned: NDArray[np.float64] = spin * SPIN_S * (1 - np.exp(-seconds / SPIN_S))
    return turned


def falls(plot: Plot, actor: Actor) -> bool:
    """Whether an actor falls because it is struck, and not before."""
    return plot.collides and actor.kind in ("person", "bicycle")
