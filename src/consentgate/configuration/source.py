"""A file as it is: its text, and the table in it that is the policy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consentgate.configuration.finding import PROJECT
from consentgate.configuration.problem import (
    Complaint,
    ConfigurationError,
    KeyPath,
    Problem,
    path_text,
)
from consentgate.configuration.secrets import VARIABLE

if TYPE_CHECKING:
    from consentgate.configuration.lines import Lines

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_QUOTED = 'a text stands in quotes, as in lifetime = "14 days"; true and false stand without'
_ONCE = "keep one of them; where there can be many, as of cookies, write [[cookies]] above each"

# What tomllib says, in all its versions, in words that mend it. The first that fits counts.
_SYNTAX = (
    ("Invalid date", "there is no such date or time", "write one as in 2026-11-25"),
    ("Invalid value", "there is no value that TOML knows", _QUOTED),
    ("newline or end of document", "something stands after the value", _QUOTED),
    ("Invalid statement|for a key part", "a name cannot begin like this", _QUOTED),
    ("after a key", "there is no = after the name", "write a name, =, and a value"),
    ("Duplicate|Cannot (overwrite|mutate)", "this is there already", _ONCE),
    ("Cannot (declare|redefine)", "this table is there already", _ONCE),
    ("Unclosed array", "a list does not end", "put commas between what is in it, ] at its end"),
    ("Unclosed inline", "a table in braces does not end", "end it with } on the same line"),
    ("of a(n array| table)", "a line in brackets does not end", "write [name] or [[name]]"),
    (
        "Unescaped|[Ee]scape|hex",
        "a backslash means something else between double quotes",
        "put the text in single quotes",
    ),
    (
        "Illegal character|Unterminated|Expected",
        "a text does not end on its line",
        "end it with the quotes that it begins with",
    ),
    ("invalid character", "a character stands here that no file may have", "delete it"),
    ("", "this is no TOML", "https://toml.io says what is"),
)


@dataclass(frozen=True)
class Source:
    """The text of a file, and the table that is the policy. `tables` leads to it."""

    path: Path
    text: str
    table: Mapping[str, Any]
    tables: tuple[str, ...]

    @cached_property
    def _lines(self) -> Lines:
        # Only who is told of a line needs tomlkit.
        from consentgate.configuration.lines import Lines

        return Lines(self.text)

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of a key, or of the nearest thing around it; None if nobody knows."""
        return self._lines.of((*self.tables, *path))

    def error(self, complaints: list[Complaint]) -> ConfigurationError:
        """Return the error that tells all of these, in the order of the file."""
        problems = [self._problem(complaint) for complaint in complaints]
        return ConfigurationError(sorted(problems, key=lambda problem: problem.line or 0))

    def _problem(self, complaint: Complaint) -> Problem:
        where = path_text(complaint.shown)
        place = f"{where}{self._called(complaint.path)}"
        if complaint.in_row:
            told = f"{complaint.what} at {place}" if where else complaint.what
        else:
            told = f"{place}: {complaint.what}"
        message = f"{told}; {complaint.remedy}"
        return Problem(fspath(self.path), self.line_of(complaint.path), where, message)

    def _called(self, path: KeyPath) -> str:
        """Return what a table of many is called, as in " (_ga)"."""
        if len(path) < 2 or not isinstance(path[1], int):
            return ""
        row = self.table[path[0]][path[1]]  # type: ignore[index]  # a number follows a name
        name = row.get("name", row.get("key")) if isinstance(row, dict) else None
        return (
            f" ({name[:60]})"
            if isinstance(name, str) and name.strip() and name.isprintable()
            else ""
        )


def source(path: str | PathLike[str]) -> Source:
    """Return what is in a file. Raises ConfigurationError for a file that cannot be read."""
    file = Path(path)
    text = _text(file)
    tables = ("tool", "consentgate") if file.name == PROJECT else ()
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_toml(file, text, error) from error
    for name in tables:
        table = table.get(name, {}) if isinstance(table, dict) else {}
    if tables and not (isinstance(table, dict) and table):
        raise _failed(
            file, "there is no table [tool.consentgate]; add one, or name a consentgate.toml"
        )
    return Source(file, text, table, tables)


def without_secrets(table: Mapping[str, Any]) -> tuple[dict[str, Any], list[Complaint]]:
    """Return a table without the keys that would be secret ones, and a complaint about each."""
    found = list(_secrets(table, ()))
    return _without(table, set(found), ()), [
        Complaint(
            path,
            "a secret does not belong in the file",
            f"take it out, set the environment variable {VARIABLE} in place of it, and make a "
            "new key with `consentgate key new`: who could read the file knows this one",
        )
        for path in found
    ]


def _secrets(value: object, path: KeyPath) -> Iterator[KeyPath]:
    for key, inner in _inside(value):
        below = (*path, key)
        if isinstance(key, str) and key.casefold().replace("-", "_") in ("secret_key", "secret"):
            yield below
        else:
            yield from _secrets(inner, below)


def _inside(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _without(value: Any, paths: set[KeyPath], path: KeyPath) -> Any:
    if isinstance(value, list):
        return [_without(inner, paths, (*path, n)) for n, inner in enumerate(value)]
    if isinstance(value, dict):
        return {
            key: _without(inner, paths, (*path, key))
            for key, inner in value.items()
            if (*path, key) not in paths
        }
    return value


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except (OSError, ValueError) as error:
        raise _failed(file, _unreadable(error)) from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _failed(
            file, "this is not UTF-8; save the file in that encoding", line=line
        ) from error
    if text.startswith("\ufeff"):
        raise _failed(
            file, "a byte order mark stands before the text; save the file as UTF-8 without one"
        )
    return text


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; `consentgate init` writes a first one"
    if isinstance(error, IsADirectoryError):
        return "this is a folder; name a file in it"
    return f"cannot be read: {getattr(error, 'strerror', error)}"


def _no_toml(file: Path, text: str, error: Exception) -> ConfigurationError:
    if isinstance(error, RecursionError):
        return _failed(file, "brackets stand in brackets more deeply than can be read; close them")
    said = str(error)
    place = _PLACE.search(said)
    if place is None:  # Python's own: there is a bound on what it makes numbers of.
        return _failed(file, "a number has too many digits to be read; put it in quotes")
    line = int(place[1] or len(text.splitlines()))
    what, remedy = next(words for pattern, *words in _SYNTAX if re.search(pattern, said))
    return _failed(file, f"{what}; {remedy}", line=line)


def _failed(file: Path, message: str, *, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([Problem(fspath(file), line, "", message)])
