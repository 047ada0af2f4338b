"""Plans of animals: a cow, a horse, a dog, a sheep."""

import numpy as np

from model.figures.parts import Part, capsule, vec
from model.figures.people import RUBBER, SIDES, colour, grey

# Size of a cow as 1, and the girth of the trunk as a share of that size.
ANIMALS = {"cow": (1.0, 0.33), "horse": (1.15, 0.29), "dog": (0.45, 0.24), "sheep": (0.6, 0.36)}


def animal(rng: np.random.Generator) -> list[Part]:
    """A cow, a horse, a dog or a sheep, of natural colours."""
    kind = list(ANIMALS)[rng.integers(len(ANIMALS))]
    size, girth = ANIMALS[kind]
    size *= rng.uniform(0.85, 1.15)
    girth *= size
    coat = colour(rng, 25, 240, 0.6, hues=20.0)
    other = coat if rng.random() < 0.4 else colour(rng, 20, 240, 0.4, hues=20.0)
    back, half = 0.95 * size, 0.75 * size
    rise = rng.uniform(0.2, 0.75) if kind == "horse" else rng.uniform(-0.3, 0.55)
    poll = np.array(
        [0.7 * half + 0.5 * size * np.cos(rise), 0, back + size * (0.1 + 0.6 * np.sin(rise))]
    )
    nose = poll + 0.4 * size * np.array([np.cos(rise - 0.8), 0, np.sin(rise - 0.8)])
    rump = np.array([-0.8 * half, 0, back])
    parts: list[Part] = [
        capsule(rump, [0.7 * half, 0, 1.02 * back], (0.95 * girth, girth), coat, 0.1),
        capsule([0.7 * half, 0, back + 0.05 * size], poll, (0.7 * girth, 0.15 * size), coat, 0.1),
        capsule(poll, nose, (0.15 * size, 0.09 * size), other, 0.1),
        capsule(
            rump - vec(0.8 * girth, 0, -0.1 * size),
            rump - vec(1.1 * girth, 0, 0.45 * size),
            (0.04 * size, 0.03 * size),
            other,
        ),
    ]
    for y in SIDES:
        ear = poll + vec(0, 0.1 * size * y, 0.08 * size)
        parts.append(
            capsule(
                ear,
                ear + size * np.array([-0.02, 0.12 * y, 0.08]),
                (0.05 * size, 0.02 * size),
                coat,
            )
        )
        if kind == "cow" and rng.random() < 0.6:
            parts.append(
                capsule(
                    ear,
                    ear + size * np.array([0.05, 0.12 * y, 0.2]),
                    (0.03 * size, 0.01 * size),
                    grey(rng, 150, 220),
                )
            )
        for x in (-0.8 * half, 0.65 * half):
            swing = rng.uniform(-0.25, 0.25) * size
            knee, hoof = (
                np.array([x + 0.4 * swing, 0.55 * girth * y, 0.5 * back]),
                np.array([x + swing, 0.55 * girth * y, 0.05]),
            )
            parts += [
                capsule(
                    [x, 0.5 * girth * y, 0.85 * back], knee, (0.14 * size, 0.08 * size), coat, 0.1
                ),
                capsule(knee, hoof, (0.065 * size, 0.05 * size), other, 0.1),
                capsule(hoof, hoof + vec(0.04 * size, 0, 0), (0.06 * size,) * 2, RUBBER),
            ]
    for _ in range(int(rng.integers(5))):  # patches of the other colour
        spot = np.array(
            [
                rng.uniform(-half, 0.7 * half),
                rng.choice(SIDES) * 0.75 * girth,
                back + rng.uniform(-0.5, 0.5) * girth,
            ]
        )
        parts.append(
            capsule(
                spot,
                spot + size * rng.uniform(-0.12, 0.12, 3),
                (0.12 * size, 0.1 * size),
                other,
                0.1,
            )
        )
    return parts
