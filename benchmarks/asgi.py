"""ASGI: the gate, a no-op wrapper, and Starlette's own middleware around the same app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice, repeat
from time import perf_counter

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks import material
from benchmarks.measure import Batch, Effort, paired_times
from benchmarks.tables import Goal, Table, overhead_table
from consentgate import ConsentGate

Pairs = Iterable[tuple[str, str]]

# Not a loop per batch: it would cost more than what is measured.
_loop = asyncio.new_event_loop()


def scope(cookie: str | None = None) -> Scope:
    """Return the scope of a browser's request, as servers make it."""
    headers = [*material.REQUEST_HEADERS, *([("cookie", cookie)] if cookie else [])]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": encoded(headers),
        "state": {},
    }


def encoded(headers: Pairs) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def bare(headers: Pairs) -> ASGIApp:
    """Return an app that answers with these headers and does nothing else."""
    raw = encoded(headers)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(raw)})
        await send({"type": "http.response.body", "body": b"hello"})

    return app


class NoOp:
    """What any wrapper of `send` costs at least."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a `send` that does nothing of its own."""

        async def wrapped(message: Message) -> None:
            await send(message)

        await self.app(scope, receive, wrapped)


async def _dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


async def _receive() -> Message:
    return {"type": "http.request", "body": b""}


async def _send(message: Message) -> None:
    pass


def batch(app: ASGIApp, scopes: Iterator[Scope]) -> Batch:
    """Return what runs an app, each time with a fresh copy of the next scope."""

    async def run(count: int) -> float:
        requests = map(dict, islice(scopes, count))
        start = perf_counter()
        for request in requests:
            await app(request, _receive, _send)
        return perf_counter() - start

    return lambda count: _loop.run_until_complete(run(count))


def contenders(
    gate: ConsentGate, headers: Pairs, scopes: Callable[[], Iterator[Scope]]
) -> dict[str, Batch]:
    """Return the bare app, alone and behind each of the wrappers."""
    app = bare(headers)
    apps: dict[str, ASGIApp] = {
        "bare app": app,
        "no-op": NoOp(app),
        "consentgate": gate.asgi(app),
        "SessionMiddleware": SessionMiddleware(app, material.KEY),
        "BaseHTTPMiddleware": BaseHTTPMiddleware(app, _dispatch),
    }
    return {name: batch(wrapped, scopes()) for name, wrapped in apps.items()}


def nothing_to_do() -> dict[str, Batch]:
    """Set up requests without cookies, answered without any: most requests of most sites."""
    return contenders(material.new_gate(), material.HEADERS, lambda: repeat(scope()))


def known_token() -> dict[str, Batch]:
    """Set up a visitor who has answered, seen before; three cookies are set, all allowed."""
    gate = material.new_gate()
    visit = scope(material.checked(gate, material.cookie_header(material.new_token(gate))))
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(gate, headers, lambda: repeat(visit))


def no_token() -> dict[str, Batch]:
    """Set up a visitor who has not answered; of three cookies that are set one is stripped."""
    visit = scope(material.cookie_header(None))
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(material.new_gate(), headers, lambda: repeat(visit))


def new_tokens() -> dict[str, Batch]:
    """Set up visitors who have answered, each new to this process; three cookies, all allowed."""
    gate = material.new_gate()
    visits = [
        scope(material.cookie_header(material.new_token(gate), user))
        for user in range(material.NEW_TOKENS)
    ]
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(gate, headers, lambda: cycle(visits))


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all scenarios."""
    for title, scenario, goals in (
        ("ASGI, nothing to do", nothing_to_do, [Goal("consentgate", 3.0, "times")]),
        ("ASGI, known token, three Set-Cookie", known_token, [Goal("consentgate", 6.0, "times")]),
        ("ASGI, no token, three Set-Cookie, one stripped, one expired", no_token, []),
        ("ASGI, a new token each time, three Set-Cookie", new_tokens, []),
    ):
        yield overhead_table(title, paired_times(scenario(), effort), goals)
