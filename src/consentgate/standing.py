"""What holds for a visitor: read from the tokens of a request, under one policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from consentgate import cookie_header
from consentgate.category import ALWAYS
from consentgate.choice import Choice, strictest
from consentgate.memory import Memory
from consentgate.policy import Policy
from consentgate.token import MAX_BYTES, TokenSigner

# More tokens than this in one request are nobody's: only what is necessary passes then.
_MAX_TOKENS = 4
# Servers of one site may differ by this much; further in the future is forged.
_CLOCK_SKEW = 60.0


class Standing(NamedTuple):
    """What holds for a visitor: the choice, whether it still answers the question, what it allows.

    `since` and `until` are the seconds between which a token is believed.
    """

    choice: Choice | None
    answered: bool
    allowed: frozenset[str]
    since: float
    until: float


class Standings:
    """Finds out what holds, under a policy; a token is read once, and then remembered.

    `name` is the consent cookie's, `lasts` how many seconds a choice does.
    `keep_unchanged` keeps the grants of an older revision in categories in
    which nothing changed. `clock` gives the seconds since the epoch.
    """

    def __init__(
        self,
        policy: Policy,
        signer: TokenSigner,
        name: bytes,
        *,
        lasts: float,
        keep_unchanged: bool,
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._signer = signer
        self._name = name
        self._lasts = lasts
        self._keep_unchanged = keep_unchanged
        self._clock = clock
        self._remembered = Memory(self._read, limit=4096, longest=MAX_BYTES)
        allowed = policy.allowed(frozenset(), frozenset())
        self._unanswered = Standing(None, False, allowed, 0.0, 0.0)
        self._in_doubt = self._unanswered._replace(allowed=ALWAYS)

    def of_request(self, cookie_lines: Iterable[bytes]) -> Standing:
        """Return what holds for a request with these `Cookie` header lines.

        Anything but a valid token is no choice: it never raises, and never
        widens. Several valid tokens hold as the strictest of them together.
        """
        tokens = cookie_header.values_of(cookie_lines, self._name)
        if len(tokens) == 1:
            return self._valid(tokens[0]) or self._unanswered
        choices = self._choices(tokens)
        if choices is None:
            return self._in_doubt
        if not choices:
            return self._unanswered
        return self.of_choice(strictest(choices, self._policy.revision))

    def choices_of(self, cookie_lines: Iterable[bytes]) -> list[Choice] | None:
        """Return the choices of all valid tokens of a request, None for too many of them."""
        return self._choices(cookie_header.values_of(cookie_lines, self._name))

    def lapsed_of(self, cookie_lines: Iterable[bytes]) -> Choice | None:
        """Return the choice of the one token of a request, if its time is over."""
        tokens = set(cookie_header.values_of(cookie_lines, self._name))
        standing = self._remembered[tokens.pop()] if len(tokens) == 1 else None
        if standing is None or self._clock() < standing.until:
            return None
        return standing.choice

    def _choices(self, tokens: Iterable[bytes]) -> list[Choice] | None:
        distinct = set(tokens)
        if len(distinct) > _MAX_TOKENS:
            return None
        valid = [standing for token in distinct if (standing := self._valid(token))]
        return [standing.choice for standing in valid if standing.choice]

    def of_choice(self, choice: Choice) -> Standing:
        """Return what holds under a choice."""
        current = choice.revision == self._policy.revision
        granted = choice.granted if current else frozenset(self._unchanged(choice))
        return Standing(
            choice,
            current,
            self._policy.allowed(granted, choice.refused),
            choice.made_at - _CLOCK_SKEW,
            choice.made_at + self._lasts,
        )

    def _valid(self, token: bytes) -> Standing | None:
        standing = self._remembered[token]
        if standing is None or not standing.since <= self._clock() < standing.until:
            return None
        return standing

    def _read(self, token: bytes) -> Standing | None:
        choice = self._signer.read(token)
        return None if choice is None else self.of_choice(choice)

    def _unchanged(self, choice: Choice) -> Iterable[str]:
        """Grants that outlive a new revision: those whose declared cookies are the same."""
        if not self._keep_unchanged:
            return ()
        now = self._policy.fingerprints
        return (key for key in choice.granted if choice.fingerprints.get(key) == now.get(key))
