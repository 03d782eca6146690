"""The texts that records refer to: what visitors were shown, and the policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from consentgate.ledger.marks import Marks
from consentgate.ledger.reading import Record, mapping_in
from consentgate.ledger.tables import documents
from consentgate.proof import digest

GENUINE = {True: "yes", False: "no", None: "unchecked"}
"""What is said of a row whose mark fits, does not, or cannot be checked without its key."""

_HASH = re.compile(r"[A-Za-z0-9_-]{43}")
_SUFFIXES = {"policy": ".toml", "text": ".json"}


class Text(NamedTuple):
    """A text that records refer to. See `consentgate.proof.Document` for what is in it.

    `first_at` is when it was written first, in seconds since the epoch.
    `genuine` is whether its mark and its hash fit, None where that cannot be told.
    """

    hash: str
    kind: str
    revision: str
    language: str
    content: str
    first_at: int
    genuine: bool | None

    @property
    def file_name(self) -> str:
        """The name that a file with its content has: no path, whatever stands in the row."""
        name = self.hash if _HASH.fullmatch(self.hash) else digest(self.hash)
        return name + _SUFFIXES.get(self.kind, ".txt")

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            **self._asdict(),
            "first_at": utc(self.first_at),
            "genuine": GENUINE[self.genuine],
        }

    def values(self) -> dict[str, Any]:
        """Return what its JSON says, nothing of what is no JSON."""
        return mapping_in(self.content)


class Texts:
    """The texts of a ledger, each of them read once and remembered: a site has few of them."""

    def __init__(self, connection: Connection, marks: Marks) -> None:
        self._connection = connection
        self._marks = marks
        self._known: dict[str, Text | None] = {}
        self._given: set[str] = set()

    @property
    def missing(self) -> int:
        """How many of the texts that were asked for the ledger does not have."""
        return list(self._known.values()).count(None)

    def find(self, hash: str) -> Text | None:
        """Return the text of a hash, None if the ledger has none."""
        if hash not in self._known:
            self._known[hash] = self._read(hash)
        return self._known[hash]

    def first_of(self, record: Record) -> Iterator[tuple[str, Text | None]]:
        """Read what a record refers to, if this was not asked before: what was shown, its policy.

        Each comes with its hash; a text that is missing is None.
        """
        if record.text in self._given:
            return
        text = self.find(record.text)
        wanted = [record.text]
        if text is not None and text.kind == "text":
            wanted.append(str(text.values().get("policy", "")))
        for each in wanted:
            if each and each not in self._given:
                self._given.add(each)
                yield each, self.find(each)

    def save_new(self, record: Record, folder: Path) -> None:
        """Write what `first_of` finds into files, each named by its hash."""
        for _, text in self.first_of(record):
            if text is not None:
                # As bytes: a hash is of these, and not of other ends of lines.
                (folder / text.file_name).write_bytes(text.content.encode("utf-8"))

    def _read(self, hash: str) -> Text | None:
        query = select(documents).where(documents.c.hash == hash)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        genuine = None
        if digest(row.content) != row.hash:
            genuine = False
        elif self._marks.is_known(row.key):
            values = (row.hash, row.kind, row.revision, row.language, row.first_at)
            genuine = self._marks.fits((row.key, row.mac), "document", *values)
        found = {name: row._mapping[name] for name in Text._fields if name != "genuine"}
        return Text(**found, genuine=genuine)


def utc(seconds: int) -> str | None:
    """Return a time, in seconds since the epoch, as ISO 8601 in UTC.

    None for what is no time: an inspector must get the rows that somebody spoiled, too.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError, TypeError):
        return None
