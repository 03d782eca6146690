"""`consentgate check`: whether the policy file is right, would stand up, and says all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import (
    CANNOT,
    GivenFile,
    Json,
    found_policy,
    paragraph,
    print_json,
    say,
    say_no,
    stdout,
)
from consentgate.cli.words import counted

if TYPE_CHECKING:
    from consentgate.audit.lint import Fault
    from consentgate.configuration.problem import ConfigurationError


def check(
    file: GivenFile = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REPORT",
            help="A file that JsonLines wrote in production, or a pattern of them; repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the policy file, and read it as a privacy officer would.

    First what is wrong with it, all at once; then what is valid and would not stand up: a
    necessary cookie that rests on no exemption, a purpose in one language, a tracker declared
    as necessary. With --against, what report_only gathered is summed up: what would have been
    stripped, what scripts would not have written, what would not have been loaded from other
    sites, and what nobody has declared yet.

    Exit codes: 0 all is well; 1 there are faults, or cookies or hosts that nobody declared; 2 the
    file is not right, or a report cannot be read.

    Examples:
      consentgate check
      consentgate check --against report.jsonl
      consentgate check --against 'logs/*.jsonl' --json
    """
    from consentgate.audit.lint import lint
    from consentgate.cli.summary import Summary
    from consentgate.configuration.problem import ConfigurationError
    from consentgate.configuration.reading import load
    from consentgate.observers.report import read

    path = found_policy(file)
    try:
        configuration = load(path)
    except ConfigurationError as error:
        _tell_problems(error, path, as_json)
        raise typer.Exit(CANNOT) from error
    faults = lint(configuration.document, configuration.policy)
    summary = Summary(read(against), configuration.policy) if against else None
    if as_json:
        answer: dict[str, Any] = {"file": str(path), "valid": True, "problems": []}
        answer["faults"] = [fault._asdict() for fault in faults]
        print_json(answer | {"against": summary and summary.as_json()})
    else:
        _tell_faults(faults, path)
        if summary is not None:
            summary.tell()
    if faults or (summary and (summary.undeclared or summary.undeclared_hosts)):
        say_no()


def _tell_problems(error: ConfigurationError, path: Path, as_json: bool) -> None:
    if as_json:
        problems = [
            {"where": each.where, "line": each.line, "message": each.message}
            for each in error.problems
        ]
        answer = {"file": str(path), "valid": False, "problems": problems}
        print_json(answer | {"faults": [], "against": None})
        return
    for each in error.problems:
        _tell_one(path, each.line, ("mistake", "bold red"), each.message)
    say(f"{counted(len(error.problems), 'mistake')}: the file cannot be used.")


def _tell_faults(faults: tuple[Fault, ...], path: Path) -> None:
    for fault in faults:
        style = "bold red" if fault.severity == "error" else "bold yellow"
        _tell_one(path, fault.line, (fault.rule, style), fault.message, f" {fault.where}")
    if not faults:
        say(("All is well", "bold green"), f" with {path}.")
        return
    errors = sum(fault.severity == "error" for fault in faults)
    numbers = {"error": errors, "warning": len(faults) - errors}
    found = ", ".join(counted(number, thing) for thing, number in numbers.items() if number)
    say(f"Found {found}.")


def _tell_one(
    path: Path, line: int | None, rule: tuple[str, str], message: str, where: str = ""
) -> None:
    """Print a fault: in one line for editors and for grep, in a paragraph in a terminal."""
    place = (f"{path}:" if line is None else f"{path}:{line}:", "bold")
    if stdout().is_terminal:
        say(place, " ", rule, where)
        paragraph(message, indent=4)
    else:
        say(place, " ", rule, f"{where}: {message}")
