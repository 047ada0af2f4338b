"""What may follow what in a caption: costs that make the cheapest reading the right one.

A word is often verb or noun ("lights", "parks", "queue"). Only the whole caption tells: a clause
has one finite verb, it agrees with its subject, "a" asks for a singular. Each such fact is a cost
here; the tagger looks for the sequence whose sum is least. Costs are set by hand, about 1 for what
is unusual and 4 and more for what is wrong.
"""

from dataclasses import dataclass, replace
from typing import Literal

Reading = Literal[
    "DET", "NUM", "ADJ", "NOUN", "PRON", "REL", "ADP", "TO", "AUX", "BE", "ADV", "CCONJ", "SCONJ",
    "PUNCT", "EX", "V:s", "V:base", "V:past", "V:participle", "V:ing",
]  # fmt: skip
Number = Literal["one", "many", "any"]
Role = Literal["subject", "object", "case", ""]
FINITE = frozenset({"V:s", "V:base", "V:past"})
IN_PHRASE = frozenset({"DET", "NUM", "ADJ", "NOUN"})
VERBAL = FINITE | {"V:participle", "V:ing", "AUX", "BE"}
NEVER = 8.0


@dataclass(frozen=True, slots=True)
class Word:
    """What the costs look at in one word under one reading.

    Attributes:
        number: Of a noun, a pronoun or an auxiliary; what a determiner asks for.
        prior: Cost of this reading of the word by itself.
        possessive: A noun with "'s".
        verbal: A participle read as an adjective.
    """

    reading: Reading
    number: Number = "any"
    prior: float = 0.0
    possessive: bool = False
    verbal: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What matters of the words read so far.

    Attributes:
        last: Reading of the last word, adverbs skipped.
        wants: Number that the determiner of the phrase in work asks for.
        role: Of the noun phrase in work or just ended.
        waiting: Subjects that have no finite verb yet, at most two.
        subject: Number of the subject of the clause.
        noun: Number of the last noun.
        has_verb: A finite verb was read in this clause.
        joined: "and", "or" or a comma was read after that verb.
        adverb: The last word was an adverb.
    """

    last: Reading | Literal["START"] = "START"
    wants: Number = "any"
    role: Role = ""
    waiting: int = 0
    subject: Number = "any"
    noun: Number = "any"
    has_verb: bool = False
    joined: bool = False
    adverb: bool = False


def step(state: State, word: Word) -> tuple[float, State]:
    """The cost of one more word, and what is known after it."""
    reading = word.reading
    if reading in ("DET", "NUM", "ADJ", "NOUN"):
        cost, after = _in_phrase(state, word)
    elif reading in ("PRON", "REL"):
        cost, after = _pronoun(state, word)
    elif reading in FINITE or reading in ("AUX", "BE"):
        cost, after = _finite(state, word)
    elif reading in ("V:participle", "V:ing"):
        cost, after = _participle(state, word)
    else:
        cost, after = _small_word(state, word)
    return cost + word.prior + _before(state, word), after


def end_cost(state: State) -> float:
    """What is odd about ending here."""
    cost = {"ADP": 3.0, "TO": 5.0, "DET": 5.0, "ADJ": 0.6, "BE": 1.0, "AUX": 3.0}.get(state.last, 0)
    if state.last == "NOUN":
        cost += _agreement(state)
    return cost + (0.9 if state.waiting else 0.0)


def _agreement(state: State) -> float:
    """A noun phrase ends: does its noun have the number that its determiner asks for?"""
    if "any" in (state.wants, state.noun) or state.wants == state.noun:
        return 0.0
    return 4.0 if state.wants == "one" else 2.0


def _before(state: State, word: Word) -> float:
    """Costs of leaving what was in work."""
    leaves = word.reading not in IN_PHRASE or word.reading == "DET"
    cost = 0.0
    if state.last in IN_PHRASE and leaves and word.reading != "ADV":
        alone = {"object": 0.5, "case": 0.4}.get(state.role, 2.0)
        alone = 0.3 if word.reading in ("ADP", "CCONJ") else alone + 2.0 * (word.reading == "DET")
        cost += {"DET": 5.0, "NUM": 0.8, "ADJ": alone}.get(state.last, 0.0)
        if state.last == "NOUN":
            cost += _agreement(state)
    if state.last == "ADP" and leaves and word.reading not in ("DET", "PRON", "REL", "V:ing"):
        cost += 2.0
    if state.last == "TO" and leaves and word.reading not in ("DET", "PRON", "V:base", "BE"):
        cost += 3.0
    if state.last == "AUX" and word.reading not in ("V:participle", "V:base", "BE", "ADV", "AUX"):
        cost += 4.0
    return cost


def _in_phrase(state: State, word: Word) -> tuple[float, State]:
    """A determiner, number, adjective or noun: it goes on with a noun phrase or begins one."""
    goes_on = state.last in IN_PHRASE and word.reading != "DET"
    cost = _phrase_cost(state, word, goes_on)
    role, waiting, subject = state.role, state.waiting, state.subject
    if not goes_on and not (state.last == "NOUN" and word.reading != "DET"):
        role = _role(state)
        if role == "subject":
            waiting = 1 if state.last == "CCONJ" or state.has_verb else min(waiting + 1, 2)
    if word.reading == "NOUN" and role == "subject":
        subject = "many" if state.joined and not state.has_verb else word.number
    starts = word.reading == "DET" or not goes_on
    wants = word.number if word.reading in ("DET", "NUM") else "any" if starts else state.wants
    if word.reading == "NUM" and goes_on and word.number == "any":
        wants = state.wants
    noun = word.number if word.reading == "NOUN" else state.noun
    return cost, replace(
        state, last=word.reading, wants=wants, role=role, waiting=waiting, subject=subject,
        noun=noun, adverb=False,
    )  # fmt: skip


def _phrase_cost(state: State, word: Word, goes_on: bool) -> float:
    cost = 0.0
    if state.last == "NOUN":
        compound = 0.0 if word.reading == "NOUN" else 1.2
        if word.reading == "NOUN":
            compound = 0.0 if word.possessive else 0.7 + 1.5 * (state.noun == "many")
        cost += 2.5 if word.reading == "DET" else compound
    elif not goes_on:
        if state.last == "V:participle":
            cost += 2.0
        if state.adverb:
            cost += 0.5
        if word.reading == "NOUN" and word.number == "one":
            cost += 1.0 if state.last == "TO" else 0.3
    if word.verbal and state.last in ("BE", "AUX", "NOUN", "PUNCT"):
        cost += 0.4 if state.last == "NOUN" else 1.0
    return cost


def _role(state: State) -> Role:
    """Of a noun phrase that begins after ``state``."""
    if state.last in ("ADP", "TO"):
        return "case"
    if state.last in VERBAL or state.last == "EX":
        return "object"
    if state.last in ("CCONJ", "PUNCT") and state.role in ("object", "case") and state.has_verb:
        return state.role
    if state.last in ("CCONJ", "PUNCT") and state.role == "case" and state.waiting:
        return "case"
    return "subject"


def _pronoun(state: State, word: Word) -> tuple[float, State]:
    if word.reading == "REL":
        cost = 0.0 if state.last in ("NOUN", "PUNCT", "ADP") else 3.0
        waiting = min(state.waiting + 1, 2)
        return cost, replace(
            state, last="REL", waiting=waiting, subject=state.noun, wants="any", adverb=False
        )
    cost = 1.5 if state.last in IN_PHRASE else 0.0
    role = _role(state)
    waiting = min(state.waiting + 1, 2) if role == "subject" else state.waiting
    subject = word.number if role == "subject" else state.subject
    return cost, replace(
        state, last="PRON", role=role, waiting=waiting, subject=subject, wants="any", adverb=False
    )


def _finite(state: State, word: Word) -> tuple[float, State]:
    """A finite verb or auxiliary asks for a subject that waits, and agrees with it."""
    after = replace(
        state, last=word.reading, wants="any", has_verb=True, joined=False, adverb=False
    )
    if state.last == "TO" and word.reading in ("V:base", "BE"):
        cost = 0.2 if word.reading == "BE" else -1.7  # "to" with a bare word is most often a verb
        return cost, replace(after, has_verb=state.has_verb)
    if state.last in ("AUX", "BE"):
        follows = {"AUX": ("BE", "V:base", "AUX"), "BE": ("BE",)}[state.last]
        return (0.3 if word.reading in follows else 6.0), after
    cost = {"ADP": NEVER, "DET": NEVER, "NUM": 4.0, "ADJ": 4.0, "TO": NEVER}.get(state.last, 0.0)
    if state.last in ("V:ing", "V:participle"):
        cost = 1.0
    if state.last == "ADJ" and state.role == "case":
        cost = 0.5  # "a woman in black reads"
    if state.last == "EX":
        return (0.0 if word.reading == "BE" else 3.0), replace(after, waiting=0)
    if state.waiting:
        wrong = "any" not in (state.subject, word.number) and state.subject != word.number
        return cost + 4.0 * wrong, replace(after, waiting=state.waiting - 1, subject="any")
    if state.joined or state.last in ("CCONJ", "PUNCT"):
        cost += 0.5
        return cost + (0.0 if state.has_verb else 1.5), after
    if not state.has_verb and state.role == "case":
        return cost + 1.5, after  # "behind the couch stands a lamp"
    return cost + 5.0, after


def _participle(state: State, word: Word) -> tuple[float, State]:
    """After an auxiliary, after the noun that it is about, or at the head of a clause."""
    costs = {
        "BE": 0.0, "AUX": 0.0, "NOUN": 0.6, "PRON": 1.0, "CCONJ": 0.7, "PUNCT": 0.7, "SCONJ": 0.7,
        "ADP": 1.2, "ADJ": 4.0, "NUM": 3.0, "DET": 6.0, "START": 2.0, "TO": 5.0,
    }  # fmt: skip
    cost = costs.get(state.last, 1.2)
    if word.reading == "V:participle" and state.last == "ADP":
        cost = 5.0
    if word.reading == "V:participle" and state.last == "BE":
        cost = -1.0  # "is hit by"
    if state.last == "ADJ" and state.role in ("case", "object"):
        cost = 0.8  # "a child wearing black playing baseball"
    return cost, replace(state, last=word.reading, wants="any", adverb=False)


def _small_word(state: State, word: Word) -> tuple[float, State]:
    if word.reading == "ADV":
        return (1.2 if state.last == "DET" else 0.2), replace(state, adverb=True)
    after = replace(state, last=word.reading, wants="any", adverb=False)
    if word.reading == "CCONJ" and state.last == "ADJ" and state.role in ("subject", "case"):
        return 0.0, state  # "a black and white dog" is one
    if word.reading in ("CCONJ", "PUNCT"):
        return 0.0, replace(after, joined=True)
    if word.reading == "SCONJ":
        clause = replace(after, waiting=0, has_verb=False, joined=False, role="", subject="any")
        return 0.3 + (1.5 if state.waiting else 0.0), clause
    return (1.0 if word.reading == "ADP" and state.last == "ADP" else 0.0), after
