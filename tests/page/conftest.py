"""A real service as a process of its own, and a real browser that looks at its page."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.bundle.bundle import EMBEDDED_BUNDLE
from service.keys import new_key

pytest.importorskip("playwright", reason="no playwright: make check installs it")

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FilePayload,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "service" / "web" / "samples" / "accident.mp4"
SACLIP = [sys.executable, "-c", "from service.cli import main; main()"]
BUILT = ROOT / "service" / "web" / "built" / "page.js"
CHROMIUM = shutil.which("chromium")
# Chromium calls home by itself; a test that counts outside requests must not see that.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK, PHONE = (1280, 900), (390, 844)
LARGEST_CLIP = 2_000_000  # bytes
PEAK = 0.85  # probability that the sample reaches, so that it has a segment whatever the weights

OpenPage = Callable[..., Page]
Change = Callable[[dict[str, Any]], dict[str, Any]]
OpenChanged = Callable[[Change], Page]


def until(page: Page, expression: str, timeout_s: float = 15.0) -> None:
    """Wait until an expression holds; the page's own policy forbids playwright's way of waiting."""
    end = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {timeout_s} s: {expression}"
        page.wait_for_timeout(50)


def shown(page: Page) -> Page:
    """The page once a result stands on it with its descriptions."""
    expect(page.locator("#result")).to_be_visible(timeout=40_000)
    expect(page.locator("#descriptions li").first).to_be_visible()
    return page


def place(page: Page) -> int:
    """Number of the frame that the timeline shows."""
    return int(page.locator("#timeline").get_attribute("aria-valuenow") or -1)


@pytest.fixture(scope="session")
def eager_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped bundle with a calibration that gives alarm early: the page needs a segment."""
    return make_eager(tmp_path_factory.mktemp("bundles") / "eager")


def make_eager(folder: Path) -> Path:
    """Copy the shipped bundle to a new folder, its alarm set so low that the sample has one."""
    shutil.copytree(EMBEDDED_BUNDLE, folder)
    path = folder / "calibration.json"
    calibration = json.loads(path.read_text())
    affine = calibration["clips"]["affine"]["paired"]
    eager = math.log(PEAK / (1 - PEAK)) - affine["slope"] * _highest_score(folder)
    affine["intercept"] = max(affine["intercept"], eager)
    path.write_text(json.dumps(calibration))
    content = path.read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"]["calibration.json"] = {"sha256": digest, "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _highest_score(folder: Path) -> float:
    """Of the sample's frames, by the shipped bundle."""
    report = folder.parent / "report.json"
    command = [*SACLIP, "analyze", str(SAMPLE), "--json", str(report)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=folder.parent)
    return float(max(frame["score"] for frame in json.loads(report.read_text())["frames"]))


@pytest.fixture(scope="session")
def server(eager_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that runs."""
    with serving(eager_bundle, tmp_path_factory.mktemp("open")) as address:
        yield address


@pytest.fixture(scope="session")
def keyed_server(
    eager_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Address of a service that asks for a key, and the key."""
    folder = tmp_path_factory.mktemp("keyed")
    key, line = new_key("desk", ["read", "score"])
    (folder / "keys.txt").write_text(line)
    settings = {"SACLIP_API_KEYS_FILE": str(folder / "keys.txt")}
    with serving(eager_bundle, folder, **settings) as address:
        yield address, key


@contextmanager
def serving(bundle: Path, folder: Path, **more: str) -> Iterator[str]:
    """A service as a process of its own; gives its address."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (deploy/system-packages.sh tests)")
    if not BUILT.is_file():
        pytest.skip("the page was not built (make web)")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SACLIP_")}
    settings = {
        "SACLIP_BUNDLE": str(bundle),
        "SACLIP_DATA_DIR": str(folder / "data"),
        "SACLIP_PORT": "0",
        "SACLIP_THREADS": "1",
        "SACLIP_MIN_FREE_BYTES": "0",
        "SACLIP_MAX_VIDEO_BYTES": str(LARGEST_CLIP),
        "SACLIP_LOG_FORMAT": "json",
        **more,
    }
    command = [*SACLIP, "serve"]
    environment = {**inherited, **settings, "PYTHONPATH": str(ROOT)}
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
    try:
        yield _address(log, process)
    finally:
        process.terminate()
        process.wait(20)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return str(json.loads(line)["url"])
        if process.poll() is not None:
            break
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the service did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(server: str, browser: Browser) -> Iterator[OpenPage]:
    """Open the page; afterwards nothing must have gone elsewhere or been refused by the policy."""
    outside: list[str] = []
    complaints: list[str] = []
    with ExitStack() as stack:

        def opened(
            path: str = "/", size: tuple[int, int] = DESK, base: str = server, **options: Any
        ) -> Page:
            own = (f"{base}/", "blob:", "data:")
            viewport: ViewportSize = {"width": size[0], "height": size[1]}
            context = browser.new_context(viewport=viewport, base_url=base, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(15_000)

            def requested(request: Request) -> None:
                if not request.url.startswith(own):
                    outside.append(request.url)

            def spoken(message: ConsoleMessage) -> None:
                if message.type == "error":
                    complaints.append(message.text)

            page.on("request", requested)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", spoken)
            page.goto(path)
            return page

        yield opened
    assert outside == []
    # A refusal that a test provoked is written to the console by the browser itself.
    assert [c for c in complaints if not c.startswith("Failed to load resource")] == []


@pytest.fixture(scope="session")
def job_id(server: str, browser: Browser) -> str:
    """A job of the sample that is done."""
    context = browser.new_context(base_url=server)
    files: FilePayload = {
        "name": "accident.mp4",
        "mimeType": "video/mp4",
        "buffer": SAMPLE.read_bytes(),
    }
    answer = context.request.post("/videos/analyze?wait=40", multipart={"video": files})
    assert answer.status == 200
    location = answer.headers["location"]
    context.close()
    return location.rpartition("/")[2]


@pytest.fixture
def report(open_page: OpenPage, job_id: str) -> Page:
    """The page with the sample's result."""
    return shown(open_page(f"/#job={job_id}"))


@pytest.fixture
def open_changed(open_page: OpenPage, job_id: str) -> OpenChanged:
    """Open the sample's result as if its report had been another one."""

    def opened(change: Change) -> Page:
        page = open_page()
        page.route(
            "**/report?format=json",
            lambda route: route.fulfill(json=change(route.fetch().json())),
        )
        page.goto(f"/#job={job_id}")
        return shown(page)

    return opened
