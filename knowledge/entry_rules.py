"""Rules that an entry keeps or breaks by itself, whatever the entries it refers to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from knowledge.entities import is_known_class
from knowledge.flat import find_spans, nodes
from knowledge.schema import CUES
from knowledge.subject import Finding, Rule, Subject

_NODE_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_DESCRIPTION_ID = re.compile(r"[a-z0-9][a-z0-9_./-]*")


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
