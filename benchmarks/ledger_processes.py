"""Processes that write into one ledger at once, each as one of its writers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from time import sleep, time

from benchmarks import material
from benchmarks.ledger_clients import Opened, Rate, journal, rate
from benchmarks.ledger_databases import NAMES, empty
from benchmarks.ledger_rows import KEY
from benchmarks.measure import QUICK, Effort
from benchmarks.tables import Table
from consentgate.ledger import Ledger
from consentgate.ledger.journal import Journal
from consentgate.ledger.store import Store

_PROCESSES = (1, 2, 4)
_CLIENTS = 16
_ROUNDS, _SECONDS = 3, 1.0
_IMPORTING = 3.0


@contextmanager
def journal_of(url: str, timeout: float = 2.0) -> Iterator[Opened]:
    """Open a journal of this process; `timeout` is in seconds."""
    ledger = Ledger(url, key=KEY, timeout=timeout)
    keeping = Journal(ledger, material.POLICY, material.KEY)
    try:
        yield journal(keeping.record)
    finally:
        keeping.close()


def processes_table(effort: Effort) -> Table:
    """Let processes write at once that know nothing of each other."""
    rounds = 1 if effort is QUICK else _ROUNDS
    rows: list[Sequence[str]] = []
    for name in NAMES:
        with empty(name) as store:
            if store is not None:
                rows += (
                    [f"{name}, {processes}", *_best(store, processes, rounds).cells()]
                    for processes in _PROCESSES
                )
    return Table(
        f"The ledger: choices a second of several processes, {_CLIENTS} clients in each",
        ["processes", "choices a second", "half within ms", "99 of 100 within ms"],
        rows,
        [
            "of the waits, those of the process that waited longest",
            "the processes share the cores with the database, so more than cores gain little",
        ],
    )


def _best(store: Store, processes: int, rounds: int) -> Rate:
    runs = [_together(store, processes) for _ in range(rounds)]
    return max(runs, key=lambda run: run.per_second)


def _together(store: Store, processes: int) -> Rate:
    url = store.url.render_as_string(hide_password=False)
    start = time() + _IMPORTING
    # Not a fork: of this process's connections nothing is to be shared.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawning) as pool:
        running = [pool.submit(_alone, url, start) for _ in range(processes)]
        found = [each.result() for each in running]
    return Rate(
        sum(each.per_second for each in found),
        max(each.median for each in found),
        max(each.late for each in found),
    )


def _alone(url: str, start: float) -> Rate:
    # Longer than a visitor would be let wait: what is asked is how long it takes.
    with journal_of(url, timeout=30.0) as opened:
        sleep(max(0.0, start - time()))
        return rate(opened, _CLIENTS, _SECONDS)
