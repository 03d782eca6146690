"""Django: the gate as a middleware, for WSGI, ASGI and Django's own test client.

    MIDDLEWARE = ["consentgate.frameworks.django.ConsentMiddleware", ...]   # first
    CONSENTGATE = "mysite.cookies.gate"                                     # a ConsentGate

A view then asks `request.consent`. A gate around the whole app
(`gate.wsgi(get_wsgi_application())`) is safer still: nothing is outside it.
The test client goes round such a wrapper, and through this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http.cookies import Morsel
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from consentgate import asgi, wsgi
from consentgate.consent import KEY, Consent, exchange_around
from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange
from consentgate.gate import ConsentGate, check_wiring
from consentgate.request import Request
from consentgate.wire import BYTES

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
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request, or return the coroutine that does."""
        if self.is_async:
            return self._answer(request)
        entered = _enter(self.gate, request)
        return _leave(*entered, cast("HttpResponseBase", self.get_response(request)))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        entered = _enter(self.gate, request)
        response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        return _leave(*entered, response)


def _enter(gate: ConsentGate, request: HttpRequest) -> tuple[Exchange, bool]:
    """Begin the exchange, or join that of a gate further out; tell whether it is a new one."""
    # Over ASGI the scope has the lines that Django's META joins with a comma.
    scope = getattr(request, "scope", None)
    lines = wsgi.cookie_lines(request.META) if scope is None else asgi.cookie_lines(scope)
    handle = request.META.get(KEY) or (scope or {}).get(KEY)
    around = exchange_around(handle, lines)
    exchange = around
    if exchange is None:
        description = None
        if gate.needs_consent is not None:
            description = Request(request.method or "GET", request.path, request.headers)
        exchange = Exchange(gate, lines, request.path, request.is_secure(), description)
        handle = Consent(exchange)
        request.META[wsgi.ENVIRON_KEY] = handle
    request.consent = handle  # type: ignore[attr-defined]  # Django's way to add to a request
    return exchange, around is None


def _leave(exchange: Exchange, outermost: bool, response: HttpResponseBase) -> HttpResponseBase:
    """Filter what Django will send as Set-Cookie: `response.cookies`, and a header of that name."""
    kept: dict[str, Morsel[str]] = {}
    for key, morsel in response.cookies.items():
        sent = (b"Set-Cookie", morsel.OutputString().encode("latin-1", "replace"))
        for judged in exchange.filtered([sent], BYTES):
            if judged is not sent:  # A deletion, without the value it carried.
                morsel.set(morsel.key, "", "")
                if judged[1].endswith(b"; Max-Age=0"):
                    morsel["max-age"] = 0
            kept[key] = morsel
    response.cookies.clear()
    # Behind another gate that one issues the choice.
    if outermost and (issued := exchange.issued()) is not None:
        response.cookies.load(issued.decode("ascii"))
    response.cookies.update(kept)
    _leave_headers(exchange, response)
    return response


def _leave_headers(exchange: Exchange, response: HttpResponseBase) -> None:
    status = f"{response.status_code} {response.reason_phrase}"
    if (safe := exchange.status(status)) != status:
        response.reason_phrase = safe.partition(" ")[2]
    for name, value in list(response.headers.items()):
        raw = (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        judged = exchange.filtered([raw], BYTES)
        if not judged:
            del response.headers[name]
        elif judged[0] is not raw:
            response.headers[name] = judged[0][1].decode("latin-1")
