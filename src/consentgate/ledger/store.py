"""A ledger's database, as all parts of the ledger reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from consentgate.errors import ConsentGateError
from consentgate.ledger.marks import Marks
from consentgate.token import SecretKey

# What speaks as PostgreSQL does has that name in an address, but for one that has its own.
_KNOWN = ("sqlite", "postgresql", "cockroachdb")
_BOUND = 2.0
_WRITES = "consentgate_writes"


def checked_url(text: object) -> URL:
    """Return the address of a ledger. Raises ConsentGateError for one that cannot be."""
    try:
        url = make_url(text)  # type: ignore[arg-type]  # whatever was given, it says so
    except (ArgumentError, AttributeError, TypeError) as error:
        raise _no_address(text) from error
    backend = url.get_backend_name()
    if backend not in _KNOWN:
        raise _no_address(url.render_as_string())
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, NoSuchModuleError) as error:
        raise ConsentGateError(
            f"Ledger(url): the driver of {url.drivername!r} is not installed ({error}); say "
            "pip install 'consentgate[postgresql]', and write postgresql+psycopg://"
        ) from error
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConsentGateError(
            "Ledger(url): what is in memory proves nothing; name a file, as in "
            "'sqlite:///consent.db'"
        )
    return url


def _no_address(text: object) -> ConsentGateError:
    return ConsentGateError(
        f"Ledger(url): {text!r} is no address of a database that can be one; use one as in "
        "'sqlite:///consent.db' or 'postgresql+psycopg://user@host/database'"
    )


class Store:
    """The database of a ledger, and the keys that its rows are marked with.

    `timeout` is in seconds: no statement, and no wait for a lock, takes longer.
    `connections` is how many there may be at once.
    """

    def __init__(
        self,
        url: URL | str,
        key: SecretKey,
        *,
        timeout: float | None = _BOUND,
        connections: int = 1,
    ) -> None:
        self.url = checked_url(url)
        self.marks = Marks(key)
        self.engine = _engine(self.url, timeout, connections)

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

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: URL, timeout: float | None, connections: int) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, 60.0 if timeout is None else timeout)
    return _postgresql(url, timeout, connections)


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
            "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c idle_in_transaction_session_timeout={5 * milliseconds}",
        }
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60.0 if timeout is None else timeout,
        pool_pre_ping=True,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _sqlite(url: URL, timeout: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": timeout})

    @event.listens_for(engine, "connect")
    def _connected(connection: object, _: object) -> None:
        # Python's own BEGIN comes too late: the first statement must take the lock.
        connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's
        # A cell that somebody filled with what is no text must not hide all others.
        connection.text_factory = _text  # type: ignore[attr-defined]  # sqlite3's
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
