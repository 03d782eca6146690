"""`consentgate ledger export`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from consentgate.cli.console import PolicyFile, gate_of, loaded, remark
from consentgate.cli.ledger.opened import LedgerUrl, opened
from consentgate.cli.ledger.period import Since, Until, period
from consentgate.cli.words import counted

if TYPE_CHECKING:
    from consentgate.ledger.reading import Record
    from consentgate.ledger.texts import Texts


class Format(StrEnum):
    """What an export can be written as."""

    CSV = "csv"
    JSONL = "jsonl"
    ISO27560 = "iso27560"


def export(
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.CSV,
    since: Since = None,
    until: Until = None,
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The records of one visitor alone, by an id."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write there; by default to stdout."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Put what records refer to there, each text in a file that is named by its hash.",
        ),
    ] = None,
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
) -> None:
    """Write the records of the ledger for somebody outside: an inspector, another program.

    Formats:
      csv       a table: a record in a line, the columns named in the first
      jsonl     a JSON object in a line: records, and before them the texts that they refer to
      iso27560  a JSON object in a line: the consent record of a visitor, in the structure of
                ISO/IEC TS 27560:2023 as far as public sources describe it

    Times are in UTC. "genuine" says whether the mark of a record fits: yes, no, or unchecked,
    where the key is not given. A cell of a table that a spreadsheet would take for a formula
    stands behind an apostrophe. A consent record has only the events between --since and --until.

    Examples:
      consentgate ledger export -o records.csv --texts shown
      consentgate ledger export --format jsonl --since 2026-01-01 --until 2026-06-30
      consentgate ledger export --format iso27560 --id 8sUXo1P0b2C5t0mHqv8y3w
    """
    from consentgate.ledger.history import id_in
    from consentgate.ledger.reading import records_in
    from consentgate.ledger.texts import Texts

    first, last = period(since, until)
    lasts = _lifetime(policy) if format == Format.ISO27560 else None
    genuine: Counter[bool | None] = Counter()
    with opened(ledger, policy) as store, store.reading() as connection, _file(output) as file:
        found = records_in(
            connection,
            store.marks,
            id=None if id is None else id_in(id),
            since=first,
            until=last,
            by_visitor=format == Format.ISO27560,
        )
        shown = Texts(connection, store.marks)
        lines = _lines(format, _noted(found, genuine, shown, texts), shown, texts is None, lasts)
        for line in lines:
            file.write(line)
    _tell(genuine, shown.missing)


def _lifetime(policy: Path | None) -> timedelta | None:
    """Return how long a choice lasts, where there is a policy file that says so."""
    from consentgate.configuration.finding import find

    path = policy or find()
    return None if path is None else gate_of(loaded(path)).max_age


@contextmanager
def _file(path: Path | None) -> Iterator[TextIO]:
    """Open what is written to; the ends of lines are as they are given."""
    if path is None:
        yield sys.stdout
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


def _noted(
    records: Iterable[Record], genuine: Counter[bool | None], texts: Texts, folder: Path | None
) -> Iterator[Record]:
    """Count the records that pass, and put what they refer to into the folder, if there is one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        genuine[record.genuine] += 1
        if folder is not None:
            texts.save_new(record, folder)
        yield record


def _lines(
    format: Format,
    records: Iterable[Record],
    texts: Texts,
    with_texts: bool,
    lasts: timedelta | None,
) -> Iterator[str]:
    from consentgate.ledger.export import as_csv, as_json_lines
    from consentgate.ledger.iso27560 import as_consent_records

    if format == Format.CSV:
        return as_csv(records)
    if format == Format.JSONL:
        return as_json_lines(records, texts if with_texts else None)
    return as_consent_records(records, texts, lasts)


def _tell(genuine: Counter[bool | None], missing: int) -> None:
    """Say on stderr how many there were, and what does not look right."""
    from consentgate.configuration.secrets import LEDGER_VARIABLE

    remark(f"{counted(genuine.total(), 'record')} written")
    if genuine[False]:
        remark(
            ("not genuine: ", "bold red"),
            f"the marks of {counted(genuine[False], 'record')} do not fit; "
            "`consentgate ledger verify` says more",
        )
    if genuine[None]:
        remark(
            ("not checked: ", "bold yellow"),
            f"{counted(genuine[None], 'record')}, for want of the key; set {LEDGER_VARIABLE}",
        )
    if missing:
        remark(("missing: ", "bold red"), f"{counted(missing, 'text')} that records refer to")
