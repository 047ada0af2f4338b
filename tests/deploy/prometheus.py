"""A real Prometheus that scrapes real processes, configured by the files that are shipped."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.builders.servers import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus" / "rules.yml"


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


def until(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Wait for something that takes a while, never for a fixed time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)


def write_config(folder: Path, targets: dict[str, list[str]], credentials: Path) -> Path:
    """The shipped configuration with this machine's targets, scraped once a second.

    The rules stay as they are, but evaluated once a second and without a wait before an alert.
    """
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    kept = []
    for job in config["scrape_configs"]:
        addresses = targets.get(job["job_name"])
        if addresses is None:
            continue
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": addresses}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(credentials)
        kept.append(job)
    config["scrape_configs"] = kept
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


class Prometheus:
    """Its HTTP API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer; an error of PromQL is an error here."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310 - ours
            answer = json.load(response)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples of an expression now."""
        return cast(list[dict[str, Any]], self.ask("query", query=expr)["result"])

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}


@contextmanager
def running_prometheus(config: Path) -> Iterator[Prometheus]:
    """Started, ready, and stopped in the end."""
    port = free_port()
    binary = shutil.which("prometheus")
    assert binary is not None
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={config.parent / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    prometheus = Prometheus(port)
    try:
        until(lambda: _is_ready(prometheus), "Prometheus is ready")
        yield prometheus
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        urllib.request.urlopen(f"{prometheus.url}/-/ready", timeout=1).close()  # noqa: S310
    except OSError:
        return False
    return True
