"""Figures of an evaluation on clips, always with the controls beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from model.evaluate.alarms import AlarmFigures
from model.evaluate.auc import (
    LabelledScores,
    Measure,
    Versions,
    bootstrap_interval,
    median_auc,
    paired_interval,
    per_clip_auc,
    pooled_auc,
    stratified_auc,
)
from model.evaluate.controls import always_on, mean_over_noise, position_control, ramp_control
from model.evaluate.told import KindFigures

MEASURES: dict[str, Measure] = {
    "pooled": pooled_auc,
    "per_clip": per_clip_auc,
    "stratified": stratified_auc,
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Row):
    """A measure with its 95 % interval over clips; controls by noise have no interval.

    ``value`` is None where it is not defined: no clip, or frames of one class only.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


class ScoreFigures(_Row):
    """One line of the table: a score, or a control.

    ``lead`` is the first row's pooled AUC minus this one's, over the same draws of clips.
    """

    name: str
    is_control: bool
    pooled: Figure
    per_clip: Figure
    stratified: Figure
    lead: Figure


class ClipFigures(_Row):
    """One clip; times in seconds. ``auc`` is None where the clip holds one class only.

    ``delay_s`` is that of the alarm as a live camera hears it, from the labelled start;
    ``best_leaf`` is that of the strongest segment, ``told_leaf`` what the labelled stretch would
    be told by if it were one.
    """

    clip_id: str
    category: str
    frames: int
    positive_frames: int
    auc: float | None
    segments: int
    segments_on_anomaly: int
    delay_s: float | None
    best_description: str | None
    best_leaf: str | None
    told_leaf: str | None
    dota: tuple[str, ...]


class ClipsEvaluation(_Row):
    """Everything that `saclip-model evaluate clips` writes down.

    ``unseen`` is the score on the clips that share no footage with any training; None where all
    or none of them do.
    """

    bundle: str
    knowledge_sha256: str
    mode: str
    sample_fps: float
    smoothing_s: float
    num_clips: int
    num_clips_with_both: int
    rows: tuple[ScoreFigures, ...]
    unseen: ScoreFigures | None
    alarms: tuple[AlarmFigures, ...]
    clips: tuple[ClipFigures, ...]
    kinds: tuple[KindFigures, ...]


def score_figures(
    named: Mapping[str, Versions],
    smoothing_s: float,
    release_s: float | None = None,
    draws: int = 1000,
) -> tuple[ScoreFigures, ...]:
    """Measure each score, then the controls on the same frames.

    Args:
        named: Scores of the same frames by name, at least one; the first has one version. Of a
            score in several versions the median counts, and the interval is over versions too.
        smoothing_s: Time constant of the smoother, for the noise control.
        release_s: The same while a score falls.
        draws: Bootstrap draws.
    """
    (clips,) = next(iter(named.values()))
    controls: dict[str, Versions] = {
        "control: position t/T": [position_control(clips)],
        "control: ramp min(t/4 s, 1)": [ramp_control(clips)],
        "control: always on": [always_on(clips)],
    }
    rows = [
        _measured(name, scored, clips, draws, name.startswith("control"))
        for name, scored in {**named, **controls}.items()
    ]
    noise = {
        name: Figure(value=_known(mean_over_noise(clips, measure, smoothing_s, release_s)))
        for name, measure in MEASURES.items()
    }
    rows.append(
        ScoreFigures(
            name="control: smoothed noise", is_control=True, lead=Figure(value=None), **noise
        )
    )
    return tuple(rows)


def unseen_figures(clips: Sequence[LabelledScores], draws: int = 1000) -> ScoreFigures:
    """The score on the clips that no training has seen."""
    figures = _intervals([clips], draws)
    name = f"score, the {len(clips)} clips not trained on"
    return ScoreFigures(name=name, is_control=False, lead=Figure(value=None), **figures)


def figures_table(evaluation: ClipsEvaluation) -> Table:
    """The scores and, beside them, the controls."""
    table = Table(
        "AUC", "pooled", "per clip", "by position", "lead of the first, pooled",
        title=f"{evaluation.bundle}, {evaluation.mode}: {evaluation.num_clips} clips "
        f"({evaluation.num_clips_with_both} with both classes)",
        caption="95 % intervals over clips; by position: frames at the same place of their clips; "
        "of shuffled texts the median, and intervals over shuffles too",
    )  # fmt: skip
    unseen = () if evaluation.unseen is None else (evaluation.unseen,)
    for row in (*evaluation.rows[:1], *unseen, *evaluation.rows[1:]):
        cells = [_cell(row.pooled), _cell(row.per_clip), _cell(row.stratified)]
        lead = "" if row.lead.value is None else _cell(row.lead)
        table.add_row(row.name, *cells, lead, style="dim" if row.is_control else "bold")
    return table


def clips_table(evaluation: ClipsEvaluation) -> Table:
    """One line for each clip."""
    table = Table()
    table.add_column("clip", no_wrap=True)
    for column in ("positive", "AUC", "segments", "hits", "delay", "best description"):
        table.add_column(column)
    for clip in evaluation.clips:
        table.add_row(
            clip.clip_id,
            f"{clip.positive_frames}/{clip.frames}",
            "" if clip.auc is None else f"{clip.auc:.2f}",
            str(clip.segments),
            str(clip.segments_on_anomaly) if clip.positive_frames else "",
            "" if clip.delay_s is None else f"{clip.delay_s:+.1f} s",
            clip.best_description or "",
        )
    return table


def alarms_table(evaluation: ClipsEvaluation) -> Table:
    """When alarms came."""
    table = Table(
        "alarms", "accidents", "in [-0.5, +2] s", "late", "missed", "false", "normal footage",
        "95 % bound",
    )  # fmt: skip
    for row in evaluation.alarms:
        table.add_row(
            row.name,
            *map(str, (row.accidents, row.in_window, row.late, row.missed, row.false)),
            f"{row.normal_seconds:.0f} s",
            f"{row.upper_per_hour:.0f} an hour",
        )
    return table


def write_evaluation(evaluation: ClipsEvaluation, path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(evaluation.model_dump_json(indent=1), encoding="utf-8")


def _measured(
    name: str,
    versions: Versions,
    first: Sequence[LabelledScores],
    draws: int,
    is_control: bool,
) -> ScoreFigures:
    low, high = paired_interval(first, versions, pooled_auc, draws)
    value = pooled_auc(first) - median_auc(versions, pooled_auc)
    lead = Figure(value=_known(value), low=_known(low), high=_known(high))
    return ScoreFigures(name=name, is_control=is_control, lead=lead, **_intervals(versions, draws))


def _intervals(versions: Versions, draws: int) -> dict[str, Figure]:
    figures = {}
    for name, measure in MEASURES.items():
        low, high = bootstrap_interval(versions, measure, draws)
        value = median_auc(versions, measure)
        figures[name] = Figure(value=_known(value), low=_known(low), high=_known(high))
    return figures


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "not defined"
    interval = (
        ""
        if figure.low is None or figure.high is None
        else f" [{figure.low:.2f}, {figure.high:.2f}]"
    )
    return f"{figure.value:.3f}{interval}"
