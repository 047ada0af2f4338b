"""Training: the loss falls, and a killed run continues as if nothing had happened."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.detector.checkpoint import DetectorRun
from model.detector.recipe import DetectorRecipe
from model.detector.teacher import TeacherView
from model.detector.train import advance, learning_rate, train_step


def _noise(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 255, (count, height, width, 3), dtype=np.uint8)


def test_the_loss_falls_within_a_few_steps(
    tiny_recipe: DetectorRecipe, one_car_view: TeacherView
) -> None:
    run, views = DetectorRun(tiny_recipe), _noise(2, 64, 64)

    losses = [train_step(run, views, lambda _: one_car_view)["total"] for _ in range(30)]

    assert losses[-1] < 0.6 * losses[0]


def test_a_resumed_run_equals_an_uninterrupted_one(
    tiny_recipe: DetectorRecipe, one_car_view: TeacherView, tmp_path: Path
) -> None:
    """Weights, optimiser moments, schedule and the augmentation's chance all come back."""
    frames = _noise(3, 90, 160)
    straight = DetectorRun(tiny_recipe)
    for _ in range(3):
        advance(straight, frames, lambda _: one_car_view)
    straight.save(tmp_path / "checkpoint.pt")

    resumed = DetectorRun.load(tmp_path / "checkpoint.pt")

    for _ in range(3):
        expected = advance(straight, frames, lambda _: one_car_view)
        actual = advance(resumed, frames, lambda _: one_car_view)
        assert actual == pytest.approx(expected, abs=1e-6)
    for ours, theirs in zip(
        resumed.averaged.state_dict().values(), straight.averaged.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_kill_while_saving_leaves_the_last_whole_checkpoint(
    tiny_recipe: DetectorRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = DetectorRun(tiny_recipe)
    run.step = 7
    run.save(tmp_path / "checkpoint.pt")

    def die(state: object, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(KeyboardInterrupt):
        run.save(tmp_path / "checkpoint.pt")

    assert DetectorRun.load(tmp_path / "checkpoint.pt").step == 7


def test_the_learning_rate_warms_up_and_falls_to_zero(tiny_recipe: DetectorRecipe) -> None:
    """Two warm-up steps of 40, peak 0.002: half, full, ..., half in the middle, 0 at the end."""
    how = tiny_recipe.optimisation

    rates = [learning_rate(step, how) for step in (0, 1, 2, 21, 40)]

    assert rates == pytest.approx([0.001, 0.002, 0.002, 0.001, 0.0])
