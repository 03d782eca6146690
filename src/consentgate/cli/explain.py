"""`consentgate explain`: which rule decides about a cookie, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from consentgate.cli.console import (
    Json,
    PolicyFile,
    aligned,
    gate_of,
    loaded,
    paragraph,
    print_json,
    say,
    say_no,
)
from consentgate.cli.words import english
from consentgate.cookie import Cookie

if TYPE_CHECKING:
    from consentgate.cli.explanation import Explanation, Outcome, Place
    from consentgate.configuration.reading import Document


def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a cookie.")],
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Say which rule decides about a cookie, and why.

    What the policy declares of it, what comes of it before and after a visitor's answer, and
    which other declarations match and lose.

    Exit codes: 0 it is declared; 1 it is not, and never passes; 2 there is no policy to ask.

    Examples:
      consentgate explain _ga_ABC123
      consentgate explain sessionid --json
    """
    from consentgate.cli.explanation import explained

    configuration = loaded(policy)
    explanation = explained(name, gate_of(configuration))
    place = _place(configuration.document)
    if as_json:
        print_json(explanation.as_json(place))
    elif explanation.cookie is None:
        _tell_undeclared(explanation)
    else:
        _tell(explanation, explanation.cookie, place)
    if explanation.cookie is None:
        say_no()


def _place(document: Document) -> Place:
    """Return what says where a declaration stands."""

    def place(cookie: Cookie) -> str:
        for declared in document.cookies:
            if declared.cookie is cookie:
                line = document.line_of(declared.path)
                file = f"{document.path}:{line}" if line else str(document.path)
                return f"preset {declared.preset} ({file})" if declared.preset else file
        return "the gate itself"

    return place


def _tell(explanation: Explanation, cookie: Cookie, place: Place) -> None:
    category = cookie.category
    kind = {"necessary": "always passes", "anonymous_statistics": "passes unless opposed"}
    say((explanation.name, "bold cyan"), ": ", (category, "bold"))
    say()
    rests = f"; rests on {cookie.exemption}" if cookie.exemption else ""
    provider = english(cookie.provider)
    aligned(
        [
            ("  declared", f"as {cookie.name} in {place(cookie)}"),
            ("  category", f"{category}, which {kind.get(category, 'needs consent')}{rests}"),
            *([("  provider", provider)] if provider else []),
            ("  purpose", english(cookie.purpose) or "nobody says"),
            *_outcomes(explanation),
        ]
    )
    for fact in explanation.facts:
        paragraph(fact, indent=2, mark="- ")
    if explanation.rivals:
        say()
        say("  Other declarations that match:")
        for rival in explanation.rivals:
            where = f"{rival.cookie.name} ({rival.cookie.category}) in {place(rival.cookie)}"
            paragraph(f"{where}: {rival.why}", indent=2, mark="- ")


def _outcomes(explanation: Explanation) -> list[tuple[str, tuple[str, str]]]:
    told = {
        "  before an answer": explanation.before,
        "  after accept": explanation.accepted,
        "  after refuse": explanation.refused,
    }
    return [(label, _styled(outcome)) for label, outcome in told.items()]


def _styled(outcome: Outcome) -> tuple[str, str]:
    return outcome.words, "green" if outcome.passes else "red"


def _tell_undeclared(explanation: Explanation) -> None:
    say((explanation.name, "bold cyan"), ": ", ("undeclared", "bold red"))
    say()
    aligned([("  always", _styled(explanation.before))])
    for fact in explanation.facts:
        paragraph(fact, indent=2, mark="- ")
    if explanation.near:
        paragraph(f"declared names like it: {', '.join(explanation.near)}", indent=2, mark="- ")
    for known in explanation.known:
        cookie = known.cookie
        paragraph(
            f'the preset "{known.preset}" knows it as {cookie.name}, in {cookie.category}: '
            f"{english(cookie.purpose)}",
            indent=2,
            mark="- ",
        )
    say()
    remedy = "add that preset, or declare" if explanation.known else "declare"
    paragraph(f"If the site needs it, {remedy} it in the policy file.", indent=2)
