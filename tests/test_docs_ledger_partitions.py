"""The SQL of the page on partitions: run on a real PostgreSQL, with a ledger that goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import make_url

import postgres
import transcripts
from consentgate.choice import new_id
from consentgate.ledger.migrating import upgrade
from consentgate.ledger.pruning import old_in, prune
from consentgate.ledger.reading import records_in
from consentgate.ledger.seals import seal
from consentgate.ledger.sequence import Sequence
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer
from consentgate.proof import Entry
from ledger_rows import LEDGER_KEY, entry

SQL = (transcripts.FOLDER / "ledger" / "partitions.sql").read_text("utf-8")
RIGHTS = (transcripts.FOLDER / "ledger" / "rights.sql").read_text("utf-8")
ROLES = ("consent_app", "consent_reader")
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)

_STATEMENT = re.compile(r"(?:\$\$.*?\$\$|[^;$])+;", re.DOTALL)


class Database:
    """A database with a ledger's tables, as its owner sees it who has psql open."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, LEDGER_KEY)
        self.writer = Writer(self.store)
        upgrade(self.store)
        plain = make_url(url).set(drivername="postgresql")
        self.connection = psycopg.connect(
            plain.render_as_string(hide_password=False), autocommit=True
        )

    def run(self, section: str) -> int:
        """Run a section of the page, one statement after the other; return the last number."""
        found = re.search(rf"\[start:{section}\]\n(.*?)-- --8<-- \[end:{section}\]", SQL, re.DOTALL)
        assert found is not None
        return self.say(found[1])

    def say(self, text: str) -> int:
        """Run statements; return what the last one says, if that is a number."""
        number = 0
        try:
            for statement in _STATEMENT.findall(text):
                cursor = self.connection.execute(statement.encode())
                row = cursor.fetchone() if cursor.description else None
                number = int(row[0]) if row and str(row[0]).isdigit() else 0
        finally:
            self.connection.rollback()
            self.connection.execute("SET lock_timeout = 0")
        return number

    def places(self) -> dict[str, int]:
        """Return how many records lie in which piece of the table."""
        query = "SELECT tableoid::regclass::text, count(*) FROM consentgate_records GROUP BY 1"
        return dict(self.connection.execute(query).fetchall())

    def pieces(self) -> set[str]:
        """Return the pieces that the table has."""
        query = (
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'consentgate_records'::regclass"
        )
        return {name for (name,) in self.connection.execute(query)}

    def is_clean(self) -> bool:
        """Tell whether the ledger finds nothing wrong in itself."""
        return verify(self.store).is_clean

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()
        self.store.close()


@pytest.fixture
def database() -> Iterator[Database]:
    """Give a ledger on PostgreSQL with nothing in it, and remove it."""
    server = postgres.session_cluster()
    url = server.create_database()
    found = Database(url)
    yield found
    found.close()
    server.drop_database(url)


@pytest.fixture
def roles(database: Database) -> Iterator[None]:
    """Have the roles that the page on PostgreSQL makes; remove those that were not there."""
    known = {name for (name,) in database.connection.execute("SELECT rolname FROM pg_roles")}
    made = [name for name in ROLES if name not in known]
    for name in made:
        database.say(f"CREATE ROLE {name} LOGIN;")
    yield
    for name in made:
        database.say(f"DROP OWNED BY {name}; DROP ROLE {name};")


def made_at(*times: datetime) -> list[Entry]:
    """Return a choice for each of these times, each of another visitor."""
    return [entry(at=time.timestamp(), id=new_id()) for time in times]


def months_from_now(number: int) -> datetime:
    """Return a moment in the middle of the month that is so many months away."""
    first = datetime.now(UTC).replace(day=15)
    month = first.month - 1 + number
    return first.replace(year=first.year + month // 12, month=month % 12 + 1)


def piece(time: datetime) -> str:
    """Return the name of the piece that has the records of a time."""
    return f"consentgate_records_{time:%Y_%m}"


def test_a_month_begins_where_its_first_sequence_is(database: Database) -> None:
    """The SQL and the ledger agree about the sequences of a day."""
    database.run("functions")
    first = database.say("SELECT consentgate_sequence('2026-01-01');")
    seconds = JANUARY.timestamp()
    assert Sequence().at(seconds - 0.000_001) < first <= Sequence().at(seconds)


def test_a_new_ledger_is_divided(database: Database) -> None:
    """Records go to the piece of their month; they are sealed and verified as one table."""
    for section in ("functions", "fresh", "ahead", "ahead"):
        database.run(section)
    times = [months_from_now(number) for number in (0, 1, 12)]
    database.writer.write(made_at(*times))
    assert database.places() == {piece(time): 1 for time in times}
    assert len(database.pieces()) == 14
    assert database.run("rest") == 0
    made = seal(database.store, int(times[-1].timestamp()))
    assert made is not None
    assert made.records == 3
    assert database.is_clean()


def test_a_piece_that_was_emptied_is_dropped(database: Database) -> None:
    """A month goes when all in it was pruned, and not before; the ledger stays right."""
    database.run("functions")
    database.run("fresh")
    february = JANUARY + timedelta(days=40)
    database.say("SELECT consentgate_add_month('2026-01-01'), consentgate_add_month('2026-02-01');")
    for time in (JANUARY, february):
        database.writer.write(made_at(time))
        seal(database.store, int(time.timestamp()))
    with pytest.raises(psycopg.errors.RaiseException, match="prune first"):
        database.run("drop")
    old = old_in(database.store, february.timestamp())
    assert list(prune(database.store, old, february.timestamp())) == [1]
    assert database.places() == {piece(february): 1}
    database.run("drop")
    assert database.pieces() == {piece(february), "consentgate_records_rest"}
    assert database.is_clean()


def test_a_month_that_is_taken_away_is_found(database: Database) -> None:
    """Dropping a piece with records in it, past the ledger, is what `verify` finds."""
    for section in ("functions", "fresh", "ahead"):
        database.run(section)
    now = months_from_now(0)
    database.writer.write(made_at(now, months_from_now(1)))
    database.say(f"DROP TABLE {piece(now)};")
    assert [finding.kind for finding in verify(database.store)] == ["missing"]


def test_a_month_without_a_piece_loses_nothing(database: Database) -> None:
    """A record of a month that nobody prepared is kept, and moved when the month is made."""
    database.run("functions")
    database.run("fresh")
    database.writer.write(made_at(JANUARY, JANUARY + timedelta(days=40)))
    assert database.run("rest") == 2
    with pytest.raises(psycopg.errors.CheckViolation):
        database.say("SELECT consentgate_add_month('2026-01-01');")
    database.run("move")
    assert database.places() == {"consentgate_records_2026_01": 1, "consentgate_records_2026_02": 1}
    assert database.run("rest") == 0
    assert database.is_clean()


def test_a_ledger_with_records_is_not_thrown_away(database: Database) -> None:
    """What is for an empty table refuses one that has records, and leaves it as it is."""
    database.writer.write(made_at(JANUARY))
    with pytest.raises(psycopg.errors.RaiseException, match="has records"):
        database.run("fresh")
    assert database.places() == {"consentgate_records": 1}


@pytest.mark.usefixtures("roles")
def test_a_ledger_with_records_is_divided_while_others_write(database: Database) -> None:
    """Nothing is lost, and no writer fails, while a table in use becomes a piece of one."""
    database.say(RIGHTS)
    database.writer.write(made_at(JANUARY, datetime.now(UTC)))
    database.run("functions")
    ended = Event()
    written: list[Entry] = []

    def write() -> None:
        while not ended.is_set():
            batch = made_at(datetime.now(UTC))
            database.writer.write(batch)
            written.extend(batch)

    thread = Thread(target=write)
    thread.start()
    try:
        for section in ("bound", "filled", "after", "after"):
            before = len(written)
            database.run(section)
            while thread.is_alive() and len(written) < before + 5:
                ended.wait(0.01)
    finally:
        ended.set()
        thread.join()
    later = months_from_now(2)
    database.writer.write(made_at(later))
    first = "consentgate_records_first"
    assert database.places() == {first: 2 + len(written), piece(later): 1}
    assert len(written) >= 20
    assert len(database.pieces()) == 14
    assert database.is_clean()


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("before", ["fresh", "filled"])
def test_the_roles_can_do_afterwards_what_they_could(database: Database, before: str) -> None:
    """The app adds records through the divided table and removes none; the reader reads it."""
    database.say(RIGHTS)
    database.run("functions")
    if before == "filled":
        database.run("bound")
    database.run(before)
    database.run("after")
    if before == "fresh":
        database.say(RIGHTS)
    url = database.store.url.update_query_dict({"options": "-c role=consent_app"})
    app = Store(url, LEDGER_KEY)
    own = made_at(datetime.now(UTC), months_from_now(3))
    Writer(app).write(own)
    app.close()
    with psycopg.connect(database.connection.info.dsn, password=database.store.url.password) as it:
        it.execute("SET ROLE consent_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            it.execute("DELETE FROM consentgate_records")
        it.rollback()
        it.execute("SET ROLE consent_reader")
        assert it.execute("SELECT count(*) FROM consentgate_records").fetchone() == (2,)
    with database.store.reading() as connection:
        found = [record.id for record in records_in(connection, database.store.marks)]
    assert found == [choice.id for choice in own]
    assert database.is_clean()
