"""What each leaf says about normal traffic that moves, and the shuffled control with its own.

Generated clips, once with their pixels and once without: so real footage reaches the student, and
nothing of the clips that evaluation uses is looked at.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from model.evaluate.generated import analyze_clip
from model.synthesis.traffic import make_clip
from service.bundle.encoder import ImageEncoder
from service.pipeline.frame import FrameAnalyzer
from service.scoring.calibration import LeafNull, same_null
from service.scoring.fitting import strongest_null
from service.scoring.text_bank import TextBank

NULL_SEED = 80_000_000
NULL_CLIPS = 24
EVERY = 3  # frames; neighbours say the same


@dataclass(frozen=True, slots=True)
class ClipNulls:
    """Nulls of frames whose pixels are not trusted, and of those whose are."""

    untrusted: dict[str, LeafNull]
    trusted: dict[str, LeafNull]


def clip_nulls(
    analyzer: FrameAnalyzer, text_bank: TextBank, num_clips: int = NULL_CLIPS
) -> ClipNulls:
    """Mean and spread of each leaf's evidence on generated normal clips.

    Args:
        analyzer: Its models; calibration plays no part.
        text_bank: The descriptions.
        num_clips: Clips of four to eight seconds.
    """
    reader = analyzer.with_text_bank(text_bank)
    rows: dict[bool, list[NDArray[np.float64]]] = {False: [], True: []}
    for seed in track(range(NULL_SEED, NULL_SEED + num_clips), "nulls", transient=True):
        clip = make_clip(seed, anomalous=False)
        for pixels in rows:
            results = analyze_clip(reader, clip, seed, pixels=pixels)[::EVERY]
            rows[pixels] += [r.evidence for r in results if (r.appearance == "on") == pixels]
    # A model whose gate never opens, or never closes, has one null for both.
    untrusted, trusted = (rows[pixels] or rows[not pixels] for pixels in (False, True))
    return ClipNulls(_fitted(text_bank, np.stack(untrusted)), _fitted(text_bank, np.stack(trusted)))


def _fitted(text_bank: TextBank, evidence: NDArray[np.float64]) -> dict[str, LeafNull]:
    return same_null(text_bank.leaf_ids, *strongest_null(evidence))


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
        control.calibration = analyzer.calibration.model_copy(
            update={"clips": clips.model_copy(update=as_update(nulls))}
        )
    return control


def as_update(nulls: ClipNulls) -> dict[str, dict[str, LeafNull]]:
    """The nulls by the names that a calibration has for them."""
    return {"leaf_null": nulls.untrusted, "leaf_null_trusted": nulls.trusted}


def takes_motion(analyzer: FrameAnalyzer) -> bool:
    """Whether the image encoder is told how pairs have moved."""
    encoder = analyzer.image_encoder
    return isinstance(encoder, ImageEncoder) and encoder.takes_motion
