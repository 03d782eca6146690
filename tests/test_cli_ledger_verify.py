"""`consentgate ledger verify` and `ledger seal`: what they say, and what they end with."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from adapters import KEY
from commanding import Said, command
from consentgate.ledger.seals import seal
from consentgate.ledger.store import Store
from ledger_history import DAYS, edit, entries, fill, id_of, put_back, remove, taken
from ledger_rows import add_records, entry

X = "x" * 43


def ledger(url: str, *args: str | Path, key: str = KEY) -> Said:
    """Run a command on a ledger."""
    name, *others = args
    return command("ledger", name, "--ledger", url, *others, CONSENTGATE_LEDGER_KEY=key)


def test_a_clean_ledger_is_said_to_be_clean(store: Store, ledger_url: str) -> None:
    """It ends with 0, and says what was checked."""
    fill(store)
    said = ledger(ledger_url, "verify")
    assert said.code == 0
    assert said.out.splitlines() == [
        "clean: all is as the ledger wrote it, and nothing is missing",
        "  records   13 of 4 writers",
        f"  seals     3, {DAYS[1]} to {DAYS[3]}",
        f"  unsealed  5, since {DAYS[3]}",
        "  texts     2",
        "  erased    2",
        "  pruned    3 of 1 seal",
        "  anchors   0",
    ]


def test_an_empty_ledger_is_clean(store: Store, ledger_url: str) -> None:
    """There are no days to tell of where there is no seal and no record."""
    said = ledger(ledger_url, "verify")
    assert said.code == 0
    assert "  seals     0\n  unsealed  0\n" in said.out
    assert said.err == ""


def test_what_is_found_is_said_with_day_and_row(store: Store, ledger_url: str) -> None:
    """It ends with 1, and each finding is a line with its kind, its day and its row."""
    fill(store)
    edit(store, "records", "action = 'refused'", f"id = '{id_of('B2')}'")
    remove(store, "records", "writer = 2 AND number > 4")
    said = ledger(ledger_url, "verify")
    assert said.code == 1
    first, second, *_ = said.out.splitlines()
    (sequence,) = [
        row["sequence"] for row in taken(store)["consentgate_records"] if row["id"] == id_of("B2")
    ]
    assert first == (
        f"edited     {DAYS[1].ljust(24)}record 2 of writer 2 "
        f"(id {id_of('B2')}, sequence {sequence}) "
        "is not as the ledger wrote it: it was changed, or put there"
    )
    assert second == (
        f"missing    {DAYS[2].ljust(24)}records 5 to 7 of writer 2 are missing, of seal 3"
    )
    assert "clean" not in said.out


def test_findings_as_json(store: Store, ledger_url: str) -> None:
    """Programs get the same, and what was checked."""
    fill(store)
    remove(store, "records", f"id = '{id_of('B1')}'")
    said = ledger(ledger_url, "verify", "--json", "--anchor", f"9:{X}")
    assert said.code == 1
    anchor, missing = said.json["findings"]
    assert (anchor["kind"], anchor["row"]) == ("anchor", {"seal": 9})
    assert missing == {
        "table": "records",
        "kind": "missing",
        "day": DAYS[1],
        "row": {"writer": 2, "number": 1},
        "text": "record 1 of writer 2 is missing, of seal 2",
    }
    assert (said.json["clean"], said.json["found"]) == (False, 2)
    assert said.json["checked"]["records"] == 12
    assert said.json["checked"]["anchors"] == 1


def test_a_lot_of_findings_is_cut(store: Store, ledger_url: str) -> None:
    """The first hundred are said, the others counted."""
    add_records(store, [entry(at=second, id=id_of("A")) for second in range(150)])
    edit(store, "records", f"mac = '{X}'")
    said = ledger(ledger_url, "verify")
    assert said.out.count("is not as the ledger wrote it") == 100
    assert "and 50 more\n" in said.out


def test_a_key_that_is_not_given_is_asked_for(store: Store, ledger_url: str) -> None:
    """With another key nothing can be checked, and it says what to set."""
    fill(store)
    said = ledger(ledger_url, "verify", key="another-key-of-thirty-two-letters")
    assert said.code == 1
    assert "set CONSENTGATE_LEDGER_KEY to all keys that the ledger had" in said.err


def test_without_a_key_nothing_can_be_checked(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 2, and says which variable is missing."""
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY", raising=False)
    said = command("ledger", "verify", "--ledger", ledger_url)
    assert said.code == 2
    assert "CONSENTGATE_LEDGER_KEY" in said.err


def test_sealing_prints_the_line_to_keep(store: Store, ledger_url: str) -> None:
    """The seal is printed, and printed again where nothing is new."""
    add_records(store, entries("A", (1, 2), 0))
    said = ledger(ledger_url, "seal")
    assert said.code == 0
    (row,) = taken(store)["consentgate_seals"]
    assert said.out == f"seal 1 {row['mac']}\n"
    again = ledger(ledger_url, "seal")
    assert (again.code, again.out) == (0, said.out)
    assert "nothing is new since the last seal" in again.err
    assert abs(row["made_at"] - time.time()) < 60


def test_an_empty_ledger_has_no_seal_to_print(store: Store, ledger_url: str) -> None:
    """Where nothing was ever written, sealing prints nothing, and all is well."""
    said = ledger(ledger_url, "seal")
    assert (said.code, said.out) == (0, "")


def test_an_older_copy_is_found_by_what_was_kept(
    store: Store, ledger_url: str, tmp_path: Path
) -> None:
    """The line that sealing printed, kept elsewhere, tells when the database is an older copy."""
    fill(store)
    older = taken(store)
    line = ledger(ledger_url, "seal").out
    number, mac = line.split()[1:]
    anchors = tmp_path / "anchors"
    anchors.write_text(f"# kept elsewhere\n{line}")
    assert ledger(ledger_url, "verify", "--anchors", anchors).code == 0
    assert "  anchors   1\n" in ledger(ledger_url, "verify", "--anchor", f"{number}:{mac}").out
    put_back(store, older)
    assert ledger(ledger_url, "verify").code == 0
    for args in (("--anchors", anchors), ("--anchor", f"{number}:{mac}")):
        said = ledger(ledger_url, "verify", *args)
        assert said.code == 1
        assert "seal 4 was made, and is not there: the newest is 3" in said.out


def test_a_log_has_the_lines_as_well(store: Store, ledger_url: str, tmp_path: Path) -> None:
    """What the app logged is taken as it is, with whatever else stands in the log."""
    add_records(store, entries("A", (1, 2), 0))
    made = seal(store, 0)
    log = tmp_path / "app.log"
    log.write_text(
        "INFO seal 7 is no line of it\n"
        f"2026-11-26 00:10:00 INFO consentgate: the ledger has a new {made}\n9:{X}\n"
    )
    said = ledger(ledger_url, "verify", "--anchors", log)
    assert said.code == 1
    assert "seal 9 was made, and is not there" in said.out
    assert "  anchors   2\n" in said.out


@pytest.mark.parametrize("anchor", ["31", "31:x", f"x:{X}", f"1:{X}x", f"1234567890:{X}"])
def test_an_anchor_that_is_none_is_told(ledger_url: str, anchor: str) -> None:
    """It ends with 2, and says what an anchor looks like."""
    said = ledger(ledger_url, "verify", "--anchor", anchor)
    assert said.code == 2
    assert "write the number of a seal, a colon, and its 43 characters" in said.err


def test_a_file_without_anchors_is_told(ledger_url: str, tmp_path: Path) -> None:
    """A file that has none, or is not there, is no proof that all is well."""
    (tmp_path / "anchors").write_text("nothing here\n")
    said = ledger(ledger_url, "verify", "--anchors", tmp_path / "anchors")
    assert said.code == 2
    assert "no line of it has a seal" in said.err
    assert ledger(ledger_url, "verify", "--anchors", tmp_path / "none").code == 2


def test_a_ledger_that_was_not_sealed_for_days_is_remarked(store: Store, ledger_url: str) -> None:
    """Records of long ago in no seal are no fault, but people are told to compare."""
    now = time.time()
    add_records(store, [entry(at=now - 5 * 86_400)])
    said = ledger(ledger_url, "verify")
    assert said.code == 0
    assert "is in no seal" in said.err
    assert ledger(ledger_url, "verify", "--json").json["unsealed_long"] is True
    assert ledger(ledger_url, "seal").code == 0
    assert ledger(ledger_url, "verify").err == ""
