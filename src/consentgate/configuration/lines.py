"""On which line of a file something is, by its key path.

A file is cut into sections, a header and the keys below it: each is TOML by
itself, wherever in the file the others are. tomlkit reads each of them, and
what it keeps of every newline is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tomlkit import parse
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item, Table

from consentgate.configuration.problem import KeyPath

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
# What may stand between two values of an array, or two pairs of an inline table.
_BETWEEN = re.compile(r"(?:[\s,]|#[^\n]*)*")


class Lines:
    """Tells the lines of a TOML text, which is known to be right. They count from 1."""

    def __init__(self, text: str) -> None:
        self._found: dict[KeyPath, int] = {}
        # How many tables each array of tables has so far.
        self._counts: dict[KeyPath, int] = {}
        for line, section in _sections(text):
            self._body(section, (), line)

    def of(self, path: KeyPath) -> int | None:
        """Return the line of a key, or of the nearest thing around it that is in the file."""
        while path:
            if path in self._found:
                return self._found[path]
            path = path[:-1]
        return None

    def _note(self, path: KeyPath, line: int) -> None:
        self._found.setdefault(path, line)

    def _body(self, body: Container, path: KeyPath, line: int) -> int:
        """Walk what is below a header, and return the line after it."""
        for key, item in body.body:
            if key is None:
                line += item.as_string().count("\n")
                continue
            # "x" and x are one key.
            below = (*path, key.key)
            if isinstance(item, AoT):
                line = self._tables(item, below, line)
            elif isinstance(item, Table):
                line = self._table(item, self._current(below), line, dotted=key.is_dotted())
            else:
                self._note(below, line)
                self._value(item, below, line)
                line += (item.as_string() + item.trivia.trail).count("\n")
        return line

    def _tables(self, tables: AoT, path: KeyPath, line: int) -> int:
        self._note(path, line)
        for table in tables.body:
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            line = self._table(table, (*path, number), line)
        return line

    def _table(self, table: Table, path: KeyPath, line: int, *, dotted: bool = False) -> int:
        self._note(path, line)
        if not dotted and not table.is_super_table():
            line += table.trivia.trail.count("\n")
        return self._body(table.value, path, line)

    def _current(self, path: KeyPath) -> KeyPath:
        """Return what a header means: below an array of tables, the last of them."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _value(self, item: Item, path: KeyPath, line: int) -> None:
        """Walk what is inside of a value."""
        text, position = item.as_string(), 1
        for key, prefix, inner in _parts(item):
            position = _end_of(_BETWEEN, text, position)
            below = (*path, *key)
            at = line + text.count("\n", 0, position)
            for length in range(len(path) + 1, len(below) + 1):
                self._note(below[:length], at)
            position += len(prefix)
            self._value(inner, below, at)
            position += len(inner.as_string())


def _parts(item: Item) -> Iterator[tuple[KeyPath, str, Item]]:
    """Yield what a list or an inline table holds: its key, what stands before it, the value."""
    if isinstance(item, Array):
        for number, each in enumerate(item):
            yield (number,), "", each
    elif isinstance(item, InlineTable):
        yield from _pairs(item.value, (), "")


def _pairs(body: Container, path: KeyPath, prefix: str) -> Iterator[tuple[KeyPath, str, Item]]:
    for key, item in body.body:
        if key is None:
            continue
        below, before = (*path, key.key), prefix + key.as_string()
        if isinstance(item, Table):  # `a.b = 1`: the value is further in.
            yield from _pairs(item.value, below, f"{before}.")
        else:
            yield below, before + key.sep, item


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _sections(text: str) -> Iterator[tuple[int, Container]]:
    """Yield the sections of a text, and the line on which each begins."""
    starts = [0, *(match.start() for match in _HEADER.finditer(text)), len(text)]
    begin = 0
    for end in starts[1:]:
        try:
            section = parse(text[begin:end])
        except TOMLKitError:
            continue  # What looks like a header is inside of a list or of a text.
        yield text.count("\n", 0, begin) + 1, section
        begin = end
