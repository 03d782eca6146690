"""What a file takes from presets: what the site says itself stands above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from consentgate.category import NECESSARY
from consentgate.configuration.declared import Declared
from consentgate.hosts import HostTable
from consentgate.names import NameTable
from consentgate.third_party import ThirdParty


def parties_of_presets(
    names: list[str], own: Iterable[ThirdParty], cookies: Iterable[Declared]
) -> dict[str, ThirdParty]:
    """Return the third parties of presets, by the preset.

    Without hosts and cookies of which the site itself says something, and not at all where it
    has one of the same name.
    """
    if not names:
        return {}
    from consentgate.presets import preset  # only a file that has presets loads them

    called = {party.name.casefold() for party in own}
    said = NameTable((each.cookie.name, 0, each) for each in cookies)
    found = {}
    for name in names:
        party = preset(name).third_party
        if party is None or party.name.casefold() in called:
            continue
        hosts = [host for host in party.hosts if not _overlaps(host, own)]
        left = [c for c in party.declared_cookies if said.find(c.name.encode("ascii")) is None]
        if hosts:
            found[name] = replace(party, hosts=hosts, cookies=left)
    return found


def _overlaps(host: str, parties: Iterable[ThirdParty]) -> bool:
    """Tell whether one of the third parties has this host, or one that the host stands for."""
    bare = host.rpartition("://")[2]
    within = HostTable([ThirdParty(host, NECESSARY, hosts=[host])])
    return HostTable(parties).find(bare) is not None or any(
        within.find(each.rpartition("://")[2]) for party in parties for each in party.hosts
    )


def cookies_of_presets(
    names: list[str], own: Iterable[Declared], parties: Mapping[str, ThirdParty]
) -> Iterator[Declared]:
    """Yield the cookies of presets, but for those of which the site itself says something.

    What a preset's third party sets in its own responses is declared with that.
    """
    if not names:
        return
    from consentgate.presets import preset  # only a file that has presets loads them

    said = NameTable((each.cookie.name, 0, each) for each in own)
    rows: dict[str, list[Declared]] = {}
    for number, name in enumerate(names):
        found: dict[str, list[Declared]] = {}
        elsewhere = parties[name].cookies if name in parties else ()
        for cookie in preset(name).cookies:
            if cookie not in elsewhere and said.find(cookie.name.encode("ascii")) is None:
                row = Declared(cookie, ("presets", number), name)
                found.setdefault(cookie.name, []).append(row)
        for key, group in found.items():
            # Of two presets the first stays, unless the other lets the cookie live longer.
            if key not in rows or _longest(rows[key]) < _longest(group):
                rows[key] = group
    for group in rows.values():
        yield from group


def _longest(rows: Iterable[Declared]) -> timedelta:
    return max(row.cookie.lifetime or timedelta(0) for row in rows)
