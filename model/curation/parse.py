"""A dependency parse as the triplet rules read it, whichever parser made it.

Labels are those of Universal Dependencies; a multiword preposition is one token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

ROOT = -1


@dataclass(frozen=True, slots=True)
class Token:
    """One word, or one multiword preposition.

    Attributes:
        text: As written.
        start: First character in the caption.
        end: Character after the last.
        lemma: Lower-case base form.
        pos: Universal part of speech.
        head: Index of the governor, ``ROOT`` for none.
        dep: Universal relation to it, subtypes included.
    """

    text: str
    start: int
    end: int
    lemma: str
    pos: str
    head: int
    dep: str


@dataclass(frozen=True, slots=True)
class Parse:
    """The tokens of a caption and who hangs on whom."""

    tokens: tuple[Token, ...]

    def children(self, i: int, *relations: str) -> list[int]:
        """Dependents of token ``i`` in order; with these relations, subtypes ignored."""
        return [
            j
            for j, token in enumerate(self.tokens)
            if token.head == i and (not relations or token.dep.split(":")[0] in relations)
        ]

    def preposition(self, i: int) -> int | None:
        """The case marker of a noun: the last before it."""
        found = [j for j in self.children(i, "case") if j < i]
        return found[-1] if found else None

    def is_noun(self, i: int) -> bool:
        return self.tokens[i].pos in ("NOUN", "PROPN")


def merge_prepositions(tokens: Sequence[Token], phrases: Sequence[tuple[str, ...]]) -> Parse:
    """Make each multiword preposition of the list one case marker of the noun after it.

    A treebank hangs "the bus" in "in front of the bus" on "front"; here it hangs where "front" did.
    """
    current = list(tokens)
    i = 0
    while i < len(current):
        phrase = next((p for p in phrases if _stands_at(current, i, p)), None)
        if phrase is not None:
            current = _merged(current, i, i + len(phrase))
        i += 1
    return Parse(tuple(current))


def _stands_at(tokens: Sequence[Token], i: int, phrase: tuple[str, ...]) -> bool:
    words = tuple(token.text.lower() for token in tokens[i : i + len(phrase)])
    return words == phrase and i + len(phrase) < len(tokens)


def _merged(tokens: list[Token], first: int, end: int) -> list[Token]:
    inside = range(first, end)
    noun = _governed_noun(tokens, first, end)
    if noun is None:
        return tokens
    outward = [tokens[j] for j in inside if tokens[j].head not in inside and tokens[j].head != noun]
    anchor = outward[0].head if outward else tokens[noun].head
    dep = outward[0].dep if outward else tokens[noun].dep
    if anchor in (noun, *inside):
        return tokens
    if dep in ("case", "advmod", "amod", "fixed", "mark") or (anchor != ROOT and dep == "root"):
        dep = "nmod" if tokens[anchor].pos in ("NOUN", "PROPN") else "obl"
    moved = []
    for j, token in enumerate(tokens):
        if j == noun:
            moved.append(replace(token, head=anchor, dep=dep))
        elif j not in inside and token.head in inside:
            moved.append(replace(token, head=noun))  # subject and copula of "close to"
        else:
            moved.append(token)
    text = " ".join(token.text for token in tokens[first:end])
    joined = Token(
        text, tokens[first].start, tokens[end - 1].end, text.lower(), "ADP", noun, "case"
    )
    kept = [*moved[:first], joined, *moved[end:]]
    shift = end - first - 1

    def place(head: int) -> int:
        return head - shift if head >= end else min(head, first)

    return [replace(token, head=place(token.head) if token.head >= 0 else ROOT) for token in kept]


def _governed_noun(tokens: list[Token], first: int, end: int) -> int | None:
    """The noun that the phrase introduces: the head of its last word, or the next noun."""
    last = tokens[end - 1]
    if last.head >= end and tokens[last.head].pos in ("NOUN", "PROPN", "PRON", "NUM"):
        return last.head
    for j in range(end, len(tokens)):
        if tokens[j].pos in ("NOUN", "PROPN", "PRON"):
            while tokens[j].dep.startswith("compound") and tokens[j].head > j:
                j = tokens[j].head
            return j
        if tokens[j].pos in ("VERB", "AUX", "PUNCT", "ADP"):
            return None
    return None
