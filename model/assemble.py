"""Runs to a bundle: export, prove, measure, calibrate, and write down what came out."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from knowledge.hierarchy import load_hierarchy
from model.calibrate import calibrate
from model.card import DETECTOR_SETS, write_card
from model.checkpoint import git_commit
from model.detector.evaluate import evaluate_detector
from model.detector.export import detector_parity, detector_spec, export_checkpoint
from model.detector.footage import (
    FRAME_WH,
    FrameFile,
    FrameSplit,
    data_root,
    read_frames,
    split_by_camera,
)
from model.detector.recipe import load_detector_recipe
from model.detector.restore import restore_detector
from model.errors import ModelError
from model.evaluate.clips import normal_footage
from model.evaluate.texts import compare_texts
from model.export import (
    copy_into,
    export_image_encoder,
    export_text_encoder,
    image_parity,
    text_parity,
    write_manifest,
)
from model.provenance import REMARKS, SOURCES
from model.recipe import NanoRecipe
from model.towers.nano import Nano
from model.train import load_student
from service.bundle.encoder import MOTION_WIDTH
from service.pipeline.engine import Engine, load_engine
from service.scoring.calibration import Calibration, neutral_calibration
from service.vision.rois import form_pairs, with_pseudo_rois

NUM_PARITY_FRAMES = 8
NUM_NULL_PICTURES = 400
NULL_SEED = 0
DEVELOPMENT_CLIPS = ("ego_clips", "cctv_clips")
log = structlog.get_logger()


def assemble_bundle(out: Path, recipe: NanoRecipe, run: Path, detector: Path) -> None:
    """Write a complete bundle.

    Args:
        out: Bundle folder; files of an older bundle are replaced.
        recipe: The student's recipe.
        run: The student's run.
        detector: Folder of the detector's run, or of a bundle whose detector is kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    student, tokenizer = load_student(run, recipe)
    plan = load_detector_recipe()
    split = split_by_camera(data_root(), plan.footage)
    frames = _parity_frames(split)
    copy_into(out, [run / "tokenizer.json"])
    export_image_encoder(student, out / "image_encoder.onnx", with_motion=True)
    export_text_encoder(student, out / "text_encoder.onnx", any_length=True)
    taken = _take_detector(detector, out / "detector.onnx", frames)
    parity = {"detector": taken.difference}
    fields = _fields(student, recipe.name, taken.score_threshold)
    _write(out, neutral_calibration(), {**fields, "parity": parity, "evaluation": {}})
    engine = load_engine(out)
    parity |= _parity(engine, student, out, np.ascontiguousarray(frames[..., ::-1]))
    texts = compare_texts(student, tokenizer, load_hierarchy())
    evaluation: dict[str, Any] = {
        "detector": taken.figures,
        "texts": [figures.as_dict() for figures in texts],
    }
    _calibrated(out, engine, split, fields | {"parity": parity, "evaluation": evaluation})


def recalibrate_bundle(
    bundle: Path, footage: Sequence[Path] = (), detector: Path | None = None
) -> None:
    """Fit the calibration of a finished bundle again; its encoders stay as they are.

    Args:
        bundle: From `assemble_bundle`; calibration, manifest and card are replaced.
        footage: Folders of labelled clips whose normal parts set the alarm's threshold; the
            development clips when left out.
        detector: As in `assemble_bundle`, to put another detector in; the bundle's stays if left
            out.

    Raises:
        ModelError: The bundle comes from elsewhere, a CLIP tower's say, or a folder has no clips.
    """
    for folder in footage:
        if not (folder / "clips.jsonl").is_file():
            raise ModelError(
                f"{folder} has no clips.jsonl: the clips of normal traffic, one a line"
            )
    fields = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    del fields["files"]
    if "texts" not in fields.get("evaluation", {}):
        raise ModelError(f"{bundle} was not exported from a run of the student: no figures of it")
    split = split_by_camera(data_root(), load_detector_recipe().footage)
    fields["git_commit"] = git_commit()
    if detector is not None:
        taken = _take_detector(detector, bundle / "detector.onnx", _parity_frames(split))
        fields["detector"] = detector_spec(taken.score_threshold)
        fields["training_sources"] = list(SOURCES)
        fields["parity"]["detector"] = taken.difference
        fields["evaluation"]["detector"] = taken.figures
        write_manifest(bundle, fields)  # the sums of the files, which loading checks
    _calibrated(bundle, load_engine(bundle), split, fields, footage)


def _calibrated(
    out: Path,
    engine: Engine,
    split: FrameSplit,
    fields: dict[str, Any],
    footage: Sequence[Path] = (),
) -> None:
    """Fit the calibration, and write it down with the false alarms that it costs."""
    folders = footage or [data_root() / name for name in DEVELOPMENT_CLIPS]
    calibration = calibrate(
        engine,
        normal_pictures(split.train, NUM_NULL_PICTURES),
        lambda ready: normal_footage(ready, folders),
    )
    fields["evaluation"] |= {
        "false_alarms_stills": calibration.stills.false_alarm.model_dump(),
        "false_alarms_clips": calibration.clips.false_alarm.model_dump(),
    }
    write_card(out, fields, REMARKS)
    _write(out, calibration, fields)


def _parity_frames(split: FrameSplit) -> NDArray[np.uint8]:
    """(N, H, W, 3) uint8 BGR of cameras not trained on."""
    return read_frames(split.held_out[:: len(split.held_out) // NUM_PARITY_FRAMES])


class _Detector(NamedTuple):
    """What is known of a detector: torch and graph apart, threshold, agreement with its teacher."""

    difference: float
    score_threshold: float
    figures: dict[str, Any]


def _take_detector(source: Path, graph: Path, frames: NDArray[np.uint8]) -> _Detector:
    """Put a detector in its place, from its run or from a bundle that has it."""
    manifest = source / "manifest.json"
    if not manifest.is_file():
        difference = export_checkpoint(source / "checkpoint.pt", graph, frames)
        card = evaluate_detector(graph, out=source / "card.json")
        figures = {name: card[name] for name in DETECTOR_SETS}
        return _Detector(difference, card["score_threshold"], figures)
    known = json.loads(manifest.read_text(encoding="utf-8"))
    kept = (source / graph.name).read_bytes()
    graph.write_bytes(kept)
    difference = detector_parity(restore_detector(graph), graph, frames)
    threshold, figures = known["detector"]["score_threshold"], known["evaluation"]["detector"]
    if known["detector"] != detector_spec(threshold):  # measured as it looked then
        card = evaluate_detector(graph)
        threshold = card["score_threshold"]
        figures = {name: card[name] for name in DETECTOR_SETS}
    return _Detector(difference, threshold, figures)


def _fields(student: Nano, name: str, score_threshold: float) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "git_commit": git_commit(),
        "half_dim": student.half_dim,
        "image_input": {"max": FRAME_WH[0]},  # what the look has learned from
        "text": {"context_length": student.context_length, "pad_id": 0, "lowercase": True},
        "precisions": ["fp32"],
        "detector": detector_spec(score_threshold),
        "class_groups": list(CLASS_GROUPS),
        "training_sources": list(SOURCES),
        "gpu": "not measured",
    }


def _write(out: Path, calibration: Calibration, fields: dict[str, Any]) -> None:
    (out / "calibration.json").write_text(
        calibration.model_dump_json(indent=1) + "\n", encoding="utf-8"
    )
    write_manifest(out, fields)


def parity_inputs(engine: Engine, frames: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Inputs of the image encoder on the crops that the service itself would take of frames.

    Args:
        engine: Its detector finds the ROIs.
        frames: (N, H, W, 3) uint8 RGB.
    """
    rows, classes, pairs, first = [], [], [], 0
    for index, frame in enumerate(frames):
        rois = with_pseudo_rois(engine.analyzer.detector.detect(frame))
        chosen = form_pairs(rois)
        rows.append(np.column_stack([np.full(len(rois), index), rois.xyxy]).astype(np.float32))
        classes.append(rois.class_group)
        pairs.append(np.where(chosen >= 0, chosen + first, -1))
        first += len(rois)
    return {
        "frames": frames,
        "rois": np.concatenate(rows),
        "roi_classes": np.concatenate(classes),
        "pairs": np.concatenate(pairs),
    }


def _with_motion(inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same with any motion there can be."""
    size = len(inputs["pairs"]), MOTION_WIDTH
    motion = np.random.default_rng(0).uniform(-1, 1, size).astype(np.float32)
    return {**inputs, "motion": motion}


def _parity(
    engine: Engine, student: Nano, out: Path, frames: NDArray[np.uint8]
) -> dict[str, float]:
    """Both graphs against torch."""
    tokens, spans = engine.bundle.text_encoder.tokenise(engine.hierarchy.flat)
    inputs = _with_motion(parity_inputs(engine, frames))
    image = image_parity(student, out / "image_encoder.onnx", inputs)
    text = text_parity(student, out / "text_encoder.onnx", {"tokens": tokens, "spans": spans})
    return image | text


def normal_pictures(files: tuple[FrameFile, ...], count: int) -> list[Path]:
    """At most ``count`` frames without an accident, in a fixed draw.

    Args:
        files: Frames of the cameras that train; the others stay for evaluation.
        count: How many.
    """
    accidents = _accident_files()
    normal = [file.path for file in files if file.path not in accidents]
    chosen = np.random.default_rng(NULL_SEED).permutation(len(normal))[:count]
    return [normal[int(i)] for i in sorted(chosen)]


def _accident_files() -> set[Path]:
    manifest = data_root() / "rf_accident" / "manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as stream:
        return {
            manifest.parent / r["file"] for r in csv.DictReader(stream) if r["label"] != "normal"
        }
