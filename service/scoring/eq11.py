"""Similarities to scores: Eq. (11) as printed, its contrast, and the paired evidence.

Everything is arrays in, arrays out. A description that no pair accepts never speaks through a pair:
its column is masked, not zero.

Dimension letters used in this file:
    K pairs of one frame, T descriptions, L anomaly leaves, D half dimension.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PAIR_TEMPERATURE = 0.05  # of the soft maxima over pairs and normal texts: tau in docs/equations.md
TOP_LEAVES = 1  # of which the default score is the mean: docs/equations.md
NO_EVIDENCE = -np.inf


def similarity(
    scene: NDArray[np.floating],
    relation: NDArray[np.floating],
    pooled: NDArray[np.floating],
    svo: NDArray[np.floating],
    scene_gate: float,
) -> NDArray[np.float64]:
    r"""Compare every pair of a frame with every description.

    .. math:: s(d, k) = (g\, scene \cdot pooled_d + relation_k \cdot svo_d) / (1 + g)

    With g = 1 this is the cosine of the joined vectors of Eq. (5) and (8); with g = 0 the look of
    the frame is left out and only the relation counts.

    Args:
        scene: (D,) unit vector.
        relation: (K, D) unit vectors.
        pooled: (T, D) unit vectors.
        svo: (T, D) unit vectors.
        scene_gate: g in 0..1.

    Returns:
        (K, T) in -1..1.
    """
    scene_part = scene_gate * scene_only(scene, pooled, 1.0)
    relation_part = relation.astype(np.float64) @ svo.astype(np.float64).T  # (K, T)
    joined: NDArray[np.float64] = (scene_part[None, :] + relation_part) / (1.0 + scene_gate)
    return joined


def scene_only(
    scene: NDArray[np.floating], pooled: NDArray[np.floating], scene_gate: float
) -> NDArray[np.float64]:
    """Similarity of the scene half alone, gate applied: (D,), (T, D) to (T,) in -1..1."""
    alone: NDArray[np.float64] = scene_gate * (pooled.astype(np.float64) @ scene.astype(np.float64))
    return alone


def best_similarity(
    similarities: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    without_pair: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give each description the z_n made of the ROIs chosen for it: its best accepted pair.

    Args:
        similarities: (K, T).
        accepted: (K, T), whether the pair's classes fit the description's roles.
        without_pair: (T,), what a description gets that accepts no pair: the scene half.

    Returns:
        (T,) in -1..1.
    """
    best = np.where(accepted, similarities, NO_EVIDENCE).max(axis=0, initial=NO_EVIDENCE)
    return np.where(accepted.any(axis=0), best, without_pair)


def literal_score(best: NDArray[np.float64], is_anomaly: NDArray[np.bool_]) -> float:
    r"""Score a frame as the paper prints it.

    .. math:: score(n) = \frac{1}{|D_a|} \sum_{d \in D_a} sim(u_d, z_n)                \tag{11}

    z_n is v of Eq. (8) for frame n with the ROIs chosen for description d.

    Args:
        best: (T,) from ``best_similarity``.
        is_anomaly: (T,), true for the members of D_a.

    Returns:
        Mean over D_a in -1..1.

    Source: SA-CLIP paper, Eq. (11).
    """
    return float(best[is_anomaly].mean())


def contrast_score(best: NDArray[np.float64], is_anomaly: NDArray[np.bool_]) -> float:
    """Subtract the mean over the normal scenes D_b from Eq. (11): a value in -2..2.

    The paper names D_b beside D_a but its equation leaves it out.

    Source: SA-CLIP paper, Eq. (11), with D_b.
    """
    return literal_score(best, is_anomaly) - float(best[~is_anomaly].mean())


def pair_margins(
    similarities: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    counterpart: NDArray[np.int64],
) -> NDArray[np.float64]:
    r"""How much better an anomaly description fits a pair than what is normal between the two.

    .. math:: x_{ak} = s(a, k) - \tau \log \sum_{n \in D_b(k)} e^{s(n, k) / \tau}

    D_b(k) are the normal descriptions that the pair accepts: the one that fits it best, softly.
    The counterpart alone would leave open whether something else that is normal fits better still;
    it decides where the pair accepts no normal description.

    Args:
        similarities: (K, T).
        accepted: (K, T).
        counterpart: (T,) index of the normal counterpart, -1 for a normal description.

    Returns:
        (K, T) in -2..2; ``NO_EVIDENCE`` where the pair is not accepted and for normal descriptions.
    """
    is_anomaly = counterpart >= 0
    usable = accepted & ~is_anomaly[None, :]  # (K, T)
    normal = np.where(usable, similarities / PAIR_TEMPERATURE, NO_EVIDENCE)
    heard = np.asarray(usable.any(axis=1), np.bool_)  # (K,)
    peak = np.where(heard, normal.max(axis=1, initial=NO_EVIDENCE), 0.0)
    total = np.exp(normal - peak[:, None]).sum(axis=1)
    softly = PAIR_TEMPERATURE * (peak + np.log(np.maximum(total, 1e-300)))
    rival = np.where(heard[:, None], softly[:, None], similarities[:, counterpart])
    return np.where(accepted & is_anomaly[None, :], similarities - rival, NO_EVIDENCE)


def leaf_margins(
    margins: NDArray[np.float64], leaf_of: NDArray[np.int64], num_leaves: int
) -> NDArray[np.float64]:
    """The strongest description of each leaf on every pair.

    Args:
        margins: (K, T) from ``pair_margins``.
        leaf_of: (T,) index of the anomaly leaf, -1 for a normal description.
        num_leaves: L.

    Returns:
        (K, L), ``NO_EVIDENCE`` where the pair fits none of the leaf's descriptions.
    """
    strongest = np.full((len(margins), num_leaves), NO_EVIDENCE)
    for text in np.flatnonzero(leaf_of >= 0):
        leaf = leaf_of[text]
        np.maximum(strongest[:, leaf], margins[:, text], out=strongest[:, leaf])
    return strongest


def paired_evidence(
    margins: NDArray[np.float64], temperature: float = PAIR_TEMPERATURE
) -> NDArray[np.float64]:
    r"""Pool the margins of each description over its accepted pairs.

    .. math:: m_a = \tau \left( LSE_k\, x_{ak} / \tau - \log K_a \right)

    A soft maximum that counts what it looked at: a plain maximum, or a sum, grows with the number
    of objects in the street. The value lies between the mean and the maximum of the margins.

    Args:
        margins: (K, T) from ``pair_margins``; ``NO_EVIDENCE`` entries are not among the K_a.
        temperature: tau > 0.

    Returns:
        (T,) in -2..2; ``NO_EVIDENCE`` for a description that no pair accepts.

    Source: SA-CLIP paper, Eq. (11), paired reading (docs/equations.md).
    """
    if len(margins) == 0:
        return np.full(margins.shape[1], NO_EVIDENCE)
    count = np.isfinite(margins).sum(axis=0)  # (T,)
    peak = margins.max(axis=0)
    finite_peak = np.where(count > 0, peak, 0.0)
    total = np.exp((margins - finite_peak) / temperature).sum(axis=0)
    # max(count, 1): a silent description would ask for the logarithm of zero.
    mean = np.where(count > 0, total, 1.0) / np.maximum(count, 1)
    return np.where(count > 0, finite_peak + temperature * np.log(mean), NO_EVIDENCE)


def leaf_evidence(
    description_evidence: NDArray[np.float64], leaf_of: NDArray[np.int64], num_leaves: int
) -> NDArray[np.float64]:
    """The strongest description speaks for its leaf.

    Args:
        description_evidence: (T,) from ``paired_evidence``.
        leaf_of: (T,) index of the anomaly leaf, -1 for a normal description.
        num_leaves: L.

    Returns:
        (L,), ``NO_EVIDENCE`` for a leaf none of whose descriptions can speak.
    """
    strongest = np.full(num_leaves, NO_EVIDENCE)
    belongs = leaf_of >= 0
    np.maximum.at(strongest, leaf_of[belongs], description_evidence[belongs])
    return strongest


def top_k_mean(values: NDArray[np.float64], k: int = TOP_LEAVES) -> float:
    """Mean of the k largest values that are not ``NO_EVIDENCE``; of fewer when fewer speak.

    Returns ``NO_EVIDENCE`` when none speaks.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    speaking = np.sort(values[np.isfinite(values)])
    return float(speaking[-k:].mean()) if len(speaking) else float(NO_EVIDENCE)
