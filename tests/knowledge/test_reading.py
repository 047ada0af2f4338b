"""Untrusted bytes: refused quickly and clearly, whatever they are."""

import json
from pathlib import Path

import pytest

from knowledge.hierarchy import KnowledgeError, hierarchy_to_yaml, load_hierarchy, parse_hierarchy
from knowledge.reading import read_data
from tests.builders.hierarchies import SMALL, violations_of


def _rules(data: str | bytes) -> set[str]:
    return {violation.rule for violation in violations_of(data)}


def test_json_and_yaml_say_the_same() -> None:
    """The same content in JSON has the same digest."""
    hierarchy = parse_hierarchy(SMALL, "small.yaml")
    as_json = parse_hierarchy(hierarchy.model_dump_json(), "small.json")

    assert as_json == hierarchy
    assert as_json.sha256 == hierarchy.sha256


def test_a_yaml_mapping_in_braces_is_not_taken_for_broken_json() -> None:
    """JSON is tried first, YAML has the last word."""
    assert read_data("{a: 1}", "x") == {"a": 1}


def test_a_byte_order_mark_is_no_content() -> None:
    """Windows editors write one."""
    assert read_data(b"\xef\xbb\xbfa: 1", "x") == read_data("\ufeffa: 1", "x") == {"a": 1}


def test_a_yaml_bomb_is_refused_before_it_goes_off() -> None:
    """Nine levels of nine aliases would be 3.5e9 strings."""
    bomb = 'a: &a ["x","x"]\n' + "".join(
        f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )

    (violation,) = violations_of(bomb)
    assert (violation.id, violation.rule) == ("line 1, column 4", "yaml-alias")


@pytest.mark.parametrize("opening", ["[", "{a: ", '{"a": ', "- "])
def test_deep_nesting_is_refused_without_recursion(opening: str) -> None:
    """A hundred thousand brackets neither overflow the stack nor take long."""
    assert _rules(opening * 100_000) <= {"too-deep", "yaml-syntax"}
    assert _rules(opening * 100_000)


def test_deep_json_is_refused() -> None:
    """Well-formed, 200 levels."""
    assert _rules('{"a":' * 200 + "1" + "}" * 200) == {"too-deep"}
    assert _rules('{"a":' * 100_000 + "1" + "}" * 100_000) == {"too-deep"}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "not-a-mapping"),
        (b"null", "not-a-mapping"),
        (b"just text", "not-a-mapping"),
        (b'{"a": NaN}', "not-a-number"),
        (b'{"a": 1e999}', "not-a-number"),
        (b'{"a": 1, "a": 2}', "duplicate-key"),
        (b'{"a": "\\ud800"}', "bad-text"),
        (b"a: !!python/object/apply:os.system [ls]", "yaml-syntax"),
        (b"a: !!binary aGk=", "wrong-type"),
        (b"a: 2024-05-01", "wrong-type"),
        (b"a: 2024-99-99", "yaml-syntax"),
        (b"1: a", "wrong-type"),
        (b"a: 1\n---\nb: 2", "yaml-syntax"),
        (b"a: \x00", "yaml-syntax"),
        (b"a: [1", "yaml-syntax"),
        (b"a: " + b"9" * 5000, "yaml-syntax"),
        (b"\xff\xfe", "not-utf8"),
        (b"<<: {a: 1}", "missing-field"),
    ],
)
def test_unfit_content_is_refused_by_name(data: bytes, rule: str) -> None:
    """No input ends in a traceback."""
    assert rule in _rules(data)


def test_a_syntax_error_names_line_and_column() -> None:
    """Counted from one, as editors do."""
    (violation,) = violations_of("schema_version: 1\ntree: [a, }\n")

    assert (violation.id, violation.rule) == ("line 2, column 11", "yaml-syntax")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So is a folder in its place."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(KnowledgeError, match="file-not-readable") as refused:
            load_hierarchy(path)

        assert refused.value.violations[0].source == str(path)


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A sparse gigabyte is refused by its first mebibyte."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1024**3)

    with pytest.raises(KnowledgeError, match="too-large"):
        load_hierarchy(path)


FIT = {"id": ("x",), "severity": (3,), "weight": (3, 1.5)}


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "x", [], {}, [[]], {"id": []}, 10**400])
@pytest.mark.parametrize(
    "field", ["schema_version", "entities", "tree", "id", "severity", "weight"]
)
def test_any_value_at_any_field_is_answered(field: str, value: object) -> None:
    """Accepted where it fits, refused elsewhere, never a crash."""
    data = json.loads(parse_hierarchy(SMALL, "x").model_dump_json())
    leaf = data["tree"][0]["children"][0]["children"][0]
    (data if field in data else leaf)[field] = value
    fits = value is not True and value in FIT.get(field, ())

    assert (not _rules(json.dumps(data))) == fits


@pytest.mark.parametrize(
    "text", ["yes", "1", "a: b", "# no", "'q\"", "ünï 汽车 😀", "- x", " pad "]
)
def test_awkward_titles_survive_the_way_through_yaml(text: str) -> None:
    """Quoting is the writer's business."""
    data = json.loads(parse_hierarchy(SMALL, "x").model_dump_json())
    data["tree"][0]["title"] = text
    hierarchy = parse_hierarchy(json.dumps(data), "x")

    assert hierarchy.tree[0].title == text
    assert parse_hierarchy(hierarchy_to_yaml(hierarchy), "y") == hierarchy
