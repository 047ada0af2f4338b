"""The exported graph computes what torch computes, and the service can read it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.detector.checkpoint import DetectorRun
from model.detector.export import (
    DetectorParityError,
    detector_parity,
    detector_spec,
    export_detector,
)
from model.detector.recipe import DetectorRecipe
from service.bundle.manifest import DetectorSpec
from service.bundle.sessions import make_session
from service.vision.detector import Detector

FRAMES = np.random.default_rng(2).integers(0, 255, (2, 360, 640, 3), dtype=np.uint8)


def test_torch_and_onnx_agree_at_two_sizes(tiny_recipe: DetectorRecipe, tmp_path: Path) -> None:
    student = DetectorRun(tiny_recipe).averaged
    export_detector(student, tmp_path / "detector.onnx")

    assert detector_parity(student, tmp_path / "detector.onnx", FRAMES) < 1e-4


def test_a_graph_of_other_weights_is_refused(tiny_recipe: DetectorRecipe, tmp_path: Path) -> None:
    student = DetectorRun(tiny_recipe).averaged
    export_detector(student, tmp_path / "detector.onnx")
    with torch.no_grad():
        student.get_parameter("heads.0.objectness.bias").add_(1.0)

    with pytest.raises(DetectorParityError, match=r"detector\.onnx"):
        detector_parity(student, tmp_path / "detector.onnx", FRAMES)


def test_the_services_detector_reads_the_graph_by_its_spec(
    tiny_recipe: DetectorRecipe, tmp_path: Path
) -> None:
    """A head biased to see a 16-pixel car in every cell of the finest level reports cars."""
    student = DetectorRun(tiny_recipe).averaged
    with torch.no_grad():
        student.get_parameter("heads.0.objectness.bias").fill_(6.0)
        student.get_parameter("heads.0.classes.bias").copy_(
            torch.tensor([-9.0, -9, 9, -9, -9, -9, -9])
        )
        student.get_parameter("heads.0.box.bias").copy_(torch.tensor([0.5, 0.5, 0.6931, 0.6931]))
    export_detector(student, tmp_path / "detector.onnx")
    spec = DetectorSpec.model_validate(detector_spec(0.5))

    rois = Detector(make_session(tmp_path / "detector.onnx", 1), spec).detect(FRAMES[0])

    assert set(rois.class_name) == {"car"}
    width = (rois.xyxy[:, 2] - rois.xyxy[:, 0]) * spec.long_side
    assert np.median(width) == pytest.approx(16.0, abs=0.1)
