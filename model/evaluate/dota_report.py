"""The tables of a DoTA evaluation: a bundle's rows, and those of a clock."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console

from model.errors import ModelError
from model.evaluate.dota import (
    GroupFigures,
    Smoothing,
    dota_table,
    figures,
    noise,
    position_prior,
    ramp,
)
from model.evaluate.dota_metadata import DotaClip, Ends, read_annotation, read_metadata
from model.evaluate.dota_run import ClipScores, score_clips
from service.pipeline.engine import Engine


class DotaOptionError(ModelError):
    """An option names no way to evaluate."""


def report_dota(
    metadata: Path,
    train: Path,
    engine: Engine | None,
    frames: Path | None,
    annotations: Path | None,
    out: Path,
    smoothing: str,
    ends: str,
) -> dict[str, list[GroupFigures]]:
    """Print and write all tables.

    Raises:
        DotaOptionError: ``smoothing`` or ``ends`` is unknown.
    """
    if smoothing not in get_args(Smoothing) or ends not in get_args(Ends):
        known = ", ".join((*get_args(Smoothing), *get_args(Ends)))
        raise DotaOptionError(f"{smoothing!r} or {ends!r} is unknown; choose from {known}")
    how: Smoothing = smoothing  # type: ignore[assignment]  # checked above
    last: Ends = ends  # type: ignore[assignment]
    clips = read_metadata(metadata)
    found: dict[str, ClipScores] = {}
    if engine is not None and frames is not None:
        found = score_clips(engine, clips, frames, annotations, out / "clips")
        clips = [clip for clip in clips if clip.name in found]
    night = _night(annotations, clips)
    tables = {
        "control: position prior of the training list": figures(
            clips, position_prior(read_metadata(train)), how, last, night
        ),
        "control: ramp min(t / 4 s, 1)": figures(clips, ramp, how, last, night),
        "control: noise": figures(clips, noise(), how, last, night),
    }
    if found:
        rates = {name: scored.rates for name, scored in found.items()} if night else None
        rows = figures(clips, lambda clip: found[clip.name].scores, how, last, night, rates)
        tables = {"bundle": rows, **tables}
    for title, rows in tables.items():
        Console().print(dota_table(title, rows))
    out.mkdir(parents=True, exist_ok=True)
    content = {title: [_plain(row) for row in rows] for title, rows in tables.items()}
    (out / "dota.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _plot(tables, out / "dota.png")
    return tables


def _plain(row: GroupFigures) -> dict[str, object]:
    """For JSON, which has no NaN."""
    values = asdict(row).items()
    return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in values}


def _night(annotations: Path | None, clips: list[DotaClip]) -> dict[str, bool] | None:
    """By clip that has an annotation file; None when not one has."""
    if annotations is None:
        return None
    known = {clip.name: read_annotation(annotations, clip) for clip in clips}
    return {name: a.night for name, a in known.items() if a is not None} or None


def _plot(tables: dict[str, list[GroupFigures]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [row.group for row in next(iter(tables.values()))]
    figure, axis = pyplot.subplots(figsize=(9, 3.5), layout="constrained")
    for number, (title, rows) in enumerate(tables.items()):
        place = np.arange(len(rows)) + 0.8 * number / len(tables)
        axis.bar(place, [row.pooled for row in rows], 0.8 / len(tables), label=title)
        axis.plot(place, [row.stratified for row in rows], "k_")
    axis.axhline(50, color="grey", linestyle=":")
    axis.set(xticks=np.arange(len(names)) + 0.3, ylim=(0, 100), ylabel="AUC (dash: stratified)")
    axis.set_xticklabels(names, rotation=60, fontsize=7)
    axis.legend(fontsize=7)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
