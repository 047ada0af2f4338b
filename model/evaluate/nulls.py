"""What each leaf says about normal traffic that moves, and the shuffled control with its own.

Generated clips with the pixels hidden: that is how real footage reaches the student, and nothing
of the clips that evaluation uses is looked at.
"""

from dataclasses import replace

import numpy as np
from rich.progress import track

from model.evaluate.generated import analyze_clip
from model.synthesis.traffic import make_clip
from service.bundle.encoder import ImageEncoder
from service.pipeline.frame import FrameAnalyzer
from service.scoring.calibration import LeafNull
from service.scoring.fitting import leaf_null
from service.scoring.text_bank import TextBank

NULL_SEED = 80_000_000
NULL_CLIPS = 60
EVERY = 3  # frames; neighbours say the same


def clip_nulls(
    analyzer: FrameAnalyzer, text_bank: TextBank, num_clips: int = NULL_CLIPS
) -> dict[str, LeafNull]:
    """Mean and spread of each leaf's evidence on generated normal clips.

    Args:
        analyzer: Its models; calibration plays no part.
        text_bank: The descriptions.
        num_clips: Clips of four to eight seconds.
    """
    reader = analyzer.with_text_bank(text_bank)
    rows = []
    for seed in track(range(NULL_SEED, NULL_SEED + num_clips), "nulls", transient=True):
        clip = make_clip(seed, anomalous=False)
        rows += [r.evidence for r in analyze_clip(reader, clip, seed, pixels=False)[::EVERY]]
    mean, std = leaf_null(np.stack(rows))
    return {
        leaf: LeafNull(mean=round(float(m), 6), std=round(float(s), 6))
        for leaf, m, s in zip(text_bank.leaf_ids, mean, std, strict=True)
    }


def shuffled_texts(
    analyzer: FrameAnalyzer, seed: int = 0, num_clips: int = NULL_CLIPS
) -> FrameAnalyzer:
    """The same analyzer with each description given the vectors of another, and nulls of its own.

    With the nulls of the right vectors the control would suffer from a wrong scale as well. A
    bundle that knows only stills has nulls of stills, which stay.
    """
    bank = analyzer.text_bank
    order = np.random.default_rng(seed).permutation(len(bank))
    mixed = replace(bank, pooled=bank.pooled[order], svo=bank.svo[order])
    control = analyzer.with_text_bank(mixed)
    if takes_motion(analyzer):
        clips = analyzer.calibration.clips
        nulls = clip_nulls(analyzer, mixed, num_clips)
        update = {"clips": clips.model_copy(update={"leaf_null": nulls})}
        control.calibration = analyzer.calibration.model_copy(update=update)
    return control


def takes_motion(analyzer: FrameAnalyzer) -> bool:
    """Whether the image encoder is told how pairs have moved."""
    encoder = analyzer.image_encoder
    return isinstance(encoder, ImageEncoder) and encoder.takes_motion
