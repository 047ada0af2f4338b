"""What each leaf says about normal traffic that moves, and the shuffled control with its own.

Generated clips, once with their pixels and once without: so real footage reaches the student, and
nothing of the clips that evaluation uses is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.progress import track

from model.evaluate.controls import SHUFFLES
from model.evaluate.generated import see_clip
from model.synthesis.traffic import make_clip
from service.bundle.encoder import ImageEncoder
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import SeenFrame
from service.scoring.calibration import LeafNull, same_null
from service.scoring.fitting import strongest_null
from service.scoring.text_bank import TextBank

NULL_SEED = 80_000_000
NULL_CLIPS = 24
EVERY = 3  # frames; neighbours say the same


@dataclass(frozen=True, slots=True)
class NormalFrames:
    """Frames of generated normal clips: those whose pixels are not trusted, and those whose are."""

    untrusted: list[SeenFrame]
    trusted: list[SeenFrame]


@dataclass(frozen=True, slots=True)
class ClipNulls:
    """Nulls of frames whose pixels are not trusted, and of those whose are."""

    untrusted: dict[str, LeafNull]
    trusted: dict[str, LeafNull]


def see_normal(analyzer: FrameAnalyzer, num_clips: int = NULL_CLIPS) -> NormalFrames:
    """What the models see of generated normal clips.

    Args:
        analyzer: Its models; knowledge and calibration play no part.
        num_clips: Clips of four to eight seconds.
    """
    found: dict[bool, list[SeenFrame]] = {False: [], True: []}
    for seed in track(range(NULL_SEED, NULL_SEED + num_clips), "normal clips", transient=True):
        clip = make_clip(seed, anomalous=False)
        for pixels in found:
            frames = see_clip(analyzer, clip, seed, pixels=pixels)[::EVERY]
            found[pixels] += [f for f in frames if f.is_trusted == pixels]
    # A model whose gate never opens, or never closes, has one null for both.
    return NormalFrames(found[False] or found[True], found[True] or found[False])


def clip_nulls(analyzer: FrameAnalyzer, text_bank: TextBank, normal: NormalFrames) -> ClipNulls:
    """Mean and spread of each leaf's evidence on normal frames.

    Args:
        analyzer: Who has seen the frames; calibration plays no part.
        text_bank: The descriptions.
        normal: Of ``see_normal``.
    """
    reader = analyzer.with_text_bank(text_bank)
    return ClipNulls(_fitted(reader, normal.untrusted), _fitted(reader, normal.trusted))


def _fitted(reader: FrameAnalyzer, frames: Sequence[SeenFrame]) -> dict[str, LeafNull]:
    evidence = np.stack([result.evidence for result in reader.judge(frames, domain="clips")])
    return same_null(reader.text_bank.leaf_ids, *strongest_null(evidence))


def shuffled(bank: TextBank, seed: int) -> TextBank:
    """The vectors dealt out among the descriptions by chance; roles, leaves and weights stay."""
    order = np.random.default_rng(seed).permutation(len(bank))
    return replace(bank, pooled=bank.pooled[order], svo=bank.svo[order])


def shuffled_texts(
    analyzer: FrameAnalyzer, num_shuffles: int = SHUFFLES, num_clips: int = NULL_CLIPS
) -> list[FrameAnalyzer]:
    """The same analyzer with its texts shuffled, again and again, each with nulls of its own.

    One shuffle proves nothing: whether it hurts depends on which vectors meet which description.
    With the nulls of the right vectors the control would suffer from a wrong scale as well. A
    bundle that knows only stills has nulls of stills, which stay.

    Args:
        analyzer: Whose models and descriptions these are.
        num_shuffles: How often the vectors are dealt out.
        num_clips: Generated normal clips for the nulls.
    """
    banks = [shuffled(analyzer.text_bank, seed) for seed in range(num_shuffles)]
    if not takes_motion(analyzer):
        return [analyzer.with_text_bank(bank) for bank in banks]
    normal = see_normal(analyzer, num_clips)
    controls = []
    for bank in track(banks, "shuffled texts", transient=True):
        control = analyzer.with_text_bank(bank)
        update = as_update(clip_nulls(analyzer, bank, normal))
        clips = analyzer.calibration.clips.model_copy(update=update)
        control.calibration = analyzer.calibration.model_copy(update={"clips": clips})
        controls.append(control)
    return controls


def as_update(nulls: ClipNulls) -> dict[str, dict[str, LeafNull]]:
    """The nulls by the names that a calibration has for them."""
    return {"leaf_null": nulls.untrusted, "leaf_null_trusted": nulls.trusted}


def takes_motion(analyzer: FrameAnalyzer) -> bool:
    """Whether the image encoder is told how pairs have moved."""
    encoder = analyzer.image_encoder
    return isinstance(encoder, ImageEncoder) and encoder.takes_motion
