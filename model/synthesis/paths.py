"""Where everybody is at an instant: the way there, the blow, and how it ends.

A way follows from (seed, actor, time) alone. Normal traffic does not run on rails: it wanders in
its lane, brakes and pulls off gently. An accident speeds up towards the contact, stops in it, and
slides a little further; smooth starts and stops would teach that nothing ever hits anything.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from model.data.records import EGO
from model.synthesis.flow import COMFORTABLE_BRAKING, STILL, Displacement, is_fixed
from model.synthesis.plots import Drift, Plot, Turn, Way
from model.synthesis.solids import Actor, Camera

LEAD_IN_S = (0.7, 1.2)  # how long an accident takes to unfold
STEEPNESS = (1.5, 2.5)  # power of its course: twice the mean speed at the contact, about
SLIDE, SLIDE_S, MAX_SLIDE = (0.1, 0.35), 0.4, 1.2  # share of the speed left, time, metres
SPIN = 1.2  # rad/s at most
VEHICLES = ("car", "truck", "bus")
WANDER = {"person": (0.2, 0.3), "animal": (0.2, 0.2)}  # metres across and along; else:
WANDER_VEHICLE = (0.15, 1.2)
SURGE_SHARE, SURGE = 0.25, 4.0  # some vary more along their way
SHAKE_S, SHAKE_HZ = 0.35, 3.1
PARKED = (0.0, 0.0)  # a drift
CLOSEST = 3.5  # metres to what the own car stops for


def course(seed: int, since_event_s: float) -> float:
    """How far the accident has come at a time, in 0..1; 1 from the contact on."""
    rng = np.random.default_rng((seed, 5))
    lead_in_s, power = rng.uniform(*LEAD_IN_S), rng.uniform(*STEEPNESS)
    return float(np.clip(since_event_s / lead_in_s + 1.0, 0.0, 1.0) ** power)


def poses(
    plot: Plot, seed: int, since_event_s: float, progress: float, moved: Displacement = STILL
) -> tuple[Actor, ...]:
    """The plot's actors at an instant.

    Args:
        plot: With their normal and their contact poses.
        seed: Decides wandering, sliding and spinning.
        since_event_s: Seconds since the contact.
        progress: From ``course``; 0 on the normal branch.
        moved: From ``displacement``.
    """
    cast = []
    # What we have run into stands still before us.
    with_us = any(EGO in statement[:2] for statement in plot.anomalous_facts)
    for index, (normal, contact, drift) in enumerate(
        zip(plot.normal, plot.contact, plot.drift, strict=True)
    ):
        key = (seed, 6, index)
        has_crashed = since_event_s > 0 and progress > 0
        before = normal
        if not has_crashed:
            before = wandered(normal, drift, since_event_s, key, moved, plot.flows)
            before = replace(before, z=before.z + moved.shift(normal, plot.flows))
        mixed = {
            name: (1 - progress) * getattr(before, name) + progress * getattr(contact, name)
            for name in ("x", "z", "yaw", "roll")
        }
        look = contact if progress > 0.8 else normal
        now = replace(look, **mixed)
        if has_crashed and contact != normal and not with_us:
            now = _slid(now, normal, contact, since_event_s, key)
        if has_crashed:  # it stays behind on the road, and we come nearer
            now = replace(now, z=max(now.z - moved.travel_m, min(now.z, CLOSEST)))
        cast.append(now)
    return tuple(cast)


def wandered(
    actor: Actor,
    drift: Drift,
    seconds: float,
    key: tuple[int, ...],
    moved: Displacement,
    flows: bool = True,
) -> Actor:
    """An actor of normal traffic ``seconds`` after its drawn pose (before, when negative).

    Args:
        actor: At its drawn pose.
        drift: In m/s.
        seconds: Since then.
        key: Decides how it wanders.
        moved: At that time: who wanders never reverses, so it says how fast traffic is.
        flows: Whether the actor goes with it.
    """
    across, along = (
        size * float(np.sin(pace * moved.clock_s + phase) - np.sin(phase))
        for size, pace, phase in _wandering(actor.kind, key, moved.speed_of(actor, drift, flows))
    )
    sin, cos = float(np.sin(actor.yaw)), float(np.cos(actor.yaw))
    return replace(
        actor,
        x=actor.x + drift[0] * seconds + across * cos + along * sin,
        z=actor.z + drift[1] * seconds - across * sin + along * cos,
    )


def turned(actor: Actor, turn: Turn, seconds: float, moved: Displacement = STILL) -> Actor:
    """Who turns off, ``seconds`` after its drawn pose: straight on, a bend, straight on.

    It knows its own way: of what the camera does only its travel counts.
    """
    way = turn.speed * seconds - turn.begins_m
    bend = float(np.clip(way / turn.radius, 0.0, abs(turn.angle)))
    side = np.sign(turn.angle)
    before, after = min(way, 0.0), max(way - abs(turn.angle) * turn.radius, 0.0)
    yaw = actor.yaw + side * bend
    # Along and to the right of the old heading.
    along = turn.begins_m + before + turn.radius * np.sin(bend) + after * np.cos(bend)
    right = side * (turn.radius * (1 - np.cos(bend)) + after * np.sin(bend))
    sin, cos = np.sin(actor.yaw), np.cos(actor.yaw)
    x = actor.x + along * sin + right * cos
    z = actor.z + along * cos - right * sin - moved.travel_m
    return replace(actor, x=float(x), z=float(z), yaw=float(yaw))


@lru_cache(maxsize=512)
def _wandering(
    kind: str, key: tuple[int, ...], speed: float
) -> tuple[tuple[float, float, float], ...]:
    """Metres, radians a second and phase of an actor's wandering, across and along its way."""
    rng = np.random.default_rng(key)
    across, along = WANDER.get(kind, WANDER_VEHICLE)
    if kind in VEHICLES and rng.random() < SURGE_SHARE:
        along = SURGE
    found = []
    for most in (across, along):
        size, pace = rng.uniform(0, most), 2 * np.pi / rng.uniform(4, 9)
        size = min(size, COMFORTABLE_BRAKING / pace**2, speed / pace)
        found.append((float(size), float(pace), float(rng.uniform(0, 2 * np.pi))))
    return tuple(found)


def surroundings(
    extras: tuple[tuple[Actor, Way], ...],
    seed: int,
    since_event_s: float,
    moved: Displacement = STILL,
    first: int = 0,
) -> tuple[Actor, ...]:
    """The normal traffic around a plot at an instant, from its ``first`` member on.

    Who is parked does not wander.
    """
    found = []
    for index, (actor, way) in enumerate(extras[first:], start=first):
        if isinstance(way, Turn):
            found.append(turned(actor, way, since_event_s, moved))
            continue
        now = actor
        if way != PARKED:
            now = wandered(actor, way, since_event_s, (seed, 9, index), moved)
        found.append(replace(now, z=now.z + moved.shift(actor)))
    return tuple(found)


def _slid(now: Actor, normal: Actor, contact: Actor, seconds: float, key: tuple[int, ...]) -> Actor:
    """After the blow: on in the old direction, ever slower; vehicles turn."""
    rng = np.random.default_rng((*key, 1))
    course_to = np.array([contact.x - normal.x, contact.z - normal.z])
    moved = course_to * rng.uniform(*SLIDE)
    length = float(np.hypot(*moved))
    moved *= min(1.0, MAX_SLIDE / max(length, 1e-6))
    spin = rng.uniform(-SPIN, SPIN) if now.kind in VEHICLES else 0.0
    share = 1 - float(np.exp(-seconds / SLIDE_S))
    return replace(
        now,
        x=now.x + float(moved[0]) * share,
        z=max(now.z + float(moved[1]) * share, 1.5),
        yaw=now.yaw + spin * SLIDE_S * share,
    )


def shaken(camera: Camera, seed: int, since_event_s: float, ego: bool, struck: bool) -> Camera:
    """The camera of a car that sways, trembles, and is thrown when it is struck.

    Args:
        camera: As drawn.
        seed: Decides how restless the road is.
        since_event_s: Seconds since the contact.
        ego: Whether the own car takes part in the plot.
        struck: Whether it has been struck.
    """
    if is_fixed(seed, ego):
        return camera
    rng = np.random.default_rng((seed, 8))
    sway, sway_s, phase = rng.uniform(0, 12), rng.uniform(3, 8), rng.uniform(0, 2 * np.pi)
    tremor, tremor_hz = rng.uniform(0.3, 1.0, 2), rng.uniform(1.5, 3.5, 2)
    turn = 2 * np.pi * since_event_s
    pan = sway * np.sin(turn / sway_s + phase) + tremor[0] * np.sin(turn * tremor_hz[0])
    lift = tremor[1] * np.sin(turn * tremor_hz[1])
    if struck:
        throw = rng.uniform(5, 16, 2) * np.exp(-max(since_event_s, 0.0) / SHAKE_S)
        beat = np.sin(turn * SHAKE_HZ + np.pi / 3)
        pan, lift = pan + throw[0] * beat, lift + throw[1] * beat
    return replace(camera, pan=camera.pan + float(pan), horizon=camera.horizon + float(lift))
