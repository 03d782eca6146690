"""Pages, and who serves them, for tests of what the gate puts into pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Any

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Reply,
    View,
    Visit,
    asgi_scope,
    behind,
    token_pair,
    wsgi_environ,
)
from consentgate import Consent, ConsentGate

Message = dict[str, Any]

START = b"<!doctype html><html><head><title>A page</title></head><body class='a'>"
REST = b"<p>Hello</p></body></html>"
PAGE = START + REST
HTML: Header = (b"Content-Type", b"text/html; charset=utf-8")
BANNER = re.compile(rb'<section class="consentgate consentgate-banner".*?</section>', re.DOTALL)
GUARD = re.compile(rb'<script src="/cookies/static/consentgate-guard\.[^>]*></script>')
SCRIPT = re.compile(rb'<script src="/cookies/static/consentgate\.[^>]*></script>')
GUARDING = re.compile(GUARD.pattern + rb"\s*" + SCRIPT.pattern + rb"\s*")
# What an app says of the very bytes that it sends.
OF_THE_CONTENT = [
    (b"ETag", b'"a"'),
    (b"Last-Modified", b"Wed, 25 Nov 2026 08:00:00 GMT"),
    (b"Accept-Ranges", b"bytes"),
    (b"Content-MD5", b"Q2hlY2sgSW50ZWdyaXR5IQ=="),
    (b"Digest", b"sha-256=4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo="),
    (b"Content-Digest", b"sha-256=:4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=:"),
    (b"Repr-Digest", b"sha-256=:4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=:"),
]
LENGTH = (b"Content-Length", b"%d" % len(PAGE))
OTHER = (b"X-Other", b"1")


def page(
    *more: Header, status: int = 200, body: Sequence[bytes] = (PAGE,), kind: Header = HTML
) -> View:
    """Return a view that answers with a page."""
    return lambda _: Reply([kind, *more], status, body)


def helped(gate: ConsentGate, adapter: Adapter, visit: Visit | None = None) -> bytes:
    """Return the banner that an app gets by the helper, in ASCII."""
    alone = ConsentGate(gate.policy, secret_key=KEY)

    def view(consent: Consent) -> Reply:
        return Reply([HTML], body=[consent.banner_html().encode("ascii", "xmlcharrefreplace")])

    return adapter(alone, view, visit).body


def banners(body: bytes) -> list[bytes]:
    """Return the banners in a page."""
    return BANNER.findall(body)


def guards(body: bytes) -> list[bytes]:
    """Return the guards in a page."""
    return GUARD.findall(body)


def is_guarded(body: bytes, whole: bytes = PAGE, place: int = START.index(b"<title>")) -> bool:
    """Tell whether a page has the guard and the script in one place, and nothing else is new."""
    put_in = body[place : place + len(body) - len(whole)]
    return bool(GUARDING.fullmatch(put_in)) and body.replace(put_in, b"", 1) == whole


def values(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """Return the values of one header, by its name in lower case."""
    return [value for key, value in headers if key.lower() == name]


def lowered(headers: Iterable[Header]) -> list[Header]:
    """Return headers with their names in lower case, as ASGI has them."""
    return [(name.lower(), value) for name, value in headers]


def told(headers: Iterable[Header]) -> tuple[list[bytes], list[bytes]]:
    """Return what caches are told: Vary, and Cache-Control."""
    headers = list(headers)
    return values(headers, b"vary"), values(headers, b"cache-control")


MINE = ([b"Cookie, Accept-Language"], [b"private"])
BY_CHOICE: tuple[list[bytes], list[bytes]] = ([b"Cookie"], [])
NOTHING: tuple[list[bytes], list[bytes]] = ([], [])


def apart(headers: Iterable[Header]) -> list[Header]:
    """Return headers, in lower case, without what caches are told."""
    return [h for h in lowered(headers) if h[0] not in (b"vary", b"cache-control")]


def answered(gate: ConsentGate, *categories: str, **varied: Any) -> Visit:
    """Return a visit of somebody who granted these categories, and refused all others."""
    return Visit([token_pair(gate, *categories)], **varied)


# Over ASGI


def start_of(*headers: Header, status: int = 200) -> Message:
    """Return the start of a response."""
    return {"type": "http.response.start", "status": status, "headers": lowered(headers)}


def body_of(body: bytes, *, more: bool = True) -> Message:
    """Return a part of a body."""
    return {"type": "http.response.body", "body": body, "more_body": more}


async def no_message() -> Message:
    """Be a client that has no body, and waits."""
    return {"type": "http.request", "body": b""}


def steps(
    gate: ConsentGate, messages: Sequence[Message], visit: Visit | None = None
) -> list[list[Message]]:
    """Return what leaves at each message that an app sends, and at its end."""
    left: list[list[Message]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            left.append([])
            await send(message)
        left.append([])

    async def send(message: Any) -> None:
        left[-1].append(message)

    asyncio.run(behind(gate, app)(asgi_scope(visit or Visit()), no_message, send))
    return left


def asgi_answer(app: Any, visit: Visit) -> Answer:
    """Answer a visit as an ASGI server does: one start, the body, one end."""
    sent: list[Message] = []
    requests = iter([{"type": "http.request", "body": b""}])

    async def receive() -> Message:
        for request in requests:
            return request
        await asyncio.Event().wait()  # Nobody leaves.
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(asgi_scope(visit), receive, send))
    start, *parts = sent
    assert start["type"] == "http.response.start"
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    return Answer(start["status"], start["headers"], b"".join(part["body"] for part in parts))


# Over WSGI

NATIVE_HTML = ("Content-Type", "text/html; charset=utf-8")


class Server:
    """A server that notes what it is told, in order; it knows when the head has left."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, list[tuple[str, str]]]] = []
        self.written: list[bytes] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info is not None and self.written:
            raise exc_info[1]
        assert exc_info is not None or not self.starts, "started twice"
        self.starts.append((status, headers))
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body: the head has left, then."""
        assert self.starts, "no start"
        self.written.append(data)

    def send(self, body: Iterable[bytes]) -> None:
        """Send a body, chunk by chunk."""
        for chunk in body:
            self.write(chunk)
        assert self.starts, "no start"

    @property
    def answer(self) -> Answer:
        """What a client gets."""
        status, headers = self.starts[-1]
        return Answer(int(status[:3]), encoded(headers), b"".join(self.written))


def encoded(headers: Iterable[tuple[str, str]]) -> list[Header]:
    """Return the headers of WSGI as bytes."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def served(app: Any, environ: dict[str, Any]) -> Server:
    """Serve one request, as PEP 3333 has it."""
    server = Server()
    body = app(environ, server)
    try:
        server.send(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return server


def wsgi_answer(app: Any, visit: Visit | None = None) -> Answer:
    """Answer a visit as a WSGI server does."""
    return served(app, wsgi_environ(visit or Visit())).answer


def wsgi_page(headers: Any = (NATIVE_HTML,), body: Sequence[bytes] = (PAGE,)) -> Any:
    """Return an app that answers with a page, but for HEAD."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", list(headers))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else list(body)

    return app


def wsgi_talk(gate: ConsentGate, app: Any, method: str = "GET") -> tuple[Answer, Server]:
    """Answer a visit behind the gate."""
    server = served(gate.wsgi(app), wsgi_environ(Visit(method=method)))
    return server.answer, server


def with_one_banner(body: bytes, page: bytes = PAGE) -> bool:
    """Tell whether a body is a page with one banner in its place."""
    (banner,) = banners(body)
    start = page.index(b">", page.index(b"<body")) + 1
    return body == page[:start] + banner + page[start:]
