"""Where everybody is at an instant: the way there, the blow, and how it ends.

A way follows from (seed, actor, time) alone. Normal traffic does not run on rails: it wanders in
its lane, brakes and pulls off gently. An accident speeds up towards the contact, stops in it, and
slides a little further; smooth starts and stops would teach that nothing ever hits anything.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from model.synthesis.contact import (
    FALL_S,
    VEHICLES,
    Course,
    falls,
    headings_after,
    offset,
    slid,
)
from model.synthesis.flow import COMFORTABLE_BRAKING, STILL, Displacement, is_fixed
from model.synthesis.plots import Drift, Plot, Turn, Way
from model.synthesis.solids import Actor, Camera

WANDER = {"person": (0.2, 0.3), "animal": (0.2, 0.2)}  # metres across and along; else:
WANDER_VEHICLE = (0.15, 1.2)
SURGE_SHARE, SURGE = 0.25, 4.0  # some vary more along their way
SHAKE_S, SHAKE_HZ = 0.35, 3.1
PARKED = (0.0, 0.0)  # a drift


def poses(
    plot: Plot, seed: int, since_event_s: float, progress: Course, moved: Displacement = STILL
) -> tuple[Actor, ...]:
    """The plot's actors at an instant.

    Args:
        plot: With their normal and their contact poses.
        seed: Decides wandering, sliding and spinning.
        since_event_s: Seconds since the contact.
        progress: From ``course``; ``NORMAL`` on the normal branch.
        moved: From ``way_of``.
    """
    after = since_event_s > 0 and progress.aside > 0
    slides = slid(plot, seed, since_event_s, moved) if after else ()
    spins = headings_after(plot, seed, since_event_s, moved) if after else ()
    cast = []
    for index, (normal, contact) in enumerate(zip(plot.normal, plot.contact, strict=True)):
        if not after or (contact == normal and plot.is_of_own_car):
            cast.append(_on_its_way(plot, index, seed, since_event_s, progress, moved))
            continue
        roll = contact.roll
        if falls(plot, contact):
            roll *= min(since_event_s / FALL_S, 1.0)
        now = replace(contact, roll=roll)
        if not plot.is_of_own_car:  # what we have run into stays before us
            right, ahead = slides[index].tolist()
            now = replace(
                now,
                x=now.x + right,
                z=now.z + ahead - moved.travel_m,
                yaw=now.yaw + float(spins[index]),
            )
        cast.append(now)
    return tuple(cast)


def _on_its_way(
    plot: Plot, index: int, seed: int, since_event_s: float, progress: Course, moved: Displacement
) -> Actor:
    """Before the contact, or for who has nothing to do with it."""
    normal, contact, drift = plot.normal[index], plot.contact[index], plot.drift[index]
    now = wandered(normal, drift, since_event_s, (seed, 6, index), moved, plot.flows)
    right, ahead = offset(plot, index, progress)
    rolled = 0.0 if falls(plot, contact) else contact.roll - normal.roll
    return replace(
        contact if progress.aside == 1 else normal,
        x=now.x + right,
        z=now.z + moved.shift(normal, plot.flows) + ahead,
        yaw=now.yaw + progress.aside * (contact.yaw - normal.yaw),
        roll=now.roll + progress.aside * rolled,
    )


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
