"""The deterministic parser: noun phrases and verb groups, attached from left to right.

The tagger has said which words are verbs; what is left is who hangs on whom, and captions are plain
enough for a few rules: a phrase with "of" belongs to the noun before it, any other to the verb of
its clause, or to the noun where there is no verb yet.
"""

from model.curation.clauses import FINITE, Clauses
from model.curation.lexicon import lexicon
from model.curation.parse import Parse
from model.curation.reading_state import Clause
from model.curation.tagger import PHRASE, phrase_end, tag

NAME = "chunk"
IN_PHRASE = {"DET": "det", "NUM": "nummod", "ADJ": "amod", "CCONJ": "cc"}


def parse_chunks(text: str) -> Parse:
    """Parse one caption."""
    words = lexicon()
    return _Builder(tag(text, words), words).build()


class _Builder(Clauses):
    """Fills in heads and relations while it walks over the words."""

    def build(self) -> Parse:
        i = 0
        while i < len(self.words):
            i = self._read(i)
        return Parse(tuple(self._token(i) for i in range(len(self.words))))

    def _read(self, i: int) -> int:
        """Take in the word at ``i``, or the noun phrase that begins there; where to go on."""
        if self.words[i].pos in PHRASE:
            return self._noun_phrase(i)
        readers = {
            "PRON": self._pronoun,
            "VERB": self._verb,
            "AUX": self._auxiliary,
            "ADP": self._adposition,
            "SCONJ": self._subordinator,
            "PUNCT": self._punctuation,
            "ADV": self._adverb,
            "CCONJ": self._conjunction,
        }
        readers[self.words[i].pos](i)
        return i + 1

    def _pronoun(self, i: int) -> None:
        if self.lists.has("relatives", self.words[i].lower) and self.noun is not None:
            self.relative, self.case = True, None
        else:
            self._attach_noun(i)

    def _auxiliary(self, i: int) -> None:
        if not self.auxiliaries and not self.relative and self.joint is None:
            self._leave_relative()
        self.auxiliaries.append(i)

    def _adposition(self, i: int) -> None:
        before_verb = i + 1 < len(self.words) and self.words[i + 1].forms == {"base"}
        if self.words[i].lower == "to" and before_verb:
            self.marker = i
        else:
            self.case = i

    def _adverb(self, i: int) -> None:
        word = self.words[i].lower
        if word == "there":
            self._set(i, min(i + 1, len(self.words) - 1), "expl")
        elif self.clause.verb is not None:
            is_particle = self.lists.has("particles", word) and self._stands_after(i)
            self._set(i, self.clause.verb, "compound:prt" if is_particle else "advmod")

    def _stands_after(self, i: int) -> bool:
        """Whether the verb is the word before, or the one before that and a noun between."""
        return self.clause.verb == i - 1

    def _conjunction(self, i: int) -> None:
        self.joint, self.case = i, None

    def _subordinator(self, i: int) -> None:
        """Start a clause with its own subject."""
        self.clause, self.outer, self.noun = Clause(), [], None
        self.joint, self.case, self.auxiliaries = None, None, []

    def _punctuation(self, i: int) -> None:
        """A comma ends a fronted phrase, or joins the members of a list."""
        self.case = None
        if self.words[i].text in ",;":
            self.comma = True
            if self.clause.verb is None and not self.clause.subjects:
                self.noun = None
            elif self._is_list(i):
                self.joint = i

    def _is_list(self, i: int) -> bool:
        """A comma between nouns of which the last comes after "and"."""
        after = self.words[i + 1 :]
        end = next((k for k, w in enumerate(after) if w.pos in ("VERB", "AUX")), len(after))
        before_verb = after[:end]
        joined = any(w.pos == "CCONJ" for w in before_verb)
        return bool(after) and after[0].pos in PHRASE and self.noun is not None and joined

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
                self._set(j, head, IN_PHRASE.get(self.words[j].pos, "compound"))
        self._attach_noun(head)
        return end

    def _predicate(self, i: int, end: int) -> None:
        """Adjectives or a number that stand alone: "the sky is blue", "one of them"."""
        for j in range(i, end):
            if self.words[j].pos in ("NUM", "DET"):
                self._attach_noun(j)
        self.auxiliaries, self.relative, self.case = [], False, None

    def _attach_noun(self, i: int) -> None:
        """Give a noun its place: after a preposition, after "and", as object or as subject."""
        clause = self.clause
        joins = self.joint is not None and self.noun is not None and not self._starts_clause(i)
        if self.case is not None:
            self._set(self.case, i, "case")
            self._attach_phrase(i)
        elif joins and self.noun is not None and self.joint is not None:
            self._join(i)
        elif clause.verb is not None and clause.takes_object and self.joint is None:
            self._set(i, clause.verb, "obj")
            clause.takes_object = False
        elif self.auxiliaries:
            self._predicate_noun(i)
        else:
            if clause.verb is not None:
                self.clause, self.outer = Clause(), []
            self.clause.subjects = [i]
        self.noun, self.case, self.joint, self.comma = i, None, None, False

    def _join(self, i: int) -> None:
        """Hang a noun on the first of its list."""
        assert self.noun is not None
        assert self.joint is not None
        first = self.noun
        if self.clause.subjects and self._is_worn(first) and self._acts(i):
            first = self.clause.subjects[0]  # "a man in glasses and a woman"
        while self.dep[first] == "conj" or (
            self._is_measured(first) and self.words[self.head[first]].pos == "NOUN"
        ):
            first = self.head[first]
        self._set(i, first, "conj")
        self._set(self.joint, i, "cc")
        if first in self.clause.subjects:
            self.clause.subjects.append(i)

    def _attach_phrase(self, i: int) -> None:
        """Where a prepositional phrase hangs."""
        assert self.case is not None
        case, clause = self.words[self.case].lower, self.clause
        if case == "of" and self.noun is not None:
            self._set(i, self.noun, "nmod")
        elif self.auxiliaries and clause.subjects:
            self._predicate_noun(i)
        elif clause.verb is not None:
            place = self._place_before(case, i)
            self._set(i, place if place is not None else clause.verb, "nmod" if place else "obl")
            clause.takes_object = False
        elif self.noun is not None:
            owner = self.noun
            while self._is_measured(owner) or (self._is_worn(owner) and self.dep[owner] == "nmod"):
                owner = self.head[owner]
            self._set(i, owner, "nmod")
        else:
            self.dep[i] = "fronted"

    def _place_before(self, case: str, i: int) -> int | None:
        """The noun that a phrase describes and not the verb: "on the wall above a door"."""
        if self.noun is None or self.comma:
            return None
        if case == "in" and self._is_worn(i) and self._is_animate(self.noun):
            inside = self.dep[self.noun] in ("nmod", "obl", "obj")
            return self.noun if inside else None  # "the legs of two men in jeans"
        if self.dep[self.noun] != "obl":
            return None
        first = self._case_of(self.noun)
        modifiers = [self.words[j].lower for j in range(i) if self.head[j] == i]
        if first == "with" and any(self.lists.has("possessives", word) for word in modifiers):
            return self.noun  # "with a stick in its mouth"
        static = self.lists.has("resting", first)
        has_det = any(self.head[j] == self.noun and self.dep[j] == "det" for j in range(self.noun))
        return self.noun if static and has_det and self.lists.has("describing", case) else None

    def _predicate_noun(self, i: int) -> None:
        """The noun of "is behind the bus" or "there is a bus" is the predicate."""
        self.dep[i] = "root"
        subjects = [self.noun] if self.relative and self.noun is not None else self.clause.subjects
        for subject in subjects[:1]:
            if self.relative:
                self._set(i, subject, "acl:relcl")
            else:
                self._set(subject, i, "nsubj")
        for auxiliary in self.auxiliaries:
            self._set(auxiliary, i, "cop")
        self.auxiliaries = []
        if not self.relative:
            self.clause = Clause(subjects=[i] if not subjects else [])
        self.relative = False

    def _starts_clause(self, i: int) -> bool:
        """Whether "and NOUN" begins a new clause: a finite verb follows and none waits for one."""
        if self.clause.verb is None or any(c.subjects and c.verb is None for c in self.outer):
            return False
        for word in self.words[i + 1 :]:
            if word.pos in ("VERB", "AUX"):
                return word.pos == "AUX" or word.forms <= FINITE
            if word.pos not in ("ADV", "NOUN"):
                return False
        return False
