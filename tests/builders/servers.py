"""Real programs that tests talk to: Redis, the service itself, its workers, a receiver."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
# moto reads the region from it and checks nothing.
S3_CALLER = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}


def redis_server() -> str | None:
    """The program, where there is one."""
    return os.environ.get("SACLIP_TEST_REDIS") or shutil.which("redis-server")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(look: Callable[[], T], timeout_s: float = 30.0, what: str = "") -> T:
    """The first true answer; whatever cannot connect yet is asked again."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if answer := look():
                return answer
        except (httpx2.TransportError, OSError):
            pass
        assert time.monotonic() < deadline, f"nothing within {timeout_s} s {what}"
        time.sleep(0.05)


class Program:
    """A child with a process group of its own, so that its whole tree can be killed."""

    def __init__(self, command: Sequence[str], log: Path, **environment: str) -> None:
        self._log = log
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SACLIP_")}
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill_tree(self, number: int = signal.SIGKILL) -> None:
        """A signal for the program and all its children."""
        os.killpg(self.process.pid, number)
        self.process.wait(30)

    def send_signal(self, number: int) -> None:
        """A signal for the program and all its children, which may survive it."""
        os.killpg(self.process.pid, number)

    def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM to the program alone, as an orchestrator does; its exit status."""
        self.process.terminate()
        return self.process.wait(timeout_s)

    def text(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.kill_tree()


class Redis(Program):
    """A Redis of the test's own, with its append-only file."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.folder = folder
        program = redis_server()
        assert program is not None
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly yes --dir {folder}".split()
        super().__init__([program, *options, "--save", ""], folder / "redis.log")
        wait_until(self._answers, 10, "from Redis")

    @property
    def url(self) -> str:
        """For ``SACLIP_REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *words: str) -> str:
        """One command's answer, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as wire:
            wire.sendall((" ".join(words) + "\r\n").encode())
            return wire.recv(65536).decode()

    def _answers(self) -> bool:
        return self.ask("PING").startswith("+PONG")


class S3(Program):
    """An S3 server of the test's own (moto) with one empty bucket, ``clips``."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        super().__init__(command, folder / "s3.log")
        try:
            wait_until(lambda: httpx2.get(self.url).is_success, 30, self.text())
            httpx2.put(f"{self.url}/clips", headers=S3_CALLER).raise_for_status()
        except BaseException:
            self.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """What a client of S3 reads."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def names(self) -> list[str]:
        """The objects of the bucket."""
        listing = httpx2.get(f"{self.url}/clips?list-type=2", headers=S3_CALLER).text
        return re.findall(r"<Key>(.*?)</Key>", listing)


class Saclip(Program):
    """``saclip`` with settings of the test."""

    def __init__(self, log: Path, *arguments: str, **settings: Any) -> None:
        variables = {f"SACLIP_{name.upper()}": str(value) for name, value in settings.items()}
        code = "from service.cli import main; main()"
        super().__init__([sys.executable, "-c", code, *arguments], log, **variables)


class Server(Saclip):
    """``saclip serve`` on a port of its own, ready when made."""

    def __init__(self, log: Path, port: int | None = None, **settings: Any) -> None:
        self.port = port or free_port()
        super().__init__(log, "serve", "--port", str(self.port), threads=1, **settings)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        try:
            # A second or two, but a machine that others keep busy takes its time.
            wait_until(self._answers, 180, self.text())
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the server ended: {self.text()[-2000:]}"
        return self.http.get("/healthz").is_success

    def send(self, clip: Path, **fields: str) -> str:
        """The id of the job of a clip."""
        with clip.open("rb") as file:
            answer = self.http.post("/videos/analyze", files={"video": file}, data=fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as it stands."""
        content: dict[str, Any] = self.http.get(f"/jobs/{job_id}").raise_for_status().json()
        return content

    def until(
        self, job_id: str, is_so: Callable[[dict[str, Any]], bool], timeout_s: float = 60
    ) -> dict[str, Any]:
        """The job once it is so."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if is_so(job) else None

        return wait_until(look, timeout_s, f"of job {job_id}; {self.text()[-2000:]}") or {}

    def report(self, job_id: str) -> dict[str, Any]:
        """The report of a completed job without what differs from run to run."""
        content: dict[str, Any] = self.http.get(f"/jobs/{job_id}/report").raise_for_status().json()
        content.pop("timings")
        return content

    def close(self) -> None:
        self.http.close()
        super().close()


class Receiver:
    """A local receiver of callbacks; answers what it is told to."""

    def __init__(self, answers: Sequence[int] = (200,)) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self._answers = list(answers)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.paths.append(self.path)
                receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
                answers = receiver._answers
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                self.send_header("Location", "http://169.254.169.254/")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def closing_all() -> Iterator[Callable[[Any], Any]]:
    """Closes what it was given, the last first."""
    opened: list[Any] = []

    def keep(item: Any) -> Any:
        opened.append(item)
        return item

    try:
        yield keep
    finally:
        for item in reversed(opened):
            item.close()
