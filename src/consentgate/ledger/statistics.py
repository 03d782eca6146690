"""How visitors choose: counts and rates, added up by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, String, and_, cast, func, literal, select

from consentgate.ledger.reading import mapping_in
from consentgate.ledger.tables import records
from consentgate.ledger.texts import utc

CHOICES = ("granted", "partial", "refused", "withdrawn")
"""The actions that rates are of: what visitors chose."""
DECISIONS = ("granted", "refused")
"""What rates by category are of: what each choice said of it."""
GROUPS = ("day", "language", "revision", "source", "category", "site")
"""What records can be put together by."""

_DAY = 86_400


class Row(NamedTuple):
    """The choices of one group: how many of each kind. `key` is the day, the language, ..."""

    key: str
    counts: Mapping[str, int]

    @property
    def choices(self) -> int:
        """How many choices there are; the shares are of this number."""
        return sum(self.counts.values())

    def share(self, kind: str) -> float:
        """Return the share of a kind, from 0 to 1; 0 where there are no choices."""
        return self.counts.get(kind, 0) / self.choices if self.choices else 0.0

    def as_json(self, kinds: Iterable[str]) -> dict[str, Any]:
        """Return it as plain values: the count and the share of each kind."""
        return {
            "choices": self.choices,
            "counts": {kind: self.counts.get(kind, 0) for kind in kinds},
            "shares": {kind: round(self.share(kind), 6) for kind in kinds},
        }


class Statistics(NamedTuple):
    """Choices by `by`, one of GROUPS. `kinds` are those of the rows; `total` is all of them.

    `total` is always by action: `rows` are of the same choices. A "void" takes
    back a grant that never reached its browser, and "lapsed" is nobody's choice:
    both stand apart, in no rate.
    """

    by: str
    kinds: tuple[str, ...]
    rows: tuple[Row, ...]
    total: Row
    void: int
    lapsed: int

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "by": self.by,
            **self.total.as_json(CHOICES),
            "void": self.void,
            "lapsed": self.lapsed,
            "rows": [{"key": row.key, **row.as_json(self.kinds)} for row in self.rows],
        }


def statistics(
    connection: Connection, by: str, *, since: int | None = None, until: int | None = None
) -> Statistics:
    """Count what was chosen, by one of GROUPS: added up by the database.

    `since` is the first second, in seconds since the epoch, `until` the second
    behind the last one. A visitor who chooses twice counts twice, and a grant
    that never reached its browser does not count. Days are in UTC and in order,
    all else is in the order of its number of choices.
    """
    group = _grouped(by).label("grouped")
    query = select(group, records.c.action, func.count()).group_by(group, records.c.action)
    if since is not None:
        query = query.where(records.c.made_at >= since)
    if until is not None:
        query = query.where(records.c.made_at < until)
    found = [_Count(*row) for row in connection.execute(query)]
    voided = [_Count(*row) for row in connection.execute(query.join(_voids, _is_voided))]
    found += [count._replace(number=-count.number) for count in voided]
    actions: Counter[str] = Counter()
    for count in found:
        actions[count.action] += count.number
    rows = _rows(_decided(found) if by == "category" else _chosen(found, by))
    in_order = sorted(rows, key=lambda row: row.key if by == "day" else (-row.choices, row.key))
    return Statistics(
        by,
        DECISIONS if by == "category" else CHOICES,
        tuple(in_order),
        Row("", {kind: actions[kind] for kind in CHOICES}),
        actions["void"],
        actions["lapsed"],
    )


_voids = records.alias("voids")
# What a "void" has in its `extra`: which record it takes back.
_is_voided = and_(
    _voids.c.id == records.c.id,
    _voids.c.action == "void",
    _voids.c.extra == literal('{"voids":"') + cast(records.c.sequence, String) + '"}',
)


class _Count(NamedTuple):
    """How often one action is in the records of one group, as the database says it."""

    group: Any
    action: str
    number: int


class _Part(NamedTuple):
    """How many choices of one kind are in the group of a key."""

    key: str
    kind: str
    number: int


def _grouped(by: str) -> ColumnElement[Any]:
    """Return what the database groups by: of categories, the whole texts; few differ."""
    if by == "day":
        return records.c.made_at // _DAY
    return records.c["decisions" if by == "category" else by]


def _chosen(found: Iterable[_Count], by: str) -> Iterator[_Part]:
    for group, action, number in found:
        if action in CHOICES:
            yield _Part(_day(group) if by == "day" else str(group), action, number)


def _decided(found: Iterable[_Count]) -> Iterator[_Part]:
    for group, action, number in found:
        for key, decision in mapping_in(group).items() if action in CHOICES else ():
            yield _Part(key, DECISIONS[0 if decision is True else 1], number)


def _rows(parts: Iterable[_Part]) -> list[Row]:
    counts: dict[str, Counter[str]] = {}
    for key, kind, number in parts:
        counts.setdefault(key, Counter())[kind] += number
    return [Row(key, dict(+each)) for key, each in counts.items() if +each]


def _day(number: int) -> str:
    """Return the date of a day since the epoch; of what is no day, the number."""
    time = utc(number * _DAY)
    return str(number) if time is None else time[:10]
