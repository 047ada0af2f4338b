"""Nano: the compact SA-CLIP student that ships inside the service.

One convolutional pass a frame; ROIs are sampled from its map instead of being cropped. The
appearance streams are gated: a frame unlike anything seen in training keeps only class and box
geometry, because drawn pixels do not transfer to real ones.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, T texts, C token context, W stream width, D half of the embedding,
    F feature channels, h w map size, P sampled points per ROI, M numbers of a pair's motion.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import sa_clip
from model.towers.nano_image import ImageTrunk, pair_geometry, sample_rois, union_boxes
from model.towers.nano_text import TextTower
from service.bundle.encoder import MOTION_WIDTH

NUM_CLASS_GROUPS = 16  # knowledge.entities.CLASS_GROUPS and room to grow without a new graph


class RelationHead(nn.Module):
    """ROI streams of Eq. (6), their role-aware projection of Eq. (7)."""

    def __init__(self, features: int, grid: int, width: int, half_dim: int) -> None:
        super().__init__()
        self.appearance = nn.Linear(features * grid * grid, width)
        self.null_appearance = nn.Parameter(torch.randn(width) * 0.02)
        self.null_object = nn.Parameter(torch.randn(width) * 0.02)
        self.position = _mlp(8, width)
        self.pair_position = _mlp(PAIR_GEOMETRY, width)
        last = nn.Linear(width, width)
        # A student that has seen stills alone starts from what it knows.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.motion = nn.Sequential(nn.Linear(MOTION_WIDTH, width), nn.GELU(), last)
        self.class_group = nn.Embedding(NUM_CLASS_GROUPS, width)
        self.position_scale = nn.Parameter(torch.tensor(0.5))
        self.linear = nn.Linear(3 * width, half_dim)
        self.refine = nn.Sequential(
            nn.Linear(half_dim, 2 * half_dim), nn.GELU(), nn.Linear(2 * half_dim, half_dim)
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
    ) -> Tensor:
        """Embed K ordered pairs.

        Args:
            roi_samples: (R, P*F) map samples of each ROI.
            union_samples: (K, P*F) map samples of the box around each pair.
            xyxy: (R, 4) boxes in 0..1.
            roi_classes: (R,) int64 class groups.
            pairs: (K, 2) int64 into R; -1 as object means that there is none.
            motion: (K, M) of `service.vision.pair_motion`; all 0 where nothing is known.
            roi_gate: (R, 1) weight of the appearance, 0..1.
            union_gate: (K, 1).

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
        ) + self.motion(motion)
        projected = sa_clip.project_roi(self.linear, subject, object_, union)
        refined: Tensor = projected + self.refine(projected)
        return refined

    def _appearance(self, samples: Tensor, gate: Tensor) -> Tensor:
        mixed: Tensor = gate * self.appearance(samples) + (1 - gate) * self.null_appearance
        return mixed


class Nano(nn.Module):
    """The student: image trunk, relation head and text tower with one embedding space."""

    gate_mean: Tensor
    gate_whiten: Tensor
    gate_limits: Tensor

    def __init__(
        self, vocab_size: int, context_length: int = 32, half_dim: int = 256, width: int = 192
    ) -> None:
        super().__init__()
        self.half_dim = half_dim
        self.context_length = context_length
        self.trunk = ImageTrunk()
        self.scene_head = nn.Linear(self.trunk.deep_channels, half_dim)
        self.relation_head = RelationHead(self.trunk.map_channels, GRID, width, half_dim)
        self.text_tower = TextTower(vocab_size, context_length, width)
        self.text_pool = nn.Linear(width, half_dim)
        self.svo_linear = nn.Linear(width, half_dim)
        self.logit_scale = nn.Parameter(torch.tensor(2.66))  # log(1 / 0.07), as in CLIP
        # What the trunk saw in training: filled by `fit_gate` once training has ended.
        texture = self.trunk.texture_features
        self.register_buffer("gate_mean", torch.zeros(texture))
        self.register_buffer("gate_whiten", torch.zeros(texture, texture))
        self.register_buffer("gate_limits", torch.tensor([1.0, 2.0]))

    def encode_image(
        self,
        frames: Tensor,
        rois: Tensor,
        roi_classes: Tensor,
        pairs: Tensor,
        motion: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Embed frames and ordered ROI pairs.

        Args:
            frames: (B, H, W, 3) uint8 RGB, one size per call.
            rois: (R, 5) float32: frame index and xyxy in 0..1.
            roi_classes: (R,) int64 class groups.
            pairs: (K, 2) int64 into ``rois``; -1 as object means that there is none.
            motion: (K, M) of `service.vision.pair_motion`; all 0 where nothing is known, None
                for stills.

        Returns:
            scene (B, D) and relation (K, D) unit vectors, and the gate, (B,).
        """
        feature_map, pooled, texture = self.trunk(frames)  # (B, F, h, w), (B, deep), (B, texture)
        gate = self.scene_gate(texture)
        frame_of_roi = rois[:, 0].long()
        xyxy = rois[:, 1:]
        frame_of_pair = frame_of_roi[pairs[:, 0]]
        relation = self.relation_head(
            sample_rois(feature_map, frame_of_roi, xyxy, GRID),
            sample_rois(feature_map, frame_of_pair, union_boxes(xyxy, pairs), GRID),
            xyxy,
            roi_classes,
            pairs,
            _known(motion, pairs),
            gate[frame_of_roi][:, None],
            gate[frame_of_pair][:, None],
        )
        scene = self.scene_head(pooled)
        return F.normalize(scene, dim=-1), F.normalize(relation, dim=-1), gate

    def encode_mixed(
        self,
        frames: Tensor,
        rois: Tensor,
        roi_classes: Tensor,
        pairs: Tensor,
        motion: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed a training batch in which only the first P scenes have pixels.

        The others train what a gated frame is left with: class and box geometry.

        Args:
            frames: (P, H, W, 3) uint8 RGB.
            rois: (R, 5) of all scenes; scenes P and later have no pixels.
            roi_classes: (R,) int64.
            pairs: (K, 2) int64.
            motion: (K, M), None where nothing is known.

        Returns:
            scene (P, D) and relation (K, D) unit vectors.
        """
        feature_map, pooled, _ = self.trunk(frames)
        frame_of_roi, xyxy = rois[:, 0].long(), rois[:, 1:]
        frame_of_pair = frame_of_roi[pairs[:, 0]]
        gates, samples = [], []
        boxes = ((frame_of_roi, xyxy), (frame_of_pair, union_boxes(xyxy, pairs)))
        for frame_index, box in boxes:
            seen = frame_index < frames.shape[0]
            sampled = sample_rois(feature_map, frame_index[seen], box[seen], GRID)
            padded = sampled.new_zeros(len(seen), sampled.shape[1])
            samples.append(padded.index_put((seen.nonzero()[:, 0],), sampled))
            gates.append(seen.to(xyxy.dtype)[:, None])
        relation = self.relation_head(
            *samples, xyxy, roi_classes, pairs, _known(motion, pairs), *gates
        )
        return F.normalize(self.scene_head(pooled), dim=-1), F.normalize(relation, dim=-1)

    def encode_text(self, tokens: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
        """Embed descriptions.

        Args:
            tokens: (T, C) int64, 0 = padding.
            spans: (T, 3, C) averaging weights of subject, verb and object.

        Returns:
            pooled (T, D) and svo (T, D) unit vectors, the halves of Eq. (5).
        """
        token_output = sa_clip.token_outputs(self.text_tower, tokens)  # (T, C, W)
        used = (tokens != 0).to(token_output.dtype)[..., None]  # (T, C, 1)
        sentence = (token_output * used).sum(dim=1) / used.sum(dim=1).clamp(min=1)
        roles = sa_clip.role_outputs(token_output, spans)
        svo = sa_clip.project_svo(self.svo_linear, sa_clip.pool_roles(roles))
        return F.normalize(self.text_pool(sentence), dim=-1), F.normalize(svo, dim=-1)

    def scene_gate(self, texture: Tensor) -> Tensor:
        """How far the appearance may be trusted: 1 inside the training frames, 0 outside.

        The gate falls with the Mahalanobis distance of the frame's texture, from 1 at the first
        limit to 0 at the second. The pooled deep feature would not do: it is trained to forget how
        a frame was made, and real frames lie well inside its training cloud.

        Args:
            texture: (B, texture) features of the trunk.

        Returns:
            (B,) in 0..1.
        """
        distance = ((texture - self.gate_mean) @ self.gate_whiten).square().mean(dim=-1).sqrt()
        low, high = self.gate_limits[0], self.gate_limits[1]
        return ((high - distance) / (high - low)).clamp(0.0, 1.0)

    @torch.no_grad()
    def fit_gate(self, texture: Tensor) -> None:
        """Learn what the training frames look like from (M, texture) features of them."""
        mean = texture.mean(dim=0)
        centred = texture - mean
        covariance = centred.T @ centred / max(1, texture.shape[0] - 1)
        ridge = 1e-3 * covariance.diagonal().mean() * torch.eye(covariance.shape[0])
        values, vectors = torch.linalg.eigh(covariance + ridge)
        self.gate_mean.copy_(mean)
        self.gate_whiten.copy_(vectors / values.sqrt())
        distance = (centred @ self.gate_whiten).square().mean(dim=-1).sqrt()
        self.gate_limits.copy_(torch.quantile(distance, torch.tensor([0.99, 0.9999])))
        self.gate_limits[1] = torch.maximum(self.gate_limits[1], self.gate_limits[0] * RAMP)


GRID = 4  # points per side of an ROI
# Width of the gate: a steeper ramp would magnify what two runtimes round differently.
RAMP = 1.5
PAIR_GEOMETRY = 16


def _known(motion: Tensor | None, pairs: Tensor) -> Tensor:
    if motion is None:
        return torch.zeros(pairs.shape[0], MOTION_WIDTH, device=pairs.device)
    return motion


def _box_features(xyxy: Tensor) -> Tensor:
    """(R, 4) boxes to the (R, 8) geometry of Eq. (6): corners, centre and size in 0..1."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([xyxy, (low + high) / 2, high - low], dim=-1)


def _mlp(inputs: int, width: int) -> nn.Sequential:
    """Embed(Position): a linear map alone cannot tell touching boxes from near ones."""
    return nn.Sequential(
        nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width)
    )
