"""Statistics as a picture, by Matplotlib: the extra `consentgate[plot]`."""

from __future__ import annotations

from datetime import date
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consentgate.errors import ConsentGateError
from consentgate.ledger.statistics import Row, Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 20
"""How many bars stand below one another; of more groups, those with the most choices."""

# By Okabe and Ito, "Color Universal Design" (2008): told apart by the colour-blind, too.
COLOURS = {
    "granted": "#009E73",
    "partial": "#F0E442",
    "refused": "#D55E00",
    "withdrawn": "#56B4E9",
}

# A name that is longer leaves no room for its bar.
_LONGEST = 32
# Of fewer days each is named; of more, Matplotlib finds the dates to name.
_NAMED_DAYS = 10
# A share in which there is room for its number.
_NARROWEST = 0.07


def save(statistics: Statistics, path: str | PathLike[str]) -> None:
    """Draw statistics, and write the picture to a file as PNG.

    By day it has the shares and the number of choices over time; by anything
    else a bar for each group. Nothing of Matplotlib's global state is touched.
    Raises ConsentGateError where Matplotlib is not installed, or where there is
    nothing to draw, OSError where the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConsentGateError(
            "a plot needs Matplotlib; say pip install 'consentgate[plot]'"
        ) from error
    if not statistics.rows:
        raise ConsentGateError("there are no choices to plot; name another time, or leave it out")
    figure = Figure(layout="constrained")
    if statistics.by == "day":
        _draw_days(figure, statistics)
    else:
        _draw_groups(figure, statistics)
    # With a file, not its name: that decides about no format, and gets no suffix.
    with Path(path).open("wb") as file:
        figure.savefig(file, format="png", dpi=150)


def _draw_days(figure: Figure, statistics: Statistics) -> None:
    figure.set_size_inches(9, 6)
    rates, numbers = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    rows = {date.fromisoformat(row.key): row for row in statistics.rows if _is_day(row.key)}
    days: list[Any] = list(rows)
    below = [0.0] * len(days)
    width = 0.9 if len(days) <= _NAMED_DAYS else 1.0
    for kind in statistics.kinds:
        shares = [100 * row.share(kind) for row in rows.values()]
        rates.bar(days, shares, width, below, color=COLOURS[kind], label=kind)
        below = [low + share for low, share in zip(below, shares, strict=True)]
    numbers.bar(days, [row.choices for row in rows.values()], width, color="#888888")
    rates.set_ylabel("share of the day's choices, %")
    rates.set_ylim(0, 100)
    numbers.set_ylabel("choices a day")
    numbers.set_xlabel("day (UTC)")
    _name_days(numbers, days)
    _finish(figure, rates, statistics)


def _is_day(key: str) -> bool:
    """Tell whether it is a date: a row that somebody spoiled may be at no day."""
    try:
        return bool(date.fromisoformat(key))
    except ValueError:
        return False


def _name_days(axes: Axes, days: list[Any]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    if len(days) <= _NAMED_DAYS:
        axes.set_xticks(days, [day.isoformat() for day in days], rotation=30, ha="right")
        return
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]  # Matplotlib has none
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]  # Matplotlib has none
    )


def _draw_groups(figure: Figure, statistics: Statistics) -> None:
    rows = statistics.rows[:MOST]
    figure.set_size_inches(9, 2 + 0.4 * len(rows))
    axes = figure.subplots()
    places = range(len(rows))
    below = [0.0] * len(rows)
    for kind in statistics.kinds:
        shares = [100 * row.share(kind) for row in rows]
        bars = axes.barh(places, shares, 0.8, below, color=COLOURS[kind], label=kind)
        words = [f"{share:.0f} %" if share >= 100 * _NARROWEST else "" for share in shares]
        axes.bar_label(bars, words, label_type="center", fontsize="small")
        below = [low + share for low, share in zip(below, shares, strict=True)]
    axes.set_yticks(places, [_named(row) for row in rows], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the choices, %")
    axes.set_ylabel(f"{statistics.by} (choices)")
    _finish(figure, axes, statistics)


def _named(row: Row) -> str:
    """Return what a bar is called. A key is ASCII, as long as nobody spoiled its row."""
    key = row.key if len(row.key) <= _LONGEST else f"{row.key[: _LONGEST - 3]}..."
    key = key.encode("ascii", "replace").decode("ascii")
    return f"{key or 'none'} ({row.choices:,})"


def _finish(figure: Figure, axes: Axes, statistics: Statistics) -> None:
    more = len(statistics.rows) - MOST
    left = f"; {more} smaller left out" if statistics.by != "day" and more > 0 else ""
    figure.suptitle(f"What visitors choose, by {statistics.by}{left}")
    axes.set_title(f"{statistics.total.choices:,} choices", fontsize="medium", loc="left")
    for each in figure.axes:
        each.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="medium")
