"""The pages over ASGI 3: translates scope and messages for them; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from consentgate.asgi import below_root, consent, unconditional
from consentgate.consent import KEY
from consentgate.exchange import Exchange
from consentgate.pages.asking import READ, Asking, may_put_in
from consentgate.pages.insertion import Insertion
from consentgate.pages.request import PageRequest, declared_length, whole
from consentgate.pages.site import Site
from consentgate.request import CONDITIONS
from consentgate.wire import BYTES

# The names by which a scope has them: a table is quicker than many searches through all headers.
_READ = {name.lower().encode("ascii"): name for name in READ}


class AsgiPages:
    """The pages of a site, as an app of its own for each of their requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, scope: Scope) -> ASGIApp | None:
        """Return the app that answers a request for one of the pages, None for any other."""
        path = below_root(scope)
        return partial(self._answer, path) if self._site.has(path) else None

    def inserter(self, exchange: Exchange, scope: Scope, send: Any) -> Inserter | None:
        """Return what puts banner and guard into the response to a request; None for none."""
        may = may_put_in(exchange.gate, scope["method"])
        return Inserter(exchange, scope, send) if may else None

    async def _answer(self, path: str, scope: Scope, receive: Any, send: Any) -> None:
        handle = consent(scope)
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope.get("headers", ()):
            headers.setdefault(name.lower(), []).append(value)
        fields = {
            name.decode("latin-1"): b",".join(values).decode("latin-1")
            for name, values in headers.items()
        }
        request = PageRequest(
            scope["method"],
            path,
            handle.target,
            fields,
            https=scope.get("scheme") == "https",
            host=fields.get("host") or _server(scope),
            body=await _body(receive, fields, self._site.room(path))
            if scope["method"] == "POST"
            else b"",
        )
        status, answered, content = self._site.answer(request, handle)
        head = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in answered]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})


def _server(scope: Scope) -> str:
    """Return the host and port of the server, as far as it says so, as `Host` would have them."""
    host, port = scope.get("server") or ("", None)
    return f"{host}:{port}" if port else str(host)


async def _body(receive: Any, fields: Mapping[str, str], most: int) -> bytes | None:
    """Return the body of a request, None if it is no whole answer."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None  # The visitor has gone: what came is no answer.
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            return None
    return whole(body, declared_length(fields.get("content-length")), most)


class Inserter:
    """Holds the start of a response until it is known where something goes in, if it does.

    From `scope`, the app's, it takes the conditions under which the app could
    say that nothing has changed.
    """

    def __init__(self, exchange: Exchange, scope: Scope, send: Any) -> None:
        headers = {
            _READ[field]: value.decode("latin-1")
            for name, value in scope.get("headers", ())
            if (field := name.lower()) in _READ
        }
        self._asking = Asking(exchange, scope[KEY], scope["method"], headers)
        self._send = send
        self._insertion: Insertion | None = None
        self._inserted: Insertion | None = None
        self._held: Message | None = None
        if self._asking.anew and any(name in headers for name in CONDITIONS):
            # The scope is the gate's own copy.
            scope["headers"] = unconditional(scope["headers"])

    def begin(self, message: Message) -> Message:
        """Take the start of a response, as the app sends it; return it as it may go on."""
        headers = message.get("headers")
        if message["type"] != "http.response.start" or headers is None:
            return message
        kept, self._insertion = self._asking.begin(message["status"], list(headers), BYTES)
        return {**message, "headers": kept}

    async def send(self, message: Message) -> None:
        """Send on what left the gate, with what goes into it."""
        if self._insertion is None:
            await self._send(self._trailers(message))
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

    def _trailers(self, message: Message) -> Message:
        """Leave out of trailers what was true of the page as it was, a digest say."""
        inserted, headers = self._inserted, message.get("headers")
        if inserted is None or message["type"] != "http.response.trailers" or headers is None:
            return message
        return {**message, "headers": self._asking.variant(list(headers), inserted, BYTES)}

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
            self._inserted = insertion
            headers = self._asking.variant(held["headers"], insertion, BYTES)
            held = {**held, "headers": headers}
        await self._send(held)
