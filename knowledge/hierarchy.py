"""The hierarchy of expert descriptions: load it, read it flat, write it back.

The way of a file::

    bytes -> reading.py (plain data) -> shape.py (models) -> counterparts.py (inverse lexicon)
          -> rules.py -> Hierarchy -> flat.py (FlatDescription, what scoring uses)
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import yaml

from knowledge.counterparts import write_counterparts
from knowledge.flat import FlatDescription, PlacedLeaf, flatten, leaf_of_id, placed_leaves
from knowledge.reading import read_data, read_source
from knowledge.rules import check
from knowledge.schema import Description, Entity, Knowledge, Leaf, Node
from knowledge.shape import read_shape
from knowledge.violations import KnowledgeError, Violation

__all__ = [
    "SHIPPED",
    "Description",
    "Entity",
    "FlatDescription",
    "Hierarchy",
    "KnowledgeError",
    "Leaf",
    "Node",
    "PlacedLeaf",
    "Violation",
    "hierarchy_to_yaml",
    "leaf_of_id",
    "load_hierarchy",
    "parse_hierarchy",
]

# A megabyte of nonsense would otherwise be answered with thirty.
MAX_VIOLATIONS = 1000
SHIPPED = Path(__file__).with_name("traffic.yaml")


class Hierarchy(Knowledge):
    """A knowledge file that has passed every rule; make one with parse_hierarchy."""

    @functools.cached_property
    def flat(self) -> tuple[FlatDescription, ...]:
        """Every description in file order, each anomaly with the id of its counterpart."""
        return flatten(self)

    @functools.cached_property
    def leaves(self) -> tuple[PlacedLeaf, ...]:
        """Every leaf in file order with what it inherits."""
        return tuple(placed_leaves(self.tree))

    @functools.cached_property
    def sha256(self) -> str:
        """Digest of the content: layout, comments and defaults written out do not change it."""
        canonical = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True
        )
        return hashlib.sha256(canonical.encode()).hexdigest()


def load_hierarchy(path: Path | None = None) -> Hierarchy:
    """Read and check a knowledge file; None is the shipped traffic.yaml.

    Raises:
        KnowledgeError: The file cannot be read or breaks a rule.
    """
    chosen = SHIPPED if path is None else path
    return parse_hierarchy(read_source(chosen), chosen.name if path is None else str(path))


def parse_hierarchy(text: str | bytes, source: str) -> Hierarchy:
    """Check YAML or JSON text; `source` names it in the messages.

    Raises:
        KnowledgeError: With every violation that could be found, not only the first.
    """
    knowledge, violations, complete = read_shape(read_data(text, source), source)
    if knowledge is not None:
        violations += check(knowledge, source, complete)
    if knowledge is not None and complete:
        completed, unwritten = write_counterparts(knowledge, source)
        violations += unwritten
        if completed is not knowledge and not violations:
            violations += check(completed, source)  # what the lexicon wrote obeys the rules too
        knowledge = completed
    if violations or knowledge is None:
        raise KnowledgeError(violations[:MAX_VIOLATIONS])
    return Hierarchy(**dict(knowledge))


def hierarchy_to_yaml(hierarchy: Hierarchy) -> str:
    """The hierarchy as an expert would write it: defaults left out, file order kept."""
    data = hierarchy.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
