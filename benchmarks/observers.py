"""What observers cost: a response with three cookies, one of them stripped, heard by each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from prometheus_client import CollectorRegistry

from benchmarks import asgi, material
from benchmarks.measure import Batch, Effort, paired_times
from benchmarks.tables import MICRO, Table, overhead_table
from consentgate import ConsentGate, Event, Reason
from consentgate.observer import Observer
from consentgate.observers import JsonLines, Logging, OpenTelemetry, Prometheus
from consentgate.observers.relay import relayed

_LINES = 5000

# Writes nowhere, but formats: what a record costs without its disk.
_log = logging.getLogger("benchmarks.observers")
_log.setLevel(logging.INFO)
_log.propagate = False


class _Formatting(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


_log.addHandler(_Formatting())


def hear(event: Event) -> None:
    """Do nothing, as the quickest observer there is."""


def observers(folder: Path) -> dict[str, Observer]:
    """Return each observer, as the gate calls it."""
    return {
        "Prometheus": Prometheus(CollectorRegistry()),
        "JsonLines": JsonLines(folder / "events.jsonl", max_bytes=1_000_000),
        "Logging(quick=True)": Logging(_log, quick=True),
        "Logging": relayed(Logging(_log)),
        "OpenTelemetry, no provider": OpenTelemetry(),
        "a function": relayed(hear),
    }


def contenders(folder: Path) -> dict[str, Batch]:
    """Return the bare app, alone and behind each gate; the visitor has not answered."""
    app = asgi.bare([*material.HEADERS, *material.THREE_COOKIES])

    def gated(observer: Observer | None, *, report_only: bool = False) -> Batch:
        gate = ConsentGate(
            material.POLICY, secret_key=material.KEY, observer=observer, report_only=report_only
        )
        return after(asgi.batch(gate.asgi(app), repeat(asgi.scope())), observer)

    found: dict[str, Batch] = {
        "bare app": asgi.batch(app, repeat(asgi.scope())),
        "no-op": asgi.batch(asgi.NoOp(app), repeat(asgi.scope())),
        "no observer": gated(None),
        "no observer, report_only": gated(None, report_only=True),
    }
    return found | {name: gated(observer) for name, observer in observers(folder).items()}


def after(batch: Batch, observer: Observer | None) -> Batch:
    """Let a thread that writes finish outside the time that is taken: it would slow the others."""
    if not isinstance(observer, JsonLines):
        return batch

    def run(count: int) -> float:
        seconds = batch(count)
        assert observer.flush()
        return seconds

    return run


def writing(folder: Path) -> float:
    """Return the seconds that the thread of JsonLines takes for a line, on this disk."""
    event = Event("stripped", "_ga", "statistics", "/", Reason.UNANSWERED)
    with JsonLines(folder / "lines.jsonl") as observer:
        start = perf_counter()
        for _ in range(_LINES):
            observer(event)
        assert observer.flush()
        assert not observer.dropped
        return (perf_counter() - start) / _LINES


def tables(effort: Effort) -> Iterator[Table]:
    """Measure all observers."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = overhead_table(
            "Observers (ASGI, no token, three Set-Cookie, one stripped)",
            paired_times(contenders(folder), effort),
        )
        line = f"JsonLines: its thread takes {writing(folder) * MICRO:.0f} µs for a line"
        slow = "a function, Logging, OpenTelemetry: called on a thread that the response waits for"
        yield replace(table, remarks=[*table.remarks, line, slow])
