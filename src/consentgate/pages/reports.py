"""What browsers report of pages: things that were not loaded, cookies that were not written.

It comes in three forms. CSP3 5.3 sends one violation as `application/csp-report`, at once, from
the page. The Reporting API sends lists as `application/reports+json`, up to a minute later, from
the browser itself: with no Sec-Fetch-Site, but with the origin and the cookies of the page. The
guard sends `application/json`. All of it is a visitor's word: it is counted, and nothing rests
on it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from consentgate.browser_report import BrowserReport
from consentgate.hosts import named
from consentgate.observer import plain
from consentgate.pages.origin import is_same_origin, own_origin
from consentgate.pages.rate import Bucket
from consentgate.pages.request import PageRequest

if TYPE_CHECKING:
    from consentgate.consent import Consent

MAX_REPORTS = 20
"""How many different things of one body are told."""
RATE, BURST = 10, 100
"""How many bodies are read: a second in the long run, and at once."""

# CSP3 names hosts of sockets too.
_SCHEMES = ("http", "https", "ws", "wss")
_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
# CSP3 5.3: "enforce" or "report". What knows no `disposition` has no report-only violations in it.
_DISPOSITIONS = {"enforce": True, "report": False, None: True}


class _OddError(ValueError):
    """Raised for what no browser sends."""


class Reports:
    """Takes what browsers report. `proxies` is as in Pages.

    One body that is odd in any part tells nothing at all. `clock` gives seconds
    that never go back.
    """

    def __init__(self, proxies: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = proxies
        self._bucket = Bucket(RATE, BURST, clock)

    def take(self, request: PageRequest, consent: Consent) -> tuple[int, list[tuple[str, str]]]:
        """Tell by `consent` what a request reports; return a status and header fields.

        There is no body to them.
        """
        status, fields = self._taken(request, consent)
        if status != 204:
            # RFC 9110 8.6: a 204 has no Content-Length.
            fields += [("Content-Type", "text/plain"), ("Content-Length", "0")]
        return status, [*fields, ("Cache-Control", "no-store")]

    def _taken(self, request: PageRequest, consent: Consent) -> tuple[int, list[tuple[str, str]]]:
        if not self._is_own(request):
            return 403, []
        wait = self._bucket.take()
        if wait:
            # RFC 6585 4, RFC 9110 10.2.3: whole seconds.
            return 429, [("Retry-After", str(ceil(wait)))]
        if request.body is None:
            return 413, []
        content_type = request.headers.get("content-type", "").partition(";")[0].strip(" \t")
        read = _FORMATS.get(content_type.lower())
        if read is None:
            return 415, []
        try:
            # By itself `json` would take UTF-16 too. RFC 8259 8.1: "MUST be encoded using UTF-8".
            found = dict.fromkeys(read(json.loads(request.body.decode("utf-8"))))
        except (ValueError, RecursionError):
            return 400, []
        for report in islice(found, MAX_REPORTS):
            consent.reported(report)
        return 204, []

    def _is_own(self, request: PageRequest) -> bool:
        """Tell whether a request comes from this site, or does not say where it comes from.

        A report gives nothing to who sends it, and so, unlike with a choice,
        who says nothing is heard (Fetch 3.2: a referrer policy can hide the origin).
        By its scheme nobody is turned away: behind a proxy that ends TLS and
        does not say so, a page of https seems to be another site's.
        """
        headers = request.headers
        if "sec-fetch-site" not in headers and headers.get("origin", "null") == "null":
            return True
        return any(
            is_same_origin(own_origin(https, request.host, headers, self._proxies), headers)
            for https in (False, True)
        )


def _from_csp(body: object) -> Iterator[BrowserReport]:
    """Read CSP3 5.3, "report a violation", the body for `report-uri`."""
    said = _of(body, "csp-report", dict)
    enforced = _enforced(said)
    yield from _source(
        _of(said, "blocked-uri", str), _of(said, "document-uri", str), enforced=enforced
    )


def _from_api(body: object) -> Iterator[BrowserReport]:
    """Read Reporting API 3.4, a list of reports, of which CSP3 5 says what a violation has."""
    if not isinstance(body, list):
        raise _OddError
    for each in body:
        if _of(each, "type", str) == "csp-violation":
            said = _of(each, "body", dict)
            enforced = _enforced(said)
            blocked = said.get("blockedURL")  # null where there is nothing to say
            if blocked is not None:
                page = _of(said, "documentURL", str)
                yield from _source(_of(said, "blockedURL", str), page, enforced=enforced)


def _from_guard(body: object) -> Iterator[BrowserReport]:
    """Read what the guard sends: names of cookies, each with whether it was really refused."""
    page = _of(body, "page", str)
    if not page.startswith("/"):
        raise _OddError
    for each in _of(body, "refused", list):
        name, enforced = _of(each, "name", str), _of(each, "enforced", bool)
        yield BrowserReport("cookie", plain(name), _shown(page), enforced)


_FORMATS: Mapping[str, Callable[[object], Iterator[BrowserReport]]] = {
    "application/csp-report": _from_csp,
    "application/reports+json": _from_api,
    "application/json": _from_guard,
}


def _of(table: object, key: str, kind: type) -> Any:
    """Return what a JSON object has under a key. Raises _OddError for another type of it."""
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, kind):
        raise _OddError
    return value


def _enforced(said: Mapping[str, object]) -> bool:
    disposition = said.get("disposition")
    if not isinstance(disposition, str | None) or disposition not in _DISPOSITIONS:
        raise _OddError
    return _DISPOSITIONS[disposition]


def _source(blocked: str, page: str, *, enforced: bool) -> Iterator[BrowserReport]:
    host = _host_of(blocked)
    if host:
        yield BrowserReport("source", host, _path_of(page), enforced)


def _host_of(url: str) -> str:
    """Return the host of a URL, with its port if that is unusual; "" for what is no such URL.

    CSP3 5.2: what has no address is told as a word: "inline", "eval", "data", "self".
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    if parts.scheme not in _SCHEMES or not _HOST.fullmatch(host):
        return ""
    return named(parts.scheme, host, port)


def _path_of(url: str) -> str:
    """Return the path of a page; "" of one that has none, as CSP3 5.2 says "about" of a frame."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _OddError from error
    return _shown(parts.path) if parts.scheme in _SCHEMES else ""


def _shown(path: str) -> str:
    """Return a path as it is told of requests: decoded."""
    return plain(unquote(path))
