"""One optimiser step over a batch larger than what fits: embed, compare, replay (GradCache).

All samples are embedded in small parts without a graph; the loss over the whole batch gives the
gradient of each embedding; then each part is embedded once more and takes its gradients back. The
result is that of one big batch.

Dimension letters used in this file: A samples of the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.contrastive.distributed import World
from model.contrastive.features import FeatureCache, boxes_of
from model.contrastive.objective import Embedded, contrastive_terms
from model.contrastive.partners import PartnerIndex
from model.contrastive.recipe import ContrastiveRecipe
from model.contrastive.samples import Sample
from model.data.loader import CaptionEncoder
from model.data.records import Caption
from model.towers.clip_tower import ClipTower


@dataclass(frozen=True, slots=True, eq=False)
class PairedBatch:
    """A samples: anchors first, then the partner of each.

    Attributes:
        rows: Their places in the list of samples.
        captions: What each is said to show; a sample that is its own partner says it otherwise.
        negatives: What each does not show.
        partner: (A,) place in this batch of each sample's counterpart.
        likeness: (A, A) similarity of their triplets.
    """

    rows: tuple[int, ...]
    captions: tuple[Caption, ...]
    negatives: tuple[Caption, ...]
    partner: Tensor
    likeness: Tensor


def draw_batch(
    samples: Sequence[Sample], index: PartnerIndex, step: int, recipe: ContrastiveRecipe
) -> PairedBatch:
    """The batch of a step; it follows from recipe and step alone, on every process alike."""
    rng = np.random.default_rng((recipe.data.seed, step))
    count = recipe.optim.batch_size
    replace = len(samples) < count
    anchors = [int(i) for i in rng.choice(len(samples), count, replace=replace)]
    found = [index.partner(anchor, rng) for anchor in anchors]
    partners = [a if p is None else p for a, p in zip(anchors, found, strict=True)]
    captions = [samples[i].caption for i in anchors]
    captions += [
        # Nobody is like it: the same image, said in the plainest words.
        _plain(samples[a].caption) if p is None else samples[p].caption
        for a, p in zip(anchors, found, strict=True)
    ]
    rows = (*anchors, *partners)
    place = torch.arange(count)
    return PairedBatch(
        rows=rows,
        captions=tuple(captions),
        negatives=tuple(samples[i].negative for i in rows),
        partner=torch.cat([place + count, place]),
        likeness=torch.from_numpy(index.similarity(rows)),
    )


def contrastive_step(
    tower: ClipTower,
    batch: PairedBatch,
    samples: Sequence[Sample],
    cache: FeatureCache,
    encoder: CaptionEncoder,
    recipe: ContrastiveRecipe,
    world: World,
) -> dict[str, Tensor]:
    """Leave the gradient of the whole batch in the tower's parameters; returns the terms."""
    mine = world.part(len(batch.rows))
    places = list(range(len(batch.rows)))[mine]
    size = recipe.optim.micro_batch
    parts = [places[i : i + size] for i in range(0, len(places), size)]

    def embed(part: list[int]) -> Embedded:
        half = recipe.optim.precision == "bf16"
        with torch.autocast(world.device.type, torch.bfloat16, enabled=half):
            return _embed(tower, batch, part, samples, cache, encoder, world.device)

    with torch.no_grad():
        local = [embed(part).tensors() for part in parts]
    whole = [world.gather(torch.cat(same).float()) for same in zip(*local, strict=True)]
    leaves = [value.detach().requires_grad_() for value in whole]
    likeness = batch.likeness.to(world.device)
    partner = batch.partner.to(world.device)
    norm = tower.spec.norm
    terms = contrastive_terms(
        Embedded(*leaves), likeness, partner, tower.logit_scale, recipe.loss, norm
    )
    terms["total"].backward()
    _replay(embed, parts, [leaf.grad for leaf in leaves])
    world.sum_gradients(tower, counted_everywhere=[tower.logit_scale])
    return {name: value.detach() for name, value in terms.items()}


def _replay(
    embed: Callable[[list[int]], Embedded], parts: list[list[int]], grads: list[Tensor | None]
) -> None:
    """Embed each part again with a graph and hand its gradients to it."""
    for part in parts:
        pairs = [
            (value, grad[part].to(value.dtype))
            for value, grad in zip(embed(part).tensors(), grads, strict=True)
            if value.requires_grad and grad is not None
        ]
        if pairs:
            values, gradients = zip(*pairs, strict=True)
            torch.autograd.backward(values, gradients)


def _embed(
    tower: ClipTower,
    batch: PairedBatch,
    part: list[int],
    samples: Sequence[Sample],
    cache: FeatureCache,
    encoder: CaptionEncoder,
    device: torch.device,
) -> Embedded:
    chosen = [samples[batch.rows[i]] for i in part]
    rois, classes, pairs = (value.to(device) for value in boxes_of(chosen))
    seen = cache.of([batch.rows[i] for i in part]).to(device)
    scene, relation = tower.relate(seen, rois, classes, pairs)
    captions = [batch.captions[i] for i in part] + [batch.negatives[i] for i in part]
    tokens, spans = encoder(captions)
    pooled, svo = tower.encode_text(tokens.to(device), spans.to(device))
    count = len(part)
    return Embedded(scene, relation, pooled[:count], svo[:count], pooled[count:], svo[count:])


def _plain(caption: Caption) -> Caption:
    """Subject, verb and object of a caption, and nothing else of it."""
    words = [caption.text[start:end] for start, end in caption.spans]
    first, second = len(words[0]) + 1, len(words[0]) + len(words[1]) + 2
    spans = (
        (0, len(words[0])),
        (first, first + len(words[1])),
        (second, second + len(words[2])),
    )
    return Caption(" ".join(words), spans)
