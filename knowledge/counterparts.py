"""Normal counterparts that nobody wrote: the inverse lexicon writes them into the tree.

They become ordinary entries under the heading `n.auto`, so a file that is read back holds them.
"""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.entities import EntityFinder
from knowledge.flat import PlacedLeaf, description_id, placed_leaves
from knowledge.relations import inverse_of
from knowledge.schema import Child, Description, Knowledge, Leaf, Node
from knowledge.violations import Violation

AUTO = "n.auto"


def write_counterparts(knowledge: Knowledge, source: str) -> tuple[Knowledge, list[Violation]]:
    """Give every anomaly leaf without a counterpart one made by inverting its relations.

    Returns:
        The completed knowledge, and a violation for each description whose relation the lexicon
        does not know.
    """
    places = tuple(placed_leaves(knowledge.tree))
    texts = {_key(description.t) for place in places for description in place.leaf.d}
    finder = EntityFinder(knowledge.entities)
    written: list[PlacedLeaf] = []
    violations: list[Violation] = []
    for place in places:
        if place.polarity != "anomaly" or place.leaf.counterpart is not None:
            continue
        leaf, unwritten = _inverted(place.leaf, texts, source, finder)
        violations += unwritten
        written.append(PlacedLeaf(leaf, (), "normal", place.participants, place.ego))
    if violations or not written:
        return knowledge, violations
    names = {place.leaf.id: place.leaf.id for place in written}
    tree = tuple(_with_names(entry, names) for entry in knowledge.tree)
    return knowledge.model_copy(update={"tree": _with_auto(tree, written)}), []


def _key(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .")


def _auto_id(leaf_id: str) -> str:
    return f"{AUTO}.{leaf_id}"


def _inverted(
    leaf: Leaf, texts: set[str], source: str, finder: EntityFinder
) -> tuple[Leaf, list[Violation]]:
    descriptions: list[Description] = []
    violations: list[Violation] = []
    for description in leaf.d:
        if not finder.recognises(description.s, description.o):
            continue  # nothing normal is told of it
        normal = _normal_description(description, texts)
        if normal is None:
            detail = (
                f"the leaf names no counterpart, and the inverse lexicon has no opposite of "
                f"{description.v!r}; name a normal leaf in `counterpart:`"
            )
            where = description_id(leaf.id, description)
            violations.append(Violation(source, where, "counterpart-missing", detail))
            continue
        texts.add(_key(normal.t))
        descriptions.append(normal)
    counterpart = Leaf(
        id=_auto_id(leaf.id),
        title=f"Opposite of: {leaf.title}"[:200],
        severity=0,
        conditions=leaf.conditions,
        d=tuple(descriptions),
    )
    return counterpart, violations


def _normal_description(description: Description, texts: set[str]) -> Description | None:
    """Subject, opposite relation, object: what follows in the text may still tell of a crash."""
    inverse = inverse_of(description.v)
    if inverse is None:
        return None
    subject = description.s[:1].upper() + description.s[1:]
    # No text may stand twice: two anomalies may have the same opposite, or an expert wrote it.
    for adverb in ("", "safely ", "calmly ", "as usual "):
        text = f"{subject} {adverb}{inverse} {description.o}."
        if _key(text) not in texts:
            return Description(
                t=text,
                s=subject,
                v=adverb + inverse,
                o=description.o,
                lang=description.lang,
                source=description.source,
                conditions=description.conditions,
            )
    return None


def _with_names(entry: Child, names: dict[str, str]) -> Child:
    """Set `counterpart` of the leaves for which one was written."""
    if isinstance(entry, Leaf):
        auto = _auto_id(entry.id)
        return entry.model_copy(update={"counterpart": auto}) if auto in names else entry
    children = tuple(_with_names(child, names) for child in entry.children)
    return entry.model_copy(update={"children": children})


def _with_auto(tree: tuple[Child, ...], written: Iterable[PlacedLeaf]) -> tuple[Child, ...]:
    """Hang the written leaves under n.auto, one heading for each kind of participants."""
    root = next((entry for entry in tree if entry.id == AUTO and isinstance(entry, Node)), None)
    headings = {child.id: child for child in root.children} if root else {}
    for place in written:
        ego = ".ego" if place.ego and place.participants != "EGO" else ""
        heading_id = f"{AUTO}-{str(place.participants).lower()}{ego}"
        heading = headings.get(heading_id)
        before = heading.children if isinstance(heading, Node) else ()
        headings[heading_id] = Node(
            id=heading_id,
            title=f"Written by the inverse lexicon, {place.participants}",
            participants=place.participants,
            ego=place.ego,
            children=(*before, place.leaf),
        )
    auto = Node(
        id=AUTO,
        title="Written by the inverse lexicon",
        polarity="normal",
        children=tuple(headings.values()),
    )
    return (*(entry for entry in tree if entry is not root), auto)
