"""The pictures of the README: `python -m tests.page.pictures`.

They show the shipped sample, analysed by the shipped bundle as it is.
"""

import io
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from service.bundle.bundle import EMBEDDED_BUNDLE
from tests.page.conftest import ARGUMENTS, CHROMIUM, ROOT, serving
from tests.page.test_pictures_and_knowledge import editor, put

OUT = ROOT / "docs" / "pictures"
MAX_BYTES = 150_000


def main() -> None:
    """Write the three of them."""
    OUT.mkdir(exist_ok=True)
    with TemporaryDirectory() as name, sync_playwright() as playwright, ExitStack() as stack:
        folder = Path(name)
        address = stack.enter_context(serving(EMBEDDED_BUNDLE, folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        desk = _sample(browser, address, (1280, 880), "light")
        _take(desk, "clip.png")
        _take(_broken_rule(desk), "descriptions.png", "#editor")
        _take(_sample(browser, address, (390, 1120), "dark"), "phone.png")
        browser.close()


def _sample(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Page:
    context = browser.new_context(
        base_url=address,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/")
    page.click("#sample")
    expect(page.locator("#descriptions li").first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1500)  # the film has drawn its first picture
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.getElementById('result').scrollIntoView()")
    return page


def _broken_rule(page: Page) -> Page:
    """A severity that there is not, found by the server and shown at its line."""
    put(editor(page), "severity: 3", "severity: 9")
    expect(page.locator("#editor-found button")).to_have_count(1)
    return page


def _take(page: Page, name: str, part: str | None = None) -> None:
    path: Path = OUT / name
    page.wait_for_timeout(300)
    shot = page.locator(part).screenshot() if part else page.screenshot()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    # 160 colours without a pattern of dots: a third of the size, and no eye sees it.
    picture.quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path}: {size} bytes")  # noqa: T201 - a command, its output is for people
    if size > MAX_BYTES:
        sys.exit(f"{name} has {size} bytes, at most {MAX_BYTES} are wanted")


if __name__ == "__main__":
    main()
