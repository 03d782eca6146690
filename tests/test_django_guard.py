"""Django with the gate as a middleware alone: the guard put into pages of views."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from adapters import KEY, Answer, Visit, token_pair
from consentgate import ConsentGate
from consentgate.frameworks.django import ConsentMiddleware
from django_setup import GATED, POLICY, WAYS, Way, consent_of, site
from inserting import BY_CHOICE, MINE, PAGE, START, banners, guards, is_guarded, told, values

GUARDING = ConsentGate(POLICY, secret_key=KEY, inject_guard=True)
BOTH = ConsentGate(POLICY, secret_key=KEY, inject_guard=True, inject_banner=True)
GRANTED = token_pair(GUARDING, "statistics")
SYNC = ("client", "wsgi")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Return each of the four ways to the site."""
    return WAYS[request.param]


def visited(
    way: Way, location: str, *cookies: bytes, gate: ConsentGate = GUARDING, **varied: Any
) -> Answer:
    """Visit the site behind the middleware."""
    with site(gate, [GATED]):
        return way(Visit(cookies, path=location, **varied))


def answered_by(
    view: Callable[[HttpRequest], Any], gate: ConsentGate = GUARDING, **headers: str
) -> Any:
    """Return Django's response to a request, through the middleware."""
    return ConsentMiddleware(view, gate=gate)(RequestFactory(headers=headers).get("/"))


@pytest.mark.parametrize("cookies", [(), (GRANTED,)], ids=["open", "answered"])
@pytest.mark.conformance("T5")
def test_every_page_gets_the_guard(way: Way, cookies: tuple[bytes, ...]) -> None:
    """Through the middleware alone a page gets it, answered or not, and its length is right."""
    answer = visited(way, "/html", *cookies)
    assert is_guarded(answer.body)
    lengths = values(answer.headers, b"content-length")
    assert lengths in ([], [b"%d" % len(answer.body)])
    assert values(answer.headers, b"vary") == [b"Cookie"]


@pytest.mark.conformance("P3", "T5")
def test_banner_and_guard_go_in_together(way: Way) -> None:
    """Who has not answered gets both, and the page is nobody else's."""
    answer = visited(way, "/html", gate=BOTH)
    [banner] = banners(answer.body)
    assert is_guarded(answer.body.replace(banner, b""))
    assert told(answer.headers) == MINE


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.conformance("T5")
def test_a_streamed_page_gets_the_guard(name: str) -> None:
    """Sync or async, a page in chunks gets it, and no validator of the page without."""
    location = "/html-stream" if name in SYNC else "/async-html-stream"
    answer = visited(WAYS[name], location, GRANTED)
    assert is_guarded(answer.body)
    assert values(answer.headers, b"etag") == []


@pytest.mark.conformance("T5")
def test_the_stream_goes_on_with_the_head() -> None:
    """No more is held than up to `<head ...>`, sync and async."""
    parts = [b"<!doctype html><ht", b"ml><head>", b"<title>", b"A"]

    async def later() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def taken(response: Any) -> list[bytes]:
        return [chunk async for chunk in response]

    plain = list(answered_by(lambda _: StreamingHttpResponse(iter(parts))))
    for chunks in (
        plain,
        asyncio.run(taken(answered_by(lambda _: StreamingHttpResponse(later())))),
    ):
        assert chunks[0] == b""
        assert len(guards(chunks[1])) == 1
        assert chunks[2:4] == parts[2:]


@pytest.mark.conformance("T5")
def test_an_answer_to_a_form_is_guarded(way: Way) -> None:
    """Whoever mistyped gets the page again: with the guard, and no banner."""
    answer = visited(way, "/html", gate=BOTH, method="POST")
    assert is_guarded(answer.body)
    assert banners(answer.body) == []
    assert told(answer.headers)[0] == [b"Cookie"]


@pytest.mark.conformance("T5")
def test_a_page_with_a_guard_gets_no_other() -> None:
    """Where the view has asked for it by the helper, its page is left as it is."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(START + consent_of(request).guard_html().encode())

    content: bytes = answered_by(view).content
    assert len(guards(content)) == 1
    assert content.startswith(START)


@pytest.mark.conformance("T5")
def test_a_streaming_view_that_asks_later_gets_one_guard() -> None:
    """A helper that is called after the start, and before the head, is enough."""

    def view(request: HttpRequest) -> StreamingHttpResponse:
        def chunks() -> Iterator[bytes]:
            guard = consent_of(request).guard_html().encode()
            yield b"<!doctype html><head>"
            yield guard

        return StreamingHttpResponse(chunks())

    assert len(guards(b"".join(answered_by(view)))) == 1


@pytest.mark.conformance("T5")
def test_the_nonce_of_the_view_is_carried() -> None:
    """What goes in carries the nonce of the policy that the view sends."""
    policy = {"Content-Security-Policy": "script-src 'nonce-abc' 'strict-dynamic'"}
    content = answered_by(lambda _: HttpResponse(PAGE, headers=policy), BOTH).content
    assert content.count(b' nonce="abc"') == 3


@pytest.mark.conformance("T5")
def test_a_page_is_asked_for_anew() -> None:
    """A copy has the list of an older choice: Django may not say that it is good."""
    seen: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((request.headers.get("If-None-Match"), request.META.get("HTTP_IF_NONE_MATCH")))
        return HttpResponse(PAGE)

    for cookies in ("", GRANTED.decode()):
        headers = {"Cookie": cookies, "If-None-Match": '"a"', "Sec-Fetch-Dest": "document"}
        answered_by(view, GUARDING, **headers)
    assert seen == [(None, None)] * 2


@pytest.mark.conformance("T5")
def test_a_page_for_who_has_answered_may_be_shared() -> None:
    """It depends on the choice, and on nothing else of the visitor."""
    response = answered_by(lambda _: HttpResponse(PAGE), BOTH, Cookie=GRANTED.decode())
    headers = [(k.encode(), v.encode()) for k, v in response.headers.items()]
    assert told(headers) == BY_CHOICE
