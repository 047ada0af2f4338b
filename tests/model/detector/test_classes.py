"""COCO-80 to seven classes, on rows written by hand."""

import torch

from model.detector.classes import CLASSES, COCO_MEMBERS, group_scores

DOG, HORSE, BIRD, TRAIN, CAR = 16, 17, 14, 6, 2


def test_the_best_member_speaks_for_its_group() -> None:
    """A dog at 0.3 and a horse at 0.6 are an animal at 0.6; the car keeps its own score."""
    coco = torch.zeros(1, 1, 80)
    coco[0, 0, [DOG, HORSE, CAR]] = torch.tensor([0.3, 0.6, 0.9])

    ours = group_scores(coco)[0, 0]

    expected = {"car": 0.9, "animal": 0.6}
    torch.testing.assert_close(ours, torch.tensor([expected.get(name, 0.0) for name in CLASSES]))


def test_birds_and_trains_belong_to_no_class() -> None:
    coco = torch.zeros(1, 1, 80)
    coco[0, 0, [BIRD, TRAIN]] = 1.0

    assert group_scores(coco).sum() == 0.0


def test_no_coco_class_counts_twice() -> None:
    members = [member for group in COCO_MEMBERS for member in group]

    assert len(members) == len(set(members)) == 15
    assert len(COCO_MEMBERS) == len(CLASSES)
