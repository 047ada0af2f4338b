"""The words of the generated captions, read from `wording.yaml` beside this file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, slots=True)
class RelationWords:
    """How one relation is told; every entry is one way to say it.

    Attributes:
        verbs: Verb phrases, singular.
        openings: What the subject does before, joined by "and".
        first: Adjectives of the subject that fit the relation.
        second: Adjectives of the object.
        where: What may follow the object.
        two_wheels: Whether only a rider can do that, so that the subject is no mere vehicle.
    """

    verbs: tuple[str, ...]
    openings: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    where: tuple[str, ...]
    two_wheels: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """All words: noun phrases by kind, relations, and what is said about weather."""

    nouns: dict[str, tuple[str, ...]]
    plural: frozenset[str]
    other: dict[str, tuple[str, ...]]
    adjectives: tuple[str, ...]
    tails: dict[str, tuple[str, ...]]
    fronts: dict[str, tuple[str, ...]]
    relations: dict[str, RelationWords]


@cache
def wording() -> Wording:
    """Read the words once."""
    content = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    lists = {
        key: {name: tuple(words) for name, words in content[key].items()}
        for key in ("nouns", "other", "tails", "fronts")
    }
    relations = {name: _relation(parts) for name, parts in content["relations"].items()}
    plural, adjectives = frozenset(content["plural"]), tuple(content["adjectives"])
    return Wording(plural=plural, adjectives=adjectives, relations=relations, **lists)


def _relation(parts: dict[str, Any]) -> RelationWords:
    two_wheels = bool(parts.get("two_wheels", False))
    words = {part: tuple(said) for part, said in parts.items() if part != "two_wheels"}
    return RelationWords(two_wheels=two_wheels, **words)
