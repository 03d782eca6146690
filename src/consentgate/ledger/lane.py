"""A thread that takes tickets from a queue, many at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread

from consentgate.ledger.ticket import Ticket

logger = logging.getLogger("consentgate")

_MOST = 500
"""How many tickets are written in one transaction at most: what waits shares its commit."""


class Lane:
    """Hands tickets to `turn` in batches, one batch after the other, on one thread.

    `turn` takes a batch, which may be empty, and returns after how many
    seconds it is to be called again if no ticket comes before. `ended` is
    called by the thread as the last thing that it does.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[list[Ticket]], float],
        ended: Callable[[], object],
    ) -> None:
        self._name = name
        self._turn = turn
        self._ended = ended
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._ending = Event()

    @property
    def waiting(self) -> int:
        """How many tickets nobody has taken yet."""
        return self._queue.qsize()

    def start(self) -> None:
        """Start the thread, if it does not run yet."""
        with self._lock:
            if self._thread is None:
                # It keeps no process from its end.
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def put(self, ticket: Ticket) -> None:
        """Queue a ticket."""
        self.start()
        self._queue.put(ticket)

    def close(self, seconds: float) -> None:
        """Have what was put so far taken once more, and end the thread; wait this long for it."""
        with self._lock:
            thread = self._thread
        self._ending.set()
        self._queue.put(None)
        if thread is not None and seconds:
            thread.join(seconds)

    def _run(self) -> None:
        pause = 0.0
        while not self._ending.is_set() or self._queue.qsize():
            batch = self._gathered(pause)
            try:
                pause = self._turn(batch)
            except Exception:  # a defect, ours or a driver's: those who wait are told
                logger.exception("the ledger's thread %s failed; it goes on", self._name)
                for ticket in batch:
                    ticket.failed()
                pause = 1.0
        self._ended()

    def _gathered(self, pause: float) -> list[Ticket]:
        """Wait for a ticket this long at most, and take what came with it."""
        tickets: list[Ticket] = []
        try:
            first = self._queue.get(timeout=pause) if pause > 0 else self._queue.get_nowait()
            tickets += [first] if first is not None else []
            while len(tickets) < _MOST:
                more = self._queue.get_nowait()
                tickets += [more] if more is not None else []
        except Empty:
            pass
        return tickets
