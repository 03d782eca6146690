"""WSGI (PEP 3333): translates a call to an Exchange and back; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import EnvironHeaders

from consentgate.consent import KEY, Consent, exchange_around, required
from consentgate.exchange import Exchange
from consentgate.gate import ConsentGate, check_wiring
from consentgate.request import CONDITIONS, Request, Target, is_embedded, opts_out
from consentgate.wire import NATIVE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from consentgate.pages.wsgi import WsgiPages

Pair = tuple[str, str]


class _ExtensionKey(str):
    """A key of environ that is looked up as written, and counts as having a dot.

    Templates cannot look up a key with a dot; `wsgiref.validate` takes one
    without for a CGI variable, which must be a native string.
    """

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        return part == "." or (isinstance(part, str) and super().__contains__(part))


ENVIRON_KEY = _ExtensionKey(KEY)


def consent(environ: WSGIEnvironment) -> Consent:
    """Return the consent handle of a request.

    Raises ConsentGateError where no gate stands around the app.
    """
    return required(environ.get(KEY), "environ")


class ConsentMiddleware:
    """A WSGI app behind a gate.

    `app` is any WSGI app. What it returns is returned as it is: nothing wraps
    its body.
    """

    def __init__(self, app: WSGIApplication, *, gate: ConsentGate) -> None:
        check_wiring(app, gate)
        self.app = app
        self.gate = gate
        self._pages: WsgiPages | None = None
        if gate.site is not None:
            from consentgate.pages.wsgi import WsgiPages  # loaded only where there are pages

            self._pages = WsgiPages(gate.site)
        if gate.ledger is not None:
            from consentgate.ledger.wsgi import Keeper  # loaded only where there is a ledger

            self._keeper = Keeper

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Run the app with `consentgate` in its environ, and filter each `start_response`."""
        exchange, outermost = _enter(self.gate, environ)
        app, inserter, pages = self.app, None, self._pages
        if pages is not None and outermost:
            if (page := pages.page(environ)) is not None:
                app, exchange.ours = page, True
            elif self.gate.injects or self.gate.inject_guard:
                inserter = pages.inserter(exchange, environ, start_response)
                start_response = start_response if inserter is None else inserter.start

        ledger, keeper = (self.gate.ledger if outermost else None), None

        def filtered(status: str, headers: list[Pair], exc_info: Any = None) -> Any:
            nonlocal keeper
            is_apps = True
            if ledger is not None and (keeper or ledger.is_watching or exchange.choice):
                keeper = keeper or self._keeper(exchange, environ, ledger)
                status, headers, is_apps = keeper.start(status, headers)
            if inserter is not None and is_apps:
                headers = inserter.begin(status, headers)
            status = exchange.status(status)
            # Behind another gate that one issues the choice, and knows what has started.
            if outermost:
                pairs = exchange.leaving(headers, NATIVE, status_code(status))
            else:
                pairs = exchange.filtered(headers, NATIVE)
            if exc_info is None:
                write = start_response(status, pairs)
                return write if keeper is None else keeper.write(write)
            try:
                return start_response(status, pairs, exc_info)
            finally:
                # PEP 3333: avoid a circular reference through the traceback.
                del exc_info

        try:
            body = app(environ, filtered)
        except BaseException:
            if outermost:
                exchange.abandoned()
            raise
        if outermost:
            # PEP 3333's environ is the app's while it is called; and it refers to this: a cycle.
            exchange.narrow = None
        if ledger is not None and not exchange.started:
            keeper = self._keeper(exchange, environ, ledger)
        body = body if keeper is None else keeper.body(body)
        return body if inserter is None else inserter.body(body)


def cookie_lines(environ: WSGIEnvironment) -> list[bytes]:
    """Return the `Cookie` header of a request, as one line or none."""
    cookie = environ.get("HTTP_COOKIE")
    # A character beyond latin-1 is not PEP 3333: whatever it was to be, it is no consent.
    return [cookie.encode("latin-1", "replace")] if cookie else []


def status_code(status: str) -> int:
    """Return the number that a status line begins with, 0 if there is none."""
    return int(status[:3]) if status[:3].isdecimal() else 0


def unconditional(environ: WSGIEnvironment) -> None:
    """Take from a request the conditions under which the app could say that nothing changed."""
    for name in CONDITIONS:
        environ.pop("HTTP_" + name.upper().replace("-", "_"), None)


def signals(environ: WSGIEnvironment) -> list[bytes]:
    """Return the `Sec-GPC` fields of a request: servers join them with a comma."""
    joined: str = environ.get("HTTP_SEC_GPC", "")
    return [part.strip(" \t").encode("latin-1", "replace") for part in joined.split(",")]


def _enter(gate: ConsentGate, environ: WSGIEnvironment) -> tuple[Exchange, bool]:
    """Begin the exchange, or join that of a gate further out; tell whether it is a new one.

    All that is read of the request is read here, before the app runs.
    """
    lines = cookie_lines(environ)
    around = exchange_around(environ[KEY], lines) if KEY in environ else None
    if around is not None:
        around.joined(gate)
        _withhold(environ, lines, around.readable(lines))
        return around, False
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    request = None
    if gate.takes_requests:
        request = Request(environ.get("REQUEST_METHOD", "GET"), path, EnvironHeaders(environ))
    exchange = Exchange(
        gate,
        lines,
        path,
        environ.get("wsgi.url_scheme") == "https",
        request,
        host=environ.get("HTTP_HOST", "").encode("latin-1", "replace"),
        opted_out="HTTP_SEC_GPC" in environ and opts_out(signals(environ)),
    )
    if gate.site is not None:
        exchange.locate = _locator(environ)
    if gate.sources is not None:
        exchange.destination = environ.get("HTTP_SEC_FETCH_DEST")
        if exchange.is_anew(environ.get("REQUEST_METHOD", "GET"), environ.get("HTTP_ACCEPT", "")):
            unconditional(environ)
    if lines and gate.banner is not None:
        exchange.embedded = _is_embedded(environ)
        exchange.adopt(gate.banner)
        if gate.ledger is not None:
            from consentgate.ledger.wsgi import is_kept  # loaded only where there is a ledger

            is_kept(exchange, gate.ledger)
    if lines:
        _withhold(environ, lines, exchange.arrive())
    if exchange.gated:
        _watch(environ, exchange)
    if exchange.reviews:
        exchange.embedded = _is_embedded(environ)
    environ.pop(KEY, None)  # A foreign key would stay, under our value.
    environ[ENVIRON_KEY] = Consent(exchange)
    hints = environ.get("wsgi.early_hints")
    if hints is not None:
        environ["wsgi.early_hints"] = _filtered_hints(exchange, hints)
    return exchange, True


def _is_embedded(environ: WSGIEnvironment) -> bool:
    return is_embedded(environ.get("REQUEST_METHOD", "GET"), EnvironHeaders(environ))


def _locator(environ: WSGIEnvironment) -> Callable[[Sequence[bytes]], Target]:
    """Keep what says where the request went: apps change `SCRIPT_NAME` when they hand it on."""
    return partial(
        _located,
        environ.get("SCRIPT_NAME", ""),
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_ACCEPT_LANGUAGE", ""),
    )


def _located(
    root: str, path: str, query: str, language: str, cookie_lines: Sequence[bytes]
) -> Target:
    raw_root, raw_path = (part.encode("latin-1", "replace") for part in (root, path))
    return Target.of(raw_root, raw_path, query, language, cookie_lines)


def _withhold(environ: WSGIEnvironment, lines: Sequence[bytes], left: Sequence[bytes]) -> None:
    """Leave of the `Cookie` header what is left; untouched, it stays the same object."""
    if left is lines:
        return
    if any(left):
        environ["HTTP_COOKIE"] = left[0].decode("latin-1")
    else:
        del environ["HTTP_COOKIE"]


def _watch(environ: WSGIEnvironment, exchange: Exchange) -> None:
    """Let a withdrawal take from environ what the app may not read any more."""

    def narrow() -> None:
        lines = cookie_lines(environ)
        _withhold(environ, lines, exchange.readable(lines))
        # Werkzeug keeps what it has read, and Flask reads it for its session.
        getattr(environ.get("werkzeug.request"), "__dict__", {}).pop("cookies", None)

    exchange.narrow = narrow


def _filtered_hints(
    exchange: Exchange, hints: Callable[[list[Pair]], object]
) -> Callable[[Iterable[Pair]], object]:
    """Gunicorn's callback writes headers before the response: no cookie may go that way."""

    def filtered(headers: Iterable[Pair]) -> object:
        return hints(exchange.without_cookies(headers, NATIVE))

    return filtered
