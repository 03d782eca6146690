"""What waits for consent, in a real Chromium: it sleeps, wakes up, and says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

import browsing
from browsing import RawServer, Request, Tab
from serving import serve

pytestmark = [pytest.mark.browser, pytest.mark.server]

COUNT = b"window.ran.push('counter');"
SEA = b"<!doctype html><title>The sea</title><p>The sea"


@dataclass
class World:
    """The site, the other sites, and what reached these."""

    site: str = ""
    port: int = 0
    log: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> bytes:
        """Answer as one of the other sites."""
        self.log.append(f"{request.host}{request.target}")
        kind = b"text/javascript" if request.target.endswith(".js") else b"text/html"
        return browsing.response(200, [(b"Content-Type", kind)], COUNT if b"java" in kind else SEA)

    def url(self, path: str, **query: str) -> str:
        """Return the address of a page of the site."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.site}{path}?port={self.port}{more}"


@pytest.fixture(scope="module")
def worldwide() -> Iterator[World]:
    """Run the site and the others."""
    world = World()
    with (
        RawServer(world.answer).running() as others,
        serve("uvicorn-h11", "placeholder_apps:asgi") as url,
    ):
        world.port = others.port
        world.site = url
        yield world


@pytest.fixture
def world(worldwide: World) -> World:
    """Return the world, in which nothing has happened yet."""
    worldwide.log.clear()
    return worldwide


@pytest.fixture
def page(tab: Tab) -> Page:
    """Return an open page."""
    return tab.page


def sees_the_sea(page: Page, *, around: bool = True) -> None:
    """Expect that the film is shown, in a frame of ours around it or in the page's own."""
    film = "iframe[title='A film of the sea']"
    frame = page.frame_locator(film)
    shown = frame.frame_locator(film) if around else frame
    expect(shown.get_by_text("The sea")).to_be_visible()


def allow(page: Page, name: str) -> None:
    """Press a button of the box."""
    page.get_by_role("button", name=name, exact=True).click()


def ran(page: Page) -> Any:
    """Return what ran, in order."""
    return page.evaluate("window.ran")


@pytest.mark.parametrize("path", ["/helper", "/hand"])
def test_before_consent_a_box_stands_for_the_film(world: World, page: Page, path: str) -> None:
    """Nothing is asked of the other sites, no script runs, and a labelled box says what it is."""
    page.goto(world.url(path))
    box = page.get_by_role("region", name="A film of the sea")
    expect(box).to_contain_text("Films Ltd can read cookies in your browser")
    expect(box.get_by_role("link", name="Open it at its source")).to_be_visible()
    expect(page.locator("iframe")).to_be_hidden()
    assert ran(page) == []
    assert world.log == []


@pytest.mark.parametrize("path", ["/helper", "/hand"])
def test_once_is_for_this_page_alone(world: World, tab: Tab, path: str) -> None:
    """What is allowed once is shown at once and remembered nowhere: a reload asks again."""
    page = tab.page
    page.goto(world.url(path))
    mark = page.evaluate("window.mark")
    allow(page, "Allow once")
    sees_the_sea(page)
    assert page.evaluate("window.mark") == mark
    assert world.log == ["films.test/film"]
    assert tab.names() == set()
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    expect(page.locator("iframe")).to_be_focused()
    page.reload()
    expect(page.get_by_role("region", name="A film of the sea")).to_be_visible()


@pytest.mark.parametrize("path", ["/helper", "/hand"])
def test_always_is_remembered(world: World, page: Page, path: str) -> None:
    """What is always allowed is shown without a reload, and on the next page without a question."""
    page.goto(world.url(path))
    mark = page.evaluate("window.mark")
    allow(page, "Always allow")
    sees_the_sea(page)
    assert page.evaluate("window.mark") == mark
    expect(page.locator("[data-consentgate-placeholder]")).to_have_count(0)
    page.goto(world.url(path))
    sees_the_sea(page, around=False)
    assert ran(page) == []  # Marketing is not statistics.


def test_scripts_wake_up_in_order_without_a_reload(world: World, page: Page) -> None:
    """After consent scripts run in the order of the page, external, inline and modules alike."""
    held: list[Route] = []
    page.route("**/first.js", lambda route: held.append(route))
    page.goto(world.url("/hand", banner="1"))
    mark = page.evaluate("window.mark")
    allow(page, "Accept all")
    sees_the_sea(page)
    assert ran(page) == []  # What comes behind a slow script waits for it.
    held[0].continue_()
    page.wait_for_function("window.ran.length === 3")
    assert ran(page) == ["first", "inline", "module"]
    assert page.evaluate("window.mark") == mark


def test_a_script_that_fails_holds_nothing_up(world: World, page: Page) -> None:
    """Where a script does not arrive, the ones behind it run all the same."""
    page.route("**/first.js", lambda route: route.abort())
    page.goto(world.url("/hand", banner="1"))
    allow(page, "Accept all")
    page.wait_for_function("window.ran.length === 2")
    assert ran(page) == ["inline", "module"]


ADD = """markup => document.querySelector("main").insertAdjacentHTML("afterbegin", markup)"""
BROKEN = """
<iframe data-consent="marketing" data-src="http://[" title="Broken"></iframe>
<script type="text/plain" data-consent="statistics" data-src="http://["></script>
<script type="text/plain" data-consent="statistics" src="/never.js" nomodule></script>
<script type="text/plain" data-consent="statistics" src="/never.txt" data-type="text/x"></script>
"""


def test_what_cannot_wake_up_lets_the_rest(world: World, page: Page) -> None:
    """An address that is none, and what is no script here, keep neither others nor answers back."""
    page.goto(world.url("/hand", banner="1"))
    page.evaluate(ADD, BROKEN)
    allow(page, "Accept all")
    sees_the_sea(page)
    page.wait_for_function("window.ran.length === 3")
    expect(page.locator("[data-consentgate-banner]")).to_have_count(0)


def test_what_a_script_adds_is_found_when_it_says_so(world: World, page: Page) -> None:
    """`consentgate.wake()` finds what has come into the page: scripts run once, frames get a box."""
    page.goto(world.url("/hand"))
    allow(page, "Always allow")
    sees_the_sea(page)
    late = '<script type="text/plain" data-consent="%s">window.ran.push("%s")</script>'
    count = '<iframe data-consent="statistics" data-src="/late" title="Late"></iframe>'
    page.evaluate(ADD, late % ("marketing", "late") + late % ("statistics", "never") + count)
    page.evaluate("window.consentgate.wake(), window.consentgate.wake()")
    expect(page.get_by_role("region", name="Late")).to_have_count(1)
    assert ran(page) == ["late"]


def test_scripts_keep_their_nonce(world: World, page: Page) -> None:
    """Under a policy of the app's with a nonce, what wakes up carries it, and runs."""
    page.goto(world.url("/strict", banner="1"))
    allow(page, "Accept all")
    page.wait_for_function("window.ran.length === 3")
    assert "inline with nonce" in ran(page)
    page.reload()
    page.wait_for_function("window.ran.length === 3")


def test_a_foreign_script_reloads_the_page_once(world: World, page: Page) -> None:
    """A script of a host that this page's policy has not runs on the page that is loaded then."""
    page.goto(world.url("/hand", banner="1", count="1"))
    assert world.log == []
    with page.expect_event("load"):
        allow(page, "Accept all")
    page.wait_for_function("window.ran.includes('counter')")
    assert world.log.count("count.test/count.js") == 1
    loads: list[str] = []
    page.on("load", lambda _: loads.append("again"))
    page.wait_for_timeout(300)
    assert loads == []


def test_what_the_app_forbids_stays_forbidden(world: World, page: Page) -> None:
    """Where the app's own policy has no place for the film, no frame of ours goes round it."""
    page.goto(world.url("/closed"))
    with page.expect_event("console", lambda message: "frame-src" in message.text):
        allow(page, "Allow once")
    page.wait_for_timeout(300)
    assert world.log == []


def test_without_scripts_the_box_is_a_form_and_a_link(chromium: Browser, world: World) -> None:
    """Without JavaScript the source is a link away, and always allowing it is a form."""
    with browsing.tab(chromium, scripts=False) as tab:
        page = tab.page
        page.goto(world.url("/helper"))
        link = page.get_by_role("link", name="Open it at its source")
        assert link.get_attribute("href") == f"http://films.test:{world.port}/film"
        expect(page.get_by_role("button", name="Allow once")).to_have_count(0)
        assert world.log == []
        with page.expect_navigation():
            allow(page, "Always allow")
        sees_the_sea(page, around=False)


def test_the_keyboard_alone_allows(world: World, page: Page) -> None:
    """By tab and return somebody allows the film once, and is in its frame then."""
    page.goto(world.url("/helper"))
    expect(page.get_by_role("button", name="Allow once")).to_be_visible()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-consentgate-once]')"):
            break
    page.keyboard.press("Enter")
    sees_the_sea(page)
    expect(page.locator("iframe")).to_be_focused()


@pytest.mark.parametrize("path", ["/helper", "/hand"])
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 320), ("dark", 320)]
)
def test_axe_finds_nothing(world: World, page: Page, path: str, scheme: Any, width: int) -> None:
    """A page with boxes passes axe in light and dark, on a screen and on a phone."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(world.url(path))
    expect(page.get_by_role("button", name="Allow once")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("Allow once", "Always allow"):
        size = page.get_by_role("button", name=name).bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44
