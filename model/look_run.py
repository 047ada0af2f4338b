"""The look's training on the cameras that may train, and what it reaches on others."""

import hashlib
import shutil
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer
from torch import Tensor

from knowledge.hierarchy import load_hierarchy
from model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from model.data.loader import CaptionEncoder
from model.data.real_pictures import Marked, RealPicture, look_at_pictures, read_marked
from model.detector.footage import FrameFile, data_root
from model.detector.recipe import load_detector_recipe
from model.detector.restore import restore_detector
from model.evaluate.controls import SHUFFLES
from model.evaluate.frames import LabelledFrame, frame_figures, frames_table
from model.evaluate.nulls import shuffled
from model.evaluate.texts import TorchEncoder
from model.look import LookRecipe, couples, relation_of, silence_look, teach_look
from model.recipe import load_recipe, read_recipe
from model.restore import is_bundle
from model.synthesis.traffic import make_traffic_scene
from model.towers.nano import Nano
from model.train import load_student
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.manifest import TOKENIZER
from service.pipeline.engine import load_engine
from service.scoring.calibration import paired_score, same_null, standardise
from service.scoring.comparison import compare
from service.scoring.fitting import strongest_null
from service.scoring.text_bank import TextBank, text_bank_of
from service.vision.rois import affinity

STUDENT_RECIPE = Path(__file__).parent / "recipes" / "nano.yaml"
BATCH = 32
DRAWN_SEED, NUM_DRAWN = 70_000_000, 2048
log = structlog.get_logger()


def train_look(
    recipe_file: Path,
    start_from: Path,
    out: Path,
    bundle: Path | None = None,
    features: Path | None = None,
) -> None:
    """Teach the look of a run's student on the training cameras; the rest of the run is copied.

    Args:
        recipe_file: A `LookRecipe`.
        start_from: The student's run.
        out: The new run.
        bundle: Whose detector finds the participants; the embedded one when left out.
        features: ``detector.onnx`` whose features the look reads; the bundle's when left out.

    Raises:
        ModelError: The run or the features are not what they are said to be.
    """
    recipe = read_recipe(recipe_file, LookRecipe)
    if is_bundle(start_from):
        raise CheckpointError(f"{start_from}: a bundle and no run: train --start-from it first")
    state = load_checkpoint(start_from)  # now: minutes later would be a pity
    read = _features_of(bundle, features)
    student, tokenizer = _student(start_from, read)
    footage = load_detector_recipe().footage
    pictures = [
        picture
        for variant in _pictures(student, bundle, recipe.variants)
        for picture in variant
        if picture.camera not in (*footage.held_out, *footage.ignored)
    ]
    bank = couples(student, CaptionEncoder(tokenizer, student.context_length))
    teach_look(student, pictures, bank, recipe)
    student.drawn_gate.fit(_drawn_textures(student))
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(start_from / TOKENIZER, out / TOKENIZER)
    state["average"] |= {f"module.{name}": value for name, value in student.state_dict().items()}
    sha256 = hashlib.sha256(read.read_bytes()).hexdigest()
    meta = {"step": state["step"], "look": recipe.model_dump(), "features_sha256": sha256}
    save_checkpoint(out, state, meta)


def measure_look(
    recipe_file: Path,
    start_from: Path,
    bundle: Path | None,
    features: Path | None,
    folds: int,
    console: Console | None = None,
) -> None:
    """Frame AUC of pictures whose camera the look has not seen, beside the controls.

    The detectors have seen the pictures of most cameras, without their labels. The nulls of a fold
    are those of its own training pictures. Arguments as of ``train_look``.
    """
    recipe = read_recipe(recipe_file, LookRecipe)
    student, tokenizer = _student(start_from, _features_of(bundle, features))
    ignored = load_detector_recipe().footage.ignored
    variants = [
        [picture for picture in variant if picture.camera not in ignored]
        for variant in _pictures(student, bundle, recipe.variants)
    ]
    plain = variants[0]
    bank = couples(student, CaptionEncoder(tokenizer, student.context_length))
    texts = load_hierarchy().flat
    vectors = TorchEncoder(student, tokenizer).encode_texts(texts)
    true = text_bank_of(texts, vectors)
    mixed = [shuffled(true, seed) for seed in range(SHUFFLES)]
    scores: dict[str, NDArray[np.float64]] = {
        name: np.zeros(len(plain)) for name in ("score", "without look")
    }
    scores["shuffled texts (control)"] = np.zeros((len(mixed), len(plain)))
    marked = sorted({p.camera for p in plain if p.anomalous})
    cameras = np.random.default_rng(recipe.seed).permutation(marked)
    for fold in track(range(folds), "folds"):
        unknown = set(cameras[fold::folds].tolist())
        tested = [i for i, picture in enumerate(plain) if picture.camera in unknown]
        known = [p for variant in variants for p in variant if p.camera not in unknown]
        normal = [p for p in plain if p.camera not in unknown and not p.anomalous]
        asked = [plain[i] for i in tested]
        scores["without look"][tested] = _scores(student, true, asked, normal)
        taught = deepcopy(student)
        teach_look(taught, known, bank, recipe)
        scores["score"][tested] = _scores(taught, true, asked, normal)
        for version, bank_of_it in enumerate(mixed):
            found = _scores(taught, bank_of_it, asked, normal)
            scores["shuffled texts (control)"][version, tested] = found
    scores |= _controls(plain)
    chosen = [i for i, picture in enumerate(plain) if picture.camera in marked]
    frames = [LabelledFrame(Path(), plain[i].anomalous, plain[i].camera) for i in chosen]
    rows = frame_figures(frames, {name: values[..., chosen] for name, values in scores.items()})
    (console or Console()).print(frames_table(rows))


@torch.no_grad()
def _drawn_textures(student: Nano) -> Tensor:
    """(M, C) of drawn frames that no step has seen, as the detector's features have them."""
    found = []
    for first in range(DRAWN_SEED, DRAWN_SEED + NUM_DRAWN, BATCH):
        scenes = [make_traffic_scene(first + i) for i in range(BATCH)]
        frames = np.stack([scene.frame for scene in scenes if scene.frame is not None])
        found.append(student.detector_look(torch.from_numpy(frames))[1])
    return torch.cat(found)


def _features_of(bundle: Path | None, features: Path | None) -> Path:
    return features or (bundle or EMBEDDED_BUNDLE) / "detector.onnx"


def _student(run: Path, features: Path) -> tuple[Nano, Tokenizer]:
    student, tokenizer = load_student(run, load_recipe(STUDENT_RECIPE))
    silence_look(student)  # a run that began from a bundle has that of the bundle
    student.detector_look.take_over(restore_detector(features))
    log.info("look_reads", features=str(features))
    return student, tokenizer


def _pictures(student: Nano, bundle: Path | None, variants: int) -> list[list[RealPicture]]:
    """All marked pictures and the normal ones beside them: as they are, then changed by chance."""
    root, footage = data_root(), load_detector_recipe().footage
    marked = read_marked(root / footage.camera_manifest) + [
        Marked(FrameFile(path, path.parent.name), anomalous=False)
        for folder in footage.extra_folders
        for path in sorted((root / folder).rglob("*.jpg"))
    ]
    detector = load_engine(bundle or EMBEDDED_BUNDLE).analyzer.detector
    seeds = [None, *range(1, variants)]
    return [look_at_pictures(marked, detector, student.detector_look, seed) for seed in seeds]


def _scores(
    student: Nano, bank: TextBank, asked: Sequence[RealPicture], normal: Sequence[RealPicture]
) -> NDArray[np.float64]:
    nulls = same_null(bank.leaf_ids, *strongest_null(_evidence(student, bank, normal)))
    rows = standardise(_evidence(student, bank, asked), bank.leaf_ids, bank.leaf_weight, nulls)
    return np.array([paired_score(row) for row in rows])


@torch.no_grad()
def _evidence(
    student: Nano, bank: TextBank, pictures: Sequence[RealPicture]
) -> NDArray[np.float64]:
    """(n, L) of pictures whose scene half is not trusted, as real ones are not."""
    rows = []
    blank = np.zeros(student.half_dim, np.float32)
    for start in range(0, len(pictures), BATCH):
        part = pictures[start : start + BATCH]
        ends = np.cumsum([len(picture.pairs) for picture in part])[:-1]
        relations = np.split(relation_of(student, part).numpy(), ends)
        rows += [
            compare(bank, picture.rois, picture.pairs, blank, relation, 0.0).evidence
            for picture, relation in zip(part, relations, strict=True)
        ]
    return np.stack(rows)


def _controls(pictures: Sequence[RealPicture]) -> dict[str, NDArray[np.float64]]:
    boxes, crowding = [], []
    for picture in pictures:
        seen = [i for i, source in enumerate(picture.rois.source) if source == "detected"]
        closeness = affinity(picture.rois.xyxy[seen]) if len(seen) > 1 else np.zeros((1, 1))
        np.fill_diagonal(closeness, 0.0)
        boxes.append(float(len(seen)))
        crowding.append(float(closeness.max()))
    return {
        "boxes (control)": np.array(boxes),
        "crowding (control)": np.array(crowding),
        "always on (control)": np.ones(len(pictures)),
        "noise (control)": np.random.default_rng(0).random(len(pictures)),
    }
