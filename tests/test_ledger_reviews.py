"""What only goes wrong between two: tasks, threads, processes, gates, copies."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event, Lock, Thread
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

import consentgate.ledger.daily as daily
import consentgate.ledger.journal as journal_module
import consentgate.ledger.running as running_module
from adapters import KEY, Adapter, Visit, asgi_scope, called, sets
from commanding import command
from consentgate import ConsentGate, ConsentGateError, Policy
from consentgate.choice import new_id
from consentgate.exchange import Exchange
from consentgate.ledger import Ledger
from consentgate.ledger.asgi import _Keeping
from consentgate.ledger.desk import Desk, void_of
from consentgate.ledger.erasing import erase
from consentgate.ledger.history import history, id_in
from consentgate.ledger.journal import Journal
from consentgate.ledger.lane import Lane
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.running import Running
from consentgate.ledger.seals import newest_in, seal
from consentgate.ledger.sequence import Sequence
from consentgate.ledger.spool import Spool
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records, registry, seals, writers
from consentgate.ledger.ticket import Fate, Ticket
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import DoubtError, Writer
from consentgate.proof import Entry
from test_ledger_gate import (
    EVERYTHING,
    Clock,
    Site,
    _talk,
    clock,
    over_wsgi,
    posted,
    site,
    token_of,
)
from test_ledger_journal import POLICY, Away, Slow, ids, journal, kept, refuse_bad, spooling, until
from test_ledger_writing import entry

__all__ = ["clock", "journal", "site", "spooling"]  # fixtures


@pytest.mark.conformance("L4")
def test_a_choice_that_changes_while_it_is_kept_is_kept_as_it_leaves(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a task of the app decides again while the ledger is waited for, that is kept, too."""
    slow = Slow(monkeypatch)
    gate = site.gate()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent = scope["consentgate"]
        consent.refuse_all()

        async def meanwhile() -> None:
            await asyncio.to_thread(slow.entered.wait, 10)
            consent.grant_all()
            slow.go_on.set()

        other = asyncio.create_task(meanwhile())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        await other

    messages = asyncio.run(_talk(gate, app, asgi_scope(Visit())))
    (token,) = [value for name, value in messages[0]["headers"] if name == b"set-cookie"]
    choice = gate.standing([token.partition(b";")[0]]).choice
    assert choice is not None
    assert choice.granted
    assert [record.action for record in site.records] == ["refused", "granted"]


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("granted", [True, False])
def test_a_request_that_is_cancelled_grants_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, granted: bool
) -> None:
    """Where a task is cancelled while its choice is kept, the ledger says that nobody was told."""
    slow = Slow(monkeypatch)
    gate = site.gate()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent = scope["consentgate"]
        consent.grant("statistics") if granted else consent.refuse_all()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def cancelled() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        running = asyncio.create_task(gate.asgi(app)(asgi_scope(Visit()), None, send))
        await asyncio.to_thread(slow.entered.wait, 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert sent == []
        slow.go_on.set()

    asyncio.run(cancelled())
    until(lambda: len(site.records) == (2 if granted else 1))
    assert gate.ledger is not None
    gate.ledger.close()
    actions = [record.action for record in site.records]
    assert actions == (["partial", "void"] if granted else ["refused"])


@pytest.mark.conformance("L4")
def test_a_grant_that_is_renewed_needs_its_proof(
    adapter: Adapter, site: Site, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an old revision goes on to hold, the same answer to a new one is a new choice."""
    old = site.gate(keep_unchanged=True)
    token = token_of(adapter(old, sets(), posted("answer=save&allow-statistics=yes")))
    gate = site.gate(keep_unchanged=True, policy=Policy(policy.cookies, revision="next"))
    away = Away(monkeypatch)
    again = posted("answer=save&allow-statistics=yes", cookies=[token])
    assert adapter(gate, sets(), again).status == 503
    assert b"_ga" in adapter(gate, EVERYTHING, Visit([token])).names
    less = posted("answer=withdraw", cookies=[token])
    assert adapter(gate, sets(), less).status == 303
    away.is_away = False
    until(lambda: adapter(gate, sets(), again).status == 303)


def test_a_ledger_behind_another_gate_is_told(
    adapter: Adapter, site: Site, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a gate without a ledger stands around one that has one, that is told, once."""
    outer, inner = ConsentGate(policy, secret_key=KEY), site.gate()

    class Both(Adapter):
        def _wrapped(self, gate: ConsentGate, app: Any) -> Any:
            if self.protocol == "wsgi":
                return outer.wsgi(inner.wsgi(app))
            return outer.asgi(inner.asgi(app))

    for _ in range(2):
        Both(adapter.protocol)(outer, called(lambda consent: consent.grant_all(), sets()))
    assert caplog.text.count("give the outer gate the ledger") == 1
    assert site.records == []


def test_a_clock_that_goes_back_keeps_the_order(adapter: Adapter, site: Site, clock: Clock) -> None:
    """A withdrawal that comes after a grant is behind it, whatever the clock says by then."""
    token = token_of(adapter(site.gate(), sets(), posted("answer=accept")))
    clock.now -= 30
    adapter(site.gate(), sets(), posted("answer=withdraw", cookies=[token]))
    assert [record.action for record in site.records] == ["granted", "withdrawn"]


def test_ledgers_that_begin_at_once_all_begin(tmp_path: Path) -> None:
    """Gates with ledgers of their own may make the tables of these at the same moment."""
    journals = [
        Journal(Ledger(f"sqlite:///{tmp_path / str(n)}.db", timeout=10), POLICY, KEY)
        for n in range(6)
    ]
    start, outcomes = Barrier(6), []

    def begin(one: Journal) -> None:
        start.wait()
        outcomes.append(one.record(entry(), True))

    threads = [Thread(target=begin, args=(each,)) for each in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in journals:
        each.close()
    assert outcomes == [True] * 6


@pytest.mark.conformance("L6", "L8")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("spool", [False, True])
def test_children_of_a_process_that_wrote_lose_nothing(tmp_path: Path, spool: bool) -> None:
    """Processes that were forked after a choice, as by a server, all write what they say yes to."""
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    settings = Ledger(url, timeout=10, spool=tmp_path / "spool" if spool else None)
    parent = Journal(settings, POLICY, KEY)
    assert parent.record(entry("parent"), True)
    children = []
    for n in range(3):
        child = os.fork()
        if child == 0:  # pragma: no cover  # coverage does not see it
            good = all(parent.record(entry(f"child-{n}-{m}"), True) for m in range(20))
            parent.close()
            os._exit(0 if good else 1)
        children.append(child)
    assert parent.record(entry("parent again"), True)
    parent.close()
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    store = Store(url, KEY)
    assert len(ids(store)) == 62
    assert verify(store).is_clean
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_fork_does_not_wait_for_ever(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a database hangs, a process is forked all the same."""
    monkeypatch.setattr(running_module, "_QUIET_SECONDS", 0.1)
    slow = Slow(monkeypatch)
    assert not journal.record(entry(), True)
    child = os.fork()
    if child == 0:  # pragma: no cover  # coverage does not see it
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    slow.go_on.set()


def test_the_end_writes_all_that_waits(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits at the end of a process, it is written if the database is there."""
    away = Away(monkeypatch)
    for _ in range(1200):
        assert journal.record(entry(), False)
    until(lambda: journal._started().desk.kept == 1200)
    away.is_away = False
    journal.close(20)
    assert len(ids(store)) == 1200


def test_a_defect_loses_nothing_that_waits(
    journal: Journal,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is raised while a refusal is written, it is written later."""
    write, failures = Writer.write, [1]

    def writes(writer: Writer, entries: list[Entry], *, again: bool = False) -> None:
        if failures:
            failures.pop()
            raise ZeroDivisionError
        write(writer, entries, again=again)

    monkeypatch.setattr(Writer, "write", writes)
    refusal = entry()
    assert journal.record(refusal, False)
    until(lambda: ids(store) == [refusal.id])
    assert "ZeroDivisionError" in caplog.text


def test_a_choice_beside_the_end_begins_anew(journal: Journal, store: Store) -> None:
    """A choice that comes while a journal is closed goes into what begins behind that."""
    assert journal.record(entry("one"), True)
    journal._started().lane.end()
    assert journal.record(entry("two"), True)
    assert ids(store) == ["one", "two"]


def test_without_a_thread_to_be_had_a_refusal_holds(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system has no more threads, nothing is granted, and a refusal holds."""

    def none(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(Thread, "start", none)
        assert not journal.record(entry(), True)
        assert journal.record(entry(), False)
    assert "a choice is not in the ledger" in caplog.text
    assert journal.record(entry(), True)


def test_a_spool_that_comes_too_late_is_taken_back(
    spooling: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grant that reaches the spool after the visitor was told no is followed by its void."""
    away = Away(monkeypatch)
    put, go_on = Spool.put, Event()

    def late(spool: Spool, entries: list[Entry]) -> None:
        assert go_on.wait(10)
        put(spool, entries)

    monkeypatch.setattr(Spool, "put", late)
    late_grant, given_up = entry("late"), entry("given-up")
    assert not spooling.record(late_grant, True)
    assert not spooling.record(given_up, True)
    go_on.set()
    away.is_away = False
    until(lambda: [record.action for record in kept(store)] == ["partial", "void"])
    assert {record.id for record in kept(store)} == {"late"}


def test_a_database_that_hangs_is_told(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that takes a connection and says nothing is told in the log as well."""
    slow = Slow(monkeypatch)
    assert not journal.record(entry(), True)
    assert "the ledger does not answer, choices wait: nothing came back" in caplog.text
    slow.go_on.set()
    until(lambda: "the ledger answers again" in caplog.text)


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_database_that_is_only_read_is_down(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that answers, and takes nothing, does not count as one that is back."""
    assert journal.record(entry("first"), True)
    alter = "ALTER DATABASE {} SET default_transaction_read_only = {}"
    name = store.url.database
    with store.writing() as connection:
        connection.exec_driver_sql(alter.format(name, "on"))
    desk = journal._started().desk
    journal._started()._store.engine.dispose()
    assert not journal.record(entry(), True)
    desk.turn([])
    assert desk.is_down
    own = Store(store.url, KEY, timeout=None)
    with own.writing() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        connection.exec_driver_sql(alter.format(name, "off"))
    own.close()
    journal._started()._store.engine.dispose()
    until(lambda: journal.record(entry("last"), True))


def test_what_no_database_takes_does_not_hold_a_spool(
    spooling: Journal, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An entry in a spool that cannot be written is put aside, and the others go on."""
    refuse_bad(monkeypatch)
    spool = Spool(tmp_path / "spool", KEY, 1.0)
    spool.put([entry("one"), entry("bad"), entry("two")])
    assert spooling.record(entry("first"), True)
    until(lambda: set(ids(store)) == {"one", "two", "first"})
    until(lambda: spool.waiting() == 0)
    spool.close()


def test_a_spool_has_each_text_once(tmp_path: Path) -> None:
    """However many choices wait, the words that they were about are there once; forged ones not."""
    spool = Spool(tmp_path / "spool", KEY, 1.0)
    for _ in range(3):
        spool.put([entry()])
    assert len({each.entry.documents for each in spool.first()}) == 1
    with sqlite3.connect(tmp_path / "spool") as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM consentgate_texts")
        connection.execute("UPDATE consentgate_texts SET text = text || 'x'")
    connection.close()
    assert count == 1
    assert spool.first() == []
    spool.close()


def test_a_restored_copy_is_no_other_writers(store: Store) -> None:
    """Where an older copy gave a writer's number to another one, the first one does not go on."""
    first = Writer(store, lambda: 1_796_000_000)
    first.write([entry()])
    with store.writing() as connection:
        for table in (records, writers, registry):
            connection.execute(table.delete())
    other = Writer(store, lambda: 1_796_000_100)
    other.write([entry()])
    again = entry()
    with pytest.raises(DoubtError):
        first.write([again])
    with pytest.raises(DoubtError):
        first.write([again])
    first.write([again])
    assert [each.writer for each in kept(store)] == [1, 2]
    assert verify(store).is_clean


def test_a_ledger_of_another_key_is_not_written(store: Store) -> None:
    """Where the keys that a ledger had are not given, nobody could check it: it is told."""
    Writer(store).write([entry()])
    other = Store(store.url, "another key of the ledger")
    with pytest.raises(ConsentGateError, match="name all of its keys, the oldest first"):
        Writer(other).write([entry()])
    other.close()
    both = Store(store.url, [KEY, "another key of the ledger"])
    Writer(both).write([entry()])
    assert verify(both).is_clean
    both.close()


def test_only_marks_make_other_ids_the_same_visitors(store: Store) -> None:
    """What is shown and erased by an id is that of one visitor, however ids begin."""
    names = ["abc", "abc-d", "-x", new_id(), new_id()]
    marked = f"{names[3]}-a1b2c3d4"
    Writer(store).write([entry(name) for name in (*names, marked)])
    assert len(history(store, "abc").records) == 1
    assert len(history(store, names[3]).records) == 2
    assert erase(store, "abc", 1_796_000_000).erased == 1
    assert erase(store, marked, 1_796_000_000).erased == 2
    assert set(ids(store)) == {"abc-d", "-x", names[4]}


@pytest.mark.parametrize("text", ["", "two words", "a=b", "x" * 33])
def test_what_is_no_number_is_told(text: str) -> None:
    """What nobody can have copied from a page, or a cookie, is told as that."""
    with pytest.raises(ConsentGateError, match="is no number of a choice"):
        id_in(text)


def test_a_number_is_found_among_other_cookies(gate: ConsentGate) -> None:
    """A whole line of cookies has the number of the one that is a choice."""
    choice = gate.choice(["statistics"])
    cookie = gate.set_cookie_for(choice).partition(";")[0]
    assert id_in(f"Cookie: session=1; {cookie}; theme=dark") == choice.id


def test_new_numbers_are_no_options() -> None:
    """No number of a choice begins as an option of a command does."""
    assert not any(new_id().startswith("-") for _ in range(2000))


def test_a_forged_seal_does_not_keep_others_from_being_made(store: Store) -> None:
    """A row that somebody put among the seals is none: the next one follows the last real one."""
    Writer(store).write([entry()])
    first = seal(store, 1_796_000_000)
    assert first is not None
    forged = {**first._asdict(), "made_at": 4_102_444_800, "mac": "x" * 43}
    with store.writing() as connection:
        connection.execute(insert(seals).values({**forged, "number": 999}))
    with store.reading() as connection:
        assert newest_in(connection, store.marks) == first
    sealing = daily.DailySeal(store.url.render_as_string(False), KEY, lambda: 1_796_100_000)
    assert not sealing._is_sealed(store)
    Writer(store).write([entry()])
    second = seal(store, 1_796_000_001)
    assert second is not None
    assert second.number == 2
    with store.writing() as connection:
        connection.execute(insert(seals).values({**forged, "number": 3}))
    Writer(store).write([entry()])
    fourth = seal(store, 1_796_000_002)
    assert fourth is not None
    assert (fourth.number, fourth.previous) == (4, second.mac)


def test_a_day_is_sealed_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first that is written on a day has the ledger sealed, once a day."""
    monkeypatch.setattr(daily, "_LONGEST_WAIT", 0.0)
    now = [1_796_000_000.0]
    sealing = daily.DailySeal(store.url.render_as_string(False), KEY, lambda: now[0])
    for day in range(3):
        now[0] += 86400 * (day > 0)
        Writer(store, lambda: now[0]).write([entry()])
        sealing.written()
        sealing.join(10)
        sealing.written()
        sealing.join(10)
    again = daily.DailySeal(store.url.render_as_string(False), KEY, lambda: now[0])
    Writer(store).write([entry()])
    again.written()
    again.join(10)
    checked = verify(store)
    assert (checked.seals, checked.unsealed) == (3, 1)


def test_a_seal_that_fails_keeps_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a day cannot be sealed, or has no thread, that is told, and the app goes on."""
    monkeypatch.setattr(daily, "_LONGEST_WAIT", 0.0)
    sealing = daily.DailySeal("sqlite:////nowhere/at/all.db", KEY, lambda: 1_796_000_000)
    sealing.written()
    sealing.join(10)
    assert "the ledger was not sealed today" in caplog.text

    def none(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none)
    other = daily.DailySeal("sqlite:////nowhere/at/all.db", KEY, lambda: 1_796_000_000)
    other.written()
    other.join(10)
    assert "the ledger is not sealed today" in caplog.text


def test_a_seal_does_not_keep_a_process_from_its_end(store: Store) -> None:
    """A process that ends before its seal is due does not wait for it."""
    sealing = daily.DailySeal(store.url.render_as_string(False), KEY, lambda: 1_796_000_000)
    sealing.written()
    sealing.end()
    sealing.join(10)
    assert sealing._thread is not None
    assert not sealing._thread.is_alive()


def test_a_count_that_somebody_raised_costs_no_memory(store: Store) -> None:
    """A registry that counts what nobody could is told, and nothing is made of its number."""
    Writer(store).write([entry()])
    with store.writing() as connection:
        connection.execute(update(registry).values(key="zzzzzz", writers=2_000_000_000))
    assert [finding.kind for finding in verify(store)] == ["key"]


@pytest.mark.parametrize("ranges", ['{"1":[1,Infinity]}', "[" * 100_000, '{"1":[2,1]}', '{"x":1}'])
def test_ranges_that_somebody_spoiled_are_told(store: Store, ranges: str) -> None:
    """Whatever stands in a seal, a check comes to its end and names it."""
    Writer(store).write([entry()])
    seal(store, 1_796_000_000)
    with store.writing() as connection:
        connection.execute(update(seals).values(ranges=ranges))
    assert "edited" in [finding.kind for finding in verify(store)]
    Writer(store).write([entry()])
    assert seal(store, 1_796_000_100) is not None


@pytest.mark.parametrize("column", ["site", "extra", "id", "language"])
@pytest.mark.parametrize("cell", ["CAST(x'ff' AS TEXT)", "x'ff00'"])
def test_a_cell_that_is_no_text_is_named(tmp_path: Path, column: str, cell: str) -> None:
    """Bytes that SQLite keeps in a column of texts are found, and hide nothing else."""
    store = Store(f"sqlite:///{tmp_path / 'consent.db'}", KEY)
    Writer(store).write([entry("one"), entry("two")])
    with store.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE consentgate_records SET {column} = {cell} WHERE number = 1"  # noqa: S608  # ours
        )
    assert [finding.kind for finding in verify(store)] == ["edited"]
    found = kept(store)
    assert {record.genuine for record in found} == {True, False}
    store.close()


@pytest.mark.parametrize("decisions", ["[" * 100_000, '{"a":NaN}', "no JSON", "[]"])
def test_decisions_that_somebody_spoiled_say_nothing(store: Store, decisions: str) -> None:
    """What cannot be read in a record is nothing, and the record is told as changed."""
    Writer(store).write([entry()])
    with store.writing() as connection:
        connection.execute(update(records).values(decisions=decisions))
    (record,) = kept(store)
    assert (record.decisions, record.genuine) == ({}, False)


def test_a_copy_on_a_read_only_disk_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that nobody may write beside is read as it is; the site may say how by itself."""
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    store = Store(url, KEY)
    Writer(store).write([entry()])
    store.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    for address in (url, f"sqlite:///file:{tmp_path / 'consent.db'}?mode=ro&uri=true"):
        only = Store(address, KEY, changes=False)
        assert verify(only).is_clean
        only.close()


def test_no_address_shows_what_is_secret_in_it() -> None:
    """The name of a ledger has no password in it, wherever that stands in the address."""
    store = Store("postgresql+psycopg://u:geheim@h/db?password=geheim&sslmode=require", KEY)
    assert "geheim" not in store.name
    assert "geheim" not in repr(Ledger(store.url.render_as_string(False)))
    store.close()
    with pytest.raises(ConsentGateError) as told:
        Ledger("u:geheim@h/db")
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_the_address_of_a_server_may_say_more(store: Store) -> None:
    """Options in an address are added to the bounds that the ledger sets, and beat them."""
    url = store.url.update_query_dict({"options": "-c lock_timeout=1234"})
    own = Store(url, KEY, timeout=3.0)
    with own.reading() as connection:
        for name, value in (("lock_timeout", "1234ms"), ("statement_timeout", "3s")):
            assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value
    own.close()


def test_a_desk_passes_over_a_ticket_that_went_to_the_disk() -> None:
    """What failed, and is in the spool by then, is neither written nor taken back from memory."""

    class Broken:
        def write(self, entries: Any, *, again: bool = False) -> None:
            raise ConsentGateError("away")

        def probe(self) -> None:
            """Answer."""

    desk = Desk(Broken(), None, lambda: 0.0, lambda: None)  # type: ignore[arg-type]  # a writer's face
    ticket = Ticket(entry())
    desk.turn([ticket])
    ticket.settle(Fate.SPOOLED)
    desk.turn([])
    assert desk.kept == 0
    assert not desk.is_down


def test_a_lane_that_never_began_ends(tmp_path: Path) -> None:
    """What was made and not used, ends at once; and so does what is another process's."""
    lane = Lane("test", lambda _: 1.0, lambda: None)
    lane.end()
    lane.join(1)
    assert not lane.put(Ticket(entry()))
    lane.begin()
    assert not lane.is_alive
    running = Running(Ledger(f"sqlite:///{tmp_path / 'a.db'}"), KEY, lambda: 0.0)
    running.process = -1
    running.end(1)
    assert Lock().acquire()


def recorded(store: Store) -> list[Record]:
    """Return what is in a ledger, visitor by visitor."""
    with store.reading() as connection:
        return list(records_in(connection, store.marks, by_visitor=True))


def test_records_can_be_read_visitor_by_visitor(store: Store) -> None:
    """Those of one visitor come together, in their order."""
    Writer(store).write([entry("b"), entry("a"), entry("b")])
    assert [record.id for record in recorded(store)] == ["a", "b", "b"]


def test_the_end_of_the_process_has_one_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many journals hang, the end of the process waits for all of them together."""
    module = journal_module
    monkeypatch.setattr(module, "_LAST_SECONDS", 0.3)
    slow = Slow(monkeypatch)
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    one = Journal(Ledger(url, timeout=0.1), POLICY, KEY)
    assert one.record(entry(), False)
    with caplog.at_level(logging.ERROR):
        module._close_all()
    assert one._running is None
    slow.go_on.set()


def test_what_was_kept_is_not_asked_twice(site: Site) -> None:
    """Where a choice is back to what it was when the thread comes to it, there is none to keep."""
    gate = site.gate()
    assert gate.ledger is not None
    assert _Keeping(Exchange(gate, []), gate.ledger).keep()
    assert gate.ledger._running is None


@pytest.mark.conformance("L4")
def test_what_is_refused_while_a_grant_fails_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a task of the app refuses while a grant is waited for in vain, the refusal leaves."""
    gate = site.gate({"timeout": 0.5})
    slow = Slow(monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        consent = scope["consentgate"]
        consent.grant_all()

        async def meanwhile() -> None:
            await asyncio.to_thread(slow.entered.wait, 10)
            consent.refuse_all()

        other = asyncio.create_task(meanwhile())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await other

    messages = asyncio.run(_talk(gate, app, asgi_scope(Visit())))
    slow.go_on.set()
    assert messages[0]["status"] == 503
    (token,) = [value for name, value in messages[0]["headers"] if name == b"set-cookie"]
    choice = gate.standing([token.partition(b";")[0]]).choice
    assert choice is not None
    assert not choice.granted


def test_an_app_that_says_nothing_has_its_say(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that starts its response and has no body is answered for as well."""
    away = Away(monkeypatch)

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["consentgate"].grant("statistics")
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield from ()

    gate = site.gate()
    assert over_wsgi(gate, app).status == 503
    away.is_away = False
    until(lambda: over_wsgi(gate, app).status == 200)
    assert over_wsgi(gate, app).body == b""


def test_a_lane_that_ends_just_now_is_followed_by_another(
    journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a lane comes to its end between two steps, the choice goes into the next one."""
    put, refusals = Lane.put, [1]

    def puts(lane: Lane, ticket: Ticket) -> bool:
        return False if refusals and refusals.pop() else put(lane, ticket)

    monkeypatch.setattr(Lane, "put", puts)
    assert journal.record(entry("one"), True)
    assert ids(store) == ["one"]


def test_a_child_forgets_what_its_parent_writes_with(journal: Journal, store: Store) -> None:
    """In a child process a journal begins anew, and leaves alone what is the parent's."""
    assert journal.record(entry("one"), True)
    parents = journal._started()
    idle = Journal(Ledger("sqlite:///never-made.db"), POLICY, KEY)
    journal_module._before_fork()
    journal_module._after_fork_in_parent()
    journal_module._after_fork_in_child()
    assert journal._running is None
    assert idle._running is None
    assert journal.record(entry("two"), True)
    assert journal._started() is not parents
    parents.end(5)
    assert {record.writer for record in kept(store)} == {1, 2}


def test_a_spool_that_cannot_be_read_is_told_once(
    spooling: Journal,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where a spool cannot be emptied, the database goes on, and the log says so once."""
    first, calls = Spool.first, []

    def broken(spool: Spool) -> Any:
        calls.append(1)
        if len(calls) < 4:
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))
        return first(spool)

    monkeypatch.setattr(Spool, "first", broken)
    Spool(Path(str(spooling._settings.spool)), KEY, 1.0).put([entry("spooled")])
    assert spooling.record(entry("one"), True)
    until(lambda: set(ids(store)) == {"one", "spooled"})
    assert caplog.text.count("the spool is not emptied") == 1


def test_a_desk_passes_over_what_was_given_up() -> None:
    """A ticket that nobody wants any more when its turn comes is not written."""

    class Nothing:
        def write(self, entries: Any, *, again: bool = False) -> None:
            raise AssertionError(entries)

    desk = Desk(Nothing(), None, lambda: 0.0, lambda: None)  # type: ignore[arg-type]  # a writer's face
    desk.turn([Ticket(entry(), Fate.GIVEN_UP), Ticket(entry(), Fate.SPOOLED)])
    assert not desk.is_down


def test_nothing_again_is_nothing(store: Store) -> None:
    """To write nothing, again, writes nothing."""
    Writer(store).write([], again=True)
    assert kept(store) == []


def test_a_voided_grant_is_shown_as_none(store: Store) -> None:
    """Who looks at a visitor's choices sees which grant the browser was never told of."""
    voided, told = entry("visitor"), entry("visitor")
    void = void_of(voided, 1_796_000_000)
    Writer(store).write([voided, void, told])
    url = store.url.render_as_string(hide_password=False)
    said = command("ledger", "show", "visitor", "--ledger", url, CONSENTGATE_SECRET_KEY=KEY)
    assert said.code == 0
    assert said.out.count("the browser was never told: nothing was granted by it") == 1
    exported = command("ledger", "export", "--format", "iso27560", "--ledger", url)
    events = json.loads(exported.out)["events"]
    assert [event["event_state"] for event in events] == [
        *("dpv:ConsentGiven", "dpv:ConsentRefused"),
        *("dpv:ConsentInvalidated", "dpv:ConsentInvalidated"),
        *("dpv:ConsentGiven", "dpv:ConsentRefused"),
    ]


def test_choices_of_many_threads_have_numbers_of_their_own() -> None:
    """However many threads ask at once, and whatever the clock says, no number is given twice."""
    numbers, sequence = list[int](), Sequence()
    threads = [
        Thread(target=lambda: numbers.extend([sequence.at(1.0) for _ in range(2000)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 16_000
    assert not any(number % 2 for number in numbers)


def test_a_note_that_cannot_be_kept_raises_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the end of a choice cannot be noted, for want of a thread, the response goes on."""

    def none(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none)
    journal.note(entry())
    assert "a record is not in the ledger" in caplog.text
