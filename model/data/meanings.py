"""Which captions are true of which facts: a car that is hit is also a vehicle that is hit.

Dimension letters used in this file: F facts, C captions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GENERAL = "vehicle"
VEHICLES = ("car", "truck", "bus", "motorcycle")


def is_told(keys: Sequence[str], meanings: Sequence[str]) -> NDArray[np.bool_]:
    """Compare facts with what captions say.

    Args:
        keys: Of F facts, "relation:subject:object".
        meanings: Of C captions, the same with `GENERAL` for any of `VEHICLES`; an empty one is
            true of nothing.

    Returns:
        (F, C): the relation is the same and both participants are what the caption calls them.
    """
    facts, captions = (
        np.array([_parts(text) for text in side], np.str_).reshape(-1, 3)
        for side in (keys, meanings)
    )
    told = np.ones((len(keys), len(meanings)), np.bool_)
    for part in range(3):
        fact, caption = facts[:, None, part], captions[None, :, part]
        told &= (fact == caption) | ((caption == GENERAL) & np.isin(fact, VEHICLES))
    return told


def _parts(key: str) -> tuple[str, str, str]:
    relation, _, nouns = key.partition(":")
    subject, _, object_ = nouns.partition(":")
    return relation, subject, object_
