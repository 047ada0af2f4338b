"""The image encoder: frames and boxes in, a scene half and relation halves out.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, D half of the embedding size, H W frame size, M numbers of a motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from service.bundle.sessions import Session

INPUTS = {
    "frames": "tensor(uint8)",
    "rois": "tensor(float)",
    "roi_classes": "tensor(int64)",
    "pairs": "tensor(int64)",
}
MOTION = {"motion": "tensor(float)"}  # of a graph that has learned what moves
MOTION_WIDTH = 25  # numbers of a pair: `service.vision.pair_motion`; the last one: it is watched
OUTPUTS = ("scene", "relation", "scene_gate")
_WHOLE_FRAME = np.array([[0.0, 0.0, 0.0, 1.0, 1.0]], np.float32)
_FULL = CLASS_GROUPS.index("full")


@dataclass(frozen=True, slots=True, eq=False)
class ImageEmbeddings:
    """What the image encoder says about frames and pairs.

    Attributes:
        scene: (B, D) float32 unit vectors.
        relation: (K, D) float32 unit vectors.
        scene_gate: (B,) float32 in 0..1; how far the frame's appearance can be trusted.
    """

    scene: NDArray[np.float32]
    relation: NDArray[np.float32]
    scene_gate: NDArray[np.float32]


class ImageEncoder:
    """Runs `image_encoder.onnx`; safe to share between threads.

    Args:
        session: Of the graph.
        longest_side: Pixels beyond which frames may be shrunk before they are encoded; None where
            boxes are cropped from the frame as it is.
    """

    def __init__(self, session: Session, longest_side: int | None = None) -> None:
        self.session = session
        self.longest_side = longest_side
        self._motion_width = motion_width(session)
        self.takes_motion = self._motion_width > 0

    def encode(
        self,
        frames: NDArray[np.uint8],
        rois: NDArray[np.float32],
        roi_classes: NDArray[np.int64],
        pairs: NDArray[np.int64],
        motion: NDArray[np.float32] | None = None,
    ) -> ImageEmbeddings:
        """Embed frames and the pairs of ROIs in them.

        Args:
            frames: (B, H, W, 3) uint8 RGB, B >= 1, one size per call.
            rois: (R, 5) float32: frame index, then xyxy in 0..1. R = 0 is allowed.
            roi_classes: (R,) int64 ids into ``CLASS_GROUPS``.
            pairs: (K, 2) int64 rows of ``rois``; -1 as object is "no object". K = 0 is allowed.
            motion: (K, M) float32 in -1..1; None for a still. A graph that knows only stills does
                without.

        Raises:
            ValueError: A shape, type or index is not as described.
        """
        _check(frames, rois, roi_classes, pairs)
        if not len(rois):  # graphs are only promised R >= 1
            rois, roi_classes = _WHOLE_FRAME, np.array([_FULL], np.int64)
        feeds = {"frames": frames, "rois": rois, "roi_classes": roi_classes, "pairs": pairs}
        if self.takes_motion:
            # Graphs of before are not told that somebody watches.
            feeds["motion"] = _checked_motion(motion, len(pairs))[:, : self._motion_width]
        scene, relation, scene_gate = self.session.run(OUTPUTS, feeds)
        return ImageEmbeddings(scene, relation, scene_gate)


def motion_width(session: Session) -> int:
    """How many numbers of a pair's motion a graph takes, 0 if none; some know the first 24.

    Raises:
        ValueError: Another number of them.
    """
    for value in session.get_inputs():
        if value.name in MOTION:
            width = value.shape[-1] if isinstance(value.shape[-1], int) else MOTION_WIDTH
            if width not in (MOTION_WIDTH - 1, MOTION_WIDTH):
                raise ValueError(f"motion has {width} numbers, expected {MOTION_WIDTH} or one less")
            return width
    return 0


def _check(
    frames: NDArray[np.uint8],
    rois: NDArray[np.float32],
    roi_classes: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> None:
    """Refuse what the graph would take and answer wrongly: a Gather wraps negative indices."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not frames.size:
        raise ValueError(f"frames must be (B, H, W, 3) uint8, got {frames.shape} {frames.dtype}")
    if rois.dtype != np.float32 or rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"rois must be (R, 5) float32, got {rois.shape} {rois.dtype}")
    if roi_classes.dtype != np.int64 or roi_classes.shape != (len(rois),):
        raise ValueError(
            f"roi_classes must be ({len(rois)},) int64, got {roi_classes.shape} {roi_classes.dtype}"
        )
    if pairs.dtype != np.int64 or pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"pairs must be (K, 2) int64, got {pairs.shape} {pairs.dtype}")
    _check_range("frame index in rois", rois[:, 0], 0, len(frames))
    _check_range("box corner in rois", rois[:, 1:], 0, 1 + 1e-6)
    _check_range("class in roi_classes", roi_classes, 0, len(CLASS_GROUPS))
    _check_range("subject in pairs", pairs[:, 0], 0, len(rois))
    _check_range("object in pairs", pairs[:, 1], -1, len(rois))


def _checked_motion(motion: NDArray[np.float32] | None, num_pairs: int) -> NDArray[np.float32]:
    if motion is None:
        return np.zeros((num_pairs, MOTION_WIDTH), np.float32)
    if motion.dtype != np.float32 or motion.shape != (num_pairs, MOTION_WIDTH):
        raise ValueError(
            f"motion must be ({num_pairs}, {MOTION_WIDTH}) float32, "
            f"got {motion.shape} {motion.dtype}"
        )
    _check_range("number in motion", motion, -1, 1 + 1e-6)
    return motion


def _check_range(
    what: str, values: NDArray[np.floating] | NDArray[np.int64], low: float, end: float
) -> None:
    # Written so that NaN fails as well.
    if values.size and not ((values >= low) & (values < end)).all():
        worst = values.min() if values.min() < low else values.max()
        raise ValueError(f"every {what} must lie in [{low}, {end:g}), got {worst}")
