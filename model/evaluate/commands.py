"""``saclip-model evaluate``: every figure with its controls."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from model.evaluate.controls import SHUFFLES

if TYPE_CHECKING:
    from service.pipeline.engine import Engine

evaluate_app = typer.Typer(no_args_is_help=True, help="Figures with their controls.")
RECIPES = Path(__file__).parent.parent / "recipes"
RunOption = Annotated[Path, typer.Option(help="Folder of the run.")]
ShufflesOption = Annotated[int, typer.Option(min=1, help="Times the texts are shuffled.")]

BundleOption = Annotated[Path | None, typer.Option(help="Bundle; the embedded one if left out.")]


@evaluate_app.command("triplets")
def evaluate_triplets(
    sentences: Annotated[Path, typer.Argument(help="Hand-written sentences.")],
    parser: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    first: Annotated[int, typer.Option(min=0, help="From this sentence on.")] = 0,
) -> None:
    """Precision and recall of the triplet rules, by rule and parser."""
    from rich.console import Console

    from model.curation.parsers import load_parser
    from model.evaluate.triplets import figures_table, measure, read_sentences

    gold = read_sentences(sentences)[first:]
    figures = [measure(*load_parser(name), gold) for name in parser or ["chunk"]]
    Console().print(figures_table(figures))


@evaluate_app.command("texts")
def evaluate_texts(
    run: RunOption = Path("runs/nano"),
    recipe: Annotated[Path, typer.Option(help="The student's recipe.")] = RECIPES / "nano.yaml",
    scenes: Annotated[int, typer.Option(min=50, help="Held-out scenes.")] = 600,
) -> None:
    """Trained, shuffled and random vectors on the same generated scenes."""
    from rich.console import Console

    from knowledge.hierarchy import load_hierarchy
    from model.evaluate.texts import compare_texts, figures_table
    from model.recipe import load_recipe
    from model.train import load_student

    student, tokenizer = load_student(run, load_recipe(recipe))
    Console().print(figures_table(compare_texts(student, tokenizer, load_hierarchy(), scenes)))


@evaluate_app.command("clips")
def evaluate_clips(
    folder: Annotated[Path, typer.Argument(help="Folder with clips.jsonl and the clips.")],
    out: Annotated[Path, typer.Option(help="Reports, figures and timelines.")] = Path("runs/clips"),
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle; the embedded one if left out.")
    ] = None,
    sample_fps: Annotated[float, typer.Option(min=0.1, max=60)] = 10.0,
    clip: Annotated[list[str] | None, typer.Option(help="Only this clip; may be repeated.")] = None,
    detector: Annotated[
        Path | None, typer.Option(help="YOLOX of COCO's classes instead of the bundle's.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0)] = 0,
    shuffles: ShufflesOption = SHUFFLES,
) -> None:
    """Frame AUC and alarms on labelled clips beside the controls that look at no pixel."""
    from model.evaluate.clips import evaluate_clips as run
    from service.bundle.bundle import EMBEDDED_BUNDLE

    run(
        folder,
        bundle or EMBEDDED_BUNDLE,
        out,
        sample_fps=sample_fps,
        clip_ids=tuple(clip or ()),
        threads=threads,
        detector=detector,
        num_shuffles=shuffles,
    )


@evaluate_app.command("resend")
def resend_clips(
    folder: Annotated[Path, typer.Argument(help="Folder with clips.jsonl and the clips.")],
    out: Annotated[Path, typer.Option(help="New folder of the same form.")] = Path("runs/resent"),
    mirrored: Annotated[bool, typer.Option(help="Left and right change places.")] = False,
) -> None:
    """Encode labelled clips again: what `evaluate clips` then loses or gains is noise."""
    from model.evaluate.resend import resend

    resend(folder, out, mirrored)


@evaluate_app.command("traffic")
def evaluate_traffic(
    out: Annotated[Path, typer.Option(help="JSON file.")] = Path("runs/traffic.json"),
    bundle: BundleOption = None,
    clips: Annotated[int, typer.Option(min=10, help="Half of them with an accident.")] = 120,
    shuffles: ShufflesOption = SHUFFLES,
) -> None:
    """Held-out generated clips: AUC and best leaf of text, of motion, of both."""
    import json

    from model.evaluate.nulls import shuffled_texts
    from model.evaluate.traffic import evaluate_traffic as run

    analyzer = _engine(bundle).analyzer
    figures = run(analyzer, shuffled_texts(analyzer, shuffles), clips)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


@evaluate_app.command("layouts")
def evaluate_layouts(
    out: Annotated[Path, typer.Option(help="JSON and t-SNE.")] = Path("runs/layouts"),
    bundle: BundleOption = None,
    groups: Annotated[int, typer.Option(min=10, help="Held-out pairs of nouns.")] = 200,
) -> None:
    """Eight layouts of two things: matching, clusters, t-SNE pictures and their points."""
    import json

    from rich.console import Console

    from model.evaluate.embedders import BundleEmbedder
    from model.evaluate.layouts import (
        APPEARANCES,
        draw_tsne,
        embed_layouts,
        layout_figures,
        layouts_table,
    )

    engine = _engine(bundle)
    out.mkdir(parents=True, exist_ok=True)
    figures = {}
    for appearance in APPEARANCES:
        found = embed_layouts(BundleEmbedder(engine.bundle), groups, appearance=appearance)
        figures[appearance] = layout_figures(found)
        title = f"{engine.bundle.manifest.name}, {appearance} appearance"
        draw_tsne(found, title, out / f"tsne_{appearance}")
    content = {name: row.as_dict() for name, row in figures.items()}
    (out / "layouts.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    Console().print(layouts_table(figures))


@evaluate_app.command("vsr")
def evaluate_vsr(
    test: Annotated[Path, typer.Argument(help="test.jsonl of the zero-shot split.")],
    images: Annotated[Path, typer.Option(help="Folder of the images.")],
    dev: Annotated[Path | None, typer.Option(help="dev.jsonl, for the threshold of R2.")] = None,
    train: Annotated[Path | None, typer.Option(help="train.jsonl, for the text control.")] = None,
    out: Annotated[Path, typer.Option(help="JSON.")] = Path("runs/vsr"),
    bundle: BundleOption = None,
) -> None:
    """Visual Spatial Reasoning: three rules beside three controls."""
    from rich.console import Console

    from model.evaluate.embedders import BundleEmbedder
    from model.evaluate.vsr import (
        accuracies,
        accuracy_table,
        decide,
        judge,
        read_vsr,
        text_only,
        write_vsr,
    )
    from model.evaluate.vsr_locate import locator

    engine = _engine(bundle)
    embedder, locate = BundleEmbedder(engine.bundle), locator(engine, images)
    items = read_vsr(test)
    judged = judge(embedder, items, locate)
    tuned = judge(embedder, read_vsr(dev), locate) if dev is not None else []
    answers = decide(judged, tuned)
    if train is not None:
        answers["text only"] = text_only(read_vsr(train), items)
    write_vsr(out, accuracies(judged, answers))
    Console().print(accuracy_table(judged, answers))


@evaluate_app.command("dota")
def evaluate_dota(
    metadata: Annotated[Path, typer.Argument(help="metadata_val.json")],
    train: Annotated[Path, typer.Option(help="metadata_train.json, for the position control.")],
    frames: Annotated[Path | None, typer.Option(help="Folder of the clips' frames.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="Folder of annotation files.")] = None,
    out: Annotated[Path, typer.Option(help="JSON, plot, kept clips.")] = Path("runs/dota"),
    bundle: BundleOption = None,
    smoothing: Annotated[str, typer.Option(help="none, tthf_compat, median_reflect, ...")] = "none",
    ends: Annotated[str, typer.Option(help="half_open or inclusive")] = "half_open",
) -> None:
    """DoTA by group: the bundle when the frames are there, the controls in any case."""
    from model.evaluate.dota_report import report_dota

    engine = _engine(bundle) if frames is not None else None
    report_dota(metadata, train, engine, frames, annotations, out, smoothing, ends)


@evaluate_app.command("frames")
def evaluate_frames(
    folder: Annotated[Path, typer.Argument(help="Folder with manifest.csv and pictures.")],
    out: Annotated[Path, typer.Option(help="JSON and plot.")] = Path("runs/frames"),
    bundle: BundleOption = None,
    camera: Annotated[list[str] | None, typer.Option(help="Only this; may be repeated.")] = None,
) -> None:
    """Frame AUC on labelled pictures, with controls and an interval over cameras."""
    from rich.console import Console

    from model.evaluate.frames import (
        frame_figures,
        frames_table,
        read_manifest,
        score_frames,
        write_frames,
    )

    frames = read_manifest(folder, tuple(camera or ()))
    rows = frame_figures(frames, score_frames(_engine(bundle), frames))
    write_frames(out, rows)
    Console().print(frames_table(rows))


def _engine(bundle: Path | None) -> "Engine":
    from service.bundle.bundle import EMBEDDED_BUNDLE
    from service.pipeline.engine import load_engine

    return load_engine(bundle or EMBEDDED_BUNDLE)
