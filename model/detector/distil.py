"""Dense distillation: every grid cell learns the teacher's answer for the very same pixels.

The score that the service reads is objectness times class probability. The teacher's score of a
group is split so that the product comes out right: objectness learns the best group's score, the
classes learn each group's share of it.

Dimension letters used in this file: B frames, A grid cells, G classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.detector.network import decode_boxes
from model.detector.recipe import LossWeights
from model.detector.teacher import TeacherView

EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class DistillationLoss:
    """The weighted total and its unweighted parts, all scalars."""

    total: Tensor
    objectness: Tensor
    classes: Tensor
    overlap: Tensor
    offsets: Tensor
    maps: Tensor


def generalised_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU (-1..1) of matching rows of two (..., 4) xyxy arrays."""
    top_left = torch.maximum(boxes[..., :2], others[..., :2])
    bottom_right = torch.minimum(boxes[..., 2:], others[..., 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    other_area = (others[..., 2:] - others[..., :2]).prod(-1)
    union = area + other_area - shared
    hull = (
        torch.maximum(boxes[..., 2:], others[..., 2:])
        - torch.minimum(boxes[..., :2], others[..., :2])
    ).prod(-1)
    return shared / (union + EPSILON) - (hull - union) / (hull + EPSILON)


def soft_divergence(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy minus the target's own entropy: 0 when the two agree."""
    entropy = F.binary_cross_entropy(target, target, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none") - entropy


def map_distance(student_maps: Sequence[Tensor], teacher_maps: Sequence[Tensor]) -> Tensor:
    """Mean of 1 - Pearson correlation per channel, over levels (PKD, Cao et al. 2022)."""
    distances = []
    for ours, theirs in zip(student_maps, teacher_maps, strict=True):
        normal = F.batch_norm(ours.float(), None, None, training=True)
        goal = F.batch_norm(theirs, None, None, training=True)
        distances.append(F.mse_loss(normal, goal) / 2)
    return torch.stack(distances).mean()


def distillation_loss(
    rows: Tensor,
    student_maps: Sequence[Tensor],
    view: TeacherView,
    grid: tuple[Tensor, Tensor],
    weights: LossWeights,
) -> DistillationLoss:
    """Compare student and teacher on the aligned grid.

    Args:
        rows: (B, A, 5 + G) raw offsets and logits of the student.
        student_maps: The student's pyramid, brought to the teacher's channel counts.
        view: The teacher's answer.
        grid: Corners (A, 2) and strides (A, 1) of the cells.
        weights: Weights of the parts.

    Returns:
        Losses normalised by the teacher's summed score, as YOLOX does by its positives.
    """
    best = view.scores.amax(-1)  # (B, A)
    mass = best.sum().clamp(min=1.0)
    objectness = soft_divergence(rows[..., 4], best).sum() / mass
    shares = view.scores / best[..., None].clamp(min=EPSILON)
    classes = (soft_divergence(rows[..., 5:], shares.clamp(max=1.0)).sum(-1) * best).sum() / mass
    boxed = best > weights.box_floor  # cells whose box is worth copying
    trust = best[boxed]
    trusted = trust.sum().clamp(min=1.0)
    corners, strides = (part.expand(best.shape[0], *part.shape)[boxed] for part in grid)
    ours, theirs = rows[..., :4][boxed], view.offsets[boxed]
    iou = generalised_iou(
        decode_boxes(ours, corners, strides), decode_boxes(theirs, corners, strides)
    )
    overlap = ((1 - iou) * trust).sum() / trusted
    offsets = (F.smooth_l1_loss(ours, theirs, reduction="none").sum(-1) * trust).sum() / trusted
    maps = map_distance(student_maps, view.maps)
    total = (
        weights.objectness * objectness
        + weights.classes * classes
        + weights.overlap * overlap
        + weights.offsets * offsets
        + weights.maps * maps
    )
    return DistillationLoss(total, objectness, classes, overlap, offsets, maps)
