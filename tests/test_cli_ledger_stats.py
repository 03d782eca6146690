"""`consentgate ledger stats`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from adapters import KEY
from commanding import Said, command, in_terminal
from consentgate.ledger.store import Store
from consentgate.proof import Entry
from ledger_rows import DAY, NOON, add_records, entry, sqlite_store


@pytest.fixture
def ledger(tmp_path: Path) -> Store:
    """Return an empty ledger in a file: the questions are tested on each database elsewhere."""
    return sqlite_store(tmp_path, KEY)


def stats(ledger: Store, *args: str | Path) -> Said:
    """Run the command on a ledger."""
    return command("ledger", "stats", "--ledger", str(ledger.url), *args)


def lines(said: Said) -> list[str]:
    """Return the lines of a table without the spaces between its columns."""
    return [" ".join(line.split()) for line in said.out.splitlines()]


def days(number: int) -> list[Entry]:
    """Return a choice on each of so many days."""
    return [entry(at=NOON + DAY * each) for each in range(number)]


@pytest.mark.conformance("L12")
def test_the_table_has_the_rates_by_day(ledger: Store) -> None:
    """Of each day it says how many choices there are, the shares, and a bar; then of all."""
    add_records(ledger, map(entry, ["granted", "granted", "partial", "refused"]))
    assert stats(ledger).code == 0
    assert lines(stats(ledger)) == [
        "4 choices, by day",
        "",
        "day choices granted partial refused withdrawn",
        f"2026-11-25 4 50.0% 25.0% 25.0% 0.0% {'█' * 20}{'▓' * 10}{'▒' * 10}",
        f"all 4 50.0% 25.0% 25.0% 0.0% {'█' * 20}{'▓' * 10}{'▒' * 10}",
        "█ granted ▓ partial ▒ refused ░ withdrawn",
        "",
    ]


def test_the_columns_of_the_table_stand_below_one_another(ledger: Store) -> None:
    """Numbers end where their heads end, whatever the names are."""
    add_records(ledger, [entry(site="a"), *(entry("refused", site="b.example") for _ in range(5))])
    head, *rows = stats(ledger, "--by", "site").out.splitlines()[2:5]
    for kind in ("choices", "granted", "withdrawn"):
        end = head.index(kind) + len(kind)
        assert all(row[end - 1].isprintable() and row[end : end + 2] == "  " for row in rows)


def test_the_numbers_that_stand_apart_are_told(ledger: Store) -> None:
    """Void grants and lapsed choices are told below the rates, where there are any."""
    add_records(ledger, map(entry, ["granted", "void", "lapsed", "lapsed"]))
    assert lines(stats(ledger))[-2:] == [
        "1 grant never reached the browser (void); in no rate.",
        "2 choices came to an end (lapsed); in no rate.",
    ]


def test_by_category_the_table_says_yes_and_no(ledger: Store) -> None:
    """A category is granted or refused, and there is no line of all."""
    add_records(ledger, map(entry, ["granted", "partial"]))
    assert lines(stats(ledger, "--by", "category"))[2:6] == [
        "category choices granted refused",
        f"marketing 2 50.0% 50.0% {'█' * 20}{'▒' * 20}",
        f"statistics 2 100.0% 0.0% {'█' * 40}",
        "█ granted ▒ refused",
    ]


def test_a_narrow_terminal_has_no_bars(ledger: Store) -> None:
    """Where there is no room for a bar, the numbers stand alone, each line in one."""
    add_records(ledger, [entry()])
    said = in_terminal("ledger", "stats", "--ledger", str(ledger.url), width=60)
    assert "█" not in said.out and "100.0%" in said.out


def test_a_wide_terminal_has_bars_that_fit(ledger: Store) -> None:
    """In a terminal of 80 columns there are bars, and each ends within them."""
    add_records(ledger, [entry()])
    said = in_terminal("ledger", "stats", "--ledger", str(ledger.url), width=80)
    lines = [Text.from_ansi(line).plain for line in said.out.splitlines()]
    assert max(map(len, lines)) == 80
    assert said.out.count("█" * 10) > 1


def test_a_long_name_is_cut(ledger: Store) -> None:
    """A site's long name leaves room for the numbers; one that is empty is told so."""
    add_records(ledger, [entry(site="x" * 200), entry(site="")])
    said = lines(stats(ledger, "--by", "site"))
    assert said[3].startswith("(none) 1 ")
    assert said[4].startswith(f"{'x' * 39}… 1 ")


@pytest.mark.parametrize(
    ("by", "shown", "words"),
    [
        ("day", "2027-01-28", "and 5 earlier days; --json has all of them."),
        ("site", "0.example", "and 5 more, with fewer choices; --json has all of them."),
    ],
)
def test_of_many_rows_the_last_days_or_the_largest_are_shown(
    ledger: Store, by: str, shown: str, words: str
) -> None:
    """A long table is cut where it matters least, and says so."""
    entries = [each._replace(site=f"{number}.example") for number, each in enumerate(days(65))]
    add_records(ledger, [*entries, entry(site="0.example")])
    said = stats(ledger, "--by", by)
    assert shown in said.out and words in said.out
    assert len(stats(ledger, "--by", by, "--json").json["rows"]) == 65


def test_an_empty_ledger_says_so(ledger: Store) -> None:
    """Of no choices there is no table."""
    assert stats(ledger).out == "There are no choices.\n"


def test_json_has_counts_and_shares(ledger: Store) -> None:
    """A program gets the same as plain values."""
    add_records(ledger, [entry(), entry("refused")])
    said = stats(ledger, "--json", "--by", "source").json
    assert said["choices"] == 2 and said["by"] == "source"
    assert said["rows"][0]["key"] == "banner" and said["rows"][0]["shares"]["granted"] == 0.5


@pytest.mark.parametrize(
    ("args", "choices"),
    [
        (["--since", "2026-11-26"], 2),
        (["--until", "2026-11-26"], 2),
        (["--since", "2026-11-26", "--until", "2026-11-26"], 1),
        (["--until", "2026-11-26T12:00"], 1),
        (["--until", "2026-11-26T12:00:01"], 2),
        (["--since", "2026-11-26T13:00+01:00"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_day_is_meant_as_a_whole(ledger: Store, args: list[str], choices: int) -> None:
    """--since begins with its day, --until ends with it; a time is meant to the second, in UTC."""
    assert datetime.fromtimestamp(NOON, UTC).hour == 12
    add_records(ledger, days(3))
    assert stats(ledger, "--json", *args).json["choices"] == choices


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--since", "yesterday"], "write a day as 2026-11-25"),
        (["--since", "2026-11-26", "--until", "2026-11-25"], "nothing is between these"),
    ],
    ids=["no day", "nothing between"],
)
def test_what_is_no_time_is_told(ledger: Store, args: list[str], words: str) -> None:
    """A mistake in a time ends with exit code 2, and says how a time is written."""
    said = stats(ledger, *args)
    assert said.code == 2 and words in said.words


def test_the_last_of_all_days_is_one(ledger: Store) -> None:
    """What ends with the last day that there is, ends there."""
    add_records(ledger, map(entry, ["granted"]))
    assert "1 choice, by day" in stats(ledger, "--until", "9999-12-31").out


def test_a_plot_is_written_beside_the_table(ledger: Store, tmp_path: Path) -> None:
    """The picture is written where it is told, and stdout has the table alone."""
    add_records(ledger, days(2))
    path = tmp_path / "choices.png"
    said = stats(ledger, "--plot", path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert said.out == stats(ledger).out
    assert said.err == f"wrote {path}\n"


def test_a_plot_of_nothing_cannot_be_done(ledger: Store, tmp_path: Path) -> None:
    """Where there are no choices there is no picture: exit code 2."""
    said = stats(ledger, "--plot", tmp_path / "choices.png")
    assert said.code == 2 and "no choices to plot" in said.err


def test_help_says_what_counts() -> None:
    """Who reads the rates can read of what they are."""
    said: Any = command("ledger", "stats", "--help")
    assert "A visitor who chooses twice counts twice" in said.words
    assert "consentgate ledger stats --by language" in said.words
