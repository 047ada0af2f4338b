"""Normal footage to ``calibration.json``: nulls of the leaves, thresholds, what they cost.

Only normal footage is looked at: what an anomaly scores is never used, so the service stays
zero-shot, and every threshold is a stated share of false alarms. What was chosen by looking at the
development clips stands in `docs/experiments.md`: the weights of real frames, the smoothing, how
long the score must hold, how seldom an alarm may be false, what a bump counts, and that loud motion
is turned down, never up.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from rich.progress import track

from model.evaluate.alarms import alarm_times, lowest_threshold
from model.evaluate.auc import LabelledScores
from model.evaluate.generated import analyze_clip, smoothed
from model.evaluate.motion_null import normal_motion
from model.evaluate.nulls import as_update, clip_nulls, see_normal, takes_motion
from model.synthesis.traffic import make_clip
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
    same_null,
)
from service.scoring.fitting import fit_affine, motion_weights, strongest_null, upper_rate
from service.vision.images import decode_image

log = structlog.get_logger()
STILLS_FALSE_ALARM_RATE = 0.05
CLIPS_FALSE_ALARM_RATE = 0.01  # of frames, for the modes that know no motion
# Generated streets are far busier than the real ones at hand: docs/experiments.md.
CLIPS_ALARMS_PER_HOUR = {"generated": 50.0, "real": 20.0}
WEIGHT_TEXT, WEIGHT_MOTION, WEIGHTS_TRUSTED = 0.15, 1.0, (1.0, 1.0)
PAST_SHARE = 0.6
SMOOTHING_S, RELEASE_S = 0.3, 2.5
ON, OFF, ON_HOLD_S, ON_WINDOW_S = 0.6, 0.4, 0.65, 0.95  # at ten frames a second 7 of 10
MAX_PIXELS = 50_000_000
CLIP_SEED = 90_000_000
Footage = Callable[[Engine], list[LabelledScores]]
MODES: tuple[Mode, ...] = ("literal", "contrast", "paired")


def calibrate(
    engine: Engine,
    pictures: Sequence[Path],
    footage: Footage = lambda _: [],
    num_clips: int = 180,
) -> Calibration:
    """Fit a calibration.

    Args:
        engine: A bundle; the calibration it may hold is disregarded.
        pictures: Real pictures of normal traffic, from cameras that evaluation does not use.
        footage: Scores of real normal footage, from the engine once text and motion are set.
        num_clips: Generated normal clips, which set the alarm's threshold.

    Returns:
        Stills and clips, each with the false alarms that its threshold costs.
    """
    engine.analyzer.calibration = neutral_calibration()
    frames = [decode_image(path.read_bytes(), MAX_PIXELS) for path in pictures]
    raw = [engine.analyzer.analyze([frame])[0] for frame in track(frames, "normal pictures")]
    found = strongest_null(np.stack([result.evidence for result in raw]))
    nulls = same_null(engine.analyzer.text_bank.leaf_ids, *found)
    engine.analyzer.calibration = _with_nulls(nulls)
    scores = {mode: _scores(engine, frames, mode) for mode in MODES}
    stills = _stills(nulls, scores)
    clips = _clips(nulls, scores, stills)
    if takes_motion(engine.analyzer):  # what moves says more than a still, on normal roads too
        normal = see_normal(engine.analyzer)
        moving = clip_nulls(engine.analyzer, engine.analyzer.text_bank, normal)
        clips = clips.model_copy(update=as_update(moving))
    bank = engine.analyzer.text_bank
    loud = motion_weights(normal_motion(bank, engine.analyzer.max_pairs))
    quiet = {
        leaf: round(w, 3) for leaf, w in zip(bank.leaf_ids, loud.tolist(), strict=True) if w < 1
    }
    clips = clips.model_copy(update={"leaf_motion_weight": quiet})
    return Calibration(stills=stills, clips=_with_threshold(engine, clips, num_clips, footage))


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
        release_s=RELEASE_S,
        on=ON,
        off=OFF,
        on_hold_s=ON_HOLD_S,
        on_window_s=ON_WINDOW_S,
        min_segment_s=0.0,
        weight_text=WEIGHT_TEXT,
        weight_motion=WEIGHT_MOTION,
        weights_trusted=WEIGHTS_TRUSTED,
        past_share=PAST_SHARE,
    )


def _with_threshold(
    engine: Engine, clips: ClipsCalibration, num_clips: int, footage: Footage
) -> ClipsCalibration:
    """Set the alarm to the lowest score that normal traffic exceeds seldom enough.

    Generated and real footage each have a rate that is allowed, and both hold. Of generated
    clips the pixels are not trusted, as those of real ones are not: where they are, the text
    counts more and the scale is another.
    """
    engine.analyzer.calibration = Calibration(stills=clips, clips=clips)
    drawn = []
    for seed in track(range(CLIP_SEED, CLIP_SEED + num_clips), "normal clips"):
        clip = make_clip(seed, anomalous=False)
        results = analyze_clip(engine.analyzer, clip, seed, pixels=False)
        drawn.append(smoothed(clip, results, clips))
    sources = {"generated": drawn, "real": footage(engine)}
    # One logit is a standard deviation of the livelier of the two.
    slope = 1.0 / max(_std(normal) for normal in sources.values() if normal)
    maps = {}
    for name, normal in sources.items():
        if normal:
            allowed = int(CLIPS_ALARMS_PER_HOUR[name] * _hours(normal))
            maps[name] = lowest_threshold(normal, clips, allowed, slope)
            score = (_logit(clips.on) - maps[name].intercept) / slope
            log.info("alarm_set", by=name, score=score, allowed=allowed, hours=_hours(normal))
    affine = min(maps.values(), key=lambda each: each.intercept)
    everything = [clip for normal in sources.values() for clip in normal]
    alarms = sum(len(alarm_times(clip, affine, clips)) for clip in everything)
    hours = _hours(everything)
    false_alarm = FalseAlarm(
        rate=alarms / hours,
        unit="per_hour",
        normal_frames=sum(len(clip.scores) for clip in everything),
        normal_seconds=round(3600 * hours, 1),
        upper_bound=upper_rate(alarms, hours),
    )
    update = {"affine": {**clips.affine, "paired": affine}, "false_alarm": false_alarm}
    return clips.model_copy(update=update)


def _std(clips: Sequence[LabelledScores]) -> float:
    return float(np.concatenate([clip.scores for clip in clips]).std())


def _hours(clips: Sequence[LabelledScores]) -> float:
    return sum(float(clip.times_s[-1] - clip.times_s[0]) for clip in clips) / 3600


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
