"""Every variant of a sweep: train, evaluate, and one table; finished cells are kept."""

import json
from pathlib import Path

import structlog
from pydantic import Field
from rich.table import Table

from model.contrastive.layouts import LayoutPlan, train_layouts
from model.contrastive.recipe import Terms
from model.errors import ModelError
from model.evaluate.embedders import TorchEmbedder
from model.evaluate.layouts import (
    APPEARANCES,
    Appearance,
    LayoutFigures,
    draw_tsne,
    embed_layouts,
    layout_figures,
)
from model.recipe import Section

log = structlog.get_logger()
Cell = tuple[str, int]
CellFigures = dict[Appearance, LayoutFigures]
HEADS = (
    "variant",
    "seed",
    "image to text",
    "95 %",
    "text to image",
    "true > inverse",
    "octants off",
    "ARI images",
    "ARI texts",
    "ARI images, fixed",
    "ARI texts, fixed",
)


class SweepError(ModelError):
    """The folder holds a cell of another plan, which must not stand in the same table."""


class SweepRecipe(Section):
    """Variants of the losses over one plan."""

    name: str
    plan: LayoutPlan = LayoutPlan()
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    variants: dict[str, Terms] = Field(min_length=1)
    pictures: tuple[str, ...] = ()
    """Variants of which t-SNE pictures are drawn, for the first seed."""


def run_sweep(recipe: SweepRecipe, out: Path) -> dict[Cell, CellFigures]:
    """Run what is missing and write ``table.json``, ``table.md`` and ``table.png``.

    Returns:
        Figures by variant and seed.

    Raises:
        SweepError: A finished cell was trained or evaluated differently.
    """
    cells = [(name, seed) for seed in recipe.seeds for name in recipe.variants]
    # All kept cells are read before the first is trained: a stale one costs seconds, not an hour.
    kept = {cell: _kept(recipe, cell, out) for cell in cells}
    found: dict[Cell, CellFigures] = {}
    for cell in cells:
        found[cell] = kept[cell] or _run(recipe, cell, out)
    _write(recipe, found, out)
    return found


def sweep_table(found: dict[Cell, CellFigures]) -> Table:
    """One line for each variant and seed."""
    table = Table(*HEADS)
    for cell, figures in found.items():
        table.add_row(*_line(cell, figures))
    return table


def _run(recipe: SweepRecipe, cell: Cell, out: Path) -> CellFigures:
    name, seed = cell
    loss, folder = recipe.variants[name], out / f"{name}-{seed}"
    model, tokenizer = train_layouts(recipe.plan, loss, seed, folder)
    embedder = TorchEmbedder(model, tokenizer, loss.use_roi, loss.use_svo)
    figures: CellFigures = {}
    for appearance in APPEARANCES:
        embedded = embed_layouts(embedder, recipe.plan.groups, appearance=appearance)
        figures[appearance] = layout_figures(embedded)
        if name in recipe.pictures and seed == recipe.seeds[0]:
            draw_tsne(embedded, f"{name}, {appearance} appearance", folder / f"tsne_{appearance}")
    content: dict[str, object] = {"made_with": _made_with(recipe, cell)}
    content |= {appearance: row.as_dict() for appearance, row in figures.items()}
    partial = folder / "figures.partial"
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "figures.json")
    reached = figures["random"]
    log.info("variant_done", variant=name, seed=seed, image_to_text=reached.image_to_text)
    return figures


def _kept(recipe: SweepRecipe, cell: Cell, out: Path) -> CellFigures | None:
    path = out / f"{cell[0]}-{cell[1]}" / "figures.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("made_with") != _made_with(recipe, cell):
        raise SweepError(f"{path}: made with another plan or loss; choose another --out")
    return {appearance: LayoutFigures(**content[appearance]) for appearance in APPEARANCES}


def _made_with(recipe: SweepRecipe, cell: Cell) -> dict[str, object]:
    """All that decides a cell's figures, in the values that JSON gives back."""
    plan, loss = recipe.plan.model_dump(mode="json"), recipe.variants[cell[0]]
    plan.pop("threads")  # decides how long it takes; what comes out differs by rounding
    return {"plan": plan, "loss": loss.model_dump(mode="json"), "seed": cell[1]}


def _line(cell: Cell, figures: CellFigures) -> list[str]:
    row, fixed = figures["random"], figures["fixed"]
    return [
        cell[0], str(cell[1]), f"{row.image_to_text:.3f}", f"{row.low:.3f} to {row.high:.3f}",
        f"{row.text_to_image:.3f}", f"{row.true_over_inverse:.3f}", f"{row.octants_off:.2f}",
        f"{row.ari_images:.2f}", f"{row.ari_texts:.2f}",
        f"{fixed.ari_images:.2f}", f"{fixed.ari_texts:.2f}",
    ]  # fmt: skip


def _write(recipe: SweepRecipe, found: dict[Cell, CellFigures], out: Path) -> None:
    rows = [
        {"variant": name, "seed": seed, "appearance": appearance, **row.as_dict()}
        for (name, seed), figures in found.items()
        for appearance, row in figures.items()
    ]
    (out / "table.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    lines += ["| " + " | ".join(_line(cell, figures)) + " |" for cell, figures in found.items()]
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(recipe, found, out / "table.png")


def _plot(recipe: SweepRecipe, found: dict[Cell, CellFigures], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(recipe.variants)
    figure, axis = pyplot.subplots(figsize=(7, 0.35 * len(names) + 1.2), layout="constrained")
    for place, name in enumerate(names):
        for row in (found[name, seed]["random"] for seed in recipe.seeds):
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
