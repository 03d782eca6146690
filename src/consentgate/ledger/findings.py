"""What a check of a ledger finds, and how its days and rows are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from consentgate.proof import second_of

KINDS = {
    "edited": "a row that is not as the ledger wrote it: changed, or put there by somebody else",
    "key": "a row that was marked by a key that is not given, so it cannot be checked",
    "missing": "a row, or a run of them, that was written and is not there",
    "unexpected": "a row that the ledger wrote, and that has no place where it is",
    "order": "seals, or what they say of each other, that do not follow each other",
    "digest": "a seal over records that are not those that were sealed",
    "anchor": "a seal that was noted elsewhere, and is not there",
}
"""The kinds of findings, and what each of them is."""


class Finding(NamedTuple):
    """One thing that is not as the ledger wrote it.

    `table` is "records", "documents", "writers", "registry", "seals" or
    "erasures", `kind` is one of KINDS. `day` is the day in UTC that it is
    about: "2026-11-30", "2026-11-28 to 2026-11-30" where only the days around
    it are known, "" for none. `row` names the row by the columns that its
    table has for it, `text` says all of it in a sentence.
    """

    table: str
    kind: str
    day: str
    row: Mapping[str, Any]
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; what is no JSON, as bytes in SQLite, as Python writes it."""
        row = {name: _plain(value) for name, value in self.row.items()}
        return {**self._asdict(), "row": row}


def found(table: str, kind: str, day: str, text: str, row: Mapping[str, Any]) -> Finding:
    """Return a finding, whose text is behind the name of its row."""
    return Finding(table, kind, day, row, f"{named(table, row)} {text}")


def unproven(
    table: str, genuine: bool | None, day: str, row: Mapping[str, Any], what: str = "it"
) -> Iterator[Finding]:
    """Tell of a row whose mark does not fit, or cannot be checked; `what` has the mark.

    `genuine` is what `Marks.genuine` says; of a genuine row there is nothing to tell.
    """
    if genuine is None:
        text = f"cannot be checked: the key that marked {what} is not given"
        yield found(table, "key", day, text, row)
    elif not genuine:
        text = f"is not as the ledger wrote it: {what} was changed, or put there"
        yield found(table, "edited", day, text, row)


def missing(row: Mapping[str, Any]) -> str:
    """Return what is to be said of rows that are not there; "last" says that they are many."""
    return "are missing" if "last" in row else "is missing"


def named(table: str, row: Mapping[str, Any]) -> str:
    """Return a row in words, as in "record 5 of writer 1 (id ..., sequence ...)"."""
    words = {name: str(_plain(value)) for name, value in row.items()}
    first = words.get("number") or words.get("seal") or words.get("writer") or words.get("hash")
    numbers = f"{first} to {words['last']}" if "last" in words else first
    things = {"erasures": "the erasure of record", "documents": "the text"}
    thing = things.get(table, table if "last" in words else table.removesuffix("s"))
    if table == "registry":
        return "the registry"
    name = f"{thing} {numbers}"
    if "number" in words:
        name += f" of writer {words['writer']}"
    if "id" in words:
        name += f" (id {words['id']}, sequence {words['sequence']})"
    return name


def day_of(seconds: object) -> str:
    """Return the day of a time in seconds since the epoch, "" for what is no time."""
    if not isinstance(seconds, (int, float)):
        return ""  # SQLite keeps anything in a column of numbers.
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return ""


def days_of(made_at: object, sequence: object) -> str:
    """Return the day of a record; "A or B" where its two times differ, since one was changed."""
    days = {day_of(made_at)}
    if isinstance(sequence, int):
        days.add(day_of(second_of(sequence)))
    return " or ".join(sorted(days - {""}))


def days_between(first: object, last: object) -> str:
    """Return the days from one time to another, "since A" or "until B" where one is not known."""
    start, end = day_of(first), day_of(last)
    if start and end and start < end:
        return f"{start} to {end}"
    if start and end:
        return end
    return f"since {start}" if start else f"until {end}" if end else ""


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int)) else repr(value)
