"""Labelled clips through the very code that serves: frame-level AUC, segments, timelines.

    saclip-model evaluate clips DIR

`DIR/clips.jsonl` has the labels (`labels.py`). The teacher of the detector, or any YOLOX of COCO's
classes, takes the detector's place with `--detector`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from model.detector.evaluate import SEEN_CLIPS, teacher_spec
from model.evaluate.alarms import (
    BEFORE_S,
    alarm_figures,
    alarm_times,
    leave_one_out,
    normal_part,
)
from model.evaluate.auc import LabelledScores, roc_auc
from model.evaluate.controls import SHUFFLES
from model.evaluate.labels import LabelledClip, labelled_scores, read_labels, window_s
from model.evaluate.nulls import shuffled_texts
from model.evaluate.report import (
    ClipFigures,
    ClipsEvaluation,
    alarms_table,
    clips_table,
    figures_table,
    score_figures,
    unseen_figures,
    write_evaluation,
)
from model.evaluate.timeline import draw_timeline
from model.evaluate.told import dev_codes, kind_figures, kinds_table, told_together
from model.evaluate.variants import VariantRecorder, joined
from service.bundle.sessions import make_session
from service.pipeline.engine import Engine, load_engine
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.report import Report, SegmentRow
from service.pipeline.video import VideoAnalyzer
from service.scoring.calibration import Mode
from service.scoring.telling import Voice, told_leaf
from service.scoring.temporal import smooth
from service.vision.detector import Detector
from service.vision.isolated import in_this_process

MAX_PIXELS, MAX_SECONDS = 100_000_000, 86_400.0  # our own test material, not an upload
ALLOWED_FALSE = 0  # in the normal footage of the other clips, as the shipped rule has for so little


def evaluate_clips(
    folder: Path,
    bundle_dir: Path,
    out: Path,
    mode: Mode = "paired",
    sample_fps: float = 10.0,
    clip_ids: Sequence[str] = (),
    threads: int = 0,
    detector: Path | None = None,
    num_shuffles: int = SHUFFLES,
    console: Console | None = None,
) -> ClipsEvaluation:
    """Analyse every labelled clip, measure, and write reports, figures and timelines.

    Args:
        folder: Holds ``clips.jsonl`` and the clips.
        bundle_dir: Model bundle.
        out: Gets ``evaluation.json`` and, for each clip, ``ID.json`` and ``ID.png``.
        mode: Scoring mode.
        sample_fps: Frames a second that are scored.
        clip_ids: Only these clips; all when empty.
        threads: Threads inside one operator; 0 lets the runtime choose.
        detector: A YOLOX of COCO's classes to use instead of the bundle's detector.
        num_shuffles: How often the texts are shuffled, for the control.
        console: Where the tables go; standard output when left out.
    """
    shown = console or Console()
    clips = [c for c in read_labels(folder) if not clip_ids or c.id in clip_ids]
    missing = set(clip_ids) - {clip.id for clip in clips}
    if missing or not clips:
        raise ValueError(
            f"{folder}/clips.jsonl has no clip {', '.join(sorted(missing)) or 'at all'}"
        )
    engine = _engine(bundle_dir, threads, detector)
    open_clip = in_this_process(MAX_PIXELS, MAX_SECONDS)
    shuffles = shuffled_texts(engine.analyzer, num_shuffles)
    out.mkdir(parents=True, exist_ok=True)
    reports, recorders = [], []
    for clip in track(clips, "analysing clips", console=shown, transient=True):
        recorder = VariantRecorder(engine.analyzer.text_bank)
        report = VideoAnalyzer(engine, open_clip).analyze(
            folder / clip.file, sample_fps, mode, name=clip.file, on_frame=recorder
        )
        recorders.append(recorder)
        (out / f"{clip.id}.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
        draw_timeline(clip.id, report, window_s(clip, report), engine, out / f"{clip.id}.png")
        reports.append(report)
    evaluation = evaluation_of(engine, clips, reports, recorders, shuffles, sample_fps)
    write_evaluation(evaluation, out / "evaluation.json")
    shown.print(clips_table(evaluation))
    shown.print(kinds_table(evaluation.kinds))
    shown.print(alarms_table(evaluation))
    shown.print(figures_table(evaluation))
    return evaluation


def normal_footage(engine: Engine, folders: Sequence[Path]) -> list[LabelledScores]:
    """Scores of what comes before the anomalies of labelled clips, and of the normal ones.

    Args:
        engine: With the calibration that is to get a threshold.
        folders: Each with its ``clips.jsonl``; one that is missing has no footage.
    """
    open_clip = in_this_process(MAX_PIXELS, MAX_SECONDS)
    found = []
    for folder in folders:
        clips = read_labels(folder) if folder.is_dir() else []
        for clip in track(clips, f"normal parts of {folder.name}"):
            report = VideoAnalyzer(engine, open_clip).analyze(folder / clip.file)
            found.append(normal_part(labelled_scores(clip, report)))
    return [clip for clip in found if len(clip.scores) > 1]


def evaluation_of(
    engine: Engine,
    clips: Sequence[LabelledClip],
    reports: Sequence[Report],
    recorders: Sequence[VariantRecorder],
    shuffles: Sequence[FrameAnalyzer],
    sample_fps: float,
) -> ClipsEvaluation:
    """Measure finished reports against their labels.

    Args:
        engine: Its calibration names smoothing and thresholds.
        clips: The labels.
        reports: Of the clips, in order.
        recorders: What text, motion and geometry say alone, and what each frame tells.
        shuffles: Who judges the same frames with the vectors of the descriptions shuffled.
        sample_fps: Frames a second that were scored.
    """
    scored = [labelled_scores(clip, report) for clip, report in zip(clips, reports, strict=True)]
    calibration = engine.analyzer.calibration.clips
    smoothing_s, release_s = calibration.smoothing_s, calibration.release_s
    eq11 = [
        replace(s, scores=smooth(s.times_s, _eq11_of(report, s), smoothing_s, release_s))
        for s, report in zip(scored, reports, strict=True)
    ]
    unseen = [s for clip, s in zip(clips, scored, strict=True) if clip.id not in SEEN_CLIPS]
    has_both = 0 < len(unseen) < len(clips)  # of footage that trained something, and other
    variants = [r.scores(s, calibration) for r, s in zip(recorders, scored, strict=True)]
    own = [calibration.affine[reports[0].model.mode]] * len(scored)
    told = _told(scored, [recorder.voices for recorder in recorders], smoothing_s)
    mixed, mixed_told = [], []
    for other in track(shuffles, "shuffled texts", transient=True):
        judged = [
            r.judged_by(other, s, reports[0].model.mode)
            for r, s in zip(recorders, scored, strict=True)
        ]
        mixed.append([s for s, _ in judged])
        mixed_told.append(_told(mixed[-1], [voices for _, voices in judged], smoothing_s))
    shuffled = f"shuffled texts ({len(shuffles)})"
    left_out = leave_one_out(scored, calibration, ALLOWED_FALSE)
    alarms = {"threshold of the bundle": (scored, own)}
    if has_both:
        alarms["the same, clips not trained on"] = (unseen, own[: len(unseen)])
    alarms["threshold of the other clips"] = (scored, left_out)
    model = reports[0].model
    return ClipsEvaluation(
        bundle=model.bundle,
        knowledge_sha256=model.knowledge_sha256,
        mode=model.mode,
        sample_fps=sample_fps,
        smoothing_s=smoothing_s,
        num_clips=len(clips),
        num_clips_with_both=sum(0 < s.labels.sum() < len(s.labels) for s in scored),
        rows=score_figures(
            {
                f"score ({model.mode})": [scored],
                "eq11, smoothed": [eq11],
                **{name: [rows] for name, rows in joined(variants).items()},
                shuffled: mixed,
            },
            smoothing_s,
            release_s,
        ),
        unseen=unseen_figures(unseen) if has_both else None,
        alarms=tuple(alarm_figures(name, *of, calibration) for name, of in alarms.items()),
        clips=tuple(
            _clip_figures(clip, report, s, leaf, alarm_times(s, affine, calibration))
            for clip, report, s, leaf, affine in zip(clips, reports, scored, told, own, strict=True)
        ),
        kinds=kind_figures(
            {"told": [told], shuffled: mixed_told},
            [_codes(clip, s) for clip, s in zip(clips, scored, strict=True)],
            engine.analyzer.text_bank.descriptions,
        ),
    )


def _told(
    scored: Sequence[LabelledScores], voices: Sequence[Sequence[Voice]], smoothing_s: float
) -> list[str]:
    """Leaf that each labelled stretch is told by; "" of a clip without one."""
    return [
        told_together(clip, of_clip, smoothing_s) if clip.labels.any() else ""
        for clip, of_clip in zip(scored, voices, strict=True)
    ]


def _codes(clip: LabelledClip, scored: LabelledScores) -> tuple[str, ...]:
    return tuple(dev_codes().get(clip.id, ())) if scored.labels.any() else ()


def _eq11_of(report: Report, scored: LabelledScores) -> NDArray[np.float64]:
    return np.array([row.eq11 for row in report.frames[: len(scored.scores)]])


def _clip_figures(
    clip: LabelledClip,
    report: Report,
    scored: LabelledScores,
    told: str,
    alarms_s: Sequence[float],
) -> ClipFigures:
    auc = roc_auc(scored.scores, scored.labels)
    end_s = float(scored.times_s[-1])
    segments = [segment for segment in report.segments if segment.start_s <= end_s]
    window = window_s(clip, report)
    hits = [s for s in segments if window and s.start_s <= window[1] and s.end_s >= window[0]]
    heard_s = [t for t in alarms_s if window and window[0] - BEFORE_S <= t <= window[1]]
    strongest = max(segments, key=lambda segment: segment.probability, default=None)
    return ClipFigures(
        clip_id=clip.id,
        category=clip.category,
        frames=len(scored.labels),
        positive_frames=int(scored.labels.sum()),
        auc=None if np.isnan(auc) else auc,
        segments=len(segments),
        segments_on_anomaly=len(hits),
        delay_s=heard_s[0] - window[0] if heard_s and window else None,
        best_description=_best_text(strongest),
        best_leaf=_best_leaf(strongest),
        told_leaf=told or None,
        dota=_codes(clip, scored),
    )


def _engine(bundle_dir: Path, threads: int, detector: Path | None) -> Engine:
    engine = load_engine(bundle_dir, threads)
    if detector is not None:
        engine.analyzer.detector = Detector(make_session(detector, threads), teacher_spec())
    return engine


def _best_leaf(segment: SegmentRow | None) -> str | None:
    return (told_leaf(segment.explanations) or None) if segment else None


def _best_text(segment: SegmentRow | None) -> str | None:
    return segment.explanations[0].text if segment and segment.explanations else None
