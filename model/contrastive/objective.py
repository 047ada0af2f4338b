"""All loss terms over one batch of embedded samples.

Dimension letters used in this file: A samples of the batch (anchors and partners), D half of the
embedding size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from model import sa_clip
from model.contrastive.recipe import Terms
from model.losses import MAX_LOGIT_SCALE, image_text_loss, inter_sample_loss, triplet_loss


@dataclass(slots=True, eq=False)
class Embedded:
    """Halves of Eq. (5) and (8) for A samples, each (A, D).

    Attributes:
        scene: f_v of the frames.
        relation: r_roi of the pairs.
        pooled: Pool(r_sent) of the captions.
        svo: r_svo of the captions.
        false_pooled: Pool of the opposing captions.
        false_svo: r_svo of the opposing captions.
    """

    scene: Tensor
    relation: Tensor
    pooled: Tensor
    svo: Tensor
    false_pooled: Tensor
    false_svo: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """All parts, in the order of the fields."""
        return (
            self.scene,
            self.relation,
            self.pooled,
            self.svo,
            self.false_pooled,
            self.false_svo,
        )


def contrastive_terms(
    parts: Embedded, likeness: Tensor, partner: Tensor, logit_scale: Tensor, loss: Terms, norm: str
) -> dict[str, Tensor]:
    """Eq. (9) of both modalities, Eq. (10) and the image-text term.

    Args:
        parts: Embeddings of the whole batch.
        likeness: (A, A) similarity of the samples' triplets.
        partner: (A,) int64, the sample that was retrieved for each, or its anchor.
        logit_scale: Learned log of the image-text scale.
        loss: Which terms count.
        norm: ``per_part`` or ``joint``.

    Returns:
        The scalar terms by name; ``total`` is their plain sum.
    """
    relation = _kept(parts.relation, parts.scene, loss.use_roi)
    image = sa_clip.join_image(parts.scene, relation, norm)
    text = sa_clip.join_text(parts.pooled, _kept(parts.svo, parts.pooled, loss.use_svo), norm)
    false_svo = _kept(parts.false_svo, parts.false_pooled, loss.use_svo)
    false_text = sa_clip.join_text(parts.false_pooled, false_svo, norm)
    same, ignored = positives_of(likeness, partner, loss)
    terms: dict[str, Tensor] = {}
    scale = logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()
    temperature = 1 / scale if loss.learn_temperature else loss.temperature
    if loss.inter:
        terms["inter_text"] = inter_sample_loss(text, same, temperature, ignored)
        terms["inter_image"] = inter_sample_loss(image, same, temperature, ignored)
    if loss.triplet:
        terms["triplet"] = triplet_loss(image, text, false_text, loss.margin)
    if loss.objective == "paper+itc":
        meaning = (likeness >= loss.same_from) | torch.eye(len(likeness), dtype=torch.bool)
        texts = torch.cat([text, false_text])
        positives = torch.cat([meaning, torch.zeros_like(meaning)], dim=1)
        terms["image_text"] = image_text_loss(image, texts, positives, scale)
    terms["total"] = torch.stack([*terms.values()]).sum() if terms else image.sum() * 0
    return terms


def _kept(half: Tensor, instead: Tensor, is_kept: bool) -> Tensor:
    """A half of an embedding, or the other one in its place.

    Zeros instead would switch off the opposite half of the other modality as well: without SVO no
    text would ever be compared with an ROI. The weight of 0 leaves every parameter a gradient.
    """
    return float(is_kept) * half + float(not is_kept) * instead


def positives_of(likeness: Tensor, partner: Tensor, loss: Terms) -> tuple[Tensor, Tensor]:
    """Positives and neither-nor pairs of Eq. (9).

    Returns:
        Two (A, A) bool masks. ``partner``: the retrieved sample alone. ``multi``: it and all whose
        triplets are near-equal; what is only similar is left out of the denominator. ``literal``:
        the printed double sum, in which every other sample is a positive.
    """
    count = len(likeness)
    retrieved = torch.zeros(count, count, dtype=torch.bool)
    retrieved[torch.arange(count), partner] = True
    retrieved |= retrieved.T.clone()
    nobody = torch.zeros_like(retrieved)
    if loss.positives == "literal":
        return torch.ones_like(retrieved), nobody
    if loss.positives == "partner":
        return retrieved, nobody
    same = retrieved | (likeness >= loss.same_from)
    return same, (likeness >= loss.unclear_from) & ~same
