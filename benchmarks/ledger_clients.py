"""Clients that write one choice after the other, and how long each of them waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from statistics import median
from threading import Barrier, Thread
from time import perf_counter, time

import psycopg

from benchmarks.ledger_rows import COLUMNS, DECISIONS, POLICY, TEXT, Values, plain_url
from benchmarks.measure import QUICK, Effort
from consentgate.choice import new_id
from consentgate.ledger.sequence import Sequence
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records
from consentgate.proof import Entry, compact

CLIENTS = (1, 8, 64)
MILLI = 1e3
_PATIENCE = 120.0
_sequence = Sequence()
_ROUNDS, _SECONDS = 5, 0.6
_numbers = count(1)

Write = Callable[[], object]
"""Writes one record of a new visitor, and returns when it is durable."""

Opened = Callable[[], AbstractContextManager[Write]]
"""Opens what a client writes by, in the client's own thread, and closes it."""


@dataclass(frozen=True)
class Rate:
    """Choices a second of all clients, and the seconds that one of them waits for its own."""

    per_second: float
    median: float
    late: float

    def cells(self) -> list[str]:
        """Return it for a table: a second, and milliseconds."""
        waits = (self.median * MILLI, self.late * MILLI)
        return [f"{self.per_second:,.0f}", *(f"{wait:.2f}" for wait in waits)]


def rates(contenders: Mapping[str, Opened], clients: int, effort: Effort) -> dict[str, Rate]:
    """Return the best rate of each contender, over rounds in which they take turns.

    What else the machine and its disk do only ever adds to the time, and comes
    in waves: so the best round of each is compared, and all stand in it in turn.
    """
    found: dict[str, list[Rate]] = {name: [] for name in contenders}
    for _ in range(2 if effort is QUICK else _ROUNDS):
        for name, opened in contenders.items():
            found[name].append(rate(opened, clients, _SECONDS))
    return {name: max(runs, key=lambda run: run.per_second) for name, runs in found.items()}


def rate(opened: Opened, clients: int, seconds: float) -> Rate:
    """Let so many clients write for so long, each as soon as its last one is durable.

    What any of them meets, it raises.
    """
    running = _Running(clients, seconds)
    threads = [Thread(target=running.client, args=(opened,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if running.failed:
        raise running.failed[0]
    waits = sorted(running.waits)
    late = waits[min(len(waits) - 1, len(waits) * 99 // 100)]
    return Rate(len(waits) / running.took, median(waits), late)


class _Running:
    """What the clients of one run have in common: its begin, its end, and what was measured."""

    def __init__(self, clients: int, seconds: float) -> None:
        self.waits: list[float] = []
        self.failed: list[Exception] = []
        self.took = seconds
        self._seconds = seconds
        self._ready = Barrier(clients)

    def client(self, opened: Opened) -> None:
        """Write until the time is over; what was under way then is written, and counts."""
        try:
            with opened() as write:
                write()  # opens connections, prepares statements
                self._ready.wait(_PATIENCE)
                own = self._written(write)
        except Exception as error:  # the thread that waits raises it
            self.failed.insert(0, error)
            self._ready.abort()
        else:
            self.waits += own

    def _written(self, write: Write) -> list[float]:
        own = []
        start = now = perf_counter()
        while now - start < self._seconds:
            write()
            before, now = now, perf_counter()
            own.append(now - before)
        self.took = max(self.took, now - start)
        return own


def journal(record: Callable[[Entry, bool], bool]) -> Opened:
    """Return what records a grant as the gate does: `record` is a journal's."""

    def write() -> None:
        assert record(new_entry(), True), "a grant was not durable in time"

    return lambda: nullcontext(write)


def plain(store: Store) -> Opened:
    """Return what inserts one row and commits, by the driver alone: what there is to reach."""
    return _plain_sqlite(store) if store.is_embedded else _plain_postgresql(store)


def new_entry() -> Entry:
    """Return the grant of one more visitor."""
    now = time()
    return Entry(
        id=new_id(),
        sequence=_sequence.at(now),
        made_at=int(now),
        action="granted",
        decisions=DECISIONS[True],
        revision=TEXT.revision,
        language=TEXT.language,
        text=TEXT.hash,
        source="banner",
        site="www.example.org",
        extra={},
        documents=(POLICY, TEXT),
    )


def _plain_sqlite(store: Store) -> Opened:
    statement = _statement("?")

    @contextmanager
    def opened() -> Iterator[Write]:
        path = str(store.url.database)
        with closing(sqlite3.connect(path, _PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            yield lambda: connection.execute(statement, _new_row())

    return opened


def _plain_postgresql(store: Store) -> Opened:
    statement = _statement("%s").encode("ascii")

    @contextmanager
    def opened() -> Iterator[Write]:
        with psycopg.connect(plain_url(store), autocommit=True) as connection:
            yield lambda: connection.execute(statement, _new_row(), prepare=True)

    return opened


def _new_row() -> Values:
    """Return a row of the length that a record has; what makes its mark is no part of a limit."""
    entry = new_entry()
    decisions = compact(entry.decisions)
    return (*entry[:4], decisions, *entry[5:10], "", 0, next(_numbers), "abcdef", TEXT.hash)


def _statement(place: str) -> str:
    places = ", ".join([place] * len(COLUMNS))
    return f"INSERT INTO {records.name} ({', '.join(COLUMNS)}) VALUES ({places})"  # noqa: S608  # names of our own
