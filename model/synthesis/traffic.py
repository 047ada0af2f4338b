"""Generated dashcam traffic: clips with one scripted event or its normal twin, and single scenes.

A frame follows from (seed, script, branch, time) alone, so one frame can be drawn without the
others. Half of all clips stay normal, and an event may come at any time.

Dimension letters used in this file: T frames, N boxes, H W frame size in pixels.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.data.records import Fact, History, Scene
from model.synthesis.captions import relation_captions
from model.synthesis.contact import NORMAL, Course, course, way_of
from model.synthesis.flow import Displacement, is_fixed
from model.synthesis.histories import NUM_INSTANTS, STEP_S, make_history, own_car_cues
from model.synthesis.paths import poses, shaken, surroundings
from model.synthesis.plots import Statement, shift
from model.synthesis.render import draw_frame
from model.synthesis.scripts import HELD_OUT, SCRIPTS
from model.synthesis.solids import Actor, Camera
from model.synthesis.stage import set_stage
from model.synthesis.visible import visible_boxes

FPS = 10.0
ONSET_S = 0.5  # the label starts this long before the contact
HELD_OUT_SEED = 10_000_000
UNSEEN_WITHOUT_PIXELS = ("fire", "debris")  # neither is a box, and neither moves one
TOLD_S = {"ego_leaves": 0.5}  # how long boxes and motion tell of it


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a clip with its truth; see `Scene` for shapes."""

    scene: Scene
    track_ids: tuple[int, ...]
    script: str


@dataclass(frozen=True, slots=True, eq=False)
class TrafficClip:
    """A generated clip: T moments at `FPS`, its labels and DoTA-like metadata."""

    moments: tuple[Moment, ...]
    times_s: NDArray[np.float64]
    label: NDArray[np.bool_]
    script: str
    leaf_id: str
    dota: str
    ego: bool
    weather: str

    @property
    def frames(self) -> NDArray[np.uint8]:
        """(T, H, W, 3) uint8 RGB."""
        return np.stack([m.scene.frame for m in self.moments if m.scene.frame is not None])


def make_clip(
    seed: int, script: str | None = None, anomalous: bool | None = None, drawn: bool = True
) -> TrafficClip:
    """Generate one clip of 4 to 8 seconds.

    Args:
        seed: Same seed, same bytes; the twin is the same seed with the other ``anomalous``.
        script: Key of ``SCRIPTS``; drawn when left out.
        anomalous: Branch taken; drawn with even odds when left out.
        drawn: Whether its scenes get frames.

    Returns:
        The clip; ``label`` is all false in the normal branch.
    """
    rng = np.random.default_rng((seed, 1))
    name = script or _script(rng)
    branch = bool(rng.random() < 0.5)
    branch = branch if anomalous is None else anomalous
    num_frames = int(rng.integers(40, 80))
    event_s = float(rng.uniform(0.1, 0.9)) * num_frames / FPS
    times = np.arange(num_frames) / FPS
    moments = tuple(make_moment(seed, name, branch, float(t - event_s), drawn) for t in times)
    label = np.array([moment.scene.anomalous for moment in moments])
    _, bad_leaf, good_leaf, dota, ego = SCRIPTS[name]
    weather = moments[0].scene.weather
    return TrafficClip(
        moments, times, label, name, bad_leaf if branch else good_leaf, dota, ego, weather
    )


def make_traffic_scene(
    seed: int,
    split: Literal["train", "heldout"] = "train",
    drawn: bool = True,
    watched: bool = False,
) -> Scene:
    """One frame of a random script: even odds of after the event and of normal traffic.

    Args:
        seed: Same seed, same scene.
        split: Disjoint ranges of seeds.
        drawn: Whether pixels are wanted; without them a scene costs a tenth, and nothing is
            told that only pixels could show.
        watched: Whether it comes with its history.
    """
    seed = seed + (HELD_OUT_SEED if split == "heldout" else 0)
    rng = np.random.default_rng((seed, 2))
    unseen = () if drawn else UNSEEN_WITHOUT_PIXELS
    name = _script(rng, (*unseen, *HELD_OUT) if split == "train" else unseen)
    branch = bool(rng.random() < 0.5)
    told_s = 2.0 if drawn else TOLD_S.get(name, 2.0)
    since_event_s = float(rng.uniform(-0.15, told_s) if branch else rng.uniform(-3.0, 2.0))
    moment = make_moment(seed, name, branch, since_event_s, drawn)
    if not watched:
        return moment.scene
    return replace(moment.scene, history=watch(moment, seed, branch, since_event_s))


def make_moment(
    seed: int, script: str, anomalous: bool, since_event_s: float, drawn: bool = True
) -> Moment:
    """Set one instant on the stage, and render it if asked to.

    Args:
        seed: Decides the street, the actors and the wording.
        script: Key of ``SCRIPTS``.
        anomalous: Whether the event takes place.
        since_event_s: Seconds since the contact; negative before.
        drawn: Whether the scene gets a frame.
    """
    _, bad_leaf, good_leaf, _, _ = SCRIPTS[script]
    stage = set_stage(seed, script)
    plot, street = stage.plot, stage.street
    progress = course(seed, since_event_s) if anomalous else NORMAL
    everyone = _everyone(seed, script, since_event_s, progress)
    camera = _camera(seed, script, since_event_s, progress)
    moved = _displacement(seed, script, since_event_s, progress)
    happened = anomalous and since_event_s >= -ONSET_S
    statements = plot.anomalous_facts if happened else plot.normal_facts
    other = plot.normal_facts if happened else plot.anomalous_facts
    boxes, names, row_of = visible_boxes(everyone, camera)
    words = np.random.default_rng((seed, 4, happened))
    facts = [
        fact
        for statement in statements
        if (
            fact := _fact(
                statement, _opposite(statement, other), happened, row_of, street.weather, words
            )
        )
    ]
    for statement, opposite in stage.extra_facts:
        shifted = shift(statement, len(plot.normal))
        fact = _fact(shifted, opposite, False, row_of, street.weather, words)
        facts += [fact] if fact else []
    ambiguous = anomalous and not happened and max(progress) > 0.2  # neither twin nor accident yet
    scene = Scene(
        frame=draw_frame(street, everyone, camera, moved.travel_m, stage.view) if drawn else None,
        xyxy=boxes,
        class_names=names,
        facts=() if ambiguous else tuple(facts),
        anomalous=happened,
        leaf_id=bad_leaf if happened else good_leaf,
        weather=street.weather,
    )
    return Moment(scene, tuple(sorted(row_of, key=lambda i: row_of[i])), script)


def _everyone(seed: int, script: str, since_event_s: float, progress: Course) -> tuple[Actor, ...]:
    stage = set_stage(seed, script)
    moved = _displacement(seed, script, since_event_s, progress)
    cast = poses(stage.plot, seed, since_event_s, progress, moved)
    around = surroundings(stage.extras, seed, since_event_s, moved)
    return tuple(stage.view.of(actor) for actor in cast + around)


def _displacement(seed: int, script: str, since_event_s: float, progress: Course) -> Displacement:
    return way_of(set_stage(seed, script).plot, seed, since_event_s, progress)


def _camera(seed: int, script: str, since_event_s: float, progress: Course) -> Camera:
    stage, ego = set_stage(seed, script), SCRIPTS[script][4]
    struck = ego and progress.aside == 1
    swaying = shaken(stage.camera, seed, since_event_s, ego, struck)
    return swaying.tilted(progress.aside * stage.plot.camera_roll)


def watch(moment: Moment, seed: int, anomalous: bool, since_event_s: float) -> History:
    """What a tracker would remember of a moment's boxes; arguments as of `make_moment`."""
    script = moment.script
    ego, plot = SCRIPTS[script][4], set_stage(seed, script).plot
    times = since_event_s + STEP_S * np.arange(1 - NUM_INSTANTS, 1)
    courses = [course(seed, float(t)) if anomalous else NORMAL for t in times]
    instants = [
        _everyone(seed, script, float(t), progress)
        for t, progress in zip(times, courses, strict=True)
    ]
    camera = _camera(seed, script, since_event_s, courses[-1])
    cues = None
    if not is_fixed(seed, ego):
        tilted = courses[-1].aside - courses[-2].aside
        roll_rate = tilted * plot.camera_roll / STEP_S
        cues = own_car_cues(seed, since_event_s, ego and courses[-1].aside == 1, roll_rate)
    return make_history(instants, camera, moment.track_ids, cues)


def _script(rng: np.random.Generator, without: tuple[str, ...] = ()) -> str:
    names = sorted(set(SCRIPTS) - set(without))
    return names[int(rng.integers(len(names)))]


def _fact(
    statement: Statement,
    opposite: Statement,
    anomalous: bool,
    row_of: dict[int, int],
    weather: str,
    rng: np.random.Generator,
) -> Fact | None:
    """The statement about visible boxes, or None when a participant is not to be seen."""
    subject, object_, relation, subject_noun, object_noun = statement
    if any(place >= 0 and place not in row_of for place in (subject, object_)):
        return None
    return Fact(
        subject=row_of[subject] if subject >= 0 else subject,
        object=row_of[object_] if object_ >= 0 else object_,
        key=f"{relation}:{subject_noun}:{object_noun}",
        captions=relation_captions(relation, subject_noun, object_noun, weather, rng),
        opposites=relation_captions(opposite[2], opposite[3], opposite[4], weather, rng),
        anomalous=anomalous,
    )


def _opposite(statement: Statement, others: tuple[Statement, ...]) -> Statement:
    """The statement of the other branch about the same participants, else its first one."""
    return next((other for other in others if other[:2] == statement[:2]), others[0])
