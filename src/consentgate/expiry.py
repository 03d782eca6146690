"""Deletions that a browser obeys, for cookies that it holds and may not hold.

A `Cookie` header tells a cookie's name and nothing else, but a deletion is
obeyed only where domain, host-only flag, path and partition are those of the
cookie (RFC 6265bis 5.7, "If the cookie store contains a cookie with the same
name, domain, host-only-flag, and path", and CHIPS for the partition). So each
cookie gets a deletion for every place where it may be, the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from typing import NamedTuple
from urllib.parse import quote

from consentgate.cookie import Cookie

# What one response may carry, and how long its head may become by it. A proxy that buffers a head
# in one page of memory, as nginx does by default, answers 502 to a longer one; a cache has some
# hundred bytes of its own in that page, and the server adds to the head what is not in sight here.
MOST = 50
_PAGE = 4096
_HEAD = 3300
_MOST_ROOM = 3000
# "Set-Cookie: ", and the end of the line.
_OVERHEAD = 14
# More cookies than a browser keeps for one site; longer lines, deeper paths and more domains than
# sites have. RFC 1035 2.3.4: a host name has 255 octets at most.
_MOST_COOKIES = 200
_LONGEST = 1000
_DEEPEST = 8
_MOST_PARENTS = 5
_LONGEST_HOST = 255
# Where not all fits, one in so many responses sends another part than the likeliest, which moves on
# by so much each time. A prime: it comes to every place in the end.
_TURNS = 4
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
    found = _HOST.fullmatch(host) if len(host) <= _LONGEST_HOST else None
    name = found[1].decode("ascii") if found else ""
    if "." not in name or _IPV4.fullmatch(name):
        return [None]
    labels = name.split(".")
    parents = [".".join(labels[start:]) for start in range(1, len(labels) - 1)]
    return [None, name, *parents[-_MOST_PARENTS:]]


def _paths(path: bytes) -> list[str | None]:
    """Return the paths that path-match this one (RFC 6265bis 5.1.4), the deepest folder first.

    That one is the default (5.1.4 again): the browser knows best how it is spelt.
    """
    # As browsers write it: what a URL may hold as it is stays.
    text = quote(path[:_LONGEST], safe="/:@!$&'()*+,=~")
    ends = [end for end, character in enumerate(text) if character == "/" and end]
    folders = [text[:end] for end in reversed(ends[-_DEEPEST:])]
    slashed = [f"{folder}/" for folder in folders]
    itself = [text] if text[:1] == "/" and len(path) <= _LONGEST else []
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


def room_beside(sizes: Iterable[int]) -> int:
    """Return how many bytes of deletions a head takes, beside headers of these sizes."""
    used = sum(sizes)
    # A head that is longer than a page comes through somewhere: there is room for more.
    return _MOST_ROOM if used >= _PAGE else max(0, min(_MOST_ROOM, _HEAD - used))


def deletions(
    stale: Iterable[Stale],
    place: Place,
    room: int = _MOST_ROOM,
    turn: int = 0,
    first: Sequence[bytes] = (),
) -> list[bytes]:
    """Return the `Set-Cookie` values that delete these cookies, after the `first` ones.

    At most MOST values in all, of `room` bytes together: the likeliest place
    of every cookie, then the next likely one. Where not all of it fits, `turn`
    says which part it is: most are the likeliest, and after some all were sent.
    """
    cookies = [*stale][:_MOST_COOKIES]
    spots = [_spots(cookie, place) for cookie in cookies]
    count = len(cookies) * max(map(len, spots), default=0)
    lines, complete = _fitting(chain(first, _lines(cookies, spots, place, range(count))), room)
    if complete or not count or turn % _TURNS:
        return lines
    start = (turn // _TURNS) * _STEP % count
    order = chain(range(start, count), range(start))
    return _fitting(chain(first, _lines(cookies, spots, place, order)), room)[0]


def doubles(name: bytes, domain: str | None, place: Place) -> list[bytes]:
    """Return what deletes a consent cookie of this name, but for the one of this domain."""
    kept = domain.lstrip(".").lower() if domain else None
    others = [other for other in place.domains if other != kept]
    return [_deletion(name, "/", other, place.secure, partitioned=False) for other in others]


Spot = tuple[bool, str | None, str | None]
"""Partitioned or not, a Path and a Domain: with the name they say which cookie it is."""


def _spots(cookie: Stale, place: Place) -> list[Spot]:
    """Return where a cookie may be, from the likeliest place to the least likely one."""
    name, rows, brought = cookie
    prefix = name.lower()
    domains: list[str | None] = [None]
    paths: list[str | None] = ["/"]
    declared: set[str | None] = set(paths)
    if not prefix.startswith(_HOST_PREFIXES):
        domains = [row.domain.lstrip(".").lower() for row in rows if row.domain]
        paths = [*(row.path for row in rows if row.path), "/"]
        declared = {*domains, *paths}
        domains = [*dict.fromkeys([*domains, *place.domains])]
        paths = [*dict.fromkeys([*paths, *(place.paths if brought else [])])]
    needs_secure = prefix.startswith(_SECURE_PREFIXES)
    partitions = [False, True] if needs_secure or place.trusted else [False]

    def surprise(spot: Spot) -> int:
        """Say how unlikely a place is: what is declared, then what most sites do."""
        partitioned, path, domain = spot
        by_path = 0 if path in declared else 2 if path is None else 6
        known = domain is None or domain in declared
        # Trackers take the widest domain that they get.
        by_domain = 0 if known else 1 if domain == place.domains[-1] else 2
        return by_path + by_domain + 3 * partitioned

    return sorted(product(partitions, paths, domains), key=surprise)


def _lines(
    cookies: Sequence[Stale], spots: Sequence[list[Spot]], place: Place, order: Iterable[int]
) -> Iterator[bytes]:
    """Yield the deletions in an order: first place by first place, then the second ones."""
    for index in order:
        column, number = divmod(index, len(cookies))
        if column < len(spots[number]):
            partitioned, path, domain = spots[number][column]
            name = cookies[number].name
            line = _deletion(name, path, domain, place.secure, partitioned=partitioned)
            if len(line) <= _LONGEST:
                yield line


def _fitting(lines: Iterable[bytes], room: int) -> tuple[list[bytes], bool]:
    """Return as many of the first lines as one response may carry, and whether they are all."""
    chosen: list[bytes] = []
    for line in lines:
        room -= len(line) + _OVERHEAD
        if room < 0 or len(chosen) == MOST:
            return chosen, False
        chosen.append(line)
    return chosen, True


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
