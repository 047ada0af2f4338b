"""A sweep trains every variant, keeps what is finished, and writes one table."""

import json
from pathlib import Path

import pytest

from model.recipe import read_recipe
from model.sweep import SweepError, SweepRecipe, run_sweep, sweep_table

RECIPES = Path(__file__).parents[2] / "model" / "recipes"


@pytest.mark.slow
def test_two_variants_end_to_end(tmp_path: Path) -> None:
    """Figures, points and pictures; a second run trains nothing."""
    recipe = SweepRecipe.model_validate(
        {
            "name": "small",
            "plan": {"steps": 3, "anchors": 4, "groups": 10, "width": 24, "half_dim": 16},
            "variants": {"paper": {"objective": "paper"}, "itc": {"objective": "paper+itc"}},
            "pictures": ["itc"],
        }
    )

    found = run_sweep(recipe, tmp_path)

    assert list(found) == [("paper", 0), ("itc", 0)]
    rows = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    named = [(row["variant"], row["appearance"]) for row in rows]
    assert named == [(v, a) for v in ("paper", "itc") for a in ("random", "fixed")]
    assert all(row["items"] == 80 for row in rows)
    assert (tmp_path / "itc-0" / "tsne_fixed.png").is_file()
    assert (tmp_path / "table.png").is_file()
    assert len((tmp_path / "table.md").read_text(encoding="utf-8").splitlines()) == 4
    stamp = (tmp_path / "paper-0" / "metrics.jsonl").stat().st_mtime_ns
    assert sweep_table(run_sweep(recipe, tmp_path)).row_count == 2
    assert (tmp_path / "paper-0" / "metrics.jsonl").stat().st_mtime_ns == stamp

    longer = recipe.model_copy(update={"plan": recipe.plan.model_copy(update={"steps": 4})})
    with pytest.raises(SweepError, match="another plan or loss"):
        run_sweep(longer, tmp_path)


def test_a_cell_from_before_plans_were_kept_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Nobody knows how it was trained."""
    (tmp_path / "paper-0").mkdir()
    (tmp_path / "paper-0" / "figures.json").write_text('{"items": 80}\n', encoding="utf-8")
    recipe = SweepRecipe.model_validate({"name": "x", "variants": {"paper": {}}})

    with pytest.raises(SweepError, match=r"paper-0.*choose another --out"):
        run_sweep(recipe, tmp_path)


def test_the_shipped_sweeps() -> None:
    """Table 3: no SVO, no ROI, neither, no triplet, all; and the objectives A to G."""
    table, layouts = (
        read_recipe(RECIPES / f"{name}.yaml", SweepRecipe).variants
        for name in ("table3", "layouts")
    )

    switched = {name: (loss.use_svo, loss.use_roi, loss.triplet) for name, loss in table.items()}
    assert switched == {
        "all": (True, True, True),
        "no_svo": (False, True, True),
        "no_roi": (True, False, True),
        "no_svo_no_roi": (False, False, True),
        "no_triplet": (True, True, False),
    }
    assert {name[0] for name in layouts} >= set("ABCDEFG")
