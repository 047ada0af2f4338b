"""Captions to a served answer, every stage through its own command: ``make pipeline-tiny``.

    python benchmarks/pipeline_tiny.py [FOLDER]

Stages: generate pictures and captions, curate them to triplets, train a tiny CLIP tower on them,
export it, evaluate the bundle, serve it and ask for a score.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from service.client import Client

ROOT = Path(__file__).resolve().parent.parent
NUM_PICTURES = 200
SERVER_START_S = 60.0


def run(folder: Path) -> dict[str, float]:
    """Run all stages in ``folder``; returns seconds by stage.

    Raises:
        SystemExit: A stage failed; its output says why.
    """
    images, curated = folder / "images", folder / "curated"
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        (ROOT / "model" / "recipes" / "tiny.yaml")
        .read_text(encoding="utf-8")
        .replace("curated/triplets.jsonl", str(curated / "triplets.jsonl"))
        .replace("images: images", f"images: {images}")
        .replace("images/rois.jsonl", str(images / "rois.jsonl"))
        .replace("model/recipes/tiny_clip.json", str(ROOT / "model/recipes/tiny_clip.json")),
        encoding="utf-8",
    )
    model = [sys.executable, "-m", "model.cli"]
    count = str(NUM_PICTURES)
    bundle, trained = str(folder / "bundle"), str(folder / "run")
    stages = {
        "generate": ["generate", "layouts", "--out", str(images), "--count", count],
        "curate": ["curate", str(images / "captions.jsonl"), "--out", str(curated)],
        "train": ["train", str(recipe), "--out", trained],
        "export": ["export", bundle, "--run", trained, "--recipe", str(recipe)],
        "evaluate": ["evaluate", "layouts", "--bundle", bundle, "--groups", "20",
                     "--out", str(folder / "layouts")],
    }  # fmt: skip
    seconds = {}
    for stage, arguments in stages.items():
        seconds[stage] = _timed(stage, [*model, *arguments])
    started = time.perf_counter()
    answer = _serve_and_score(folder / "bundle", images / "layout_000000.png", folder / "data")
    seconds["serve"] = time.perf_counter() - started
    (folder / "answer.json").write_text(json.dumps(answer) + "\n", encoding="utf-8")
    return seconds


def _timed(stage: str, command: list[str]) -> float:
    started = time.perf_counter()
    # Generated frames calibrate a generated model; real footage, where there is some, is not asked.
    environment = {k: v for k, v in os.environ.items() if k != "SACLIP_TEST_DATA"}
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{stage} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def _serve_and_score(bundle: Path, picture: Path, data: Path) -> dict[str, object]:
    """Start the service over the bundle, score one picture over HTTP, stop it."""
    command = [str(Path(sys.executable).parent / "saclip"), "serve", "--port", "0"]
    environment = {**os.environ, "SACLIP_BUNDLE": str(bundle), "SACLIP_DATA_DIR": str(data),
                   "SACLIP_LOG_FORMAT": "json"}  # fmt: skip
    environment.pop("SACLIP_TEST_DATA", None)
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            with Client(_address(server)) as client:
                (result,) = client.score(picture)
        finally:
            server.terminate()
            server.communicate(timeout=30)
    return {"score": result.score, "probability": result.probability,
            "best": result.explanations[0].text}  # fmt: skip


def _address(server: "subprocess.Popen[str]") -> str:
    """Where the service says that it listens, once it answers."""
    assert server.stdout is not None
    deadline, url, seen = time.monotonic() + SERVER_START_S, "", []
    while time.monotonic() < deadline:
        line = server.stdout.readline()
        if not line:
            break
        seen.append(line)
        if '"listening"' in line:
            url = str(json.loads(line)["url"])
        if '"service_started"' in line:
            return url
    sys.exit("the service did not start:\n" + "".join(seen))


def main() -> None:
    """Run in the folder named, or in one that is thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        seconds = run(folder)
        table = Table("stage", "seconds")
        for stage, value in seconds.items():
            table.add_row(stage, f"{value:.1f}")
        table.add_row("all", f"{sum(seconds.values()):.1f}")
        Console().print(table)
        Console().print((folder / "answer.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
