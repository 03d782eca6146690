"""A file on a local disk that keeps entries while the database of a ledger does not answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path

from itsdangerous import BadData, Signer
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from consentgate.ledger.store import Store
from consentgate.proof import Document, Entry, compact
from consentgate.token import SecretKey, checked_keys

logger = logging.getLogger("consentgate")

_MOST = 500

_metadata = MetaData()
_waiting = Table(
    "consentgate_spool",
    _metadata,
    Column("position", Integer, primary_key=True),
    Column("entry", Text, nullable=False),
    # In SQLite a number would otherwise be given again once its row is gone.
    sqlite_autoincrement=True,
)
# Nobody knows any more who wrote these: they are kept for people to look at.
_strange = Table(
    "consentgate_strange",
    _metadata,
    Column("position", Integer, primary_key=True),
    Column("entry", Text, nullable=False),
)


class Spool:
    """Keeps entries in a file, in order, until they are taken out; each is signed.

    The file is an SQLite database that is synced with each write, and that
    several processes may share. It is made when it is needed first.
    """

    def __init__(self, path: str | PathLike[str], key: SecretKey, timeout: float) -> None:
        self._path = Path(fspath(path))
        self._store = Store(
            URL.create("sqlite", database=fspath(path)), key, timeout=timeout, connections=2
        )
        self._signer = Signer(checked_keys(key), salt="consentgate.spool", key_derivation="hmac")
        self._is_made = False

    @property
    def is_there(self) -> bool:
        """Whether there is a file."""
        return self._path.exists()

    def put(self, entries: Iterable[Entry]) -> None:
        """Keep entries: after it they are on the disk. Raises SQLAlchemyError if they are not."""
        rows = [{"entry": self._signer.sign(_written(entry)).decode("utf-8")} for entry in entries]
        with self._store.writing() as connection:
            if not self._is_made:
                _metadata.create_all(connection)
            connection.execute(insert(_waiting), rows)
        self._is_made = True

    def first(self) -> tuple[list[Entry], Sequence[int]]:
        """Return the entries that came first, and their positions.

        What nobody here signed is put aside, and told. Raises SQLAlchemyError.
        """
        with self._store.writing() as connection:
            if not self._is_made:
                _metadata.create_all(connection)
            query = select(_waiting).order_by(_waiting.c.position).limit(_MOST)
            rows = connection.execute(query).all()
            read = [(row, self._read(row.entry)) for row in rows]
            strange = [row._asdict() for row, entry in read if entry is None]
            if strange:
                connection.execute(insert(_strange), strange)
                self._delete(connection, [row["position"] for row in strange])
                logger.error(
                    "%d entries in the spool %s are not as they were written: they are put aside "
                    "in its table consentgate_strange",
                    len(strange),
                    self._path,
                )
        self._is_made = True
        kept = [(entry, row.position) for row, entry in read if entry is not None]
        return [entry for entry, _ in kept], [position for _, position in kept]

    def remove(self, positions: Sequence[int]) -> None:
        """Forget what is in the ledger by now. Raises SQLAlchemyError."""
        with self._store.writing() as connection:
            self._delete(connection, positions)

    def waiting(self) -> int:
        """Return how many entries wait. Raises SQLAlchemyError."""
        with self._store.writing() as connection:
            _metadata.create_all(connection)
            return connection.execute(select(func.count()).select_from(_waiting)).scalar_one()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _delete(self, connection: Connection, positions: Sequence[int]) -> None:
        connection.execute(delete(_waiting).where(_waiting.c.position.in_(positions)))

    def _read(self, text: str) -> Entry | None:
        try:
            fields = json.loads(self._signer.unsign(text.encode("utf-8")))
            texts = tuple(Document(*each) for each in fields.pop("documents"))
            return Entry(**fields, documents=texts)
        except (BadData, ValueError, TypeError, AttributeError, KeyError):
            return None


def _written(entry: Entry) -> bytes:
    fields = entry._asdict()
    fields["decisions"], fields["extra"] = dict(entry.decisions), dict(entry.extra)
    return compact(fields).encode("ascii")
