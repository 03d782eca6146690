"""What a request says of itself, beside its cookies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import quote

MAX_BODY = 16 * 1024
"""How many bytes the body of a visitor's answer may have."""

# What stands for itself in a path (RFC 3986 3.3).
_PATH_SAFE = "/!$&'()*+,;=:@-._~"


class RequestHeaders(Protocol):
    """The headers of a request, by name without case."""

    def get(self, key: str, /) -> str | None:
        """Return a header's value, None if it is not there."""

    def __getitem__(self, key: str, /) -> str: ...

    def __contains__(self, key: str, /) -> bool: ...


class Request(NamedTuple):
    """What a `needs_consent` predicate decides on."""

    method: str
    path: str
    headers: RequestHeaders


class Target(NamedTuple):
    """Where a request went, and in which language it would like its answer.

    `root` is where the app is mounted ("" at the host's root), `path` is below
    it, both percent-encoded; `query` is without its "?". `accept_language` is
    the header of that name.
    """

    root: str = ""
    path: str = "/"
    query: str = ""
    accept_language: str = ""
    cookie_lines: Sequence[bytes] = ()

    @classmethod
    def of(
        cls, root: bytes, path: bytes, query: str, language: str, cookie_lines: Sequence[bytes]
    ) -> Target:
        """Return the target of a request, `root` and `path` being decoded bytes."""
        return cls(
            quote(root, safe=_PATH_SAFE).rstrip("/"),
            quote(path, safe=_PATH_SAFE),
            query,
            language,
            cookie_lines,
        )


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


def opts_out(signals: Iterable[bytes]) -> bool:
    """Tell whether the values of `Sec-GPC` header fields say that the visitor opts out.

    Global Privacy Control, the Sec-GPC header field: its value is "1" and
    nothing else; one such field among several is enough.
    """
    return b"1" in signals


def is_embedded(method: str, headers: RequestHeaders) -> bool:
    """Tell whether browsers add no SameSite=Lax cookie to a request, the consent cookie neither.

    RFC 6265bis 5.6.7.1: of cross-site requests, only a top-level navigation by
    a safe method brings Lax cookies along.
    """
    # Browsers say this of requests in a frame on another site, also to the frame's own site.
    if headers.get("Sec-Fetch-Storage-Access") is not None:
        return True
    site = headers.get("Sec-Fetch-Site")
    if site is None:
        # On plain http and in handshakes of websockets browsers say no more than the Origin.
        origin = headers.get("Origin")
        return origin is not None and origin.partition("://")[2] != headers.get("Host")
    on_top = headers.get("Sec-Fetch-Dest") == "document" and method in ("GET", "HEAD")
    return site == "cross-site" and not on_top
