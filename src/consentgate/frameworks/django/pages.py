"""The pages that ask, in a Django that has the gate as a middleware alone."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase

from consentgate.exchange import Exchange
from consentgate.frameworks.django.handle import consent
from consentgate.pages.asking import Asking, may_put_in
from consentgate.pages.insertion import Insertion
from consentgate.pages.request import PageRequest, PageResponse, declared_length, whole
from consentgate.pages.site import Site
from consentgate.wire import BYTES, Header
from consentgate.wsgi import unconditional


class DjangoPages:
    """The pages of a site, as responses of Django's."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a request for one of the pages; None for any other."""
        path = request.path_info
        if not self._site.has(path):
            return None
        handle = consent(request)
        method = request.method or "GET"
        page = PageRequest(
            method,
            path,
            handle.target,
            {name.lower(): value for name, value in request.headers.items()},
            https=request.is_secure(),
            host=request.META.get("HTTP_HOST")
            or "{SERVER_NAME}:{SERVER_PORT}".format(**request.META),
            body=_body(request, self._site.room(path)) if method == "POST" else b"",
        )
        return as_response(self._site.answer(page, handle))

    def inserter(self, exchange: Exchange, request: HttpRequest) -> Inserter | None:
        """Return what puts banner and guard into the response to a request; None for none."""
        may = may_put_in(exchange.gate, request.method or "GET")
        return Inserter(exchange, request) if may else None


def as_response(page: PageResponse) -> HttpResponse:
    """Return a page as a response of Django's."""
    return HttpResponse(page.body, status=page.status, headers=dict(page.headers))


def _body(request: HttpRequest, most: int) -> bytes | None:
    """Return the body of a request, None if it is no whole answer."""
    try:
        body = request.read(most + 1)
    except (UnreadablePostError, OSError, ValueError):
        return None
    return whole(body, declared_length(request.META.get("CONTENT_LENGTH")), most)


class Inserter:
    """Puts banner and guard into the response to a request, if it is one that takes them.

    From the request it takes the conditions under which Django could say that
    nothing has changed.
    """

    def __init__(self, exchange: Exchange, request: HttpRequest) -> None:
        method = request.method or "GET"
        self._asking = Asking(exchange, consent(request), method, request.headers)
        if self._asking.anew:
            unconditional(request.META)
            vars(request).pop("headers", None)

    def insert(self, response: HttpResponseBase) -> None:
        """Put them into a response, and correct what its headers say."""
        before = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in response.headers.items()
        ]
        after, insertion = self._asking.begin(response.status_code, before, BYTES)
        if insertion is not None and isinstance(response, HttpResponse):
            response.content = insertion.feed(response.content) + insertion.end()
            if insertion.inserted:
                after = self._asking.variant(before, insertion, BYTES)
        elif insertion is not None and isinstance(response, StreamingHttpResponse):
            _insert_into_stream(response, insertion)
            # The head leaves before the body is looked into.
            after = self._asking.unknown(before, BYTES)
        _replace(response, before, list(after))


def _insert_into_stream(response: StreamingHttpResponse, insertion: Insertion) -> None:
    chunks: Any = response.streaming_content
    inserted = _fed_later if isinstance(chunks, AsyncIterable) else _fed
    response.streaming_content = cast("Any", inserted)(chunks, insertion)


def _fed(chunks: Iterable[bytes], insertion: Insertion) -> Iterator[bytes]:
    for chunk in chunks:
        yield insertion.feed(chunk)
    yield insertion.end()


async def _fed_later(chunks: AsyncIterable[bytes], insertion: Insertion) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield insertion.feed(chunk)
    yield insertion.end()


def _replace(response: HttpResponseBase, before: list[Header], after: list[Header]) -> None:
    """Leave of a response's headers what is left of them, with the values that they have now."""
    left = dict(after)
    for name, value in before:
        if name not in left:
            del response.headers[name.decode("latin-1")]
        elif left[name] != value:
            response.headers[name.decode("latin-1")] = left[name].decode("latin-1")
