"""A recipe small enough to train in a second, and a teacher's answer made by hand."""

from pathlib import Path

import pytest
import torch

from model.detector.recipe import DetectorRecipe, load_detector_recipe
from model.detector.teacher import TeacherView

CELLS_64 = 8 * 8 + 4 * 4 + 2 * 2


@pytest.fixture
def tiny_recipe() -> DetectorRecipe:
    recipe = load_detector_recipe()
    return recipe.model_copy(
        update={
            "input_hw": (64, 64),
            "network": recipe.network.model_copy(
                update={"widths": (6, 8, 12, 16), "neck_width": 8}
            ),
            "optimisation": recipe.optimisation.model_copy(
                update={"steps": 40, "batch_size": 2, "warm_up_steps": 2, "bfloat16": False}
            ),
        }
    )


@pytest.fixture
def one_car_view() -> TeacherView:
    """Two 64x64 views, each with one car of 16 pixels in cell 27 of the finest level."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.zeros(2, CELLS_64, 7)
    scores[:, 27, 2] = 0.8
    offsets = torch.zeros(2, CELLS_64, 4)
    offsets[:, 27] = torch.tensor([0.5, 0.5, 0.6931, 0.6931])
    maps = tuple(torch.randn(2, 64, side, side, generator=generator) for side in (8, 4, 2))
    return TeacherView(offsets, scores, maps)


@pytest.fixture
def data_root(real_data: Path) -> Path:
    """With the real teacher in it."""
    teacher = real_data / "weights" / "yolox_nano.onnx"
    if not teacher.is_file():
        pytest.skip(f"needs the real teacher: SACLIP_TEST_DATA has no {teacher}")
    return real_data
