"""Normal footage to ``calibration.json``: nulls of the leaves, thresholds, what they cost.

Only normal footage is looked at: what an anomaly scores is never used, so the service stays
zero-shot, and every threshold is a stated share of false alarms.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from rich.progress import track

from model.synthesis.traffic import FPS, make_clip
from service.pipeline.engine import Engine
from service.scoring.calibration import (
    AffineMap,
    Calibration,
    ClipsCalibration,
    DomainCalibration,
    FalseAlarm,
    LeafNull,
    Mode,
    neutral_calibration,
)
from service.scoring.fitting import fit_affine, leaf_null, upper_rate
from service.scoring.temporal import segments, smooth
from service.vision.images import decode_image

log = structlog.get_logger()
STILLS_FALSE_ALARM_RATE = 0.05
CLIPS_FALSE_ALARM_RATE = 0.01
SMOOTHING_S = 0.5
ON, OFF, ON_FRAMES_OF = 0.6, 0.4, (3, 5)
MAX_PIXELS = 50_000_000
CLIP_SEED = 90_000_000
MODES: tuple[Mode, ...] = ("literal", "contrast", "paired")


def calibrate(engine: Engine, pictures: Sequence[Path], num_clips: int = 40) -> Calibration:
    """Fit a calibration.

    Args:
        engine: A bundle; the calibration it may hold is disregarded.
        pictures: Real pictures of normal traffic, from cameras that evaluation does not use.
        num_clips: Generated normal clips, on which the false alarms of clips are counted.

    Returns:
        Stills and clips, each with the false alarms that its threshold costs.
    """
    engine.analyzer.calibration = neutral_calibration()
    frames = [decode_image(path.read_bytes(), MAX_PIXELS) for path in pictures]
    raw = [engine.analyzer.analyze([frame])[0] for frame in track(frames, "normal pictures")]
    mean, std = leaf_null(np.stack([result.evidence for result in raw]))
    nulls = {
        leaf: LeafNull(mean=round(float(m), 6), std=round(float(s), 6))
        for leaf, m, s in zip(engine.analyzer.text_bank.leaf_ids, mean, std, strict=True)
    }
    engine.analyzer.calibration = _with_nulls(nulls)
    scores = {mode: _scores(engine, frames, mode) for mode in MODES}
    stills = _stills(nulls, scores)
    clips = _clips(nulls, scores, stills)
    false_alarm = _count_false_alarms(engine, clips, num_clips)
    return Calibration(stills=stills, clips=clips.model_copy(update={"false_alarm": false_alarm}))


def _scores(engine: Engine, frames: Iterable[NDArray[np.uint8]], mode: Mode) -> NDArray[np.float64]:
    return np.array([engine.analyzer.analyze([frame], mode=mode)[0].score for frame in frames])


def _with_nulls(nulls: dict[str, LeafNull]) -> Calibration:
    neutral = neutral_calibration()
    update = {"leaf_null": nulls}
    return Calibration(
        stills=neutral.stills.model_copy(update=update),
        clips=neutral.clips.model_copy(update=update),
    )


def _maps(scores: dict[Mode, NDArray[np.float64]], rate: float) -> dict[Mode, AffineMap]:
    return {mode: fit_affine(values, false_alarm_rate=rate) for mode, values in scores.items()}


def _stills(
    nulls: dict[str, LeafNull], scores: dict[Mode, NDArray[np.float64]]
) -> DomainCalibration:
    count = len(scores["paired"])
    maps = _maps(scores, STILLS_FALSE_ALARM_RATE)
    logits = maps["paired"].slope * scores["paired"] + maps["paired"].intercept
    alarms = int((logits >= 0).sum())
    false_alarm = FalseAlarm(
        rate=alarms / count,
        unit="per_frame",
        normal_frames=count,
        normal_seconds=0.0,
        upper_bound=upper_rate(alarms, count),
    )
    return DomainCalibration(leaf_null=nulls, affine=maps, threshold=0.5, false_alarm=false_alarm)


def _clips(
    nulls: dict[str, LeafNull], scores: dict[Mode, NDArray[np.float64]], stills: DomainCalibration
) -> ClipsCalibration:
    return ClipsCalibration(
        leaf_null=nulls,
        affine=_maps(scores, CLIPS_FALSE_ALARM_RATE),
        threshold=0.5,
        false_alarm=stills.false_alarm,
        smoothing_s=SMOOTHING_S,
        on=ON,
        off=OFF,
        on_frames_of=ON_FRAMES_OF,
        min_segment_s=0.0,
        weight_text=1.0,
        weight_motion=0.0,
    )


def _count_false_alarms(engine: Engine, clips: ClipsCalibration, num_clips: int) -> FalseAlarm:
    """Segments reported in generated normal traffic, per hour of it."""
    engine.analyzer.calibration = Calibration(stills=clips, clips=clips)
    alarms, frames = 0, 0
    for seed in track(range(CLIP_SEED, CLIP_SEED + num_clips), "normal clips"):
        clip = make_clip(seed, anomalous=False)
        results = [engine.analyzer.analyze([f], domain="clips")[0] for f in clip.frames]
        smoothed = smooth(clip.times_s, [r.probability for r in results], clips.smoothing_s)
        found = segments(
            clip.times_s, smoothed, on=clips.on, off=clips.off, on_frames_of=clips.on_frames_of
        )
        alarms, frames = alarms + len(found), frames + len(results)
    hours = frames / FPS / 3600
    log.info("false_alarms_counted", alarms=alarms, frames=frames)
    return FalseAlarm(
        rate=alarms / hours,
        unit="per_hour",
        normal_frames=frames,
        normal_seconds=frames / FPS,
        upper_bound=upper_rate(alarms, hours),
    )
