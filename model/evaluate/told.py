"""What kind of accident is told of a labelled stretch, and how often its DoTA code is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from knowledge.hierarchy import FlatDescription, leaf_of_id
from model.evaluate.auc import LabelledScores
from model.evaluate.texts import wilson_interval
from service.pipeline.frame import FrameResult
from service.pipeline.peaks import LOOK_BACK
from service.scoring.telling import spokesman


@dataclass(frozen=True, slots=True)
class Voice:
    """What one frame says of an accident: its first anomaly, or "" where it names none."""

    leaf_id: str
    evidence: float
    score: float


class KindFigures(BaseModel):
    """How many clips with an accident of known code are told by a leaf of that code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    clips: int
    right: int
    interval: tuple[float, float]


def voice_of(result: FrameResult, score: float) -> Voice:
    """What the service would name of this frame alone."""
    told = next((e for e in result.explanations if e.polarity == "anomaly"), None)
    leaf_id = "" if told is None else leaf_of_id(told.description_id)
    return Voice(leaf_id, result.told_evidence, score)


def told_together(scored: LabelledScores, voices: Sequence[Voice], smoothing_s: float) -> str:
    """What the service would name of a segment that is the labelled stretch of a clip.

    Args:
        scored: Smoothed scores and labels, at least one of them true.
        voices: Of the same frames; further ones are left out.
        smoothing_s: Time constant of the smoother.

    Returns:
        Id of a leaf; "" where no frame names one.
    """
    peak_s = scored.times_s[int(np.where(scored.labels, scored.scores, -np.inf).argmax())]
    since_s = peak_s - LOOK_BACK * smoothing_s
    is_cause = scored.labels & (scored.times_s >= since_s) & (scored.times_s <= peak_s)
    causes = [voices[i] for i in np.flatnonzero(is_cause).tolist()]
    chosen = spokesman(
        [voice.leaf_id for voice in causes],
        [voice.evidence for voice in causes],
        [voice.score for voice in causes],
    )
    return causes[chosen].leaf_id


def kind_figures(
    told: Mapping[str, Sequence[str]],
    codes: Sequence[Sequence[str]],
    descriptions: Iterable[FlatDescription],
) -> tuple[KindFigures, ...]:
    """Compare told leaves with the codes of their clips.

    Args:
        told: By the name of who tells, one leaf for each clip.
        codes: DoTA codes of each clip; any of them is right, a clip without one is left out.
        descriptions: With the codes of their leaves.

    Returns:
        A row for each teller, then one that always says the most frequent code of these very
        clips, which no one knows beforehand.
    """
    of_leaf: dict[str, set[str]] = {item.leaf_id: set(item.dota) for item in descriptions}
    known = [i for i, some in enumerate(codes) if some]
    if not known:
        return ()
    rows = [
        _row(name, [bool(of_leaf.get(leaves[i], set()) & set(codes[i])) for i in known])
        for name, leaves in told.items()
    ]
    often, _ = Counter(code for i in known for code in codes[i]).most_common(1)[0]
    control = _row(f"control: always {often}", [often in codes[i] for i in known])
    return (*rows, control)


def kinds_table(rows: Sequence[KindFigures]) -> Table:
    """Who tells the right kind of accident."""
    table = Table("kind of accident told", "accidents", "right code", "95 %")
    for row in rows:
        low, high = row.interval
        table.add_row(row.name, str(row.clips), str(row.right), f"{low:.2f} to {high:.2f}")
    return table


def _row(name: str, right: Sequence[bool]) -> KindFigures:
    interval = wilson_interval(sum(right), len(right))
    return KindFigures(name=name, clips=len(right), right=sum(right), interval=interval)
