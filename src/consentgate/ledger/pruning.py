"""Takes old records out of a ledger, seal by seal.

The texts stay: they are about nobody, and few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, delete, update

from consentgate.errors import ConsentGateError
from consentgate.ledger.seals import Seal, seals_in
from consentgate.ledger.store import Store
from consentgate.ledger.tables import erasures, records, seals


def old_in(store: Store, before: float) -> tuple[Seal, ...]:
    """Return the seals all of whose records were made before a time, and are there.

    `before` is in seconds since the epoch. Raises ConsentGateError where such a
    seal is not as the ledger wrote it, or cannot be checked without its key:
    somebody may have made it look old to have its records removed.
    """
    with store.reading() as connection:
        there = [each for each in seals_in(connection) if each.pruned_at is None]
    old = tuple(each for each in there if _is_older(each, before))
    for each in old:
        if not each.is_genuine(store.marks):
            raise ConsentGateError(
                f"seal {each.number} is not as the ledger wrote it, or its key is not given: "
                "nothing is removed; see `consentgate ledger verify`"
            )
    return old


def prune(store: Store, old: tuple[Seal, ...], now: float) -> Iterator[int]:
    """Remove the records of seals, and say after each of them how many rows that were.

    Each seal is one transaction: its records go, and what is left of erased
    ones, and a note in it says so. It stays itself, so the chain holds.
    `now` is in seconds since the epoch. Raises SQLAlchemyError where the
    database does not do it; what was removed before stays removed.
    """
    for each in old:
        mark = store.marks.of("pruned", each.number, each.mac, int(now))
        note = {"pruned_at": int(now), "pruned_key": mark.key, "pruned_mac": mark.mac}
        with store.writing() as connection:
            # First of all: who prunes at the same time waits here, and finds it done.
            change = update(seals).where(seals.c.number == each.number, seals.c.pruned_at.is_(None))
            is_mine = connection.execute(change.values(note)).rowcount == 1
            count = _removed(connection, each.spans) if is_mine else 0
        yield count


def _removed(connection: Connection, spans: Mapping[int, tuple[int, int]]) -> int:
    """Remove what has a number in one of the runs; return how many records that were."""
    count = 0
    for writer, (first, last) in spans.items():
        # Records before erasures: an erasure that is under way is waited for, and seen then.
        for table in (records, erasures):
            gone = connection.execute(
                delete(table).where(table.c.writer == writer, table.c.number.between(first, last))
            )
            count += gone.rowcount if table is records else 0
    return count


def _is_older(each: Seal, before: float) -> bool:
    return isinstance(each.newest, int) and each.newest < before
