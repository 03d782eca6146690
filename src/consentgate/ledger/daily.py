"""Seals a ledger once a day, from whatever process writes into it then."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from threading import Event, Lock, Thread

from sqlalchemy import func, select

from consentgate.ledger.store import Store
from consentgate.ledger.tables import seals
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

    def written(self) -> None:
        """Note that something was written: the first of a day has the ledger sealed."""
        day = self._today()
        with self._lock:
            if day == self._day or (self._thread is not None and self._thread.is_alive()):
                return
            self._day = day
            self._thread = Thread(target=self._run, name="consentgate-seal", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """End the thread; wait this long for it at most."""
        self._ending.set()
        if self._thread is not None and seconds:
            self._thread.join(seconds)

    def _run(self) -> None:
        if self._ending.wait(secrets.randbelow(1000) / 1000 * _LONGEST_WAIT):
            return
        from consentgate.ledger.seals import seal

        try:
            store = Store(self._url, self._key, timeout=None)
            try:
                if not self._is_sealed(store):
                    seal(store, int(self._clock()))
            finally:
                store.close()
        except Exception:  # the ledger goes on without; `verify` tells, and tomorrow is a day
            logger.exception("the ledger was not sealed today")

    def _is_sealed(self, store: Store) -> bool:
        with store.reading() as connection:
            last = connection.execute(select(func.max(seals.c.made_at))).scalar()
        return last is not None and last // _DAY >= self._today()

    def _today(self) -> int:
        return int(self._clock()) // _DAY
