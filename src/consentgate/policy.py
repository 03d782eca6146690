"""What a site declares: its categories and its cookies."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType

from consentgate.category import (
    ANONYMOUS_STATISTICS,
    BUILT_IN,
    NECESSARY,
    Category,
    Text,
    frozen_text,
    nearest_of,
)
from consentgate.errors import ConsentGateError
from consentgate.frozen import Frozen
from consentgate.names import NameTable, is_declarable

_ALWAYS = frozenset({NECESSARY})

# What a cookie that needs no consent can rest on: ePrivacy directive 5(3), and
# the list in the CNIL's guidelines of 17 September 2020 on cookies, articles 5 and 48 ff.
EXEMPTIONS = (
    "authentication",
    "security",
    "consent-choice",
    "basket",
    "interface",
    "load-balancing",
    "free-sample",
    "audience-measurement",
)

# CNIL, audience measurement: a tracer lives 13 months at most. 365 days and the longest month.
EXEMPT_LIFETIME = timedelta(days=396)

REVISION = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""What a revision looks like, here and in a token."""

FINGERPRINT = 6
"""How many characters of a digest tell what a category covered."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """A declared cookie.

    `name` is exact, or a pattern in which each `*` stands for any characters
    that a declared name can have, anchored at both ends (`_ga*`). `category`
    is the key of its category. `provider`, `service` and `purpose` tell people
    who sets it, for what service and why. `lifetime` is how long a browser
    keeps it (None: until the browser closes). `party` is "first" or "third".
    `domain` and `path` are the attributes it is set with. `exemption` is what
    a cookie that needs no consent rests on, one of EXEMPTIONS.

    Raises ConsentGateError for a declaration that cannot hold.
    """

    name: str
    category: str = NECESSARY
    _: KW_ONLY
    provider: Text = field(default="", hash=False)
    service: Text = field(default="", hash=False)
    purpose: Text = field(default="", hash=False)
    lifetime: timedelta | None = None
    party: str = "first"
    domain: str | None = None
    path: str = "/"
    exemption: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not is_declarable(self.name):
            raise self._error(
                'a name is one or more visible ASCII characters without = ; , " or \\, '
                "as the browser shows it; '*' stands for any characters"
            )
        for name in ("provider", "service", "purpose"):
            text = frozen_text(getattr(self, name), f"Cookie({self.name!r}): {name}")
            object.__setattr__(self, name, text)
        for name in ("domain", "path"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name == "domain" and value is None):
                raise self._error(f"{name} is a text as in the cookie's attribute, not {value!r}")
        if self.party not in ("first", "third"):
            raise self._error(f"party is 'first' or 'third', not {self.party!r}")
        self._check_exemption()
        self._check_lifetime()

    def _error(self, message: str) -> ConsentGateError:
        return ConsentGateError(f"Cookie({self.name!r}): {message}")

    def _check_exemption(self) -> None:
        if self.exemption is None:
            return
        if self.exemption not in EXEMPTIONS:
            raise self._error(
                f"unknown exemption {self.exemption!r}; {nearest_of(self.exemption, EXEMPTIONS)}"
            )
        if self.category not in (NECESSARY, ANONYMOUS_STATISTICS):
            raise self._error(
                f"a cookie in {self.category!r} needs consent and rests on no exemption; leave "
                "exemption out, or declare it in 'necessary' if it really is"
            )

    def _check_lifetime(self) -> None:
        if self.lifetime is None:
            return
        if not isinstance(self.lifetime, timedelta) or self.lifetime <= timedelta(0):
            raise self._error(
                f"lifetime is a positive timedelta, as in timedelta(days=30), not {self.lifetime!r}"
            )
        if self.category == ANONYMOUS_STATISTICS and self.lifetime > EXEMPT_LIFETIME:
            raise self._error(
                f"anonymous statistics are exempt for 13 months ({EXEMPT_LIFETIME.days} days) at "
                f"most, not {self.lifetime.days} days; shorten lifetime, or use 'statistics'"
            )

    @property
    def legal_terms(self) -> list[str | float | None]:
        """What a visitor agrees to with this cookie, wording and looks aside."""
        provider = self.provider
        if not isinstance(provider, str):
            # The site's own first language: a translation added later changes no term.
            provider = next(iter(provider.values()), "")
        lifetime = None if self.lifetime is None else self.lifetime.total_seconds()
        return [self.name, self.category, provider, lifetime, self.party]


def _digest(terms: object, length: int) -> str:
    text = json.dumps(terms, ensure_ascii=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(text.encode("ascii")).digest())[:length].decode("ascii")


class Policy(Frozen):
    """What a site declares, frozen and compiled.

    `cookies` are its declarations. `categories` adds to the built-in ones, or
    rewords one of them. `revision` is the version as visitors see it: derived
    from categories, cookies, providers, lifetimes and parties unless the site
    sets one; wording changes nothing.

    Raises ConsentGateError for an unknown category or two declarations that
    contradict each other.
    """

    cookies: tuple[Cookie, ...]
    categories: tuple[Category, ...]
    revision: str
    exempt: frozenset[str]
    """The keys of the categories that pass unless the visitor opposes them."""
    needing: frozenset[str]
    """The keys of the categories that need consent."""
    choosable: frozenset[str]
    """The keys of all categories that a visitor decides on: these two together."""
    fingerprints: Mapping[str, str]
    """What is declared in each category, wording aside, as a short digest by key."""
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
    ) -> None:
        declared = _checked_cookies(cookies)
        known = _all_categories(categories)
        keys = [category.key for category in known]
        for cookie in declared:
            if cookie.category not in keys:
                raise ConsentGateError(
                    f"Cookie({cookie.name!r}): unknown category {cookie.category!r}; "
                    f"{nearest_of(cookie.category, keys)}. Or add it: "
                    f"Policy(..., categories=[Category({cookie.category!r}, title=...)])"
                )
        terms = {
            key: sorted(repr(c.legal_terms) for c in declared if c.category == key) for key in keys
        }
        vars(self).update(
            cookies=declared,
            categories=known,
            revision=_checked_revision(revision) or _digest(sorted(terms.items()), 8),
            exempt=frozenset(c.key for c in known if c.exempt),
            needing=frozenset(c.key for c in known if c.needs_consent),
            choosable=frozenset(c.key for c in known if not c.always_allowed),
            fingerprints=MappingProxyType({key: _digest(terms[key], FINGERPRINT) for key in keys}),
            lookup=NameTable((c.name, _weight(c), c) for c in declared).find,
        )

    def allowed(self, granted: frozenset[str], refused: frozenset[str]) -> frozenset[str]:
        """Return the keys of the categories that pass under these decisions."""
        return _ALWAYS | (self.exempt - refused) | (self.needing & granted)

    def __repr__(self) -> str:
        return f"<Policy {self.revision}: {len(self.cookies)} cookies>"

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
