"""What the documentation shows of scripts and tag managers works, in Chromium."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import werkzeug.test
from playwright.sync_api import Browser, Page, Route

import browsing
import guarded_apps
import transcripts
from browsing import Tab
from consentgate import ConsentGate
from inserting import is_guarded

pytestmark = pytest.mark.browser

FOLDER = transcripts.FOLDER
SHOWN = (b"<!doctype html><html lang=en><head>", b"<title>Shop</title></head><body><h1>Shop</h1>")
GA4 = {"_ga", "_ga_TEST1234"}
MATOMO = {"_pk_id.1.abcd", "_pk_ses.1.abcd"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return the app of the pages, as the reader's server loads it."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", "a key for the examples of the documentation")
    # The project has a folder of that name.
    monkeypatch.delitem(sys.modules, "scripts", raising=False)
    yield importlib.import_module("scripts")
    del sys.modules["scripts"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a running Chromium."""
    with browsing.chromium() as running:
        yield running


@pytest.fixture
def visit(example: ModuleType, browser: Browser) -> Iterator[tuple[Tab, str]]:
    """Return a page, and the address of the site; trackers come from where they would come."""
    with guarded_apps.serving(example.app) as port, browsing.tab(browser) as tab:
        for address, name in (("**/gtag/js*", "ga4.js"), ("**/matomo.js", "matomo.js")):
            tab.page.route(address, partial(tracked, name))
        yield tab, f"http://www.shop.test:{port}"


def tracked(name: str, route: Route) -> None:
    """Answer with a tracker."""
    body = (guarded_apps.TRACKERS / name).read_bytes()
    route.fulfill(content_type="text/javascript", body=body)


def press(page: Page, name: str) -> None:
    """Press a button, and wait until the answer has arrived."""
    with page.expect_response("**/choice.json"):
        page.get_by_role("button", name=name, exact=True).click()
    page.locator("[data-consentgate-banner]").wait_for(state="detached")


def test_the_gate_puts_the_guard_in(example: ModuleType) -> None:
    """One option puts guard and script first in the head of a page that knows of neither."""
    body = example.app.test_client().get("/").data
    assert is_guarded(body, b"".join(SHOWN), len(SHOWN[0]))


def test_the_map_is_the_sites_own(example: ModuleType) -> None:
    """The second gate tells Google of personalization by another category."""
    gate: ConsentGate = example.mapped
    told: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        told.append(environ["consentgate"].mode_html())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    werkzeug.test.Client(gate.wsgi(app)).get("/")
    assert "&#34;personalization_storage&#34;: &#34;marketing&#34;" in told[0]


def test_the_page_hears_what_is_refused(visit: tuple[Tab, str]) -> None:
    """Under the nonce of the page the guard is there once, and the listener logs each name."""
    tab, url = visit
    logged: list[str] = []
    tab.page.on("console", lambda message: logged.append(message.text))
    tab.page.goto(f"{url}/guarded")
    assert tab.page.locator("script[src*='consentgate-guard.']").count() == 1
    tab.page.evaluate("document.cookie = '_ga=1'")
    tab.page.evaluate("document.cookie = 'session=1'")
    assert tab.names() == {"session"}
    assert "refused: _ga" in logged


def test_google_hears_of_consent_without_a_reload(visit: tuple[Tab, str]) -> None:
    """The tag stores nothing until consent, then at once; after a withdrawal nothing is left."""
    tab, url = visit
    tab.page.goto(f"{url}/gtag")
    tab.page.wait_for_function("window.tracked")
    assert tab.names() == set()
    layer = "window.dataLayer.map(([command, what]) => [command, what]).slice(0, 2)"
    assert [command for command, _ in tab.page.evaluate(layer)] == ["consent", "js"]
    press(tab.page, "Accept all")
    assert tab.names_with(GA4) == {*GA4, "cookies_preferences"}
    press(tab.page, "Withdraw my consent")
    tab.page.goto(f"{url}/gtag")
    tab.page.wait_for_function("window.tracked")
    assert tab.names() == {"cookies_preferences"}


def test_matomo_hears_of_consent_without_a_reload(visit: tuple[Tab, str]) -> None:
    """Matomo stores nothing until consent, then at once, and on the next page; then no more."""
    tab, url = visit
    tab.page.goto(f"{url}/matomo")
    tab.page.wait_for_function("window.tracked")
    assert tab.names() == set()
    press(tab.page, "Accept all")
    assert tab.names_with(MATOMO) == {*MATOMO, "cookies_preferences"}
    for name in MATOMO:
        tab.page.evaluate("name => { document.cookie = `${name}=; Path=/; Max-Age=0`; }", name)
    tab.page.goto(f"{url}/matomo")
    assert tab.names_with(MATOMO) == {*MATOMO, "cookies_preferences"}
    press(tab.page, "Withdraw my consent")
    tab.page.goto(f"{url}/matomo")
    tab.page.wait_for_function("window.tracked")
    assert tab.names() == {"cookies_preferences"}
