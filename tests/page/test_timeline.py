"""The film and the timeline below it: clicks, keys, buttons, and the moment they open at."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenChanged, place, until

FRAMES = 59  # of the sample
LAST = FRAMES - 1


def test_a_click_on_the_timeline_moves_the_film(report: Page) -> None:
    """In the middle of what a frame stands for; film, descriptions and spoken value follow."""
    frame = round(0.6 * LAST)
    time_s = frame / 10
    over = report.locator("#timeline .u-over")
    box = over.bounding_box()
    assert box is not None
    over.click(position={"x": box["width"] * (frame + 0.5) / FRAMES, "y": 20})

    expect(report.locator("#moment-title")).to_have_text(f"At {time_s} s")
    assert place(report) == frame
    expect(report.locator("#timeline")).to_have_attribute(
        "aria-valuetext", re.compile(rf"^{time_s}\ss,")
    )
    film_s = report.evaluate("document.getElementById('film').currentTime")
    assert film_s == pytest.approx(time_s + 0.01, abs=0.02)


def test_keys_move_frame_by_frame_and_segment_by_segment(report: Page) -> None:
    """Arrows, Home, End, Page Down; nothing moves beyond the ends."""
    report.focus("#timeline")
    for key, expected in (
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("ArrowUp", 2),
        ("ArrowDown", 1),
        ("End", LAST),
        ("ArrowRight", LAST),
    ):
        report.keyboard.press(key)
        assert place(report) == expected, key
    report.keyboard.press("Home")
    report.keyboard.press("PageDown")
    first = place(report)
    assert 0 < first < LAST
    report.keyboard.press("End")
    report.keyboard.press("PageUp")
    assert first <= place(report) < LAST
    expect(report.locator("#timeline")).to_have_attribute(
        "aria-valuetext", re.compile("within a segment")
    )
    report.keyboard.press("Home")
    scrolled = scroll_at_rest(report)
    report.keyboard.press("Space")
    expect(report.locator("#play")).to_have_text("Pause")
    report.keyboard.press("Space")
    expect(report.locator("#play")).to_have_text("Play")
    assert scroll_at_rest(report) == scrolled


def scroll_at_rest(page: Page) -> float:
    """Pixels above the window, once the page's smooth scrolling has come to its end."""
    before, now = -1.0, float(page.evaluate("scrollY"))
    while now != before:
        page.wait_for_timeout(200)
        before, now = now, float(page.evaluate("scrollY"))
    return now


def test_the_list_of_segments_jumps_as_well(report: Page) -> None:
    """The button of a segment shows the frame that made its peak."""
    peak = place(report)
    report.focus("#timeline")
    report.keyboard.press("End")
    report.locator("#segments button").first.click()

    assert place(report) == peak


def with_a_weak_segment_first(report: dict[str, Any]) -> dict[str, Any]:
    """The report as if a short doubt had come two seconds into the clip."""
    (strong,) = report["segments"]
    weak = {**strong, "start_s": 1.9, "end_s": 2.1, "peak_s": 2.0, "peak_index": 20}
    weak["probability"] = 0.61
    return {**report, "segments": [weak, strong]}


def test_a_clip_opens_at_its_strongest_segment(open_changed: OpenChanged) -> None:
    """Not at the first one: the surest finding is what people came for."""
    page = open_changed(with_a_weak_segment_first)
    opened = place(page)

    page.locator("#segments button").first.click()
    assert place(page) == 20
    page.locator("#segments button").last.click()
    assert place(page) == opened > 20


def test_the_last_time_of_the_axis_is_not_cut_off(report: Page) -> None:
    """It stands at the end of the plot, with half of itself to the right of it."""
    room = report.evaluate(
        "document.querySelector('#timeline canvas').getBoundingClientRect().right"
        " - document.querySelector('#timeline .u-over').getBoundingClientRect().right"
    )
    width = report.evaluate(
        "(() => { const c = document.createElement('canvas').getContext('2d');"
        " c.font = '12px system-ui, sans-serif'; return c.measureText('10:00 min').width; })()"
    )

    assert width > 30
    assert room >= min(width / 2, 24) - 1


def test_the_film_plays_and_the_mark_follows(report: Page) -> None:
    """While it plays, the timeline keeps up with it."""
    report.focus("#timeline")
    report.keyboard.press("Home")
    report.select_option("#speed", "0.5")
    report.click("#play")

    expect(report.locator("#play")).to_have_text("Pause")
    until(report, "Number(document.getElementById('timeline').getAttribute('aria-valuenow')) >= 3")
    assert report.evaluate("document.getElementById('film').playbackRate") == 0.5
    report.click("#play")
    expect(report.locator("#play")).to_have_text("Play")


def test_the_buttons_below_the_film_step_frame_by_frame(report: Page) -> None:
    """One on, one back, and not beyond the first; the clock says where."""
    report.focus("#timeline")
    report.keyboard.press("Home")
    report.click("#step-on")
    expect(report.locator("#clock")).to_have_text(f"0.1 s of {FRAMES / 10} s")
    assert place(report) == 1
    report.click("#step-back")
    report.click("#step-back")
    assert place(report) == 0
