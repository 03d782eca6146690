"""The gate as an entry of Django's `MIDDLEWARE`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from consentgate import asgi, wsgi
from consentgate.consent import KEY, Consent, exchange_around
from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange
from consentgate.frameworks.django.fields import add
from consentgate.gate import ConsentGate, check_wiring
from consentgate.request import Request, Target, is_embedded, opts_out
from consentgate.wire import BYTES

if TYPE_CHECKING:
    from consentgate.frameworks.django.pages import DjangoPages, Inserter

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


def configured_gate() -> ConsentGate:
    """Return the gate that `settings.CONSENTGATE` names: a ConsentGate, or the path to one.

    Raises ConsentGateError where there is none.
    """
    found = getattr(settings, "CONSENTGATE", None)
    if isinstance(found, str):
        try:
            found = import_string(found)
        except (ImportError, TypeError, ValueError) as error:
            raise ConsentGateError(
                f"settings.CONSENTGATE = {found!r}: {error}; {_REMEDY}"
            ) from error
    if not isinstance(found, ConsentGate):
        raise ConsentGateError(f"settings.CONSENTGATE is {found!r}; {_REMEDY}")
    return found


_REMEDY = "set it to a ConsentGate, or to the path of one as in 'mysite.cookies.gate'"


class ConsentMiddleware:
    """Django's `MIDDLEWARE` entry. Put it first: what stands before it is not gated."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse, *, gate: ConsentGate | None = None) -> None:
        self.get_response = get_response
        self.gate = configured_gate() if gate is None else gate
        check_wiring(get_response, self.gate)
        self._pages: DjangoPages | None = None
        if self.gate.site is not None:
            from consentgate.frameworks.django.pages import DjangoPages  # only where there are any

            self._pages = DjangoPages(self.gate.site)
        if self.gate.ledger is not None:
            from consentgate.ledger import asgi as beside  # only where there is a ledger
            from consentgate.ledger import wsgi as within

            self._is_kept, self._is_kept_beside = within.is_kept, beside.is_kept
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request, or return the coroutine that does."""
        if self.is_async:
            return self._answer(request)
        exchange, outermost = _enter(self.gate, request)
        ledger = self.gate.ledger if outermost else None
        if ledger is not None and exchange.choice is not None:
            self._is_kept(exchange, ledger)  # taken over from another banner
        _arrive(exchange, outermost, request)
        page, inserter = self._asked(exchange, outermost, request)
        try:
            response = page or cast("HttpResponseBase", self.get_response(request))
        except BaseException:
            _abandon(exchange, outermost)
            raise
        if ledger is not None and not self._is_kept(exchange, ledger):
            response, inserter = _unrecorded(exchange, request, response), None
        return _leave(exchange, outermost, response, inserter)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        exchange, outermost = _enter(self.gate, request)
        ledger = self.gate.ledger if outermost else None
        if ledger is not None and exchange.choice is not None:
            await self._is_kept_beside(exchange, ledger)  # taken over from another banner
        _arrive(exchange, outermost, request)
        page, inserter = self._asked(exchange, outermost, request)
        try:
            response = page or await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        except BaseException:
            _abandon(exchange, outermost)
            raise
        if ledger is not None and not await self._is_kept_beside(exchange, ledger):
            response, inserter = _unrecorded(exchange, request, response), None
        return _leave(exchange, outermost, response, inserter)

    def _asked(
        self, exchange: Exchange, outermost: bool, request: HttpRequest
    ) -> tuple[HttpResponseBase | None, Inserter | None]:
        """Return the page that the request is for, or what puts the banner into the view's."""
        if self._pages is None or not outermost:
            return None, None
        page = self._pages.answer(request)
        exchange.ours = page is not None
        injects = page is None and (self.gate.injects or self.gate.inject_guard)
        return page, self._pages.inserter(exchange, request) if injects else None


def _enter(gate: ConsentGate, request: HttpRequest) -> tuple[Exchange, bool]:
    """Begin the exchange, or join that of a gate further out; tell whether it is a new one."""
    lines = _cookie_lines(request)
    handle = request.META.get(KEY) or getattr(request, "scope", {}).get(KEY)
    around = exchange_around(handle, lines)
    exchange = around or _new_exchange(gate, request, lines)
    exchange.joined(gate)
    if around is None:
        handle = Consent(exchange)
        request.META[wsgi.ENVIRON_KEY] = handle
    request.consent = handle  # type: ignore[attr-defined]  # Django's way to add to a request
    if around is None and exchange.gate.sources is not None:
        exchange.destination = request.META.get("HTTP_SEC_FETCH_DEST")
        if exchange.is_anew(request.method or "GET", request.META.get("HTTP_ACCEPT", "")):
            wsgi.unconditional(request.META)
            vars(request).pop("headers", None)
    if around is None and exchange.gate.banner is not None:
        exchange.embedded = is_embedded(request.method or "GET", request.headers)
        exchange.adopt(exchange.gate.banner)
    return exchange, around is None


def _arrive(exchange: Exchange, outermost: bool, request: HttpRequest) -> None:
    """Leave of the cookies of a request what the view may read."""
    lines = exchange.cookie_lines if outermost else _cookie_lines(request)
    left = exchange.arrive() if outermost else exchange.readable(lines)
    if left is not lines:
        _hand_on(request, left)
    if exchange.gated:
        _watch(request, exchange)
    if exchange.reviews:
        exchange.embedded = is_embedded(request.method or "GET", request.headers)


def _new_exchange(gate: ConsentGate, request: HttpRequest, lines: list[bytes]) -> Exchange:
    description = None
    if gate.takes_requests:
        description = Request(request.method or "GET", request.path, request.headers)
    exchange = Exchange(
        gate,
        lines,
        request.path,
        request.is_secure(),
        description,
        host=request.META.get("HTTP_HOST", "").encode("latin-1", "replace"),
        opted_out=opts_out(wsgi.signals(request.META)),
    )
    if gate.site is not None:
        # Not the request itself: it refers to this.
        sent = (request.META.get(name, "") for name in ("QUERY_STRING", "HTTP_ACCEPT_LANGUAGE"))
        path, below = (p.encode("utf-8", "replace") for p in (request.path, request.path_info))
        exchange.locate = partial(Target.of, path.removesuffix(below), below, *sent)
    return exchange


def _cookie_lines(request: HttpRequest) -> list[bytes]:
    """Return the `Cookie` lines; over ASGI the scope has those that Django's META joins."""
    scope = getattr(request, "scope", None)
    return wsgi.cookie_lines(request.META) if scope is None else asgi.cookie_lines(scope)


def _hand_on(request: HttpRequest, left: Sequence[bytes]) -> None:
    """Leave of the `Cookie` lines that the request has what is left, wherever Django reads it."""
    if any(left):
        # Joined as Django joins them.
        request.META["HTTP_COOKIE"] = b",".join(filter(None, left)).decode("latin-1")
    else:
        request.META.pop("HTTP_COOKIE", None)
    for read in ("COOKIES", "headers"):  # What Django keeps once it was asked for.
        if hasattr(type(request), read):
            vars(request).pop(read, None)
    if hasattr(request, "scope"):
        request.scope = {**request.scope, "headers": asgi.headers_with(request.scope, left)}


def _watch(request: HttpRequest, exchange: Exchange) -> None:
    """Let a withdrawal take from a request what the view may not read any more."""
    further_out = exchange.narrow

    def narrow() -> None:
        if further_out is not None:
            further_out()
        _hand_on(request, exchange.readable(_cookie_lines(request)))

    exchange.narrow = narrow


def _abandon(exchange: Exchange, outermost: bool) -> None:
    if outermost:
        exchange.abandoned()


def _unrecorded(
    exchange: Exchange, request: HttpRequest, response: HttpResponseBase
) -> HttpResponseBase:
    """Return what leaves in place of a response whose grant the ledger could not keep."""
    from consentgate.frameworks.django.pages import as_response
    from consentgate.ledger.unrecorded import unrecorded

    accept = request.META.get("HTTP_ACCEPT", "")
    answer = unrecorded(Consent(exchange), accept)
    replaced = as_response(answer)
    # What the view opened is closed with what is sent, and the signal of it is sent once.
    replaced._resource_closers += response._resource_closers  # type: ignore[attr-defined]  # Django's
    return replaced


def _leave(
    exchange: Exchange, outermost: bool, response: HttpResponseBase, inserter: Inserter | None
) -> HttpResponseBase:
    """Filter what Django will send: `response.cookies`, and the headers.

    Behind another gate that one says what there is to say beside.
    """
    if inserter is not None:
        inserter.insert(response)
    exchange.narrow = None if outermost else exchange.narrow
    headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
    ]
    cookies = [
        (b"Set-Cookie", morsel.OutputString().encode("latin-1", "replace"))
        for morsel in response.cookies.values()
    ]
    if outermost:
        kept = exchange.leaving([*headers, *cookies], BYTES, response.status_code)
    else:
        kept = exchange.filtered([*headers, *cookies], BYTES)
    left = {id(header) for header in kept}
    names = dict(zip(map(id, headers), list(response.headers), strict=True))
    keys = dict(zip(map(id, cookies), list(response.cookies.items()), strict=True))
    for header in headers:
        if id(header) not in left:
            del response.headers[names[id(header)]]
    response.cookies.clear()
    for header in kept:
        if id(header) in keys:
            key, morsel = keys[id(header)]
            response.cookies[key] = morsel
        elif id(header) not in names:
            add(response, *header)
    status = f"{response.status_code} {response.reason_phrase}"
    if (safe := exchange.status(status)) != status:
        response.reason_phrase = safe.partition(" ")[2]
    return response
