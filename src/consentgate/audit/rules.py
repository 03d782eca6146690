"""The rules of the linter: each has a code, and says what it rests on.

They read what the site's file says itself: presets follow them already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Literal, NamedTuple

from consentgate.category import ANONYMOUS_STATISTICS, NECESSARY, Text
from consentgate.configuration.document import CookieTable
from consentgate.configuration.problem import KeyPath
from consentgate.cookie import EXEMPT_LIFETIME, Cookie
from consentgate.names import NameTable
from consentgate.presets import Known, names, preset

Severity = Literal["error", "warning"]


class Rule(NamedTuple):
    """How much a fault weighs, and which law, judgment or guideline the rule rests on."""

    severity: Severity
    source: str


class Said(NamedTuple):
    """A rule that does not hold: its code, the key below a cookie's table, and what to do."""

    rule: str
    key: KeyPath
    message: str


_CNIL = "CNIL guidelines of 17 September 2020"
_DESCRIBED = "CNIL recommendation of 17 September 2020: a title and a short text for each purpose"
_PLANET49 = "Court of Justice, Planet49, C-673/17"

RULES: Mapping[str, Rule] = {
    "necessary-without-exemption": Rule("error", f"ePrivacy directive 5(3); {_CNIL}, article 5"),
    "exempt-without-exemption": Rule("error", f"{_CNIL}, article 5"),
    "exemption-does-not-fit": Rule("error", f"ePrivacy directive 5(3); {_CNIL}, article 5"),
    "exempt-too-long": Rule("error", f"{_CNIL}, article 5: 13 months at most"),
    "exempt-for-third-party": Rule("error", f"{_CNIL}, article 5: for the publisher alone"),
    "tracker-as-necessary": Rule("error", "ePrivacy directive 5(3)"),
    "session-cookie-as-marketing": Rule("warning", f"{_CNIL}, article 5: it needs no consent"),
    "third-party-as-first": Rule("error", f"{_PLANET49}: who else reads it is told"),
    "provider-missing": Rule("error", f"GDPR, article 13(1)(e); {_PLANET49}"),
    "two-providers": Rule("error", "GDPR, article 13(1)(e)"),
    "lifetime-missing": Rule("error", f"{_PLANET49}: how long it is kept is told"),
    "lifetime-too-long": Rule("warning", "RFC 6265bis 5.5: browsers keep it for 400 days at most"),
    "purpose-missing": Rule("error", "GDPR, article 13(1)(c)"),
    "purpose-in-one-language": Rule("error", "GDPR, article 12(1): in intelligible form"),
    "category-in-one-language": Rule("error", "GDPR, article 12(1): in intelligible form"),
    "translation-missing": Rule("warning", "GDPR, article 12(1): in intelligible form"),
    "pattern-too-short": Rule("error", "ePrivacy directive 5(3): each is declared for a purpose"),
    "category-untitled": Rule("error", _DESCRIBED),
    "category-undescribed": Rule("warning", _DESCRIBED),
    "unused-category": Rule("warning", "GDPR, article 4(11): consent is specific"),
    "hosts-missing": Rule("warning", "ePrivacy directive 5(3): the source gate stops the rest"),
    "privacy-notice-missing": Rule("warning", "GDPR, article 13(1)(e)"),
    "controller-missing": Rule("error", f"GDPR, article 13(1)(a); {_CNIL}, article 2"),
}
"""The rules by their codes."""

_BROWSERS_KEEP = timedelta(days=400)
# A pattern with fewer characters that are no stars catches cookies that nobody thought of.
_LITERALS = 3

_EXEMPT = (NECESSARY, ANONYMOUS_STATISTICS)


def cookie_faults(cookie: Cookie, table: CookieTable, *, own: bool) -> Iterator[Said]:
    """Check a cookie by itself, and its table in the file. `own` tells the consent cookie."""
    exempt = cookie.category in _EXEMPT
    yield from _exemption(cookie, own=own)
    if exempt and cookie.lifetime and cookie.lifetime > EXEMPT_LIFETIME:
        yield Said(
            "exempt-too-long",
            ("lifetime",),
            f"it needs no consent and is kept for {cookie.lifetime.days} days; shorten it to 13 "
            "months or less",
        )
    elif cookie.lifetime and cookie.lifetime > _BROWSERS_KEEP:
        yield Said(
            "lifetime-too-long",
            ("lifetime",),
            f"{cookie.lifetime.days} days are told and 400 are kept; write what is true",
        )
    if "lifetime" not in table:
        yield Said(
            "lifetime-missing",
            (),
            "nobody says how long it is kept; add lifetime, as in '13 months', or 'session' if "
            "it goes when the browser closes",
        )
    if not exempt and not is_filled(cookie.provider):
        yield Said(
            "provider-missing",
            (),
            "it needs consent, and nobody says who reads it; add provider",
        )
    if len(cookie.name.replace("*", "")) < _LITERALS and "*" in cookie.name:
        yield Said(
            "pattern-too-short",
            ("name",),
            f"{cookie.name} matches cookies that nobody has thought of; write more of their "
            f"names, {_LITERALS} characters at least, or each name by itself",
        )
    else:
        yield from _known(cookie)


def _exemption(cookie: Cookie, *, own: bool) -> Iterator[Said]:
    if cookie.category == NECESSARY and cookie.exemption is None:
        yield Said(
            "necessary-without-exemption",
            (),
            "a necessary cookie says what it rests on; add exemption, as in 'authentication', or "
            "declare it in a category that needs consent",
        )
    elif cookie.category == NECESSARY and cookie.exemption == "audience-measurement":
        yield Said(
            "exemption-does-not-fit",
            ("exemption",),
            "measuring an audience is not necessary; set category to 'anonymous_statistics', to "
            "which visitors can object, or to 'statistics'",
        )
    elif cookie.exemption == "consent-choice" and not own:
        yield Said(
            "exemption-does-not-fit",
            ("exemption",),
            "the choice about cookies is kept in the consent cookie alone; say what this one "
            "really rests on",
        )
    elif cookie.category == ANONYMOUS_STATISTICS and cookie.exemption is None:
        yield Said(
            "exempt-without-exemption",
            (),
            "add exemption = 'audience-measurement' if you attest that it serves you alone, "
            "gives anonymous statistics and follows nobody from site to site; else use "
            "'statistics'",
        )
    elif cookie.category == ANONYMOUS_STATISTICS and cookie.exemption != "audience-measurement":
        yield Said(
            "exemption-does-not-fit",
            ("exemption",),
            f"anonymous statistics rest on 'audience-measurement', not on {cookie.exemption!r}; "
            "write that, or declare the cookie in 'necessary' if it is",
        )
    if cookie.category == ANONYMOUS_STATISTICS and cookie.party == "third":
        yield Said(
            "exempt-for-third-party",
            ("party",),
            "another company reads it, so it is not exempt; use 'statistics', or 'first' if that "
            "is true",
        )


def _known(cookie: Cookie) -> Iterator[Said]:
    """Compare a cookie with what presets know of its name."""
    found = _similar(cookie)
    agreed = any(each.cookie.category == cookie.category for each in found)
    consented = [each for each in found if each.cookie.category not in _EXEMPT]
    necessary = [each for each in found if each.cookie.category == NECESSARY]
    exempt = cookie.category in _EXEMPT
    if exempt and not agreed and (others := consented or found):
        yield Said(
            "tracker-as-necessary",
            ("category",),
            f"it is known as a cookie of {others[0].preset}, in {others[0].cookie.category!r}; "
            "declare it there, or take that preset",
        )
    if not exempt and necessary and not consented:
        yield Said(
            "session-cookie-as-marketing",
            ("category",),
            f"{necessary[0].preset} sets a cookie of this name that is necessary "
            f"({necessary[0].cookie.exemption}): without consent that does not work; take the "
            "preset, or rename yours",
        )
    third = [each for each in consented if each.cookie.party == "third"]
    if not exempt and third and cookie.party == "first":
        yield Said(
            "third-party-as-first",
            ("party",),
            f"it is known as a cookie that {third[0].preset} reads; add party = 'third'",
        )


def _similar(cookie: Cookie) -> list[Known]:
    """Return what presets know of a name, or of names that a pattern matches."""
    table = NameTable([(cookie.name, 0, cookie)])
    return [
        each
        for each in _all_known()
        # What is set on another host has its own names: `lang` there is not `lang` here.
        if each.cookie.domain in (None, cookie.domain)
        and (
            table.find(each.cookie.name.replace("*", "0").encode("ascii"))
            or NameTable([(each.cookie.name, 0, each)]).find(cookie.name.encode("ascii"))
        )
    ]


@cache
def _all_known() -> tuple[Known, ...]:
    return tuple(Known(name, cookie) for name in names() for cookie in preset(name).cookies)


def is_filled(text: Text) -> bool:
    """Tell whether a text says something, in any language."""
    return bool(text.strip()) if isinstance(text, str) else any(map(str.strip, text.values()))
