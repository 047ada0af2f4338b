"""What the rules look at: a file's entries, placed and looked up once."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from knowledge.entities import EntityFinder
from knowledge.flat import PlacedLeaf, description_id, placed_leaves
from knowledge.schema import Description, Knowledge

Finding = tuple[str, str, str]  # id, rule, detail


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


Rule = Callable[[Subject], Iterator[Finding]]
