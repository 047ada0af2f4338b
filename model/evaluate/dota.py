"""Frame AUC on DoTA as the papers compute it, and beside it what a clock reaches.

Dimension letters used in this file: n frames of one clip.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import medfilt
from sklearn.metrics import average_precision_score

from knowledge.schema import DOTA_CODES
from model.evaluate.auc import (
    POSITION_BINS,
    LabelledScores,
    per_clip_auc,
    pooled_auc,
    stratified_auc,
)
from model.evaluate.dota_metadata import FPS, VV_CODES, DotaClip, Ends
from model.evaluate.stauc import stauc
from service.scoring.temporal import smooth

Smoothing = Literal["none", "tthf_compat", "median_reflect", "gauss_reflect", "ema_first"]
Scores = NDArray[np.float64]
Scorer = Callable[[DotaClip], Scores]
MEDIAN_FRAMES, GAUSS_FRAMES, EMA_S = 27, 5.0, 0.5
PRIOR_BINS, CLAIM_BINS = 50, 20
RAMP_S = 4.0


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One row of the table, in percent.

    Attributes:
        group: ST* ... UK*, ST ... UK, VV*, VP*, VO*, non-ego, ego, all, night.
        clips, frames, positives: What it is made of.
        pooled: AUC after each clip's scores were brought to 0..1, frames pooled (the papers').
        raw: The same without that step.
        macro: Mean over the clips that hold both classes.
        stratified: Pooled, but only frames at the same place of their clips are compared
            (20 bins); for VV* the mean of its classes, as ``pooled`` is.
        stratified_10: The same with 10 bins, which a clock can still use a little.
        precision: Average precision of the pooled frames.
        stauc: ``pooled`` with each found frame weighed by its region rate; NaN where no region
            rates are known.
    """

    group: str
    clips: int
    frames: int
    positives: int
    pooled: float
    raw: float
    macro: float
    stratified: float
    stratified_10: float
    precision: float
    stauc: float = float("nan")


def postprocess(scores: Scores, how: Smoothing) -> Scores:
    """Smooth one clip.

    ``tthf_compat`` pads with zeros, which lowers both ends of every clip and inflates the AUC of
    anything; it is here to compare with papers that do so. The others do not know where they are.
    """
    if how == "none":
        return scores
    if how == "tthf_compat":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a clip shorter than the window
            return np.asarray(medfilt(scores, MEDIAN_FRAMES), np.float64)
    if how == "median_reflect":
        return np.asarray(median_filter(scores, MEDIAN_FRAMES, mode="reflect"), np.float64)
    if how == "gauss_reflect":
        return np.asarray(gaussian_filter1d(scores, GAUSS_FRAMES, mode="reflect"), np.float64)
    return smooth(np.arange(len(scores)) / FPS, scores, EMA_S)


def figures(
    clips: Sequence[DotaClip],
    scorer: Scorer,
    how: Smoothing = "none",
    ends: Ends = "half_open",
    night: Mapping[str, bool] | None = None,
    rates: Mapping[str, Scores] | None = None,
) -> list[GroupFigures]:
    """All rows of the table for one scorer.

    Args:
        clips: The list.
        scorer: Scores (n,) of a clip.
        how: Smoothing of each clip.
        ends: Whether the last anomalous frame counts.
        night: Which clips were filmed at night, where that is known.
        rates: Region rates (n,) of every clip, when its boxes are annotated and the scorer says
            where it looked.
    """
    scored = {clip.name: _labelled(clip, postprocess(scorer(clip), how), ends) for clip in clips}
    groups: dict[str, list[DotaClip]] = {}
    for clip in clips:
        names = [clip.group, "ego" if clip.ego else "non-ego", "all"]
        if night is not None and clip.name in night:
            names.append("night" if night[clip.name] else "day")
        for name in names:
            groups.setdefault(name, []).append(clip)
    order = (
        [f"{code}*" for code in DOTA_CODES]
        + list(DOTA_CODES)
        + ["ego", "non-ego", "all", "day", "night"]
    )
    rows = {
        name: _row(name, [scored[c.name] for c in groups[name]], rates)
        for name in order
        if name in groups
    }
    parts = [rows[f"{code}*"] for code in VV_CODES if f"{code}*" in rows]
    found = list(rows.values())
    if parts:
        members = [scored[c.name] for c in clips if not c.ego and c.code in VV_CODES]
        found.append(_macro("VV*", parts))
        found.append(_row("VV* pooled", members, rates))
    return found


def ramp(clip: DotaClip) -> Scores:
    """Control: min(t / 4 s, 1), for which no pixel is looked at."""
    return np.minimum(np.arange(clip.num_frames) / FPS / RAMP_S, 1.0)


def position_prior(train: Iterable[DotaClip]) -> Scorer:
    """Control: how often the training list is anomalous at this place of a clip."""
    marked, seen = np.zeros(PRIOR_BINS), np.zeros(PRIOR_BINS)
    for clip in train:
        place = _bins(clip.num_frames)
        np.add.at(marked, place, clip.labels())
        np.add.at(seen, place, 1)
    share = marked / np.maximum(seen, 1)
    return lambda clip: np.asarray(share[_bins(clip.num_frames)], np.float64)


def noise(seed: int = 0) -> Scorer:
    """Control: uniform noise; with ``tthf_compat`` it shows what the padding alone is worth."""

    def score(clip: DotaClip) -> Scores:
        generator = np.random.default_rng([seed, *clip.name.encode()])
        return generator.random(clip.num_frames)

    return score


def dota_table(title: str, rows: Iterable[GroupFigures]) -> Table:
    """The rows for people."""
    table = Table(
        "group", "clips", "frames", "anomalous", "pooled", "raw", "per clip", "20 bins", "10 bins",
        "AP", "STAUC", title=title,
    )  # fmt: skip
    for row in rows:
        values = (
            row.pooled, row.raw, row.macro, row.stratified, row.stratified_10, row.precision,
            row.stauc,
        )  # fmt: skip
        table.add_row(
            row.group, str(row.clips), str(row.frames), str(row.positives),
            *("" if np.isnan(value) else f"{value:.1f}" for value in values),
        )  # fmt: skip
    return table


def _labelled(clip: DotaClip, scores: Scores, ends: Ends) -> LabelledScores:
    if scores.shape != (clip.num_frames,):
        raise ValueError(f"{clip.name}: {scores.shape} scores for {clip.num_frames} frames")
    place = np.arange(clip.num_frames) / clip.num_frames
    times = np.arange(clip.num_frames) / FPS
    return LabelledScores(clip.name, times, place, clip.labels(ends), scores)


def _row(
    name: str, clips: Sequence[LabelledScores], rates: Mapping[str, Scores] | None
) -> GroupFigures:
    unit = [
        LabelledScores(c.clip_id, c.times_s, c.position, c.labels, _unit(c.scores)) for c in clips
    ]
    labels = np.concatenate([clip.labels for clip in clips])
    scores = np.concatenate([clip.scores for clip in unit])
    has_positives = bool(labels.any())
    found = np.nan
    if rates is not None:
        found = stauc(scores, labels, np.concatenate([rates[clip.clip_id] for clip in clips]))
    return GroupFigures(
        group=name,
        clips=len(clips),
        frames=len(labels),
        positives=int(labels.sum()),
        pooled=100 * pooled_auc(unit),
        raw=100 * pooled_auc(clips),
        macro=100 * per_clip_auc(unit),
        stratified=100 * stratified_auc(unit, CLAIM_BINS),
        stratified_10=100 * stratified_auc(unit, POSITION_BINS),
        precision=100 * float(average_precision_score(labels, scores)) if has_positives else np.nan,
        stauc=100 * found,
    )


def _macro(name: str, parts: Sequence[GroupFigures]) -> GroupFigures:
    """The unweighted mean of classes, which is how the papers make VV*."""

    def mean(field: str) -> float:
        return float(np.mean([getattr(part, field) for part in parts]))

    return GroupFigures(
        group=name,
        clips=sum(part.clips for part in parts),
        frames=sum(part.frames for part in parts),
        positives=sum(part.positives for part in parts),
        pooled=mean("pooled"),
        raw=mean("raw"),
        macro=mean("macro"),
        stratified=mean("stratified"),
        stratified_10=mean("stratified_10"),
        precision=mean("precision"),
        stauc=mean("stauc"),
    )


def _unit(scores: Scores) -> Scores:
    span = float(scores.max() - scores.min())
    return (scores - scores.min()) / span if span else np.zeros_like(scores)


def _bins(num_frames: int) -> NDArray[np.int64]:
    place = np.arange(num_frames) / num_frames
    return np.minimum((place * PRIOR_BINS).astype(np.int64), PRIOR_BINS - 1)
