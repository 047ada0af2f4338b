"""Plots of vehicles with vehicles: each normal traffic, and what may become of it."""

from dataclasses import replace

import numpy as np

from model.synthesis.plots import (
    AWAY,
    CROSSING,
    LEFT,
    RIGHT,
    TOWARD,
    Plot,
    Random,
    ahead_or_to_us,
    being,
    half,
    two_actors,
    vehicle,
)


def rear_end(rng: Random) -> Plot:
    """The one in front brakes hard, or the follower does not see that it is slower."""
    x, z, brakes = rng.choice([-3.5, 3.5, 3.5, 0.0]), rng.uniform(9, 26), rng.random() < 0.75
    gap = rng.uniform(3, 8) if brakes else rng.uniform(5, 12)
    yaw = TOWARD if x < 0 and rng.random() < 0.6 else AWAY
    ahead = 1.0 if yaw == AWAY else -1.0
    a, b = vehicle(rng, x, z, yaw), vehicle(rng, x, z, yaw)
    if yaw == TOWARD:  # the one in front is the nearer one: room for it before the camera
        a = replace(a, z=z + gap + half(a) + half(b))
    far = replace(b, z=a.z + ahead * (gap + half(a) + half(b)))
    # Pushed aside, or the follower would hide it from the camera.
    aside = (-np.sign(x) if x else rng.choice([-1.0, 1.0])) * rng.uniform(0.4, 1.3)
    moved = ahead * (gap + 0.4)
    hit = replace(
        a, z=a.z + (0.0 if brakes else moved), damaged=True, yaw=a.yaw + rng.uniform(-0.3, 0.3)
    )
    struck = replace(
        far,
        x=x + aside,
        z=far.z - (moved if brakes else 0.0),
        yaw=b.yaw + rng.uniform(-0.5, 0.5),
        damaged=True,
    )
    drift = (0.0, ahead_or_to_us(rng, a, 0.5))
    plot = two_actors(a, far, hit, struck, "rear_end", "follow", drift=(drift, drift))
    plot = replace(
        plot, abrupt=brakes, normal_facts=(*plot.normal_facts, (1, 0, "ahead", b.kind, a.kind))
    )
    if not brakes:
        return plot
    braked = (1, 0, "hard_brake", b.kind, a.kind)
    return replace(plot, anomalous_facts=(*plot.anomalous_facts, braked))


def sideswipe(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(8, 24)
    places = (side * 3.6, 0.0) if rng.random() < 0.6 else (0.0, side * 3.6)
    a = vehicle(rng, places[0], z, AWAY)
    b = vehicle(rng, places[1], z + rng.uniform(-2, 2), AWAY)
    toward = np.sign(b.x - a.x)
    hit = replace(a, x=b.x - toward * 1.9, yaw=toward * rng.uniform(0.2, 0.5), damaged=True)
    return two_actors(
        a,
        b,
        hit,
        replace(b, yaw=toward * 0.15),
        "sideswipe",
        "parallel",
        drift=((0, 0.6), (0, 0.4)),
    )


def cut_in(rng: Random) -> Plot:
    """A slower one changes lanes too late, or one that has just overtaken."""
    x, z = rng.choice([0.0, 3.5]), rng.uniform(7, 16)
    side = -1.0 if x else rng.choice([-1.0, 1.0])  # from a lane, not from the bay
    overtakes = rng.random() < 0.5
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, x + side * rng.uniform(3.0, 3.5), z, AWAY)
    bumpers = b.z + half(a) + half(b)
    close = replace(
        a,
        x=x + side * rng.uniform(0.2, 1.3),
        z=bumpers + rng.uniform(0.2, 1.6),
        yaw=-side * rng.uniform(0.1, 0.45),
    )
    if overtakes:
        a = replace(a, z=close.z - rng.uniform(3, 8))
        return two_actors(a, b, close, b, "cut_in", "parallel", drift=((0, 0.8), (0, 0.4)))
    a = replace(a, z=bumpers + rng.uniform(4, 8))
    drift = ((-side * 0.7, 0.8), (0, 0.4))
    return two_actors(a, b, close, b, "cut_in", "lane_change", drift=drift)


def head_on(rng: Random) -> Plot:
    z, x = rng.uniform(9, 22), 0.0
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, -3.6, z, TOWARD)
    hit = replace(
        a,
        x=x + rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.6),
        z=z + half(a) + half(b) - 0.9,
        yaw=TOWARD + rng.uniform(-0.7, 0.7),
        damaged=True,
    )
    a = replace(a, z=hit.z + rng.uniform(-2, 7))
    return two_actors(
        a,
        b,
        hit,
        replace(b, yaw=rng.uniform(-0.4, 0.4), damaged=True),
        "head_on",
        "oncoming",
        drift=((0, -6.0), (0, 0.3)),
    )


def t_bone(rng: Random) -> Plot:
    """One crosses, and the other does not let it pass."""
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(8, 18)
    x, short = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(5.5, 9.5)
    b = vehicle(rng, x, z, rng.choice([AWAY, TOWARD]) if x < 0 else AWAY)
    if np.cos(b.yaw) < 0:
        b = replace(b, z=z + short + 4)
    meets = b.z + short * np.sign(np.cos(b.yaw))
    yaw = RIGHT if side > 0 else LEFT
    a = vehicle(rng, side * rng.uniform(9, 14), meets, yaw)
    hit = replace(
        a, x=b.x + side * (half(a) + 0.7), yaw=a.yaw + rng.uniform(-0.3, 0.3), damaged=True
    )
    struck = replace(
        b, z=meets + rng.uniform(-1, 1), yaw=b.yaw + rng.uniform(-0.5, 0.5), damaged=True
    )
    speed = 0.0 if rng.random() < 0.5 else rng.uniform(*CROSSING)  # waits at the side road
    drift = ((-side * speed, 0.0), (0, ahead_or_to_us(rng, b, 0.2)))
    plot = two_actors(a, b, hit, struck, "t_bone", "crossing", drift=drift)
    return replace(plot, junction_z=float(a.z))


def turning(rng: Random) -> Plot:
    x, z = rng.choice([0.0, 3.5]), rng.uniform(9, 22)
    b = vehicle(rng, x, z, AWAY)
    hit = replace(
        vehicle(rng, -3.6, z, TOWARD),
        x=x - rng.uniform(0.5, 1.5),
        z=z + half(b) + rng.uniform(0.6, 1.4),
        yaw=LEFT + rng.uniform(-0.2, 0.5),
        damaged=True,
    )
    a = replace(hit, x=-3.6, z=hit.z + rng.uniform(5, 10), yaw=TOWARD, damaged=False)
    struck = replace(b, yaw=rng.uniform(-0.3, 0.3), damaged=True)
    drift = ((0, -rng.uniform(1, 4)), (0, 0.4))
    plot = two_actors(a, b, hit, struck, "t_bone", "crossing", drift=drift)
    return replace(plot, junction_z=float(hit.z))


def backing(rng: Random) -> Plot:
    x, z = rng.choice([-5.5, 0.0, 3.5, 5.5]), rng.uniform(8, 20)
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, x, z, AWAY)
    a = replace(a, z=z + half(a) + half(b) + rng.uniform(2.5, 6))
    hit = replace(
        a,
        x=x + rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0),
        z=z + half(a) + half(b) - 0.3,
        yaw=rng.uniform(-0.3, 0.3),
    )
    plot = two_actors(a, b, hit, b, "backing", "parked", drift=((0, 0.0), (0, 0.0)))
    return replace(plot, flows=False, reverses=True)


def pull_out(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 22)
    a, b = vehicle(rng, side * 6.6, z, AWAY), vehicle(rng, side * 2.4, z, AWAY)
    hit = replace(
        a,
        x=b.x + side * 2.0,
        z=z + rng.uniform(0.5, 2.5),
        yaw=-side * rng.uniform(0.4, 0.8),
        damaged=True,
    )
    struck = replace(b, z=hit.z + rng.uniform(-1.5, 1.5))
    b = replace(b, z=struck.z - rng.uniform(2, 7))
    return two_actors(a, b, hit, struck, "pull_out", "parked", drift=((0, 0.0), (0, 1.0)))


def motorcycle_fall(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(6, 18)
    bike, car = being(rng, "motorcycle", x, z), vehicle(rng, x, z + rng.uniform(6, 12), AWAY)
    rider = replace(being(rng, "person", x, z), yaw=AWAY)
    down = replace(bike, z=car.z - half(car) - 0.4, yaw=LEFT, roll=np.pi / 2)
    thrown = replace(rider, x=x + rng.uniform(0.8, 2.0), z=down.z - 0.5, yaw=LEFT, roll=np.pi / 2)
    plot = two_actors(bike, car, down, car, "fall", "ride", drift=((0, 0.4), (0, 0.4)))
    return replace(
        plot,
        normal=(*plot.normal, rider),
        contact=(*plot.contact, thrown),
        drift=(*plot.drift, (0, 0.4)),
    )


def wreck(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 3.5, 3.5, 0.0]), rng.uniform(8, 22)
    a, b = vehicle(rng, x, z, AWAY), vehicle(rng, x, z, AWAY)
    b = replace(b, z=z + half(a) + half(b) + rng.uniform(1.5, 3.5))
    side = -np.sign(x) if x else rng.choice([-1.0, 1.0])
    against = replace(
        b, x=x + side * rng.uniform(1.4, 2.2), yaw=rng.uniform(-0.8, 0.8), damaged=True
    )
    jammed = replace(
        a,
        x=x - side * rng.uniform(0, 1),
        z=b.z - half(b) - rng.uniform(0.3, 1.0),
        yaw=rng.uniform(0.8, 2.3),
        damaged=True,
    )
    plot = two_actors(a, b, jammed, against, "wreck", "queue", drift=((0, 0.0), (0, 0.0)))
    return replace(plot, flows=False)
