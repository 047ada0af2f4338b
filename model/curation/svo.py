"""From a dependency parse to subject-verb-object triplets: the rules of docs/curation.md.

Source: SA-CLIP paper, §2.1 and appendix A name the steps; the patterns are our own.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from model.curation.lexicon import lexicon
from model.curation.parse import Parse

MAX_TRIPLETS = 4
MAX_DEPTH = 4
OWN = ("with", "without")  # a phrase of the noun it follows alone, in a list too
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Statement:
    """One triplet of a caption.

    Attributes:
        subject, verb, object: Character spans, half-open.
        key: Lemmas ``subject|verb|object``; the verb with its particle and preposition.
        rule: Number of the rule that found it.
    """

    subject: Span
    verb: Span
    object: Span
    key: str
    rule: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    subject: int
    verb_tokens: tuple[int, ...]
    object: int
    rule: str
    verb_lemma: str


def find_statements(text: str, parse: Parse) -> tuple[list[Statement], Counter[str]]:
    """All triplets of a caption, at most four, and how many were rejected why."""
    rejected: Counter[str] = Counter()
    found: list[Statement] = []
    keys: set[str] = set()
    for candidate in _candidates(parse):
        reason = _fault(text, parse, candidate)
        if reason is not None:
            rejected[reason] += 1
            continue
        statement = _statement(parse, candidate)
        if statement.key in keys:
            continue
        if len(found) == MAX_TRIPLETS:
            rejected["more than four in a caption"] += 1
            break
        keys.add(statement.key)
        found.append(statement)
    return found, rejected


def _candidates(parse: Parse) -> Iterator[_Candidate]:
    for i, token in enumerate(parse.tokens):
        if token.pos == "VERB":
            yield from _of_verb(parse, i)
        elif parse.children(i, "cop") and parse.preposition(i) is not None:
            yield from _of_copula(parse, i)
        if token.pos in ("NOUN", "PROPN"):
            yield from _of_noun(parse, i)


def _of_verb(parse: Parse, verb: int) -> Iterator[_Candidate]:
    """Rules 1, 4, 5, 7 and 8: a verb with its subject, and what it does to whom."""
    subjects, rule = _subjects(parse, verb)
    is_passive = any(parse.tokens[j].dep == "aux:pass" for j in parse.children(verb, "aux")) or any(
        parse.tokens[j].dep == "nsubj:pass" for j in parse.children(verb, "nsubj")
    )
    if is_passive and rule == "1":
        rule = "5"
    particle = parse.children(verb, "compound")
    particle = [j for j in particle if parse.tokens[j].dep == "compound:prt"]
    head = ("be " if is_passive else "") + parse.tokens[verb].lemma
    aux = [
        j for j in parse.children(verb, "aux") if is_passive and parse.tokens[j].dep == "aux:pass"
    ]
    for subject in subjects:
        for object_ in _with_conjuncts(parse, parse.children(verb, "obj")):
            with_verb = [j for j in particle if j < object_]  # "knocks down a sign"
            lemma = " ".join([head, *(parse.tokens[j].lemma for j in with_verb)])
            tokens = (*aux, verb, *with_verb)
            yield _Candidate(
                subject, tokens, object_, _spread(parse, rule, object_, subjects), lemma
            )
        for object_ in parse.children(verb, "obl", "nmod"):
            case = parse.preposition(object_)
            if case is None or _is_absolute(parse, case, object_):
                continue
            lemma = f"{head} {parse.tokens[case].lemma}"
            for each in _with_conjuncts(parse, [object_]):
                tokens = (*aux, verb, *particle, case)
                yield _Candidate(subject, tokens, each, _spread(parse, rule, each, subjects), lemma)


def _of_copula(parse: Parse, noun: int) -> Iterator[_Candidate]:
    """Rule 2: "the truck is behind the bus"."""
    case = parse.preposition(noun)
    assert case is not None
    copula = parse.children(noun, "cop")
    subjects = _with_conjuncts(parse, parse.children(noun, "nsubj"))
    expletive = parse.children(noun, "expl")
    rule = "6" if expletive else "2"
    lemma = f"be {parse.tokens[case].lemma}"
    for subject in subjects:
        yield _Candidate(subject, (copula[0], case), noun, rule, lemma)


def _of_noun(parse: Parse, noun: int) -> Iterator[_Candidate]:
    """Rules 3, 6 and 7: a noun with a prepositional phrase; lists and chains of nouns."""
    token = parse.tokens[noun]
    for object_ in parse.children(noun, "nmod"):
        case = parse.preposition(object_)
        if case is None or parse.tokens[case].lemma == "of":
            continue
        is_chain = token.dep.split(":")[0] in ("nmod", "obl")
        first = token.head if token.dep.split(":")[0] == "conj" else noun
        owners = [first, *parse.children(first, "conj")]  # "a truck and a trailer on the bridge"
        if parse.tokens[case].lemma in OWN:
            owners = [noun]
        owners = [j for j in owners if parse.is_noun(j)]
        objects = _with_conjuncts(parse, [object_])
        is_list = len(owners) > 1 or len(objects) > 1
        rule = "7" if is_chain or is_list else "6" if _is_existential(parse, noun) else "3"
        for owner in owners:
            for each in objects:
                yield _Candidate(owner, (case,), each, rule, parse.tokens[case].lemma)


def _is_absolute(parse: Parse, case: int, noun: int) -> bool:
    """In "pulls in with people waiting" the people are not what it pulls in with."""
    return parse.tokens[case].lemma == "with" and bool(parse.children(noun, "acl"))


def _subjects(parse: Parse, verb: int) -> tuple[list[int], str]:
    """Who does it, and by which rule that is known."""
    current, rule = verb, "1"
    for _ in range(MAX_DEPTH):
        own = parse.children(current, "nsubj")
        if own:
            people = _with_conjuncts(parse, [j for j in own if not _is_relative(parse, j)])
            if people:
                return people, "7" if len(people) > 1 and rule == "1" else rule
        dep, head = parse.tokens[current].dep, parse.tokens[current].head
        if dep.startswith("acl") and head >= 0:
            first = parse.tokens[head].head if parse.tokens[head].dep == "conj" else head
            joined = parse.children(first, "conj")
            whole = [first, *joined] if joined and joined[-1] == head else [head]
            return [j for j in whole if parse.is_noun(j)], "4" if rule == "1" else rule
        if head < 0 or dep.split(":")[0] not in ("conj", "xcomp", "advcl", "ccomp"):
            return [], rule
        rule = "7" if dep.startswith("conj") else "8"
        current = head
    return [], rule


def _with_conjuncts(parse: Parse, nouns: list[int]) -> list[int]:
    """Rule 7: each noun and those joined to it."""
    return [
        j
        for noun in nouns
        for j in (noun, *parse.children(noun, "conj"))
        if parse.is_noun(j) or j == noun
    ]


def _spread(parse: Parse, rule: str, object_: int, subjects: list[int]) -> str:
    is_list = parse.tokens[object_].dep.startswith("conj") or bool(
        [j for j in parse.children(object_, "conj") if parse.is_noun(j)]
    )
    return "7" if rule == "1" and (is_list or len(subjects) > 1) else rule


def _is_relative(parse: Parse, i: int) -> bool:
    return lexicon().has("relatives", parse.tokens[i].text.lower())


def _is_existential(parse: Parse, noun: int) -> bool:
    before = [token.text.lower() for token in parse.tokens[max(0, noun - 6) : noun]]
    return "there" in before


def _fault(text: str, parse: Parse, found: _Candidate) -> str | None:
    """Why a candidate is no triplet; None when it is one."""
    lists = lexicon()
    subject, object_ = parse.tokens[found.subject], parse.tokens[found.object]
    for token in (subject, object_):
        if token.pos not in ("NOUN", "PROPN"):
            return "a role is a pronoun or number"
    if lists.has("time_nouns", object_.lemma):
        return "the object is a time or measure"
    if lists.has("frame_subjects", subject.lemma):
        return "the subject is a picture or a part of it"
    if found.subject == found.object:
        return "subject and object are the same"
    spans = _spans(parse, found)
    if not spans[0][1] <= spans[1][0] <= spans[1][1] <= spans[2][0]:
        return "the roles are not in order"
    case = parse.preposition(found.object)
    if case is not None:
        phrase = text[parse.tokens[case].start : object_.end].lower()
        if any(phrase == idiom for idiom in lists.lists["idioms"]):
            return "the phrase is an idiom"
    return None


def _statement(parse: Parse, found: _Candidate) -> Statement:
    subject, verb, object_ = _spans(parse, found)
    names = (parse.tokens[found.subject].lemma, parse.tokens[found.object].lemma)
    return Statement(
        subject, verb, object_, f"{names[0]}|{found.verb_lemma}|{names[1]}", found.rule
    )


def _spans(parse: Parse, found: _Candidate) -> tuple[Span, Span, Span]:
    first = min(found.verb_tokens)
    last = max(found.verb_tokens)
    verb = (parse.tokens[first].start, parse.tokens[last].end)
    return _noun_span(parse, found.subject), verb, _noun_span(parse, found.object)


def _noun_span(parse: Parse, noun: int) -> Span:
    """From the first modifier to the noun, and on through phrases with "of"."""
    left = noun
    for j in parse.children(noun, "det", "amod", "nummod", "compound", "nmod", "advmod"):
        if j < noun and parse.tokens[j].dep != "nmod":
            left = min(left, _leftmost(parse, j))
    end = parse.tokens[noun].end
    for j in parse.children(noun, "nmod"):
        case = parse.preposition(j)
        if j > noun and case is not None and parse.tokens[case].lemma == "of" and case == noun + 1:
            end = _noun_span(parse, j)[1]
    return parse.tokens[left].start, end


def _leftmost(parse: Parse, i: int) -> int:
    return min([i, *(_leftmost(parse, j) for j in parse.children(i) if j < i)])
