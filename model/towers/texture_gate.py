"""How far pixels may be trusted: the distance of a frame's texture from what training has shown.

The pooled deep feature would not do: it is trained to forget how a frame was made, and real frames
lie well inside the cloud of drawn ones.

Dimension letters used in this file: B frames, M frames of the training, C texture features.
"""

import torch
from torch import Tensor, nn

# Width of the ramp: a steeper one would magnify what two runtimes round differently.
RAMP = 1.5
RIDGE = 1e-3  # of the mean variance


class TextureGate(nn.Module):
    """1 inside the frames of the training, 0 outside, by Mahalanobis distance.

    Closed for every frame until `fit` has seen some.
    """

    mean: Tensor
    whiten: Tensor
    limits: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("whiten", torch.zeros(features, features))
        self.register_buffer("limits", torch.tensor([-2.0, -1.0]))

    def forward(self, texture: Tensor) -> Tensor:
        """(B, C) textures to (B,) in 0..1: 1 up to the first limit, 0 from the second on."""
        distance = ((texture - self.mean) @ self.whiten).square().mean(dim=-1).sqrt()
        low, high = self.limits[0], self.limits[1]
        return ((high - distance) / (high - low)).clamp(0.0, 1.0)

    @torch.no_grad()
    def fit(self, texture: Tensor) -> None:
        """Learn what the training frames look like from (M, C) textures of them."""
        mean = texture.mean(dim=0)
        centred = texture - mean
        covariance = centred.T @ centred / max(1, texture.shape[0] - 1)
        ridge = RIDGE * covariance.diagonal().mean() * torch.eye(covariance.shape[0])
        values, vectors = torch.linalg.eigh(covariance + ridge)
        self.mean.copy_(mean)
        self.whiten.copy_(vectors / values.sqrt())
        distance = (centred @ self.whiten).square().mean(dim=-1).sqrt()
        self.limits.copy_(torch.quantile(distance, torch.tensor([0.99, 0.9999])))
        self.limits[1] = torch.maximum(self.limits[1], self.limits[0] * RAMP)
