"""How loud the motion of each leaf is on generated normal traffic: boxes and cues, no model."""

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from model.evaluate.texts import noisy_rois
from model.synthesis.traffic import make_clip
from service.pipeline.motion import MotionMemory
from service.scoring.dynamics import leaf_motion, pair_motion
from service.scoring.pairing import accepts, may_speak
from service.scoring.text_bank import TextBank
from service.vision.rois import form_pairs, with_pseudo_rois

NULL_SEED = 81_000_000
NULL_CLIPS = 240  # of a third as many a weight is half a draw


def normal_motion(
    text_bank: TextBank, max_pairs: int, num_clips: int = NULL_CLIPS
) -> NDArray[np.float64]:
    """Leaf motion of every frame of some normal clips, as film whose pixels are not trusted has it.

    Args:
        text_bank: L anomaly leaves with their cues.
        max_pairs: Of a frame.
        num_clips: Clips of four to eight seconds.

    Returns:
        (n, L) in 0..1.
    """
    rows: list[NDArray[np.float64]] = []
    for seed in track(range(NULL_SEED, NULL_SEED + num_clips), "motion", transient=True):
        clip, memory = make_clip(seed, anomalous=False), MotionMemory()
        for i, (moment, time_s) in enumerate(zip(clip.moments, clip.times_s, strict=True)):
            assert moment.scene.frame is not None
            detected = noisy_rois(moment.scene, seed * 1000 + i)
            move = memory.update(moment.scene.frame, float(time_s), detected)
            rois = with_pseudo_rois(move.rois)
            pairs = form_pairs(rois, max_pairs)
            speaks = may_speak(text_bank, pixels=False, stands=move.stands)
            accepted = accepts(text_bank, rois, pairs) & speaks
            rows.append(
                leaf_motion(text_bank, accepted, pair_motion(text_bank, move.cues(rois, pairs)))
            )
    return np.stack(rows)
