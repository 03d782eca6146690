"""The numbers of choices, in the order in which they are made."""

from __future__ import annotations

from threading import Lock

from consentgate.proof import first_sequence


class Sequence:
    """Numbers choices by their time: each is greater than all before.

    Microseconds, and behind them room for several in each; where the clock
    goes back, it is the next number. A record that is written again after a
    doubt is so known as the same.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = Lock()

    def at(self, seconds: float) -> int:
        """Return the number of a choice that is made now, in seconds since the epoch."""
        with self._lock:
            # What is even is a choice: see `proof.sequence_of_void`.
            self._last = max(first_sequence(seconds), self._last + 2)
            return self._last
