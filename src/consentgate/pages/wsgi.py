"""The pages over WSGI (PEP 3333): translates a call for them; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from consentgate.exchange import Exchange
from consentgate.pages.asking import Asking, may_put_in
from consentgate.pages.insertion import Insertion
from consentgate.pages.request import PageRequest, declared_length, whole
from consentgate.pages.site import Site
from consentgate.wire import NATIVE
from consentgate.wsgi import Pair, consent, status_code, unconditional

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class WsgiPages:
    """The pages of a site, as an app of its own for each of their requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, environ: WSGIEnvironment) -> WSGIApplication | None:
        """Return the app that answers a request for one of the pages, None for any other."""
        path: str = environ.get("PATH_INFO", "")
        return partial(self._answer, path) if self._site.has(path) else None

    def inserter(
        self, exchange: Exchange, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Inserter | None:
        """Return what puts banner and guard into the response to a request; None for none."""
        may = may_put_in(exchange.gate, environ.get("REQUEST_METHOD", "GET"))
        return Inserter(exchange, environ, start_response) if may else None

    def _answer(
        self, path: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        handle = consent(environ)
        request = PageRequest(
            environ["REQUEST_METHOD"],
            path,
            handle.target,
            {name.lower(): value for name, value in EnvironHeaders(environ)},
            https=environ["wsgi.url_scheme"] == "https",
            # PEP 3333: without HTTP_HOST these two say where the request went.
            host=environ.get("HTTP_HOST") or "{SERVER_NAME}:{SERVER_PORT}".format(**environ),
            body=_body(environ, self._site.room(path))
            if environ["REQUEST_METHOD"] == "POST"
            else b"",
        )
        status, headers, content = self._site.answer(request, handle)
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers))
        return [content]


def _body(environ: WSGIEnvironment, most: int) -> bytes | None:
    """Return the body of a request, None if it is no whole answer."""
    declared = declared_length(environ.get("CONTENT_LENGTH"))
    if declared is not None and declared > most:
        return None
    stream, body = get_input_stream(environ), b""
    try:
        while len(body) <= most and (more := stream.read(most + 1 - len(body))):
            body += more
    except (ClientDisconnected, OSError, ValueError):  # Servers have errors of their own.
        return None
    return whole(body, declared, most)


class Inserter:
    """Holds the start of a response until it is known where something goes in, if it does.

    From `environ` it takes the conditions under which the app could say that
    nothing has changed.
    """

    def __init__(
        self, exchange: Exchange, environ: WSGIEnvironment, start_response: StartResponse
    ) -> None:
        method = environ.get("REQUEST_METHOD", "GET")
        self._asking = Asking(exchange, consent(environ), method, EnvironHeaders(environ))
        self._start_response = start_response
        self._insertion: Insertion | None = None
        self._held: tuple[str, list[Pair]] = ("", [])
        self._write: Callable[[bytes], object] | None = None
        if self._asking.anew:
            unconditional(environ)

    def begin(self, status: str, headers: Iterable[Pair]) -> list[Pair]:
        """Take the start of a response, as the app gives it; return its headers as they may go on.

        PEP 3333: a second one, with `exc_info`, stands for the first.
        """
        kept, self._insertion = self._asking.begin(status_code(status), list(headers), NATIVE)
        return list(kept)

    def start(self, status: str, headers: list[Pair], *exc_info: Any) -> Callable[[bytes], object]:
        """Take the start of a response as it left the gate, in place of `start_response`."""
        if self._insertion is None or self._write is not None:
            # What the server has been told already cannot be taken back.
            self._insertion = None
            self._write = self._start_response(status, headers, *exc_info)
            return self._write
        self._held = status, headers
        return self._written

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body for the server: the app's own where nothing is to be put into it."""
        settled = self._insertion is None and self._write is not None
        return chunks if settled else _Body(chunks, self)

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a part of the body; return what may leave, None while that is not known."""
        insertion = self._insertion
        if insertion is None:
            return chunk
        body = insertion.feed(chunk)
        return self._released(insertion, body) if insertion.settled else None

    def end(self) -> bytes:
        """Return what is still held: the body is over."""
        insertion = self._insertion
        return b"" if insertion is None else self._released(insertion, insertion.end())

    def _written(self, data: bytes) -> None:
        body = self.feed(data)
        if body is not None and self._write is not None:
            self._write(body)

    def _released(self, insertion: Insertion, body: bytes) -> bytes:
        self._insertion = None
        status, headers = self._held
        if insertion.inserted:
            headers = self._asking.variant(headers, insertion, NATIVE)
        self._write = self._start_response(status, headers)
        return body


class _Body(Iterator[bytes]):
    """The body of a response that may get something put into it.

    It asks the app for more until it is known, where PEP 3333 would have it
    yield an empty string: before `start_response` it cannot.
    """

    def __init__(self, chunks: Iterable[bytes], inserter: Inserter) -> None:
        self._chunks = chunks
        self._rest: Iterator[bytes] | None = None
        self._inserter = inserter

    def __next__(self) -> bytes:
        if self._rest is None:
            self._rest = iter(self._chunks)
        for chunk in self._rest:
            body = self._inserter.feed(chunk)
            if body is not None:
                return body
        if rest := self._inserter.end():
            return rest
        raise StopIteration

    def close(self) -> None:
        """Close the app's own body, as PEP 3333 wants of whoever hands it on."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
