"""The pages over ASGI 3: translates scope and messages for them; decides nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from consentgate.asgi import below_root, consent, joined
from consentgate.consent import KEY
from consentgate.exchange import Exchange
from consentgate.pages.asking import CONDITIONS, Asking
from consentgate.pages.insertion import Insertion
from consentgate.pages.site import Site
from consentgate.request import MAX_BODY, PageRequest
from consentgate.wire import BYTES


class AsgiPages:
    """The pages of a site, as an app of its own for each of their requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, scope: Scope) -> ASGIApp | None:
        """Return the app that answers a request for one of the pages, None for any other."""
        path = below_root(scope)
        if path.startswith(self._site.prefixes) and self._site.has(path):
            return partial(self._answer, path)
        return None

    def inserter(self, exchange: Exchange, scope: Scope, send: Any) -> Inserter:
        """Return what puts the banner into the response to a request."""
        return Inserter(exchange, scope, send)

    async def _answer(self, path: str, scope: Scope, receive: Any, send: Any) -> None:
        handle = consent(scope)
        names = {name.lower() for name, _ in scope.get("headers", ())}
        request = PageRequest(
            scope["method"],
            path,
            handle.target,
            {name.decode("latin-1"): joined(scope, name) for name in names},
            https=scope.get("scheme") == "https",
            host=joined(scope, b"host") or _server(scope),
            body=await _body(receive) if scope["method"] == "POST" else b"",
        )
        status, headers, content = self._site.answer(request, handle)
        fields = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": content})


def _server(scope: Scope) -> str:
    """Return the host and port of the server, as far as it says so, as `Host` would have them."""
    host, port = scope.get("server") or ("", None)
    return f"{host}:{port}" if port else str(host)


async def _body(receive: Any) -> bytes | None:
    """Return the body of a request, None if it is longer than an answer can be."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None  # The visitor has gone: what came is no answer.
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


class Inserter:
    """Holds the start of a response until it is known where the banner goes, if it does.

    From `scope`, the app's, it takes the conditions under which the app could
    say that nothing has changed.
    """

    def __init__(self, exchange: Exchange, scope: Scope, send: Any) -> None:
        sent = scope.get("headers", ())
        headers = Headers(raw=[(name.lower(), value) for name, value in sent])
        self._asking = Asking(exchange, scope[KEY], scope["method"], headers)
        self._send = send
        self._insertion: Insertion | None = None
        self._held: Message | None = None
        if self._asking.anew and any(name in headers for name in CONDITIONS):
            left = [h for h in scope["headers"] if h[0].lower().decode("latin-1") not in CONDITIONS]
            scope["headers"] = left  # The scope is the gate's own copy.

    def begin(self, message: Message) -> Message:
        """Take the start of a response, as the app sends it; return it as it may go on."""
        headers = message.get("headers")
        if message["type"] != "http.response.start" or headers is None:
            return message
        kept, self._insertion = self._asking.begin(message["status"], list(headers), BYTES)
        return {**message, "headers": kept}

    async def send(self, message: Message) -> None:
        """Send on what left the gate, with the banner in it."""
        if self._insertion is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._held = message
        elif message["type"] == "http.response.body" and self._held is not None:
            await self._feed(self._insertion, self._held, message)
        else:
            # What a server has beside them, as to send a file, is no page to look into.
            await self.finish()
            await self._send(message)

    async def finish(self) -> None:
        """Send what is held, for an app that ends without an end of its response."""
        if self._insertion is not None and self._held is not None:
            rest = self._insertion.end()
            await self._release(self._insertion, self._held)
            if rest:
                await self._send({"type": "http.response.body", "body": rest, "more_body": True})

    async def _feed(self, insertion: Insertion, held: Message, message: Message) -> None:
        body = insertion.feed(message.get("body", b""))
        if not message.get("more_body", False):
            body += insertion.end()
        if insertion.settled:
            await self._release(insertion, held)
            await self._send({**message, "body": body})

    async def _release(self, insertion: Insertion, held: Message) -> None:
        self._held = self._insertion = None
        if insertion.inserted:
            headers = self._asking.variant(held["headers"], insertion, BYTES)
            held = {**held, "headers": headers}
        await self._send(held)
