"""What happens: one plot per anomaly leaf, each with its normal twin.

A plot gives every actor two poses: where it is when nothing happens, and where it is when the
accident has happened. Both come from the same draw, so twin and accident share their actors.
Positions are metres relative to the camera: x to the right, z ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from model.data.records import EGO, NO_OBJECT, ROAD
from model.synthesis.render import SIZES, Actor

Random = np.random.Generator
Statement = tuple[int, int, str, str, str]  # subject, object, relation, subject noun, object noun
AWAY, TOWARD, LEFT, RIGHT = 0.0, np.pi, np.pi / 2, -np.pi / 2
CAR_COLOURS = ((170, 30, 30), (40, 60, 150), (200, 200, 205), (40, 40, 45), (120, 125, 130),
               (30, 100, 60), (190, 150, 60), (235, 235, 235))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plot:
    """Actors before and after the event, how fast they drift, and what is true of them."""

    normal: tuple[Actor, ...]
    contact: tuple[Actor, ...]
    drift: tuple[tuple[float, float], ...]  # metres per second of the normal poses (dx, dz)
    normal_facts: tuple[Statement, ...]
    anomalous_facts: tuple[Statement, ...]
    camera_roll: float = 0.0


def vehicle(rng: Random, x: float, z: float, yaw: float, kinds: tuple[str, ...] = ()) -> Actor:
    """A car, truck or bus of some colour, slightly out of line."""
    options = kinds or ("car", "car", "car", "truck", "bus")
    kind = options[int(rng.integers(len(options)))]
    colour = CAR_COLOURS[int(rng.integers(len(CAR_COLOURS)))]
    return Actor(kind, x + rng.normal(0, 0.15), z, yaw + rng.normal(0, 0.03), colour=colour)


def being(rng: Random, kind: str, x: float, z: float) -> Actor:
    """A person, animal or two-wheeler; clothes and fur have colours of their own."""
    colour = tuple(int(c) for c in rng.integers(40, 220, 3))
    if kind == "animal":
        colour = ((120, 85, 50), (70, 55, 40), (190, 170, 140))[int(rng.integers(3))]
    yaw = rng.uniform(-0.3, 0.3) + (LEFT if kind in ("animal", "person") else AWAY)
    return Actor(kind, x, z, yaw, colour=(colour[0], colour[1], colour[2]))


def half(actor: Actor) -> float:
    """Half the length of an actor in metres."""
    return SIZES[actor.kind][2] / 2


def rear_end(rng: Random) -> Plot:
    x, z, gap = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(9, 26), rng.uniform(6, 14)
    a, b = vehicle(rng, x, z, AWAY), vehicle(rng, x, z, AWAY)
    far = replace(b, z=z + gap + half(a) + half(b))
    hit = replace(a, damaged=True, yaw=a.yaw + rng.uniform(-0.3, 0.3))
    struck = replace(b, z=z + half(a) + half(b) - 0.4, yaw=b.yaw + rng.uniform(-0.4, 0.4), damaged=True)
    return _two(a, far, hit, struck, "rear_end", "follow", drift=((0, 0.5), (0, 0.5)))


def sideswipe(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(8, 24)
    a = vehicle(rng, side * 3.6, z, AWAY)
    b = vehicle(rng, 0.0 if rng.random() < 0.6 else side * 7.1, z + rng.uniform(-2, 2), AWAY)
    toward = np.sign(b.x - a.x)
    hit = replace(a, x=b.x - toward * 1.9, yaw=-toward * rng.uniform(0.2, 0.5), damaged=True)
    return _two(a, b, hit, replace(b, yaw=-toward * 0.15), "sideswipe", "parallel", drift=((0, 0.6), (0, 0.4)))


def head_on(rng: Random) -> Plot:
    z, x = rng.uniform(10, 26), rng.choice([0.0, 3.5])
    a, b = vehicle(rng, -3.6, z + rng.uniform(-3, 12), TOWARD), vehicle(rng, x, z, AWAY)
    hit = replace(a, x=x + rng.uniform(-0.7, 0.7), z=z + half(a) + half(b) - 0.5,
                  yaw=TOWARD + rng.uniform(-0.4, 0.4), damaged=True)  # fmt: skip
    return _two(a, b, hit, replace(b, yaw=rng.uniform(-0.4, 0.4), damaged=True), "head_on", "oncoming",
                drift=((0, -6.0), (0, 0.3)))  # fmt: skip


def t_bone(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 24)
    b = vehicle(rng, rng.choice([-3.5, 0.0, 3.5]), z, rng.choice([AWAY, TOWARD]))
    yaw = RIGHT if side > 0 else LEFT
    a = vehicle(rng, side * rng.uniform(9, 14), z + rng.uniform(4, 12), yaw)
    hit = replace(a, x=b.x + side * (half(a) + 0.7), z=z + rng.uniform(-1, 1), yaw=a.yaw + rng.uniform(-0.3, 0.3), damaged=True)
    return _two(a, b, hit, replace(b, yaw=b.yaw + rng.uniform(-0.5, 0.5), damaged=True), "t_bone", "crossing",
                drift=((-side * 1.5, 0.0), (0, 0.2)))  # fmt: skip


def pull_out(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 22)
    a, b = vehicle(rng, side * 6.6, z, AWAY), vehicle(rng, side * 2.4, z + rng.uniform(-6, 8), AWAY)
    hit = replace(a, x=b.x + side * 2.0, z=b.z + rng.uniform(-1.5, 1.5), yaw=side * rng.uniform(0.4, 0.8), damaged=True)
    return _two(a, b, hit, b, "pull_out", "parked", drift=((0, -1.0), (0, 1.0)))


def motorcycle_fall(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(6, 18)
    bike, car = being(rng, "motorcycle", x, z), vehicle(rng, x, z + rng.uniform(6, 12), AWAY)
    rider = replace(being(rng, "person", x, z), yaw=AWAY)
    down = replace(bike, z=car.z - half(car) - 0.8, yaw=LEFT, roll=np.pi / 2)
    thrown = replace(rider, x=x + rng.uniform(0.8, 2.0), z=down.z - 0.5, yaw=LEFT, roll=np.pi / 2)
    plot = _two(bike, car, down, car, "fall", "ride", drift=((0, 0.4), (0, 0.4)))
    return replace(plot, normal=(*plot.normal, rider), contact=(*plot.contact, thrown), drift=(*plot.drift, (0, 0.4)))


def wreck(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(8, 22)
    a, b = vehicle(rng, x, z, AWAY), vehicle(rng, x, z, AWAY)
    b = replace(b, z=z + half(a) + half(b) + rng.uniform(1.5, 3.5))
    jammed = replace(a, yaw=rng.uniform(0.8, 2.3), x=x + rng.uniform(-1, 1), damaged=True)
    against = replace(b, z=z + rng.uniform(1.5, 2.6), yaw=rng.uniform(-0.8, 0.8), damaged=True)
    return _two(a, b, jammed, against, "wreck", "queue", drift=((0, 0.0), (0, 0.0)))


def pedestrian_hit(rng: Random) -> Plot:
    x, z, side = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(7, 20), rng.choice([-1.0, 1.0])
    yaw = TOWARD if x < 0 else AWAY
    car = vehicle(rng, x, z, yaw, ("car", "car", "truck"))
    front = half(car) * (1 if yaw == AWAY else -1)
    walker = being(rng, "person", x + side * rng.uniform(0, 2.5), z + front + np.sign(front) * rng.uniform(5, 8))
    lying = replace(walker, x=x + side * rng.uniform(0, 1.4), z=z + front + np.sign(front) * rng.uniform(0.2, 1.0), roll=np.pi / 2)
    plot = _two(car, walker, replace(car, damaged=True), lying, "hit_person", "yield", drift=((0, 0.1), (side * 0.8, 0.1)))
    extra = (1, 0, "hit_by", "person", car.kind)
    return replace(plot, anomalous_facts=(*plot.anomalous_facts, extra),
                   normal_facts=(*plot.normal_facts, (1, 0, "walk_across", "person", car.kind)))  # fmt: skip


def dart(rng: Random) -> Plot:
    side, z, x = rng.choice([-1.0, 1.0]), rng.uniform(7, 18), rng.choice([-3.5, 0.0, 3.5])
    yaw = TOWARD if x < 0 else AWAY
    car = vehicle(rng, x, z, yaw, ("car", "car", "truck", "bus"))
    front = half(car) * (1 if yaw == AWAY else -1)
    walker = being(rng, "person", side * rng.uniform(7, 9.5), z + rng.uniform(-3, 8))
    runner = replace(walker, x=x + side * rng.uniform(-0.3, 1.3), z=z + front + np.sign(front) * rng.uniform(0.8, 2.0))
    return _two(walker, car, runner, car, "dart", "sidewalk", drift=((0, -0.5), (0, 0.3)))


def cyclist(rng: Random) -> Plot:
    x, z = rng.choice([0.0, 3.5]), rng.uniform(7, 18)
    car, bike = vehicle(rng, x, z, AWAY, ("car", "car", "truck")), being(rng, "bicycle", x + 3.0, z + rng.uniform(1, 7))
    rider = replace(being(rng, "person", bike.x, bike.z), yaw=AWAY)
    down = replace(bike, x=x + rng.uniform(0.3, 1.4), z=z + half(car) * rng.uniform(0.6, 1.2), yaw=LEFT, roll=np.pi / 2)
    thrown = replace(rider, x=down.x + rng.uniform(0.5, 1.5), z=down.z, roll=np.pi / 2, yaw=LEFT)
    plot = _two(car, bike, replace(car, yaw=-0.25, damaged=True), down, "hit_person", "pass_room", drift=((0, 0.8), (0, 0.2)))
    return replace(plot, normal=(*plot.normal, rider), contact=(*plot.contact, thrown), drift=(*plot.drift, (0, 0.2)))


def fixed_object(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(8, 20)
    kind = ("pole", "tree", "barrier")[int(rng.integers(3))]
    car = vehicle(rng, side * 3.0, z - rng.uniform(0, 6), AWAY, ("car", "car", "truck"))
    thing = Actor(kind, side * 7.4, z, 0.0, colour=(150, 150, 150))
    hit = replace(car, x=thing.x - side * 1.0, z=thing.z - half(car) - 0.1, yaw=-side * rng.uniform(0.2, 0.7), damaged=True)
    return _one(car, hit, thing, "hit_object", "pass_object", kind)


def animal(rng: Random) -> Plot:
    side, z, x = rng.choice([-1.0, 1.0]), rng.uniform(6, 18), rng.choice([0.0, 3.5])
    car, beast = vehicle(rng, x, z, AWAY, ("car", "truck")), being(rng, "animal", side * rng.uniform(7.5, 11), z + 6)
    struck = replace(beast, x=x + rng.uniform(-0.6, 0.6), z=z + half(car) + rng.uniform(0.3, 1.5))
    return _two(beast, car, struck, car, "dart", "sidewalk", drift=((0, -0.6), (0, 0.3)))


def debris(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(6, 18)
    car = vehicle(rng, x, z, AWAY, ("car", "truck", "truck"))
    load = Actor("debris", x + rng.uniform(-0.5, 0.5), z - half(car) - rng.uniform(0.3, 1.5), rng.uniform(0, 3), colour=(120, 90, 60))
    gone = replace(load, x=60.0)
    return Plot((car, gone), (replace(car, yaw=rng.uniform(-0.3, 0.3)), load), ((0, 0.5), (0, 0)),
                ((0, ROAD, "clear", car.kind, "road"),), ((0, NO_OBJECT, "debris", car.kind, "debris"),))  # fmt: skip


def leave_road(rng: Random) -> Plot:
    side, z = rng.choice([-1.0, 1.0]), rng.uniform(9, 24)
    car = vehicle(rng, side * 1.8, z, AWAY, ("car", "car", "truck"))
    off = replace(car, x=side * rng.uniform(9, 13), yaw=rng.uniform(0.6, 2.4), roll=rng.choice([0.0, 0.25]) * side, damaged=True)
    return _one(car, off, None, "leave", "clear", "road")


def rollover(rng: Random) -> Plot:
    x, z = rng.choice([-3.5, 0.0, 3.5]), rng.uniform(8, 22)
    car = vehicle(rng, x, z, AWAY, ("car", "car", "truck"))
    over = replace(car, roll=rng.choice([np.pi / 2, np.pi, -np.pi / 2]), yaw=rng.uniform(0.5, 2.5), damaged=True)
    return _one(car, over, None, "rollover", "clear", "road")


def fire(rng: Random) -> Plot:
    x, z = rng.choice([-5.5, 0.0, 5.5]), rng.uniform(7, 18)
    car = vehicle(rng, x, z, AWAY + rng.uniform(-0.5, 0.5), ("car", "car", "truck"))
    burning = replace(car, burning=True, damaged=True)
    return Plot((car,), (burning,), ((0, 0.0),), ((0, ROAD, "clear", car.kind, "road"),),
                ((0, NO_OBJECT, "fire", "flames", car.kind),))  # fmt: skip


def ego_rear_end(rng: Random) -> Plot:
    car = vehicle(rng, rng.uniform(-0.4, 0.4), rng.uniform(11, 26), AWAY)
    near = replace(car, z=half(car) + rng.uniform(1.4, 2.6))
    return Plot((car,), (near,), ((0, 0.3),),
                ((EGO, 0, "ego_follow", "ego", car.kind), (0, EGO, "ahead", car.kind, "ego")),
                ((EGO, 0, "ego_hits", "ego", car.kind), (0, EGO, "fills_view", car.kind, "ego")), rng.normal(0, 0.03))  # fmt: skip


def ego_side(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    car = vehicle(rng, side * 3.6, rng.uniform(7, 13), AWAY)
    near = replace(car, x=side * 1.5, z=half(car) + rng.uniform(1.6, 2.6), yaw=side * rng.uniform(0.3, 0.6))
    return _ego(car, near, "ego_side", "parallel", drift=(0, 0.8), roll=rng.normal(0, 0.03))


def ego_oncoming(rng: Random) -> Plot:
    car = vehicle(rng, -3.6, rng.uniform(10, 30), TOWARD)
    near = replace(car, x=rng.uniform(-0.7, 0.7), z=half(car) + rng.uniform(1.8, 4.0), yaw=TOWARD + rng.uniform(-0.4, 0.4))
    return _ego(car, near, "ego_oncoming_hit", "oncoming", drift=(0, -6.0), roll=rng.normal(0, 0.03))


def ego_crossing(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    car = vehicle(rng, side * rng.uniform(3, 9), rng.uniform(18, 34), RIGHT if side > 0 else LEFT)
    near = replace(car, x=side * rng.uniform(0.0, 1.5), z=rng.uniform(3.0, 5.0))
    return _ego(car, near, "ego_crossing_hit", "ahead", drift=(-side * 1.5, 0.0), roll=rng.normal(0, 0.03))


def ego_person(rng: Random) -> Plot:
    side = rng.choice([-1.0, 1.0])
    walker = being(rng, "person", side * rng.uniform(6.5, 8.5), rng.uniform(8, 18))
    near = replace(walker, x=rng.uniform(-0.8, 0.8), z=rng.uniform(2.2, 3.6))
    plot = _ego(walker, near, "hit_by", "sidewalk", drift=(0, -1.0), roll=rng.normal(0, 0.02))
    return replace(plot, anomalous_facts=(*plot.anomalous_facts, (EGO, 0, "hit_person", "ego", "person")))


def ego_leaves(rng: Random) -> Plot:
    car = vehicle(rng, -3.5, rng.uniform(16, 30), TOWARD)
    return Plot((car,), (car,), ((0, -5.0),), ((EGO, ROAD, "clear", "ego", "road"), (0, EGO, "oncoming", car.kind, "ego")),
                ((EGO, ROAD, "ego_slides", "ego", "road"),), rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.35))  # fmt: skip


# script -> (plot, anomaly leaf, normal leaf, DoTA code, ego involved)
SCRIPTS: dict[str, tuple[Callable[[Random], Plot], str, str, str, bool]] = {
    "rear_end": (rear_end, "a.vv.ah.rear_end", "n.vv.following", "AH", False),
    "sideswipe": (sideswipe, "a.vv.la.sideswipe", "n.vv.parallel", "LA", False),
    "head_on": (head_on, "a.vv.oc.head_on", "n.vv.oncoming", "OC", False),
    "t_bone": (t_bone, "a.vv.tc.t_bone", "n.vv.crossing", "TC", False),
    "pull_out": (pull_out, "a.vv.st.pull_out", "n.vv.parked", "ST", False),
    "motorcycle_fall": (motorcycle_fall, "a.vv.motorcycle_fall", "n.vv.motorcycle", "TC", False),
    "wreck": (wreck, "a.vv.wreck", "n.vv.queue", "UK", False),
    "pedestrian_hit": (pedestrian_hit, "a.vp.hit", "n.vp.crosswalk", "VP", False),
    "dart": (dart, "a.vp.dart", "n.vp.sidewalk", "VP", False),
    "cyclist": (cyclist, "a.vp.cyclist", "n.vp.cyclist", "VP", False),
    "fixed_object": (fixed_object, "a.vo.fixed", "n.vo.passing", "VO", False),
    "animal": (animal, "a.vo.animal", "n.vo.animal", "VO", False),
    "debris": (debris, "a.vo.debris", "n.vo.clear", "VO", False),
    "leave_road": (leave_road, "a.oo.leave", "n.vo.lane", "OO", False),
    "rollover": (rollover, "a.oo.rollover", "n.vo.lane", "OO", False),
    "fire": (fire, "a.uk.fire", "n.vo.clear", "UK", False),
    "ego_rear_end": (ego_rear_end, "a.ego.ah", "n.ego.follow", "AH", True),
    "ego_side": (ego_side, "a.ego.la", "n.ego.parallel", "LA", True),
    "ego_oncoming": (ego_oncoming, "a.ego.oc", "n.ego.oncoming", "OC", True),
    "ego_crossing": (ego_crossing, "a.ego.tc", "n.ego.crossing", "TC", True),
    "ego_person": (ego_person, "a.ego.vp", "n.ego.person", "VP", True),
    "ego_leaves": (ego_leaves, "a.ego.oo", "n.ego.clear", "OO", True),
}

Drift = tuple[float, float]


def _two(a: Actor, b: Actor, a_hit: Actor, b_hit: Actor, anomalous: str, normal: str, drift: tuple[Drift, Drift]) -> Plot:
    return Plot((a, b), (a_hit, b_hit), drift, ((0, 1, normal, a.kind, b.kind),), ((0, 1, anomalous, a.kind, b.kind),))


def _one(car: Actor, after: Actor, thing: Actor | None, anomalous: str, normal: str, noun: str) -> Plot:
    others = () if thing is None else (thing,)
    place = ROAD if thing is None else NO_OBJECT
    still = tuple((0.0, -0.5) for _ in others)
    return Plot((car, *others), (after, *others), ((0, 0.5), *still), ((0, place, normal, car.kind, noun),),
                ((0, place, anomalous, car.kind, noun),))  # fmt: skip


def _ego(other: Actor, near: Actor, anomalous: str, normal: str, drift: Drift, roll: float) -> Plot:
    return Plot((other,), (near,), (drift,), ((0, EGO, normal, other.kind, "ego"),), ((0, EGO, anomalous, other.kind, "ego"),), roll)
