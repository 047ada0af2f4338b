"""Nano's look at real pictures: the detector's own features, which real frames have taught.

The student's trunk has seen drawings alone. What a real vehicle looks like the detector knows; its
layers down to stride 16 are taken over as they are and never trained further here.

Dimension letters used in this file: B frames, N boxes, V numbers of a look, h w map size.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.detector.network import PIXEL_MEAN, PIXEL_STD, Backbone, TrafficDetector
from model.towers.nano_image import mean_and_spread, sample_rois

INPUT_HW = (288, 512)
WIDTHS = (24, 48, 96, 128)  # of the shipped detector
GRID = 4  # points per side of a box
LOOK_WIDTH = 3 * WIDTHS[2]  # V: mean, largest and spread of each channel over the points
TEXTURE = 2 * WIDTHS[2]
LEADING = 48


class DetectorLook(nn.Module):
    """Frames to one map at stride 16; boxes are read off it."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        backbone = Backbone(WIDTHS)
        self.layers = nn.Sequential(
            backbone.stem, backbone.stage4, backbone.stage8, backbone.stage16
        )
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Look at whole frames.

        Args:
            frames: (B, H, W, 3) uint8 RGB.

        Returns:
            The map (B, 96, h, w) and its texture (B, 192), by which a strange picture is known.
        """
        pixels = frames.permute(0, 3, 1, 2).float()
        pixels = F.interpolate(pixels, size=INPUT_HW, mode="bilinear", antialias=True)
        bgr = pixels.flip(1)  # the detector's order; turned once they are few
        seen = self.layers((bgr - self.mean) / PIXEL_STD)
        return seen, mean_and_spread(seen)

    def train(self, mode: bool = True) -> "DetectorLook":
        """Always in evaluation mode: its batch norms are constants."""
        super().train(False)
        return self

    @torch.no_grad()
    def take_over(self, detector: TrafficDetector) -> None:
        """Copy the layers of a detector of the shipped architecture."""
        backbone = detector.backbone
        taken = nn.Sequential(backbone.stem, backbone.stage4, backbone.stage8, backbone.stage16)
        self.layers.load_state_dict(taken.state_dict())


class Leading(nn.Module):
    """The directions in which looks differ most, each in its own deviations.

    A few thousand boxes of some thirty cameras teach no more than some dozen numbers.
    """

    mean: Tensor
    directions: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(LOOK_WIDTH))
        self.register_buffer("directions", torch.zeros(LOOK_WIDTH, LEADING))

    def forward(self, look: Tensor) -> Tensor:
        """(N, V) to (N, LEADING), of the order of 1."""
        return (look - self.mean) @ self.directions

    @torch.no_grad()
    def fit(self, looks: Tensor) -> None:
        """Learn the directions from (M, V) looks, every number of them in its own deviations."""
        mean, scale = looks.mean(dim=0), looks.std(dim=0) + 1e-4
        _, lengths, directions = torch.linalg.svd((looks - mean) / scale, full_matrices=False)
        spread = lengths[:LEADING] / math.sqrt(len(looks))
        self.mean.copy_(mean)
        self.directions.copy_(directions[:LEADING].T / spread / scale[:, None])


def look_at(look_map: Tensor, frame_index: Tensor, xyxy: Tensor) -> Tensor:
    """Describe boxes: (B, 96, h, w), (N,) int64, (N, 4) in 0..1 to (N, V)."""
    channels = look_map.shape[1]
    points = sample_rois(look_map, frame_index, xyxy, GRID).reshape(-1, GRID * GRID, channels)
    spread = (points - points.mean(dim=1, keepdim=True)).square().mean(dim=1).add(1e-6).sqrt()
    return torch.cat([points.mean(dim=1), points.amax(dim=1), spread], dim=1)
