"""Seals: what chains a day's records to those of the days before."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from heapq import merge
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import mapping_in
from consentgate.ledger.store import Store
from consentgate.ledger.tables import erasures, records, seals, writers
from consentgate.proof import compact

logger = logging.getLogger("consentgate")

PAGE = 5_000
"""How many rows are read at once."""

_MARKED = 8
_FEW = 20
_NUMBERS = (0, 1, 3, 4, 5)


class Seal(NamedTuple):
    """A seal as it stands in its row.

    It is over the records whose numbers are in `ranges`, JSON of the first and
    the last number of each writer. `records` is how many there were, `oldest`
    and `newest` are when the first and the last of them were made, in seconds
    since the epoch. `digest` is of their marks, `previous` is the mark of the
    seal before.
    """

    number: int
    made_at: int
    ranges: str
    records: int
    oldest: int
    newest: int
    digest: str
    previous: str
    key: str
    mac: str
    pruned_at: int | None = None
    pruned_key: str | None = None
    pruned_mac: str | None = None

    @property
    def spans(self) -> Mapping[int, tuple[int, int]]:
        """The first and the last number of each writer; nothing where somebody spoiled them."""
        try:
            found = {int(key): tuple(span) for key, span in mapping_in(self.ranges).items()}
        except (ValueError, TypeError):
            return {}
        return found if all(map(_is_span, found.values())) else {}

    def is_genuine(self, marks: Marks) -> bool | None:
        """Tell whether its mark fits; None where the key that it was made with is not given."""
        if not all(isinstance(self[position], int) for position in _NUMBERS):
            return False  # SQLite keeps texts in a column of numbers for whoever puts them there.
        return marks.genuine((self.key, self.mac), "seal", *self[:_MARKED])

    def is_pruned(self, marks: Marks) -> bool | None:
        """Tell whether its records were pruned, by the note about that; None without its key."""
        if self.pruned_at is None or self.pruned_key is None or self.pruned_mac is None:
            return False
        mark = (self.pruned_key, self.pruned_mac)
        return marks.genuine(mark, "pruned", self.number, self.mac, self.pruned_at)

    def __str__(self) -> str:
        """Return it as a line to be noted elsewhere: "seal 31 <mac>"."""
        return f"seal {self.number} {self.mac}"


def _is_span(span: tuple[Any, ...]) -> bool:
    return len(span) == 2 and all(type(n) is int for n in span) and 1 <= span[0] <= span[1]


class Digest:
    """The digest of records by their marks, which are added in the order of writer and number."""

    def __init__(self) -> None:
        self._hash = sha256()

    def add(self, writer: int, number: int, mac: str) -> None:
        """Add the mark of a record."""
        self._hash.update(f"{writer}:{number}:{mac}\n".encode())

    @property
    def text(self) -> str:
        """It in base64url, as `proof.digest` makes it of all of the text at once."""
        return urlsafe_b64encode(self._hash.digest()).rstrip(b"=").decode("ascii")


def seals_in(connection: Connection) -> Iterator[Seal]:
    """Read seals in the order of their numbers."""
    query = select(*(seals.c[name] for name in Seal._fields)).order_by(seals.c.number)
    with connection.execute(query.execution_options(yield_per=PAGE)) as rows:
        for row in rows:
            yield Seal(*row)


def newest_in(connection: Connection, marks: Marks) -> Seal | None:
    """Read the newest seal that the ledger made, None where there is none."""
    query = select(*(seals.c[name] for name in Seal._fields)).order_by(seals.c.number.desc())
    with connection.execute(query.execution_options(yield_per=_FEW)) as rows:
        found = (seal for row in rows if (seal := Seal(*row)).is_genuine(marks) is not False)
        return next(found, None)


def seal(store: Store, now: float) -> Seal | None:
    """Seal what is written and not sealed yet; `now` is in seconds since the epoch.

    What is sealed is of one moment. What is committed later, however old it
    is, comes into the next seal: so it needs neither a lock nor a clock that
    writers share. Returns the seal, None where nothing is new, or where
    somebody else sealed at the same time. Raises SQLAlchemyError where the
    database does not do it.
    """
    with store.reading() as connection:
        place, spans = _fresh(connection, store.marks)
        if not spans:
            return None
        made = _made(connection, store.marks, place, spans, int(now))
    try:
        with store.writing() as connection:
            connection.execute(insert(seals).values(made._asdict()))
    except IntegrityError:
        return None
    # What is in a log, too, cannot be taken back with the database alone.
    logger.info("the ledger has a new %s", made)
    return made


class _Place(NamedTuple):
    """Where the next seal stands: its number, and the mark of the one before."""

    number: int
    previous: str


def _fresh(connection: Connection, marks: Marks) -> tuple[_Place, dict[int, tuple[int, int]]]:
    """Return where the next seal stands, and the numbers of each writer that are in none.

    What a row says that somebody changed would be sealed: so it is left aside,
    and a writer's, too, that cannot be checked. A seal of an older key is
    relied on. A number that is taken by what is no seal is passed over.
    """
    last, ends, taken = _Place(0, ""), dict[int, int](), set[int]()
    for each in seals_in(connection):
        if each.is_genuine(marks) is False:
            taken.add(each.number)
        else:
            last = _Place(each.number, each.mac)
            ends |= {writer: end for writer, (_, end) in each.spans.items()}
    number = last.number + 1
    while number in taken:
        number += 1
    spans = {}
    for row in connection.execute(select(writers).order_by(writers.c.writer)):
        values = (row.writer, row.opened_at, row.written)
        first = ends.get(row.writer, 0) + 1
        if marks.fits((row.key, row.mac), "writer", *values):
            spans[row.writer] = (first, row.written)
    there = {writer: span for writer, span in spans.items() if span[0] <= span[1]}
    return _Place(number, last.previous), there


def _made(
    connection: Connection,
    marks: Marks,
    place: _Place,
    spans: Mapping[int, tuple[int, int]],
    now: int,
) -> Seal:
    digest, count, oldest, newest = Digest(), 0, None, None
    for writer, (first, end) in spans.items():
        for number, mac, made_at in _marks_in(connection, writer, first, end):
            digest.add(writer, number, mac)
            count += 1
            if isinstance(made_at, int):
                oldest = made_at if oldest is None else min(oldest, made_at)
                newest = made_at if newest is None else max(newest, made_at)
    values = (
        place.number,
        now,
        compact({str(writer): span for writer, span in spans.items()}),
        count,
        # Of erased records alone nothing else is known.
        now if oldest is None else oldest,
        now if newest is None else newest,
        digest.text,
        place.previous,
    )
    return Seal(*values, *marks.of("seal", *values))


def _marks_in(
    connection: Connection, writer: int, first: int, last: int
) -> Iterator[tuple[int, str, int | None]]:
    """Read number, mark and time of a writer's records; of an erased one, what is left of it."""
    there = (
        select(records.c.number, records.c.mac, records.c.made_at)
        .where(records.c.writer == writer, records.c.number.between(first, last))
        .order_by(records.c.number)
        .execution_options(yield_per=PAGE)
    )
    erased = (
        select(erasures.c.number, erasures.c.record_mac)
        .where(erasures.c.writer == writer, erasures.c.number.between(first, last))
        .order_by(erasures.c.number)
        .execution_options(yield_per=PAGE)
    )
    return merge(
        ((number, mac, made_at) for number, mac, made_at in connection.execute(there)),
        ((number, mac, None) for number, mac in connection.execute(erased)),
        key=lambda each: each[0],
    )
