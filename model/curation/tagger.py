"""Parts of speech of a caption from word lists, endings and the cheapest reading of the whole."""

import re
from dataclasses import dataclass, field

from model.curation.lexicon import Lexicon, VerbForm
from model.curation.readings import Number, Reading, State, Word, end_cost, step

WORD = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")
ADJECTIVE = re.compile(r"^(?!vege|const|rad|f|d)\w{3,}(ful|ous|able|ible|less)$|.+-.+ed$")
PHRASE = frozenset({"DET", "ADJ", "NUM", "NOUN", "PROPN"})  # what a noun phrase is made of
BEAM = 24  # readings kept after each word; captions need three or four
POS: dict[str, str] = {"REL": "PRON", "TO": "ADP", "BE": "AUX", "EX": "ADV"}
FIXED = {"there": (Word("EX", prior=0.2), Word("ADV", prior=0.5)), "to": (Word("TO"),)}


@dataclass(slots=True)
class Tagged:
    """A word with its part of speech; ``forms`` is the form of a verb that it is."""

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
    for word, reading in zip(words, _cheapest(words, lexicon), strict=True):
        if reading.startswith("V:"):
            word.pos = "VERB"
            word.forms = frozenset({reading[2:]})  # type: ignore[arg-type]  # readings name forms
        else:
            word.pos = POS.get(reading, reading)
    return words


def _cheapest(words: list[Tagged], lexicon: Lexicon) -> list[Reading]:
    """The readings whose costs sum up to the least: a beam over the states."""
    beam: dict[State, tuple[float, tuple[Reading, ...]]] = {State(): (0.0, ())}
    for i, word in enumerate(words):
        after: dict[State, tuple[float, tuple[Reading, ...]]] = {}
        for choice in _choices(word, i, words, lexicon):
            for state, (cost, path) in beam.items():
                more, new = step(state, choice)
                total = cost + more
                if new not in after or total < after[new][0]:
                    after[new] = (total, (*path, choice.reading))
        beam = dict(sorted(after.items(), key=lambda item: item[1][0])[:BEAM])
    best = min(beam.items(), key=lambda item: item[1][0] + end_cost(item[0]))
    return list(best[1][1])


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
        joined.append(Tagged(text[first.start : last.end], first.start, last.end))
        i += size
    return joined


def _choices(word: Tagged, i: int, words: list[Tagged], lexicon: Lexicon) -> list[Word]:
    """Every way in which one word may be read."""
    lower = word.lower
    if " " in lower:
        if lexicon.has("pronouns", lower):
            return [Word("PRON")]
        return [Word("ADV" if lexicon.has("multiword_adverbs", lower) else "ADP")]
    if not lower[0].isalnum():
        return [Word("PUNCT")]
    closed = _closed(lower, i, words, lexicon)
    if closed and not lexicon.has("adjectives", lower):
        return closed
    return closed + _open(word, i, lexicon)


def _closed(lower: str, i: int, words: list[Tagged], lexicon: Lexicon) -> list[Word]:
    if lexicon.has("conjunctions", lower):
        return [Word("CCONJ")]
    if lower in FIXED:
        return list(FIXED[lower])
    if lexicon.has("copulas", lower) or lexicon.has("auxiliaries", lower):
        return _auxiliary(lower, lexicon)
    found = _pro_forms(lower, lexicon)
    if lexicon.has("subordinators", lower):
        found.append(Word("SCONJ", prior=0.4))
    if lexicon.has("prepositions", lower):
        found.append(Word("ADP"))
    if lexicon.has("adverbs", lower) or lexicon.has("particles", lower):
        found += _adverb(lower, i, words, lexicon)
    return found


def _pro_forms(lower: str, lexicon: Lexicon) -> list[Word]:
    """Relatives, numbers, determiners and pronouns."""
    found: list[Word] = []
    if lexicon.has("relatives", lower):
        found.append(Word("REL"))
    if lexicon.has("numbers", lower) or lower.isdigit():
        found.append(Word("NUM", "one" if lower in ("one", "1") else "many"))
    if lexicon.has("determiners", lower):
        found.append(Word("DET", _asked_for(lower), prior=1.5 if lower == "that" else 0.0))
    if lexicon.has("pronouns", lower) and not lexicon.has("relatives", lower):
        found.append(Word("PRON", "one" if lower in ("he", "she", "it") else "any"))
    return found


def _adverb(lower: str, i: int, words: list[Tagged], lexicon: Lexicon) -> list[Word]:
    found = [Word("ADV", prior=-1.0 if _is_phrasal(lower, i, words, lexicon) else 0.3)]
    if i and lexicon.has("particles", lower) and _ends_like_participle(words[i - 1], lexicon):
        found.append(Word("ADJ", prior=0.8))  # "a broken down van"
    if lexicon.has("adverb_nouns", lower):
        found.append(Word("NOUN", "one", prior=1.0))
        found.append(Word("ADJ", prior=0.8))
    return found


def _auxiliary(lower: str, lexicon: Lexicon) -> list[Word]:
    """The readings of "is", "has", "did" and their kind."""
    number: Number
    if lexicon.has("copulas", lower):
        number = "one" if lower in ("is", "was") else "many" if lower in ("are", "were") else "any"
        return [Word("BE", number)]
    number = "one" if lower in ("has", "does") else "any"
    found = [Word("AUX", number)]
    if lower in ("has", "have", "had", "does", "do", "did"):
        form: Reading = (
            "V:s" if number == "one" else "V:past" if lower in ("had", "did") else "V:base"
        )
        found.append(Word(form, "many" if form == "V:base" else number))
    return found


def _is_phrasal(lower: str, i: int, words: list[Tagged], lexicon: Lexicon) -> bool:
    """Whether verb and particle are one: "knocks down a sign"."""
    if not i:
        return False
    return lexicon.has("phrasal", f"{lexicon.verb_lemma(words[i - 1].lower)} {lower}")


def _ends_like_participle(word: Tagged, lexicon: Lexicon) -> bool:
    return "participle" in lexicon.verbs.get(word.lower, ("", frozenset()))[1]


def _asked_for(determiner: str) -> Number:
    if determiner in ("a", "an", "another", "each", "every", "this", "that"):
        return "one"
    several = ("these", "those", "several", "many", "few", "both", "various", "lots")
    return "many" if determiner in several else "any"


def _open(word: Tagged, i: int, lexicon: Lexicon) -> list[Word]:
    """Noun, adjective, adverb, and each form of a verb that the word may be."""
    lower = word.lower
    forms = lexicon.verbs.get(lower, ("", frozenset()))[1]
    is_known = bool(forms)
    if not forms:
        forms = _guessed_forms(lower)
    if lower.endswith(("'s", "s'", "\u2019s")):
        return [Word("NOUN", "any", possessive=True)]
    plural = lexicon.is_plural(lower)
    unchanged = lexicon.plurals.get(lower) == lower  # "deer" is one or many
    verb_only = is_known and not lexicon.has("rather_nouns", lexicon.verb_lemma(lower))
    number: Number = "any" if unchanged else "many" if plural else "one"
    found = [Word("NOUN", number, prior=_noun_prior(lower, forms, is_known, lexicon))]
    listed = lexicon.has("adjectives", lower) or lexicon.has("adjective_words", lower)
    is_adjective = listed or bool(ADJECTIVE.search(lower))
    if is_adjective:
        found.append(Word("ADJ", prior=0.0))
        found[0] = Word("NOUN", found[0].number, found[0].prior + 0.8)
    if lower.endswith("ly") and not plural:
        found.append(Word("ADV", prior=-0.3))
    ing_noun = lexicon.has("ing_nouns", lower) or lexicon.has(
        "ing_nouns", lexicon.noun_lemma(lower)
    )
    if lower in lexicon.plurals or lexicon.has("clothing", lower):
        return found  # "jeans" are no verb
    for form in sorted(forms):
        prior = _verb_prior(
            form, is_known, verb_only or form not in ("s", "base"), "base" in forms
        ) + (1.2 if ing_noun else 0.0)
        reading: Reading = f"V:{form}"  # type: ignore[assignment]  # readings name forms
        agrees: Number = {"s": "one", "base": "many"}.get(form, "any")  # type: ignore[assignment]
        found.append(Word(reading, agrees, prior + (0.8 if is_adjective else 0.0)))
    if forms & {"ing", "past", "participle"} and not is_adjective and "base" not in forms:
        found.append(Word("ADJ", prior=0.6, verbal=True))
    return found


def _guessed_forms(lower: str) -> frozenset[VerbForm]:
    """Forms of a verb that no list has, by its ending."""
    if lower.endswith("ing") and len(lower) > 5:
        return frozenset({"ing"})
    if lower.endswith("ed") and len(lower) > 4:
        return frozenset({"past", "participle"})
    if lower.endswith("s") and not lower.endswith(("ss", "us", "is")) and len(lower) > 3:
        return frozenset({"s"})
    return frozenset({"base"})


def _noun_prior(lower: str, forms: frozenset[VerbForm], known: bool, lexicon: Lexicon) -> float:
    if lexicon.has("ing_nouns", lower) or lexicon.has("ing_nouns", lexicon.noun_lemma(lower)):
        return 0.0
    if "ing" in forms:
        return 2.0
    if forms & {"past", "participle"} and "base" not in forms:
        return 2.5
    if not known:
        return 0.0
    return 0.0 if lexicon.has("rather_nouns", lexicon.verb_lemma(lower)) else 0.5


def _verb_prior(form: VerbForm, known: bool, verb_only: bool, unchanged: bool) -> float:
    prior = {"s": 0.0, "base": 0.3, "past": 1.2, "participle": 0.2, "ing": 0.0}[form]
    prior += 1.0 * (form == "participle" and unchanged)
    if not known:
        return prior + {"s": 1.7, "base": 3.0}.get(form, 0.0)
    return prior if verb_only else prior + 0.8


def phrase_end(words: list[Tagged], start: int) -> int:
    """Where the noun phrase ends that begins at ``start``; "black and white" stays together."""
    end = start
    while end < len(words) and words[end].pos in PHRASE:
        if end > start and words[end].pos == "DET" and words[end - 1].pos == "NOUN":
            break
        end += 1
        after = words[end + 1].pos if end + 1 < len(words) else ""
        if words[end - 1].pos in ("DET", "ADJ") and end < len(words) and words[end].pos == "ADV":
            end += after in ("ADJ", "NOUN", "NUM")  # "a very long beak", "a broken down van"
        around = [word.pos for word in words[end - 1 : end + 2]]
        if around == ["ADJ", "CCONJ", "ADJ"]:
            end += 1
    return end
