"""What was found in each sampled frame of a clip, in one small file that is read at random.

A report keeps the curve and the segments; boxes and explanations of every frame would make it a
hundred times as long. They go into an SQLite file: one row a frame, written while the clip is
analysed, read one at a time by the routes and in order by the film.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from service.errors import FrameNotSampled
from service.pipeline.frame_score import FrameScore, frame_score
from service.pipeline.judging import FrameResult
from service.vision.clips import SampledFrame

DETAILS_FILE = "frames.sqlite"
COMMIT_EVERY = 64  # a frame that was not committed is analysed again, so few are at stake
_TABLE = "CREATE TABLE IF NOT EXISTS frame (number INTEGER PRIMARY KEY, body BLOB NOT NULL)"


class DetailWriter:
    """Writes the details of a running analysis; a frame written twice keeps the last.

    Args:
        path: The file; rows of an interrupted run are kept.
    """

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, check_same_thread=False)
        self._file.execute(_TABLE)
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.commit()
        self._file.close()

    def add(self, sampled: SampledFrame, result: FrameResult) -> None:
        """Keep what one frame gave."""
        height, width = sampled.frame.shape[:2]
        score = frame_score(str(sampled.index), (width, height), result, decode_ms=0.0)
        body = zlib.compress(score.model_dump_json(by_alias=True).encode(), level=1)
        self._file.execute("REPLACE INTO frame VALUES (?, ?)", (sampled.index, body))
        self._waiting += 1
        if self._waiting >= COMMIT_EVERY:
            self.commit()

    def commit(self) -> None:
        """Bring what was added to the disk, before a checkpoint says that it is there."""
        self._file.commit()
        self._waiting = 0


def read_detail(path: Path, index: int) -> FrameScore:
    """What was found in the frame with this number of the file.

    Raises:
        FrameNotSampled: It was not scored; the nearest ones that were are named.
    """
    with closing(_open(path)) as file:
        row = file.execute("SELECT body FROM frame WHERE number = ?", (index,)).fetchone()
        if row is None:
            raise FrameNotSampled(f"frame {index} was not scored{_neighbours(file, index)}")
    return _parse(row[0])


def read_details(path: Path) -> Iterator[tuple[int, FrameScore]]:
    """All frames in order of their number."""
    with closing(_open(path)) as file:
        for number, body in file.execute("SELECT number, body FROM frame ORDER BY number"):
            yield number, _parse(body)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def _parse(body: bytes) -> FrameScore:
    return FrameScore.model_validate_json(zlib.decompress(body), by_alias=True, by_name=True)


def _neighbours(file: sqlite3.Connection, index: int) -> str:
    before = file.execute("SELECT max(number) FROM frame WHERE number < ?", (index,)).fetchone()[0]
    after = file.execute("SELECT min(number) FROM frame WHERE number > ?", (index,)).fetchone()[0]
    near = [str(number) for number in (before, after) if number is not None]
    return f"; the nearest that were: {' and '.join(near)}" if near else ""
