"""A place in the queue of a ledger: one entry, and what becomes of it."""

from __future__ import annotations

from enum import Enum
from threading import Event, Lock

from consentgate.proof import Entry


class Fate(Enum):
    """What whoever waits for a ticket has made of it, where the database was too slow."""

    AWAITED = "somebody waits for it"
    KEPT = "it is to be written however long that takes"
    SPOOLED = "it is on the disk meanwhile"
    GIVEN_UP = "the visitor was told that nothing is granted"


class Ticket:
    """An entry to be written, between the thread that waits for it and the one that writes."""

    def __init__(self, entry: Entry, fate: Fate = Fate.AWAITED) -> None:
        self.entry = entry
        self._fate = fate
        self._is_written = False
        self._lock = Lock()
        self._decided = Event()

    @property
    def fate(self) -> Fate:
        """What was made of it."""
        with self._lock:
            return self._fate

    @property
    def is_decided(self) -> bool:
        """Whether it is known if it is written."""
        return self._decided.is_set()

    @property
    def is_written(self) -> bool:
        """Whether it is durable."""
        with self._lock:
            return self._is_written

    def wait(self, seconds: float) -> bool:
        """Wait until it is written, or was not; tell whether it was, in this time."""
        self._decided.wait(seconds)
        return self.is_written

    def settle(self, fate: Fate) -> bool:
        """Make something else of it; tell whether that counts: not once it is written."""
        with self._lock:
            if not self._is_written:
                self._fate = fate
            return not self._is_written

    def written(self) -> Fate:
        """Note that it is durable; return what was made of it before."""
        return self._decide(is_written=True)

    def failed(self) -> Fate:
        """Note that it was not written, or that this is in doubt; return what was made of it."""
        return self._decide(is_written=False)

    def _decide(self, *, is_written: bool) -> Fate:
        with self._lock:
            self._is_written = is_written
            fate = self._fate
        self._decided.set()
        return fate
