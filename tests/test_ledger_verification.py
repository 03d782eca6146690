"""`verify`: whatever somebody does to a ledger without its key is found, and its day and row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

import postgres
from adapters import KEY
from consentgate.ledger import tables
from consentgate.ledger.erasing import erase
from consentgate.ledger.findings import KINDS, Finding, day_of, days_between, days_of, found
from consentgate.ledger.marks import Marks
from consentgate.ledger.migrating import upgrade
from consentgate.ledger.pruning import old_in, prune
from consentgate.ledger.seals import newest_in, seal
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer, document_row
from consentgate.proof import Document, compact
from ledger_history import (
    DAYS,
    Rows,
    edit,
    entries,
    fill,
    id_of,
    night,
    put_back,
    remove,
    spoil,
    taken,
)
from ledger_rows import DAY, NOON, POLICY, add_records, entry, shown
from ledger_sequences import sequence_at

X = "x" * 43


class Kept(NamedTuple):
    """A ledger, its address, and the rows that it has after the history."""

    store: Store
    url: str
    rows: Rows


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """Return a ledger that all tests of this module use: to make one takes its time."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'consent.db'}"
    else:
        url = postgres.session_cluster().create_database()
    opened = Store(url, KEY, connections=4)
    upgrade(opened)
    fill(opened)
    yield Kept(opened, url, taken(opened))
    opened.close()


@pytest.fixture
def store(kept: Kept) -> Store:
    """Return the ledger with nothing in it."""
    put_back(kept.store, {})
    return kept.store


@pytest.fixture
def history(kept: Kept) -> Store:
    """Return the ledger with the rows of `ledger_history`, in which nothing is wrong."""
    put_back(kept.store, kept.rows)
    return kept.store


class Expected(NamedTuple):
    """What must be among the findings."""

    table: str
    kind: str
    day: str
    row: dict[str, Any]

    def is_in(self, findings: list[Finding]) -> bool:
        """Tell whether a finding names this day and row."""
        return any(
            (each.table, each.kind) == (self.table, self.kind)
            and self.day in each.day
            and self.row.items() <= each.row.items()
            for each in findings
        )


def check(store: Store, *expected: Expected, alone: bool = True) -> None:
    """Check a ledger: what is expected is found, and nothing else."""
    checked = verify(store)
    for each in expected:
        assert each.is_in(checked.findings), (each, checked.findings)
    assert not alone or checked.found == len(expected), checked.findings
    assert all(finding.kind in KINDS and finding.text for finding in checked)


def of_record(kind: str, day: str, **row: Any) -> Expected:
    """Return what must be found of a record."""
    return Expected("records", kind, day, row)


@pytest.mark.conformance("L9")
def test_a_ledger_that_nobody_touched_is_clean(history: Store) -> None:
    """All that was checked is counted, and nothing is found."""
    checked = verify(history)
    assert checked.counts() == {
        "records": 13,
        "erased": 2,
        "writers": 4,
        "documents": 2,
        "seals": 3,
        "first_sealed": DAYS[1],
        "last_sealed": DAYS[3],
        "pruned_seals": 1,
        "pruned": 3,
        "unsealed": 5,
        "unsealed_since": DAYS[3],
    }
    assert list(checked) == []


def test_an_empty_ledger_is_clean(store: Store) -> None:
    """A ledger that nobody wrote to yet has nothing wrong in it."""
    checked = verify(store)
    assert checked.is_clean
    assert checked.records == checked.writers == checked.seals == 0
    assert not checked.is_unsealed_long


COLUMNS = {
    "sequence": "sequence + 1",
    "made_at": "made_at + 864000",
    "action": "'refused'",
    "decisions": "'{}'",
    "revision": "'r2'",
    "language": "'fr'",
    "text": f"'{POLICY.hash}'",
    "source": "'app'",
    "site": "'other.example'",
    "extra": '\'{"a":"b"}\'',
    "mac": f"'{X}'",
}
PLACES = {"sealed": (2, 2, DAYS[1], "B2"), "unsealed": (4, 3, DAYS[3], "D3")}


@pytest.mark.conformance("L9")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("column", COLUMNS)
def test_an_edited_column_of_a_record_is_found(history: Store, column: str, place: str) -> None:
    """Whichever column is edited, sealed or not, `verify` tells of that row and nothing else."""
    writer, number, day, name = PLACES[place]
    change = f"{column} = {COLUMNS[column]}"
    edit(history, "records", change, f"writer = {writer} AND number = {number}")
    row = {"id": id_of(name), "writer": writer, "number": number}
    check(history, of_record("edited", day, **row))


@pytest.mark.parametrize("place", PLACES)
def test_an_edited_id_is_found(history: Store, place: str) -> None:
    """A record that is given to somebody else is found."""
    writer, number, day, name = PLACES[place]
    edit(history, "records", "id = 'me'", f"id = '{id_of(name)}'")
    check(history, of_record("edited", day, id="me", writer=writer, number=number))


@pytest.mark.parametrize("value", [1, 3, 9, 0, -1])
def test_an_edited_writer_is_found(history: Store, value: int) -> None:
    """A record that is given to another writer is found, and missing where it was."""
    edit(history, "records", f"writer = {value}", f"id = '{id_of('B2')}'")
    check(
        history,
        of_record("edited", DAYS[1], id=id_of("B2"), writer=value, number=2),
        of_record("missing", DAYS[1], writer=2, number=2),
    )


@pytest.mark.parametrize("value", [1, 5, 7, 8, 10**12, 0, -3])
def test_an_edited_number_is_found(history: Store, value: int) -> None:
    """A record that is given another number is found, and missing where it was."""
    edit(history, "records", f"number = {value}", f"id = '{id_of('B2')}'")
    check(
        history,
        of_record("edited", DAYS[1], id=id_of("B2"), writer=2, number=value),
        of_record("missing", DAYS[1], writer=2, number=2),
    )


@pytest.mark.conformance("L15")
def test_a_record_under_a_key_that_is_not_given_is_told(history: Store) -> None:
    """Who names a key that there is not has made a row that cannot be checked, which is told."""
    edit(history, "records", "\"key\" = 'other!'", "writer=2 AND number=6")
    check(history, of_record("key", DAYS[2], id=id_of("B6"), writer=2, number=6))


DELETED = {
    "the first of a writer": ("writer = 2 AND number = 1", DAYS[1], 2, 1, None),
    "one in the middle": ("writer = 2 AND number = 3", DAYS[1], 2, 3, None),
    "the last of a seal": ("writer = 2 AND number = 4", DAYS[1], 2, 4, None),
    "the last that is sealed": ("writer = 2 AND number = 7", DAYS[2], 2, 7, None),
    "the last that is not sealed": ("writer = 1 AND number = 8", DAYS[3], 1, 8, None),
    "some that follow each other": ("writer = 2 AND number IN (5, 6, 7)", DAYS[2], 2, 5, 7),
    "one beside an erased one": ("writer = 1 AND number = 6", DAYS[1], 1, 6, None),
    "one before an erased one": ("writer = 4 AND number = 1", DAYS[3], 4, 1, None),
}


@pytest.mark.conformance("L9")
@pytest.mark.parametrize("case", DELETED)
def test_a_deleted_record_is_found(history: Store, case: str) -> None:
    """What is missing is told by its writer and numbers, and by its day."""
    condition, day, writer, number, last = DELETED[case]
    remove(history, "records", condition)
    row = {"writer": writer, "number": number} | ({"last": last} if last else {})
    check(history, of_record("missing", day, **row))


@pytest.mark.conformance("L9")
def test_all_records_of_a_writer_deleted_are_found(history: Store) -> None:
    """Of a writer without any record left, what it had is told seal by seal."""
    remove(history, "records", "writer = 2")
    check(
        history,
        of_record("missing", DAYS[1], writer=2, number=1, last=4),
        of_record("missing", DAYS[2], writer=2, number=5, last=7),
    )


@pytest.mark.conformance("L9")
def test_all_records_deleted_are_found(history: Store) -> None:
    """An emptied table is missing all that was in it, but what was erased or pruned."""
    remove(history, "records")
    check(
        history,
        of_record("missing", DAYS[1], writer=1, number=4),
        of_record("missing", DAYS[1], writer=1, number=6),
        of_record("missing", DAYS[3], writer=1, number=7, last=8),
        of_record("missing", DAYS[1], writer=2, number=1, last=4),
        of_record("missing", DAYS[2], writer=2, number=5, last=7),
        of_record("missing", DAYS[3], writer=4, number=1),
        of_record("missing", DAYS[3], writer=4, number=3),
    )


def copied(store: Store, name: str, **changes: Any) -> None:
    """Insert a record once more, with changes."""
    rows = taken(store)["consentgate_records"]
    row = next(row for row in rows if row["id"] == id_of(name)) | changes
    with store.writing() as connection:
        connection.execute(tables.records.insert().values(row))


WRITTEN_ON = {"B2": 1, "B7": 2, "A8": 3, "D3": 3}


@pytest.mark.conformance("L9")
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("B2", {"id": "me"}),
        ("B2", {"sequence": sequence_at(NOON + DAY)}),
        ("B2", {"id": "me", "number": 8}),
        ("B7", {"id": "me", "number": 8}),
        ("A8", {"id": "me", "number": 9}),
        ("D3", {"id": "me", "number": 2}),
        ("B2", {"id": "me", "writer": 3, "number": 1}),
        ("B2", {"id": "me", "writer": 5, "number": 1}),
        ("B2", {"id": "me", "writer": 0, "number": 0}),
        ("B2", {"id": "me", "writer": 1, "number": 2}),
    ],
)
def test_an_inserted_record_is_found(history: Store, name: str, changes: dict[str, Any]) -> None:
    """A record that the ledger never wrote is found wherever it is put, and nothing else is."""
    copied(history, name, **changes)
    (finding,) = verify(history)
    assert (finding.table, finding.kind) == ("records", "edited")
    assert changes.items() <= finding.row.items()
    assert DAYS[WRITTEN_ON[name]] in finding.day


@pytest.mark.conformance("L9")
def test_swapped_numbers_are_found(history: Store) -> None:
    """Records in another order than they were written in are found, both of them."""
    edit(history, "records", "number = 3 - number", "writer = 2 AND number IN (1, 2)")
    check(
        history,
        of_record("edited", DAYS[1], id=id_of("B1"), number=2),
        of_record("edited", DAYS[1], id=id_of("B2"), number=1),
    )


@pytest.mark.conformance("L9")
def test_swapped_contents_are_found(history: Store) -> None:
    """Records that have each other's decisions and marks are found, both of them."""
    rows = {r["id"]: r for r in taken(history)["consentgate_records"]}
    for one, other in (("B1", "B6"), ("B6", "B1")):
        spoil(
            history,
            "UPDATE consentgate_records SET decisions = :decisions, mac = :mac WHERE id = :id",
            id=id_of(one),
            decisions=rows[id_of(other)]["decisions"],
            mac=rows[id_of(other)]["mac"],
        )
    check(
        history,
        of_record("edited", DAYS[1], id=id_of("B1"), number=1),
        of_record("edited", DAYS[2], id=id_of("B6"), number=6),
    )


@pytest.mark.conformance("L9")
def test_a_tail_that_is_cut_off_with_an_older_row_of_its_writer_is_found(store: Store) -> None:
    """Where the tail is sealed, a writer's row that counts fewer records is found, and the tail."""
    writer = Writer(store, clock=lambda: NOON)
    writer.write(entries("A", (1, 2, 3), 0))
    older = taken(store)["consentgate_writers"]
    writer.write(entries("A", (4, 5), 1))
    seal(store, night(1))
    put_back(store, {**taken(store), "consentgate_writers": older})
    check(store, Expected("writers", "unexpected", DAYS[1], {"writer": 1}))
    remove(store, "records", "number > 3")
    check(
        store,
        Expected("writers", "unexpected", DAYS[0], {"writer": 1}),
        of_record("missing", DAYS[1], writer=1, number=4, last=5),
    )


def test_an_erased_record_that_is_there_again_is_found(store: Store) -> None:
    """A record that came back after it was erased is told, by its row."""
    add_records(store, entries("A", (1, 2, 3), 0))
    rows = taken(store)["consentgate_records"]
    erase(store, id_of("A2"), night(0))
    put_back(store, {**taken(store), "consentgate_records": rows})
    check(store, of_record("unexpected", DAYS[0], id=id_of("A2"), writer=1, number=2))


def test_a_pruned_record_that_is_there_again_is_found(store: Store) -> None:
    """Records that came back after they were pruned are told, row by row."""
    add_records(store, entries("A", (1, 2), 0))
    seal(store, night(0))
    rows = taken(store)["consentgate_records"]
    assert sum(prune(store, old_in(store, night(1)), night(1))) == 2
    put_back(store, {**taken(store), "consentgate_records": rows})
    check(
        store,
        of_record("unexpected", DAYS[0], id=id_of("A1"), writer=1, number=1),
        of_record("unexpected", DAYS[0], id=id_of("A2"), writer=1, number=2),
    )


def test_what_is_left_of_an_erased_record_must_go_with_its_seal(store: Store) -> None:
    """An erasure that is there again after its seal was pruned is told."""
    add_records(store, entries("A", (1, 2), 0))
    erase(store, id_of("A2"), night(0))
    seal(store, night(0))
    rows = taken(store)["consentgate_erasures"]
    assert sum(prune(store, old_in(store, night(1)), night(1))) == 1
    put_back(store, {**taken(store), "consentgate_erasures": rows})
    check(store, Expected("erasures", "unexpected", DAYS[1], {"writer": 1, "number": 2}))


@pytest.mark.parametrize(
    "change", ["opened_at = opened_at + 1", "written = 3", "written = 30", f"mac = '{X}'"]
)
def test_an_edited_writer_row_is_found(history: Store, change: str) -> None:
    """Whichever column of a writer's row is edited, that row is told, and nothing else."""
    edit(history, "writers", change, "writer = 2")
    check(history, Expected("writers", "edited", DAYS[1], {"writer": 2}))


def test_a_writer_row_with_another_number_is_found(history: Store) -> None:
    """The row that somebody renumbered is told, and the one that is missing."""
    edit(history, "writers", "writer = 9", "writer = 2")
    check(
        history,
        Expected("writers", "edited", DAYS[1], {"writer": 9}),
        Expected("writers", "missing", "2026", {"writer": 2}),
    )


@pytest.mark.parametrize(
    ("condition", "row"),
    [
        ("writer = 1", {"writer": 1}),
        ("writer = 4", {"writer": 4}),
        ("writer IN (2, 3)", {"writer": 2, "last": 3}),
        ("writer > 0", {"writer": 1, "last": 4}),
    ],
)
def test_a_deleted_writer_row_is_found(history: Store, condition: str, row: dict[str, int]) -> None:
    """Writers whose rows are gone are told, also where it is the last one, or all."""
    remove(history, "writers", condition)
    check(history, Expected("writers", "missing", "", row))


def test_a_writer_deleted_with_all_its_records_is_found(history: Store) -> None:
    """The registry still counts a writer of which nothing is left."""
    for table in ("writers", "records", "erasures"):
        remove(history, table, "writer = 4")
    check(history, Expected("writers", "missing", DAYS[2], {"writer": 4}))


def test_an_older_registry_is_found(store: Store) -> None:
    """A registry that counts fewer writers than there are is told by the writers it lacks."""
    add_records(store, entries("A", (1,), 0))
    older = taken(store)["consentgate_registry"]
    add_records(store, entries("B", (1,), 0))
    put_back(store, {**taken(store), "consentgate_registry": older})
    check(store, Expected("writers", "unexpected", DAYS[0], {"writer": 2}))
    remove(store, "writers", "writer = 2")
    check(store, of_record("unexpected", DAYS[0], id=id_of("B1"), writer=2, number=1))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("writers = 3", "edited"),
        ("writers = 5", "edited"),
        (f"mac = '{X}'", "edited"),
        ("\"key\" = 'other!'", "key"),
    ],
)
def test_an_edited_registry_is_found(history: Store, change: str, kind: str) -> None:
    """Whichever column of the registry is edited, that is told, and nothing else."""
    edit(history, "registry", change)
    check(history, Expected("registry", kind, "", {}))


def test_a_registry_that_is_gone_or_doubled_is_found(history: Store) -> None:
    """There is one registry where there are writers: none and two are told, and nothing else."""
    spoil(
        history,
        'INSERT INTO consentgate_registry SELECT 2, writers, "key", mac FROM consentgate_registry',
    )
    check(history, Expected("registry", "unexpected", "", {}))
    remove(history, "registry")
    check(history, Expected("registry", "missing", DAYS[0], {}))


@pytest.mark.conformance("L9")
@pytest.mark.parametrize(
    "change",
    [
        "kind = 'policy'",
        "revision = 'r9'",
        "language = 'fr'",
        "content = '{}'",
        "first_at = first_at - 1",
        f"mac = '{X}'",
    ],
)
def test_an_edited_text_is_found(history: Store, change: str) -> None:
    """Whichever column of a text is edited, that text is told, and nothing else."""
    edit(history, "documents", f"{change}", "kind = 'text'")
    check(history, Expected("documents", "edited", DAYS[0], {"hash": shown().hash}))


def test_a_text_with_another_hash_is_found(history: Store) -> None:
    """The text that somebody renamed is told, and the one that records refer to is missing."""
    edit(history, "documents", f"hash = '{X}'", "kind = 'text'")
    check(
        history,
        Expected("documents", "edited", DAYS[0], {"hash": X}),
        Expected("documents", "missing", DAYS[1], {"hash": shown().hash}),
    )


def test_a_deleted_text_is_found_once(history: Store) -> None:
    """The text that is gone is told once, by its hash, with the first record that was shown it."""
    remove(history, "documents", "kind = 'text'")
    check(history, Expected("documents", "missing", DAYS[1], {"hash": shown().hash}))
    assert id_of("A4") in verify(history).findings[0].text


def test_a_deleted_policy_is_found(history: Store) -> None:
    """The policy that only a shown text names is told where it is gone."""
    remove(history, "documents", "kind = 'policy'")
    check(history, Expected("documents", "missing", DAYS[0], {"hash": POLICY.hash}))


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}"])
def test_a_text_needs_no_policy(store: Store, content: str) -> None:
    """A text that names no policy misses none."""
    row = document_row(Document.of("text", "r1", "en", content), store.marks, NOON)
    with store.writing() as connection:
        connection.execute(tables.documents.insert().values(row))
    # Nobody wrote it: a ledger with texts has a writer.
    check(store, Expected("registry", "missing", "", {}))
    Writer(store).write([])
    assert verify(store).is_clean


SEALS = {
    "made_at": "made_at - 1",
    "ranges": '\'{"1":[4,6],"2":[1,3]}\'',
    "records": "6",
    "oldest": "oldest - 1",
    "newest": "newest - 1",
    "digest": f"'{X}'",
    "previous": f"'{X}'",
    "mac": f"'{X}'",
}


@pytest.mark.conformance("L9")
@pytest.mark.parametrize("column", SEALS)
def test_an_edited_seal_is_found(history: Store, column: str) -> None:
    """Whichever column of a seal is edited, that seal is told, and nothing else."""
    edit(history, "seals", f"{column} = {SEALS[column]}", "number = 2")
    check(history, Expected("seals", "edited", DAYS[2], {"seal": 2}))


def test_a_seal_under_a_key_that_is_not_given_is_told(history: Store) -> None:
    """The seal that names another key is told, and nothing else."""
    edit(history, "seals", "\"key\" = 'other!'", "number = 2")
    check(history, Expected("seals", "key", DAYS[2], {"seal": 2}))


@pytest.mark.parametrize("number", [0, 9])
def test_a_renumbered_seal_is_found(history: Store, number: int) -> None:
    """The seal that has another number is told, and the one that is missing."""
    edit(history, "seals", f"number = {number}", "number = 2")
    check(
        history,
        Expected("seals", "edited", DAYS[2], {"seal": number}),
        Expected("seals", "missing", "", {"seal": 2}),
    )


@pytest.mark.conformance("L9")
def test_a_seal_deleted_from_the_middle_is_found(history: Store) -> None:
    """The seal that the next one follows is told, and between which days it was made."""
    remove(history, "seals", "number = 2")
    check(history, Expected("seals", "missing", f"{DAYS[1]} to {DAYS[3]}", {"seal": 2}))


def test_all_seals_but_the_last_deleted_are_found(history: Store) -> None:
    """Seals from the start are missing, and with that of pruned records these are, too."""
    remove(history, "seals", "number < 3")
    check(
        history,
        Expected("seals", "missing", f"until {DAYS[3]}", {"seal": 1, "last": 2}),
        of_record("missing", DAYS[0], writer=1, number=1, last=3),
    )


@pytest.mark.conformance("L10")
def test_a_seal_deleted_from_the_end_is_found_by_an_anchor(history: Store) -> None:
    """Without the newest seal nothing is lost, and nothing told; who noted it can tell."""
    with history.reading() as connection:
        newest = newest_in(connection, history.marks)
    assert newest is not None
    anchors = [(newest.number, newest.mac)]
    assert verify(history, anchors=anchors).is_clean
    remove(history, "seals", "number = 3")
    checked = verify(history)
    assert checked.is_clean
    assert (checked.unsealed, checked.unsealed_since) == (8, DAYS[2])
    (finding,) = verify(history, anchors=anchors)
    assert (finding.kind, finding.row) == ("anchor", {"seal": 3})
    assert f"the newest is 2, of {DAYS[2]}" in finding.text


def test_an_inserted_seal_is_found(history: Store) -> None:
    """A seal that somebody copied to the end is told."""
    spoil(
        history,
        "INSERT INTO consentgate_seals SELECT 4, made_at, ranges, records, oldest, newest, digest, "
        'previous, "key", mac, pruned_at, pruned_key, pruned_mac FROM consentgate_seals '
        "WHERE number = 3",
    )
    check(history, Expected("seals", "edited", DAYS[3], {"seal": 4}))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("pruned_at = pruned_at + 1", "edited"),
        (f"pruned_mac = '{X}'", "edited"),
        ("pruned_at = NULL", "edited"),
        ("pruned_key = NULL, pruned_mac = NULL", "edited"),
    ],
)
def test_an_edited_note_of_pruning_is_found(history: Store, change: str, kind: str) -> None:
    """A note that was changed excuses nothing: the seal is told, and its records are missing."""
    edit(history, "seals", f"{change}", "number = 1")
    check(
        history,
        Expected("seals", kind, DAYS[1], {"seal": 1}),
        of_record("missing", DAYS[0], writer=1, number=1, last=3),
    )


def test_a_note_of_pruning_under_a_key_that_is_not_given_is_told(history: Store) -> None:
    """Whether its records may be gone cannot be told, so the seal is told of alone."""
    edit(history, "seals", "pruned_key = 'other!'", "number = 1")
    check(history, Expected("seals", "key", DAYS[1], {"seal": 1}))


def test_a_removed_note_of_pruning_is_found(history: Store) -> None:
    """Without the note, what was pruned is missing."""
    edit(history, "seals", "pruned_at = NULL, pruned_key = NULL, pruned_mac = NULL")
    check(history, of_record("missing", DAYS[0], writer=1, number=1, last=3))


def test_records_that_somebody_removes_with_the_note_of_another_seal_are_found(
    history: Store,
) -> None:
    """The note of one seal is none for another."""
    for column in ("pruned_at", "pruned_key", "pruned_mac"):
        other = f"(SELECT s.{column} FROM consentgate_seals s WHERE s.number = 1)"  # noqa: S608  # own
        edit(history, "seals", f"{column} = {other}", "number = 3")
    remove(history, "records", "writer = 2 AND number > 4")
    check(
        history,
        Expected("seals", "edited", DAYS[3], {"seal": 3}),
        of_record("missing", DAYS[2], writer=2, number=5, last=7),
    )


@pytest.mark.parametrize(
    "change", ["erased_at = erased_at - 1", f"record_mac = '{X}'", f"mac = '{X}'"]
)
def test_an_edited_erasure_is_found(history: Store, change: str) -> None:
    """Whichever column of an erasure is edited, that one is told, and nothing else."""
    edit(history, "erasures", f"{change}", "writer = 1")
    check(history, Expected("erasures", "edited", "2026", {"writer": 1, "number": 5}))


def test_an_erasure_under_a_key_that_is_not_given_is_told(history: Store) -> None:
    """The erasure that names another key is told, and nothing else."""
    edit(history, "erasures", "\"key\" = 'other!'", "writer = 1")
    check(history, Expected("erasures", "key", "2026", {"writer": 1, "number": 5}))


@pytest.mark.parametrize(
    ("writer", "number"), [(1, 7), (2, 1), (2, 8), (2, 0), (3, 1), (9, 1), (0, 1), (-1, -1)]
)
def test_a_moved_erasure_is_found(history: Store, writer: int, number: int) -> None:
    """An erasure that is put elsewhere excuses nothing there, and the erased record is missing."""
    edit(history, "erasures", f"writer = {writer}, number = {number}", "writer = 1")
    check(
        history,
        Expected("erasures", "edited", "2026", {"writer": writer, "number": number}),
        of_record("missing", DAYS[1], writer=1, number=5),
    )


def test_a_forged_erasure_of_a_deleted_record_is_found(history: Store) -> None:
    """Who deletes a record and says that it was erased is found."""
    spoil(
        history,
        'INSERT INTO consentgate_erasures SELECT writer, number, mac, made_at, "key", mac '
        "FROM consentgate_records WHERE writer = 2 AND number = 2",
    )
    remove(history, "records", "writer = 2 AND number = 2")
    check(history, Expected("erasures", "edited", DAYS[1], {"writer": 2, "number": 2}))


def test_a_deleted_erasure_is_found(history: Store) -> None:
    """Without what is left of it, an erased record is missing."""
    remove(history, "erasures", "writer = 4")
    check(history, of_record("missing", DAYS[3], writer=4, number=2))


def test_an_erasure_beyond_what_was_written_is_found(store: Store) -> None:
    """An erasure that is newer than its writer's row is told."""
    writer = Writer(store, clock=lambda: NOON)
    writer.write(entries("A", (1,), 0))
    add_records(store, entries("B", (1,), 0))
    older = taken(store)
    writer.write(entries("A", (2,), 0))
    erase(store, id_of("A2"), night(0))
    left = taken(store)["consentgate_erasures"]
    put_back(store, {**older, "consentgate_erasures": left})
    check(store, Expected("erasures", "unexpected", DAYS[1], {"writer": 1, "number": 2}))


def branches(store: Store) -> tuple[Rows, Rows]:
    """Return two ledgers that went on from the same copy: both are genuine in themselves."""
    writer = Writer(store, clock=lambda: NOON)
    writer.write(entries("A", (1, 2), 0))
    seal(store, night(0))
    common, made = taken(store), []
    for letter in "BC":
        put_back(store, common)
        other = Writer(store, clock=lambda: NOON + DAY)
        other.write(entries(letter, (1, 2, 3), 1))
        seal(store, night(1))
        other.write(entries(letter, (4,), 2))
        seal(store, night(2))
        made.append(taken(store))
        assert verify(store).is_clean
    return made[0], made[1]


def test_records_of_another_copy_are_found_by_their_seal(store: Store) -> None:
    """Records that the ledger wrote in another copy of it are not those that were sealed."""
    one, other = branches(store)
    put_back(store, {**one, "consentgate_records": other["consentgate_records"]})
    check(
        store,
        Expected("seals", "digest", DAYS[1], {"seal": 2}),
        Expected("seals", "digest", DAYS[2], {"seal": 3}),
    )


def test_a_seal_of_another_copy_is_found_by_the_chain(store: Store) -> None:
    """A seal that the ledger made in another copy of it does not follow the one before it."""
    one, other = branches(store)
    rows = [*one["consentgate_seals"][:2], other["consentgate_seals"][2]]
    put_back(store, {**one, "consentgate_seals": rows})
    check(
        store,
        Expected("seals", "order", DAYS[3], {"seal": 3}),
        Expected("seals", "digest", DAYS[2], {"seal": 3}),
    )


def test_a_record_of_another_copy_beside_one_of_this_is_found(store: Store) -> None:
    """Two genuine records with one number cannot both be of this ledger."""
    one, other = branches(store)
    extra = other["consentgate_records"][2]
    put_back(store, {**one, "consentgate_records": [*one["consentgate_records"], extra]})
    (finding,) = verify(store)
    assert (finding.table, finding.kind, finding.day) == ("records", "unexpected", DAYS[1])
    assert (finding.row["writer"], finding.row["number"]) == (2, 1)


def test_a_seal_that_does_not_begin_where_the_last_ended_is_found(store: Store) -> None:
    """Seals that are over a record twice, or leave one out, are told with the writer."""
    writer = Writer(store, clock=lambda: NOON)
    writer.write(entries("A", (1, 2), 0))
    seal(store, night(0))
    one = taken(store)
    writer.write(entries("A", (3,), 1))
    seal(store, night(1))
    chained = taken(store)["consentgate_seals"][1]
    # The same, but that the first seal comes later: as from another copy.
    remove(store, "seals")
    seal(store, night(1))
    put_back(
        store, {**taken(store), "consentgate_seals": [*taken(store)["consentgate_seals"], chained]}
    )
    assert one["consentgate_seals"]
    check(
        store,
        Expected("seals", "order", DAYS[2], {"seal": 2}),
        Expected("seals", "order", DAYS[2], {"seal": 2, "writer": 1}),
        Expected("seals", "digest", "", {"seal": 2}),
        alone=False,
    )


@pytest.mark.conformance("L10")
def test_an_older_copy_of_all_is_found_by_an_anchor_alone(store: Store) -> None:
    """The whole ledger as it was looks as it did; only who noted a later seal can tell."""
    fill(store)
    older = taken(store)
    made = seal(store, night(4))
    assert made is not None
    put_back(store, older)
    assert verify(store).is_clean
    (finding,) = verify(store, anchors=[(made.number, made.mac)])
    assert (finding.table, finding.kind, finding.row) == ("seals", "anchor", {"seal": 4})


@pytest.mark.conformance("L10")
def test_an_emptied_ledger_is_found_by_an_anchor_alone(history: Store) -> None:
    """A ledger without any row looks as a new one, but for who noted a seal."""
    put_back(history, {})
    assert verify(history).is_clean
    (finding,) = verify(history, anchors=[(1, X)])
    assert "there is no seal at all" in finding.text


def test_another_seal_than_was_noted_is_found(history: Store) -> None:
    """A seal that has the number of a noted one, and another mark, is told."""
    (finding,) = verify(history, anchors=[(2, X)])
    assert (finding.kind, finding.day, finding.row) == ("anchor", DAYS[2], {"seal": 2})


def test_a_seal_that_was_made_twice_is_found_by_both_notes(store: Store) -> None:
    """Where a log has two seals of one number, an older copy was put back and sealed again."""
    one, other = branches(store)
    notes = [(each["number"], each["mac"]) for each in one["consentgate_seals"]]
    put_back(store, other)
    assert verify(store, anchors=notes[:1]).is_clean
    notes += [(each["number"], each["mac"]) for each in other["consentgate_seals"]]
    assert [finding.row["seal"] for finding in verify(store, anchors=notes)] == [2, 3]


@pytest.mark.conformance("L15")
def test_keys_may_be_rotated(history: Store, kept: Kept) -> None:
    """What older keys marked is checked by them, and told where they are not given."""
    new = "a-new-key-of-the-ledger-32-letter"
    both, later = Store(kept.url, [KEY, new]), Store(kept.url, new)
    assert verify(both).is_clean
    Writer(both, clock=lambda: NOON).write(entries("E", (1,), 4))
    assert seal(both, night(4)) is not None
    assert verify(both).is_clean
    kinds = {finding.kind for finding in verify(later)}
    assert kinds == {"key"}
    assert all(finding.row.get("seal") != 4 for finding in verify(later))
    both.close()
    later.close()


def test_a_ledger_goes_on_after_what_was_found(history: Store) -> None:
    """What is written after a row was spoiled is checked as before, and nothing new is found."""
    edit(history, "writers", "written = 3", "writer = 2")
    seal(history, night(4))
    add_records(history, entries("E", (1, 2), 5))
    seal(history, night(5))
    check(history, Expected("writers", "edited", DAYS[1], {"writer": 2}))


def test_findings_are_kept_up_to_a_number(history: Store) -> None:
    """All findings are counted, and the first ones kept."""
    edit(history, "records", f"mac = '{X}'")
    checked = verify(history, most=5)
    assert (checked.found, len(checked.findings)) == (13, 5)
    assert not checked.is_clean


def test_a_choice_without_a_text_misses_none(store: Store) -> None:
    """A record that says that nothing was shown refers to no text."""
    add_records(store, [entry(text="", documents=())])
    assert verify(store).is_clean


STRANGE = {
    "records": ("id", "made_at", "sequence", "writer", "number", "text", "extra"),
    "writers": ("opened_at", "written"),
    "registry": ("writers",),
    "documents": ("content", "first_at", "language"),
    "seals": ("made_at", "ranges", "records", "newest", "digest"),
    "erasures": ("writer", "number", "record_mac", "erased_at"),
}


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", ["'text'", "x'00ff'", "1.5"])
@pytest.mark.parametrize(
    ("table", "column"), [(table, each) for table, columns in STRANGE.items() for each in columns]
)
def test_values_of_another_type_are_found(
    history: Store, table: str, column: str, value: str
) -> None:
    """SQLite keeps any value in any column: none of them stops the check, and each is told."""
    where = "number = 2" if "seals" in table else "writer <> 3" if "writers" in table else "1"
    row = f"rowid = (SELECT min(rowid) FROM consentgate_{table} WHERE {where})"  # noqa: S608  # own
    edit(history, table, f"{column} = {value}", row)
    checked = verify(history)
    assert not checked.is_clean
    assert all(each.as_json()["text"] for each in checked)
    edit(history, table, "\"key\" = 'other!'", row)
    assert not verify(history).is_clean
    seal(history, night(4))


@pytest.mark.parametrize(
    ("made_at", "sequence", "expected"),
    [
        (NOON, sequence_at(NOON), DAYS[0]),
        (NOON, sequence_at(NOON + DAY), f"{DAYS[0]} or {DAYS[1]}"),
        (10**30, sequence_at(NOON), DAYS[0]),
        (NOON, "x", DAYS[0]),
        (None, -(10**30), ""),
    ],
)
def test_the_day_of_a_record_is_told_by_both_of_its_times(
    made_at: object, sequence: object, expected: str
) -> None:
    """Where somebody changed one of the times, the other still says the day."""
    assert days_of(made_at, sequence) == expected


def test_days_are_told_as_far_as_they_are_known() -> None:
    """Of two days the first and the last are said, of none nothing."""
    assert day_of(b"") == ""
    assert days_between(NOON, NOON + 60) == DAYS[0]
    assert days_between(NOON + DAY, NOON) == DAYS[0]
    assert days_between(NOON, NOON + DAY) == f"{DAYS[0]} to {DAYS[1]}"
    assert days_between(NOON, None) == f"since {DAYS[0]}"
    assert days_between(None, NOON) == f"until {DAYS[0]}"
    assert days_between(None, None) == ""


def test_a_finding_is_plain_values() -> None:
    """As JSON a finding has all of it, and what is no JSON as Python writes it."""
    finding = found("writers", "edited", DAYS[0], "is not right", {"writer": b"x"})
    assert finding.as_json() == {
        "table": "writers",
        "kind": "edited",
        "day": DAYS[0],
        "row": {"writer": "b'x'"},
        "text": "writer b'x' is not right",
    }


def test_a_mark_is_an_hmac_that_others_can_check() -> None:
    """A mark is HMAC-SHA-256 of JSON, under a key that itsdangerous derives of the ledger's."""
    marks = Marks(KEY)
    mark = marks.of("record", "a", 1, '\u00e9"')
    derived = Signer(
        KEY, salt="consentgate.ledger", key_derivation="hmac", digest_method=hashlib.sha256
    ).derive_key()
    signer = Signer(derived, key_derivation="none", digest_method=hashlib.sha256)
    text = compact(["record", marks.newest, "a", 1, '\u00e9"'])
    assert mark == (marks.newest, signer.get_signature(text).decode("ascii"))
    assert marks.newest == signer.get_signature("name").decode("ascii")[:6]
    assert marks.fits(mark, "record", "a", 1, '\u00e9"')
    assert not marks.fits(mark, "record", "a", 1, "\u00e9")
    assert not marks.fits(mark, "record", b"bytes")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2), st.integers(1, 4)),
        st.tuples(st.just("open"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("seal"), st.just(0), st.just(0)),
        st.tuples(st.just("erase"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("prune"), st.integers(0, 10), st.just(0)),
    ),
    max_size=14,
)


def live(store: Store, history: list[tuple[str, int, int]]) -> None:
    """Do what people do with a ledger."""
    put_back(store, {})
    open_writers: dict[int, Writer] = {}
    written: list[str] = []
    for hour, (step, which, many) in enumerate(history):
        now = NOON + hour * DAY / 2
        if step == "write":
            writer = open_writers.setdefault(which, Writer(store))
            made = [
                entry(at=now, id=f"{hour}-{which}-{each}", shown=shown("en" if hour % 2 else "fr"))
                for each in range(many)
            ]
            writer.write(made)
            written += [each.id for each in made]
        elif step == "open":
            open_writers.pop(which, None)
        elif step == "seal":
            seal(store, now)
        elif step == "erase" and written:
            erase(store, written[which % len(written)], now)
        elif step == "prune":
            list(prune(store, old_in(store, NOON + which * DAY / 2), now))


def _changed(value: object) -> object:
    if isinstance(value, int):
        return value + 1
    text = str(value)
    return f"{text[:-1]}{'y' if text.endswith('x') else 'x'}"


def tampered(rows: Rows, pick: Callable[[int], int]) -> Rows:
    """Return rows with one thing changed that matters, whichever `pick` says."""
    result = {table: [dict(row) for row in each] for table, each in rows.items()}
    tables_there = sorted(table for table in result if result[table])
    table = tables_there[pick(len(tables_there))]
    chosen = pick(len(result[table]))
    row = result[table][chosen]
    keys = [column.name for column in tables.metadata.tables[table].primary_key]
    what = pick(3)
    if what == 0:
        # What the primary key of the registry says means nothing: it is one row.
        names = [name for name in row if row[name] is not None and name != "one"]
        name = names[pick(len(names))]
        row[name] = _changed(row[name])
        if any(
            all(row[k] == other[k] for k in keys) for other in result[table] if other is not row
        ):
            result[table].remove(row)
    elif what == 1 and table != "consentgate_documents":
        del result[table][chosen]
    else:
        result[table].append({**row, keys[0]: 77 if isinstance(row[keys[0]], int) else "z" * 22})
    return result


@pytest.mark.conformance("L9")
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=steps, data=st.data())
def test_whatever_is_tampered_with_is_found(
    store: Store, history: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Of any history nothing is found, and any one change of it is."""
    live(store, history)
    with store.reading() as connection:
        newest = newest_in(connection, store.marks)
    anchors = [(newest.number, newest.mac)] if newest else []
    assert verify(store, anchors=anchors).is_clean
    rows = taken(store)
    if any(rows.values()):
        put_back(store, tampered(rows, lambda many: data.draw(st.integers(0, many - 1))))
        assert not verify(store, anchors=anchors).is_clean
