"""What files of events come to: read back from JSON Lines, and summed up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from glob import glob
from operator import attrgetter
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple

from consentgate.errors import ConsentGateError
from consentgate.observer import CHOICES, LONGEST_NAME, LONGEST_PATH, TOLD, Reason, plain

ACTIONS = ("stripped", "clamped", "withheld", "expired", "passed", *TOLD)

LONGEST_LINE = 65_536
"""A line of more bytes is none of ours."""
KINDS = 5_000
"""How many different rows are kept of an action; of the rest only the number."""


class Kind(NamedTuple):
    """What events have in common that are counted together."""

    action: str
    name: str
    category: str | None
    reason: str | None
    enforced: bool


@dataclass(slots=True)
class Row:
    """Events of one kind: how many, the first and the last of them, and one path as an example."""

    action: str
    name: str
    category: str | None
    reason: str | None
    enforced: bool
    first: datetime
    last: datetime
    path: str | None = None
    count: int = 0


class Report:
    """The sum of events: cookies and other sites by kind, choices by outcome.

    Memory is bounded: of an action 5,000 kinds are told apart, and what is
    beyond them is counted in `others`. Choices are counted only.
    """

    def __init__(self) -> None:
        self.choices = dict.fromkeys(CHOICES, 0)
        """How many visitors granted, refused, granted in part, and withdrew."""
        self.events = 0
        """How many events there are in all."""
        self.others = 0
        """How many of them are in no row, because there were too many kinds."""
        self.broken = 0
        """How many lines are no JSON, as one that a full disk cut; or too long to be an event."""
        self.foreign = 0
        """How many lines are JSON, and no event."""
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._rows: dict[str, dict[Kind, Row]] = {action: {} for action in ACTIONS}

    @property
    def rows(self) -> list[Row]:
        """The kinds of events, the most frequent first."""
        rows = [row for rows in self._rows.values() for row in rows.values()]
        return sorted(rows, key=lambda row: (-row.count, row.action, row.name))

    @property
    def undeclared(self) -> list[str]:
        """The names of cookies in no declaration, the most frequent first."""
        rows = (
            row for row in self.rows if row.reason == Reason.UNDECLARED and row.action != "blocked"
        )
        return list(dict.fromkeys(map(attrgetter("name"), rows)))

    def add(self, line: bytes) -> None:
        """Add an event, as it stands in a line; or count what is none."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            self.broken += 1
            return
        event = _event(found)
        if event is None:
            self.foreign += 1
            return
        kind, moment, path = event
        self.events += 1
        self.first = min(self.first or moment, moment)
        self.last = max(self.last or moment, moment)
        if kind.action in CHOICES:
            self.choices[kind.action] += 1
        else:
            self._count(kind, moment, path)

    def _count(self, kind: Kind, moment: datetime, path: str | None) -> None:
        # Apart: what visitors send does not use up what is there for the app's own cookies.
        rows = self._rows[kind.action]
        row = rows.get(kind)
        if row is None:
            if len(rows) >= KINDS:
                self.others += 1
                return
            row = rows[kind] = Row(*kind, first=moment, last=moment, path=path)
        row.count += 1
        row.first, row.last = min(row.first, moment), max(row.last, moment)
        row.path = path if row.path is None else row.path


def read(paths: Iterable[str | PathLike[str]] | str | PathLike[str]) -> Report:
    """Sum up files that JsonLines wrote, line by line.

    `paths` are files, or patterns of them (`logs/*.jsonl`); `{pid}` stands for
    any process, as where the observer was given the path. The files that were
    rotated away (`.1`, `.2`, ...) are read with each. Blank lines count for nothing.

    Raises ConsentGateError where there is no such file, or it cannot be read.
    """
    given = [paths] if isinstance(paths, (str, PathLike)) else list(paths)
    report = Report()
    for file in dict.fromkeys(file for path in given for file in _files(path)):
        try:
            with file.open("rb") as stream:
                for line in _lines(stream):
                    report.add(line)
        except OSError as error:
            raise ConsentGateError(f"{file}: cannot be read ({error.strerror})") from error
    return report


def _files(path: str | PathLike[str]) -> list[Path]:
    """Return the files that a path means, what was rotated away of one before it."""
    text = os.fspath(path)
    if Path(text).exists():
        return _rotations(Path(text))
    found = sorted(glob(text.replace("{pid}", "*")))  # noqa: PTH207  # Path takes no absolute one
    if not found:
        raise ConsentGateError(
            f"{text}: there is no such file of events; JsonLines({text!r}) as an observer of the "
            "gate writes one"
        )
    return [each for name in found for each in _rotations(Path(name))]


def _rotations(file: Path) -> list[Path]:
    """Return a file behind those that were rotated away from its name, the oldest first."""
    found = {}
    for sibling in file.parent.glob("*"):
        base, _, number = sibling.name.rpartition(".")
        if base == file.name and number.isdecimal():
            found[int(number)] = sibling
    return [*(found[number] for number in sorted(found, reverse=True)), file]


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that say something; of one that is too long, its beginning."""
    while line := stream.readline(LONGEST_LINE):
        whole = line
        while not line.endswith(b"\n") and (line := stream.readline(LONGEST_LINE)):
            pass
        if not whole.isspace():
            yield whole


def _event(found: object) -> tuple[Kind, datetime, str | None] | None:
    """Return the event that a line tells of; None if it tells of something else."""
    if not isinstance(found, dict):
        return None
    action, name, path = found.get("action"), found.get("name"), found.get("path")
    category, reason, enforced = found.get("category"), found.get("reason"), found.get("enforced")
    moment = _moment(found.get("time"))
    if moment is None or action not in (*ACTIONS, *CHOICES) or not isinstance(enforced, bool):
        return None
    if not isinstance(name, str) or not isinstance(path, str | None):
        return None
    if not _is_word(category) or not _is_word(reason):
        return None
    kind = Kind(action, plain(name[:LONGEST_NAME]), category, reason, enforced)
    return kind, moment, None if path is None else plain(path[:LONGEST_PATH])


def _is_word(value: object) -> bool:
    """Tell whether it can be a category or a reason: the site's own words, and few."""
    return value is None or (
        isinstance(value, str) and len(value) <= LONGEST_PATH and value.isprintable()
    )


def _moment(value: object) -> datetime | None:
    """Return the time of a line, if it is one on the world's clock."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
