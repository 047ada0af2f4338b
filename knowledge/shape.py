"""Pydantic's complaints in the expert's words: file, id, rule, what to do."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from knowledge.flat import description_id
from knowledge.schema import Description, Entity, Knowledge, Leaf, Node
from knowledge.violations import Violation

Path = tuple[str | int, ...]

MAX_JUDGED = 1000  # a file with more broken fields is no hierarchy; explaining all takes minutes

_RULES_BY_FIELD = {
    "severity": "severity-range",
    "weight": "weight-range",
    "dota": "unknown-dota",
    "conditions": "unknown-condition",
    "polarity": "unknown-polarity",
    "participants": "unknown-participants",
    "role": "unknown-role",
    "fallback": "unknown-fallback",
    "source": "unknown-source",
    "schema_version": "schema-version",
}
_RULES_BY_TYPE = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "string_too_short": "empty-text",
    "string_too_long": "text-too-long",
}
_FIELDS = sorted({f for m in (Knowledge, Entity, Node, Leaf, Description) for f in m.model_fields})
_RANGE_TYPES = {"literal_error", "greater_than", "greater_than_equal", "less_than_equal"}

# With one of these set aside, the rest of the entry can still be checked by the rules.
_LISTS = {"dota", "conditions", "cues", "phrases", "coco"}
_SET_ASIDE = {
    "id",
    "lang",
    "source",
    "conditions",
    "weight",
    "dota",
    "cues",
    "fallback",
    "ego",
    "recognised",
}
_STAND_INS: dict[str, Any] = {"severity": 0, "title": "?"}


def read_shape(data: dict[str, Any], source: str) -> tuple[Knowledge | None, list[Violation], bool]:
    """The models, the violations found on the way, and whether the models are complete.

    Broken entries are left out so that the rules can still look at the others; `complete` is
    False when a whole entry is missing, because then cross references prove nothing.
    """
    try:
        return Knowledge.model_validate(data), [], True
    except ValidationError as error:
        details = error.errors(include_url=False)
    judged = len(details) <= MAX_JUDGED
    details = details[:MAX_JUDGED]
    paths = [_raw_path(data, detail) for detail in details]
    violations = [
        _violation(data, path, detail, source) for path, detail in zip(paths, details, strict=True)
    ]
    if not judged:
        return None, violations, False
    stand_ins: dict[Path, Any] = {}
    complete = True
    for path, detail in zip(paths, details, strict=True):
        complete &= _set_aside(stand_ins, path, detail)
    try:
        return Knowledge.model_validate(_rebuilt(data, stand_ins)), violations, complete
    except ValidationError:
        return None, violations, False


def _raw_path(data: Any, detail: ErrorDetails) -> Path:
    """Pydantic's location without the union tags, so that it can be followed in the raw data."""
    path: list[str | int] = []
    here = data
    steps = detail["loc"]
    for i, step in enumerate(steps):
        found, below = _below(here, step)
        if found:
            here = below
        elif i < len(steps) - 1 or step in ("node", "leaf"):
            continue  # a tag
        path.append(step)
    return tuple(path)


def _below(here: Any, step: str | int) -> tuple[bool, Any]:
    try:
        return True, here[step]
    except (KeyError, IndexError, TypeError):
        return False, None


def _violation(data: Any, path: Path, detail: ErrorDetails, source: str) -> Violation:
    names = [step for step in path if isinstance(step, str)]
    field = names[-1] if names else "top level"
    kind = detail["type"]
    rule = _RULES_BY_TYPE.get(kind, "wrong-type")
    if kind in _RANGE_TYPES:
        rule = _RULES_BY_FIELD.get(field, rule)
    return Violation(source, _id_at(data, path), rule, _message(field, detail))


def _message(field: str | int, detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return f"`{field}` is required"
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(field), _FIELDS, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return f"`{field}` is not a field of this entry{hint}"
    demand = detail["msg"].replace("Input should", "must").replace("String should", "must")
    return f"`{field}` {demand}, not {_shown(detail['input'])}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _id_at(data: Any, path: Path) -> str:
    """The id of the innermost entry on the path that has one."""
    here, found, leaf_id = data, "top level", ""
    for i, step in enumerate(path):
        if isinstance(here, dict) and isinstance(here.get("id"), str):
            found = leaf_id = here["id"]
        if path[0] == "entities" and i == 1:
            found = f"entities.{step}"
        there, here = _below(here, step)
        if not there:
            break
        if i and path[i - 1] == "d":
            found = _description_id(here, leaf_id, step)
    if isinstance(here, dict) and isinstance(here.get("id"), str):
        found = here["id"]
    return found


def _description_id(raw: Any, leaf_id: str, position: str | int) -> str:
    text = raw.get("t") if isinstance(raw, dict) else None
    if not isinstance(text, str) or not text:
        return f"{leaf_id}/d[{position}]"
    own = raw.get("id")
    chosen = own if isinstance(own, str) else None
    description = Description.model_construct(t=text, s="", v="", o="", id=chosen)
    return description_id(leaf_id, description)


_DROP = object()


def _set_aside(stand_ins: dict[Path, Any], path: Path, detail: ErrorDetails) -> bool:
    """Note what replaces the broken value; False when a whole entry has to go."""
    last = path[-1] if path else ""
    if (
        (len(path) >= 2 and isinstance(last, int) and path[-2] in _LISTS)
        or detail["type"] == "extra_forbidden"
        or last in _SET_ASIDE
    ):
        stand_ins[path] = _DROP
    elif last in _STAND_INS and detail["type"] != "missing":
        stand_ins[path] = _STAND_INS[str(last)]
    else:
        ends = [i + 1 for i, step in enumerate(path) if isinstance(step, int)]
        end = 2 if path[:1] == ("entities",) else max(ends, default=0)
        stand_ins[path[:end]] = _DROP
        return False
    return True


def _rebuilt(value: Any, stand_ins: dict[Path, Any], here: Path = ()) -> Any:
    if isinstance(value, dict):
        rebuilt = {k: _replaced(v, stand_ins, (*here, k)) for k, v in value.items()}
        return {k: v for k, v in rebuilt.items() if v is not _DROP}
    if isinstance(value, list):
        items = [_replaced(v, stand_ins, (*here, i)) for i, v in enumerate(value)]
        return [v for v in items if v is not _DROP]
    return value


def _replaced(value: Any, stand_ins: dict[Path, Any], here: Path) -> Any:
    return stand_ins[here] if here in stand_ins else _rebuilt(value, stand_ins, here)
