"""Sentences for relations: noun phrases, verb phrases and exact spans.

The wording shares its vocabulary with the expert hierarchy but never a whole sentence of it: what
the hierarchy says must stay unseen in training.
"""

from functools import cache

import numpy as np

from knowledge.hierarchy import load_hierarchy
from model.data.records import Caption

NOUNS: dict[str, tuple[str, ...]] = {
    "car": ("a car", "a vehicle", "a sedan", "a moving car", "a red car", "a dark car", "a van"),
    "truck": ("a truck", "a lorry", "a heavy truck", "a large truck"),
    "bus": ("a bus", "a city bus", "a coach"),
    "motorcycle": ("a motorcycle", "a motorbike", "a rider on a motorcycle"),
    "bicycle": ("a bicycle", "a cyclist", "a bike rider", "a bicycle rider"),
    "person": ("a pedestrian", "a person", "a man", "a woman", "people"),
    "animal": ("an animal", "a dog", "a deer", "a cow", "a horse"),
    "ego": ("our car", "the camera car"),
    "road": ("the road", "the lane", "the street"),
    "pole": ("a pole", "a lamp post", "a roadside pole"),
    "tree": ("a tree", "a tree trunk"),
    "barrier": ("a barrier", "the concrete barrier", "the guardrail", "a guardrail"),
    "debris": ("debris", "an object", "a fallen object", "a large object", "its load"),
    "grass": ("the grass", "a ditch", "the roadside"),
    "flames": ("flames", "fire", "thick smoke", "smoke"),
}
OTHER = {"car": "another car", "truck": "another truck", "bus": "another bus"}

# Verb phrases by relation. What follows the colon of a fact's key are the participants.
VERBS: dict[str, tuple[str, ...]] = {
    "rear_end": ("crashes into the back of", "runs into the back of", "hits the rear of",
                 "smashes into the back of", "rams the back of", "brakes too late and hits"),
    "follow": ("follows", "drives behind", "waits behind", "keeps a safe distance behind",
               "slows down smoothly behind", "waits in line behind", "stays behind"),
    "sideswipe": ("sideswipes", "swerves sideways into", "scrapes", "drifts into the side of",
                  "cuts in sharply and hits", "squeezes in and hits"),
    "parallel": ("drives beside", "drives next to", "stays in its lane next to",
                 "stays in the lane beside", "runs parallel to", "travels alongside"),
    "head_on": ("crashes head on into", "collides head on with", "crosses the line and hits",
                "drives the wrong way and smashes into", "crosses the centre line into"),
    "oncoming": ("passes", "drives past", "passes in its own lane", "passes on the other side of",
                 "keeps well clear of", "goes past"),
    "t_bone": ("crashes into the side of", "smashes into the side of", "runs the red light and hits",
               "slams into the side of", "turns across the path of", "collides with"),
    "crossing": ("crosses the intersection far from", "waits at the intersection for",
                 "crosses far ahead of", "turns slowly after", "crosses the road well clear of"),
    "pull_out": ("pulls out and hits", "pulls out from the roadside into", "reverses into",
                 "pulls away from the roadside and scrapes", "starts from the stop and hits"),
    "parked": ("is parked at the roadside near", "stands at the roadside as it lets pass",
               "stops at the roadside beside", "is parked beside", "is stopped far from"),
    "fall": ("falls and slides under", "falls in front of", "is thrown off in front of",
             "slides on the road into", "tips over under"),
    "ride": ("rides behind", "rides upright behind", "rides in the lane behind",
             "rides steadily behind", "follows upright"),
    "wreck": ("is jammed against", "is wrecked and stopped sideways against", "is crushed against",
              "stands damaged across the lanes against", "has crashed and rests against"),
    "queue": ("waits in slow traffic behind", "stands in line behind", "queues behind",
              "is stopped in a queue behind", "waits in the queue after"),
    "hit_person": ("hits", "knocks down", "runs over", "strikes", "runs into", "knocks to the ground"),
    "hit_by": ("is knocked down by", "is struck by", "is hit by", "lies on the road in front of",
               "is run over by", "is thrown to the ground by"),
    "yield": ("waits for", "stops early for", "lets pass", "waits at the crosswalk for",
              "slows down for", "stops at the crosswalk for"),
    "walk_across": ("walks across in front of a waiting line beside", "walks across far ahead of",
                    "walks on the crosswalk before", "crosses safely before"),
    "dart": ("runs out in front of", "steps into the path of", "runs into the path of",
             "jumps in front of", "rushes across right in front of"),
    "sidewalk": ("walks on the sidewalk away from", "stands on the sidewalk far from",
                 "stands at the roadside beside", "walks along the sidewalk past",
                 "waits on the sidewalk near"),
    "pass_room": ("passes with plenty of room beside", "overtakes at a wide gap", "passes well clear of",
                  "stays behind", "drives slowly past"),
    "hit_object": ("crashes into", "smashes into", "hits", "slides into", "slams into", "runs into"),
    "pass_object": ("drives past", "drives alongside", "passes", "drives parallel to",
                    "goes along", "keeps clear of"),
    "debris": ("drives over", "hits", "drops onto the lane", "swerves around", "runs over"),
    "clear": ("drives along", "carries its load along", "stays in the middle of",
              "drives upright along", "keeps to", "drives steadily along"),
    "leave": ("runs off", "veers off", "skids off", "loses control and leaves", "spins off",
              "slides across and off"),
    "rollover": ("is flipped over on", "tips over on", "rolls over on", "lies upside down on",
                 "is turned onto its side across"),
    "fire": ("rise from", "pour out of", "come out of", "burn on", "billow from"),
    "ego_hits": ("crashes into the back of", "runs into", "hits the rear of", "brakes too late for",
                 "is about to hit", "drives into"),
    "ego_follow": ("follows", "drives behind", "keeps a safe distance behind", "waits behind",
                   "stays far behind"),
    "fills_view": ("stops suddenly in front of", "brakes hard right in front of",
                   "fills the view of", "stops right before", "pulls out and stops across"),
    "ahead": ("drives far ahead of", "drives ahead of", "clears the road ahead of",
              "moves on in front of", "travels well ahead of"),
    "ego_side": ("swerves into", "drifts into the side of", "cuts in on", "sideswipes",
                 "pushes sideways into"),
    "ego_oncoming_hit": ("heads straight at", "crosses the line toward", "comes head on at",
                         "drives the wrong way at", "crashes head on into"),
    "ego_crossing_hit": ("drives across the path of", "turns right in front of",
                         "turns across in front of", "cuts across the path of"),
    "ego_slides": ("spins on", "slides off", "skids off", "loses control on", "tilts off"),
}  # fmt: skip

TAILS = {
    "day": ("", "", "", " on the road", " in traffic", " at the intersection", " ahead"),
    "night": ("", " at night", " on the dark road", " in the dark"),
    "rain": ("", " in heavy rain", " on the wet road"),
    "snow": ("", " on the snowy road", " on the icy road"),
    "fog": ("", " in the fog",),
}
NUM_PARAPHRASES = 6


def relation_captions(
    relation: str, subject: str, object_: str, weather: str, rng: np.random.Generator
) -> tuple[Caption, ...]:
    """Draw paraphrases of one relation between two kinds of participant.

    Args:
        relation: Key of ``VERBS``.
        subject: Key of ``NOUNS``.
        object_: Key of ``NOUNS``.
        weather: Key of ``TAILS``.
        rng: Draws the wording.

    Returns:
        ``NUM_PARAPHRASES`` captions with spans.
    """
    captions: list[Caption] = []
    while len(captions) < NUM_PARAPHRASES:
        caption = _caption(
            _pick(NOUNS[subject], rng),
            _pick(VERBS[relation], rng),
            _object(subject, object_, rng),
            _pick(TAILS[weather], rng),
        )
        if caption.text.lower() not in _expert_texts():
            captions.append(caption)
    return tuple(captions)


@cache
def _expert_texts() -> frozenset[str]:
    """Sentences of the shipped hierarchy: a caption that quotes one is drawn again."""
    return frozenset(item.text.lower() for item in load_hierarchy().flat)


def _object(subject: str, object_: str, rng: np.random.Generator) -> str:
    if subject == object_ and object_ in OTHER and rng.random() < 0.6:
        return OTHER[object_]
    return _pick(NOUNS[object_], rng)


def _caption(subject: str, verb: str, object_: str, tail: str) -> Caption:
    """Join the parts and keep count of where each begins."""
    subject = subject[0].upper() + subject[1:]
    verb_at = len(subject) + 1
    object_at = verb_at + len(verb) + 1
    return Caption(
        f"{subject} {verb} {object_}{tail}.",
        (
            (0, len(subject)),
            (verb_at, verb_at + len(verb)),
            (object_at, object_at + len(object_)),
        ),
    )


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
