"""A cookie that was seen: who set it, where, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from consentgate import wire

BY = ("header", "script", "third party")
"""Who sets a cookie: a response of the site, a script of its pages, or another site."""

_EXAMPLES = 3
# RFC 6265bis 5.6.7
_SAME_SITE = {b"lax": "Lax", b"strict": "Strict", b"none": "None"}
LONGEST = timedelta(days=400)
"""What a browser keeps a cookie for at most, whatever is asked of it (RFC 6265bis 5.5)."""
# More digits than any lifetime has.
_DIGITS = 12


@dataclass(frozen=True)
class Sighting:
    """A cookie that was seen, under one name, domain and path.

    `by` is one of BY. `host` is who set it, "" if nobody said. `domain` is its
    Domain attribute, None for that host alone, `path` its Path, None for the
    default. `lifetime` is how long it was to be kept, None until the browser
    closes. `pages` are examples of the pages on which it was seen, `count` is
    how often.
    """

    name: str
    by: str
    host: str = ""
    domain: str | None = None
    path: str | None = None
    lifetime: timedelta | None = None
    http_only: bool = False
    secure: bool = False
    same_site: str | None = None
    pages: tuple[str, ...] = ()
    count: int = 1

    def as_json(self) -> dict[str, object]:
        """Return it as plain values, the lifetime in seconds."""
        lifetime = None if self.lifetime is None else self.lifetime.total_seconds()
        return {**vars(self), "lifetime": lifetime, "pages": list(self.pages)}


def from_header(
    set_cookie: bytes, *, host: str, page: str, now: float, by: str = "header"
) -> Sighting | None:
    """Return what a `Set-Cookie` value sets; None if no browser stores it, or it is a deletion.

    `host` is whose response it is in, `page` the page that was visited, `now`
    is in seconds since the epoch.
    """
    name = wire.stored_name(set_cookie)
    if not name or wire.deletion(set_cookie, now) is not None:
        return None
    said = {}
    for attribute in set_cookie.split(b";")[1:]:
        key, _, value = attribute.partition(b"=")
        value = value.strip(wire.BLANKS)
        if len(value) <= wire.MAX_ATTRIBUTE:
            said[key.strip(wire.BLANKS).lower()] = value  # RFC 6265bis 5.7: the last one counts
    lifetime = _lifetime(said.get(b"max-age", b""), said.get(b"expires", b""), now)
    if lifetime is not None and lifetime <= timedelta(0):
        return None
    path = said.get(b"path", b"")
    return Sighting(
        name.decode("utf-8", "backslashreplace"),
        by,
        host,
        domain=said.get(b"domain", b"").decode("latin-1").lower().lstrip(".") or None,
        path=path.decode("latin-1") if path.startswith(b"/") else None,
        lifetime=lifetime,
        http_only=b"httponly" in said,
        secure=b"secure" in said,
        same_site=_SAME_SITE.get(said.get(b"samesite", b"").lower()),
        pages=(page,),
    )


def _lifetime(max_age: bytes, expires: bytes, now: float) -> timedelta | None:
    """Return how long it is kept. RFC 6265bis 5.7: Max-Age wins."""
    if wire.NUMBER.fullmatch(max_age):
        return min(LONGEST, timedelta(seconds=int(max_age.lstrip(b"0")[:_DIGITS] or b"0")))
    date = wire.cookie_date(expires)
    # To the second: what is left over is the time on the way.
    return None if date is None else min(LONGEST, timedelta(seconds=round(date.timestamp() - now)))


def is_own(host: str, site: str) -> bool:
    """Tell whether a host belongs to a site: it is the site's, one below it, or above it.

    A `www.` in front says nothing. Other hosts of one owner count as third
    parties: who reads the result knows them, and nothing is missed.
    """
    host, site = host.lower().removeprefix("www."), site.lower().removeprefix("www.")
    return host == site or host.endswith(f".{site}") or ("." in host and site.endswith(f".{host}"))


def place(url: str) -> str:
    """Return where a page is, for people: its path. What is in a query may be a secret."""
    return urlsplit(url).path or "/"


def merged(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """Return each cookie once: counted, with its longest lifetime, and some pages as examples."""
    found: dict[object, Sighting] = {}
    for sighting in sightings:
        key = (sighting.name, sighting.by, sighting.domain or sighting.host, sighting.path)
        before = found.get(key)
        found[key] = sighting if before is None else _both(before, sighting)
    return tuple(sorted(found.values(), key=lambda each: (BY.index(each.by), each.name, each.host)))


def _both(one: Sighting, other: Sighting) -> Sighting:
    return replace(
        one,
        lifetime=longest(one.lifetime, other.lifetime),
        pages=tuple(dict.fromkeys((*one.pages, *other.pages)))[:_EXAMPLES],
        count=one.count + other.count,
    )


def longest(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    """Return the longer of two lifetimes; None is until the browser closes."""
    known = [lifetime for lifetime in (one, other) if lifetime is not None]
    return max(known, default=None)
