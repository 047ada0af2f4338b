"""Compare ``detector.onnx`` with its teacher on cameras and clips it never trained on.

Both run through the service's own ``Detector``, so decoding and suppression are the shipped ones.
The threshold is chosen on training cameras. Ego clips and photos serve this comparison only; photos
show the classes that the cameras do not.

Dimension letters used in this file: N boxes.
"""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray

from model.detector.agreement import DOUBT, Pairing, agreement, best_threshold, pair_boxes
from model.detector.classes import CLASSES, COCO_MEMBERS
from model.detector.export import NMS_IOU, detector_spec
from model.detector.footage import FrameFile, data_root, read_frame, split_by_camera
from model.detector.recipe import SHIPPED_RECIPE, load_detector_recipe
from service.bundle.manifest import DetectorSpec
from service.bundle.sessions import make_session
from service.vision.clips import ClipReader
from service.vision.detector import Detector
from service.vision.rois import Rois

NUM_COCO = 80
THRESHOLDS = tuple(round(0.2 + 0.02 * i, 2) for i in range(21))
EVERY_TRAIN_FRAME = 3  # thresholds need fewer frames than there are near copies
# The README of the data, and its pictures: these clips share footage with what trains.
SEEN_CLIPS = (
    "dcoa_redcar_tbone",
    "dcoa_intersection_tbone",
    "normal_udacity_highway",
    "cctv_kb7_accident3",
    "cctv_kb7_accident4",
)
TIMING_ROUNDS = 40

log = structlog.get_logger()


def student_spec(threshold: float) -> DetectorSpec:
    """The shipped spec with a threshold."""
    return DetectorSpec.model_validate(detector_spec(threshold))


def teacher_spec() -> DetectorSpec:
    """The teacher as the service would read it, its classes renamed to our groups."""
    names = ["other"] * NUM_COCO
    for name, members in zip(CLASSES, COCO_MEMBERS, strict=True):
        for member in members:
            names[member] = name
    return DetectorSpec(
        layout="yolox",
        classes=tuple(names),
        input_hw=(416, 416),
        colour="bgr",
        score_threshold=DOUBT,
        nms_iou=NMS_IOU,
    )


def taught_by(
    teacher: Detector, frames: Iterable[NDArray[np.uint8]]
) -> Iterator[tuple[NDArray[np.uint8], Rois]]:
    """(H, W, 3) uint8 RGB frames with the teacher's boxes."""
    return ((frame, teacher.detect(frame)) for frame in frames)


def compare(student: Detector, taught: Iterable[tuple[NDArray[np.uint8], Rois]]) -> list[Pairing]:
    """Run the student on the teacher's frames and match their boxes."""
    return [pair_boxes(student.detect(frame), boxes, frame.shape[:2]) for frame, boxes in taught]


def still_frames(files: Iterable[FrameFile]) -> Iterable[NDArray[np.uint8]]:
    """Read frames as RGB, one at a time."""
    for file in files:
        yield np.ascontiguousarray(read_frame(file)[..., ::-1])


def clip_frames(folder: Path, fps: float = 1.0) -> Iterable[NDArray[np.uint8]]:
    """About one frame a second of every clip that shares no footage with the training."""
    for path in sorted(folder.glob("*.mp4")):
        if path.stem not in SEEN_CLIPS:
            with ClipReader(path, fps, max_pixels=1 << 23, max_seconds=600) as clip:
                for sample in clip:
                    yield sample.frame


def photos(folder: Path) -> Iterable[NDArray[np.uint8]]:
    """Photos of anything: they show what no traffic footage at hand does."""
    return still_frames(FrameFile(path, folder.name) for path in sorted(folder.glob("*.jpg")))


def frame_time_ms(detectors: dict[str, Detector], frame: NDArray[np.uint8]) -> dict[str, float]:
    """Median milliseconds of ``detect``, taken in turns so that other load hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in detectors}
    for _ in range(TIMING_ROUNDS):
        for name, detector in detectors.items():
            started = time.perf_counter()
            detector.detect(frame)
            times[name].append(1e3 * (time.perf_counter() - started))
    return {name: round(float(np.median(values[3:])), 2) for name, values in times.items()}


def evaluate_detector(
    path: Path, recipe: Path = SHIPPED_RECIPE, out: Path | None = None
) -> dict[str, Any]:
    """Measure an exported detector against its teacher and write the card's figures to ``out``."""
    cv2.setNumThreads(1)
    root = data_root()
    plan = load_detector_recipe(recipe)
    split = split_by_camera(root, plan.footage)
    teacher_path = root / plan.teacher
    session = make_session(path, 1)
    teacher = Detector(make_session(teacher_path, 1), teacher_spec())
    train = list(taught_by(teacher, still_frames(split.train[::EVERY_TRAIN_FRAME])))

    # Run anew for each candidate: what a threshold drops has no part in the mean of two looks.
    def at(threshold: float) -> list[Pairing]:
        return compare(Detector(session, student_spec(threshold)), train)

    threshold = best_threshold(at, THRESHOLDS)
    student = Detector(session, student_spec(threshold))
    held_out = compare(student, taught_by(teacher, still_frames(split.held_out)))
    clips = compare(student, taught_by(teacher, clip_frames(root / "ego_clips")))
    seen = compare(student, taught_by(teacher, photos(root / "flickr8k" / "images")))
    card: dict[str, Any] = {
        "score_threshold": threshold,
        "reference": "YOLOX-nano at 416, boxes of confidence 0.5 and more; not human labels",
        "held_out_cameras": {"cameras": plan.footage.held_out, **agreement(held_out, threshold)},
        "unseen_ego_clips": agreement(clips, threshold),
        "unseen_photos": agreement(seen, threshold),
        "train_cameras": agreement(compare(student, train), threshold),
        "ms_per_frame": _timings(path, teacher_path, next(iter(still_frames(split.held_out)))),
    }
    if out is not None:
        out.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    log.info("detector_evaluated", threshold=threshold, **card["held_out_cameras"]["all"])
    return card


def _timings(path: Path, teacher_path: Path, frame: NDArray[np.uint8]) -> dict[str, Any]:
    """Student and teacher at one and two threads, and the student's share of the teacher's time."""
    figures: dict[str, Any] = {}
    for threads in (1, 2):
        detectors = {
            "student": Detector(make_session(path, threads), student_spec(0.4)),
            "teacher": Detector(make_session(teacher_path, threads), teacher_spec()),
        }
        times = frame_time_ms(detectors, frame)
        ratio = round(times["student"] / times["teacher"], 3)
        figures[f"{threads}_threads"] = {**times, "ratio": ratio}
    return figures
