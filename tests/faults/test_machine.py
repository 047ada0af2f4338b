"""A full disk, a clock that jumps, a model that is gone."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.settings import EMBEDDED_BUNDLE
from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Saclip, Server, wait_until
from tests.faults.conftest import Stage
from tests.faults.test_workers import QUICK, Say, is_over, is_running

Keep = Callable[[Any], Any]
FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
DISK_MB = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if os.getuid() != 0:
        pytest.skip("a small disk can be mounted by root only: run as root")
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """A file that takes all the room but so many bytes."""
    path = folder / "filler"
    with path.open("wb") as file:
        try:
            while shutil.disk_usage(folder).free > leave:
                file.write(bytes(min(1024**2, max(4096, shutil.disk_usage(folder).free - leave))))
                file.flush()
        except OSError:
            pass
    return path


def test_a_full_disk_is_said_and_overcome(
    small_disk: Path, tmp_path: Path, keep: Keep, say: Say
) -> None:
    """Before an upload, in its middle, and in mid-job; what fails says why and leaves nothing."""
    data = small_disk / "data"
    server = keep(Server(tmp_path / "log", data_dir=data, min_free_bytes="16MiB"))
    clip = street_clip(tmp_path / "clip.mp4", frames=400)
    assert server.http.get("/readyz").json()["ready"]

    filler = fill(small_disk, leave=8 * 1024**2)
    not_ready = server.http.get("/readyz").json()
    refused = server.http.post("/videos/analyze", files={"video": clip.read_bytes()})
    scored = server.http.post("/frames/score", files={"image": encoded(street())})
    filler.unlink()
    ready = server.http.get("/readyz").json()["ready"]
    job_id = server.send(clip)
    server.until(job_id, lambda job: is_running(job) and job["progress"] > 10, 120)
    filler = fill(small_disk)
    job = server.until(job_id, is_over, 240)
    filler.unlink()
    room_at = time.monotonic()
    next_job = server.until(server.send(clip, **QUICK), is_over, 240)

    say(
        f"disk full: upload refused with {refused.status_code}, the job that ran {job['status']}"
        f" ({(job['error'] or {}).get('title')}), the next one completed "
        f"{time.monotonic() - room_at:.0f} s after there was room"
    )
    assert "disk nearly full" in str(not_ready["reasons"])
    assert refused.status_code == 507
    assert scored.status_code == 200
    assert ready
    assert job["status"] == "completed" or job["error"]["status"] == 507
    assert next_job["status"] == "completed"
    assert server.http.get("/readyz").json()["ready"]
    assert not list((data / "jobs" / job_id).glob("*.partial"))


def test_an_upload_that_fills_the_disk_leaves_nothing(
    small_disk: Path, tmp_path: Path, keep: Keep
) -> None:
    """Nothing must stay free here, so only the disk itself says no."""
    data = small_disk / "data"
    server = keep(Server(tmp_path / "log", data_dir=data, min_free_bytes=0))
    free = shutil.disk_usage(small_disk).free

    def chunks() -> Iterator[bytes]:  # no length is announced
        yield b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        for _ in range(DISK_MB + 8):
            yield bytes(1024**2)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = server.http.post("/videos/analyze", content=chunks(), headers=headers)

    assert answer.status_code == 507
    assert answer.json()["type"] == "/problems/storage-full"
    assert list((data / "jobs").iterdir()) == []
    assert shutil.disk_usage(small_disk).free > free - 1024**2


@pytest.mark.skipif(FAKETIME is None, reason="no faketime: deploy/system-packages.sh tests")
def test_a_clock_that_jumps_breaks_no_job(
    stage: Stage, clip: Path, tmp_path: Path, say: Say, keep: Keep
) -> None:
    """The clock of worker and API goes a day ahead in mid-job, then two days back."""
    offset = tmp_path / "offset"
    offset.write_text("+0")
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in faked.items():
            patch.setenv(name, value)
        worker: Saclip = stage.worker("first")
        server = keep(Server(tmp_path / "server.log", **stage.shared))
    job_id = server.send(clip, **QUICK)
    server.until(job_id, lambda job: is_running(job) and job["progress"] > 20, 120)

    offset.write_text("+1d")
    server.until(job_id, lambda job: job["progress"] > 50 or is_over(job), 120)
    offset.write_text("-1d")
    job = server.until(job_id, is_over, 240)
    ready = server.http.get("/readyz").json()
    answer = server.http.post("/frames/score", files={"image": encoded(street())})

    say(f"clock a day ahead, then two back: the job {job['status']}, begun once")
    assert job["status"] == "completed"
    assert worker.text().count("job_begun") == 1
    assert answer.status_code == 200
    assert ready["ready"], ready
    assert "T" in job["ended_at"]
    assert server.job(job_id)["report_url"]


def test_a_model_that_is_gone_stops_the_next_start_only(
    tmp_path: Path, keep: Keep, say: Say
) -> None:
    """What runs goes on; a start says in one line which file is missing; put back, it starts."""
    bundle = tmp_path / "bundle"
    shutil.copytree(EMBEDDED_BUNDLE, bundle)
    settings: dict[str, Any] = {
        "bundle": bundle, "data_dir": tmp_path / "data", "min_free_bytes": 0,
    }  # fmt: skip
    server = keep(Server(tmp_path / "first.log", **settings))
    clip = street_clip(tmp_path / "clip.mp4")
    model = bundle / "image_encoder.onnx"
    aside = model.rename(tmp_path / "aside.onnx")

    scored = server.http.post("/frames/score", files={"image": encoded(street())})
    job = server.until(server.send(clip), is_over)
    server.stop()
    refused = keep(Saclip(tmp_path / "second.log", "serve", "--port", "0", **settings))
    status = refused.process.wait(60)
    aside.rename(model)
    back_at = time.monotonic()
    again = keep(Server(tmp_path / "third.log", **settings))
    wait_until(lambda: again.http.get("/readyz").is_success, 60)

    say(f"model removed: exit {status}; ready {time.monotonic() - back_at:.1f} s after it is back")
    assert scored.status_code == 200
    assert job["status"] == "completed"
    assert status != 0
    (line,) = [line for line in refused.text().splitlines() if "image_encoder.onnx" in line]
    assert "missing" in line
    assert "Traceback" not in refused.text()
