"""From nouns to regions: class groups, and which entity of a hierarchy a noun phrase means."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from knowledge.schema import Entity

# The index is the id in `roi_classes` and the row of the trained class embedding:
# append only, never reorder.
CLASS_GROUPS = (
    "other",
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "bus",
    "truck",
    "animal",
    "obstacle",
    "full",
    "road",
    "ego",
)
NO_REGION = "null"  # stands among object groups for "no object ROI" (pair object -1)


def _normal(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


@functools.cache
def detector_classes() -> Mapping[str, str]:
    """Every known detector class in lower case -> the name of its class group."""
    text = Path(__file__).with_name("classes.yaml").read_text(encoding="utf-8")
    groups = yaml.safe_load(text)
    return {_normal(name): group for group, names in groups.items() for name in names}


def class_group(detector_class: str) -> int:
    """Class group id, an index into CLASS_GROUPS; an unknown class is 0, "other"."""
    return CLASS_GROUPS.index(detector_classes().get(_normal(detector_class), "other"))


def is_known_class(detector_class: str) -> bool:
    """Whether classes.yaml lists the class at all (a typing error is not listed)."""
    return _normal(detector_class) in detector_classes()


def entity_groups(entity: Entity) -> tuple[str, ...]:
    """Names of the class groups whose ROI may stand for the entity, in CLASS_GROUPS order.

    A fallback adds its pseudo ROI; "null" comes last and means that no own ROI is needed.
    """
    if entity.role == "ego":
        return ("ego",)
    if entity.role == "phenomenon":
        return ()  # flames have no ROI: the other participant alone is looked at
    ids = {class_group(name) for name in entity.coco}
    if entity.fallback in ("road", "full"):
        ids.add(CLASS_GROUPS.index(entity.fallback))
    groups = tuple(CLASS_GROUPS[i] for i in sorted(ids))
    return (*groups, NO_REGION) if entity.fallback == "union" else groups


def role_groups(subject: Entity, obj: Entity) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Class groups accepted as the subject ROI and as the object ROI of a description.

    A subject without an own ROI (flames, a falling tree) leaves the other participant alone: that
    one takes the subject's place in the pair and the object is "null".
    """
    subject_groups = tuple(group for group in entity_groups(subject) if group != NO_REGION)
    object_groups = entity_groups(obj)
    if not subject_groups:
        alone = tuple(group for group in object_groups if group != NO_REGION)
        return alone, (NO_REGION,)
    return subject_groups, object_groups or (NO_REGION,)


def _plurals(word: str) -> tuple[str, ...]:
    if re.search(r"(s|x|z|ch|sh)$", word):
        return (word + "es",)
    if re.search(r"[^aeiou]y$", word):
        return (word[:-1] + "ies",)
    return (word + "s",)


class EntityFinder:
    """Finds the entity that a noun phrase is about: the first entity word in it decides.

    An entity is found by its name, the plural of its name, or one of its phrases; at the same
    place the longest wording wins, so "our car" is the ego vehicle and not a car.
    """

    def __init__(self, entities: Mapping[str, Entity]) -> None:
        self._entities = entities
        words: dict[str, str] = {}
        self.shared: list[tuple[str, str, str]] = []  # (wording, first entity, second entity)
        for name, entity in entities.items():
            for wording in dict.fromkeys(_normal(word) for word in (name, *entity.phrases)):
                owner = words.setdefault(wording, name)
                if owner != name:
                    self.shared.append((wording, owner, name))
        for wording, name in tuple(words.items()):
            for plural in _plurals(wording):
                words.setdefault(plural, name)  # a wording that someone wrote down wins
        self._names = words
        self._lengths = sorted({wording.count(" ") + 1 for wording in words}, reverse=True)

    def find(self, noun_phrase: str) -> str | None:
        """The entity's name, or None when no word of the phrase is known."""
        words = re.findall(r"\w+", _normal(noun_phrase))
        for start in range(len(words)):
            for length in self._lengths:  # longest first
                name = self._names.get(" ".join(words[start : start + length]))
                if name is not None:
                    return name
        return None

    def recognises(self, *noun_phrases: str) -> bool:
        """Whether all of them name something, which "an unrecognised object" does not."""
        found = (self.find(phrase) for phrase in noun_phrases)
        return all(self._entities[name].recognised for name in found if name is not None)
