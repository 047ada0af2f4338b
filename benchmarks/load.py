"""Ten minutes of pictures from 64 clients, then 20 clips at once, against a server of its own.

Run with ``make load``; ``--seconds 30`` for a first look. Exits with 1 when an answer was a
defect (a 5xx that is no announced refusal), a clip was lost, or memory grew.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import httpx2
import numpy as np
from rich.console import Console
from rich.table import Table

ANNOUNCED = {429, 503, 507}
MAX_GROWTH = 0.05  # of resident memory, in the last half
LOOK_EVERY_S = 1.0
PATIENCE_S = 900.0
CLIP_FRAMES = 100


class Load(NamedTuple):
    """What was seen while pictures were sent."""

    statuses: Counter[int]
    seconds: list[float]
    resident_mb: list[float]


def main() -> None:
    """Start a server, use it, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--clips", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from service.cli import main; main()", "serve"]
        log = (Path(folder) / "log").open("wb")
        environment = {"SACLIP_DATA_DIR": folder, "SACLIP_PORT": "0", "SACLIP_LOG_FORMAT": "json"}
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, env={**_environment(), **environment}, stdout=log, stderr=log
        )
        try:
            url = _address(Path(folder) / "log", server)
            status = asyncio.run(_run(url, server.pid, options))
        finally:
            server.terminate()
            server.wait(60)
    sys.exit(status)


async def _run(url: str, pid: int, options: argparse.Namespace) -> int:
    picture, clip = _picture(), _clip()
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        load = await _pictures(client, picture, pid, options.seconds, options.clients)
        started = time.monotonic()
        ends = await asyncio.gather(*(_one_clip(client, clip) for _ in range(options.clips)))
        clips_s = time.monotonic() - started
    return _report(load, ends, clips_s, options)


async def _pictures(
    client: httpx2.AsyncClient, picture: bytes, pid: int, seconds: float, num_clients: int
) -> Load:
    load = Load(Counter(), [], [])
    end = time.monotonic() + seconds

    async def send() -> None:
        while time.monotonic() < end:
            started = time.monotonic()
            answer = await client.post("/frames/score", files={"image": picture})
            load.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                load.seconds.append(time.monotonic() - started)
            else:
                await asyncio.sleep(float(answer.headers.get("retry-after", 1)))

    async def look() -> None:
        while time.monotonic() < end:
            load.resident_mb.append(_resident_mb(pid))
            await asyncio.sleep(LOOK_EVERY_S)

    await asyncio.gather(look(), *(send() for _ in range(num_clients)))
    return load


async def _one_clip(client: httpx2.AsyncClient, clip: bytes) -> tuple[str, float]:
    """How the job of a clip ended, and after how many seconds."""
    started = time.monotonic()
    answer = await client.post("/videos/analyze", files={"video": clip})
    if answer.status_code != 202:
        return f"refused with {answer.status_code}", 0.0
    job = answer.json()
    while job["status"] in ("queued", "in_progress"):
        if time.monotonic() - started > PATIENCE_S:
            return "lost", PATIENCE_S
        await asyncio.sleep(0.5)
        job = (await client.get(f"/jobs/{job['id']}")).json()
    return str(job["status"]), time.monotonic() - started


def _report(
    load: Load, ends: list[tuple[str, float]], clips_s: float, options: argparse.Namespace
) -> int:
    defects = sum(n for s, n in load.statuses.items() if s >= 500 and s not in ANNOUNCED)
    refused = sum(n for s, n in load.statuses.items() if s in ANNOUNCED)
    p50, p99 = np.percentile(load.seconds, [50, 99])
    tenth = max(1, len(load.resident_mb) // 10)
    middle = statistics.median(load.resident_mb[len(load.resident_mb) // 2 :][:tenth])
    last = statistics.median(load.resident_mb[-tenth:])
    growth = last / middle - 1
    outcomes = Counter(status for status, _ in ends)
    rate = len(load.seconds) / options.seconds
    table = Table("load", "figure")
    rows = {
        f"pictures of 1280x720, {options.clients} clients, {options.seconds:g} s": "",
        "answered with a score": f"{len(load.seconds)} ({rate:.1f}/s)",
        "p50 and p99 of these": f"{p50 * 1000:.0f} and {p99 * 1000:.0f} ms",
        "told to come back (429, 503, 507)": str(refused),
        "other 5xx": str(defects),
        "resident memory, middle and end": f"{middle:.0f} and {last:.0f} MB ({growth:+.1%})",
        f"{options.clips} clips of {CLIP_FRAMES} frames": f"{dict(outcomes)}, {clips_s:.0f} s",
    }  # fmt: skip
    for name, figure in rows.items():
        table.add_row(name, figure)
    Console().print(table)
    is_good = defects == 0 and growth < MAX_GROWTH and outcomes["completed"] == options.clips
    return 0 if is_good else 1


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SACLIP_")}


def _address(log: Path, server: "subprocess.Popen[bytes]") -> str:
    """Where the server listens, once it is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        text = log.read_text()
        if "service_started" in text:
            return text.split('"url": "')[1].split('"')[0]
        time.sleep(0.1)
    raise SystemExit(f"the server did not start: {log.read_text()[-500:]}")


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _scene(step: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """A grey street with something that moves, (720, 1280, 3) RGB."""
    frame = np.full((720, 1280, 3), 90, np.uint8)
    frame[400:520, 200 + 4 * step : 420 + 4 * step] = (200, 30, 30)
    frame[380:560, 900:960] = (30, 30, 200)
    return frame


def _picture() -> bytes:
    return bytes(cv2.imencode(".jpg", _scene(0))[1].tobytes())


def _clip() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            for i in range(CLIP_FRAMES):
                picture = av.VideoFrame.from_ndarray(_scene(i), format="rgb24")
                picture.pts, picture.time_base = i, Fraction(1, 10)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return path.read_bytes()


if __name__ == "__main__":
    main()
