"""Deletions that a browser obeys, for cookies that it holds and may not hold.

A `Cookie` header tells a cookie's name and nothing else, but a deletion is
obeyed only where domain, host-only flag, path and partition are those of the
cookie (RFC 6265bis 5.7, "If the cookie store contains a cookie with the same
name, domain, host-only-flag, and path", and CHIPS for the partition). So each
cookie gets a deletion for every place where it may be, the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, product, zip_longest
from typing import NamedTuple
from urllib.parse import quote

from consentgate.cookie import Cookie

# What one response may carry. A proxy that buffers a response's head in one page of
# memory, as nginx does by default, answers 502 to a head that is longer.
MOST = 50
MOST_BYTES = 3000
# More cookies than a browser keeps for one site, deeper paths and longer lines than sites have.
_MOST_COOKIES = 200
_DEEPEST = 8
_LONGEST = 1000
# By how much the guesses move on from one turn to the next.
_STRIDE = 7

_HOST = re.compile(rb"((?:[a-z0-9_-]+\.)*[a-z0-9_-]+)\.?(?::[0-9]*)?")
_IPV4 = re.compile(r"[0-9.]+")


class Place(NamedTuple):
    """Where a request was sent to, and so where the cookies that it brought can be.

    `domains` are those that a cookie can have here, None is the host alone;
    `paths` those of the cookies that a browser sends here. `secure` says
    whether it came over TLS, `trusted` whether it takes Secure cookies.
    """

    domains: Sequence[str | None]
    paths: Sequence[str]
    secure: bool
    trusted: bool

    @classmethod
    def of(cls, host: bytes, path: bytes, *, secure: bool) -> Place:
        """Return the place of a request, by its Host header and its decoded path."""
        host = host.lower()
        return cls(_domains(host), _paths(path), secure, secure or _is_local(host))


def _domains(host: bytes) -> list[str | None]:
    """Return the domains that a cookie of this host can have.

    An address and a single name have none (RFC 6265bis 5.1.3). A browser
    ignores a parent that is a public suffix.
    """
    found = _HOST.fullmatch(host)
    name = found[1].decode("ascii") if found else ""
    if "." not in name or _IPV4.fullmatch(name):
        return [None]
    labels = name.split(".")
    return [None, *(".".join(labels[start:]) for start in range(len(labels) - 1))]


def _paths(path: bytes) -> list[str]:
    """Return the paths that path-match this one (RFC 6265bis 5.1.4), the deepest folder first."""
    # As browsers write it: what a URL may hold as it is stays.
    text = quote(path, safe="/:@!$&'()*+,=~")
    ends = [end for end, character in enumerate(text) if character == "/" and end]
    folders = [text[:end] for end in reversed(ends[:_DEEPEST])]
    return [*folders, *(f"{folder}/" for folder in folders), *([text] if text[:1] == "/" else [])]


def _is_local(host: bytes) -> bool:
    """Tell whether browsers trust this host with Secure cookies over plain http."""
    name = b"." + host.partition(b":")[0]
    return name.endswith(b".localhost") or name.startswith(b".127.") or host[:5] == b"[::1]"


class Stale(NamedTuple):
    """A cookie that has to go: what is declared of its name, and whether this request brought it.

    One that it did not bring can only be where it is declared.
    """

    name: bytes
    rows: Sequence[Cookie] = ()
    brought: bool = True


def deletions(stale: Iterable[Stale], place: Place, turn: int = 0) -> list[bytes]:
    """Return the `Set-Cookie` values that delete these cookies.

    At most MOST values, of MOST_BYTES together: where a cookie is declared or
    usual comes before where it may be by the request's path. Where not all of
    it fits, `turn` says where to begin, and every other turn is for the
    guesses: after some turns everything was sent.
    """
    tries = [_tries(cookie, place) for cookie in [*stale][:_MOST_COOKIES]]
    lines = _ordered(tries, 0)
    fitting = _fitting(lines)
    return fitting if len(fitting) == len(lines) else _fitting(_ordered(tries, turn))


def _fitting(lines: list[bytes]) -> list[bytes]:
    """Return as many of the first lines as one response may carry."""
    sizes = accumulate(map(len, lines))
    return [line for line, size in zip(lines[:MOST], sizes, strict=False) if size <= MOST_BYTES]


def _ordered(tries: Sequence[tuple[list[bytes], list[bytes]]], turn: int) -> list[bytes]:
    """Put the deletions of all cookies one after the other."""
    first = turn % (len(tries) or 1)
    tries = [*tries[first:], *tries[:first]]
    likely = [line for lines, _ in tries for line in lines]
    # One more folder for each cookie, then the next one.
    columns = zip_longest(*(lines for _, lines in tries))
    guesses = [line for column in columns for line in column if line]
    shift = turn * _STRIDE % (len(guesses) or 1)
    guesses = [*guesses[shift:], *guesses[:shift]]
    return guesses + likely if turn % 2 else likely + guesses


def doubles(name: bytes, domain: str | None, place: Place) -> list[bytes]:
    """Return what deletes a consent cookie of this name, but for the one of this domain."""
    kept = domain.lstrip(".").lower() if domain else None
    others = [other for other in place.domains if other != kept]
    return [_deletion(name, "/", other, place.secure, partitioned=False) for other in others]


def _tries(cookie: Stale, place: Place) -> tuple[list[bytes], list[bytes]]:
    """Return the deletions of a cookie: where it is declared or usual, and where it may be."""
    name, rows, brought = cookie
    prefix = name.lower()
    domains: list[str | None] = [None]
    known, others = ["/"], []
    if not prefix.startswith(_HOST_PREFIXES):
        declared = [row.domain.lstrip(".").lower() for row in rows if row.domain]
        domains = [*dict.fromkeys([*declared, *place.domains])]
        known = [*dict.fromkeys([*(row.path for row in rows if row.path), "/"])]
        others = [path for path in place.paths if path not in known] if brought else []
    needs_secure = prefix.startswith(_SECURE_PREFIXES)
    partitions = [False, True] if needs_secure or place.trusted else [False]

    def at(paths: Iterable[str]) -> list[bytes]:
        lines = (
            _deletion(name, path, domain, place.secure, partitioned=partitioned)
            for partitioned, path, domain in product(partitions, paths, domains)
        )
        return [line for line in dict.fromkeys(lines) if len(line) <= _LONGEST]

    return at(known), at(others)


def _deletion(
    name: bytes, path: str, domain: str | None, secure: bool, *, partitioned: bool
) -> bytes:
    prefix = name.lower()
    line = name + b"=; Max-Age=0; Path=" + path.encode("ascii")
    if domain:
        line += b"; Domain=" + domain.encode("ascii")
    if secure or partitioned or prefix.startswith(_SECURE_PREFIXES):
        line += b"; Secure"
    if prefix.startswith(_HTTP_PREFIXES):
        line += b"; HttpOnly"
    return line + b"; Partitioned" if partitioned else line


# RFC 6265bis 4.1.3, compared without case: what each needs to be taken, in a deletion too.
_HOST_PREFIXES = (b"__host-",)
_HTTP_PREFIXES = (b"__http-", b"__host-http-")
_SECURE_PREFIXES = (b"__secure-", *_HOST_PREFIXES, *_HTTP_PREFIXES)
