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
# By how much the part that is sent moves on. A prime: it comes to every place in the end.
_STEP = 37

_HOST = re.compile(rb"((?:[a-z0-9_-]+\.)*[a-z0-9_-]+)\.?(?::[0-9]*)?")
_IPV4 = re.compile(r"[0-9.]+")


class Place(NamedTuple):
    """Where a request was sent to, and so where the cookies that it brought can be.

    `domains` are those that a cookie can have here, None is the host alone;
    `paths` those of the cookies that a browser sends here, None is the folder
    that it takes where no Path is said. `secure` says
    whether it came over TLS, `trusted` whether it takes Secure cookies.
    """

    domains: Sequence[str | None]
    paths: Sequence[str | None]
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


def _paths(path: bytes) -> list[str | None]:
    """Return the paths that path-match this one (RFC 6265bis 5.1.4), the deepest folder first.

    That one is the default (5.1.4 again): the browser knows best how it is spelt.
    """
    # As browsers write it: what a URL may hold as it is stays.
    text = quote(path, safe="/:@!$&'()*+,=~")
    ends = [end for end, character in enumerate(text) if character == "/" and end]
    folders = [text[:end] for end in reversed(ends[-_DEEPEST:])]
    slashed = [f"{folder}/" for folder in folders]
    itself = [text] if text[:1] == "/" else []
    return [None, *folders[1:], *slashed, *itself] if folders else [*itself]


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

    At most MOST values, of MOST_BYTES together: the likeliest place of every
    cookie, then the next likely one. Where not all of it fits, `turn` says
    which part it is: the first is the likeliest, after some all were sent.
    """
    tries = [_tries(cookie, place) for cookie in [*stale][:_MOST_COOKIES]]
    lines = [line for column in zip_longest(*tries) for line in column if line]
    fitting = _fitting(lines)
    if len(fitting) == len(lines):
        return lines
    start = turn * _STEP % len(lines)
    return _fitting(lines[start:] + lines[:start])


def _fitting(lines: list[bytes]) -> list[bytes]:
    """Return as many of the first lines as one response may carry."""
    sizes = accumulate(map(len, lines))
    return [line for line, size in zip(lines[:MOST], sizes, strict=False) if size <= MOST_BYTES]


def doubles(name: bytes, domain: str | None, place: Place) -> list[bytes]:
    """Return what deletes a consent cookie of this name, but for the one of this domain."""
    kept = domain.lstrip(".").lower() if domain else None
    others = [other for other in place.domains if other != kept]
    return [_deletion(name, "/", other, place.secure, partitioned=False) for other in others]


def _tries(cookie: Stale, place: Place) -> list[bytes]:
    """Return the deletions of a cookie, from the likeliest place to the least likely one."""
    name, rows, brought = cookie
    prefix = name.lower()
    domains: list[str | None] = [None]
    known: list[str | None] = ["/"]
    others: list[str | None] = []
    if not prefix.startswith(_HOST_PREFIXES):
        declared = [row.domain.lstrip(".").lower() for row in rows if row.domain]
        domains = [*dict.fromkeys([*declared, *place.domains])]
        known = [*dict.fromkeys([*(row.path for row in rows if row.path), "/"])]
        others = [path for path in place.paths if path not in known] if brought else []
    needs_secure = prefix.startswith(_SECURE_PREFIXES)
    partitions = [False, True] if needs_secure or place.trusted else [False]
    lines = (
        _deletion(name, path, domain, place.secure, partitioned=partitioned)
        for paths in (known, others)
        for partitioned, path, domain in product(partitions, paths, domains)
    )
    return [line for line in dict.fromkeys(lines) if len(line) <= _LONGEST]


def _deletion(
    name: bytes, path: str | None, domain: str | None, secure: bool, *, partitioned: bool
) -> bytes:
    prefix = name.lower()
    line = name + b"=; Max-Age=0"
    if path is not None:
        line += b"; Path=" + path.encode("ascii")
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
