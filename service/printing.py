"""What the command line shows: tables, a progress bar, drawn pictures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.api.schemas import FrameScore
from service.bundle.manifest import Manifest
from service.errors import FrameNotDecodable, ServiceError
from service.pipeline.engine import Engine
from service.pipeline.report import ExplanationRow, Report, explanation_rows, roi_rows
from service.scoring.calibration import Mode
from service.settings import load_settings
from service.vision.draw import draw_result
from service.vision.images import decode_image


def console() -> Console:
    """Standard output; made when needed, so that redirection is seen."""
    return Console()


def score_images(
    engine: Engine, paths: list[Path], mode: Mode, top_k: int, draw: Path | None
) -> list[FrameScore]:
    """Score picture files, and draw them when a folder is given.

    Raises:
        ServiceError: Naming the file that cannot be used.
    """
    max_pixels = load_settings().max_image_pixels
    rows = []
    for path in paths:
        try:
            frame = decode_image(path.read_bytes(), max_pixels)
        except OSError as error:
            raise FrameNotDecodable(f"{path}: {error.strerror}") from error
        except ServiceError as error:
            raise type(error)(f"{path}: {error}") from error
        (result,) = engine.analyzer.analyze([frame], mode=mode, top_k=top_k, domain="stills")
        height, width = frame.shape[:2]
        rows.append(
            FrameScore(
                name=str(path), width=width, height=height, score=result.score, eq11=result.eq11,
                probability=result.probability, anomalous=result.anomalous,
                appearance=result.appearance, rois=roi_rows(result.rois, width, height),
                explanations=explanation_rows(result.explanations), timings_ms=result.timings_ms,
            )  # fmt: skip
        )
        if draw is not None:
            draw.mkdir(parents=True, exist_ok=True)
            picture = cv2.cvtColor(draw_result(frame, result), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(draw / f"{path.stem}.png"), picture)
    return rows


def print_scores(rows: list[FrameScore]) -> None:
    """One line a picture, with its best explanation."""
    table = Table("picture", "score", "probability", "objects", "best description", "between")
    for row in rows:
        best = row.explanations[0] if row.explanations else None
        seen = sum(roi.roi_source != "pseudo" for roi in row.rois)
        table.add_row(
            Path(row.name).name, f"{row.score:.2f}", _probability(row.probability, row.anomalous),
            str(seen), best.text if best else "nothing to compare", participants(best),
        )  # fmt: skip
    console().print(table)


def print_report(report: Report) -> None:
    """The segments of a clip, and what was lost on the way."""
    video = report.video
    console().print(
        f"{video.name}: {video.width}x{video.height}, {video.duration_s:.1f} s, "
        f"{len(report.frames)} frames scored"
    )
    table = Table("from", "to", "peak", "probability", "best description", "between")
    for segment in report.segments:
        best = segment.explanations[0] if segment.explanations else None
        table.add_row(
            f"{segment.start_s:.1f} s", f"{segment.end_s:.1f} s", f"{segment.peak_s:.1f} s",
            f"{segment.probability:.2f}", best.text if best else "", participants(best),
        )  # fmt: skip
    console().print(table if report.segments else "no anomalous segment")
    for loss in report.decode_errors:
        console().print(f"lost: {loss.model_dump_json()}")


def participants(explanation: ExplanationRow | None) -> str:
    """``car and person``: who stands behind an explanation."""
    if explanation is None:
        return ""
    parts = (explanation.subject, explanation.object)
    return " and ".join(part.class_name for part in parts if part is not None)


def print_manifest(manifest: Manifest) -> None:
    """What a bundle is, learned from and measured."""
    table = Table(show_header=False)
    table.add_row("name", manifest.name)
    table.add_row("commit", manifest.git_commit)
    table.add_row("files", f"{len(manifest.files)}, {sum(f.bytes for f in manifest.files.values())} bytes")
    table.add_row("detects", ", ".join(manifest.detector.classes))
    table.add_row("torch to ONNX", ", ".join(f"{k} {v:.1e}" for k, v in manifest.parity.items()))
    for source in manifest.training_sources:
        table.add_row("learned from", f"{source.name} ({source.licence}): {source.used_for}")
    for name, value in manifest.evaluation.items():
        table.add_row(name, str(value))
    table.add_row("GPU", manifest.gpu)
    console().print(table)


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that takes (share, stage)."""
    columns = (TextColumn(name), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("opening", total=1.0)
        yield lambda share, stage: bar.update(task, completed=share, description=stage)


def _probability(value: float, anomalous: bool) -> str:
    return f"[bold red]{value:.2f} anomalous[/]" if anomalous else f"{value:.2f}"
