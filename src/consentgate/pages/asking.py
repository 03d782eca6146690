"""Whether the gate itself asks, in one exchange: the banner goes into a page of the app."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from consentgate import wire
from consentgate.pages.insertion import (
    FRAGMENT,
    Insertion,
    head_headers,
    is_page_request,
    takes_banner,
    variant_headers,
)
from consentgate.request import RequestHeaders
from consentgate.wire import Dialect, HeaderKind, Text

if TYPE_CHECKING:
    from consentgate.consent import Consent
    from consentgate.exchange import Exchange

logger = logging.getLogger("consentgate")

READ = (
    *("Accept", "Sec-Fetch-Dest", "X-Requested-With", "If-None-Match", "If-Modified-Since"),
    *FRAGMENT,
)
"""The headers of a request that say whether it is for a page to put the banner into."""

# RFC 9110 13.1: with these a client asks whether what it has is still good. Without the banner,
# which it may have had no need of then, it is not.
CONDITIONS = ("If-None-Match", "If-Modified-Since")


class Asking:
    """Decides, for one exchange behind a gate with `inject_banner`, and makes the insertion.

    `method` and `headers` are the request's.
    """

    def __init__(
        self, exchange: Exchange, consent: Consent, method: str, headers: RequestHeaders
    ) -> None:
        self._exchange = exchange
        self._consent = consent
        self._method = method
        self._whole_page = is_page_request(method, headers)
        # What the request says of itself is read now, and not once the app has changed it.
        self.anew = self._whole_page and self._is_document(headers) and self._open
        """Whether the app should answer as if the browser had no copy, one without banner maybe."""

    @staticmethod
    def _is_document(headers: RequestHeaders) -> bool:
        """Tell whether a page to be shown is asked for: an old browser says it by what it takes."""
        accepted = headers.get("Accept") or ""
        return headers.get("Sec-Fetch-Dest") is not None or "text/html" in accepted

    @property
    def _open(self) -> bool:
        """Whether the question is open. Asking that is asking for the choice."""
        exchange = self._exchange
        return exchange.consent_needed and not exchange.standing.answered

    def begin(
        self, status: int, headers: Sequence[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> tuple[Sequence[tuple[Text, Text]], Insertion | None]:
        """Decide at the start of the response; return its headers, and the insertion if there is.

        A page that depends on the choice says so to caches, and one in which
        the banner may be is nobody else's: with another request for the same
        address, as of a fragment, it may be without.
        """
        plain = [
            (dialect.encode(header[0]), dialect.encode(header[1]))
            for header, kind in zip(headers, wire.header_kinds(headers, dialect), strict=True)
            if kind is HeaderKind.PLAIN
        ]
        if not takes_banner(status, plain) or not self._exchange.consent_needed:
            return headers, None
        if self._exchange.consulted().answered:
            return headers, None
        self._exchange.is_personal()
        if not self._whole_page or self._exchange.banner_shown:
            return headers, None
        if self._method == "HEAD":
            return self.unknown(headers, dialect), None
        return headers, Insertion(self._banner)

    def variant(
        self, headers: Sequence[tuple[Text, Text]], insertion: Insertion, dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return the headers of the response that has the banner in it."""
        return variant_headers(list(headers), len(insertion.inserted), dialect)

    def unknown(
        self, headers: Sequence[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return the headers of a response that may get the banner, for when they leave first."""
        kinds = wire.header_kinds(headers, dialect)
        plain = [h for h, kind in zip(headers, kinds, strict=True) if kind is HeaderKind.PLAIN]
        gone = set(map(id, plain)) - set(map(id, head_headers(plain, dialect)))
        return [header for header in headers if id(header) not in gone]

    def _banner(self) -> bytes:
        """Return the banner in ASCII: in whatever charset the page is, it reads the same."""
        site = self._exchange.gate.site
        if site is None or self._exchange.banner_shown:
            return b""  # A streaming page has asked for it by itself meanwhile.
        try:
            banner = site.banner(self._consent)
        except Exception:  # A template of the site's own. Nobody is asked, so nothing passes.
            logger.exception("the banner cannot be rendered; the page goes on without it")
            return b""
        return banner.encode("ascii", "xmlcharrefreplace")
