"""Banner and pages as people see them, or hear them: on a phone, enlarged, in the dark, in print.

All on the portal, whose policy is the richest, with pages in every official language and in one
that is written from right to left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

import browsing
from browsing import Tab
from looking import BROKEN, LANGUAGES, OVERFLOW, PHONE, WIDE, violations
from serving import serve

pytestmark = [pytest.mark.browser, pytest.mark.server]

PAGES = {
    "banner": "/",
    "preferences": "/cookies/preferences",
    "charter": "/cookies",
    "error": "/cookies/choice",
}
ANSWER = re.compile(r"/choice\.json")
each_page = pytest.mark.parametrize("path", PAGES.values(), ids=list(PAGES))


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    """Run the portal."""
    with serve("waitress", "inserted_apps:portal_in_all_languages") as url:
        yield url


@pytest.fixture(scope="module")
def loading() -> Iterator[str]:
    """Run a site that loads things from others."""
    with serve("waitress", "third_party_apps:wsgi") as url:
        yield url


@pytest.fixture(scope="module")
def opened(chromium: Browser) -> Iterator[Tab]:
    """Return one page for all."""
    with browsing.tab(chromium) as only:
        yield only


@pytest.fixture
def page(opened: Tab) -> Iterator[Page]:
    """Return the page, of nobody who was here before."""
    opened.page.unroute_all()
    opened.page.goto("about:blank")
    opened.clear()
    opened.page.set_viewport_size(WIDE)
    yield opened.page
    opened.page.emulate_media(media="null", color_scheme="null")


def answer(page: Page, value: str) -> None:
    """Answer, and wait until the page shows it."""
    with page.expect_response(ANSWER):
        page.locator(f"main button[value={value}]").click()
    expect(page.locator("#consentgate-status")).to_be_focused()


# Sizes


@pytest.mark.conformance("P10")
@each_page
def test_everything_fits_a_phone(page: Page, portal: str, path: str) -> None:
    """At 320 px, as at 640 px enlarged to 200 %, nothing scrolls sideways and buttons fit words."""
    page.set_viewport_size(PHONE)
    sideways, broken = {}, {}
    for language in LANGUAGES:
        page.goto(f"{portal}{path}?lang={language}")
        sideways[language] = page.evaluate(OVERFLOW)
        broken[language] = page.evaluate(BROKEN)
    assert {code: found for code, found in sideways.items() if found != [0, []]} == {}
    assert {code: words for code, words in broken.items() if words} == {}


@pytest.mark.conformance("P10")
@each_page
def test_letters_can_be_twice_as_large(opened: Tab, page: Page, portal: str, path: str) -> None:
    """With letters of twice the size a page of 640 px does not scroll sideways."""
    page.set_viewport_size({"width": 640, "height": 800})
    devtools = opened.context.new_cdp_session(page)
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    for language in ("en", "fr", "el", "hu", "ar"):
        page.goto(f"{portal}{path}?lang={language}")
        size = page.locator(".consentgate").first.evaluate("e => getComputedStyle(e).fontSize")
        assert size == "32px"
        assert page.evaluate(OVERFLOW) == [0, []], language
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})


TARGETS = """() => [...document.querySelectorAll(
    ".consentgate form :is(a, button, label), .consentgate summary, "
    + ".consentgate-link :is(a, button), .consentgate-languages a"
)].map(element => [element.innerText, element.getBoundingClientRect()])
  .map(([text, {width, height}]) => [text, width, height])"""


@pytest.mark.conformance("P10")
@each_page
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_whatever_is_pressed_is_large_enough(
    page: Page, portal: str, path: str, size: ViewportSize
) -> None:
    """Each button, choice and link outside of a sentence is at least 44 px high and 24 px wide."""
    page.set_viewport_size(size)
    page.goto(f"{portal}/cookies?lang=en")
    answer(page, "accept")  # For the way to withdraw.
    if path == "/":
        page.goto(portal)
        expect(page.locator(".consentgate-link button")).to_be_visible()
        targets = page.evaluate(TARGETS)
        page.context.clear_cookies()
    else:
        targets = []
    page.goto(f"{portal}{path}?lang=en")
    targets += page.evaluate(TARGETS)
    assert len(targets) >= {"/cookies/choice": 0}.get(path, 4)
    # Half a pixel is lost where a browser rounds.
    assert [target for target in targets if target[1] < 24 or target[2] < 43.5] == []


LOOKS = """button => {
    const style = getComputedStyle(button);
    const names = ["fontFamily", "fontSize", "fontWeight", "fontStyle", "letterSpacing", "color",
        "backgroundColor", "backgroundImage", "borderTopColor", "borderTopWidth", "borderTopStyle",
        "borderTopLeftRadius", "boxShadow", "opacity", "textDecorationLine", "textTransform",
        "paddingLeft", "paddingTop", "cursor", "visibility", "zIndex", "position"];
    const {top, width, height} = button.getBoundingClientRect();
    return [...[top, width, height].map(Math.round), ...names.map(name => style[name])];
}"""


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("path", ["/", "/cookies"], ids=["banner", "charter"])
def test_refusing_looks_like_accepting(page: Page, portal: str, path: str) -> None:
    """Both buttons have one size, font and colour and stand side by side, in every language."""
    for language in LANGUAGES:
        page.goto(f"{portal}{path}?lang={language}")
        for size in (WIDE, PHONE):
            page.set_viewport_size(size)
            accept, refuse = page.locator(".consentgate-answers > button").all()
            assert accept.evaluate(LOOKS) == refuse.evaluate(LOOKS), language
            expect(refuse).to_be_visible()


# Colours, movement, print

COLOURS = """() => [
    ...document.querySelectorAll(".consentgate, .consentgate :is(a, button, h1, h2)")
].map(element => getComputedStyle(element))
    .map(style => `${style.color} ${style.backgroundColor}`)"""


@pytest.mark.conformance("P10")
@each_page
def test_the_dark_has_colours_of_its_own(page: Page, portal: str, path: str) -> None:
    """Who prefers the dark gets light letters on dark, everywhere."""
    page.goto(f"{portal}{path}?lang=en")
    expect(page.locator(".consentgate").first).to_be_visible()
    light = page.evaluate(COLOURS)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(COLOURS)
    first = page.locator(".consentgate").first
    assert first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(23, 24, 29)"
    assert len(light) == len(dark) > 1
    own = [(before, after) for before, after in zip(light, dark, strict=True) if before == after]
    # The link in the footer may have the colours of the page that it is in.
    assert len(own) <= (2 if path == "/" else 0), own


MOVING = """() => [...document.querySelectorAll("*")].flatMap(element => ["", "::before", "::after"]
    .map(part => getComputedStyle(element, part || null))
    .filter(style => style.animationName !== "none"
        || !/^(0s(, )?)+$/.test(style.transitionDuration) || style.scrollBehavior !== "auto")
    .map(() => element.outerHTML))"""


@pytest.mark.conformance("P10")
@each_page
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves(
    page: Page, portal: str, path: str, motion: Literal["reduce", "no-preference"]
) -> None:
    """Nothing is animated for anybody, so nothing is for who prefers less of it."""
    page.goto(f"{portal}{path}?lang=en")
    page.emulate_media(reduced_motion=motion)
    assert page.evaluate(MOVING) == []


SHIFTS = """() => new Promise(resolve => {
    let shifts = 0;
    const add = entries => entries.forEach(({value}) => { shifts += value; });
    const observer = new PerformanceObserver(list => add(list.getEntries()));
    observer.observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(() => {
        add(observer.takeRecords());
        resolve(shifts);
    }));
})"""


@pytest.mark.conformance("P10")
@each_page
def test_nothing_jumps_while_a_page_loads(page: Page, portal: str, path: str) -> None:
    """However late style and script arrive, what has been shown stays where it was."""
    held: list[Route] = []
    page.route(re.compile(r"\.(css|js)$"), lambda route: held.append(route))
    page.goto(f"{portal}{path}?lang=en", wait_until="commit")
    while len(held) < 2:
        page.wait_for_timeout(20)  # Until the browser has asked for both.
    for route in held:
        route.continue_()
        page.wait_for_timeout(20)
    page.wait_for_load_state()
    assert page.evaluate(SHIFTS) == 0


@pytest.mark.conformance("P5")
def test_in_print_there_is_nothing_to_press(page: Page, portal: str) -> None:
    """A charter in print has its tables as tables, and no form; a page has no banner."""
    page.set_viewport_size(PHONE)  # As narrow as a sheet may seem.
    page.goto(f"{portal}/cookies?lang=en")
    page.emulate_media(media="print")
    for hidden in (".consentgate-form", ".consentgate-languages"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator("table").first).to_be_visible()
    display = "element => getComputedStyle(element).display"
    assert page.locator("tbody td").first.evaluate(display) == "table-cell"
    expect(page.locator(".consentgate-status")).to_be_visible()
    page.goto(portal)
    page.emulate_media(media="print")
    expect(page.locator("[data-consentgate-banner]")).to_be_hidden()
    expect(page.locator(".consentgate-link")).to_be_hidden()


# What screen readers get

STATES = (*PAGES, "saved preferences", "accepted charter")


@pytest.mark.conformance("P10")
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(page: Page, portal: str, state: str, language: str) -> None:
    """No page breaks a rule of axe-core, in the light and in the dark, wide and on a phone."""
    page.goto(f"{portal}{PAGES[state.rpartition(' ')[2]]}?lang={language}")
    if state == "saved preferences":
        answer(page, "save")
    if state == "accepted charter":
        answer(page, "accept")
    expect(page.locator(f".consentgate:lang({language})").first).to_be_visible()
    assert violations(page) == []


# Other sites that things are loaded from

each_that_tells = pytest.mark.parametrize("path", ["/", "/cookies/preferences", "/cookies"])
UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"


@pytest.mark.conformance("P10")
@each_that_tells
def test_other_sites_fit_a_phone(page: Page, loading: str, path: str) -> None:
    """With long names of hosts too nothing scrolls sideways; links to notices are large enough."""
    page.set_viewport_size(PHONE)
    sideways, small = {}, {}
    for language in LANGUAGES:
        page.goto(f"{loading}{path}?lang={language}")
        page.evaluate(UNFOLD)
        expect(page.locator("a[rel=noreferrer]").first).to_be_visible()
        sideways[language] = page.evaluate(OVERFLOW)
        boxes = [link.bounding_box() for link in page.locator("a[rel=noreferrer]").all()]
        small[language] = [box for box in boxes if box is None or box["height"] < 43.5]
    assert {code: found for code, found in sideways.items() if found != [0, []]} == {}
    assert {code: found for code, found in small.items() if found} == {}


@pytest.mark.conformance("P10")
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
@each_that_tells
def test_axe_finds_nothing_about_other_sites(
    page: Page, loading: str, path: str, language: str
) -> None:
    """What is told of other sites breaks no rule of axe-core, light and dark, wide and narrow."""
    page.goto(f"{loading}{path}?lang={language}")
    page.evaluate(UNFOLD)
    expect(page.locator("a[rel=noreferrer]")).to_have_count(2)
    assert violations(page) == []


# What the scripts of the pages do


@pytest.mark.conformance("P4", "P8")
def test_the_preferences_are_saved_without_a_new_page(page: Page, portal: str) -> None:
    """On the preferences the page stays, says what holds now, and the focus is there."""
    page.goto(f"{portal}/cookies/preferences?lang=en")
    page.evaluate(
        "() => { window.heard = []; document.addEventListener('consentgate:change', "
        "event => window.heard.push(event.detail)); }"
    )
    page.locator("[name=allow-statistics][value=yes]").check()
    answer(page, "save")
    allows = "name => window.consentgate.allows(name)"
    assert page.evaluate(allows, "statistics") is True
    expect(page.locator("#consentgate-status")).to_contain_text("Your choice is saved.")
    answer(page, "withdraw")
    expect(page.locator("#consentgate-status")).not_to_contain_text("Accepted")
    expect(page.locator("input:checked[value=yes]")).to_have_count(0)
    allowed = [set(heard["allowed"]) for heard in page.evaluate("() => window.heard")]
    assert [{"statistics", "marketing"} & names for names in allowed] == [{"statistics"}, set()]
    assert page.evaluate(allows, "statistics") is False


@pytest.mark.conformance("P4")
@pytest.mark.parametrize("status", [400, 500])
def test_where_the_server_does_not_save_the_form_does(page: Page, portal: str, status: int) -> None:
    """Where the answer to a script is an error, the form is sent with all that is in it."""
    page.route(ANSWER, lambda route: route.fulfill(status=status))
    page.goto(f"{portal}/cookies/preferences?lang=en")
    page.locator("[name=allow-statistics][value=yes]").check()
    with page.expect_navigation():
        page.locator("main button[value=save]").click()
    expect(page.locator("#consentgate-status")).to_contain_text("Your choice is saved.")
    expect(page.locator("[name=allow-statistics][value=yes]")).to_be_checked()


@pytest.mark.conformance("P4", "P10")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_keyboard_alone_chooses(chromium: Browser, portal: str, scripts: bool) -> None:
    """On the preferences page Tab, Space, the arrows and Enter are enough, and the focus shows."""
    with browsing.tab(chromium, scripts=scripts) as opened:
        page = opened.page
        page.goto(f"{portal}/cookies/preferences?lang=en")
        reached: list[str] = []
        while "Save my choice" not in reached:
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            outline = focused.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", reached
            name = focused.get_attribute("name")
            if name == "allow-statistics" and name not in reached:
                page.keyboard.press("Space")
            if name == "allow-marketing":
                page.keyboard.press("ArrowDown")  # From "accept" to "refuse".
            reached.append(focused.inner_text() or name or "")
        page.keyboard.press("Enter")
        status = page.locator("#consentgate-status")
        expect(status).to_contain_text("Accepted: Statistics.")
        expect(status).to_contain_text(re.compile("Refused: .*Marketing"))
        page.locator("summary").first.focus()
        page.keyboard.press("Space")
        expect(page.locator("details[open]")).to_have_count(1)


IN_LINE = """() => [...document.querySelectorAll("*")].filter(element =>
    element.localName === "style"
    || (element.localName === "script" && !element.src)
    || [...element.attributes].some(({name}) => name === "style" || name.startsWith("on"))
).map(element => element.outerHTML)"""
LISTEN = """window.stopped = [];
addEventListener("securitypolicyviolation", event => window.stopped.push(event.blockedURI), true)"""


@pytest.mark.conformance("P6")
@each_page
def test_nothing_is_in_line(tab: Tab, portal: str, path: str) -> None:
    """No page has a script, a style or a handler in it, and `default-src 'self'` stops nothing."""
    page = tab.page
    page.add_init_script(LISTEN)
    answered = page.goto(portal + path)
    assert answered is not None
    assert answered.headers["content-security-policy"].startswith("default-src ")
    assert page.evaluate(IN_LINE) == []
    assert page.evaluate("() => window.stopped") == []
    # The style has arrived, and so has the script.
    first = page.locator(".consentgate").first
    assert first.evaluate("e => getComputedStyle(e).boxSizing") == "border-box"
    assert page.evaluate("() => typeof window.consentgate.allows") == "function"
