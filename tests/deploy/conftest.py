"""The service, two workers and a Prometheus that has seen them at work."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from service.client import Client
from service.keys import new_key
from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Redis, Saclip, Server, closing_all, free_port
from tests.deploy.prometheus import (
    Prometheus,
    running_prometheus,
    until,
    write_config,
)


class Scraped(NamedTuple):
    """What Prometheus scrapes, and itself."""

    prometheus: Prometheus
    workers: list[Saclip]

    def number(self, expr: str) -> float:
        """The one value of an expression now; 0 where there is none."""
        rows = self.prometheus.query(expr)
        return float(rows[0]["value"][1]) if rows else 0.0


@pytest.fixture(scope="module")
def scraped(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Real programs with keys on: Redis, the API, two workers, Prometheus; and much to do."""
    folder = tmp_path_factory.mktemp("prometheus")
    made = {scope: new_key(scope, [scope]) for scope in ("metrics", "admin")}
    (folder / "keys.txt").write_text("\n".join(line for _, line in made.values()))
    (folder / "metrics_key").write_text(made["metrics"][0])
    ports = [free_port() for _ in range(2)]
    stop = threading.Event()
    with closing_all() as keep:
        shared = {
            "redis_url": keep(Redis(folder)).url,
            "bundle": tiny_bundle_dir,
            "data_dir": folder / "data",
            "api_keys_file": folder / "keys.txt",
            "min_free_bytes": 0,
        }
        server = keep(Server(folder / "server.log", **shared))
        workers = [
            keep(Saclip(folder / f"{port}.log", "worker", threads=1, metrics_port=port, **shared))
            for port in ports
        ]
        targets = {
            "saclip-api": [f"127.0.0.1:{server.port}"],
            "saclip-worker": [f"127.0.0.1:{port}" for port in ports],
        }
        config = write_config(folder, targets, folder / "metrics_key")
        url = f"http://127.0.0.1:{server.port}"
        load = threading.Thread(target=use_the_service, args=(url, made["admin"][0], folder, stop))
        load.start()
        try:
            with running_prometheus(config) as prometheus:
                # Discovery begins some seconds after the start; rates need two scrapes more.
                until(
                    lambda: len(prometheus.query("saclip:evidence_mean:1h")) == 2,
                    "drift is recorded",
                )
                until(
                    lambda: bool(prometheus.query("saclip:jobs_failed_ratio:30m")),
                    "jobs have ended",
                )
                yield Scraped(prometheus, workers)
        finally:
            stop.set()
            load.join()


def use_the_service(url: str, key: str, folder: Path, stop: threading.Event) -> None:
    """Pictures, good and bad ones; clips; a stream; an expert's change: until told to stop."""
    clip = street_clip(folder / "clip.mp4")
    picture = encoded(street())
    with Client(url, api_key=key) as client, httpx2.Client(base_url=url) as stranger:
        headers = {"Authorization": f"Bearer {key}"}
        knowledge = stranger.get("/knowledge", headers=headers).json()
        while not stop.is_set():
            client.score(picture)
            stranger.post("/frames/score", files={"image": b"words"}, headers=headers)
            stranger.post("/frames/score", files={"image": picture})
            for _ in range(2):  # one for each worker
                client.submit(clip)
            client.analyze(clip)
            stranger.put("/knowledge", json=knowledge, headers=headers)
            with client.stream() as stream:
                for step in range(5):
                    stream.score(encoded(street(step)), time_s=step / 10)
            time.sleep(0.1)
