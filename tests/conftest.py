"""Fixtures that every room may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.builders.tiny_bundle import write_tiny_bundle

# For `make faults`; each test says how many examples it takes then.
settings.register_profile("long")


@pytest.fixture(scope="session")
def tiny_bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid bundle of tiny graphs; copy it before changing it."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips, frames and weights, which are not part of the project."""
    folder = os.environ.get("SACLIP_TEST_DATA")
    if not folder:
        pytest.skip("real footage is not part of the project: set SACLIP_TEST_DATA to its folder")
    return Path(folder)
