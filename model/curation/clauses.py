"""Verbs and participles: which clause they open, go on with, or are about."""

from model.curation.reading_state import Clause, ReadingState

FINITE = frozenset({"s", "base", "past"})


class Clauses(ReadingState):
    """The part of the walk that attaches verbs."""

    def _verb(self, i: int) -> None:
        forms = self.words[i].forms
        passive = self._is_passive(i)
        if self.marker is not None:
            self._open(i, "xcomp")
            self._set(self.marker, i, "mark")
        elif self.relative and self.noun is not None:
            self._describe(i, self.noun, "acl:relcl")
        elif self.auxiliaries or forms <= FINITE:
            self._finite(i, passive)
        else:
            self._participle(i)
        for auxiliary in self.auxiliaries:
            self._set(auxiliary, i, "aux:pass" if passive else "aux")
        self.clause.takes_object = not passive and "participle" not in forms
        self.auxiliaries, self.case, self.marker = [], None, None
        self.relative, self.joint, self.comma = False, None, False

    def _finite(self, i: int, passive: bool) -> None:
        """The verb of a main clause: the first, one more after "and", or after a relative one."""
        if self.clause.verb is not None and self.joint is None and not self.comma:
            self._leave_relative()
        waiting = [c for c in self.outer if c.subjects and c.verb is None]
        if waiting and self.joint is None:
            self._leave_relative()
        if self.clause.verb is not None and (self.joint is not None or self.comma):
            if self.joint is not None:
                self._set(self.joint, i, "cc")
            self._open(i, "conj")
            return
        self.dep[i] = "root"
        for subject in self.clause.subjects[:1]:
            self._set(subject, i, "nsubj:pass" if passive else "nsubj")
        if self.leading is not None:
            self._set(self.leading, i, "advcl")
            self.leading = None
        self.clause.verb = i

    def _leave_relative(self) -> None:
        """Back to the clause whose subject still waits for its verb."""
        while self.outer and self.clause.verb is not None:
            self.clause = self.outer.pop()
            if self.clause.verb is None:
                return

    def _participle(self, i: int) -> None:
        """Without an auxiliary: about the noun before it, or about the subject of the clause."""
        clause, forms = self.clause, self.words[i].forms
        if self.joint is not None and clause.verb is not None:
            self._set(self.joint, i, "cc")
            self._open(i, "conj")
        elif clause.verb is None and clause.subjects:
            self._describe(i, self._doer(i), "acl")
        elif clause.verb is None:
            self.dep[i], self.leading = "root", i
            self.clause = Clause(verb=i)
        elif self.noun is None or self.comma or self.words[i - 1].pos in ("VERB", "ADP"):
            self._open(i, "advcl")
        elif "participle" in forms or self._acts(self.noun):
            self._describe(i, self.noun, "acl")
        else:
            self._open(i, "advcl")

    def _doer(self, i: int) -> int:
        """Whom a participle is about: the nearest that can act, in "a girl in a shirt going"."""
        subject = self.clause.subjects[0]
        if self.comma or self.noun is None:
            return subject
        nearest, noun = self.noun, self.noun
        while True:
            carries = self.dep[noun] == "nmod" and self._is_animate(self.head[noun])
            if self._acts(noun) and not (carries and self._case_of(noun) in ("on", "in")):
                return noun  # in "people on bikes racing" the people race
            if noun == subject or self.head[noun] < 0:
                break
            noun = self.head[noun]
        return nearest if "participle" in self.words[i].forms else subject

    def _describe(self, i: int, noun: int, dep: str) -> None:
        """A clause about a noun; in "a group of people standing" the group stands."""
        if self._is_measured(noun):
            whole = self.words[self.head[noun]].text
            if self.lists.has("collectives", self.lists.noun_lemma(whole)):
                noun = self.head[noun]
        self._set(i, noun, dep)
        self.outer.append(self.clause)
        self.clause = Clause([noun], verb=i)

    def _open(self, i: int, dep: str) -> None:
        """A verb that shares the subject of the clause."""
        if self.clause.verb is None:
            self._finite(i, passive=False)
            return
        self._set(i, self.clause.verb, dep)
        self.clause = Clause(self.clause.subjects, verb=i)
