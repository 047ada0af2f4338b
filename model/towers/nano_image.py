"""Nano's image trunk and the sampling of ROIs from its map.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, F feature channels, h w map size, P sampled points per ROI, G grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT_HW = (192, 320)
# ImageNet statistics in 0..255: the usual scale for a trunk that starts from noise as well.
PIXEL_MEAN = (123.7, 116.3, 103.5)
PIXEL_STD = (58.4, 57.1, 57.4)
MAX_ASPECT_LOG = 3.0


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a skip where the shape allows (MobileNetV2)."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.skip = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *_conv(inputs, hidden, 1, 1),
            nn.SiLU(inplace=True),
            *_conv(hidden, hidden, kernel, stride, groups=hidden),
            nn.SiLU(inplace=True),
            *_conv(hidden, outputs, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.skip else y


class ImageTrunk(nn.Module):
    """Frames of any size to one feature map at 1/8 and one pooled vector.

    BatchNorm is safe here because only whole frames pass the trunk; ROIs are read off its map.
    """

    map_channels = 64
    deep_channels = 160
    texture_features = 128
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1))
        self.stem = nn.Sequential(*_conv(3, 16, 3, 2), nn.SiLU(inplace=True))  # 96x160
        self.quarter = InvertedResidual(16, 24, 2, 3, 3)  # 48x80
        self.eighth = nn.Sequential(
            InvertedResidual(24, 40, 2, 3, 3), InvertedResidual(40, 40, 1, 5, 3)
        )  # 24x40
        self.sixteenth = nn.Sequential(
            InvertedResidual(40, 96, 2, 5, 4),
            InvertedResidual(96, 96, 1, 5, 4),
            InvertedResidual(96, self.deep_channels, 1, 5, 4),
        )  # 12x20
        self.lateral = nn.Conv2d(40, self.map_channels, 1)
        self.top_down = nn.Conv2d(self.deep_channels, self.map_channels, 1)
        self.attention = nn.Conv2d(self.deep_channels, 1, 1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at whole frames.

        Args:
            frames: (B, H, W, 3) uint8 RGB.

        Returns:
            The map (B, F, h, w), pooled vectors (B, deep), and texture (B, texture): mean and
            spread of the shallow channels, in which drawn and filmed frames differ most.
        """
        pixels = frames.permute(0, 3, 1, 2).float()
        # Squash, no crop: what matters at a frame's edge must not be lost.
        pixels = F.interpolate(pixels, size=INPUT_HW, mode="bilinear", antialias=True)
        quarter = self.quarter(self.stem((pixels - self.mean) / self.std))
        eighth = self.eighth(quarter)
        deep = self.sixteenth(eighth)  # (B, deep, h/2, w/2)
        fused = self.lateral(eighth) + F.interpolate(self.top_down(deep), scale_factor=2.0)
        weights = self.attention(deep).flatten(2).softmax(dim=-1)  # (B, 1, hw)
        pooled = (deep.flatten(2) * weights).sum(dim=-1)
        texture = torch.cat([mean_and_spread(quarter), mean_and_spread(eighth)], dim=1)
        return fused, pooled, texture


def sample_rois(feature_map: Tensor, frame_index: Tensor, xyxy: Tensor, grid: int) -> Tensor:
    """Bilinear samples on a grid of points inside each box.

    The gather touches only the sampled cells, so many ROIs cost little and the same arithmetic
    exports to ONNX.

    Args:
        feature_map: (B, F, h, w).
        frame_index: (R,) int64 frame of each box.
        xyxy: (R, 4) in 0..1.
        grid: Points per side.

    Returns:
        (R, G*G*F), row by row of points.
    """
    channels, height, width = feature_map.shape[1], feature_map.shape[2], feature_map.shape[3]
    cells = feature_map.permute(0, 2, 3, 1).reshape(-1, channels)  # (B*h*w, F)
    steps = (torch.arange(grid, device=xyxy.device, dtype=xyxy.dtype) + 0.5) / grid
    x = (xyxy[:, 0:1] + (xyxy[:, 2:3] - xyxy[:, 0:1]) * steps) * width - 0.5  # (R, G)
    y = (xyxy[:, 1:2] + (xyxy[:, 3:4] - xyxy[:, 1:2]) * steps) * height - 0.5
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    x0, y0 = x.floor(), y.floor()
    fraction_x, fraction_y = (x - x0)[:, None, :, None], (y - y0)[:, :, None, None]
    columns = (x0.long(), (x0.long() + 1).clamp(max=width - 1))
    rows = (y0.long(), (y0.long() + 1).clamp(max=height - 1))

    def corner(row: Tensor, column: Tensor) -> Tensor:
        index = (frame_index[:, None, None] * height + row[:, :, None]) * width + column[:, None, :]
        return cells[index.flatten()].reshape(-1, grid, grid, channels)  # (R, G, G, F)

    top = corner(rows[0], columns[0]) * (1 - fraction_x) + corner(rows[0], columns[1]) * fraction_x
    low = corner(rows[1], columns[0]) * (1 - fraction_x) + corner(rows[1], columns[1]) * fraction_x
    return (top * (1 - fraction_y) + low * fraction_y).flatten(1)


def union_boxes(xyxy: Tensor, pairs: Tensor) -> Tensor:
    """Hull of each pair's two boxes, grown by 10 %; the subject's own box when alone.

    Args:
        xyxy: (R, 4) in 0..1.
        pairs: (K, 2) int64.

    Returns:
        (K, 4) in 0..1.
    """
    subject, object_ = xyxy[pairs[:, 0]], xyxy[_object_or_subject(pairs)]
    low = torch.minimum(subject[:, :2], object_[:, :2])
    high = torch.maximum(subject[:, 2:], object_[:, 2:])
    margin = 0.05 * (high - low)
    return torch.cat([low - margin, high + margin], dim=-1).clamp(0.0, 1.0)


def pair_geometry(xyxy: Tensor, pairs: Tensor) -> Tensor:
    """Sixteen numbers that say how two boxes stand to each other.

    Offsets and gaps are measured in units of the boxes' own size: the same contact looks the same
    near and far.

    Args:
        xyxy: (R, 4) in 0..1.
        pairs: (K, 2) int64; -1 as object compares the subject with itself and says so.

    Returns:
        (K, 16) float32, each within about -3..3.
    """
    s, o = xyxy[pairs[:, 0]], xyxy[_object_or_subject(pairs)]
    size_s, size_o = (s[:, 2:] - s[:, :2]).clamp(min=1e-4), (o[:, 2:] - o[:, :2]).clamp(min=1e-4)
    overlap = (torch.minimum(s[:, 2:], o[:, 2:]) - torch.maximum(s[:, :2], o[:, :2])).clamp(min=0)
    shared = overlap[:, :1] * overlap[:, 1:]
    area_s, area_o = size_s[:, :1] * size_s[:, 1:], size_o[:, :1] * size_o[:, 1:]
    iou = shared / (area_s + area_o - shared).clamp(min=1e-8)
    mean_size = (size_s + size_o) / 2
    offset = ((o[:, :2] + o[:, 2:] - s[:, :2] - s[:, 2:]) / 2 / mean_size).clamp(-3, 3)
    gap = (torch.maximum(s[:, :2], o[:, :2]) - torch.minimum(s[:, 2:], o[:, 2:])) / mean_size
    # The lower edges stand on the road: their difference is the depth order.
    foot = ((o[:, 3:] - s[:, 3:]) / mean_size[:, 1:]).clamp(-3, 3)
    has_object = (pairs[:, 1:] >= 0).to(xyxy.dtype)
    return torch.cat(
        [
            iou,
            shared / area_s,
            shared / area_o,
            offset,
            gap.clamp(-1, 3),
            foot,
            (size_o / size_s).log().clamp(-MAX_ASPECT_LOG, MAX_ASPECT_LOG),
            (size_s[:, :1] / size_s[:, 1:]).log().clamp(-MAX_ASPECT_LOG, MAX_ASPECT_LOG),
            (size_o[:, :1] / size_o[:, 1:]).log().clamp(-MAX_ASPECT_LOG, MAX_ASPECT_LOG),
            s[:, 3:],
            o[:, 3:],
            (s[:, :1] + s[:, 2:3] + o[:, :1] + o[:, 2:3]) / 4,
            has_object,
        ],
        dim=-1,
    )


def mean_and_spread(maps: Tensor) -> Tensor:
    """(B, C, h, w) to (B, 2C): mean and standard deviation of each channel over its map."""
    flat = maps.flatten(2)
    mean = flat.mean(dim=2)
    spread = ((flat - mean[..., None]).square().mean(dim=2) + 1e-6).sqrt()
    return torch.cat([mean, spread], dim=1)


def _object_or_subject(pairs: Tensor) -> Tensor:
    return torch.where(pairs[:, 1] >= 0, pairs[:, 1], pairs[:, 0])


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(
        inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
    )
    return [conv, nn.BatchNorm2d(outputs)]
