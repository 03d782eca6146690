"""What is looked at in a page, light and dark, wide and narrow: by axe-core, and by its sizes."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from consentgate.pages.settings import OFFICIAL

WIDE: ViewportSize = {"width": 1120, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 640}
LANGUAGES = (*OFFICIAL, "ar")

# How far the page scrolls sideways, and what its words do not fit into.
OVERFLOW = """() => {
    const root = document.documentElement;
    const wider = [...document.querySelectorAll(".consentgate button, .consentgate summary")]
        .filter(element => element.scrollWidth > element.clientWidth)
        .map(element => element.innerText);
    return [root.scrollWidth - root.clientWidth, wider];
}"""
BROKEN = """() => [...document.querySelectorAll(".consentgate button")].flatMap(button => {
    const text = button.firstChild;
    return [...text.data.matchAll(/\\S+/g)].filter(word => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return new Set([...range.getClientRects()].map(line => line.top)).size > 1;
    }).map(word => word[0]);
})"""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = "rules => axe.run({runOnly: rules, resultTypes: ['violations']})"
Scheme = Literal["light", "dark"]
LIGHT_AND_DARK: tuple[Scheme, ...] = ("light", "dark")


def violations(page: Page) -> list[Any]:
    """Return what axe objects to, light and dark, wide and on a phone."""
    page.evaluate(Axe().axe_script)
    found: list[Any] = []
    for scheme, size in product(LIGHT_AND_DARK, (WIDE, PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        for each in page.evaluate(CHECK, RULES)["violations"]:
            found += [
                (scheme, size["width"], each["id"], node["target"], node["failureSummary"])
                for node in each["nodes"]
            ]
    return found
