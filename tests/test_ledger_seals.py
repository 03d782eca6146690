"""Seals: what is new is sealed once, with many writers and many sealers at the same time."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from adapters import KEY
from consentgate.ledger import seals
from consentgate.ledger.erasing import erase
from consentgate.ledger.seals import Seal, newest_in, seal, seals_in
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer
from consentgate.proof import digest
from ledger_history import DAYS, entries, fill, id_of, night, spoil, taken
from ledger_rows import DAY, NOON, add_records, entry


def all_in(store: Store) -> list[Seal]:
    """Return the seals of a ledger."""
    with store.reading() as connection:
        return list(seals_in(connection))


def made_now(store: Store, now: float) -> Seal:
    """Seal, when there is something to seal."""
    made = seal(store, now)
    assert made is not None
    return made


def test_an_empty_ledger_has_nothing_to_seal(store: Store) -> None:
    """Without a record there is no seal, and no newest one."""
    assert seal(store, NOON) is None
    with store.reading() as connection:
        assert newest_in(connection, store.marks) is None


def test_a_seal_says_what_it_is_over(store: Store) -> None:
    """It has the numbers of each writer, how many and from when they are, and their digest."""
    add_records(store, entries("A", (1, 2), 0), entries("B", (1, 2, 3), 1))
    made = made_now(store, night(1) + 0.5)
    rows = {(row["writer"], row["number"]): row for row in taken(store)["consentgate_records"]}
    lines = "".join(f"{w}:{n}:{row['mac']}\n" for (w, n), row in sorted(rows.items()))
    assert made.digest == digest(lines)
    assert json.loads(made.ranges) == {"1": [1, 2], "2": [1, 3]}
    assert made.spans == {1: (1, 2), 2: (1, 3)}
    assert (made.number, made.records, made.made_at) == (1, 5, int(night(1)))
    assert (made.oldest, made.newest) == (NOON + 1, NOON + DAY + 3)
    assert made.previous == ""
    assert made.is_genuine(store.marks)
    assert all_in(store) == [made]


@pytest.mark.conformance("L10")
def test_the_next_seal_is_over_what_is_new_and_follows_the_last(store: Store) -> None:
    """What was sealed is not sealed again, and each seal has the mark of the one before."""
    writer = Writer(store)
    writer.write(entries("A", (1, 2), 0))
    first = made_now(store, night(0))
    assert seal(store, night(0)) is None
    writer.write(entries("A", (3,), 1))
    second = made_now(store, night(1))
    assert second.spans == {1: (3, 3)}
    assert (second.number, second.previous) == (2, first.mac)
    with store.reading() as connection:
        assert newest_in(connection, store.marks) == second


def test_what_is_erased_is_sealed_by_its_mark(store: Store) -> None:
    """A record that was erased before the seal counts in its digest as if it were there."""
    add_records(store, entries("A", (1, 2, 3), 0))
    before = [row["mac"] for row in taken(store)["consentgate_records"]]
    erase(store, id_of("A2"), NOON)
    made = made_now(store, night(0))
    assert made.digest == digest("".join(f"1:{n}:{mac}\n" for n, mac in enumerate(before, 1)))
    assert made.records == 3


def test_a_seal_of_erased_records_alone_has_its_own_time(store: Store) -> None:
    """When erased records were made is not known any more, so they count as made at the seal."""
    add_records(store, entries("A", (1,), 0))
    erase(store, id_of("A1"), NOON)
    made = made_now(store, night(0))
    assert made.oldest == made.newest == made.made_at


def test_a_seal_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The log has number and mark of a seal, at INFO."""
    caplog.set_level(logging.INFO, "consentgate")
    add_records(store, entries("A", (1,), 0))
    made = made_now(store, night(0))
    assert caplog.messages[-1] == f"the ledger has a new seal 1 {made.mac}"
    assert str(made) == f"seal 1 {made.mac}"


def test_what_somebody_changed_is_not_sealed(store: Store) -> None:
    """A writer whose row was changed is left out, the others are sealed."""
    add_records(store, entries("A", (1, 2), 0), entries("B", (1, 2, 3), 0))
    spoil(store, "UPDATE consentgate_writers SET written = 1 WHERE writer = 2")
    assert made_now(store, night(0)).spans == {1: (1, 2)}


def test_a_changed_seal_covers_nothing(store: Store) -> None:
    """What only a changed seal is over is sealed again; `verify` tells of that seal alone."""
    fill(store)
    spoil(store, "UPDATE consentgate_seals SET ranges = '{\"2\":[5,70]}' WHERE number = 3")
    made = made_now(store, night(4))
    assert made.number == 4
    assert made.spans == {1: (7, 8), 2: (5, 7), 4: (1, 3)}
    assert [(f.kind, f.day, f.row) for f in verify(store)] == [
        ("edited", DAYS[3], {"seal": 3})  # made in the night after day 2
    ]


@pytest.mark.parametrize("ranges", ["{", "[]", '{"1":[1]}', '{"1":null}', '{"x":[1,2]}', "7"])
def test_ranges_that_are_none_are_no_ranges(ranges: str) -> None:
    """Whatever somebody wrote there, it is read as nothing, and nothing is raised."""
    assert Seal(1, 0, ranges, 0, 0, 0, "", "", "", "").spans == {}


@pytest.mark.conformance("L10")
def test_of_two_that_seal_at_once_one_gives_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second makes no seal, and nothing is sealed twice."""
    add_records(store, entries("A", (1, 2), 0))
    made_by: list[Seal | None] = []
    make = seals._made

    def overtaken(*args: object) -> Seal:
        monkeypatch.setattr(seals, "_made", make)
        made_by.append(seal(store, night(0)))
        return make(*args)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(seals, "_made", overtaken)
    assert seal(store, night(0)) is None
    assert made_by == all_in(store)


@pytest.mark.conformance("L10")
def test_with_many_writers_and_sealers_each_record_is_in_one_seal(
    store: Store, ledger_url: str
) -> None:
    """Threads write, seal and verify at once: each record is in one seal, nothing is found."""
    rounds, found, failed = 12, list[object](), list[BaseException]()
    stop = threading.Event()

    def work(task: Callable[[Store], None]) -> None:
        own = Store(ledger_url, KEY, timeout=30.0)
        try:
            task(own)
        except BaseException as error:  # it is asserted on below
            failed.append(error)
        finally:
            own.close()

    def write(own: Store) -> None:
        for turn in range(rounds):
            if turn % 4 == 0:
                writer = Writer(own)
            writer.write([entry(at=NOON + turn, id=f"{threading.get_ident() % 10**9:022}")])

    def keep_sealing(own: Store) -> None:
        while not stop.is_set():
            seal(own, NOON)

    def keep_verifying(own: Store) -> None:
        while not stop.is_set():
            found.extend(verify(own))

    writers = [threading.Thread(target=work, args=(write,)) for _ in range(4)]
    others = [
        threading.Thread(target=work, args=(task,))
        for task in (keep_sealing, keep_sealing, keep_verifying)
    ]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    seal(store, NOON)
    assert not failed
    assert not found
    checked = verify(store)
    assert checked.is_clean
    assert (checked.records, checked.unsealed) == (4 * rounds, 0)
    _assert_each_is_in_one_seal(store)


def _assert_each_is_in_one_seal(store: Store) -> None:
    made = all_in(store)
    assert all(after.previous == before.mac for before, after in pairwise(made))
    sealed = Counter(
        (writer, number)
        for each in made
        for writer, (first, last) in each.spans.items()
        for number in range(first, last + 1)
    )
    rows = taken(store)["consentgate_records"]
    assert sealed == Counter((row["writer"], row["number"]) for row in rows)
