"""What a training shows while it runs, and the rows that it leaves in its run."""

import json
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def append_row(run_dir: Path, row: dict[str, float]) -> None:
    """One more row of ``metrics.jsonl``."""
    with (run_dir / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def progress() -> Progress:
    """A bar with the latest loss beside it."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
