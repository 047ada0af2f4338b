"""Reading back what was written, and the digest of the content."""

import pytest
from pydantic import ValidationError

from knowledge.hierarchy import (
    MAX_VIOLATIONS,
    KnowledgeError,
    hierarchy_to_yaml,
    load_hierarchy,
    parse_hierarchy,
)
from tests.builders.hierarchies import SMALL, more_texts


def test_reading_back_yaml_and_json_changes_nothing() -> None:
    """GET then PUT is a no-op, whichever form is sent."""
    shipped = load_hierarchy()
    for text in (
        hierarchy_to_yaml(shipped),
        shipped.model_dump_json(),
        shipped.model_dump_json(exclude_defaults=True).encode(),
    ):
        again = parse_hierarchy(text, "again")

        assert again == shipped
        assert again.sha256 == shipped.sha256
        assert again.flat == shipped.flat


def test_the_digest_follows_the_content_only() -> None:
    """Comments and written-out defaults do not count, a weight does."""
    digest = parse_hierarchy(SMALL, "a").sha256

    assert parse_hierarchy("# note\n" + SMALL, "b").sha256 == digest
    explicit = SMALL.replace("severity: 5", "severity: 5, weight: 1")
    assert parse_hierarchy(explicit, "c").sha256 == digest
    heavier = SMALL.replace("severity: 5", "severity: 5, weight: 2")
    assert parse_hierarchy(heavier, "d").sha256 != digest


def test_a_hierarchy_cannot_be_changed_in_place() -> None:
    """Requests in flight share it."""
    hierarchy = parse_hierarchy(SMALL, "x")

    with pytest.raises(ValidationError):
        hierarchy.schema_version = 1  # type: ignore[misc]


def test_leaves_come_in_file_order() -> None:
    """The index of a leaf is its column of evidence."""
    assert [p.leaf.id for p in parse_hierarchy(SMALL, "x").leaves] == ["a.vp.hit", "n.vp.wait"]


def test_a_wholly_wrong_file_has_a_bounded_answer() -> None:
    """2,000 wrong spans: a thousand are kept, fifty are printed."""
    text = more_texts(2000).replace("v: waits", "v: sleeps")

    with pytest.raises(KnowledgeError) as refused:
        parse_hierarchy(text, "FILE")

    assert len(refused.value.violations) == MAX_VIOLATIONS
    assert len(str(refused.value).splitlines()) == 51
    assert str(refused.value).endswith("... and 950 more")


def test_a_file_with_thousands_of_broken_fields_is_answered_without_explaining_all() -> None:
    """Each needs a look for its id; the first thousand say enough."""
    text = SMALL.replace("v: hits, o: a pedestrian}", "v: hits, o: a pedestrian}" + ", {}" * 5000)

    with pytest.raises(KnowledgeError) as refused:
        parse_hierarchy(text, "FILE")

    assert len(refused.value.violations) == MAX_VIOLATIONS
    assert {violation.rule for violation in refused.value.violations} == {"missing-field"}
