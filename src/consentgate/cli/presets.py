"""`consentgate presets`: the cookies that are known already, to be taken by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import Json, aligned, paragraph, print_json, say
from consentgate.cli.words import as_values, counted, english, kept

if TYPE_CHECKING:
    from consentgate.presets import Preset


def presets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="By default the list of all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the presets, or show the cookies of one.

    A preset is taken into the policy file by its name: presets = ["django"]. What the file says
    itself about a cookie beats it.

    Examples:
      consentgate presets
      consentgate presets google-analytics
    """
    from consentgate import presets as known

    if name is None:
        _list([known.preset(each) for each in known.names()], as_json)
    elif as_json:
        print_json(_values(known.preset(name)))
    else:
        _show(known.preset(name))


def _list(every: list[Preset], as_json: bool) -> None:
    if as_json:
        print_json([_values(each) for each in every])
        return
    for title, framework in (("Frameworks", True), ("Providers: all need consent", False)):
        say((title, "bold"))
        aligned(
            ((f"  {each.name}", "cyan"), f"{each.title}, {counted(len(each.cookies), 'cookie')}")
            for each in every
            if each.framework is framework
        )


def _show(preset: Preset) -> None:
    say((preset.name, "bold cyan"), f"  {preset.title}")
    for cookie in preset.cookies:
        provider = english(cookie.provider)
        rests = f" ({cookie.exemption})" if cookie.exemption else ""
        say()
        say("  ", (cookie.name, "bold"))
        facts = (f"{cookie.category}{rests}", provider, kept(cookie), cookie.domain or "")
        paragraph("; ".join(filter(None, facts)), indent=4)
        paragraph(english(cookie.purpose), indent=4)
    say()
    if note := english(preset.note):
        paragraph(f"Note: {note}", indent=2)
    paragraph(f"Source: {preset.source}", indent=2)


def _values(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "title": preset.title,
        "framework": preset.framework,
        "source": preset.source,
        "note": preset.note if isinstance(preset.note, str) else dict(preset.note),
        "cookies": [as_values(cookie) for cookie in preset.cookies],
    }
