"""The pages of a site with a ledger, in a browser: the number of a choice, and no proof of one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

import arabic
import browsing
from adapters import KEY
from browsing import Tab
from consentgate import ConsentGate, Cookie, Pages, Policy
from consentgate.ledger import Ledger
from consentgate.pages.settings import OFFICIAL
from guarded_apps import serving
from looking import BROKEN, LANGUAGES, OVERFLOW, PHONE, violations

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = [pytest.mark.browser, pytest.mark.server]

POLICY = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("_ga*", "statistics", provider="Google"),
        Cookie("ad_id", "marketing"),
    ]
)
CHOICE = "cookies_preferences"
PAGE = b"<!doctype html><html lang=en><head><title>Shop</title></head><body><h1>Shop</h1></body>"


def shop(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a page that would count its visitors."""
    headers = [("Content-Type", "text/html"), ("Set-Cookie", "_ga=1; Max-Age=600")]
    start_response("200 OK", headers)
    return [PAGE]


@dataclass
class Site:
    """A running site, and the file that its ledger is in."""

    port: int
    ledger: Path

    @property
    def url(self) -> str:
        """Where it is for a browser that takes it as secure."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        """Where it is for a browser that takes it as not secure."""
        return f"http://shop.test:{self.port}"

    def kept(self) -> list[tuple[str, str, str]]:
        """Return the id, the action and the source of each record, in order."""
        with closing(sqlite3.connect(self.ledger)) as database:
            query = "SELECT id, action, source FROM consentgate_records ORDER BY sequence"
            return database.execute(query).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write into the ledger meanwhile."""
        with closing(sqlite3.connect(self.ledger, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.execute("ROLLBACK")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a site whose banner is put in, in all languages."""
    folder = tmp_path_factory.mktemp("site")
    arabic.write_catalogue(folder)
    file = folder / "consent.db"
    gate = ConsentGate(
        POLICY,
        secret_key=KEY,
        inject_banner=True,
        pages=Pages(languages=[*OFFICIAL, "ar"], locales=folder, controller="The Shop"),
        ledger=Ledger(f"sqlite:///{file}", timeout=0.4),
    )
    with serving(gate.wsgi(shop)) as port:
        yield Site(port, file)
    assert gate.ledger is not None
    gate.ledger.close()


@dataclass
class Visitor:
    """A visitor, and what this one's browser complained of."""

    tab: Tab
    complaints: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("request", self._note)

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.tab.page

    @property
    def number(self) -> Locator:
        """The number of the choice."""
        return self.page.locator(".consentgate-proof code")

    @property
    def copying(self) -> Locator:
        """The button that copies it."""
        return self.page.locator("[data-consentgate-copy]")

    @property
    def told(self) -> Locator:
        """What is said once it is copied."""
        return self.page.locator(".consentgate-proof [role=status]")

    def save(self, url: str, answer: str = "save", language: str = "en") -> str:
        """Answer on the preferences page; return the number that it shows then."""
        self.page.goto(f"{url}/cookies/preferences?lang={language}")
        self.page.locator(f"main button[value={answer}]").click()
        expect(self.page.locator("#consentgate-status")).to_be_visible()
        expect(self.number).to_be_visible()
        return self.number.inner_text()

    def selected(self) -> str:
        """Return the text that is selected."""
        text: str = self.page.evaluate("() => getSelection().toString()")
        return text

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.posts.append(request.url.rpartition("/")[2].partition("?")[0])


@pytest.fixture
def visitor(tab: Tab) -> Iterator[Visitor]:
    """Return a visitor with scripts, whose browser stops no page from anything."""
    visiting = Visitor(tab)
    yield visiting
    assert visiting.complaints == []


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Visitor]:
    """Return a visitor without scripts."""
    with browsing.tab(chromium, scripts=False) as opened:
        yield Visitor(opened)


CLIPBOARD = "() => navigator.clipboard.readText()"
NO_CLIPBOARD = "() => navigator.clipboard === undefined"


def clipboard(visitor: Visitor, url: str) -> str:
    """Return what is in the clipboard."""
    visitor.tab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    text: str = visitor.page.evaluate(CLIPBOARD)
    return text


# The number of a choice


@pytest.mark.conformance("L16")
@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_number_is_copied_by_keyboard(visitor: Visitor, site: Site, key: str) -> None:
    """The button shows the focus, a key copies the record's id, it is said, the focus stays."""
    number = visitor.save(site.url)
    assert number == site.kept()[-1][0]
    visitor.copying.focus()
    visitor.page.keyboard.press("Shift+Tab")
    visitor.page.keyboard.press("Tab")
    expect(visitor.copying).to_be_focused()
    outline = visitor.copying.evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline != "none"
    expect(visitor.told).to_have_text("")
    visitor.page.keyboard.press(key)
    expect(visitor.told).to_have_text("Copied")
    expect(visitor.copying).to_be_focused()
    assert clipboard(visitor, site.url) == number


@pytest.mark.conformance("L16")
def test_the_number_survives_new_answers(visitor: Visitor, site: Site) -> None:
    """After answers without a new page the number is there, the same, and can be copied."""
    page = visitor.page
    page.goto(f"{site.url}/cookies/preferences?lang=en")
    page.evaluate("() => { window.stays = true; }")
    expect(visitor.number).to_have_count(0)
    numbers = set()
    for answer in ("save", "withdraw"):
        page.locator("[name=allow-statistics][value=yes]").check()
        with page.expect_response(re.compile("preferences.*saved")):
            page.locator(f"main button[value={answer}]").click()
        expect(page.locator("#consentgate-status")).to_be_focused()
        visitor.copying.click()
        expect(visitor.told).to_have_text("Copied")
        numbers.add(clipboard(visitor, site.url))
    assert page.evaluate("() => window.stays")
    assert numbers == {visitor.number.inner_text()}
    assert [kept[1:] for kept in site.kept() if kept[0] in numbers] == [
        ("partial", "page"),
        ("withdrawn", "page"),
    ]


@pytest.mark.conformance("L16")
def test_the_number_is_copied_on_plain_http(visitor: Visitor, site: Site) -> None:
    """Where a browser has no clipboard for a site, the number is selected and copied so."""
    number = visitor.save(site.plain_url)
    assert visitor.page.evaluate(NO_CLIPBOARD)
    visitor.copying.click()
    expect(visitor.told).to_have_text("Copied")
    assert visitor.selected() == number
    visitor.page.goto(f"{site.url}/cookies/preferences?lang=en")
    assert clipboard(visitor, site.url) == number


REFUSES = {
    "rejected": "navigator.clipboard.writeText = () => Promise.reject(new Error('no'));",
    "thrown": "navigator.clipboard.writeText = () => { throw new Error('no'); };",
}


@pytest.mark.conformance("L16")
@pytest.mark.parametrize("how", REFUSES)
def test_where_nothing_can_be_copied_the_number_is_selected(
    visitor: Visitor, site: Site, how: str
) -> None:
    """Where the browser refuses either way it is said that the number is selected, and it is."""
    visitor.page.add_init_script(f"{REFUSES[how]} document.execCommand = () => false;")
    number = visitor.save(site.url)
    visitor.copying.click()
    expect(visitor.told).to_have_text("The number is selected. You can copy it now.")
    assert visitor.selected() == number


@pytest.mark.conformance("L16")
def test_without_scripts_the_number_is_there(plain: Visitor, site: Site) -> None:
    """Without scripts the number can be read, and there is no button that does nothing."""
    number = plain.save(site.url)
    assert number == site.kept()[-1][0]
    expect(plain.copying).to_be_hidden()


@pytest.mark.parametrize(("language", "said"), [("fr", "Copié"), ("de", "Kopiert")])
def test_the_number_is_copied_in_the_language_of_the_page(
    visitor: Visitor, site: Site, language: str, said: str
) -> None:
    """What is said of it is in the language of the page."""
    visitor.save(site.url, language=language)
    visitor.copying.click()
    expect(visitor.told).to_have_text(said)


@pytest.mark.conformance("P10", "L16")
def test_the_number_fits_a_phone(visitor: Visitor, site: Site) -> None:
    """At 320 px nothing scrolls sideways in any language, no word breaks, the button is large."""
    visitor.save(site.url)
    visitor.page.set_viewport_size(PHONE)
    sideways, broken, small = {}, {}, {}
    for language in LANGUAGES:
        visitor.page.goto(f"{site.url}/cookies/preferences?lang={language}")
        expect(visitor.copying).to_be_visible()
        box = visitor.copying.bounding_box()
        assert box is not None
        sideways[language] = visitor.page.evaluate(OVERFLOW)
        broken[language] = visitor.page.evaluate(BROKEN)
        small[language] = box["height"] < 43.5 or box["width"] < 24
    assert {code: found for code, found in sideways.items() if found != [0, []]} == {}
    assert {code: words for code, words in broken.items() if words} == {}
    assert not any(small.values())


@pytest.mark.conformance("P10", "L16")
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_axe_finds_nothing_about_the_number(visitor: Visitor, site: Site, language: str) -> None:
    """The number and its button break no rule of axe-core, light and dark, wide and narrow."""
    visitor.save(site.url, language=language)
    visitor.copying.click()
    expect(visitor.told).not_to_have_text("")
    assert violations(visitor.page) == []


def test_the_number_reads_from_left_to_right(visitor: Visitor, site: Site) -> None:
    """On a page from right to left the number is as it is everywhere."""
    visitor.save(site.url, language="ar")
    assert visitor.number.evaluate("e => getComputedStyle(e).direction") == "ltr"
    assert visitor.copying.evaluate("e => getComputedStyle(e).direction") == "rtl"


# Where nothing can be recorded


def shows_that_it_was_not_saved(visitor: Visitor, allowed: set[str] | None = None) -> None:
    """Assert that the page says so, once and plainly, and that nothing was allowed by it."""
    page = visitor.page
    expect(page.locator("h1")).to_have_text("Please try again")
    expect(page).to_have_title("Please try again")
    expect(page.locator("main p").first).to_contain_text("nothing new is allowed")
    posts = list(visitor.posts)
    page.wait_for_timeout(1000)  # Longer than the script, or a reload, would take to send again.
    assert visitor.posts == posts, "it is not sent again and again"
    assert visitor.tab.names() == (allowed or set())


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("where", ["/", "/cookies", "/cookies/preferences"])
def test_what_cannot_be_recorded_is_not_granted(visitor: Visitor, site: Site, where: str) -> None:
    """A script's answer fails, then the form's, with a page that says so; later on one counts."""
    page = visitor.page
    visitor.save(site.url, "save")  # So that the ledger is there.
    visitor.tab.clear()
    page.goto(f"{site.url}{where}?lang=en")
    if where == "/cookies/preferences":
        page.locator("[name=allow-statistics][value=yes]").check()
    value = "save" if where == "/cookies/preferences" else "accept"
    visitor.posts.clear()
    with site.locked():
        with page.expect_navigation():
            page.locator(f"button[value={value}]").click()
        shows_that_it_was_not_saved(visitor)
    assert visitor.posts == ["choice.json", "choice"]
    assert page.evaluate("() => document.activeElement === document.body")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Your choice about cookies")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.locator("[name=allow-statistics][value=yes]").check()
    page.locator("main button[value=save]").click()
    expect(page.locator("#consentgate-status")).to_contain_text("Accepted: Statistics.")
    expect(visitor.number).to_have_text(site.kept()[-1][0])


@pytest.mark.conformance("L4")
def test_without_scripts_it_is_told_as_well(plain: Visitor, site: Site) -> None:
    """Without scripts the form's answer is that page, and what held before still holds."""
    plain.save(site.url, "save")
    with site.locked():
        plain.page.goto(f"{site.url}/cookies?lang=en")
        plain.page.locator("main button[value=accept]").click()
        shows_that_it_was_not_saved(plain, {CHOICE})
    plain.page.goto(f"{site.url}/cookies/preferences?lang=en")
    expect(plain.page.locator("#consentgate-status")).not_to_contain_text("Accepted")


@pytest.mark.conformance("L4")
def test_refusing_works_all_the_same(visitor: Visitor, site: Site) -> None:
    """While nothing can be recorded a refusal counts at once; its record follows."""
    visitor.save(site.url, "save")
    visitor.tab.clear()
    before = len(site.kept())
    with site.locked():
        visitor.page.goto(f"{site.url}/?lang=en")
        visitor.page.locator("button[value=refuse]").click()
        expect(visitor.page.locator("[data-consentgate-banner]")).to_have_count(0)
        assert visitor.tab.names() == {CHOICE}
    visitor.page.goto(f"{site.url}/cookies/preferences?lang=en")
    number = visitor.number.inner_text()
    for _ in range(100):
        if len(site.kept()) > before:
            break
        visitor.page.wait_for_timeout(50)
    assert site.kept()[before:] == [(number, "refused", "banner")]
