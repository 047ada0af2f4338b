"""What the parser knows while it walks over a caption: clauses, heads, relations so far."""

from dataclasses import dataclass, field

from model.curation.lexicon import Lexicon
from model.curation.parse import ROOT, Token
from model.curation.tagger import Tagged


@dataclass(slots=True)
class Clause:
    """What the left-to-right reading knows of the clause it is in."""

    subjects: list[int] = field(default_factory=list)
    verb: int | None = None
    takes_object: bool = False


class ReadingState:
    """Heads and relations so far, and questions about the words that were read."""

    def __init__(self, words: list[Tagged], lists: Lexicon) -> None:
        self.words, self.lists = words, lists
        self.head = [ROOT] * len(words)
        self.dep = ["dep"] * len(words)
        self.clause = Clause()
        self.outer: list[Clause] = []  # around a relative clause or a participle
        self.noun: int | None = None
        self.case: int | None = None
        self.joint: int | None = None  # "and" or a comma that something may be joined with
        self.comma = False
        self.relative = False
        self.marker: int | None = None  # "to" before a verb
        self.auxiliaries: list[int] = []
        self.leading: int | None = None  # a participle that opens the caption

    def _is_measured(self, i: int) -> bool:
        """The second noun of "a cup of coffee": what follows is about the cup."""
        return self.dep[i] == "nmod" and self.head[i] >= 0 and self._case_of(i) == "of"

    def _is_worn(self, i: int) -> bool:
        return self.lists.has("clothing", self.words[i].lower) or self.lists.has(
            "clothing", self.lists.noun_lemma(self.words[i].text)
        )

    def _case_of(self, noun: int) -> str:
        found = [j for j in range(noun) if self.head[j] == noun and self.dep[j] == "case"]
        return self.words[found[-1]].lower if found else ""

    def _is_passive(self, i: int) -> bool:
        words = [self.words[j].lower for j in self.auxiliaries]
        is_copula = any(self.lists.has("copulas", word) for word in words)
        return is_copula and "participle" in self.words[i].forms

    def _is_animate(self, noun: int) -> bool:
        lemma = self.lists.noun_lemma(self.words[noun].text)
        return self.lists.has("animate", lemma) or lemma.endswith(("man", "woman", "ist"))

    def _acts(self, noun: int) -> bool:
        return self._is_animate(noun) or (self.dep[noun] == "obj" and not self._is_worn(noun))

    def _set(self, i: int, head: int, dep: str) -> None:
        self.head[i], self.dep[i] = head, dep

    def _token(self, i: int) -> Token:
        word = self.words[i]
        if word.pos in ("NOUN", "PROPN"):
            lemma = self.lists.noun_lemma(word.text)
        else:
            lemma = self.lists.verb_lemma(word.text) if word.pos == "VERB" else word.lower
        dep = "root" if self.head[i] == ROOT and self.dep[i] == "dep" else self.dep[i]
        return Token(word.text, word.start, word.end, lemma, word.pos, self.head[i], dep)
