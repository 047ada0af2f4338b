"""Sentences for relations: noun phrases, verb phrases and exact spans.

The wording shares its vocabulary with the expert hierarchy but never a whole sentence of it: what
the hierarchy says must stay unseen in training.
"""

from functools import cache

import numpy as np

from knowledge.hierarchy import load_hierarchy
from model.data.records import Caption
from model.synthesis.verbs import VERBS
from model.synthesis.wording import NOUNS, OTHER, PLURAL, TAILS

NUM_PARAPHRASES = 6
IRREGULAR = {"is": "are", "has": "have", "goes": "go"}


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
        who = _pick(NOUNS[subject], rng)
        verb = _pick(VERBS[relation], rng)
        caption = _caption(
            who,
            plural_of(verb) if who in PLURAL else verb,
            _object(subject, object_, rng),
            _pick(TAILS[weather], rng),
        )
        if caption.text.lower() not in _expert_texts():
            captions.append(caption)
    return tuple(captions)


def plural_of(verb: str) -> str:
    """A verb phrase of ``VERBS`` for several: its first word agrees, and verbs after an "and"."""
    return " and ".join(" ".join(_agree(part.split(" "))) for part in verb.split(" and "))


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
