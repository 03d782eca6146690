"""Pages of HTML behind a gate that asks: with the banner put in, without, and with no gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks import asgi, material, wsgi
from benchmarks.measure import Batch, Effort, Spread, Times, overheads, paired_times
from benchmarks.tables import MICRO, Table
from consentgate import Consent, ConsentGate
from consentgate.exchange import Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SIZES = {"100 KB": 100_000, "1 MB": 1_000_000}
_CHUNK = 16_384
_MEGABYTE = 1e6
_BARE, _ANSWERED, _ASKED = "bare app", "has answered: not put in", "has not answered: put in"

_HEAD = (
    "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<title>A page</title>\n"
    + '<link rel="stylesheet" href="/static/site.css">\n' * 5
    + '<meta property="og:title" content="What a page says of itself">\n' * 10
    + "<script>window.site = window.site || {};</script>\n" * 3
    + '</head>\n<body class="page" data-page="home">\n'
).encode()
_BLOCK = b'<p class="text">Words, and <a href="/elsewhere">a link</a>, and words.</p>\n'


def page(size: int) -> list[bytes]:
    """Return a page of so many bytes, in chunks."""
    whole = (_HEAD + _BLOCK * (size // len(_BLOCK)))[:size]
    return [whole[start : start + _CHUNK] for start in range(0, size, _CHUNK)]


def asgi_app(chunks: list[bytes]) -> ASGIApp:
    """Return an app that streams a page."""
    headers = asgi.encoded([*material.HEADERS[:1], ("content-length", str(sum(map(len, chunks))))])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def wsgi_app(chunks: list[bytes]) -> WSGIApplication:
    """Return an app that streams a page."""
    headers = [*material.HEADERS[:1], ("content-length", str(sum(map(len, chunks))))]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(headers))
        return iter(chunks)

    return app


def wsgi_batch(app: WSGIApplication, environ: WSGIEnvironment) -> Batch:
    """Return what runs an app, and takes its body as a server does."""

    def run(count: int) -> float:
        requests = map(dict, islice(repeat(environ), count))
        start = perf_counter()
        for request in requests:
            for _ in app(request, wsgi.start_response):
                pass
        return perf_counter() - start

    return run


def asgi_body(app: ASGIApp, visit: Scope) -> bytes:
    """Return the body of an app's answer."""
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        parts.append(message.get("body", b""))

    async def talk() -> None:
        await app(dict(visit), receive, send)

    asyncio.run(talk())
    return b"".join(parts)


def contenders(protocol: str, chunks: list[bytes]) -> dict[str, Batch]:
    """Return the bare app, and the same behind the gate for visitors of both kinds."""
    gate = ConsentGate(material.POLICY, secret_key=material.KEY, inject_banner=True)
    token = material.checked(gate, f"cookies_preferences={material.new_token(gate)}")
    cookies = {_ANSWERED: token, _ASKED: None}
    size = sum(map(len, chunks))
    if protocol == "ASGI":
        app = asgi_app(chunks)
        gated = gate.asgi(app)
        found = {_BARE: asgi.batch(app, repeat(asgi.scope()))}
        for visitor, cookie in cookies.items():
            # What is measured must work.
            assert (len(asgi_body(gated, asgi.scope(cookie))) > size) is (visitor == _ASKED)
            found[visitor] = asgi.batch(gated, repeat(asgi.scope(cookie)))
        return found
    bare = wsgi_app(chunks)
    around = gate.wsgi(bare)
    found = {_BARE: wsgi_batch(bare, wsgi.environ())}
    for visitor, cookie in cookies.items():
        body = b"".join(around(wsgi.environ(cookie), wsgi.start_response))
        assert (len(body) > size) is (visitor == _ASKED)
        found[visitor] = wsgi_batch(around, wsgi.environ(cookie))
    return found


def pages_table(protocol: str, effort: Effort) -> Table:
    """Measure pages of each size over one protocol."""
    rows = []
    for name, size in _SIZES.items():
        times: Times = paired_times(contenders(protocol, page(size)), effort)
        over = overheads(times, _BARE)
        for contender, seconds in times.items():
            taken = Spread.of(seconds).median
            more = Spread.of(over[contender]).median * MICRO if contender in over else None
            rows.append(
                [
                    f"{name}, {contender}",
                    f"{size / _MEGABYTE / taken:,.0f}",
                    f"{taken * MICRO:.1f}",
                    "" if more is None else f"{more:.1f}",
                ]
            )
    return Table(
        f"{protocol}, a page in chunks of 16 KB, and the banner put into it",
        ["the visitor", "MB/s", "µs a page", "µs over bare"],
        rows,
        ["the app does nothing but hand out its page; what follows the banner is not looked into"],
    )


def banner_table(effort: Effort) -> Table:
    """Measure how long it takes to render one banner."""
    gate = ConsentGate(material.POLICY, secret_key=material.KEY)

    def run(count: int) -> float:
        handles = [Consent(Exchange(gate, [])) for _ in range(count)]
        start = perf_counter()
        for handle in handles:
            handle.banner_html()
        return perf_counter() - start

    spread = Spread.of(paired_times({"banner": run}, effort)["banner"])
    low, middle, high = (f"{x * MICRO:.1f}" for x in (spread.low, spread.median, spread.high))
    size = len(Consent(Exchange(gate, [])).banner_html())
    return Table(
        "One banner rendered",
        ["takes", "µs", "10th to 90th percentile"],
        [[f"a banner of {size:,} characters", middle, f"{low} to {high}"]],
    )


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all of it."""
    yield pages_table("ASGI", effort)
    yield pages_table("WSGI", effort)
    yield banner_table(effort)
