"""Takes the records of one id out of a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from consentgate.errors import ConsentGateError
from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import ORDER, is_of
from consentgate.ledger.store import Store
from consentgate.ledger.tables import erasures, records

_AT_ONCE = 100


class Removed(NamedTuple):
    """What was taken out: `erased` records, and `forged` rows, which the ledger did not write."""

    erased: int
    forged: int


def count_of(store: Store, id: str) -> int:
    """Return how many records a visitor has, by an id."""
    with store.reading() as connection:
        query = select(records.c.sequence).where(is_of(id))
        return len(connection.execute(query).all())


def erase(store: Store, id: str, now: float) -> Removed:
    """Take out all records of a visitor, by an id; `now` is in seconds since the epoch.

    GDPR article 17. Of each record its mark stays, so that the seals still
    hold and nobody can say that it was lost; the mark is a keyed hash, and
    says nothing of what it was made of. A row that the ledger did not write
    goes as well, but leaves nothing: `verify` still finds where it was.

    It is one transaction. Raises ConsentGateError, and takes out nothing,
    where a record was marked by a key that is not given; SQLAlchemyError where
    the database does not do it.
    """
    with store.writing() as connection:
        query = select(records).where(is_of(id)).order_by(records.c.sequence)
        # Of rows that somebody else removes meanwhile nothing must be left here.
        rows = connection.execute(query.with_for_update()).all()
        genuine = [row for row in rows if _is_genuine(row, store.marks)]
        _delete(connection, rows)
        for row in genuine:
            values = (row.writer, row.number, row.mac, int(now))
            left = dict(zip(("writer", "number", "record_mac", "erased_at"), values, strict=True))
            mark = store.marks.of("erasure", *values)._asdict()
            connection.execute(insert(erasures).values(**left, **mark))
    return Removed(len(genuine), len(rows) - len(genuine))


def _is_genuine(row: Row[Any], marks: Marks) -> bool:
    fits = marks.genuine((row.key, row.mac), "record", *(row._mapping[name] for name in ORDER))
    if fits is None:
        raise ConsentGateError(
            f"record {row.number} of writer {row.writer} was marked by the key {row.key}, which "
            "is not given: name all keys of the ledger, the oldest first"
        )
    return fits


def _delete(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """Delete just these: what was written meanwhile was not looked at."""
    for start in range(0, len(rows), _AT_ONCE):
        wanted = [
            and_(records.c.id == row.id, records.c.sequence == row.sequence)
            for row in rows[start : start + _AT_ONCE]
        ]
        connection.execute(delete(records).where(or_(*wanted)))
