"""How far pixels may be trusted: the distance of a frame's texture from what training has shown.

The pooled deep feature would not do: it is trained to forget how a frame was made, and real frames
lie well inside the cloud of drawn ones.

Dimension letters used in this file: B frames, M frames of the training, C texture features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

# Width of the ramp: a steeper one would magnify what two runtimes round differently.
RAMP = 1.5
RIDGE = 1e-3  # of the mean variance
FOLDS, OTHERS = 5, 0.9


class TextureGate(nn.Module):
    """1 inside the frames of the training, 0 outside, by Mahalanobis distance.

    Args:
        features: C.
        is_open: For every frame, until `fit` has seen some.
    """

    mean: Tensor
    whiten: Tensor
    limits: Tensor

    def __init__(self, features: int, is_open: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("whiten", torch.zeros(features, features))
        limits = [1.0, 2.0] if is_open else [-2.0, -1.0]
        self.register_buffer("limits", torch.tensor(limits))

    def forward(self, texture: Tensor) -> Tensor:
        """(B, C) textures to (B,) in 0..1: 1 up to the first limit, 0 from the second on."""
        low, high = self.limits[0], self.limits[1]
        return ((high - self.distance(texture)) / (high - low)).clamp(0.0, 1.0)

    @torch.no_grad()
    def fit(self, texture: Tensor, groups: Sequence[str] = ()) -> None:
        """Learn what the training frames look like.

        Args:
            texture: (M, C) of them.
            groups: M cameras, where frames of one are near copies: then the gate shall be open for
                `OTHERS` of the frames of a camera that it has not seen.
        """
        self._fit(texture)
        if groups:
            names = np.array(groups)
            gates = [TextureGate(texture.shape[1], is_open=False) for _ in range(FOLDS)]
            cameras = np.unique(names)
            strange = []
            for fold, gate in enumerate(gates):
                outside = torch.from_numpy(np.isin(names, cameras[fold::FOLDS]))
                gate._fit(texture[~outside])
                strange.append(gate.distance(texture[outside]))
            self.limits[0] = torch.quantile(torch.cat(strange), OTHERS)
            self.limits[1] = self.limits[0] * RAMP

    def distance(self, texture: Tensor) -> Tensor:
        """(B, C) to (B,): root of the mean squared deviation along each direction."""
        away: Tensor = ((texture - self.mean) @ self.whiten).square().mean(dim=-1).sqrt()
        return away

    def _fit(self, texture: Tensor) -> None:
        mean = texture.mean(dim=0)
        centred = texture - mean
        covariance = centred.T @ centred / max(1, texture.shape[0] - 1)
        ridge = RIDGE * covariance.diagonal().mean() * torch.eye(covariance.shape[0])
        values, vectors = torch.linalg.eigh(covariance + ridge)
        self.mean.copy_(mean)
        self.whiten.copy_(vectors / values.sqrt())
        self.limits.copy_(torch.quantile(self.distance(texture), torch.tensor([0.99, 0.9999])))
        self.limits[1] = torch.maximum(self.limits[1], self.limits[0] * RAMP)
