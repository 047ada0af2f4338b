"""What the student is trained for: the loss terms of one batch.

Dimension letters used in this file:
    B scenes, P of them drawn, K pairs, T facts (each with a caption and a hard negative), D half of
    the embedding.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model import sa_clip
from model.data.loader import Batch
from model.data.meanings import is_told
from model.losses import (
    MAX_LOGIT_SCALE,
    image_text_loss,
    inter_sample_loss,
    rival_loss,
    triplet_loss,
)
from model.recipe import Loss
from model.towers.nano import Nano


def objective(model: Nano, batch: Batch, loss: Loss) -> dict[str, Tensor]:
    """All loss terms of one batch.

    Facts seen with pixels are compared as whole embeddings (Eq. 5 and 8); all facts, those of
    scenes without pixels too, are compared by their relation halves.

    Args:
        model: The student in training mode.
        batch: B scenes, P of them drawn, with T facts.
        loss: Which terms count and their constants.

    Returns:
        The scalar terms by name; ``total`` is their plain sum.
    """
    scene, relation = model.encode_mixed(
        batch.frames, batch.rois, batch.roi_classes, batch.pairs, batch.motion
    )
    count, drawn = batch.tokens.shape[0], batch.frames.shape[0]
    tokens = torch.cat([batch.tokens, batch.negative_tokens])
    length = int((tokens != 0).sum(dim=1).max())  # padding costs time and changes nothing
    spans = torch.cat([batch.spans, batch.negative_spans])
    pooled, svo = model.encode_text(tokens[:, :length], spans[..., :length])  # (2T, D)
    same, named = _equal(batch.keys), _equal(batch.meanings[:count])  # (T, T)
    true = torch.from_numpy(is_told(batch.keys, batch.meanings))  # (T, 2T)
    near = true[:, :count] | true[:, :count].T  # (T, T), neither the same text nor another
    same, named, true, near = (pairs.to(relation.device) for pairs in (same, named, true, near))
    seen = batch.pair_frame[:count] < drawn
    image = sa_clip.join_image(scene[batch.pair_frame[:count][seen]], relation[:count][seen])
    text = sa_clip.join_text(pooled, svo)
    true_text, false_text = text[:count][seen], text[count:][seen]
    temperature, margin = loss.temperature, loss.margin
    terms = {
        "inter_text": inter_sample_loss(text[:count], named, temperature, near),
        "inter_image": inter_sample_loss(image, same[seen][:, seen], temperature),
        "inter_relation": inter_sample_loss(relation[:count], same, temperature),
        "triplet": triplet_loss(image, true_text, false_text, margin),
        "triplet_relation": triplet_loss(relation[:count], svo[:count], svo[count:], margin),
    }
    if loss.objective == "paper+itc":
        scale = model.logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()
        idle = len(relation) - count  # pairs of which no text is true
        positives = F.pad(true, (0, 0, 0, idle))  # (K, 2T)
        terms["itc_relation"] = image_text_loss(relation, svo, positives, scale)
        terms["itc_joint"] = image_text_loss(image, text, true[seen], scale)
        in_frame = same.new_zeros(drawn, 2 * count)  # (P, 2T)
        for fact in seen.nonzero()[:, 0].tolist():
            in_frame[batch.pair_frame[fact]] |= true[fact]
        terms["itc_scene"] = image_text_loss(scene, pooled, in_frame, scale)
        couples = batch.polarity != 0
        is_accident = (batch.polarity == 1)[:, None]
        normal = torch.where(is_accident, svo[count:], svo[:count])[couples]
        anomalous = torch.where(is_accident, svo[:count], svo[count:])[couples]
        in_accident = F.pad(batch.polarity == 1, (0, idle))
        terms["rival"] = rival_loss(relation, in_accident, normal, anomalous)
    terms["total"] = torch.stack(list(terms.values())).sum()
    return terms


def _equal(keys: tuple[str, ...]) -> Tensor:
    """(N, N) bool: which of N keys are the same."""
    _, inverse = np.unique(np.array(keys), return_inverse=True)
    index = torch.from_numpy(inverse.reshape(-1))
    return index[:, None] == index[None, :]
