"""A site with a ledger, as a WSGI and as an ASGI app, for servers with several processes.

The address of the ledger is in CONSENTGATE_TEST_LEDGER, that of a spool, if there is to
be one, in CONSENTGATE_TEST_SPOOL. Each page says which process answers. `wsgi` and
`asgi` make the apps, so that a test can import this and have no gate of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from consentgate import ConsentGate, Cookie, Policy
from consentgate.ledger import Ledger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LEDGER, SPOOL = "CONSENTGATE_TEST_LEDGER", "CONSENTGATE_TEST_SPOOL"
KEY = "shared by the servers, their ledger and the tests"
COOKIE_NAME = "cookies_preferences"

policy = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("theme", "preferences"),
        Cookie("_ga*", "statistics"),
        Cookie("ad_id", "marketing"),
    ]
)


def wsgi() -> WSGIApplication:
    """Return the site as a WSGI app."""
    return _gate().wsgi(_wsgi_page)


def asgi() -> Any:
    """Return the site as an ASGI app."""
    return _gate().asgi(_asgi_page)


def _gate() -> ConsentGate:
    ledger = Ledger(os.environ[LEDGER], spool=os.environ.get(SPOOL))
    return ConsentGate(policy, secret_key=KEY, cookie_name=COOKIE_NAME, ledger=ledger)


def _body() -> bytes:
    return str(os.getpid()).encode("ascii")


def _wsgi_page(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = _body()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", f"{len(body)}")])
    return [body]


async def _asgi_page(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})
        return
    body = _body()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
