"""A contrastive run, or the untrained tower of its recipe, to a bundle."""

from pathlib import Path

import structlog

from model.assemble_clip import assemble_clip_bundle
from model.checkpoint import STATE_FILE
from model.contrastive.recipe import ContrastiveRecipe
from model.contrastive.train import load_tower, load_trained

log = structlog.get_logger()


def export_clip(
    out: Path, recipe: ContrastiveRecipe, run: Path, yolo: str | None, variants: bool
) -> None:
    """Write the bundle; an absent run means the tower as it is before any training."""
    is_trained = (run / STATE_FILE).is_file()
    tower, tokenizer = load_trained(recipe, run) if is_trained else load_tower(recipe)
    log.info("tower_loaded", model=recipe.tower.model_name, trained=is_trained, run=str(run))
    weights = recipe.tower.pretrained or "random weights"
    sources = [{"name": f"{recipe.tower.model_name}, {weights}", "licence": "see its makers"}]
    if is_trained:
        sources.append({"name": str(recipe.data.triplets.name), "licence": "see its data card"})
    assemble_clip_bundle(out, recipe.name, tower, tokenizer, sources, yolo, variants)
