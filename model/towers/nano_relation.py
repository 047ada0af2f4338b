"""Nano's relation head: what is said of an ordered pair of ROIs.

Dimension letters used in this file:
    R ROIs, K pairs, W stream width, D half of the embedding, F feature channels, P sampled points
    per ROI, M numbers of a pair's motion, V numbers of a look.
"""

import torch
from torch import Tensor, nn

from model import sa_clip
from model.towers.nano_image import pair_geometry
from model.towers.nano_look import LEADING, Leading
from service.bundle.encoder import MOTION_WIDTH

NUM_CLASS_GROUPS = 16  # knowledge.entities.CLASS_GROUPS and room to grow without a new graph
PAIR_GEOMETRY = 16


class RelationHead(nn.Module):
    """ROI streams of Eq. (6), their role-aware projection of Eq. (7)."""

    def __init__(self, features: int, grid: int, width: int, half_dim: int) -> None:
        super().__init__()
        self.appearance = nn.Linear(features * grid * grid, width)
        self.null_appearance = nn.Parameter(torch.randn(width) * 0.02)
        # Silent until real pictures have taught it (model.look).
        self.look_scale = Leading()
        self.look = _silent(LEADING, half_dim)
        self.union_look = _silent(LEADING, half_dim)
        self.null_object = nn.Parameter(torch.randn(width) * 0.02)
        self.position = _mlp(8, width)
        self.pair_position = _mlp(PAIR_GEOMETRY, width)
        # A student that has seen stills alone starts from what it knows.
        self.motion = nn.Sequential(
            nn.Linear(MOTION_WIDTH - 1, width), nn.GELU(), _silent(width, width)
        )
        self.class_group = nn.Embedding(NUM_CLASS_GROUPS, width)
        self.position_scale = nn.Parameter(torch.tensor(0.5))
        self.linear = nn.Linear(3 * width, half_dim)
        self.refine = nn.Sequential(
            nn.Linear(half_dim, 2 * half_dim), nn.GELU(), nn.Linear(2 * half_dim, half_dim)
        )
        # Of film alone (model.relations): stills keep what the look has been taught beside.
        self.video_residual = nn.Sequential(
            nn.Linear(3 * width + MOTION_WIDTH - 1, 2 * half_dim),
            nn.GELU(),
            _silent(2 * half_dim, half_dim),
        )

    def forward(
        self,
        roi_samples: Tensor,
        union_samples: Tensor,
        xyxy: Tensor,
        roi_classes: Tensor,
        pairs: Tensor,
        motion: Tensor,
        roi_gate: Tensor,
        union_gate: Tensor,
        looks: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Embed K ordered pairs.

        Args:
            roi_samples: (R, P*F) map samples of each ROI.
            union_samples: (K, P*F) map samples of the box around each pair.
            xyxy: (R, 4) boxes in 0..1.
            roi_classes: (R,) int64 class groups.
            pairs: (K, 2) int64 into R; -1 as object means that there is none.
            motion: (K, M) of `service.vision.pair_motion`; all 0 of a still.
            roi_gate: (R, 1) weight of the appearance, 0..1.
            union_gate: (K, 1).
            looks: Looks of the ROIs, (R, V), of the boxes around the pairs, (K, V), and how far
                those of each pair may be trusted, (K, 1); None where there is no real picture.

        Returns:
            (K, D), not normalised.
        """
        roi = sa_clip.roi_feature(
            self._appearance(roi_samples, roi_gate),
            self.position(_box_features(xyxy)),
            self.position_scale,
        ) + self.class_group(roi_classes)  # (R, W)
        has_object = (pairs[:, 1:] >= 0).to(roi.dtype)  # (K, 1)
        subject = roi[pairs[:, 0]]
        object_ = roi[pairs[:, 1].clamp(min=0)]
        object_ = has_object * object_ + (1 - has_object) * self.null_object
        union = sa_clip.roi_feature(
            self._appearance(union_samples, union_gate),
            self.pair_position(pair_geometry(xyxy, pairs)),
            self.position_scale,
        ) + self.motion(motion[:, :-1])
        projected = sa_clip.project_roi(self.linear, subject, object_, union)
        told = torch.cat([subject, object_, union, motion[:, :-1]], dim=-1)
        is_video = motion[:, -1:]
        residual = is_video * self.video_residual(told)
        refined: Tensor = projected + self.refine(projected) + residual
        if looks is None:
            return refined
        rois, unions, gate = looks
        shown = self.look(self.look_scale(rois))  # (R, D)
        seen = shown[pairs[:, 0]] + has_object * shown[pairs[:, 1].clamp(min=0)]
        seen = seen + self.union_look(self.look_scale(unions))  # (K, D)
        # Of film the look knows nothing: it has learned from stills what has happened, not when.
        looked: Tensor = refined + gate * (1 - is_video) * seen
        return looked

    def _appearance(self, samples: Tensor, gate: Tensor) -> Tensor:
        mixed: Tensor = gate * self.appearance(samples) + (1 - gate) * self.null_appearance
        return mixed


def _silent(inputs: int, outputs: int) -> nn.Linear:
    """A layer that adds nothing until it has learned."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _box_features(xyxy: Tensor) -> Tensor:
    """(R, 4) boxes to the (R, 8) geometry of Eq. (6): corners, centre and size in 0..1."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([xyxy, (low + high) / 2, high - low], dim=-1)


def _mlp(inputs: int, width: int) -> nn.Sequential:
    """Embed(Position): a linear map alone cannot tell touching boxes from near ones."""
    return nn.Sequential(
        nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width)
    )
