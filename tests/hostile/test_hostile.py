"""Some hundred hostile files against a real server, all at once; and afterwards it is as before.

No answer is a defect of ours, none takes long, nothing outside is read or asked, memory returns.
"""

import collections
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Server, wait_until
from tests.hostile.clips import clips
from tests.hostile.conftest import SECRET, Listener, Secret
from tests.hostile.corpus import Hostile
from tests.hostile.pictures import pictures
from tests.hostile.playlists import playlists

MAX_SECONDS = 20.0
MAX_GROWTH = 1.1  # beside the pools and caches that the first requests fill
EXPECTED = {200, 202, 400, 413, 415, 422}
AT_ONCE = 4
ENDED = ("completed", "failed", "cancelled")


class Answer(NamedTuple):
    name: str
    status: int
    seconds: float
    text: str


def send(url: str, route: str, field: str, file: Hostile) -> Answer:
    """One file, named as the client pleases."""
    started = time.monotonic()
    response = httpx2.post(
        url + route,
        files={field: (file.filename, file.data)},
        data={"film": "false"} if field == "video" else {},
        timeout=MAX_SECONDS + 10,
    )
    seconds = time.monotonic() - started
    return Answer(file.name, response.status_code, seconds, response.text)


def resident_mb(server: Server) -> float:
    """Memory that the server holds at this moment."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def children(server: Server) -> list[str]:
    """Processes that the server started and that still run."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return " ".join(path.read_text() for path in tasks).split()


@pytest.fixture(scope="module")
def corpus(
    tmp_path_factory: pytest.TempPathFactory, listener: Listener, secret: Secret
) -> tuple[list[Hostile], list[Hostile]]:
    """Files for pictures, and files for clips."""
    folder = tmp_path_factory.mktemp("made")
    path = str(secret.path)
    return (
        list(pictures(path, listener.url)),
        [*playlists(path, listener.url, folder), *clips(folder)],
    )


def test_the_traps_can_spring(listener: Listener, secret: Secret, tmp_path: Path) -> None:
    """FFmpeg that may follows a playlist to the address, and a reader of the file is noted."""
    playlist = tmp_path / "a.m3u8"
    lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:9", "#EXTINF:9,", listener.url, "#EXT-X-ENDLIST")
    playlist.write_text("\n".join(lines))
    options = {"allowed_extensions": "ALL", "protocol_whitelist": "file,http,tcp"}
    code = f"import av; av.open({str(playlist)!r}, options={options!r})"
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert listener.seen[0].startswith(b"GET /secret.ts")
    assert SECRET in secret.path.read_text()

    assert secret.was_read

    listener.seen.clear()
    secret.hide()


@pytest.mark.timeout(1200)
def test_no_hostile_file_does_harm(
    server: tuple[Server, Path],
    corpus: tuple[list[Hostile], list[Hostile]],
    listener: Listener,
    secret: Secret,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every file of the corpus to both routes, four at once."""
    program, folder = server
    url = f"http://127.0.0.1:{program.port}"
    good = street_clip(tmp_path / "good.mp4")
    warm_up(program, good)
    before_mb = resident_mb(program)
    for_frames, for_videos = corpus
    started = time.monotonic()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        frames = [
            pool.submit(send, url, "/frames/score", "image", file)
            for file in (*for_frames, *for_videos)
        ]
        videos = [
            pool.submit(send, url, "/videos/analyze", "video", file)
            for file in (*for_videos, *for_frames[::5])
        ]
        answers = [future.result() for future in (*frames, *videos)]
    jobs = ended_jobs(program)

    took_s = time.monotonic() - started
    statuses = collections.Counter(answer.status for answer in answers)
    slowest = max(answers, key=lambda answer: answer.seconds)
    after_mb = settled_mb(program, before_mb)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n    {len(answers)} answers in {took_s:.0f} s: {dict(sorted(statuses.items()))}, "
            f"{len(jobs)} jobs; slowest {slowest.seconds:.1f} s ({slowest.name}); "
            f"resident {before_mb:.0f} MB before, {after_mb:.0f} MB after"
        )
    assert len({file.name for file in (*for_frames, *for_videos)}) >= 200
    assert [answer for answer in answers if answer.status not in EXPECTED] == []
    assert [answer[:3] for answer in answers if answer.seconds > MAX_SECONDS] == []
    assert [job for job in jobs if job["error"] and job["error"]["status"] >= 500] == []
    assert [job["name"] for job in jobs if seconds_of(job) > MAX_SECONDS] == []
    assert listener.seen == []
    assert not secret.was_read
    assert not [a.name for a in answers if SECRET in a.text or SECRET.encode().hex() in a.text]
    assert SECRET not in program.text()
    assert not [p for p in folder.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert after_mb < MAX_GROWTH * before_mb
    assert children(program) == []
    assert program.http.get("/readyz").json()["ready"]
    assert program.until(program.send(good), lambda job: job["status"] in ENDED)["error"] is None


def warm_up(program: Server, good: Path) -> None:
    """Fill the pools of threads and memory with good requests, as large as any may be."""
    one = [("image", encoded(street(width=7000, height=7000)))]
    many = [("image", encoded(street(width=1920, height=1080)))] * 16
    small = [("image", encoded(street()))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for files in [one, many] * AT_ONCE + [small] * 60:
            pool.submit(program.http.post, "/frames/score", files=files)
    for _ in range(3):
        program.until(program.send(good), lambda job: job["status"] in ENDED)


def ended_jobs(program: Server) -> list[dict[str, Any]]:
    """All jobs, once none is left to do."""

    def look() -> list[dict[str, Any]] | None:
        jobs: list[dict[str, Any]] = program.http.get("/jobs", params={"limit": 1000}).json()[
            "jobs"
        ]
        return jobs if all(job["status"] in ENDED for job in jobs) else None

    return wait_until(look, 600, "of the jobs") or []


def seconds_of(job: dict[str, Any]) -> float:
    """From the start of a job to its end."""
    begun, ended = (datetime.fromisoformat(job[key]) for key in ("started_at", "ended_at"))
    return (ended - begun).total_seconds()


def settled_mb(program: Server, before_mb: float) -> float:
    """Memory once it is back, or after some seconds."""
    deadline = time.monotonic() + 10
    while (now_mb := resident_mb(program)) > before_mb and time.monotonic() < deadline:
        time.sleep(0.5)
    return now_mb
