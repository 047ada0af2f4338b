"""From bytes of an untrusted YAML or JSON file to plain data, within stated limits.

Anchors are refused because a few of them expand to gigabytes; a duplicate key because YAML keeps
only the last in silence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from knowledge.violations import KnowledgeError, Violation

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20

# libyaml is ten times faster; both loaders build plain data only.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_source(path: Path) -> bytes:
    """The file's bytes, never more than the limit + 1."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refusal(str(path), "file-not-readable", reason) from None


def read_data(text: str | bytes, source: str) -> dict[str, Any]:
    """Parse YAML or JSON to a mapping of plain data.

    Raises:
        KnowledgeError: Too large, too deep, not UTF-8, not YAML/JSON, aliases, duplicate keys,
            NaN or infinite numbers, values of other types, or a top level that is no mapping.
    """
    decoded = _decode(text, source)
    data = _parse_json(decoded, source) if decoded.lstrip().startswith("{") else None
    if data is None:
        data = _parse_yaml(decoded, source)
    violations = [
        Violation(source, where or "top level", rule, detail)
        for where, rule, detail in _unfit_values(data)
    ]
    if violations:
        raise KnowledgeError(violations)
    if not isinstance(data, dict):
        detail = "the file must be a mapping with schema_version, entities and tree"
        raise _refusal(source, "not-a-mapping", detail)
    return data


def _refusal(source: str, rule: str, detail: str, where: str = "file") -> KnowledgeError:
    return KnowledgeError([Violation(source, where, rule, detail)])


def _decode(text: str | bytes, source: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refusal(source, "too-large", f"more than {MAX_BYTES} bytes (1 MiB)")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(source, "not-utf8", f"byte {error.start} is not UTF-8 text") from None


def _parse_json(text: str, source: str) -> Any:
    """The data, or None when it is not JSON after all: YAML mappings may begin with { as well."""

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise _refusal(source, "duplicate-key", f"{key!r} stands twice in one mapping")
            seen[key] = value
        return seen

    try:
        return json.loads(text, object_pairs_hook=without_duplicates)
    except RecursionError:
        raise _too_deep(source) from None
    except KnowledgeError:
        raise
    except ValueError:
        return None


def _parse_yaml(text: str, source: str) -> Any:
    try:
        _check_events(text, source)
        # A safe loader in either case, see _Loader.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except KnowledgeError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = " ".join(filter(None, (error.context, error.problem)))
        raise _refusal(source, "yaml-syntax", detail, _position(mark)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ReaderError names a position in the text; ValueError comes from impossible dates and
        # numbers of thousands of digits.
        before = text[: getattr(error, "position", 0)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        where = f"line {line}, column {column}" if before else "file"
        detail = str(error).splitlines()[0]
        raise _refusal(source, "yaml-syntax", detail, where) from None


def _position(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"


def _too_deep(source: str, where: str = "file") -> KnowledgeError:
    return _refusal(source, "too-deep", f"nested more than {MAX_DEPTH} levels", where)


def _check_events(text: str, source: str) -> None:
    """Refuse aliases, duplicate keys and deep nesting before anything is built (no recursion)."""
    # One frame per open collection: the keys seen in a mapping (None in a list), and whether
    # the next child is a key.
    open_collections: list[tuple[set[str] | None, list[bool]]] = []
    for event in yaml.parse(text, Loader=_Loader):
        where = _position(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            detail = "anchors (&) and aliases (*) are not allowed; write the value out"
            raise _refusal(source, "yaml-alias", detail, where)
        if isinstance(event, yaml.CollectionEndEvent):
            open_collections.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if open_collections:
            keys, next_is_key = open_collections[-1]
            if keys is not None and next_is_key[0] and isinstance(event, yaml.ScalarEvent):
                if event.value in keys:
                    detail = f"{event.value!r} stands twice in one mapping"
                    raise _refusal(source, "duplicate-key", detail, where)
                keys.add(event.value)
            next_is_key[0] = not next_is_key[0]
        if isinstance(event, yaml.CollectionStartEvent):
            keys = set() if isinstance(event, yaml.MappingStartEvent) else None
            open_collections.append((keys, [True]))
            if len(open_collections) > MAX_DEPTH:
                raise _too_deep(source, where)


def _unfit_values(data: Any) -> Iterator[tuple[str, str, str]]:
    """(where, rule, detail) of every value that plain UTF-8 JSON could not carry."""
    pending: list[tuple[str, Any, int]] = [("", data, 0)]
    while pending:
        where, value, depth = pending.pop()
        if depth > MAX_DEPTH:
            yield where, "too-deep", f"nested more than {MAX_DEPTH} levels"
        elif isinstance(value, dict):
            for key, child in value.items():
                if not isinstance(key, str):
                    yield where, "wrong-type", f"key {key!r} must be text; put it in quotes"
                pending.append((f"{where}.{key}".lstrip("."), child, depth + 1))
        elif isinstance(value, list):
            pending.extend((f"{where}[{i}]", child, depth + 1) for i, child in enumerate(value))
        else:
            yield from _unfit_scalar(where, value)


def _unfit_scalar(where: str, value: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield where, "not-a-number", f"{value} is not a finite number"
    elif isinstance(value, str):
        if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in value):
            yield where, "bad-text", "line breaks and control characters are not allowed"
    elif value is not None and not isinstance(value, bool | int | float):
        yield where, "wrong-type", f"{type(value).__name__} is not allowed; put it in quotes"
