"""``saclip``: serve, score pictures, analyze clips, look at knowledge and bundles."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from service.errors import ServiceError

app = typer.Typer(
    name="saclip", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Zero-shot traffic anomaly detection: how anomalous, when, which objects, and why.",
)  # fmt: skip
knowledge_app = typer.Typer(no_args_is_help=True, help="The hierarchy of descriptions.")
bundle_app = typer.Typer(no_args_is_help=True, help="Model bundles.")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(bundle_app, name="bundle")

Mode = Literal["literal", "contrast", "paired"]
BundleOption = Annotated[Path | None, typer.Option(help="Bundle folder; the embedded one if left out.")]
ModeOption = Annotated[Mode, typer.Option(help="How the score is made.")]
TopKOption = Annotated[int, typer.Option(min=1, max=50, help="Explanations to give.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the result here; - for stdout.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    bundle: BundleOption = None,
) -> None:
    """Start the HTTP service and the page."""
    with _plain_errors():
        from service.serving import run_server  # heavy: keeps --help quick
        from service.settings import load_settings

        run_server(load_settings(host=host, port=port, bundle=bundle))


@app.command()
def score(
    images: Annotated[list[Path], typer.Argument(help="JPEG, PNG or WebP files.")],
    json_path: JsonOption = None,
    draw: Annotated[Path | None, typer.Option(help="Write pictures with boxes to this folder.")] = None,
    mode: ModeOption = "paired",
    top_k: TopKOption = 5,
    bundle: BundleOption = None,
) -> None:
    """Score pictures and say which descriptions explain the scores."""
    with _plain_errors():
        from service.printing import print_scores, score_images

        engine = _engine(bundle)
        rows = score_images(engine, images, mode, top_k, draw)
        if json_path is not None:
            _write_json([row.model_dump(mode="json") for row in rows], json_path)
        if str(json_path) != "-":
            print_scores(rows)


@app.command()
def analyze(
    video: Annotated[Path, typer.Argument(help="The clip.")],
    json_path: JsonOption = None,
    sample_fps: Annotated[float | None, typer.Option(min=0.1, max=60, help="Frames a second.")] = None,
    mode: ModeOption = "paired",
    top_k: TopKOption = 5,
    bundle: BundleOption = None,
) -> None:
    """Analyze a clip: a score for every sampled frame, and the segments that stand out."""
    with _plain_errors():
        from service.pipeline.video import VideoAnalyzer
        from service.printing import print_report, progress_bar
        from service.settings import load_settings

        settings = load_settings()
        analyzer = VideoAnalyzer(
            _engine(bundle), max_pixels=settings.max_image_pixels,
            max_seconds=settings.max_video_seconds,
        )  # fmt: skip
        with progress_bar(video.name) as progress:
            report = analyzer.analyze(
                video, sample_fps=sample_fps or settings.sample_fps, mode=mode, top_k=top_k,
                name=video.name, progress=progress,
            )  # fmt: skip
        if json_path is not None:
            _write_json(report.model_dump(mode="json"), json_path)
        if str(json_path) != "-":
            print_report(report)


@knowledge_app.command("check")
def knowledge_check(
    file: Annotated[Path | None, typer.Argument(help="The shipped hierarchy if left out.")] = None,
) -> None:
    """Check a hierarchy against its rules."""
    with _plain_errors():
        from knowledge.hierarchy import load_hierarchy
        from service.printing import console

        hierarchy = load_hierarchy(file)
        console().print(
            f"{file or 'shipped hierarchy'}: {len(hierarchy.leaves)} leaves, "
            f"{len(hierarchy.flat)} descriptions, no rule broken"
        )


@knowledge_app.command("show")
def knowledge_show(
    file: Annotated[Path | None, typer.Argument(help="The shipped hierarchy if left out.")] = None,
) -> None:
    """Show a hierarchy as a tree."""
    with _plain_errors():
        from knowledge.hierarchy import load_hierarchy
        from knowledge.tree import hierarchy_tree
        from service.printing import console

        console().print(hierarchy_tree(load_hierarchy(file)))


@bundle_app.command("info")
def bundle_info(
    folder: Annotated[Path | None, typer.Argument(help="The embedded bundle if left out.")] = None,
) -> None:
    """Say what a bundle holds and what was measured with it."""
    with _plain_errors():
        from service.bundle.bundle import EMBEDDED_BUNDLE
        from service.bundle.manifest import load_manifest
        from service.printing import print_manifest

        print_manifest(load_manifest(folder or EMBEDDED_BUNDLE))


@bundle_app.command("verify")
def bundle_verify(
    folder: Annotated[Path | None, typer.Argument(help="The embedded bundle if left out.")] = None,
) -> None:
    """Compare every file with the manifest, open the graphs and run them once."""
    with _plain_errors():
        from service.printing import console

        engine = _engine(folder)
        files = len(engine.bundle.manifest.files)
        console().print(
            f"{engine.bundle.folder}: {files} files as listed, graphs run on {engine.bundle.runtime}"
        )


def main() -> None:
    """Entry point of the ``saclip`` command."""
    app()


def _engine(bundle: Path | None) -> Any:
    from service.bundle.bundle import EMBEDDED_BUNDLE
    from service.pipeline.engine import load_engine
    from service.settings import load_settings

    settings = load_settings(bundle=bundle)
    return load_engine(bundle or settings.bundle or EMBEDDED_BUNDLE, settings.threads)


def _write_json(content: Any, path: Path) -> None:
    text = json.dumps(content, indent=2) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ServiceError(f"{path}: cannot be written ({error.strerror})") from error


@contextmanager
def _plain_errors() -> Iterator[None]:
    """One line on stderr instead of a traceback, for everything a user can cause."""
    from knowledge.hierarchy import KnowledgeError

    try:
        yield
    except (ServiceError, KnowledgeError) as error:
        typer.echo(f"saclip: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("saclip: stopped", err=True)
        raise typer.Exit(130) from error
