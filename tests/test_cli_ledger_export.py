"""`consentgate ledger export`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from adapters import KEY
from commanding import Said, command
from consentgate.ledger.store import Store
from consentgate.ledger.tables import documents, records
from consentgate.proof import digest
from ledger_rows import DAY, NOON, POLICY, add_records, entry, shown, sqlite_store

FIRST, SECOND = "first-of-the-visitors1", "other-of-the-visitors2"


@pytest.fixture
def ledger(tmp_path: Path) -> Store:
    """Return a ledger in a file with two choices of the first visitor, and one of another."""
    store = sqlite_store(tmp_path, KEY)
    add_records(
        store,
        [
            entry("granted", id=FIRST),
            entry("refused", id=SECOND, at=NOON + DAY),
            entry("withdrawn", id=FIRST, at=NOON + 2 * DAY),
        ],
    )
    return store


def export(ledger: Store, *args: str | Path, key: str = KEY) -> Said:
    """Run the command on a ledger."""
    return command(
        "ledger", "export", "--ledger", str(ledger.url), *args, CONSENTGATE_LEDGER_KEY=key
    )


def ids(said: Said) -> list[str]:
    """Return the ids of the records in a table."""
    return [row["id"] for row in csv.DictReader(said.out.splitlines())]


def test_the_default_is_a_table_on_stdout(ledger: Store) -> None:
    """All records come in the order in which they were made; stderr says how many."""
    said = export(ledger)
    assert said.code == 0 and said.err == "3 records written\n"
    assert ids(said) == [FIRST, SECOND, FIRST]


def test_json_lines_have_the_texts(ledger: Store) -> None:
    """An inspector gets the records and the very texts that they are about in one file."""
    said = export(ledger, "--format", "jsonl")
    assert [json.loads(line)["type"] for line in said.out.splitlines()] == [
        *("document", "document", "record", "record", "record"),
    ]


def test_consent_records_come_one_in_a_line(ledger: Store) -> None:
    """There is one line for each visitor, with all that this one chose."""
    said = export(ledger, "--format", "iso27560")
    found = {each["header"]["record_id"]: each for each in map(json.loads, said.out.splitlines())}
    assert set(found) == {FIRST, SECOND}
    assert len(found[FIRST]["events"]) == 2
    assert found[FIRST]["events"][0]["validity_duration"] is None


def test_consent_records_last_as_long_as_the_policy_file_says(
    ledger: Store, tmp_path: Path
) -> None:
    """Where there is a policy file, a consent record says how long a choice lasts by it."""
    policy = tmp_path / "consentgate.toml"
    policy.write_text('[gate]\nmax_age = "90 days"\n', encoding="utf-8")
    said = export(ledger, "--format", "iso27560", "--id", SECOND, "--policy", policy)
    assert json.loads(said.out)["events"][0]["validity_duration"] == "P90D"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--id", FIRST], [FIRST, FIRST]),
        (["--id", "nobody"], []),
        (["--since", "2026-11-26"], [SECOND, FIRST]),
        (["--until", "2026-11-26"], [FIRST, SECOND]),
        (["--since", "2026-11-26", "--until", "2026-11-26"], [SECOND]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "",
)
def test_a_part_can_be_exported(ledger: Store, args: list[str], expected: list[str]) -> None:
    """One visitor's records, or those of some days, can be exported alone."""
    assert ids(export(ledger, *args)) == expected


def test_an_export_can_go_into_a_file(ledger: Store, tmp_path: Path) -> None:
    """The file has what stdout would have had, to the byte; stdout has nothing."""
    path = tmp_path / "records.csv"
    said = export(ledger, "-o", path)
    assert said.out == ""
    lines = path.read_bytes().split(b"\r\n")
    assert len(lines) == 5 and lines[-1] == b"" and lines[0].startswith(b'"id","sequence","time",')


def test_texts_can_go_into_a_folder(ledger: Store, tmp_path: Path) -> None:
    """Each text has a file that is named by its hash, which is that of its bytes."""
    folder = tmp_path / "shown" / "here"
    said = export(ledger, "--format", "jsonl", "--texts", folder)
    assert {json.loads(line)["type"] for line in said.out.splitlines()} == {"record"}
    assert {path.name for path in folder.iterdir()} == {
        *(f"{shown().hash}.json", f"{POLICY.hash}.toml"),
    }
    assert all(digest(path.read_text("utf-8")) == path.stem for path in folder.iterdir())


def test_texts_of_consent_records_are_where_these_say(ledger: Store, tmp_path: Path) -> None:
    """The location of a notice is its file in the folder of the texts."""
    said = export(ledger, "--format", "iso27560", "--id", FIRST, "--texts", tmp_path / "shown")
    (notice,) = json.loads(said.out)["processing"]["privacy_notice"]
    assert (tmp_path / "shown" / notice["location"]).read_text("utf-8") == shown().content


def test_a_lost_text_is_told(ledger: Store, tmp_path: Path) -> None:
    """Where texts are asked for that the ledger has lost, stderr says how many."""
    with ledger.writing() as connection:
        connection.execute(delete(documents).where(documents.c.kind == "policy"))
    said = export(ledger, "--texts", tmp_path / "shown")
    assert said.code == 0 and "missing: 1 text that records refer to" in said.err


@pytest.mark.conformance("L11")
def test_an_edited_record_is_told(ledger: Store) -> None:
    """Records that are not as they were written are exported, and stderr says how many."""
    with ledger.writing() as connection:
        connection.execute(update(records).where(records.c.id == SECOND).values(action="granted"))
    said = export(ledger)
    assert said.code == 0 and len(ids(said)) == 3
    assert "not genuine: the marks of 1 record do not fit" in said.err


def test_without_the_key_nothing_is_checked(ledger: Store) -> None:
    """Who has no key can export all the same; what the marks are worth is then not told."""
    said = export(ledger, key="")
    assert {row["genuine"] for row in csv.DictReader(said.out.splitlines())} == {"unchecked"}
    assert "not checked: 3 records" in said.err


def test_a_file_that_cannot_be_written_is_told(ledger: Store, tmp_path: Path) -> None:
    """A wrong path ends with exit code 2 and one line."""
    said = export(ledger, "-o", tmp_path / "nowhere" / "records.csv")
    assert said.code == 2 and "No such file" in said.err


def test_help_says_what_the_formats_are() -> None:
    """The help names each format in a line of its own."""
    said = command("ledger", "export", "--help")
    assert "\n    iso27560  a JSON object in a line" in said.out
    assert "ISO/IEC TS 27560:2023 as far as public sources describe it" in said.words
