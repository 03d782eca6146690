"""What a site declares: its categories and its cookies."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from hashlib import sha256
from os import PathLike
from types import MappingProxyType

from consentgate.attributes import Hardening
from consentgate.category import (
    ALWAYS,
    ANONYMOUS_STATISTICS,
    BUILT_IN,
    NECESSARY,
    Category,
    nearest_of,
)
from consentgate.cookie import Cookie, check_hardening
from consentgate.errors import ConsentGateError
from consentgate.frozen import Frozen
from consentgate.names import NameTable
from consentgate.third_party import ThirdParty

REVISION = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""What a revision looks like, here and in a token."""

FINGERPRINT = 6
"""How many characters of a digest tell what a category covered."""


def _digest(terms: object, length: int) -> str:
    text = json.dumps(terms, ensure_ascii=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(text.encode("ascii")).digest())[:length].decode("ascii")


class Policy(Frozen):
    """What a site declares, frozen and compiled.

    `cookies` are its declarations. `categories` adds to the built-in ones, or
    rewords one of them. `revision` is the version as visitors see it: derived
    from categories, cookies, providers, lifetimes, parties and third parties
    unless the site sets one; wording changes nothing. `harden` is what every
    cookie gets on its way out whose declaration says nothing else.
    `third_parties` are the other sites that pages load things from. Two
    policies are equal if they declare the same.

    Raises ConsentGateError for an unknown category or two declarations that
    contradict each other.
    """

    cookies: tuple[Cookie, ...]
    categories: tuple[Category, ...]
    third_parties: tuple[ThirdParty, ...]
    offered: tuple[Category, ...]
    """The categories that concern a visitor, in order: the site names them, or they are used."""
    revision: str
    declared_revision: str | None
    """The revision that the site set; None if it is derived."""
    exempt: frozenset[str]
    """The keys of the categories that pass unless the visitor opposes them."""
    needing: frozenset[str]
    """The keys of the categories that need consent."""
    choosable: frozenset[str]
    """The keys of all categories that a visitor decides on: these two together."""
    sold: frozenset[str]
    """The keys of the categories that serve sale or sharing."""
    harden: Hardening | None
    fingerprints: Mapping[str, str]
    """What is declared in each category, wording aside, as a short digest by key."""
    in_order: tuple[Cookie, ...]
    """One declaration per name, in the order in which they decide: the first that fits does."""
    lookup: Callable[[bytes], Cookie | None]
    """Returns the declaration that decides about a cookie of this name, None if undeclared.

    An exact name beats a pattern, a longer pattern beats a shorter one.
    """

    def __init__(
        self,
        cookies: Iterable[Cookie],
        *,
        categories: Iterable[Category] = (),
        revision: str | int | None = None,
        harden: Hardening | None = None,
        third_parties: Iterable[ThirdParty] = (),
    ) -> None:
        check_hardening("Policy", harden)
        declared = _checked_cookies(cookies)
        known = _all_categories(categories)
        others = _checked_third_parties(third_parties)
        rows: tuple[Cookie | ThirdParty, ...] = (*declared, *others)
        keys = [category.key for category in known]
        _check_known(rows, keys)
        terms = {
            key: sorted(repr(row.legal_terms) for row in rows if row.category == key)
            for key in keys
        }
        set_revision = _checked_revision(revision)
        table = NameTable((c.name, _weight(c), c) for c in declared)
        vars(self).update(
            cookies=declared,
            categories=known,
            third_parties=others,
            offered=tuple(_offered(known, {row.category for row in rows})),
            revision=set_revision or _digest(sorted(terms.items()), 8),
            declared_revision=set_revision,
            exempt=frozenset(c.key for c in known if c.exempt),
            needing=frozenset(c.key for c in known if c.needs_consent),
            choosable=frozenset(c.key for c in known if not c.always_allowed),
            sold=frozenset(c.key for c in known if c.sale_or_sharing),
            harden=harden,
            fingerprints=MappingProxyType({key: _digest(terms[key], FINGERPRINT) for key in keys}),
            in_order=tuple(table.in_order()),
            lookup=table.find,
        )

    def allowed(self, granted: frozenset[str], refused: frozenset[str]) -> frozenset[str]:
        """Return the keys of the categories that pass under these decisions."""
        return ALWAYS | (self.exempt - refused) | (self.needing & granted)

    def __repr__(self) -> str:
        return f"<Policy {self.revision}: {len(self.cookies)} cookies>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self._declared == other._declared

    def __hash__(self) -> int:
        return hash((self.cookies, self.revision))

    @property
    def _declared(self) -> tuple[object, ...]:
        return (self.cookies, self.categories, self.third_parties, self.revision, self.harden)

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Policy:
        """Return the policy in a file: a `consentgate.toml`, or a `pyproject.toml`'s table.

        Raises ConsentGateError that tells all that is wrong with the file, and where.
        """
        from consentgate.configuration.reading import load  # only who has a file needs a reader

        return load(path).policy

    def to_toml(self) -> str:
        """Return the text of a file from which `from_toml` reads this policy again."""
        from consentgate.configuration.writing import written

        return written(self)

    @classmethod
    def allow(cls, *names: str) -> Policy:
        """Return the policy in which just these names (or patterns) are necessary."""
        return cls([Cookie(name) for name in names])


def _checked_cookies(cookies: Iterable[Cookie]) -> tuple[Cookie, ...]:
    if isinstance(cookies, (str, bytes, Mapping)) or not isinstance(cookies, Iterable):
        raise ConsentGateError(
            f"Policy(cookies): a list of Cookie is needed, not {cookies!r}; "
            "for names alone use Policy.allow('session', ...)"
        )
    checked = tuple(cookies)
    seen: dict[str, Cookie] = {}
    for cookie in checked:
        if not isinstance(cookie, Cookie):
            raise ConsentGateError(
                f"Policy(cookies): {cookie!r} is not a Cookie; write Cookie({cookie!r}), or "
                "Policy.allow(...) for names alone"
            )
        first = seen.setdefault(cookie.name, cookie)
        if first.category != cookie.category:
            raise ConsentGateError(
                f"Cookie({cookie.name!r}) is declared in {first.category!r} and again in "
                f"{cookie.category!r}; keep the one that is true"
            )
    return checked


def _checked_third_parties(third_parties: Iterable[ThirdParty]) -> tuple[ThirdParty, ...]:
    if isinstance(third_parties, (str, Mapping)) or not isinstance(third_parties, Iterable):
        raise ConsentGateError(
            f"Policy(third_parties): a list of ThirdParty is needed, not {third_parties!r}"
        )
    checked = tuple(third_parties)
    names = set()
    for party in checked:
        if not isinstance(party, ThirdParty):
            raise ConsentGateError(
                f"Policy(third_parties): {party!r} is not a ThirdParty; "
                "write ThirdParty('YouTube', 'marketing', hosts=[...])"
            )
        if party.name in names:
            raise ConsentGateError(
                f"ThirdParty({party.name!r}) is declared twice; keep one of them"
            )
        names.add(party.name)
    return checked


def _check_known(rows: Iterable[Cookie | ThirdParty], keys: list[str]) -> None:
    for row in rows:
        if row.category not in keys:
            raise ConsentGateError(
                f"{type(row).__name__}({row.name!r}): unknown category {row.category!r}; "
                f"{nearest_of(row.category, keys)}. Or add it: "
                f"Policy(..., categories=[Category({row.category!r}, title=...)])"
            )


def _offered(known: Iterable[Category], used: Container[str]) -> Iterator[Category]:
    for category in known:
        # A built-in one in which nothing is, and of which the site says nothing, serves nothing.
        if category.key in used or not any(category is built_in for built_in in BUILT_IN):
            yield category


def _all_categories(categories: Iterable[Category]) -> tuple[Category, ...]:
    own: dict[str, Category] = {}
    if isinstance(categories, (str, Mapping)) or not isinstance(categories, Iterable):
        raise ConsentGateError(
            f"Policy(categories): a list of Category is needed, not {categories!r}"
        )
    for category in categories:
        if not isinstance(category, Category):
            raise ConsentGateError(
                f"Policy(categories): {category!r} is not a Category; "
                "write Category('key', title=...)"
            )
        if category.key in own:
            raise ConsentGateError(
                f"Category({category.key!r}) is declared twice; keep one of them"
            )
        own[category.key] = category
    built_in = [own.pop(category.key, category) for category in BUILT_IN]
    return (*built_in, *own.values())


def _checked_revision(revision: str | int | None) -> str | None:
    if revision is None:
        return None
    if not REVISION.fullmatch(str(revision)):
        raise ConsentGateError(
            f"Policy(revision={revision!r}): use 1 to 32 letters, digits, '.', '_' or "
            "'-', as in '2026-11', or leave it out to have it derived"
        )
    return str(revision)


def _weight(cookie: Cookie) -> int:
    """Of two patterns that match equally well, the stricter category decides."""
    return {NECESSARY: 0, ANONYMOUS_STATISTICS: 1}.get(cookie.category, 2)
