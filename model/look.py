"""Teach the student what real participants of accidents look like, on a detector's features.

    saclip-model train-look RECIPE --start-from runs/nano_vehicles --features detector.onnx

Real pictures say that something has happened and where, not what. So of the couples of texts whose
participants fit a pair, the anomaly that beats its normal text by most takes the credit, pooled as
the service pools; pairs outside stay on the normal side of every couple. All else is locked: texts,
geometry, motion and the drawn trunk stay what generated scenes have taught.

Dimension letters used in this file: K pairs, N couples of texts, D half of the embedding.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import structlog
import torch
import torch.nn.functional as F
from pydantic import Field
from rich.progress import track
from torch import Tensor

from knowledge.entities import CLASS_GROUPS
from model.data.loader import CaptionEncoder
from model.data.meanings import VEHICLES
from model.data.real_pictures import ACCIDENT, NORMAL, RealPicture
from model.data.records import EGO, NO_OBJECT, ROAD
from model.recipe import Section
from model.synthesis.traffic import make_traffic_scene
from model.towers.nano import Nano
from model.towers.without_pixels import relation_without_pixels
from service.bundle.encoder import MOTION_WIDTH
from service.scoring.eq11 import PAIR_TEMPERATURE

BANK_SEED, BANK_SCENES = 60_000_000, 2_500
MOST_COUPLES = 120  # of one kind of pair
log = structlog.get_logger()


class LookRecipe(Section):
    """One training of the look."""

    name: str
    steps: int = Field(default=120, ge=1)
    frames_a_step: int = Field(default=24, ge=2)
    variants: int = Field(default=3, ge=1)
    """Mirrored and exposed anew, how often each picture is looked at."""
    lr: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=0.3, ge=0)
    margin: float = Field(default=0.2, ge=0)
    seed: int = 0


Signature = tuple[str, str]
Bank = dict[Signature, Tensor]  # (N, D) svo of the anomaly minus svo of its normal text


@torch.no_grad()
def couples(student: Nano, encoder: CaptionEncoder, seed: int = BANK_SEED) -> Bank:
    """Differences of generated texts, anomaly minus normal, by who takes part."""
    texts = defaultdict(list)
    for number in range(seed, seed + BANK_SCENES):
        scene = make_traffic_scene(number, drawn=False)
        for fact in scene.facts:
            if fact.anomalous:
                names = [_name(place, scene.class_names) for place in (fact.subject, fact.object)]
                chosen = number % len(fact.captions)
                texts[kind_of(names[0]), kind_of(names[1])].append(
                    (fact.captions[chosen], fact.opposites[chosen])
                )
    bank = {}
    for signature, found in texts.items():
        sides = list(zip(*found[:MOST_COUPLES], strict=True))
        anomalous, normal = (student.encode_text(*encoder(list(side)))[1] for side in sides)
        bank[signature] = anomalous - normal
    return bank


def kind_of(name: str) -> str:
    """Vehicles stand for each other, and so do persons and bicycles."""
    if name in VEHICLES:
        return "vehicle"
    return "person" if name in ("person", "bicycle") else name


def relation_of(student: Nano, pictures: Sequence[RealPicture]) -> Tensor:
    """(K, D) unit vectors of all pairs of some pictures, as their look alone would have them."""
    first = np.cumsum([0, *(len(p.rois) for p in pictures)])[:-1]
    pairs = torch.from_numpy(
        np.concatenate(
            [
                np.where(p.pairs >= 0, p.pairs + f, p.pairs)
                for p, f in zip(pictures, first, strict=True)
            ]
        )
    )
    looks = (
        torch.cat([p.roi_look for p in pictures]),
        torch.cat([p.union_look for p in pictures]),
        torch.ones(len(pairs), 1),
    )
    return relation_without_pixels(
        student,
        torch.from_numpy(np.concatenate([p.rois.xyxy for p in pictures])),
        torch.from_numpy(np.concatenate([p.rois.class_group for p in pictures])),
        pairs,
        torch.zeros(len(pairs), MOTION_WIDTH),
        looks,
    )


def teach_look(
    student: Nano, pictures: Sequence[RealPicture], bank: Bank, recipe: LookRecipe
) -> None:
    """Train the student's look in place; its gate then opens for pictures like these."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    head = student.relation_head
    layers = silence_look(student)
    head.look_scale.fit(torch.cat([p.roi_look for p in pictures]))
    optimiser = torch.optim.AdamW(
        layers.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    shares = _shares(pictures)
    for step in track(range(recipe.steps), "teaching the look", transient=True):
        chosen = [pictures[i] for i in rng.choice(len(pictures), recipe.frames_a_step, p=shares)]
        loss = look_loss(student, chosen, bank, recipe.margin)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            log.info("look", step=step, loss=round(float(loss.detach()), 4))
    textures = torch.cat([picture.texture for picture in pictures])
    student.look_gate.fit(textures, [picture.camera for picture in pictures])


def silence_look(student: Nano) -> torch.nn.ModuleList:
    """Let the look add nothing, as before it was taught; its layers."""
    layers = torch.nn.ModuleList([student.relation_head.look, student.relation_head.union_look])
    for weight in layers.parameters():
        torch.nn.init.zeros_(weight)
    return layers


def look_loss(student: Nano, pictures: Sequence[RealPicture], bank: Bank, margin: float) -> Tensor:
    """Accident pairs beat the margin with one couple at least, the others stay below minus it."""
    evidence = _evidence(relation_of(student, pictures), pictures, bank)
    polarity = torch.from_numpy(np.concatenate([p.polarity for p in pictures]))
    heard = torch.isfinite(evidence)
    accident, normal = heard & (polarity == ACCIDENT), heard & (polarity == NORMAL)
    loss = evidence.new_zeros(())
    if bool(accident.any()):
        loss = loss + F.relu(margin - evidence[accident]).mean()
    if bool(normal.any()):
        loss = loss + F.relu(margin + evidence[normal]).mean()
    return loss


def _evidence(relation: Tensor, pictures: Sequence[RealPicture], bank: Bank) -> Tensor:
    """(K,): margins pooled over the couples that fit; not finite where none does."""
    signatures = [signature for picture in pictures for signature in _signatures(picture)]
    evidence = torch.full((len(signatures),), float("-inf"))
    rows_of = defaultdict(list)
    for row, signature in enumerate(signatures):
        if signature in bank:
            rows_of[signature].append(row)
    for signature, rows in rows_of.items():
        margins = relation[rows] @ bank[signature].T / PAIR_TEMPERATURE  # (k, N)
        pooled = margins.logsumexp(dim=1) - np.log(margins.shape[1])
        evidence = evidence.index_put((torch.tensor(rows),), PAIR_TEMPERATURE * pooled)
    return evidence


def _signatures(picture: RealPicture) -> list[Signature]:
    kinds = [kind_of(CLASS_GROUPS[group]) for group in picture.rois.class_group.tolist()]
    return [(kinds[s], "none" if o < 0 else kinds[o]) for s, o in picture.pairs.tolist()]


def _shares(pictures: Sequence[RealPicture]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Each camera counts by the root of its pictures, and both labels alike."""
    keys = [(picture.camera, picture.anomalous) for picture in pictures]
    weights = np.array([1 / np.sqrt(keys.count(key)) for key in keys])
    for label in (True, False):
        of_label = np.array([key[1] == label for key in keys])
        weights[of_label] /= max(weights[of_label].sum(), 1e-9)
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = weights / weights.sum()
    return shares


def _name(place: int, class_names: Sequence[str]) -> str:
    return {EGO: "ego", ROAD: "road", NO_OBJECT: "none"}.get(place) or class_names[place]
