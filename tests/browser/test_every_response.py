"""Whatever a cookie comes with, Chromium stores it without the gate, and never with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from adapters import KEY, Adapter, Header, Reply, Visit, asgi_scope
from browsing import RawServer, Request, Tab, response
from consentgate import ConsentGate
from laboratory import POLICY, RAW, Laboratory

pytestmark = pytest.mark.browser

GATE = ConsentGate(POLICY, secret_key=KEY)
NECESSARY = (b"Set-Cookie", b"session=1")
EVIL = (b"Set-Cookie", b"evil=1")
COOKIES = [EVIL, NECESSARY, (b"Set-Cookie", b"_ga=1; Path=/; HttpOnly")]
ALL = {"session", "evil", "_ga"}

SMUGGLED: dict[str, list[Header]] = {
    "a bare CR in another value": [(b"X-Foo", b"bar\rSet-Cookie: evil=1")],
    "an LF in another value": [(b"X-Foo", b"bar\nSet-Cookie: evil=1")],
    "CR and LF in another value": [(b"X-Foo", b"bar\r\nSet-Cookie: evil=1")],
    "a bare CR in a cookie": [(b"Set-Cookie", b"lang=fr\rSet-Cookie: evil=1")],
    "a bare CR in a name": [(b"X-Foo: bar\rSet-Cookie", b"evil=1")],
    "a cookie in a name": [(b"Set-Cookie: evil=1; x", b"y")],
    "a blank after the name": [(b"Set-Cookie ", b"evil=1")],
    "a tab after the name": [(b"Set-Cookie\t", b"evil=1")],
    "two blanks after the name": [(b"set-cookie \t", b"evil=1")],
    "odd case": [(b"sEt-cOoKiE", b"evil=1")],
    "twice": [EVIL, EVIL],
}
REDIRECTS = (301, 302, 303, 307, 308)
STATUSES = (
    *(200, 201, 202, 203, 204, 205, 206, 300, *REDIRECTS, 304),
    *(400, 401, 403, 404, 405, 410, 418, 429, 500, 502, 503, 511),
)


def names(jar: list[dict[str, Any]]) -> set[str]:
    """Return the names in a jar."""
    return {cookie["name"] for cookie in jar}


def stored(laboratory: Laboratory, replies: list[Reply], way: str) -> list[set[str]]:
    """Return the names that each reply leaves behind."""
    laboratory.send(replies, way)
    return [names(jar) for jar in laboratory.emptied_jars()]


@pytest.mark.conformance("S1", "S7")
def test_no_header_smuggles_a_cookie(laboratory: Laboratory, way: str) -> None:
    """A cookie in the disguise of another header is dropped; the cookie beside it is stored."""
    replies = [Reply([*headers, NECESSARY]) for headers in SMUGGLED.values()]
    raw = dict(zip(SMUGGLED, stored(laboratory, replies, RAW), strict=True))
    assert all({"evil", "session"} <= found for found in raw.values()), raw
    gated = dict(zip(SMUGGLED, stored(laboratory, replies, way), strict=True))
    assert gated == {key: {"session"} for key in SMUGGLED}


@pytest.mark.conformance("K1", "S10")
def test_no_status_lets_a_cookie_through(laboratory: Laboratory, way: str) -> None:
    """Chromium takes cookies from every final status; only the necessary one passes, on each."""
    location = (b"Location", b"/?probe")
    replies = [
        Reply([*COOKIES, location] if status in REDIRECTS else COOKIES, status)
        for status in STATUSES
    ]
    raw = dict(zip(STATUSES, stored(laboratory, replies, RAW), strict=True))
    assert raw == dict.fromkeys(STATUSES, frozenset(ALL))
    gated = dict(zip(STATUSES, stored(laboratory, replies, way), strict=True))
    assert gated == {status: {"session"} for status in STATUSES}


Answer = Callable[[Request], bytes]


def over(way: str, headers: list[Header], status: int = 200) -> list[Header]:
    """Return the headers that leave."""
    if way == RAW:
        return headers
    return Adapter(way)(GATE, lambda _: Reply(headers, status, ()), Visit(strict=False)).headers


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve; yield the base URL."""
    server = RawServer(answer)
    with server.running():
        yield f"http://127.0.0.1:{server.port}"


LOADED = ("page", "image", "script", "style", "frame", "form", "fetch", "beacon")
PAGE = """<!doctype html><link rel="stylesheet" href="/style/{way}"><body>
<img src="/image/{way}"><script src="/script/{way}"></script><iframe src="/frame/{way}"></iframe>
<iframe name="target"></iframe><form method="post" action="/form/{way}" target="target"></form>
<script>
document.forms[0].submit(); fetch("/fetch/{way}"); navigator.sendBeacon("/beacon/{way}");
</script>"""


@pytest.mark.conformance("K1", "S10")
def test_no_way_of_loading_lets_a_cookie_through(tab: Tab) -> None:
    """A redirected page and all that it loads: only the necessary cookie passes, from each."""

    def answer(request: Request) -> bytes:
        loaded, _, way = request.target[1:].rpartition("/")
        ended = loaded.removesuffix("-end")
        if ended not in LOADED:
            return response(404, [])
        cookies = [f"{kind}{loaded}=1; Path=/".encode() for kind in ("evil-", "_ga_", "pref-")]
        headers = [(b"Set-Cookie", cookie) for cookie in cookies]
        if loaded == ended:
            there = [(b"Location", f"/{loaded}-end/{way}".encode())]
            return response(302, over(way, [*headers, *there], 302))
        return response(200, over(way, headers), PAGE.format(way=way).encode() * (ended == "page"))

    ends = [*LOADED, *(f"{each}-end" for each in LOADED)]
    necessary = {f"pref-{end}" for end in ends}
    others = {f"{kind}{end}" for kind in ("evil-", "_ga_") for end in ends}
    expected = {RAW: necessary | others, "wsgi": necessary, "asgi": necessary}
    with serving(answer) as base:
        for way, names in expected.items():
            tab.page.goto(f"{base}/page/{way}")
            assert tab.names_with(necessary) == names
            tab.clear()


@pytest.mark.conformance("S1")
def test_a_status_line_smuggles_no_cookie(tab: Tab) -> None:
    """What follows a CR in a WSGI status line is a cookie for Chromium, and is cut off."""
    status = "200 OK\rSet-Cookie: evil=1"

    def answer(request: Request) -> bytes:
        lines = {"/raw": status.encode(), "/gate": status_over_wsgi(status)}
        if request.target not in lines:
            return response(404, [])
        return response(lines[request.target], [NECESSARY])

    with serving(answer) as base:
        tab.page.goto(f"{base}/raw")
        assert tab.names() == {"evil", "session"}
        tab.clear()
        tab.page.goto(f"{base}/gate")
        assert tab.names() == {"session"}


def status_over_wsgi(status: str) -> bytes:
    """Return the status line that leaves the gate."""
    seen: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    GATE.wsgi(app)(environ, lambda status, headers, exc_info=None: seen.append(status))  # type: ignore[arg-type]  # a server in one line
    return seen[0].encode()


@pytest.mark.conformance("A1", "S10")
@pytest.mark.parametrize("kind", ["accepted", "refused"])
def test_no_handshake_of_a_websocket_lets_a_cookie_through(tab: Tab, kind: str) -> None:
    """Chromium takes cookies from an accepted and a refused handshake; the gate filters both."""
    messages: dict[str, dict[str, Any]] = {
        "accepted": {"type": "websocket.accept"},
        # The one refusal from which Chromium takes cookies.
        "refused": {"type": "websocket.http.response.start", "status": 401},
    }
    message = messages[kind]
    asking = (b"www-authenticate", b"Basic realm=x")
    message["headers"] = [asking, *((name.lower(), value) for name, value in COOKIES)]

    def answer(request: Request) -> bytes:
        if "sec-websocket-key" not in request.headers:
            return response(200, [])
        gated = request.target == "/gate"
        headers = over_websocket(message)["headers"] if gated else message["headers"]
        if kind == "refused":
            return response(401, headers)
        return response(101, [*switching(request.headers["sec-websocket-key"]), *headers])

    script = """url => new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.onclose = () => resolve(); })"""
    with serving(answer) as base:
        for path, expected in (("/raw", ALL), ("/gate", {"session"})):
            tab.page.goto(base)
            tab.page.evaluate(script, base.replace("http:", "ws:") + path)
            assert tab.names_with(expected) == expected
            tab.clear()


def switching(key: bytes) -> list[Header]:
    """Return the headers that accept a handshake (RFC 6455 4.2.2)."""
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324  # RFC 6455 asks for SHA-1
    return [
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", base64.b64encode(digest)),
    ]


def over_websocket(message: dict[str, Any]) -> dict[str, Any]:
    """Return what leaves the gate of an ASGI message that answers a handshake."""
    left: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        left.append(message)

    scope = {**asgi_scope(Visit()), "type": "websocket", "scheme": "ws", "subprotocols": []}
    asyncio.run(GATE.asgi(app)(scope, receive, send))
    found: dict[str, Any] = left[0]
    return found
