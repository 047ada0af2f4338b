"""A picture on the page, and the experts' descriptions: found, changed, refused."""

import re

from playwright.sync_api import FilePayload, Page, expect

from tests.builders.footage import encoded, street
from tests.page.conftest import OpenPage

PICTURE: FilePayload = {
    "name": "street.png",
    "mimeType": "image/png",
    "buffer": encoded(street(), ".png"),
}


def editor(page: Page) -> Page:
    page.click("#editor-open")
    expect(page.locator("#editor-text")).to_be_focused()
    return page


def put(page: Page, old: str, new: str) -> None:
    """Type over a part of the editor's text and send it."""
    found = page.evaluate(
        """(old) => {
          const text = document.getElementById("editor-text");
          const start = text.value.indexOf(old);
          text.focus();
          text.setSelectionRange(start, start + old.length);
          return start;
        }""",
        old,
    )
    assert found >= 0, f"{old!r} is not in the text"
    page.keyboard.insert_text(new)
    page.click("#editor-save")


def test_a_picture_is_scored_at_once(open_page: OpenPage) -> None:
    """The picture itself, its descriptions, no timeline."""
    page = open_page()
    page.set_input_files("#file", files=[PICTURE])

    expect(page.locator("#moment-title")).to_have_text("This picture")
    expect(page.locator("#result-facts")).to_contain_text("320 \u00d7 240 px")
    expect(page.locator("#clip-part")).to_be_hidden()
    expect(page.locator("#found li").first).to_have_text(re.compile(r"^(none|\w+ \d+\s%)$"))
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 320
    expect(page.locator("#descriptions li").first).to_be_visible()


def test_settings_go_with_the_file(open_page: OpenPage) -> None:
    """Mode and number of descriptions are what the form says."""
    page = open_page()
    page.click(".options-box summary")
    page.select_option("[name=mode]", "contrast")
    page.fill("[name=top_k]", "2")
    with page.expect_response("**/frames/score") as answered:
        page.set_input_files("#file", files=[PICTURE])

    assert answered.value.json()["model"]["mode"] == "contrast"
    assert len(answered.value.json()["results"][0]["explanations"]) <= 2


def test_the_tree_finds_descriptions(open_page: OpenPage) -> None:
    """What does not have the words is left out; nothing found is said."""
    page = open_page()
    expect(page.locator("#tree > li")).to_have_count(2)
    page.fill("#tree-search", "back of another car")
    expect(page.locator("#tree .texts li")).to_have_count(1)
    expect(page.locator("#tree .texts li")).to_be_visible()
    page.fill("#tree-search", "zebra giraffe")
    expect(page.locator("#tree-nothing")).to_be_visible()


def test_a_changed_description_is_in_service_at_once(open_page: OpenPage) -> None:
    """The tree shows it without a reload, and a second change can follow."""
    page = editor(open_page())
    put(page, "title: Rear-end collision", "title: Nose to tail")

    expect(page.locator("#editor-state")).to_contain_text("In service: 218 descriptions of 67")
    page.fill("#tree-search", "Nose to tail")
    expect(page.locator("#tree .node-title").last).to_have_text("Nose to tail")
    put(page, "title: Nose to tail", "title: Rear-end collision")
    expect(page.locator("#tree-nothing")).to_be_visible()


def test_broken_rules_are_shown_at_their_lines(open_page: OpenPage) -> None:
    """Each names the line; choosing it selects the line; the service keeps what it had."""
    page = editor(open_page())
    put(page, "severity: 3", "severity: 9")
    found = page.locator("#editor-found button")

    expect(found).to_have_count(1)
    expect(found).to_contain_text("must be less than or equal to 5, not 9")
    expect(page.locator("#editor-state")).to_have_text("Nothing was changed: 1 rule broken.")
    expect(page.locator("#editor-marks .mark")).to_have_count(1)
    found.click()
    selected = page.evaluate(
        "(() => { const t = document.getElementById('editor-text');"
        " return t.value.slice(t.selectionStart, t.selectionEnd); })()"
    )
    assert selected.strip() == "severity: 9"


def test_a_sentence_that_lost_its_verb_is_found(open_page: OpenPage) -> None:
    """The mark stands at the part that is not in the sentence."""
    page = editor(open_page())
    put(page, "A car crashes into the back of another car.", "A car bumps into another car.")

    button = page.locator("#editor-found button").first
    expect(button).to_contain_text("does not stand in")
    expect(button).to_have_text(re.compile(r"Line \d{2,}"))


def test_edit_at_a_scenario_opens_the_text_there(open_page: OpenPage) -> None:
    """The line of its id is selected."""
    page = open_page()
    page.fill("#tree-search", "back of another car")
    page.click("#tree summary >> nth=-1")
    if not page.locator("#tree .leaf-facts button").is_visible():
        page.click("#tree summary >> nth=-1")
    page.click("#tree .leaf-facts button")

    expect(page.locator("#editor-text")).to_be_focused()
    selected = page.evaluate(
        "(() => { const t = document.getElementById('editor-text');"
        " return t.value.slice(t.selectionStart, t.selectionEnd); })()"
    )
    assert selected.strip() == "- id: a.vv.ah.rear_end"


def test_who_was_slower_is_told(open_page: OpenPage) -> None:
    """Two editors from the same version: the second is refused and loses nothing."""
    slow, fast = editor(open_page()), editor(open_page())
    put(fast, "title: Rear-end collision", "title: Shunt")
    expect(fast.locator("#editor-state")).to_contain_text("In service")
    put(slow, "title: Rear-end collision", "title: Bump")

    expect(slow.locator("#notice")).to_contain_text("Somebody else changed the descriptions")
    assert "title: Bump" in slow.locator("#editor-text").input_value()
    put(fast, "title: Shunt", "title: Rear-end collision")
    expect(fast.locator("#editor-state")).to_contain_text("In service")
