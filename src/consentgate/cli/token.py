"""`consentgate token`: what a token says and why it is or is not valid, and a token for tests."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentgate import cookie_header
from consentgate.cli.console import (
    CANNOT,
    Json,
    PolicyFile,
    environment_keys,
    fail,
    gate_of,
    is_interactive,
    loaded,
    print_json,
    say,
    say_no,
)
from consentgate.gate import ConsentGate
from consentgate.policy import Policy

if TYPE_CHECKING:
    from consentgate.cli.inspection import Inspection

# No request has a longer Cookie header: servers refuse it.
_LONGEST = 65536


def inspect(
    token: Annotated[
        str | None,
        typer.Argument(
            metavar="TOKEN",
            help="A token, a cookie NAME=TOKEN, or a whole Cookie header; by default from stdin.",
        ),
    ] = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Say what a token says, and why it is or is not valid.

    The keys are those of the environment, CONSENTGATE_SECRET_KEY. Without them the text is read
    all the same, and the signature is not checked.

    Exit codes: 0 it is valid; 1 it is not; 2 it cannot be told, for want of a key or of a token.

    Examples:
      consentgate token inspect '1~8sUX...'
      pbpaste | consentgate token inspect --json
    """
    from consentgate.cli.inspection import inspected

    gate, compares = _gate(policy)
    found = _token_in(_piped() if token is None else token, gate.cookie_name)
    inspection = inspected(found, gate, environment_keys(), compares=compares)
    if as_json:
        print_json(inspection.as_json())
    else:
        _tell(inspection, gate, compares)
    if inspection.valid is None:
        raise typer.Exit(CANNOT)
    if not inspection.valid:
        say_no()


def _gate(path: Path | None) -> tuple[ConsentGate, bool]:
    """Return a gate to read with, and whether it has the site's own policy."""
    from consentgate.configuration.finding import find

    path = path or find()
    if path is None:
        return ConsentGate(Policy([]), secret_key="-" * 32, pages=None), False
    return gate_of(loaded(path)), True


def _piped() -> str:
    if is_interactive():
        fail("no token: give one, or pipe one into this command")
    return sys.stdin.read(_LONGEST)


def _token_in(text: str, name: str) -> bytes:
    """Return the token in what was given: alone, in a cookie, or in a header of cookies."""
    line = text.strip().encode("utf-8", "surrogateescape")
    head, colon, rest = line.partition(b":")
    if colon and head.lower() in (b"cookie", b"set-cookie"):
        line = rest.strip()
    if b"=" not in line:
        return line
    found = list(dict.fromkeys(cookie_header.values_of([line], name.encode("ascii"))))
    if not found:
        others = [each.decode("utf-8", "replace") for each in cookie_header.names_in([line])]
        fail(f"there is no cookie {name} in this; there is {', '.join(others)}")
    if len(found) > 1:
        fail(
            f"there are {len(found)} different cookies called {name} here; a gate takes the "
            "strictest of them together: inspect them one by one"
        )
    return found[0]


def _tell(inspection: Inspection, gate: ConsentGate, compares: bool) -> None:
    choice = inspection.choice
    if inspection.faults:
        for fault in inspection.faults:
            say(("not valid", "bold red"), f": {fault}")
    elif inspection.checked:
        asked_again = compares and not inspection.answered
        say(
            ("valid", "bold green"),
            f": signed by key {inspection.key} of CONSENTGATE_SECRET_KEY",
            ", but the visitor is asked again" if asked_again else "",
        )
    if not inspection.checked:
        say(
            ("not checked", "bold yellow"),
            ": whether it was signed, since CONSENTGATE_SECRET_KEY is not set",
        )
    if choice is not None:
        until = inspection.until
        _row("id", choice.id)
        _row("made", f"{choice.time:%Y-%m-%d %H:%M:%S} UTC")
        _row("lasts", f"until {until:%Y-%m-%d %H:%M:%S} UTC ({gate.max_age.days} days)")
        _row("revision", choice.revision)
        _row("granted", ", ".join(sorted(choice.granted)) or "nothing")
        _row("refused", ", ".join(sorted(choice.refused)) or "nothing")
    if compares:
        if_signed = "" if inspection.checked else " (if it is signed)"
        _row("passes", f"{', '.join(inspection.allowed)}{if_signed}")
    else:
        say(("note", "bold"), ": no policy file here, so it is compared with none")
    for note in inspection.notes:
        say(("note", "bold"), f": {note}")


def _row(label: str, value: str) -> None:
    say(("  " + label.ljust(10), "dim"), value)


def make(
    grant: Annotated[
        list[str] | None, typer.Option("--grant", metavar="CATEGORY", help="Granted; repeatable.")
    ] = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option(
            "--refuse",
            metavar="CATEGORY",
            help="Refused; repeatable. By default all that needs consent and is not granted.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All is granted.")] = False,
    nothing: Annotated[bool, typer.Option("--none", help="All is refused.")] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="When it was made, as in 2026-11-25T12:00; UTC. By default now."
        ),
    ] = None,
    set_cookie: Annotated[
        bool, typer.Option("--set-cookie", help="Print the whole Set-Cookie value.")
    ] = False,
    policy: PolicyFile = None,
) -> None:
    """Print a token, for tests of one's own app.

    It is signed with the newest key of CONSENTGATE_SECRET_KEY: an app with that key takes it
    for a visitor's choice.

    Examples:
      consentgate token make --grant statistics
      curl -b "cookies_preferences=$(consentgate token make --all)" http://127.0.0.1:8000/
    """
    from consentgate.configuration.secrets import from_environment

    if sum((bool(grant or refuse), everything, nothing)) != 1:
        fail("say what is chosen: --all, --none, or --grant and --refuse with categories")
    made = None if at is None else _seconds(at)
    options = {} if made is None else {"clock": lambda: made}
    gate = gate_of(loaded(policy), from_environment(), **options)
    if everything or nothing:
        every = gate.policy.choosable
        choice = gate.choice(every if everything else (), () if everything else every)
    else:
        both = sorted({*(grant or ())} & {*(refuse or ())})
        if both:
            fail(f"{', '.join(both)} is both granted and refused; say one of them")
        choice = gate.choice(grant or (), refuse)
    value = gate.set_cookie_for(choice)
    say(value if set_cookie else value.partition(";")[0].partition("=")[2])


def _seconds(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = datetime.min
    seconds = time.replace(tzinfo=time.tzinfo or UTC).timestamp()
    if seconds < 0:
        fail(f"--at {text}: write a time as in 2026-11-25T12:00, since 1970")
    return seconds
