"""Training: the loss falls, and a killed run continues as if nothing had happened."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.detector.checkpoint import DetectorRun
from model.detector.export import export_detector
from model.detector.network import to_pixels
from model.detector.recipe import Augmentation, DetectorRecipe, Figures
from model.detector.teacher import TeacherView
from model.detector.train import advance, learning_rate, train_step
from model.figures.figure import draw_figure


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


def test_a_run_begins_with_the_weights_of_an_exported_detector(
    tiny_recipe: DetectorRecipe, tmp_path: Path
) -> None:
    """What a bundle ships is the beginning, of the student and of its average."""
    earlier, later = DetectorRun(tiny_recipe), DetectorRun(tiny_recipe)
    for module in earlier.averaged.modules():  # as after training: no two norms are alike
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias)
    export_detector(earlier.averaged, tmp_path / "detector.onnx")
    views = to_pixels(_noise(1, 64, 64))

    later.begin_with(tmp_path / "detector.onnx", _noise(3, 90, 160))

    with torch.no_grad():
        expected = earlier.averaged(views)
        for network in (later.student.eval(), later.averaged):
            assert (network(views) - expected).abs().max() < 1e-3
    assert expected[..., :4].std() > 0.01


def test_figures_are_laid_into_the_frames_that_the_teacher_labels(
    tiny_recipe: DetectorRecipe, one_car_view: TeacherView
) -> None:
    shown: list[np.ndarray] = []

    def label(views: np.ndarray) -> TeacherView:
        shown.append(views)
        return one_car_view

    figures = Figures(count={"person": 1}, least_score=0.3, share=1.0, most=2, size=(0.4, 0.6))
    only_colours = Augmentation(
        plain=1.0, mosaic=0, scale=(1, 1), mosaic_scale=(1, 1), stretch=1,
        night=0, blur=0, noise=0, jpeg=0, grey=0,
    )  # fmt: skip
    recipe = tiny_recipe.model_copy(update={"figures": figures, "augmentation": only_colours})
    frames = np.full((1, 90, 160, 3), 90, np.uint8)
    bank = [draw_figure("person", np.random.default_rng(1))]
    for laid in ([], bank):
        advance(DetectorRun(recipe), frames, label, np.ones(1), laid)

    without, with_them = ([len(np.unique(view[:36], axis=None)) for view in one] for one in shown)
    assert max(without) <= 3  # one colour, at most another number in each channel
    assert min(with_them) > 20
