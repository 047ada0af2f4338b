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
    x, z, gap = rng.choice([-3.5, 3.5, 3.5, 0.0]), rng.uniform(9, 26), rng.uniform(6, 14)
    yaw = TOWARD if x < 0 and rng.random() < 0.6 else AWAY
    ahead = 1.0 if yaw == AWAY else -1.0
    a, b = vehicle(rng, x, z, yaw), vehicle(rng, x, z, yaw)
    if yaw == TOWARD:  # the one in front is the nearer one: room for it before the camera
        a = replace(a, z=z + gap + half(a) + half(b))
    far = replace(b, z=a.z + ahead * (gap + half(a) + half(b)))
    hit = replace(a, damaged=True, yaw=a.yaw + rng.uniform(-0.3, 0.3))
    # Pushed aside, or the follower would hide it from the camera.
    struck = replace(
        b,
        x=x + (-np.sign(x) if x else rng.choice([-1.0, 1.0])) * rng.uniform(0.4, 1.3),
        z=a.z + ahead * (half(a) + half(b) - 0.4),
        yaw=b.yaw + rng.uniform(-0.5, 0.5),
        damaged=True,
    )
    drift = (0, 0.5 * ahead)
    plot = two_actors(a, far, hit, struck, "rear_end", "follow", drift=(drift, drift))
    return replace(
        plot,
        normal_facts=(*plot.normal_facts, (1, 0, "ahead", b.kind, a.kind)),
        anomalous_facts=(*plot.anomalous_facts, (1, 0, "hard_brake", b.kind, a.kind)),
    )


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
    side, x, z = rng.choice([-1.0, 1.0]), rng.choice([0.0, 3.5]), rng.uniform(7, 16)
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, x + side * rng.uniform(1.2, 3.4), z + rng.uniform(11, 18), AWAY)
    close = replace(
        a,
        x=x + side * rng.uniform(0.2, 1.3),
        z=b.z + half(a) + half(b) + rng.uniform(0.2, 1.6),
        yaw=-side * rng.uniform(0.1, 0.45),
    )
    return two_actors(a, b, close, b, "cut_in", "lane_change", drift=((-side * 0.7, 0.8), (0, 0.4)))


def head_on(rng: Random) -> Plot:
    z, x = rng.uniform(9, 22), rng.choice([0.0, 3.5])
    a, b = vehicle(rng, -3.6, z + rng.uniform(-3, 12), TOWARD), vehicle(rng, x, z, AWAY)
    hit = replace(
        a,
        x=x + rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.6),
        z=z + half(a) + half(b) - 0.5,
        yaw=TOWARD + rng.uniform(-0.7, 0.7),
        damaged=True,
    )
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
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 24)
    x = rng.choice([-3.5, 0.0, 3.5])
    b = vehicle(rng, x, z, rng.choice([AWAY, TOWARD]) if x < 0 else AWAY)
    yaw = RIGHT if side > 0 else LEFT
    a = vehicle(rng, side * rng.uniform(9, 14), z + rng.uniform(4, 9), yaw)
    hit = replace(
        a,
        x=b.x + side * (half(a) + 0.7),
        z=z + rng.uniform(-1, 1),
        yaw=a.yaw + rng.uniform(-0.3, 0.3),
        damaged=True,
    )
    plot = two_actors(
        a,
        b,
        hit,
        replace(b, yaw=b.yaw + rng.uniform(-0.5, 0.5), damaged=True),
        "t_bone",
        "crossing",
        drift=((-side * rng.uniform(*CROSSING), 0.0), (0, ahead_or_to_us(rng, b, 0.2))),
    )
    return replace(plot, junction_z=float(a.z))


def turning(rng: Random) -> Plot:
    x, z = rng.choice([0.0, 3.5]), rng.uniform(9, 22)
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, -3.6, z + rng.uniform(9, 16), TOWARD)
    hit = replace(
        a,
        x=x - rng.uniform(0.5, 1.5),
        z=z + half(b) + rng.uniform(0.6, 1.4),
        yaw=LEFT + rng.uniform(-0.2, 0.5),
        damaged=True,
    )
    struck = replace(b, yaw=rng.uniform(-0.3, 0.3), damaged=True)
    plot = two_actors(a, b, hit, struck, "t_bone", "crossing", drift=((0, -0.6), (0, 0.4)))
    return replace(plot, junction_z=float(hit.z))


def backing(rng: Random) -> Plot:
    x, z = rng.choice([-5.5, 0.0, 3.5, 5.5]), rng.uniform(8, 20)
    b = vehicle(rng, x, z, AWAY)
    a = vehicle(rng, x, z, AWAY)
    a = replace(a, z=z + half(a) + half(b) + rng.uniform(3.5, 8))
    hit = replace(
        a,
        x=x + rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0),
        z=z + half(a) + half(b) - 0.3,
        yaw=rng.uniform(-0.3, 0.3),
    )
    plot = two_actors(a, b, hit, b, "backing", "parked", drift=((0, 0.0), (0, 0.0)))
    return replace(plot, flows=False)


def pull_out(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 22)
    a, b = vehicle(rng, side * 6.6, z, AWAY), vehicle(rng, side * 2.4, z + rng.uniform(-6, 8), AWAY)
    hit = replace(
        a,
        x=b.x + side * 2.0,
        z=b.z + rng.uniform(-1.5, 1.5),
        yaw=-side * rng.uniform(0.4, 0.8),
        damaged=True,
    )
    return two_actors(a, b, hit, b, "pull_out", "parked", drift=((0, 0.0), (0, 1.0)))


def motorcycle_fall(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(6, 18)
    bike, car = being(rng, "motorcycle", x, z), vehicle(rng, x, z + rng.uniform(6, 12), AWAY)
    rider = replace(being(rng, "person", x, z), yaw=AWAY)
    down = replace(bike, z=car.z - half(car) - 0.8, yaw=LEFT, roll=np.pi / 2)
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
    jammed = replace(a, yaw=rng.uniform(0.8, 2.3), x=x - side * rng.uniform(0, 1), damaged=True)
    against = replace(
        b,
        x=x + side * rng.uniform(1.6, 3.0),
        z=z + rng.uniform(0.8, 2.4),
        yaw=rng.uniform(-0.8, 0.8),
        damaged=True,
    )
    plot = two_actors(a, b, jammed, against, "wreck", "queue", drift=((0, 0.0), (0, 0.0)))
    return replace(plot, flows=False)
