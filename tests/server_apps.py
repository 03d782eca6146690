"""Raw WSGI and ASGI apps behind one gate, for real servers: each path does one thing.

`wsgi` and `asgi` are gated, `bare_wsgi` and `bare_asgi` are the same apps with
no gate around them, for comparison. Both protocols share the routes that both
can have; what only one can do stands with it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.util import FileWrapper

from consentgate import Consent, ConsentGate, Cookie, Policy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Header = tuple[bytes, bytes]

policy = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("theme", "preferences"),
        Cookie("_ga*", "statistics"),
        Cookie("ad_id", "marketing"),
    ]
)
gate = ConsentGate(policy, secret_key="shared by the servers and the tests")

SESSION = b"session=kept; Path=/; HttpOnly"
# Values are in capitals: no byte of a forbidden one may be on the wire.
FORBIDDEN = (
    b"theme=FORBIDDEN; Path=/",
    b"_ga=FORBIDDEN; Path=/; Max-Age=3600",
    b"ad_id=FORBIDDEN; Path=/; Secure",
    b"mystery=FORBIDDEN",
)
CONTENT_TYPE = (b"Content-Type", b"text/plain")
PAGE = b"hello"
CHUNKS = (b"first " * 1000, b"second " * 1000, b"third " * 1000)
FIRST_PART = b"\xff" * 65536  # more than a server gathers before it sends
FILE = Path(__file__).with_name("serving.py")
HINT = b"</style.css>; rel=preload"
MEETING_SIZE = 4
MEETING_SECONDS = 10.0

# Headers of an app that try to bring `evil` past a gate or a server.
INJECTIONS: dict[str, Header] = {
    "CR": (b"X-Note", b"a\rSet-Cookie: evil=1"),
    "LF": (b"X-Note", b"a\nSet-Cookie: evil=1"),
    "CRLF": (b"X-Note", b"a\r\nSet-Cookie: evil=1"),
    "CRLF behind a necessary cookie": (b"Set-Cookie", b"session=1\r\nSet-Cookie: evil=1"),
    "CR behind a necessary cookie": (b"Set-Cookie", b"session=1\rSet-Cookie: evil=1"),
    "CRLF in Location": (b"Location", b"/\r\nSet-Cookie: evil=1\r\nX: y"),
    "CRLF CRLF": (b"X-Note", b"a\r\nSet-Cookie: evil=1\r\n\r\nevil body"),
    "blank behind the name": (b"Set-Cookie ", b"evil=1"),
    "tab behind the name": (b"Set-Cookie\t", b"evil=1"),
    "blank before the name": (b" set-cookie", b"evil=1"),
    "colon in the name": (b"Set-Cookie: evil=1;x", b"y"),
    "CRLF in the name": (b"X-Note: a\r\nSet-Cookie", b"evil=1"),
    "CR in the name": (b"X-Note: a\rSet-Cookie", b"evil=1"),
}
# Odd: names that a lenient reader could take for a necessary one, bytes that no header holds.
ODDITIES: dict[str, Header] = {
    "NUL": (b"X-Note", b"a\0Set-Cookie: evil=1"),
    "NUL in the name": (b"Set-Cookie\0", b"evil=1"),
    "NUL in a necessary cookie": (b"Set-Cookie", b"session=\0evil"),
    "control in a necessary cookie": (b"Set-Cookie", b"session=\x01evil"),
    "vertical tab before a necessary name": (b"Set-Cookie", b"\x0bsession=evil"),
    "NBSP behind a necessary name": (b"Set-Cookie", b"session\xa0=evil"),
    "NEL behind a necessary name": (b"Set-Cookie", b"session\x85=evil"),
    "necessary name in capitals": (b"Set-Cookie", b"SESSION=evil"),
    "necessary name behind a comma": (b"Set-Cookie", b"evil=1, session=1"),
    "necessary name behind a quote": (b"Set-Cookie", b'"evil;session=1'),
    "no equals sign": (b"Set-Cookie", b"evil"),
    "no name": (b"Set-Cookie", b"=evil"),
    "no name, a prefix in the value": (b"Set-Cookie", b"=__Host-evil=1"),
    "header in capitals": (b"SET-COOKIE", b"evil=1"),
    "folded line": (b"X-Note", b"a\r\n evil"),
    "no header name": (b"", b"evil"),
    "pseudo header": (b":evil", b"1"),
    "the consent cookie": (b"Set-Cookie", b"cookies_preferences=evil"),
}
HEADERS = INJECTIONS | ODDITIES

# The same by the status line, which only WSGI leaves to the app.
STATUSES = {
    "CRLF": "200 OK\r\nSet-Cookie: evil=1",
    "LF": "200 OK\nSet-Cookie: evil=1",
    "CR": "200 OK\rSet-Cookie: evil=1",
}


class Asked(NamedTuple):
    """What a route is asked: the last part of the path, the handle (None without a gate), body."""

    argument: str
    consent: Consent | None
    body: bytes


class Reply(NamedTuple):
    """What a route answers."""

    headers: list[Header]
    chunks: Iterable[bytes] = (PAGE,)
    status: int = 200


def _cookies(*values: bytes) -> list[Header]:
    return [CONTENT_TYPE, *((b"Set-Cookie", value) for value in values)]


def _status(asked: Asked) -> Reply:
    """Set every cookie under the status that the path names."""
    status = int(asked.argument)
    headers = _cookies(FORBIDDEN[0], SESSION, *FORBIDDEN[1:])
    if status in (204, 304):
        return Reply(headers, (), status)
    if 300 <= status < 400:
        headers.append((b"Location", b"/status/200"))
    return Reply([*headers, _length(PAGE)], (PAGE,), status)


def _forbidden(asked: Asked) -> Reply:
    """Set nothing but cookies that may not pass."""
    return Reply(_cookies(*FORBIDDEN))


def _plain(asked: Asked) -> Reply:
    """Set no cookie, and leave the length of the body to the server."""
    return Reply([CONTENT_TYPE])


def _sized(asked: Asked) -> Reply:
    return Reply([CONTENT_TYPE, _length(PAGE)])


def _stream(asked: Asked) -> Reply:
    """Send a body of unknown length in pieces."""
    return Reply(_cookies(SESSION, *FORBIDDEN), (chunk for chunk in CHUNKS))


def _visitor(asked: Asked) -> Reply:
    """Set every cookie with the visitor's name as value, and say what this visitor allows.

    A body of the request is what this visitor grants, or `withdraw`.
    """
    consent, name = asked.consent, asked.argument.encode()
    if consent and asked.body == b"withdraw":
        consent.withdraw()
    elif consent and asked.body:
        consent.grant(*asked.body.decode().split(","))
    keys = ("preferences", "statistics", "marketing")
    allowed = [key for key in keys if consent and consent.allows(key)]
    names = (b"session", b"theme", b"_ga", b"ad_id", b"mystery")
    headers = _cookies(*(key + b"=" + name for key in names))
    return Reply(headers, (name + b": " + ",".join(allowed).encode(),))


def _header(asked: Asked) -> Reply:
    """Send one header of those that try to get past."""
    tried = list(HEADERS.values())[int(asked.argument)]
    return Reply([CONTENT_TYPE, tried, _length(PAGE)])


ROUTES: dict[str, Callable[[Asked], Reply]] = {
    "status": _status,
    "forbidden": _forbidden,
    "plain": _plain,
    "sized": _sized,
    "stream": _stream,
    "visitor": _visitor,
    "meet": _visitor,
    "header": _header,
}


def _length(body: bytes) -> Header:
    return (b"Content-Length", str(len(body)).encode())


def _reply(path: str, consent: Consent | None, body: bytes) -> Reply:
    _, route, *rest = path.split("/")
    return ROUTES[route](Asked("".join(rest), consent, body))


# WSGI

_wsgi_meeting = threading.Barrier(MEETING_SIZE, timeout=MEETING_SECONDS)


def bare_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer over WSGI, with no gate."""
    path = environ["PATH_INFO"]
    if path in WSGI_ROUTES:
        return WSGI_ROUTES[path](environ, start_response)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    meets = path.startswith("/meet/")
    if meets:
        _wsgi_meeting.wait()
    reply = _reply(path, environ.get("consentgate"), body)
    if meets:
        _wsgi_meeting.wait()
    start_response(_line(reply.status), _text(reply.headers))
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return list(reply.chunks) if isinstance(reply.chunks, tuple) else reply.chunks


def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _text(headers: list[Header]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _fail() -> None:
    raise RuntimeError


def _every() -> list[tuple[str, str]]:
    return _text(_cookies(SESSION, *FORBIDDEN))


def _late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Call start_response at the first iteration only."""
    start_response("200 OK", _every())
    yield PAGE


def _twice(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Begin a page, fail, and begin an error page instead."""
    start_response("200 OK", _every())
    try:
        _fail()
    except RuntimeError:
        start_response("500 Internal Server Error", _every(), sys.exc_info())
    return [b"sorry"]


def _twice_sent(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Fail when a part of the page is sent already: the server ends the response."""
    start_response("200 OK", [*_every(), ("Content-Length", "100")])
    yield PAGE
    try:
        _fail()
    except RuntimeError:
        start_response("500 Internal Server Error", _every(), sys.exc_info())
    yield b"sorry"


def _written(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send the body by `write`, and the rest of it as usual."""
    write = start_response("200 OK", [*_every(), ("Content-Length", "10")])
    write(b"one ")
    write(b"two ")
    return [b"3 "]


def _file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send a file by the server's own wrapper, if it has one."""
    start_response("200 OK", [*_every(), ("Content-Length", str(FILE.stat().st_size))])
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    wrapped: Iterable[bytes] = wrapper(FILE.open("rb"), 1024)
    return wrapped


_wsgi_release = threading.Event()


def _held(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Send the first part of a body, and the second when /release is asked for."""
    _wsgi_release.clear()
    start_response("200 OK", _every())
    return _held_parts()


def _held_parts() -> Iterator[bytes]:
    yield FIRST_PART
    if _wsgi_release.wait(MEETING_SECONDS):
        yield PAGE


def _release(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    _wsgi_release.set()
    start_response("200 OK", _text([CONTENT_TYPE, _length(PAGE)]))
    return [PAGE]


def _hints(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send early hints that carry a cookie, where the server offers them."""
    if hints := environ.get("wsgi.early_hints"):
        hints([("Link", HINT.decode()), ("Set-Cookie", "_ga=FORBIDDEN")])
    start_response("200 OK", _every())
    return [PAGE]


def _bad_status(status: str) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, _text([CONTENT_TYPE, _length(PAGE)]))
        return [PAGE]

    return app


WSGI_ROUTES: dict[str, Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]] = {
    "/late": _late,
    "/twice": _twice,
    "/twice-sent": _twice_sent,
    "/written": _written,
    "/file": _file,
    "/hints": _hints,
    "/held": _held,
    "/release": _release,
    **{f"/line/{key}": _bad_status(status) for key, status in STATUSES.items()},
}

wsgi = gate.wsgi(bare_wsgi)


# ASGI

_asgi_meeting = asyncio.Barrier(MEETING_SIZE)


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer over ASGI, with no gate."""
    if scope["type"] == "lifespan":
        await _live(scope, receive, send)
    elif scope["type"] == "websocket":
        await _websocket(scope, receive, send)
    elif scope["path"] in ASGI_ROUTES:
        await ASGI_ROUTES[scope["path"]](scope, send)
    else:
        await _page(scope, receive, send)


async def _page(scope: Any, receive: Any, send: Any) -> None:
    body = await _read(receive)
    meets = scope["path"].startswith("/meet/")
    if meets:
        await _meet()
    reply = _reply(scope["path"], scope.get("consentgate"), body)
    if meets:
        await _meet()
    await _start(send, reply.headers, reply.status)
    if scope["method"] != "HEAD":
        for chunk in reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def _meet() -> None:
    async with asyncio.timeout(MEETING_SECONDS):
        await _asgi_meeting.wait()


async def _read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(send: Any, headers: list[Header], status: int = 200, **more: Any) -> None:
    lower = [(name.lower(), value) for name, value in headers]
    start = {"type": "http.response.start", "status": status, "headers": lower}
    await send({**start, **more})


def _extensions(scope: Any) -> Any:
    return scope.get("extensions") or {}


async def _live(scope: Any, receive: Any, send: Any) -> None:
    """Take part in the server's startup and shutdown, and leave something in the state."""
    while (await receive())["type"] != "lifespan.shutdown":
        scope["state"]["started"] = True
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _started(scope: Any, send: Any) -> None:
    """Say what startup left in the state."""
    await _start(send, [CONTENT_TYPE])
    await send({"type": "http.response.body", "body": str(scope["state"]["started"]).encode()})


async def _path_sent(scope: Any, send: Any) -> None:
    """Let the server send a file, where it offers to."""
    await _start(send, [*_cookies(SESSION, *FORBIDDEN)])
    if "http.response.pathsend" in _extensions(scope):
        await send({"type": "http.response.pathsend", "path": str(FILE)})
    else:
        await send({"type": "http.response.body", "body": FILE.read_bytes()})


async def _trailing(scope: Any, send: Any) -> None:
    """Send early hints and trailers that carry cookies, where the server offers them."""
    if "http.response.early_hint" in _extensions(scope):
        await send({"type": "http.response.early_hint", "links": [HINT]})
    trails = "http.response.trailers" in _extensions(scope)
    await _start(send, _cookies(SESSION, *FORBIDDEN), trailers=trails)
    await send({"type": "http.response.body", "body": PAGE})
    if trails:
        trailers = [(b"x-checksum", b"1"), (b"set-cookie", b"_ga=FORBIDDEN")]
        await send({"type": "http.response.trailers", "headers": trailers})


_asgi_release = asyncio.Event()


async def _asgi_held(scope: Any, send: Any) -> None:
    """Send the first part of a body, and the second when /release is asked for."""
    _asgi_release.clear()
    await _start(send, _cookies(SESSION, *FORBIDDEN))
    await send({"type": "http.response.body", "body": FIRST_PART, "more_body": True})
    async with asyncio.timeout(MEETING_SECONDS):
        await _asgi_release.wait()
    await send({"type": "http.response.body", "body": PAGE})


async def _asgi_released(scope: Any, send: Any) -> None:
    _asgi_release.set()
    await _start(send, [CONTENT_TYPE, _length(PAGE)])
    await send({"type": "http.response.body", "body": PAGE})


async def _websocket(scope: Any, receive: Any, send: Any) -> None:
    """Accept at /accept, refuse with a page elsewhere, where the server can; with every cookie."""
    await receive()
    headers = [(b"set-cookie", value) for value in (SESSION, *FORBIDDEN)]
    if scope["path"] == "/accept":
        await send({"type": "websocket.accept", "headers": headers})
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close"})
    elif "websocket.http.response" in _extensions(scope):
        start = {"type": "websocket.http.response.start", "status": 401}
        await send({**start, "headers": [*headers, (b"content-length", b"5")]})
        await send({"type": "websocket.http.response.body", "body": PAGE})
    else:
        await send({"type": "websocket.close"})


ASGI_ROUTES: dict[str, Callable[[Any, Any], Any]] = {
    "/started": _started,
    "/file": _path_sent,
    "/trailing": _trailing,
    "/held": _asgi_held,
    "/release": _asgi_released,
}

asgi = gate.asgi(bare_asgi)
