"""Precision and recall of the triplet rules on hand-written sentences, by rule and parser.

A found triplet counts as right when its normal form is one that the annotator wrote: head nouns in
the singular, the verb's lemma with its preposition. Determiners, modifiers and auxiliaries do not
count, but for the passive's "be".
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from model.curation.frames import without_frame
from model.curation.parse import Parse
from model.curation.svo import find_statements
from model.errors import ModelError

Parser = Callable[[str], Parse]


class SentencesError(ModelError):
    """A file of sentences cannot be read."""


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """A sentence and its triplets: rule and normal form of each."""

    text: str
    triplets: frozenset[tuple[str, str]]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(key for _, key in self.triplets)


@dataclass(frozen=True, slots=True)
class TripletFigures:
    """Counts over some sentences; ``by_rule`` maps a rule to (right, found, written)."""

    parser: str
    sentences: int
    by_rule: dict[str, tuple[int, int, int]]
    misses: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Share of the found triplets that are right; 1 when none was found."""
        found = sum(row[1] for row in self.by_rule.values())
        return sum(row[0] for row in self.by_rule.values()) / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of the written triplets that were found."""
        written = sum(row[2] for row in self.by_rule.values())
        return self._recovered / written if written else 1.0

    @property
    def _recovered(self) -> int:
        return sum(row[0] for row in self.by_rule.values())

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def read_sentences(path: Path) -> list[GoldSentence]:
    """Read ``SENTENCE = RULE subject|verb|object; ...`` lines; ``none`` means no triplet.

    Raises:
        SentencesError: Naming file and line.
    """
    gold = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        text, equals, right = line.rpartition(" = ")
        parts = (
            [] if right.strip() == "none" else [part.split(" ", 1) for part in right.split("; ")]
        )
        if not equals or any(len(p) != 2 or p[1].count("|") != 2 for p in parts):
            raise SentencesError(f"{path}:{number}: expected SENTENCE = RULE subject|verb|object")
        gold.append(GoldSentence(text, frozenset((rule, key) for rule, key in parts)))
    return gold


def measure(name: str, parser: Parser, gold: Iterable[GoldSentence]) -> TripletFigures:
    """Run the rules over a parser's output and compare."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    written: Counter[str] = Counter()
    misses, count = [], 0
    for sentence in gold:
        count += 1
        start = without_frame(sentence.text)
        text = sentence.text[start:]
        statements, _ = find_statements(text, parser(text))
        rule_of = {key: rule for rule, key in sentence.triplets}
        predicted = {statement.key: statement.rule for statement in statements}
        written.update(rule_of.values())
        for key, rule in predicted.items():
            found[rule_of.get(key, rule)] += 1
            right[rule_of.get(key, rule)] += key in rule_of
        extra = sorted(predicted.keys() - rule_of.keys())
        lost = sorted(rule_of.keys() - predicted.keys())
        if extra or lost:
            misses.append(f"{sentence.text}  found: {extra}  missed: {lost}")
    rules = sorted(written | found)
    rows = {rule: (right[rule], found[rule], written[rule]) for rule in rules}
    return TripletFigures(name, count, rows, tuple(misses))


def figures_table(figures: Iterable[TripletFigures]) -> Table:
    """One block for each parser: rule by rule, then all."""
    table = Table("parser", "rule", "right", "found", "written", "precision", "recall")
    for each in figures:
        for rule, (right, found, written) in each.by_rule.items():
            table.add_row(
                each.parser, rule, str(right), str(found), str(written),
                _share(right, found), _share(right, written),
            )  # fmt: skip
        totals = [str(sum(row[i] for row in each.by_rule.values())) for i in range(3)]
        table.add_row(
            each.parser, "all", *totals, f"{each.precision:.3f}", f"{each.recall:.3f}",
            end_section=True,
        )  # fmt: skip
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"
