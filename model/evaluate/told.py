"""What kind of accident is told of a labelled stretch, and how often its DoTA code is right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from knowledge.hierarchy import FlatDescription
from model.evaluate.auc import LabelledScores, percentile_interval
from model.evaluate.texts import wilson_interval
from service.pipeline.judging import FrameResult
from service.pipeline.peaks import LOOK_BACK, LOOK_ON
from service.scoring.telling import Voice, spokesman, told_leaf
from service.scoring.temporal import ROUNDING_S


class KindFigures(BaseModel):
    """How many clips with an accident of known code are told by a leaf of that code.

    Of a teller in several versions ``right`` is the mean, and the interval is over versions too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    clips: int
    right: float
    interval: tuple[float, float]


def voice_of(result: FrameResult, score: float) -> Voice:
    """What the service names of this frame alone; ``score`` decides between equal kinds."""
    return Voice(told_leaf(result.explanations), result.told_evidence, score)


def loudest(evidence: NDArray[np.float64], leaf_ids: Sequence[str], score: float) -> Voice:
    """What a part of the evidence would name alone: (L,), ``NO_EVIDENCE`` where it cannot speak."""
    leaf = int(evidence.argmax())
    if not np.isfinite(evidence[leaf]):
        return Voice("", 0.0, score)
    return Voice(leaf_ids[leaf], max(float(evidence[leaf]), 0.0), score)


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
    since_s = peak_s - LOOK_BACK * smoothing_s - ROUNDING_S
    until_s = peak_s + LOOK_ON * smoothing_s + ROUNDING_S
    is_cause = scored.labels & (scored.times_s >= since_s) & (scored.times_s <= until_s)
    causes = [voices[i] for i in np.flatnonzero(is_cause).tolist()]
    return causes[spokesman(causes)].leaf_id


def best_constant(codes: Sequence[Collection[str]], codes_of: Mapping[str, Collection[str]]) -> str:
    """The leaf that shares a code with most of these accidents: some have up to four.

    A control that no one knows beforehand.

    Args:
        codes: Of each accident.
        codes_of: Of each leaf.
    """
    return max(codes_of, key=lambda leaf: sum(_shares(codes_of[leaf], one) for one in codes))


def kind_figures(
    told: Mapping[str, Sequence[Sequence[str]]],
    codes: Sequence[Sequence[str]],
    descriptions: Iterable[FlatDescription],
) -> tuple[KindFigures, ...]:
    """Compare told leaves with the codes of their clips.

    Args:
        told: By the name of who tells, in one version or several: one leaf for each clip.
        codes: DoTA codes of each clip; any of them is right, a clip without one is left out.
        descriptions: With the codes of their leaves.

    Returns:
        A row for each teller, then one of `best_constant`.
    """
    codes_of = {item.leaf_id: item.dota for item in descriptions}
    known = [i for i, some in enumerate(codes) if some]
    if not known:
        return ()
    best = best_constant([codes[i] for i in known], codes_of)
    tellers = {**told, f"control: always {best}": [[best] * len(codes)]}
    return tuple(
        _row(
            name,
            [
                [_shares(codes_of.get(leaves[i], ()), codes[i]) for i in known]
                for leaves in versions
            ],
        )
        for name, versions in tellers.items()
    )


def dev_codes() -> dict[str, list[str]]:
    """DoTA codes of the development clips, by clip."""
    text = (files("model.evaluate") / "dev_codes.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def kinds_table(rows: Sequence[KindFigures]) -> Table:
    """Who tells the right kind of accident."""
    table = Table("kind of accident told", "accidents", "right code", "95 %")
    for row in rows:
        low, high = row.interval
        table.add_row(row.name, str(row.clips), f"{row.right:g}", f"{low:.2f} to {high:.2f}")
    return table


def _shares(some: Collection[str], others: Collection[str]) -> bool:
    return not set(some).isdisjoint(others)


def share_interval(right: Sequence[Sequence[bool]]) -> tuple[float, float]:
    """95 % of a share of right clips: Wilson's of one version, drawn over clips and versions else.

    Args:
        right: Of each version, of each clip.
    """
    if len(right) == 1:
        return wilson_interval(sum(right[0]), len(right[0]))
    hits = np.array(right)
    return percentile_interval(
        lambda drawn, version: float(hits[version, drawn].mean()), hits.shape[1], len(right)
    )


def _row(name: str, right: Sequence[Sequence[bool]]) -> KindFigures:
    mean = float(np.mean(np.sum(right, axis=1)))
    return KindFigures(
        name=name, clips=len(right[0]), right=round(mean, 2), interval=share_interval(right)
    )
