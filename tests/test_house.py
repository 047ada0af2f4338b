"""The house rules that a linter does not know."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic_core import PydanticUndefined

from service.settings import Settings

ROOT = Path(__file__).parents[1]
MAX_LINES = 300
MAX_ADR_LINES = 60
MAX_WEIGHTS_BYTES = 40_000_000
# Written so that this file does not match itself.
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|index[-]url|find[-]links"
)
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:root|home|Users|work)/\w")


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def _texts() -> list[tuple[str, str]]:
    """Name and text of every tracked file that is text."""
    found = []
    for path in _tracked():
        data = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in data:
            found.append((str(path.relative_to(ROOT)), data.decode()))
    return found


def settings_table() -> str:
    """The README's table of settings, from the class itself."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        shown = "" if field.default in (None, PydanticUndefined) else f"`{field.default!s}`"
        if name == "bundle":
            shown = "embedded `nano`"  # the path differs from machine to machine
        rows.append(f"| `SACLIP_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_the_settings_table_of_the_readme_is_current() -> None:
    """Copy it from here when it is not."""
    readme = (ROOT / "README.md").read_text()
    between = readme.split("tests/test_house.py -->\n")[1].split("\n<!-- end of settings")[0]

    assert between == settings_table()


def test_the_changelog_names_the_version() -> None:
    """A release without an entry is no release."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_records_of_decisions_stay_short() -> None:
    """At most a page each."""
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))

    assert records
    assert [r.name for r in records if len(r.read_text().splitlines()) > MAX_ADR_LINES] == []


def test_no_file_of_code_is_longer_than_a_stranger_can_hold() -> None:
    """Split it at 300 lines."""
    code = [path for path in _tracked() if path.suffix == ".py" and "tests" not in path.parts]

    assert [p.name for p in code if len(p.read_text().splitlines()) > MAX_LINES] == []


def test_shipped_weights_stay_small_and_have_a_card() -> None:
    """Under 40 MB in all, each bundle with its model card."""
    bundles = [path for path in (ROOT / "service" / "bundles").iterdir() if path.is_dir()]

    assert bundles
    assert sum(f.stat().st_size for b in bundles for f in b.rglob("*")) < MAX_WEIGHTS_BYTES
    assert all((bundle / "MODEL_CARD.md").is_file() for bundle in bundles)


def test_constraints_name_versions_and_no_host() -> None:
    """A lock that names a registry works on one network only."""
    for path in (ROOT / "constraints").glob("*.txt"):
        lines = path.read_text().splitlines()
        assert lines
        assert [
            line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+", line)
        ] == []


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry", "path"])
def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine(
    pattern: re.Pattern[str],
) -> None:
    """What works on one network or in one home folder works nowhere else."""
    texts = _texts()

    assert len(texts) > 100
    assert [(name, pattern.findall(text)) for name, text in texts if pattern.search(text)] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRY_HOST, "pip install --index" + "-url x"),
        (REGISTRY_HOST, "https://files.python" + "hosted.org/p.whl"),
        (MACHINE_PATH, "open('/ro" + "ot/data')"),
    ],
)
def test_the_patterns_of_the_rule_above_find_what_they_are_for(
    pattern: re.Pattern[str], text: str
) -> None:
    """A search that can find nothing would always pass."""
    assert pattern.search(text)


def test_links_of_the_documentation_lead_to_files() -> None:
    """Relative links only: what lies elsewhere is not ours to check."""
    broken = [
        (name, link)
        for name, text in _texts()
        if name.endswith(".md")
        for link in re.findall(r"\]\(([^)#:\s]+)\)", text)
        if not ((ROOT / name).parent / link).exists()
    ]

    assert broken == []


def test_the_python_example_of_the_readme_runs(tmp_path: Path) -> None:
    """It is copied more often than it is read."""
    example = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    cv2.imwrite(str(tmp_path / "frame.jpg"), np.full((180, 320, 3), 90, dtype=np.uint8))

    ran = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True)

    assert ran.returncode == 0, ran.stderr.decode()
    assert 0.0 <= float(ran.stdout.split()[0]) <= 1.0


def test_every_path_of_the_file_map_exists() -> None:
    """The first and the second column of the README's tables of places."""
    part = (ROOT / "README.md").read_text().split("## Where things are")[1].split("## Settings")[0]
    named = re.findall(
        r"`((?:service|knowledge|model|docs|deploy|tests|benchmarks)/[\w./]*)`", part
    )

    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    """A command of the documentation that fails is the first thing a newcomer meets."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE))

    assert named <= targets
