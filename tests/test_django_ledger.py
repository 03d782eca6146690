"""A ledger behind Django's middleware alone: sync and async, as over the two protocols."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from consentgate import Policy
from consentgate.banners import Klaro
from consentgate.frameworks.django import ConsentMiddleware
from test_ledger_gate import NAME, Clock, Site, check_takes_over, clock, site
from test_ledger_journal import Away, until

__all__ = ["clock", "site"]  # fixtures


class Visitor:
    """Sends requests through the middleware, sync or async."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, gate: Any, view: Any, path: str = "/", **more: Any) -> HttpResponse:
        """Return what a view behind the middleware answers; what is sent is by POST with `data`."""
        method = "post" if "data" in more else "get"
        if self.kind == "sync":
            request = getattr(RequestFactory(), method)(path, **more)
            return ConsentMiddleware(view, gate=gate)(request)  # type: ignore[no-any-return]  # Django's

        async def async_view(request: HttpRequest) -> HttpResponse:
            return view(request)  # type: ignore[no-any-return]  # Django's

        markcoroutinefunction(async_view)
        request = getattr(AsyncRequestFactory(), method)(path, **more)
        return asyncio.run(ConsentMiddleware(async_view, gate=gate)(request))  # type: ignore[no-any-return]  # Django's


@pytest.fixture(params=["sync", "async"])
def visit(request: pytest.FixtureRequest) -> Visitor:
    """Return a visitor for each way in which Django calls a middleware."""
    return Visitor(request.param)


def granting(request: HttpRequest) -> HttpResponse:
    """Grant statistics, and set a cookie that needs it."""
    request.consent.grant("statistics")  # type: ignore[attr-defined]  # the middleware's
    response = HttpResponse("hello")
    response.set_cookie("_ga", "1")
    return response


def plain(request: HttpRequest) -> HttpResponse:
    """Set a cookie that needs consent."""
    response = HttpResponse("hello")
    response.set_cookie("_ga", "1")
    return response


@pytest.mark.conformance("L1")
def test_a_choice_leaves_a_record(visit: Visitor, site: Site) -> None:
    """What a view behind the middleware decides is in the ledger before the response leaves."""
    answer = visit(site.gate(), granting)
    assert "_ga" in answer.cookies
    (record,) = site.records
    assert (record.action, record.source) == ("partial", "app")
    assert NAME.decode() in answer.cookies


@pytest.mark.conformance("L1")
def test_the_pages_answer_leaves_a_record(visit: Visitor, site: Site) -> None:
    """An answer to the pages that the middleware serves is kept with what was shown."""
    form = {"answer": "accept", "from": "banner"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = visit(site.gate(), plain, "/cookies/choice", data=form, headers=headers)
    assert answer.status_code == 303
    (record,) = site.records
    assert (record.action, record.source, record.language) == ("granted", "banner", "en")


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("pages", ["/cookies", None])
def test_without_proof_nothing_is_granted(
    visit: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch, pages: str | None
) -> None:
    """Where the grant cannot be kept, a 503 leaves in place of the view's response."""
    Away(monkeypatch)
    answer = visit(site.gate(pages=pages, inject_banner=pages is not None), granting)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert len(answer.cookies) == 0
    assert b"hello" not in answer.content


@pytest.mark.conformance("L4")
def test_a_refusal_holds(visit: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """To refuse takes effect whatever the database does."""
    Away(monkeypatch)

    def refusing(request: HttpRequest) -> HttpResponse:
        request.consent.refuse_all()  # type: ignore[attr-defined]  # the middleware's
        return HttpResponse("hello")

    answer = visit(site.gate(), refusing)
    assert (answer.status_code, answer.content) == (200, b"hello")
    assert NAME.decode() in answer.cookies


@pytest.mark.conformance("L4")
def test_what_the_view_opened_is_closed(
    visit: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a replaced response would have sent is closed with what is sent in its place."""
    Away(monkeypatch)
    closed = []

    class Chunks:
        def __iter__(self) -> Any:
            return iter([b"hello"])

        def close(self) -> None:
            closed.append(1)

    def view(request: HttpRequest) -> Any:
        granting(request)
        return StreamingHttpResponse(Chunks())

    answer = visit(site.gate(), view)
    assert (answer.status_code, closed) == (503, [])
    answer.close()
    assert closed == [1]


@pytest.mark.conformance("L1", "L4")
def test_the_answer_to_another_banner_is_kept(
    visit: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another tool was answered is taken over once it is kept, and not before."""
    away = Away(monkeypatch)
    gate = site.gate(consent_from=Klaro(categories={"visits": "statistics"}))
    yes = {"Cookie": "klaro=" + quote('{"visits":true}')}
    assert "_ga" not in visit(gate, plain, headers=yes).cookies
    away.is_away = False
    until(lambda: "_ga" in visit(gate, plain, headers=yes).cookies)
    assert {record.source for record in site.records} == {"adapter"}


def test_the_end_of_a_choice_is_kept_on_request(
    visit: Visitor, site: Site, clock: Clock, policy: Policy
) -> None:
    """A choice that came to its end leaves a record where a site wants that."""
    gate = site.gate({"lapses": True})
    token = visit(gate, granting).cookies[NAME.decode()].value
    clock.now += 183 * 86400
    visit(gate, plain, headers={"Cookie": f"{NAME.decode()}={token}"})
    assert gate.ledger is not None
    gate.ledger.close()
    assert [record.action for record in site.records] == ["partial", "lapsed"]


@pytest.mark.conformance("L5")
def test_what_was_left_in_a_spool_needs_no_choice(
    visit: Visitor, site: Site, tmp_path: Path
) -> None:
    """What a process left in the spool is written from the first response of the next one on."""
    check_takes_over(site, tmp_path, lambda gate: visit(gate, plain))


def test_the_request_is_there_for_a_hook(visit: Visitor, site: Site) -> None:
    """What a site adds, it takes from the request, behind Django's middleware too."""
    gate = site.gate({"extra": lambda request: {"path": request.path}})
    visit(gate, granting, "/here")
    (record,) = site.records
    assert record.extra == {"path": "/here"}


@pytest.mark.conformance("L7")
def test_without_a_choice_nothing_is_opened(visit: Visitor, site: Site, tmp_path: Path) -> None:
    """A request that makes no choice does nothing with the ledger."""
    gate = site.gate()
    visit(gate, plain)
    assert gate.ledger is not None
    assert gate.ledger._running is None
    assert list(tmp_path.iterdir()) == []
