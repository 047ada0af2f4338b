"""What is wrong with a knowledge file, in a form that an expert can act on.

The tree of errors::

    ValueError
        KnowledgeError      a hierarchy was refused; carries every violation at once
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHOWN = 50  # a wholly wrong file would otherwise print thousands of lines


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: in which file, at which id, which rule (kebab-case), and what to do."""

    source: str
    id: str
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.source}: {self.id}: {self.rule}: {self.detail}"


class KnowledgeError(ValueError):
    """A hierarchy broke one or more rules; `violations` names file, id and rule of each."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        lines = [str(violation) for violation in self.violations[:MAX_SHOWN]]
        hidden = len(self.violations) - len(lines)
        if hidden:
            lines.append(f"... and {hidden} more")
        super().__init__("\n".join(lines))
