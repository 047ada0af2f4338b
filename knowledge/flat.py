"""The tree laid flat: every description with all that its leaf, its path and its entities say."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.entities import EntityFinder, role_groups
from knowledge.schema import Child, Description, Knowledge, Leaf, Node, Participants, Polarity

Span = tuple[int, int]
MAX_SLUG = 120


@dataclass(frozen=True, slots=True)
class FlatDescription:
    """A description ready for scoring.

    `spans` are character offsets [start, end) of subject, verb and object in `text`. The groups
    name the class groups (knowledge.entities.CLASS_GROUPS) that an ROI may have to stand for the
    role; "null" among `object_groups` accepts a pair without an object ROI. `roles` are
    those of the entities. `has_unrecognised`: subject or object is whatever it may be.
    """

    id: str
    text: str
    subject: str
    verb: str
    object: str
    spans: tuple[Span, Span, Span]
    leaf_id: str
    leaf_title: str
    path: tuple[str, ...]
    polarity: Polarity
    severity: int
    participants: str
    ego: bool
    dota: tuple[str, ...]
    cues: tuple[str, ...]
    weight: float
    conditions: tuple[str, ...]
    roles: tuple[str, str]
    has_unrecognised: bool
    subject_groups: tuple[str, ...]
    object_groups: tuple[str, ...]
    counterpart_id: str | None


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A leaf with what it inherits: titles from the root down, polarity, participants, ego."""

    leaf: Leaf
    path: tuple[str, ...]
    polarity: Polarity | None = None
    participants: Participants | None = None
    ego: bool = False


def placed_leaves(tree: Sequence[Child]) -> Iterator[PlacedLeaf]:
    """Every leaf in file order; the nearest heading that states a property decides."""

    def walk(entry: Child, above: PlacedLeaf) -> Iterator[PlacedLeaf]:
        path = (*above.path, entry.title)
        if isinstance(entry, Leaf):
            yield replace(above, leaf=entry, path=path)
            return
        inherited = replace(
            above,
            path=path,
            polarity=entry.polarity or above.polarity,
            participants=entry.participants or above.participants,
            ego=entry.ego or above.ego,
        )
        for child in entry.children:
            yield from walk(child, inherited)

    nowhere = PlacedLeaf(Leaf.model_construct(id="", title="", severity=0, d=()), ())
    for entry in tree:
        yield from walk(entry, nowhere)


def nodes(tree: Sequence[Child]) -> Iterator[Node]:
    """Every heading in file order."""
    for entry in tree:
        if isinstance(entry, Node):
            yield entry
            yield from nodes(entry.children)


def description_id(leaf_id: str, description: Description) -> str:
    """The explicit id, or leaf id + words of the text: moving a line changes no id.

    Text that ASCII cannot spell, or too long, gets a digest so that ids stay distinct.
    """
    if description.id is not None:
        return description.id
    text = re.sub(r"^(a|an|the)\s+", "", description.t.strip().lower())
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")
    if not text.isascii() or len(slug) > MAX_SLUG or not slug:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        slug = f"{slug[:MAX_SLUG].rstrip('-')}-{digest}".lstrip("-")
    return f"{leaf_id}/{slug}"


def leaf_of_id(description_id: str) -> str:
    """The leaf that an id made by `description_id` names; an id of an author's own stays whole."""
    return description_id.partition("/")[0]


def find_spans(text: str, parts: Sequence[str]) -> tuple[Span, ...] | None:
    """Character offsets of the parts, one after the other without overlap, or None.

    The earliest place of each part is taken, which finds an order if there is one. A part must
    not cut a word: "hit" does not stand in "hits".
    """
    spans: list[Span] = []
    start = 0
    for part in parts:
        found = _find_whole(text, part, start)
        if found is None:
            return None
        spans.append((found, found + len(part)))
        start = found + len(part)
    return tuple(spans)


def _find_whole(text: str, part: str, start: int) -> int | None:
    """First place of the part at which neither of its ends cuts a word."""
    while (place := text.find(part, start)) >= 0:
        if not (_cuts_word(text, place) or _cuts_word(text, place + len(part))):
            return place
        start = place + 1
    return None


def _cuts_word(text: str, place: int) -> bool:
    """Only ASCII counts: in scripts without spaces every place may begin a word."""
    around = text[max(place - 1, 0) : place + 1]
    return len(around) == 2 and around.isascii() and around.isalnum()


def flatten(knowledge: Knowledge) -> tuple[FlatDescription, ...]:
    """All descriptions in file order, each anomaly tied to its normal counterpart.

    The hierarchy must have passed the rules: roles known, spans exact, counterparts present.
    """
    finder = EntityFinder(knowledge.entities)
    flat = tuple(
        _flat_description(knowledge, finder, place, description)
        for place in placed_leaves(knowledge.tree)
        for description in place.leaf.d
    )
    counterpart_leaf = {p.leaf.id: p.leaf.counterpart for p in placed_leaves(knowledge.tree)}
    normals: dict[tuple[str, str, str], list[tuple[str, set[str]]]] = {}
    for item in flat:
        if item.polarity == "normal":
            normals.setdefault((item.leaf_id, *item.roles), []).append((item.id, _words(item.text)))
    return tuple(
        item
        if item.polarity == "normal"
        else _with_counterpart(item, normals[str(counterpart_leaf[item.leaf_id]), *item.roles])
        for item in flat
    )


def _flat_description(
    knowledge: Knowledge, finder: EntityFinder, place: PlacedLeaf, description: Description
) -> FlatDescription:
    leaf = place.leaf
    subject, obj = finder.find(description.s), finder.find(description.o)
    spans = find_spans(description.t, (description.s, description.v, description.o))
    # The rules have refused every hierarchy in which one of these is missing.
    assert subject is not None
    assert obj is not None
    assert spans is not None
    assert place.polarity is not None
    assert place.participants is not None
    subject_groups, object_groups = role_groups(
        knowledge.entities[subject], knowledge.entities[obj]
    )
    return FlatDescription(
        id=description_id(leaf.id, description),
        text=description.t,
        subject=description.s,
        verb=description.v,
        object=description.o,
        spans=(spans[0], spans[1], spans[2]),
        leaf_id=leaf.id,
        leaf_title=leaf.title,
        path=place.path,
        polarity=place.polarity,
        severity=leaf.severity,
        participants=place.participants,
        ego=place.ego,
        dota=leaf.dota,
        cues=leaf.cues,
        weight=leaf.weight,
        conditions=leaf.conditions if description.conditions is None else description.conditions,
        roles=(knowledge.entities[subject].role, knowledge.entities[obj].role),
        has_unrecognised=not finder.recognises(description.s, description.o),
        subject_groups=subject_groups,
        object_groups=object_groups,
        counterpart_id=None,
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _with_counterpart(
    item: FlatDescription, candidates: Sequence[tuple[str, set[str]]]
) -> FlatDescription:
    """Take the normal description that shares most words; the first in the file breaks ties."""
    words = _words(item.text)
    best_id, _ = max(candidates, key=lambda candidate: len(words & candidate[1]))
    return replace(item, counterpart_id=best_id)
