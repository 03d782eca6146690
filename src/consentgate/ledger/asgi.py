"""The ledger over ASGI 3: has a choice kept before its response starts; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio import CapacityLimiter, get_cancelled_exc_class, to_thread
from anyio.lowlevel import RunVar
from starlette.types import Message, Scope

from consentgate.asgi import joined
from consentgate.consent import Consent
from consentgate.exchange import Exchange
from consentgate.ledger.journal import Journal
from consentgate.ledger.unrecorded import unrecorded
from consentgate.proof import Entry

# RFC 6455 7.4.1 and its registry: "Try Again Later".
_TRY_AGAIN = 1013


async def is_kept(exchange: Exchange, journal: Journal) -> bool:
    """Have the ledger keep the choice of an exchange; tell whether it may hold.

    A thread waits for the database, so that the loop goes on; it is none of
    those that the app's own functions run in. What had to be taken back may
    leave a smaller choice, which is kept then.
    """
    journal.look_at(exchange)
    holds = True
    while exchange.is_unproven:
        keeping = _Keeping(exchange, journal)
        try:
            holds = await to_thread.run_sync(keeping.keep, limiter=_limiter()) and holds
        except get_cancelled_exc_class():
            keeping.cancel()
            raise
    return holds


class _Keeping:
    """One choice on its way into the ledger: meanwhile the request may be cancelled."""

    def __init__(self, exchange: Exchange, journal: Journal) -> None:
        self._exchange = exchange
        self._journal = journal
        self._granted: list[Entry] = []
        self._is_cancelled = False

    def keep(self) -> bool:
        """Have the choice kept; tell whether it may hold."""
        proof = self._exchange.proof(self._journal)
        if proof is None:
            return True
        kept = self._journal.record(*proof)
        if kept and proof.grants:
            self._granted.append(proof.entry)
            self._revoke()
        return self._exchange.proved(kept)

    def cancel(self) -> None:
        """Note that no browser will be told."""
        self._is_cancelled = True
        self._revoke()

    def _revoke(self) -> None:
        while self._is_cancelled and self._granted:
            with suppress(IndexError):  # The other thread was quicker.
                self._journal.revoke(self._granted.pop())


# As many wait at once, in each loop; the next ones wait for these.
_MOST_WAITING = 64
_waiting: RunVar[CapacityLimiter] = RunVar("consentgate_ledger")


def _limiter() -> CapacityLimiter:
    """Return what bounds the threads of this event loop that wait for the ledger."""
    try:
        return _waiting.get()
    except LookupError:
        limiter = CapacityLimiter(_MOST_WAITING)
        _waiting.set(limiter)
        return limiter


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
