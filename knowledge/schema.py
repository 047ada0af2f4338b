"""The shape of a knowledge file: frozen pydantic models, one per kind of entry.

Only what a single entry can tell about itself is checked here; rules that look at text or compare
entries are in rules.py. Unknown keys are errors: a misspelt `conterpart:` must not pass in silence.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
)

Polarity = Literal["anomaly", "normal"]
Participants = Literal["VV", "VP", "VO", "EGO"]
DotaCode = Literal["ST", "AH", "LA", "OC", "TC", "VP", "VO", "OO", "UK"]
Condition = Literal["day", "night", "rain", "snow", "fog"]
Role = Literal["vehicle", "person", "animal", "obstacle", "place", "phenomenon", "ego"]
Fallback = Literal["union", "road", "full", "subject", "ego_box"]

DOTA_CODES: tuple[str, ...] = get_args(DotaCode)

# Dynamics features that a leaf may name as its motion evidence.
CUES = (
    "closing",
    "iou_rise",
    "short_ttc",
    "sudden_stop",
    "lateral_jump",
    "crossing_path",
    "opposite_heading",
    "lane_violation",
    "spin",
    "aspect_flip",
    "static_overlap",
    "static_in_lane",
    "looming",
    "ego_jerk",
    "ego_rotation",
    "swerve",
    "reverse_motion",
    "roadside",
    "appearance",
)

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(_Entry):
    """How a noun finds its region: detector classes first, then a fallback region.

    `coco` lists detector class names; `phrases` lists further ways to say the noun. With
    `recognised: false` it is whatever it may be, as in "an unrecognised object".
    """

    coco: tuple[_Name, ...]
    role: Role
    fallback: Fallback | None = None
    phrases: tuple[_Name, ...] = ()
    recognised: StrictBool = True


class Description(_Entry):
    """One sentence `t` with its subject `s`, verb `v` and object `o` as parts of the sentence."""

    t: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    s: _Name
    v: _Name
    o: _Name
    id: _Name | None = None
    lang: _Name = "en"
    source: Literal["expert", "user"] = "expert"
    conditions: tuple[Condition, ...] | None = None


class Leaf(_Entry):
    """One scenario: descriptions that mean the same event, and what they share."""

    id: _Name
    title: _Name
    severity: Annotated[StrictInt, Field(ge=0, le=5)]
    dota: tuple[DotaCode, ...] = ()
    counterpart: _Name | None = None
    conditions: tuple[Condition, ...] = ()
    cues: tuple[_Name, ...] = ()
    weight: Annotated[float, Field(strict=True, gt=0, le=100, allow_inf_nan=False)] = 1.0
    d: tuple[Description, ...]


def _kind(value: Any) -> str:
    """A mapping with `d` is a leaf; anything else is read as a node, so errors name its fields."""
    has_descriptions = "d" in value if isinstance(value, dict) else isinstance(value, Leaf)
    return "leaf" if has_descriptions else "node"


class Node(_Entry):
    """A heading: what it states about polarity, participants and ego holds for all below it."""

    id: _Name
    title: _Name
    polarity: Polarity | None = None
    participants: Participants | None = None
    ego: StrictBool = False
    children: tuple[Child, ...] = ()


Child = Annotated[
    Annotated[Node, Tag("node")] | Annotated[Leaf, Tag("leaf")],
    Discriminator(_kind),
]


class Knowledge(_Entry):
    """A whole knowledge file as written, before the rules are checked."""

    schema_version: Annotated[StrictInt, Field(ge=1, le=1)]
    entities: dict[_Name, Entity]
    tree: tuple[Child, ...]


Node.model_rebuild()
