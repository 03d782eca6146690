"""Django's middleware on the request's side: what a view reads, and what the response says then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from adapters import KEY, Visit, asgi_scope, token_pair
from consentgate import ConsentGate, Cookie, Event, Hardening, Policy, Reason
from consentgate.frameworks.django import ConsentMiddleware
from django_setup import GATE, POLICY, STATISTICS_GRANTED, WAYS, Way, consent_of, fetch, tracked

View = Callable[[HttpRequest], HttpResponse]
HELD = f"sessionid=1; _ga=2; {STATISTICS_GRANTED.decode()}; ad_id=3; other=4"


def over_wsgi(gate: ConsentGate, view: View, **headers: str) -> Any:
    """Run a view behind the middleware, on a request as WSGI makes it."""
    request = RequestFactory().get("/shop/item", headers=headers)
    return ConsentMiddleware(view, gate=gate)(request)


def over_asgi(gate: ConsentGate, view: View, **headers: str) -> Any:
    """Run a view behind the middleware, on a request as ASGI makes it."""

    async def get_response(request: HttpRequest) -> HttpResponse:
        return view(request)

    cookie = headers.pop("cookie", None)
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    visit = Visit([cookie.encode()] if cookie else [], path="/shop/item", headers=lines)
    request = ASGIRequest(asgi_scope(visit), BytesIO())
    middleware = ConsentMiddleware(get_response, gate=gate)
    assert iscoroutinefunction(middleware)
    return asyncio.run(middleware(request))


@pytest.fixture(params=[over_wsgi, over_asgi])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return the runner of one protocol."""
    runner: Callable[..., Any] = request.param
    return runner


def seen_by(request: HttpRequest) -> tuple[list[str], str | None]:
    """Return the cookies as Django reads them, and the header."""
    return list(request.COOKIES), request.headers.get("Cookie")


def withdrawing(found: list[Any]) -> View:
    """Return a view that notes what it reads before a withdrawal and after it."""

    def view(request: HttpRequest) -> HttpResponse:
        found.append(seen_by(request)[0])
        consent_of(request).withdraw()
        found.append(seen_by(request)[0])
        return HttpResponse()

    return view


def deleted(response: HttpResponse) -> set[str]:
    """Return the names of the cookies that the browser is told to forget."""
    lines = [morsel.OutputString() for morsel in response.cookies.values()]
    return {line.partition("=")[0] for line in lines if "=; Max-Age=0" in line}


@pytest.mark.conformance("R1")
def test_a_view_reads_what_is_allowed(run: Callable[..., Any]) -> None:
    """COOKIES, the header and META hold no cookie that the visitor does not allow."""
    token = STATISTICS_GRANTED.decode()
    found: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        found.append((*seen_by(request), request.META["HTTP_COOKIE"]))
        if isinstance(request, ASGIRequest):
            lines = [value for name, value in request.scope["headers"] if name == b"cookie"]
            assert lines == [f"sessionid=1; _ga=2; {token}".encode()]
        return HttpResponse()

    run(GATE, view, cookie=HELD)
    line = f"sessionid=1; _ga=2; {token}"
    assert found == [(["sessionid", "_ga", "cookies_preferences"], line, line)]


@pytest.mark.conformance("R1")
def test_what_was_read_before_the_middleware_is_read_anew() -> None:
    """What stands before the middleware may have read the cookies: the view does not see that."""
    request = RequestFactory().get("/", headers={"cookie": "_ga=1"})
    assert seen_by(request) == (["_ga"], "_ga=1")
    found: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        found.append(seen_by(request))
        return HttpResponse()

    ConsentMiddleware(view, gate=GATE)(request)
    assert found == [([], None)]


@pytest.mark.conformance("R4")
def test_nothing_changes_where_nothing_is_withheld(run: Callable[..., Any]) -> None:
    """A request with necessary cookies alone keeps what it has."""

    def view(request: HttpRequest) -> HttpResponse:
        assert seen_by(request) == (["sessionid"], "sessionid=1")
        return HttpResponse()

    assert not run(GATE, view, cookie="sessionid=1").cookies


@pytest.mark.conformance("R1", "K9")
def test_a_withdrawal_is_felt_in_the_view(run: Callable[..., Any]) -> None:
    """After a withdrawal the view reads no refused cookie; after a grant, what it had."""
    found: list[Any] = []

    response = run(GATE, withdrawing(found), cookie=HELD)
    necessary = ["sessionid", "cookies_preferences"]
    assert found == [["sessionid", "_ga", "cookies_preferences"], necessary]
    assert deleted(response) == {"_ga", "ad_id"}


@pytest.mark.conformance("R5")
def test_deletions_leave_in_every_way(way: Way) -> None:
    """A cookie without consent is expired once for each place, over every way to Django."""
    answer = fetch(way, "/", b"_ga=1")
    lines = [line.strip() for line in answer.set_cookies if b"=; Max-Age=0" in line]
    assert {line.partition(b"=")[0] for line in lines} == {b"_ga"}
    assert b"_ga=; Max-Age=0; Path=/" in lines
    assert len(set(lines)) == len(lines)


@pytest.mark.conformance("R5")
def test_partitioned_cookies_are_expired_over_https() -> None:
    """An attribute that Python's Morsel does not know leaves all the same."""
    request = RequestFactory().get("/", headers={"cookie": "_ga=1"}, secure=True)
    response = ConsentMiddleware(lambda _: HttpResponse(), gate=GATE)(request)
    first, second = [morsel.OutputString() for morsel in response.cookies.values()]
    assert first == "_ga=; Max-Age=0; Path=/; Secure"
    assert second == f"{first}; Partitioned"
    assert [morsel["secure"] for morsel in response.cookies.values()] == [True, True]


@pytest.mark.conformance("R5", "R3")
def test_whatever_a_visitor_names_a_cookie_it_is_expired(run: Callable[..., Any]) -> None:
    """Names that browsers take and Python's Morsel refuses do not fail the page."""
    names = [f"_ga{odd}" for odd in "()[]{}<>@?/:!#$%&'*+-.^_`|~"]
    for start in range(0, len(names), 9):
        some = names[start : start + 9]
        cookie = "; ".join(f"{name}=1" for name in some)
        assert deleted(run(GATE, lambda _: HttpResponse(), cookie=cookie)) == set(some)


@pytest.mark.conformance("R5")
def test_reserved_words_are_names_too() -> None:
    """An undeclared cookie that is called like an attribute is expired where a site asked so."""
    gate = ConsentGate(POLICY, secret_key=KEY, expire_undeclared=True)
    response = over_wsgi(gate, lambda _: HttpResponse(), cookie="path=1; Domain=2; a@b=3")
    assert deleted(response) == {"path", "Domain", "a@b"}


@pytest.mark.conformance("K11")
def test_a_raw_deletion_keeps_attributes_that_python_does_not_know(run: Callable[..., Any]) -> None:
    """What a view deletes by a header of its own leaves without its value, all attributes kept."""
    line = "_ga=tracks; Priority=High; Max-Age=0"
    response = run(GATE, lambda _: HttpResponse(headers={"Set-Cookie": line}))
    [morsel] = response.cookies.values()
    assert morsel.OutputString() == "_ga=; Priority=High; Max-Age=0"
    assert "Set-Cookie" not in response.headers


@pytest.mark.conformance("K19", "R1")
def test_a_view_that_fails_behind_another_gate_is_its_business() -> None:
    """An exception in Django leaves the exchange of the gate further out open, for its answer."""

    def view(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("oops")

    middleware = ConsentMiddleware(view, gate=GATE)

    def django_app(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(RuntimeError):
            middleware(WSGIRequest(environ))
        environ["consentgate"].grant_all()
        start_response("500 Oops", [])
        return [b""]

    started: list[Any] = []
    gated: Any = GATE.wsgi(django_app)
    gated(RequestFactory().get("/").environ, lambda *args: started.append(args))
    assert started[0][1][0][1].startswith("cookies_preferences=1~")


@pytest.mark.conformance("R1")
def test_a_view_that_fails_leaves_nothing_behind(run: Callable[..., Any]) -> None:
    """An exception passes the middleware, and ends the exchange."""

    def view(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("oops")

    with pytest.raises(RuntimeError):
        run(GATE, view, cookie=HELD)
    request = RequestFactory().get("/")
    middleware = ConsentMiddleware(view, gate=GATE)
    with pytest.raises(RuntimeError):
        middleware(request)
    left = request.META["consentgate"]
    middleware.get_response = lambda request: HttpResponse()
    middleware(request)
    assert request.META["consentgate"] is not left


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Return one way to the site."""
    return WAYS[request.param]


@pytest.mark.conformance("C1")
def test_a_response_that_depends_is_kept_apart(run: Callable[..., Any]) -> None:
    """Vary and Cache-Control are merged with what the view says."""

    def view(request: HttpRequest) -> HttpResponse:
        headers = {"Vary": "Accept-Language", "Cache-Control": "public, max-age=60"}
        return HttpResponse(headers=headers)

    plain = run(GATE, view, cookie="sessionid=1")
    assert plain.headers["Vary"] == "Accept-Language"
    assert plain.headers["Cache-Control"] == "public, max-age=60"
    kept = run(GATE, lambda request: tracked(view(request)))
    assert kept.headers["Vary"] == "Accept-Language, Cookie"
    assert kept.headers["Cache-Control"] == "max-age=60, private"


@pytest.mark.conformance("P9")
def test_the_signal_is_read(run: Callable[..., Any]) -> None:
    """`Sec-GPC: 1` refuses marketing, where no consent is needed too."""
    gate = ConsentGate(POLICY, secret_key=KEY, needs_consent=lambda _: False)
    response = run(gate, lambda _: tracked(HttpResponse()), **{"sec-gpc": "1"})
    assert "ad_id" not in response.cookies
    assert "_ga" in response.cookies


@pytest.mark.conformance("R5")
def test_a_framed_request_expires_nothing(run: Callable[..., Any]) -> None:
    """In a frame on another site the choice does not come along: nothing is expired."""
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}
    response = run(GATE, lambda _: HttpResponse(), cookie="_ga=1", **framed)
    assert not response.cookies


def test_a_hardened_cookie_is_still_one_to_django(run: Callable[..., Any]) -> None:
    """What the gate changes keeps key, value and attributes for Django's test client."""
    policy = Policy([Cookie("sessionid", harden=Hardening(http_only=True, same_site="Lax"))])
    gate = ConsentGate(policy, secret_key=KEY)

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("sessionid", "abc", max_age=60, domain="example.com")
        return response

    morsel = run(gate, view).cookies["sessionid"]
    assert (morsel.key, morsel.value, morsel["max-age"]) == ("sessionid", "abc", "60")
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Lax")
    expected = "sessionid=abc; Domain=example.com; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
    assert (
        morsel.OutputString().replace("expires", "Expires").partition("; Expires")[0]
        == (expected.partition("; Max-Age")[0])
    )
    assert morsel.OutputString().endswith("; HttpOnly; SameSite=Lax")


@pytest.mark.conformance("R2", "K9")
@pytest.mark.parametrize("around", [True, False])
def test_a_withdrawal_keeps_every_other_cookie_line(around: bool) -> None:
    """Of several lines each loses what is refused and no other, in the scope as in COOKIES."""
    token = STATISTICS_GRANTED
    found: list[Any] = []

    async def view(request: Any) -> HttpResponse:
        request.consent.withdraw()
        lines = [value for name, value in request.scope["headers"] if name == b"cookie"]
        found.append((lines, request.META["HTTP_COOKIE"].split(",")))
        return HttpResponse()

    middleware = ConsentMiddleware(view, gate=GATE)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        response = await middleware(ASGIRequest(scope, BytesIO()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": []})

    async def send(message: Any) -> None:
        pass

    gated: Any = GATE.asgi(app) if around else app
    lines = [b"ad_id=1", b"_ga=2", b"sessionid=3", token]
    asyncio.run(gated(asgi_scope(Visit(lines)), None, send))
    assert found == [([b"sessionid=3", token], ["sessionid=3", token.decode()])]


@pytest.mark.conformance("R1", "K19")
def test_a_gate_around_django_and_one_in_it_withhold_once() -> None:
    """Behind a gate around the whole app the middleware withholds the same, and tells it once."""
    told: list[Event] = []
    gate = ConsentGate(POLICY, secret_key=KEY, observer=told.append)
    found: list[Any] = []

    middleware = ConsentMiddleware(withdrawing(found), gate=gate)

    def django_app(environ: Any, start_response: Any) -> list[bytes]:
        response = middleware(WSGIRequest(environ))
        start_response("200 OK", list(response.items()))
        assert not response.cookies
        return [b""]

    environ = RequestFactory().get("/").environ
    environ["HTTP_COOKIE"] = f"_ga=1; {token_pair(gate, 'statistics').decode()}; ad_id=2"
    started: list[Any] = []
    gated: Any = gate.wsgi(django_app)
    gated(environ, lambda *args: started.append(args))
    assert found == [["_ga", "cookies_preferences"], ["cookies_preferences"]]
    assert [value for name, value in started[0][1] if value.startswith("ad_id=; Max-Age=0")]
    assert (told[0].action, told[0].name, told[0].reason) == ("withheld", "ad_id", Reason.REFUSED)
    assert [event.name for event in told if event.action == "withheld"].count("ad_id") == 1


@pytest.mark.conformance("R1")
def test_a_request_without_properties_is_read_all_the_same() -> None:
    """A bare HttpRequest, as some tests make it, passes through."""
    request = HttpRequest()
    request.META["HTTP_COOKIE"] = "_ga=1"
    request.META["HTTP_HOST"] = "testserver"
    response = ConsentMiddleware(lambda _: HttpResponse(), gate=GATE)(request)
    assert "HTTP_COOKIE" not in request.META
    assert deleted(response) == {"_ga"}
