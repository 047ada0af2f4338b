"""A tiny tower over a few generated layouts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.contrastive.recipe import ContrastiveRecipe
from tests.builders.layout_captions import write_layouts

TINY = Path(__file__).parents[3] / "model" / "recipes" / "tiny_clip.json"
MakeRecipe = Callable[..., ContrastiveRecipe]


@pytest.fixture(scope="session")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return write_layouts(tmp_path_factory.mktemp("layouts"), 24)


@pytest.fixture
def make_recipe(layouts: tuple[Path, Path, Path]) -> MakeRecipe:
    """A recipe over them; keyword arguments change its optimiser."""
    images, triplets, rois = layouts

    def make(loss: dict[str, Any] | None = None, **optim: Any) -> ContrastiveRecipe:
        steps = {"steps": 6, "warmup_steps": 2, "batch_size": 8, "micro_batch": 16}
        return ContrastiveRecipe.model_validate(
            {
                "name": "tiny",
                "tower": {"model_name": str(TINY)},
                "data": {"images": images, "triplets": triplets, "rois": rois},
                "loss": loss or {},
                "optim": {**steps, "precision": "fp32", **optim},
                "checkpoint_every": 2,
                "threads": 1,
            }
        )

    return make
