"""What the pages about the ledger show works, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import werkzeug.test
from sqlalchemy import make_url
from typer.testing import CliRunner

import postgres
import transcripts
from consentgate import ConsentGate
from consentgate.cli.app import app as command_line
from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import Record, records_in
from consentgate.ledger.store import Store
from serving import free_port

SHOWN = transcripts.FOLDER / "ledger"
KEY = "a key for the examples of the documentation"
LEDGER_KEY = "a key for the ledger of the documentation"
HOST = "db.shop.example"
PASSWORD = "only-for-the-tests"  # of a database that nobody else reaches
ROLES = ("consent_owner", "consent_app", "consent_reader")
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in an empty folder with the policy file of the shop, and its keys in the environment."""
    shutil.copy(transcripts.FOLDER / "consentgate.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", KEY)
    monkeypatch.setenv("CONSENTGATE_LEDGER_KEY", LEDGER_KEY)
    return tmp_path


def shown(name: str, place: Path) -> dict[str, Any]:
    """Run a file that a page shows, with the folder that is not of this machine replaced."""
    text = (SHOWN / name).read_text("utf-8")
    (place / name).write_text(text.replace("/var/lib/shop", str(place)), "utf-8")
    return runpy.run_path(str(place / name))


def answered(gate: ConsentGate, answer: str, **headers: str) -> werkzeug.test.TestResponse:
    """Answer the banner of a gate, and have the ledger write what waits."""
    client = werkzeug.test.Client(gate.wsgi(_app), use_cookies=False)
    form = {"answer": answer, "from": "banner"}
    response = client.post("/cookies/choice", data=form, headers=OWN | headers)
    assert gate.ledger is not None
    gate.ledger.close()
    return response


def _app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"home"]


def kept(url: str) -> list[Record]:
    """Read all records of a ledger."""
    store = Store(url, LEDGER_KEY)
    try:
        with store.reading() as connection:
            return list(records_in(connection, store.marks))
    finally:
        store.close()


# One machine


@pytest.mark.conformance("L1", "L15")
def test_a_ledger_in_a_file_keeps_choices_under_its_own_key(folder: Path) -> None:
    """The gate of the page writes a record that the ledger's own key has marked."""
    response = answered(shown("gate.py", folder)["gate"], "accept")
    assert response.status_code == 303
    (record,) = kept(f"sqlite:///{folder}/consent.db")
    assert (record.action, record.source, record.site) == ("granted", "banner", "shop.example")
    assert record.genuine is True
    assert Marks(KEY).newest != Marks(LEDGER_KEY).newest


@pytest.mark.conformance("L15")
def test_a_key_of_its_own_can_come_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the gate's key before its own a ledger marks with its own, and checks the rest."""
    shutil.copy(SHOWN / "consentgate.toml", folder)
    monkeypatch.delenv("CONSENTGATE_LEDGER_KEY")
    answered(ConsentGate.from_toml("consentgate.toml"), "accept")
    monkeypatch.setenv("CONSENTGATE_LEDGER_KEY", f"{KEY},{LEDGER_KEY}")
    answered(ConsentGate.from_toml("consentgate.toml"), "refuse")
    store = Store("sqlite:///consent.db", [KEY, LEDGER_KEY])
    with store.reading() as connection:
        assert [record.genuine for record in records_in(connection, store.marks)] == [True, True]
    store.close()
    assert [record.genuine for record in kept("sqlite:///consent.db")] == [None, True]


@pytest.mark.conformance("L2")
def test_a_function_of_the_site_adds_the_account(folder: Path) -> None:
    """A choice of who is signed in has the account beside it, and of nobody else."""
    values = shown("extra.py", folder)
    cookie = f"session={values['sessions'].dumps({'account': 4711})}"
    answered(values["gate"], "accept", Cookie=cookie)
    answered(values["gate"], "refuse", Cookie="session=forged")
    answered(values["gate"], "refuse")
    extras = [record.extra for record in kept(f"sqlite:///{folder}/consent.db")]
    assert extras == [{"account": "4711"}, {}, {}]


# Ten machines


class Database(NamedTuple):
    """A PostgreSQL with the roles of the page, and how libpq enters it."""

    server: postgres.Cluster
    environment: Mapping[str, str]

    def url(self, role: str, database: str = "consent") -> str:
        """Return the address of its ledger for a role."""
        own = make_url(self.server.url).set(username=role, password=PASSWORD, database=database)
        return own.render_as_string(hide_password=False)

    def say(self, role: str, text: str) -> list[tuple[Any, ...]]:
        """Execute what a page shows as a role, and return the rows of the last statement."""
        url = self.url(role).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Start a PostgreSQL of this module's own: the names of roles are the whole server's."""
    with postgres.cluster() as own:
        url = make_url(own.url)
        passwords = tmp_path_factory.mktemp("libpq") / "passwords"
        secrets = {str(url.username): str(url.password)} | dict.fromkeys(ROLES, PASSWORD)
        lines = [f"*:*:*:{role}:{secret}\n" for role, secret in secrets.items()]
        passwords.write_text("".join(lines), "utf-8")
        passwords.chmod(0o600)
        environment = {
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGDATABASE": "postgres",
            "PGPASSFILE": str(passwords),
        }
        yield Database(own, environment)


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    """Make the roles and the database as the page does, and remove them afterwards."""
    with psycopg.connect(server.server.url.replace("+psycopg", ""), autocommit=True) as admin:
        for statement in (SHOWN / "roles.sql").read_text("utf-8").split(";"):
            admin.execute(statement.encode())
        for role in ROLES:
            admin.execute(f"ALTER ROLE {role} PASSWORD $${PASSWORD}$$".encode())
        yield server
        for name in ("consent", "restored"):
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        for role in ROLES:
            admin.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def prepared(database: Database) -> Database:
    """Make the tables as the owner, and give the rights of the page."""
    said(["upgrade"], database.url("consent_owner"))
    database.say("consent_owner", (SHOWN / "rights.sql").read_text("utf-8"))
    return database


def said(words: list[str], url: str, code: int = 0) -> str:
    """Run a command of `consentgate ledger` on a ledger, and return what it says."""
    environment = {"CONSENTGATE_LEDGER_KEY": LEDGER_KEY, "CONSENTGATE_LEDGER": url}
    result = CliRunner().invoke(command_line, ["ledger", *words], env=environment)
    assert result.exit_code == code, result.output
    return result.output


def in_the_cluster(name: str, folder: Path, url: str) -> ConsentGate:
    """Return the gate of a page whose ledger is on PostgreSQL."""
    told = f"postgresql+psycopg://consent_app@{HOST}/consent?sslmode=verify-full"
    text = (SHOWN / name).read_text("utf-8")
    assert told in text
    (folder / name).write_text(text.replace(told, url), "utf-8")
    return ConsentGate.from_toml(folder / name)


def test_the_app_s_rights_are_enough(folder: Path, prepared: Database) -> None:
    """With its own role the app records choices and seals them, and a reader verifies."""
    gate = in_the_cluster("cluster.toml", folder, prepared.url("consent_app"))
    assert answered(gate, "accept").status_code == 303
    assert answered(gate, "refuse").status_code == 303
    said(["seal"], prepared.url("consent_app"))
    said(["verify"], prepared.url("consent_reader"))
    actions = [record.action for record in kept(prepared.url("consent_reader"))]
    assert actions == ["granted", "refused"]


@pytest.mark.parametrize("role", ["consent_app", "consent_reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consentgate_records SET action = 'granted'",
        "DELETE FROM consentgate_records",
        "TRUNCATE consentgate_records",
        "UPDATE consentgate_documents SET content = ''",
        "DELETE FROM consentgate_documents",
        "UPDATE consentgate_seals SET digest = ''",
        "DELETE FROM consentgate_seals",
        "DELETE FROM consentgate_writers",
        "DELETE FROM consentgate_registry",
        "INSERT INTO consentgate_erasures VALUES (1, 1, '', 0, '', '')",
        "DROP TABLE consentgate_records",
    ],
)
def test_nobody_but_the_owner_changes_the_past(
    role: str, statement: str, prepared: Database
) -> None:
    """The app's role and the reader's can change or remove nothing that is written once."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        prepared.say(role, statement)


@pytest.mark.conformance("L13")
def test_the_owner_removes(folder: Path, prepared: Database) -> None:
    """The owner's role may erase, after which nothing is left of an id and all is clean."""
    gate = in_the_cluster("cluster.toml", folder, prepared.url("consent_app"))
    answered(gate, "accept")
    url = prepared.url("consent_owner")
    (record,) = kept(url)
    said(["erase", record.id, "--yes"], url)
    assert kept(url) == []
    said(["verify"], url)


def test_what_is_watched_is_there(folder: Path, prepared: Database) -> None:
    """The queries of the page give the number of records and the last seal."""
    text = (SHOWN / "watch.sql").read_text("utf-8")
    counting, sealing = (each for each in text.split(";") if "SELECT" in each)
    gate = in_the_cluster("cluster.toml", folder, prepared.url("consent_app"))
    answered(gate, "accept")
    answered(gate, "refuse")
    assert prepared.say("consent_reader", counting) == [(2,)]
    said(["seal"], prepared.url("consent_app"))
    ((number, _),) = prepared.say("consent_reader", sealing)
    assert number == 1


@pytest.mark.conformance("L5")
def test_a_spool_keeps_what_the_database_does_not_take(folder: Path, prepared: Database) -> None:
    """With a spool a grant is one while nothing answers, waits on the disk, and gets there."""
    nowhere = f"postgresql+psycopg://consent_app@127.0.0.1:{free_port()}/consent"
    response = answered(in_the_cluster("spool.toml", folder, nowhere), "accept")
    assert response.status_code == 303
    store = Store(f"sqlite:///{folder}/spool.db", LEDGER_KEY)
    query = (SHOWN / "spool.sql").read_text("utf-8")
    with store.reading() as connection:
        assert connection.exec_driver_sql(query).scalar() == 1
    answered(in_the_cluster("spool.toml", folder, prepared.url("consent_app")), "refuse")
    with store.reading() as connection:
        assert connection.exec_driver_sql(query).scalar() == 0
    store.close()
    actions = {record.action for record in kept(prepared.url("consent_reader"))}
    assert actions == {"granted", "refused"}


@pytest.mark.conformance("L10", "L13")
def test_what_cron_runs_is_done(folder: Path, prepared: Database) -> None:
    """The commands of the table for cron do what they are there for, by the roles that may."""
    answered(in_the_cluster("cluster.toml", folder, prepared.url("consent_app")), "accept")
    table = re.compile(r"^CONSENTGATE_LEDGER=(.+)\n.* consentgate ledger ([^>\n]+)", re.MULTILINE)
    done = []
    for url, command in table.findall((SHOWN / "crontab").read_text("utf-8")):
        role = str(make_url(url).username)
        assert said(shlex.split(command), prepared.url(role))
        done.append((command.split()[0], role))
    assert done == [("seal", "consent_app"), ("prune", "consent_owner")]
    assert len(kept(prepared.url("consent_reader"))) == 1


SESSIONS = [path for path in transcripts.sessions() if transcripts.needs_database(path)]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_session_with_a_database_goes_as_it_is_shown(
    path: Path, database: Database, tmp_path: Path
) -> None:
    """Every command of a session writes what stands below it, with a PostgreSQL of the tests'."""
    if not shutil.which("pg_dump"):
        give_up = pytest.fail if os.environ.get("CONSENTGATE_REQUIRE") else pytest.skip
        give_up("NO PSQL AND PG_DUMP FOUND: some sessions are not shown to work without them")
    ran = transcripts.Session(path, tmp_path, database.environment).run()
    assert ran
    if os.environ.get("CONSENTGATE_UPDATE_TRANSCRIPTS"):
        transcripts.rewrite(path, ran)
        return
    for command, seen in ran:
        assert transcripts.agree(command.expected, seen), "\n".join(
            [f"$ {command.text}", *seen, "", "where the page shows:", *command.expected]
        )
