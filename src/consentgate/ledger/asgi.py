"""The ledger over ASGI 3: has a choice kept before its response starts; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import Message, Scope

from consentgate.asgi import is_kept, joined
from consentgate.consent import Consent
from consentgate.exchange import Exchange
from consentgate.ledger.journal import Journal
from consentgate.ledger.unrecorded import unrecorded

# RFC 6455 7.4.1 and its registry: "Try Again Later".
_TRY_AGAIN = 1013


class Keeper:
    """Has the choice of one exchange kept, and answers in place of the app where it cannot be."""

    def __init__(self, exchange: Exchange, scope: Scope, journal: Journal) -> None:
        self._exchange = exchange
        self._journal = journal
        self._scope = scope
        self.has_answered = False
        """Whether the app's response does not leave."""

    async def answer(self, start: Message, started: Callable[[Message], Message]) -> list[Message]:
        """Take the start of a response; return what leaves in its place, nothing if it may.

        `started` is what the gate makes of the start of a response.
        """
        if await is_kept(self._exchange, self._journal):
            return []
        self.has_answered = True
        if start["type"] == "websocket.accept":
            return [{"type": "websocket.close", "code": _TRY_AGAIN, "reason": "try again later"}]
        scope, kind = self._scope, start["type"].removesuffix(".start")
        consent, accept = Consent(self._exchange), joined(scope, b"accept")
        status, fields, body = unrecorded(consent, accept)
        head: list[Any] = [(n.lower().encode("ascii"), v.encode("ascii")) for n, v in fields]
        content = b"" if scope.get("method") == "HEAD" else body
        return [
            started({"type": f"{kind}.start", "status": status, "headers": head}),
            {"type": f"{kind}.body", "body": content},
        ]
