"""What an analysis has reached, written every few seconds, so that it can be taken up again.

One file without pickle: the columns that grow as an array, the rest as JSON. A checkpoint of
other models, knowledge, options or code is no use and is ignored: ``identity`` tells.
"""

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

VERSION = 9  # grows with every change of what is kept; an older one is begun anew
CHECKPOINT_FILE = "checkpoint.npz"
EVERY_S = 5.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where an analysis stands after whole batches.

    Attributes:
        last_index: Number in the file of the last frame that was scored or skipped.
        columns: Of the timeline.
        state: Of everything that remembers, by name; ready for JSON.
    """

    last_index: int
    columns: NDArray[np.float64]
    state: Mapping[str, Any]


class CheckpointFile:
    """Keeps the latest progress of one analysis.

    Args:
        path: The file.
        identity: What must be the same for the progress to be of use.
        before: Called first: whatever else was written must be on the disk before.
        after: Called when it is written, to bring it where another worker finds it.
        every_s: Seconds between two checkpoints.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, str],
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._path, self._identity = path, {"version": str(VERSION), **identity}
        self._before, self._after, self._every_s = before, after, every_s
        self._saved_at = time.monotonic()

    def load(self) -> Progress | None:
        """The progress that was kept; None when there is none that fits."""
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as content:
                head = json.loads(str(content["head"]))
                columns = np.asarray(content["columns"], np.float64)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("checkpoint_unreadable", error=type(error).__name__)
            return None
        if head["identity"] != self._identity:
            log.info("checkpoint_of_something_else")
            return None
        log.info("checkpoint_taken_up", last_index=head["last_index"])
        return Progress(head["last_index"], columns, head["state"])

    def is_due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return time.monotonic() - self._saved_at >= self._every_s

    def save(self, progress: Progress) -> None:
        """Replace the last one; a kill in between leaves that."""
        self._before()
        head = {
            "identity": self._identity,
            "last_index": progress.last_index,
            "state": progress.state,
        }
        content = io.BytesIO()
        np.savez(content, columns=progress.columns, head=np.array(json.dumps(head)))
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        self._after()
        self._saved_at = time.monotonic()
