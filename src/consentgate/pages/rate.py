"""How often something may happen: so many times at once, and so many a second in the long run."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class Bucket:
    """A token bucket: it holds `burst` tokens, and gets `rate` new ones a second.

    Threads may share it; each process has its own. `clock` gives seconds that
    never go back.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled = clock()
        self._lock = Lock()

    def take(self) -> float:
        """Take a token; return 0, or in how many seconds there is one if there is none now."""
        with self._lock:
            now = self._clock()
            gained = max(0.0, now - self._filled) * self._rate
            self._tokens, self._filled = min(float(self._burst), self._tokens + gained), now
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate
