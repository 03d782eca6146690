"""What is left of erased records, as a check comes past the places where they were."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from consentgate.ledger.findings import Finding, day_of, found, unproven
from consentgate.ledger.marks import Marks
from consentgate.ledger.seals import PAGE
from consentgate.ledger.tables import erasures


class Erasure(NamedTuple):
    """What is left of a record that was erased: its place, and its mark."""

    writer: int
    number: int
    record_mac: str
    erased_at: int
    genuine: bool | None

    def unproven(self) -> Iterator[Finding]:
        """Tell where its mark does not fit, or cannot be checked."""
        return unproven("erasures", self.genuine, day_of(self.erased_at), self._row)

    def stray(self) -> Iterator[Finding]:
        """Tell that it is where no record is missing."""
        yield from self.unproven()
        if self.genuine:
            day, text = day_of(self.erased_at), "stands where no record is missing"
            yield found("erasures", "unexpected", day, text, self._row)

    @property
    def _row(self) -> dict[str, int]:
        return {"writer": self.writer, "number": self.number}


class Erased:
    """The erasures of a ledger in the order of writer and number; each is met once."""

    def __init__(self, connection: Connection, marks: Marks) -> None:
        self._marks = marks
        self._strays: list[Erasure] = []
        self._rows = self._read(connection)
        self._head = next(self._rows, None)
        self.count = 0
        """How many were met so far."""

    def next_of(self, writer: int) -> float:
        """Return the number of the next one, if it is this writer's; without end otherwise."""
        return self._head.number if self._head and self._head.writer == writer else inf

    def pop(self, writer: float, number: float) -> Erasure | None:
        """Take the next one if it stands at this place or before it."""
        head = self._head
        if head is None or (head.writer, head.number) > (writer, number):
            return None
        self._head = next(self._rows, None)
        self.count += 1
        return head

    def strays(self, writer: float, number: float) -> Iterator[Finding]:
        """Take all up to this place, and tell of each that it should not be there."""
        while (erasure := self.pop(writer, number)) is not None:
            yield from erasure.stray()

    def rest(self) -> Iterator[Finding]:
        """Take all that were not met."""
        yield from self.strays(inf, inf)
        for erasure in self._strays:
            yield from erasure.stray()

    def _read(self, connection: Connection) -> Iterator[Erasure]:
        query = select(erasures).order_by(erasures.c.writer, erasures.c.number)
        for row in connection.execute(query.execution_options(yield_per=PAGE)):
            erasure = self._erasure(row)
            if isinstance(row.writer, int) and isinstance(row.number, int):
                yield erasure
            else:
                self._strays.append(erasure)

    def _erasure(self, row: Row[Any]) -> Erasure:
        values = (row.writer, row.number, row.record_mac, row.erased_at)
        return Erasure(*values, self._marks.genuine((row.key, row.mac), "erasure", *values))
