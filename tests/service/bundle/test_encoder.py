"""The image encoder: every legal size passes, every illegal input is refused before the graph."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.bundle.encoder import ImageEncoder
from service.bundle.sessions import make_session
from tests.builders.tiny_graphs import HALF_DIM


@pytest.fixture(scope="module")
def encoder(tiny_bundle_dir: Path) -> ImageEncoder:
    return ImageEncoder(make_session(tiny_bundle_dir / "image_encoder.onnx", threads=1))


def _inputs(num_frames: int, num_rois: int, num_pairs: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    corners = np.sort(rng.random((num_rois, 2, 2)), axis=1).reshape(-1, 4)
    index = rng.integers(num_frames, size=(num_rois, 1))
    pairs = np.stack(
        [
            rng.integers(max(1, num_rois), size=num_pairs),
            rng.integers(-1, max(1, num_rois), size=num_pairs),
        ],
        axis=1,
    )
    return {
        "frames": rng.integers(0, 256, (num_frames, 90, 160, 3), np.uint8),
        "rois": np.concatenate([index, corners], axis=1).astype(np.float32),
        "roi_classes": rng.integers(0, 12, num_rois),
        "pairs": pairs,
    }


@pytest.mark.parametrize(
    ("num_frames", "num_rois", "num_pairs"),
    [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 3, 6), (8, 24, 64)],
)
def test_every_size_gives_unit_vectors(
    encoder: ImageEncoder, num_frames: int, num_rois: int, num_pairs: int
) -> None:
    """B = 8 frames, K = 0 pairs and even R = 0 ROIs."""
    found = encoder.encode(**_inputs(num_frames, num_rois, num_pairs))

    assert found.scene.shape == (num_frames, HALF_DIM)
    assert found.relation.shape == (num_pairs, HALF_DIM)
    assert found.scene_gate.shape == (num_frames,)
    np.testing.assert_allclose(np.linalg.norm(found.scene, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.relation, axis=1), 1, atol=1e-5)


class _Graph:
    """A graph of which only the width of its motion is asked, and what it is fed."""

    def __init__(self, width: int | str) -> None:
        self.width, self.fed = width, np.zeros(0)

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="motion", type="tensor(float)", shape=["K", self.width])]

    def get_outputs(self) -> list[Any]:
        return []

    def get_providers(self) -> list[str]:
        return []

    def run(self, output_names: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        self.fed = feeds["motion"]
        return [np.zeros((1, 2)), np.zeros((1, 2)), np.zeros(1)]


@pytest.mark.parametrize(("width", "fed"), [(24, 24), (25, 25), ("M", 25)])
def test_graphs_that_know_nothing_of_watching_are_told_the_rest(width: int | str, fed: int) -> None:
    """Bundles from before the 25th number still run."""
    graph = _Graph(width)
    motion = np.linspace(0, 1, 25, dtype=np.float32)[None]

    ImageEncoder(graph).encode(**_inputs(1, 2, 1), motion=motion)

    assert graph.fed.tolist() == motion[:, :fed].tolist()


def test_a_graph_of_other_motion_is_refused() -> None:
    """Wrong columns would go unnoticed."""
    with pytest.raises(ValueError, match="motion has 8 numbers, expected 25 or one less"):
        ImageEncoder(_Graph(8))


def test_who_does_it_and_who_suffers_it_are_told_apart(encoder: ImageEncoder) -> None:
    """Swapped roles and a missing object give other relations; swapped frames other scenes."""
    inputs = {**_inputs(2, 2, 0), "pairs": np.array([[0, 1], [1, 0], [0, -1]])}
    first = encoder.encode(**inputs)
    swapped = encoder.encode(**{**inputs, "frames": inputs["frames"][::-1].copy()})

    similarity = first.relation @ first.relation.T
    assert (similarity[np.triu_indices(3, k=1)] < 0.99).all()
    np.testing.assert_allclose(swapped.scene, first.scene[::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((1, 4, 4, 3), np.float32)}, r"frames must be \(B, H, W, 3\) uint8"),
        ({"frames": np.zeros((4, 4, 3), np.uint8)}, "frames must be"),
        ({"frames": np.zeros((0, 4, 4, 3), np.uint8)}, "frames must be"),
        ({"rois": np.zeros((2, 4), np.float32)}, r"rois must be \(R, 5\) float32"),
        ({"roi_classes": np.zeros(3, np.int64)}, r"roi_classes must be \(2,\) int64"),
        ({"roi_classes": np.array([0, 12])}, r"class in roi_classes must lie in \[0, 12\), got 12"),
        ({"pairs": np.zeros((1, 3), np.int64)}, r"pairs must be \(K, 2\) int64"),
        ({"pairs": np.array([[0, 2]])}, r"object in pairs must lie in \[-1, 2\), got 2"),
        ({"pairs": np.array([[-1, 0]])}, r"subject in pairs must lie in \[0, 2\), got -1"),
        ({"rois": np.full((2, 5), 1.5, np.float32)}, "frame index in rois must lie in"),
        ({"rois": np.array([[0, 0, 0, 2, 1]] * 2, np.float32)}, "box corner in rois must lie in"),
        ({"rois": np.array([[0, 0, 0, np.nan, 1]] * 2, np.float32)}, "box corner in rois"),
    ],
)
def test_what_the_graph_would_answer_wrongly_is_refused(
    encoder: ImageEncoder, changes: dict[str, Any], message: str
) -> None:
    """A Gather wraps negative rows and reads on in silence."""
    with pytest.raises(ValueError, match=message):
        encoder.encode(**{**_inputs(1, 2, 1), **changes})
