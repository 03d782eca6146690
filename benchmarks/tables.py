"""Results as tables: for a terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Spread, Times, overheads, ratios

MICRO = 1e6


@dataclass(frozen=True)
class Goal:
    """What a contender should cost at most: times the yardstick, or microseconds over bare."""

    contender: str
    limit: float
    unit: str  # "times" or "µs"

    def compared(self, ratio: Spread, seconds: Spread) -> str:
        """Say the goal next to what was measured."""
        if self.unit == "times":
            return f"goal {self.limit:.1f} times, measured {ratio.median:.1f}"
        return f"goal {self.limit:.1f} µs, measured {seconds.median * MICRO:.1f}"


@dataclass(frozen=True)
class Table:
    """A title, a head, rows of text, and remarks below."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()

    def as_text(self) -> str:
        """Return the table for a terminal."""
        lines = [self.head, *self.rows]
        widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        ]
        return "\n".join([self.title, *(f"  {line}" for line in [*aligned, *self.remarks])])

    def as_markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [self.head, ["---", *["---:"] * (len(self.head) - 1)], *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        remarks = "\n".join(f"- {remark}" for remark in self.remarks)
        return "\n\n".join(part for part in (f"## {self.title}", table, remarks) if part)


def overhead_table(
    title: str, times: Times, goals: Sequence[Goal] = (), *, yardstick: str = "no-op"
) -> Table:
    """Return what each contender costs over the first one, which is the bare app."""
    bare = next(iter(times))
    over = overheads(times, bare)
    relative = ratios(over, yardstick)
    app = Spread.of(times[bare])
    rows = [
        [name, *_cells(Spread.of(seconds)), f"{Spread.of(relative[name]).median:.1f}"]
        for name, seconds in over.items()
    ]
    remarks = [f"{bare}: {app.median * MICRO:.2f} µs"]
    for goal in goals:
        measured = goal.compared(
            Spread.of(relative[goal.contender]), Spread.of(over[goal.contender])
        )
        remarks.append(f"{goal.contender}: {measured}")
    head = ["over bare", "µs", "10th to 90th percentile", f"times {yardstick}"]
    return Table(title, head, rows, remarks)


def time_table(title: str, times: Times, yardstick: str, remarks: Sequence[str] = ()) -> Table:
    """Return what each contender takes, and how that compares with the yardstick."""
    relative = ratios(times, yardstick)
    rows = [
        [name, *_cells(Spread.of(seconds)), f"{Spread.of(relative[name]).median:.2f}"]
        for name, seconds in times.items()
    ]
    head = ["takes", "µs", "10th to 90th percentile", f"times {yardstick}"]
    return Table(title, head, rows, remarks)


def _cells(seconds: Spread) -> list[str]:
    low, high = seconds.low * MICRO, seconds.high * MICRO
    return [f"{seconds.median * MICRO:.2f}", f"{low:.2f} to {high:.2f}"]


def circumstances() -> str:
    """Say what was measured on, and when; nothing that tells whose machine it is."""
    cores = os.cpu_count() or 1
    return (
        f"{_cpu_model()}, {cores} core{'s' * (cores > 1)}, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
