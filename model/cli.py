"""``saclip-model``: generate, train, evaluate, calibrate, export."""

from pathlib import Path
from typing import Annotated

import typer

from model.errors import ModelError
from model.evaluate.commands import evaluate_app
from model.train_commands import RECIPES, RunOption, SetOption, training_app

app = typer.Typer(
    name="saclip-model",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The researcher's side of SA-CLIP.",
)
app.add_typer(training_app)
app.add_typer(evaluate_app, name="evaluate")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Bundle folder to write.")],
    run: RunOption = Path("runs/nano"),
    detector: Annotated[
        Path, typer.Option(help="Folder of the detector's run, or of a bundle that has one.")
    ] = Path("runs/detector"),
    recipe: Annotated[Path, typer.Option(help="The run's recipe.")] = RECIPES / "nano.yaml",
    yolo: Annotated[
        str | None, typer.Option(help="CLIP: weights for ultralytics; else our own detector.")
    ] = None,
    variants: Annotated[bool, typer.Option(help="CLIP: fp16 and int8 as well.")] = True,
) -> None:
    """A run to a bundle: graphs, parity, calibration, figures, manifest.

    With the recipe of a CLIP tower and no run at that place, the untrained tower is exported.
    """
    from model.recipe import load_recipe, read_recipe, section_names

    if "tower" in section_names(recipe):
        from model.contrastive.export import export_clip
        from model.contrastive.recipe import ContrastiveRecipe

        export_clip(out, read_recipe(recipe, ContrastiveRecipe), run, yolo, variants)
    else:
        from model.assemble import assemble_bundle

        assemble_bundle(out, load_recipe(recipe), run, detector)


@app.command()
def calibrate(
    bundle: Annotated[Path, typer.Argument(help="Finished bundle; its calibration is replaced.")],
    footage: Annotated[
        list[Path] | None,
        typer.Option(help="Folder with clips.jsonl, of normal clips say; may be repeated."),
    ] = None,
    detector: Annotated[
        Path | None, typer.Option(help="Put the detector of this run or bundle in first.")
    ] = None,
) -> None:
    """Fit nulls and thresholds of a bundle again, after scoring or footage has changed."""
    from model.assemble import recalibrate_bundle

    recalibrate_bundle(bundle, footage or (), detector)


@app.command()
def pull(
    out: Annotated[Path, typer.Option(help="Bundle folder to write.")] = Path("bundles/clip"),
    model: Annotated[str, typer.Option(help="Architecture in open_clip.")] = "ViT-B-32-quickgelu",
    weights: Annotated[str, typer.Option(help="Tag in open_clip.")] = "openai",
    detector: Annotated[str, typer.Option(help="Weights for ultralytics.")] = "yolo11n.pt",
) -> None:
    """Download CLIP and YOLO11n, export them and install the bundle."""
    from model.pull import pull as run
    from model.towers.spec import ClipSpec

    folder = run(out, ClipSpec(model_name=model, pretrained=weights), detector)
    typer.echo(f"{folder}: ready; serve it with SACLIP_BUNDLE={folder}")


@app.command("train-parser")
def train_parser(
    treebanks: Annotated[Path, typer.Argument(help="Folder of UD English CoNLL-U files.")],
    out: RunOption = Path("runs/parser"),
    epochs: Annotated[int, typer.Option(min=1)] = 12,
) -> None:
    """Train a small spaCy pipeline for `curate --parser FOLDER`."""
    from model.curation.train_parser import train_parser as run

    scores = run(treebanks, out, epochs)
    typer.echo(f"{out}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))


@app.command()
def curate(
    captions: Annotated[Path, typer.Argument(help="Captions: COCO, Flickr8k, JSONL, CC, SBU, VG.")],
    out: Annotated[Path, typer.Option(help="Folder for triplets, counts and data card.")],
    parser: Annotated[str, typer.Option(help="auto, chunk, a spaCy package or folder.")] = "auto",
    format_: Annotated[str | None, typer.Option("--format", help="When it is not clear.")] = None,
    relation_filter: Annotated[Path | None, typer.Option(help="Trained filter (.npz).")] = None,
    least_quality: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    engine: Annotated[str, typer.Option(help="local or ray")] = "local",
    shards: Annotated[Path | None, typer.Option(help="Also write webdataset shards here.")] = None,
    images: Annotated[Path, typer.Option(help="Images for the shards.")] = Path(),
) -> None:
    """Captions to subject-verb-object triplets with hard negatives."""
    from model.curation.run import curate_command

    curate_command(
        captions, out, parser, format_, relation_filter, least_quality, engine, shards, images
    )


@app.command("train-filter")
def train_filter(
    captions: Annotated[Path, typer.Argument(help="Captions to label and learn from.")],
    out: Annotated[Path, typer.Option(help="The filter to write.")] = Path("runs/filter.npz"),
    labels: Annotated[str, typer.Option(help="heuristic, a JSONL file, or an endpoint URL")] = (
        "heuristic"
    ),
    model_name: Annotated[str, typer.Option(help="Model to ask at the endpoint.")] = "gpt-4o",
    parser: Annotated[str, typer.Option(help="As for curate.")] = "chunk",
    second_parser: Annotated[str | None, typer.Option(help="Must agree; heuristic only.")] = None,
    count: Annotated[int, typer.Option(min=20, help="Captions to label.")] = 3000,
    bert: Annotated[
        str | None, typer.Option(help="Fine-tune this BERT (bert-base-uncased) instead.")
    ] = None,
) -> None:
    """Train the relation filter of `curate --relation-filter`."""
    from model.curation.run import train_filter_command

    typer.echo(
        train_filter_command(captions, out, labels, model_name, parser, second_parser, count, bert)
    )


@app.command()
def sweep(
    recipe: Annotated[Path, typer.Argument(help="YAML with variants.")] = RECIPES / "layouts.yaml",
    out: Annotated[Path, typer.Option(help="Folder; finished variants there are kept.")] = Path(
        "runs/sweep"
    ),
    set_: SetOption = None,
) -> None:
    """Train and evaluate every variant of the losses; one table."""
    from rich.console import Console

    from model.recipe import read_recipe
    from model.sweep import SweepRecipe, run_sweep, sweep_table

    Console().print(
        sweep_table(run_sweep(read_recipe(recipe, SweepRecipe, tuple(set_ or ())), out))
    )


@app.command()
def generate(
    kind: Annotated[str, typer.Argument(help="layouts, traffic or figures")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    count: Annotated[int, typer.Option(min=1, help="Scenes or clips.")] = 8,
    seed: int = 0,
    accidents: Annotated[
        bool | None,
        typer.Option("--accidents/--normal", help="Traffic of one kind; else half of each."),
    ] = None,
) -> None:
    """Write generated scenes: pictures, facts, a contact sheet, films of traffic; or figures."""
    if kind == "figures":
        from model.figures.export import generate_figures

        generate_figures(out, count, seed)
    else:
        from model.synthesis.export import generate as run

        run(kind, out, count, seed, accidents)


def main() -> None:
    """Entry point of the ``saclip-model`` command: one line for everything a user can cause."""
    from knowledge.hierarchy import KnowledgeError
    from service.errors import ServiceError

    try:
        app()
    except (ModelError, ServiceError, KnowledgeError, FileNotFoundError) as error:
        typer.echo(f"saclip-model: {error}", err=True)
        raise SystemExit(1) from error


if __name__ == "__main__":  # torchrun -m model.cli
    main()
