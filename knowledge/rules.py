"""The rules of a hierarchy. Each yields the violations it finds; none stops at the first."""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from knowledge.entities import EntityFinder, is_known_class, role_groups
from knowledge.flat import PlacedLeaf, description_id, find_spans, nodes, placed_leaves
from knowledge.schema import CUES, DOTA_CODES, Description, Knowledge
from knowledge.violations import Violation

MAX_DESCRIPTIONS = 5000
Finding = tuple[str, str, str]  # id, rule, detail

_NODE_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_DESCRIPTION_ID = re.compile(r"[a-z0-9][a-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class Placed:
    """A description where it stands, with its id and its entities (None = unknown noun)."""

    id: str
    description: Description
    place: PlacedLeaf
    subject: str | None
    object: str | None


class Subject:
    """What the rules look at: the file and what is looked up in it again and again."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.finder = EntityFinder(knowledge.entities)
        self.leaves = tuple(placed_leaves(knowledge.tree))
        self._hints_left = 20
        self.placed = tuple(
            Placed(
                description_id(place.leaf.id, description),
                description,
                place,
                self.finder.find(description.s),
                self.finder.find(description.o),
            )
            for place in self.leaves
            for description in place.leaf.d
        )

    def hint(self, word: str, known: Iterable[str]) -> str:
        """The nearest known word; only for the first few, since the search is slow."""
        self._hints_left -= 1
        choices = list(itertools.islice(known, 1000)) if self._hints_left >= 0 else []
        near = difflib.get_close_matches(word, choices, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""

    def roles(self, item: Placed) -> tuple[str, str] | None:
        """(subject role, object role), or None when a noun is unknown."""
        if item.subject is None or item.object is None:
            return None
        entities = self.knowledge.entities
        return entities[item.subject].role, entities[item.object].role


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


def spans_in_text(subject: Subject) -> Iterator[Finding]:
    """s, v and o are exact parts of t, in this order, without overlap, and cut no word."""
    for item in subject.placed:
        text = item.description.t
        parts = {name: str(getattr(item.description, name)) for name in "svo"}
        absent = [name for name, part in parts.items() if part not in text]
        for name in absent:
            detail = f"`{name}` is {parts[name]!r}, which does not stand in {text!r}"
            yield item.id, "span-not-in-text", detail
        if absent or find_spans(text, tuple(parts.values())):
            continue
        cut = [name for name, part in parts.items() if not find_spans(text, (part,))]
        if cut:
            yield item.id, "span-cuts-word", f"`{cut[0]}` is {parts[cut[0]]!r}: use whole words"
        else:
            yield item.id, "span-order", "s, v and o must follow each other in `t` without overlap"


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


def entity_definitions(subject: Subject) -> Iterator[Finding]:
    """Entities name known classes, fit their role, and share no wording."""
    for name, entity in subject.knowledge.entities.items():
        where = f"entities.{name}"
        for detector_class in entity.coco:
            if not is_known_class(detector_class):
                yield where, "unknown-class", f"{detector_class!r} is not listed in classes.yaml"
        for role, fallback in (("ego", "ego_box"), ("phenomenon", "subject")):
            if (entity.role == role) != (entity.fallback == fallback):
                detail = f"role {role} and fallback {fallback} belong together"
                yield where, "entity-fallback", detail
        if not entity.coco and entity.fallback is None and entity.role not in ("ego", "phenomenon"):
            yield where, "entity-fallback", "without `coco` classes a `fallback` is needed"
    for wording, first, second in subject.finder.shared:
        detail = f"{wording!r} already means {first!r}"
        yield f"entities.{second}", "duplicate-phrase", detail


def known_cues(subject: Subject) -> Iterator[Finding]:
    """Cues are on the list of dynamics features."""
    for place in subject.leaves:
        for cue in place.leaf.cues:
            if cue not in CUES:
                hint = subject.hint(cue, CUES) or "; README.md lists them"
                yield place.leaf.id, "unknown-cue", f"{cue!r} is not a cue{hint}"


def well_formed_ids(subject: Subject) -> Iterator[Finding]:
    """Ids are lower-case slugs: they go into URLs, metrics and file names."""
    headings = [node.id for node in nodes(subject.knowledge.tree)]
    for node_id in [*headings, *(place.leaf.id for place in subject.leaves)]:
        if not _NODE_ID.fullmatch(node_id):
            yield node_id, "bad-id", "use a-z, 0-9, '.', '_' and '-' only"
    for item in subject.placed:
        explicit = item.description.id
        if explicit is not None and not _DESCRIPTION_ID.fullmatch(explicit):
            yield explicit, "bad-id", "use a-z, 0-9, '.', '_', '-' and '/' only"


def unique_ids(subject: Subject) -> Iterator[Finding]:
    """No id is given twice, be it a heading, a leaf or a description."""
    headings = [node.id for node in nodes(subject.knowledge.tree)]
    leaves = [place.leaf.id for place in subject.leaves]
    descriptions = [item.id for item in subject.placed]
    for repeated in _repeated([*headings, *leaves, *descriptions]):
        detail = "the id is used more than once; give one entry an `id:` of its own"
        yield repeated, "duplicate-id", detail


def unique_texts(subject: Subject) -> Iterator[Finding]:
    """No text stands twice, whatever its case, spaces or full stop."""
    first: dict[str, str] = {}
    for item in subject.placed:
        key = " ".join(item.description.t.casefold().split()).rstrip(" .")
        if key in first:
            yield item.id, "duplicate-text", f"the same text stands at {first[key]}"
        first.setdefault(key, item.id)


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def inherited_properties(subject: Subject) -> Iterator[Finding]:
    """Some heading above each leaf states polarity and participants."""
    for place in subject.leaves:
        if place.polarity is None:
            detail = "no heading above says `polarity: anomaly` or `polarity: normal`"
            yield place.leaf.id, "polarity-missing", detail
        if place.participants is None:
            detail = "no heading above says `participants: VV`, VP, VO or EGO"
            yield place.leaf.id, "participants-missing", detail


def anomaly_only_fields(subject: Subject) -> Iterator[Finding]:
    """A normal leaf has neither a counterpart nor DoTA codes."""
    for place in subject.leaves:
        if place.polarity == "normal":
            if place.leaf.counterpart is not None:
                yield place.leaf.id, "counterpart-on-normal", "only anomaly leaves have one"
            if place.leaf.dota:
                yield place.leaf.id, "dota-on-normal", "only anomaly leaves have DoTA codes"


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


def missing_dota_codes(knowledge: Knowledge) -> list[str]:
    """DoTA codes that no anomaly leaf covers: a rule for the shipped file only (dota-missing)."""
    covered = {code for place in placed_leaves(knowledge.tree) for code in place.leaf.dota}
    return [code for code in DOTA_CODES if code not in covered]


Rule = Callable[[Subject], Iterator[Finding]]

ENTRY_RULES: tuple[Rule, ...] = (
    entity_definitions,
    spans_in_text,
    known_cues,
    well_formed_ids,
    unique_ids,
    unique_texts,
    inherited_properties,
    anomaly_only_fields,
)
CROSS_RULES: tuple[Rule, ...] = (
    known_entities,
    visible_participants,
    no_empty_entries,
    counterparts,
    same_roles_in_counterpart,
)
