"""What scripts of a page may write into `document.cookie`: the policy as data for the browser.

A `Set-Cookie` passes the gate, a script's cookie does not. The guard, a script
of ours in the page, holds the others to the same policy, by this list.
"""

from __future__ import annotations

from functools import lru_cache

from consentgate.category import UNDECLARED
from consentgate.policy import Policy

MAY, REFUSED, TOLD = "+", "-", "~"
"""The signs: may be written; is refused; is written, and announced as if it had been refused."""


class ScriptRules:
    """A policy as the guard reads it.

    `own` is the name of the consent cookie, which no script writes.
    `report_only` says that nothing is enforced, `reported` in which categories
    nothing is.
    """

    def __init__(
        self, policy: Policy, own: str, *, report_only: bool, reported: frozenset[str]
    ) -> None:
        self._rows = [
            (cookie.name, cookie.category) for cookie in policy.in_order if cookie.name != own
        ]
        self._told = policy.choosable | {UNDECLARED} if report_only else reported
        # Visitors differ in what they allow, and policies have few categories.
        self.text = lru_cache(maxsize=256)(self._text)
        """Returns the list for who allows these categories; see `_text`."""

    def _text(self, allowed: frozenset[str], is_open: bool) -> str:
        """Return the declared names, each behind a sign, in the order in which they decide.

        `is_open` says that no consent is needed: what is undeclared passes too.
        Else it is refused, unless that is only told.
        """
        rows = [self._sign(category, allowed) + name for name, category in self._rows]
        if is_open:
            rows.append(f"{MAY}*")
        elif UNDECLARED in self._told:
            rows.append(f"{TOLD}*")
        return " ".join(rows)

    def _sign(self, category: str, allowed: frozenset[str]) -> str:
        if category in allowed:
            return MAY
        return TOLD if category in self._told else REFUSED
