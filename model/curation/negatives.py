"""Hard negatives: a sentence of the same participants that is not true (Eq. 10).

In the order in which they teach most: the inverse relation, the roles exchanged where that changes
the meaning, the plain denial.
"""

from knowledge.relations import inverse_of, is_asymmetric
from model.curation.lexicon import lexicon
from model.curation.records import Negative, NegativeKind, Span

COPULAS = ("is", "are", "was", "were")


def negatives_of(caption: str, subject: Span, verb: Span, object_: Span) -> tuple[Negative, ...]:
    """All negatives that words alone can make; there is always a denial."""
    relation = caption[verb[0] : verb[1]]
    found = []
    inverse = inverse_relation(relation)
    if inverse is not None:
        found.append(_with_relation("inverse", caption, inverse, subject, verb, object_))
    if _asymmetric(relation):
        found.append(_swapped(caption, subject, verb, object_))
    found.append(_with_relation("negation", caption, denied(relation), subject, verb, object_))
    return tuple(found)


def inverse_relation(relation: str) -> str | None:
    """The opposite of a verb phrase, its preposition alone turned round when the verb has none."""
    whole = inverse_of(relation.lower())
    if whole is not None:
        return whole
    words = relation.split()
    for start in range(1, len(words)):  # the longest preposition first
        opposite = inverse_of(" ".join(words[start:]).lower())
        if opposite is not None and not opposite.startswith(("pass", "drive", "follow")):
            return " ".join([*words[:start], opposite])
    for start in range(1, len(words)):  # "is hitting": the verb without its auxiliary
        lemma = lexicon().verb_lemma(words[start])
        opposite = inverse_of(" ".join([lemma, *words[start + 1 :]]))
        if opposite is not None:
            return opposite
    return None


def denied(relation: str) -> str:
    """The verb phrase with "not": is not behind, does not hit, not riding."""
    words = relation.split()
    first = words[0].lower()
    lists = lexicon()
    if first in COPULAS or lists.has("auxiliaries", first):
        return " ".join([words[0], "not", *words[1:]])
    forms = lists.verbs.get(first, ("", frozenset()))[1]
    if "s" in forms:
        return " ".join(["does not", lists.verb_lemma(first), *words[1:]])
    if "past" in forms and "base" not in forms:
        return " ".join(["did not", lists.verb_lemma(first), *words[1:]])
    if "base" in forms:
        return " ".join(["do not", *words])
    return " ".join(["not", *words])


def _asymmetric(relation: str) -> bool:
    words = relation.split()
    return any(is_asymmetric(" ".join(words[start:]).lower()) for start in range(len(words)))


def _with_relation(
    kind: NegativeKind, caption: str, relation: str, subject: Span, verb: Span, object_: Span
) -> Negative:
    shift = len(relation) - (verb[1] - verb[0])
    text = caption[: verb[0]] + relation + caption[verb[1] :]
    moved = (object_[0] + shift, object_[1] + shift)
    return Negative(
        kind=kind,
        text=text,
        subject=subject,
        verb=(verb[0], verb[0] + len(relation)),
        object=moved,
    )


def _swapped(caption: str, subject: Span, verb: Span, object_: Span) -> Negative:
    first, second = caption[slice(*subject)], caption[slice(*object_)]
    if subject[0] == 0 or first[:1].isupper():
        second = second[:1].upper() + second[1:]
        first = first[:1].lower() + first[1:]
    shift = len(second) - len(first)
    between = caption[subject[1] : object_[0]]
    text = caption[: subject[0]] + second + between + first + caption[object_[1] :]
    start = object_[0] + shift
    return Negative(
        kind="role_swap",
        text=text,
        subject=(subject[0], subject[0] + len(second)),
        verb=(verb[0] + shift, verb[1] + shift),
        object=(start, start + len(first)),
    )
