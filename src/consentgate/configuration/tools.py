"""The tools whose banners a site may ask with, and what contradicts what about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from consentgate.category import NECESSARY
from consentgate.configuration.mistake import refused
from consentgate.configuration.problem import Complaint, KeyPath
from consentgate.configuration.words import did_you_mean, shown
from consentgate.names import NameTable

if TYPE_CHECKING:
    from consentgate.banners import Banner
    from consentgate.configuration.declared import Declarations
    from consentgate.configuration.document import ConsentFromTable, GateTable

TOOLS = ("cookieconsent", "klaro", "tarteaucitron", "orejime")
"""The words that a file has for them."""

MAX_AGE = timedelta(days=182)
"""How long a choice lasts where nobody says otherwise."""

_PLACE: KeyPath = ("gate", "consent_from")


def banner_of(table: ConsentFromTable) -> Banner:
    """Return the banner of a table without mistakes."""
    options = table.given()
    del options["tool"]
    return _kind(table.tool)(**options)


def _kind(tool: str) -> Callable[..., Banner]:
    from consentgate import banners  # only a file that has one loads them

    kinds: Mapping[str, Callable[..., Banner]] = {
        "cookieconsent": banners.CookieConsent,
        "klaro": banners.Klaro,
        "tarteaucitron": banners.Tarteaucitron,
        "orejime": banners.Orejime,
    }
    return kinds[tool]


def _usual(tool: str) -> Banner:
    """Return the banner of a tool as it is where nobody says otherwise."""
    return _kind(tool)(categories={"x": "statistics"})


def contradictions(
    gate: GateTable, declared: Declarations, right: Callable[..., bool]
) -> Iterator[Complaint]:
    """Yield what contradicts what about the tool of a file.

    `right` tells whether nothing was wrong at key paths by itself.
    """
    table = gate.consent_from
    if table is None:
        return
    if "revision" in table and table.tool != "cookieconsent":
        yield _complaint("revision", f"{table.tool} writes down no revision", "leave it out")
    if right(("categories",)):
        yield from _unknown(table, declared.keys)
    yield from _names(table)
    if right(("gate", "max_age"), (*_PLACE, "lifetime")):
        yield from _lifetime(table, gate.max_age or MAX_AGE)
    if right(("gate", "cookie_name"), (*_PLACE, "cookie"), ("cookies",), ("presets",)):
        yield from _cookie(table, gate.cookie_name, declared)


def _complaint(key: str, what: str, remedy: str, *more: str) -> Complaint:
    return Complaint((*_PLACE, key, *more), what, remedy)


def _unknown(table: ConsentFromTable, known: tuple[str, ...]) -> Iterator[Complaint]:
    for name, keys in table.categories.items():
        for key in keys:
            if key not in known:
                what = f"unknown category {shown(key)}"
                yield _complaint("categories", what, did_you_mean(key, known), name)


def _names(table: ConsentFromTable) -> Iterator[Complaint]:
    kind = _kind(table.tool)
    for name in table.categories:
        if refused(partial(kind, categories={name: "statistics"})):
            what = f"{shown(name)} is no name that {table.tool} writes down"
            yield _complaint("categories", what, "write it as the tool's own set-up has it", name)
    if all(keys == (NECESSARY,) for keys in table.categories.values()):
        yield _complaint(
            "categories",
            "nothing in it is a visitor's to decide",
            "say which names stand for categories other than 'necessary'",
        )


def _lifetime(table: ConsentFromTable, max_age: timedelta) -> Iterator[Complaint]:
    usual = _usual(table.tool)
    lifetime = table.lifetime or usual.lifetime
    # The banner's own rule: what is older than a choice may be would be taken for a new answer.
    if usual.writes_time or lifetime <= max_age:
        return
    yield _complaint(
        "lifetime" if "lifetime" in table else "tool",
        f"{table.tool} does not write down when a visitor answered, and its cookie is kept for "
        f"{lifetime.days} days, longer than a choice ({max_age.days} days)",
        f"shorten it there, and write so here, as in lifetime = '{max_age.days} days'",
    )


def _cookie(
    table: ConsentFromTable, cookie_name: str, declared: Declarations
) -> Iterator[Complaint]:
    name = table.cookie or _usual(table.tool).cookie
    key = "cookie" if "cookie" in table else "tool"
    if name == cookie_name:
        yield _complaint(
            key,
            f"its cookie {shown(name)} has the consent cookie's own name",
            "use another name in the tool, or another cookie_name",
        )
        return
    names = NameTable((each.cookie.name, 0, each.cookie) for each in declared.cookies)
    found = names.find(name.encode("ascii"))
    if found is not None and found.category != NECESSARY:
        yield _complaint(
            key,
            f"its cookie {shown(name)} is declared in {shown(found.category)}, and only a "
            "necessary one is read without consent",
            "leave that declaration out",
        )
