"""Other tools' banners from npm: a visitor presses their own buttons, and the gate obeys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page

import npm_packages
from banner_apps import BANNERS, KEY
from browsing import Tab
from consentgate import Choice
from consentgate.token import TokenSigner
from serving import each_once

pytestmark = [pytest.mark.browser, pytest.mark.server]

CHOICE = "cookies_preferences"
SERVERS = ("gunicorn", "uvicorn-h11")

Step = Callable[[Page], Locator]


def button(name: str, within: str = "body") -> Step:
    """Return a button by its name."""
    return lambda page: page.locator(within).get_by_role("button", name=name, exact=True)


def part(selector: str) -> Step:
    """Return a part of the page."""
    return lambda page: page.locator(selector)


@dataclass(frozen=True)
class Tool:
    """Another tool: what is pressed for each answer, in order, and the cookie that it writes."""

    cookie: str
    accept: Sequence[Step]
    refuse: Sequence[Step]
    only_visits: Sequence[Step]
    withdraw: Sequence[Step]
    unanswered: frozenset[str | None] = frozenset([None])
    """What may stand in it before the visitor answered."""


SETTINGS = button("Cookie settings")
TOOLS = {
    "cookieconsent": Tool(
        "cc_cookie",
        accept=[button("Accept all", ".cm")],
        refuse=[button("Reject all", ".cm")],
        only_visits=[
            button("Choose"),
            part(".section__toggle-wrapper:has([value=visits])"),
            button("Save"),
        ],
        withdraw=[SETTINGS, button("Reject all", ".pm")],
    ),
    "klaro": Tool(
        "klaro",
        accept=[button("That's ok")],
        refuse=[button("I decline")],
        only_visits=[
            part(".cn-learn-more"),
            part("label[for=purpose-item-statistics]"),
            button("Accept selected"),
        ],
        withdraw=[SETTINGS, part("label[for=purpose-item-disableAll]"), button("Save")],
    ),
    "tarteaucitron": Tool(
        "tarteaucitron",
        accept=[part("#tarteaucitronPersonalize2")],
        refuse=[part("#tarteaucitronAllDenied2")],
        only_visits=[part("#tarteaucitronCloseAlert"), button("Allow Visits")],
        withdraw=[part("#tarteaucitronManager"), part("#tarteaucitronAllDenied")],
        unanswered=frozenset(["!ads=wait!visits=wait", "!visits=wait!ads=wait"]),
    ),
    "orejime": Tool(
        "eu-consent",
        accept=[button("Accept")],
        refuse=[button("Decline")],
        only_visits=[
            button("Configure"),
            part("label[for=orejime-purpose-visits]"),
            button("Save"),
        ],
        withdraw=[SETTINGS, button("Decline all apps"), button("Save")],
    ),
}


@dataclass(frozen=True)
class Visitor:
    """A visitor of the site that asks with one tool."""

    tab: Tab
    url: str
    tool: Tool

    def visit(self) -> set[str]:
        """Load the page; return the names of the cookies that its server could read."""
        self.tab.page.goto(self.url)
        return set((self.tab.page.locator("output").text_content() or "").split())

    def press(self, steps: Sequence[Step]) -> None:
        """Press one after the other, until the tool has written down a new answer."""
        before, page = self.answer, self.tab.page
        for step, *following in (steps[position:] for position in range(len(steps))):

            def done(following: Sequence[Step] = following) -> bool:
                return following[0](page).is_visible() if following else self.answer != before

            step(page).click()
            # tarteaucitron listens half a second after it shows its buttons.
            while not self.soon(done):
                step(page).click()

    def soon(self, done: Callable[[], bool]) -> bool:
        """Tell whether it is done within a second."""
        deadline = time.monotonic() + 1
        while not done():
            if time.monotonic() > deadline:
                return False
            self.tab.page.wait_for_timeout(20)
        return True

    @property
    def answer(self) -> str | None:
        """What the tool has written down."""
        return self._value(self.tool.cookie)

    @property
    def choice(self) -> Choice:
        """The choice that the gate has signed."""
        token = self._value(CHOICE)
        assert token is not None
        choice = TokenSigner(KEY, CHOICE).read(token.encode("ascii"))
        assert choice is not None
        return choice

    def _value(self, name: str) -> str | None:
        found = [cookie["value"] for cookie in self.tab.jar() if cookie["name"] == name]
        return found[0] if found else None

    @property
    def others(self) -> set[str]:
        """The names in the jar, without those of the tool and of the session."""
        return self.tab.names() - {self.tool.cookie, "session"}


@pytest.fixture(scope="module")
def sites() -> Iterator[Callable[[str], str]]:
    """Give the URL of the sites on a server."""
    npm_packages.installed()
    with each_once("banner_apps") as url:
        yield url


def visitor_of(tab: Tab, url: str, name: str) -> Visitor:
    """Return a visitor of the site that asks with a tool, on a server."""
    return Visitor(tab, f"http://{name}.test:{urlsplit(url).port}/", TOOLS[name])


@pytest.fixture
def visitor(
    tab: Tab, sites: Callable[[str], str], request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Return a visitor who has not answered, and of whom nothing was kept but the session."""
    server, name = request.param
    visiting = visitor_of(tab, sites(server), name)
    errors: list[str] = []
    tab.page.on("pageerror", lambda error: errors.append(str(error)))
    visiting.visit()
    assert visiting.soon(lambda: visiting.answer in visiting.tool.unanswered)
    assert visiting.others == set()
    yield visiting
    assert errors == []


EACH = [(server, name) for name in TOOLS for server in SERVERS]
FIRST = [(SERVERS[position % 2], name) for position, name in enumerate(TOOLS)]
SECOND = [(SERVERS[position % 2 - 1], name) for position, name in enumerate(TOOLS)]


@pytest.mark.parametrize("visitor", EACH, indirect=True, ids=" on ".join)
@pytest.mark.conformance("T7")
def test_what_is_accepted_passes_until_it_is_withdrawn(visitor: Visitor) -> None:
    """Accepted, all is stored and read on; withdrawn in the tool's dialog, it is expired."""
    visitor.press(visitor.tool.accept)
    assert visitor.visit().isdisjoint({"_ga", "ad_id"})  # It set them just now.
    assert visitor.others == {CHOICE, "_ga", "ad_id"}
    assert visitor.choice.granted == {"statistics", "marketing"}
    signed = visitor.choice
    assert visitor.visit() >= {"_ga", "ad_id", visitor.tool.cookie}
    assert visitor.choice == signed

    visitor.press(visitor.tool.withdraw)
    assert visitor.visit().isdisjoint({"_ga", "ad_id"})
    assert visitor.others == {CHOICE}
    assert visitor.answer is not None
    assert visitor.choice.granted == set()
    assert visitor.choice.refused >= {"statistics", "marketing"}


@pytest.mark.parametrize("name", BANNERS)
@pytest.mark.conformance("T7")
def test_the_charter_says_how_long_the_tools_cookie_is_kept(
    tab: Tab, sites: Callable[[str], str], name: str
) -> None:
    """The cookie has the name and the lifetime that the gate takes the tool to give it."""
    visitor = visitor_of(tab, sites(SERVERS[0]), name)
    visitor.visit()
    visitor.press(visitor.tool.refuse)
    row = BANNERS[name].row
    [cookie] = [cookie for cookie in tab.jar() if cookie["name"] == row.name]
    assert row.lifetime is not None
    lasts = cookie["expires"] - time.time()
    assert lasts == pytest.approx(row.lifetime.total_seconds(), abs=300)


@pytest.mark.parametrize("visitor", FIRST, indirect=True, ids=" on ".join)
@pytest.mark.conformance("T7")
def test_what_is_refused_is_not_stored(visitor: Visitor) -> None:
    """Refused, nothing is stored but the choice that says so."""
    visitor.press(visitor.tool.refuse)
    visitor.visit()
    visitor.visit()
    assert visitor.others == {CHOICE}
    assert visitor.choice.granted == set()
    assert visitor.choice.refused >= {"statistics", "marketing"}


@pytest.mark.parametrize("visitor", SECOND, indirect=True, ids=" on ".join)
@pytest.mark.conformance("T7")
def test_what_is_accepted_alone_passes_alone(visitor: Visitor) -> None:
    """Of two purposes one is accepted: its cookie is stored and read, the other's is not."""
    visitor.press(visitor.tool.only_visits)
    visitor.visit()
    assert visitor.others == {CHOICE, "_ga"}
    assert visitor.visit() >= {"_ga"}
    assert visitor.choice.granted == {"statistics"}
    assert visitor.choice.refused >= {"marketing"}


@pytest.mark.parametrize("visitor", FIRST, indirect=True, ids=" on ".join)
@pytest.mark.conformance("T7")
def test_who_has_not_answered_has_not_chosen(visitor: Visitor) -> None:
    """A tool that waits for an answer, whatever it writes down meanwhile, says nothing."""
    visitor.visit()
    assert visitor.others == set()
    assert visitor.answer in visitor.tool.unanswered
