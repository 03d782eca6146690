"""What is wrong with a policy file, where, and how to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from consentgate.errors import ConsentGateError

_PLAIN = re.compile("[A-Za-z0-9_-]+")

KeyPath = tuple[str | int, ...]
"""Where something is in the file: `("cookies", 3, "category")` is `cookies[3].category`."""


class Complaint(NamedTuple):
    """A mistake, before anybody looked for its line.

    `path` is where it is, `what` is wrong there, `remedy` mends it. With
    `in_row`, what is wrong names its key itself: the place is what has the key.
    """

    path: KeyPath
    what: str
    remedy: str
    in_row: bool = False

    @property
    def shown(self) -> KeyPath:
        """The place as it is told."""
        return self.path[:-1] if self.in_row else self.path


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a file. `line` counts from 1, None where nobody knows it.

    `where` is the key path, empty for the file as a whole; `message` says what
    is wrong, where, and how to mend it.
    """

    file: str
    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.message}"


class ConfigurationError(ConsentGateError):
    """A policy file that cannot be used: all that is wrong with it, a line for each.

    `problems` are the mistakes, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def path_text(path: KeyPath) -> str:
    """Return a key path as people write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path)
    return text.removeprefix(".")


def _key(key: str) -> str:
    """Return a key as TOML has it: in quotes, unless it is of plain characters."""
    return key if _PLAIN.fullmatch(key) else json.dumps(key)
