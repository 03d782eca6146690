"""What a request says of itself, beside its cookies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import quote

# RFC 9110 13.1: with these a client asks whether what it has is still good.
CONDITIONS = ("If-None-Match", "If-Modified-Since")

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
        # One that begins with two slashes would name another host (RFC 3986 4.2).
        mounted = quote(root, safe=_PATH_SAFE).strip("/")
        return cls(
            f"/{mounted}" if mounted else "",
            quote(path, safe=_PATH_SAFE),
            query,
            language,
            cookie_lines,
        )


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
