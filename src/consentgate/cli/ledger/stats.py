"""`consentgate ledger stats`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentgate.cli.console import Json, PolicyFile, Styled, print_json, remark, say, stdout
from consentgate.cli.ledger.opened import LedgerUrl, opened
from consentgate.cli.ledger.period import Since, Until, period
from consentgate.cli.words import counted

if TYPE_CHECKING:
    from consentgate.ledger.statistics import Row, Statistics

# A screen or two; --json has all of them.
_SHOWN = 60
_LONGEST = 40
# A bar has 40 characters, fewer in a narrow terminal; with fewer than 10 it says nothing.
_BAR, _SHORTEST_BAR = 40, 10
_DRAWN = {
    "granted": ("█", "green"),
    "partial": ("▓", "yellow"),
    "refused": ("▒", "red"),
    "withdrawn": ("░", "magenta"),
}


class By(StrEnum):
    """What choices can be put together by."""

    DAY = "day"
    LANGUAGE = "language"
    REVISION = "revision"
    SOURCE = "source"
    CATEGORY = "category"
    SITE = "site"


def stats(
    by: Annotated[By, typer.Option(help="What to put together.")] = By.DAY,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw it as well, into a PNG; needs consentgate[plot]."),
    ] = None,
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
) -> None:
    """Count what visitors choose: how many grant, grant in part, refuse and withdraw.

    A visitor who chooses twice counts twice. By category it is what each choice says of it. A
    grant that never reached its browser ("void") is in no rate, nor is the end of a choice
    ("lapsed"): they are told below.

    Examples:
      consentgate ledger stats
      consentgate ledger stats --by language --since 2026-01-01
      consentgate ledger stats --by category --json
      consentgate ledger stats --plot choices.png
    """
    from consentgate.ledger.statistics import statistics

    first, last = period(since, until)
    with opened(ledger, policy) as store, store.reading() as connection:
        found = statistics(connection, by, since=first, until=last)
    if as_json:
        print_json(found.as_json())
    else:
        _tell(found)
    if plot is not None:
        from consentgate.ledger.plot import save

        save(found, plot)
        remark(f"wrote {plot}")


def _tell(found: Statistics) -> None:
    if not found.total.choices:
        say("There are no choices.")
    else:
        _tell_rates(found)
    if found.void:
        say(f"{counted(found.void, 'grant')} never reached the browser (void); in no rate.")
    if found.lapsed:
        say(f"{counted(found.lapsed, 'choice')} came to an end (lapsed); in no rate.")


def _tell_rates(found: Statistics) -> None:
    say((f"{counted(found.total.choices, 'choice')}, by {found.by}", "bold"))
    say()
    rows = found.rows[-_SHOWN:] if found.by == "day" else found.rows[:_SHOWN]
    if found.by != "category":
        rows = (*rows, found.total._replace(key="all"))
    for line in _table(found, rows):
        say(*line)
    if len(found.rows) > _SHOWN:
        which = "earlier days" if found.by == "day" else "more, with fewer choices"
        say(f"and {len(found.rows) - _SHOWN} {which}; --json has all of them.")
    say()


def _table(found: Statistics, rows: Sequence[Row]) -> Iterator[list[Styled]]:
    """Return the lines of the table: what it is by, how many, the shares, and a bar of them."""
    names = [_named(row) for row in rows]
    name = max(len(found.by), *map(len, names))
    number = max(len("choices"), *(len(f"{row.choices:,}") for row in rows))
    bar = _bar_width(name + 2 + number + sum(2 + len(kind) for kind in found.kinds) + 2)
    heads: list[Styled] = [(f"  {kind}", _DRAWN[kind][1]) for kind in found.kinds]
    yield [(f"{found.by:<{name}}  {'choices':>{number}}", "dim"), *heads]
    for words, row in zip(names, rows, strict=True):
        shares = "".join(f"  {row.share(kind):>{len(kind)}.1%}" for kind in found.kinds)
        drawn = _bar(row, found.kinds, bar)
        yield [f"{words:<{name}}  {row.choices:>{number},}{shares}  ", *drawn]
    if bar:
        yield [" " * (name + number + 2), *_legend(found)]


def _named(row: Row) -> str:
    key = row.key or "(none)"
    return key if len(key) <= _LONGEST else f"{key[: _LONGEST - 1]}…"


def _bar_width(left: int) -> int:
    """Return how many characters there are for a bar, in this terminal or in a pipe; 0 for none."""
    console = stdout()
    room = console.width - left if console.is_terminal else _BAR
    return min(_BAR, room) if room >= _SHORTEST_BAR else 0


def _legend(found: Statistics) -> Iterator[Styled]:
    for kind in found.kinds:
        character, style = _DRAWN[kind]
        yield (f"  {character} {kind}", style)


def _bar(row: Row, kinds: Iterable[str], width: int) -> Iterator[Styled]:
    """Return the shares as parts of one bar: each ends where its sum does, so none is lost."""
    drawn, share = 0, 0.0
    for kind in kinds:
        share += row.share(kind)
        end = round(share * width)
        character, style = _DRAWN[kind]
        yield character * (end - drawn), style
        drawn = end
