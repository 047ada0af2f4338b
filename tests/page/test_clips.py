"""A clip on the page: from its upload to its segments, descriptions and downloads."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import PHONE, SAMPLE, OpenChanged, OpenPage, place, shown, until

FRAMES = 59  # of the sample
LAST = FRAMES - 1


def test_a_clip_goes_from_upload_to_its_segments(open_page: OpenPage) -> None:
    """The way of a file: chosen, uploaded, followed by events, shown, listed, and at an address."""
    page = open_page()
    stages: list[str] = []
    streams: list[str] = []
    page.on("request", lambda r: streams.extend([r.url] * (r.resource_type == "eventsource")))
    page.expose_function("note", lambda stage: stages.append(stage))
    page.evaluate(
        "new MutationObserver(() => note(document.getElementById('progress-stage').textContent))"
        ".observe(document.getElementById('progress-stage'), {childList: true})"
    )
    page.set_input_files("#file", SAMPLE)

    shown(page)

    assert {"Scoring frames", "Drawing the film"} <= set(stages)
    assert [url.rpartition("/")[2] for url in streams] == ["events"]
    expect(page.locator("#verdict")).to_contain_text("anomalous segment")
    expect(page.locator("#result-facts")).to_contain_text(f"{FRAMES} frames scored, 10 per second")
    found = int(page.locator("#verdict").inner_text().split()[0])
    assert found >= 1
    expect(page.locator("#segments li")).to_have_count(found)
    expect(page.locator("#job-list li").first).to_contain_text("accident.mp4")
    assert re.search(r"#job=[0-9a-f-]{36}$", page.url)
    until(page, "document.getElementById('film').readyState >= 2")


def test_the_sample_needs_no_file_of_ones_own(open_page: OpenPage) -> None:
    """One click; a running one can be cancelled."""
    page = open_page()
    page.click("#sample")
    until(page, "document.getElementById('progress-number').textContent !== ''")
    expect(page.locator("#progress-stage")).not_to_have_text("Preparing")
    page.click("#cancel")

    expect(page.locator("#notice h2")).to_have_text("Cancelled")
    expect(page.locator("#progress")).to_be_hidden()


def test_a_dropped_file_is_taken(open_page: OpenPage, job_id: str) -> None:
    """The place says that it will take it; the browser does not leave the page for the file."""
    page = open_page()
    page.evaluate(
        """() => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(8)], "notes.txt", {type: "text/plain"}));
          window.files = files;
          window.dispatchEvent(new DragEvent("dragenter", {dataTransfer: files}));
        }"""
    )
    expect(page.locator("body")).to_have_class(re.compile("dragging"))
    page.evaluate("window.dispatchEvent(new DragEvent('drop', {dataTransfer: window.files}))")

    expect(page.locator("body")).not_to_have_class(re.compile("dragging"))
    expect(page.locator("#notice h2")).to_have_text("The video's format is not supported.")


def test_a_description_shows_its_pair_margin_and_path(report: Page) -> None:
    """The chosen one is open; choosing another moves the highlighted pair."""
    first, second = (report.locator("#descriptions li").nth(i) for i in (0, 1))
    expect(first.locator(".path")).to_contain_text("Anomalous traffic")
    expect(first.locator(".kind")).to_have_text(re.compile(r"Anomaly, severity [1-5] of 5"))
    own, rival = first.locator(".similarity .number").all_inner_texts()
    expect(first.locator(".margin-head")).to_have_text(re.compile(r"Margin[+\u2212]\d\.\d{3}"))
    margin = first.locator(".margin-head strong").inner_text().replace("\u2212", "-")
    values = [float(text.replace("−", "-")) for text in (margin, own, rival)]  # noqa: RUF001
    assert values[0] == pytest.approx(values[1] - values[2], abs=0.0011)
    expect(first.locator("p.rival")).to_be_visible()
    expect(second.locator(".path")).to_be_hidden()
    expect(report.locator("#film-overlay rect.box.subject")).to_have_count(1)
    before = report.locator("#film-overlay").inner_html()

    second.locator("button").click()

    expect(second.locator(".path")).to_be_visible()
    expect(report.locator("#film-overlay rect.tag.subject")).to_have_count(1)
    assert report.locator("#film-overlay").inner_html() != before


def test_motion_and_doubt_are_told_in_plain_words(open_page: OpenPage, job_id: str) -> None:
    """Cues by their meaning, strongest first, new ones by name; pixels that were not trusted."""
    page = open_page()

    def moving(route: Route) -> None:
        found = {**route.fetch().json(), "appearance": "off"}
        cues = {"sudden_stop": 0.41, "closing": 0.8, "brand_new": 0.2, "spin": 0.01}
        found["explanations"][0]["cues"] = cues
        found["explanations"][0]["subject"] |= {"track_id": 7, "class": "car"}
        found["explanations"][0]["subject"]["roi_source"] = "detected"
        route.fulfill(json=found)

    page.route(re.compile(r"/frames/\d+$"), moving)
    page.goto(f"/#job={job_id}")
    first = shown(page).locator("#descriptions li").first

    expect(first.locator(".cues dt")).to_have_text(
        ["closing in", "sudden change of speed", "brand new"]
    )
    expect(first.locator(".cues dd").first).to_have_text("80 %")
    expect(first.locator(".who").first).to_have_text("1 car #7")
    expect(page.locator("#moment-note")).to_contain_text("looks unlike what the model learned")


def test_hits_of_the_report_are_counted_in_the_tree(report: Page) -> None:
    """Each segment is one hit at its scenario and at each heading above it."""
    segments = report.locator("#segments li").count()
    hits = report.locator("#tree > li").first.locator(".hits")
    expect(hits.first).to_have_text(re.compile(rf"^{segments} hits?$"))


def test_everything_can_be_downloaded(report: Page) -> None:
    """Each button leads to what it says; the page to print opens beside this one."""
    buttons = report.locator("#downloads a")
    expect(buttons).to_have_count(6)
    for name, suffix in (("JSON", "json"), ("CSV", "csv"), ("WebVTT", "vtt"), ("MP4", "mp4")):
        with report.expect_download() as download:
            buttons.filter(has_text=f"({name})").click()
        assert download.value.suggested_filename.endswith(suffix)
    with report.expect_popup() as popup:
        buttons.filter(has_text="print").click()
    expect(popup.value.locator("body")).to_contain_text("accident.mp4")


def without_segments(report: dict[str, Any]) -> dict[str, Any]:
    """The report as if its alarm stood higher."""
    frames = [{**frame, "anomalous": False} for frame in report["frames"]]
    return {**report, "segments": [], "frames": frames}


def test_a_clip_without_anomaly_says_so(open_changed: OpenChanged) -> None:
    """No segment: a calm verdict, no list, and the frame that came closest."""
    page = open_changed(without_segments)

    expect(page.locator("#verdict")).to_have_text("No anomaly found")
    expect(page.locator("#segments li")).to_have_count(0)
    assert 0 < place(page) <= LAST
    expect(page.locator("#descriptions .anomaly .kind").first).to_contain_text(
        "Anomaly that comes close"
    )


def test_a_job_without_film_still_shows_what_was_found(open_page: OpenPage, job_id: str) -> None:
    """Boxes on an empty ground, and no film to download."""
    page = open_page()
    page.route("**/video.mp4", lambda route: route.fulfill(status=409, json={}))
    page.goto(f"/#job={job_id}")

    shown(page)

    expect(page.locator("#no-film")).to_be_visible()
    expect(page.locator("#film-overlay rect.box.subject")).to_have_count(1)
    expect(page.locator("#film-overlay rect.tag.subject")).to_have_count(1)
    expect(page.locator("#play")).to_be_hidden()
    expect(page.locator("#downloads a")).to_have_count(4)


def test_a_phone_shows_it_all_without_scrolling_sideways(open_page: OpenPage, job_id: str) -> None:
    """390 pixels wide."""
    page = shown(open_page(f"/#job={job_id}", size=PHONE))

    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    box = page.locator("#film").bounding_box()
    assert box is not None
    assert box["width"] > 300
