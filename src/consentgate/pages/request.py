"""A request for one of the pages that ask, and the response to it, on plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from werkzeug.sansio.utils import get_content_length

from consentgate.request import Target

READING = ("GET", "HEAD")
"""The methods of requests for a page."""

MAX_BODY = 16 * 1024
"""How many bytes the body of a visitor's answer may have."""
MAX_REPORT = 128 * 1024
"""How many bytes a browser's report may have: it sends up to a hundred things at once."""


class PageRequest(NamedTuple):
    """A request for one of the pages that ask.

    `path` is below the place where the app is mounted, decoded. `headers` are
    by lower-case name, several fields of one name joined by a comma. `body` is
    None where it is longer than an answer can be.
    """

    method: str
    path: str
    target: Target
    headers: Mapping[str, str]
    https: bool = False
    host: str = ""
    body: bytes | None = b""


class PageResponse(NamedTuple):
    """What is answered: a status, header fields, and the body."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def declared_length(content_length: str | None) -> int | None:
    """Return what a Content-Length says, None if nothing. What is no number is 0."""
    return get_content_length(http_content_length=content_length)


def whole(body: bytes, declared: int | None, most: int = MAX_BODY) -> bytes | None:
    """Return a body that was read, None if it is no whole answer.

    That is one longer than `most`, or not as long as `declared`: what is
    missing may have been a refusal.
    """
    if len(body) > most or declared not in (None, len(body)):
        return None
    return body
