"""Takes the pictures in docs/screenshots: what visitors of the portal example see.

`make screenshots`. It needs a Chromium; where there is none it says how to get one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
# The tests know how to find a Chromium and how to run a server.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import browsing  # noqa: E402  # only now is it found
from serving import serve  # noqa: E402  # only now is it found

FOLDER = ROOT / "docs" / "screenshots"
WIDE, PHONE = 1120, 320


@dataclass(frozen=True)
class Shot:
    """A picture: of which page, after which answer, as who sees it.

    `highest` is where it is cut off; a page that is shorter ends it earlier.
    """

    name: str
    path: str = "/"
    answer: str = ""
    width: int = WIDE
    highest: int = 900
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"


SHOTS = (
    Shot("banner", highest=380),
    Shot("banner-french", highest=400, language="fr"),
    Shot("banner-dark", highest=380, scheme="dark"),
    Shot("banner-phone", width=PHONE, highest=720),
    Shot("banner-phone-french", width=PHONE, highest=720, language="fr"),
    Shot("banner-right-to-left", highest=380, language="ar"),
    Shot("preferences", "/cookies/preferences"),
    Shot("preferences-saved", "/cookies/preferences", "save"),
    Shot("preferences-phone", "/cookies/preferences", width=PHONE, highest=1200),
    Shot("charter", "/cookies", highest=1400),
    Shot("charter-phone", "/cookies", width=PHONE, highest=1600),
    Shot("refused", "/cookies", "refuse", highest=520),
    Shot("withdrawal", "/", "accept"),
)


def main() -> None:
    """Take all of them."""
    try:
        browsing.find_chromium()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(f"no screenshots: {missing.msg}")
    FOLDER.mkdir(exist_ok=True)
    with (
        browsing.chromium() as browser,
        serve("waitress", "examples.portal.wsgi:application") as url,
        serve("waitress", "inserted_apps:portal_in_all_languages") as arabic,
    ):
        for shot in SHOTS:
            path = FOLDER / f"{shot.name}.png"
            with seen(browser, arabic if shot.language == "ar" else url, shot) as page:
                height = page.evaluate("document.body.getBoundingClientRect().bottom")
                page.set_viewport_size({"width": shot.width, "height": 900})
                page.screenshot(
                    path=path,
                    full_page=True,
                    clip={"x": 0, "y": 0, "width": shot.width, "height": min(height, shot.highest)},
                )
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


@contextmanager
def seen(browser: Browser, url: str, shot: Shot) -> Iterator[Page]:
    """Open the page of a picture, in a browser that has answered as the picture wants."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": 900},
        locale=shot.language,
        color_scheme=shot.scheme,
        device_scale_factor=1,
    )
    try:
        page = context.new_page()
        page.goto(url + shot.path)
        if shot.answer:
            if shot.answer == "save":
                page.locator("[name=allow-statistics][value=yes]").check()
                page.locator("[name=allow-marketing][value=no]").check()
            with page.expect_response("**/choice.json*"):
                page.locator(f"button[value={shot.answer}]").click()
            page.goto(url + shot.path + ("?saved=1" if shot.answer == "save" else ""))
        yield page
    finally:
        context.close()


if __name__ == "__main__":
    main()
