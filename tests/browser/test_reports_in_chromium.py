"""What a real Chromium reports to the pages' endpoint, and what observers hear of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser

import browsing
from browsing import RawServer, response
from consentgate import Consent, Event, Reason
from consentgate.pages.reports import Reports
from consentgate.pages.request import PageRequest
from third_party_lab import ADS, CDN, COUNT, STRAY, Asked, Reply, Site, gate_of, visitor

pytestmark = pytest.mark.browser


@contextmanager
def serving(
    browser: Browser, way: str, *, tls: bool, **options: Any
) -> Iterator[tuple[Site, list[Event]]]:
    """Serve a page with a picture of each other site; give the site, and what observers hear."""
    told: list[Event] = []
    gate = gate_of(observer=told.append, **options)

    def page(asked: Asked) -> Reply:
        hosts = [host for host in (ADS, CDN, COUNT, STRAY) if asked.path == "/films"]
        pictures = "".join(f"<img src='{site.at(host, '/a.png?id=7')}'>" for host in hosts)
        guard = "" if asked.consent is None else asked.consent.guard_html()
        return Reply(f"<!doctype html><head>{guard}</head><title>Films</title>{pictures}")

    with visitor(browser) as tab:
        site = Site(tab, page, way, gate, tls)
        with site.running():
            yield site, told


def heard(site: Site, told: list[Event], number: int) -> set[Event]:
    """Return what observers heard, as soon as that are so many events, or when time is up."""
    deadline = time.monotonic() + 20
    while len(told) < number and time.monotonic() < deadline:
        site.page.wait_for_timeout(20)
    return set(told)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the browser wait a moment before it sends reports, and not a minute."""
    arguments = (*browsing._ARGUMENTS, "--short-reporting-delay")
    monkeypatch.setattr(browsing, "_ARGUMENTS", arguments)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("tls", [False, True], ids=["report-uri", "report-to"])
@pytest.mark.conformance("T8")
def test_what_would_not_be_loaded_is_told(chromium: Browser, way: str, tls: bool) -> None:
    """The browser's own reports arrive, over http and https: each host, and the page's path."""
    with serving(chromium, way, tls=tls, source_gate="report") as (site, told):
        site.go("/films?q=1")
        port = site.ports[ADS]
        assert heard(site, told, 3) == {
            Event("blocked", f"{host}:{port}", category, "/films", reason, enforced=False)
            for host, category, reason in (
                (ADS, "marketing", Reason.UNANSWERED),
                (COUNT, "statistics", Reason.UNANSWERED),
                (STRAY, None, Reason.UNDECLARED),
            )
        }
        assert site.reached(ADS) == site.reached(STRAY) == {"a.png"}


@pytest.mark.conformance("T8")
def test_what_a_script_does_not_write_is_told(chromium: Browser, way: str) -> None:
    """The guard's report arrives with the cookies of the visitor, whose choice is known by it."""
    with serving(chromium, way, tls=True) as (site, told):
        site.go()
        site.choose("marketing")
        told.clear()
        site.go()
        site.page.evaluate("document.cookie = '_ga=1'; document.cookie = 'spy=1'")
        assert heard(site, told, 2) == {
            Event("guarded", "_ga", "statistics", "/", Reason.REFUSED),
            Event("guarded", "spy", None, "/", Reason.UNDECLARED),
        }


@pytest.mark.conformance("T8")
def test_pages_of_other_sites_report_nothing(
    chromium: Browser, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy of another site can name this endpoint; what the browser sends then is refused."""
    statuses: list[int] = []
    take = Reports.take

    def noting(reports: Reports, request: PageRequest, consent: Consent) -> Any:
        answer = take(reports, request, consent)
        statuses.append(answer[0])
        return answer

    monkeypatch.setattr(Reports, "take", noting)
    with serving(chromium, way, tls=True) as (site, told):
        policy = f"default-src 'none'; report-uri {site.url}/cookies/reports"
        headers = [(b"Content-Type", b"text/html"), (b"Content-Security-Policy", policy.encode())]
        page = response(200, headers, b"<!doctype html><img src='https://a.test/a.png'>")
        for host in ("evil.test", "sister.shop.test"):
            with RawServer(lambda _: page, tls=True).running() as other:
                site.page.goto(f"https://{host}:{other.port}/")
                deadline = time.monotonic() + 20
                while not statuses and time.monotonic() < deadline:
                    site.page.wait_for_timeout(20)
            assert set(statuses) == {403}
            statuses.clear()
        assert told == []
