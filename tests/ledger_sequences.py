"""Numbers for the entries of tests, in whatever order these have their times."""

from __future__ import annotations

from itertools import count

_turn = count(0, 2)


def sequence_at(seconds: float) -> int:
    """Return a number as `consentgate.proof.Sequence` gives it, but for what came before."""
    return (int(seconds * 1_000_000) << 10) | (next(_turn) & 1022)
