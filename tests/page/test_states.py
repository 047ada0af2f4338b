"""What the page says when something is not as it should be, and that everybody can use it."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.page.conftest import DESK, LARGEST_CLIP, PHONE, ROOT, SAMPLE, OpenPage, shown, until
from tests.page.test_pictures_and_knowledge import PICTURE, editor, put

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
JOB: dict[str, Any] = {
    "id": "11111111-1111-1111-1111-111111111111",
    "object": "job",
    "status": "in_progress",
    "progress": 0.0,
    "stage": "queued",
    "revision": 1,
    "name": "clip.mp4",
    "created_at": "2026-01-02T03:04:05Z",
    "started_at": None,
    "ended_at": None,
    "error": None,
    "report_url": None,
}


def refuse(page: Page, pattern: str, status: int, **more: Any) -> None:
    """Answer with a problem instead of the service."""
    problem = {"title": f"Title {status}.", "status": status, "detail": "The detail.", **more}
    headers = {"content-type": "application/problem+json", "retry-after": "2"}

    def answer(route: Route) -> None:
        route.fulfill(status=status, json=problem, headers=headers)

    page.route(pattern, answer)


def pretend(page: Page, **changes: Any) -> None:
    """A job in a state that is hard to catch."""
    job = {**JOB, **changes}
    page.route(f"**/jobs/{JOB['id']}", lambda route: route.fulfill(json=job))
    page.route("**/events", lambda route: route.fulfill(status=404, json={}))


def not_ready(page: Page, reason: str) -> None:
    """Let the service say that it is not ready, and the page ask it now."""
    answer = {"ready": False, "reasons": [reason]}
    page.route("**/readyz", lambda route: route.fulfill(status=503, json=answer))
    page.evaluate("window.dispatchEvent(new Event('online'))")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (429, "Try again in 2 seconds."),
        (500, "The detail."),
        (503, "Try again in 2 seconds."),
        (507, "Ask the operator to free some space."),
    ],
)
def test_a_refusal_is_told_with_what_to_do(open_page: OpenPage, status: int, advice: str) -> None:
    """Title and detail are the server's; the same file can be sent again."""
    page = open_page()
    refuse(page, "**/frames/score", status, request_id="5f0c6a2e")
    page.set_input_files("#file", files=[PICTURE])
    notice = page.locator("#notice")

    expect(notice.locator("h2")).to_have_text(f"Title {status}.")
    expect(notice).to_contain_text("The detail.")
    expect(notice).to_contain_text(advice)
    expect(notice).to_contain_text("5f0c6a2e")
    page.unroute("**/frames/score")
    notice.get_by_text("Try again", exact=True).click()
    expect(page.locator("#result")).to_be_visible()
    expect(notice).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (413, "Send a smaller or shorter file"),
        (415, "Send a clip as MP4"),
        (422, "change the setting that the message names"),
    ],
)
def test_a_file_that_would_be_refused_again_is_not_sent_again(
    open_page: OpenPage, status: int, advice: str
) -> None:
    """The button asks for another file instead."""
    page = open_page()
    refuse(page, "**/frames/score", status)
    page.set_input_files("#file", files=[PICTURE])
    notice = page.locator("#notice")

    expect(notice).to_contain_text(advice)
    expect(notice.get_by_text("Try again", exact=True)).to_have_count(0)
    page.unroute("**/frames/score")
    with page.expect_file_chooser() as chooser:
        notice.get_by_text("Choose another file").click()
    chooser.value.set_files([PICTURE])
    expect(page.locator("#result")).to_be_visible()
    expect(notice).to_be_hidden()


def test_the_services_own_refusals_are_told(open_page: OpenPage, tmp_path: Path) -> None:
    """A file that is no clip, one that is too large, and a picture that is cut off."""
    page = open_page()
    words: FilePayload = {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": b"words"}
    page.set_input_files("#file", files=[words])
    expect(page.locator("#notice h2")).to_have_text("The video's format is not supported.")
    large = tmp_path / "clip.mp4"  # as a file: megabytes within a message take their time
    large.write_bytes(bytes(2 * LARGEST_CLIP))
    page.set_input_files("#file", large)
    expect(page.locator("#notice")).to_contain_text("more bytes than the service accepts")
    expect(page.locator("#notice .detail")).to_have_text(
        re.compile(r"^The body has 4\.0 MB, the limit is 2\.\d MB\.$")
    )
    expect(page.locator("#notice")).to_contain_text("Send a smaller or shorter file")
    cut = PICTURE.copy()
    cut["buffer"] = PICTURE["buffer"][:60]
    page.set_input_files("#file", files=[cut])
    expect(page.locator("#notice")).to_contain_text("street.png")


def test_a_failed_job_says_why(open_page: OpenPage) -> None:
    """The problem that is kept with the job."""
    page = open_page()
    error = {"title": "No frame can be read.", "status": 422, "detail": "0 of 10 frames"}
    pretend(page, status="failed", error=error)
    page.goto(f"/#job={JOB['id']}")

    expect(page.locator("#notice h2")).to_have_text("No frame can be read.")
    expect(page.locator("#notice")).to_contain_text("0 of 10 frames")


def test_a_waiting_job_says_that_it_waits(open_page: OpenPage) -> None:
    """And a cancelled one that it was cancelled."""
    page = open_page()
    pretend(page, status="queued")
    page.goto(f"/#job={JOB['id']}")
    expect(page.locator("#progress-stage")).to_have_text("Waiting for its turn")
    pretend(page, status="cancelled")
    expect(page.locator("#notice h2")).to_have_text("Cancelled")


def test_a_job_that_is_gone_is_told(open_page: OpenPage) -> None:
    """An old address leads to a clear word, not to an empty page."""
    page = open_page("/#job=22222222-2222-2222-2222-222222222222")

    expect(page.locator("#notice")).to_contain_text("results are kept for some days only")
    expect(page.locator("#notice .detail")).to_have_count(0)  # it would say the same once more


def test_an_upload_tells_how_far_it_is(open_page: OpenPage) -> None:
    """On a slow line the share is shown, and stopping it sends nothing more."""
    page = open_page()
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 5, "downloadThroughput": 1e6, "uploadThroughput": 9000}
    line.send("Network.emulateNetworkConditions", slow)
    page.set_input_files("#file", SAMPLE)

    expect(page.locator("#progress-stage")).to_have_text(
        f"Uploading, {math.ceil(SAMPLE.stat().st_size / 1000)} kB"
    )
    until(page, "document.getElementById('progress-bar').value > 0.2")
    page.click("#cancel")
    expect(page.locator("#notice h2")).to_have_text("Cancelled")


def test_a_server_that_is_not_ready_says_why(open_page: OpenPage) -> None:
    """In the head of the page, until it is ready again."""
    page = open_page()
    expect(page.locator("#health")).to_have_text("Ready")
    not_ready(page, "the disk is full")

    expect(page.locator("#banner")).to_have_text("The server is not ready: the disk is full.")
    page.unroute("**/readyz")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#health")).to_have_text("Ready")
    expect(page.locator("#banner")).to_be_hidden()


def test_a_line_that_is_cut_is_told(open_page: OpenPage) -> None:
    """Sending a file then says so as well; both end with the trouble."""
    page = open_page()
    expect(page.locator("#tree > li")).to_have_count(2)
    page.context.set_offline(True)

    expect(page.locator("#health")).to_have_text("Not reachable")
    page.set_input_files("#file", files=[PICTURE])
    expect(page.locator("#notice h2")).to_have_text("The server cannot be reached.")
    page.context.set_offline(False)
    expect(page.locator("#health")).to_have_text("Ready")


def violations(page: Page, rules: str = "{}") -> list[str]:
    """What axe finds on the page as it stands."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make web)")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run({rules})")["violations"]
    return [
        f"{v['id']}: {n['html'][:200]} {n['failureSummary']}" for v in found for n in v["nodes"]
    ]


def look(page: Page, state: str) -> None:
    """Axe finds nothing, and nothing stands out at the side: wide and narrow, light and dark."""
    for width, height in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        assert violations(page) == [], f"{state}, {width} pixels wide, light"
        page.emulate_media(color_scheme="dark")
        colours = "{runOnly: ['color-contrast']}"  # nothing else can differ in the dark
        assert violations(page, colours) == [], f"{state}, {width} pixels wide, dark"
        page.emulate_media(color_scheme="light")
        shown_width = page.evaluate("document.documentElement.scrollWidth")
        assert shown_width == width, f"{state} is {shown_width} pixels wide"


def test_everybody_can_use_it(open_page: OpenPage, job_id: str) -> None:
    """Every state there is, in one visit."""
    page = open_page(color_scheme="light", reduced_motion="reduce")
    expect(page.locator("#tree > li")).to_have_count(2)
    look(page, "empty")
    page.click(".options-box summary")
    page.fill("#tree-search", "cyclist")
    page.locator("#tree summary").last.click()
    look(page, "settings and a scenario")
    page.click(".options-box summary")
    pretend(page, progress=37.0, stage="scoring frames")
    page.goto(f"/#job={JOB['id']}")
    expect(page.locator("#progress-number")).to_have_text("37 %")
    look(page, "running")
    pretend(page, status="cancelled")
    expect(page.locator("#notice h2")).to_have_text("Cancelled")
    look(page, "cancelled")
    page.unroute("**/events")
    page.goto(f"/#job={job_id}")
    shown(page)
    look(page, "clip")
    editor(page)
    put(page, "severity: 3", "severity: 9")
    expect(page.locator("#editor-found button")).to_have_count(1)
    look(page, "broken rules")
    page.set_input_files("#file", files=[PICTURE])
    expect(page.locator("#moment-title")).to_have_text("This picture")
    look(page, "picture")
    not_ready(page, "the disk is full")
    refuse(page, "**/frames/score", 413)
    page.set_input_files("#file", files=[PICTURE])
    expect(page.locator("#notice h2")).to_be_visible()
    expect(page.locator("#banner")).to_be_visible()
    look(page, "refused")
    page.unroute("**/frames/score")
    refuse(page, "**/frames/score", 401)
    page.set_input_files("#file", files=[PICTURE])
    expect(page.locator("#key-dialog")).to_be_visible()
    look(page, "key")
    page.get_by_text("Not now").click()
    look(page, "without a key")
