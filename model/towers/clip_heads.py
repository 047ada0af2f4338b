"""The trainable heads on the image side of a CLIP tower: Eq. (6) and (7).

Dimension letters used in this file: R ROIs, K pairs, D half of the embedding size.
"""

import math

import torch
from torch import Tensor, nn

from model import sa_clip
from model.towers.nano_relation import NUM_CLASS_GROUPS
from model.towers.spec import ClipSpec

# At step 0 a relation is half its hull and a quarter each of its ROIs, in CLIP's own space.
START_SHARES = (0.25, 0.25, 0.5)
POSITION_SCALE = 0.5
BOX_NUMBERS = {"geometry8": 8, "lxmert4": 4}


class RelationHead(nn.Module):
    """Box embedding, class embedding and the projection of a pair's ROIs.

    Args:
        half_dim: D.
        spec: Which reading of Eq. (6) and (7).
    """

    def __init__(self, half_dim: int, spec: ClipSpec) -> None:
        super().__init__()
        self.spec = spec
        self.position = PositionEmbedding(BOX_NUMBERS[spec.box_embed], half_dim)
        self.position_scale = nn.Parameter(torch.tensor(POSITION_SCALE))
        self.class_group = nn.Embedding(NUM_CLASS_GROUPS, half_dim)
        nn.init.zeros_(self.class_group.weight)
        self.class_group.requires_grad_(spec.class_embed)
        self.null_object = nn.Parameter(torch.zeros(half_dim))
        identity = torch.eye(half_dim)
        if spec.roi_agg == "concat3":
            self.linear = nn.Linear(3 * half_dim, half_dim)
            start = torch.cat([share * identity for share in START_SHARES], dim=1)
        else:
            self.linear = nn.Linear(half_dim, half_dim)
            start = identity
        with torch.no_grad():
            self.linear.weight.copy_(start)
            self.linear.bias.zero_()
        self.roles = RoleStreams(half_dim) if spec.roi_agg == "role_mean" else None

    def forward(
        self, roi: Tensor, union: Tensor, xyxy: Tensor, roi_classes: Tensor, pairs: Tensor
    ) -> Tensor:
        """Embed K ordered pairs.

        Args:
            roi: (R, D) features of the ROIs.
            union: (K, D) features of the hulls.
            xyxy: (R, 4) boxes in 0..1.
            roi_classes: (R,) int64 class groups.
            pairs: (K, 2) int64 into the ROIs; -1 as object means that there is none.

        Returns:
            (K, D), not normalised.
        """
        scale = self.position_scale
        placed = sa_clip.roi_feature(roi, self.position(self._box(xyxy)), scale)
        placed = placed + self.class_group(roi_classes)  # (R, D)
        has_object = (pairs[:, 1:] >= 0).to(placed.dtype)  # (K, 1)
        first, second = pairs[:, 0], pairs[:, 1].clamp(min=0)
        subject = placed[first]
        object_ = has_object * placed[second] + (1 - has_object) * self.null_object
        if self.spec.roi_agg == "concat3":
            s, o = xyxy[first], torch.where(has_object > 0, xyxy[second], xyxy[first])
            low, high = torch.minimum(s[:, :2], o[:, :2]), torch.maximum(s[:, 2:], o[:, 2:])
            hull = torch.cat([low, high], dim=1)
            both = sa_clip.roi_feature(union, self.position(self._box(hull)), scale)
            return sa_clip.project_roi(self.linear, subject, object_, both)
        if self.roles is not None:
            subject, object_ = self.roles(subject, object_)
        count = 1 + has_object
        projected: Tensor = self.linear((subject + has_object * object_) / count)
        return projected

    def _box(self, xyxy: Tensor) -> Tensor:
        if self.spec.box_embed == "lxmert4":
            return xyxy
        low, high = xyxy[:, :2], xyxy[:, 2:]
        return torch.cat([xyxy, (low + high) / 2, high - low], dim=-1)


class PositionEmbedding(nn.Module):
    """Embed(Position): linear, LayerNorm, brought to about unit length like the crop's feature.

    The linear map starts at 0, so that an untrained head leaves CLIP's space as it is; LayerNorm
    of 0 is 0, and the first step already moves it.
    """

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(numbers, width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.norm = nn.LayerNorm(width)
        self.unit = 1 / math.sqrt(width)

    def forward(self, box: Tensor) -> Tensor:
        """(N, numbers) to (N, width)."""
        # Three dimensions export as MatMul: the quantiser turns a Gemm that is used twice wrong.
        embedded: Tensor = self.norm(self.linear(box[None])[0]) * self.unit
        return embedded


class RoleStreams(nn.Module):
    """A role vector and a small network for each ROI before the mean, which then knows roles."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.subject = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.object = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.network = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        last = self.network[2]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, subject: Tensor, object_: Tensor) -> tuple[Tensor, Tensor]:
        """(K, W) each; residual, so that it starts as nothing."""
        return (
            subject + self.network(subject + self.subject),
            object_ + self.network(object_ + self.object),
        )
