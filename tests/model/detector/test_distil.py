"""Distillation losses against values worked out by hand."""

import pytest
import torch

from model.detector.distil import (
    distillation_loss,
    generalised_iou,
    map_distance,
    soft_divergence,
)
from model.detector.network import grid_cells
from model.detector.recipe import load_detector_recipe
from model.detector.teacher import TeacherView


def test_generalised_iou_of_two_boxes_side_by_side() -> None:
    """Unit squares one apart: IoU 0, hull 3, union 2, so GIoU = -1/3."""
    giou = generalised_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([2.0, 0, 3, 1]))

    assert giou.item() == pytest.approx(-1 / 3, abs=1e-5)


def test_agreeing_with_a_soft_target_costs_nothing() -> None:
    target = torch.tensor([0.1, 0.5, 0.9])

    assert soft_divergence(target.logit(), target).abs().max() < 1e-6
    assert soft_divergence(torch.zeros(1), torch.ones(1)).item() == pytest.approx(0.6931, abs=1e-4)


def test_map_distance_ignores_gain_and_offset_and_is_two_for_the_opposite() -> None:
    """1 - Pearson correlation: 0 for a x + b with a > 0, 2 for the negative."""
    maps = [torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))]

    assert map_distance([3 * maps[0] + 5], maps).item() == pytest.approx(0.0, abs=1e-4)
    assert map_distance([-maps[0]], maps).item() == pytest.approx(2.0, abs=1e-3)


def test_a_student_that_repeats_the_teacher_has_no_loss(one_car_view: TeacherView) -> None:
    """Objectness equals the best score, classes equal their share of it, offsets are equal."""
    best = one_car_view.scores.amax(-1, keepdim=True)
    shares = (one_car_view.scores / best.clamp(min=1e-6)).clamp(1e-7, 1 - 1e-7)
    rows = torch.cat([one_car_view.offsets, best.clamp(1e-7).logit(), shares.logit()], dim=-1)
    weights = load_detector_recipe().losses

    loss = distillation_loss(rows, one_car_view.maps, one_car_view, grid_cells(64, 64), weights)

    assert loss.total.item() == pytest.approx(0.0, abs=1e-3)


def test_only_cells_that_the_teacher_believes_in_teach_a_box(one_car_view: TeacherView) -> None:
    """Moving the box of an empty cell changes nothing; moving the car's box costs."""
    weights = load_detector_recipe().losses
    rows = torch.zeros(2, one_car_view.scores.shape[1], 12)
    rows[..., :4] = one_car_view.offsets
    elsewhere, at_car = rows.clone(), rows.clone()
    elsewhere[:, 3, 0] += 2.0
    at_car[:, 27, 0] += 2.0

    same, empty, moved = (
        distillation_loss(x, one_car_view.maps, one_car_view, grid_cells(64, 64), weights)
        for x in (rows, elsewhere, at_car)
    )

    assert empty.overlap == same.overlap
    assert moved.overlap > same.overlap
    assert moved.offsets.item() == pytest.approx(1.5)  # smooth L1 of a distance of 2
