"""The shipped recipe is complete, and a typo in a recipe is loud."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from model.cli import app
from model.detector.recipe import SHIPPED_RECIPE, load_detector_recipe
from model.recipe import RecipeError
from model.train_commands import RECIPES


def test_the_shipped_recipe_holds_six_cameras_out() -> None:
    recipe = load_detector_recipe()

    assert len(recipe.footage.held_out) == 6
    assert not set(recipe.footage.held_out) & set(recipe.footage.ignored)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "typo.yaml"
    changed.write_text(SHIPPED_RECIPE.read_text().replace("  mosaic:", "  mosiac:"))

    with pytest.raises(RecipeError, match="mosiac"):
        load_detector_recipe(changed)


def test_a_figure_that_nobody_can_draw_is_refused(tmp_path: Path) -> None:
    """Before a bank is begun."""
    changed = tmp_path / "birds.yaml"
    text = (RECIPES / "detector_figures.yaml").read_text(encoding="utf-8")
    changed.write_text(text.replace("animal: 250", "bird: 250"), encoding="utf-8")

    with pytest.raises(RecipeError, match=r"birds\.yaml: figures\.count\.bird.*'person', 'motorc"):
        load_detector_recipe(changed)


def test_a_run_is_begun_or_resumed_not_both() -> None:
    asked = ["train-detector", "--resume", "--start-from", "service/bundles/nano"]

    answer = CliRunner().invoke(app, asked)

    assert answer.exit_code == 2
    assert "no --resume" in answer.output
