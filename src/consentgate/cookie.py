"""A declared cookie."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta

from consentgate.attributes import Hardening
from consentgate.category import ANONYMOUS_STATISTICS, NECESSARY, Text, frozen_text, nearest_of
from consentgate.errors import ConsentGateError
from consentgate.names import is_declarable

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

CONSENT_COOKIE_PURPOSE = {
    "en": "Remembers your choice about cookies",
    "fr": "Retient votre choix au sujet des cookies",
}
"""What the row of the consent cookie itself says; the catalogues have it in more languages."""

# RFC 6265 4.1.1: av-octet and path-value, "any CHAR except CTLs or ';'". A space is encoded.
_ATTRIBUTE = re.compile(r"[!-:<-~]*")


@dataclass(frozen=True, slots=True)
class Cookie:
    """A declared cookie.

    `name` is exact, or a pattern in which each `*` stands for any characters
    that a declared name can have, anchored at both ends (`_ga*`). `category`
    is the key of its category. `provider`, `service` and `purpose` tell people
    who sets it, for what service and why. `lifetime` is how long a browser
    keeps it at most (None: until the browser closes, or nobody said). `party`
    is "first" or "third". `domain` and `path` are the attributes it is set
    with: a deletion tries them first. `exemption` is what a cookie that needs
    no consent rests on, one of EXEMPTIONS. `harden` is what it gets on its way
    out, in place of the policy's.

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
    harden: Hardening | None = None

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
            if value is not None and not _ATTRIBUTE.fullmatch(value):
                raise self._error(
                    f"{name} is what stands in the cookie's attribute: visible ASCII characters "
                    f"without ';', not {value!r}"
                )
        if self.party not in ("first", "third"):
            raise self._error(f"party is 'first' or 'third', not {self.party!r}")
        check_hardening(f"Cookie({self.name!r})", self.harden)
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
    def longest(self) -> float | None:
        """How long it may be kept, in seconds; None if nothing says so."""
        lifetime = self.lifetime
        if lifetime is None and self.category == ANONYMOUS_STATISTICS:
            lifetime = EXEMPT_LIFETIME
        return None if lifetime is None else lifetime.total_seconds()

    @property
    def legal_terms(self) -> list[str | float | None]:
        """What a visitor agrees to with this cookie, wording and looks aside."""
        provider = self.provider
        if not isinstance(provider, str):
            # The site's own first language: a translation added later changes no term.
            provider = next(iter(provider.values()), "")
        lifetime = None if self.lifetime is None else self.lifetime.total_seconds()
        return [self.name, self.category, provider, lifetime, self.party]


def check_hardening(where: str, harden: object) -> None:
    """Raise ConsentGateError for what is no Hardening."""
    if harden is not None and not isinstance(harden, Hardening):
        raise ConsentGateError(
            f"{where}: harden is a Hardening, as in Hardening(secure=True), not {harden!r}"
        )
