"""Relations and their opposites, as data in relations.yaml.

Source: SA-CLIP paper, Eq. (10) needs an opposing text u' for every text u; where a language model
wrote it there, a lexicon does here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_COPULAS = ("is ", "are ", "was ", "were ")


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation's opposite, and whether swapping subject and object leaves it true."""

    inverse: str
    is_symmetric: bool
    kind: str  # "spatial" or "action"


@functools.cache
def relations() -> Mapping[str, Relation]:
    """The whole lexicon, keyed by the relation in lower case."""
    text = Path(__file__).with_name("relations.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    return {
        name: Relation(entry["to"], entry.get("symmetric", False), kind)
        for kind, section in (("spatial", "spatial"), ("action", "actions"))
        for entry in data[section]
        for name in entry["from"]
    }


def _find(relation: str) -> tuple[str, Relation | None]:
    """The lexicon's entry; a copula in front ("is behind") is kept aside when it is not listed."""
    name = " ".join(relation.lower().split())
    if name in relations():
        return "", relations()[name]
    for copula in _COPULAS:
        if name.startswith(copula):
            return copula, relations().get(name.removeprefix(copula))
    return "", None


def inverse_of(relation: str) -> str | None:
    """The opposite relation between the same participants, or None when the lexicon has none."""
    copula, found = _find(relation)
    if found is None:
        return None
    return found.inverse if found.inverse.startswith(copula or " ") else copula + found.inverse


def is_asymmetric(relation: str) -> bool:
    """Whether a role swap changes the meaning; False also for a relation nobody has listed."""
    _, found = _find(relation)
    return found is not None and not found.is_symmetric
