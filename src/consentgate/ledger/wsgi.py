"""The ledger over WSGI: has a choice kept before its response starts; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from consentgate.consent import Consent
from consentgate.exchange import Exchange
from consentgate.ledger.journal import Journal
from consentgate.ledger.unrecorded import unrecorded
from consentgate.pages.request import PageResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Write = Callable[[bytes], object]


def is_kept(exchange: Exchange, journal: Journal) -> bool:
    """Have the ledger keep the choice of an exchange, in this thread; tell whether it may hold.

    What had to be taken back may leave a smaller choice, which is kept then.
    """
    journal.look_at(exchange)
    holds = True
    while (proof := exchange.proof(journal)) is not None:
        holds = exchange.proved(journal.record(*proof)) and holds
    return holds


class Keeper:
    """Has the choice of one exchange kept, and answers in place of the app where it cannot be."""

    def __init__(self, exchange: Exchange, environ: WSGIEnvironment, journal: Journal) -> None:
        self._exchange = exchange
        self._journal = journal
        self._accept = environ.get("HTTP_ACCEPT", "")
        self._with_body = environ.get("REQUEST_METHOD") != "HEAD"
        self._answer: PageResponse | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]]
    ) -> tuple[str, list[tuple[str, str]], bool]:
        """Take the start of a response; return what is to start, and whether that is the app's.

        PEP 3333: a second one, with `exc_info`, stands for the first.
        """
        self._answer = None
        if is_kept(self._exchange, self._journal):
            return status, headers, True
        self._answer = answer = unrecorded(Consent(self._exchange), self._accept)
        return f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.headers), False

    def write(self, write: Write) -> Write:
        """Return what the app writes with: nothing of it leaves in place of the answer."""
        return write if self._answer is None else _discard

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body for the server: the app's own, where that is settled."""
        settled = self._exchange.started and self._answer is None
        return chunks if settled else _Body(chunks, self)

    @property
    def content(self) -> list[bytes] | None:
        """The body of the answer; None where the app's own leaves."""
        if self._answer is None:
            return None
        return [self._answer.body] if self._with_body else []


def _discard(_: bytes) -> None:
    pass


class _Body:
    """The body of a response of which it is not known yet whether it leaves: a generator's, say."""

    def __init__(self, chunks: Iterable[bytes], keeper: Keeper) -> None:
        self._chunks = chunks
        self._keeper = keeper

    def __iter__(self) -> Iterator[bytes]:
        if self._keeper.content is None:
            rest = iter(self._chunks)
            # With the first that a generator has to say, it starts its response.
            for chunk in rest:
                if self._keeper.content is not None:
                    break
                yield chunk
                yield from rest
                return
        yield from self._keeper.content or ()

    def close(self) -> None:
        """Close the app's own body, as PEP 3333 wants of whoever hands it on."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
