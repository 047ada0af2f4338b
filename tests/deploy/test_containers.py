"""Dockerfile, compose file and Kubernetes base: valid, consistent with each other and the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "k8s" / "base"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
MANIFESTS = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
BIN = Path(sys.executable).parent


def documents() -> list[dict[str, Any]]:
    return [doc for path in MANIFESTS for doc in yaml.safe_load_all(path.read_text())]


def pods() -> dict[str, dict[str, Any]]:
    """Pod templates by the name of what makes them."""
    return {
        doc["metadata"]["name"]: doc["spec"]["template"]["spec"]
        for doc in documents()
        if doc["kind"] in ("Deployment", "StatefulSet")
    }


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        ["kubernetes-validate", "--strict", "--quiet", *map(str, MANIFESTS)],
    ],
    ids=lambda command: command[0],
)
def test_a_checker_finds_nothing_wrong(command: list[str]) -> None:
    """Each with the schemas it carries; none asks a network."""
    name, *arguments = command
    ran = subprocess.run([BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_checker_of_manifests_would_find_a_mistake(tmp_path: Path) -> None:
    """A check that can find nothing would always pass."""
    checker = BIN / "kubernetes-validate"
    wrong = (BASE / "api.yaml").read_text().replace("containerPort", "containerPrt")
    (tmp_path / "api.yaml").write_text(wrong)

    ran = subprocess.run([checker, "--strict", "api.yaml"], cwd=tmp_path, capture_output=True)

    assert ran.returncode != 0


def test_every_manifest_is_listed() -> None:
    """One that is forgotten would not be applied."""
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]

    assert sorted(listed) == [path.name for path in MANIFESTS]


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="no kubectl: install it to have the base put together"
)
def test_kustomize_takes_the_base() -> None:
    """It can be put together."""
    ran = subprocess.run(["kubectl", "kustomize", BASE], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(list(yaml.safe_load_all(ran.stdout))) == len(documents())


def test_every_variable_is_a_setting() -> None:
    """A misspelt one would stop the start in the container, where it is harder to see."""
    texts = [ROOT / "docker-compose.yml", ROOT / "Dockerfile", ROOT / ".env.example", *MANIFESTS]
    named = {name for path in texts for name in re.findall(r"\bSACLIP_[A-Z_]+\b", path.read_text())}

    assert named
    assert named <= SETTINGS


def test_the_example_of_settings_works_for_a_run_without_containers(tmp_path: Path) -> None:
    """One file for both; the defaults that it shows are the real ones."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    values = dict(line[2:].split("=") for line in lines if line.startswith("# SACLIP_"))
    env = tmp_path / "env"
    env.write_text("\n".join(f"{name}={value}" for name, value in values.items()))

    settings = Settings(_env_file=env)

    assert len(values) >= 5
    default = Settings(_env_file=None)
    assert settings.model_dump() == default.model_dump()


def test_every_service_is_confined_and_limited() -> None:
    """No capabilities, no way to more rights, a limit of memory; ours also read-only."""
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
    for name in ("api", "worker", "worker-gpu", "redis", "prometheus"):
        assert COMPOSE["services"][name]["read_only"] is True, name


def test_what_is_published_is_published_to_this_machine_alone() -> None:
    """A proxy with TLS stands in front of the API; nobody else's business is the rest."""
    published = [
        port for service in COMPOSE["services"].values() for port in service.get("ports", [])
    ]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_redis_forgets_nothing() -> None:
    """In both places: appended to a file, and refusing rather than evicting when it is full."""
    compose = " ".join(COMPOSE["services"]["redis"]["command"])
    kubernetes = " ".join(pods()["redis"]["containers"][0]["args"])

    for command in (compose, kubernetes):
        assert "--appendonly yes" in command
        assert "--maxmemory-policy noeviction" in command


def test_workers_can_be_scaled() -> None:
    """Neither a fixed name nor a published port, of which there could be only one."""
    for name in ("worker", "worker-gpu"):
        service = COMPOSE["services"][name]
        assert "container_name" not in service
        assert "ports" not in service


def test_secrets_are_files_and_never_values() -> None:
    """Nothing secret stands in an environment that `docker inspect` shows."""
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(?i)(password|secret|key)[A-Z_]*: *[\"']?[A-Za-z0-9+]{12,}", text)
    assert "/secrets/" in (ROOT / ".gitignore").read_text()


def test_pods_keep_the_restricted_standard() -> None:
    """Which their namespace enforces: a pod that breaks it would never start."""
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            confined = container["securityContext"]
            assert confined["allowPrivilegeEscalation"] is False, name
            assert confined["readOnlyRootFilesystem"] is True, name
            assert confined["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
            assert "livenessProbe" in container, name


def test_network_policies_name_pods_that_exist() -> None:
    """A policy for a label that nobody carries protects nobody."""
    labels = {
        doc["spec"]["template"]["metadata"]["labels"]["app"]
        for doc in documents()
        if doc["kind"] in ("Deployment", "StatefulSet")
    }
    policies = [doc for doc in documents() if doc["kind"] == "NetworkPolicy"]
    text = "\n".join(path.read_text() for path in MANIFESTS)

    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in [
        policy["spec"] for policy in policies
    ]
    assert set(re.findall(r"matchLabels: \{app: (\w+)\}", text)) == labels


def test_the_secrets_that_are_made_are_those_that_are_named(tmp_path: Path) -> None:
    """A new operator's first command; a second run changes nothing."""
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "make-secrets.sh", tmp_path / "deploy")
    environment = {"SACLIP": str(BIN / "saclip"), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    first = subprocess.run([script], env=environment, capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    second = subprocess.run([script], env=environment, capture_output=True, text=True, check=True)

    assert set(made) == set(COMPOSE["secrets"])
    assert re.search(r"admin key: saclip_[\w-]{43}", first.stdout)
    assert second.stdout == ""
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert re.fullmatch(r"saclip_[\w-]{43}\n", made["metrics_key"])
    assert len(made["token_secret"]) >= 32
