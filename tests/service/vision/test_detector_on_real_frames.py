"""The detector with a real network on a real frame, against a decoder written apart from it."""

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.manifest import DetectorSpec, load_manifest
from service.bundle.sessions import make_session
from service.vision.detector import Detector
from service.vision.images import decode_image
from service.vision.rois import Rois

DAYLIGHT = "rf_accident/ego/ego_dcoa_intersection/00719_ezgif_frame_141_jpg.jpg"
# COCO-80 indices that matter on a road; the other 73 are called "other" here.
COCO_TRAFFIC = {
    0: "person",
    1: "bicycle",
    2: "car",
    3: "motorcycle",
    5: "bus",
    7: "truck",
    16: "dog",
}


def test_a_real_network_finds_the_cars_of_a_real_frame(real_data: Path) -> None:
    """YOLOX-nano on a daylight junction: the same boxes, to 2 % of their area."""
    path = real_data / "weights" / "yolox_nano.onnx"
    names = tuple(COCO_TRAFFIC.get(i, "other") for i in range(80))
    spec = DetectorSpec(
        layout="yolox",
        classes=names,
        input_hw=(416, 416),
        colour="bgr",
        score_threshold=0.3,
        nms_iou=0.45,
    )
    frame = decode_image((real_data / DAYLIGHT).read_bytes(), max_pixels=10**6)
    session = make_session(path, threads=1)

    found = Detector(session, spec).detect(frame)

    expected = _by_hand(session, frame)
    assert found.class_name.count("car") >= 3
    assert len(found) == len(expected)
    for box, score, name in _listed(found):
        overlaps = [_iou(box, other) for other, other_name in expected if other_name == name]
        assert max(overlaps) > 0.98, f"{name} at {box} with {score:.2f}"


def test_a_car_right_ahead_is_found_in_every_frame(real_data: Path) -> None:
    """It fills a third of the view: one look misses it now and then, and calls it a truck."""
    manifest = load_manifest(EMBEDDED_BUNDLE)
    session = make_session(EMBEDDED_BUNDLE / manifest.detector.file, threads=1)
    clip = cv2.VideoCapture(str(real_data / "ego_clips" / "ccd_000007_snow.mp4"))
    frames = []
    while (read := clip.read())[0]:
        frames.append(np.ascontiguousarray(read[1][..., ::-1], np.uint8))

    cars = {}
    for near in (None, manifest.detector.near_long_side):
        spec = manifest.detector.model_copy(update={"near_long_side": near})
        found = [Detector(session, spec).detect(frame) for frame in frames]
        wide = [rois.chosen(rois.xyxy[:, 2] - rois.xyxy[:, 0] > 0.2) for rois in found]
        cars[near] = sum("car" in rois.class_name for rois in wide)

    assert len(frames) == 50
    assert cars[manifest.detector.near_long_side] == 50
    assert cars[None] < 25


def _listed(rois: Rois) -> list[tuple[list[float], float, str]]:
    return list(zip(rois.xyxy.tolist(), rois.confidence.tolist(), rois.class_name, strict=True))


def _by_hand(session: Any, frame: NDArray[np.uint8]) -> list[tuple[list[float], str]]:
    """YOLOX as its paper tells it: one cell after the other, in plain Python."""
    height, width = frame.shape[:2]
    ratio = 416 / width
    canvas = np.full((416, 416, 3), 114, np.uint8)
    rows = round(height * ratio)
    canvas[:rows] = cv2.resize(frame, (416, rows), interpolation=cv2.INTER_AREA)
    pixels = canvas[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None]
    output = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(pixels)})[0][0]
    found: list[tuple[float, list[float], str]] = []
    row = 0
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                dx, dy, dw, dh, objectness, *classes = output[row].tolist()
                row += 1
                best = max(range(80), key=classes.__getitem__)
                if objectness * classes[best] < 0.3:
                    continue
                cx, cy = (x + dx) * stride / ratio, (y + dy) * stride / ratio
                w, h = math.exp(dw) * stride / ratio, math.exp(dh) * stride / ratio
                corners = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                sides = [width, height, width, height]
                box = [min(1.0, max(0.0, c / s)) for c, s in zip(corners, sides, strict=True)]
                name = COCO_TRAFFIC.get(best, "other")
                found.append((objectness * classes[best], box, f"{name}/{best}"))
    kept: list[tuple[list[float], str]] = []
    for _, box, label in sorted(found, reverse=True):
        if all(_iou(box, other) <= 0.45 for other, taken in kept if taken == label):
            kept.append((box, label))
    return [(box, label.split("/")[0]) for box, label in kept]


def _iou(first: list[float], second: list[float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)
