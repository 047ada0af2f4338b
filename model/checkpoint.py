"""Checkpoints: tensors for torch, and a JSON beside them that can be read without it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import torch

from model.errors import ModelError

STATE_FILE = "state.pt"
META_FILE = "meta.json"


class CheckpointError(ModelError):
    """A checkpoint is missing, damaged or of another recipe."""


def save_checkpoint(folder: Path, state: dict[str, Any], meta: dict[str, Any]) -> None:
    """Write a checkpoint so that a kill at any moment leaves the old or the new one, whole.

    Args:
        folder: Where the run keeps its files; made if missing.
        state: Tensors and numbers that ``torch.load(weights_only=True)`` accepts.
        meta: Step, resolved recipe, metrics.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / (STATE_FILE + ".partial")
    torch.save(state, partial)
    # The step inside the state is the truth; the JSON is for readers.
    (folder / META_FILE).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, folder / STATE_FILE)  # noqa: PTH105 - replaces atomically


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """Read the state of a run.

    Raises:
        CheckpointError: When the file is missing or cannot be read.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        message = f"{path}: no checkpoint here"
        raise CheckpointError(message)
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = f"{path}: cannot be read as a checkpoint ({type(error).__name__})"
        raise CheckpointError(message) from error
    return state


def git_commit() -> str:
    """The commit of the source tree, or ``unknown`` outside of one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
