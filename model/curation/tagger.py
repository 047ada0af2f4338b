"""Parts of speech of a caption from word lists and neighbours, without any model."""

import re
from dataclasses import dataclass, field

from model.curation.lexicon import Lexicon, VerbForm

WORD = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")
ADJECTIVE = re.compile(r"^(?!vege|const)\w{3,}(ful|ous|ish|able|ible|less|ese)$")
PHRASE = frozenset({"DET", "ADJ", "NUM", "NOUN", "PROPN"})  # what a noun phrase is made of
FINITE: frozenset[VerbForm] = frozenset({"s", "past", "base"})


@dataclass(slots=True)
class Tagged:
    """A word with its part of speech; ``forms`` are the forms of a verb it may be."""

    text: str
    start: int
    end: int
    pos: str = "NOUN"
    forms: frozenset[VerbForm] = field(default_factory=frozenset)

    @property
    def lower(self) -> str:
        return self.text.lower()


def tag(text: str, lexicon: Lexicon) -> list[Tagged]:
    """Split a caption into words, join multiword prepositions, and tag them."""
    words = [Tagged(m.group(), m.start(), m.end()) for m in WORD.finditer(text)]
    words = _joined(words, text, lexicon)
    for i, word in enumerate(words):
        word.pos = _closed_class(word, lexicon)
        before = words[i - 1].pos if i else ""
        if word.pos == "ADV" and before == "DET" and word.lower not in ("left", "right"):
            word.pos = "NOUN"  # "on its back"
        if word.lower == "that" and before in ("NOUN", "VERB?"):
            word.pos = "PRON"
        if not word.pos:
            word.forms = lexicon.verbs.get(word.lower, ("", frozenset()))[1]
            word.pos = "VERB?" if word.forms else _open_class(word, lexicon)
    for i, word in enumerate(words):
        if word.pos == "VERB?":
            word.pos = _verb_or_not(words, i, lexicon)
    _settle_adverbs(words, lexicon)
    return words


def _joined(words: list[Tagged], text: str, lexicon: Lexicon) -> list[Tagged]:
    joined: list[Tagged] = []
    i = 0
    while i < len(words):
        size = next(
            (
                len(phrase)
                for phrase in lexicon.phrases
                if tuple(word.lower for word in words[i : i + len(phrase)]) == phrase
            ),
            1,
        )
        first, last = words[i], words[i + size - 1]
        whole = Tagged(text[first.start : last.end], first.start, last.end)
        if size > 1:
            whole.pos = "ADP"
        joined.append(whole)
        i += size
    return joined


def _closed_class(word: Tagged, lexicon: Lexicon) -> str:
    lower = word.lower
    if " " in lower:
        return "ADP"
    if not (lower[0].isalnum()):
        return "PUNCT"
    for pos, name in (
        ("CCONJ", "conjunctions"),
        ("DET", "determiners"),
        ("NUM", "numbers"),
        ("PRON", "pronouns"),
        ("AUX", "auxiliaries"),
        ("SCONJ", "subordinators"),
        ("ADP", "prepositions"),
        ("ADV", "adverbs"),
    ):
        if lexicon.has(name, lower):
            return pos
    if lower.isdigit():
        return "NUM"
    return ""


def _open_class(word: Tagged, lexicon: Lexicon) -> str:
    lower = word.lower
    if lexicon.has("adjectives", lower) or ADJECTIVE.search(lower):
        return "ADJ"
    if lower.endswith("ly"):
        return "ADV"
    if lower.endswith("ed") and len(lower) > 4:
        return "ADJ"
    return "NOUN"


def _verb_or_not(words: list[Tagged], i: int, lexicon: Lexicon) -> str:
    """A word that may be a verb: is it one here, or a noun, or a modifier?"""
    word, before = words[i], _before(words, i)
    after_pos = words[i + 1].pos if i + 1 < len(words) else ""
    if before is None:  # the first word of a caption
        leads = after_pos in ("DET", "ADP", "PRON") and "ing" in word.forms
        return "VERB" if leads else "ADJ" if "ing" in word.forms else "NOUN"
    after_preposition = before.pos == "ADP" and before.lower != "to" and "ing" not in word.forms
    if before.pos in ("DET", "ADJ", "NUM") or after_preposition:
        return _inside_phrase(words, i, lexicon)
    if word.forms & {"ing", "participle", "past"} and word.forms.isdisjoint({"base"}):
        return "VERB"
    if before.lower == "to" or before.pos in ("AUX", "PRON"):
        return "VERB"
    if before.pos == "VERB":
        return "NOUN"
    if before.pos in ("NOUN", "ADV", "CCONJ", "PUNCT"):
        return "VERB" if _may_be_finite(words, i, before, after_pos, lexicon) else "NOUN"
    return "VERB" if word.forms & {"past", "s"} and before.pos != "ADP" else "NOUN"


def _inside_phrase(words: list[Tagged], i: int, lexicon: Lexicon) -> str:
    """After a determiner, an adjective, a number or a preposition."""
    word, before = words[i], words[i - 1]
    after = words[i + 1] if i + 1 < len(words) else None
    further = words[i + 2].pos if i + 2 < len(words) else ""
    in_colour = before.pos == "ADJ" and i > 1 and words[i - 2].lower == "in"
    if in_colour and "s" in word.forms:
        return "VERB"  # "a woman in black reads"
    is_modifier = bool(word.forms & {"ing", "past", "participle"}) and "base" not in word.forms
    if is_modifier and after is not None:
        if lexicon.has("particles", after.lower) and further == "NOUN":
            after.pos = "ADJ"  # "a broken down van"
            return "ADJ"
        if after.pos in ("NOUN", "ADJ", "VERB?", "PROPN"):
            return "ADJ"
    return "ADJ" if lexicon.has("adjectives", word.lower) else "NOUN"


def _may_be_finite(
    words: list[Tagged], i: int, before: Tagged, after_pos: str, lexicon: Lexicon
) -> bool:
    word = words[i]
    if before.pos in ("CCONJ", "ADV", "PUNCT") and not _has_verb(words, i):
        return bool(word.forms & {"s", "past"}) and before.pos == "ADV"
    opens_complement = after_pos in ("", "DET", "ADP", "ADV", "PRON", "ADJ", "NUM", "NOUN", "PUNCT")
    opens_complement = opens_complement or after_pos in ("CCONJ", "VERB?")
    subject = next((w for w in reversed(words[:i]) if w.pos == "NOUN"), before)
    plural = lexicon.is_plural(subject.lower) or any(w.pos == "CCONJ" for w in words[:i])
    if before.pos == "CCONJ" and _has_verb(words, i):
        # "slows down and stops": a verb after "and" agrees with the one before it.
        return bool(word.forms & {"s", "past"}) or plural
    if "s" in word.forms:
        return opens_complement and not (plural and before.pos == "NOUN" and after_pos == "")
    if "past" in word.forms:
        return True
    return "base" in word.forms and plural and opens_complement


def _has_verb(words: list[Tagged], i: int) -> bool:
    return any(word.pos in ("VERB", "AUX") for word in words[:i])


def _before(words: list[Tagged], i: int) -> Tagged | None:
    """The word before, adverbs inside a verb group skipped."""
    j = i - 1
    while j > 0 and words[j].pos == "ADV" and words[j - 1].pos == "AUX":
        j -= 1
    return words[j] if j >= 0 else None


def _settle_adverbs(words: list[Tagged], lexicon: Lexicon) -> None:
    """Words that are prepositions before a noun and adverbs or particles elsewhere."""
    for i, word in enumerate(words):
        after = words[i + 1].pos if i + 1 < len(words) else ""
        if word.pos == "ADP" and " " not in word.text and after not in PHRASE | {"PRON"}:
            if lexicon.has("particles", word.lower) or after in ("", "PUNCT", "ADP"):
                word.pos = "ADV" if word.lower != "to" else "ADP"
        elif word.pos == "ADV" and after in PHRASE and i > 0:
            is_preposition = lexicon.has("prepositions", word.lower)
            if is_preposition and words[i - 1].pos in ("NOUN", "VERB", "AUX", "ADV"):
                word.pos = "ADP"
            elif word.lower in ("left", "right", "hard") and words[i - 1].pos == "DET":
                word.pos = "ADJ"
        if word.pos == "DET" and word.lower == "that" and after in ("VERB", "AUX"):
            word.pos = "PRON"


def phrase_end(words: list[Tagged], start: int) -> int:
    """Where the noun phrase ends that begins at ``start``; "black and white" stays together."""
    end = start
    while end < len(words) and words[end].pos in PHRASE:
        if end > start and words[end].pos == "DET" and words[end - 1].pos == "NOUN":
            break
        end += 1
        around = [word.pos for word in words[end - 1 : end + 2]]
        if around == ["ADJ", "CCONJ", "ADJ"]:
            end += 1
    return end
