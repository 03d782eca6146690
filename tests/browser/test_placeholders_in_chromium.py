"""What waits for consent, in a real Chromium: it sleeps, wakes up, and says what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import browsing
from browsing import RawServer, Request, Tab
from looking import BROKEN, LANGUAGES, OVERFLOW, PHONE, violations
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


def ran_in_time(page: Page, number: int) -> Any:
    """Return what ran, once it is so many, or when time is up.

    Not by `wait_for_function`: it is stopped by policies against `eval`.
    """
    deadline = time.monotonic() + 10
    while len(ran(page)) < number and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    return ran(page)


@pytest.mark.parametrize("path", ["/helper", "/hand"])
@pytest.mark.conformance("T3")
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
@pytest.mark.conformance("T3")
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
@pytest.mark.conformance("T3")
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


@pytest.mark.conformance("T3")
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
    assert ran_in_time(page, 3) == ["first", "inline", "module"]
    assert page.evaluate("window.mark") == mark


@pytest.mark.conformance("T3")
def test_a_script_that_fails_holds_nothing_up(world: World, page: Page) -> None:
    """Where a script does not arrive, the ones behind it run all the same."""
    page.route("**/first.js", lambda route: route.abort())
    page.goto(world.url("/hand", banner="1"))
    allow(page, "Accept all")
    assert ran_in_time(page, 2) == ["inline", "module"]


ADD = """markup => document.querySelector("main").insertAdjacentHTML("afterbegin", markup)"""
UNWAKEABLE = """
<iframe data-consent="marketing" data-src="http://[" title="Broken"></iframe>
<script type="text/plain" data-consent="statistics" data-src="http://["></script>
<script type="text/plain" data-consent="statistics" src="/never.js" nomodule></script>
<script type="text/plain" data-consent="statistics" a"b=1 src="/never.js"></script>
<script type="text/plain" data-consent="statistics" src="/never.txt" data-type="text/x"></script>
"""


@pytest.mark.conformance("T3")
def test_what_cannot_wake_up_lets_the_rest(world: World, page: Page) -> None:
    """An address that is none, and what is no script here, keep neither others nor answers back."""
    page.goto(world.url("/hand", banner="1"))
    page.evaluate(ADD, UNWAKEABLE)
    allow(page, "Accept all")
    sees_the_sea(page)
    assert ran_in_time(page, 3) == ["first", "inline", "module"]
    expect(page.locator("[data-consentgate-banner]")).to_have_count(0)


@pytest.mark.conformance("T3")
def test_what_a_script_adds_is_found_when_it_says_so(world: World, page: Page) -> None:
    """`consentgate.wake()` finds what is new in the page: scripts run once, frames get a box."""
    page.goto(world.url("/hand"))
    allow(page, "Always allow")
    sees_the_sea(page)
    late = '<script type="text/plain" data-consent="%s">window.ran.push("%s")</script>'
    count = '<iframe data-consent="statistics" data-src="%s" title="%s"></iframe>'
    count = count % ("late.html?x", "Ours") + count % ("https://kino.t\u00e9st/f 1", "Theirs")
    page.evaluate(ADD, late % ("marketing", "late") + late % ("statistics", "never") + count)
    page.evaluate("window.consentgate.wake(), window.consentgate.wake()")
    ours, theirs = (page.get_by_role("region", name=name) for name in ("Ours", "Theirs"))
    expect(ours).to_have_count(1)
    expect(ours.get_by_role("link").first).to_have_attribute("href", "/late.html?x")
    expect(ours).not_to_contain_text("comes from")
    expect(theirs).to_contain_text("comes from kino.xn--tst-bma.")
    assert ran(page) == ["late"]


@pytest.mark.conformance("T3")
def test_scripts_keep_their_nonce(world: World, page: Page) -> None:
    """Under a policy of the app's with a nonce, what wakes up carries it, and runs."""
    page.goto(world.url("/strict", banner="1"))
    allow(page, "Accept all")
    assert ran_in_time(page, 3) == ["first", "inline with nonce", "module"]
    page.reload()
    assert ran_in_time(page, 3) == ["first", "inline with nonce", "module"]


@pytest.mark.conformance("T3")
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


@pytest.mark.conformance("T3", "T2")
def test_what_the_app_forbids_stays_forbidden(world: World, page: Page) -> None:
    """Where the app's own policy has no place for the film, no frame of ours goes round it."""
    page.goto(world.url("/closed"))
    with page.expect_event("console", lambda message: "frame-src" in message.text):
        allow(page, "Allow once")
    page.wait_for_timeout(300)
    assert world.log == []


def loads_of(page: Page) -> list[str]:
    """Return a list to which each load of the page from now on adds something."""
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))
    return loads


@pytest.mark.conformance("T3")
def test_an_app_that_frames_no_page_of_its_own_is_reloaded(world: World, page: Page) -> None:
    """Where the app's policy has the film but not 'self', always allowing it reloads, once."""
    page.goto(world.url("/narrow"))
    loads = loads_of(page)
    with page.expect_event("console", lambda message: "frame-src" in message.text):
        allow(page, "Allow once")
    page.wait_for_timeout(300)
    assert loads == []
    page.reload()
    with page.expect_event("load"):
        allow(page, "Always allow")
    sees_the_sea(page, around=False)
    page.wait_for_timeout(300)
    assert len(loads) == 2


def add(page: Page, frame: str) -> None:
    """Put a frame into the page, and have it found."""
    page.evaluate(ADD, frame)
    page.evaluate("window.consentgate.wake()")


@pytest.mark.conformance("T3")
def test_an_address_that_is_code_never_runs(world: World, page: Page) -> None:
    """A frame is woken for http and https alone, and by its own box alone."""
    page.goto(world.url("/hand"))
    code = 'data-src="javascript:void(top.pwned = 1)" title="Code"></iframe>'
    button = "<section data-consentgate-placeholder><button data-consentgate-once>Run</button>"
    add(page, f'<iframe data-consent="marketing" {code}')
    add(page, f"{button}</section><iframe {code}")
    add(page, f'{button}</section><iframe data-consent="marketing" {code}')
    for run in page.get_by_role("button", name="Run").all():
        run.click()
    allow(page, "Always allow")
    sees_the_sea(page)
    assert page.evaluate("[window.pwned, document.querySelector('a[href^=java]')]") == [None, None]


@pytest.mark.conformance("T3")
def test_where_there_is_no_box_there_is_a_link(world: World, page: Page) -> None:
    """A frame for which the gate has no box is asked for once, and leads to its source."""
    page.goto(world.url("/hand"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    source = f"http://films.test:{world.port}/odd"
    add(page, f'<iframe data-consent="nonsense" data-src="{source}" title="Odd"></iframe>')
    link = page.get_by_role("link", name="Odd")
    expect(link).to_have_attribute("href", source)
    expect(page.get_by_title("Odd")).to_be_hidden()
    # Not again either where something takes the link away.
    link.evaluate("link => link.remove()")
    for _ in range(3):
        page.evaluate("window.consentgate.wake()")
    page.wait_for_timeout(300)
    assert len([url for url in asked if "/placeholder" in url]) == 1


COME_BACK = """async () => {
    const lost = [];
    addEventListener("unhandledrejection", event => lost.push(`${event.reason}`));
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    await new Promise(done => setTimeout(done, 300));
    return lost;
}"""


@pytest.mark.conformance("T3")
def test_a_page_whose_scripts_may_ask_for_nothing(world: World, page: Page) -> None:
    """Where `connect-src` lacks the site itself a link stands for the film, and nothing is lost."""
    page.goto(world.url("/silent"))
    link = page.get_by_role("link", name="A film of the sea")
    expect(link).to_have_attribute("href", f"http://films.test:{world.port}/film")
    assert page.evaluate(COME_BACK) == []


@pytest.mark.conformance("T3")
def test_a_page_that_comes_back_minds_no_error(world: World, page: Page) -> None:
    """What a server in trouble says of the choice is no choice: the page stays as it is."""
    page.goto(world.url("/hand"))
    loads = loads_of(page)
    trouble = '{"needed": true, "allowed": ["other"]}'
    page.route("**/choice.json*", lambda route: route.fulfill(status=503, body=trouble))
    assert page.evaluate(COME_BACK) == []
    assert loads == []


@pytest.mark.conformance("T3")
def test_a_body_that_was_exchanged_is_spoken_in(world: World, page: Page) -> None:
    """Where a script exchanged the body of the page, the answer is announced all the same."""
    page.goto(world.url("/helper"))
    page.evaluate("""() => {
        const body = document.createElement("body");
        body.append(document.querySelector("main"));
        document.body.replaceWith(body);
    }""")
    allow(page, "Always allow")
    expect(page.get_by_role("status")).not_to_be_empty()


@pytest.mark.parametrize(("attribute", "full"), [("", False), ("allowfullscreen", True)])
@pytest.mark.conformance("T3")
def test_full_screen_is_the_authors_to_give(
    world: World, page: Page, attribute: str, full: bool
) -> None:
    """In a frame of ours a film may fill the screen just if it may in the author's own."""
    page.goto(world.url("/helper"))
    page.evaluate(
        "name => name && document.querySelector('iframe').setAttribute(name, '')", attribute
    )
    allow(page, "Allow once")
    sees_the_sea(page)
    (film,) = [frame for frame in page.frames if frame.url.startswith("http://films.test")]
    assert film.evaluate("document.fullscreenEnabled") is full


@pytest.mark.conformance("T3")
def test_a_frame_in_a_sandbox_is_as_large_as_its_author_made_it(world: World, page: Page) -> None:
    """Our frame around a film has its looks in a sandbox too, where it is of no origin."""
    page.goto(world.url("/helper"))
    page.evaluate("""() => {
        const frame = document.querySelector("iframe");
        Object.assign(frame, { sandbox: "allow-scripts", width: 400, height: 300 });
        frame.style.border = "0";
    }""")
    allow(page, "Allow once")
    sees_the_sea(page)
    size = page.frame_locator("iframe").locator("iframe").bounding_box()
    assert size is not None
    assert (size["width"], size["height"]) == (400, 300)


@pytest.mark.conformance("T3")
def test_a_base_of_another_site_gets_no_question(world: World, page: Page) -> None:
    """Under a <base> the box and the answer are this site's all the same."""
    page.goto(world.url("/based"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    allow(page, "Always allow")
    sees_the_sea(page)
    assert any(each.startswith(f"POST {world.site}/cookies/choice.json") for each in asked)


@pytest.mark.conformance("T3")
def test_trusted_types_let_what_waited_run(world: World, page: Page) -> None:
    """Under a policy that requires trusted types boxes come, and scripts and frames wake up."""
    page.goto(world.url("/trusted", banner="1"))
    expect(page.get_by_role("region", name="A film of the sea")).to_be_visible()
    allow(page, "Accept all")
    sees_the_sea(page)
    assert ran_in_time(page, 3) == ["first", "inline", "module"]


@pytest.mark.conformance("T3")
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


@pytest.mark.conformance("T3")
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


@pytest.mark.parametrize(
    ("path", "lang"), [("/helper", "en"), ("/hand", "en"), ("/helper", "fr"), ("/hand", "ar")]
)
@pytest.mark.conformance("T3")
def test_axe_finds_nothing(world: World, page: Page, path: str, lang: str) -> None:
    """A page with boxes passes axe in light and dark, wide and narrow, from right to left too."""
    page.goto(world.url(path, lang=lang))
    expect(page.locator(f"[data-consentgate-placeholder]:lang({lang})")).to_be_visible()
    assert violations(page) == []


@pytest.mark.conformance("T3")
def test_a_box_fits_a_phone(world: World, page: Page) -> None:
    """At 320 px no box scrolls sideways in any language; buttons are large and break no word."""
    page.set_viewport_size(PHONE)
    odd = {}
    for lang in LANGUAGES:
        page.goto(world.url("/helper", lang=lang))
        once = page.locator("[data-consentgate-once]")
        expect(once).to_be_visible()
        sizes = [button.bounding_box() for button in page.locator("section button").all()]
        small = [size for size in sizes if not size or min(size["width"], size["height"]) < 44]
        found = (page.evaluate(OVERFLOW), page.evaluate(BROKEN), len(sizes), small)
        if found != ([0, []], [], 2, []):
            odd[lang] = found
    assert odd == {}
