"""`python -m benchmarks [SUITE ...] [--quick] [--rows N] [--markdown FILE]`.

The suites are named below.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import (
    asgi,
    django_views,
    hot_spots,
    insertion,
    ledger,
    observers,
    request,
    scale,
    sizes,
    sources,
    tokens,
    wsgi,
)
from benchmarks.measure import FULL, QUICK, Effort
from benchmarks.tables import Table, circumstances

SUITES: dict[str, Callable[[Effort], Iterator[Table]]] = {
    "asgi": asgi.tables,
    "wsgi": wsgi.tables,
    "request": request.tables,
    "insertion": insertion.tables,
    "sources": sources.tables,
    "observers": observers.tables,
    "tokens": tokens.tables,
    "scale": scale.tables,
    "django": django_views.tables,
    "sizes": sizes.tables,
    "ledger": ledger.tables,
}

_INTRODUCTION = """# What it costs

Written by `python -m benchmarks --markdown`; how it is measured stands in
`benchmarks/measure.py`. All contenders of a table ran in one process, in turn,
in random order, in batches of a fraction of a millisecond, and are compared
round by round. "Over bare" is what a wrapper adds to the app in it: the median
over the rounds, and what lies between the 10th and the 90th percentile. The
ratios tell more than the times: those depend on the machine and its mood."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for, print the results, and write them as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the gate costs")
    parser.add_argument("what", nargs="*", help=f"{', '.join(SUITES)} (default: all); or profile")
    parser.add_argument("--quick", action="store_true", help="rough numbers in a few seconds")
    parser.add_argument(
        "--rows", type=int, default=ledger.ROWS, metavar="N", help="how many records a ledger has"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    asked = parser.parse_args(arguments)
    if asked.what == ["profile"]:
        hot_spots.show()
        return
    if unknown := set(asked.what) - set(SUITES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(SUITES)}")
    print(circumstances())
    suites = SUITES | {"ledger": partial(ledger.tables, rows=asked.rows)}
    results = []
    for name in asked.what or suites:
        for table in suites[name](QUICK if asked.quick else FULL):
            print(f"\n{table.as_text()}", flush=True)
            results.append(table.as_markdown())
    if asked.markdown:
        page = "\n\n".join([_INTRODUCTION, f"Measured on: {circumstances()}.", *results])
        asked.markdown.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
