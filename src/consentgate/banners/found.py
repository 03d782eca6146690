"""What was found in another tool's cookie: in its own words, and in those of the policy."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """What a tool's cookie says, by the tool's own names.

    A name in neither is undecided. `made_at` is when the visitor answered, in
    seconds since the epoch; None where the tool does not write it down.
    """

    allowed: frozenset[str]
    denied: frozenset[str]
    made_at: float | None = None


class Found(NamedTuple):
    """What a visitor answered to another tool's banner, by the keys of the policy's categories.

    `mark` stands for this answer, in 8 URL-safe characters: as long as the
    visitor does not answer anew it stays the same, however the tool writes its
    cookie. `made_at` is when, in seconds since the epoch, by the visitor's
    clock; None where the tool does not write it down.
    """

    granted: frozenset[str]
    refused: frozenset[str]
    mark: str
    made_at: float | None = None
