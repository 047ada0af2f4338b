"""A real server, a file that must not be read, an address nobody may ask."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.servers import Server

SECRET = "the-word-that-must-stay-in-its-file"  # noqa: S105


class Listener:
    """Notes whoever knocks at a port of this machine, by TCP or UDP."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._tcp.getsockname()[1])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._closing = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/secret.ts"

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._thread.join()
        self._tcp.close()
        self._udp.close()

    def _listen(self) -> None:
        while not self._closing:
            for ready in select.select([self._tcp, self._udp], [], [], 0.1)[0]:
                if ready is self._udp:
                    self.seen.append(self._udp.recv(65536))
                    continue
                with self._tcp.accept()[0] as caller:
                    caller.settimeout(1)
                    self.seen.append(caller.recv(65536))


class Secret:
    """A file whose reading leaves a trace.

    A file system notes the access of a file that was changed since the last one, also where it
    seldom does (``relatime``).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text(SECRET * 20)
        self.hide()

    def hide(self) -> None:
        """Forget earlier readers."""
        os.utime(self.path, (1, time.time()))

    @property
    def was_read(self) -> bool:
        """Whether anybody read it since."""
        return self.path.stat().st_atime > 1


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Secret:
    return Secret(tmp_path_factory.mktemp("secret") / "secret.ts")


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, Path]]:
    """The server and its data folder."""
    folder = tmp_path_factory.mktemp("hostile")
    made = Server(
        folder / "server.log",
        data_dir=folder / "data",
        min_free_bytes=0,
        max_queued_jobs=1000,
        max_waiting=100,
        # Junk may decode to millions of pictures: hours of video, which would be analysed as such.
        max_video_seconds=60,
    )
    yield made, folder
    made.close()
