"""Descriptions to text embeddings: tokenise, find the subject, verb and object, encode.

Dimension letters used in this file: T texts, C token context, D half of the embedding size.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]


def token_spans(
    offsets: Sequence[Span], spans: Sequence[Span], context_length: int
) -> NDArray[np.float32]:
    """Averaging weights that pick a role's tokens (Eq. 2).

    Args:
        offsets: Half-open character range of each token; (0, 0) for special tokens.
        spans: Half-open character ranges of subject, verb and object.
        context_length: C.

    Returns:
        (3, C) float32: 1/n on the n tokens whose characters overlap the role's span.

    Raises:
        ValueError: When a role has no token within the context.
    """
    weights = np.zeros((len(spans), context_length), np.float32)
    for role, (start, end) in enumerate(spans):
        for position, (low, high) in enumerate(offsets[:context_length]):
            if low < end and high > start:
                weights[role, position] = 1.0
    counts = weights.sum(axis=1, keepdims=True)
    if not counts.all():
        role = ("subject", "verb", "object")[int(np.flatnonzero(counts[:, 0] == 0)[0])]
        message = f"the {role} has no token among the first {context_length}"
        raise ValueError(message)
    return weights / counts
