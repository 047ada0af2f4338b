"""SA-CLIP's algebra over the two towers of a CLIP model.

The image tower is locked (LiT): it encodes the frame, each ROI and each pair's hull, and nothing
trains it, so its features can be computed once and cached. The text tower and the small heads of
Eq. (4), (6) and (7) train. Heads start so that, over CLIP's weights, both halves already live in
CLIP's joint space.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, T texts, C token context, W text width, D half of the embedding,
    S input side in pixels.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

from model import sa_clip
from model.towers.clip_heads import RelationHead
from model.towers.nano_image import union_boxes
from model.towers.spec import ClipSpec

BIDIRECTIONAL_LAYERS = 2
# Of roi_align. Against an antialiased resize, crops of real frames differ by 0.1 (small boxes) to
# 1.4 (whole frames) of 255 levels; with 4 samples by up to 1.0, at four times the cost.
SAMPLES_PER_BIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """What the locked tower says; all (., D) float32, not normalised.

    Attributes:
        scene: (B, D) of the frames.
        roi: (R, D) of the ROIs.
        union: (K, D) of the pairs' hulls.
    """

    scene: Tensor
    roi: Tensor
    union: Tensor

    def to(self, device: torch.device) -> "ImageFeatures":
        """The same on another device."""
        return ImageFeatures(self.scene.to(device), self.roi.to(device), self.union.to(device))


class ClipTower(nn.Module):
    """A CLIP model with the relation halves of SA-CLIP.

    Args:
        spec: How the paper's open points are read.
        clip: A ``CustomTextCLIP`` of open_clip.
        size: S.
        mean: Pixel mean in 0..1.
        std: Pixel deviation in 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        spec: ClipSpec,
        clip: Any,
        size: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.spec, self.size = spec, size
        self.visual, self.text = clip.visual, clip.text
        self.logit_scale = clip.logit_scale
        self.context_length = int(self.text.context_length)
        projection = _projection(self.text)
        self.half_dim = projection.out_features
        self.svo_linear = projection  # W of Eq. (4): at step 0 r_svo lives in the joint space
        self.relation_head = RelationHead(self.half_dim, spec)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.visual.requires_grad_(False)
        self.visual.eval()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        # requires_grad=False does not stop BatchNorm from updating its running statistics.
        self.visual.eval()
        return self

    def encode_image(
        self, frames: Tensor, rois: Tensor, roi_classes: Tensor, pairs: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Embed frames and ordered ROI pairs; see ``Nano.encode_image``.

        Returns:
            scene (B, D), relation (K, D), and the gate (B,), which is 1: CLIP knows photographs.
        """
        features = self.frozen_features(frames, rois, pairs)
        scene, relation = self.relate(features, rois, roi_classes, pairs)
        return scene, relation, torch.ones_like(scene[:, 0])

    @torch.no_grad()
    def frozen_features(self, frames: Tensor, rois: Tensor, pairs: Tensor) -> ImageFeatures:
        """f_v of frames, ROIs and hulls: all that the locked tower has to say.

        Args:
            frames: (B, H, W, 3) uint8 RGB, one size per call.
            rois: (R, 5) float32: frame index and xyxy in 0..1.
            pairs: (K, 2) int64 into ``rois``; -1 as object means that there is none.
        """
        pixels = frames.permute(0, 3, 1, 2).float()
        # Squash, no crop: what matters at a frame's edge must not be lost.
        side = (self.size, self.size)
        whole = F.interpolate(pixels, size=side, mode="bilinear", antialias=True)
        views = [whole, self._views(pixels, whole, rois, self.spec.crop_context)]
        if self.spec.union_view == "crop":
            hulls = torch.cat([rois[pairs[:, 0], :1], union_boxes(rois[:, 1:], pairs)], dim=1)
            views.append(self._views(pixels, whole, hulls, 0.0))
        seen = self._see(torch.cat(views))
        count_b, count_r = frames.shape[0], rois.shape[0]
        scene, roi, union = (
            seen[:count_b],
            seen[count_b : count_b + count_r],
            seen[count_b + count_r :],
        )
        if self.spec.union_view == "rois":
            unit = F.normalize(roi, dim=-1)
            object_ = torch.where(pairs[:, 1] >= 0, pairs[:, 1], pairs[:, 0])
            union = unit[pairs[:, 0]] + unit[object_]
        return ImageFeatures(scene, roi, union)

    def relate(
        self, features: ImageFeatures, rois: Tensor, roi_classes: Tensor, pairs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The trainable heads over the frozen features (Eq. 6 to 8).

        Returns:
            scene (B, D) and relation (K, D): unit vectors with ``norm: per_part``.
        """
        relation = self.relation_head(features.roi, features.union, rois[:, 1:], roi_classes, pairs)
        return self._finish(features.scene), self._finish(relation)

    def encode_text(self, tokens: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
        """Embed captions (Eq. 1 to 5).

        Args:
            tokens: (T, C) int64 with start and end tokens, 0 = padding.
            spans: (T, 3, C) averaging weights of subject, verb and object.

        Returns:
            pooled (T, D), which is CLIP's own sentence embedding, and svo (T, D).
        """
        causal, context = self._token_outputs(tokens)
        pooled = self._pool(causal, tokens)
        weight = self.text.text_projection
        pooled = weight(pooled) if isinstance(weight, nn.Linear) else pooled @ weight
        roles = sa_clip.role_outputs(context, spans)
        svo = sa_clip.project_svo(self.svo_linear, sa_clip.pool_roles(roles))
        return self._finish(pooled), self._finish(svo)

    def _pool(self, token_output: Tensor, tokens: Tensor) -> Tensor:
        """Pool(r_sent) as the model was trained: at the end token, the last or the first place."""
        kind = self.text.pool_type
        if kind in ("first", "last"):
            return token_output[:, 0 if kind == "first" else -1]
        is_end = tokens == self.text.eos_id if kind == "eos" else tokens  # CLIP: the highest id
        place = is_end.to(torch.int64).argmax(dim=1)
        # A gather leaves the number of texts free in a traced graph; indexing by arange fixes it.
        rows = place[:, None, None].expand(-1, 1, token_output.shape[2])
        return token_output.gather(1, rows)[:, 0]

    def _token_outputs(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """r_sent of Eq. (1), twice: as CLIP pools it, and as the SVO half reads it."""
        x, mask = self.text._embeds(tokens)
        blocks = list(self.text.transformer.resblocks)
        if self.spec.svo_context == "causal" or mask is None:
            for block in blocks:
                x = block(x, attn_mask=mask)
            output = self.text.ln_final(x)
            return output, output
        for block in blocks[:-BIDIRECTIONAL_LAYERS]:
            x = block(x, attn_mask=mask)
        both, padding = x, self._padding_mask(tokens, x)
        for block in blocks[-BIDIRECTIONAL_LAYERS:]:
            x = block(x, attn_mask=mask)
            both = block(both, attn_mask=padding)
        return self.text.ln_final(x), self.text.ln_final(both)

    def _padding_mask(self, tokens: Tensor, x: Tensor) -> Tensor:
        """(T * heads, C, C) additive mask that hides what stands after the end token."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        hidden = place[None, :] > tokens.argmax(dim=1, keepdim=True)  # (T, C)
        mask = torch.zeros_like(hidden, dtype=x.dtype).masked_fill(hidden, float("-inf"))
        rows = mask[:, None, :].expand(-1, tokens.shape[1], -1)
        return rows.repeat_interleave(self.text.heads, dim=0)

    def _views(self, pixels: Tensor, whole: Tensor, rois: Tensor, context: float) -> Tensor:
        """(R, 3, S, S) pictures of the ROIs: crops, or canvases that keep their place."""
        box = rois[:, 1:]
        if context:
            margin = context * (box[:, 2:] - box[:, :2])
            box = torch.cat([box[:, :2] - margin, box[:, 2:] + margin], dim=1).clamp(0, 1)
        if self.spec.roi_view == "canvas":
            steps = (torch.arange(self.size, device=box.device) + 0.5) / self.size
            in_x = (steps >= box[:, :1]) & (steps < box[:, 2:3])  # (R, S)
            in_y = (steps >= box[:, 1:2]) & (steps < box[:, 3:4])
            inside = (in_y[:, :, None] & in_x[:, None, :])[:, None]
            return whole[rois[:, 0].long()] * inside
        height, width = pixels.shape[2], pixels.shape[3]
        scale = torch.stack([_length(width, box), _length(height, box)] * 2)
        corners = torch.cat([rois[:, :1], box * scale], dim=1)
        side = (self.size, self.size)
        crops: Tensor = roi_align(pixels, corners, side, 1.0, SAMPLES_PER_BIN, aligned=True)
        return crops

    def _see(self, pictures: Tensor) -> Tensor:
        """f_v: (N, 3, S, S) in 0..255 to (N, D)."""
        pixels = (pictures - self.mean) / self.std
        # The tower may be in half precision; resizing and cropping before it, heads after, are not.
        seen: Tensor = self.visual(pixels.to(next(self.visual.parameters()).dtype))
        return seen.float()

    def _finish(self, half: Tensor) -> Tensor:
        return F.normalize(half, dim=-1) if self.spec.norm == "per_part" else half


def _projection(text: Any) -> nn.Linear:
    """A linear map that starts as CLIP's text projection."""
    start = text.text_projection
    is_linear = isinstance(start, nn.Linear)
    weight: Tensor = start.weight if is_linear else start.T  # (D, W)
    bias: Tensor | None = start.bias if is_linear else None
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(weight)
        nn.init.zeros_(linear.bias)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear


def _length(size: Any, like: Tensor) -> Tensor:
    """A side of the frame as a scalar tensor; in a traced graph it stays free."""
    return torch.as_tensor(size, dtype=like.dtype, device=like.device)
