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

from model.curation.captions import read_captions
from model.curation.frames import without_frame
from model.curation.parse import Parse
from model.curation.svo import find_statements
from model.errors import ModelError

Parser = Callable[[str], Parse]


class SentencesError(ModelError):
    """A file of sentences cannot be read."""


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """A sentence and its triplets: rule and normal form of each.

    Attributes:
        allowed: Other readings that are accepted; finding one is neither right nor wrong.
    """

    text: str
    triplets: frozenset[tuple[str, str]]
    allowed: frozenset[str] = frozenset()

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


def read_sentences(path: Path, captions: Path | None = None) -> list[GoldSentence]:
    """Read ``SENTENCE = RULE subject|verb|object; ...`` lines; ``none`` means no triplet.

    Args:
        path: The sentences; rule ``?`` marks a reading that is accepted but not asked for.
        captions: A collection of JSON lines; with it ``IMAGE#N`` stands for a caption of it.

    Raises:
        SentencesError: Naming file and line.
    """
    texts = _captions(captions) if captions is not None else {}
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
        if captions is not None:
            if text not in texts:
                raise SentencesError(f"{path}:{number}: {captions} has no caption {text}")
            text = texts[text]
        asked = frozenset((rule, key) for rule, key in parts if rule != "?")
        allowed = frozenset(key for rule, key in parts if rule == "?")
        gold.append(GoldSentence(text, asked, allowed))
    return gold


def _captions(path: Path) -> dict[str, str]:
    """Captions as curation reads them, by ``IMAGE#N``."""
    found: dict[str, str] = {}
    count: Counter[str] = Counter()
    for row in read_captions(path, Counter(), "jsonl"):
        found[f"{row.image}#{count[row.image]}"] = row.caption
        count[row.image] += 1
    return found


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
        predicted = {s.key: s.rule for s in statements if s.key not in sentence.allowed}
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
