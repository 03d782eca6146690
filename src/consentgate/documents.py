"""Which responses make a page, or a worker: what loads things from other sites."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto

from consentgate.wire import BLANKS, Dialect, Text

# Fetch 2.2.5, "destination", as Sec-Fetch-Dest says it: what becomes a document, and what a
# worker. A worker from an address has the policy of its own response (HTML 10.2.4). A service
# worker is none of these: the browser keeps its first policy for as long as it has the script,
# whatever is answered since, and asks a page's own policy before a request gets to it.
_DOCUMENTS = frozenset({"document", "iframe", "frame", "object", "embed", "fencedframe"})
_WORKERS = frozenset({"worker", "sharedworker"})
# On plain http browsers leave it out; a service worker that passes a request on says "empty".
_UNSAID = (None, "empty")

_REDIRECTS = (301, 302, 303, 307, 308)
_HTML = (b"text/html", b"application/xhtml+xml")
# MIME Sniffing 4.6: an XML document, an SVG image among them, can have scripts and frames in it.
# Chromium shows `text/xsl` as one too.
_XML = re.compile(rb"(?:text|application)/xml|text/(?:xsl|rdf)|[^/]+/[^/]+\+xml")
# MIME Sniffing 5 and 7: what has no type, or one of these, is HTML if it looks like it.
_TYPE = re.compile(rb"[!#-'*+\-.0-9A-Z^-z|~]+/[!#-'*+\-.0-9A-Z^-z|~]+")
# MIME Sniffing 4.6, "JavaScript MIME type": what a worker can be made of.
_SCRIPT = re.compile(rb"(?:text|application)/(?:x-)?(?:java|ecma|live|j)script(?:1\.[0-5])?")
_UNKNOWN = (b"unknown/unknown", b"application/unknown", b"*/*")


class Use(Enum):
    """What a response is, as to the policies of pages."""

    PAGE = auto()
    """It loads things: a page, or a worker."""
    ELSEWHERE = auto()
    """It is none as it was asked for, and would be one if it were asked for otherwise."""
    NONE = auto()


def use_of(
    headers: Iterable[tuple[Text, Text]], destination: str | None, dialect: Dialect[Text]
) -> Use:
    """Tell whether a response becomes a page or a worker.

    `destination` is what the request says in Sec-Fetch-Dest (W3C Fetch
    Metadata), None if nothing. An HTML page is one whatever it was asked for
    as: caches do not tell that apart. Other types depend on it.
    """
    if destination in _WORKERS:
        return Use.PAGE
    # Fetch 3.4, "extract a MIME type": a comma separates types, and the last that is one counts.
    types = [
        part.partition(b";")[0].strip(BLANKS).lower()
        for name, value in headers
        if len(name) == 12 and dialect.encode(name).lower() == b"content-type"
        for part in dialect.encode(value).split(b",")
    ]
    if any(each in _HTML for each in types):
        return Use.PAGE
    if any(map(_SCRIPT.fullmatch, types)):
        return Use.PAGE if destination in _UNSAID else Use.ELSEWHERE
    if types and not any(map(_may_be_shown, types)):
        return Use.NONE
    shown = destination in _UNSAID or destination in _DOCUMENTS
    return Use.PAGE if shown else Use.ELSEWHERE


def leads_on(headers: Iterable[tuple[Text, Text]], status: int, dialect: Dialect[Text]) -> bool:
    """Tell whether a response is a redirect, whose content browsers do not show.

    Fetch 4.4, "redirect status", and a Location: without one they show it.
    """
    return status in _REDIRECTS and any(
        dialect.encode(name).lower() == b"location" for name, _ in headers
    )


def is_asked_for(destination: str | None, accept: str) -> bool:
    """Tell whether a request is for a page or a worker, or for something that may be one.

    A script that fetches "*/*" may fetch a page ahead; the browser keeps it for who opens it.
    """
    if destination in _UNSAID:
        return "text/html" in accept or accept.strip() == "*/*"
    return destination in _DOCUMENTS or destination in _WORKERS


def _may_be_shown(content_type: bytes) -> bool:
    known = _TYPE.fullmatch(content_type) is not None and content_type not in _UNKNOWN
    return not known or _XML.fullmatch(content_type) is not None
