"""SA-CLIP's equations 1 to 8: how a text and an image become two-part embeddings.

Each function is one equation, so that nano and any CLIP tower share the same algebra. The two
parts of an embedding are a scene half (the whole sentence, the whole frame) and a relation half
(subject-verb-object, the ROIs).

Dimension letters used in this file:
    T texts, C token context, N ROI slots, K pairs, W tower width, D half of the embedding size.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HALF_WEIGHT = 1 / math.sqrt(2)  # two unit halves make one unit vector


def token_outputs(text_tower: Callable[[Tensor], Tensor], tokens: Tensor) -> Tensor:
    r"""Encode every token of a sentence.

    .. math:: r_{sent} = f_u(sent)                                                    \tag{1}

    Args:
        text_tower: Maps (T, C) int64 token ids to (T, C, W) outputs after the last norm.
        tokens: (T, C) int64.

    Returns:
        (T, C, W) float32.

    Source: SA-CLIP paper, Eq. (1).
    """
    return text_tower(tokens)


def role_outputs(token_output: Tensor, spans: Tensor) -> Tensor:
    r"""Pick the outputs at the subject, verb and object positions.

    .. math:: r_s, r_v, r_o = r_{sent}[idx_s], r_{sent}[idx_v], r_{sent}[idx_o]       \tag{2}

    A role of several tokens is the mean of their outputs, which a matrix of averaging weights
    expresses without any loop.

    Args:
        token_output: (T, C, W) from Eq. (1).
        spans: (T, 3, C) rows of weights 1/n on the n tokens of the role, 0 elsewhere.

    Returns:
        (T, 3, W) outputs of subject, verb and object.

    Source: SA-CLIP paper, Eq. (2).
    """
    return spans @ token_output  # (T, 3, W)


def pool_roles(roles: Tensor) -> Tensor:
    r"""Average the three roles with equal weight per role, not per token.

    .. math:: \hat{r}_{svo} = MeanPool(r_s, r_v, r_o)                                 \tag{3}

    Args:
        roles: (T, 3, W) from Eq. (2).

    Returns:
        (T, W).

    Source: SA-CLIP paper, Eq. (3).
    """
    return roles.mean(dim=1)


def project_svo(linear: nn.Linear, pooled_roles: Tensor) -> Tensor:
    r"""Project the pooled roles into the joint space.

    .. math:: r_{svo} = W \hat{r}_{svo} + b                                           \tag{4}

    Args:
        linear: Maps W to D.
        pooled_roles: (T, W) from Eq. (3).

    Returns:
        (T, D), not normalised.

    Source: SA-CLIP paper, Eq. (4).
    """
    projected: Tensor = linear(pooled_roles)
    return projected


def join_text(pooled: Tensor, svo: Tensor, norm: str = "per_part") -> Tensor:
    r"""Concatenate the sentence half and the SVO half.

    .. math:: u = [Pool(r_{sent}); r_{svo}]                                           \tag{5}

    Each half is brought to unit length and weighted by 1/sqrt(2), so that a cosine of two joined
    vectors is exactly the mean of a scene cosine and a relation cosine.

    Args:
        pooled: (T, D).
        svo: (T, D) from Eq. (4).
        norm: ``per_part``, or ``joint`` for one unit vector of both halves as they are (literal).

    Returns:
        (T, 2D) unit vectors.

    Source: SA-CLIP paper, Eq. (5).
    """
    return _join(pooled, svo, norm)


def roi_feature(appearance: Tensor, position: Tensor, position_scale: Tensor) -> Tensor:
    r"""Add the box position to the appearance of an ROI.

    .. math:: \hat{r}_{roi} = f_v(ROI) + Embed(Position)                              \tag{6}

    The appearance has unit length; the learned scale keeps either stream from drowning the other.

    Args:
        appearance: (N, W) ROI features of the image tower.
        position: (N, W) embedded box geometry.
        position_scale: Scalar.

    Returns:
        (N, W).

    Source: SA-CLIP paper, Eq. (6).
    """
    return F.normalize(appearance, dim=-1) + position_scale * position


def project_roi(linear: nn.Linear, subject: Tensor, object_: Tensor, union: Tensor) -> Tensor:
    r"""Project the ROIs of one relation, keeping their roles apart.

    .. math:: r_{roi} = W [\hat{r}_s; \hat{r}_o; \hat{r}_{union}] + b                 \tag{7}

    A mean over the ROIs would give the same vector when subject and object swap places;
    concatenation does not.

    Args:
        linear: Maps 3W to D.
        subject: (K, W) from Eq. (6).
        object_: (K, W) from Eq. (6).
        union: (K, W) of the box around both.

    Returns:
        (K, D), not normalised.

    Source: SA-CLIP paper, Eq. (7), role-aware reading.
    """
    projected: Tensor = linear(torch.cat([subject, object_, union], dim=-1))  # (K, 3W) -> (K, D)
    return projected


def join_image(scene: Tensor, relation: Tensor, norm: str = "per_part") -> Tensor:
    r"""Concatenate the frame half and the ROI half.

    .. math:: v = [f_v(image); r_{roi}]                                               \tag{8}

    Args:
        scene: (K, D) frame embedding, repeated for each pair of the frame.
        relation: (K, D) from Eq. (7).
        norm: As in ``join_text``.

    Returns:
        (K, 2D) unit vectors.

    Source: SA-CLIP paper, Eq. (8).
    """
    return _join(scene, relation, norm)


def _join(first: Tensor, second: Tensor, norm: str) -> Tensor:
    if norm == "joint":
        return F.normalize(torch.cat([first, second], dim=-1), dim=-1)
    halves = [F.normalize(first, dim=-1), F.normalize(second, dim=-1)]
    return HALF_WEIGHT * torch.cat(halves, dim=-1)
