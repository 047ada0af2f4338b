"""Plots with persons, obstacles and a lone vehicle."""

from dataclasses import replace

import numpy as np

from model.data.records import NO_OBJECT, ROAD
from model.synthesis.plots import (
    AWAY,
    LEFT,
    SIDEWALK,
    TOWARD,
    Plot,
    Random,
    ahead_or_to_us,
    being,
    half,
    one_actor,
    two_actors,
    vehicle,
)
from model.synthesis.solids import Actor


def pedestrian_hit(rng: Random) -> Plot:
    x, z, side = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(7, 20), rng.choice([-1.0, 1.0])
    yaw = TOWARD if x < 0 else AWAY
    car = vehicle(rng, x, z, yaw, ("car", "car", "truck"))
    front = half(car) * (1 if yaw == AWAY else -1)
    walker = being(
        rng,
        "person",
        x + side * (rng.uniform(0, 2.5) if front < 0 else rng.uniform(1.8, 4.0)),
        z + front + np.sign(front) * rng.uniform(4, 9),
    )
    # Thrown aside by a car that drives away from the camera, or the car would hide the person.
    lying = replace(
        walker,
        x=x + side * (rng.uniform(0, 1.4) if front < 0 else rng.uniform(1.4, 2.4)),
        roll=np.pi / 2,
    )
    hit = replace(car, z=walker.z - front - np.sign(front) * rng.uniform(-1.0, 0.1), damaged=True)
    plot = two_actors(
        car,
        walker,
        hit,
        lying,
        "hit_person",
        "yield",
        drift=((0, 0.1 * np.cos(yaw)), (side * 0.8, 0.1)),
    )
    extra = (1, 0, "hit_by", "person", car.kind)
    return replace(
        plot,
        flows=False,
        crosswalk_z=float(walker.z),
        anomalous_facts=(*plot.anomalous_facts, extra),
        normal_facts=(*plot.normal_facts, (1, 0, "walk_across", "person", car.kind)),
    )


def dart(rng: Random) -> Plot:
    side, z, x = rng.choice([-1.0, 1.0]), rng.uniform(7, 18), rng.choice([-3.5, 0.0, 3.5])
    yaw = TOWARD if x < 0 else AWAY
    car = vehicle(rng, x, z, yaw, ("car", "car", "truck", "bus"))
    front = half(car) * (1 if yaw == AWAY else -1)
    runner = being(
        rng,
        "person",
        x + side * (rng.uniform(-0.3, 1.3) if front < 0 else rng.uniform(1.5, 3.0)),
        z + front + np.sign(front) * rng.uniform(0.8, 2.0),
    )
    walker = replace(
        runner, x=side * rng.uniform(SIDEWALK[0], 9.0), z=runner.z + rng.uniform(-1.5, 1.5)
    )
    drift = ((0, rng.uniform(-0.8, 0.8)), (0, ahead_or_to_us(rng, car, 0.3)))
    plot = two_actors(walker, car, runner, car, "dart", "sidewalk", drift=drift)
    return replace(plot, collides=False)


def cyclist(rng: Random) -> Plot:
    x, z = rng.choice([0.0, 3.5]), rng.uniform(7, 18)
    car = vehicle(rng, x, z, AWAY, ("car", "car", "truck"))
    bike = being(rng, "bicycle", x + rng.uniform(2.2, 2.9), z + half(car) + rng.uniform(2, 7))
    rider = replace(being(rng, "person", bike.x, bike.z), yaw=AWAY)
    down = replace(bike, x=x + rng.uniform(1.7, 2.4), yaw=LEFT, roll=np.pi / 2)
    thrown = replace(
        rider, x=down.x + rng.uniform(0.6, 1.5), z=down.z - 0.4, roll=np.pi / 2, yaw=LEFT
    )
    hit = replace(
        car, x=x + 0.5, z=bike.z - half(car) * rng.uniform(-0.8, 0.8), yaw=0.25, damaged=True
    )
    plot = two_actors(car, bike, hit, down, "hit_person", "pass_room", drift=((0, 0.8), (0, 0.2)))
    return replace(
        plot,
        normal_facts=(*plot.normal_facts, (1, 0, "ride_beside", "bicycle", car.kind)),
        anomalous_facts=(*plot.anomalous_facts, (1, 0, "hit_by", "bicycle", car.kind)),
        normal=(*plot.normal, rider),
        contact=(*plot.contact, thrown),
        drift=(*plot.drift, (0, 0.2)),
    )


def fixed_object(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(8, 20)
    kind = ("pole", "tree", "barrier")[int(rng.integers(3))]
    car = vehicle(rng, side * 3.5, z, AWAY, ("car", "car", "truck"))
    car = replace(car, z=z - half(car) - rng.uniform(3, 10))
    thing = Actor(kind, side * 8.3, z, 0.0, colour=(150, 150, 150))
    hit = replace(
        car,
        x=thing.x - side * 1.0,
        z=thing.z - half(car) - 0.1,
        yaw=side * rng.uniform(0.2, 0.7),
        damaged=True,
    )
    return one_actor(car, hit, thing, "hit_object", "pass_object", kind)


def animal(rng: Random) -> Plot:
    side, z, x = rng.choice([-1.0, 1.0]), rng.uniform(6, 16), rng.choice([0.0, 3.5])
    car = vehicle(rng, x, z, AWAY, ("car", "truck"))
    struck = being(
        rng, "animal", x + side * rng.uniform(1.5, 3.0), z + half(car) + rng.uniform(0.3, 1.6)
    )
    beast = replace(struck, x=side * rng.uniform(8.3, 11), z=struck.z + rng.uniform(-1.5, 1.5))
    drift = ((0, -0.6), (0, 0.3))
    plot = two_actors(beast, car, struck, car, "dart", "sidewalk", drift=drift)
    return replace(plot, collides=False)


def debris(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(6, 18)
    car = vehicle(rng, x, z, AWAY, ("car", "truck", "truck"))
    load = Actor(
        "debris",
        x + rng.uniform(-0.5, 0.5),
        z - half(car) - rng.uniform(0.3, 1.5),
        rng.uniform(0, 3),
        colour=(120, 90, 60),
    )
    aside = replace(load, x=rng.choice([-1.0, 1.0]) * rng.uniform(*SIDEWALK))
    return Plot(
        (car, aside),
        (replace(car, yaw=rng.uniform(-0.3, 0.3)), load),
        ((0, 0.5), (0, 0)),
        (
            (0, ROAD, "clear", car.kind, "road"),
            (0, NO_OBJECT, "pass_debris", car.kind, "debris"),
        ),
        ((0, NO_OBJECT, "debris", car.kind, "debris"),),
        collides=False,
    )


def leave_road(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 24)
    car = vehicle(rng, side * 3.5, z, AWAY, ("car", "car", "truck"))
    off = replace(
        car,
        x=side * rng.uniform(8.3, 9.6),
        z=z + rng.uniform(2, 8),
        yaw=side * rng.uniform(0.6, 2.4),
        roll=rng.choice([0.0, 0.25]) * side,
        damaged=True,
    )
    return one_actor(car, off, None, "leave", "clear", "road")


def rollover(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(8, 22)
    car = vehicle(rng, x, z, AWAY, ("car", "car", "truck"))
    over = replace(
        car,
        z=z + rng.uniform(2, 7),
        roll=rng.choice([np.pi / 2, np.pi, -np.pi / 2]),
        yaw=rng.uniform(0.5, 2.5),
        damaged=True,
    )
    return one_actor(car, over, None, "rollover", "clear", "road")


def fire(rng: Random) -> Plot:
    x, z = rng.choice([-5.5, 0.0, 5.5]), rng.uniform(7, 18)
    car = vehicle(rng, x, z, AWAY + rng.uniform(-0.5, 0.5), ("car", "car", "truck"))
    burning = replace(car, burning=True, damaged=True)
    return Plot(
        (car,),
        (burning,),
        ((0, 0.0),),
        (
            (0, ROAD, "clear", car.kind, "road"),
            (0, NO_OBJECT, "lights", "lights", car.kind),
        ),
        ((0, NO_OBJECT, "fire", "flames", car.kind),),
        flows=False,
        collides=False,
    )
