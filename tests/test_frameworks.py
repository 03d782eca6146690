"""The gate around the apps of eight frameworks, and around one app that nobody here wrote."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.validate import validator

import bottle
import falcon
import falcon.asgi
import fastapi
import flask
import litestar
import litestar.middleware
import litestar.response
import pytest
import quart
from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from litestar.middleware.session.server_side import ServerSideSessionConfig
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

import consentgate.asgi
from adapters import KEY, Header, Visit, asgi_scope, token_pair, wsgi_environ
from consentgate import ConsentGate, Cookie, Event, Policy, Reason

POLICY = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("session-*", exemption="authentication"),
        Cookie("lang", exemption="interface"),
        Cookie("_ga", "statistics"),
        Cookie("ad_id", "marketing"),
    ]
)
GATE = ConsentGate(POLICY, secret_key=KEY)
STATISTICS_GRANTED = token_pair(GATE, "statistics")
CHUNKS = (b"one ", b"two ", b"three")


class BrokenError(Exception):
    """What goes wrong in the apps below."""


# A site, and what a visit to it shows: the cookies that the app set and those that left.


@dataclass(frozen=True)
class Seen:
    """One answer, as the app gave it to the gate and as it left."""

    status: int
    set: list[bytes]
    left: list[bytes]
    headers: list[Header]
    chunks: list[bytes]

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)

    def set_named(self, *names: bytes) -> list[bytes]:
        """Return the cookies of these names that the app set, in its order and its bytes."""
        return [value for value in self.set if name_of(value) in names]


@dataclass(frozen=True)
class Site:
    """An app of one of the two protocols, and the gate around it, if there is one."""

    protocol: str
    app: Any
    gate: ConsentGate | None = GATE
    run: Callable[[Coroutine[Any, Any, None]], None] = field(default=asyncio.run)

    def visit(self, path: str, *cookies: bytes, form: Mapping[str, str] | None = None) -> Seen:
        """Answer a visitor who asks for a path, or posts a form to it."""
        body = urlencode(form).encode() if form is not None else b""
        headers = [(b"content-type", b"application/x-www-form-urlencoded")] if body else []
        line = [b"; ".join(cookies)] if cookies else []
        visit = Visit(line, method="POST" if body else "GET", path=path, headers=headers)
        return self._over_wsgi(visit) if self.protocol == "wsgi" else self._over_asgi(visit, body)

    def _over_wsgi(self, visit: Visit) -> Seen:
        set_by_app: list[bytes] = []
        started: list[Any] = []

        def recorded(environ: Any, start_response: Any) -> Any:
            def recording(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
                set_by_app[:] = cookies_in(encoded(headers))
                return start_response(status, headers, *exc_info)

            return self.app(environ, recording)

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            started[:] = [int(status[:3]), encoded(headers)]
            return lambda _: None

        app: Any = validator(recorded)
        body = validator(self.gate.wsgi(app) if self.gate else app)(
            wsgi_environ(visit), start_response
        )
        try:
            chunks = list(body)
        finally:
            body.close()  # type: ignore[attr-defined]  # the validator's own iterator
        return Seen(started[0], set_by_app, cookies_in(started[1]), started[1], chunks)

    def _over_asgi(self, visit: Visit, body: bytes) -> Seen:
        set_by_app: list[bytes] = []
        sent: list[Any] = []
        path, _, query = visit.path.partition("?")
        scope = asgi_scope(visit) | {"path": path, "raw_path": path.encode()}
        scope["query_string"] = query.encode()

        async def recorded(scope: Any, receive: Any, send: Any) -> None:
            async def recording(message: Any) -> None:
                if message["type"] == "http.response.start":
                    set_by_app[:] = cookies_in(message["headers"])
                await send(message)

            await self.app(scope, receive, recording)

        async def talk() -> None:
            requests = iter([{"type": "http.request", "body": body, "more_body": False}])
            answered = asyncio.Event()

            async def receive() -> Any:
                for request in requests:
                    return request
                await answered.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    answered.set()

            with suppress(BrokenError):  # Starlette raises again, for the server's log.
                await (self.gate.asgi(recorded) if self.gate else recorded)(scope, receive, send)

        self.run(talk())
        start, *parts = sent
        headers = [(name, value) for name, value in start["headers"]]
        chunks = [part["body"] for part in parts if part.get("body")]
        return Seen(start["status"], set_by_app, cookies_in(headers), headers, chunks)


def encoded(headers: list[tuple[str, str]]) -> list[Header]:
    """Return the headers of WSGI as the bytes they are."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def cookies_in(headers: Any) -> list[bytes]:
    """Return the values of all Set-Cookie headers."""
    return [value for name, value in headers if name.lower() == b"set-cookie"]


def name_of(set_cookie: bytes) -> bytes:
    """Return the name of a cookie that is set."""
    return set_cookie.partition(b"=")[0].strip(b" ")


def pair_of(set_cookie: bytes) -> bytes:
    """Return a cookie as a browser sends it back."""
    return set_cookie.partition(b";")[0].strip(b" ")


def track(response: Any) -> Any:
    """Set a cookie of each kind, by the framework's own method."""
    response.set_cookie("_ga", "GA1.2")
    response.set_cookie("lang", "fr")
    response.set_cookie("ad_id", "7")
    response.set_cookie("surprise", "1")
    return response


# The same small site in each framework:
#   /         a session of the framework's own, and tracking; says whether it knows the visitor
#   /leave    a redirect, /crash an exception, /stream a body in chunks, all with tracking
#   /forget   a deletion by the framework's own method
#   /grant    tracking, and then the visitor's grant
#   anything else, and exceptions: error handlers of the site, with tracking


def flask_site() -> Site:
    """Return a Flask app with its signed session."""
    app = flask.Flask("site", static_folder=None)
    app.secret_key = KEY

    def home() -> Any:
        known = "basket" in flask.session
        flask.session["basket"] = ["ticket"]
        return track(flask.make_response("known" if known else "new"))

    def crash() -> Any:
        raise BrokenError

    def forget() -> Any:
        response = flask.make_response("forgotten")
        response.delete_cookie("_ga")
        return response

    def grant() -> Any:
        response = track(flask.make_response("thanks"))
        flask.request.environ["consentgate"].grant("statistics")
        return response

    app.add_url_rule("/", "home", home)
    app.add_url_rule("/leave", "leave", lambda: track(flask.redirect("/elsewhere")))
    app.add_url_rule("/crash", "crash", crash)
    app.add_url_rule("/stream", "stream", lambda: track(flask.Response(iter(CHUNKS))))
    app.add_url_rule("/forget", "forget", forget)
    app.add_url_rule("/grant", "grant", grant)
    app.register_error_handler(404, lambda _: track(flask.make_response("not found", 404)))
    app.register_error_handler(500, lambda _: track(flask.make_response("broken", 500)))
    return Site("wsgi", app)


def quart_site() -> Site:
    """Return a Quart app with its signed session."""
    app = quart.Quart("site", static_folder=None)
    app.secret_key = KEY

    async def home() -> Any:
        known = "basket" in quart.session
        quart.session["basket"] = ["ticket"]
        return track(await quart.make_response("known" if known else "new"))

    async def leave() -> Any:
        return track(quart.redirect("/elsewhere"))

    async def crash() -> Any:
        raise BrokenError

    async def stream() -> Any:
        return track(quart.Response(in_chunks()))

    async def forget() -> Any:
        response = await quart.make_response("forgotten")
        response.delete_cookie("_ga")
        return response

    async def grant() -> Any:
        response = track(await quart.make_response("thanks"))
        consentgate.asgi.consent(quart.request.scope).grant("statistics")
        return response

    async def not_found(_: Exception) -> Any:
        return track(await quart.make_response("not found", 404))

    async def broken(_: Exception) -> Any:
        return track(await quart.make_response("broken", 500))

    app.add_url_rule("/", "home", home)
    for view in (leave, crash, stream, forget, grant):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)
    app.register_error_handler(404, not_found)
    app.register_error_handler(500, broken)
    return Site("asgi", app)


async def in_chunks() -> AsyncIterator[bytes]:
    """Yield a body in chunks."""
    for chunk in CHUNKS:
        await asyncio.sleep(0)
        yield chunk


def bottle_site() -> Site:
    """Return a Bottle app with its signed cookie."""
    app = bottle.Bottle()
    request, response = bottle.request, bottle.response

    def home() -> str:
        known = request.get_cookie("session", secret=KEY)
        response.set_cookie("session", "ticket", secret=KEY)
        track(response)
        return "known" if known else "new"

    def leave() -> None:
        track(response)
        bottle.redirect("/elsewhere", 302)

    def crash() -> None:
        raise BrokenError

    def stream() -> Iterator[bytes]:
        track(response)
        yield from CHUNKS

    def forget() -> str:
        response.delete_cookie("_ga")
        return "forgotten"

    def grant() -> str:
        track(response)
        request.environ["consentgate"].grant("statistics")
        return "thanks"

    def failed(_: Any) -> str:
        track(response)
        return "failed"

    app.route("/", "GET", home)
    for view in (leave, crash, stream, forget, grant):
        app.route(f"/{view.__name__}", "GET", view)
    app.error(404, callback=failed)
    app.error(500, callback=failed)
    return Site("wsgi", app)


class FalconViews:
    """The views of the Falcon sites, over WSGI; each is a resource's suffix."""

    def on_get(self, req: Any, resp: Any) -> None:
        """Set a session cookie by hand: Falcon has no session of its own."""
        resp.text = "known" if req.get_cookie_values("session") else "new"
        resp.set_cookie("session", "ticket", secure=False)
        track(resp)

    def on_get_leave(self, _: Any, resp: Any) -> None:
        """Redirect."""
        track(resp)
        raise falcon.HTTPFound("/elsewhere")

    def on_get_crash(self, _: Any, resp: Any) -> None:
        """Fail."""
        raise BrokenError

    def on_get_stream(self, _: Any, resp: Any) -> None:
        """Answer in chunks."""
        track(resp)
        resp.stream = iter(CHUNKS)

    def on_get_forget(self, _: Any, resp: Any) -> None:
        """Delete. Not by `unset_cookie`: see its own test."""
        resp.set_cookie("_ga", "", expires=datetime.fromtimestamp(0, UTC))

    def on_get_unset(self, _: Any, resp: Any) -> None:
        """Delete in the way that is Falcon's own."""
        resp.unset_cookie("_ga")

    def on_get_grant(self, req: Any, resp: Any) -> None:
        """Grant."""
        track(resp)
        req.env["consentgate"].grant("statistics")

    def not_found(self, req: Any, resp: Any, error: Any, params: Any) -> None:
        """Answer an unknown path."""
        resp.status = 404
        track(resp)

    def broken(self, req: Any, resp: Any, error: Any, params: Any) -> None:
        """Answer for a view that failed."""
        resp.status = 500
        track(resp)


class AsyncFalconViews:
    """The views of the Falcon site over ASGI."""

    def __init__(self) -> None:
        self._views = FalconViews()

    async def on_get(self, req: Any, resp: Any) -> None:
        """Set a session cookie by hand."""
        self._views.on_get(req, resp)

    async def on_get_leave(self, req: Any, resp: Any) -> None:
        """Redirect."""
        self._views.on_get_leave(req, resp)

    async def on_get_crash(self, _: Any, resp: Any) -> None:
        """Fail."""
        raise BrokenError

    async def on_get_stream(self, _: Any, resp: Any) -> None:
        """Answer in chunks."""
        track(resp)
        resp.stream = in_chunks()

    async def on_get_forget(self, req: Any, resp: Any) -> None:
        """Delete."""
        self._views.on_get_forget(req, resp)

    async def on_get_unset(self, req: Any, resp: Any) -> None:
        """Delete in the way that is Falcon's own."""
        self._views.on_get_unset(req, resp)

    async def on_get_grant(self, req: Any, resp: Any) -> None:
        """Grant."""
        track(resp)
        req.scope["consentgate"].grant("statistics")

    async def not_found(self, *args: Any) -> None:
        """Answer an unknown path."""
        self._views.not_found(*args)

    async def broken(self, *args: Any) -> None:
        """Answer for a view that failed."""
        self._views.broken(*args)


def falcon_site(protocol: str) -> Site:
    """Return a Falcon app over one of its two protocols."""
    app: Any = falcon.App() if protocol == "wsgi" else falcon.asgi.App()
    views: Any = FalconViews() if protocol == "wsgi" else AsyncFalconViews()
    app.add_route("/", views)
    for suffix in ("leave", "crash", "stream", "forget", "unset", "grant"):
        app.add_route(f"/{suffix}", views, suffix=suffix)
    app.add_error_handler(falcon.HTTPNotFound, views.not_found)
    app.add_error_handler(BrokenError, views.broken)
    return Site(protocol, app)


def litestar_site(*middleware: Any, session: Any = None, gate: ConsentGate | None = GATE) -> Site:
    """Return a Litestar app with server-side sessions, or another kind."""
    session = session or ServerSideSessionConfig().middleware

    @litestar.get("/")
    async def home(request: litestar.Request[Any, Any, Any]) -> litestar.Response[str]:
        known = "basket" in request.session
        request.session["basket"] = ["ticket"]
        return track(litestar.Response("known" if known else "new"))  # type: ignore[no-any-return]  # track keeps any type

    @litestar.get("/basket")
    async def basket(request: litestar.Request[Any, Any, Any]) -> str:
        size = int(request.query_params["size"])
        request.session["basket"] = request.session.get("basket", "") if size < 0 else "x" * size
        return str(len(request.session["basket"]))

    @litestar.get("/leave", status_code=302)
    async def leave() -> litestar.response.Redirect:
        response = litestar.response.Redirect("/elsewhere")
        return track(response)  # type: ignore[no-any-return]  # track keeps any type

    @litestar.get("/crash")
    async def crash() -> None:
        raise BrokenError

    @litestar.get("/stream")
    async def stream() -> litestar.response.Stream:
        return track(litestar.response.Stream(in_chunks()))  # type: ignore[no-any-return]  # track keeps any type

    @litestar.get("/forget")
    async def forget() -> litestar.Response[str]:
        response = litestar.Response("forgotten")
        response.delete_cookie("_ga")
        return response

    @litestar.get("/grant")
    async def grant(request: litestar.Request[Any, Any, Any]) -> litestar.Response[str]:
        request.state.consent.grant("statistics")
        return track(litestar.Response("thanks"))  # type: ignore[no-any-return]  # track keeps any type

    def failed(_: Any, error: Exception) -> litestar.Response[str]:
        status = 500 if isinstance(error, BrokenError) else 404
        return track(litestar.Response("failed", status_code=status))  # type: ignore[no-any-return]  # track keeps any type

    app = litestar.Litestar(
        [home, basket, leave, crash, stream, forget, grant],
        middleware=[*middleware, session],
        exception_handlers={404: failed, 500: failed},
        openapi_config=None,
        logging_config=None,
    )
    return Site("asgi", app, gate)


async def starlette_home(request: StarletteRequest) -> Any:
    """Answer with a session."""
    known = "basket" in request.session
    request.session["basket"] = ["ticket"]
    return track(PlainTextResponse("known" if known else "new"))


async def starlette_leave(_: StarletteRequest) -> Any:
    """Redirect."""
    return track(RedirectResponse("/elsewhere", 302))


async def starlette_crash(_: StarletteRequest) -> Any:
    """Fail."""
    raise BrokenError


async def starlette_stream(_: StarletteRequest) -> Any:
    """Answer in chunks."""
    return track(StreamingResponse(in_chunks()))


async def starlette_forget(_: StarletteRequest) -> Any:
    """Delete."""
    response = PlainTextResponse("forgotten")
    response.delete_cookie("_ga")
    return response


async def starlette_grant(request: StarletteRequest) -> Any:
    """Grant."""
    request.state.consent.grant("statistics")
    return track(PlainTextResponse("thanks"))


async def starlette_failed(_: StarletteRequest, error: Exception) -> Any:
    """Answer for what went wrong."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return track(PlainTextResponse("failed", status))


STARLETTE_VIEWS = {
    "/": starlette_home,
    "/leave": starlette_leave,
    "/crash": starlette_crash,
    "/stream": starlette_stream,
    "/forget": starlette_forget,
    "/grant": starlette_grant,
}
STARLETTE_HANDLERS: Any = {404: starlette_failed, Exception: starlette_failed}
SESSION = Middleware(SessionMiddleware, secret_key=KEY)


def starlette_site(*middleware: Middleware, gate: ConsentGate | None = GATE) -> Site:
    """Return a Starlette app with its signed session."""
    app = Starlette(
        routes=[Route(path, view) for path, view in STARLETTE_VIEWS.items()],
        middleware=[*middleware, SESSION],
        exception_handlers=STARLETTE_HANDLERS,
    )
    return Site("asgi", app, gate)


def fastapi_site(gate: ConsentGate | None = GATE) -> Site:
    """Return a FastAPI app with Starlette's session."""
    app = fastapi.FastAPI(openapi_url=None, exception_handlers=STARLETTE_HANDLERS)
    for path, view in STARLETTE_VIEWS.items():
        app.get(path, response_model=None)(view)
    app.add_middleware(SessionMiddleware, secret_key=KEY)
    return Site("asgi", app, gate)


SITES: Mapping[str, Callable[[], Site]] = {
    "flask": flask_site,
    "quart": quart_site,
    "bottle": bottle_site,
    "falcon-wsgi": lambda: falcon_site("wsgi"),
    "falcon-asgi": lambda: falcon_site("asgi"),
    "litestar": litestar_site,
    "starlette": starlette_site,
    "fastapi": fastapi_site,
}


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> Site:
    """Return the site in one framework: each test that asks for it runs over all of them."""
    return SITES[request.param]()


# What every framework shows


@pytest.mark.conformance("K1", "K3", "S11")
def test_only_necessary_cookies_leave_without_a_choice(site: Site) -> None:
    """The framework's session leaves byte for byte, tracking and undeclared cookies do not."""
    seen = site.visit("/")
    assert (seen.status, seen.body) == (200, b"new")
    assert sorted(map(name_of, seen.set)) == [b"_ga", b"ad_id", b"lang", b"session", b"surprise"]
    assert seen.left == seen.set_named(b"session", b"lang")


@pytest.mark.conformance("K1")
def test_a_session_lasts_without_consent(site: Site) -> None:
    """What leaves without a choice is enough for the app to know its visitor again."""
    first = site.visit("/")
    again = site.visit("/", *map(pair_of, first.left))
    assert again.body == b"known"


@pytest.mark.conformance("K2", "S11")
def test_granted_cookies_leave(site: Site) -> None:
    """A statistics cookie leaves byte for byte once the visitor granted it, marketing does not."""
    seen = site.visit("/", STATISTICS_GRANTED)
    assert seen.left == seen.set_named(b"session", b"lang", b"_ga")
    assert len(seen.left) == 3


@pytest.mark.conformance("K1", "K2", "S10")
@pytest.mark.parametrize(("path", "status"), [("/leave", 302), ("/missing", 404), ("/crash", 500)])
def test_redirects_and_error_pages_are_filtered(site: Site, path: str, status: int) -> None:
    """Redirects and the handlers of 404 and of unhandled exceptions set what was allowed only."""
    refused, allowed = site.visit(path), site.visit(path, STATISTICS_GRANTED)
    assert refused.status == allowed.status == status
    assert [name_of(cookie) for cookie in refused.set_named(b"_ga")] == [b"_ga"]
    assert refused.left == refused.set_named(b"session", b"lang")
    assert allowed.left == allowed.set_named(b"session", b"lang", b"_ga")


@pytest.mark.conformance("W4", "A1")
def test_streams_are_filtered_and_sent_whole(site: Site) -> None:
    """A body in chunks leaves in the same chunks, without the cookies that are not allowed."""
    seen = site.visit("/stream")
    assert [chunk for chunk in seen.chunks if chunk] == list(CHUNKS)
    assert seen.left == seen.set_named(b"session", b"lang")


@pytest.mark.conformance("K11")
def test_a_deletion_passes(site: Site) -> None:
    """The framework's own way to delete a cookie works for one that the visitor refused."""
    seen = site.visit("/forget", token_pair(GATE))
    (deletion,) = seen.set_named(b"_ga")
    assert pair_of(deletion) in (b"_ga=", b'_ga=""')
    assert deletion in seen.left


@pytest.mark.conformance("K11")
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
def test_falcon_s_own_deletion_is_in_doubt(protocol: str) -> None:
    """Falcon's unset_cookie, "expired a second ago", is no deletion to a browser's slow clock."""
    seen = falcon_site(protocol).visit("/unset", token_pair(GATE))
    (deletion,) = seen.set
    assert b"expires=" in deletion.lower()
    assert b"max-age" not in deletion.lower()
    assert seen.left == []


@pytest.mark.conformance("K6")
def test_a_grant_holds_in_the_same_response(site: Site) -> None:
    """The consent handle is at hand in the framework's idiom, and a grant holds at once."""
    seen = site.visit("/grant")
    first, *others = seen.left
    assert name_of(first) == b"cookies_preferences"
    assert others == seen.set_named(b"session", b"lang", b"_ga")
    assert site.visit("/", pair_of(first)).set_named(b"_ga")


@pytest.mark.conformance("K4")
def test_a_forged_choice_changes_nothing(site: Site) -> None:
    """A consent cookie that was not signed here is no choice, and no error; the other one goes."""
    seen = site.visit("/", b"cookies_preferences=yes", b"ad_id=1")
    assert seen.status == 200
    allowed = seen.set_named(b"session", b"lang")
    assert seen.left[: len(allowed)] == allowed
    assert {pair_of(deletion) for deletion in seen.left[len(allowed) :]} == {b"ad_id="}


# Sessions in several cookies


def large_session(policy: Policy, observer: Callable[[Event], None] | None = None) -> Site:
    """Return a Litestar app that keeps its sessions in cookies, in as many as it takes."""
    from litestar.middleware.session.client_side import CookieBackendConfig

    session = CookieBackendConfig(secret=b"0123456789abcdef").middleware
    gate = ConsentGate(policy, secret_key=KEY, observer=observer)
    return litestar_site(session=session, gate=gate)


@pytest.mark.conformance("K1", "S11")
def test_a_session_in_chunks_passes_under_a_pattern() -> None:
    """A large session of Litestar leaves in all its chunks where `session-*` is declared."""
    site = large_session(POLICY)
    filled = site.visit("/basket?size=12000")
    assert [name_of(cookie) for cookie in filled.left][:4] == [
        b"session-0",
        b"session-1",
        b"session-2",
        b"session-3",
    ]
    assert filled.left == filled.set
    assert site.visit("/basket?size=-1", *map(pair_of, filled.left)).body == b"12000"
    emptied = site.visit("/basket?size=1", *map(pair_of, filled.left))
    assert name_of(emptied.left[0]) == b"session"
    assert emptied.left == emptied.set
    assert len(emptied.left) == 1 + len(filled.left)


@pytest.mark.conformance("K3")
def test_chunks_are_not_their_session() -> None:
    """Where `session` alone is declared, its chunks are stripped, and the site is told."""
    told: list[Event] = []
    filled = large_session(Policy.allow("session"), told.append).visit("/basket?size=12000")
    assert len(filled.set) >= 4
    assert filled.left == []
    assert {(event.name, event.reason) for event in told} >= {
        ("session-0", Reason.UNDECLARED),
        ("session-3", Reason.UNDECLARED),
    }


# The gate inside of an app: what it misses there


INSIDE = Middleware(consentgate.asgi.ConsentMiddleware, gate=GATE)


class Analytics:
    """An ASGI middleware that sets a statistics cookie on every response."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Add the cookie to what starts the response."""

        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", b"_ga=outside")]
            await send(message)

        await self.app(scope, receive, adding)


@pytest.mark.conformance("K1")
@pytest.mark.parametrize("path", ["/", "/leave", "/missing", "/stream", "/forget", "/grant"])
def test_in_starlette_the_first_middleware_gates_what_is_inside(path: str) -> None:
    """Listed first in `middleware=[...]`, the gate does what one around the app does."""
    inside = starlette_site(INSIDE, gate=None).visit(path)
    around = starlette_site().visit(path)
    assert inside.status == around.status
    assert [name_of(cookie) for cookie in inside.left] == [name_of(c) for c in around.left]


def starlette_inside(gate: ConsentGate | None) -> Site:
    """Return the Starlette app with the gate as its first middleware."""
    return starlette_site(INSIDE, gate=gate)


def fastapi_inside(gate: ConsentGate | None) -> Site:
    """Return the FastAPI app with the gate as the middleware that was added last."""
    site = fastapi_site(gate)
    site.app.add_middleware(consentgate.asgi.ConsentMiddleware, gate=GATE)
    return site


def litestar_inside(gate: ConsentGate | None) -> Site:
    """Return the Litestar app with the gate as its first middleware."""
    factory: Any = consentgate.asgi.ConsentMiddleware
    inside = litestar.middleware.DefineMiddleware(factory, gate=GATE)
    return litestar_site(inside, gate=gate)


@pytest.mark.conformance("K1", "K19")
@pytest.mark.parametrize(
    ("inside", "path"),
    [(starlette_inside, "/crash"), (fastapi_inside, "/crash"), (litestar_inside, "/missing")],
)
def test_some_error_handlers_escape_a_gate_inside(
    inside: Callable[[ConsentGate | None], Site], path: str
) -> None:
    """Error handlers outside of all middleware escape a gate inside; none escapes `gate.asgi`."""
    escaped = inside(None).visit(path)
    assert escaped.left == escaped.set
    assert escaped.set_named(b"_ga")
    held = inside(GATE).visit(path)
    assert held.set_named(b"_ga")
    assert held.left == held.set_named(b"session", b"lang")
    assert inside(None).visit("/").set_named(b"_ga") == []


@pytest.mark.conformance("K1")
def test_a_middleware_outside_of_the_gate_escapes_it() -> None:
    """A middleware listed before the gate escapes it; none escapes a gate around the app."""
    analytics = Middleware(Analytics)
    before = starlette_site(analytics, INSIDE, gate=None).visit("/")
    after = starlette_site(INSIDE, analytics, gate=None).visit("/")
    around = starlette_site(analytics).visit("/")
    assert b"_ga=outside" in before.left
    assert b"_ga=outside" not in after.left
    assert b"_ga=outside" in around.set
    assert b"_ga=outside" not in around.left


@pytest.mark.conformance("K19")
@pytest.mark.parametrize("inside", [starlette_inside, fastapi_inside, litestar_inside])
@pytest.mark.parametrize("path", ["/", "/leave", "/crash", "/missing", "/stream", "/grant"])
def test_a_gate_inside_and_one_around_are_one(
    inside: Callable[[ConsentGate | None], Site], path: str
) -> None:
    """A gate around the app and one inside of it give what the one around gives, once."""
    alone = SITES[inside.__name__.removesuffix("_inside")]().visit(path)
    both = inside(GATE).visit(path)
    assert (both.status, both.chunks) == (alone.status, alone.chunks)
    assert [name_of(cookie) for cookie in both.left] == [name_of(cookie) for cookie in alone.left]


# Datasette, an app that nobody here wrote: its own forms, its own sign-in, its own errors

DATASETTE_POLICY = Policy(
    [
        Cookie("ds_csrftoken", exemption="security"),
        Cookie("ds_actor", exemption="authentication"),
        Cookie("ds_messages", "preferences"),
        Cookie("_ga", "statistics"),
    ]
)


@dataclass
class Visitor:
    """A browser of a few lines at a site: it keeps what leaves, and sends it back."""

    site: Site
    jar: dict[bytes, bytes] = field(default_factory=dict)

    def visit(self, path: str, form: Mapping[str, str] | None = None) -> Seen:
        """Ask for a path, or post a form to it."""
        pairs = (name + b"=" + value for name, value in self.jar.items())
        seen = self.site.visit(path, *pairs, form=form)
        for cookie in seen.left:
            name, _, value = pair_of(cookie).partition(b"=")
            self.jar[name] = value
            if b"max-age=0" in cookie.lower():
                del self.jar[name]
        return seen

    def accept(self) -> None:
        """Agree to the category of Datasette's messages."""
        gate = self.site.gate
        assert gate
        name, _, value = token_pair(gate, "preferences").partition(b"=")
        self.jar[name] = value

    def leave_message(self) -> Seen:
        """Send the form of Datasette's own page for messages."""
        form = {"message": "a word to you", "message_type": "INFO", "csrftoken": self.csrf_token()}
        return self.visit("/-/messages", form)

    def csrf_token(self) -> str:
        """Return the token that Datasette put into its form."""
        body = self.visit("/-/messages").body.decode()
        found = re.search(r'name="csrftoken" value="([^"]+)"', body)
        assert found
        return found[1]


@pytest.fixture(scope="module")
def timetable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with a table of stops."""
    file = tmp_path_factory.mktemp("datasette") / "stops.db"
    connection = sqlite3.connect(file)
    connection.execute("create table stops (id integer primary key, name text)")
    connection.executemany(
        "insert into stops (name) values (?)", [(f"Stop {i}",) for i in range(250)]
    )
    connection.commit()
    connection.close()
    return file


@pytest.fixture
def events() -> list[Event]:
    """Return what the gate around Datasette tells."""
    return []


@pytest.fixture
def instance(timetable: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a Datasette on that file."""
    # Where rich is installed Datasette draws every error, which takes a second.
    monkeypatch.setattr("datasette.handle_exception.rich", None)
    instance = Datasette([str(timetable)], secret=KEY)
    yield instance
    for database in instance.databases.values():
        database.close()


@pytest.fixture
def visitor(instance: Any, events: list[Event]) -> Iterator[Visitor]:
    """Return a visitor of Datasette behind the gate."""
    gate = ConsentGate(DATASETTE_POLICY, secret_key=KEY, observer=events.append)
    with asyncio.Runner() as runner:
        yield Visitor(Site("asgi", instance.app(), gate, runner.run))


def test_datasette_works_without_a_choice(visitor: Visitor) -> None:
    """Datasette shows its pages and data to a visitor who never chose, and leaves no cookie."""
    page, data = visitor.visit("/stops/stops"), visitor.visit("/stops/stops.json?_shape=array")
    assert (page.status, data.status) == (200, 200)
    assert b"Stop 7" in page.body
    assert b"Stop 7" in data.body
    assert page.left == data.left == []


@pytest.mark.conformance("K1", "S11")
def test_the_csrf_token_of_datasette_leaves(visitor: Visitor) -> None:
    """The cookie of Datasette's forms leaves byte for byte, and its form is taken."""
    seen = visitor.visit("/-/messages")
    assert [name_of(cookie) for cookie in seen.set] == [b"ds_csrftoken"]
    assert seen.left == seen.set
    assert visitor.leave_message().status == 302
    assert visitor.visit("/-/messages", {"message": "no token"}).status == 403


@pytest.mark.conformance("K1")
def test_the_messages_of_datasette_wait_for_consent(visitor: Visitor, events: list[Event]) -> None:
    """Datasette's message cookie is stripped from a redirect, and its message is never shown."""
    seen = visitor.leave_message()
    assert (seen.status, [name_of(cookie) for cookie in seen.set]) == (302, [b"ds_messages"])
    assert seen.left == []
    assert b"a word to you" not in visitor.visit("/").body
    assert events == [
        Event("stripped", "ds_messages", "preferences", "/-/messages", Reason.UNANSWERED)
    ]


@pytest.mark.conformance("K2", "K11")
def test_the_messages_of_datasette_work_with_consent(visitor: Visitor) -> None:
    """Once allowed, Datasette's message is kept, shown and deleted again, as without the gate."""
    visitor.accept()
    seen = visitor.leave_message()
    assert seen.left == seen.set
    assert b"ds_messages" in visitor.jar
    assert b"a word to you" in visitor.visit("/").body
    assert b"ds_messages" not in visitor.jar
    assert b"a word to you" not in visitor.visit("/").body


@pytest.mark.conformance("K11")
def test_a_message_of_before_is_deleted_without_consent(visitor: Visitor) -> None:
    """Datasette's message cookie is deleted, unread, when the visitor's choice is gone."""
    visitor.accept()
    visitor.leave_message()
    del visitor.jar[b"cookies_preferences"]
    seen = visitor.visit("/")
    assert b"a word to you" not in seen.body
    assert {pair_of(cookie) for cookie in seen.left} == {b"ds_messages="}
    assert b"ds_messages" not in visitor.jar


@pytest.mark.conformance("K1")
def test_a_sign_in_to_datasette_works_without_consent(visitor: Visitor, instance: Any) -> None:
    """Datasette's own sign-in and sign-out work for a visitor who never chose."""
    signed_in = visitor.visit(f"/-/auth-token?token={instance._root_token}")
    assert signed_in.status == 302
    assert [name_of(cookie) for cookie in signed_in.left] == [b"ds_actor"]
    assert signed_in.left == signed_in.set
    assert b'"root"' in visitor.visit("/-/actor.json").body

    signed_out = visitor.visit("/-/logout", {"csrftoken": visitor.csrf_token()})
    assert [name_of(cookie) for cookie in signed_out.set] == [b"ds_actor", b"ds_messages"]
    assert [name_of(cookie) for cookie in signed_out.left] == [b"ds_actor"]
    assert b"root" not in visitor.visit("/-/actor.json").body


@pytest.mark.conformance("W4", "A1")
def test_a_stream_of_datasette_is_whole(visitor: Visitor) -> None:
    """Datasette streams a whole table through the gate."""
    seen = visitor.visit("/stops/stops.csv?_stream=on&_size=max")
    assert len(seen.chunks) > 1
    assert len(seen.body.splitlines()) == 251


class AnalyticsPlugin:
    """A plugin of Datasette that sets a statistics cookie on every response."""

    __name__ = "analytics"

    @hookimpl  # type: ignore[untyped-decorator]  # Datasette has no types
    def asgi_wrapper(self) -> Callable[[Any], Any]:
        """Return what Datasette wraps itself in."""
        return Analytics


@pytest.fixture
def plugin() -> Iterator[None]:
    """Install the plugin for one test."""
    analytics = AnalyticsPlugin()
    pm.register(analytics)
    yield
    pm.unregister(analytics)


@pytest.mark.conformance("K1", "K2", "S10")
@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stops/stops", 200),
        ("/-/logout", 302),
        ("/stops?sql=x", 400),
        ("/-/auth-token?token=no", 403),
        ("/no/such/page", 404),
    ],
)
def test_a_plugin_of_datasette_is_gated(visitor: Visitor, path: str, status: int) -> None:
    """A statistics cookie that a plugin sets waits for consent on every page, errors included."""
    seen = visitor.visit(path)
    assert (seen.status, seen.set) == (status, [b"_ga=outside"])
    assert seen.left == []
    gate = visitor.site.gate
    assert gate
    assert visitor.site.visit(path, token_pair(gate, "statistics")).left == [b"_ga=outside"]
