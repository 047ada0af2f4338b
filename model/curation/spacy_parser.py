"""Parses of a spaCy pipeline, in Universal or in spaCy's own labels."""

from collections.abc import Sequence
from dataclasses import replace

import spacy

from model.curation.lexicon import lexicon
from model.curation.parse import ROOT, Parse, Token, merge_prepositions

SAME = {
    "dobj": "obj",
    "nsubjpass": "nsubj:pass",
    "auxpass": "aux:pass",
    "relcl": "acl:relcl",
    "prt": "compound:prt",
    "poss": "nmod:poss",
    "attr": "obj",
    "ROOT": "root",
}
PREPOSITION, OBJECT = ("prep", "agent", "dative"), ("pobj",)


class SpacyParser:
    """A loaded pipeline as a parser of captions."""

    def __init__(self, name: str) -> None:
        self._pipeline = spacy.load(name)
        self.name = str(self._pipeline.meta["name"])

    def __call__(self, text: str) -> Parse:
        lists = lexicon()
        tokens = []
        for word in self._pipeline(text):
            lemma = word.lemma_.lower() or word.lower_
            if word.pos_ in ("NOUN", "PROPN"):
                lemma = lists.noun_lemma(word.text)
            elif word.pos_ == "VERB":
                lemma = lists.verb_lemma(word.text)
            elif not word.lemma_:
                lemma = word.lower_
            head = ROOT if word.head.i == word.i else word.head.i
            end = word.idx + len(word.text)
            tokens.append(
                Token(
                    word.text, word.idx, end, lemma, word.pos_, head, SAME.get(word.dep_, word.dep_)
                )
            )
        return merge_prepositions(universal(tokens), lists.phrases)


def universal(tokens: Sequence[Token]) -> list[Token]:
    """Turn spaCy's English labels into Universal Dependencies; those stay as they are.

    spaCy hangs a noun on its preposition and the preposition on the verb; here the noun hangs on
    the verb, the preposition on the noun, and the noun after "be" is the predicate.
    """
    current = list(tokens)
    for i, token in enumerate(tokens):
        if token.dep not in PREPOSITION:
            continue
        nouns = [j for j, t in enumerate(tokens) if t.head == i and t.dep in OBJECT]
        if not nouns:
            continue
        noun, governor = nouns[0], token.head
        is_copula = (
            governor >= 0
            and tokens[governor].lemma == "be"
            and not any(t.head == governor and t.dep in ("obj", "acomp") for t in tokens)
        )
        if is_copula and tokens[governor].dep == "root":
            current[noun] = replace(current[noun], head=ROOT, dep="root")
            current[governor] = replace(current[governor], head=noun, dep="cop", pos="AUX")
            for j, other in enumerate(tokens):
                if other.head == governor and j != i:
                    current[j] = replace(current[j], head=noun)
        else:
            on_noun = governor >= 0 and tokens[governor].pos in ("NOUN", "PROPN")
            dep = "nmod" if on_noun else "obl"
            current[noun] = replace(current[noun], head=governor, dep=dep)
        current[i] = replace(current[i], head=noun, dep="case", pos="ADP")
    return current
