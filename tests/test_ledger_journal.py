"""What a journal keeps, what it holds back, and what becomes of it when the database is away."""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy.exc import DataError, OperationalError

from adapters import KEY
from consentgate import ConsentGateError, Policy
from consentgate.ledger import Ledger
from consentgate.ledger.desk import Desk
from consentgate.ledger.journal import Journal
from consentgate.ledger.lane import Lane
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.spool import Spool
from consentgate.ledger.store import Store
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.writing import Writer
from consentgate.proof import Entry
from test_ledger_writing import entry

POLICY = Policy.allow("session")


@pytest.fixture
def journal(store: Store, tmp_path: Path) -> Iterator[Journal]:
    """Return a journal on an empty ledger."""
    url = store.url.render_as_string(hide_password=False)
    opened = Journal(Ledger(url, timeout=1.0), POLICY, KEY)
    yield opened
    opened.close()


@pytest.fixture
def spooling(store: Store, tmp_path: Path) -> Iterator[Journal]:
    """Return a journal with a spool beside it."""
    url = store.url.render_as_string(hide_password=False)
    opened = Journal(Ledger(url, timeout=1.0, spool=tmp_path / "spool"), POLICY, KEY)
    yield opened
    opened.close()


def kept(store: Store) -> list[Record]:
    """Return what is in the ledger, in order."""
    with store.reading() as connection:
        return list(records_in(connection, store.marks))


def ids(store: Store) -> list[str]:
    """Return the ids that are in the ledger, in order."""
    return [record.id for record in kept(store)]


def until(holds: object, seconds: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]  # a function of nothing
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


class Away:
    """A database that is away for as long as a test wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away = True
        write, probe = Writer.write, Writer.probe

        def writes(writer: Writer, entries: list[Entry], *, again: bool = False) -> None:
            self._fail()
            write(writer, entries, again=again)

        def probes(writer: Writer) -> None:
            self._fail()
            probe(writer)

        monkeypatch.setattr(Writer, "write", writes)
        monkeypatch.setattr(Writer, "probe", probes)

    def _fail(self) -> None:
        if self.is_away:
            raise OperationalError("INSERT", {}, Exception("connection refused"))


class Slow:
    """A database that takes what it is given, and says so only when the test wants it to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fails: bool = False) -> None:
        self.entered, self.go_on = Event(), Event()
        write = Writer.write
        calls = []

        def writes(writer: Writer, entries: list[Entry], *, again: bool = False) -> None:
            calls.append(1)
            if len(calls) == 1:
                self.entered.set()
                assert self.go_on.wait(20)
            write(writer, entries, again=again)
            if fails and len(calls) == 1:
                writer._in_doubt, writer._written = True, 0
                raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

        monkeypatch.setattr(Writer, "write", writes)


def test_a_grant_is_durable_when_it_is_granted(journal: Journal, store: Store) -> None:
    """What the journal says yes to is in the ledger at that moment."""
    grant = entry()
    assert journal.record(grant, True)
    assert ids(store) == [grant.id]


@pytest.mark.conformance("L8")
def test_choices_at_once_share_a_transaction(journal: Journal, store: Store) -> None:
    """Many who choose at the same moment are all kept, each once."""
    entries = [entry() for _ in range(100)]
    outcomes: list[bool] = []
    threads = [
        Thread(target=lambda e=each: outcomes.append(journal.record(e, True))) for each in entries
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 100
    assert sorted(ids(store)) == sorted(each.id for each in entries)


@pytest.mark.conformance("L4")
def test_without_a_database_nothing_is_granted(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that cannot be written is none, also later, when the database is back."""
    away, grant = Away(monkeypatch), entry()
    assert not journal.record(grant, True)
    away.is_away = False
    until(lambda: journal.record(entry("later"), True))
    assert ids(store) == ["later"]


@pytest.mark.conformance("L4")
def test_without_a_database_a_refusal_holds(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals take effect at once, and are written in order when the database is back."""
    away, refusals = Away(monkeypatch), [entry() for _ in range(5)]
    for each in refusals:
        assert journal.record(each, False)
    assert ids(store) == []
    away.is_away = False
    until(lambda: len(ids(store)) == 5)
    assert ids(store) == [each.id for each in refusals]
    numbers = [record.number for record in kept(store)]
    assert numbers == sorted(numbers)


def test_while_it_is_down_nobody_waits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure grants fail at once, and do not keep threads waiting."""
    slow = Slow(monkeypatch)
    assert not journal.record(entry(), True)
    started = time.monotonic()
    for _ in range(20):
        assert not journal.record(entry(), True)
        assert journal.record(entry(), False)
    assert time.monotonic() - started < 1.0
    slow.go_on.set()


@pytest.mark.conformance("L4")
def test_a_grant_that_comes_too_late_is_taken_back(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that is written after the visitor was told no is followed by a record of that."""
    slow, grant = Slow(monkeypatch), entry(text="shown")
    assert not journal.record(grant, True)
    slow.go_on.set()
    until(lambda: len(kept(store)) == 2)
    first, void = kept(store)
    assert (first.id, first.action) == (grant.id, "partial")
    assert (void.id, void.action, void.decisions) == (grant.id, "void", {})
    assert void.extra == {"voids": str(grant.sequence)}


def test_a_grant_in_doubt_is_taken_back(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant whose commit was not answered is found afterwards, and taken back."""
    slow, grant = Slow(monkeypatch, fails=True), entry()
    assert not journal.record(grant, True)
    slow.go_on.set()
    until(lambda: len(kept(store)) == 2)
    assert [(each.id, each.action) for each in kept(store)] == [
        (grant.id, "partial"),
        (grant.id, "void"),
    ]


@pytest.mark.conformance("L8")
def test_a_refusal_in_doubt_is_there_once(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal whose commit was not answered is written once, and not taken back."""
    slow, refusal = Slow(monkeypatch, fails=True), entry()
    assert journal.record(refusal, False)
    slow.go_on.set()
    until(lambda: journal.record(entry("last"), True))
    assert ids(store) == [refusal.id, "last"]


def test_a_short_failure_is_nobodys(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was cut, as by a restart, is made anew, and the grant is kept."""
    write, failures = Writer.write, [1, 2]

    def writes(writer: Writer, entries: list[Entry], *, again: bool = False) -> None:
        if failures:
            failures.pop()
            raise OperationalError("INSERT", {}, Exception("server closed the connection"))
        write(writer, entries, again=again)

    monkeypatch.setattr(Writer, "write", writes)
    grant = entry()
    assert journal.record(grant, True)
    assert ids(store) == [grant.id]


@pytest.mark.conformance("L5")
def test_a_spool_takes_what_the_database_does_not(
    spooling: Journal, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a spool choices are granted while the database is away, and come into it in order."""
    away, choices = Away(monkeypatch), [entry() for _ in range(8)]
    for n, each in enumerate(choices):
        assert spooling.record(each, n % 2 == 0)
    assert ids(store) == []
    away.is_away = False
    until(lambda: len(ids(store)) == 8)
    assert ids(store) == [each.id for each in choices]
    numbers = [record.number for record in kept(store)]
    assert numbers == sorted(numbers)
    until(lambda: Spool(tmp_path / "spool", KEY, 1.0).waiting() == 0)


@pytest.mark.conformance("L5")
def test_a_grant_that_is_spooled_and_written_is_there_once(
    spooling: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went to the spool, and was written after all, is one record, and not taken back."""
    slow, grant = Slow(monkeypatch), entry()
    assert spooling.record(grant, True)
    slow.go_on.set()
    until(lambda: not spooling._started().desk.is_down and spooling.record(entry("last"), True))
    assert ids(store) == [grant.id, "last"]


@pytest.mark.conformance("L5")
def test_what_another_process_left_is_drained(
    spooling: Journal, store: Store, tmp_path: Path
) -> None:
    """What is in the spool of a process that was killed is written by the next that starts."""
    left = [entry(), entry()]
    Spool(tmp_path / "spool", KEY, 1.0).put(left)
    assert spooling.record(entry("first"), True)
    until(lambda: len(ids(store)) == 3)
    assert set(ids(store)) == {left[0].id, left[1].id, "first"}


def test_a_spool_that_somebody_changed_is_put_aside(
    spooling: Journal, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody signed does not come from the spool into the ledger; it is told, and kept."""
    spool = Spool(tmp_path / "spool", KEY, 1.0)
    spool.put([entry("mine"), entry("forged")])
    with spool._store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE consentgate_spool SET entry = replace(entry, 'forged', 'FORGED')"
        )
        connection.exec_driver_sql("INSERT INTO consentgate_spool (entry) VALUES ('nonsense')")
    with caplog.at_level(logging.ERROR):
        assert spooling.record(entry("first"), True)
        until(lambda: len(ids(store)) == 2)
    assert set(ids(store)) == {"mine", "first"}
    assert "2 entries in the spool" in caplog.text
    with spool._store.reading() as connection:
        aside = connection.exec_driver_sql("SELECT count(*) FROM consentgate_strange").scalar()
    assert aside == 2
    spool.close()


def test_a_spool_that_cannot_be_written_keeps_nothing(
    spooling: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With neither database nor spool a grant is none, and a refusal waits in memory."""
    away, refusal = Away(monkeypatch), entry()

    def full(spool: Spool, entries: list[Entry]) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(Spool, "put", full)
    assert not spooling.record(entry(), True)
    assert spooling.record(refusal, False)
    away.is_away = False
    until(lambda: ids(store) == [refusal.id])


def test_what_cannot_be_read_in_time_is_not_waited_for(
    spooling: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that has too much to do takes no more."""
    Away(monkeypatch)
    running = spooling._started()
    assert running.spooling is not None
    monkeypatch.setattr(Lane, "waiting", 10_000)
    assert not spooling.record(entry(), True)


def test_memory_has_an_end(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So many refusals that no memory would hold them are lost, and that is told."""
    Away(monkeypatch)
    assert not journal.record(entry(), True)
    monkeypatch.setattr(Desk, "kept", 1_000_000)
    with caplog.at_level(logging.ERROR):
        assert journal.record(entry(), False)
    assert "a choice is lost" in caplog.text


def test_what_nobody_waits_for_is_written(journal: Journal, store: Store) -> None:
    """A record that is only noted comes into the ledger by itself."""
    noted = entry()
    journal.note(noted)
    until(lambda: ids(store) == [noted.id])


def test_the_end_writes_what_waits(journal: Journal, store: Store) -> None:
    """A process that ends writes what it still has."""
    noted = [entry() for _ in range(20)]
    for each in noted:
        journal.note(each)
    journal.close()
    assert ids(store) == [each.id for each in noted]
    journal.close()  # a second time there is nothing to do


def test_the_end_tells_what_is_lost(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that ends while the database is away tells how many refusals it loses."""
    Away(monkeypatch)
    journal.record(entry(), False)
    journal.record(entry(), False)
    with caplog.at_level(logging.ERROR):
        journal.close()
    assert "2 refusals are not in the ledger" in caplog.text


def test_after_its_end_it_begins_anew(journal: Journal, store: Store) -> None:
    """A journal that was closed opens itself again."""
    assert journal.record(entry("one"), True)
    journal.close()
    assert journal.record(entry("two"), True)
    assert ids(store) == ["one", "two"]


@pytest.mark.conformance("L8")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_child_process_is_a_writer_of_its_own(journal: Journal, store: Store) -> None:
    """After a fork, as of a server that loads the app first, parent and child both write."""
    assert journal.record(entry("parent"), True)
    child = os.fork()
    if child == 0:  # pragma: no cover  # coverage does not see it
        try:
            os._exit(0 if journal.record(entry("child"), True) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert journal.record(entry("parent again"), True)
    writers = {record.id: record.writer for record in kept(store)}
    assert writers == {"parent": 1, "child": 2, "parent again": 1}


@pytest.mark.conformance("L8")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_child_waits_for_no_lock_of_its_parent(journal: Journal) -> None:
    """What another thread of the parent held at the fork holds up no choice of the child."""
    with journal._lock, journal.sequence._lock:
        child = os.fork()
        if child == 0:  # pragma: no cover  # coverage does not see it
            try:
                signal.alarm(10)  # It ends the child.
                each = entry("child")._replace(sequence=journal.sequence.at(time.time()))
                os._exit(0 if journal.record(each, True) else 1)
            finally:
                os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def refuse_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no database take an entry whose id is "bad"."""
    write = Writer.write

    def writes(writer: Writer, entries: list[Entry], *, again: bool = False) -> None:
        if any(each.id == "bad" for each in entries):
            raise DataError("INSERT", {}, Exception("no such text"))
        write(writer, entries, again=again)

    monkeypatch.setattr(Writer, "write", writes)


def test_an_entry_that_no_database_takes_keeps_no_other(
    journal: Journal,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An entry that the database will never take is told and given up; the others are written."""
    refuse_bad(monkeypatch)
    for name in ("one", "bad", "two"):
        journal.note(entry(name))
    with caplog.at_level(logging.ERROR):
        assert journal.record(entry("three"), True)
        assert not journal.record(entry("bad"), True)
    assert caplog.text.count("a choice cannot be written") == 2
    assert ids(store) == ["one", "two", "three"]
    assert journal.record(entry("four"), True)


def test_a_defect_of_a_lane_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is raised in the thread of a lane, who waits is told, and the thread goes on."""
    turns: list[Ticket] = []
    ended: list[int] = []

    def turn(tickets: list[Ticket]) -> float:
        turns.extend(tickets)
        if tickets and len(turns) == 1:
            raise ZeroDivisionError
        for each in tickets:
            each.written()
        return 0.1

    lane = Lane("test", turn, lambda: ended.append(1))
    first, second = Ticket(entry()), Ticket(entry())
    lane.put(first)
    assert not first.wait(5)
    lane.put(second)
    assert second.wait(5)
    lane.end()
    lane.join(5)
    assert "it goes on" in caplog.text
    assert ended == [1]


def test_a_gate_that_is_gone_leaves_no_thread(tmp_path: Path) -> None:
    """What wrote for a gate ends, with all that was to be written, once nobody has the gate."""
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    gone = Journal(Ledger(url), POLICY, KEY)
    last = entry()
    assert gone.record(entry(), True)
    gone.note(last)
    thread = gone._started().lane._thread
    assert thread is not None
    del gone
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    store = Store(url, KEY)
    assert last.id in ids(store)
    store.close()


def test_a_ticket_that_is_written_stays_so() -> None:
    """What is durable cannot be given up any more."""
    ticket = Ticket(entry())
    ticket.written()
    assert not ticket.settle(Fate.GIVEN_UP)
    assert ticket.fate is Fate.AWAITED


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": "nonsense"}, "use one as in"),
        ({"url": "mysql://host/db"}, "use one as in"),
        ({"url": "what://host/db"}, "use one as in"),
        ({"url": "postgresql+psycopg2://host/db"}, "the driver of"),
        ({"url": "sqlite://"}, "in memory proves nothing"),
        ({"url": "sqlite:///:memory:"}, "in memory proves nothing"),
        ({"url": 7}, "use one as in"),
        ({"key": "short"}, "at least 16 are needed"),
        ({"site": "two words"}, "use up to 255"),
        ({"site": 7}, "use up to 255"),
        ({"extra": "user"}, "use a function"),
        ({"lapses": 1}, "say True or False"),
        ({"timeout": 0}, "use seconds"),
        ({"timeout": True}, "use seconds"),
        ({"timeout": float("nan")}, "use seconds"),
        ({"timeout": "2"}, "use seconds"),
        ({"spool": "/nowhere/at/all/spool"}, "in a folder that is there"),
        ({"spool": 7}, "in a folder that is there"),
        ({"spool": ""}, "in a folder that is there"),
        ({"spool": ":memory:"}, "in a folder that is there"),
        ({"spool": "/tmp"}, "in a folder that is there"),  # noqa: S108  # it is no file
        ({"url": "postgresql+asyncpg://host/db"}, "use one as in"),
        ({"url": "postgresql://host:no-port/db"}, "use one as in"),
        ({"url": "sqlite:///file::memory:?uri=true"}, "in memory proves nothing"),
    ],
)
def test_settings_that_cannot_work_are_told(settings: dict[str, object], complaint: str) -> None:
    """A ledger that cannot be is told at construction, with what to write instead."""
    with pytest.raises(ConsentGateError, match=complaint):
        Ledger(**{"url": "sqlite:///consent.db", **settings})  # type: ignore[arg-type]  # wrong
