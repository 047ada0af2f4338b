"""The second sample of each anchor: retrieved by the likeness of triplets (paper §2.3.3).

Likeness is the cosine of TF-IDF vectors of words and of their letters, so it needs no weights and
is the same on every machine.

Dimension letters used in this file: N samples, A anchors, U different wordings.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

CHUNK = 1024  # rows compared at once


class PartnerIndex:
    """Knows how alike any two samples' triplets are.

    Args:
        wordings: N texts "subject verb object".
        images: N names; a partner comes from another image.
        neighbours: How many candidates each wording keeps.
        least_similarity: Below this nobody is a partner.
    """

    def __init__(
        self,
        wordings: Sequence[str],
        images: Sequence[str],
        neighbours: int,
        least_similarity: float,
    ) -> None:
        unique, inverse = np.unique(np.array(wordings, dtype=object), return_inverse=True)
        self._of_sample: NDArray[np.int64] = inverse.reshape(-1).astype(np.int64)
        self._vectors = _vectors([str(text) for text in unique])
        self._images = np.unique(np.array(images, dtype=object), return_inverse=True)[1].reshape(-1)
        order = np.argsort(self._of_sample, kind="stable")
        starts = np.searchsorted(self._of_sample[order], np.arange(len(unique) + 1))
        self._members = [order[a:b] for a, b in pairwise(starts)]
        self._near = self._nearest(neighbours, least_similarity)

    def partner(self, sample: int, rng: np.random.Generator) -> int | None:
        """A sample of like meaning from another image, drawn evenly; None when there is none."""
        near = self._near[self._of_sample[sample]]
        candidates = [m for unique in near for m in self._members[unique].tolist()]
        other = [m for m in candidates if self._images[m] != self._images[sample]]
        return int(other[int(rng.integers(len(other)))]) if other else None

    def similarity(self, samples: Sequence[int]) -> NDArray[np.float32]:
        """(A, A) cosine of the samples' triplets."""
        rows = self._vectors[self._of_sample[np.asarray(samples)]]
        alike: NDArray[np.float32] = (rows @ rows.T).toarray().astype(np.float32)
        return alike

    def _nearest(self, neighbours: int, least: float) -> list[NDArray[np.int64]]:
        near: list[NDArray[np.int64]] = []
        for start in range(0, self._vectors.shape[0], CHUNK):
            alike = (self._vectors[start : start + CHUNK] @ self._vectors.T).tocsr()
            for row in range(alike.shape[0]):
                begin, end = alike.indptr[row], alike.indptr[row + 1]
                values, columns = alike.data[begin:end], alike.indices[begin:end]
                best = np.lexsort((columns, -values))[:neighbours]
                near.append(columns[best][values[best] >= least].astype(np.int64))
        return near


def _vectors(texts: Sequence[str]) -> csr_matrix:
    words = TfidfVectorizer(tokenizer=str.split, token_pattern=None, dtype=np.float32)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), dtype=np.float32)
    parts = [words.fit_transform(texts), 0.5 * letters.fit_transform(texts)]
    return csr_matrix(normalize(hstack(parts).tocsr()))
