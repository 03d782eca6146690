"""A file on a local disk that keeps entries while the database of a ledger does not answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple

from itsdangerous import BadData, Signer
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import sqlite

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
# The texts that entries refer to, each once: they are large, and few.
_texts = Table(
    "consentgate_texts",
    _metadata,
    Column("hash", String(43), primary_key=True),
    Column("text", Text, nullable=False),
)
# What nobody knows any more who wrote it, or no database takes: it is kept for people to look at.
_strange = Table(
    "consentgate_strange",
    _metadata,
    Column("position", Integer, primary_key=True),
    Column("entry", Text, nullable=False),
)


class Spooled(NamedTuple):
    """An entry in the spool, where it stands, and as what."""

    entry: Entry
    position: int
    text: str


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
        self._known: set[str] = set()

    @property
    def is_there(self) -> bool:
        """Whether there is a file."""
        return self._path.exists()

    def put(self, entries: Sequence[Entry]) -> None:
        """Keep entries: after it they are on the disk. Raises SQLAlchemyError if they are not."""
        rows = [{"entry": self._signed(_written(entry))} for entry in entries]
        texts = {text.hash: text for entry in entries for text in entry.documents}
        new = [text for key, text in texts.items() if key not in self._known]
        with self._store.writing() as connection:
            self._make(connection)
            for text in new:
                row = {"hash": text.hash, "text": self._signed(compact(text))}
                connection.execute(sqlite.insert(_texts).values(row).on_conflict_do_nothing())
            connection.execute(insert(_waiting), rows)
        self._is_made = True
        self._known |= texts.keys()

    def first(self) -> list[Spooled]:
        """Return the entries that came first.

        What nobody here signed is put aside, and told. Raises SQLAlchemyError.
        """
        with self._store.writing() as connection:
            self._make(connection)
            query = select(_waiting).order_by(_waiting.c.position).limit(_MOST)
            rows = connection.execute(query).all()
            texts = self._texts_in(connection) if rows else {}
            read = [(row, self._read(row.entry, texts)) for row in rows]
            for row, entry in read:
                if entry is None:
                    self._move(connection, row.position, row.entry)
        self._is_made = True
        if strange := sum(entry is None for _, entry in read):
            logger.error(
                "%d entries in the spool %s are not as they were written: they are put aside in "
                "its table consentgate_strange",
                strange,
                self._path,
            )
        return [Spooled(entry, row.position, row.entry) for row, entry in read if entry]

    def put_aside(self, spooled: Spooled) -> None:
        """Put aside what no database takes. Raises SQLAlchemyError."""
        logger.error(
            "an entry in the spool %s cannot be written: it is put aside in its table "
            "consentgate_strange",
            self._path,
        )
        with self._store.writing() as connection:
            self._move(connection, spooled.position, spooled.text)

    def remove(self, positions: Sequence[int]) -> None:
        """Forget what is in the ledger by now. Raises SQLAlchemyError."""
        with self._store.writing() as connection:
            connection.execute(delete(_waiting).where(_waiting.c.position.in_(positions)))

    def waiting(self) -> int:
        """Return how many entries wait. Raises SQLAlchemyError."""
        with self._store.writing() as connection:
            self._make(connection)
            return connection.execute(select(func.count()).select_from(_waiting)).scalar_one()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _make(self, connection: Connection) -> None:
        if not self._is_made:
            _metadata.create_all(connection)

    def _move(self, connection: Connection, position: int, text: str) -> None:
        connection.execute(insert(_strange).values(position=position, entry=text))
        connection.execute(delete(_waiting).where(_waiting.c.position == position))

    def _signed(self, text: str) -> str:
        return self._signer.sign(text.encode("ascii")).decode("ascii")

    def _texts_in(self, connection: Connection) -> dict[str, Document]:
        found = {}
        for row in connection.execute(select(_texts)):
            try:
                found[row.hash] = Document(*json.loads(self._signer.unsign(row.text)))
            except (BadData, ValueError, TypeError):
                continue  # Entries that refer to it are strange as well.
        return found

    def _read(self, text: str, texts: dict[str, Document]) -> Entry | None:
        try:
            fields = json.loads(self._signer.unsign(text))
            documents = tuple(texts[key] for key in fields.pop("documents"))
            return Entry(**fields, documents=documents)
        except (BadData, ValueError, TypeError, AttributeError, KeyError):
            return None


def _written(entry: Entry) -> str:
    fields = entry._asdict()
    fields["decisions"], fields["extra"] = dict(entry.decisions), dict(entry.extra)
    fields["documents"] = [text.hash for text in entry.documents]
    return compact(fields)
