"""Every rule: the smallest change that breaks it is refused under its name, and only under it."""

import ast
import re
from pathlib import Path

import pytest

import knowledge
from knowledge.reading import MAX_BYTES
from knowledge.rules import MAX_DESCRIPTIONS, missing_dota_codes
from knowledge.schema import DOTA_CODES
from tests.builders.hierarchies import BROKEN, SMALL, Broken, more_texts, violations_of

FOLDER = Path(next(iter(knowledge.__path__)))
EVERY_RULE = {broken.rule for broken in BROKEN} | {"file-not-readable"}


def test_the_small_hierarchy_breaks_no_rule() -> None:
    """The examples start from a file that is accepted."""
    assert violations_of(SMALL) == ()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.rule)
def test_a_broken_rule_is_named_and_no_other(broken: Broken) -> None:
    """One change, one rule: nothing else is reported beside it."""
    assert {violation.rule for violation in violations_of(broken.data)} == {broken.rule}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.rule)
def test_the_experts_page_shows_the_message_of_each_rule(broken: Broken) -> None:
    """README.md quotes the message as it is printed, letter by letter."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert f"| `` {violations_of(broken.data)[0]} `` |" in page


def test_every_rule_in_the_code_has_a_breaking_example() -> None:
    """A new rule without an example in tests/builders/hierarchies.py fails here."""
    kebab = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
    named = {
        node.value
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if kebab.fullmatch(node.value)
    }

    assert named - {"utf-8", "utf-8-sig"} == EVERY_RULE


def test_all_violations_are_reported_at_once() -> None:
    """A wrong severity and a wrong field do not hide a wrong span or a missing counterpart."""
    text = (
        SMALL.replace("severity: 5", "severity: 9, extra: 1")
        .replace("v: hits", "v: strikes")
        .replace("counterpart: n.vp.wait", "counterpart: n.vp.nowhere")
        .replace("coco: [car]", "coco: [carr]")
    )

    assert {
        "severity-range",
        "unknown-field",
        "span-not-in-text",
        "counterpart-missing",
        "unknown-class",
    } == {violation.rule for violation in violations_of(text)}


def test_an_unreadable_leaf_does_not_accuse_those_that_refer_to_it() -> None:
    """The counterpart exists; that its title is missing is the only thing to report."""
    violations = violations_of(SMALL.replace("title: Car waits, ", ""))

    assert [(v.id, v.rule) for v in violations] == [("n.vp.wait", "missing-field")]


def test_a_description_without_text_is_named_by_its_place() -> None:
    """Its id would come from the text, so the position has to do."""
    violations = violations_of(SMALL.replace('t: "A car hits a pedestrian.", ', ""))

    assert [(v.id, v.rule) for v in violations] == [("a.vp.hit/d[0]", "missing-field")]


def test_each_absent_span_is_reported() -> None:
    """Two wrong spans, two messages."""
    violations = violations_of(SMALL.replace("s: A car, v: hits", "s: The car, v: strikes"))

    assert [violation.detail.split()[0] for violation in violations] == ["`s`", "`v`"]


def test_ego_and_phenomena_need_their_own_fallback() -> None:
    """An ego vehicle without the ego box would be looked for among detections."""
    for role in ("ego", "phenomenon"):
        text = SMALL.replace("tree:", f"  thing: {{coco: [], role: {role}}}\ntree:", 1)

        assert [(v.id, v.rule) for v in violations_of(text)] == [
            ("entities.thing", "entity-fallback")
        ]


def test_a_leaf_heading_without_children_is_empty() -> None:
    """A heading with neither children nor descriptions says nothing."""
    text = SMALL + "- {id: n.more, title: More, polarity: normal}\n"

    assert [(v.id, v.rule) for v in violations_of(text)] == [("n.more", "empty-leaf")]


def test_an_explicit_id_must_be_a_slug_too() -> None:
    """It goes into URLs and metrics like the others."""
    violations = violations_of(SMALL.replace("v: hits", "v: hits, id: 'A b'"))

    assert [(v.id, v.rule) for v in violations] == [("A b", "bad-id")]


def test_the_limits_themselves_are_allowed() -> None:
    """5,000 descriptions and 1 MiB pass; one more does not (see the examples)."""
    full = more_texts(MAX_DESCRIPTIONS - 2)
    padded = full + "#" * (MAX_BYTES - len(full.encode()))

    assert violations_of(padded) == ()


def test_missing_dota_codes_are_listed_in_their_order() -> None:
    """SMALL covers VP only."""
    from knowledge.hierarchy import parse_hierarchy

    expected = [code for code in DOTA_CODES if code != "VP"]

    assert missing_dota_codes(parse_hierarchy(SMALL, "small")) == expected


def test_whoever_is_not_recognised_needs_others_beside_it() -> None:
    """A subject as well as an object; in normal leaves it may not stand at all."""
    text = SMALL.replace(
        "coco: [car], role: vehicle}", "coco: [car], role: vehicle, recognised: false}"
    )

    assert [(v.id, v.rule, v.detail) for v in violations_of(text)] == [
        (
            "a.vp.hit/car-hits-a-pedestrian",
            "unrecognised-alone",
            "'a.vp.hit' needs a text that names what it is about",
        ),
        (
            "n.vp.wait/car-waits-for-a-pedestrian",
            "unrecognised-alone",
            "a normal text must name what it is about",
        ),
    ]


def test_recognised_is_true_or_false() -> None:
    """And a slip there does not hide what else is wrong with the entity."""
    text = SMALL.replace(
        "coco: [car], role: vehicle}", 'coco: [carr], role: vehicle, recognised: "no"}'
    )

    assert {violation.rule for violation in violations_of(text)} == {"wrong-type", "unknown-class"}
