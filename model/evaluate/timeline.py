"""A picture of a clip's report over time, to be looked at."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from service.pipeline.engine import Engine
from service.pipeline.report import Report


def draw_timeline(
    name: str, report: Report, window_s: tuple[float, float] | None, engine: Engine, path: Path
) -> None:
    """Write a PNG: probability, score, the labelled anomaly, thresholds and segments.

    Args:
        name: Title.
        report: Of the clip.
        window_s: First and last second of the labelled anomaly, None for a normal clip.
        engine: Its calibration names the thresholds.
        path: Where the PNG goes.
    """
    calibration = engine.analyzer.calibration.clips
    times = [row.time_s for row in report.frames]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    if window_s is not None:
        axes.axvspan(*window_s, color="tab:red", alpha=0.18, label="labelled anomaly")
    for segment in report.segments:
        axes.plot([segment.start_s, segment.end_s], [1.02, 1.02], color="tab:red", linewidth=4)
    axes.plot(
        times, [row.probability for row in report.frames], color="tab:blue", label="probability"
    )
    axes.axhline(calibration.on, color="grey", linestyle="--", linewidth=1, label="on")
    axes.axhline(calibration.off, color="grey", linestyle=":", linewidth=1, label="off")
    axes.set(ylim=(0, 1.06), xlabel="seconds", ylabel="probability", title=name)
    score_axes = axes.twinx()
    score_axes.plot(
        times, [row.score for row in report.frames], color="tab:orange", alpha=0.6, linewidth=1
    )
    score_axes.set_ylabel(f"score ({report.model.mode})", color="tab:orange")
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)
