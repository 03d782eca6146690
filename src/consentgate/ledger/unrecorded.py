"""What a visitor is answered in place of a grant that the ledger could not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentgate.pages.request import PageResponse

if TYPE_CHECKING:
    from consentgate.consent import Consent

_TEXT = b"Please try again: your choice could not be saved just now, so nothing new is allowed.\n"
_FIELDS = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": str(len(_TEXT)),
    "Cache-Control": "no-store",
    "Retry-After": "5",
    "X-Content-Type-Options": "nosniff",
}


def unrecorded(consent: Consent, accept: str) -> PageResponse:
    """Return that answer: 503, in the visitor's language where the gate has pages.

    `accept` is the request's header of that name.
    """
    exchange = consent._exchange
    # It is none of the app's: what holds for those does not for it.
    exchange.ours = True
    site = exchange.gate.site
    if site is None:
        return PageResponse(503, list(_FIELDS.items()), _TEXT)
    return site.unrecorded(consent.target.path, accept, consent)
