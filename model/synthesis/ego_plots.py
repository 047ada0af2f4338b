"""Plots of the camera car itself."""

from dataclasses import replace

import numpy as np

from model.data.records import EGO, ROAD
from model.synthesis.plots import (
    AWAY,
    CROSSING,
    LEFT,
    RIGHT,
    SIDEWALK,
    TOWARD,
    Plot,
    Random,
    being,
    half,
    vehicle,
    with_ego,
)


def ego_rear_end(rng: Random) -> Plot:
    brakes = rng.random() < 0.4
    car = vehicle(rng, rng.uniform(-0.4, 0.4), 0.0, AWAY)
    near = replace(car, z=half(car) + rng.uniform(1.4, 2.6))
    car = replace(car, z=near.z + rng.uniform(2.5, 5.5 if brakes else 14))
    return Plot(
        (car,),
        (near,),
        ((0, 0.3),),
        ((EGO, 0, "ego_follow", "ego", car.kind), (0, EGO, "ahead", car.kind, "ego")),
        ((EGO, 0, "ego_hits", "ego", car.kind), (0, EGO, "fills_view", car.kind, "ego")),
        rng.normal(0, 0.03),
        abrupt=brakes,
    )


def ego_pull_out(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    car = vehicle(rng, side * rng.uniform(6.6, 7.0), 0.0, AWAY)
    near = replace(
        car,
        x=side * rng.uniform(1.2, 2.4),
        z=half(car) + rng.uniform(1.6, 3.2),
        yaw=-side * rng.uniform(0.4, 1.0),
    )
    car = replace(car, z=near.z + rng.uniform(5, 12))
    roll = rng.normal(0, 0.03)
    return with_ego(car, near, "ego_pull_out", "ego_parked", drift=(0, 0.0), roll=roll)


def ego_side(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    car = vehicle(rng, side * 3.6, 0.0, AWAY)
    near = replace(
        car, x=side * 1.5, z=half(car) + rng.uniform(1.6, 2.6), yaw=-side * rng.uniform(0.3, 0.6)
    )
    car = replace(car, z=near.z + rng.uniform(0.5, 4))
    return with_ego(car, near, "ego_side", "parallel", drift=(0, 0.8), roll=rng.normal(0, 0.03))


def ego_oncoming(rng: Random) -> Plot:
    car = vehicle(rng, -3.6, 0.0, TOWARD)
    near = replace(
        car,
        x=rng.uniform(-0.7, 0.7),
        z=half(car) + rng.uniform(1.8, 4.0),
        yaw=TOWARD + rng.uniform(-0.4, 0.4),
    )
    car = replace(car, z=near.z + rng.uniform(4, 14))
    return with_ego(
        car, near, "ego_oncoming_hit", "oncoming", drift=(0, -6.0), roll=rng.normal(0, 0.03)
    )


def ego_crossing(rng: Random) -> Plot:
    side, waits = rng.choice([-1.0, 1.0]), rng.random() < 0.6
    near_z = rng.uniform(3.0, 5.0)
    far_z = near_z + rng.uniform(8, 22)
    car = vehicle(rng, 0.0, far_z, RIGHT if side > 0 else LEFT)
    aside = half(car) + rng.uniform(2.5, 5.0) if waits else rng.uniform(3, 9)
    car = replace(car, x=side * aside)
    near = replace(car, x=side * rng.uniform(0.0, 1.5), z=near_z)
    speed = 0.0 if waits else rng.uniform(*CROSSING)
    plot = with_ego(
        car,
        near,
        "ego_crossing_hit",
        "crossing",
        drift=(-side * speed, 0.0),
        roll=rng.normal(0, 0.03),
    )
    return replace(plot, junction_z=float(car.z))


def ego_person(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    near_z = rng.uniform(2.6, 5.0)
    walker = being(rng, "person", side * rng.uniform(*SIDEWALK), near_z + rng.uniform(6, 14))
    near = replace(walker, x=rng.uniform(-0.8, 0.8), z=near_z, roll=np.pi / 2)
    walk = rng.uniform(-1.4, 1.4)
    plot = with_ego(walker, near, "hit_by", "sidewalk", drift=(0, walk), roll=rng.normal(0, 0.02))
    return replace(
        plot, anomalous_facts=(*plot.anomalous_facts, (EGO, 0, "hit_person", "ego", "person"))
    )


def ego_leaves(rng: Random) -> Plot:
    car = vehicle(rng, -3.5, rng.uniform(16, 30), TOWARD)
    return Plot(
        (car,),
        (car,),
        ((0, -5.0),),
        ((EGO, ROAD, "clear", "ego", "road"), (0, EGO, "oncoming", car.kind, "ego")),
        ((EGO, ROAD, "ego_slides", "ego", "road"),),
        rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.35),
    )
