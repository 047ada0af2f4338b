"""Word lists of the deterministic parser, and English inflection in both directions."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

VerbForm = Literal["base", "s", "ing", "past", "participle"]
IRREGULAR_S = {"has": "have", "had": "have", "does": "do", "did": "do", "goes": "go"}
MULTIWORD = ("multiword_prepositions", "multiword_adverbs")
# A stem that ends so had an "e": forc-ing, paraglid-ing, topp-ing has not.
SILENT_E = (
    "c",
    "v",
    "u",
    "rg",
    "dg",
    "ng",
    "ag",
    "id",
    "ur",
    "at",
    "iz",
    "bl",
    "dl",
    "gl",
    "pl",
    "tl",
    "kl",
)
VOWELS = frozenset("aeiou")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of ``lexicon.yaml``; ``verbs`` maps an inflected form to its lemma and forms."""

    lists: dict[str, frozenset[str]]
    phrases: tuple[tuple[str, ...], ...]
    verbs: dict[str, tuple[str, frozenset[VerbForm]]]
    plurals: dict[str, str]

    def has(self, name: str, word: str) -> bool:
        """Whether a list holds the word."""
        return word in self.lists[name]

    def noun_lemma(self, word: str) -> str:
        """The singular of a noun."""
        word = word.lower()
        if word in self.plurals:
            return self.plurals[word]
        if word in self.lists["singular_s"] or not word.endswith("s") or word.endswith("ss"):
            return word
        if word.endswith("es") and word[:-2] in self.lists["singular_s"]:
            return word[:-2]
        for end, put in (
            ("ies", "y"),
            ("ches", "ch"),
            ("shes", "sh"),
            ("xes", "x"),
            ("sses", "ss"),
        ):
            if word.endswith(end) and len(word) > len(end) + 1:
                return word.removesuffix(end) + put
        if word.endswith("oes"):
            return word.removesuffix("es")
        return word.removesuffix("s") if len(word) > 3 else word

    def is_plural(self, word: str) -> bool:
        """Whether a noun is a plural."""
        return word.lower() in self.plurals or self.noun_lemma(word) != word.lower()

    def verb_lemma(self, word: str) -> str:
        """The base form of a known verb, else a guess from its ending."""
        word = word.lower()
        if word in self.verbs:
            return self.verbs[word][0]
        if word in IRREGULAR_S:
            return IRREGULAR_S[word]
        for end in ("ing", "ed"):
            if word.endswith(end) and len(word) > len(end) + 2:
                return self._stem(word.removesuffix(end))
        if word.endswith("ies"):
            return word.removesuffix("ies") + "y"
        if word.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
            return word.removesuffix("es")
        return word.removesuffix("s") if word.endswith("s") and not word.endswith("ss") else word

    def _stem(self, stem: str) -> str:
        """The base form before "-ing" or "-ed": one that is known, else by its last letters."""
        doubled = stem[-1] == stem[-2] and stem[-1] not in VOWELS
        for guess in (stem, stem + "e", stem[:-1] if doubled else stem):
            if guess in self.verbs:
                return self.verbs[guess][0]
        if doubled and stem[-1] not in "lsz":
            return stem[:-1]
        if stem.endswith("i"):
            return stem[:-1] + "y"
        return stem + "e" if stem.endswith(SILENT_E) else stem


@cache
def lexicon() -> Lexicon:
    """Read ``lexicon.yaml`` once."""
    text = Path(__file__).with_name("lexicon.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    irregular: dict[str, list[str]] = data["irregular_verbs"]
    verbs: dict[str, tuple[str, set[VerbForm]]] = {}

    def add(form: str, lemma: str, kind: VerbForm) -> None:
        # A form of an irregular verb, written down by hand, wins over a regular one.
        known = verbs.setdefault(form, (lemma, set()))
        if known[0] == lemma:
            known[1].add(kind)

    for lemma in [*irregular, *data["regular_verbs"].split(), *data["more_verbs"].split()]:
        past, participle = irregular.get(lemma, [_past(lemma)] * 2)
        add(lemma, lemma, "base")
        add(third_person(lemma), lemma, "s")
        add(present_participle(lemma), lemma, "ing")
        add(past, lemma, "past")
        add(participle, lemma, "participle")
    return Lexicon(
        lists={name: frozenset(v) for name, v in data.items() if isinstance(v, list)},
        phrases=tuple(
            sorted(
                (tuple(p.split()) for name in MULTIWORD for p in data[name]), key=len, reverse=True
            )
        ),
        verbs={form: (lemma, frozenset(kinds)) for form, (lemma, kinds) in verbs.items()},
        plurals=data["irregular_plurals"],
    )


def third_person(lemma: str) -> str:
    """``crosses`` of ``cross``."""
    if lemma.endswith(("s", "x", "z", "ch", "sh", "o")):
        return lemma + "es"
    if lemma.endswith("y") and lemma[-2:-1] not in VOWELS:
        return lemma[:-1] + "ies"
    return lemma + "s"


def present_participle(lemma: str) -> str:
    """``riding`` of ``ride``, ``hitting`` of ``hit``, ``lying`` of ``lie``."""
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith(("ee", "oe", "ye")):
        return lemma[:-1] + "ing"
    return _doubled(lemma) + "ing"


def _past(lemma: str) -> str:
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma.endswith("y") and lemma[-2:-1] not in VOWELS:
        return lemma[:-1] + "ied"
    return _doubled(lemma) + "ed"


def _doubled(lemma: str) -> str:
    """A short stressed syllable doubles its last consonant: stop, stopping."""
    short = len(lemma) >= 3 and lemma[-1] not in VOWELS | set("wxy") and lemma[-2] in VOWELS
    syllables = sum(
        letter in VOWELS and (i == 0 or lemma[i - 1] not in VOWELS)
        for i, letter in enumerate(lemma)
    )
    if short and lemma[-3] not in VOWELS and syllables == 1:
        return lemma + lemma[-1]
    return lemma
