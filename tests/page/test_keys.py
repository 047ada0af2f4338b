"""A server that asks for API keys: the page asks its reader, once, and uses the key everywhere."""

from playwright.sync_api import expect

from tests.page.conftest import SAMPLE, OpenPage, shown, until


def test_a_key_is_asked_for_and_used_everywhere(
    open_page: OpenPage, keyed_server: tuple[str, str]
) -> None:
    """Requests carry it, events and film a token made from it; a wrong one is asked for again."""
    address, key = keyed_server
    page = open_page(base=address)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    expect(page.locator("#key-dialog")).to_be_visible()
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-wrong")).to_be_visible()
    page.fill("#key", key)
    page.keyboard.press("Enter")
    expect(page.locator("#tree > li")).to_have_count(2)
    page.set_input_files("#file", SAMPLE)

    shown(page)

    expect(page.locator("#key-dialog")).to_be_hidden()
    until(page, "document.getElementById('film').readyState >= 2")
    for path in ("/events?token=", "/video.mp4?token="):
        assert any(path in url for url in seen), path
    assert not any(key in url for url in seen), "a key in an address stands in every log"
    with page.expect_download() as download:
        page.locator("#downloads a").filter(has_text="(JSON)").click()
    assert "segments" in download.value.path().read_text()


def test_a_key_that_may_not_change_the_descriptions_is_told_so(
    open_page: OpenPage, keyed_server: tuple[str, str]
) -> None:
    """403 of the real service, with what to do; the text stays."""
    address, key = keyed_server
    page = open_page(base=address)
    page.fill("#key", key)
    page.keyboard.press("Enter")
    page.click("#editor-open")
    page.click("#editor-save")

    expect(page.locator("#notice")).to_contain_text("This API key may not do that.")
    expect(page.locator("#editor-state")).to_have_text("Nothing was changed.")


def test_who_has_no_key_is_asked_once(open_page: OpenPage, keyed_server: tuple[str, str]) -> None:
    """The lists that refresh themselves stay quiet; a button leads back."""
    page = open_page(base=keyed_server[0])
    page.get_by_text("Not now").click()

    expect(page.locator("#key-dialog")).to_be_hidden()
    expect(page.locator("#tree-summary")).to_have_text("Enter an API key to see the descriptions.")
    with page.expect_response("**/jobs", timeout=8_000) as refreshed:
        pass
    assert refreshed.value.status == 401
    page.wait_for_timeout(200)
    expect(page.locator("#key-dialog")).to_be_hidden()
    page.click("#key-again")
    expect(page.locator("#key-dialog")).to_be_visible()
