"""An app over the tiny bundle, and a way to make others with their own limits."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.builders.footage import street_clip

MakeApp = Callable[..., FastAPI]
MakeClient = Callable[..., TestClient]


@pytest.fixture(scope="module", autouse=True)
def _no_settings_of_the_developer() -> Iterator[None]:
    """Variables of the shell that runs the tests must not decide them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SACLIP_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def make_app(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeApp:
    """Build an app with changed settings."""

    def make(**changes: Any) -> FastAPI:
        data_dir = changes.get("data_dir") or tmp_path_factory.mktemp("data")
        fixed = {"bundle": tiny_bundle_dir, "threads": 1, "min_free_bytes": 0}
        return create_app(Settings(**{**fixed, **changes, "data_dir": data_dir}))

    return make


@pytest.fixture(scope="module")
def make_client(make_app: MakeApp) -> Iterator[MakeClient]:
    """Start apps with changed settings; all of them stop when the module is done."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(
            TestClient(make_app(**changes), raise_server_exceptions=False)
        )


@pytest.fixture(scope="module")
def client(make_client: MakeClient) -> TestClient:
    return make_client()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds at ten frames a second."""
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4").read_bytes()


def post(client: TestClient, video: bytes, wait: float = 0, **fields: Any) -> Any:
    files = {"video": ("street.mp4", video)}
    return client.post(f"/videos/analyze?wait={wait}", files=files, data=fields)
