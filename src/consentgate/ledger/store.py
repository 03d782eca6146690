"""A ledger's database, as all parts of the ledger reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from consentgate.errors import ConsentGateError
from consentgate.ledger.marks import Marks
from consentgate.token import SecretKey

# What speaks as PostgreSQL does has that name in an address, but for one that has its own.
_KNOWN = (
    *("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"),
    *("cockroachdb", "cockroachdb+psycopg", "cockroachdb+psycopg2"),
)
_BOUND = 2.0
_WRITES = "consentgate_writes"


def checked_url(text: object) -> URL:
    """Return the address of a ledger. Raises ConsentGateError for one that cannot be."""
    if not isinstance(text, (str, URL)):
        raise _no_address("this")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Not from the error, and without the text: there may be a password in it.
        raise _no_address("this") from None
    backend = url.get_backend_name()
    if url.drivername not in _KNOWN:
        raise _no_address(repr(url.drivername))
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, NoSuchModuleError) as error:
        raise ConsentGateError(
            f"Ledger(url): the driver of {url.drivername!r} is not installed ({error}); say "
            "pip install 'consentgate[postgresql]', and write postgresql+psycopg://"
        ) from error
    if backend == "sqlite" and (not url.database or ":memory:" in url.database):
        raise ConsentGateError(
            "Ledger(url): what is in memory proves nothing; name a file, as in "
            "'sqlite:///consent.db'"
        )
    return url


def _no_address(what: str) -> ConsentGateError:
    return ConsentGateError(
        f"Ledger(url): {what} is no address of a database that can be one; use one as in "
        "'sqlite:///consent.db' or 'postgresql+psycopg://user@host/database'"
    )


class Store:
    """The database of a ledger, and the keys that its rows are marked with.

    `timeout` is in seconds: no statement, and no wait for a lock, takes longer.
    `connections` is how many there may be at once. One that `changes` nothing
    can be a file that is only to be read, and is not made where it is not there.
    """

    def __init__(
        self,
        url: URL | str,
        key: SecretKey,
        *,
        timeout: float | None = _BOUND,
        connections: int = 1,
        changes: bool = True,
    ) -> None:
        self.url = checked_url(url)
        self.marks = Marks(key)
        if self.is_embedded:
            self.engine = _sqlite(self.url, 60.0 if timeout is None else timeout, changes)
        else:
            self.engine = _postgresql(self.url, timeout, connections)

    @property
    def is_embedded(self) -> bool:
        """Whether it is one file beside the app."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Begin a transaction that writes; it is committed at the end, or rolled back."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Begin a transaction in which all that is read is of one moment."""
        with self.engine.connect() as connection:
            if not self.is_embedded:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @property
    def file(self) -> Path:
        """The file of an embedded one."""
        return Path(str(self.url.database))

    @property
    def name(self) -> str:
        """Its address, for people: without what is secret in it."""
        secret = {key: "***" for key in self.url.query if "pass" in key}
        return self.url.update_query_dict(secret).render_as_string()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _postgresql(url: URL, timeout: float | None, connections: int) -> Engine:
    """Return an engine that notices a server that is gone: by its bounds, and by the kernel's."""
    arguments: dict[str, object] = {"application_name": "consentgate ledger"}
    if timeout is not None:
        milliseconds = int(timeout * 1000)
        arguments |= {
            # libpq waits two seconds at least.
            "connect_timeout": max(2, round(timeout)),
            "tcp_user_timeout": milliseconds,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            # What the address says comes behind, and counts.
            "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c idle_in_transaction_session_timeout={5 * milliseconds} "
            f"{url.query.get('options', '')}".strip(),
        }
    arguments = {
        name: value
        for name, value in arguments.items()
        if name not in url.query or name == "options"
    }
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60.0 if timeout is None else timeout,
        pool_pre_ping=True,
        # Whatever the server's default is: here no transaction looks at what another one does.
        isolation_level="READ COMMITTED",
        hide_parameters=True,
    )


def _only_read(url: URL) -> URL:
    """Return the address of a file as one that is only read (https://sqlite.org/uri.html)."""
    if "uri" in url.query:
        return url  # The site says by itself how.
    path = Path(str(url.database))
    mode = {"uri": "true", "mode": "ro"}
    if not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists():
        mode["immutable"] = "1"  # Beside it no file can be made, as SQLite would else want.
    return url.set(database=path.absolute().as_uri()).update_query_dict(mode)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _sqlite(url: URL, timeout: float, changes: bool) -> Engine:
    if not changes:
        url = _only_read(url)
    engine = create_engine(url, connect_args={"timeout": timeout}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connected(connection: object, _: object) -> None:
        # Python's own BEGIN comes too late: the first statement must take the lock.
        connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's
        # A cell that somebody filled with what is no text must not hide all others.
        connection.text_factory = _text  # type: ignore[attr-defined]  # sqlite3's
        if not changes:
            return
        cursor = connection.cursor()  # type: ignore[attr-defined]  # sqlite3's
        cursor.execute("PRAGMA journal_mode=WAL")
        # https://sqlite.org/pragma.html#pragma_synchronous: in WAL mode, FULL syncs each commit.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
