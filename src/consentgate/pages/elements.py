"""The elements that load what comes with the pages: script, guard, and consent mode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from markupsafe import Markup

from consentgate.pages.consent_mode import checked, resolved
from consentgate.pages.rendering import Renderer
from consentgate.pages.settings import Pages
from consentgate.policy import Policy

if TYPE_CHECKING:
    from consentgate.consent import Consent


class Elements:
    """Writes the elements for one visitor. Each takes the nonce of the page, None if it has none.

    Raises ConsentGateError for a `consent_mode` of the pages that cannot be.
    """

    def __init__(self, policy: Policy, pages: Pages, renderer: Renderer) -> None:
        self._renderer = renderer
        self._endpoint = pages.endpoint
        self._consent_mode = checked(pages.consent_mode, policy)

    def script(self, consent: Consent, nonce: str | None) -> Markup:
        """Return what loads the script of the pages, with what is allowed."""
        allowed = self._renderer.allowed(consent)
        return self._renderer.tag("script.html", consent.target, allowed=allowed, nonce=nonce)

    def guard(self, consent: Consent, nonce: str | None) -> Markup:
        """Return what loads the guard, with what scripts may write."""
        reports = None if self._endpoint is None else consent.target.root + self._endpoint
        return self._renderer.tag(
            "guard.html", consent.target, scripts=consent.scripts, reports=reports, nonce=nonce
        )

    def mode(self, consent: Consent, nonce: str | None) -> Markup:
        """Return what tells Google's tags what they may do."""
        types = self._consent_mode
        default = resolved(types, [key for key in types.values() if consent.allows(key)])
        return self._renderer.tag(
            "mode.html",
            consent.target,
            default=json.dumps(default),
            map=json.dumps(dict(types)),
            nonce=nonce,
        )
