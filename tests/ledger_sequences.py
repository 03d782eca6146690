"""Numbers for the entries of tests, in whatever order these have their times."""

from __future__ import annotations

from itertools import count

_turn = count()


def sequence_at(seconds: float) -> int:
    """Return a number as `consentgate.proof.Sequence` gives it, but for what came before.

    Of the same time, what is asked for later is greater.
    """
    further, place = divmod(next(_turn), 512)
    return ((int(seconds * 1_000_000) + further) << 10) | (2 * place)
