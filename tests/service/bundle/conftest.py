"""A bundle that a test may damage."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def bundle_copy(tiny_bundle_dir: Path, tmp_path: Path) -> Path:
    """The test's own copy of the tiny bundle."""
    return Path(shutil.copytree(tiny_bundle_dir, tmp_path / "bundle"))
