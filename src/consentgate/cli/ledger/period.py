"""From when to when: options of the commands of `consentgate ledger`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from consentgate.cli.console import fail

_DAY = timedelta(days=1)

Since = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help="From this day on, as 2026-11-25, or from a time, as 2026-11-25T08:30; UTC.",
    ),
]
"""The first day or moment, as an option."""
Until = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="To the end of this day, or to just before a time; UTC."),
]
"""The last day, or the moment behind the last one, as an option."""


def period(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Return the first second that is meant, and the second behind the last one.

    Both are since the epoch, None where nothing is said. What is no time, and
    an end that is not behind the start, ends with exit code 2.
    """
    first = None if since is None else _seconds("--since", since, timedelta())
    last = None if until is None else _seconds("--until", until, _DAY)
    if first is not None and last is not None and last <= first:
        fail(f"--since {since} --until {until}: nothing is between these")
    return first, last


def _seconds(option: str, text: str, of_a_day: timedelta) -> int:
    """Return the second of a time; of a day that of its start and `of_a_day`."""
    try:
        time = datetime.fromisoformat(text)
        if len(text) <= len("2026-11-25"):
            time = min(time, datetime.max - of_a_day) + of_a_day
        return int(time.replace(tzinfo=time.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        fail(f"{option} {text}: write a day as 2026-11-25, or a time as 2026-11-25T08:30")
