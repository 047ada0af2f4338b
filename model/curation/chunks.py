"""The deterministic parser: noun phrases and verb groups, attached from left to right.

Captions are short and plain, so a few rules of attachment go far: a phrase with "of" belongs to the
noun before it, any other to the verb of its clause, or to the noun when there is no verb yet.
"""

from dataclasses import dataclass

from model.curation.lexicon import Lexicon, lexicon
from model.curation.parse import ROOT, Parse, Token
from model.curation.tagger import PHRASE, Tagged, phrase_end, tag

NAME = "chunk"


def parse_chunks(text: str) -> Parse:
    """Parse one caption."""
    words = lexicon()
    return _Builder(tag(text, words), words).build()


@dataclass(slots=True)
class _Clause:
    """What the left-to-right reading knows of the clause it is in."""

    subjects: list[int]
    verb: int | None = None
    wants_object: bool = False


class _Builder:
    """Fills in heads and relations while it walks over the words."""

    def __init__(self, words: list[Tagged], lists: Lexicon) -> None:
        self.words, self.lists = words, lists
        self.head = [ROOT] * len(words)
        self.dep = ["dep"] * len(words)
        self.clause = _Clause([])
        self.outer: _Clause | None = None  # of the main clause, while a relative one is read
        self.noun: int | None = None
        self.case: int | None = None
        self.conjunction: int | None = None
        self.relative = False
        self.marker: int | None = None  # "to" before a verb
        self.auxiliaries: list[int] = []

    def build(self) -> Parse:
        i = 0
        while i < len(self.words):
            i = self._read(i)
        return Parse(tuple(self._token(i) for i in range(len(self.words))))

    def _read(self, i: int) -> int:
        """Take in the word at ``i``, or the noun phrase that begins there; where to go on."""
        if self.words[i].pos in PHRASE:
            return self._noun_phrase(i)
        if self.words[i].pos == "CCONJ":
            self.conjunction = i
            return i + 1
        readers = {
            "PRON": self._pronoun,
            "VERB": self._verb,
            "AUX": self.auxiliaries.append,
            "ADP": self._adposition,
            "SCONJ": self._pause,
            "PUNCT": self._pause,
            "ADV": self._adverb,
        }
        readers[self.words[i].pos](i)
        return i + 1

    def _pronoun(self, i: int) -> None:
        if self.lists.has("relatives", self.words[i].lower) and self.noun is not None:
            self.relative = True
        else:
            self._attach_noun(i)

    def _adposition(self, i: int) -> None:
        before_verb = i + 1 < len(self.words) and self.words[i + 1].pos == "VERB"
        if self.words[i].lower == "to" and before_verb:
            self.marker = i
        else:
            self.case = i

    def _adverb(self, i: int) -> None:
        if self.clause.verb is not None:
            is_particle = self.lists.has("particles", self.words[i].lower)
            self._set(i, self.clause.verb, "compound:prt" if is_particle else "advmod")
        elif self.words[i].lower == "there" and i + 1 < len(self.words):
            self._set(i, i + 1, "expl")

    def _pause(self, i: int) -> None:
        """A comma ends a fronted phrase; a subordinator starts a clause with its own subject."""
        if self.words[i].pos == "PUNCT" and self.words[i].text not in ",;.":
            return
        self.case = None
        if self._is_list(i):
            self.conjunction = i
        if self.words[i].pos == "SCONJ":
            self.clause, self.noun, self.conjunction = _Clause([]), None, None
        elif self.clause.verb is None and not self.clause.subjects:
            self.noun = None

    def _is_list(self, i: int) -> bool:
        """A comma between nouns of which the last comes after "and"."""
        after = self.words[i + 1 :]
        goes_on = bool(after) and after[0].pos in PHRASE and any(w.pos == "CCONJ" for w in after)
        return self.noun is not None and self.dep[self.noun] != "fronted" and goes_on

    def _noun_phrase(self, i: int) -> int:
        """Read determiners, modifiers and nouns; the last noun is the head."""
        end = phrase_end(self.words, i)
        nouns = [j for j in range(i, end) if self.words[j].pos in ("NOUN", "PROPN")]
        if not nouns:
            self._predicate(i, end)
            return end
        head = nouns[-1]
        for j in range(i, end):
            if j != head:
                kind = {"DET": "det", "NUM": "nummod", "ADJ": "amod", "CCONJ": "cc"}
                self._set(j, head, kind.get(self.words[j].pos, "compound"))
        self._attach_noun(head)
        return head + 1 if end > head + 1 else end

    def _predicate(self, i: int, end: int) -> None:
        """Adjectives or a number that stand alone: "the sky is blue", "one of them"."""
        for j in range(i, end):
            if self.words[j].pos in ("NUM", "DET"):
                self._attach_noun(j)
        if self.auxiliaries and self.clause.verb is None:
            self._set_copula(end - 1)

    def _attach_noun(self, i: int) -> None:
        """Give a noun its place: after a preposition, after "and", as object or as subject."""
        clause = self.clause
        if self.case is not None:
            self._set(self.case, i, "case")
            self._attach_phrase(i)
            self.case = None
        elif self.conjunction is not None and self.noun is not None and not self._starts_clause(i):
            self._set(i, self.noun, "conj")
            self._set(self.conjunction, i, "cc")
            if self.noun in clause.subjects:
                clause.subjects.append(i)
            self.conjunction = None
            return
        elif clause.verb is not None and clause.wants_object:
            self._set(i, clause.verb, "obj")
            clause.wants_object = False
        elif self.auxiliaries and clause.verb is None and not clause.subjects:
            self._existential(i)
        else:
            if clause.verb is not None and not self._is_inverted(i):
                self.clause = clause = _Clause([])
            clause.subjects = [i]
            if clause.verb is not None:
                self._set(i, clause.verb, "nsubj")
        self.noun, self.conjunction = i, None

    def _attach_phrase(self, i: int) -> None:
        case = self.words[self.case if self.case is not None else i]
        clause = self.clause
        if case.lower == "of" and self.noun is not None:
            self._set(i, self.noun, "nmod")
        elif clause.verb is not None:
            self._set(i, clause.verb, "obl")
            clause.wants_object = False
        elif self.auxiliaries and clause.subjects:
            self._set_copula(i)
        elif self.noun is not None:
            self._set(i, self.noun, "nmod")
        else:
            self.dep[i] = "fronted"

    def _set_copula(self, i: int) -> None:
        """The noun of "is behind the bus" is the predicate; its subject hangs on it."""
        self.dep[i] = "root"
        for subject in self.clause.subjects[:1]:
            self._set(subject, i, "nsubj")
        for auxiliary in self.auxiliaries:
            self._set(auxiliary, i, "cop")
        self.auxiliaries = []
        self.clause = _Clause([])

    def _existential(self, i: int) -> None:
        self.dep[i] = "root"
        self.auxiliaries = []
        self.clause.subjects = [i]

    def _starts_clause(self, i: int) -> bool:
        """Whether "and NOUN" begins a new clause: a finite verb follows and one came before."""
        if self.clause.verb is None:
            return False
        for word in self.words[i + 1 : i + 4]:
            if word.pos in ("VERB", "AUX"):
                return word.pos == "AUX" or bool(word.forms & {"s", "past"})
            if word.pos != "ADV":
                return False
        return False

    def _is_inverted(self, i: int) -> bool:
        """In "Behind the couch stands a lamp" the verb waits for its subject."""
        verb = self.clause.verb
        return verb is not None and not self.clause.subjects and verb < i

    def _verb(self, i: int) -> None:
        forms, clause = self.words[i].forms, self.clause
        has_aux = bool(self.auxiliaries)
        after_noun = self.noun is not None and not has_aux and self.conjunction is None
        is_participle = "ing" in forms or (
            "participle" in forms and "base" not in forms and self._is_reduced(i)
        )
        if self.marker is not None:
            self._inherit(i, "xcomp")
            self._set(self.marker, i, "mark")
            self.marker = None
        elif self.relative and self.noun is not None:
            self._open_relative(i, "acl:relcl")
        elif after_noun and is_participle and self.noun is not None:
            if clause.verb is None or self._acts(self.noun):
                self._open_relative(i, "acl")
            else:
                self._inherit(i, "advcl")
        elif self.conjunction is not None and clause.verb is not None:
            self._inherit(i, "conj")
            self._set(self.conjunction, i, "cc")
            self.conjunction = None
        elif clause.verb is not None and "ing" in forms:
            self._inherit(i, "advcl")
        else:
            if self.outer is not None:
                self.clause, self.outer = self.outer, None
                clause = self.clause
            self.dep[i] = "root"
            for subject in clause.subjects[:1]:
                passive = self._is_passive(i)
                self._set(subject, i, "nsubj:pass" if passive else "nsubj")
            clause.verb = i
        for auxiliary in self.auxiliaries:
            self._set(auxiliary, i, "aux:pass" if self._is_passive(i) else "aux")
        self.clause.wants_object = not self._is_passive(i) and not (
            self.dep[i] == "acl" and "ing" not in forms
        )
        self.auxiliaries, self.case = [], None

    def _is_reduced(self, i: int) -> bool:
        """A past participle after a noun that no noun phrase follows: "a car parked on ..."."""
        after = self.words[i + 1].pos if i + 1 < len(self.words) else ""
        return after in ("ADP", "ADV", "", "PUNCT")

    def _is_passive(self, i: int) -> bool:
        words = [self.words[j].lower for j in self.auxiliaries]
        is_copula = any(self.lists.has("copulas", word) for word in words)
        return (
            is_copula and "participle" in self.words[i].forms and "ing" not in self.words[i].forms
        )

    def _acts(self, noun: int) -> bool:
        lemma = self.lists.noun_lemma(self.words[noun].text)
        return self.lists.has("animate", lemma) or self.dep[noun] == "obj"

    def _open_relative(self, i: int, dep: str) -> None:
        assert self.noun is not None
        whole = self.words[self.head[self.noun]].text
        is_part = self.dep[self.noun] == "nmod" and self.head[self.noun] >= 0
        if is_part and self.lists.has("collectives", self.lists.noun_lemma(whole)):
            self.noun = self.head[self.noun]  # "a group of people standing": the group stands
        self._set(i, self.noun, dep)
        if self.clause.verb is None:
            self.outer = self.clause
        self.clause = _Clause([self.noun], verb=i)
        self.relative = False

    def _inherit(self, i: int, dep: str) -> None:
        """A verb that shares the subject of the clause."""
        if self.clause.verb is not None:
            self._set(i, self.clause.verb, dep)
        self.clause = _Clause(self.clause.subjects, verb=i)

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
