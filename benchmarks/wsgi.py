"""WSGI: the gate and a no-op wrapper around the same app, and a minimal Flask request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import cycle, islice, repeat
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

from benchmarks import material
from benchmarks.measure import Batch, Effort, paired_times
from benchmarks.tables import Goal, Table, overhead_table
from consentgate import ConsentGate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Pairs = list[tuple[str, str]]


def environ(cookie: str | None = None) -> WSGIEnvironment:
    """Return the environ of a browser's request, as servers make it."""
    found: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in material.REQUEST_HEADERS:
        found["HTTP_" + name.upper().replace("-", "_")] = value
    if cookie:
        found["HTTP_COOKIE"] = cookie
    return found


def bare(headers: Pairs) -> WSGIApplication:
    """Return an app that answers with these headers and does nothing else."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(headers))
        return [b"hello"]

    return app


def no_op(app: WSGIApplication) -> WSGIApplication:
    """Return what any wrapper of `start_response` costs at least."""

    def wrapper(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def wrapped(status: str, headers: Pairs, exc_info: Any = None) -> Any:
            return start_response(status, headers)

        return app(environ, wrapped)

    return wrapper


def flask_app(headers: Pairs) -> WSGIApplication:
    """Return a Flask app that answers the same."""
    app = Flask("benchmark")

    @app.get("/")
    def hello() -> Response:
        return Response(b"hello", headers=headers)

    return app.wsgi_app


def start_response(status: str, headers: Pairs, exc_info: Any = None) -> Callable[[bytes], object]:
    """Take the headers, as a server does, and do nothing."""
    return _write


def _write(data: bytes) -> None:
    pass


def answer(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, Pairs]:
    """Return the status and the headers of an app's answer: what is measured must work."""
    found: list[tuple[str, Pairs]] = []

    def start(status: str, headers: Pairs, exc_info: Any = None) -> Callable[[bytes], object]:
        found[:] = [(status, headers)]
        return _write

    body = app(dict(environ), start)
    if hasattr(body, "close"):
        body.close()
    return found[0]


def batch(app: WSGIApplication, environs: Iterator[WSGIEnvironment]) -> Batch:
    """Return what runs an app, each time with a fresh copy of the next environ."""

    def run(count: int) -> float:
        requests = map(dict, islice(environs, count))
        start = perf_counter()
        for request in requests:
            body = app(request, start_response)
            if hasattr(body, "close"):
                body.close()
        return perf_counter() - start

    return run


def contenders(
    gate: ConsentGate, headers: Pairs, environs: Callable[[], Iterator[WSGIEnvironment]]
) -> dict[str, Batch]:
    """Return the bare app, alone and behind each of the wrappers, and Flask instead of it."""
    app = bare(headers)
    apps: dict[str, WSGIApplication] = {
        "bare app": app,
        "no-op": no_op(app),
        "consentgate": gate.wsgi(app),
        "a Flask request instead": flask_app(headers),
    }
    for name, wrapped in apps.items():
        assert answer(wrapped, next(environs()))[0].startswith("200"), name
    return {name: batch(wrapped, environs()) for name, wrapped in apps.items()}


def nothing_to_do() -> dict[str, Batch]:
    """Set up requests without cookies, answered without any: most requests of most sites."""
    return contenders(material.new_gate(), material.HEADERS, lambda: repeat(environ()))


def known_token() -> dict[str, Batch]:
    """Set up a visitor who has answered, seen before; three cookies are set, all allowed."""
    gate = material.new_gate()
    visit = environ(material.checked(gate, material.cookie_header(material.new_token(gate))))
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(gate, headers, lambda: repeat(visit))


def no_token() -> dict[str, Batch]:
    """Set up a visitor who has not answered; of three cookies that are set one is stripped."""
    visit = environ(material.cookie_header(None))
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(material.new_gate(), headers, lambda: repeat(visit))


def new_tokens() -> dict[str, Batch]:
    """Set up visitors who have answered, each new to this process; three cookies, all allowed."""
    gate = material.new_gate()
    visits = [
        environ(material.cookie_header(material.new_token(gate)))
        for _ in range(material.NEW_TOKENS)
    ]
    headers = [*material.HEADERS, *material.THREE_COOKIES]
    return contenders(gate, headers, lambda: cycle(visits))


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all scenarios."""
    for title, scenario, goals in (
        ("WSGI, nothing to do", nothing_to_do, [Goal("consentgate", 2.0, "µs")]),
        ("WSGI, known token, three Set-Cookie", known_token, [Goal("consentgate", 4.0, "µs")]),
        ("WSGI, no token, three Set-Cookie, one stripped, one expired", no_token, []),
        ("WSGI, a new token each time, three Set-Cookie", new_tokens, []),
    ):
        yield overhead_table(title, paired_times(scenario(), effort), goals)
