"""The presets in the data files beside this module, read when one is first asked for."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from consentgate.category import ANONYMOUS_STATISTICS, NECESSARY, Text, frozen_text
from consentgate.cookie import Cookie
from consentgate.errors import ConsentGateError
from consentgate.names import NameTable, is_pattern
from consentgate.third_party import ThirdParty

FRAMEWORKS = "frameworks.toml"
"""The file of what web frameworks and their extensions set; all others are of providers."""
PROVIDERS = ("measuring.toml", "advertising.toml", "contacts.toml", "services.toml")
TEXTS = "texts.toml"
"""Purposes that many cookies share, by the words that stand for them in the other files."""

# What a preset's table says once for all its cookies.
_SHARED = ("provider", "service", "category", "party", "domain", "exemption")
_LONGEST = timedelta(days=400)
_UNITS = ("days", "hours", "minutes", "seconds")


@dataclass(frozen=True, slots=True)
class Preset:
    """What one framework or one provider sets.

    `title` is its name for people, `source` says where the facts are from.
    `framework` tells a web framework, whose cookies may be necessary, from a
    provider, whose cookies are never declared so here. `note` is what a site
    must know before it relies on this preset. `instead_of` names the presets
    that say otherwise about the same cookies: one set-up or the other is true.

    `third_party` is the provider as another site that pages load things from,
    None where nobody said from which hosts. Those of `cookies` that it sets in
    its own responses, under its category, are its cookies too.
    """

    name: str
    title: str
    source: str
    cookies: tuple[Cookie, ...]
    framework: bool
    note: Text = field(default="", hash=False)
    instead_of: tuple[str, ...] = ()
    third_party: ThirdParty | None = None


class Known(NamedTuple):
    """A preset's line about a cookie."""

    preset: str
    cookie: Cookie


def names() -> tuple[str, ...]:
    """Return the names of all presets: the frameworks', then the providers', each from a to z."""
    return tuple(_presets())


def preset(name: str) -> Preset:
    """Return the preset of this name.

    Raises ConsentGateError for a name that is none, with the nearest ones.
    """
    found = _presets().get(name) if isinstance(name, str) else None
    if found is None:
        near = " or ".join(map(repr, _near(str(name).lower())))
        hint = f"did you mean {near}? " if near else ""
        raise ConsentGateError(
            f"unknown preset {name!r}; {hint}consentgate.presets.names() lists all of them"
        )
    return found


def known(cookie_name: str) -> tuple[Known, ...]:
    """Return what the presets say about a cookie of this name, the best match first.

    An exact name beats a pattern, a longer pattern a shorter one. Of two that
    match equally well, the one that needs consent comes first.
    """
    raw = cookie_name.encode("utf-8", "surrogatepass")
    found = [
        Known(name, cookie) for name, table in _tables().items() if (cookie := table.find(raw))
    ]
    return tuple(sorted(found, key=lambda each: _rank(each.cookie)))


def _rank(cookie: Cookie) -> tuple[bool, int, int, bool]:
    stars = cookie.name.count("*")
    unasked = cookie.category in (NECESSARY, ANONYMOUS_STATISTICS)
    return (is_pattern(cookie.name), stars - len(cookie.name), stars, unasked)


def _near(word: str) -> list[str]:
    """Return the names that look like this word, or whose titles have it."""
    titled = [
        name for name, each in _presets().items() if word in re.split(r"\W+", each.title.lower())
    ]
    return difflib.get_close_matches(word, _presets(), n=2) or titled[:2]


@cache
def _presets() -> Mapping[str, Preset]:
    texts = _read(TEXTS)
    frameworks = _of_file(FRAMEWORKS, texts)
    providers = (each for file in PROVIDERS for each in _of_file(file, texts))
    return {
        each.name: each
        for group in (frameworks, providers)
        for each in sorted(group, key=lambda each: each.name)
    }


@cache
def _tables() -> Mapping[str, NameTable[Cookie]]:
    return {
        each.name: NameTable((cookie.name, 0, cookie) for cookie in each.cookies)
        for each in _presets().values()
    }


def _read(file: str) -> dict[str, Any]:
    text = files("consentgate.presets").joinpath("data", file).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _of_file(file: str, texts: Mapping[str, Text]) -> Iterator[Preset]:
    document = _read(file)
    source = document.pop("source")
    for name, table in document.items():
        cookies = tuple(_cookie(row, table, texts) for row in table.get("cookies", ()))
        yield Preset(
            name,
            table["title"],
            table.get("source", source),
            cookies,
            framework=file == FRAMEWORKS,
            note=frozen_text(table.get("note", ""), f"preset {name!r}: note"),
            instead_of=tuple(table.get("instead_of", ())),
            third_party=_third_party(table, cookies, texts),
        )


def _third_party(
    table: dict[str, Any], cookies: Iterable[Cookie], texts: Mapping[str, Text]
) -> ThirdParty | None:
    if "third_party" not in table:
        return None
    said = {"name": table["title"], "category": table["category"]} | table["third_party"]
    own = [
        cookie
        for cookie in cookies
        if cookie.category == said["category"] and _is_of(cookie.domain, said["hosts"])
    ]
    return ThirdParty(**said | {"purpose": texts[said["purpose"]], "cookies": own})


def _is_of(domain: str | None, hosts: Iterable[str]) -> bool:
    """Tell whether a cookie of this Domain is set by one of the hosts, or by one below them."""
    if domain is None:
        return False
    bare = [host.rpartition("://")[2] for host in hosts]
    return any(
        f".{host.removeprefix('*.')}".endswith(f".{domain}")
        or (host.startswith("*.") and domain.endswith(host[1:]))
        for host in bare
    )


def _cookie(row: dict[str, Any], table: dict[str, Any], texts: Mapping[str, Text]) -> Cookie:
    said = {key: table[key] for key in _SHARED if key in table} | row
    lifetime = timedelta(**{unit: said.pop(unit) for unit in _UNITS if unit in said})
    # RFC 6265bis 5.5: whatever a provider asks for, browsers keep 400 days at most.
    kept = min(lifetime, _LONGEST) or None
    return Cookie(**said | {"purpose": texts[said["purpose"]], "lifetime": kept})
