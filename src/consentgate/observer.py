"""What an operator hears of: events, and the log that keeps them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import NamedTuple

logger = logging.getLogger("consentgate")


class Reason(StrEnum):
    """Why a cookie did not pass, or not as it was."""

    UNDECLARED = "undeclared"
    UNANSWERED = "no choice yet"
    REFUSED = "refused"
    RESERVED = "reserved for the gate"
    MALFORMED = "no name that every browser agrees on"
    UNSAFE_HEADER = "unsafe header"
    AMBIGUOUS = "more than one cookie to some parser"
    OUTLIVES = "outlives its declared lifetime"
    PROLONGS = "would prolong an exempt cookie"


# What a visitor decides is daily business; the rest is a mistake to mend.
_EXPECTED = (Reason.UNANSWERED, Reason.REFUSED)


LONGEST_NAME, LONGEST_PATH = 80, 500
"""How much is told of what an app or a visitor chose: no queue and no file grows with it."""

CHOICES = ("granted", "refused", "partial", "withdrawn")
"""The actions of events that tell of a choice."""

TOLD = ("blocked", "guarded")
"""The actions of events that browsers tell of: their word alone, which anybody can send."""


class Event(NamedTuple):
    """One cookie, unsafe header or other site, and what became of it; or one choice.

    `action` is "stripped" of what did not leave, "clamped" of what left with
    its lifetime cut, "withheld" of what the app did not get to read, "expired"
    of what the browser is told to forget, or "passed" where the gate was asked
    to tell (`observe_passed`). `name` is the cookie's (a header's for an
    unsafe header), at most 80 characters of it; `category` is None if
    undeclared. `path` is where, at most 500 characters of it. `reason` is why,
    None if it passed. `enforced` is False where it did not happen after all:
    under `report_only`, or for want of `clamp_lifetimes`.

    Two actions are told by browsers, after the fact: "blocked" of another site
    from which a page did not load a thing, and "guarded" of a cookie that a
    script did not get to write. `name` is then the site's host, with its port
    if that is unusual, or the cookie's, and `path` is the page's. It is a
    visitor's word, which the gate cannot check: it is no ground for anything
    but a look.

    Of a visitor's choice, once it is recorded, `action` is one of CHOICES:
    "granted" in all categories that are asked about, "refused" in all,
    "partial", or "withdrawn" where something that held before is taken back.
    `name` is then the consent cookie's, `path` where it was made.
    """

    action: str
    name: str
    category: str | None
    path: str
    reason: Reason | None
    enforced: bool = True


Observer = Callable[[Event], object]


def structured(event: Event, prefix: str = "") -> dict[str, str | bool | None]:
    """Return the fields of an event as plain values, their names behind `prefix`.

    JSON Lines have them as they are, log records behind `consentgate_`,
    OpenTelemetry behind `consentgate.`.
    """
    return {
        f"{prefix}action": event.action,
        f"{prefix}name": plain(event.name[:LONGEST_NAME]),
        f"{prefix}category": event.category,
        f"{prefix}path": plain(event.path[:LONGEST_PATH]),
        f"{prefix}reason": None if event.reason is None else str(event.reason),
        f"{prefix}enforced": event.enforced,
    }


def plain(text: str) -> str:
    """Return a text that every encoder takes: a lone surrogate is written as an escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(name: bytes) -> str:
    """Return a name as text for events: at most 80 characters, one per byte."""
    return name[:LONGEST_NAME].decode("latin-1")


_WOULD = {"stripped": "would strip", "withheld": "would withhold"}


def is_logged(action: str, reason: Reason | None) -> bool:
    """Tell whether the log hears of it: of what did not leave, and of what is a mistake to mend."""
    return action == "stripped" or reason is Reason.AMBIGUOUS


class LogObserver:
    """Logs each name once, under `consentgate`, and at most `limit` names of an action in all.

    That is what was stripped, and what was withheld for its form alone. What
    browsers tell is left out: anybody could fill the log with it.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        # Apart: what a visitor sends does not use up what is there for the app's mistakes.
        self._seen: dict[str, set[str]] = {action: set() for action in _WOULD}
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Log the event if it is the first of its name."""
        if not is_logged(event.action, event.reason) or not self._is_new(event):
            return
        verb = event.action if event.enforced else _WOULD[event.action]
        level = logging.INFO if event.reason in _EXPECTED else logging.WARNING
        # %r: a name is the app's or a visitor's text, and a log line is one line.
        logger.log(
            level,
            "%s %r%s at %r: %s",
            verb,
            event.name,
            f" ({event.category})" if event.category else "",
            event.path[:200],
            event.reason,
            extra=structured(event, "consentgate_"),
        )

    def _is_new(self, event: Event) -> bool:
        seen = self._seen[event.action]
        with self._lock:
            if event.name in seen or len(seen) > self._limit:
                return False
            seen.add(event.name)
            if len(seen) <= self._limit:
                return True
        logger.warning("%d names logged, no further ones will be", self._limit)
        return False
