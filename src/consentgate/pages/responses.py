"""The responses of the pages: their bodies in bytes, and what each of them says of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from consentgate.pages.refusal import Field, Refusal
from consentgate.pages.rendering import Renderer
from consentgate.pages.request import PageResponse
from consentgate.pages.settings import Pages

if TYPE_CHECKING:
    from consentgate.consent import Consent

HTML = "text/html; charset=utf-8"
"""The media type of what is a page."""
JSON = "application/json"
"""The media type of what a script reads."""
TEXT = "text/plain; charset=utf-8"
"""The media type of what is said to who takes no page."""

# Nobody keeps what is one visitor's: RFC 9111 5.2.2.5. Back in history it is asked for again.
_NOT_KEPT = "no-store"


class Responses:
    """Makes the responses of one site's pages."""

    def __init__(self, pages: Pages, renderer: Renderer) -> None:
        self._csp = pages.content_security_policy
        self._renderer = renderer

    def made(
        self,
        status: int,
        content_type: str,
        text: str,
        kept: str = _NOT_KEPT,
        headers: Sequence[Field] = (),
    ) -> PageResponse:
        """Return a response; `kept` is its Cache-Control, `headers` beat the usual ones."""
        body = text.encode("utf-8", "replace")  # A visitor may name a lone surrogate.
        fields = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": kept,
            "Content-Security-Policy": self._csp,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            # Forms sent from here name their origin: with less of a referrer it would be "null".
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            **dict(headers),
        }
        return PageResponse(status, list(fields.items()), body)

    def refused(self, refusal: Refusal, content_type: str, consent: Consent) -> PageResponse:
        """Return what a refusal is answered by, in the visitor's language.

        That is a page, unless `content_type` is that of JSON or of plain text.
        """
        title, message = refusal.words(self._renderer.language(consent.target))
        if content_type == JSON:
            body = json.dumps({"error": message, "field": refusal.field}, ensure_ascii=False)
        elif content_type == TEXT:
            body = f"{message}\n"
        else:
            content_type = HTML
            body = self._renderer.html("error.html", consent, title=title, message=message)
        return self.made(refusal.status, content_type, body, headers=refusal.headers)
