"""Pruning and erasing: records go, and the ledger still proves that nothing else did."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

import pytest

from adapters import KEY
from consentgate.errors import ConsentGateError
from consentgate.ledger import pruning
from consentgate.ledger.erasing import Removed, count_of, erase
from consentgate.ledger.pruning import old_in, prune
from consentgate.ledger.seals import seal
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer
from ledger_history import DAYS, edit, entries, fill, id_of, night, put_back, taken
from ledger_rows import DAY, NOON, add_records, entry


def ids_in(store: Store) -> list[str]:
    """Return the ids of all records, without what fills them up."""
    return sorted(row["id"].rstrip("-") for row in taken(store)["consentgate_records"])


def hashes_in(store: Store) -> set[str]:
    """Return the hashes of all texts."""
    return {row["hash"] for row in taken(store)["consentgate_documents"]}


def pruned(store: Store, before: float, now: float = night(9)) -> list[int]:
    """Prune, and return how many records each seal had left."""
    return list(prune(store, old_in(store, before), now))


@pytest.mark.conformance("L13")
def test_whole_seals_are_pruned(store: Store) -> None:
    """A seal goes once its newest record is old enough; what it says stays and is clean."""
    fill(store)
    assert pruned(store, NOON + 2 * DAY) == [6]
    assert ids_in(store) == ["A7", "A8", "B5", "B6", "B7", "D1", "D3"]
    checked = verify(store)
    assert checked.is_clean
    assert (checked.seals, checked.pruned_seals, checked.pruned, checked.erased) == (3, 2, 10, 1)
    assert pruned(store, NOON + 2 * DAY) == []


@pytest.mark.conformance("L13")
def test_a_seal_with_one_record_that_is_not_old_stays(store: Store) -> None:
    """A record that came late into a seal, from a spool, keeps all of it."""
    add_records(store, [*entries("A", (1, 2), 0), *entries("A", (3,), 5)])
    seal(store, night(5))
    assert pruned(store, NOON + 5 * DAY) == []
    assert pruned(store, NOON + 5 * DAY + 4) == [3]
    assert verify(store).is_clean


def test_what_is_not_sealed_is_not_pruned(store: Store) -> None:
    """Without a seal nothing would be left of a record, so it stays until it has one."""
    add_records(store, entries("A", (1, 2), 0))
    assert pruned(store, night(9)) == []
    seal(store, night(9))
    assert pruned(store, night(9)) == [2]


@pytest.mark.parametrize("change", ["newest = 5", "newest = 5, \"key\" = 'other!'"])
def test_a_seal_that_was_made_to_look_old_is_not_pruned(store: Store, change: str) -> None:
    """Who changes the time of a seal does not get its records removed: nothing is."""
    fill(store)
    edit(store, "seals", change, "number = 3")
    with pytest.raises(ConsentGateError, match="seal 3 is not as the ledger wrote it"):
        pruned(store, NOON + 2 * DAY)
    assert len(ids_in(store)) == 13


def test_of_two_that_prune_at_once_one_does(store: Store) -> None:
    """Who comes second finds it done, and the note is that of the first."""
    fill(store)
    old = old_in(store, NOON + 2 * DAY)
    assert list(prune(store, old, night(4))) == [6]
    before = taken(store)
    assert list(prune(store, old, night(5))) == [0]
    assert taken(store) == before


def test_each_seal_is_pruned_at_once_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pruning ends in the middle, one seal is gone, the next is whole, all is clean."""
    fill(store)
    remove, calls = pruning._removed, count(1)

    def broken(*args: Any) -> int:
        removed = remove(*args)
        if next(calls) == 2:
            raise KeyboardInterrupt
        return removed

    monkeypatch.setattr(pruning, "_removed", broken)
    with pytest.raises(KeyboardInterrupt):
        pruned(store, NOON + 3 * DAY)
    assert [name for name in ids_in(store) if name[0] == "B"] == ["B5", "B6", "B7"]
    assert verify(store).is_clean


def test_pruning_goes_on_beside_writers(store: Store, ledger_url: str) -> None:
    """Records are written, erased, sealed and pruned at once, and nothing is found in the end."""
    failed: list[BaseException] = []
    opened = [Store(ledger_url, KEY, timeout=30.0) for _ in range(3)]
    writer = Writer(opened[0])
    writer.write([])

    def write(_: Store) -> None:
        for turn in range(30):
            writer.write(entries("A", (turn,), 0))

    def keep_pruning(own: Store) -> None:
        for _ in range(10):
            seal(own, night(1))
            pruned(own, night(0))

    def keep_erasing(own: Store) -> None:
        for turn in range(30):
            erase(own, id_of(f"A{turn}"), night(1))

    def work(task: Any, own: Store) -> None:
        try:
            task(own)
        except BaseException as error:  # it is asserted on below
            failed.append(error)

    tasks = zip((write, keep_pruning, keep_erasing), opened, strict=True)
    threads = [threading.Thread(target=work, args=each) for each in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in opened:
        own.close()
    assert not failed
    checked = verify(store)
    assert checked.is_clean, checked.findings


@pytest.mark.conformance("L13")
@pytest.mark.parametrize("name", ["B2", "A7"])
def test_an_erased_id_has_no_record_any_more(store: Store, name: str) -> None:
    """Of an id, sealed or not, only the marks of its records are left, and the rest is clean."""
    fill(store)
    before = taken(store)
    assert count_of(store, id_of(name)) == 1
    assert erase(store, id_of(name), night(4)) == Removed(1, 0)
    assert count_of(store, id_of(name)) == 0
    (row,) = [each for each in before["consentgate_records"] if each["id"] == id_of(name)]
    left = taken(store)["consentgate_erasures"]
    assert [each["record_mac"] for each in left].count(row["mac"]) == 1
    assert id_of(name) not in repr(taken(store))
    assert verify(store).is_clean
    seal(store, night(4))
    assert verify(store).is_clean


@pytest.mark.conformance("L13")
def test_all_records_of_an_id_are_erased(store: Store) -> None:
    """An id may have many records of many days, and all of them go, those of others stay."""
    many = [entry(at=NOON + second, id=id_of("me")) for second in range(250)]
    add_records(store, [*many[:200], *entries("A", (1,), 0)], many[200:])
    assert erase(store, id_of("me"), night(0)) == Removed(250, 0)
    assert ids_in(store) == ["A1"]
    assert verify(store).erased == 250
    assert erase(store, id_of("me"), night(0)) == Removed(0, 0)


def test_what_somebody_put_under_an_id_is_removed_and_not_vouched_for(store: Store) -> None:
    """A row that the ledger did not write goes as well, and its place is told by `verify`."""
    fill(store)
    edit(store, "records", f"id = '{id_of('B1')}'", f"id = '{id_of('B2')}'")
    assert erase(store, id_of("B1"), night(4)) == Removed(1, 1)
    (finding,) = verify(store)
    assert (finding.kind, finding.day, finding.row) == (
        "missing",
        DAYS[1],
        {"writer": 2, "number": 2},
    )


def test_what_cannot_be_checked_is_not_erased(store: Store) -> None:
    """Without the key of a record nobody can vouch for it: nothing is erased."""
    fill(store)
    edit(store, "records", "\"key\" = 'other!'", f"id = '{id_of('B2')}'")
    before = taken(store)
    with pytest.raises(ConsentGateError, match=r"record 2 of writer 2 .* the key other!"):
        erase(store, id_of("B2"), night(4))
    assert taken(store) == before


def test_an_erased_record_is_missing_where_the_ledger_is_put_back(store: Store) -> None:
    """Who puts back the records alone, to have the erased ones again, is found."""
    fill(store)
    records = taken(store)["consentgate_records"]
    erase(store, id_of("B2"), night(4))
    put_back(store, {**taken(store), "consentgate_records": records})
    (finding,) = verify(store)
    assert finding.row["id"] == id_of("B2")
