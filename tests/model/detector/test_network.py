"""Output layout and grid of the detector network."""

import math

import pytest
import torch

from model.detector.network import TrafficDetector, decode_boxes, grid_cells


@pytest.mark.parametrize(
    ("height", "width", "cells"),
    [
        pytest.param(256, 416, 32 * 52 + 16 * 26 + 8 * 13, id="16:9"),
        pytest.param(320, 416, 40 * 52 + 20 * 26 + 10 * 13, id="4:3"),
    ],
)
def test_every_grid_cell_has_a_row_of_box_objectness_and_classes(
    height: int, width: int, cells: int
) -> None:
    with torch.no_grad():
        rows = TrafficDetector().eval()(torch.full((1, 3, height, width), 114.0))

    assert rows.shape == (1, cells, 5 + 7)
    assert grid_cells(height, width)[0].shape == (cells, 2)
    assert rows[..., 4:].min() >= 0.0
    assert rows[..., 4:].max() <= 1.0


def test_an_untrained_network_expects_about_one_object_in_a_hundred_cells() -> None:
    """Without this prior the first steps only unlearn thousands of false objects."""
    with torch.no_grad():
        rows = TrafficDetector().eval()(torch.full((1, 3, 64, 64), 114.0))

    assert 0.001 < rows[..., 4].mean() < 0.05


def test_rows_run_along_the_width_first_and_from_fine_to_coarse() -> None:
    corners, strides = grid_cells(64, 96)

    assert corners[1].tolist() == [1.0, 0.0]
    assert corners[12].tolist() == [0.0, 1.0]
    assert strides[[0, 96, 120], 0].tolist() == [8.0, 16.0, 32.0]


def test_a_box_is_decoded_from_its_cell_as_worked_out_by_hand() -> None:
    """Cell (2, 1) at stride 8, offsets (0.5, 0.25), size e^ln3 x e^0: centre (20, 10), 24 x 8."""
    offsets = torch.tensor([[0.5, 0.25, math.log(3), 0.0]])

    box = decode_boxes(offsets, torch.tensor([[2.0, 1.0]]), torch.tensor([[8.0]]))

    torch.testing.assert_close(box, torch.tensor([[8.0, 6.0, 32.0, 14.0]]))
