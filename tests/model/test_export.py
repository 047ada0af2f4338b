"""The student's graphs compute what torch computes, for every size the service may send."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.export import (
    ExportError,
    export_image_encoder,
    export_text_encoder,
    image_parity,
    text_parity,
)
from model.towers.nano import Nano
from service.bundle.encoder import MOTION_WIDTH


@pytest.fixture(scope="module")
def student() -> Nano:
    torch.manual_seed(0)
    student = Nano(vocab_size=120)
    student.scene_gate.fit(torch.randn(400, student.trunk.texture_features))
    return student.eval()


@pytest.mark.parametrize(
    ("num_frames", "num_rois", "num_pairs", "height", "width"),
    [(1, 3, 2, 360, 640), (8, 20, 30, 180, 320), (2, 5, 0, 720, 1280), (1, 1, 1, 17, 31)],
)
def test_the_image_graph_equals_torch(
    student: Nano,
    tmp_path: Path,
    num_frames: int,
    num_rois: int,
    num_pairs: int,
    height: int,
    width: int,
) -> None:
    """One export serves all: B, R, K, H and W are free."""
    rng = np.random.default_rng(num_rois)
    low = rng.random((num_rois, 2)) * 0.6
    boxes = np.concatenate([low, low + 0.05 + rng.random((num_rois, 2)) * 0.3], axis=1)
    inputs = {
        "frames": rng.integers(0, 256, (num_frames, height, width, 3), np.uint8),
        "rois": np.column_stack([rng.integers(0, num_frames, num_rois), boxes]).astype(np.float32),
        "roi_classes": rng.integers(0, 12, num_rois),
        "pairs": np.stack(
            [rng.integers(0, num_rois, num_pairs), rng.integers(-1, num_rois, num_pairs)], axis=1
        ).astype(np.int64),
        "motion": rng.uniform(-1, 1, (num_pairs, MOTION_WIDTH)).astype(np.float32),
    }
    path = tmp_path / "image_encoder.onnx"
    export_image_encoder(student, path, with_motion=True)

    found = image_parity(student, path, inputs)

    assert max(found["scene"], found["relation"]) < 1e-4


def test_the_text_graph_equals_torch(student: Nano, tmp_path: Path) -> None:
    """Five texts of several lengths."""
    tokens = np.zeros((5, 32), np.int64)
    for row in range(5):
        tokens[row, : 4 + row] = np.arange(2, 6 + row)
    spans = np.zeros((5, 3, 32), np.float32)
    spans[:, 0, 0] = spans[:, 1, 1] = spans[:, 2, 3] = 1.0
    path = tmp_path / "text_encoder.onnx"
    export_text_encoder(student, path)

    found = text_parity(student, path, {"tokens": tokens, "spans": spans})

    assert max(found.values()) < 1e-5


def test_a_graph_of_other_weights_is_refused(student: Nano, tmp_path: Path) -> None:
    """The check can fail: a graph exported from another student is not this one."""
    torch.manual_seed(1)
    path = tmp_path / "text_encoder.onnx"
    export_text_encoder(Nano(vocab_size=120), path)
    tokens = np.ones((1, 32), np.int64)
    spans = np.full((1, 3, 32), 1 / 32, np.float32)

    with pytest.raises(ExportError, match=r"text_encoder\.onnx: pooled"):
        text_parity(student, path, {"tokens": tokens, "spans": spans})
