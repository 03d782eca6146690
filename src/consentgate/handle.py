"""What this visitor allows, and how to change it: the consent, but for what pages show of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from consentgate.browser_report import BrowserReport
from consentgate.choice import Choice
from consentgate.errors import ConsentGateError
from consentgate.exchange import Exchange
from consentgate.request import Target


class Handle:
    """What this visitor allows, and how to change it in the response to this very request."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __repr__(self) -> str:
        standing = self._exchange.standing
        return f"<{type(self).__name__} answered={standing.answered}, choice={standing.choice!r}>"

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
    def chosen(self) -> frozenset[str]:
        """The keys of the categories that pass by this visitor's choice, or need none.

        That is what `allows` tells, but where no consent is needed: silence is in no way a choice.
        """
        return self._exchange.consulted().allowed

    @property
    def needed(self) -> bool:
        """Whether this request needs consent at all, by the gate's `needs_consent`."""
        return self._exchange.consent_needed

    @property
    def opted_out(self) -> bool:
        """Whether the browser sends `Sec-GPC: 1` (Global Privacy Control)."""
        return self._exchange.opted_out

    @property
    def target(self) -> Target:
        """Where the request went, and in which language it would like its answer."""
        return self._exchange.target

    @property
    def scripts(self) -> str:
        """What scripts of a page may write into `document.cookie`, as the guard reads it.

        Declared names and patterns with a space between them, in the order in
        which they decide, each behind "+" (may be written), "-" (is refused)
        or "~" (only told).
        """
        return self._exchange.scripts

    def reported(self, report: BrowserReport) -> None:
        """Tell the observers what a browser reports, unless it is allowed by now."""
        self._exchange.hear(report)

    def grant(self, *categories: str, source: str = "app") -> None:
        """Record the visitor's choice: these categories granted, every other refused.

        An exempt category stays as it is unless it is named. `source` is for
        the ledger, where the choice came from: "banner", "page", "api", "app",
        "gpc" (the browser's signal) or "adapter". Raises ConsentGateError for
        an unknown category or source, ResponseStartedError once the response
        has started. Where a ledger cannot keep the record, the response does
        not leave: the visitor is told to try again (503), and nothing is granted.
        """
        self.choose(dict.fromkeys(categories, True), source=source)

    def choose(self, decisions: Mapping[str, bool], *, source: str = "app") -> None:
        """Record the visitor's choice, category by category: True grants, False refuses.

        What is left out is refused, an exempt category stays as it is. Raises
        as `grant` does, and ConsentGateError for anything but True or False.
        """
        gate = self._exchange.gate
        for key, decision in decisions.items():
            if not isinstance(decision, bool):  # A form's "no" would grant.
                raise ConsentGateError(
                    f"choose({{{key!r}: {decision!r}}}): say True to grant, False to refuse"
                )
        gate.checked_categories(decisions)
        granted = gate.checked_categories(key for key, yes in decisions.items() if yes)
        opposed = gate.policy.exempt - self._exchange.standing.allowed
        opposed |= gate.policy.exempt & decisions.keys()
        self._exchange.decide(granted, (gate.policy.needing | opposed) - granted, source=source)

    def grant_also(self, *categories: str, source: str = "app") -> None:
        """Record that these categories are granted beside what was decided before.

        What is undecided counts as refused where consent is needed. Raises as
        `grant` does.
        """
        gate, choice = self._exchange.gate, self.choice
        policy, allowed = gate.policy, self._exchange.standing.allowed
        before = choice.granted if choice else frozenset()
        granted = gate.checked_categories(categories) | (before & allowed)
        refused = policy.needing | (policy.exempt - allowed)
        if not self.needed:
            # Here silence is no refusal: the others pass as before.
            refused = choice.refused & policy.choosable if choice else frozenset()
        self._exchange.decide(granted, refused - granted, source=source)

    def grant_all(self, *, source: str = "app") -> None:
        """Record that the visitor grants every category. Raises as `grant` does."""
        self._exchange.decide(self._exchange.gate.policy.choosable, frozenset(), source=source)

    def refuse_all(self, *, source: str = "app") -> None:
        """Record that the visitor refuses every category, and opposes the exempt ones.

        Raises ConsentGateError for an unknown source, ResponseStartedError once
        the response has started.
        """
        self._exchange.decide(frozenset(), self._exchange.gate.policy.choosable, source=source)

    def withdraw(self, *categories: str, source: str = "app") -> None:
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
        self._exchange.decide(still, refused, source=source)

    if not TYPE_CHECKING:  # A checker would take any name for a category.

        def __getattr__(self, name: str) -> bool:
            """Tell whether a category is allowed: templates write `{% if consent.statistics %}`."""
            known = () if name.startswith("_") else self._exchange.gate.policy.categories
            if any(category.key == name for category in known):
                return self.allows(name)
            raise AttributeError(f"no category of the policy, and nothing else, is named {name!r}")
