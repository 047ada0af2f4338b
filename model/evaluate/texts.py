"""Do the texts matter? The same frames explained by trained, shuffled and random vectors.

Held-out generated scenes with detector noise; the expert hierarchy's own sentences, none of which
was a training caption. If the explanations are as good with shuffled description vectors, then the
boxes speak and not the texts.

`other_words.yaml` says the same once more, sentence for sentence, in the words of somebody who had
read the hierarchy and no caption: what experts may expect who write descriptions of their own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from rich.table import Table
from tokenizers import Tokenizer

from knowledge.hierarchy import Hierarchy, load_hierarchy
from model.data.loader import CaptionEncoder, cut_to_longest
from model.data.records import Caption, Scene
from model.evaluate.auc import roc_auc
from model.synthesis.noise import apply_detector_noise
from model.synthesis.traffic import make_traffic_scene
from model.towers.nano import Nano, nano_of
from service.bundle.encoder import ImageEmbeddings
from service.bundle.text import Describable, TextEmbeddings
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult
from service.scoring.calibration import neutral_calibration, same_null
from service.scoring.fitting import strongest_null
from service.scoring.text_bank import TextBank, text_bank_of
from service.vision.rois import Rois, detected_rois

OTHER_WORDS = Path(__file__).with_name("other_words.yaml")
NUM_NULL_SCENES = 400
NULL_SEED = 50_000_000
WILSON_Z = 1.96
log = structlog.get_logger()


class TorchEncoder:
    """A student that has not been exported, behind the interface of the bundle's encoders."""

    longest_side: int | None = None

    def __init__(self, student: Nano, tokenizer: Tokenizer, pixels: bool = True) -> None:
        self.student = student.eval()
        self.captions = CaptionEncoder(tokenizer, student.context_length)
        self.pixels = pixels

    @torch.no_grad()
    def encode(
        self,
        frames: NDArray[np.uint8],
        rois: NDArray[np.float32],
        roi_classes: NDArray[np.int64],
        pairs: NDArray[np.int64],
        motion: NDArray[np.float32] | None = None,
    ) -> ImageEmbeddings:
        """See `service.bundle.encoder.ImageEncoder.encode`."""
        scene, relation, gate = self.student.encode_image(
            torch.from_numpy(frames),
            torch.from_numpy(np.asarray(rois, np.float32)),
            torch.from_numpy(roi_classes),
            torch.from_numpy(pairs),
            None if motion is None else torch.from_numpy(motion),
        )
        return ImageEmbeddings(scene.numpy(), relation.numpy(), gate.numpy())

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[Describable]) -> TextEmbeddings:
        """See `service.bundle.text.TextEncoder.encode`."""
        tokens, spans = self.captions([Caption(text.text, text.spans) for text in texts])
        pooled, svo = self.student.encode_text(*cut_to_longest(tokens, spans))
        return TextEmbeddings(pooled.numpy(), svo.numpy())


@dataclass(frozen=True, slots=True)
class TextFigures:
    """What one set of vectors reaches on ``num_scenes`` held-out anomalous scenes."""

    name: str
    num_scenes: int
    leaf_right: float
    leaf_interval: tuple[float, float]
    code_right: float
    participants_right: float
    frame_auc: float

    def as_dict(self) -> dict[str, Any]:
        """Rounded figures for the manifest."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def figures_table(figures: Sequence[TextFigures]) -> Table:
    """The figures as people read them."""
    table = Table(
        "vectors", "scenes", "leaf right", "95 % interval", "DoTA code", "participants", "frame AUC"
    )
    for row in figures:
        low, high = row.leaf_interval
        table.add_row(
            row.name,
            str(row.num_scenes),
            f"{row.leaf_right:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{row.code_right:.3f}",
            f"{row.participants_right:.3f}",
            f"{row.frame_auc:.3f}",
        )
    return table


def compare_texts(
    student: Nano, tokenizer: Tokenizer, hierarchy: Hierarchy, num_scenes: int = 600, seed: int = 0
) -> list[TextFigures]:
    """The table: trained, in other words, shuffled, random weights; the same scenes for all.

    Args:
        student: The trained student.
        tokenizer: Its tokenizer.
        hierarchy: Its descriptions are what explains.
        num_scenes: Held-out scenes, about half of them anomalous.
        seed: Of the shuffling and of the random weights.
    """
    trained = TorchEncoder(student, tokenizer)
    torch.manual_seed(seed)
    untrained = nano_of(
        student.state_dict(),
        tokenizer.get_vocab_size(),
        context_length=student.context_length,
        half_dim=student.half_dim,
        width=student.width,
    )
    scenes = [make_traffic_scene(i, "heldout") for i in range(num_scenes)]
    vectors = trained.encode_texts(hierarchy.flat)
    order = np.random.default_rng(seed).permutation(len(hierarchy.flat))
    shuffled = TextEmbeddings(vectors.pooled[order], vectors.svo[order])
    random_encoder = TorchEncoder(untrained, tokenizer)
    random_vectors = random_encoder.encode_texts(hierarchy.flat)
    banks = [
        ("trained", trained, text_bank_of(hierarchy.flat, vectors)),
        ("shuffled descriptions", trained, text_bank_of(hierarchy.flat, shuffled)),
        ("random weights", random_encoder, text_bank_of(hierarchy.flat, random_vectors)),
    ]
    others = load_hierarchy(OTHER_WORDS).flat
    longest = max(len(tokenizer.encode(item.text).ids) for item in others)
    if longest <= student.context_length:
        told = text_bank_of(others, trained.encode_texts(others))
        banks.insert(1, ("in other words", trained, told))
    else:  # a tower that spells what no caption has
        log.warning("other_words_refused", tokens=longest, limit=student.context_length)
    return [_figures(name, encoder, bank, scenes) for name, encoder, bank in banks]


def _figures(
    name: str, encoder: TorchEncoder, bank: TextBank, scenes: Sequence[Scene]
) -> TextFigures:
    """Each variant gets its own null from training scenes: none suffers from another's scale."""
    neutral = FrameAnalyzer(_NoDetector(), encoder, bank, neutral_calibration())
    normal = [make_traffic_scene(NULL_SEED + i) for i in range(NUM_NULL_SCENES)]
    evidence = np.stack(
        [r.evidence for r in _results(neutral, [s for s in normal if not s.anomalous])]
    )
    nulls = same_null(bank.leaf_ids, *strongest_null(evidence))
    stills = neutral.calibration.stills.model_copy(update={"leaf_null": nulls})
    calibration = neutral.calibration.model_copy(update={"stills": stills})
    results = _results(FrameAnalyzer(_NoDetector(), encoder, bank, calibration), scenes)
    codes = {item.leaf_id: set(item.dota) for item in bank.descriptions}
    roles = {item.leaf_id: item.participants for item in bank.descriptions}
    leaf, code, role = [], [], []
    for scene, result in zip(scenes, results, strict=True):
        if not scene.anomalous or scene.leaf_id is None:
            continue
        finite = np.isfinite(result.standardised)
        top = bank.leaf_ids[int(np.where(finite, result.standardised, -np.inf).argmax())]
        leaf.append(top == scene.leaf_id)
        code.append(bool(codes[top] & codes[scene.leaf_id]))
        role.append(roles[top] == roles[scene.leaf_id])
    scores = np.array([result.score for result in results])
    labels = np.array([scene.anomalous for scene in scenes])
    return TextFigures(
        name,
        len(leaf),
        float(np.mean(leaf)),
        wilson_interval(sum(leaf), len(leaf)),
        float(np.mean(code)),
        float(np.mean(role)),
        roc_auc(scores, labels),
    )


def _results(analyzer: FrameAnalyzer, scenes: Sequence[Scene]) -> list[FrameResult]:
    results: list[FrameResult] = []
    for start in range(0, len(scenes), 16):
        part = scenes[start : start + 16]
        frames = [scene.frame for scene in part if scene.frame is not None]
        results += analyzer.analyze_detected(frames, [noisy_rois(scene, start) for scene in part])
    return results


def noisy_rois(scene: Scene, seed: int) -> Rois:
    """The scene's boxes as a small detector would have reported them."""
    rng = np.random.default_rng((seed, len(scene.class_names)))
    xyxy, names, _ = apply_detector_noise(scene.xyxy, scene.class_names, rng)
    return detected_rois(xyxy, names, np.full(len(names), 0.8, np.float32))


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share = hits / total
    centre = (share + WILSON_Z**2 / (2 * total)) / (1 + WILSON_Z**2 / total)
    spread = WILSON_Z * np.sqrt(share * (1 - share) / total + WILSON_Z**2 / (4 * total**2))
    spread /= 1 + WILSON_Z**2 / total
    return float(centre - spread), float(centre + spread)


class _NoDetector:
    """The scenes bring their own boxes."""

    def detect(self, frame: NDArray[np.uint8], /) -> Rois:
        raise AssertionError("scenes are analyzed with the boxes they come with")
