"""Plans of two-wheelers: motorcycles of five builds and a bicycle, mostly with riders."""

import numpy as np

from model.figures.parts import Part, Vector, Wheel, capsule, symmetric_hull, vec
from model.figures.people import RUBBER, SIDES, colour, grey, person

BUILDS = ("naked", "sport", "scooter", "cruiser", "moped")


def motorcycle(rng: np.random.Generator) -> list[Part]:
    """A motorcycle or scooter with none, one or two riders."""
    build = BUILDS[rng.integers(len(BUILDS))]
    paint, metal, black = colour(rng, 20, 245, 1.0), grey(rng, 90, 190), grey(rng, 15, 50)
    tyre, width = grey(rng, 12, 45), rng.uniform(0.1, 0.16)
    radius = rng.uniform(0.2, 0.25) if build == "scooter" else rng.uniform(0.27, 0.33)
    half, steer = rng.uniform(0.62, 0.75), rng.uniform(-0.2, 0.2)
    rear, front = np.array([-half, 0, radius]), np.array([half, 0, radius])
    bar = np.array([half - 0.38, 0, rng.uniform(0.95, 1.1)])
    seat = rng.uniform(0.72, 0.82)
    rim = metal if rng.random() < 0.6 else black + 20
    parts: list[Part] = [
        Wheel(rear, radius, 1.1 * width, tyre, rim),
        Wheel(front, radius, 0.85 * width, tyre, rim, steer),
        capsule(rear, [0.05, 0, 0.35], (0.04, 0.05), 0.6 * metal),
        *(
            capsule(front + vec(0, y, 0), bar + vec(0.05, y, -0.15), (0.03, 0.03), metal, 0.7)
            for y in (-0.09, 0.09)
        ),
    ]
    parts += _bodywork(rng, build, rear, front, radius, seat, (paint, metal, black))
    parts += _front(rng, bar, black)
    lean = rng.uniform(0.0, 0.35) + (0.4 if build == "sport" else 0.0)
    step = rng.uniform(0.0, 0.2) + (0.25 if build in ("scooter", "cruiser") else 0.0)
    reach = rng.uniform(0.3, 0.4)
    hands = (bar + vec(-0.05, -reach, 0.03), bar + vec(-0.05, reach, 0.03))
    parts += [capsule(bar, hand, (0.018, 0.018), black) for hand in hands]
    for seated in range(int(rng.choice([0, 1, 1, 1, 1, 2]))):
        hip = np.array([-0.18 - 0.32 * seated, 0, seat + 0.16])
        feet = tuple(np.array([step - 0.3 * seated, 0.2 * y, 0.34]) for y in SIDES)
        if seated:  # the pillion holds the rider
            hands = (hip + vec(0.35, -0.2, 0.25), hip + vec(0.35, 0.2, 0.25))
        parts += person(rng, hip, lean, (feet[0], feet[1]), hands, rng.random() < 0.75)
    return parts


def _bodywork(
    rng: np.random.Generator,
    build: str,
    rear: Vector,
    front: Vector,
    radius: float,
    seat: float,
    colours: tuple[Vector, Vector, Vector],
) -> list[Part]:
    """Engine or leg shield, tank, seat, mudguards, exhaust, tail lamp and number plate."""
    paint, metal, black = colours
    x, tail = rear[0], radius + 0.3
    parts: list[Part] = []
    if build == "scooter":
        parts += [
            symmetric_hull(
                [
                    [x - 0.25, 0.17, 0.35],
                    [x - 0.25, 0.17, 0.68],
                    [0.05, 0.2, 0.3],
                    [0.05, 0.2, 0.66],
                ],
                paint,
                0.5,
            ),
            symmetric_hull(
                [[-0.1, 0.17, 0.26], [0.4, 0.17, 0.26], [-0.1, 0.17, 0.32], [0.4, 0.17, 0.32]],
                black,
            ),
            symmetric_hull(
                [[0.36, 0.22, 0.3], [0.44, 0.22, 0.3], [0.25, 0.2, 0.9], [0.33, 0.2, 0.92]],
                paint,
                0.5,
            ),
        ]
    else:
        engine = paint if build == "sport" else 0.6 * metal
        parts += [
            symmetric_hull(
                [[-0.22, 0.14, 0.28], [0.25, 0.14, 0.28], [-0.2, 0.16, 0.58], [0.28, 0.16, 0.6]],
                engine,
                0.4,
            ),
            symmetric_hull(
                [
                    [-0.12, 0.13, seat - 0.08],
                    [0.33, 0.13, seat],
                    [-0.08, 0.11, seat + 0.1],
                    [0.3, 0.14, seat + 0.16],
                ],
                paint,
                0.6,
            ),
        ]
        if build == "sport":
            parts.append(
                symmetric_hull(
                    [[0.3, 0.2, 0.4], [0.55, 0.16, 0.65], [0.72, 0.1, 0.82], [0.35, 0.18, 1.05]],
                    paint,
                    0.6,
                )
            )
    guard = [
        [front[0] + 0.7 * radius * np.cos(a), 0.07, radius * (1 + 1.08 * np.sin(a))]
        for a in (0.3, 1.0, 1.6, 2.2)
    ]
    parts += [
        symmetric_hull(
            [
                [x - 0.15, 0.1, seat],
                [-0.08, 0.14, seat - 0.02],
                [x - 0.2, 0.09, seat + 0.1],
                [-0.1, 0.13, seat + 0.06],
            ],
            black,
            0.2,
        ),
        symmetric_hull(
            [
                [x - 0.28, 0.07, tail - 0.05],
                [x - 0.3, 0.07, tail + 0.12],
                [x + 0.2, 0.1, tail],
                [x + 0.2, 0.1, tail + 0.15],
            ],
            paint if rng.random() < 0.6 else black,
            0.4,
        ),
        symmetric_hull(
            [*guard, [front[0], 0.06, 2.15 * radius]], paint if rng.random() < 0.6 else black, 0.4
        ),
        capsule(
            [x - 0.32, -0.05, tail + 0.08],
            [x - 0.32, 0.05, tail + 0.08],
            (0.045, 0.045),
            np.array([20.0, 20.0, rng.uniform(120, 255)]),
            0.5,
        ),
    ]
    for y in SIDES[: 1 + int(rng.random() < 0.4)]:
        parts.append(
            capsule([0.05, 0.17 * y, 0.28], [x - 0.15, 0.18 * y, 0.36], (0.04, 0.065), metal, 0.8)
        )
    if rng.random() < 0.5:
        plate = [
            [x - 0.3, 0.08, radius + 0.1],
            [x - 0.3, 0.08, radius + 0.25],
            [x - 0.32, 0.08, radius + 0.2],
        ]
        parts.append(symmetric_hull(plate, grey(rng, 150, 240)))
    if rng.random() < 0.2:  # a box for luggage
        box = [
            [x - 0.4, 0.2, seat + 0.1],
            [x - 0.4, 0.2, seat + 0.45],
            [x, 0.2, seat + 0.1],
            [x, 0.2, seat + 0.45],
        ]
        parts.append(symmetric_hull(box, colour(rng, 20, 230)))
    return parts


def _front(rng: np.random.Generator, bar: Vector, black: Vector) -> list[Part]:
    """Headlamp, lit or not, and mirrors."""
    lamp = np.full(3, 255.0) if rng.random() < 0.5 else np.array([200.0, 205.0, 210.0])
    parts: list[Part] = [
        capsule(bar + vec(0.12, 0, -0.1), bar + vec(0.17, 0, -0.1), (0.1, 0.085), black),
        capsule(bar + vec(0.19, 0, -0.1), bar + vec(0.2, 0, -0.1), (0.08, 0.075), lamp, 0.9),
    ]
    for y in SIDES:
        if rng.random() < 0.7:
            parts.append(
                capsule(
                    bar + vec(0, 0.25 * y, 0), bar + vec(0.02, 0.3 * y, 0.17), (0.01, 0.01), black
                )
            )
            parts.append(
                capsule(
                    bar + vec(0.02, 0.28 * y, 0.18),
                    bar + vec(0.02, 0.34 * y, 0.19),
                    (0.045, 0.045),
                    black,
                )
            )
    return parts


def bicycle(rng: np.random.Generator) -> list[Part]:
    """A bicycle, mostly with a cyclist."""
    radius, half = rng.uniform(0.31, 0.35), rng.uniform(0.5, 0.55)
    tyre, rim, paint = grey(rng, 12, 50), grey(rng, 60, 170), colour(rng, 20, 240, 1.0)
    rear, front = np.array([-half, 0, radius]), np.array([half, 0, radius])
    crank, post, head = (
        np.array([-0.08, 0, 0.28]),
        np.array([-0.25, 0, 0.8]),
        np.array([0.33, 0, 0.85]),
    )
    bar = np.array([0.32, 0, rng.uniform(0.95, 1.08)])
    reach = rng.uniform(0.22, 0.32)
    hands = (bar + vec(0.05, -reach, 0), bar + vec(0.05, reach, 0))
    turn = rng.uniform(0, 2 * np.pi)
    pedal = 0.17 * np.array([np.cos(turn), 0, np.sin(turn)])
    feet = (crank + pedal + vec(0, -0.13, 0), crank - pedal + vec(0, 0.13, 0))
    saddle = post + vec(0, 0, 0.15)
    tubes = (
        (crank, post),
        (crank, head - vec(0, 0, 0.1)),
        (post, head),
        (rear, crank),
        (rear, post),
        (head, front),
        (head, bar),
    )
    parts: list[Part] = [
        Wheel(rear, radius, 0.045, tyre, rim, open=True),
        Wheel(front, radius, 0.045, tyre, rim, rng.uniform(-0.2, 0.2), open=True),
        *(capsule(a, b, (0.022, 0.022), paint, 0.4) for a, b in tubes),
        *(capsule(bar, hand, (0.015, 0.015), rim) for hand in hands),
        *(capsule(crank, foot, (0.015, 0.015), rim) for foot in feet),
        capsule(post, saddle, (0.015, 0.015), rim),
        capsule(saddle - vec(0.12, 0, 0), saddle + vec(0.1, 0, 0), (0.07, 0.03), RUBBER),
    ]
    if rng.random() < 0.85:
        parts += person(
            rng, saddle + vec(0, 0, 0.1), rng.uniform(0.1, 0.6), feet, hands, rng.random() < 0.4
        )
    return parts
