"""Rules and dashboards against a real Prometheus that scrapes the real service under load."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
import yaml

from service.app import create_app
from service.client import Client
from service.keys import new_key
from service.serving import bind
from service.settings import Settings
from tests.builders.footage import encoded, street, street_clip
from tests.deploy.prometheus import (
    DEPLOY,
    Prometheus,
    free_port,
    running_prometheus,
    until,
    write_config,
)

DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus" / "rules.yml"
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs Debian's prometheus"
)
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")

# A worker's metrics without its work: a heartbeat that stops when the process is killed.
WORKER = """
import sys, time
from service.observe.exporter import serve_metrics
from service.observe.metrics import Metrics
metrics = Metrics()
metrics.watch_worker(lambda: True)
serve_metrics(metrics, "127.0.0.1", int(sys.argv[1]))
time.sleep(600)
"""


def panels_of(dashboard: Path) -> list[dict[str, Any]]:
    return [p for p in json.loads(dashboard.read_text())["panels"] if p["type"] != "row"]


def dashboard_exprs() -> list[Any]:
    """Every expression with Grafana's variables filled in."""
    found = []
    for dashboard in DASHBOARDS:
        for panel in panels_of(dashboard):
            for target in panel["targets"]:
                expr = target["expr"].replace("$__rate_interval", "30s")
                found.append(pytest.param(expr, id=f"{panel['title']} {target['refId']}"))
    return found


def rule_exprs() -> list[Any]:
    """Recorded expressions, and those of alerts without the comparison that makes them alarms."""
    found = []
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            name = rule.get("record") or rule["alert"]
            if "record" in rule:
                found.append(pytest.param(rule["expr"], id=name))
                continue
            # One part of `a > 1 or b == 0` after the other; `absent` is there to be empty.
            parts = re.split(r"\band on\(\)|\band\b|\bor\b", rule["expr"])
            for number, part in enumerate(parts):
                if "absent(" not in part:
                    value = re.split(r"(?:>|<|==)(?=[^\"]*$)", part, maxsplit=1)[0]
                    found.append(pytest.param(value.strip(), id=f"{name} {number}"))
    return found


@pytest.fixture(scope="module")
def scraped(
    tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Prometheus, "subprocess.Popen[bytes]"]]:
    """The service with keys on, a second process, and a Prometheus that has seen them at work."""
    folder = tmp_path_factory.mktemp("prometheus")
    made = {scope: new_key(scope, [scope]) for scope in ("metrics", "admin")}
    (folder / "keys.txt").write_text("\n".join(line for _, line in made.values()))
    (folder / "metrics_key").write_text(made["metrics"][0])
    settings = Settings(
        bundle=tiny_bundle_dir,
        data_dir=folder / "data",
        threads=1,
        api_keys_file=folder / "keys.txt",
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None))
    listener = bind("127.0.0.1", 0)
    host, port = listener.getsockname()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    worker_port = free_port()
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(worker_port)])
    targets = {
        "saclip-api": [f"{host}:{port}"],
        "saclip-worker": [f"127.0.0.1:{worker_port}"],
    }
    config = write_config(folder, targets, folder / "metrics_key")
    stop = threading.Event()
    load = threading.Thread(
        target=use_the_service, args=(f"http://{host}:{port}", made["admin"][0], folder, stop)
    )
    try:
        until(lambda: server.started, "the service has started")
        load.start()
        with running_prometheus(config) as prometheus:
            # Discovery begins some seconds after the start; rates need two scrapes more.
            until(
                lambda: len(prometheus.query("saclip:evidence_mean:1h")) == 2, "drift is recorded"
            )
            until(lambda: bool(prometheus.query("saclip:jobs_failed_ratio:30m")), "jobs have ended")
            yield prometheus, worker
    finally:
        stop.set()
        load.join()
        worker.kill()
        worker.wait()
        server.should_exit = True
        thread.join()


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
            client.analyze(clip)
            stranger.put("/knowledge", json=knowledge, headers=headers)
            with client.stream() as stream:
                for step in range(5):
                    stream.score(encoded(street(step)), time_s=step / 10)
            time.sleep(0.1)


@needs_prometheus
@pytest.mark.parametrize("expr", dashboard_exprs())
def test_every_panel_has_data(
    scraped: tuple[Prometheus, "subprocess.Popen[bytes]"], expr: str
) -> None:
    """A renamed metric would leave a panel empty and say nothing."""
    assert scraped[0].query(expr) != []


@needs_prometheus
@pytest.mark.parametrize("expr", rule_exprs())
def test_every_rule_has_data(
    scraped: tuple[Prometheus, "subprocess.Popen[bytes]"], expr: str
) -> None:
    """An alert on a metric that is not there would never fire."""
    assert scraped[0].query(expr) != []


@needs_prometheus
def test_the_scrape_is_complete_and_quick(
    scraped: tuple[Prometheus, "subprocess.Popen[bytes]"],
) -> None:
    """Both processes, with a key of scope `metrics`; no target has many series."""
    prometheus = scraped[0]

    up = {row["metric"]["job"]: row["value"][1] for row in prometheus.query("up")}
    series = prometheus.query("max(scrape_samples_scraped)")[0]["value"][1]
    assert up == {"saclip-api": "1", "saclip-worker": "1"}
    assert int(series) < 2000


@needs_prometheus
def test_an_alert_fires_when_a_worker_is_killed(
    scraped: tuple[Prometheus, "subprocess.Popen[bytes]"],
) -> None:
    """And only then. The shipped rule waits a minute before it does; here it waits for nothing."""
    prometheus, worker = scraped
    assert "SaclipWorkerGone" not in prometheus.firing()

    worker.kill()

    until(lambda: "SaclipWorkerGone" in prometheus.firing(), "SaclipWorkerGone fires")
    assert "SaclipDown" not in prometheus.firing()


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_promtool_finds_nothing_wrong(arguments: list[str]) -> None:
    """Rules have unit tests of their own."""
    ran = subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_its_paragraph_in_the_runbook() -> None:
    """What to do must be written down before the night on which it is needed."""
    rules = yaml.safe_load(RULES.read_text())["groups"]
    alerts = [rule["alert"] for group in rules for rule in group["rules"] if "alert" in rule]
    runbook = (DEPLOY.parent / "docs" / "operations.md").read_text()

    assert alerts
    assert [name for name in alerts if f"### {name}\n" not in runbook] == []


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_provisioned(dashboard: Path) -> None:
    """Panels with ids of their own, and the data source that is provisioned."""
    content = json.loads(dashboard.read_text())
    sources = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    uids = {source["uid"] for source in sources["datasources"]}
    ids = [panel["id"] for panel in content["panels"]]

    assert len(ids) == len(set(ids))
    assert {panel["datasource"]["uid"] for panel in panels_of(dashboard)} <= uids
    assert content["uid"]
    for panel in content["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
