"""Plans of people: who rides, who stands or walks; and the colours of all figures."""

import cv2
import numpy as np

from model.figures.parts import Part, Vector, capsule, vec

SIDES = (-1.0, 1.0)
RUBBER = np.array([28.0, 28.0, 28.0])
ASTRIDE = np.array([0.2, 0.07, 0.14])  # from the middle of a leg to its knee, metres; y outwards


def colour(
    rng: np.random.Generator, dark: float, bright: float, vivid: float = 0.7, hues: float = 180.0
) -> Vector:
    """A random BGR colour: value in ``dark..bright``, saturation up to ``vivid`` of 1."""
    hsv = [rng.uniform(0, hues), 255 * vivid * rng.uniform(), rng.uniform(dark, bright)]
    bgr: Vector = cv2.cvtColor(np.array([[hsv]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].astype(float)
    return bgr


def grey(rng: np.random.Generator, dark: float, bright: float) -> Vector:
    return np.full(3, rng.uniform(dark, bright))


def person(
    rng: np.random.Generator,
    hip: Vector,
    lean: float,
    feet: tuple[Vector, Vector],
    hands: tuple[Vector, Vector],
    helmet: bool,
    bend: Vector = ASTRIDE,
) -> list[Part]:
    """Somebody whose hip, feet and hands are there, and who leans forward by ``lean`` radians."""
    size = rng.uniform(0.92, 1.08)
    cloth, trousers = colour(rng, 20, 220), colour(rng, 15, 140, 0.5)
    skin = np.array([rng.uniform(60, 160), rng.uniform(80, 180), rng.uniform(120, 220)])
    up = np.array([np.sin(lean), 0.0, np.cos(lean)])
    shoulder = hip + 0.52 * size * up
    head = shoulder + size * np.array([0.06 + 0.12 * np.sin(lean), 0.0, 0.24])
    aside = np.array([0.0, 1.0, 0.0])
    parts: list[Part] = [
        capsule(hip, shoulder, (0.17 * size, 0.19 * size), cloth),
        capsule(hip - 0.12 * aside, hip + 0.12 * aside, (0.13 * size,) * 2, trousers),
        capsule(shoulder - 0.15 * aside, shoulder + 0.15 * aside, (0.11 * size,) * 2, cloth),
        capsule(shoulder, head, (0.07 * size,) * 2, skin, 0.0),
    ]
    if helmet:
        parts.append(
            capsule(
                head,
                head + vec(0, 0, 0.03),
                (0.145 * size, 0.14 * size),
                colour(rng, 15, 250, 0.9),
                0.6,
            )
        )
        if rng.random() < 0.7:  # a visor
            face = head + vec(0.09 * size, 0, -0.01)
            parts.append(
                capsule(face - 0.05 * aside, face + 0.05 * aside, (0.07,) * 2, RUBBER, 0.9)
            )
    else:
        hair = head + size * np.array([-0.03, 0.0, 0.06])
        parts.append(capsule(head, head + vec(0.01, 0, 0.03), (0.11 * size,) * 2, skin, 0.1))
        parts.append(
            capsule(
                hair, hair + vec(0.01, 0, 0.03), (0.11 * size, 0.1 * size), colour(rng, 5, 90, 0.4)
            )
        )
    bare = rng.random() < 0.3
    for y, hand, foot in zip(SIDES, hands, feet, strict=True):
        arm = shoulder + 0.19 * size * y * aside
        elbow = (arm + hand) / 2 + size * np.array([-0.03, 0.1 * y, -0.1])
        thigh = hip + 0.1 * size * y * aside
        knee = (thigh + foot) / 2 + size * bend * [1, y, 1]
        parts += [
            capsule(arm, elbow, (0.065 * size, 0.055 * size), cloth),
            capsule(elbow, hand, (0.05 * size, 0.045 * size), skin if bare else cloth),
            capsule(hand, hand + vec(0.03, 0, 0), (0.05 * size,) * 2, skin if bare else RUBBER),
            capsule(thigh, knee, (0.09 * size, 0.075 * size), trousers),
            capsule(knee, foot, (0.065 * size, 0.05 * size), trousers),
            capsule(foot, foot + vec(0.18, 0, -0.03), (0.05 * size, 0.045 * size), RUBBER),
        ]
    return parts


def pedestrian(rng: np.random.Generator) -> list[Part]:
    """Somebody who stands or walks."""
    tall, stride = rng.uniform(0.8, 0.98), rng.uniform(-0.35, 0.35)
    hip = np.array([0.0, 0.0, tall])
    feet = (np.array([stride, -0.1, 0.08]), np.array([-stride, 0.1, 0.08]))
    swing = 0.7 * stride
    hands = (
        hip + vec(-swing, -0.27, rng.uniform(-0.1, 0.25)),
        hip + vec(swing, 0.27, rng.uniform(-0.1, 0.25)),
    )
    parts = person(
        rng, hip, rng.uniform(-0.03, 0.2), feet, hands, False, np.array([0.04, 0.0, 0.03])
    )
    if rng.random() < 0.25:  # a coat or a skirt
        parts.append(capsule(hip, hip - vec(0, 0, 0.4), (0.19, 0.24), colour(rng, 15, 200)))
    if rng.random() < 0.3:  # a bag
        behind, side = rng.choice([-0.22, 0.05]), rng.choice(SIDES) * rng.uniform(0.0, 0.3)
        bag = hip + vec(behind, side, rng.uniform(-0.3, 0.35))
        parts.append(capsule(bag, bag - vec(0, 0, 0.2), (0.12, 0.13), colour(rng, 15, 200)))
    return parts
