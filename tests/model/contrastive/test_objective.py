"""Positives of Eq. (9) and the sum of the terms, by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.contrastive.objective import Embedded, contrastive_terms, positives_of
from model.contrastive.partners import PartnerIndex
from model.contrastive.recipe import ContrastiveRecipe, Terms
from model.recipe import RecipeError, read_recipe

# Two anchors and their partners: 0 with 2, 1 with 3; 0 and 1 are alike, 0 and 3 say the same.
PARTNER = torch.tensor([2, 3, 0, 1])
LIKENESS = torch.tensor(
    [[1.0, 0.9, 0.2, 0.96], [0.9, 1.0, 0.1, 0.3], [0.2, 0.1, 1.0, 0.0], [0.96, 0.3, 0.0, 1.0]]
)


def rows(mask: torch.Tensor) -> list[list[int]]:
    return [[int(j) for j in row.nonzero()[:, 0]] for row in mask]


def test_three_readings_of_the_positives() -> None:
    """Partner alone; partner and same meaning, the merely alike left out; everybody."""
    partner, none = positives_of(LIKENESS, PARTNER, Terms(positives="partner"))
    multi, ignored = positives_of(LIKENESS, PARTNER, Terms(positives="multi"))
    literal, _ = positives_of(LIKENESS, PARTNER, Terms(positives="literal"))

    assert rows(partner) == [[2], [3], [0], [1]]
    assert not none.any()
    assert rows(multi) == [[0, 2, 3], [1, 3], [0, 2], [0, 1, 3]]
    assert rows(ignored) == [[1], [0], [], []]
    assert literal.all()


def embedded() -> Embedded:
    """Four samples on the axes of a plane; every caption is true, every denial is opposite."""
    axes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    return Embedded(axes, axes, axes, axes, -axes, -axes)


def terms(**loss: Any) -> dict[str, float]:
    found = contrastive_terms(
        embedded(), torch.eye(4), PARTNER, torch.tensor(0.0), Terms(**loss), "per_part"
    )
    return {name: float(value) for name, value in found.items()}


def test_the_paper_s_objective_by_hand() -> None:
    """Cosines are 1 to the partner and 0 to the two others, so each anchor costs ln(1 + 2/e).

    The denial is opposite: 0 - 4 + 0.2 is below 0, and the hinge costs nothing.
    """
    found = terms(objective="paper", positives="partner", temperature=1.0)

    cost = np.log(1 + 2 / np.e)
    assert found["inter_text"] == pytest.approx(cost, abs=1e-6)
    assert found["inter_image"] == pytest.approx(cost, abs=1e-6)
    assert found["triplet"] == 0
    assert found["total"] == pytest.approx(2 * cost, abs=1e-6)


def test_the_image_text_term_by_hand() -> None:
    """Scale 1: own text e, its twin e, two others 1, and the denials 1/e, 1/e, 1, 1.

    To a text: own image e, its twin e, two others 1; texts that deny have no image.
    """
    found = terms(objective="paper+itc", inter=False, triplet=False)

    to_text = np.log((2 * np.e + 2 + 2 / np.e + 2) / np.e)
    to_image = np.log((2 * np.e + 2) / np.e)
    assert found["image_text"] == pytest.approx((to_text + to_image) / 2, abs=1e-6)


def test_a_half_that_is_switched_off_is_not_looked_at() -> None:
    """Without ROI and SVO both relation halves are nothing; the scene halves decide."""
    parts = embedded()
    parts.relation, parts.svo = -parts.relation, torch.randn(4, 2, generator=torch.manual_seed(0))
    loss = Terms(objective="paper", inter=False, use_roi=False, use_svo=False)

    found = contrastive_terms(parts, torch.eye(4), PARTNER, torch.tensor(0.0), loss, "per_part")

    assert float(found["triplet"]) == 0


@pytest.mark.parametrize("off", [{"use_svo": False}, {"use_roi": False}])
def test_the_half_that_stays_meets_both_halves_of_the_other_side(off: dict[str, bool]) -> None:
    """Own pairs: one cosine is 1, the other -1, so the mean is 0; against the denial it is 0 too.

    2 (0 - 0) + 0.2: the hinge costs its margin. With zeros in place of the half the other side's
    half would not be looked at, and the same pair would cost nothing.
    """
    parts = embedded()
    if "use_svo" in off:
        parts.relation = -parts.relation
    else:
        parts.svo, parts.false_svo = -parts.svo, -parts.false_svo
    loss = Terms(objective="paper", inter=False, **off)

    found = contrastive_terms(parts, torch.eye(4), PARTNER, torch.tensor(0.0), loss, "per_part")

    assert float(found["triplet"]) == pytest.approx(0.2, abs=1e-6)


def test_partners_come_from_other_images_and_mean_the_same() -> None:
    """The same words elsewhere; never the same image; None when nobody is like it."""
    wordings = ["a car hits a pole", "a car hits a pole", "a dog eats", "a car hits a pole"]
    index = PartnerIndex(wordings, ["a", "b", "c", "a"], neighbours=20, least_similarity=0.8)
    rng = np.random.default_rng(0)

    assert {index.partner(0, rng) for _ in range(20)} == {1}
    assert {index.partner(1, rng) for _ in range(40)} == {0, 3}
    assert index.partner(2, rng) is None
    alike = index.similarity([0, 1, 2])
    assert alike[0, 1] == pytest.approx(1, abs=1e-6)
    assert alike[0, 2] < 0.3


@pytest.mark.parametrize("name", ["paper", "vit_b32", "mobileclip2_s0", "siglip2_b32", "tiny"])
def test_shipped_recipes_are_valid(name: str) -> None:
    """And the paper's is the paper's."""
    folder = Path(__file__).parents[3] / "model" / "recipes"
    recipe = read_recipe(folder / f"{name}.yaml", ContrastiveRecipe)

    if name == "paper":
        optim = recipe.optim
        assert (optim.lr, optim.batch_size, optim.steps) == (5e-4, 512, 30_000)
        assert (recipe.loss.objective, recipe.tower.roi_agg) == ("paper", "mean")
    local = recipe.run_local()
    assert (local.optim.steps, local.optim.batch_size) == (50, 8)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    """With file and key."""
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ndata: {triplets: a, images: b}\noptim: {learning_rate: 1}\n")

    with pytest.raises(RecipeError, match=r"recipe\.yaml: optim\.learning_rate"):
        read_recipe(path, ContrastiveRecipe)
