"""`consentgate ledger prune` and `ledger erase`: they say what will go, and ask first."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from adapters import KEY
from commanding import PORTAL, Said, command
from consentgate.cli.ledger import erase as erase_module
from consentgate.cli.ledger import prune as prune_module
from consentgate.ledger.seals import seal
from consentgate.ledger.store import Store
from consentgate.ledger.verification import verify
from consentgate.ledger.writing import Writer
from ledger_history import edit, fill, id_of, put_back, taken
from ledger_rows import DAY, entry

YEAR = 365 * DAY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def old(store: Store) -> Store:
    """Return a ledger with two records of seven years ago, and one of yesterday not sealed yet."""
    now = time.time()
    writer = Writer(store)
    writer.write([entry(at=now - 7 * YEAR, id=id_of(name)) for name in ("A1", "A2")])
    seal(store, now - 7 * YEAR)
    writer.write([entry(at=now - DAY, id=id_of("A3"))])
    return store


def ledger(url: str, *args: str | Path, given: str | None = None) -> Said:
    """Run a command on a ledger."""
    name, *others = args
    return command(
        "ledger", name, "--ledger", url, *others, given=given, CONSENTGATE_LEDGER_KEY=KEY
    )


def names_in(store: Store) -> list[str]:
    """Return the ids of all records, without what fills them up."""
    return sorted(row["id"].rstrip("-") for row in taken(store)["consentgate_records"])


def test_old_records_are_pruned(old: Store, ledger_url: str) -> None:
    """It says what goes and what went, seals the rest, and the ledger is clean."""
    said = ledger(ledger_url, "prune", "--yes")
    assert said.code == 0, said.err
    assert "older than 2007 days: 2 records of 1 seal, made from " in said.out
    assert "removed: 2 records\n" in said.out
    assert names_in(old) == ["A3"]
    checked = verify(old)
    assert checked.is_clean
    assert (checked.pruned, checked.unsealed) == (2, 0)


def test_a_dry_run_changes_nothing(old: Store, ledger_url: str) -> None:
    """It says what would go, and does not even seal."""
    before = taken(old)
    said = ledger(ledger_url, "prune", "--dry-run")
    assert said.code == 0
    assert "2 records of 1 seal" in said.out
    assert taken(old) == before


@pytest.mark.parametrize(
    ("age", "goes"), [("5y", True), ("2000d", True), ("6 years", True), ("8y", False)]
)
def test_how_old_is_said_in_years_or_days(
    old: Store, ledger_url: str, age: str, goes: bool
) -> None:
    """What is older goes; where nothing is, that is said, and all is well."""
    said = ledger(ledger_url, "prune", "--older-than", age, "--yes")
    assert said.code == 0
    assert (names_in(old) == ["A3"]) is goes
    assert ("no seal has only records that are older than" in said.out) is not goes


@pytest.mark.parametrize("age", ["5", "5 y", "y", "-5y", "0 years", "0d", "9999999y"])
def test_an_age_that_is_none_is_told(old: Store, ledger_url: str, age: str) -> None:
    """It ends with 2, says how to write it, and nothing goes."""
    said = ledger(ledger_url, "prune", f"--older-than={age}", "--yes")
    assert said.code == 2
    assert "write a number of years or days, as in 5y or 2000d" in said.err
    assert names_in(old) == ["A1", "A2", "A3"]


def test_the_proposal_is_by_the_policy_file(old: Store, ledger_url: str) -> None:
    """A choice of 90 days makes it 90 days and five years; a file that says nothing, 182."""
    text = PORTAL.read_text("utf-8")
    Path("consentgate.toml").write_text(text, "utf-8")
    assert "older than 2007 days" in ledger(ledger_url, "prune", "--dry-run").out
    Path("shorter.toml").write_text(f'{text}\n[gate]\nmax_age = "90 days"\n', "utf-8")
    said = ledger(ledger_url, "prune", "--dry-run", "--policy", "shorter.toml")
    assert "older than 1915 days" in said.out


def test_nobody_to_ask_is_no_consent_to_prune(old: Store, ledger_url: str) -> None:
    """In a script it ends with 2 without --yes, and nothing goes."""
    said = ledger(ledger_url, "prune")
    assert said.code == 2
    assert "there is nobody to ask" in said.err
    assert names_in(old) == ["A1", "A2", "A3"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_pruning_asks_first(
    old: Store, ledger_url: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """In a terminal it asks, and only yes removes."""
    monkeypatch.setattr(prune_module, "is_interactive", lambda: True)
    said = ledger(ledger_url, "prune", given=answer)
    assert said.code == code
    assert (names_in(old) == ["A3"]) is (code == 0)


def test_a_seal_that_was_changed_stops_pruning(old: Store, ledger_url: str) -> None:
    """It ends with 2, and says to look first."""
    edit(old, "seals", "newest = 7")
    said = ledger(ledger_url, "prune", "--yes")
    assert said.code == 2
    assert "see `consentgate ledger verify`" in said.err
    assert names_in(old) == ["A1", "A2", "A3"]


def test_an_id_is_erased(store: Store, ledger_url: str) -> None:
    """It says how much went, the ledger is clean, and a second time there is nothing."""
    fill(store)
    said = ledger(ledger_url, "erase", id_of("B2"), "--yes")
    assert (said.code, said.out) == (0, f"erased: 1 record of {id_of('B2')}\n")
    assert "B2" not in names_in(store)
    assert verify(store).is_clean
    again = ledger(ledger_url, "erase", id_of("B2"), "--yes")
    assert again.code == 1
    assert "the ledger has no record of B2" in again.err


def test_nobody_to_ask_is_no_consent_to_erase(store: Store, ledger_url: str) -> None:
    """In a script it ends with 2 without --yes, and nothing goes."""
    fill(store)
    said = ledger(ledger_url, "erase", id_of("B2"))
    assert said.code == 2
    assert "say --yes to erase 1 record" in said.err
    assert "B2" in names_in(store)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_erasing_asks_first(
    store: Store, ledger_url: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """In a terminal it asks, and only yes erases."""
    fill(store)
    monkeypatch.setattr(erase_module, "is_interactive", lambda: True)
    said = ledger(ledger_url, "erase", id_of("B2"), given=answer)
    assert said.code == code
    assert ("B2" in names_in(store)) is (code == 1)


def test_a_row_that_the_ledger_did_not_write_is_remarked(store: Store, ledger_url: str) -> None:
    """It is removed with the others, and people are told that `verify` may say so."""
    fill(store)
    rows = taken(store)
    forged = {**rows["consentgate_records"][0], "sequence": 7, "id": id_of("B2")}
    put_back(store, {**rows, "consentgate_records": [*rows["consentgate_records"], forged]})
    said = ledger(ledger_url, "erase", id_of("B2"), "--yes")
    assert said.code == 0
    assert "1 row of this id the ledger did not write" in said.err
    assert verify(store).is_clean
