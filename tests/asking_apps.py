"""Raw WSGI and ASGI apps behind a gate that puts the banner in, for real servers.

`wsgi` and `asgi` are gated, `bare_wsgi` and `bare_asgi` are the same apps with
no gate around them. `/length` says how long its page is, `/chunked` does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from consentgate import ConsentGate, Cookie, Policy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

policy = Policy([Cookie("session", exemption="authentication"), Cookie("_ga*", "statistics")])
gate = ConsentGate(policy, secret_key="shared by the servers and the tests", inject_banner=True)

# More than a server gathers before it sends, with the tag in the middle of a chunk.
CHUNKS = (
    b"<!doctype html><html><head><title>A page</title>",
    b"<style>" + b"p { color: red }\n" * 1000 + b"</style></head>",
    b"<body class='a'>" + b"<p>Hello" * 10000,
    b"<p>and more" * 10000,
    b"</html>",
)
PAGE = b"".join(CHUNKS)


def _headers(path: str) -> list[tuple[str, str]]:
    headers = [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"of the page"')]
    return [*headers, ("Content-Length", str(len(PAGE)))] if path == "/length" else headers


def bare_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Answer over WSGI, with no gate."""
    start_response("200 OK", _headers(environ["PATH_INFO"]))
    yield from CHUNKS


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer over ASGI, with no gate."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    headers = [(name.lower().encode(), value.encode()) for name, value in _headers(scope["path"])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in CHUNKS:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


wsgi = gate.wsgi(bare_wsgi)
asgi = gate.asgi(bare_asgi)
