"""The annotated film of an analysed clip: read it once more, draw what was found, encode.

A stage of its own after the scoring: it knows where the segments are, and a job that is taken up
again repeats nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from service.errors import AnalysisCancelled, FrameNotSampled
from service.pipeline.details import read_detail
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import ExplanationRow, FrameRow, Report, RoiRow
from service.vision.draw import draw_result
from service.vision.film import FilmWriter, enlarged, enlargement
from service.vision.isolated import OpenClip
from service.vision.rois import NO_TRACK, Rois, detected_rois

FILM_FILE = "film.mp4"


def render_film(
    clip: Path,
    report: Report,
    details: Path,
    out: Path,
    open_clip: OpenClip,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write the film of a clip's sampled frames with boxes, tracks and best descriptions.

    Within a segment every frame names what the segment is told by, so that film and report agree.
    A small clip's film is larger than the clip, see ``enlargement``.

    Args:
        clip: The clip as uploaded.
        report: Its report; scores and alarm shown are the smoothed ones.
        details: The file of ``DetailWriter``.
        out: MP4 file to write; a half-written one is never left under this name.
        open_clip: Opens the clip once more.
        progress: Told the share done in 0..1 and the stage.
        cancelled: True ends the work.

    Raises:
        AnalysisCancelled: ``cancelled`` said so.
    """
    rows = {row.index: row for row in report.frames}
    partial = out.with_suffix(".partial")
    with open_clip(clip, report.video.sample_fps, -1) as reader:
        times = enlargement(reader.info.width, reader.info.height)
        size_wh = (times * reader.info.width, times * reader.info.height)
        fps = min(report.video.sample_fps, reader.info.fps or report.video.sample_fps)
        with FilmWriter(partial, size_wh, fps) as film:
            for number, sampled in enumerate(reader):
                if cancelled is not None and cancelled():
                    raise AnalysisCancelled(f"cancelled at {sampled.time_s:.1f} s of the film")
                row = rows.get(sampled.index)
                frame = enlarged(sampled.frame, times)
                if row is not None:
                    frame = draw_result(frame, _drawn(details, report, row, times))
                film.write(frame, sampled.time_s)
                if progress is not None and number % 8 == 0:
                    progress(number / max(len(rows), 1), "drawing the film")
    partial.replace(out)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A stored result as the drawing wants it."""

    rois: Rois
    explanations: tuple[ExplanationRow, ...]
    probability: float
    anomalous: bool


def _drawn(details: Path, report: Report, row: FrameRow, times: int) -> _Drawn:
    try:
        found = read_detail(details, row.index)
    except FrameNotSampled:  # skipped with a reason; the curve goes on without boxes
        found = None
    return _Drawn(
        rois=_rois(found),
        explanations=tuple(_moved(item, times) for item in _told(report, row, found)),
        probability=row.probability,
        anomalous=row.anomalous,
    )


def _told(report: Report, row: FrameRow, found: FrameScore | None) -> tuple[ExplanationRow, ...]:
    """What a frame names: its segment's explanation with the pair where it is now, else its own."""
    within = (s for s in report.segments if s.start_s <= row.time_s <= s.end_s and s.explanations)
    segment = next(within, None)
    if segment is None:
        return tuple(found.explanations) if found else ()
    first = segment.explanations[0]
    sides = {"subject": first.subject, "object": first.object}
    return (first.model_copy(update={name: _now(roi, found) for name, roi in sides.items()}),)


def _now(roi: RoiRow | None, found: FrameScore | None) -> RoiRow | None:
    """A participant where this frame has it; None where it is not seen or has no track."""
    if roi is None or roi.roi_source == "pseudo":
        return roi
    if found is None:
        return None
    seen = (r for r in found.rois if r.track_id is not None and r.track_id == roi.track_id)
    return next(seen, None)


def _moved(item: ExplanationRow, times: int) -> ExplanationRow:
    """The explanation with its pair where it is in the enlarged picture."""
    sides = {"subject": item.subject, "object": item.object}
    return item.model_copy(
        update={
            name: roi.model_copy(update={"xyxy": tuple(times * edge for edge in roi.xyxy)})
            for name, roi in sides.items()
            if roi is not None
        }
    )


def _rois(found: FrameScore | None) -> Rois:
    rows: tuple[RoiRow, ...] = found.rois if found else ()
    seen = [roi for roi in rows if roi.roi_source == "detected"]
    size = (found.width, found.height, found.width, found.height) if found else (1, 1, 1, 1)
    boxes = np.array([roi.xyxy for roi in seen], np.float32).reshape(-1, 4) / np.array(size)
    rois = detected_rois(boxes, [r.class_name for r in seen], [r.confidence for r in seen])
    tracks = [NO_TRACK if r.track_id is None else r.track_id for r in seen]
    return replace(rois, track_id=np.array(tracks, np.int64))
