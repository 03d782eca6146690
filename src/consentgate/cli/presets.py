"""`consentgate presets`: the cookies and third parties that are known already, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from consentgate.cli.console import Json, aligned, paragraph, print_json, say
from consentgate.cli.words import as_plain, as_values, counted, english, kept

if TYPE_CHECKING:
    from consentgate.presets import Preset
    from consentgate.third_party import ThirdParty


def presets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="By default the list of all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the presets, or show the cookies of one.

    A preset is taken into the policy file by its name: presets = ["django"]. What the file says
    itself about a cookie, or about a third party of the same name, beats it.

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
    if preset.third_party is not None:
        _show_third_party(preset.third_party)
    say()
    if note := english(preset.note):
        paragraph(f"Note: {note}", indent=2)
    paragraph(f"Source: {preset.source}", indent=2)


def _show_third_party(party: ThirdParty) -> None:
    say()
    say("  Third party: ", (party.name, "bold"))
    paragraph(f"{party.category}; {english(party.privacy)}", indent=4)
    paragraph(english(party.purpose), indent=4)
    paragraph(f"Hosts: {', '.join(party.hosts)}", indent=4)


def _values(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "title": preset.title,
        "framework": preset.framework,
        "source": preset.source,
        "note": as_plain(preset.note),
        "cookies": [as_values(cookie) for cookie in preset.cookies],
        "third_party": preset.third_party and _party_values(preset.third_party),
    }


def _party_values(party: ThirdParty) -> dict[str, Any]:
    return {
        "name": party.name,
        "category": party.category,
        "hosts": list(party.hosts),
        "cookies": [cookie.name for cookie in party.declared_cookies],
        "purpose": as_plain(party.purpose),
        "privacy": as_plain(party.privacy),
    }
