"""One app behind a gate whose observer never returns, for real servers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from consentgate import ConsentGate, Event, Policy
from consentgate.observers.relay import relayed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def blocked(event: Event) -> None:
    """Wait for what never comes."""
    threading.Event().wait()


gate = ConsentGate(
    Policy.allow("session"),
    secret_key="shared by the servers and the tests",
    observer=relayed(blocked),
)

COOKIES = [("Set-Cookie", "session=1"), ("Set-Cookie", "_ga=FORBIDDEN")]


def _wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "2"), *COOKIES])
    return [b"ok"]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "no lifespan here"
    pairs = [(name.lower().encode(), value.encode()) for name, value in COOKIES]
    headers = [(b"content-length", b"2"), *pairs]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


wsgi = gate.wsgi(_wsgi)
asgi = gate.asgi(_asgi)
