"""Observers that raise, block, or are slow: no response is hurt by them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from itertools import count
from typing import Any, NoReturn

import pytest

from adapters import KEY, Adapter, asgi_scope, behind, called, sets
from adapters import Visit as Request
from consentgate import ConsentGate, Event, Policy, Reason
from consentgate.observers import relay, worker
from consentgate.observers.relay import Relay, relayed
from serving import answers, raw_exchange, serve

NAME = "consentgate-observer"
SECONDS = 20.0


def event(number: int = 0) -> Event:
    """Return one event of many."""
    return Event("stripped", f"c{number}", None, "/", Reason.UNDECLARED)


def names(events: list[Event]) -> list[str]:
    """Return the names that events tell of."""
    return [each.name for each in events]


def until(condition: Callable[[], object]) -> None:
    """Wait for what has to come."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


def threads() -> list[threading.Thread]:
    """Return the threads that observers run on."""
    return [thread for thread in threading.enumerate() if thread.name == NAME]


class Held:
    """An observer that blocks until it is released, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.release = threading.Event()

    def __call__(self, event: Event) -> None:
        self.release.wait(SECONDS)
        self.heard.append(event)


@pytest.fixture
def held() -> Iterator[Held]:
    """Return an observer that blocks, and release it in the end."""
    observer = Held()
    yield observer
    observer.release.set()


# Where an observer is called


def test_a_quick_observer_is_called_in_the_request() -> None:
    """What says `quick = True`, as a class or as an instance, is called as it is."""

    class Quick:
        quick = True

        def __call__(self, event: Event) -> None:
            """Hear nothing."""

    quick = Quick()
    assert relayed(quick) is quick
    twice = relayed(relayed(print))
    assert isinstance(twice, Relay)
    assert relayed(twice) is twice


def test_truthy_is_not_quick() -> None:
    """An observer whose every attribute is something, as a mock's, goes through the thread."""

    class Anything:
        def __getattr__(self, name: str) -> object:
            return "something"

        def __call__(self, event: Event) -> None:
            """Hear nothing."""

    assert isinstance(relayed(Anything()), Relay)


def test_another_observer_is_called_on_a_thread_of_its_own() -> None:
    """The thread is a daemon, the same for all events, and the caller waits for it."""
    heard: list[threading.Thread] = []
    observer = relayed(lambda event: heard.append(threading.current_thread()))
    assert not heard
    observer(event())
    observer(event())
    assert len(heard) == 2
    assert heard[0] is heard[1] is not threading.current_thread()
    assert heard[0].daemon


def test_the_observer_reaches_the_context_of_the_request(adapter: Adapter) -> None:
    """A ContextVar that is set in the app has its value in the observer."""
    visit: ContextVar[list[str]] = ContextVar("visit")

    def observe(event: Event) -> None:
        visit.get().append(event.name)
        visit.set([])  # in a copy: the request does not see it

    gate = ConsentGate(Policy([]), secret_key=KEY, observer=relayed(observe))

    found: list[str] = []
    adapter(gate, called(lambda _: visit.set(found), sets("_ga=1", "ad_id=1")))
    assert found == ["_ga", "ad_id"]


def test_a_relay_says_whose_it_is() -> None:
    """Its repr names the observer."""
    assert repr(Relay(print)) == "<Relay of <built-in function print>>"


# Observers that raise


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_observer_that_raises_is_called_again(
    adapter: Adapter, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    """Whatever it raises is logged, the response leaves, and the next event is told."""
    heard: list[Event] = []

    def broken(event: Event) -> NoReturn:
        heard.append(event)
        raise error("oops")

    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=relayed(broken))
    for _ in range(2):
        assert adapter(gate, sets("session=1", "_ga=1")).names == [b"session"]
    assert names(heard) == ["_ga", "_ga"]
    said = [record for record in caplog.records if "the response goes on" in record.message]
    assert [record.levelname for record in said] == ["ERROR", "ERROR"]
    assert "oops" in caplog.text


def test_a_log_that_fails_too_ends_nothing() -> None:
    """Where even saying that the observer failed raises, the next event is told all the same."""
    heard: list[Event] = []

    def broken(event: Event) -> NoReturn:
        heard.append(event)
        raise RuntimeError

    def refuse(record: logging.LogRecord) -> NoReturn:
        raise SystemExit

    log = logging.getLogger("consentgate")
    log.addFilter(refuse)
    try:
        observer = relayed(broken)
        observer(event(1))
        observer(event(2))
    finally:
        log.removeFilter(refuse)
    assert names(heard) == ["c1", "c2"]


# Observers that block


def test_an_observer_that_blocks_holds_up_nobody(
    adapter: Adapter, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    """Responses wait a second for it in all, then no more; it hears everything in the end."""
    caplog.set_level(logging.INFO, "consentgate")
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=relayed(held))
    start = time.monotonic()
    for number in range(40):
        assert adapter(gate, sets("session=1", f"c{number}=1")).names == [b"session"]
    assert time.monotonic() - start < 1.0 + SECONDS / 2
    assert not held.heard
    assert caplog.text.count("no response waits for it") == 1
    held.release.set()
    until(lambda: len(held.heard) == 40)
    assert names(held.heard) == [f"c{number}" for number in range(40)]


def test_a_call_waits_a_quarter_of_a_second_at_most(held: Held) -> None:
    """Patience goes in parts, and what is left of it is the most that a call takes."""
    observer = Relay(held, patience=0.3)
    waits = []
    for number in range(3):
        start = time.monotonic()
        observer(event(number))
        waits.append(time.monotonic() - start)
    # Lower bounds are sure; on a busy machine only the sum says something of the upper ones.
    assert waits[0] >= 0.24
    assert waits[1] < waits[0]
    assert waits[2] < 0.2


@pytest.mark.parametrize(("took", "waits"), [(0.0009, 2000), (0.0101, 100), (0.3, 4)])
def test_what_is_quick_takes_nothing_of_the_patience(
    monkeypatch: pytest.MonkeyPatch, took: float, waits: int
) -> None:
    """Calls of less than a millisecond are waited for for ever, others for a second in all."""
    clock = count()
    monkeypatch.setattr(relay, "monotonic", lambda: next(clock) * took)
    observer: Relay[int] = Relay(abs, patience=1.0)
    for number in range(2000):
        observer(number)
    assert next(clock) == 2 * waits  # it looks at the clock before each wait and after it
    assert observer.flush(SECONDS)


def test_the_queue_is_bounded(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    """Of 100,000 events for an observer that blocks 10,000 are kept, the rest counted, said once.

    The first is with the observer, and so in no queue.
    """
    observer = Relay(held, patience=0)
    observer(event())
    until(lambda: observer._worker().waiting == 0)
    start = time.monotonic()
    for number in range(1, 100_000):
        observer(event(number))
    assert time.monotonic() - start < SECONDS
    assert observer.dropped == 89_999
    assert caplog.text.count("does not hear of every event: 10000 wait already") == 1
    held.release.set()
    assert observer.flush(SECONDS)
    assert names(held.heard) == [f"c{number}" for number in range(10_001)]


def test_a_backlog_keeps_few_requests_alive(held: Held) -> None:
    """Of the contexts of events that wait only the first hundred are kept."""

    class Served:
        """What a framework keeps in the context: the request."""

    current: ContextVar[Served] = ContextVar("current")
    observer = Relay(held, patience=0)
    alive: weakref.WeakSet[Served] = weakref.WeakSet()

    def serve_one(number: int) -> None:
        served = Served()
        alive.add(served)
        current.set(served)
        observer(event(number))

    for number in range(500):
        copy_context().run(serve_one, number)
    gc.collect()
    assert 0 < len(alive) <= relay.CONTEXTS + 1
    held.release.set()
    assert observer.flush(SECONDS)
    assert len(held.heard) == 500
    assert not alive  # nor does the thread, which waits for the next, keep the last


# Threads and loops


def test_many_threads_lose_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Events of many threads all arrive, those of each thread in their order."""
    heard: list[Event] = []
    observer = Relay(heard.append, patience=0)

    def send(first: int) -> None:
        for number in range(first, first + 200):
            observer(event(number))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(0, 3200, 200)))
    assert observer.flush(SECONDS)
    numbers = [int(name[1:]) for name in names(heard)]
    assert sorted(numbers) == list(range(3200))
    for first in range(0, 3200, 200):
        own = [number for number in numbers if first <= number < first + 200]
        assert own == sorted(own)
    assert len({thread.ident for thread in threads()}) == len(threads())


def test_the_first_events_of_many_threads_start_one_thread() -> None:
    """However many come at once, one thread tells them."""
    for _ in range(20):
        told: set[int] = set()
        observer = Relay(lambda _, told=told: told.add(threading.get_ident()))  # type: ignore[misc]  # a default is typed by nobody
        barrier = threading.Barrier(8)

        def send(observer: Relay[Event] = observer, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(SECONDS)
            observer(event())

        senders = [threading.Thread(target=send) for _ in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(SECONDS)
        assert observer.flush(SECONDS)
        assert len(told) == 1


def test_two_first_events_agree_on_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a second event comes between the first and its worker, both use the same."""
    heard: list[Event] = []
    observer = Relay(heard.append)

    def slow() -> worker.Worker:
        monkeypatch.undo()
        observer(event(1))  # of another thread, meanwhile
        return worker.Worker()

    before = set(threads())
    monkeypatch.setattr(relay, "Worker", slow)
    observer(event(2))
    assert names(heard) == ["c1", "c2"]
    assert len(set(threads()) - before) == 1


def test_two_first_events_agree_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a second event starts the thread while the first waits to do so, one is started."""
    told: list[int] = []
    mine = worker.Worker()

    class Late:
        def __enter__(self) -> None:
            monkeypatch.undo()
            mine.take(worker.Job(lambda: told.append(1), None))  # of another thread, meanwhile

        def __exit__(self, *_: object) -> None:
            """Release nothing."""

    before = set(threads())
    monkeypatch.setattr(mine, "_lock", Late())
    assert mine.take(worker.Job(lambda: told.append(2), None))
    assert mine.flush(SECONDS)
    assert told == [1, 2]
    assert len(set(threads()) - before) == 1
    mine.stop()


def test_two_event_loops_share_an_observer_that_blocks(held: Held) -> None:
    """Both loops go on answering."""
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY, observer=relayed(held))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"set-cookie", b"session=1"), (b"set-cookie", b"_ga=1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    async def visits() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        wrapped = behind(gate, app)
        await asyncio.gather(*(wrapped(asgi_scope(Request()), receive, send) for _ in range(25)))
        return [message for message in sent if message["type"] == "http.response.start"]

    with ThreadPoolExecutor(2) as pool:
        loops = [pool.submit(lambda: asyncio.run(visits())) for _ in range(2)]
        for loop in loops:
            starts = loop.result(SECONDS)
            assert [start["headers"][0] for start in starts] == [(b"set-cookie", b"session=1")] * 25


def test_an_observer_may_cause_events_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event from the observer's own thread is told after the one that caused it, at once."""
    monkeypatch.setattr(relay, "LONGEST_WAIT", SECONDS)
    heard: list[Event] = []

    def observe(event_: Event) -> None:
        heard.append(event_)
        if event_.name == "c0":
            observer(event(1))
            heard.append(event(2))
            assert not observer.flush(SECONDS)  # it would wait for itself
            assert not observer._worker().join(SECONDS)

    observer = Relay(observe, patience=SECONDS)
    start = time.monotonic()
    observer(event(0))
    assert observer.flush(SECONDS)
    assert names(heard) == ["c0", "c2", "c1"]
    assert time.monotonic() - start < SECONDS / 2


# How a thread ends


def test_the_thread_ends_with_its_gate() -> None:
    """A gate that is collected leaves no thread behind, and everything told."""
    before = set(threads())
    heard: list[Event] = []
    for _ in range(30):
        gate = ConsentGate(Policy([]), secret_key=KEY, observer=relayed(heard.append))
        Adapter("wsgi")(gate, sets("_ga=1"))
    del gate
    gc.collect()
    until(lambda: set(threads()) <= before)
    assert len(heard) == 30


def test_an_observer_that_knows_its_relay_is_collected_with_it() -> None:
    """The thread that waits for events keeps neither of them alive."""
    before = set(threads())

    class Knowing:
        relay: Relay[Event]

        def hear(self, event: Event) -> None:
            """Hear nothing."""

    knowing = Knowing()
    knowing.relay = Relay(knowing.hear)
    knowing.relay(event())
    assert len(set(threads()) - before) == 1
    gone = weakref.ref(knowing)
    del knowing
    gc.collect()
    assert gone() is None
    until(lambda: set(threads()) <= before)


def test_a_relay_that_is_closed_tells_what_it_has_and_no_more() -> None:
    """Closing waits for the queue, calls `at_end` last, and what comes later is not told."""
    told: list[object] = []
    observer: Relay[Event] = Relay(told.append, patience=0, at_end=lambda: told.append("end"))
    for number in range(100):
        observer(event(number))
    assert observer.close(SECONDS)
    assert len(told) == 101
    assert told[-1] == "end"
    observer(event(100))
    assert observer.flush(SECONDS)
    assert observer.close(SECONDS)
    assert len(told) == 101


def test_a_relay_that_heard_nothing_has_nothing_to_close() -> None:
    """Without an event there is no thread: flushing and closing are done at once."""
    observer: Relay[Event] = Relay(print)
    assert observer.flush(SECONDS)
    assert observer.close(SECONDS)
    assert observer.dropped == 0


def test_closing_waits_no_longer_than_asked(held: Held) -> None:
    """Behind an observer that blocks, flush and close come back, and say that it is not done."""
    observer = Relay(held, patience=0)
    observer(event())
    assert not observer.flush(0.01)
    assert not observer.close(0.01)


def test_where_no_thread_can_be_had_events_are_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller goes on, the log says it once, and the next event tries again."""
    heard: list[Event] = []
    observer = Relay(heard.append)

    def exhausted(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", exhausted)
        observer(event(1))
        observer(event(2))
    assert observer.dropped == 2
    assert caplog.text.count("no thread can be started") == 1
    observer(event(3))
    assert names(heard) == ["c3"]


# Processes


def test_another_process_has_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the number of the process is another, as after a fork, another thread is started."""
    heard: list[int] = []
    observer: Relay[Event] = Relay(lambda _: heard.append(threading.get_ident()))
    observer(event())
    first = observer._worker()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: first.process + 1)
        observer(event())
        assert observer._worker() is not first
        # What it inherited is no longer there to be stopped, waited for, or flushed.
        first.stop()
        assert not first.join(SECONDS)
        worker._flush_all()
        assert observer.close(SECONDS)
    assert len(set(heard)) == 2
    assert first.flush(SECONDS)
    first.stop()
    assert first.join(SECONDS)


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter, to its end."""
    # From 3.12 on Python warns of any fork beside threads; gunicorn forks all the same.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # our own script


FORK = """
import os
from consentgate import Event
from consentgate.observers.relay import Relay

def observe(event):
    os.write(1, f"{event.name} {'child' if os.getpid() != parent else 'parent'}\\n".encode())

def told(name):
    observer(Event("stripped", name, None, "/", None))

parent = os.getpid()
observer = Relay(observe, patience=30)
told("a")
child = os.fork()
if not child:
    told("b")
    os._exit(0 if observer.close(30) else 1)
told("c")
assert os.waitpid(child, 0)[1] == 0
told("d")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_fork_goes_on_telling_on_both_sides() -> None:
    """As with gunicorn --preload: parent and child each have their thread, nothing told twice."""
    done = run(FORK)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["a parent", "b child", "c parent", "d parent"]


EXIT = """
import sys, threading, time
from consentgate import Event
from consentgate.observers.relay import Relay

def slow(event):
    time.sleep(0.005)
    print(event.name, flush=True)

def blocked(event):
    threading.Event().wait()

observers = [Relay(slow, patience=0)] + [Relay(blocked, patience=0) for _ in range(10)]
for number in range(20):
    for observer in observers:
        observer(Event("stripped", f"c{number}", None, "/", None))
begin = time.monotonic()
import atexit
atexit._run_exitfuncs()
print("took", time.monotonic() - begin < 5)
"""


def test_the_end_of_the_process_tells_what_is_waiting() -> None:
    """What is queued at exit is told; ten observers that block keep it for a second in all."""
    done = run(EXIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [*(f"c{number}" for number in range(20)), "took True"]


@pytest.mark.server
@pytest.mark.parametrize(("server", "app"), [("gunicorn", "wsgi"), ("uvicorn-httptools", "asgi")])
def test_real_servers_go_on_answering(server: str, app: str) -> None:
    """With an observer that never returns, a real server answers one request after another."""
    with serve(server, f"observed_apps:{app}") as url:
        start = time.monotonic()
        for _ in range(25):
            raw = raw_exchange(url, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            (answer,) = answers(raw)
            assert (answer.status, answer.names, answer.body) == (200, [b"session"], b"ok")
        assert time.monotonic() - start < SECONDS
