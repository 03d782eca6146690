"""Another banner's answer, taken over in one exchange: signed, it is a choice like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentgate import cookie_header
from consentgate.choice import Choice, mark_of, marked
from consentgate.sourcing import Sourcing

if TYPE_CHECKING:
    from consentgate.banners.banner import Banner
    from consentgate.banners.found import Found


class Adopting(Sourcing):
    """Takes over what the visitor answered to a banner that is not the gate's."""

    _counted: Choice | None = None
    """The choice of which the observers have heard."""

    def adopt(self, banner: Banner) -> None:
        """Record what the site's own banner has in its cookie, if it is new.

        It is new where no choice that the request brings has its mark: one that
        was made on the gate's pages since stands until the banner has another
        answer.
        """
        values = cookie_header.values_of(self.cookie_lines, self.gate.banner_name)
        if not values:
            return
        choices = self.gate.choices_of(self.cookie_lines)
        if choices is None or (self.embedded and not choices):
            return  # It cannot be told what the visitor decided here since.
        found = banner.found(values, self.gate.clock(), self.gate.max_age.total_seconds())
        if found is not None and not any(_is_known(found, choice) for choice in choices):
            self._record(found, self.consulted().choice)

    def _record(self, found: Found, held: Choice | None) -> None:
        policy = self.gate.policy
        granted = found.granted & policy.choosable
        # What is exempt stays as it is unless the banner speaks of it; silence refuses the rest.
        opposed = (policy.exempt - self.standing.allowed) | (found.refused & policy.exempt)
        refused = (policy.needing | opposed) - granted
        if not self.consent_needed:
            # Here silence is no refusal: what the banner does not speak of stays as it is.
            before = held.refused if held else frozenset()
            refused = ((found.refused | before) & policy.choosable) - granted
        identity = marked(held.id if held else "", found.mark)
        if held is not None and self._holds(self.standing, granted, refused):
            # The same answer again: it lapses when it would have, and is no news.
            self._counted = self.choice = held._replace(id=identity)
            self._now, self.source = self.gate.standing_of(self.choice), "adapter"
        else:
            self.decide(granted, refused, identity, source="adapter")


def _is_known(found: Found, choice: Choice) -> bool:
    """Tell whether a choice is of this answer, or was made here after it."""
    mark = mark_of(choice.id)
    is_older = found.made_at is not None and found.made_at < choice.made_at
    return is_older if mark == "" else mark == found.mark
