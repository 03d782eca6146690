"""The demo in a real Chromium: all four kinds of cookies on one page, in both states."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

import browsing
from browsing import Tab
from consentgate.audit.serving import served
from examples import demo
from looking import OVERFLOW, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.server]

NECESSARY = {"session", "basket"}
CONSENTED = {"_ga_DEMO", "clicks_js", "ad_id", "partner_id", "cookies_preferences"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return where the demo is."""
    with served(demo.app) as url:
        yield url


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    """Return a page in a profile that takes cookies of embedded sites."""
    with browsing.lasting_tab(chromium) as opened:
        yield opened


def film(page: Page) -> None:
    """Expect that the film is shown."""
    expect(page.frame_locator("iframe").get_by_role("img", name="The sea")).to_be_visible()


def test_it_fits_a_phone_in_both_languages(tab: Tab, url: str) -> None:
    """At 320 px nothing scrolls sideways, before consent and after it."""
    tab.page.set_viewport_size(PHONE)
    for lang, accept in (("en", "Accept all"), ("fr", "Tout accepter")):
        tab.clear()
        tab.page.goto(f"{url}?lang={lang}")
        assert tab.page.evaluate(OVERFLOW) == [0, []]
        tab.page.get_by_role("button", name=accept).click()
        film(tab.page)
        assert tab.page.evaluate(OVERFLOW) == [0, []]


def test_what_a_script_is_told_is_shown_where_scripts_run(chromium: Browser, url: str) -> None:
    """The words on scripts that ask stand beside their answer: without JavaScript neither is."""
    for scripts in (True, False):
        with browsing.tab(chromium, scripts=scripts) as tab:
            tab.page.goto(url)
            asks = tab.page.get_by_text("Scripts that want to know before they write ask")
            expect(asks).to_be_visible(visible=scripts)


def test_before_consent_what_is_necessary_is_set_alone(tab: Tab, url: str) -> None:
    """By header, script and frame: nothing else gets into the browser, and the guard says so."""
    tab.page.goto(url)
    expect(tab.page.locator("#heard")).to_have_text("It has just tried, and was refused.")
    expect(tab.page.get_by_role("region", name="A film of the sea")).to_be_visible()
    assert tab.names() == NECESSARY


def test_a_careless_page_loads_nothing_either(tab: Tab, url: str) -> None:
    """A frame that is in the page without consent is not requested: its cookie is not set."""
    with tab.page.expect_event("console", lambda message: "frame-src" in message.text):
        tab.page.goto(f"{url}?partner=unasked")
    assert tab.names() == NECESSARY


def test_after_consent_each_kind_is_there(tab: Tab, url: str) -> None:
    """Once everything is accepted all that is declared is set, the other site's cookie too."""
    tab.page.goto(url)
    tab.page.get_by_role("button", name="Accept all").click()
    expect(tab.page.locator("#heard")).to_contain_text("It has just written it")
    film(tab.page)
    assert tab.names_with(CONSENTED) == NECESSARY | CONSENTED


def test_after_a_withdrawal_only_the_other_sites_own_cookie_is_left(tab: Tab, url: str) -> None:
    """What this site set is gone at once; what another site keeps is no longer asked for."""
    tab.page.goto(url)
    tab.page.get_by_role("button", name="Accept all").click()
    film(tab.page)
    tab.page.get_by_role("button", name="Withdraw my consent").click()
    expect(tab.page.get_by_role("region", name="A film of the sea")).to_be_visible()
    expect(tab.page.locator("#heard")).to_have_text("It has just tried, and was refused.")
    assert tab.names() == NECESSARY | {"partner_id", "cookies_preferences"}
