"""Records for somebody outside: as a table (CSV), or line by line (JSON Lines)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consentgate.ledger.reading import Record
from consentgate.ledger.texts import GENUINE, Texts, utc
from consentgate.proof import compact

COLUMNS = (
    *("id", "sequence", "time", "action", "granted", "refused", "revision", "language", "text"),
    *("source", "site", "extra", "writer", "number", "genuine"),
)
"""The columns of the table, in order. New ones come behind these."""

# What a spreadsheet takes for the start of a formula, and the sign that it is none:
# https://owasp.org/www-community/attacks/CSV_Injection
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


def as_csv(records: Iterable[Record]) -> Iterator[str]:
    """Write records as a table, line by line (RFC 4180); the first line names the columns.

    `granted` and `refused` are keys of categories with spaces between them,
    `extra` is JSON. A cell that a spreadsheet would take for a formula stands
    behind an apostrophe; so does one that starts with an apostrophe, so that
    nothing is lost by taking one away. `sequence` has more digits than a
    spreadsheet keeps: it is to be read as a text.
    """
    line = io.StringIO(newline="")
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for record in records:
        yield _taken(line)
        writer.writerow(map(_cell, _row(record)))
    yield _taken(line)


def as_json_lines(records: Iterable[Record], texts: Texts | None) -> Iterator[str]:
    """Write records as JSON, one in a line, each with the "type" "record".

    With `texts`, what a record refers to stands once, in lines before the first
    that does: of the "type" "document", or "missing" where the ledger has lost it.
    """
    for record in records:
        for digest, text in texts.first_of(record) if texts else ():
            if text is None:
                yield compact({"type": "missing", "hash": digest}) + "\n"
            else:
                yield json.dumps({"type": "document", **text.as_json()}) + "\n"
        yield json.dumps({"type": "record", **as_json(record)}) + "\n"


def as_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values: the columns of its row, its time, whether it is genuine.

    Its sequence is a text: of such a number many programs lose the end (RFC 7493 2.2).
    """
    return {
        "id": record.id,
        "sequence": str(record.sequence),
        "time": utc(record.made_at),
        "action": record.action,
        "decisions": record.decisions,
        "revision": record.revision,
        "language": record.language,
        "text": record.text,
        "source": record.source,
        "site": record.site,
        "extra": record.extra,
        "writer": record.writer,
        "number": record.number,
        "genuine": GENUINE[record.genuine],
    }


def keys_of(decisions: Mapping[str, Any], decision: bool) -> list[str]:
    """Return the keys of the categories that are decided so, in order."""
    return [key for key, value in decisions.items() if value is decision]


def _row(record: Record) -> Iterator[Any]:
    values = as_json(record)
    for decision, name in ((True, "granted"), (False, "refused")):
        values[name] = " ".join(keys_of(record.decisions, decision))
    values["extra"] = compact(record.extra) if record.extra else ""
    return (values[name] for name in COLUMNS)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS) else value


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text
