"""``saclip``: serve, score pictures, analyze clips, watch cameras, look at knowledge and bundles.

Imports of the heavy kind stand inside the commands, so that ``--help`` stays quick.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli_keys import keys_app
from service.errors import ServiceError

if TYPE_CHECKING:
    from service.pipeline.engine import Engine
    from service.settings import Settings

app = typer.Typer(
    name="saclip",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Zero-shot traffic anomaly detection: how anomalous, when, which objects, and why.",
)
knowledge_app = typer.Typer(no_args_is_help=True, help="The hierarchy of descriptions.")
bundle_app = typer.Typer(no_args_is_help=True, help="Model bundles.")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(bundle_app, name="bundle")
app.add_typer(keys_app, name="keys")

STDOUT = Path("-")

Mode = Literal["literal", "contrast", "paired"]
BundleOption = Annotated[
    Path | None, typer.Option(help="Bundle folder; the embedded one when left out.")
]
ModeOption = Annotated[Mode, typer.Option(help="How the score is made.")]
TopKOption = Annotated[int, typer.Option(min=1, max=50, help="Explanations to give.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file; - is stdout.")
]
HierarchyFile = Annotated[
    Path | None, typer.Argument(help="YAML or JSON; the shipped hierarchy when left out.")
]
BundleFolder = Annotated[
    Path | None, typer.Argument(help="Bundle folder; the embedded one when left out.")
]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 is any.")] = None,
    bundle: BundleOption = None,
) -> None:
    """Start the HTTP service and the page."""
    with _plain_errors():
        from service.serving import run_server

        run_server(_settings(host=host, port=port, bundle=bundle))


@app.command()
def worker(bundle: BundleOption = None) -> None:
    """Analyze the jobs of the Redis queue at SACLIP_REDIS_URL; start as many as you like."""
    with _plain_errors():
        from service.worker import run_worker

        run_worker(_settings(bundle=bundle))


@app.command()
def score(
    images: Annotated[list[Path], typer.Argument(help="JPEG, PNG or WebP files.")],
    json_path: JsonOption = None,
    draw: Annotated[
        Path | None, typer.Option(help="Write the pictures with boxes to this folder.")
    ] = None,
    mode: ModeOption = "paired",
    top_k: TopKOption = 5,
    bundle: BundleOption = None,
) -> None:
    """Score pictures and say which descriptions explain the scores."""
    with _plain_errors():
        from rich.console import Console

        from service.pictures import score_pictures
        from service.printing import scores_table

        settings = _settings(bundle=bundle)
        engine = _load_engine(settings)
        scores = score_pictures(engine, images, mode, top_k, settings.max_image_pixels, draw)
        if json_path is not None:
            _write_json([row.model_dump(mode="json") for row in scores], json_path)
        if json_path != STDOUT:
            Console().print(scores_table(scores))


@app.command()
def analyze(
    video: Annotated[Path, typer.Argument(help="MP4, MOV, MKV, WebM, AVI or TS file.")],
    json_path: JsonOption = None,
    sample_fps: Annotated[
        float | None, typer.Option(min=0.1, max=60, help="Frames of a second to score.")
    ] = None,
    film: Annotated[Path | None, typer.Option(help="Write the annotated film (MP4).")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page to print.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each scored frame.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="Write the segments as subtitles.")] = None,
    mode: ModeOption = "paired",
    top_k: TopKOption = 5,
    bundle: BundleOption = None,
) -> None:
    """Analyze a clip: a score for every sampled frame, and the segments that stand out."""
    with _plain_errors():
        from rich.console import Console

        from service.clip_files import ClipFiles, analyze_clip
        from service.printing import print_report, progress_bar

        settings = _settings(bundle=bundle, sample_fps=sample_fps)
        files = ClipFiles(film, html, csv, vtt)
        engine = _load_engine(settings)
        with progress_bar(video.name) as progress:
            report = analyze_clip(engine, video, settings, mode, top_k, files, progress)
        if json_path is not None:
            _write_json(report.model_dump(mode="json"), json_path)
        if json_path != STDOUT:
            print_report(Console(), report)


@app.command()
def watch(
    source: Annotated[str, typer.Argument(help="Camera number, file, rtsp:// or http:// address.")],
    webhook: Annotated[
        str | None, typer.Option(help="Post alarms there, signed as callbacks are.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    realtime: Annotated[bool, typer.Option(help="Play a file at its own pace.")] = False,
    sample_fps: Annotated[
        float | None, typer.Option(min=0.1, max=60, help="Frames of a second to score.")
    ] = None,
    mode: ModeOption = "paired",
    top_k: TopKOption = 5,
    bundle: BundleOption = None,
) -> None:
    """Score a camera or a stream as it comes; tell of alarms when they begin and end."""
    with _plain_errors():
        from service.watch import Watch

        settings = _settings(bundle=bundle, sample_fps=sample_fps)
        # First what can be refused at once, then the models.
        watching = Watch(settings, source, webhook, as_json, realtime)
        watching.run(_load_engine(settings), mode, top_k)


@knowledge_app.command("check")
def knowledge_check(file: HierarchyFile = None) -> None:
    """Check a hierarchy against its rules; every broken one is named."""
    with _plain_errors():
        from knowledge.hierarchy import load_hierarchy

        hierarchy = load_hierarchy(file)
        typer.echo(
            f"{file or 'shipped hierarchy'}: {len(hierarchy.leaves)} leaves, "
            f"{len(hierarchy.flat)} descriptions, no rule broken"
        )


@knowledge_app.command("show")
def knowledge_show(file: HierarchyFile = None) -> None:
    """Show a hierarchy as a tree."""
    with _plain_errors():
        from rich.console import Console

        from knowledge.hierarchy import load_hierarchy
        from knowledge.tree import hierarchy_tree

        Console().print(hierarchy_tree(load_hierarchy(file)))


@bundle_app.command("info")
def bundle_info(folder: BundleFolder = None) -> None:
    """Say what a bundle holds and what was measured with it."""
    with _plain_errors():
        from rich.console import Console

        from service.bundle.show import info

        settings = _settings(bundle=folder)
        Console().print(info(settings.bundle, settings.precision, settings.device))


@bundle_app.command("verify")
def bundle_verify(folder: BundleFolder = None) -> None:
    """Compare every file with the manifest, open the graphs and run them once."""
    with _plain_errors():
        from rich.console import Console

        from service.bundle.show import verify

        settings = _settings(bundle=folder)
        table, is_sound = verify(settings.bundle, settings.threads)
        Console().print(table)
    if not is_sound:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the ``saclip`` command."""
    app()


def _settings(**overrides: Any) -> "Settings":
    from service.observe.logs import set_up_logs
    from service.settings import load_settings

    settings = load_settings(**overrides)
    set_up_logs(settings.log_format)  # to stderr: stdout is for results
    return settings


def _load_engine(settings: "Settings") -> "Engine":
    from knowledge.hierarchy import load_hierarchy
    from service.pipeline.engine import load_engine

    hierarchy = load_hierarchy(settings.knowledge_file)
    return load_engine(
        settings.bundle,
        settings.threads,
        hierarchy,
        precision=settings.precision,
        device=settings.device,
    )


def _write_json(content: Any, path: Path) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if path == STDOUT:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """One line on stderr instead of a traceback, for everything a user can cause."""
    from knowledge.violations import KnowledgeError

    try:
        yield
    except (ServiceError, KnowledgeError) as error:
        typer.echo(f"saclip: {error}", err=True)
        raise typer.Exit(1) from error
    except BrokenPipeError:
        # `saclip ... | head` has read enough; stdout is closed for good.
        sys.stdout = None
        raise typer.Exit(0) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"saclip: {where}{error.strerror or error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("saclip: stopped", err=True)
        raise typer.Exit(130) from error
