"""A thread that takes tickets from a queue, many at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread

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
        self._is_ending = False
        self.turning = Lock()
        """Held while a batch is taken."""

    @property
    def waiting(self) -> int:
        """How many tickets nobody has taken yet."""
        return self._queue.qsize()

    @property
    def is_ending(self) -> bool:
        """Whether it takes nothing more."""
        return self._is_ending

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def put(self, ticket: Ticket) -> bool:
        """Queue a ticket; tell whether it will be taken: not by a lane that comes to its end.

        Raises RuntimeError where no thread can be had.
        """
        with self._lock:
            if self._is_ending:
                return False
            self._begin()
            self._queue.put(ticket)
        return True

    def begin(self) -> None:
        """Have a first turn without a ticket. Raises RuntimeError where no thread can be had."""
        with self._lock:
            if not self._is_ending:
                self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            # It keeps no process from its end.
            thread = Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread

    def wake(self) -> None:
        """Have the next turn come at once."""
        self._queue.put(None)

    def end(self) -> None:
        """Have what was put so far taken, and the thread end. Waits for nothing."""
        with self._lock:
            self._is_ending = True
        self.wake()

    def join(self, seconds: float) -> None:
        """Wait this long at most for the end of the thread."""
        thread = self._thread
        if thread is not None and seconds and thread is not current_thread():
            thread.join(seconds)

    def _run(self) -> None:
        pause = 0.0
        # What takes more than one turn says so by asking for another one at once.
        while not self._is_ending or self._queue.qsize() or not pause:
            batch = self._gathered(pause)
            try:
                with self.turning:
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
