"""All records of a ledger, as a check walks over them once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from sqlalchemy import Connection, Result, select

from consentgate.ledger.chain import Chain
from consentgate.ledger.course import Course, Met, Registered
from consentgate.ledger.erased import Erased
from consentgate.ledger.findings import Finding, days_of, found, unproven
from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import ORDER
from consentgate.ledger.seals import PAGE
from consentgate.ledger.tables import records

_COLUMNS = [records.c[name] for name in (*ORDER, "key", "mac")]
_ID, _SEQUENCE, _MADE_AT, _TEXT, _WRITER, _NUMBER = map(
    ORDER.index, ("id", "sequence", "made_at", "text", "writer", "number")
)


class Numbering:
    """Walks over the records in the order of writer and number, and over the erased between them.

    In memory are the writers, the seals, the hashes of the texts, and a page
    of rows. Nearly each row is the one that is expected, which a few
    comparisons and its mark show; `_meet` is for the others.
    """

    def __init__(
        self,
        connection: Connection,
        marks: Marks,
        registered: Mapping[int, Registered],
        chain: Chain,
        hashes: set[str],
    ) -> None:
        self._connection = connection
        self._marks = marks
        self._registered = registered
        self._chain = chain
        self._hashes = hashes
        self._erased = Erased(connection, marks)
        self._waiting = sorted({*registered, *chain.writers}, reverse=True)
        self._here: Course | None = None
        self.records = 0
        self.unsealed = 0
        self.unsealed_since: int | None = None
        """When the first record was made that is in no seal, in seconds since the epoch."""

    @property
    def erased(self) -> int:
        """How many records are erased."""
        return self._erased.count

    def findings(self) -> Iterator[Finding]:
        """Walk, and tell what is found."""
        query = select(*_COLUMNS).order_by(records.c.writer, records.c.number)
        with self._connection.execute(query.execution_options(yield_per=PAGE)) as result:
            yield from self._walk(result)
        yield from self._turn_to(inf)
        yield from self._erased.rest()

    def _walk(self, result: Result[Any]) -> Iterator[Finding]:
        fits, hashes = self._marks.fits, self._hashes
        for page in result.partitions():
            self.records += len(page)
            rows: Sequence[Sequence[Any]] = page
            for row in rows:
                *values, key, mac = row
                here, number = self._here, values[_NUMBER]
                if (
                    here is not None
                    and number == here.next
                    and values[_WRITER] == here.writer
                    and number < here.limit
                    and values[_TEXT] in hashes
                    and fits((key, mac), "record", *values)
                ):
                    here.go(number, values[_MADE_AT], mac)
                else:
                    yield from self._meet(values, (key, mac))

    def _meet(self, values: Sequence[Any], mark: tuple[str, str]) -> Iterator[Finding]:
        record = self._met(values, mark)
        writer, number = values[_WRITER], record.number
        yield from unproven("records", record.genuine, record.day, record.row)
        if not (isinstance(writer, int) and isinstance(number, int)):
            return  # SQLite keeps texts in a column of numbers for whoever puts them there.
        if self._here is None or self._here.writer != writer:
            yield from self._turn_to(writer)
            self._here = Course(writer, self._registered.get(writer), self._chain, self._erased)
            yield from self._erased.strays(writer, 0)
        yield from self._here.meet(record)
        yield from self._textless(record, values[_TEXT])

    def _met(self, values: Sequence[Any], mark: tuple[str, str]) -> Met:
        row = {name: values[ORDER.index(name)] for name in ("id", "sequence", "writer", "number")}
        return Met(
            values[_NUMBER],
            values[_MADE_AT],
            mark[1],
            days_of(values[_MADE_AT], values[_SEQUENCE]),
            row,
            self._marks.genuine(mark, "record", *values),
        )

    def _textless(self, record: Met, text: str) -> Iterator[Finding]:
        """Tell of the first record whose text is missing: the others would say the same."""
        if record.genuine and text not in self._hashes:
            self._hashes.add(text)
            yield found(
                *("documents", "missing", record.day),
                f"is missing; the first record that refers to it is {record.row['id']} "
                f"{record.row['sequence']}",
                {"hash": text},
            )

    def _turn_to(self, writer: float) -> Iterator[Finding]:
        """Come to the end of a writer, and past those of which no record is there."""
        if self._here is not None:
            yield from self._left(self._here)
        while self._waiting and self._waiting[-1] <= writer:
            each = self._waiting.pop()
            if each < writer:
                yield from self._erased.strays(each, 0)
                course = Course(each, self._registered.get(each), self._chain, self._erased)
                yield from self._left(course)

    def _left(self, course: Course) -> Iterator[Finding]:
        yield from course.end()
        self.unsealed += course.unsealed
        since = course.unsealed_since
        if since is not None and (self.unsealed_since is None or since < self.unsealed_since):
            self.unsealed_since = since
