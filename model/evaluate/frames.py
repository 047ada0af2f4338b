"""Labelled pictures: frame AUC with its controls, intervals over cameras.

    saclip-model evaluate frames DIR

``DIR/manifest.csv`` has the columns ``file``, ``label`` (``normal`` or anything else), for the
interval ``scene`` (neighbouring frames of one camera are near copies of each other) and, for the
control that only knows the time, ``time_s``.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from rich.table import Table

from model.errors import ModelError
from model.evaluate.auc import (
    LabelledScores,
    bootstrap_interval,
    median_auc,
    paired_interval,
    per_clip_auc,
    pooled_auc,
)
from model.evaluate.controls import SHUFFLES
from model.evaluate.nulls import shuffled
from service.errors import ServiceError
from service.pipeline.engine import Engine
from service.vision.images import decode_image
from service.vision.rois import affinity

MAX_PIXELS = 50_000_000


class FramesError(ModelError):
    """The folder has no usable manifest."""


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """One picture: its file, whether it shows an anomaly, its camera, its time if known."""

    path: Path
    anomalous: bool
    camera: str
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """AUC of one score over all frames, with its interval over cameras, and within cameras.

    ``lead`` is how far the first score lies above this one, with the interval of that difference
    over the same draws of cameras; None for the first.
    """

    name: str
    frames: int
    cameras: int
    auc: float
    low: float
    high: float
    within: float
    lead: tuple[float, float, float] | None = None


def read_manifest(folder: Path, cameras: Sequence[str] = ()) -> list[LabelledFrame]:
    """Read ``manifest.csv``; only these cameras when some are named.

    Raises:
        FramesError: It is missing, lacks a column, or nothing is left.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise FramesError(f"{path}: the manifest is missing")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = {"file", "label"} - set(rows[0] if rows else ())
    if missing:
        raise FramesError(f"{path}: lacks the columns {', '.join(sorted(missing))}")
    frames = [_frame(path, number, row) for number, row in enumerate(rows, start=2)]
    chosen = [frame for frame in frames if not cameras or frame.camera in cameras]
    if not chosen:
        raise FramesError(f"{path}: no frame of the cameras {', '.join(cameras)}")
    return chosen


def _frame(manifest: Path, line: int, row: dict[str, str]) -> LabelledFrame:
    time = row.get("time_s") or None
    try:
        time_s = None if time is None else float(time)
    except ValueError:
        raise FramesError(f"{manifest}:{line}: time_s is no number: {time!r}") from None
    path = manifest.parent / row["file"]
    return LabelledFrame(path, row["label"] != "normal", row.get("scene") or "all", time_s)


def score_frames(engine: Engine, frames: Sequence[LabelledFrame]) -> dict[str, NDArray[np.float64]]:
    """The service's score of every picture, and controls that know less.

    ``boxes`` counts detections, ``crowding`` is the closest pair of boxes: what geometry alone
    says. ``shuffled texts``, one row a shuffle, deals the descriptions' vectors out among the
    wrong descriptions; every leaf keeps its roles and its null.
    ``clock`` is the time, where every picture has one. A picture that cannot be read stops the
    evaluation and is named.

    Raises:
        FramesError: Naming the picture.
    """
    columns: dict[str, list[float]] = defaultdict(list)
    analyzer = engine.analyzer
    shuffles = [
        analyzer.with_text_bank(shuffled(analyzer.text_bank, seed)) for seed in range(SHUFFLES)
    ]
    mixed = []
    for frame in track(frames, description="frames", transient=True):
        try:
            picture = decode_image(frame.path.read_bytes(), MAX_PIXELS)
        except (OSError, ServiceError) as error:
            raise FramesError(f"{frame.path}: {error}") from error
        (result,) = analyzer.analyze([picture], domain="stills")
        seen = [i for i, source in enumerate(result.rois.source) if source == "detected"]
        columns["score"].append(result.score)
        columns["eq11"].append(result.eq11)
        mixed.append([other.judge([result.seen])[0].score for other in shuffles])
        columns["boxes (control)"].append(float(len(seen)))
        closeness = affinity(result.rois.xyxy[seen]) if len(seen) > 1 else np.zeros((1, 1))
        np.fill_diagonal(closeness, -np.inf)
        closest = float(closeness.max())
        columns["crowding (control)"].append(closest if np.isfinite(closest) else 0.0)
    scores = {name: np.array(values) for name, values in columns.items()}
    scores["shuffled texts (control)"] = np.array(mixed).T
    times = [frame.time_s for frame in frames if frame.time_s is not None]
    if len(times) == len(frames):
        scores["clock (control)"] = np.array(times)
    scores["always on (control)"] = np.ones(len(frames))
    scores["noise (control)"] = np.random.default_rng(0).random(len(frames))
    return scores


def frame_figures(
    frames: Sequence[LabelledFrame], scores: dict[str, NDArray[np.float64]]
) -> list[FrameFigures]:
    """One row for each score; the first is the one that the others are measured against.

    Args:
        frames: n labelled pictures.
        scores: (n,) by name, or (S, n) of one that comes in S versions: their medians are given,
            and the intervals are over versions too.
    """
    labels = np.array([frame.anomalous for frame in frames])
    cameras = np.array([frame.camera for frame in frames])
    groups = [
        LabelledScores(str(c), np.zeros(n), np.zeros(n), labels[cameras == c], np.zeros(n))
        for c, n in zip(*np.unique(cameras, return_counts=True), strict=True)
    ]
    rows: list[FrameFigures] = []
    first: list[LabelledScores] = []
    for name, values in scores.items():
        versions = [
            [replace(g, scores=version[cameras == g.clip_id]) for g in groups]
            for version in np.atleast_2d(values)
        ]
        low, high = bootstrap_interval(versions, pooled_auc)
        within = median_auc(versions, per_clip_auc)
        auc, lead = median_auc(versions, pooled_auc), None
        if rows:
            lead = (rows[0].auc - auc, *paired_interval(first, versions, pooled_auc))
        first = first or versions[0]
        rows.append(FrameFigures(name, len(frames), len(groups), auc, low, high, within, lead))
    return rows


def frames_table(rows: Sequence[FrameFigures]) -> Table:
    """The rows for people."""
    table = Table("score", "frames", "cameras", "AUC", "95 %", "mean within a camera",
                  "lead of the first, 95 %")  # fmt: skip
    for row in rows:
        interval = f"{row.low:.3f} to {row.high:.3f}"
        lead = "" if row.lead is None else "{:.3f} ({:.3f} to {:.3f})".format(*row.lead)
        table.add_row(row.name, str(row.frames), str(row.cameras), f"{row.auc:.3f}", interval,
                      f"{row.within:.3f}", lead)  # fmt: skip
    return table


def write_frames(out: Path, rows: Sequence[FrameFigures]) -> None:
    """``frames.json`` and ``frames.png`` in the folder."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    out.mkdir(parents=True, exist_ok=True)
    content = [{name: getattr(row, name) for name in FrameFigures.__slots__} for row in rows]
    (out / "frames.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    figure, axis = pyplot.subplots(figsize=(6, 0.4 * len(rows) + 1), layout="constrained")
    for place, row in enumerate(rows):
        axis.plot([row.low, row.high], [place, place], color="C0")
        axis.plot(row.auc, place, "o", color="C0")
    axis.axvline(0.5, color="grey", linestyle=":")
    axis.set(yticks=range(len(rows)), yticklabels=[row.name for row in rows], xlim=(0, 1),
             xlabel="frame AUC")  # fmt: skip
    axis.invert_yaxis()
    figure.savefig(out / "frames.png", dpi=80)
    pyplot.close(figure)
