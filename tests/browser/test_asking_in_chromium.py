"""The banner and the pages that ask, on real servers: a visitor answers, and changes the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect

import browsing
from browsing import Tab
from serving import serve

pytestmark = [pytest.mark.browser, pytest.mark.server]

CHOICE = "cookies_preferences"
CONSENTED = {"_ga", "ad_id"}
TICKED = "input:checked"
ANSWER = re.compile(r"/choice\.json")


class Site(NamedTuple):
    """An example on a strict page, its server, and the cookies that it needs."""

    target: str
    server: str
    necessary: set[str]


SITES = {
    "flask": Site("flask", "gunicorn", {"session"}),
    "flask, inserted": Site("flask_inserted", "gunicorn", {"session"}),
    "fastapi": Site("fastapi", "uvicorn-httptools", {"session"}),
    "starlette, inserted": Site("starlette", "uvicorn-h11", {"session"}),
    "django": Site("portal", "waitress", {"csrftoken"}),
    "django, inserted": Site("portal_asgi_inserted", "uvicorn-h11", {"csrftoken"}),
}


class Served(NamedTuple):
    """A running example, and the cookies that it needs."""

    url: str
    necessary: set[str]


@dataclass
class Visitor:
    """A visitor with JavaScript, or without."""

    tab: Tab
    scripts: bool
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.tab.page

    @property
    def banner(self) -> Locator:
        """The banner, where there is one."""
        return self.page.locator("[data-consentgate-banner]")

    def press(self, name: str, *, by_script: bool = True) -> None:
        """Press a button, and wait until the answer has arrived: by script where there is one."""
        button = self.page.get_by_role("button", name=name, exact=True)
        if self.scripts and by_script:
            with self.page.expect_response(ANSWER):
                button.click()
        else:
            with self.page.expect_navigation():
                button.click()

    def start_anew(self) -> None:
        """Forget all."""
        self.page.unroute_all()
        self.page.goto("about:blank")
        self.tab.clear()
        self.violations.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        """Note what the browser did not let a page do."""
        if "Content Security Policy" in message.text:
            self.violations.append(message.text)


@pytest.fixture(scope="module", params=SITES.values(), ids=list(SITES))
def site(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Run one of the examples."""
    example: Site = request.param
    with serve(example.server, f"inserted_apps:{example.target}") as url:
        yield Served(url, example.necessary)


@pytest.fixture(scope="module")
def visitors(chromium: Browser) -> Iterator[list[Visitor]]:
    """Return a visitor without JavaScript and one with it."""
    with browsing.tab(chromium, scripts=False) as plain, browsing.tab(chromium) as scripted:
        yield [Visitor(plain, scripts=False), Visitor(scripted, scripts=True)]


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(visitors: list[Visitor], request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Return a visitor whose jar is empty, and whose browser stops no page from anything."""
    visiting = visitors[request.param]
    visiting.start_anew()
    yield visiting
    assert visiting.violations == []


@pytest.fixture
def scripted(visitors: list[Visitor]) -> Visitor:
    """Return a visitor with JavaScript whose jar is empty."""
    visitors[1].start_anew()
    return visitors[1]


# Answering


@pytest.mark.conformance("P3", "K1")
def test_the_first_visit_asks_and_stores_only_what_is_necessary(
    visitor: Visitor, site: Served
) -> None:
    """The banner is first in the body, with both answers and nothing ticked; nobody is tracked."""
    visitor.page.goto(site.url)
    expect(visitor.page.locator("body > [data-consentgate-banner]:first-child")).to_be_visible()
    expect(visitor.banner).to_have_count(1)
    expect(visitor.banner.locator("button")).to_have_text(["Accept all", "Refuse all"])
    expect(visitor.page.locator(TICKED)).to_have_count(0)
    visitor.page.reload()
    expect(visitor.banner).to_be_visible()
    assert visitor.tab.names() == site.necessary


@pytest.mark.conformance("P3")
@pytest.mark.parametrize(
    ("answer", "stored"), [("Accept all", CONSENTED), ("Refuse all", set())], ids=["yes", "no"]
)
def test_one_press_answers(visitor: Visitor, site: Served, answer: str, stored: set[str]) -> None:
    """One press accepts or refuses all; the banner is gone, and stays gone."""
    visitor.page.goto(site.url)
    visitor.press(answer)
    expect(visitor.banner).to_have_count(0)
    visitor.page.reload()
    expect(visitor.banner).to_have_count(0)
    assert visitor.tab.names() == site.necessary | {CHOICE} | stored


@pytest.mark.conformance("P4")
def test_a_visitor_chooses_purpose_by_purpose(visitor: Visitor, site: Served) -> None:
    """The banner leads to the preferences; one purpose is accepted, and the way leads back."""
    visitor.page.goto(f"{site.url}/?page=1")
    visitor.banner.get_by_role("link", name="Choose", exact=True).click()
    expect(visitor.page.locator(TICKED)).to_have_count(0)
    visitor.page.locator("[name=allow-statistics][value=yes]").check()
    visitor.press("Save my choice")
    status = visitor.page.locator("#consentgate-status")
    expect(status).to_contain_text("Your choice is saved.")
    expect(status).to_contain_text("Accepted: Statistics.")
    expect(visitor.page.locator(TICKED)).to_have_count(2)
    visitor.page.get_by_role("link", name="Back to the page you came from").click()
    expect(visitor.page).to_have_url(f"{site.url}/?page=1")
    expect(visitor.banner).to_have_count(0)
    assert visitor.tab.names() == site.necessary | {CHOICE, "_ga"}


@pytest.mark.conformance("P4")
def test_a_visitor_changes_the_choice_later(visitor: Visitor, site: Served) -> None:
    """The link on every page leads to the choice as it was made, and a new one takes its place."""
    visitor.page.goto(site.url)
    visitor.press("Accept all")
    visitor.page.reload()
    visitor.page.get_by_role("link", name="Cookie settings").click()
    expect(visitor.page.locator("[name=allow-statistics][value=yes]")).to_be_checked()
    expect(visitor.page.locator("[name=allow-marketing][value=yes]")).to_be_checked()
    visitor.page.locator("[name=allow-marketing][value=no]").check()
    visitor.press("Save my choice")
    expect(visitor.page.locator("#consentgate-status")).to_contain_text("Refused: Marketing.")
    visitor.page.goto(site.url)
    assert visitor.tab.names() == site.necessary | {CHOICE, "_ga"}


@pytest.mark.conformance("P4", "K9")
def test_one_press_withdraws(visitor: Visitor, site: Served) -> None:
    """From whatever page of the site one press takes all back, as one press gave it."""
    visitor.page.goto(site.url)
    visitor.press("Accept all")
    visitor.page.reload()
    assert visitor.tab.names() >= CONSENTED
    visitor.press("Withdraw my consent", by_script=False)  # Where nothing is asked no script is.
    expect(visitor.page.get_by_role("button", name="Withdraw my consent")).to_have_count(0)
    expect(visitor.banner).to_have_count(0)
    assert visitor.tab.names() == site.necessary | {CHOICE}
    visitor.page.reload()
    assert visitor.tab.names() == site.necessary | {CHOICE}


# With scripts

REMEMBER = """() => {
    window.heard = [];
    document.addEventListener("consentgate:change", event => window.heard.push(event.detail));
}"""
HEARD = "() => window.heard"
ALLOWS = "name => window.consentgate.allows(name)"


@pytest.mark.conformance("P3", "P8")
def test_scripts_answer_without_a_new_page(scripted: Visitor, site: Served) -> None:
    """With scripts the page stays; other scripts hear of the choice, and so do screen readers."""
    page = scripted.page
    page.goto(site.url)
    page.evaluate(REMEMBER)
    assert page.evaluate(ALLOWS, "session") is False  # It is no category.
    assert page.evaluate(ALLOWS, "necessary") is True
    assert page.evaluate(ALLOWS, "statistics") is False
    scripted.press("Accept all")
    expect(scripted.banner).to_have_count(0)
    assert page.evaluate(ALLOWS, "statistics") is True
    # Had another page been loaded, nothing would be left of what was heard.
    [heard] = page.evaluate(HEARD)
    assert heard["answered"] is True
    assert {"necessary", "statistics", "marketing"} <= set(heard["allowed"])
    expect(page.get_by_role("status").first).to_contain_text("Accepted: ")


@pytest.mark.conformance("P4")
def test_scripts_show_the_way_to_withdraw_at_once(scripted: Visitor, site: Served) -> None:
    """After an answer by script the footer offers to withdraw it, and after that it does not."""
    page = scripted.page
    page.goto(site.url)
    page.evaluate(REMEMBER)
    withdraw = page.get_by_role("button", name="Withdraw my consent")
    expect(withdraw).to_have_count(0)
    scripted.press("Accept all")
    expect(withdraw).to_be_visible()
    scripted.press("Withdraw my consent")
    expect(withdraw).to_have_count(0)
    assert page.evaluate(ALLOWS, "statistics") is False
    assert len(page.evaluate(HEARD)) == 2
    assert page.evaluate("() => document.activeElement.closest('.consentgate-link') !== null")
    assert scripted.tab.names() == site.necessary | {CHOICE}


@pytest.mark.conformance("P3")
def test_what_is_pressed_last_holds(scripted: Visitor, site: Served) -> None:
    """An answer that is slow on its way does not arrive after the one that was pressed after it."""
    page, held = scripted.page, list[Route]()
    page.route(ANSWER, lambda route: route.continue_() if held else held.append(route))
    page.goto(site.url)
    page.evaluate(REMEMBER)
    page.get_by_role("button", name="Accept all").click()
    page.get_by_role("button", name="Refuse all").click()
    while not held:
        page.wait_for_timeout(10)
    with page.expect_response(lambda response: "refuse" in (response.request.post_data or "")):
        held[0].continue_()
    page.wait_for_function("() => window.heard.length === 2")
    assert page.evaluate(ALLOWS, "statistics") is False
    assert scripted.tab.names() == site.necessary | {CHOICE}


@pytest.mark.conformance("P3")
def test_where_a_script_fails_the_form_answers(scripted: Visitor, site: Served) -> None:
    """Where the answer by script does not arrive, the form is sent as if there was none."""
    page = scripted.page
    page.route(ANSWER, lambda route: route.abort())
    page.goto(site.url)
    with page.expect_navigation():
        page.get_by_role("button", name="Accept all").click()
    expect(page).to_have_url(f"{site.url}/")
    expect(scripted.banner).to_have_count(0)
    assert scripted.tab.names() == site.necessary | {CHOICE} | CONSENTED


# By keyboard

FOCUSED = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    return {
        text: element.innerText.trim(),
        within: element.closest("[data-consentgate-banner]") !== null,
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    };
}"""


@pytest.mark.conformance("P3", "P10")
def test_the_keyboard_alone_answers(scripted: Visitor, site: Served) -> None:
    """Tab goes through the banner and out of it, what has the focus shows it, a key answers."""
    page = scripted.page
    page.goto(site.url)
    stops = []
    for _ in range(5):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    inside, outside = stops[:4], stops[4]
    wanted = ["Cookie charter", "Accept all", "Refuse all", "Choose"]
    assert [stop["text"] for stop in inside] == wanted
    assert all(stop["within"] and stop["outline"] >= 2 for stop in inside)
    assert not outside["within"]
    assert outside["text"]
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED)["text"] == "Refuse all"
    with page.expect_response(ANSWER):
        page.keyboard.press("Enter")
    expect(scripted.banner).to_have_count(0)
    assert scripted.tab.names() == site.necessary | {CHOICE}
