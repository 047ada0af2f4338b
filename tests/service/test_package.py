"""Importing the package: telemetry is off before ONNX Runtime can start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN_A_SESSION = """
import os, sys
from pathlib import Path
from service.bundle.sessions import make_session
make_session(Path(sys.argv[1]), threads=1)
assert "onnxruntime" in sys.modules
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def _fresh_interpreter(script: str, *arguments: str, home: Path, **environment: str) -> str:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**inherited, "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_onnx_runtime_leaves_no_telemetry_database(tmp_path: Path, tiny_bundle_dir: Path) -> None:
    """A session made through our package writes nothing into the home directory."""
    graph = str(tiny_bundle_dir / "detector.onnx")

    assert _fresh_interpreter(RUN_A_SESSION, graph, home=tmp_path) == "1"
    assert list(tmp_path.rglob("*")) == []


def test_a_users_explicit_choice_wins(tmp_path: Path) -> None:
    """Who has set the variable has decided."""
    script = "import os, service; print(os.environ['ORT_DISABLE_TELEMETRY'])"

    assert _fresh_interpreter(script, home=tmp_path, ORT_DISABLE_TELEMETRY="0") == "0"


@pytest.mark.parametrize("module", ["service", "service.bundle.text", "service.bundle.bundle"])
def test_importing_does_not_load_onnx_runtime(tmp_path: Path, module: str) -> None:
    """It is loaded with the first session, so `--help` stays quick and training needs none."""
    script = f"import sys, {module}; print('onnxruntime' in sys.modules)"

    assert _fresh_interpreter(script, home=tmp_path) == "False"
