"""Where the entries of a process are written, and those that had to wait."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from sqlalchemy.exc import DataError, SQLAlchemyError

from consentgate.errors import ConsentGateError
from consentgate.ledger.spool import Spool, Spooled
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.writing import Writer
from consentgate.proof import Entry, sequence_of_void

logger = logging.getLogger("consentgate")

FAILURES = (SQLAlchemyError, ConsentGateError, OSError)
"""What a database that does not do its work raises."""

_AGAIN = 0.5
"""Seconds after which a database that failed is tried again."""
_IDLE = 5.0
"""Seconds after which a spool is looked into that another process may have left."""
_MOST = 500
_TRIES = 3
_BETWEEN = 0.05


class Desk:
    """Writes tickets by a writer; what cannot be written now and must be, waits here in order.

    One thread calls `turn`. `written` is called after each transaction that
    was written.
    """

    def __init__(
        self,
        writer: Writer,
        spool: Spool | None,
        clock: Callable[[], float],
        written: Callable[[], object],
    ) -> None:
        self._writer = writer
        self._spool = spool
        self._clock = clock
        self._on_written = written
        self._kept: deque[Ticket] = deque()
        # What may be in the ledger though a transaction failed.
        self._doubtful: list[Ticket] = []
        self._told = ""
        self.is_down = False
        """Whether the database does not answer, as far as anybody knows."""

    @property
    def kept(self) -> int:
        """How many entries wait for the database to come back."""
        return len(self._kept)

    def turn(self, tickets: list[Ticket]) -> float:
        """Write what there is; return after how many seconds to try again."""
        batch = self._batch(tickets)
        try:
            if batch:
                batch = self._write(batch)
            elif self.is_down or self._doubtful:
                self._writer.probe()
            self._succeed(batch)
            self._clear_doubts()
        except Exception as error:  # Whatever it is, nothing that waits may be lost by it.
            self._fail(batch, error)
            return _AGAIN
        drained = self._drained()
        if drained or self._kept:
            return 0.0
        return _AGAIN if self._doubtful or drained is None else _IDLE

    def goes_down(self, why: str) -> None:
        """Note that the database does not answer: until it does, nobody waits for it."""
        if not self.is_down:
            logger.error("the ledger does not answer, choices wait: %s", why)
        self.is_down = True

    def _batch(self, tickets: list[Ticket]) -> list[Ticket]:
        """Return what to write now: what somebody waits for first, then what is kept."""
        doubtful, self._doubtful = self._doubtful, []
        for ticket in doubtful:
            fate = ticket.fate  # Asked once: the request's own thread may change it at any time.
            if fate is Fate.KEPT:
                self._kept.append(ticket)
            elif fate is not Fate.SPOOLED:
                self._doubtful.append(ticket)
        batch = []
        for ticket in tickets:
            fate = ticket.fate
            if fate is Fate.AWAITED:
                batch.append(ticket)
            elif fate is Fate.KEPT:
                self._kept.append(ticket)
        while self._kept and len(batch) < _MOST:
            batch.append(self._kept.popleft())
        return batch

    def _write(self, batch: list[Ticket]) -> list[Ticket]:
        """Write tickets; return those that are written: all but what no database would take."""
        try:
            self._persist([ticket.entry for ticket in batch])
        except DataError:
            if len(batch) > 1:
                return [ticket for each in batch for ticket in self._write([each])]
            # A defect of ours. It must not keep the others from being written, for ever.
            entry = batch[0].entry
            logger.exception("a choice cannot be written: %s %d", entry.id, entry.sequence)
            batch[0].failed()
            return []
        return batch

    def _persist(self, entries: Sequence[Entry]) -> None:
        """Write entries; a failure that may be gone at once, as after a restart, is tried again.

        That is safe: an entry that is there already is not written twice.
        """
        # Who else finds that a choice ended writes the very same.
        again = any(entry.action == "lapsed" for entry in entries)
        rest = _TRIES
        while rest:
            rest -= 1
            try:
                self._writer.write(entries, again=again)
                rest = 0
            except DataError:
                raise
            except FAILURES:
                if not rest:
                    raise
                time.sleep(_BETWEEN)
        self._on_written()

    def _drained(self) -> int | None:
        """Write what came first in the spool; return how much that was, None for a failure.

        The database is not down for that: the spool's own disk may be full, or
        another process empties it as well.
        """
        try:
            drained = self._drain()
        except FAILURES as error:
            said = _first_line(error)
            if said != self._told:
                logger.warning("the spool is not emptied into the ledger: %s", said)
            self._told = said
            return None
        self._told = ""
        return drained

    def _drain(self) -> int:
        if self._spool is None or not self._spool.is_there:
            return 0
        spooled = self._spool.first()
        if spooled:
            self._write_spooled(self._spool, spooled)
            self._on_written()
            self._spool.remove([each.position for each in spooled])
        return len(spooled)

    def _write_spooled(self, spool: Spool, spooled: Sequence[Spooled]) -> None:
        """Write what was in a spool; what no database would take is put aside in it."""
        try:
            self._writer.write([each.entry for each in spooled], again=True)
        except DataError:
            if len(spooled) == 1:
                spool.put_aside(spooled[0])
                return
            for each in spooled:
                self._write_spooled(spool, [each])

    def _fail(self, batch: Sequence[Ticket], error: Exception) -> None:
        if not isinstance(error, FAILURES) and not self.is_down:
            logger.error("the ledger's thread failed; it goes on", exc_info=error)
        self.goes_down(_first_line(error))
        for ticket in reversed(batch):
            if ticket.failed() is Fate.KEPT:
                self._kept.appendleft(ticket)
            else:
                self._doubtful.append(ticket)

    def _succeed(self, batch: Sequence[Ticket]) -> None:
        for ticket in batch:
            if ticket.written() is Fate.GIVEN_UP:
                self._void(ticket.entry)
        # Behind that: who had waited in vain for one of these may have set it just now.
        if self.is_down:
            logger.warning("the ledger answers again")
        self.is_down = False

    def _clear_doubts(self) -> None:
        """Take back what was written though the visitor was told that nothing is granted."""
        given_up = {ticket for ticket in self._doubtful if ticket.fate is Fate.GIVEN_UP}
        if given_up:
            for entry in self._writer.those_there([ticket.entry for ticket in given_up]):
                self._void(entry)
        self._doubtful = [ticket for ticket in self._doubtful if ticket not in given_up]

    def _void(self, entry: Entry) -> None:
        """Have it written that a grant was never told to the browser."""
        self._kept.append(Ticket(void_of(entry, self._clock()), Fate.KEPT))


def void_of(entry: Entry, now: float) -> Entry:
    """Return the record that takes a grant back which was never told to the browser."""
    return entry._replace(
        sequence=sequence_of_void(entry.sequence),
        made_at=int(now),
        action="void",
        decisions={},
        extra={"voids": str(entry.sequence)},
    )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
