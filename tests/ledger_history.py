"""A ledger with some of everything in it, and ways to spoil it: sealed, erased, pruned, and new.

Each writer has records with ids of its own, `A1` being the first of writer 1:

    day 0  A1 A2 A3             seal 1, pruned
    day 1  A4 A5 A6 B1 B2 B3 B4  seal 2, A5 erased
    day 2  B5 B6 B7             seal 3
    day 3  A7 A8 D1 D2 D3       in no seal yet, D2 erased

Writer 3 is registered, and never wrote anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, Table, delete, insert, select, text

from consentgate.ledger.erasing import erase
from consentgate.ledger.pruning import old_in, prune
from consentgate.ledger.seals import seal
from consentgate.ledger.store import Store
from consentgate.ledger.tables import metadata
from consentgate.ledger.writing import Writer
from consentgate.proof import Entry
from ledger_rows import DAY, NOON, entry

DAYS = ("2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28")
"""The days of the history."""

Rows = Mapping[str, list[dict[str, Any]]]
"""All rows of a ledger, by their tables."""


def id_of(name: str) -> str:
    """Return the id of a record by its short name, as "B2"."""
    return name.ljust(22, "-")


def entries(letter: str, numbers: Iterable[int], day: int) -> list[Entry]:
    """Return entries of a day, a second apart, whose ids have a letter and their number."""
    return [
        entry(
            "partial" if number % 2 else "granted",
            at=NOON + day * DAY + number,
            id=id_of(f"{letter}{number}"),
        )
        for number in numbers
    ]


def night(day: int) -> float:
    """Return a time in the night after a day, when it is sealed."""
    return NOON + day * DAY + 0.6 * DAY


def fill(store: Store) -> None:
    """Write the history into an empty ledger."""
    first = Writer(store, clock=lambda: NOON)
    first.write(entries("A", (1, 2, 3), 0))
    seal(store, night(0))
    second = Writer(store, clock=lambda: NOON + DAY)
    first.write(entries("A", (4, 5), 1))
    second.write(entries("B", (1, 2, 3, 4), 1))
    first.write(entries("A", (6,), 1))
    seal(store, night(1))
    Writer(store, clock=lambda: NOON + 2 * DAY).write([])
    second.write(entries("B", (5, 6, 7), 2))
    seal(store, night(2))
    first.write(entries("A", (7, 8), 3))
    Writer(store, clock=lambda: NOON + 3 * DAY).write(entries("D", (1, 2, 3), 3))
    erase(store, id_of("A5"), night(3))
    erase(store, id_of("D2"), night(3))
    assert list(prune(store, old_in(store, NOON + DAY), night(3))) == [3]


def spoil(store: Store, *statements: str, **values: Any) -> None:
    """Do to a ledger what SQL can do: its key is not needed for that."""
    with store.writing() as connection:
        for statement in statements:
            given = {name: values[name] for name in values if f":{name}" in statement}
            connection.execute(text(statement), given)


def edit(store: Store, table: str, change: str, where: str = "1 = 1") -> None:
    """Change rows of a table, which is named without its prefix, as in "writers"."""
    statement = f"UPDATE consentgate_{table} SET {change} WHERE {where}"  # noqa: S608  # our own
    spoil(store, statement)


def remove(store: Store, table: str, where: str = "1 = 1") -> None:
    """Delete rows of a table, which is named without its prefix."""
    spoil(store, f"DELETE FROM consentgate_{table} WHERE {where}")  # noqa: S608  # our own


def taken(store: Store) -> Rows:
    """Return all that is in a ledger, each table by its key: PostgreSQL promises no other order."""
    with store.reading() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(ordered(table))]
            for table in metadata.sorted_tables
        }


def ordered(table: Table) -> Select[Any]:
    """Return the query of a table's rows in the order of its key."""
    return select(table).order_by(*table.primary_key.columns)


def put_back(store: Store, rows: Rows) -> None:
    """Make a ledger what it was, or what anybody likes it to be."""
    with store.writing() as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))
            if rows.get(table.name):
                connection.execute(insert(table), rows[table.name])
