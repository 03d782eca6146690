"""Databases for ledgers: a file, and a PostgreSQL that syncs what it writes."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.ledger_rows import KEY, plain_url
from consentgate.ledger.migrating import upgrade
from consentgate.ledger.store import Store
from consentgate.ledger.tables import metadata

# The tests know how to find a PostgreSQL and how to run one.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import postgres  # only now is it found

NAMES = ("SQLite", "PostgreSQL")


@contextmanager
def empty(name: str) -> Iterator[Store | None]:
    """Open an empty ledger in a database of this name; None where there is no such database.

    A file stands in the folder for temporary ones (`TMPDIR`). A PostgreSQL is
    started, with Debian's settings but for its memory, or it is that of
    CONSENTGATE_TEST_POSTGRES.
    """
    with _address(name) as url:
        if url is None:
            yield None
            return
        with opened(url) as store:
            upgrade(store)
            yield store


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Open a ledger that is there, without bounds of time."""
    store = Store(url, KEY, timeout=None)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _address(name: str) -> Iterator[str | None]:
    if name == "SQLite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/consent.db"
    elif os.environ.get(postgres.VARIABLE):
        server = postgres.session_cluster()
        url = server.create_database()
        yield url
        server.drop_database(url)
    elif postgres.find_binaries() is None:
        yield None
    else:
        with postgres.cluster() as own:
            yield own.create_database()


def bytes_of(store: Store) -> dict[str, tuple[int, int]]:
    """Return for each table how many bytes it takes, and how many its indexes take."""
    return {table: _weighed(store, table) for table in metadata.tables}


def _weighed(store: Store, table: str) -> tuple[int, int]:
    if not store.is_embedded:
        query = "SELECT pg_table_size(to_regclass(%s)), pg_indexes_size(to_regclass(%s))"
        with psycopg.connect(plain_url(store)) as connection:
            found = connection.execute(query, (table, table)).fetchone()
            assert found is not None
            return int(found[0]), int(found[1])
    # Page by page: the sums that `dbstat` itself makes have 32 bits.
    query = (
        "SELECT sum(CASE WHEN m.type = 'table' THEN s.pgsize END), "
        "sum(CASE WHEN m.type = 'index' THEN s.pgsize END) "
        "FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE m.tbl_name = ?"
    )
    with closing(sqlite3.connect(str(store.url.database))) as connection:
        table_bytes, index_bytes = connection.execute(query, (table,)).fetchone()
        return table_bytes or 0, index_bytes or 0
