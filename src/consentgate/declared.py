"""What is declared of a cookie name: looked up once per name, then remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from consentgate.attributes import Hardening
from consentgate.category import NECESSARY
from consentgate.cookie import Cookie
from consentgate.memory import Memory
from consentgate.names import is_declarable, is_pattern
from consentgate.policy import Policy

# Names are the app's and the visitors': a bound on how many are remembered, and how long ones.
_LIMIT, _LONGEST = 4096, 256


class Terms(NamedTuple):
    """The rows of the declaration that decides about a name, and what they come to.

    `longest` is how long the cookie may be kept, in seconds, None if nothing
    says so; `harden` what it gets on its way out.
    """

    rows: tuple[Cookie, ...] = ()
    longest: float | None = None
    harden: Hardening | None = None


class Declarations:
    """A policy as the gate asks it, by the name of a cookie.

    `own` is the name of the consent cookie: every app may read it, none may
    write it. `pass_undeclared` lets apps read cookies in no declaration.
    """

    def __init__(self, policy: Policy, own: bytes, *, pass_undeclared: bool) -> None:
        self._policy = policy
        self._own = own
        self._pass_undeclared = pass_undeclared
        rows: dict[str, list[Cookie]] = {}
        for cookie in policy.cookies:
            rows.setdefault(cookie.name, []).append(cookie)
        self._declared = {name: _terms(cookies, policy.harden) for name, cookies in rows.items()}
        self._undeclared = Terms(harden=policy.harden)
        every = [self._undeclared, *self._declared.values()]
        self.hardens = any(terms.harden for terms in every)
        """Whether any cookie gets something on its way out."""
        self.limits = any(
            terms.longest is not None
            for name, terms in self._declared.items()
            if name.encode("ascii") != own
        )
        """Whether any lifetime is declared."""
        self.category_of = Memory(self._category_of, _LIMIT, _LONGEST)
        """The category that decides about a name; None if undeclared, or the gate's own."""
        self.readable_as = Memory(self._readable_as, _LIMIT, _LONGEST)
        """The category as which a cookie of this name may be read; None if it never may."""
        self.terms = Memory(self._terms, _LIMIT, _LONGEST)
        """What is declared of a name."""
        self.elsewhere = tuple(
            cookie
            for cookie in policy.cookies
            if cookie.category != NECESSARY and not is_pattern(cookie.name) and cookie.path != "/"
        )
        """The cookies that a browser may hold without sending them to every page."""

    def _category_of(self, name: bytes) -> str | None:
        cookie = None if name == self._own else self._policy.lookup(name)
        return cookie.category if cookie else None

    def _readable_as(self, name: bytes) -> str | None:
        if name == self._own:
            return NECESSARY
        # A name that parsers read in more than one way is not passed on undeclared.
        if self._pass_undeclared and self._policy.lookup(name) is None and is_declarable(name):
            return NECESSARY
        return self._category_of(name)

    def _terms(self, name: bytes) -> Terms:
        cookie = self._policy.lookup(name)
        return self._declared[cookie.name] if cookie else self._undeclared


def _terms(rows: Sequence[Cookie], harden: Hardening | None) -> Terms:
    """Put the rows of one name together: what any of them allows, the cookie may do."""
    lifetimes = [row.longest for row in rows]
    known = [lifetime for lifetime in lifetimes if lifetime is not None]
    longest = max(known) if len(known) == len(rows) else None
    own = next((row.harden for row in rows if row.harden is not None), harden)
    return Terms(tuple(rows), longest, own)
