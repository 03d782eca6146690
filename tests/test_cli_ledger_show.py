"""`consentgate ledger show` and `upgrade`: what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from adapters import Adapter, called, sets
from commanding import KEY, Said, command
from consentgate import ConsentGate, Cookie, Pages, Policy, ThirdParty
from consentgate.ledger import Ledger
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents, records
from test_ledger_gate import posted, token_of

policy = Policy(
    [
        Cookie("session", exemption="authentication"),
        Cookie("_ga*", "statistics", provider="Google", purpose="Counts visits"),
        Cookie("theme", "preferences"),
    ],
    third_parties=[ThirdParty("Films Ltd", "marketing", hosts=["films.example"])],
)


class Kept:
    """A ledger in which one visitor accepted and then withdrew."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'consent.db'}"
        ledger = Ledger(self.url, site="shop.example", extra=lambda _: {"desk": "4"})
        pages = Pages(languages=["en", "fr"], controller="Shop Ltd")
        gate = ConsentGate(policy, secret_key=KEY, ledger=ledger, pages=pages)
        adapter = Adapter("wsgi")
        granted = adapter(gate, sets(), posted("answer=accept&from=banner"))
        self.cookie = token_of(granted).decode()
        withdrawn = posted("answer=withdraw", cookies=[token_of(granted)])
        adapter(gate, sets(), withdrawn)
        choice = gate.standing([token_of(granted)]).choice
        assert choice is not None
        assert gate.ledger is not None
        gate.ledger.close()
        self.id = choice.id

    def show(self, number: str, *args: str, key: str = KEY) -> Said:
        """Ask for what is kept under a number."""
        environment = {"CONSENTGATE_SECRET_KEY": key, "CONSENTGATE_LEDGER_KEY": ""}
        return command("ledger", "show", number, "--ledger", self.url, *args, **environment)

    def change(self, table: str) -> None:
        """Change what is written."""
        store = Store(self.url, KEY)
        with store.writing() as connection:
            if table == "records":
                connection.execute(update(records).values(decisions='{"statistics":true}'))
            else:
                connection.execute(update(documents).values(language="xx"))
        store.close()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Return a ledger with two choices of a visitor."""
    return Kept(tmp_path)


@pytest.mark.conformance("L11")
def test_it_tells_each_choice_and_what_it_was_about(kept: Kept) -> None:
    """Who has the number reads what was decided, when, where, and the words and cookies shown."""
    said = kept.show(kept.id)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("granted at 20")
    assert lines[0].endswith("on the banner of shop.example")
    assert lines[1].split() == ["id", kept.id]
    assert "  yes to    marketing, preferences, statistics" in lines
    assert "  no to     marketing, preferences, statistics" in lines
    assert "  desk      4" in lines
    assert "  record    number 1 of writer 1, as it was written" in lines
    assert said.out.count("withdrawn at") == 1
    assert "    Cookies on this site" in lines
    assert any("Shop Ltd uses cookies" in line for line in lines)
    assert "    cookie _ga* (Google: Counts visits)" in lines
    assert "    other site Films Ltd (films.example)" in lines
    assert "the policy " not in said.out


def test_what_the_app_asked_is_told_by_the_policy(kept: Kept) -> None:
    """Of a choice that was not made on the gate's own pages, the policy is what there is."""
    gate = ConsentGate(policy, secret_key=KEY, ledger=kept.url)
    answer = Adapter("wsgi")(gate, called(lambda consent: consent.refuse_all(), sets()))
    assert gate.ledger is not None
    gate.ledger.close()
    lines = kept.show(token_of(answer).decode()).out.splitlines()
    assert lines[0].startswith("refused at")
    assert "by the app" in lines[0]
    assert any(line.startswith("the policy ") for line in lines)
    assert '  name = "_ga*"' in lines


@pytest.mark.parametrize("form", ["{cookie}", "{token}", " {id}\n", "{cookie}; Path=/; HttpOnly"])
def test_a_cookie_has_a_number(kept: Kept, form: str) -> None:
    """A token, or a whole cookie, stands for its number."""
    forms = {"cookie": kept.cookie, "token": kept.cookie.partition("=")[2], "id": kept.id}
    assert kept.show(form.format(**forms)).out.startswith("granted at")


def test_a_number_with_a_mark_finds_all_of_its_visitor(kept: Kept) -> None:
    """The number of a visitor who answered another banner since is of the same visitor."""
    store = Store(kept.url, KEY)
    with store.writing() as connection:
        change = update(records).where(records.c.number == 2).values(id=f"{kept.id}-a1b2c3d4")
        connection.execute(change)
    store.close()
    for number in (kept.id, f"{kept.id}-a1b2c3d4", f"{kept.id}-other"):
        assert len(kept.show(number, "--json").json["records"]) == 2


@pytest.mark.conformance("L11")
def test_programs_read_the_same(kept: Kept) -> None:
    """In JSON there are the records, and each text once."""
    said = kept.show(kept.id, "--json")
    assert said.code == 0
    assert [record["action"] for record in said.json["records"]] == ["granted", "withdrawn"]
    assert [text["kind"] for text in said.json["texts"]] == ["text", "policy"]
    assert {record["genuine"] for record in said.json["records"]} == {"yes"}


@pytest.mark.conformance("L11")
@pytest.mark.parametrize("table", ["records", "documents"])
def test_what_was_changed_is_told(kept: Kept, table: str) -> None:
    """A record, or a text, that is not as it was written is told, and the answer is no."""
    kept.change(table)
    said = kept.show(kept.id)
    assert said.code == 1
    assert "CHANGED SINCE IT WAS WRITTEN" in said.out


@pytest.mark.conformance("L15")
@pytest.mark.parametrize("key", ["another-key-of-thirty-two-letters", ""])
def test_without_its_key_nothing_is_checked(kept: Kept, key: str) -> None:
    """Without the ledger's key, or with another, it is told that nothing was checked."""
    said = kept.show(kept.id, key=key)
    assert said.code == 0
    assert "not checked, for want of the key" in said.out
    assert "as it was written" not in said.out


def test_a_number_of_nobody_is_no(kept: Kept) -> None:
    """Where there is no record, that is the answer."""
    said = kept.show("nobody")
    assert (said.code, said.out) == (1, "")
    assert "there is no record under nobody" in said.err


def test_a_text_that_was_spoiled_is_shown_as_it_is(kept: Kept) -> None:
    """Whatever stands in the ledger, it is shown, and nothing is raised."""
    store = Store(kept.url, KEY)
    odd = '{"banner": 7, "preferences": ["Hm"], "categories": ["x", {"key": "k", "cookies": [1]}]}'
    for content in ("no JSON", "[]", odd):
        with store.writing() as connection:
            change = update(documents).where(documents.c.kind == "text").values(content=content)
            connection.execute(change)
        said = kept.show(kept.id)
        assert said.code == 1
        assert ("Hm" if content is odd else content) in said.out
    store.close()


def test_a_ledger_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ledger to ask, the command says how to name one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "consentgate.toml").write_text('[[cookies]]\nname = "session"\n')
    said = command("ledger", "show", "x")
    assert said.code == 2
    assert "name it with --ledger URL or CONSENTGATE_LEDGER" in said.words


@pytest.mark.conformance("L14")
def test_the_policy_file_names_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger of the policy file is that which is meant, wherever the command is called."""
    file = tmp_path / "consentgate.toml"
    file.write_text('gate.ledger = "sqlite:///consent.db"\n')
    monkeypatch.chdir("/")
    first = command("ledger", "upgrade", "--policy", file)
    assert (first.code, first.err) == (0, "")
    assert first.words == f"done: sqlite:///{tmp_path}/consent.db is of revision 0001"
    again = command("ledger", "upgrade", "--policy", file)
    assert (again.code, again.words.endswith("is of revision 0001 already")) == (0, True)


@pytest.mark.conformance("L14")
def test_tables_that_are_not_there_are_told(ledger_url: str) -> None:
    """A ledger without tables is told, with what to do, and its password is not."""
    said = command("ledger", "show", "x", "--ledger", ledger_url)
    assert said.code == 2
    if "sqlite" in ledger_url:
        assert "there is no file" in said.words
        Path(ledger_url.removeprefix("sqlite:///")).touch()
        said = command("ledger", "show", "x", "--ledger", ledger_url)
    assert "has no tables yet" in said.words
    assert "consentgate ledger upgrade" in said.words
    done = command("ledger", "upgrade", "--ledger", ledger_url)
    assert done.code == 0
    assert ":***@" in done.out or "sqlite" in done.out
    assert command("ledger", "show", "x", "--ledger", ledger_url).code == 1


def test_a_database_that_does_not_answer_is_told() -> None:
    """Where nothing answers, that is told in a line."""
    url = "postgresql+psycopg://gate:secret@127.0.0.1:1/consent"
    said = command("ledger", "upgrade", "--ledger", url)
    assert said.code == 2
    assert "does not answer" in said.err
    assert "secret" not in said.err
