"""Storing in 8 bits loses nothing, and touches only what lies on a grid."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.eight_bits import store_in_eight_bits
from model.unfold import constants, nameless
from service.bundle.sessions import make_session

ROWS, WIDTH = 300, 200
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # as `model.export` does


class _Net(nn.Module):
    """A table of words, a product on a grid, and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.table = nn.Embedding(ROWS, WIDTH)
        self.gridded = nn.Linear(WIDTH, WIDTH)
        self.free = nn.Linear(WIDTH, WIDTH)
        with torch.no_grad():
            self.table.weight.copy_(_on_grid(rng, ROWS))
            self.gridded.weight.copy_(_on_grid(rng, WIDTH))
            self.gridded.weight[3] = 0.0  # a row of nothing has no reach

    def forward(self, tokens: Tensor) -> Tensor:
        """(T, C) to (T, C, W)."""
        found: Tensor = self.free(self.gridded(self.table(tokens)))
        return found


def _on_grid(rng: np.random.Generator, rows: int) -> Tensor:
    whole = rng.integers(-126, 127, (rows, WIDTH))
    whole[:, 7] = 127
    steps = rng.uniform(0.001, 0.2, (rows, 1))
    return torch.from_numpy((whole * steps).astype(np.float32))


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        _Net().eval(), (torch.zeros(2, 5, dtype=torch.int64),), str(path), dynamo=False,
        input_names=["tokens"], output_names=["out"],
        dynamic_axes={"tokens": {0: "T", 1: "C"}, "out": {0: "T", 1: "C"}},
    )  # fmt: skip
    return path


def _run(path: Path) -> NDArray[np.float32]:
    tokens = np.random.default_rng(1).integers(0, ROWS, (4, 6))
    found: NDArray[np.float32] = make_session(path, threads=1).run(["out"], {"tokens": tokens})[0]
    return found


def test_the_graph_computes_what_it_computed_with_fewer_bytes(plain: Path) -> None:
    """Rounding of 32-bit sums apart: a factor of a sum is multiplied before or after."""
    before, bytes_before = _run(plain), plain.stat().st_size

    assert store_in_eight_bits(plain) == 2

    onnx.checker.check_model(onnx.load(plain), full_check=True)
    assert np.abs(_run(plain) - before).max() < 1e-5 * np.abs(before).max()
    assert plain.stat().st_size < 0.55 * bytes_before  # 60 + 40 KB of 8 bits, 160 KB of 32


def test_what_is_read_back_is_what_was_stored(plain: Path) -> None:
    """By the names and in the order in which an export of 32 bits has them."""
    before = constants(plain)
    store_in_eight_bits(plain)
    after = constants(plain)

    assert list(after) == list(before)
    for name, value in before.items():
        assert torch.allclose(after[name], value, rtol=1e-6, atol=0), name
    assert len(nameless(after, "MatMul")) == 2


def test_a_graph_without_such_weights_stays_as_it_is(plain: Path) -> None:
    """The second time all is stored already."""
    store_in_eight_bits(plain)
    content = plain.read_bytes()

    assert store_in_eight_bits(plain) == 0
    assert onnx.load_from_string(content) == onnx.load(plain)
