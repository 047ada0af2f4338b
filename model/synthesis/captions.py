"""Sentences for relations: noun phrases, verb phrases and exact spans.

The wording shares its vocabulary with the expert hierarchy but never a whole sentence of it: what
the hierarchy says must stay unseen in training.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from knowledge.hierarchy import load_hierarchy
from model.data.meanings import GENERAL, VEHICLES
from model.data.records import Caption
from model.synthesis.wording import RelationWords, wording

NUM_PARAPHRASES = 6
IRREGULAR = {"is": "are", "has": "have", "goes": "go", "does": "do"}
PAINTED = (*VEHICLES, GENERAL, "bicycle")  # may have any adjective of a vehicle
OPENED, PLACED, FRONTED, DESCRIBED = 0.2, 0.3, 0.12, 0.35  # shares of the captions
MIXED_PLAIN, MIXED_OTHER = 0.5, 0.3  # the same of sentences whose parts come from anywhere
GENERALISED = 0.4  # of the vehicles: "a vehicle" instead of "a truck"


def relation_captions(
    relation: str, subject: str, object_: str, weather: str, rng: np.random.Generator
) -> tuple[Caption, ...]:
    """Draw paraphrases of one relation between two kinds of participant.

    Args:
        relation: Key of the relations in ``wording.yaml``.
        subject: Key of its nouns.
        object_: Key of its nouns.
        weather: Key of its tails.
        rng: Draws the wording.

    Returns:
        ``NUM_PARAPHRASES`` captions with spans.
    """
    captions: list[Caption] = []
    while len(captions) < NUM_PARAPHRASES:
        caption = _draw(relation, subject, object_, weather, rng)
        if caption.text.lower() not in _expert_texts():
            captions.append(caption)
    return tuple(captions)


def mixed_caption(rng: np.random.Generator) -> Caption:
    """A sentence of the same words whose parts come from anywhere: it tells of nothing.

    What a text tower makes of such sentences tells more of it than what it makes of those that it
    has learned by heart.
    """
    words = wording()

    def any_relation() -> RelationWords:
        return words.relations[_pick(tuple(words.relations), rng)]

    def any_noun() -> tuple[str, str]:
        kind = _pick(tuple(words.nouns), rng)
        return _pick(words.nouns[kind], rng), kind

    def any_described(noun: str, kind: str) -> str:
        if kind == "ego" or rng.random() < MIXED_PLAIN:
            return noun
        told = any_relation()
        return with_adjective(noun, _pick((*words.adjectives, *told.first, *told.second), rng))

    (who, subject), (whom, object_) = any_noun(), any_noun()
    if object_ in words.other and rng.random() < MIXED_OTHER:
        whom = _pick(words.other[object_], rng)
    verb, told = _pick(any_relation().verbs, rng), any_relation()
    if told.openings and rng.random() < MIXED_OTHER:
        verb = f"{_pick(told.openings, rng)} and {verb}"
    if who in words.plural:
        verb = plural_of(verb)
    places = any_relation().where
    where = _pick(places, rng) if places and rng.random() < MIXED_PLAIN else ""
    weather, front = _pick(tuple(words.tails), rng), ""
    tail = _pick(words.tails[weather], rng)
    if rng.random() < FRONTED:
        front, tail = _pick(words.fronts[weather], rng), ""
    who, whom = any_described(who, subject), any_described(whom, object_)
    caption = _caption(front, who, verb, whom, _joined(where, tail), "")
    return mixed_caption(rng) if caption.text.lower() in _expert_texts() else caption


def plural_of(verb: str) -> str:
    """A verb phrase for several: its first word agrees, and verbs after an "and"."""
    return " and ".join(" ".join(_agree(part.split(" "))) for part in verb.split(" and "))


def with_adjective(noun: str, adjective: str) -> str:
    """Put an adjective where it belongs: "a car" and "old" give "an old car"."""
    article, _, rest = noun.partition(" ")
    if article in ("a", "an"):
        return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {rest}"
    if article == "the":
        return f"the {adjective} {rest}"
    return noun if rest else f"{adjective} {noun}"


def _draw(
    relation: str, subject: str, object_: str, weather: str, rng: np.random.Generator
) -> Caption:
    words, told = wording(), wording().relations[relation]
    if rng.random() < GENERALISED and not told.two_wheels:
        subject = GENERAL if subject in VEHICLES else subject
    if rng.random() < GENERALISED:
        object_ = GENERAL if object_ in VEHICLES else object_
    who = _pick(words.nouns[subject], rng)
    verb = _pick(told.verbs, rng)
    if told.openings and rng.random() < OPENED:
        verb = f"{_pick(told.openings, rng)} and {verb}"
    if who in words.plural:
        verb = plural_of(verb)
    whom = _pick(words.nouns[object_], rng)
    if subject == object_ and object_ in words.other and rng.random() < 0.4:
        whom = _pick(words.other[object_], rng)
    who = _described(who, subject, told.first, rng)
    whom = _described(whom, object_, told.second, rng)
    front, tail = "", _pick(words.tails[weather], rng)
    if rng.random() < FRONTED:
        front, tail = _pick(words.fronts[weather], rng), ""
    where = _pick(told.where, rng) if rng.random() < PLACED else ""
    meaning = f"{relation}:{subject}:{object_}"
    return _caption(front, who, verb, whom, _joined(where, tail), meaning)


def _described(noun: str, kind: str, fitting: Sequence[str], rng: np.random.Generator) -> str:
    """The noun, now and then with an adjective: mostly one that fits what is told."""
    if kind == "ego" or rng.random() >= DESCRIBED:
        return noun
    options = tuple(fitting)
    if kind in PAINTED and (not options or rng.random() < 0.4):
        options = wording().adjectives
    return with_adjective(noun, _pick(options, rng)) if options else noun


def _agree(words: list[str]) -> list[str]:
    first = words[0]
    if first in IRREGULAR:
        return [IRREGULAR[first], *words[1:]]
    if first.endswith(("sses", "shes", "ches", "xes")):
        return [first[:-2], *words[1:]]
    if first.endswith("ies") and len(first) > len("lies"):
        return [first[:-3] + "y", *words[1:]]
    if first.endswith("s") and not first.endswith("ss"):
        return [first[:-1], *words[1:]]
    return words


@cache
def _expert_texts() -> frozenset[str]:
    """Sentences of the shipped hierarchy: a caption that quotes one is drawn again."""
    return frozenset(item.text.lower() for item in load_hierarchy().flat)


def _caption(front: str, subject: str, verb: str, object_: str, tail: str, meaning: str) -> Caption:
    """Join the parts and keep count of where each begins."""
    opening = f"{front} " if front else ""
    subject_at = len(opening)
    verb_at = subject_at + len(subject) + 1
    object_at = verb_at + len(verb) + 1
    text = f"{opening}{subject} {verb} {object_}{tail}."
    return Caption(
        text[0].upper() + text[1:],
        (
            (subject_at, subject_at + len(subject)),
            (verb_at, verb_at + len(verb)),
            (object_at, object_at + len(object_)),
        ),
        meaning,
    )


def _joined(*parts: str) -> str:
    return "".join(f" {part}" for part in parts if part)


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
