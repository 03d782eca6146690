"""The app's handle in an exchange: what this visitor allows, and how to change it."""

from __future__ import annotations

from collections.abc import Sequence

from consentgate.choice import Choice
from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange

KEY = "consentgate"
"""Where the handle stands in a WSGI environ and an ASGI scope."""


class Consent:
    """What this visitor allows, and how to change it in the response to this very request."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __repr__(self) -> str:
        standing = self._exchange.standing
        return f"<Consent answered={standing.answered}, choice={standing.choice!r}>"

    def allows(self, category: str) -> bool:
        """Tell whether the cookies of a category may be set. False for an unknown category."""
        return self._exchange.allows(category)

    @property
    def answered(self) -> bool:
        """Whether the visitor has answered under the current policy. Refusing is an answer."""
        return self._exchange.consulted().answered

    @property
    def choice(self) -> Choice | None:
        """What the visitor decided, None if nothing. One under an old revision is no answer."""
        return self._exchange.consulted().choice

    @property
    def needed(self) -> bool:
        """Whether this request needs consent at all, by the gate's `needs_consent`."""
        return self._exchange.consent_needed

    def grant(self, *categories: str) -> None:
        """Record the visitor's choice: these categories granted, every other refused.

        An exempt category stays as it is unless it is named. Raises
        ConsentGateError for an unknown category, ResponseStartedError once the
        response has started.
        """
        gate = self._exchange.gate
        granted = gate.checked_categories(categories)
        opposed = gate.policy.exempt - self._exchange.standing.allowed
        self._exchange.decide(granted, (gate.policy.needing | opposed) - granted)

    def grant_all(self) -> None:
        """Record that the visitor grants every category. Raises as `grant` does."""
        self._exchange.decide(self._exchange.gate.policy.choosable, frozenset())

    def refuse_all(self) -> None:
        """Record that the visitor refuses every category, and opposes the exempt ones.

        Raises ResponseStartedError once the response has started.
        """
        self._exchange.decide(frozenset(), self._exchange.gate.policy.choosable)

    def withdraw(self, *categories: str) -> None:
        """Record that the visitor takes consent back, in these categories or in all.

        As easy as giving it (GDPR article 7(3)). Naming an exempt category
        opposes it. Raises as `grant` does.
        """
        gate = self._exchange.gate
        known, allowed = gate.policy.choosable, self._exchange.standing.allowed
        lost = gate.checked_categories(categories) if categories else known
        granted = self.choice.granted if self.choice else frozenset()
        kept = (allowed & gate.policy.exempt) - lost
        still = (allowed & granted) - lost
        refused = known - still - kept
        if not self.needed:
            # Here silence is no refusal: the others pass as before.
            refused = lost | (self.choice.refused & known if self.choice else frozenset())
        self._exchange.decide(still, refused)


def exchange_around(found: object, cookie_lines: Sequence[bytes]) -> Exchange | None:
    """Return the exchange of a gate further out that this request is already part of.

    Two gates around one app, by mistake or a mounted app with a gate of its
    own, are one exchange: the outermost gate decides, once. A handle that a
    finished request left behind is none.
    """
    if isinstance(found, Consent) and found._exchange.shares(cookie_lines):
        return found._exchange
    return None


def required(found: object, where: str) -> Consent:
    """Return the handle that was found.

    Raises ConsentGateError where there is none: no gate stands around the app.
    """
    if isinstance(found, Consent):
        return found
    raise ConsentGateError(
        f"no consent in this {where}: put the gate around the app, as in gate.wsgi(app) or "
        "gate.asgi(app), or add ConsentMiddleware"
    )
