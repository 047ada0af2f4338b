"""Ids, spans, roles and counterparts of single descriptions, worked out by hand."""

import pytest

from knowledge.flat import description_id, find_spans
from knowledge.hierarchy import load_hierarchy, parse_hierarchy
from knowledge.schema import Description
from tests.builders.hierarchies import SMALL

BY_ID = {description.id: description for description in load_hierarchy().flat}


def _described(text: str, own_id: str | None = None) -> Description:
    return Description(t=text, s="x", v="y", o="z", id=own_id)


def test_an_id_is_made_of_leaf_and_words() -> None:
    """The article in front and the full stop are left out."""
    expected = "a.vv.ah.rear_end/car-crashes-into-the-back-of-another-car"
    text = "A car crashes into the back of another car."

    assert expected == description_id("a.vv.ah.rear_end", _described(text))
    assert expected in BY_ID


def test_an_explicit_id_wins() -> None:
    """An expert may keep an id although the text changes."""
    assert description_id("a.vp.hit", _described("A car hits.", "a.vp.hit/1")) == "a.vp.hit/1"


def test_ids_do_not_depend_on_the_order() -> None:
    """Normal traffic written first gives the same ids."""
    start, normal = SMALL.index("- id: anomaly"), SMALL.index("- id: normal")
    swapped = SMALL[:start] + SMALL[normal:] + SMALL[start:normal]
    flat = parse_hierarchy(SMALL, "a").flat

    assert [d.id for d in flat] == [d.id for d in reversed(parse_hierarchy(swapped, "b").flat)]


@pytest.mark.parametrize(
    "text", ["一辆汽车撞上行人", "Ein Auto fährt", "A " + "very " * 50 + "car"]
)
def test_ids_that_ascii_cannot_spell_or_too_long_carry_a_digest(text: str) -> None:
    """Still a slug, still different from a text with other letters."""
    first = description_id("a.x", _described(text))
    second = description_id("a.x", _described(text + "x"))

    assert first.isascii()
    assert len(first) <= 4 + 120 + 9
    assert first != second


@pytest.mark.parametrize(
    ("text", "parts", "expected"),
    [
        ("A car hits a cat.", ("A car", "hits", "a cat"), ((0, 5), (6, 10), (11, 16))),
        ("At night a car hits a car.", ("a car", "hits", "a car"), ((9, 14), (15, 19), (20, 25))),
        ("A carter hits a car.", ("A car", "hits", "a car"), None),
        ("A car hits.", ("A car", "hit"), None),
        ("A car hits a car.", ("a car", "hits"), None),
        ("汽车撞上行人", ("汽车", "撞上", "行人"), ((0, 2), (2, 4), (4, 6))),
        ("", ("a",), None),
    ],
)
def test_spans_are_found_one_after_the_other(
    text: str, parts: tuple[str, ...], expected: tuple[tuple[int, int], ...] | None
) -> None:
    """Whole words, earliest place, never backwards."""
    assert find_spans(text, parts) == expected


@pytest.mark.parametrize(
    ("description_id", "subject_groups", "object_groups"),
    [
        ("a.vp.hit/car-hits-a-pedestrian-crossing-the-road", ("car",), ("person",)),
        ("a.vp.cyclist/car-knocks-a-cyclist-to-the-ground", ("car",), ("person", "bicycle")),
        ("a.vv.tc.backing/car-reverses-into-a-car-behind-it", ("car",), ("car",)),
        ("n.vv.lane_change/van-merges-into-a-wide-gap-between-cars", ("car", "truck"), ("car",)),
        ("a.vo.fixed/car-crashes-into-a-pole-beside-the-road", ("car",), ("obstacle", "null")),
        ("a.vo.fixed/car-hits-a-tree-at-the-roadside", ("car",), ("null",)),
        ("a.oo.weather/car-skids-off-the-icy-road", ("car",), ("road",)),
        (
            "a.oo.leave/car-loses-control-and-runs-off-the-road-into-a-ditch",
            ("car",),
            ("full",),
        ),
        ("a.uk.fire/flames-rise-from-a-crashed-car", ("car",), ("null",)),
        ("a.ego.vp/pedestrian-is-struck-by-our-car", ("person",), ("ego",)),
    ],
)
def test_roles_accept_these_class_groups(
    description_id: str, subject_groups: tuple[str, ...], object_groups: tuple[str, ...]
) -> None:
    """Detector classes, then fallbacks; a phenomenon leaves its place to the other one."""
    description = BY_ID[description_id]

    assert (description.subject_groups, description.object_groups) == (
        subject_groups,
        object_groups,
    )


def test_the_counterpart_shares_most_words() -> None:
    """Two normal texts have the roles, the first in the file of cars; this one names a truck."""
    near_miss = BY_ID["a.vv.near_miss/car-swerves-and-barely-misses-an-oncoming-truck"]

    assert near_miss.counterpart_id == "n.vv.gap/car-keeps-well-clear-of-an-oncoming-truck"


def test_the_first_in_the_file_breaks_a_tie() -> None:
    """Both "waits for" and "yields to" share the same words with "hits": car, a, pedestrian."""
    wait = '{t: "A car waits for a pedestrian.", s: A car, v: waits for, o: a pedestrian}'
    slow = '{t: "A car yields to a pedestrian.", s: A car, v: yields to, o: a pedestrian}'
    for first, second, expected in ((wait, slow, "waits-for"), (slow, wait, "yields-to")):
        flat = parse_hierarchy(SMALL.replace(wait, f"{first}, {second}"), "x").flat

        assert flat[0].counterpart_id == f"n.vp.wait/car-{expected}-a-pedestrian"


def test_conditions_of_a_description_replace_those_of_its_leaf() -> None:
    """An empty list says: in any condition."""
    text = SMALL.replace("severity: 5", "severity: 5, conditions: [night]")

    assert parse_hierarchy(text, "x").flat[0].conditions == ("night",)
    text = text.replace("v: hits", "v: hits, conditions: []")
    assert parse_hierarchy(text, "x").flat[0].conditions == ()


def test_headings_hand_down_path_participants_and_ego() -> None:
    """The path holds titles from the root to the leaf."""
    description = BY_ID["a.ego.vp/pedestrian-is-struck-by-our-car"]

    assert description.path == (
        "Anomalous traffic",
        "The camera vehicle is involved",
        "Ego and a person",
    )
    assert (description.participants, description.ego, description.severity) == ("EGO", True, 5)
    assert not BY_ID["a.vp.hit/car-hits-a-pedestrian-crossing-the-road"].ego


@pytest.mark.parametrize(
    ("recognised", "expected"), [("false", [True, True, False]), ("true", [False] * 3)]
)
def test_who_is_not_recognised_may_do_it_or_be_hit(recognised: str, expected: list[bool]) -> None:
    """As subject and as object; who is named was seen."""
    thing = f"  something: {{coco: [], role: person, fallback: union, recognised: {recognised}}}\n"
    text = SMALL.replace("tree:\n", thing + "tree:\n", 1).replace(
        '{t: "A car hits a pedestrian."',
        '{t: "A car hits something.", s: A car, v: hits, o: something},\n'
        '{t: "Something hits a pedestrian.", s: Something, v: hits, o: a pedestrian},\n'
        '{t: "A car hits a pedestrian."',
    )
    # A person hits a person: the counterpart must say so, too.
    text = text.replace(
        '{t: "A car waits for a pedestrian."',
        '{t: "A pedestrian waits for a pedestrian.", s: A pedestrian, v: waits for,'
        ' o: a pedestrian},\n{t: "A car waits for a pedestrian."',
    )

    flat = parse_hierarchy(text, "a").flat

    assert [d.has_unrecognised for d in flat if d.polarity == "anomaly"] == expected
    assert not any(d.has_unrecognised for d in flat if d.polarity == "normal")
