"""The detector network: a small dense-convolution backbone, a three-level FPN, a YOLOX-style head.

Dense 3x3 convolutions with ReLU are used on purpose. Depthwise ones cost fewer multiplications,
but on one CPU core they wait for memory: measured here, they were 3 to 5 times slower to train
per multiplication, and ReLU folds into the convolution where SiLU does not.

Dimension letters used in this file: B frames, C channels, H W input size, A grid cells, G classes.
"""

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

STRIDES: Final = (8, 16, 32)
PIXEL_MEAN: Final = (103.5, 116.3, 123.7)  # BGR, 0..255
PIXEL_STD: Final = 58.0
# Objectness before training: about one cell in a hundred holds an object.
PRIOR_LOGIT: Final = -4.6


class ConvUnit(nn.Sequential):
    """Convolution, batch norm, ReLU; padded so that only the stride changes the size."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions through a narrower middle, added to the input."""

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvUnit(channels, middle), ConvUnit(middle, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Context(nn.Module):
    """Repeated 5x5 max pooling, so that a cell of the coarsest map sees most of the frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvUnit(channels, channels // 2, kernel=1)
        self.merge = ConvUnit(channels * 2, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.reduce(x)]
        for _ in range(3):
            maps.append(F.max_pool2d(maps[-1], 5, 1, 2))
        out: Tensor = self.merge(torch.cat(maps, dim=1))
        return out


class Backbone(nn.Module):
    """(B, 3, H, W) normalised pixels to maps at strides 8, 16 and 32."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        w4, w8, w16, w32 = widths
        self.stem = ConvUnit(3, w4, kernel=7, stride=4)
        self.stage4 = Residual(w4, w4 * 2 // 3)
        self.stage8 = nn.Sequential(
            ConvUnit(w4, w8, stride=2), Residual(w8, w8 // 2), Residual(w8, w8 // 2)
        )
        self.stage16 = nn.Sequential(
            ConvUnit(w8, w16, stride=2), *(Residual(w16, w16 // 2) for _ in range(3))
        )
        self.stage32 = nn.Sequential(
            ConvUnit(w16, w32, stride=2), Context(w32), *(Residual(w32, w32 // 2) for _ in range(2))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at8 = self.stage8(self.stage4(self.stem(x)))
        at16 = self.stage16(at8)
        return at8, at16, self.stage32(at16)


class Pyramid(nn.Module):
    """Top-down then bottom-up fusion to one width at every level (FPN + PAN)."""

    def __init__(self, widths: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(ConvUnit(w, width, kernel=1) for w in widths)
        self.down = nn.ModuleList(ConvUnit(width, width) for _ in range(2))
        self.up = nn.ModuleList(ConvUnit(width, width, stride=2) for _ in range(2))

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        at8, at16, at32 = (unit(x) for unit, x in zip(self.lateral, maps, strict=True))
        at16 = self.down[1](at16 + F.interpolate(at32, scale_factor=2.0, mode="nearest"))
        at8 = self.down[0](at8 + F.interpolate(at16, scale_factor=2.0, mode="nearest"))
        at16 = at16 + self.up[0](at8)
        at32 = at32 + self.up[1](at16)
        return [at8, at16, at32]


class LevelHead(nn.Module):
    """Decoupled head of one level: box and objectness on one branch, classes on the other."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.box_branch = ConvUnit(width, width)
        self.class_branch = ConvUnit(width, width)
        self.box = nn.Conv2d(width, 4, 1)
        self.objectness = nn.Conv2d(width, 1, 1)
        self.classes = nn.Conv2d(width, num_classes, 1)
        nn.init.constant_(self.objectness.bias, PRIOR_LOGIT)  # type: ignore[arg-type]  # never None
        nn.init.zeros_(self.box.weight)

    def forward(self, x: Tensor) -> Tensor:
        near = self.box_branch(x)
        out = [self.box(near), self.objectness(near), self.classes(self.class_branch(x))]
        return torch.cat(out, dim=1).flatten(2)  # (B, 5 + G, cells of this level)


class TrafficDetector(nn.Module):
    """Anchor-free detector with the YOLOX output layout.

    Args:
        num_classes: G.
        widths: Channels at strides 4, 8, 16 and 32.
        neck_width: Channels of every pyramid level.
    """

    def __init__(
        self,
        num_classes: int = 7,
        widths: tuple[int, int, int, int] = (24, 48, 96, 128),
        neck_width: int = 48,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(widths)
        self.pyramid = Pyramid(widths[1:], neck_width)
        self.heads = nn.ModuleList(LevelHead(neck_width, num_classes) for _ in STRIDES)
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Pyramid maps at strides 8, 16, 32 of (B, 3, H, W) float BGR pixels in 0..255."""
        pixels = (images - self.mean) / PIXEL_STD  # type: ignore[operator]  # a buffer is a Tensor
        maps: list[Tensor] = self.pyramid(self.backbone(pixels))
        return maps

    def logits(self, maps: list[Tensor]) -> Tensor:
        """Raw rows (B, A, 5 + G): cx, cy, w, h offsets, then objectness and class logits."""
        rows = [head(x) for head, x in zip(self.heads, maps, strict=True)]
        return torch.cat(rows, dim=2).transpose(1, 2)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) BGR 0..255, H and W multiples of 32, to rows with probabilities.

        Returns:
            (B, A, 5 + G): raw cx, cy, w, h (decode with grid and exp), then objectness and
            class probabilities in 0..1.
        """
        rows = self.logits(self.features(images))
        return torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], dim=-1)


def to_pixels(views: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32, still 0..255 and BGR."""
    return torch.from_numpy(np.ascontiguousarray(views.transpose(0, 3, 1, 2))).float()


def grid_cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Corner positions (A, 2) in cells and strides (A, 1), in the order of the output rows."""
    corners, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        corners.append(torch.stack([x, y], dim=-1).reshape(-1, 2).float())
        strides.append(torch.full((corners[-1].shape[0], 1), float(stride)))
    return torch.cat(corners), torch.cat(strides)


def decode_boxes(offsets: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Raw offsets (..., A, 4) to xyxy pixels of the network input."""
    centre = (offsets[..., :2] + corners) * strides
    half = offsets[..., 2:4].clamp(max=8.0).exp() * strides / 2
    return torch.cat([centre - half, centre + half], dim=-1)
