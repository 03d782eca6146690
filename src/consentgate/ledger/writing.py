"""Writes entries into a ledger, as one of its writers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from consentgate.errors import ConsentGateError
from consentgate.ledger.marks import Marks
from consentgate.ledger.migrating import check_is_current, upgrade
from consentgate.ledger.reading import ORDER
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents, records, registry, writers
from consentgate.proof import Document, Entry, compact

logger = logging.getLogger("consentgate")


class DoubtError(ConsentGateError):
    """What was written before has come to its end meanwhile: how, is to be seen first."""


class Writer:
    """One of the writers of a ledger; used by one thread.

    A writer is registered by a number, and numbers its records without gaps:
    how many there are stands in its own row, which changes in the transaction
    that writes them. Writers do not wait for each other.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._writer: int | None = None
        self._opened_at = 0
        self._written = 0
        self._in_doubt = False
        self._known: set[str] = set()
        self._is_prepared = False

    def write(self, entries: Sequence[Entry], *, again: bool = False) -> None:
        """Write entries, in order, in one transaction: after it they are durable.

        `again` says that some may be there already; these are left as they are.
        Raises SQLAlchemyError, or ConsentGateError, where they are not written,
        or where that is in doubt. Then the same entries can be given again.
        """
        self._prepare()
        if self._writer is None:
            self._register()
        in_doubt, self._in_doubt = self._in_doubt, True
        with self._store.writing() as connection:
            if in_doubt:
                self._settle(connection)
            if again or in_doubt:
                entries = _missing(connection, entries)
            texts = self._unknown(entries)
            written = self._written + len(entries)
            self._advance(connection, written)
            self._add_texts(connection, texts)
            self._add_records(connection, entries)
        self._written, self._in_doubt = written, False
        self._known |= {text.hash for text in texts}

    def those_there(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those of the entries that the ledger has."""
        with self._store.reading() as connection:
            missing = {(entry.id, entry.sequence) for entry in _missing(connection, entries)}
        return [entry for entry in entries if (entry.id, entry.sequence) not in missing]

    def probe(self) -> None:
        """Ask the database whether it takes anything. Raises as `write` does where not."""
        self._prepare()
        # One that is full, or only to be read, answers what only reads.
        with self._store.writing() as connection:
            same = update(writers).values(written=writers.c.written)
            connection.execute(same.where(self._is_mine()))

    def _prepare(self) -> None:
        if not self._is_prepared:
            if self._store.is_embedded:
                upgrade(self._store)
            else:
                check_is_current(self._store)
            self._is_prepared = True

    def _settle(self, connection: Connection) -> None:
        """Find out how many records of this writer are there, after a doubt."""
        query = select(writers.c.written).where(self._is_mine())
        # The transaction in doubt may not be at its end: its lock is on this very row.
        found = connection.execute(query.with_for_update()).scalar_one_or_none()
        if found is None or found < self._written:
            message = (
                f"the ledger has lost records: writer {self._writer} wrote {self._written}, and "
                f"there are {found}; was an older copy restored?"
            )
            logger.error("%s", message)
            # What was known of this database is not to be relied on: begin anew.
            self._writer = None
            self._known.clear()
            raise DoubtError(message)
        self._written = found

    def _register(self) -> None:
        """Register as a new writer.

        Raises ConsentGateError where the key is not given that the ledger was
        written with: nobody could check the count of writers any more.
        """
        marks, now = self._store.marks, int(self._clock())
        with self._store.writing() as connection:
            highest = connection.execute(select(func.max(writers.c.writer))).scalar()
            if highest is None:
                # Of several that are the first, each finds a row to wait for.
                first = {"one": 1, "writers": 0, **marks.of("registry", 0)._asdict()}
                make = sqlite.insert if self._store.is_embedded else postgresql.insert
                connection.execute(make(registry).values(first).on_conflict_do_nothing())
            row = connection.execute(select(registry).with_for_update()).one_or_none()
            number = max(highest or 0, row.writers if row else 0) + 1
            if row is not None:
                change = update(registry).values(writers=number)
                if self._is_genuine(row):
                    change = change.values(marks.of("registry", number)._asdict())
                connection.execute(change)
            mark = marks.of("writer", number, now, 0)._asdict()
            connection.execute(
                insert(writers).values(writer=number, opened_at=now, written=0, **mark)
            )
        self._writer, self._opened_at, self._written = number, now, 0
        self._in_doubt = False

    def _is_genuine(self, row: Row[Any]) -> bool:
        """Tell whether the registry is as it was written. A new mark for another would be a lie."""
        fits = self._store.marks.genuine((row.key, row.mac), "registry", row.writers)
        if fits is None:
            raise ConsentGateError(
                f"the ledger was written with the key {row.key}, which is not given: name all of "
                "its keys, the oldest first"
            )
        return fits

    def _advance(self, connection: Connection, written: int) -> None:
        mark = self._store.marks.of("writer", self._writer, self._opened_at, written)
        change = (
            update(writers)
            .where(self._is_mine(), writers.c.written == self._written)
            .values(written=written, **mark._asdict())
        )
        if connection.execute(change).rowcount != 1:
            raise DoubtError("an earlier transaction of this writer ended meanwhile")

    def _is_mine(self) -> ColumnElement[bool]:
        """Return the condition for the row of this writer.

        In an older copy that was restored its number may be another one's by now.
        """
        return and_(writers.c.writer == self._writer, writers.c.opened_at == self._opened_at)

    def _unknown(self, entries: Iterable[Entry]) -> list[Document]:
        texts = {text.hash: text for entry in entries for text in entry.documents}
        # In order: two writers that add the same texts wait for each other in one direction.
        return [text for key, text in sorted(texts.items()) if key not in self._known]

    def _add_texts(self, connection: Connection, texts: Iterable[Document]) -> None:
        make = sqlite.insert if self._store.is_embedded else postgresql.insert
        for text in texts:
            row = document_row(text, self._store.marks, int(self._clock()))
            connection.execute(make(documents).values(row).on_conflict_do_nothing())

    def _add_records(self, connection: Connection, entries: Sequence[Entry]) -> None:
        rows = [
            record_row(entry, self._store.marks, self._writer, number)
            for number, entry in enumerate(entries, self._written + 1)
        ]
        if rows:
            connection.execute(insert(records), rows)


def record_row(entry: Entry, marks: Marks, writer: int | None, number: int) -> dict[str, object]:
    """Return the row of an entry, marked."""
    row: dict[str, object] = {
        **entry._asdict(),
        "decisions": compact(dict(entry.decisions)),
        "extra": compact(dict(entry.extra)) if entry.extra else "",
        "writer": writer,
        "number": number,
    }
    del row["documents"]
    return row | marks.of("record", *(row[name] for name in ORDER))._asdict()


def document_row(text: Document, marks: Marks, now: int) -> dict[str, object]:
    """Return the row of a text, marked."""
    mark = marks.of("document", text.hash, text.kind, text.revision, text.language, now)
    return {**text._asdict(), "first_at": now, **mark._asdict()}


def _missing(connection: Connection, entries: Sequence[Entry]) -> list[Entry]:
    """Return those of the entries that are not there yet, each once."""
    wanted = {(entry.id, entry.sequence): entry for entry in entries}
    if not wanted:
        return []
    key = tuple_(records.c.id, records.c.sequence)
    query = select(records.c.id, records.c.sequence).where(key.in_(list(wanted)))
    for row in connection.execute(query):
        del wanted[row.id, row.sequence]
    return list(wanted.values())
