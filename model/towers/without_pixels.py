"""Pairs as the relation head embeds them where no drawn pixel is seen, or none is trusted.

Dimension letters used in this file:
    R ROIs, K pairs, M numbers of a pair's motion, V numbers of a look, D half of the embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.towers.nano import Nano


def relation_without_pixels(
    student: Nano,
    xyxy: Tensor,
    roi_classes: Tensor,
    pairs: Tensor,
    motion: Tensor,
    looks: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """Embed pairs by boxes, classes, motion and, of real pictures, looks.

    Args:
        student: Its relation head is asked.
        xyxy: (R, 4) boxes in 0..1.
        roi_classes: (R,) int64 class groups.
        pairs: (K, 2) int64 into R; -1 as object means that there is none.
        motion: (K, M) of `service.vision.pair_motion`; all 0 of a still.
        looks: (R, V) of the ROIs, (K, V) of the boxes around the pairs, (K, 1) how far they count.

    Returns:
        (K, D) unit vectors.
    """
    head, num_rois, num_pairs = student.relation_head, len(xyxy), len(pairs)
    blank = head.appearance.in_features
    relation = head(
        torch.zeros(num_rois, blank),
        torch.zeros(num_pairs, blank),
        xyxy,
        roi_classes,
        pairs,
        motion,
        torch.zeros(num_rois, 1),
        torch.zeros(num_pairs, 1),
        looks,
    )
    return F.normalize(relation, dim=-1)
