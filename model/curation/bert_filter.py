"""The paper's own relation filter: BERT fine-tuned on ``caption [SEP] s | v | o``.

Behind the interface of `model.curation.relation_filter`; a folder with weights, tokenizer and
threshold. It needs ``bert-base-uncased`` to begin with, which is not shipped.

Source: SA-CLIP paper, §2.1 and appendix A.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from model.curation.relation_filter import FilterError, FilterFigures, Located, at_threshold

BASE = "bert-base-uncased"
LEARNING_RATE, EPOCHS, BATCH, MAX_TOKENS = 2e-5, 3, 32, 96
NOTE = "filter.json"


class BertFilter:
    """A fine-tuned BERT.

    Args:
        folder: What `train_bert` wrote.

    Raises:
        FilterError: It cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer, self._model = _load(str(folder))
        try:
            self.threshold = float(json.loads((folder / NOTE).read_text())["threshold"])
        except (OSError, ValueError, KeyError) as error:
            raise FilterError(f"{folder / NOTE}: {type(error).__name__}") from error

    def quality(self, caption: str, triplet: Located) -> float:
        """How sure it is that the triplet is right, 0..1."""
        return float(_scores(self._tokenizer, self._model, [(caption, triplet)])[0])


def train_bert(
    labelled: Sequence[tuple[str, Located, bool]], out: Path, base: str = BASE, seed: int = 0
) -> FilterFigures:
    """Fine-tune on four fifths, choose the threshold on the rest, write the folder.

    Args:
        labelled: Captions, triplets, and whether they are right.
        out: Folder to write.
        base: Name on the hub, or a folder, of a pretrained BERT.
        seed: Of the split, the order and the new head.

    Raises:
        FilterError: The weights cannot be had, or there are too few labels.
    """
    right = np.array([is_right for _, _, is_right in labelled])
    if len(labelled) < 20 or right.all() or not right.any():
        raise FilterError(f"{len(labelled)} labels, {int(right.sum())} of them right: not enough")
    torch.manual_seed(seed)
    tokenizer, model = _load(base)
    order = np.random.default_rng(seed).permutation(len(labelled))
    cut = len(labelled) * 4 // 5
    train, test = order[:cut], order[cut:]
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    model.train()
    steps = [train[i : i + BATCH] for _ in range(EPOCHS) for i in range(0, len(train), BATCH)]
    for chosen in track(steps, description="fine-tuning", transient=True):
        rows = [(labelled[i][0], labelled[i][1]) for i in chosen]
        labels = torch.from_numpy(right[chosen].astype(np.int64))
        loss = model(**_encode(tokenizer, rows), labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    held_out = [(labelled[i][0], labelled[i][1]) for i in test]
    figures = at_threshold(_scores(tokenizer, model, held_out), right[test])
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    note = json.dumps({"threshold": figures.threshold, "base": base})
    (out / NOTE).write_text(note + "\n", encoding="utf-8")
    return figures


def _load(name: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise FilterError("BERT: the package transformers is not installed") from error
    if Path(name).is_absolute() and not Path(name).is_dir():
        raise FilterError(f"{name}: the weights cannot be had here; there is no such folder")
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=2)
    except (OSError, ValueError) as error:
        raise FilterError(
            f"{name}: the weights cannot be had here; the hashed filter needs none"
        ) from error
    return tokenizer, model.eval()


def _encode(tokenizer: Any, rows: Sequence[tuple[str, Located]]) -> Any:
    first = [caption for caption, _ in rows]
    second = [
        " | ".join(caption[slice(*span)] for span in (t.subject, t.verb, t.object))
        for caption, t in rows
    ]
    return tokenizer(
        first, second, truncation=True, max_length=MAX_TOKENS, padding=True, return_tensors="pt"
    )


@torch.no_grad()
def _scores(tokenizer: Any, model: Any, rows: Sequence[tuple[str, Located]]) -> Any:
    parts = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    found = [model(**_encode(tokenizer, part)).logits.softmax(dim=-1)[:, 1] for part in parts]
    return torch.cat(found).numpy().astype(np.float64)
