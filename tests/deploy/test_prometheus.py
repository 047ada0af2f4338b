"""Rules and dashboards against a real Prometheus that scrapes the real service under load."""

import re
import shutil
from typing import Any

import pytest
import yaml

from tests.builders.servers import redis_server
from tests.deploy.conftest import Scraped
from tests.deploy.prometheus import RULES, dashboard_exprs, until

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or redis_server() is None,
    reason="no prometheus or no redis-server: deploy/system-packages.sh tests",
)


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


@pytest.mark.parametrize("expr", dashboard_exprs())
def test_every_panel_has_data(scraped: Scraped, expr: str) -> None:
    """A renamed metric would leave a panel empty and say nothing."""
    assert scraped.prometheus.query(expr) != []


@pytest.mark.parametrize("expr", rule_exprs())
def test_every_rule_has_data(scraped: Scraped, expr: str) -> None:
    """An alert on a metric that is not there would never fire."""
    assert scraped.prometheus.query(expr) != []


def test_the_scrape_is_complete_and_quick(scraped: Scraped) -> None:
    """The API with a key of scope `metrics`, and both workers; no target has many series."""
    up = scraped.prometheus.query("up")

    assert sorted(row["metric"]["job"] for row in up) == ["saclip-api", *["saclip-worker"] * 2]
    assert {row["value"][1] for row in up} == {"1"}
    assert scraped.number("max(scrape_samples_scraped)") < 2000


def test_what_two_workers_count_adds_up(scraped: Scraped) -> None:
    """Each worker counts the jobs it did, and their sum is what the queue itself knows."""
    did_some = 'count(saclip_jobs_total{job="saclip-worker",state="completed"} > 0)'
    counted = 'sum(saclip_jobs_total{state="completed"})'
    known = 'max(saclip_jobs{state="completed"})'

    until(lambda: scraped.number(did_some) == 2, "both workers have done a job")
    # Jobs go on ending between two scrapes, but one that is missing or double would stay so.
    until(
        lambda: scraped.number(counted) == scraped.number(known) > 0,
        "the workers have counted every job once",
    )


def test_an_alert_fires_when_a_worker_is_killed(scraped: Scraped) -> None:
    """And only then. The shipped rule waits a minute before it does; here it waits for nothing."""
    assert "SaclipWorkerGone" not in scraped.prometheus.firing()

    scraped.workers[0].kill_tree()

    until(lambda: "SaclipWorkerGone" in scraped.prometheus.firing(), "SaclipWorkerGone fires")
    assert "SaclipDown" not in scraped.prometheus.firing()
