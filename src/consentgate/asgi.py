"""ASGI 3: translates scope and messages to an Exchange and back; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from consentgate.consent import KEY, Consent, exchange_around, required
from consentgate.exchange import Exchange
from consentgate.gate import ConsentGate, check_wiring
from consentgate.memory import Memory
from consentgate.request import CONDITIONS, Request, Target, is_embedded, opts_out
from consentgate.wire import BYTES, Header

if TYPE_CHECKING:
    from consentgate.pages.asgi import AsgiPages

_GATED_SCOPES = ("http", "websocket")
# Messages that browsers take cookies from, and others with header fields (ASGI
# specification, and its extensions "Websocket Denial Response", "HTTP Trailers"
# and "Early Hints"). All others go on as they are.
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_OTHER_FIELDS = frozenset({"http.response.trailers", "http.response.early_hint"})


def consent(scope: Mapping[str, Any]) -> Consent:
    """Return the consent handle of a request.

    Raises ConsentGateError where no gate stands around the app.
    """
    return required(scope.get(KEY), "scope")


class ConsentMiddleware:
    """An ASGI app behind a gate: `gate.asgi(app)`.

    Also `Middleware(ConsentMiddleware, gate=gate)`, listed first.
    """

    def __init__(self, app: ASGIApp, *, gate: ConsentGate) -> None:
        check_wiring(app, gate)
        self.app = app
        self.gate = gate
        self._pages: AsgiPages | None = None
        if gate.site is not None:
            from consentgate.pages.asgi import AsgiPages  # loaded only where there are pages

            self._pages = AsgiPages(gate.site)
        if gate.ledger is not None:
            from consentgate.ledger.asgi import Keeper, is_kept  # loaded only where there is one

            self._keeper, self._is_kept = Keeper, is_kept

    # Every framework has its own types for these three; the gate fits them all.
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the app with `consentgate` in its scope, and filter what starts a response."""
        if scope["type"] not in _GATED_SCOPES:
            await self.app(scope, receive, send)
            return
        if not isinstance(scope.get("headers", ()), (list, tuple)):
            # The specification says iterable: what the gate reads must be left for the app.
            scope = {**scope, "headers": list(scope["headers"] or ())}
        exchange, scope, outermost = _enter(self.gate, scope)
        ledger, keeper = (self.gate.ledger if outermost else None), None
        if outermost:
            if ledger is not None and exchange.choice is not None:
                await self._is_kept(exchange, ledger)  # taken over from another banner
            _arrive(exchange, scope)
        app, inserter, pages = self.app, None, self._pages
        if pages is not None and outermost and scope["type"] == "http":
            if (page := pages.page(scope)) is not None:
                app, exchange.ours = page, True
            elif self.gate.injects or self.gate.inject_guard:
                inserter = pages.inserter(exchange, scope, send)
                send = send if inserter is None else inserter.send

        started = partial(_started, exchange, outermost)

        async def filtered(message: Message) -> None:
            nonlocal keeper
            kind = message["type"]
            if ledger is not None:
                if kind in _STARTS and (ledger.is_watching or exchange.choice) and keeper is None:
                    keeper = self._keeper(exchange, scope, ledger)
                    for part in await keeper.answer(message, started):
                        await send(part)
                if keeper is not None and keeper.has_answered:
                    return
            if kind in _STARTS:
                if inserter is not None:
                    message = inserter.begin(message)
                message = started(message)
            elif kind in _OTHER_FIELDS:
                message = _without_cookies(exchange, message)
            await send(message)

        try:
            await app(scope, receive, filtered)
            if inserter is not None:
                await inserter.finish()
        finally:
            if outermost:
                exchange.narrow = None  # It refers to the scope: a cycle.


def cookie_lines(scope: Scope) -> list[bytes]:
    """Return the `Cookie` header lines of a request; HTTP/2 may send several."""
    return [value for name, value in scope.get("headers", ()) if _FIELDS[name] == "cookie"]


_READ = {
    **{name.encode("ascii"): name for name in ("cookie", "host", "sec-gpc", "sec-fetch-dest")},
    **{name.lower().encode("ascii"): "condition" for name in CONDITIONS},
}
# Which of the fields that are read a header is, whatever the case of its name.
_FIELDS: Memory[bytes, str | None] = Memory(
    lambda name: _READ.get(name.lower()), limit=1024, longest=64
)


def _enter(gate: ConsentGate, scope: Scope) -> tuple[Exchange, Scope, bool]:
    """Begin the exchange, or join that of a gate further out; tell whether it is a new one.

    A new one's handle is in the copy of the scope that is returned.
    """
    if KEY in scope:
        lines = cookie_lines(scope)
        if (around := exchange_around(scope[KEY], lines)) is not None:
            around.joined(gate)
            left = around.readable(lines)
            if left is not lines:
                scope = {**scope, "headers": headers_with(scope, left)}
            return around, scope, False
    read: dict[str, list[bytes]] = {}
    for name, value in scope.get("headers", ()):
        if (field := _FIELDS[name]) is not None:
            read.setdefault(field, []).append(value)
    path = scope.get("path", "")
    request = None
    if gate.takes_requests:
        headers = Headers(raw=list(scope.get("headers", ())))
        request = Request(scope.get("method", "GET"), path, headers)
    lines = read.get("cookie", [])
    exchange = Exchange(
        gate,
        lines,
        path,
        scope.get("scheme") in ("https", "wss"),
        request,
        host=read["host"][0] if "host" in read else b"",
        opted_out="sec-gpc" in read and opts_out(read["sec-gpc"]),
    )
    handle = Consent(exchange)
    inner = dict(scope)
    inner[KEY] = handle
    if gate.site is not None:
        exchange.locate = partial(_located, scope)
    if gate.sources is not None:
        if "sec-fetch-dest" in read:
            exchange.destination = str(bytes(read["sec-fetch-dest"][0]), "latin-1")
        if "condition" in read and exchange.is_anew(
            scope.get("method", "GET"), joined(scope, b"accept")
        ):
            inner["headers"] = unconditional(scope["headers"])
    if lines and gate.banner is not None:
        exchange.embedded = _is_embedded(scope)
        exchange.adopt(gate.banner)
    # Starlette's `request.state` reads scope["state"], which the server may share.
    state = scope.get("state")
    if state is None or isinstance(state, (dict, Mapping)):
        inner["state"] = {**state, "consent": handle} if state else {"consent": handle}
    return exchange, inner, True


def _arrive(exchange: Exchange, scope: Scope) -> None:
    """Leave of the cookies in the gate's own copy of a scope what the app may read."""
    lines = exchange.cookie_lines
    if lines and (left := exchange.arrive()) is not lines:
        scope["headers"] = headers_with(scope, left)
    if exchange.gated:
        _watch(scope, exchange)
    if exchange.reviews:
        exchange.embedded = _is_embedded(scope)


def _is_embedded(scope: Scope) -> bool:
    return is_embedded(scope.get("method", "GET"), Headers(raw=list(scope["headers"])))


def below_root(scope: Scope) -> str:
    """Return the path of a request below the place where the app is mounted.

    ASGI specification, "path": servers put `root_path` before it. Those that
    do not leave it as it is.
    """
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _located(scope: Scope, cookie_lines: Sequence[bytes]) -> Target:
    """Say where a request went; what is asked of the scope is as the server gave it."""
    return Target.of(
        scope.get("root_path", "").encode("utf-8", "replace"),
        below_root(scope).encode("utf-8", "replace"),
        scope.get("query_string", b"").decode("latin-1"),
        joined(scope, b"accept-language"),
        cookie_lines,
    )


def joined(scope: Scope, name: bytes) -> str:
    """Return the values of a request's header, joined by a comma."""
    found = (value for each, value in scope.get("headers", ()) if each.lower() == name)
    return b",".join(found).decode("latin-1")


def unconditional(headers: Iterable[Header]) -> list[Header]:
    """Return the headers of a request without conditions: so the app cannot say: as before."""
    return [header for header in headers if _FIELDS[header[0]] != "condition"]


def headers_with(scope: Scope, lines: Iterable[bytes]) -> list[Header]:
    """Return the headers of a request with these `Cookie` lines, empty ones left out."""
    left, headers = iter(lines), []
    for header in scope["headers"]:
        if _FIELDS[header[0]] != "cookie" or (line := next(left)) is header[1]:
            headers.append(header)
        elif line:
            headers.append((header[0], line))
    return headers


def _watch(scope: Scope, exchange: Exchange) -> None:
    """Let a withdrawal take from this scope what the app may not read any more."""
    given = scope["headers"]

    def narrow() -> None:
        headers = headers_with(scope, exchange.readable(cookie_lines(scope)))
        # In place: copies of the scope have the same list, and Starlette's requests read theirs.
        for held in (given, scope["headers"]):
            if isinstance(held, list):
                held[:] = headers
        if not isinstance(scope["headers"], list):
            scope["headers"] = headers

    exchange.narrow = narrow


def _started(exchange: Exchange, outermost: bool, message: Message) -> Message:
    headers = message.get("headers")
    given = () if headers is None else headers
    if outermost:
        # A websocket that is accepted has no status but this one (RFC 6455 4.2.2).
        kept = exchange.leaving(given, BYTES, message.get("status", 101))
    else:
        # Behind another gate that one issues the choice, and knows what has started.
        kept = exchange.filtered(given, BYTES)
    if kept or headers is not None:
        return {**message, "headers": kept}
    return message


def _without_cookies(exchange: Exchange, message: Message) -> Message:
    """Drop cookies from trailers and early hints; a message without any stays the same object."""
    changed: dict[str, Any] = {}
    if message.get("headers") is not None:
        headers: Sequence[Header] = list(message["headers"])
        kept = exchange.without_cookies(headers, BYTES)
        if len(kept) != len(headers) or not isinstance(message["headers"], Sequence):
            changed["headers"] = kept
    if message.get("links") is not None:
        links: Iterable[bytes] = list(message["links"])
        lines = [(b"link", link) for link in links]
        safe = [link for _, link in exchange.without_cookies(lines, BYTES)]
        if safe != links or not isinstance(message["links"], Sequence):
            changed["links"] = safe
    return {**message, **changed} if changed else message
