"""What writes into a ledger for one process: its threads, and what they hold open."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from threading import Lock
from time import monotonic

from consentgate.ledger.daily import DailySeal
from consentgate.ledger.desk import Desk, void_of
from consentgate.ledger.lane import Lane
from consentgate.ledger.settings import Ledger
from consentgate.ledger.spool import Spool
from consentgate.ledger.store import Store
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.writing import Writer
from consentgate.token import SecretKey

logger = logging.getLogger("consentgate")

_QUIET_SECONDS = 5.0


class Running:
    """The threads of a process, made with it and ended with it.

    `lane` takes what goes into the database, `spooling` what goes to the local
    disk, if the site has a spool.
    """

    def __init__(self, settings: Ledger, key: SecretKey, clock: Callable[[], float]) -> None:
        self.process = os.getpid()
        self._store = Store(settings.url, key, timeout=settings.timeout)
        self._sealing = DailySeal(settings.url, key, clock)
        self._spool: Spool | None = None
        self.spooling: Lane | None = None
        if settings.spool is not None:
            self._spool = Spool(settings.spool, key, settings.timeout)
            turn = _Spooling(self._spool, clock).turn
            self.spooling = Lane("consentgate-spool", turn, _nothing)
        writer = Writer(self._store, clock)
        self.desk = Desk(writer, self._spool, clock, self._sealing.written)
        self.lane = Lane("consentgate-ledger", self.desk.turn, self._ended)

    @property
    def is_current(self) -> bool:
        """Whether it is of this process, and not at its end."""
        return self.process == os.getpid() and not self.lane.is_ending

    def end(self, seconds: float) -> None:
        """Have what waits written, and end the threads; wait this long at most for all of them."""
        if self.process != os.getpid():
            return
        lanes = [lane for lane in (self.lane, self.spooling) if lane is not None]
        for lane in lanes:
            lane.end()
        self._sealing.end()
        deadline = monotonic() + seconds
        for join in (*(lane.join for lane in lanes), self._sealing.join):
            join(max(0.0, deadline - monotonic()))
        if self.lane.is_alive and seconds:
            _tell_lost(self.desk.kept + self.lane.waiting)

    def quiet(self) -> Callable[[], None] | None:
        """Let nothing be written, and nothing be open; return what lets it go on.

        A child that inherits an open SQLite file has its locks in memory, and
        none of them in the kernel: both would then write as if alone
        (https://sqlite.org/howtocorrupt.html, 2.6). None where what is written
        now does not come to its end in time.
        """
        locks = [lane.turning for lane in (self.lane, self.spooling) if lane is not None]
        held: list[Lock] = []
        for lock in (*locks, self._sealing.working):
            if not lock.acquire(timeout=_QUIET_SECONDS):
                _release(held)
                return None
            held.append(lock)
        self._store.close()
        if self._spool is not None:
            self._spool.close()
        return lambda: _release(held)

    def _ended(self) -> None:
        """Come to the end of the thread that writes."""
        _tell_lost(self.desk.kept)
        self._store.close()
        if self._spool is not None:
            self._spool.close()


class _Spooling:
    """Puts tickets into a spool."""

    def __init__(self, spool: Spool, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._clock = clock

    def turn(self, tickets: list[Ticket]) -> float:
        """Put a batch of tickets on the disk; return when to come again."""
        batch = [ticket for ticket in tickets if ticket.fate is not Fate.GIVEN_UP]
        try:
            if batch:
                self._spool.put([ticket.entry for ticket in batch])
                self._take_back([each for each in batch if each.written() is Fate.GIVEN_UP])
        except Exception:
            logger.exception("the spool cannot be written")
            for ticket in batch:
                ticket.failed()
        return 60.0

    def _take_back(self, late: list[Ticket]) -> None:
        """Note of what came too late that the visitor was told no."""
        if late:
            self._spool.put([void_of(ticket.entry, self._clock()) for ticket in late])


def _tell_lost(count: int) -> None:
    if count:
        logger.error("%d refusals are not in the ledger, and lost: it did not answer", count)


def _release(held: list[Lock]) -> None:
    for lock in held:
        lock.release()


def _nothing() -> None:
    pass
