"""Which rule decides about a cookie, and what comes of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from consentgate.category import ANONYMOUS_STATISTICS, NECESSARY, Category
from consentgate.cli.words import as_values, period
from consentgate.cookie import Cookie
from consentgate.gate import ConsentGate
from consentgate.names import NameTable, is_declarable, is_pattern
from consentgate.third_party import ThirdParty

if TYPE_CHECKING:
    from consentgate.presets import Known

# What needs no consent: of two patterns that match equally well, the one that asks decides.
_EASY = {NECESSARY, ANONYMOUS_STATISTICS}

Place = Callable[[Cookie], str]
"""Says where a declaration stands: a file and a line, or a preset."""


class Outcome(NamedTuple):
    """Whether a cookie passes, and that in words."""

    passes: bool
    words: str


class Rival(NamedTuple):
    """A declaration that matches as well, and why it does not decide."""

    cookie: Cookie
    why: str


class Explanation(NamedTuple):
    """What decides about a cookie of this name.

    `cookie` is the declaration, None if there is none; `own` says that it is
    the consent cookie. `before`, `accepted` and `refused` are what comes of
    the cookie then; `facts` what else the gate does with it. For an undeclared
    one, `near` are declared names like it, `known` what presets say of it.
    """

    name: str
    own: bool
    cookie: Cookie | None
    category: Category | None
    rivals: tuple[Rival, ...]
    before: Outcome
    accepted: Outcome
    refused: Outcome
    facts: tuple[str, ...]
    near: tuple[str, ...]
    known: tuple[Known, ...]

    def as_json(self, place: Place) -> dict[str, Any]:
        """Return the same as plain values."""
        return {
            "name": self.name,
            "declared": self.cookie is not None,
            "consent_cookie": self.own,
            "category": self.category and self.category.key,
            "declaration": self.cookie and {**as_values(self.cookie), "where": place(self.cookie)},
            "also_match": [
                {**as_values(rival.cookie), "where": place(rival.cookie), "why_not": rival.why}
                for rival in self.rivals
            ],
            "before_an_answer": self.before._asdict(),
            "after_accept": self.accepted._asdict(),
            "after_refuse": self.refused._asdict(),
            "facts": self.facts,
            "near": self.near,
            "known": [{"preset": each.preset, **as_values(each.cookie)} for each in self.known],
        }


def explained(name: str, gate: ConsentGate) -> Explanation:
    """Return what decides about a cookie of this name, behind a gate."""
    raw = name.encode("utf-8", "surrogateescape")
    cookie = gate.policy.lookup(raw)
    own = raw == gate.name
    keys = {each.key: each for each in gate.policy.categories}
    category = keys[cookie.category] if cookie else None
    stopped = _stopped(gate, cookie, raw)
    passes = Outcome(True, "set by the gate alone" if own else "passes")
    return Explanation(
        name,
        own,
        cookie,
        category,
        tuple(_rivals(raw, cookie, gate)) if cookie else (),
        before=stopped if category is None or category.needs_consent else passes,
        accepted=stopped if category is None else passes,
        refused=stopped if category is None or not category.always_allowed else passes,
        facts=tuple(_facts(raw, gate, cookie, own=own)),
        near=_near(name, gate) if cookie is None else (),
        known=() if cookie or _elsewhere(raw, gate) else _known(name),
    )


def _stopped(gate: ConsentGate, cookie: Cookie | None, name: bytes) -> Outcome:
    """Say what is done with a cookie that may not pass."""
    done = ["stripped from responses"]
    if gate.withhold and (cookie or gate.declarations.readable_as[name] is None):
        done.append("withheld from the app")
    if cookie or (gate.expire_undeclared and is_declarable(name)):
        done.append("expired in the browser")
    words = " and".join(", ".join(done).rsplit(",", 1))
    if gate.report_only or (cookie.category if cookie else "undeclared") in gate.reported:
        return Outcome(True, f"passes, and it is told that it would be {words} (report_only)")
    return Outcome(False, words)


def _rivals(name: bytes, cookie: Cookie, gate: ConsentGate) -> Iterator[Rival]:
    for other in gate.policy.cookies:
        if other is not cookie and NameTable([(other.name, 0, other)]).find(name):
            yield Rival(other, _why(cookie, other))


def _why(cookie: Cookie, other: Cookie) -> str:
    """Say why a declaration decides, and another that matches does not; see `NameTable`."""
    said, less = (len(each.name.replace("*", "")) for each in (cookie, other))
    if other.name == cookie.name:
        return "of the same name: what either of them allows, the cookie may do"
    if not is_pattern(cookie.name):
        return "a pattern, and an exact name beats it"
    if less < said:
        return "a shorter pattern, and the longer one decides"
    if other.name.count("*") > cookie.name.count("*"):
        return "a pattern with more stars, and the one with fewer decides"
    if other.category != cookie.category and {cookie.category, other.category} & _EASY:
        return "as long a pattern, and the stricter category decides"
    return "as long a pattern, and the first one decides"


def _facts(name: bytes, gate: ConsentGate, cookie: Cookie | None, *, own: bool) -> Iterator[str]:
    if own:
        yield "it keeps the visitor's choice: the app may read it, and is stopped if it sets it"
    elif cookie is not None:
        yield from _attributes(name, gate)
        if cookie.category in gate.policy.sold:
            yield "a browser that sends Sec-GPC: 1 refuses it, unless its visitor accepts"
        if cookie.party == "third" and cookie.domain:
            yield (
                f"set by {cookie.domain}: its responses do not pass this gate, so load what sets "
                "it after consent only"
            )
    elif not is_declarable(name):
        yield "no name that every browser agrees on: nothing can declare it"
    else:
        for party in _elsewhere(name, gate):
            yield (
                f"{party.name} is known to set one of this name in its own responses, which do "
                f"not pass this gate; it is loaded under {party.category}"
            )


def _elsewhere(name: bytes, gate: ConsentGate) -> list[ThirdParty]:
    """Return the third parties that are known to set a cookie of this name."""
    return [
        party
        for party in gate.policy.third_parties
        if NameTable((each.name, 0, each) for each in party.declared_cookies).find(name)
    ]


def _attributes(name: bytes, gate: ConsentGate) -> Iterator[str]:
    """Say what the gate does to what is set of a cookie that passes."""
    _, longest, harden = gate.declarations.terms[name]
    if longest is not None:
        cut = "longer is cut" if gate.clamp_lifetimes else "longer is told, and not cut"
        length = period(timedelta(seconds=longest))
        yield f"kept for {length} at most: {cut} (clamp_lifetimes)"
    if harden is not None:
        raised = {
            "Secure over https": harden.secure,
            "HttpOnly": harden.http_only,
            f"SameSite={harden.same_site}": harden.same_site,
        }
        got = ", ".join(attribute for attribute, wanted in raised.items() if wanted)
        if got:
            yield f"gets {got} where the app left it out (harden)"


def _near(name: str, gate: ConsentGate) -> tuple[str, ...]:
    names = {cookie.name.lower(): cookie.name for cookie in gate.policy.cookies}
    return tuple(names[near] for near in difflib.get_close_matches(name.lower(), names))


def _known(name: str) -> tuple[Known, ...]:
    from consentgate.presets import known

    return known(name)
