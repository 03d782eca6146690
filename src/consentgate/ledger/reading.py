"""Records and texts, as they are read back from a ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from consentgate.choice import base_of, has_marks
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
    if not has_marks(id):
        return records.c.id == id
    # From "base-" to what comes behind all that begins so: a range of the primary key.
    return or_(records.c.id == base, and_(records.c.id >= f"{base}-", records.c.id < f"{base}."))


def mapping_in(text: object) -> dict[str, Any]:
    """Read the JSON of a column or a text; of what somebody spoiled, nothing."""
    try:
        value = json.loads(text, parse_constant=_no_number) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)  # RFC 8259 6: NaN and Infinity are none.


def _record(row: Row[Any], marks: Marks) -> Record:
    cells: tuple[Any, ...] = tuple(row)
    values, (key, mac) = cells[:-2], cells[-2:]
    # SQLite keeps bytes in any column for whoever puts them there.
    plain = [repr(each) if isinstance(each, bytes) else each for each in values]
    plain[_DECISIONS], plain[_EXTRA] = map(mapping_in, (values[_DECISIONS], values[_EXTRA]))
    return Record._make((*plain, marks.genuine((key, mac), "record", *values)))
