"""The guard in pages of a shop with trackers, under a strict policy with nonces, in Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import browsing
import guarded_apps
from browsing import RawServer, Request, Tab, response
from consentgate import Event, Reason

pytestmark = pytest.mark.browser

CHOICE = "cookies_preferences"
GA4 = {"_ga", "_ga_TEST1234"}
MATOMO = {"_pk_id.1.abcd", "_pk_ses.1.abcd"}
COOKIES = {"/ga4": GA4, "/matomo": MATOMO}


class Shop:
    """A visit to the shop, and what the shop hears."""

    def __init__(self, tab: Tab, port: int, told: list[Event], reports: list[Any]) -> None:
        self.tab = tab
        self.told = told
        self.reports = reports
        self.violations: list[str] = []
        self._origin = f"http://www.shop.test:{port}"
        tab.page.on("console", lambda message: self._hear(message.text))
        tab.page.on("pageerror", lambda error: self.violations.append(str(error)))

    def _hear(self, text: str) -> None:
        """Note what the browser did not let a page do."""
        if "Content Security Policy" in text:
            self.violations.append(text)

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.tab.page

    def visit(self, path: str) -> None:
        """Open a page, and wait until its trackers have run."""
        self.page.goto(self._origin + path)
        if path != "/":
            self.page.wait_for_function("window.tracked")
        # Had it been another page, the mark would be gone.
        self.page.evaluate("window.mark = 1")

    def press(self, name: str) -> None:
        """Press a button, and wait until the answer has arrived, in this very page."""
        with self.page.expect_response("**/choice.json"):
            self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_function("() => !document.querySelector('[data-consentgate-banner]')")
        assert self.page.evaluate("window.mark") == 1

    def stores(self, names: set[str]) -> bool:
        """Tell whether these come to be all that is stored, the choice aside."""
        deadline = time.monotonic() + 5
        while self.tab.names() - {CHOICE} != names and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return self.tab.names() - {CHOICE} == names

    def report(self) -> Any:
        """Return the one report that arrives."""
        deadline = time.monotonic() + 10
        while not self.reports and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        [report] = self.reports
        return report

    def hears(self, count: int) -> list[Event]:
        """Return what observers hear of scripts, once it is so many."""
        deadline = time.monotonic() + 10
        while len(self._guarded()) < count and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return self._guarded()

    def _guarded(self) -> list[Event]:
        found = [event for event in self.told if event.action == "guarded"]
        return sorted(found, key=lambda event: event.name)


def listening(app: Any, reports: list[Any]) -> Any:
    """Return an app that notes what browsers report to it, and hands it on."""

    def noted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/cookies/reports" and environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            reports.append((environ["CONTENT_TYPE"], json.loads(body)))
            environ["wsgi.input"] = BytesIO(body)
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return noted


@contextmanager
def open_shop(browser: Browser, *, by_helper: bool, **options: Any) -> Iterator[Shop]:
    """Open a shop with an empty jar."""
    told: list[Event] = []
    reports: list[Any] = []
    app = guarded_apps.app(by_helper=by_helper, tell=told.append, **options)
    with guarded_apps.serving(listening(app, reports)) as port, browsing.tab(browser) as tab:
        yield Shop(tab, port, told, reports)


@pytest.fixture(params=[False, True], ids=["by the gate", "by the helper"])
def shop(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Return a shop whose pages do nothing that its policy forbids."""
    with open_shop(chromium, by_helper=request.param) as opened:
        yield opened
        assert opened.violations == []


@pytest.mark.conformance("T4")
def test_guard_and_script_come_first(shop: Shop) -> None:
    """First in the head, once, with the nonce of the page: they run under 'strict-dynamic'."""
    shop.visit("/ga4")
    scripts = shop.page.evaluate("""() => [...document.head.children].slice(0, 3).map(
        (each) => [each.localName, each.getAttribute("src") ?? "", each.nonce !== ""])""")
    assert [(name, nonce) for name, _, nonce in scripts[:2]] == [("script", True)] * 2
    assert "consentgate-guard." in scripts[0][1]
    assert shop.page.evaluate("window.consentgateGuard") is True
    assert shop.page.evaluate("consentgate.allows('necessary')") is True
    assert shop.page.locator("script[src*='consentgate-guard.']").count() == 1
    expect(shop.page.locator("[data-consentgate-banner]")).to_be_visible()


@pytest.mark.parametrize("path", COOKIES)
@pytest.mark.conformance("T4")
def test_a_tracker_stores_nothing_before_consent(shop: Shop, path: str) -> None:
    """It runs, tries what it always tries, and finds that no cookie stays."""
    shop.visit(path)
    shop.visit(path)
    assert shop.stores(set())
    assert shop.page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("path", COOKIES)
@pytest.mark.conformance("T4")
def test_a_tracker_starts_with_consent_and_ends_with_it(shop: Shop, path: str) -> None:
    """`consentgate:change` lets it start without a reload; a withdrawal takes what can be seen."""
    shop.visit(path)
    shop.press("Accept all")
    assert shop.stores(COOKIES[path])
    shop.visit(path)
    assert shop.stores(COOKIES[path])
    shop.press("Withdraw my consent")
    assert shop.stores(set())
    shop.visit(path)
    assert shop.stores(set())


@pytest.mark.parametrize("path", COOKIES)
@pytest.mark.conformance("T4")
def test_who_refuses_is_not_tracked(shop: Shop, path: str) -> None:
    """A refusal keeps the tracker's cookies out, in this page and the next."""
    shop.visit(path)
    shop.press("Refuse all")
    assert shop.stores(set())
    shop.visit(path)
    assert shop.stores(set())


@pytest.mark.conformance("T4")
def test_matomo_asks_by_itself(shop: Shop) -> None:
    """With requireCookieConsent it tries nothing; the choice tells it when to start and to end."""
    shop.page.add_init_script("""window.refused = [];
        document.addEventListener("consentgate:refused", (event) => refused.push(event.detail));""")
    shop.visit("/asking")
    assert shop.stores(set())
    shop.press("Accept all")
    assert shop.stores(MATOMO)
    shop.press("Withdraw my consent")
    assert shop.stores(set())
    shop.page.get_by_role("link", name="Cookie settings").click()
    shop.page.locator("[name=allow-statistics][value=yes]").check()
    with shop.page.expect_response("**/choice.json"):
        shop.page.get_by_role("button", name="Save my choice").click()
    shop.visit("/asking")
    assert shop.stores(MATOMO)
    assert shop.page.evaluate("refused") == []


@pytest.mark.conformance("T4")
def test_what_is_refused_is_announced(shop: Shop) -> None:
    """The page hears an event for each name, the site gets one report, and observers hear it."""
    shop.page.add_init_script("""window.refused = [];
        document.addEventListener("consentgate:refused", (event) => refused.push(event.detail));""")
    shop.visit("/ga4")
    expected = [{"name": name, "enforced": True} for name in ("_ga", "_ga_TEST1234")]
    assert shop.page.evaluate("refused") == expected
    assert shop.report() == ("application/json", {"refused": expected, "page": "/ga4"})
    assert shop.hears(2) == [
        Event("guarded", name, "statistics", "/ga4", Reason.UNANSWERED) for name in sorted(GA4)
    ]


@pytest.mark.conformance("T4")
def test_a_report_arrives_from_a_page_that_is_left(shop: Shop) -> None:
    """Whoever leaves at once leaves the report behind."""
    shop.visit("/")
    shop.page.evaluate("""() => { document.cookie = "evil=1"; location.href = "/matomo"; }""")
    shop.page.wait_for_url("**/matomo")
    deadline = time.monotonic() + 10
    while not shop.reports and time.monotonic() < deadline:
        shop.page.wait_for_timeout(20)
    assert shop.reports[0][1] == {"refused": [{"name": "evil", "enforced": True}], "page": "/"}


@pytest.mark.conformance("T4")
def test_under_a_report_the_tracker_works_and_is_told(chromium: Browser) -> None:
    """A gate that only reports lets a script write all, and hears what it would have refused."""
    with open_shop(chromium, by_helper=False, report_only=True) as shop:
        shop.visit("/ga4")
        assert shop.stores(GA4)
        _, report = shop.report()
        told = {each["name"]: each["enforced"] for each in report["refused"]}
        assert told == dict.fromkeys(GA4, False)


# Google Consent Mode

LAYER = """() => window.dataLayer.map(
    (each) => [Object.prototype.toString.call(each), ...each].map((part) =>
        typeof part === "string" ? part : { ...part }))"""
DENIED = {
    "ad_storage": "denied",
    "ad_user_data": "denied",
    "ad_personalization": "denied",
    "analytics_storage": "denied",
    "functionality_storage": "denied",
    "personalization_storage": "denied",
    "security_storage": "granted",
}


def commands(page: Page) -> list[list[Any]]:
    """Return what is in the data layer: all of it as `arguments`, which tags tell from arrays."""
    layer: list[list[Any]] = page.evaluate(LAYER)
    assert {kind for kind, *_ in layer} == {"[object Arguments]"}
    return [command for _, *command in layer]


@pytest.mark.conformance("T4")
def test_google_hears_of_the_choice_before_any_tag(shop: Shop) -> None:
    """The default stands first in the data layer; a change is told without a reload."""
    shop.visit("/mode")
    assert commands(shop.page) == [["consent", "default", DENIED], ["config", "G-TEST1234"]]
    assert shop.stores(set())
    shop.press("Accept all")
    asked = {"analytics_storage": "granted", "ad_storage": "granted"}
    asked |= {"ad_user_data": "granted", "ad_personalization": "granted"}
    assert commands(shop.page)[2:] == [["consent", "update", DENIED | asked]]
    assert shop.stores(GA4)
    shop.visit("/mode")
    assert commands(shop.page)[0] == ["consent", "default", DENIED | asked]
    shop.press("Withdraw my consent")
    assert commands(shop.page)[2:] == [["consent", "update", DENIED]]
    assert shop.stores(set())


# What charset a page has

LATE = "<!doctype html><html><head>{put_in}<meta charset=windows-1252><title>\xe9t\xe9</title>"


@pytest.mark.conformance("T4")
def test_a_charset_that_comes_later_is_still_found(chromium: Browser) -> None:
    """A list of two kilobytes before it does not hide a page's own `<meta charset>`."""
    cookies = " ".join(f"+declared_name_{number}" for number in range(120))

    def respond(request: Request) -> bytes:
        if request.target != "/":
            return response(200, [(b"Content-Type", b"text/javascript")])
        guard = f'<script src="/guard.js" data-cookies="{cookies}"></script>'
        text = LATE.format(put_in=guard).encode("windows-1252")
        return response(200, [(b"Content-Type", b"text/html")], text)

    assert len(cookies) > 2000
    with RawServer(respond).running() as server, browsing.tab(chromium) as tab:
        tab.page.goto(f"http://www.shop.test:{server.port}/")
        assert tab.page.title() == "\xe9t\xe9"
        assert tab.page.evaluate("document.characterSet") == "windows-1252"
