"""The rules of a hierarchy. Each yields the violations it finds; none stops at the first.

Those in this file look at how entries refer to each other; entry_rules.py has the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from knowledge.entities import role_groups
from knowledge.entry_rules import ENTRY_RULES
from knowledge.flat import PlacedLeaf, nodes, placed_leaves
from knowledge.schema import DOTA_CODES, Knowledge
from knowledge.subject import Finding, Placed, Rule, Subject
from knowledge.violations import Violation

MAX_DESCRIPTIONS = 5000


def check(knowledge: Knowledge, source: str, complete: bool = True) -> list[Violation]:
    """All violations, in file order within each rule.

    Args:
        knowledge: The file's models.
        source: Name of the file for the messages.
        complete: False when broken entries were left out: references to them are then not judged.
    """
    subject = Subject(knowledge)
    if len(subject.placed) > MAX_DESCRIPTIONS:
        detail = f"{len(subject.placed)} descriptions, at most {MAX_DESCRIPTIONS}"
        return [Violation(source, "file", "too-many-descriptions", detail)]
    rules = (*ENTRY_RULES, *CROSS_RULES) if complete else ENTRY_RULES
    return [Violation(source, *finding) for rule in rules for finding in rule(subject)]


def known_entities(subject: Subject) -> Iterator[Finding]:
    """The nouns of s and o are found among the entities."""
    for item in subject.placed:
        nouns = ((item.description.s, item.subject), (item.description.o, item.object))
        for span, entity in nouns:
            if entity is None:
                detail = f"no word of {span!r} is an entity; add one, or a phrase to one"
                yield item.id, "unknown-entity", detail


def visible_participants(subject: Subject) -> Iterator[Finding]:
    """At least one of the two participants can have a region of the frame."""
    entities = subject.knowledge.entities
    for item in subject.placed:
        if item.subject and item.object:
            groups, _ = role_groups(entities[item.subject], entities[item.object])
            if not groups:
                detail = f"neither {item.subject!r} nor {item.object!r} has a region in a frame"
                yield item.id, "no-visible-participant", detail


def no_empty_entries(subject: Subject) -> Iterator[Finding]:
    """Every leaf has a description, every heading something below it, and the file an anomaly."""
    for node in nodes(subject.knowledge.tree):
        if not node.children:
            yield node.id, "empty-leaf", "needs `d:` with a description, or `children:`"
    for place in subject.leaves:
        if not place.leaf.d:
            yield place.leaf.id, "empty-leaf", "needs at least one description in `d:`"
    if not any(item.place.polarity == "anomaly" for item in subject.placed):
        yield "tree", "no-anomaly", "the file has no anomaly description"


def counterparts(subject: Subject) -> Iterator[Finding]:
    """An anomaly leaf's counterpart exists, is normal, and has the same participants."""
    leaves: Mapping[str, PlacedLeaf] = {place.leaf.id: place for place in subject.leaves}
    for place in subject.leaves:
        named = place.leaf.counterpart
        # No name at all: counterparts.py has said why none could be written.
        if place.polarity != "anomaly" or named is None:
            continue
        other = leaves.get(named)
        if other is None:
            hint = subject.hint(named, leaves)
            yield place.leaf.id, "counterpart-missing", f"no leaf has the id {named!r}{hint}"
            continue
        if other.polarity == "anomaly":
            yield place.leaf.id, "counterpart-not-normal", f"{named!r} is not a normal leaf"
        # A leaf without participants is reported by its own rule.
        if None not in (stated := {place.participants, other.participants}) and len(stated) > 1:
            detail = f"participants are {place.participants}, but {other.participants} in {named!r}"
            yield place.leaf.id, "counterpart-participants", detail


def same_roles_in_counterpart(subject: Subject) -> Iterator[Finding]:
    """Every anomaly text has a normal text with the same roles in the counterpart leaf."""
    offered: dict[str, set[tuple[str, str] | None]] = {}
    for item in subject.placed:
        offered.setdefault(item.place.leaf.id, set()).add(subject.roles(item))
    for item in subject.placed:
        named = item.place.leaf.counterpart
        roles = subject.roles(item)
        if item.place.polarity != "anomaly" or named not in offered or roles is None:
            continue
        if roles not in offered[named]:
            detail = f"{named!r} has no text about ({roles[0]}, {roles[1]})"
            yield item.id, "no-normal-text-with-same-roles", detail


def named_besides(subject: Subject) -> Iterator[Finding]:
    """Texts about something unrecognised are no evidence: they stand beside others in a leaf."""

    def names(item: Placed) -> bool:
        return subject.finder.recognises(item.description.s, item.description.o)

    named = {item.place.leaf.id for item in subject.placed if names(item)}
    for item in subject.placed:
        if names(item):
            continue
        if item.place.polarity == "normal":
            yield item.id, "unrecognised-alone", "a normal text must name what it is about"
        elif item.place.leaf.id not in named:
            detail = f"{item.place.leaf.id!r} needs a text that names what it is about"
            yield item.id, "unrecognised-alone", detail


def missing_dota_codes(knowledge: Knowledge) -> list[str]:
    """DoTA codes that no anomaly leaf covers: a rule for the shipped file only (dota-missing)."""
    covered = {code for place in placed_leaves(knowledge.tree) for code in place.leaf.dota}
    return [code for code in DOTA_CODES if code not in covered]


CROSS_RULES: tuple[Rule, ...] = (
    known_entities,
    visible_participants,
    no_empty_entries,
    counterparts,
    same_roles_in_counterpart,
    named_besides,
)
