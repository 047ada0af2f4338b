"""A bundle's detector comes back into torch and computes what its graph computes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.detector.network import TrafficDetector
from model.detector.restore import measure_norms, restore_detector
from model.errors import ModelError
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.sessions import make_session

GRAPH = EMBEDDED_BUNDLE / "detector.onnx"


def test_the_shipped_detector_computes_the_same_in_torch() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (1, 3, 96, 160)).astype(np.float32)

    (expected,) = make_session(GRAPH, threads=1).run(["rows"], {"images": images})
    with torch.no_grad():
        found = restore_detector(GRAPH)(torch.from_numpy(images)).numpy()

    assert np.abs(found - expected).max() < 1e-4
    assert np.abs(expected).max() > 0.1  # not two times nothing


def test_a_graph_of_another_architecture_is_refused() -> None:
    other = TrafficDetector(widths=(16, 48, 96, 128))

    with pytest.raises(ModelError, match=r"\(24, 3, 7, 7\), not \(16, 3, 7, 7\)"):
        restore_detector(GRAPH, other)


def test_a_graph_of_another_model_is_refused() -> None:
    text = Path(EMBEDDED_BUNDLE / "text_encoder.onnx")

    with pytest.raises(ModelError, match="0 folded convolutions"):
        restore_detector(text)


@pytest.mark.parametrize("place", ["nowhere.onnx", ".", "junk.onnx"])
def test_what_is_no_graph_is_refused_by_name(tmp_path: Path, place: str) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"# not a graph")

    with pytest.raises(ModelError, match="cannot be read as an ONNX graph") as refused:
        restore_detector(tmp_path / place)

    assert str(tmp_path / place) in str(refused.value)


def test_measured_norms_change_nothing_and_let_the_training_go_on() -> None:
    """In training mode the identities would lose every scale; measured ones keep them."""
    images = torch.rand(4, 3, 96, 160, generator=torch.Generator().manual_seed(0)) * 255
    restored, measured = restore_detector(GRAPH), restore_detector(GRAPH)

    measure_norms(measured, images)

    with torch.no_grad():
        expected = restored(images)
        assert (measured(images) - expected).abs().max() < 1e-3
        lost = (restored.train()(images) - expected).abs().mean()
        kept = (measured.train()(images) - expected).abs().mean()
    assert kept < 0.01
    assert lost > 10 * kept
