"""``saclip-model train`` and what is trained beside it: detector, film, texts, look."""

from pathlib import Path
from typing import Annotated

import typer

RECIPES = Path(__file__).parent / "recipes"
RunOption = Annotated[Path, typer.Option(help="Folder of the run.")]
ResumeOption = Annotated[bool, typer.Option(help="Go on from the run's checkpoint.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="section.key=value")]

training_app = typer.Typer(add_completion=False)


@training_app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")] = RECIPES / "nano.yaml",
    out: RunOption = Path("runs/nano"),
    resume: ResumeOption = False,
    set_: SetOption = None,
    runlocal: Annotated[bool, typer.Option(help="Shrink the run for a first try.")] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(help="Begin with the weights of this run of the student, or of a bundle."),
    ] = None,
) -> None:
    """Train the student, or a CLIP tower on curated triplets: what the recipe says."""
    from model.contrastive.recipe import ContrastiveRecipe
    from model.recipe import load_recipe, read_recipe, section_names

    overrides = tuple(set_ or ())
    if start_from is not None and (resume or "tower" in section_names(recipe)):
        raise typer.BadParameter(
            "--start-from begins a run of the student anew: no --resume, no CLIP"
        )
    _check_apart(start_from, out)
    if "tower" in section_names(recipe):
        from model.contrastive.train import train_contrastive

        clip = read_recipe(recipe, ContrastiveRecipe, overrides)
        train_contrastive(clip.run_local() if runlocal else clip, out, resume)
    else:
        from model.train import train as train_student

        if runlocal:
            overrides += ("optim.steps=50", "optim.warmup_steps=5")
        train_student(load_recipe(recipe, overrides), out, resume, start_from=start_from)


@training_app.command("train-detector")
def train_detector(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")] = RECIPES / "detector.yaml",
    out: RunOption = Path("runs/detector"),
    resume: ResumeOption = False,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this bundle's detector.")
    ] = None,
) -> None:
    """Distil the detector."""
    from model.detector.train import train_detector as run

    if start_from is not None and resume:
        raise typer.BadParameter("--start-from begins a run of the detector anew: no --resume")
    run(recipe, out, resume, threads, start_from)


@training_app.command("train-relations")
def train_relations(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")] = RECIPES / "nano_relations.yaml",
    start_from: Annotated[Path, typer.Option(help="The student's run, or a bundle.")] = Path(
        "runs/nano"
    ),
    out: RunOption = Path("runs/nano_relations"),
    resume: ResumeOption = False,
    set_: SetOption = None,
) -> None:
    """Teach the student what film tells by boxes, classes and motion, without drawing a pixel."""
    from model.recipe import RelationsRecipe, load_recipe, read_recipe
    from model.relations import train_relations as run

    _check_apart(start_from, out)
    student = load_recipe(RECIPES / "nano.yaml")
    run(read_recipe(recipe, RelationsRecipe, tuple(set_ or ())), student, start_from, out, resume)


@training_app.command("train-texts")
def train_texts(
    language: Annotated[
        Path, typer.Option(help="Folder of all-MiniLM-L6-v2, as its publisher saves it.")
    ],
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")] = RECIPES / "nano_texts.yaml",
    start_from: Annotated[Path, typer.Option(help="The student's run, or a bundle.")] = Path(
        "runs/nano_relations"
    ),
    out: RunOption = Path("runs/nano_texts"),
    resume: ResumeOption = False,
    set_: SetOption = None,
) -> None:
    """Put the student's text tower on top of a language model, which knows the words of others."""
    from model.recipe import TextsRecipe, load_recipe, read_recipe
    from model.texts import train_texts as run

    _check_apart(start_from, out)
    texts, student = read_recipe(recipe, TextsRecipe, tuple(set_ or ())), RECIPES / "nano.yaml"
    run(texts, load_recipe(student), start_from, language, out, resume)


@training_app.command("train-look")
def train_look(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")] = RECIPES / "nano_look.yaml",
    start_from: Annotated[Path, typer.Option(help="The student's run.")] = Path("runs/nano"),
    out: RunOption = Path("runs/nano_look"),
    bundle: Annotated[
        Path | None, typer.Option(help="Whose detector finds; the embedded one if left out.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="detector.onnx that looks; the bundle's if left out.")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=0, help="Measure instead: each camera by a look that knows it not.")
    ] = 0,
) -> None:
    """Teach the student what real participants of accidents look like."""
    from model.look_run import measure_look, train_look

    if folds:
        measure_look(recipe, start_from, bundle, features, folds)
    else:
        train_look(recipe, start_from, out, bundle, features)


def _check_apart(start_from: Path | None, out: Path) -> None:
    """A run that begins with another leaves that one as it is."""
    if start_from is not None and start_from.resolve() == out.resolve():
        raise typer.BadParameter(f"--start-from and --out are the same folder: {out}")
