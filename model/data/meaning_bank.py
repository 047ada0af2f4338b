"""All that generated captions can say: some texts of each meaning, and of which pairs it can be.

Dimension letters used in this file:
    M meanings, N texts, C token context, D half of the embedding, K pairs, G class groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from knowledge.entities import CLASS_GROUPS
from model.data.loader import Batch, cut_to_longest
from model.data.meanings import GENERAL, VEHICLES, is_told
from model.errors import ModelError
from model.towers.nano import Nano

EMBEDDED_AT_ONCE = 256
NOUNS = slice(1, 3)  # of "relation:subject:object"


@dataclass(frozen=True, slots=True, eq=False)
class MeaningBank:
    """Texts by meaning, embedded.

    Attributes:
        meanings: M of them, "relation:subject:object".
        svo: (N, D) unit vectors, those of one meaning side by side.
        starts: (M,) where they begin.
        num_texts: (M,) how many they are, >= 1.
        is_anomaly: (M,) bool.
        subjects: (M, G) bool: the class groups that the noun was seen as.
        objects: (M, G + 1) bool; the last one: no object.
    """

    meanings: tuple[str, ...]
    svo: Tensor
    starts: NDArray[np.int64]
    num_texts: NDArray[np.int64]
    is_anomaly: Tensor
    subjects: Tensor
    objects: Tensor

    def draw(self, rng: np.random.Generator) -> Tensor:
        """(M, D): one text of each meaning."""
        place = (rng.random(len(self.starts)) * self.num_texts).astype(np.int64)
        chosen = self.starts + place
        return self.svo[torch.from_numpy(chosen)]

    def told_of(self, batch: Batch) -> Tensor:
        """(T, M) bool: which meanings are true of a batch's facts."""
        return torch.from_numpy(is_told(batch.keys, self.meanings))

    def fitting(self, batch: Batch) -> Tensor:
        """(K, M) bool: which meanings name participants of the kinds of a batch's pairs."""
        subjects, objects = _groups(batch)
        return self.subjects[:, subjects].T & self.objects[:, objects].T


def bank_of(student: Nano, batches: Sequence[Batch], max_texts: int) -> MeaningBank:
    """Gather at most ``max_texts`` texts of each meaning from the captions of batches.

    Args:
        student: Its text tower embeds them.
        batches: Every fact in them is an accident or its normal twin.
        max_texts: Of one meaning.

    Raises:
        ModelError: A meaning is told of accidents and of normal traffic, or names a participant
            that no fact has.
    """
    rows: dict[str, list[tuple[int, int]]] = {}
    anomalous: dict[str, bool] = {}
    for number, batch in enumerate(batches):
        num_facts = len(batch.keys)
        for row, meaning in enumerate(batch.meanings):
            # The hard negatives of the second half say the opposite of their facts.
            is_anomaly = bool(batch.polarity[row % num_facts] == 1) == (row < num_facts)
            if anomalous.setdefault(meaning, is_anomaly) != is_anomaly:
                raise ModelError(f"{meaning}: told of accidents and of normal traffic")
            found = rows.setdefault(meaning, [])
            if len(found) < max_texts:
                found.append((number, row))
    meanings = tuple(sorted(rows))
    num_texts = np.array([len(rows[meaning]) for meaning in meanings], np.int64)
    seen_as = _seen_as(batches)
    for meaning in meanings:
        for noun in meaning.split(":")[NOUNS]:
            if noun not in seen_as:
                raise ModelError(f"{meaning}: no fact has a {noun}, make more scenes")
    sides = [[meaning.split(":")[NOUNS][side] for meaning in meanings] for side in (0, 1)]
    return MeaningBank(
        meanings=meanings,
        svo=_embedded(student, batches, [place for m in meanings for place in rows[m]]),
        starts=np.cumsum([0, *num_texts])[:-1],
        num_texts=num_texts,
        is_anomaly=torch.tensor([anomalous[meaning] for meaning in meanings]),
        subjects=torch.stack([seen_as[noun][:-1] for noun in sides[0]]),
        objects=torch.stack([seen_as[noun] for noun in sides[1]]),
    )


def _seen_as(batches: Sequence[Batch]) -> dict[str, Tensor]:
    """(G + 1,) of each noun: the class groups of the participants that facts call so."""
    found: dict[str, Tensor] = {}
    for batch in batches:
        for key, *groups in zip(batch.keys, *(g.tolist() for g in _groups(batch)), strict=False):
            for noun, group in zip(key.split(":")[NOUNS], groups, strict=True):
                blank = torch.zeros(len(CLASS_GROUPS) + 1, dtype=torch.bool)
                found.setdefault(noun, blank)[group] = True
    vehicles = [found[noun] for noun in VEHICLES if noun in found]
    if vehicles:
        found[GENERAL] = torch.stack(vehicles).any(dim=0)
    return found


def _groups(batch: Batch) -> tuple[Tensor, Tensor]:
    """(K,) and (K,): class groups of subjects and objects; G where there is no object."""
    subject, object_ = batch.pairs.T
    known = batch.roi_classes[object_.clamp(min=0)]
    return batch.roi_classes[subject], torch.where(object_ < 0, len(CLASS_GROUPS), known)


@torch.no_grad()
def _embedded(student: Nano, batches: Sequence[Batch], order: Sequence[tuple[int, int]]) -> Tensor:
    """(N, D) of captions, each given by its batch and its row of captions and hard negatives."""
    tokens = [torch.cat([batch.tokens, batch.negative_tokens]) for batch in batches]
    spans = [torch.cat([batch.spans, batch.negative_spans]) for batch in batches]
    found = []
    for start in range(0, len(order), EMBEDDED_AT_ONCE):
        part = order[start : start + EMBEDDED_AT_ONCE]
        chosen = torch.stack([tokens[number][row] for number, row in part])
        roles = torch.stack([spans[number][row] for number, row in part])
        found.append(student.encode_text(*cut_to_longest(chosen, roles))[1])
    return torch.cat(found)
