"""What the gate itself puts into a page of the app, in one exchange: the banner, and the guard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from consentgate import wire
from consentgate.pages.insertion import (
    FRAGMENT,
    Insertion,
    head_headers,
    is_page,
    is_page_request,
    variant_headers,
)
from consentgate.pages.nonce import nonce_of
from consentgate.pages.request import READING
from consentgate.request import CONDITIONS, RequestHeaders
from consentgate.wire import Dialect, HeaderKind, Text

if TYPE_CHECKING:
    from consentgate.consent import Consent
    from consentgate.exchange import Exchange
    from consentgate.gate import ConsentGate

logger = logging.getLogger("consentgate")

READ = (
    *("Accept", "Sec-Fetch-Dest", "X-Requested-With"),
    *CONDITIONS,
    *FRAGMENT,
)
"""The headers of a request that say whether it is for a page to put something into."""

# What a browser may show in answer to a form as well: who mistyped gets the page again.
_SHOWING = (*READING, "POST")
# RFC 9110 15: of the others below 400, some have no content, some a part, and some lead on.
_SHOWN = (200, 201, 202, 203)


def may_put_in(gate: ConsentGate, method: str) -> bool:
    """Tell whether a gate that injects may put something into the answers to a method."""
    return method in (_SHOWING if gate.inject_guard else READING)


class Asking:
    """Decides, for one exchange behind a gate that injects, and makes the insertion.

    `method` and `headers` are the request's.
    """

    def __init__(
        self, exchange: Exchange, consent: Consent, method: str, headers: RequestHeaders
    ) -> None:
        self._exchange = exchange
        self._consent = consent
        self._method = method
        self._nonce: str | None = None
        # What the request says of itself is read now, and not once the app has changed it.
        is_for_page = is_page_request(headers)
        says_so = headers.get("Sec-Fetch-Dest") not in (None, "empty")
        self._navigates = is_for_page and says_so
        self._whole_page = is_for_page and method in READING
        # An old browser says by what it takes that a page to be shown is asked for.
        is_document = says_so or "text/html" in (headers.get("Accept") or "")
        # A copy with an older guard in it would go on with an older choice.
        self.anew = (
            self._whole_page and is_document and (exchange.gate.inject_guard or self._is_open)
        )
        """Whether the app should answer as if the browser had no copy: it may lack what goes in."""

    @property
    def _is_open(self) -> bool:
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
        if not is_page(plain):
            return headers, None
        body = self._banner if self._takes_banner(status) else None
        head = self._guard if self._takes_guard(status) else None
        if body is None and head is None:
            return headers, None
        if self._method == "HEAD":
            return self.unknown(headers, dialect), None
        self._nonce = nonce_of(plain)
        return headers, Insertion(body, head=head, whole=self._navigates)

    def variant(
        self, headers: Sequence[tuple[Text, Text]], insertion: Insertion, dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return the headers of the response that has something put into it."""
        added = len(insertion.inserted)
        kept: list[tuple[Text, Text]] = []
        for header, kind in zip(headers, wire.header_kinds(headers, dialect), strict=True):
            # Under report_only, what is no header at all may be among them.
            unsafe = kind is HeaderKind.UNSAFE
            kept += [header] if unsafe else variant_headers([header], added, dialect)
        return kept

    def unknown(
        self, headers: Sequence[tuple[Text, Text]], dialect: Dialect[Text]
    ) -> list[tuple[Text, Text]]:
        """Return the headers of a response that may get something, for when they leave first."""
        kinds = wire.header_kinds(headers, dialect)
        plain = [h for h, kind in zip(headers, kinds, strict=True) if kind is HeaderKind.PLAIN]
        gone = set(map(id, plain)) - set(map(id, head_headers(plain, dialect)))
        return [header for header in headers if id(header) not in gone]

    def _takes_banner(self, status: int) -> bool:
        """Tell whether the banner goes in: into a page for who has not answered."""
        exchange = self._exchange
        asks = exchange.gate.injects and status == 200 and self._method in READING
        if not asks or not exchange.consent_needed or exchange.consulted().answered:
            return False
        exchange.is_personal()
        return self._whole_page and not exchange.banner_shown

    def _takes_guard(self, status: int) -> bool:
        """Tell whether the guard goes in: into every page, as scripts are in every page.

        Also into one that a script fetches, since caches keep these for who opens it.
        """
        exchange = self._exchange
        if not exchange.gate.inject_guard or (status not in _SHOWN and status < 400):
            return False
        # What it says depends on the choice, and headers leave before it is rendered.
        return exchange.scripts is not None and not exchange.guard_shown

    def _banner(self) -> bytes:
        if self._exchange.banner_shown:
            return b""  # A streaming page has asked for it by itself meanwhile.
        return self._rendered("banner", self._banner_html)

    def _guard(self) -> bytes:
        if self._exchange.guard_shown:
            return b""
        return self._rendered("guard", self._guard_html)

    def _banner_html(self) -> str:
        site = self._exchange.gate.site
        return "" if site is None else site.banner(self._consent, nonce=self._nonce)

    def _guard_html(self) -> str:
        guard = self._consent.guard_html(self._nonce)
        # What wakes up after consent is there without the banner, too.
        return guard + self._consent.script_html(self._nonce)

    def _rendered(self, what: str, html: Callable[[], str]) -> bytes:
        """Return a text in ASCII: in whatever charset the page is, it reads the same."""
        try:
            return html().encode("ascii", "xmlcharrefreplace")
        except Exception:  # A template of the site's own. Nobody is asked, so nothing passes.
            logger.exception("the %s cannot be rendered; the page goes on without it", what)
            return b""
