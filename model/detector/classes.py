"""The seven classes of the shipped detector and how the teacher's COCO classes map onto them.

Dimension letters used in this file: B frames, A grid cells (anchors), G our 7 classes.
"""

import torch
from torch import Tensor

# Class index in the exported model; order must never change once a bundle is shipped.
CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "animal")

# COCO-80 positions. Bird is left out on purpose: no traffic rule of ours speaks of birds,
# and the teacher fires on specks in the sky. Train and boat have no class here either.
COCO_MEMBERS: tuple[tuple[int, ...], ...] = (
    (0,),
    (1,),
    (2,),
    (3,),
    (5,),
    (7,),
    (15, 16, 17, 18, 19, 20, 21, 22, 23),
)


def group_scores(coco_scores: Tensor) -> Tensor:
    """Reduce COCO class scores to ours: the best member speaks for its group.

    Args:
        coco_scores: (B, A, 80) probabilities in 0..1.

    Returns:
        (B, A, 7) probabilities in 0..1, in the order of ``CLASSES``.
    """
    best = [coco_scores[..., list(members)].amax(dim=-1) for members in COCO_MEMBERS]
    return torch.stack(best, dim=-1)  # (B, A, G)
