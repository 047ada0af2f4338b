"""Memory of a worker over the length of the clip, film included; and what overlapping gains.

Two 1080p clips of different length are made of the built-in sample, analysed as a worker does it,
each in a process of its own, while the memory of that process and its children is looked at.

    python benchmarks/memory.py --minutes 3 30 --sample-fps 2
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from unittest.mock import patch

import av
from rich.console import Console
from rich.table import Table

from service.jobs.analysis import ClipAnalysis
from service.jobs.queue import JobRun
from service.jobs.store import Job, JobOptions
from service.observe.metrics import Metrics
from service.pipeline.engine import KnowledgeFile, LiveEngine, load_engine
from service.pipeline.video import VideoAnalyzer
from service.settings import EMBEDDED_BUNDLE, Settings
from service.vision.isolated import in_a_child, in_this_process

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "service" / "web" / "samples" / "accident.mp4"
WIDTH, HEIGHT, FPS = 1920, 1080, 10
LOOK_EVERY_S = 0.05
LIMIT_BYTES, TOLERANCE = 1_500_000_000, 0.10


def main() -> int:
    """Measure and print; 1 when the memory is above the limit or grows with the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[3, 30])
    parser.add_argument("--sample-fps", type=float, default=2.0)
    parser.add_argument("--analyse", nargs=2, metavar=("CLIP", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.analyse:
        analyse(*(Path(word) for word in arguments.analyse), sample_fps=arguments.sample_fps)
        return 0
    table = Table("clip", "frames scored", "seconds", "peak memory of the process tree", "ratio")
    peaks: list[int] = []
    with TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            clip = make_clip(Path(folder) / f"{minutes:g}.mp4", minutes)
            seconds, frames, peak = measured(clip, Path(folder) / "job", arguments.sample_fps)
            peaks.append(peak)
            table.add_row(
                f"{minutes:g} min, {clip.stat().st_size / 1e6:.0f} MB", str(frames),
                f"{seconds:.0f}", f"{peak / 1e6:.0f} MB", f"{peak / peaks[0]:.2f}",
            )  # fmt: skip
        overlap = overlapping(make_clip(Path(folder) / "one.mp4", 1), arguments.sample_fps)
    console = Console()
    console.print(table)
    console.print(overlap)
    is_flat = max(peaks) <= (1 + TOLERANCE) * min(peaks)
    return 0 if is_flat and max(peaks) < LIMIT_BYTES else 1


def make_clip(path: Path, minutes: float) -> Path:
    """The sample, enlarged and repeated for so long."""
    with av.open(str(SAMPLE)) as sample:
        frames = [
            frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p")
            for frame in sample.decode(video=0)
        ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(round(minutes * 60 * FPS)):
            frame = frames[number % len(frames)]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def measured(clip: Path, folder: Path, sample_fps: float) -> tuple[float, int, int]:
    """Seconds, frames scored, and the most bytes that all processes held at one time."""
    started = time.monotonic()
    words = ["--sample-fps", str(sample_fps), "--analyse", str(clip), str(folder)]
    child = subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, *words], start_new_session=True, stdout=subprocess.PIPE
    )
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident_bytes(child.pid))
        time.sleep(LOOK_EVERY_S)
    assert child.stdout is not None
    if child.returncode:
        raise SystemExit(f"the analysis of {clip.name} ended with {child.returncode}")
    frames = int(json.loads(child.stdout.read())["frames"])
    return time.monotonic() - started, frames, peak


def resident_bytes(session: int) -> int:
    """Resident memory of all processes of a session; what they share counts for each."""
    pages = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                pages += int((process / "statm").read_text().split()[1])
        except OSError:
            continue  # it has ended meanwhile
    return pages * 4096


def analyse(clip: Path, folder: Path, *, sample_fps: float) -> None:
    """What a worker does with one job."""
    folder.mkdir(exist_ok=True)
    engine = LiveEngine(load_engine(EMBEDDED_BUNDLE), KnowledgeFile(folder / "none.yaml"))
    analysis = ClipAnalysis(engine, Settings(data_dir=folder), Metrics(frozenset()))
    options = JobOptions(sample_fps=sample_fps, top_k=5, mode="paired")
    job = Job(id=clip.stem, name=clip.name, options=options, created_at=datetime.now(UTC))
    work = folder / clip.stem
    work.mkdir()
    report = analysis(
        JobRun(
            job=job, clip=clip, folder=work, progress=lambda share, stage: None,
            cancelled=lambda: False, keep=lambda: None,
        )
    )  # fmt: skip
    print(json.dumps({"frames": len(report.frames)}))  # noqa: T201


def overlapping(clip: Path, sample_fps: float) -> Table:
    """The stages one after the other in one thread, and as they are run; they take turns."""
    engine = load_engine(EMBEDDED_BUNDLE)

    def in_turn(items: Iterable[T], depth: int) -> Generator[T]:
        yield from items

    def alone() -> None:
        with patch("service.pipeline.video.ahead", in_turn):
            VideoAnalyzer(engine, in_this_process(10**8, 7200)).analyze(clip, sample_fps)

    def together() -> None:
        VideoAnalyzer(engine, in_a_child(10**8, 7200)).analyze(clip, sample_fps)

    ways = {"one after the other": alone, "overlapping": together}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, run in ways.items():
            started = time.monotonic()
            run()
            times[name].append(time.monotonic() - started)
    table = Table("stages of a minute of 1080p", "seconds, least", "ratio")
    base = min(times["one after the other"])
    for name, seconds in times.items():
        table.add_row(name, f"{min(seconds):.1f}", f"{min(seconds) / base:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
