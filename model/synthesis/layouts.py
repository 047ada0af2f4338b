"""Two objects in one of eight directions: the layouts that teach subject, relation and object."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.records import Caption, Fact, Scene
from model.synthesis.solids import FRAME_WH

NOUNS = (
    "cube",
    "sphere",
    "cylinder",
    "cone",
    "box",
    "ball",
    "car",
    "truck",
    "bus",
    "person",
    "bicycle",
    "pole",
    "dog",
    "bench",
    "tree",
    "barrel",
    "motorcycle",
    "sign",
    "cow",
    "van",
    "bag",
    "chair",
    "horse",
    "wheel",
)
CLASS_OF = {
    "car": "car",
    "van": "car",
    "truck": "truck",
    "bus": "bus",
    "person": "person",
    "bicycle": "bicycle",
    "motorcycle": "motorcycle",
    "dog": "animal",
    "cow": "animal",
    "horse": "animal",
}
ROUND = ("sphere", "ball", "wheel", "barrel")
POINTED = ("cone", "tree", "sign")
TALL = ("person", "pole", "cylinder", "tree")
COLOURS = {
    "red": (200, 40, 40),
    "blue": (40, 70, 190),
    "green": (50, 150, 70),
    "yellow": (220, 200, 50),
    "white": (235, 235, 235),
    "black": (35, 35, 35),
    "grey": (130, 130, 130),
    "orange": (230, 130, 40),
    "purple": (130, 60, 160),
    "brown": (120, 80, 50),
    "pink": (230, 150, 180),
    "cyan": (70, 190, 200),
}
# Eight octants of the subject as seen from the object: right, behind-right, behind, ...
RELATIONS: tuple[tuple[str, ...], ...] = (
    ("is to the right of", "is right of", "stands on the right side of"),
    ("is behind and to the right of", "is at the back right of", "stands behind and right of"),
    ("is behind", "stands behind", "is at the back of"),
    ("is behind and to the left of", "is at the back left of", "stands behind and left of"),
    ("is to the left of", "is left of", "stands on the left side of"),
    ("is in front and to the left of", "is at the front left of", "stands in front and left of"),
    ("is in front of", "stands in front of", "is before"),
    ("is in front and to the right of", "is at the front right of", "stands in front and right of"),
)
NUM_OCTANTS = len(RELATIONS)
JITTER_RAD = np.radians(14)


def is_held_out(first: str, second: str) -> bool:
    """Whether a pair of nouns is kept from training (about a fifth, both orders alike)."""
    return (
        NOUNS.index(first) * NOUNS.index(second) + NOUNS.index(first) + NOUNS.index(second)
    ) % 5 == 0


def make_layout(
    seed: int,
    split: Literal["train", "heldout"] = "train",
    meaning: tuple[str, str, int] | None = None,
    painted: tuple[str, str] | None = None,
) -> Scene:
    """Render one layout.

    Args:
        seed: Decides everything else.
        split: Whether its pair of nouns belongs to training or is held out.
        meaning: Nouns and octant that it must show; drawn when left out.
        painted: Colours of both things; drawn when left out.

    Returns:
        A scene with one relation, told in both orders of mention.
    """
    rng = np.random.default_rng((seed, 5, split == "heldout"))
    while True:
        first, second = (NOUNS[int(i)] for i in rng.choice(len(NOUNS), 2, replace=False))
        if is_held_out(first, second) == (split == "heldout"):
            break
    octant = int(rng.integers(NUM_OCTANTS))
    if meaning is not None:
        first, second, octant = meaning
    angle = octant * np.pi / 4 + rng.uniform(-JITTER_RAD, JITTER_RAD)
    away = rng.uniform(1.6, 2.6) / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([rng.uniform(-0.6, 0.6), rng.uniform(5.0, 7.5)])
    spots = (middle + away, middle - away)
    colours = [list(COLOURS)[int(i)] for i in rng.choice(len(COLOURS), 2, replace=False)]
    colours = colours if painted is None else list(painted)
    frame = _floor(rng)
    focal, horizon, height = rng.uniform(230, 280), rng.uniform(45, 75), rng.uniform(1.8, 2.6)
    boxes = np.zeros((2, 4), np.float32)
    for i in sorted((0, 1), key=lambda row: -spots[row][1]):
        boxes[i] = _draw(
            frame, (first, second)[i], COLOURS[colours[i]], spots[i], (focal, horizon, height), rng
        )
    grainy = np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)
    names = (first, second)
    back = (octant + NUM_OCTANTS // 2) % NUM_OCTANTS
    facts = (
        _fact(0, 1, octant, names, tuple(colours), rng),
        _fact(1, 0, back, names[::-1], tuple(colours[::-1]), rng),
    )
    scale = np.array([*FRAME_WH, *FRAME_WH], np.float32)
    xyxy = np.clip(boxes / scale, 0, 1).astype(np.float32)
    classes = tuple(CLASS_OF.get(name, "obstacle") for name in names)
    return Scene(grainy, xyxy, classes, facts, anomalous=False, leaf_id=None)


def plain_captions(first: str, second: str, wording: int = 0) -> tuple[Caption, ...]:
    """One caption for each octant, without colours, in one wording of its relation."""
    articles = ["an" if noun[0] in "aeiou" else "a" for noun in (first, second)]
    subject, object_ = f"{articles[0]} {first}", f"{articles[1]} {second}"
    return tuple(_caption(subject, words[wording], object_) for words in RELATIONS)


def _fact(
    subject: int,
    object_: int,
    octant: int,
    names: tuple[str, ...],
    colours: tuple[str, ...],
    rng: np.random.Generator,
) -> Fact:
    inverse = (octant + NUM_OCTANTS // 2) % NUM_OCTANTS
    phrases = [_phrase(names[i], colours[i], rng) for i in (0, 1)]
    keys = [f"layout{told}:{names[0]}:{names[1]}" for told in (octant, inverse)]
    captions, opposites = (
        tuple(_caption(phrases[0], verb, phrases[1], key) for verb in RELATIONS[told])
        for told, key in zip((octant, inverse), keys, strict=True)
    )
    return Fact(subject, object_, keys[0], captions, opposites)


def _phrase(noun: str, colour: str, rng: np.random.Generator) -> str:
    words = f"{colour} {noun}" if rng.random() < 0.5 else noun
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _caption(subject: str, verb: str, object_: str, meaning: str = "") -> Caption:
    subject = subject[0].upper() + subject[1:]
    a, b = len(subject), len(subject) + 1 + len(verb)
    spans = ((0, a), (a + 1, b), (b + 1, b + 1 + len(object_)))
    return Caption(f"{subject} {verb} {object_}.", spans, meaning)


def _floor(rng: np.random.Generator) -> NDArray[np.float64]:
    width, height = FRAME_WH
    top, low = rng.uniform(140, 230, 3), rng.uniform(70, 170, 3)
    rows = np.linspace(0, 1, height)[:, None, None]
    return np.tile(np.where(rows < 0.35, top, low * (0.8 + 0.3 * rows)), (1, width, 1)).astype(
        float
    )


def _draw(
    frame: NDArray[np.float64],
    noun: str,
    colour: tuple[int, int, int],
    spot: NDArray[np.float64],
    camera: tuple[float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw one shaded object standing on the floor; returns its box in pixels."""
    focal, horizon, eye = camera
    scale = focal / spot[1]
    size = rng.uniform(0.55, 0.85) * scale
    tall = 1.7 if noun in TALL else 0.8 if noun in CLASS_OF else 1.0
    wide = 1.5 if CLASS_OF.get(noun) in ("car", "truck", "bus") else 0.6 if noun in TALL else 1.0
    x = FRAME_WH[0] / 2 + scale * spot[0]
    foot = horizon + scale * eye
    x0, x1, y0 = x - size * wide / 2, x + size * wide / 2, foot - size * tall
    shade = tuple(float(c) * rng.uniform(0.85, 1.1) for c in colour)
    dark = tuple(c * 0.6 for c in shade)
    points = {"round": None, "pointed": [[(x0 + x1) / 2, y0], [x1, foot], [x0, foot]]}
    if noun in ROUND:
        centre, axes = (
            (int(x), int((y0 + foot) / 2)),
            (max(2, int((x1 - x0) / 2)), max(2, int((foot - y0) / 2))),
        )
        cv2.ellipse(frame, centre, axes, 0, 0, 360, shade, -1, cv2.LINE_AA)
        cv2.ellipse(frame, centre, axes, 0, 20, 160, dark, max(1, axes[0] // 4), cv2.LINE_AA)
    elif noun in POINTED:
        cv2.fillConvexPoly(
            frame, np.array(points["pointed"]).round().astype(np.int32), shade, cv2.LINE_AA
        )
    else:
        cv2.rectangle(frame, (int(x0), int(y0)), (int(x1), int(foot)), shade, -1)
        cv2.rectangle(frame, (int(x0), int(y0 + 0.6 * (foot - y0))), (int(x1), int(foot)), dark, -1)
        # A few strokes that depend on the noun alone tell one box-shaped thing from another.
        strokes = np.random.default_rng(NOUNS.index(noun))
        for _ in range(3):
            share = strokes.uniform(0.1, 0.9, 4)
            a = (int(x0 + share[0] * (x1 - x0)), int(y0 + share[1] * (foot - y0)))
            b = (int(x0 + share[2] * (x1 - x0)), int(y0 + share[3] * (foot - y0)))
            cv2.line(frame, a, b, (20.0, 20.0, 20.0), max(1, int(size / 14)), cv2.LINE_AA)
    return np.array([x0, y0, x1, foot], np.float32)
