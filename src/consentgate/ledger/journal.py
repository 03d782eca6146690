"""Keeps choices in a ledger: what the gate asks, and what it is told."""

from __future__ import annotations

import atexit
import logging
import os
import time
import weakref
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from consentgate.ledger.daily import DailySeal
from consentgate.ledger.desk import FAILURES, Desk
from consentgate.ledger.lane import Lane
from consentgate.ledger.settings import Hook, Ledger
from consentgate.ledger.spool import Spool
from consentgate.ledger.store import Store
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.writing import Writer
from consentgate.policy import Policy
from consentgate.policy_document import policy_document
from consentgate.proof import Document, Entry
from consentgate.token import SecretKey

if TYPE_CHECKING:
    from consentgate.exchange import Exchange

logger = logging.getLogger("consentgate")

_MOST_WAITING = 1000
"""How many choices wait for the database at once; more than it can write are not let in."""
_MOST_KEPT = 100_000
_MOST_NOTED = 10_000
_LAST_SECONDS = 2.0


class _Running(NamedTuple):
    """What writes for one process."""

    process: int
    desk: Desk
    lane: Lane
    spooling: Lane | None
    sealing: DailySeal


class Journal:
    """Keeps the choices behind one gate; its threads are those of the process that asks.

    `policy` is what the visitors of this gate decide on. `secret_key` is the
    gate's, for a ledger without a key of its own. `clock` gives the seconds
    since the epoch. Nothing is opened before the first choice.
    """

    def __init__(
        self,
        settings: Ledger,
        policy: Policy,
        secret_key: SecretKey,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._key = secret_key if settings.key is None else settings.key
        self._clock = clock
        self.policy: Document = policy_document(policy)
        self._lock = Lock()
        self._running: _Running | None = None
        self._noted: set[tuple[str, int]] = set()
        _open.add(self)

    @property
    def site(self) -> str | None:
        """The name that records are kept under, None for the host that the visitor asked."""
        return self._settings.site

    @property
    def hook(self) -> Hook | None:
        """Says what the site adds to a record."""
        return self._settings.extra

    def record(self, entry: Entry, grants: bool) -> bool:
        """Keep a choice; tell whether it may take effect.

        That is when it is on a disk, and if it `grants` nothing, in any case:
        it is written later then, and in order. Waits as long as the settings
        say at most. GDPR article 7(3): "as easy to withdraw as to give
        consent", whatever a database does.
        """
        running = self._started()
        ticket = Ticket(entry)
        is_put = not running.desk.is_down and running.lane.waiting < _MOST_WAITING
        if is_put:
            running.lane.put(ticket)
            if ticket.wait(self._patience):
                return True
            if not ticket.is_decided:
                # Until it answers, nobody else waits for it.
                running.desk.is_down = True
        if running.spooling is not None and self._is_spooled(running.spooling, entry):
            ticket.settle(Fate.SPOOLED)
            return True
        if grants:
            return is_put and not ticket.settle(Fate.GIVEN_UP)
        ticket.settle(Fate.KEPT)
        if not is_put:
            self._keep(running, ticket)
        return True

    @property
    def lapses(self) -> bool:
        """Whether the end of a choice is kept as well."""
        return self._settings.lapses

    def look_at(self, exchange: Exchange) -> None:
        """Keep the end of a choice, if a request shows one and the site wants that."""
        entry = exchange.lapse(self) if self.lapses else None
        if entry is not None:
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Keep what nobody waits for, once. Waits for nothing."""
        key = (entry.id, entry.sequence)
        with self._lock:
            if key in self._noted:
                return
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()  # At worst it is found again that it is there.
            self._noted.add(key)
        self._keep(self._started(), Ticket(entry, Fate.KEPT))

    def close(self, seconds: float = _LAST_SECONDS) -> None:
        """Write what waits, and end the threads of this process; wait this long at most.

        What cannot be written is told in the log. The next choice begins anew.
        """
        with self._lock:
            running, self._running = self._running, None
        if running is None or running.process != os.getpid():
            return
        _end(running, seconds)
        left = running.desk.kept + running.lane.waiting
        if left:
            logger.error("%d refusals are not in the ledger, and lost: it did not answer", left)

    def _started(self) -> _Running:
        """Return what writes in this process, made when it is asked for first."""
        running = self._running
        if running is None or running.process != os.getpid():
            with self._lock:
                running = self._running
                if running is None or running.process != os.getpid():
                    running = self._running = self._start()
        return running

    def _start(self) -> _Running:
        settings = self._settings
        store = Store(settings.url, self._key, timeout=settings.timeout)
        sealing = DailySeal(settings.url, self._key, self._clock)
        spool = spooling = None
        if settings.spool is not None:
            spool = Spool(settings.spool, self._key, settings.timeout)
            spooling = Lane("consentgate-spool", _Spooling(spool).turn, _nothing)
        desk = Desk(Writer(store, self._clock), spool, self._clock, sealing.written)
        lane = Lane("consentgate-ledger", desk.turn, partial(_close, store, spool))
        lane.start()
        running = _Running(os.getpid(), desk, lane, spooling, sealing)
        # A gate that nobody has any more leaves no thread behind.
        weakref.finalize(self, _end, running, 0.0).atexit = False
        return running

    @property
    def _patience(self) -> float:
        """How many seconds to wait for the database: with a spool, half of what there is."""
        return self._settings.timeout / (1 if self._settings.spool is None else 2)

    def _is_spooled(self, spooling: Lane, entry: Entry) -> bool:
        """Put an entry on the local disk; tell whether it is there."""
        if spooling.waiting >= _MOST_WAITING:
            return False
        copy = Ticket(entry)
        spooling.put(copy)
        return copy.wait(self._patience)

    def _keep(self, running: _Running, ticket: Ticket) -> None:
        """Have an entry written however long it takes."""
        if running.desk.kept + running.lane.waiting >= _MOST_KEPT:
            logger.error("a choice is lost: %d wait for the ledger already", _MOST_KEPT)
        else:
            running.lane.put(ticket)


def _end(running: _Running, seconds: float) -> None:
    """End the threads of a process; wait for each of them this long at most."""
    if running.process == os.getpid():
        running.lane.close(seconds)
        if running.spooling is not None:
            running.spooling.close(seconds)
        running.sealing.close(seconds)


def _close(store: Store, spool: Spool | None) -> None:
    store.close()
    if spool is not None:
        spool.close()


def _nothing() -> None:
    pass


class _Spooling:
    """Puts tickets into a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def turn(self, tickets: list[Ticket]) -> float:
        """Put a batch of tickets on the disk; return when to come again."""
        try:
            if tickets:
                self._spool.put([ticket.entry for ticket in tickets])
        except FAILURES:
            logger.exception("the spool cannot be written")
            for ticket in tickets:
                ticket.failed()
        else:
            for ticket in tickets:
                ticket.written()
        return 60.0


_open: weakref.WeakSet[Journal] = weakref.WeakSet()
# What a parent process writes with: a child that let go of it would close its connections.
_parents: list[_Running] = []


def _after_fork() -> None:
    """Forget, in a child, what was running in its parent, and locks that were held there."""
    for journal in _open:
        if journal._running is not None:
            _parents.append(journal._running)
        journal._lock = Lock()
        journal._running = None


@atexit.register
def _close_all() -> None:
    for journal in tuple(_open):
        journal.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
