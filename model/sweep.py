"""Every variant of a sweep: train, evaluate, and one table; finished cells are kept."""

import json
from pathlib import Path

import structlog
from pydantic import Field
from rich.table import Table

from model.contrastive.layouts import LayoutPlan, train_layouts
from model.contrastive.recipe import Terms
from model.evaluate.embedders import TorchEmbedder
from model.evaluate.layouts import LayoutFigures, draw_tsne, embed_layouts, layout_figures
from model.recipe import Section

log = structlog.get_logger()
Cell = tuple[str, int]


class SweepRecipe(Section):
    """Variants of the losses over one plan."""

    name: str
    plan: LayoutPlan = LayoutPlan()
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    variants: dict[str, Terms] = Field(min_length=1)
    pictures: tuple[str, ...] = ()
    """Variants of which a t-SNE picture is drawn, for the first seed."""


def run_sweep(recipe: SweepRecipe, out: Path) -> dict[Cell, LayoutFigures]:
    """Run what is missing and write ``table.json``, ``table.md`` and ``table.png``.

    Returns:
        Figures by variant and seed.
    """
    found: dict[Cell, LayoutFigures] = {}
    for seed in recipe.seeds:
        for name, loss in recipe.variants.items():
            folder = out / f"{name}-{seed}"
            kept = folder / "figures.json"
            if not kept.is_file():
                model, tokenizer = train_layouts(recipe.plan, loss, seed, folder)
                embedded = embed_layouts(TorchEmbedder(model, tokenizer), recipe.plan.groups)
                figures = layout_figures(embedded)
                if name in recipe.pictures and seed == recipe.seeds[0]:
                    draw_tsne(embedded, name, folder / "tsne")
                kept.write_text(json.dumps(figures.as_dict(), indent=1) + "\n", encoding="utf-8")
                log.info("variant_done", variant=name, seed=seed, **_short(figures))
            found[name, seed] = LayoutFigures(**json.loads(kept.read_text(encoding="utf-8")))
    _write(recipe, found, out)
    return found


def sweep_table(found: dict[Cell, LayoutFigures]) -> Table:
    """One line for each variant and seed."""
    table = Table("variant", "seed", "image to text", "95 %", "text to image", "true > inverse",
                  "octants off", "ARI images", "ARI texts")  # fmt: skip
    for (name, seed), row in found.items():
        table.add_row(*_cells(name, seed, row))
    return table


def _cells(name: str, seed: int, row: LayoutFigures) -> list[str]:
    return [
        name, str(seed), f"{row.image_to_text:.3f}", f"{row.low:.3f} to {row.high:.3f}",
        f"{row.text_to_image:.3f}", f"{row.true_over_inverse:.3f}", f"{row.octants_off:.2f}",
        f"{row.ari_images:.2f}", f"{row.ari_texts:.2f}",
    ]  # fmt: skip


def _short(figures: LayoutFigures) -> dict[str, float]:
    return {"image_to_text": round(figures.image_to_text, 3), "ari": round(figures.ari_images, 2)}


def _write(recipe: SweepRecipe, found: dict[Cell, LayoutFigures], out: Path) -> None:
    rows = [{"variant": n, "seed": s, **figures.as_dict()} for (n, s), figures in found.items()]
    (out / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    heads = ["variant", "seed", "image to text", "95 %", "text to image", "true > inverse",
             "octants off", "ARI images", "ARI texts"]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_cells(n, s, row)) + " |" for (n, s), row in found.items()]
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(recipe, found, out / "table.png")


def _plot(recipe: SweepRecipe, found: dict[Cell, LayoutFigures], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(recipe.variants)
    figure, axis = pyplot.subplots(figsize=(7, 0.35 * len(names) + 1.2), layout="constrained")
    for place, name in enumerate(names):
        rows = [found[name, seed] for seed in recipe.seeds]
        for row in rows:
            axis.plot([row.low, row.high], [place, place], color="C0", alpha=0.5)
            axis.plot(row.image_to_text, place, "o", color="C0")
    axis.axvline(1 / 8, color="grey", linestyle=":", label="chance")
    axis.set(
        yticks=range(len(names)), yticklabels=names, xlim=(0, 1), xlabel="image to text, 8-way"
    )
    axis.invert_yaxis()
    axis.legend(loc="lower right")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
