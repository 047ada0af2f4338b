"""The form of a plot and the hands that build one.

A plot gives every actor two poses: where it is when nothing happens, and where it is when the
accident has happened. Both come from the same draw, so twin and accident share their actors.
Positions are metres on the street as a dashcam sees it, x to the right and z ahead; a mast that
looks at it from aside turns them into its own view (`view.py`).
"""

from dataclasses import dataclass

import numpy as np

from model.data.records import EGO, NO_OBJECT, ROAD
from model.synthesis.solids import SIZES, Actor

Random = np.random.Generator
Drift = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Turn:
    """Drives at a speed, and turns off on the way.

    Attributes:
        speed: In m/s, > 0.
        radius: Of the turn in metres, > 0.
        angle: By which the heading changes, in radians; positive to the right of who drives.
        begins_m: How far beyond its drawn pose the turn begins, in metres.
    """

    speed: float
    radius: float
    angle: float
    begins_m: float


Way = Drift | Turn  # of background traffic
Statement = tuple[int, int, str, str, str]  # subject, object, relation, subject noun, object noun
# Where an actor drives to, and for who crosses the side that it comes from.
AWAY, TOWARD, LEFT, RIGHT = 0.0, np.pi, np.pi / 2, -np.pi / 2
CROSSING = (1.5, 9.0)  # m/s of what crosses our street
ONCOMING = (3.0, 8.0)  # m/s of what comes towards us
SIDEWALK = (8.3, 10.3)  # metres to either side
CARRIAGEWAY = (12.3, 17.7)  # the same, where a second carriageway is driven
CAR_COLOURS = (
    (170, 30, 30),
    (40, 60, 150),
    (200, 200, 205),
    (40, 40, 45),
    (120, 125, 130),
    (30, 100, 60),
    (190, 150, 60),
    (235, 235, 235),
)


@dataclass(frozen=True, slots=True)
class Plot:
    """Actors before and after the event, how fast they drift, and what is true of them.

    ``junction_z`` and ``crosswalk_z`` say where the street must have one, in both branches;
    ``flows`` is false where the actors stand or wait even though traffic is flowing; ``abrupt``
    where they leave their way within a second or so, along it too; ``collides`` where they do not
    only come near; ``reverses`` where somebody may drive backwards.
    """

    normal: tuple[Actor, ...]
    contact: tuple[Actor, ...]
    drift: tuple[tuple[float, float], ...]  # metres per second of the normal poses (dx, dz)
    normal_facts: tuple[Statement, ...]
    anomalous_facts: tuple[Statement, ...]
    camera_roll: float = 0.0
    junction_z: float | None = None
    crosswalk_z: float | None = None
    flows: bool = True
    abrupt: bool = False
    collides: bool = True
    reverses: bool = False

    @property
    def is_of_own_car(self) -> bool:
        """Whether our own car takes part."""
        return any(EGO in statement[:2] for statement in self.anomalous_facts)


def vehicle(rng: Random, x: float, z: float, yaw: float, kinds: tuple[str, ...] = ()) -> Actor:
    """A car, truck or bus of some colour, slightly out of line."""
    options = kinds or ("car",) * 5 + ("truck", "bus")
    kind = options[int(rng.integers(len(options)))]
    colour = CAR_COLOURS[int(rng.integers(len(CAR_COLOURS)))]
    return Actor(kind, x + rng.normal(0, 0.15), z, yaw + rng.normal(0, 0.03), colour=colour)


def ahead_or_to_us(rng: Random, actor: Actor, gain: float) -> float:
    """Drift along the street, m/s: of who drives away what it gains, of who comes its speed."""
    return gain if np.cos(actor.yaw) > 0 else -float(rng.uniform(*ONCOMING))


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


def two_actors(
    a: Actor,
    b: Actor,
    a_hit: Actor,
    b_hit: Actor,
    anomalous: str,
    normal: str,
    drift: tuple[Drift, Drift],
) -> Plot:
    return Plot(
        (a, b),
        (a_hit, b_hit),
        drift,
        ((0, 1, normal, a.kind, b.kind),),
        ((0, 1, anomalous, a.kind, b.kind),),
    )


def one_actor(
    car: Actor, after: Actor, thing: Actor | None, anomalous: str, normal: str, noun: str
) -> Plot:
    others = () if thing is None else (thing,)
    place = ROAD if thing is None else NO_OBJECT
    still = tuple((0.0, 0.0) for _ in others)
    return Plot(
        (car, *others),
        (after, *others),
        ((0, 0.5), *still),
        ((0, place, normal, car.kind, noun),),
        ((0, place, anomalous, car.kind, noun),),
    )


def with_ego(
    other: Actor, near: Actor, anomalous: str, normal: str, drift: Drift, roll: float
) -> Plot:
    return Plot(
        (other,),
        (near,),
        (drift,),
        ((0, EGO, normal, other.kind, "ego"),),
        ((0, EGO, anomalous, other.kind, "ego"),),
        roll,
    )


def shift(statement: Statement, offset: int) -> Statement:
    """A statement whose participants come ``offset`` places later; own car and road stay."""
    subject, object_, *rest = statement
    moved = [place + offset if place >= 0 else place for place in (subject, object_)]
    return (moved[0], moved[1], rest[0], rest[1], rest[2])
