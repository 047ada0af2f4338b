"""A clip analysed, and what is wanted of it in files: the work behind ``saclip analyze``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from service.pipeline.details import DETAILS_FILE, DetailWriter
from service.pipeline.documents import report_csv, report_html, report_vtt
from service.pipeline.engine import Engine
from service.pipeline.film import FILM_FILE, render_film
from service.pipeline.report import Report
from service.pipeline.video import VideoAnalyzer
from service.scoring.calibration import Mode
from service.settings import Settings
from service.vision.film import read_picture
from service.vision.isolated import in_a_child

SCORING_SHARE = 0.75  # of the progress when a film is drawn as well


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """Where to write what; None for what is not wanted."""

    film: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    vtt: Path | None = None


def analyze_clip(
    engine: Engine,
    clip: Path,
    settings: Settings,
    mode: Mode,
    top_k: int,
    files: ClipFiles,
    progress: Callable[[float, str], None],
) -> Report:
    """Analyse a clip file and write the files that are wanted.

    Args:
        engine: Models and knowledge.
        clip: A video file.
        settings: Limits and the sampling rate.
        mode: How the score is made.
        top_k: Explanations of each segment.
        files: What to write beside the report that is returned.
        progress: Told the share done and the stage.

    Raises:
        ServiceError: The clip cannot be analysed.
        OSError: A file cannot be written.
    """
    open_clip = in_a_child(*settings.decode_limits)
    wants_film = files.film is not None or files.html is not None
    share = SCORING_SHARE if wants_film else 1.0
    with TemporaryDirectory() as folder:
        details, film = Path(folder) / DETAILS_FILE, Path(folder) / FILM_FILE
        with DetailWriter(details) as writer:
            report = VideoAnalyzer(engine, open_clip).analyze(
                clip,
                sample_fps=settings.sample_fps,
                mode=mode,
                top_k=top_k,
                progress=lambda done, stage: progress(done * share, stage),
                on_frame=writer.add if wants_film else None,
            )
        if wants_film:
            render_film(
                clip, report, details, film, open_clip,
                lambda done, stage: progress(share + done * (1 - share), stage),
            )  # fmt: skip
        _write(report, film, files)
    return report


def _write(report: Report, film: Path, files: ClipFiles) -> None:
    if files.film is not None:
        files.film.write_bytes(film.read_bytes())
    if files.html is not None:
        pictures = {s.peak_index: _jpeg(film, s.peak_s) for s in report.segments}
        files.html.write_text(report_html(report, pictures), encoding="utf-8")
    if files.csv is not None:
        files.csv.write_text(report_csv(report), encoding="utf-8", newline="")
    if files.vtt is not None:
        files.vtt.write_text(report_vtt(report), encoding="utf-8")


def _jpeg(film: Path, time_s: float) -> bytes:
    bgr = cv2.cvtColor(read_picture(film, time_s), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr)[1].tobytes()
