"""Training losses. Every function names the equation it implements; see docs/equations.md.

Dimension letters used in this file:
    A anchors, M samples or meanings to compare with, D embedding size, B images, T texts, F facts,
    K pairs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_LOGIT_SCALE = 4.6052  # log(100), CLIP's cap
RIVAL_TAU = 0.05  # of the service's soft maximum (service.scoring.eq11)
RIVAL_SCALE = 0.1  # a difference of cosines that counts as sure


def inter_sample_loss(
    emb: Tensor, positives: Tensor, temperature: float | Tensor, ignored: Tensor | None = None
) -> Tensor:
    r"""Pull samples of one modality with the same SVO meaning together (L_u or L_v).

    .. math:: L = -\frac{1}{|A|} \sum_{i \in A} \frac{1}{|P(i)|} \sum_{j \in P(i)}
        \log \frac{e^{sim(i,j)/\tau}}{\sum_{k \ne i} e^{sim(i,k)/\tau}}               \tag{9}

    The printed double sum over all j would make every sample a positive; here P(i) holds the
    samples retrieved by textual similarity of their triplets. Anchors without any positive do
    not count; without any anchor the loss is 0.

    Args:
        emb: (A, D) unit vectors of one modality.
        positives: (A, A) bool, symmetric; the diagonal is disregarded.
        temperature: > 0.
        ignored: (A, A) bool pairs that are neither positive nor negative.

    Returns:
        Scalar mean loss in nats.

    Source: SA-CLIP paper, Eq. (9), multi-positive reading.
    """
    itself = torch.eye(emb.shape[0], dtype=torch.bool, device=emb.device)
    positives = positives & ~itself
    excluded = itself if ignored is None else itself | (ignored & ~positives)
    logits = (emb @ emb.T / temperature).masked_fill(excluded, float("-inf"))  # (A, A)
    log_share = logits - logits.logsumexp(dim=1, keepdim=True)
    return _mean_over_positives(log_share, positives)


def triplet_loss(
    image_emb: Tensor, text_emb: Tensor, negative_emb: Tensor, margin: float
) -> Tensor:
    r"""Keep an image nearer to its text than to the opposing text.

    .. math:: L = \max(0, \lVert v-u \rVert^2 - \lVert v-u' \rVert^2 + \alpha)        \tag{10}

    For unit vectors this is a hinge on a cosine gap of alpha / 2.

    Args:
        image_emb: (A, D) unit vectors, the anchors v.
        text_emb: (A, D) unit vectors u, row i matches row i of ``image_emb``.
        negative_emb: (A, D) unit vectors u' of the hard negatives.
        margin: alpha >= 0.

    Returns:
        Scalar mean loss; 0 for A = 0.

    Source: SA-CLIP paper, Eq. (10).
    """
    if image_emb.shape[0] == 0:
        return image_emb.sum()
    to_text = (image_emb - text_emb).square().sum(dim=-1)
    to_negative = (image_emb - negative_emb).square().sum(dim=-1)
    return F.relu(to_text - to_negative + margin).mean()


def image_text_loss(
    image_emb: Tensor, text_emb: Tensor, positives: Tensor, logit_scale: Tensor
) -> Tensor:
    """Symmetric image-text contrast in which a row may have several right answers.

    Eq. (9) and (10) leave open which image cluster meets which text cluster; this term decides
    it. Rows without a positive only serve as negatives.

    Args:
        image_emb: (B, D) unit vectors.
        text_emb: (T, D) unit vectors; hard negatives may be appended as texts.
        positives: (B, T) bool, true where the text is true of the image.
        logit_scale: Scalar > 0, already exponentiated.

    Returns:
        Scalar mean loss in nats, the average of both directions.
    """
    logits = logit_scale * image_emb @ text_emb.T  # (B, T)
    to_text = _mean_over_positives(logits.log_softmax(dim=1), positives)
    to_image = _mean_over_positives(logits.T.log_softmax(dim=1), positives.T)
    return 0.5 * (to_text + to_image)


def meaning_loss(
    relation_emb: Tensor, text_emb: Tensor, told: Tensor, fitting: Tensor, temperature: float
) -> Tensor:
    """Name a fact among all that could be told of its two participants.

    `image_text_loss` compares a pair with the texts of its batch; this one with a text of every
    meaning there is, and with none whose participants are of other kinds, as the service does.

    Args:
        relation_emb: (F, D) unit vectors of the pairs of facts.
        text_emb: (M, D) unit vectors, a text of each meaning.
        told: (F, M) bool, true where the meaning is true of the fact.
        fitting: (F, M) bool, true where the meaning's participants could be those of the pair.
        temperature: > 0.

    Returns:
        Scalar mean loss in nats; 0 without facts.
    """
    logits = relation_emb @ text_emb.T / temperature
    log_share = logits.masked_fill(~(fitting | told), float("-inf")).log_softmax(dim=1)
    return _mean_over_positives(log_share, told)


def rival_loss(
    relation_emb: Tensor,
    is_anomalous: Tensor,
    normal_emb: Tensor,
    anomalous_emb: Tensor,
    fitting: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    r"""Judge pairs as the service does: an accident text against whatever normal text fits best.

    .. math:: e_p = \mathrm{smax}_a \, sim(p, a) - \mathrm{smax}_n \, sim(p, n), \quad
        \mathrm{smax}\, x = \tau \log \sum e^{x / \tau}

    and the loss is the logistic one of e / RIVAL_SCALE, pairs in accidents and all others weighing
    the same. The paired score compares every pair of a frame with every anomaly; without this
    term most of those comparisons would never be trained and their differences chance.

    Args:
        relation_emb: (K, D) unit vectors of pairs.
        is_anomalous: (K,) bool.
        normal_emb: (T, D) unit vectors of normal texts.
        anomalous_emb: (M, D) unit vectors of accident texts.
        fitting: Which normal texts, (K, T) bool, and which accident texts, (K, M) bool, each pair
            is compared with; all when left out. A pair without one of both kinds does not count.

    Returns:
        Scalar loss in nats; 0 without texts.
    """
    if normal_emb.shape[0] == 0 or relation_emb.shape[0] == 0:
        return relation_emb.sum() * 0
    similarities = [relation_emb @ emb.T for emb in (normal_emb, anomalous_emb)]
    if fitting is not None:
        counts = fitting[0].any(dim=1) & fitting[1].any(dim=1)
        similarities = [
            similarity.masked_fill(~fits, float("-inf"))[counts]
            for similarity, fits in zip(similarities, fitting, strict=True)
        ]
        is_anomalous = is_anomalous[counts]
        if not bool(counts.any()):
            return relation_emb.sum() * 0
    normal, anomalous = (RIVAL_TAU * (s / RIVAL_TAU).logsumexp(dim=1) for s in similarities)
    signed = torch.where(is_anomalous, -1.0, 1.0) * (anomalous - normal) / RIVAL_SCALE
    cost = F.softplus(signed)
    halves = [cost[kind].mean() for kind in (is_anomalous, ~is_anomalous) if bool(kind.any())]
    return torch.stack(halves).mean()


def _mean_over_positives(log_share: Tensor, positives: Tensor) -> Tensor:
    """Negative mean log share of each row's positives, then the mean over rows that have any."""
    count = positives.sum(dim=1)
    total = log_share.masked_fill(~positives, 0.0).sum(dim=1)
    anchored = count > 0
    if not bool(anchored.any()):
        return log_share.masked_fill(~positives, 0.0).sum()
    return -(total[anchored] / count[anchored]).mean()
