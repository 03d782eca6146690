"""The examples, on real servers, as a visitor's own browser sees them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

import browsing
from browsing import Tab
from serving import serve

pytestmark = [pytest.mark.browser, pytest.mark.server]

CHOICE = "cookies_preferences"


class Example(NamedTuple):
    """An example on a server, and the names of the cookies that it sets."""

    target: str
    server: str
    necessary: set[str]
    consented: set[str]


EXAMPLES = {
    "flask": Example("examples.flask_app:app", "gunicorn", {"session"}, {"_ga", "ad_id"}),
    "starlette": Example(
        "examples.starlette_app:app", "uvicorn-h11", {"session"}, {"_ga", "ad_id"}
    ),
    "fastapi": Example("examples.fastapi_app:app", "hypercorn", {"session"}, {"_ga", "ad_id"}),
    "portal-wsgi": Example(
        "examples.portal.wsgi:application", "waitress", {"csrftoken"}, {"_ga", "ad_id"}
    ),
    "portal-asgi": Example(
        "examples.portal.asgi:application", "uvicorn-httptools", {"csrftoken"}, {"_ga", "ad_id"}
    ),
}

ACCEPT = re.compile(r"Accept all|Tout accepter")
REFUSE = re.compile(r"Refuse all|Tout refuser")
WITHDRAW = re.compile(r"Withdraw|Retirer")


class Served(NamedTuple):
    """A running example."""

    url: str
    example: Example


@pytest.fixture(scope="module", params=EXAMPLES.values(), ids=list(EXAMPLES))
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Run one of the examples."""
    example: Example = request.param
    with serve(example.server, example.target) as url:
        yield Served(url, example)


class Visitor(NamedTuple):
    """Somebody at a browser, with JavaScript or without."""

    tab: Tab
    scripts: bool

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.tab.page

    def press(self, name: re.Pattern[str]) -> None:
        """Answer, and see a page of the site that knows of it.

        Without scripts the answer leads to one. With scripts the page stays as
        it is, the question gone from it.
        """
        button = self.page.get_by_role("button", name=name)
        if self.scripts:
            button.click()
            button.wait_for(state="detached")
            self.page.reload()
        else:
            with self.page.expect_navigation():
                button.click()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Return a visitor with an empty jar, with JavaScript and without."""
    with browsing.tab(chromium, scripts=request.param) as opened:
        yield Visitor(opened, request.param)


@pytest.mark.conformance("K1", "K2", "K6")
def test_only_what_is_necessary_is_stored_before_consent_and_all_after(
    visitor: Visitor, served: Served
) -> None:
    """The jar holds necessary cookies alone until the visitor accepts, then all declared ones."""
    url, (_, _, necessary, consented) = served
    visitor.page.goto(url)
    assert visitor.tab.names() == necessary
    visitor.page.reload()
    assert visitor.tab.names() == necessary
    visitor.press(ACCEPT)
    assert visitor.tab.names() == necessary | consented | {CHOICE}


@pytest.mark.conformance("K1", "K2", "K15", "K16")
def test_a_refusal_is_all_that_is_stored(visitor: Visitor, served: Served) -> None:
    """After a refusal the jar holds the necessary cookies and the choice, kept for 182 days."""
    url, (_, _, necessary, _) = served
    visitor.page.goto(url)
    visitor.press(REFUSE)
    visitor.page.reload()
    assert visitor.tab.names() == necessary | {CHOICE}
    [cookie] = [cookie for cookie in visitor.tab.jar() if cookie["name"] == CHOICE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["expires"] - time.time() == pytest.approx(182 * 86400, abs=60)


def names_on(page: Page) -> set[str]:
    """Return the names that the page lists: the cookies of its request."""
    return set(page.locator("li code").all_inner_texts())


@pytest.mark.conformance("K9", "R5")
def test_a_withdrawal_empties_the_jar_in_one_response(tab: Tab, served: Served) -> None:
    """The very response that takes the withdrawal deletes what was granted, and it stays away."""
    url, (_, _, necessary, consented) = served
    tab.page.goto(url)
    Visitor(tab, scripts=True).press(ACCEPT)
    assert tab.names() == necessary | consented | {CHOICE}
    # Not followed to the page after it: that one would delete them as well.
    tab.page.get_by_role("button", name=WITHDRAW).evaluate(
        """button => fetch(button.form.action,
            {method: 'POST', body: new FormData(button.form, button), redirect: 'manual'})"""
    )
    assert tab.names() == necessary | {CHOICE}
    tab.page.reload()
    assert tab.names() == necessary | {CHOICE}


@pytest.mark.conformance("K9", "R1", "R5")
def test_the_page_after_a_withdrawal_was_sent_nothing_refused(
    visitor: Visitor, served: Served
) -> None:
    """The page lists the cookies of its request: after a withdrawal none that was refused."""
    url, (_, _, necessary, consented) = served
    visitor.page.goto(url)
    visitor.press(ACCEPT)
    visitor.page.reload()
    assert names_on(visitor.page) == necessary | consented | {CHOICE}
    visitor.press(WITHDRAW)
    assert names_on(visitor.page) == necessary | {CHOICE}
    assert visitor.tab.names() == necessary | {CHOICE}
