"""A small student trained on layouts alone, to see what each loss does (docs/experiments.md).

Dimension letters used in this file: A anchors.
"""

import json
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from rich.progress import track
from tokenizers import Tokenizer
from torch import Tensor, nn

from model.contrastive.objective import Embedded, contrastive_terms
from model.contrastive.recipe import Terms
from model.data.loader import CaptionEncoder, make_batch
from model.data.records import Scene
from model.data.tokenizer import train_tokenizer
from model.recipe import Section
from model.synthesis.layouts import NUM_OCTANTS, make_layout
from model.towers.nano import Nano

CONTEXT, VOCABULARY = 24, 512
LOG_EVERY = 10


class LayoutPlan(Section):
    """One layout run; every variant of a sweep shares it but for the losses."""

    steps: int = Field(default=260, ge=1)
    anchors: int = Field(default=32, ge=2)
    lr: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=20, ge=1)
    width: int = Field(default=96, ge=12, multiple_of=6)
    half_dim: int = Field(default=128, ge=8)
    groups: int = Field(default=200, ge=10)
    """Held-out pairs of nouns that are evaluated, each in eight octants."""

    threads: int = Field(default=1, ge=1)


def train_layouts(plan: LayoutPlan, loss: Terms, seed: int, out: Path) -> tuple[Nano, Tokenizer]:
    """Train one variant.

    Args:
        plan: Size and length.
        loss: Which terms count.
        seed: Of weights and data.
        out: Receives ``metrics.jsonl``.
    """
    torch.set_num_threads(plan.threads)
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(
        (c.text for s in range(800) for f in make_layout(s).facts for c in f.captions), VOCABULARY
    )
    model = Nano(tokenizer.get_vocab_size(), CONTEXT, plan.half_dim, plan.width)
    encoder = CaptionEncoder(tokenizer, CONTEXT)
    optimiser = torch.optim.AdamW(model.parameters(), lr=plan.lr, weight_decay=0.05)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "metrics.jsonl").open("w", encoding="utf-8") as log:
        for step in track(range(plan.steps), description=out.name, transient=True):
            model.train()
            share = min(1.0, (step + 1) / plan.warmup_steps)
            share *= 0.5 * (1 + np.cos(np.pi * step / plan.steps))
            for group in optimiser.param_groups:
                group["lr"] = plan.lr * share
            terms = layout_terms(model, encoder, plan.anchors, loss, seed, step)
            optimiser.zero_grad(set_to_none=True)
            terms["total"].backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if step % LOG_EVERY == 0:
                row = {
                    "step": step,
                    **{name: float(value.detach()) for name, value in terms.items()},
                }
                log.write(json.dumps(row) + "\n")
    return model.eval(), tokenizer


def layout_terms(
    model: Nano, encoder: CaptionEncoder, anchors: int, loss: Terms, seed: int, step: int
) -> dict[str, Tensor]:
    """Losses of one batch: A layouts, and for each another picture of the same meaning."""
    rng = np.random.default_rng((seed, step))
    first = (seed * 1_000_003 + step) * 2 * anchors
    scenes = [make_layout(first + i) for i in range(anchors)]
    scenes += [_alike(scene, first + anchors + i) for i, scene in enumerate(scenes)]
    told = [_first_fact(scene) for scene in scenes]
    batch = make_batch(told, encoder, rng, num_idle_pairs=0, noise=False)
    # All scenes have pixels; the gate, which is fitted after training, stays out of it.
    scene, relation = model.encode_mixed(batch.frames, batch.rois, batch.roi_classes, batch.pairs)
    pooled, svo = model.encode_text(batch.tokens, batch.spans)
    false_pooled, false_svo = model.encode_text(batch.negative_tokens, batch.negative_spans)
    keys = np.array(batch.keys)
    likeness = torch.from_numpy((keys[:, None] == keys[None, :]).astype(np.float32))
    place = torch.arange(anchors)
    partner = torch.cat([place + anchors, place])
    parts = Embedded(scene[batch.pair_frame], relation, pooled, svo, false_pooled, false_svo)
    return contrastive_terms(parts, likeness, partner, model.logit_scale, loss, "per_part")


def _alike(scene: Scene, seed: int) -> Scene:
    """Another picture that the same sentence is true of."""
    octant, first, second = scene.facts[0].key.removeprefix("layout").split(":")
    return make_layout(seed, "train", (first, second, int(octant) % NUM_OCTANTS))


def _first_fact(scene: Scene) -> Scene:
    """The scene with one of its two tellings: the other says the same of the swapped pair."""
    return Scene(
        scene.frame, scene.xyxy, scene.class_names, scene.facts[:1], False, None, scene.weather
    )
