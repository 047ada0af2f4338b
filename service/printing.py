"""What the command line shows: tables and a progress bar."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from service.pipeline.frame_score import FrameScore
from service.pipeline.report import ExplanationRow, Report


def scores_table(scores: Sequence[FrameScore]) -> Table:
    """One line per picture, with its best explanation."""
    table = Table(
        Column("picture", overflow="fold"),
        "score",
        "probability",
        "objects",
        "best description",
        "between",
    )
    for score in scores:
        best = score.explanations[0] if score.explanations else None
        seen = sum(roi.roi_source != "pseudo" for roi in score.rois)
        table.add_row(
            Text(Path(score.name).name),  # Text: brackets in a file name are no markup
            f"{score.score:.2f}",
            _probability(score.probability, score.anomalous),
            str(seen),
            Text(best.text if best else "nothing to compare"),
            Text(participants(best)),
        )
    return table


def segments_table(report: Report) -> Table | Text:
    """One line per anomalous segment."""
    if not report.segments:
        return Text("no anomalous segment")
    table = Table("from", "to", "peak", "probability", "best description", "between")
    for segment in report.segments:
        best = segment.explanations[0] if segment.explanations else None
        table.add_row(
            f"{segment.start_s:.1f} s",
            f"{segment.end_s:.1f} s",
            f"{segment.peak_s:.1f} s",
            f"{segment.probability:.2f}",
            Text(best.text if best else ""),
            Text(participants(best)),
        )
    return table


def print_report(console: Console, report: Report) -> None:
    """A clip's segments, and what was lost on the way."""
    video = report.video
    console.print(
        Text(
            f"{video.name}: {video.width}x{video.height}, {video.duration_s:.1f} s, "
            f"{len(report.frames)} frames scored in {report.timings.get('total', 0.0):.1f} s"
        )
    )
    console.print(segments_table(report))
    for loss in report.decode_errors:
        where = "" if loss.time_s is None else f" after {loss.time_s:.2f} s"
        console.print(Text(f"lost{where}: {loss.detail} ({loss.count} times)", "yellow"))


def participants(explanation: ExplanationRow | None) -> str:
    """``car #3 and the road``: who stands behind an explanation."""
    parts = (explanation.subject, explanation.object) if explanation else ()
    return " and ".join(part.shown_name for part in parts if part is not None)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that is told the share done and the stage."""
    columns = (
        TextColumn("{task.fields[title]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("opening", total=1.0, title=title)
        yield lambda share, stage: bar.update(task, completed=share, description=stage)


def _probability(value: float, anomalous: bool) -> Text:
    return Text(f"{value:.2f} anomalous", "bold red") if anomalous else Text(f"{value:.2f}")
