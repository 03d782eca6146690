"""Events for logging, Prometheus and OpenTelemetry, and what these need."""

from __future__ import annotations

import gc
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from opentelemetry import _logs, context, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, Counter, generate_latest

from adapters import KEY, Adapter, called, sets
from consentgate import ConsentGate, ConsentGateError, Event, Policy, Reason, observers
from consentgate.observer import CHOICES, structured
from consentgate.observers import Logging, OpenTelemetry, Prometheus
from consentgate.observers.relay import Relay, relayed

STRIPPED = Event("stripped", "_ga", "statistics", "/shop", Reason.REFUSED)
UNDECLARED = Event("withheld", "spy", None, "/", Reason.UNDECLARED, enforced=False)
CHOICE = Event("granted", "cookies_preferences", None, "/cookies", None)


def loosely(observer: Any) -> Any:
    """Return a class for callers that type wrongly."""
    return observer


# What all of them share


def test_the_fields_have_plain_values_and_one_set_of_names() -> None:
    """Each output has the same names behind its own prefix, and no value needs this package."""
    assert structured(STRIPPED, "consentgate.") == {
        "consentgate.action": "stripped",
        "consentgate.name": "_ga",
        "consentgate.category": "statistics",
        "consentgate.path": "/shop",
        "consentgate.reason": "refused",
        "consentgate.enforced": True,
    }
    assert {type(value) for value in structured(STRIPPED).values()} == {str, bool}
    assert structured(UNDECLARED)["category"] is None
    assert structured(CHOICE)["reason"] is None
    assert set(structured(CHOICE)) == set(Event._fields)


LOADED = """
import json, sys
import consentgate.observers
import consentgate.observer
first = [name for name in %r if name in sys.modules]
consentgate.observers.JsonLines
second = [name for name in %r if name in sys.modules]
print(json.dumps([first, second]))
"""


def test_nothing_is_loaded_that_nobody_asked_for() -> None:
    """The package loads no library of an output, nor the observer, before it is asked for."""
    names = ["prometheus_client", "opentelemetry", "logging.handlers", "consentgate.observers.logs"]
    script = LOADED % (names, names)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)  # noqa: S603  # our own script
    assert json.loads(done.stdout) == [[], ["logging.handlers"]]


def test_the_package_has_its_four_observers() -> None:
    """Each name in `__all__` is there, and another is an error as of any module."""
    assert all(callable(getattr(observers, name)) for name in observers.__all__)
    assert len(observers.__all__) == 4
    with pytest.raises(AttributeError, match="has no attribute 'Nagios'"):
        observers.Nagios  # noqa: B018  # to ask is the test


@pytest.mark.parametrize(
    ("module", "build", "extra"),
    [
        ("prometheus_client", Prometheus, "prometheus"),
        ("opentelemetry", OpenTelemetry, "opentelemetry"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, build: Callable[[], object], extra: str
) -> None:
    """Without the library the error says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConsentGateError, match=re.escape(f'pip install "consentgate[{extra}]"')):
        build()


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: loosely(Logging)(7), "Logging(7): use the name of a log"),
        (lambda: loosely(Logging)(level="INFO"), "Logging(level='INFO'): use a number"),
        (lambda: loosely(Logging)(quick=1), "Logging(quick=1): use True or False"),
        (lambda: loosely(Prometheus)("metrics"), "Prometheus('metrics'): use a CollectorRegistry"),
        (lambda: loosely(OpenTelemetry)("logs"), "OpenTelemetry('logs'): use a LoggerProvider"),
        (lambda: loosely(OpenTelemetry)(0), "OpenTelemetry(0): use a LoggerProvider"),
    ],
)
def test_wrong_arguments_are_said_at_once(build: Callable[[], object], says: str) -> None:
    """What cannot work is an error at construction that says how to mend it."""
    with pytest.raises(ConsentGateError, match=re.escape(says)):
        build()


# logging


def test_logging_tells_every_event(caplog: pytest.LogCaptureFixture) -> None:
    """Each event is a record with a message on one line, and its fields beside it."""
    caplog.set_level(logging.INFO)
    observer = Logging()
    for event in (STRIPPED, STRIPPED, UNDECLARED, CHOICE, STRIPPED._replace(name="a\nb")):
        observer(event)
    assert [record.message for record in caplog.records] == [
        "stripped '_ga' (statistics) at '/shop': refused",
        "stripped '_ga' (statistics) at '/shop': refused",
        "not enforced: withheld 'spy' at '/': undeclared",
        "granted 'cookies_preferences' at '/cookies'",
        "stripped 'a\\nb' (statistics) at '/shop': refused",
    ]
    record = caplog.records[0]
    assert (record.name, record.levelno) == ("consentgate.events", logging.INFO)
    found = {key: value for key, value in vars(record).items() if key.startswith("consentgate_")}
    assert found == structured(STRIPPED, "consentgate_")


@pytest.mark.parametrize("log", ["shop.cookies", logging.getLogger("shop.cookies")])
def test_logging_takes_a_log_and_a_level(
    caplog: pytest.LogCaptureFixture, log: logging.Logger | str
) -> None:
    """The log is given by name or as it is; where the level is off, nothing is done."""
    caplog.set_level(logging.INFO, "shop.cookies")
    assert repr(Logging(log)) == "Logging('shop.cookies')"
    Logging(log, logging.DEBUG)(STRIPPED)
    assert not caplog.records
    Logging(log, logging.ERROR)(STRIPPED)
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("shop.cookies", "ERROR")
    ]


def test_logging_goes_through_a_thread_unless_it_is_said_to_be_quick() -> None:
    """Handlers may block: who knows that they don't says so."""
    assert isinstance(relayed(Logging()), Relay)
    quick = Logging(quick=True)
    assert relayed(quick) is quick


def test_a_handler_that_blocks_holds_up_no_response(adapter: Adapter) -> None:
    """A log whose handler waits for ever is the observer's thread's trouble."""
    release = threading.Event()
    told: list[logging.LogRecord] = []

    class Blocking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            release.wait(20)
            told.append(record)

    log = logging.getLogger("consentgate.blocking")
    handler = Blocking()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=relayed(Logging(log)))
        for _ in range(8):
            assert adapter(gate, sets("session=1", "_ga=1")).names == [b"session"]
        assert not told
    finally:
        release.set()
        log.removeHandler(handler)


# Prometheus


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry that no other test counts in."""
    return CollectorRegistry()


def cookies(registry: CollectorRegistry, *labels: str) -> float | None:
    """Return a counter of cookies by its labels in order: None if there is none."""
    names = ("action", "category", "reason", "enforced")
    return registry.get_sample_value(
        "consentgate_cookies_total", dict(zip(names, labels, strict=True))
    )


def test_prometheus_counts_cookies(registry: CollectorRegistry) -> None:
    """Cookies are counted by action, category, reason and whether it was enforced."""
    observer = Prometheus(registry)
    passed = Event("passed", "session", "necessary", "/", None)
    header = Event("stripped", "X-Note", None, "/", Reason.UNSAFE_HEADER)
    for event in (STRIPPED, STRIPPED, UNDECLARED, passed, header):
        observer(event)
    assert cookies(registry, "stripped", "statistics", "refused", "true") == 2
    assert cookies(registry, "withheld", "undeclared", "undeclared", "false") == 1
    assert cookies(registry, "passed", "necessary", "", "true") == 1
    assert cookies(registry, "stripped", "", "unsafe header", "true") == 1


def test_prometheus_counts_hosts_without_their_names(registry: CollectorRegistry) -> None:
    """What browsers did not load is counted apart, by category; a script's cookie as a cookie."""
    observer = Prometheus(registry)
    for number in range(50):
        observer(Event("blocked", f"h{number}.test", None, "/", Reason.UNDECLARED, enforced=False))
    observer(Event("blocked", "ads.test", "marketing", "/", Reason.REFUSED))
    observer(Event("guarded", "_ga", "statistics", "/", Reason.REFUSED))

    def sources(*labels: str) -> float | None:
        names = ("category", "reason", "enforced")
        found = dict(zip(names, labels, strict=True))
        return registry.get_sample_value("consentgate_sources_total", found)

    assert sources("undeclared", "undeclared", "false") == 50
    assert sources("marketing", "refused", "true") == 1
    assert cookies(registry, "guarded", "statistics", "refused", "true") == 1
    exposed = generate_latest(registry).decode()
    assert ".test" not in exposed
    assert "blocked" not in exposed


def test_prometheus_counts_choices(registry: CollectorRegistry) -> None:
    """Every outcome of a choice is there from the start, with 0."""
    observer = Prometheus(registry)

    def counted() -> list[float | None]:
        name = "consentgate_choices_total"
        return [registry.get_sample_value(name, {"choice": choice}) for choice in CHOICES]

    assert counted() == [0, 0, 0, 0]
    for choice in ("granted", "granted", "withdrawn"):
        observer(CHOICE._replace(action=choice))
    assert counted() == [2, 0, 0, 1]
    assert cookies(registry, "granted", "", "", "true") is None


def test_prometheus_counts_what_a_gate_does(adapter: Adapter, registry: CollectorRegistry) -> None:
    """However many names an app sets, the series are as few as the categories."""
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=Prometheus(registry))
    adapter(gate, sets("session=1", *(f"spy{number}=1" for number in range(50))))
    exposed = generate_latest(registry).decode()
    series = [line for line in exposed.splitlines() if line.startswith("consentgate_cookies_total")]
    assert len(series) == 1
    assert cookies(registry, "stripped", "undeclared", "undeclared", "true") == 50
    assert "spy" not in exposed


def test_two_gates_of_a_registry_add_up(registry: CollectorRegistry) -> None:
    """A second observer goes on with the counters of the first; another registry has its own."""
    Prometheus(registry)(STRIPPED)
    Prometheus(registry)(STRIPPED)
    other = CollectorRegistry()
    Prometheus(other)(STRIPPED)
    assert cookies(registry, "stripped", "statistics", "refused", "true") == 2
    assert cookies(other, "stripped", "statistics", "refused", "true") == 1


def test_prometheus_counts_in_its_own_registry_by_default() -> None:
    """Without a registry it is the one that prometheus_client exposes, twice over too."""
    Prometheus()
    Prometheus()(STRIPPED)
    exposed = generate_latest().decode()
    assert 'consentgate_cookies_total{action="stripped",category="statistics"' in exposed


def test_counters_of_somebody_else_are_an_error(registry: CollectorRegistry) -> None:
    """Where the names are taken, the error says what to do."""
    Counter("consentgate_choices", "somebody else's", registry=registry)
    for _ in range(2):
        with pytest.raises(ConsentGateError, match=re.escape("Prometheus(CollectorRegistry())")):
            Prometheus(registry)


def test_counting_from_many_threads_loses_nothing(registry: CollectorRegistry) -> None:
    """Threads count in the request, side by side."""
    observer = Prometheus(registry)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(observer, [STRIPPED] * 4000))
    assert cookies(registry, "stripped", "statistics", "refused", "true") == 4000


# OpenTelemetry


class Exported:
    """A provider of loggers, and what arrives behind it."""

    def __init__(self) -> None:
        self.exporter = loosely(InMemoryLogRecordExporter)()  # says no types of it
        self.provider = LoggerProvider()
        self.provider.add_log_record_processor(SimpleLogRecordProcessor(self.exporter))

    def records(self) -> list[Any]:
        """Return the records in order."""
        return [data.log_record for data in self.exporter.get_finished_logs()]


@pytest.fixture
def exported() -> Iterator[Exported]:
    """Return a provider that keeps its records, and shut it down."""
    found = Exported()
    yield found
    found.provider.shutdown()


def test_opentelemetry_emits_events(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event has its name, its time, a severity, and as attributes what it has."""
    monkeypatch.setattr("time.time_ns", lambda: 1795000000000000000)
    observer = OpenTelemetry(exported.provider)
    passed = Event("passed", "session", "necessary", "/", None)
    blocked = Event("blocked", "ads.test", "marketing", "/films", Reason.REFUSED)
    guarded = Event("guarded", "spy", None, "/films", Reason.UNDECLARED)
    for event in (STRIPPED, UNDECLARED, passed, CHOICE, blocked, guarded):
        observer(event)
    records = exported.records()
    assert [(record.event_name, record.severity_text) for record in records] == [
        ("consentgate.cookie.stripped", "INFO"),
        ("consentgate.cookie.withheld", "WARN"),
        ("consentgate.cookie.passed", "INFO"),
        ("consentgate.choice.granted", "INFO"),
        ("consentgate.source.blocked", "INFO"),
        ("consentgate.cookie.guarded", "WARN"),
    ]
    assert dict(records[0].attributes) == structured(STRIPPED, "consentgate.")
    assert set(records[1].attributes) == {
        f"consentgate.{field}" for field in ("action", "name", "path", "reason", "enforced")
    }
    assert {record.timestamp for record in records} == {1795000000000000000}
    assert {record.severity_number for record in records} == {
        _logs.SeverityNumber.INFO,
        _logs.SeverityNumber.WARN,
    }


def test_opentelemetry_events_belong_to_the_request(adapter: Adapter, exported: Exported) -> None:
    """The record has the trace and the span in which the response was made."""
    tracer = TracerProvider().get_tracer("test")
    observer = OpenTelemetry(exported.provider)
    gate = ConsentGate(Policy([]), secret_key=KEY, observer=observer)
    spans: list[trace.SpanContext] = []

    def enter(consent: object) -> None:
        span = tracer.start_span("visit")
        context.attach(trace.set_span_in_context(span))
        spans.append(span.get_span_context())

    copy_context().run(adapter, gate, called(enter, sets("_ga=1")))
    (record,) = exported.records()
    assert (record.trace_id, record.span_id) == (spans[0].trace_id, spans[0].span_id)


def test_an_exporter_that_blocks_holds_up_no_response(adapter: Adapter) -> None:
    """What exports each record at once waits on the observer's thread, and the trace stays."""
    release = threading.Event()
    tracer = TracerProvider().get_tracer("test")

    class Blocking(InMemoryLogRecordExporter):
        def export(self, batch: Any) -> Any:
            release.wait(20)
            return super().export(batch)

    exporter = loosely(Blocking)()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    observer = OpenTelemetry(provider)
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=observer)
    with tracer.start_as_current_span("visit") as span:
        for _ in range(8):
            observer(STRIPPED)
    assert adapter(gate, sets("session=1", "_ga=1")).names == [b"session"]
    assert not exporter.get_finished_logs()
    release.set()
    assert observer._relay.flush(20)
    records = [data.log_record for data in exporter.get_finished_logs()]
    assert [record.span_id for record in records[:8]] == [span.get_span_context().span_id] * 8
    assert len(records) == 9
    provider.shutdown()


def test_opentelemetry_without_a_provider_is_silent(adapter: Adapter) -> None:
    """Where the site has set nothing up, nothing is exported, and nothing fails."""
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=OpenTelemetry())
    assert adapter(gate, sets("session=1", "_ga=1")).names == [b"session"]


def test_opentelemetry_leaves_no_thread(exported: Exported) -> None:
    """Collected, it takes its thread with it."""
    before = set(threading.enumerate())
    observer = OpenTelemetry(exported.provider)
    observer(STRIPPED)
    (thread,) = set(threading.enumerate()) - before
    del observer
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()
