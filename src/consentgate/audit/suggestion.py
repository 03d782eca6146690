"""What was seen, compared with what is declared; and what might be declared of the rest.

A suggestion is never consent, and never makes a cookie necessary: a cookie
that a preset knows as needing consent is suggested so, all else stands in
comments until somebody says what it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from consentgate.audit.sighting import LONGEST, Sighting, longest
from consentgate.category import ANONYMOUS_STATISTICS, MARKETING, NECESSARY
from consentgate.cookie import Cookie
from consentgate.names import NameTable, is_declarable, is_pattern
from consentgate.policy import Policy
from consentgate.presets import Known, known

if TYPE_CHECKING:
    from consentgate.configuration.writing import Block

# What stands in a comment is a suggestion made before, that nobody has taken up.
_HINT = re.compile(r"^[ \t]*#[ \t]*(name[ \t]*=[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'))", re.MULTILINE)
# Dates are to the second, and responses take some of them.
_TOLERANCE = 60.0
# How many presets are named in a hint.
_MOST = 6


@dataclass(frozen=True)
class Suggestion:
    """What might be declared of an undeclared cookie, or of several that a pattern covers.

    `cookie` is the declaration, None for a name that cannot be declared.
    `active` says that it is one to confirm, not only a hint in a comment.
    `preset` is the one that knows the cookie, "" if none does.
    """

    names: tuple[str, ...]
    cookie: Cookie | None
    active: bool
    preset: str
    comments: tuple[str, ...]


class Outliving(NamedTuple):
    """A cookie that was set for longer than it is declared."""

    name: str
    declared: timedelta
    seen: timedelta


class Comparison(NamedTuple):
    """What was seen, sorted by what the policy says of it.

    `unseen` is what is declared and was not seen: maybe nobody went there.
    """

    declared: tuple[Sighting, ...]
    undeclared: tuple[Sighting, ...]
    own: tuple[Sighting, ...]
    """The consent cookie: the gate's own."""
    outliving: tuple[Outliving, ...]
    unseen: tuple[Cookie, ...]

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What might be declared, those to confirm before those in comments."""
        groups: dict[object, list[Sighting]] = {}
        for seen in self.undeclared:
            groups.setdefault(_group(seen), []).append(seen)
        made = [_suggestion(group) for group in groups.values()]
        return tuple(sorted(made, key=lambda each: (not each.active, each.names)))


def compared(sightings: Iterable[Sighting], policy: Policy, consent_cookie: str) -> Comparison:
    """Compare what was seen with what is declared. `consent_cookie` is the gate's own name."""
    declared, undeclared, own = [], [], []
    met: dict[str, timedelta | None] = {}
    # What another site sets in a response of its own is declared with that site.
    others = NameTable(
        (each.name, 0, each) for party in policy.third_parties for each in party.declared_cookies
    )
    for seen in sightings:
        name = seen.name.encode("utf-8", "surrogatepass")
        row = policy.lookup(name)
        if seen.name == consent_cookie:
            own.append(seen)
        elif row is not None:
            declared.append(seen)
            met[row.name] = longest(met.get(row.name), seen.lifetime)
        elif seen.by == "third party" and others.find(name):
            declared.append(seen)
        else:
            undeclared.append(seen)
    return Comparison(
        tuple(declared),
        tuple(undeclared),
        tuple(own),
        tuple(_outliving(policy, met)),
        tuple(
            cookie
            for cookie in policy.cookies
            if cookie.name not in met and cookie.name != consent_cookie
        ),
    )


def _outliving(policy: Policy, met: dict[str, timedelta | None]) -> Iterator[Outliving]:
    for name, seen in met.items():
        # Rows of one name, for several providers: what one of them allows, it may do.
        spans = [cookie.longest for cookie in policy.cookies if cookie.name == name]
        known_spans = [span for span in spans if span is not None]
        if seen is None or len(known_spans) < len(spans):
            continue
        if seen.total_seconds() > max(known_spans) + _TOLERANCE:
            yield Outliving(name, timedelta(seconds=max(known_spans)), seen)


def _best(name: str) -> Known | None:
    """Return who knows a cookie best: a line that needs consent before one that is exempt."""
    found = known(name)
    exempt = (NECESSARY, ANONYMOUS_STATISTICS)
    if found and found[0].cookie.category == NECESSARY:
        return found[0]
    needing = [each for each in found if each.cookie.category not in exempt]
    return next(iter(needing or found), None)


def _group(seen: Sighting) -> object:
    """Return what is declared by one line: a preset's cookie, or a name; another site's apart."""
    best = _best(seen.name)
    other = seen.host if seen.by == "third party" else ""
    return (best.preset, best.cookie.name, other) if best else (seen.name, other)


def _suggestion(group: list[Sighting]) -> Suggestion:
    first, best = group[0], _best(group[0].name)
    names = tuple(dict.fromkeys(seen.name for seen in group))
    said = tuple(_said(seen) for seen in group)
    # A star in a declaration would stand for more than the one in the name.
    if is_pattern(first.name) or not is_declarable(first.name):
        return Suggestion(names, None, False, "", (*said, "No policy can declare such a name."))
    lifetime = None
    for seen in group:
        lifetime = longest(lifetime, seen.lifetime)
    if best is None:
        cookie = _placed(Cookie(first.name, MARKETING, lifetime=lifetime), first)
        return Suggestion(names, cookie, False, "", (*said, *_UNKNOWN))
    cookie = _placed(best.cookie, first)
    if cookie.category in (NECESSARY, ANONYMOUS_STATISTICS):
        return Suggestion(names, cookie, False, best.preset, (*said, *_hint(first.name, best)))
    kept = longest(cookie.lifetime, lifetime)
    cookie = replace(cookie, lifetime=None if kept is None else min(kept, LONGEST))
    return Suggestion(names, cookie, True, best.preset, (*said, *_to_confirm(best)))


_UNKNOWN = (
    "Nobody knows this one, so it stays blocked. Say what it is for, who reads it and in",
    'which category it is, then take the # away; "marketing" stands here as the strictest.',
)


def _to_confirm(best: Known) -> tuple[str, ...]:
    return (f'A suggestion from the preset "{best.preset}", to confirm: is it this, and for this?',)


def _hint(name: str, best: Known) -> tuple[str, ...]:
    if best.cookie.category != NECESSARY:
        return (
            f'The preset "{best.preset}" knows this name as exempt, in a set-up of its own.',
            f'If yours is so, add "{best.preset}" to `presets`.',
        )
    presets = [each.preset for each in known(name) if each.cookie.category == NECESSARY]
    more = f", and {len(presets) - _MOST} more" if len(presets) > _MOST else ""
    return (
        f"Known as necessary by presets: {', '.join(presets[:_MOST])}{more}.",
        "If one of them is what sets it here, add it to `presets`; a name alone makes nothing",
        "necessary.",
    )


def _said(seen: Sighting) -> str:
    """Say where a cookie was seen, in a line."""
    setter = {
        "header": "by a response",
        "script": "by a script",
        "third party": f"by another site, {seen.host}",
    }[seen.by]
    where = f" at {', '.join(seen.pages)}" if seen.pages else ""
    often = "once" if seen.count == 1 else f"{seen.count} times"
    return f"{ascii(seen.name)[1:-1]}: seen {often}, set {setter}{_printable(where)}."


def _printable(text: str) -> str:
    """Return a text that can stand in a comment: paths come from anybody's links."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)[:200]


def _placed(cookie: Cookie, seen: Sighting) -> Cookie:
    if seen.by != "third party":
        return cookie
    return replace(cookie, party="third", domain=seen.host)


def blocks(suggestions: Iterable[Suggestion], text: str) -> tuple[Block, ...]:
    """Return what is to be added to a file with this text: hints that stand in it are left out."""
    from consentgate.configuration.writing import Block

    there = hinted(text)
    return tuple(
        Block(each.cookie, each.comments, each.active)
        for each in suggestions
        if each.cookie is not None and (each.active or each.cookie.name not in there)
    )


def hinted(text: str) -> frozenset[str]:
    """Return the names that stand in a file's comments, in suggestions that nobody took up."""
    found = set()
    for line in _HINT.findall(text):
        try:
            found.add(str(tomllib.loads(line)["name"]))
        except tomllib.TOMLDecodeError:
            continue
    return frozenset(found)
