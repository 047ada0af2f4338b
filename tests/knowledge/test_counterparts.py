"""Normal texts that nobody wrote."""

import pytest

from knowledge.hierarchy import KnowledgeError, hierarchy_to_yaml, parse_hierarchy
from tests.builders.hierarchies import SMALL

WITHOUT = SMALL.replace(" counterpart: n.vp.wait,", "")


def test_the_inverse_lexicon_writes_a_missing_counterpart() -> None:
    """Subject, opposite, object; the leaf is tied to it."""
    flat = parse_hierarchy(WITHOUT, "x").flat
    anomaly, written = flat[0], flat[-1]

    assert anomaly.counterpart_id == written.id
    assert written.text == "A car passes well clear of a pedestrian."
    assert (written.leaf_id, written.polarity) == ("n.auto.a.vp.hit", "normal")
    assert (written.severity, written.participants) == (0, "VP")


def test_what_was_written_is_read_back_unchanged() -> None:
    """GET then PUT stays a no-op."""
    hierarchy = parse_hierarchy(WITHOUT, "x")

    assert parse_hierarchy(hierarchy_to_yaml(hierarchy), "y") == hierarchy


def test_a_later_leaf_joins_those_already_written() -> None:
    """One heading for each kind of participants, below n.auto."""
    before = hierarchy_to_yaml(parse_hierarchy(WITHOUT, "x"))
    more = before.replace(
        "    - id: a.vp.hit\n",
        "    - {id: a.vp.ram, title: Rammed, severity: 5, d: [\n"
        '        {t: "A car rams a pedestrian.", s: A car, v: rams, o: a pedestrian}]}\n'
        "    - id: a.vp.hit\n",
    )
    assert more != before
    flat = parse_hierarchy(more, "y").flat
    written = [d for d in flat if d.leaf_id.startswith("n.auto")]

    assert [d.leaf_id for d in written] == ["n.auto.a.vp.hit", "n.auto.a.vp.ram"]
    assert written[1].text == "A car safely passes well clear of a pedestrian."


def test_a_lead_in_is_left_out_and_the_subject_begins_the_sentence() -> None:
    """The text "At night a car hits ..." becomes "A car passes ..."."""
    text = WITHOUT.replace(
        '"A car hits a pedestrian.", s: A car', '"At night a car hits a pedestrian.", s: a car'
    )

    assert parse_hierarchy(text, "x").flat[-1].text == "A car passes well clear of a pedestrian."


def test_an_unknown_verb_asks_for_a_counterpart() -> None:
    """The message names the description and the verb."""
    text = WITHOUT.replace("hits", "serenades")

    with pytest.raises(KnowledgeError) as refused:
        parse_hierarchy(text, "FILE")

    (violation,) = refused.value.violations
    assert (violation.id, violation.rule) == (
        "a.vp.hit/car-serenades-a-pedestrian",
        "counterpart-missing",
    )
    assert "'serenades'" in violation.detail


def test_an_id_in_the_way_of_a_written_leaf_is_refused() -> None:
    """What the lexicon writes obeys the rules too."""
    text = WITHOUT.replace("id: n.vp\n", "id: n.auto.a.vp.hit\n")

    with pytest.raises(KnowledgeError, match=r"n\.auto\.a\.vp\.hit: duplicate-id"):
        parse_hierarchy(text, "FILE")


def test_ego_leaves_get_ego_counterparts() -> None:
    """The heading hands `ego` down as well."""
    text = WITHOUT.replace("participants: VP", "participants: VP\n    ego: true")

    assert parse_hierarchy(text, "x").flat[-1].ego


def test_nothing_normal_is_written_of_the_unrecognised() -> None:
    """The accident is measured against what is normal with the same roles."""
    thing = "  thing: {coco: [], role: person, fallback: union, recognised: false}\n"
    text = WITHOUT.replace("tree:\n", thing + "tree:\n", 1).replace(
        '{t: "A car hits a pedestrian."',
        '{t: "A car hits a thing.", s: A car, v: hits, o: a thing},\n'
        '{t: "A car hits a pedestrian."',
    )
    hierarchy = parse_hierarchy(text, "x")
    vague, named, *normal = hierarchy.flat

    assert (vague.has_unrecognised, named.has_unrecognised) == (True, False)
    assert vague.counterpart_id == named.counterpart_id == normal[-1].id
    assert [d.text for d in normal] == [
        "A car waits for a pedestrian.",
        "A car passes well clear of a pedestrian.",
    ]
    assert parse_hierarchy(hierarchy_to_yaml(hierarchy), "y") == hierarchy
