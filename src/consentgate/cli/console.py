"""How commands speak: answers on stdout, all else on stderr, and no traceback for a mistake.

Exit codes: 0 all is well; 1 the answer is no (faults, an invalid token, an
undeclared cookie); 2 it could not be done (wrong arguments, a file that
cannot be read or is not right).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec

import typer

from consentgate.errors import ConsentGateError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from consentgate.configuration.reading import Configuration
    from consentgate.gate import ConsentGate

NO = 1
"""The exit code of an answer that is no."""
CANNOT = 2
"""The exit code of what could not be done."""

Styled = str | tuple[str, str]
"""A text, or a text and the style that Rich gives it."""

_WHICH = "The policy file; by default the consentgate.toml of this folder, or the pyproject.toml."

PolicyFile = Annotated[Path | None, typer.Option("--policy", "-p", metavar="FILE", help=_WHICH)]
"""The policy file, as an option."""
GivenFile = Annotated[Path | None, typer.Argument(metavar="FILE", help=_WHICH)]
"""The policy file, for commands that are about it alone."""
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]

Params = ParamSpec("Params")


def stdout() -> Console:
    """Return a console on stdout as it is now: a test, or a caller, may have put another there."""
    from rich.console import Console  # who asks for --help waits for no Rich

    return Console(highlight=False, markup=False, emoji=False)


def stderr() -> Console:
    """Return a console on stderr as it is now."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(*parts: Styled) -> None:
    """Print one line of an answer on stdout; it is never cut or wrapped."""
    stdout().print(styled(*parts), soft_wrap=True)


def remark(*parts: Styled) -> None:
    """Print one line for people on stderr: it is no part of the answer."""
    stderr().print(styled(*parts), soft_wrap=True)


def paragraph(text: str, *, indent: int = 0, mark: str = "") -> None:
    """Print prose on stdout: in a terminal it is wrapped between words, in a pipe it is one line.

    `mark` stands before the first line, as in "1. ".
    """
    console = stdout()
    first = " " * indent + mark
    if not console.is_terminal:
        say(first + text)
        return
    for line in styled(text).wrap(console, max(20, console.width - len(first))):
        say(first, line.plain.rstrip())
        first = " " * len(first)


def aligned(rows: Iterable[Sequence[Styled]]) -> None:
    """Print columns on stdout. In a narrow terminal each is wrapped beside the others."""
    from rich.table import Table

    cells = [[styled(each) for each in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    console = stdout()
    if console.is_terminal:
        table = Table.grid(padding=(0, 2, 0, 0))
        for width in widths[:-1]:
            table.add_column(overflow="fold", width=min(width, console.width * 2 // 5))
        table.add_column(overflow="fold")
        for row in cells:
            table.add_row(*row)
        console.print(table)
        return
    for row in cells:
        for cell, width in zip(row, widths[:-1], strict=False):
            cell.pad_right(width - cell.cell_len + 2)
        console.print(*row, sep="", soft_wrap=True)


def styled(*parts: Styled) -> Text:
    """Return parts of a line put together, with what would steer a terminal escaped."""
    from rich.text import Text

    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((visible(text), style) for text, style in pairs))


def visible(text: str) -> str:
    """Return a text with what would steer a terminal escaped: names come from anybody."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def print_json(value: object) -> None:
    """Print a value as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def is_interactive() -> bool:
    """Tell whether there is somebody to ask."""
    return sys.stdin.isatty()


def fail(message: object) -> NoReturn:
    """Say on stderr why it could not be done, and end with exit code 2."""
    remark(("error: ", "bold red"), str(message))
    raise typer.Exit(CANNOT)


def say_no() -> NoReturn:
    """End with exit code 1: the answer is given, and it is no."""
    raise typer.Exit(NO)


def told(command: Callable[Params, Any]) -> Callable[Params, None]:
    """Return a command that says what went wrong in a line, without a traceback."""

    @wraps(command)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise  # `consentgate presets | head`: Typer knows what that means.
        except ConsentGateError as error:
            fail(error)
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}" if error.filename else error)

    return run


def found_policy(path: Path | None) -> Path:
    """Return the policy file that is meant; says so and ends with exit code 2 if there is none."""
    from consentgate.configuration.finding import find

    found = path or find()
    if found is None:
        fail(
            "there is no consentgate.toml here, and no [tool.consentgate] in a pyproject.toml; "
            "write one with `consentgate init`, or name it with --policy FILE"
        )
    return found


def loaded(path: Path | None) -> Configuration:
    """Return what the policy file says; tells all that is wrong, and ends with exit code 2."""
    from consentgate.configuration.reading import load

    try:
        return load(found_policy(path))
    except ConsentGateError as error:
        fail(error)


def environment_keys() -> list[str]:
    """Return the keys that the environment has, the oldest first; none where it has none."""
    from consentgate.configuration.secrets import VARIABLE, from_environment

    return from_environment() if os.environ.get(VARIABLE) else []


def gate_of(
    configuration: Configuration, keys: Iterable[str] | None = None, **options: Any
) -> ConsentGate:
    """Return the gate of a file. Without keys it has one that nobody else has: it only reads.

    `options` beat the file's. Raises ConsentGateError as ConsentGate does.
    """
    from consentgate.gate import ConsentGate

    return ConsentGate(
        configuration.policy,
        secret_key=[secrets.token_urlsafe(32)] if keys is None else list(keys),
        **{**configuration.options, **options},
    )
