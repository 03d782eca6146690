"""What holds for a visitor."""

from __future__ import annotations

from typing import NamedTuple

from consentgate.choice import Choice


class Standing(NamedTuple):
    """What holds for a visitor: the choice, whether it still answers the question, what it allows.

    `since` and `until` are the seconds between which a token is believed.
    """

    choice: Choice | None
    answered: bool
    allowed: frozenset[str]
    since: float
    until: float
