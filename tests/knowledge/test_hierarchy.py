"""The shipped hierarchy, the defects of its draft, and every rule by one small breach."""

from pathlib import Path

import pytest
import yaml

from knowledge.entities import CLASS_GROUPS, NO_REGION
from knowledge.hierarchy import KnowledgeError, hierarchy_to_yaml, load_hierarchy, parse_hierarchy
from knowledge.rules import missing_dota_codes

DRAFT = Path(__file__).parent / "data" / "draft.yaml"
SMALL = """
schema_version: 1
entities:
  car: {coco: [car], role: vehicle}
  person: {coco: [person], role: person}
tree:
- id: a
  title: Anomalous
  polarity: anomaly
  participants: VV
  children:
  - {id: a.hit, title: Hit, dota: [AH], severity: 3, counterpart: n.follow, cues: [closing], d: [
      {t: "A car hits another car.", s: A car, v: hits, o: another car}]}
- id: n
  title: Normal
  polarity: normal
  participants: VV
  children:
  - {id: n.follow, title: Follow, severity: 0, d: [
      {t: "A car follows another car.", s: A car, v: follows, o: another car}]}
"""


def _rules(text: str) -> set[str]:
    with pytest.raises(KnowledgeError) as refused:
        parse_hierarchy(text, "small.yaml")
    assert all(v.source == "small.yaml" for v in refused.value.violations)
    assert str(refused.value).startswith("small.yaml")
    return {violation.rule for violation in refused.value.violations}


def test_the_draft_has_the_defects_that_were_mended() -> None:
    """One cue of no list, three counterparts of other participants, ten texts without a twin."""
    with pytest.raises(KnowledgeError) as refused:
        load_hierarchy(DRAFT)

    rules = [violation.rule for violation in refused.value.violations]
    assert {rule: rules.count(rule) for rule in set(rules)} == {
        "unknown-cue": 1,
        "counterpart-participants": 3,
        "no-normal-text-with-same-roles": 10,
    }


def test_every_shipped_description_is_whole() -> None:
    """Exact spans, a unique id, groups that exist, and a normal twin with the same leaf's roles."""
    flat = load_hierarchy().flat
    by_id = {item.id: item for item in flat}

    assert len(by_id) == len(flat) >= 111
    for item in flat:
        parts = [item.text[a:b] for a, b in item.spans]
        assert parts == [item.subject, item.verb, item.object]
        assert set(item.subject_groups) <= {*CLASS_GROUPS}
        assert set(item.object_groups) <= {*CLASS_GROUPS, NO_REGION}
        if item.polarity == "anomaly":
            assert item.counterpart_id is not None
            twin = by_id[item.counterpart_id]
            assert twin.polarity == "normal"
            assert twin.participants == item.participants


def test_the_shipped_file_covers_every_dota_code() -> None:
    """A rule for the shipped file alone: users may cover what they like."""
    assert missing_dota_codes(load_hierarchy()) == []


def test_a_small_hierarchy_is_accepted() -> None:
    """The base from which every breach below departs by one step."""
    assert [item.leaf_id for item in parse_hierarchy(SMALL, "small.yaml").flat] == [
        "a.hit",
        "n.follow",
    ]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("v: hits", "v: strikes", "span-not-in-text"),
        ("s: A car, v: hits, o: another car", "s: another car, v: hits, o: A car", "span-order"),
        ("v: hits", "v: hit", "span-cuts-word"),
        (
            'A car hits another car.", s: A car',
            'A zebra hits another car.", s: A zebra',
            "unknown-entity",
        ),
        ("cues: [closing]", "cues: [closnig]", "unknown-cue"),
        ("dota: [AH]", "dota: [XX]", "unknown-dota"),
        ("severity: 3", "severity: 9", "severity-range"),
        ("counterpart: n.follow", "counterpart: n.gone", "counterpart-missing"),
        ("counterpart: n.follow", "counterpart: a.hit", "counterpart-not-normal"),
        (
            "title: Normal\n  polarity: normal\n  participants: VV",
            "title: Normal\n  polarity: normal\n  participants: VP",
            "counterpart-participants",
        ),
        (
            'A car follows another car.", s: A car, v: follows, o: another car',
            'A car follows a person.", s: A car, v: follows, o: a person',
            "no-normal-text-with-same-roles",
        ),
        (
            'A car follows another car.", s: A car, v: follows',
            'A car hits another car.", s: A car, v: hits',
            "duplicate-text",
        ),
        ("id: n.follow", "id: a.hit", "duplicate-id"),
        ("title: Follow, severity: 0", "title: Follow, severity: 0, dota: [AH]", "dota-on-normal"),
        ("role: person", "role: ghost", "unknown-role"),
        ("schema_version: 1", "schema_version: 2", "schema-version"),
        ("title: Follow", "titel: Follow", "unknown-field"),
        ("  polarity: anomaly\n", "", "polarity-missing"),
    ],
)
def test_one_breach_is_named_by_its_rule(old: str, new: str, rule: str) -> None:
    """Each rule would let its breach pass if it were taken away."""
    assert old in SMALL
    assert rule in _rules(SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("entities: [", "yaml-syntax"),
        ("- a\n- b", "not-a-mapping"),
        ("a: &x [1]\nb: *x", "yaml-alias"),
        ("a: 1\na: 2", "duplicate-key"),
        ("[" * 60 + "]" * 60, "too-deep"),
        ("a: " + "x" * 1_100_000, "too-large"),
    ],
)
def test_a_file_that_is_no_hierarchy_is_refused_before_it_costs_anything(
    text: str, rule: str
) -> None:
    """Bombs, broken files and files of another kind."""
    assert rule in _rules(text)


def test_an_empty_leaf_is_refused() -> None:
    """A leaf without a text can never speak."""
    content = yaml.safe_load(SMALL)
    content["tree"][1]["children"][0]["d"] = []

    assert "empty-leaf" in _rules(yaml.safe_dump(content))


def test_what_is_read_can_be_written_and_read_again() -> None:
    """GET then PUT is a no-op, as YAML and as JSON."""
    shipped = load_hierarchy()

    again = parse_hierarchy(hierarchy_to_yaml(shipped), "again")
    from_json = parse_hierarchy(shipped.model_dump_json(), "json")

    assert again.sha256 == from_json.sha256 == shipped.sha256
    assert again.flat == from_json.flat == shipped.flat


def test_moving_a_description_keeps_its_id() -> None:
    """Ids come from the words, not from the place."""
    content = yaml.safe_load(SMALL)
    content["tree"].reverse()

    ids = {item.id for item in parse_hierarchy(yaml.safe_dump(content), "moved").flat}
    assert ids == {item.id for item in parse_hierarchy(SMALL, "small.yaml").flat}
