"""A smallest valid hierarchy, and for every rule the smallest change that breaks it and no other.

The messages in knowledge/README.md are those of these examples.
"""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.hierarchy import KnowledgeError, Violation, parse_hierarchy

SMALL = """\
schema_version: 1
entities:
  car: {coco: [car], role: vehicle}
  pedestrian: {coco: [person], role: person}
  flames: {coco: [], role: phenomenon, fallback: subject}
  smoke: {coco: [], role: phenomenon, fallback: subject}
tree:
- id: anomaly
  title: Anomalous traffic
  polarity: anomaly
  children:
  - id: a.vp
    title: Vehicle with person
    participants: VP
    children:
    - {id: a.vp.hit, title: Pedestrian struck, dota: [VP], severity: 5, counterpart: n.vp.wait,
       cues: [closing], d: [
        {t: "A car hits a pedestrian.", s: A car, v: hits, o: a pedestrian}]}
- id: normal
  title: Normal traffic
  polarity: normal
  children:
  - id: n.vp
    title: Vehicle with person
    participants: VP
    children:
    - {id: n.vp.wait, title: Car waits, severity: 0, d: [
        {t: "A car waits for a pedestrian.", s: A car, v: waits for, o: a pedestrian}]}
"""

_HIT = '{t: "A car hits a pedestrian.", s: A car, v: hits, o: a pedestrian}'
_WAIT = '{t: "A car waits for a pedestrian.", s: A car, v: waits for, o: a pedestrian}'
_CAR = "car: {coco: [car], role: vehicle}"


@dataclass(frozen=True, slots=True)
class Broken:
    """`rule` breaks when `old` is replaced by `new` in SMALL (old "" = `new` is the whole file)."""

    rule: str
    old: str
    new: str

    @property
    def data(self) -> bytes:
        """The broken file."""
        assert self.old in SMALL, self.old
        text = SMALL.replace(self.old, self.new, 1) if self.old else self.new
        return text.encode("utf-8", "surrogateescape")


def more_texts(count: int) -> str:
    """SMALL with so many more normal texts."""
    texts = [
        f'{{t: "A car waits {i} s for a pedestrian.", s: A car, v: waits {i} s for, '
        "o: a pedestrian}"
        for i in range(count)
    ]
    return SMALL.replace(_WAIT, ", ".join([_WAIT, *texts]))


def violations_of(data: str | bytes) -> tuple[Violation, ...]:
    """What the file FILE breaks; empty when it is accepted."""
    try:
        parse_hierarchy(data, "FILE")
    except KnowledgeError as error:
        return error.violations
    return ()


BROKEN = (
    Broken("too-large", "", "#" * (1024 * 1024 + 1)),
    Broken("not-utf8", "", "\udcff"),
    Broken("yaml-syntax", "[closing]", "[closing"),
    Broken("yaml-alias", "entities:\n", "entities: &all\n"),
    Broken("duplicate-key", "severity: 5", "severity: 5, severity: 4"),
    Broken("too-deep", "coco: [car]", f"coco: {'[' * 30}{']' * 30}"),
    Broken("not-a-mapping", "", "- a list"),
    Broken("not-a-number", "severity: 5", "severity: 5, weight: .nan"),
    Broken("bad-text", "title: Car waits", r'title: "Car\nwaits"'),
    Broken("wrong-type", "title: Car waits", "title: 2024"),
    Broken("schema-version", "schema_version: 1", "schema_version: 2"),
    Broken("missing-field", "title: Car waits, ", ""),
    Broken("unknown-field", "counterpart: n", "conterpart: x, counterpart: n"),
    Broken("empty-text", "title: Car waits", 'title: ""'),
    Broken("text-too-long", "title: Car waits", "title: " + "x" * 201),
    Broken("severity-range", "severity: 5", "severity: 6"),
    Broken("weight-range", "severity: 5", "severity: 5, weight: 0"),
    Broken("unknown-dota", "dota: [VP]", "dota: [XX]"),
    Broken("unknown-condition", "severity: 5", "severity: 5, conditions: [sunset]"),
    Broken("unknown-polarity", "    participants: VP", "    participants: VP\n    polarity: odd"),
    Broken("unknown-participants", "participants: VP", "participants: PP"),
    Broken("unknown-role", "role: vehicle", "role: car"),
    Broken("unknown-fallback", "role: vehicle", "role: vehicle, fallback: sky"),
    Broken("unknown-source", "v: hits", "source: rumour, v: hits"),
    Broken("unknown-cue", "closing", "closin"),
    Broken("unknown-class", "coco: [car]", "coco: [car, carr]"),
    Broken("entity-fallback", "coco: [car]", "coco: []"),
    Broken(
        "duplicate-phrase", _CAR, "van: {coco: [car], role: vehicle, phrases: [car]}\n  " + _CAR
    ),
    Broken("span-not-in-text", "v: hits", "v: strikes"),
    Broken("span-cuts-word", "v: hits", "v: hit"),
    Broken("span-order", "v: hits", "v: pedestrian"),
    Broken(
        "unknown-entity",
        '"A car hits a pedestrian.", s: A car',
        '"A lorry hits a pedestrian.", s: A lorry',
    ),
    Broken(
        "no-visible-participant",
        _WAIT,
        _WAIT + ', {t: "Smoke hides flames.", s: Smoke, v: hides, o: flames}',
    ),
    Broken("bad-id", "id: a.vp\n", "id: A VP\n"),
    Broken("duplicate-id", "id: n.vp\n", "id: a.vp\n"),
    Broken("duplicate-text", _WAIT, _WAIT + ", " + _HIT.replace("pedestrian.", "pedestrian")),
    Broken("polarity-missing", "  polarity: normal\n", ""),
    Broken("participants-missing", "    participants: VP\n", ""),
    Broken(
        "empty-leaf", _WAIT, _WAIT + "]}\n    - {id: n.vp.none, title: Nothing, severity: 0, d: ["
    ),
    Broken("no-anomaly", SMALL[SMALL.index("- id: anomaly") : SMALL.index("- id: normal")], ""),
    Broken("too-many-descriptions", "", more_texts(4999)),
    Broken("counterpart-missing", "counterpart: n.vp.wait", "counterpart: n.vp.wayt"),
    Broken("counterpart-not-normal", "counterpart: n.vp.wait", "counterpart: a.vp.hit"),
    Broken("counterpart-on-normal", "severity: 0", "severity: 0, counterpart: n.vp.wait"),
    Broken("counterpart-participants", "participants: VP", "participants: VV"),
    Broken("dota-on-normal", "severity: 0", "severity: 0, dota: [VP]"),
    Broken(
        "no-normal-text-with-same-roles",
        _WAIT,
        '{t: "A pedestrian waits for a car.", s: A pedestrian, v: waits for, o: a car}',
    ),
    Broken("unrecognised-alone", "role: person}", "role: person, recognised: false}"),
)
