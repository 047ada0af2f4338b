"""Rules and dashboards as files: valid, unit-tested, explained in the runbook, provisioned."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.prometheus import DASHBOARDS, DEPLOY, RULES, panels_of


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool: deploy/system-packages.sh tests"
)
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
