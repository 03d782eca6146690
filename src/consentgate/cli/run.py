"""`consentgate run`: an app behind the gate, for development, with what happens shown live."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from typing import Annotated

import typer

from consentgate.cli.console import Json, PolicyFile, gate_of, loaded, remark
from consentgate.cli.live import MARKS, Live, log_silenced, show, show_json
from consentgate.gate import ConsentGate

AppName = Annotated[
    str, typer.Argument(metavar="MODULE:APP", help="The app, as in shop.web:app; WSGI or ASGI.")
]
Interface = Annotated[
    str, typer.Option(help="How the app is called: wsgi, asgi, or auto to find it out.")
]
Factory = Annotated[
    bool, typer.Option("--factory", help="MODULE:APP is a function that returns the app.")
]


def run(
    app: AppName,
    policy: PolicyFile = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 is any free one.")] = 8000,
    interface: Interface = "auto",
    factory: Factory = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Show what would happen; stop nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Serve an app behind the gate of the policy file, and show what passes and what does not.

    For development: one process, on this machine. Ctrl+C ends it.

    Examples:
      consentgate run shop.web:app
      consentgate run shop.web:create_app --factory --port 9000
      consentgate run shop.web:app --report-only --json | jq .name

    Exit codes: 0 it was ended; 2 it could not be served.
    """
    from consentgate.audit.serving import address, behind, listen, server
    from consentgate.audit.target import load

    live = Live(show_json if json else show)
    with ExitStack() as stack:
        gate = _gate(policy, live, report_only)
        target = load(app, interface=interface, factory=factory)
        gated = stack.enter_context(behind(gate, target))
        listener = stack.enter_context(listen(host, port))
        stack.enter_context(log_silenced())
        _say_where(address(listener), gate)
        stack.enter_context(suppress(KeyboardInterrupt))
        server(live.around(gated)).run(sockets=[listener])


def _gate(policy: PolicyFile, live: Live, report_only: bool) -> ConsentGate:
    if os.environ.get("CONSENTGATE_SECRET_KEY"):
        from consentgate.configuration.secrets import from_environment

        keys = from_environment()
    else:
        remark("CONSENTGATE_SECRET_KEY is not set: choices are signed with a key for this run.")
        keys = [secrets.token_urlsafe(32)]
    options = {"report_only": True} if report_only else {}
    return gate_of(loaded(policy), keys, observer=live, observe_passed=True, **options)


def _say_where(url: str, gate: ConsentGate) -> None:
    told = " (report only: nothing is stopped)" if gate.report_only else ""
    remark("Serving ", (url, "bold"), f"{told}; Ctrl+C ends it.")
    signs: dict[str, list[str]] = {sign: [] for sign, _ in MARKS.values()}
    for action, (sign, _) in MARKS.items():
        signs[sign].append(action)
    remark("   ".join(f"{sign} {' '.join(actions)}" for sign, actions in signs.items()))
