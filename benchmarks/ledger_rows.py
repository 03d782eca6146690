"""A ledger of many records, as its processes would have left it: each marked, day after day."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import func, insert, select

from benchmarks import material
from consentgate.choice import new_id
from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import ORDER
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents, records, registry, writers
from consentgate.proof import Document, compact

KEY = "a key of a ledger for benchmarks, known to all"
START = 1_767_225_600  # 2026-01-01, in seconds since the epoch
DAY = 86_400
DAYS = 30
WRITERS = 4

POLICY = Document.of("policy", material.POLICY.revision, "", material.POLICY.to_toml())
TEXT = Document.of(
    "text", POLICY.revision, "fr", compact({"policy": POLICY.hash, "banner": ["Oui", "Non"]})
)
DECISIONS = {yes: dict.fromkeys(sorted(material.POLICY.choosable), yes) for yes in (True, False)}
"""What a visitor who grants all decides, and one who refuses all."""

_ANSWERS = (("granted", True), ("refused", False), ("granted", True))
COLUMNS = (*ORDER, "key", "mac")

Values = tuple[Any, ...]
Seal = Callable[[Store, int], object]


def fill(store: Store, rows: int, seal: Seal, days: int = DAYS) -> str:
    """Put so many records into an empty ledger, and a seal behind each day; return an id in it.

    It goes past what a ledger syncs and checks: that would take hours.
    """
    _add_documents(store)
    source = _rows(store.marks, rows, days)
    known = ""
    for day in range(days):
        written = (day + 1) * rows // days
        batch = islice(source, written - day * rows // days)
        first = next(batch)
        known = str(first[0])
        _load(store, first, batch)
        _count_writers(store, written)
        seal(store, START + (day + 1) * DAY)
    settle(store)
    return known


def ids_in(store: Store, number: int) -> list[str]:
    """Return the ids of so many records, from here and there in time."""
    last = select(func.max(records.c.number)).where(records.c.writer == 1)
    with store.reading() as connection:
        step = connection.execute(last).scalar_one() // number
        places = range(1, step * number + 1, step)
        chosen = (records.c.writer == 1) & records.c.number.in_(places)
        return list(connection.execute(select(records.c.id).where(chosen)).scalars())


def settle(store: Store) -> None:
    """Let a database do what it would have done by itself: count, and take in its journal."""
    if store.is_embedded:
        with closing(sqlite3.connect(str(store.url.database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with psycopg.connect(plain_url(store), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def plain_url(store: Store) -> str:
    """Return the address of a PostgreSQL ledger as libpq has it."""
    return store.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _rows(marks: Marks, rows: int, days: int) -> Iterator[Values]:
    """Make the records: every tenth visitor answers a second time."""
    step = days * DAY * 1_000_000 // rows
    texts = {yes: compact(decisions) for yes, decisions in DECISIONS.items()}
    visitor = ""
    for index in range(rows):
        if index % 11 != 10:
            visitor = new_id()
        microseconds = START * 1_000_000 + index * step
        action, yes = _ANSWERS[index % len(_ANSWERS)]
        values = (
            *(visitor, microseconds << 10, microseconds // 1_000_000, action, texts[yes]),
            *(TEXT.revision, "fr", TEXT.hash, "banner", "www.example.org", ""),
            *(index % WRITERS + 1, index // WRITERS + 1),
        )
        yield (*values, *marks.of("record", *values))


def _load(store: Store, first: Values, others: Iterator[Values]) -> None:
    if store.is_embedded:
        _load_sqlite(str(store.url.database), first, others)
    else:
        _load_postgresql(plain_url(store), first, others)


def _load_sqlite(path: str, first: Values, others: Iterator[Values]) -> None:
    places = ", ".join("?" * len(COLUMNS))
    names = ", ".join(COLUMNS)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-2000000")
        statement = f"INSERT INTO {records.name} ({names}) VALUES ({places})"  # noqa: S608  # names of our own
        connection.execute(statement, first)
        connection.executemany(statement, others)


def _load_postgresql(url: str, first: Values, others: Iterator[Values]) -> None:
    names = ", ".join(COLUMNS)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        copying = f"COPY {records.name} ({names}) FROM STDIN"
        with cursor.copy(copying.encode("ascii")) as copy:
            copy.write_row(first)
            for row in others:
                copy.write_row(row)


def _add_documents(store: Store) -> None:
    with store.writing() as connection:
        for document in (POLICY, TEXT):
            head: Sequence[Any] = (*document[:4], START)
            mark = store.marks.of("document", *head)
            connection.execute(
                insert(documents).values(
                    **document._asdict(), first_at=START, key=mark.key, mac=mark.mac
                )
            )


def _count_writers(store: Store, written: int) -> None:
    """Say in the tables how many writers there are, and how many records each has written."""
    with store.writing() as connection:
        for table in (writers, registry):
            connection.execute(table.delete())
        for writer in range(1, WRITERS + 1):
            own = (written - writer) // WRITERS + 1
            mark = store.marks.of("writer", writer, START, own)
            values = {"writer": writer, "opened_at": START, "written": own}
            connection.execute(insert(writers).values(**values, key=mark.key, mac=mark.mac))
        mark = store.marks.of("registry", WRITERS)
        values = {"one": 1, "writers": WRITERS}
        connection.execute(insert(registry).values(**values, key=mark.key, mac=mark.mac))
