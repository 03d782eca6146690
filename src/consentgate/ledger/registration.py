"""Who is registered as a writer of a ledger, as a check finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from consentgate.ledger.course import Registered
from consentgate.ledger.findings import Finding, day_of, days_between, found, unproven
from consentgate.ledger.marks import Marks
from consentgate.ledger.tables import registry, writers


class Registration:
    """Checks the registry and the writers' rows; `writers` are those that must be there."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._count: int | None = None
        self._is_there = False
        self.writers: dict[int, Registered] = {}

    def findings(self, connection: Connection) -> Iterator[Finding]:
        """Check, and tell what is found."""
        yield from self._check_registry(connection)
        for row in connection.execute(select(writers).order_by(writers.c.writer)):
            fits = self._genuine(row, "writer", row.writer, row.opened_at, row.written)
            day = day_of(row.opened_at)
            yield from unproven("writers", fits, day, {"writer": row.writer})
            if fits:
                self.writers[row.writer] = Registered(row.opened_at, row.written)
                yield from self._check_is_counted(row.writer, day)
            elif isinstance(row.writer, int) and row.writer in range(1, (self._count or 0) + 1):
                self.writers[row.writer] = Registered(row.opened_at, None)
        yield from self._missing()

    def _check_registry(self, connection: Connection) -> Iterator[Finding]:
        rows = connection.execute(select(registry)).all()
        self._is_there = bool(rows)
        for row in rows:
            fits = self._genuine(row, "registry", row.writers)
            yield from unproven("registry", fits, "", {})
            if fits:
                self._count = max(self._count or 0, row.writers)
        if len(rows) > 1:
            yield found("registry", "unexpected", "", f"is there {len(rows)} times", {})

    def _check_is_counted(self, writer: int, day: str) -> Iterator[Finding]:
        if not self._is_there:
            self._is_there = True
            yield found("registry", "missing", day, "is missing, and there are writers", {})
        if self._count is not None and writer > self._count:
            text = f"is registered, and the registry counts {self._count}: it is an older one"
            yield found("writers", "unexpected", day, text, {"writer": writer})

    def _genuine(self, row: Row[Any], kind: str, *numbers: object) -> bool | None:
        if not all(isinstance(number, int) for number in numbers):
            return False  # SQLite keeps texts in a column of numbers for whoever puts them there.
        return self._marks.genuine((row.key, row.mac), kind, *numbers)

    def _missing(self) -> Iterator[Finding]:
        """Tell which numbers no row has, and between which days they were given."""
        last = self._count or max(self.writers, default=0)
        there = [writer for writer in sorted(self.writers) if writer <= last]
        previous, opened = 0, None
        for writer in (*there, last + 1):
            following = self.writers.get(writer)
            until = following.opened_at if following else None
            if writer > previous + 1:
                row = {"writer": previous + 1}
                if writer > previous + 2:
                    row["last"] = writer - 1
                yield found(*("writers", "missing", days_between(opened, until)), "is missing", row)
                for each in range(previous + 1, writer):
                    self.writers[each] = Registered(opened, None)
            previous, opened = writer, until
