"""Records and texts, as they are read back from a ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from consentgate.choice import base_of
from consentgate.ledger.marks import Marks
from consentgate.ledger.tables import records

_PAGE = 10_000
ORDER = (
    *("id", "sequence", "made_at", "action", "decisions", "revision", "language", "text"),
    *("source", "site", "extra", "writer", "number"),
)
"""The columns of a record that its mark is made of, in order."""

_COLUMNS = tuple(records.c[name] for name in (*ORDER, "key", "mac"))
_DECISIONS, _EXTRA = ORDER.index("decisions"), ORDER.index("extra")


class Record(NamedTuple):
    """One record of a ledger. See `consentgate.proof.Entry` for what is in it."""

    id: str
    sequence: int
    made_at: int
    action: str
    decisions: Mapping[str, bool]
    revision: str
    language: str
    text: str
    source: str
    site: str
    extra: Mapping[str, str]
    writer: int
    number: int
    genuine: bool | None
    """Whether its mark fits; None where the key that it was made with is not given."""

    @property
    def time(self) -> datetime:
        """When the choice was made, in UTC."""
        return datetime.fromtimestamp(self.made_at, UTC)


def records_in(
    connection: Connection,
    marks: Marks,
    *,
    id: str | None = None,
    since: int | None = None,
    until: int | None = None,
    by_visitor: bool = False,
) -> Iterator[Record]:
    """Read records in the order of their sequence: of one visitor, or made between two times.

    `since` is the first second, `until` the second behind the last one;
    `by_visitor` has those of a visitor together. What is not read yet is not in
    memory.
    """
    order = (records.c.sequence, records.c.id)
    query = select(*_COLUMNS).order_by(*(reversed(order) if by_visitor else order))
    if id is not None:
        query = query.where(is_of(id))
    if since is not None:
        query = query.where(records.c.made_at >= since)
    if until is not None:
        query = query.where(records.c.made_at < until)
    for row in connection.execution_options(yield_per=_PAGE).execute(query):
        yield _record(row, marks)


def is_of(id: str) -> ColumnElement[bool]:
    """Return the condition for records of one visitor.

    An id that says which answer of another banner it stands for is one of
    several of the same visitor: all of these are meant.
    """
    base = base_of(id)
    # From "base-" to what comes behind all that begins so: a range of the primary key.
    return or_(records.c.id == base, and_(records.c.id >= f"{base}-", records.c.id < f"{base}."))


def _record(row: Row[Any], marks: Marks) -> Record:
    cells: tuple[Any, ...] = tuple(row)
    values, (key, mac) = cells[:-2], cells[-2:]
    genuine = marks.fits((key, mac), "record", *values) if marks.is_known(key) else None
    return Record._make((*values, genuine))._replace(
        decisions=_read(values[_DECISIONS]),
        extra=_read(values[_EXTRA]),
    )


def _read(text: str) -> Mapping[str, Any]:
    """Read what a column says; of one that somebody spoiled, nothing."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
