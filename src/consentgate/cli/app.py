"""The command `consentgate` and its commands.

Exit codes: 0 all is well; 1 the answer is no (faults, an invalid token, an
undeclared cookie); 2 it could not be done (wrong arguments, a file that
cannot be read or is not right).
"""

from __future__ import annotations

import inspect as _inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from consentgate.cli.charter import charter
from consentgate.cli.check import check
from consentgate.cli.console import say, told
from consentgate.cli.explain import explain
from consentgate.cli.init import init
from consentgate.cli.key import new
from consentgate.cli.ledger.erase import erase
from consentgate.cli.ledger.export import export
from consentgate.cli.ledger.prune import prune
from consentgate.cli.ledger.seal import seal
from consentgate.cli.ledger.show import show
from consentgate.cli.ledger.stats import stats
from consentgate.cli.ledger.upgrade import upgrade
from consentgate.cli.ledger.verify import verify
from consentgate.cli.observe import observe
from consentgate.cli.presets import presets
from consentgate.cli.run import run
from consentgate.cli.schema import schema
from consentgate.cli.token import inspect, make

_NO_ANSWER: dict[str, Any] = {
    "no_args_is_help": True,
    # Plain help: it comes at once, and is the same in a terminal, in a pipe and on paper.
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def _laid_out(text: str) -> str:
    """Return a docstring as Typer's help: examples and lists keep their lines."""
    paragraphs = _inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if "\n  " in part else part for part in paragraphs)


def _add(group: typer.Typer, *commands: Callable[..., Any]) -> None:
    for command in commands:
        text = _laid_out(command.__doc__ or "")
        # Else a sentence that is no single line ends in the middle.
        first = text.partition("\n\n")[0].replace("\n", " ")
        group.command(help=text, short_help=first)(told(command))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"consentgate {version('consentgate')}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """No cookie leaves a web app before consent, except the necessary ones.

    First steps:
      consentgate init             write a first policy file
      consentgate observe app:app  add what it does not have
      consentgate check            would it stand up?
      consentgate run app:app      serve the app, and watch

    Exit codes:
      0  all is well
      1  the answer is no: a fault, an undeclared cookie
      2  it could not be done: wrong arguments or files
    """


app = typer.Typer(pretty_exceptions_enable=False, **_NO_ANSWER)
app.callback(help=_laid_out(_main.__doc__ or ""))(_main)
_add(app, init, observe, check, run, explain, charter, presets, schema)

token = typer.Typer(**_NO_ANSWER, help="Read and write the text in which a choice is kept.")
_add(token, inspect, make)
app.add_typer(token, name="token")

ledger = typer.Typer(
    **_NO_ANSWER, help="Show, check, export, count, prune and erase the proof of choices."
)
_add(ledger, upgrade, show, verify, seal, export, stats, prune, erase)
app.add_typer(ledger, name="ledger")

key = typer.Typer(**_NO_ANSWER, help="Make secret keys.")
_add(key, new)
app.add_typer(key, name="key")
