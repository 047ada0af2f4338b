"""Hard negatives and kinds: inverse relations, denials, and what they are about."""

import pytest

from model.curation.kinds import relation_kind
from model.curation.negatives import denied, inverse_relation, negatives_of


@pytest.mark.parametrize(
    ("relation", "opposite"),
    [
        ("is behind", "is in front of"),
        ("is riding next to", "is riding far away from"),
        ("hits", "passes well clear of"),
        ("to the left of", "right of"),
        ("wears", None),
    ],
)
def test_inverse_relations(relation: str, opposite: str | None) -> None:
    """From the lexicon: the whole phrase, its preposition, or its verb."""
    assert inverse_relation(relation) == opposite


@pytest.mark.parametrize(
    ("relation", "denial"),
    [("is behind", "is not behind"), ("hits", "does not hit"), ("riding", "not riding"),
     ("drove into", "did not drive into"), ("wait for", "do not wait for")],
)  # fmt: skip
def test_denials(relation: str, denial: str) -> None:
    """In the form of the verb."""
    assert denied(relation) == denial


def test_negatives_keep_the_participants_and_their_spans() -> None:
    """Inverse, exchanged roles, denial; every span still says its role."""
    found = negatives_of("A car is behind a bus.", (0, 5), (6, 15), (16, 21))

    assert [n.kind for n in found] == ["inverse", "role_swap", "negation"]
    assert found[0].text == "A car is in front of a bus."
    assert found[1].text == "A bus is behind a car."
    for negative in found:
        words = [negative.text[slice(*s)] for s in (negative.subject, negative.object)]
        assert {word.lower() for word in words} == {"a car", "a bus"}


@pytest.mark.parametrize(
    ("key", "kind"),
    [("car|be behind|bus", "spatial"), ("dog|on|sofa", "spatial"), ("car|hit|pole", "action"),
     ("man|run through|park", "both"), ("cat|sit on|chair", "spatial")],
)  # fmt: skip
def test_kinds(key: str, kind: str) -> None:
    """Where, what, or both."""
    assert relation_kind(key) == kind
