"""The shipped recipe is complete, and a typo in a recipe is loud."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from model.detector.recipe import SHIPPED_RECIPE, load_detector_recipe


def test_the_shipped_recipe_holds_six_cameras_out() -> None:
    recipe = load_detector_recipe()

    assert len(recipe.footage.held_out) == 6
    assert not set(recipe.footage.held_out) & set(recipe.footage.ignored)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "typo.yaml"
    changed.write_text(SHIPPED_RECIPE.read_text().replace("  mosaic:", "  mosiac:"))

    with pytest.raises(ValidationError, match="mosiac"):
        load_detector_recipe(changed)
