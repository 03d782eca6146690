"""Seals a ledger once a day, from whatever process writes into it then."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from threading import Event, Lock, Thread

from consentgate.ledger.seals import newest_in, seal
from consentgate.ledger.store import Store
from consentgate.token import SecretKey

logger = logging.getLogger("consentgate")

_DAY = 86400
_LONGEST_WAIT = 60.0


class DailySeal:
    """Makes the seal of a day (UTC), on a thread and a connection of its own.

    Of many processes the one that comes first makes it: each waits a random
    time of up to a minute, and looks then.
    """

    def __init__(self, url: str, key: SecretKey, clock: Callable[[], float]) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._day = -1
        self._lock = Lock()
        self._thread: Thread | None = None
        self._ending = Event()
        self.working = Lock()
        """Held while it seals."""

    def written(self) -> None:
        """Note that something was written: the first of a day has the ledger sealed."""
        day = self._today()
        with self._lock:
            if day == self._day or (self._thread is not None and self._thread.is_alive()):
                return
            self._day = day
            thread = Thread(target=self._run, name="consentgate-seal", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # The system has no more: what was written, is written.
                logger.exception("the ledger is not sealed today")
            else:
                self._thread = thread

    def end(self) -> None:
        """Have the thread end. Waits for nothing."""
        self._ending.set()

    def join(self, seconds: float) -> None:
        """Wait this long at most for the end of the thread."""
        if self._thread is not None and seconds:
            self._thread.join(seconds)

    def _run(self) -> None:
        if self._ending.wait(secrets.randbelow(1000) / 1000 * _LONGEST_WAIT):
            return
        try:
            with self.working:
                store = Store(self._url, self._key, timeout=None)
                try:
                    if not self._is_sealed(store):
                        seal(store, int(self._clock()))
                finally:
                    store.close()
        except Exception:  # the ledger goes on without; `verify` tells, and tomorrow is a day
            logger.exception("the ledger was not sealed today")

    def _is_sealed(self, store: Store) -> bool:
        """Tell whether this day has a seal already: one that the ledger made."""
        with store.reading() as connection:
            last = newest_in(connection, store.marks)
        return last is not None and last.made_at // _DAY >= self._today()

    def _today(self) -> int:
        return int(self._clock()) // _DAY
