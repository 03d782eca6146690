"""Keeps choices in a ledger: what the gate asks, and what it is told."""

from __future__ import annotations

import atexit
import logging
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from consentgate.ledger.desk import void_of
from consentgate.ledger.lane import Lane
from consentgate.ledger.running import Running
from consentgate.ledger.sequence import Sequence
from consentgate.ledger.settings import Hook, Ledger
from consentgate.ledger.ticket import Fate, Ticket
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


class Journal:
    """Keeps the choices behind one gate; its threads are those of the process that asks.

    `policy` is what the visitors of this gate decide on. `secret_key` is the
    gate's, for a ledger without a key of its own. `clock` gives the seconds
    since the epoch. Nothing is opened before the first choice; with a spool,
    before the first response.
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
        self.sequence = Sequence()
        """Numbers the choices."""
        self._lock = Lock()
        self._running: Running | None = None
        self._noted: set[tuple[str, int]] = set()
        # What waits in the spool since an earlier process need not wait for another choice.
        self._may_find_some = settings.spool is not None
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
        try:
            return self._record(entry, grants)
        except Exception:  # No thread to be had, say: as if there were no database.
            logger.exception("a choice is not in the ledger")
            return not grants

    @property
    def is_watching(self) -> bool:
        """Whether responses are to be looked at that make no choice."""
        return self._may_find_some or self._settings.lapses

    def look_at(self, exchange: Exchange) -> None:
        """Keep the end of a choice, if a request shows one and the site wants that.

        With the first, begin to write what an earlier process left in the spool.
        Waits for nothing, and never raises.
        """
        if self._may_find_some:
            self._may_find_some = False
            self._look_for_some()
        entry = exchange.lapse(self) if self._settings.lapses else None
        if entry is not None:
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Keep what nobody waits for. Waits for nothing, and never raises."""
        try:
            self._keep(Ticket(entry, Fate.KEPT))
        except Exception:  # The response that shows it goes on.
            logger.exception("a record is not in the ledger")

    def is_new(self, id: str, sequence: int) -> bool:
        """Tell whether this was not noted before, and note it."""
        with self._lock:
            if (id, sequence) in self._noted:
                return False
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()  # At worst it is found again that it is there.
            self._noted.add((id, sequence))
        return True

    def revoke(self, entry: Entry) -> None:
        """Note that a grant which is written was never told to the browser."""
        self.note(void_of(entry, self._clock()))

    def tell_unused(self) -> None:
        """Tell, once, that a gate further out decides, and keeps no proof."""
        if self.is_new("", 0):
            logger.error(
                "this gate stands behind another one that has no ledger: choices are that one's, "
                "and no proof of them is kept; give the outer gate the ledger"
            )

    def close(self, seconds: float = _LAST_SECONDS) -> None:
        """Write what waits, and end the threads of this process; wait this long at most.

        What cannot be written is told in the log. The next choice begins anew.
        """
        running = self._detach()
        if running is not None:
            running.end(seconds)

    def _look_for_some(self) -> None:
        spool = self._settings.spool
        try:
            if spool is not None and Path(spool).exists():
                self._started().lane.begin()
        except Exception:  # The response goes on, and the first choice tries it again.
            logger.exception("the spool is not looked into")

    def _detach(self) -> Running | None:
        with self._lock:
            running, self._running = self._running, None
        return running

    def _record(self, entry: Entry, grants: bool) -> bool:
        running = self._started()
        ticket = Ticket(entry)
        is_put = not running.desk.is_down and running.lane.waiting < _MOST_WAITING
        if is_put:
            running = self._put(ticket)
            if ticket.wait(self._patience):
                return True
            if not ticket.is_decided:
                # Until it answers, nobody else waits for it.
                running.desk.goes_down(f"nothing came back within {self._patience:g} seconds")
                running.lane.wake()
        if running.spooling is not None and self._is_spooled(running.spooling, entry, grants):
            ticket.settle(Fate.SPOOLED)
            return True
        if grants:
            return is_put and not ticket.settle(Fate.GIVEN_UP)
        ticket.settle(Fate.KEPT)
        if not is_put:
            self._keep(ticket)
        return True

    def _started(self) -> Running:
        """Return what writes in this process, made when it is asked for first."""
        with self._lock:
            running = self._running
            if running is None or not running.is_current:
                running = self._running = Running(self._settings, self._key, self._clock)
                # A gate that nobody has any more leaves no thread behind.
                weakref.finalize(self, running.end, 0.0).atexit = False
        return running

    def _put(self, ticket: Ticket) -> Running:
        """Put a ticket into the lane; into a new one where it came to its end meanwhile."""
        running = self._started()
        return running if running.lane.put(ticket) else self._put(ticket)

    @property
    def _patience(self) -> float:
        """How many seconds to wait for the database: with a spool, half of what there is."""
        return self._settings.timeout / (1 if self._settings.spool is None else 2)

    def _is_spooled(self, spooling: Lane, entry: Entry, grants: bool) -> bool:
        """Put an entry on the local disk; tell whether it is there in time."""
        copy = Ticket(entry)
        if spooling.waiting >= _MOST_WAITING or not spooling.put(copy):
            return False
        return copy.wait(self._patience) or not copy.settle(Fate.GIVEN_UP if grants else Fate.KEPT)

    def _keep(self, ticket: Ticket) -> None:
        """Have an entry written however long it takes."""
        running = self._started()
        if running.desk.kept + running.lane.waiting >= _MOST_KEPT:
            logger.error("a choice is lost: %d wait for the ledger already", _MOST_KEPT)
        else:
            self._put(ticket)


_open: weakref.WeakSet[Journal] = weakref.WeakSet()
# What a parent process writes with: a child that let go of it would close its connections.
_parents: list[Running] = []
_quiet: list[Callable[[], None]] = []


def _before_fork() -> None:
    """Have nothing open that a child could take for its own."""
    for journal in tuple(_open):
        running = journal._running
        if running is not None and running.is_current:
            go_on = running.quiet()
            if go_on is not None:
                _quiet.append(go_on)


def _after_fork_in_parent() -> None:
    while _quiet:
        _quiet.pop()()


def _after_fork_in_child() -> None:
    """Forget what was running in the parent, and locks that were held there."""
    _quiet.clear()
    for journal in _open:
        if journal._running is not None:
            _parents.append(journal._running)
        journal._lock = Lock()
        journal._running = None
        journal.sequence = Sequence()


@atexit.register
def _close_all() -> None:
    """End all journals of this process, in the time that one of them has."""
    ended = [running for journal in tuple(_open) if (running := journal._detach()) is not None]
    for running in ended:
        running.lane.end()
    deadline = time.monotonic() + _LAST_SECONDS
    for running in ended:
        running.end(max(0.01, deadline - time.monotonic()))


with suppress(AttributeError):  # Windows has no forks.
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
