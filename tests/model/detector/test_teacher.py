"""The real teacher: its rows lie on the student's grid."""

from pathlib import Path

import cv2
import numpy as np
import torch

from model.detector.augment import letterbox
from model.detector.network import decode_boxes, grid_cells
from model.detector.teacher import Teacher


def test_teacher_rows_and_maps_lie_on_the_students_grid(data_root: Path) -> None:
    """A mirrored frame gives mirrored boxes only when the cells are read in the right order."""
    teacher = Teacher(data_root / "weights" / "yolox_nano.onnx")
    path = next((data_root / "rf_accident" / "cctv" / "cctv_20").glob("*.jpg"))
    pixels = cv2.imread(str(path))
    assert pixels is not None
    resized = np.asarray(cv2.resize(pixels, (640, 394)), dtype=np.uint8)
    frame = letterbox(resized, (256, 416))

    view = teacher.view(np.stack([frame, frame[:, ::-1]]))

    corners, strides = grid_cells(256, 416)
    assert view.scores.shape == (2, len(corners), 7)
    assert [tuple(x.shape[1:]) for x in view.maps] == [(64, 32, 52), (64, 16, 26), (64, 8, 13)]
    boxes = decode_boxes(view.offsets, corners, strides)
    best = view.scores.amax(-1).argmax(dim=1)
    seen, mirrored = boxes[0, best[0]], boxes[1, best[1]]
    expected = torch.stack([416 - seen[2], seen[1], 416 - seen[0], seen[3]])
    assert view.scores[0, best[0], 2] > 0.5  # a car, close to the camera
    assert (mirrored - expected).abs().max() < 25.0
