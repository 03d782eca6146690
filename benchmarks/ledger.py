"""The ledger: choices a second, a ledger of many records, and what other requests pay for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from time import perf_counter, process_time

from sqlalchemy import delete, func, select

from benchmarks import ledger_gate
from benchmarks.ledger_clients import CLIENTS, MILLI, plain, rates
from benchmarks.ledger_databases import NAMES, bytes_of, empty
from benchmarks.ledger_processes import journal_of, processes_table
from benchmarks.ledger_rows import DAY, DAYS, START, fill, ids_in
from benchmarks.measure import QUICK, Effort
from benchmarks.tables import MICRO, Table
from consentgate.ledger.pruning import old_in, prune
from consentgate.ledger.reading import records_in
from consentgate.ledger.seals import seal
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records, seals
from consentgate.ledger.texts import Texts
from consentgate.ledger.verification import verify

ROWS = 100_000
_SHOWN = 200
_NONE = "there is none here, nothing was measured"


def writing_table(effort: Effort) -> Table:
    """Let clients record grants, and insert the same rows by the driver alone."""
    rows: list[Sequence[str]] = []
    remarks: list[str] = []
    for name in NAMES:
        with empty(name) as store:
            if store is None:
                remarks.append(f"{name}: {_NONE}")
            else:
                rows += _written(name, store, effort)
    return Table(
        "The ledger: choices a second, each durable before its visitor is told",
        ["written", "choices a second", "half within ms", "99 of 100 within ms"],
        rows,
        [
            *remarks,
            "plain insert: one row and a commit by the driver alone, a connection for each client",
            "journal: the gate's own, one connection; who waits at the same time shares a commit",
            "the clients are threads of the process that writes, as those of a web server are",
        ],
    )


def _written(name: str, store: Store, effort: Effort) -> Iterator[Sequence[str]]:
    for clients in CLIENTS:
        who = f"{name}, {clients} client{'s' * (clients > 1)}"
        with journal_of(store.url.render_as_string(hide_password=False)) as recording:
            contenders = {"plain insert": plain(store), "journal": recording}
            for what, best in rates(contenders, clients, effort).items():
                yield [f"{who}: {what}", *best.cells()]


def reading_table(rows: int) -> Table:
    """Fill ledgers, show what they have of one visitor, and verify all of it."""
    lines: list[Sequence[str]] = []
    remarks: list[str] = []
    for name in NAMES:
        with empty(name) as store:
            if store is None:
                remarks.append(f"{name}: {_NONE}")
                continue
            fill(store, rows, seal)
            lines.append([name, *read(store, rows), *sealed_and_pruned(store)])
    return Table(
        f"The ledger: {rows:,} records",
        [
            *("database", "bytes a record", "of them indexes"),
            *("show, ms", "verify, s", "of it computing, µs a record"),
            *("seal, µs a record", "prune, µs a record"),
        ],
        lines,
        [
            *remarks,
            f"{DAYS} days, a seal for each; show: the records of one id, and the text shown",
            "computing: of the process that verifies, not of a database beside it",
            "another number: --rows 10000000 (TMPDIR: where; some 4 GB, and 10 minutes each)",
        ],
    )


def read(store: Store, rows: int) -> list[str]:
    """Return what a ledger of so many records weighs, and what reading it takes."""
    table, indexes = bytes_of(store)[records.name]
    shown = median(_seconds(partial(_show, store, known)) for known in ids_in(store, _SHOWN))
    computing = process_time()
    verified = _seconds(partial(_verify, store, rows))
    computing = process_time() - computing
    return [
        *(f"{(table + indexes) / rows:.0f}", f"{indexes / rows:.0f}"),
        *(f"{shown * MILLI:.2f}", f"{verified:.1f}", f"{computing / rows * MICRO:.1f}"),
    ]


def sealed_and_pruned(store: Store) -> list[str]:
    """Return what it takes to seal a day once more, and then to prune the first day."""
    with store.writing() as connection:
        last = connection.execute(select(func.max(seals.c.number))).scalar_one()
        found = connection.execute(select(seals.c.records).where(seals.c.number == last))
        records_of_last = found.scalar_one()
        connection.execute(delete(seals).where(seals.c.number == last))
    sealed = _seconds(partial(seal, store, START + DAYS * DAY)) / records_of_last
    old = old_in(store, START + DAY)
    count = sum(each.records for each in old)
    pruned = _seconds(partial(list, prune(store, old, START + DAYS * DAY))) / count
    return [f"{sealed * MICRO:.1f}", f"{pruned * MICRO:.1f}"]


def _show(store: Store, id: str) -> None:
    with store.reading() as connection:
        found = list(records_in(connection, store.marks, id=id))
        assert found
        assert all(record.genuine for record in found)
        assert Texts(connection, store.marks).find(found[0].text) is not None


def _verify(store: Store, rows: int) -> None:
    checked = verify(store)
    assert checked.is_clean, checked.findings[:3]
    assert checked.records == rows


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def tables(effort: Effort, rows: int = ROWS) -> Iterator[Table]:
    """Measure all of it; `rows` is how many records are read."""
    yield writing_table(effort)
    yield processes_table(effort)
    yield reading_table(min(rows, ROWS // 10) if effort is QUICK else rows)
    yield from ledger_gate.tables(effort)
