"""Labels of clips, and what a report says beside them.

`clips.jsonl` of a folder holds one labelled clip a line. Frames are numbered as in the file; the
anomaly runs from `anomaly_start` to `anomaly_end`, both inclusive; frames from `replay_from` on are
a slow-motion replay and are not scored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from model.evaluate.auc import LabelledScores
from service.pipeline.report import Report


class LabelledClip(BaseModel):
    """One line of ``clips.jsonl``; further keys are notes on its source."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    file: str
    label: str
    category: str
    n_frames: int
    fps: float
    anomaly_start: int | None
    anomaly_end: int | None
    replay_from: int | None = None


def read_labels(folder: Path) -> list[LabelledClip]:
    """Read ``clips.jsonl`` of a folder."""
    lines = (folder / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    return [LabelledClip.model_validate_json(line) for line in lines if line.strip()]


def labelled_scores(clip: LabelledClip, report: Report) -> LabelledScores:
    """Put labels beside a report's scores, without the replay."""
    rows = [f for f in report.frames if clip.replay_from is None or f.index < clip.replay_from]
    index = np.array([row.index for row in rows], np.int64)
    times_s = np.array([row.time_s for row in rows], np.float64)
    labels = np.zeros(len(rows), np.bool_)
    if clip.anomaly_start is not None and clip.anomaly_end is not None:
        labels = (index >= clip.anomaly_start) & (index <= clip.anomaly_end)
    length_s = float(times_s[-1]) if len(rows) and times_s[-1] > 0 else 1.0
    return LabelledScores(
        clip_id=clip.id,
        times_s=times_s,
        position=times_s / length_s,
        labels=labels,
        scores=np.array([row.score for row in rows], np.float64),
    )


def window_s(clip: LabelledClip, report: Report) -> tuple[float, float] | None:
    """The anomaly in seconds: times of its first and last sampled frame."""
    if clip.anomaly_start is None or clip.anomaly_end is None:
        return None
    inside = [
        row.time_s for row in report.frames if clip.anomaly_start <= row.index <= clip.anomaly_end
    ]
    return (inside[0], inside[-1]) if inside else None
