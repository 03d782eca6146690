"""What is written into a ledger, and that it is written once."""

from __future__ import annotations

import logging
from itertools import count
from threading import Barrier, Thread

import pytest
from sqlalchemy import delete, func, select, update

from adapters import KEY
from consentgate import ConsentGateError
from consentgate.ledger.migrating import check_is_current, newest, revision_of, upgrade
from consentgate.ledger.reading import records_in
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records, registry, writers
from consentgate.ledger.texts import Texts
from consentgate.ledger.writing import DoubtError, Writer
from consentgate.proof import Document, Entry
from ledger_sequences import sequence_at

NOW = 1_796_000_000
_turn = count()


def entry(id: str | None = None, **more: object) -> Entry:
    """Return an entry of a visitor, another one each time."""
    text = Document.of("text", "r1", "en", '{"banner":["Cookies"]}')
    values = {
        "id": id or f"visitor-{next(_turn)}",
        "sequence": sequence_at(NOW),
        "made_at": NOW,
        "action": "partial",
        "decisions": {"statistics": True, "marketing": False},
        "revision": "r1",
        "language": "en",
        "text": text.hash,
        "source": "banner",
        "site": "shop.example",
        "extra": {},
        "documents": (text,),
    }
    return Entry(**{**values, **more})  # type: ignore[arg-type]  # each has its type above


def written(store: Store) -> list[str]:
    """Return the ids that are in the ledger, in order."""
    with store.reading() as connection:
        return [record.id for record in records_in(connection, store.marks)]


def test_an_entry_is_read_back_as_it_was_written(store: Store) -> None:
    """A record has all that its entry had, is genuine, and has its text under its hash."""
    kept = entry(extra={"user": "Zoë"})
    Writer(store, lambda: NOW).write([kept])
    with store.reading() as connection:
        (record,) = records_in(connection, store.marks, id=kept.id)
        text = Texts(connection, store.marks).find(record.text)
    assert record.genuine
    assert {name: getattr(record, name) for name in Entry._fields if name != "documents"} == {
        name: value for name, value in kept._asdict().items() if name != "documents"
    }
    assert (record.writer, record.number) == (1, 1)
    assert text is not None
    assert text[:5] == kept.documents[0]
    assert text.genuine


@pytest.mark.conformance("L8")
def test_a_writer_numbers_its_records_without_gaps(store: Store) -> None:
    """What a writer wrote, in however many transactions, is numbered from one on."""
    writer = Writer(store)
    writer.write([entry(), entry()])
    writer.write([entry()])
    with store.reading() as connection:
        numbers = connection.execute(select(records.c.number).order_by(records.c.number)).scalars()
        assert numbers.all() == [1, 2, 3]
        assert connection.execute(select(writers.c.written)).scalar() == 3


@pytest.mark.conformance("L8")
def test_the_same_entry_is_written_once(store: Store) -> None:
    """An entry that is given again is not written a second time, whoever writes it."""
    first, second = entry(), entry()
    Writer(store).write([first])
    Writer(store).write([first, second], again=True)
    assert written(store) == [first.id, second.id]


@pytest.mark.conformance("L8")
def test_many_writers_begin_at_once(store: Store) -> None:
    """Writers that register at the same moment get numbers of their own, and lose nothing."""
    start, entries = Barrier(4), [entry() for _ in range(40)]

    def work(mine: list[Entry]) -> None:
        own = Store(store.url, KEY, timeout=30)
        writer = Writer(own)
        start.wait()
        for each in mine:
            persist(writer, [each])
        own.close()

    threads = [Thread(target=work, args=(entries[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written(store)) == sorted(each.id for each in entries)
    with store.reading() as connection:
        assert connection.execute(select(registry.c.writers)).scalar() == 4
        assert connection.execute(select(func.sum(writers.c.written))).scalar() == 40


def persist(writer: Writer, entries: list[Entry]) -> None:
    """Write entries, again where another writer came first to the registry."""
    for rest in reversed(range(5)):
        try:
            writer.write(entries)
        except Exception:
            if not rest:
                raise
        else:
            return


@pytest.mark.conformance("L8")
def test_after_a_doubt_it_looks_first(store: Store) -> None:
    """Where the answer to a commit was lost, the same entries are not written twice."""
    writer, first, second, third = Writer(store), entry(), entry(), entry()
    writer.write([first])
    writer.write([second])
    writer._in_doubt, writer._written = True, 1  # as if the second answer had not come
    writer.write([second, third])
    assert written(store) == [first.id, second.id, third.id]
    with store.reading() as connection:
        assert connection.execute(select(writers.c.written)).scalar() == 3


@pytest.mark.conformance("L8")
def test_a_transaction_that_ends_late_is_seen(store: Store) -> None:
    """Where an earlier transaction turns out to have been committed, nothing is written over it."""
    writer, late = Writer(store), entry()
    writer.write([late])
    writer._written = 0  # it was thought to have failed
    with pytest.raises(DoubtError):
        writer.write([late])
    writer.write([late])
    assert written(store) == [late.id]


@pytest.mark.parametrize("loss", ["some", "all"])
def test_an_older_copy_that_was_restored_is_told(
    store: Store, caplog: pytest.LogCaptureFixture, loss: str
) -> None:
    """Where the database has less than was written, that is logged, and a new writer goes on."""
    writer, again = Writer(store), entry()
    writer.write([entry(), entry()])
    with store.writing() as connection:
        connection.execute(delete(records).where(records.c.number == 2))
        change = update(writers).values(written=1) if loss == "some" else delete(writers)
        connection.execute(change)
    with pytest.raises(DoubtError):
        writer.write([again])
    with pytest.raises(DoubtError), caplog.at_level(logging.ERROR):
        writer.write([again])
    assert "has lost records" in caplog.text
    writer.write([again])
    assert again.id in written(store)


def test_a_registry_that_was_changed_keeps_its_mark(store: Store) -> None:
    """A new writer does not make good what somebody did to the count of writers."""
    Writer(store).write([entry()])
    with store.writing() as connection:
        connection.execute(update(registry).values(writers=7))
    Writer(store).write([entry()])
    with store.reading() as connection:
        row = connection.execute(select(registry)).one()
    assert row.writers == 8
    assert not store.marks.fits((row.key, row.mac), "registry", row.writers)


def test_a_registry_that_was_removed_stays_so(store: Store) -> None:
    """Where the count of writers was deleted, a new writer begins none anew."""
    Writer(store).write([entry()])
    with store.writing() as connection:
        connection.execute(delete(registry))
    Writer(store).write([entry()])
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(registry)).scalar() == 0
        assert connection.execute(select(func.max(writers.c.writer))).scalar() == 2


@pytest.mark.conformance("L14")
def test_an_upgrade_is_done_once(ledger_url: str) -> None:
    """The tables are made once, and a second upgrade changes nothing."""
    store = Store(ledger_url, KEY)
    assert revision_of(store) is None
    with pytest.raises(ConsentGateError, match=r"has no tables yet.*consentgate ledger upgrade"):
        check_is_current(store)
    assert upgrade(store) == (None, newest())
    assert upgrade(store) == (newest(), newest())
    check_is_current(store)
    store.close()


@pytest.mark.conformance("L14")
def test_upgrades_at_once_wait_for_each_other(ledger_url: str) -> None:
    """Processes that upgrade at the same moment, as workers at their start, all succeed."""
    start, failures = Barrier(4), []

    def work() -> None:
        own = Store(ledger_url, KEY, timeout=30)
        start.wait()
        try:
            upgrade(own)
        except Exception as error:
            failures.append(error)
        own.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.conformance("L14")
def test_the_migrations_make_what_the_tables_say(store: Store) -> None:
    """What Alembic makes is what the code reads and writes."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from consentgate.ledger.tables import metadata

    with store.reading() as connection:
        options = {"version_table": "consentgate_version"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


@pytest.mark.conformance("L14")
def test_a_postgresql_without_tables_is_not_made_one(ledger_url: str) -> None:
    """The embedded ledger makes its tables at first use; elsewhere that is somebody's decision."""
    store = Store(ledger_url, KEY)
    if store.is_embedded:
        Writer(store).write([entry()])
        assert revision_of(store) == newest()
    else:
        with pytest.raises(ConsentGateError, match="consentgate ledger upgrade"):
            Writer(store).write([entry()])
    store.close()


def test_a_writer_says_where_nothing_answers(ledger_url: str) -> None:
    """What the database refuses is raised, and the same entry can be given again."""
    store = Store(ledger_url, KEY)
    upgrade(store)
    writer, kept = Writer(store), entry()
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE consentgate_records RENAME TO away")
    with pytest.raises(Exception, match="consentgate_records"):
        writer.write([kept])
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO consentgate_records")
    writer.write([kept])
    assert written(store) == [kept.id]
    store.close()
