"""Set-Cookie lines as no sane app writes them: a list of known oddities, and strategies for more.

`SITE` in a line stands for the host's own parent domain, put in where it is served.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SITE = b"{site}"
LINES = int(os.environ.get("CONSENTGATE_DIFFERENTIAL_LINES", "500"))
"""How many lines a browser is tried with, beside the known ones."""

T = TypeVar("T")

# What the gate of these tests lets pass without consent; everything else may not be stored.
ALLOWED = ("session", "lang", "__Host-session", "__Secure-lang", "pref-*")

ODDITIES = [
    # Control characters (a bare CR, LF or NUL ends or spoils the line itself).
    *(b"session=a" + bytes([code]) + b"b" for code in [*range(0x20), 0x7F]),
    *(b"sess" + bytes([code]) + b"ion=a" for code in [*range(0x20), 0x7F]),
    *(b"session=a; Path=/" + bytes([code]) for code in (0x00, 0x01, 0x09, 0x0A, 0x0B, 0x0D, 0x7F)),
    b"evil=1\r\nSet-Cookie: evil2=2",
    b"session=1\rSet-Cookie: evil=2",
    b"session=1\nSet-Cookie: evil=2",
    # Quotes mean nothing, a comma separates nothing.
    b'session="a;b"',
    b'session="a; evil=b"',
    b'"session;b"=c',
    b'"session"=c',
    b'session="a',
    b'session=a"',
    b'evil="1; session=2"',
    b"session=b, evil=d",
    b"evil=b, session=d",
    b"session=b,evil=d; Path=/, lang=e",
    b"evil,session=1",
    b"session,evil=1",
    b"session;=1",
    b"session; evil=1",
    b"; session=1",
    # Blanks: SP and HTAB are trimmed, nothing else is.
    b" session = a b ",
    b"\tsession\t=\ta\t",
    b"session\t \t=1",
    b"sess ion=1",
    b"session\xa0=1",
    b"\xa0session=1",
    b"session\xc2\xa0=1",
    b"session\x85=1",
    b"session\xe2\x80\x83=1",
    b"session\xe2\x80\x8b=1",
    b"\xef\xbb\xbfsession=1",
    b"session=\xa0a\xa0",
    b"session=\xc2\xa0a\x85",
    # Case, other alphabets, escapes.
    b"Session=1",
    b"SESSION=1",
    b"sess\xc4\xb1on=1",
    b"\xd1\x95ession=1",
    b"se\xc5\xbfsion=1",
    b"s\xe9ssion=1",
    b"session\xff=1",
    b"session=\xff\xfe",
    b"session=\xc3\xa9\xe2\x82\xac",
    b"pref-\xff=1",
    b"pref-\xc3\xa9=1",
    b"pref-=1",
    b"pref=1",
    b"xpref-a=1",
    b"pref-a b=1",
    b"sess%69on=1",
    b"session%3D1",
    b"$Version=1; session=2",
    # Nameless ones.
    b"session",
    b"session; Path=/",
    b"=session",
    b"=b",
    b"==b",
    b"=session=b",
    b"= session=b",
    b"=",
    b"",
    b";",
    b"=;session=1",
    b"__Host-session",
    b"=__Host-session=1; Secure; Path=/",
    b"=__Secure-lang=1; Secure",
    # More than one.
    b"session=a=b",
    b"session==",
    b"session=",
    b"session=;",
    b"session=1; session=2; evil=3",
    # Prefixes, in any case.
    b"__Host-session=1",
    b"__Host-session=1; Secure; Path=/",
    b"__Host-session=1; Secure; Path=/app",
    b"__Host-session=1; Secure; Path=/; Domain={site}",
    b"__host-session=1; Secure; Path=/",
    b"__HOST-session=1",
    b"__Host-evil=1; Secure; Path=/",
    b"__Secure-lang=1",
    b"__Secure-lang=1; Secure; Domain={site}",
    b"__SECURE-lang=1; Secure",
    b"__Http-evil=1; Secure; HttpOnly",
    b"__Host-Http-evil=1; Secure; HttpOnly; Path=/",
    # Huge ones: 4096 bytes of name and value are the limit, 1024 of an attribute.
    b"session=" + b"x" * 4089,
    b"session=" + b"x" * 4090,
    b"session=" + b"x" * 20000,
    b"pref-" + b"x" * 4000 + b"=1",
    b"pref-" + b"x" * 5000 + b"=1",
    b"evil" + b"x" * 4000 + b"=1",
    b"session=1; Path=/" + b"x" * 1022,
    b"session=1; Path=/" + b"x" * 1030,
    b"session=1; Max-Age=" + b"0" * 1024,
    b"session=1; Max-Age=" + b"0" * 1025,
    b"session=1;" * 2000,
    b"session=1" + b";" * 5000,
    # Attributes.
    b"session=1; Domain={site}",
    b"session=1; Domain=.{site}",
    b"session=1; Domain=..{site}",
    b"session=1; Domain=www.{site}; Domain={site}",
    b"session=1; Domain={site}; Domain=",
    b"session=1; Domain=other.localhost",
    b"session=1; Domain=localhost",
    b"session=1; domain = {site} ; PATH = / ; secure = no; HTTPONLY",
    b"session=1; Path=/app; Path=/",
    b"session=1; Path=; Path",
    b"session=1; Path=app",
    b'session=1; Path="/"',
    b"session=1; SameSite=None",
    b"session=1; SameSite=None; Secure",
    b"session=1; SameSite=Strict; SameSite=Lax; SameSite=odd",
    b"session=1; Partitioned; Secure; SameSite=None; Path=/",
    b"session=1; Partitioned",
    b"session=1; Priority=High",
    b"session=1; Max-Age=5000; Max-Age=0",
    b"session=1; Max-Age=0; Max-Age=5000",
    b"session=1; Max-Age=0; Expires=Wed, 01 Jan 2070 00:00:00 GMT",
    b"session=1; Max-Age=5000; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    b'session=1; Max-Age="0"',
    b"session=1; Max-Age=0.5",
    b"session=1; Max-Age=+100000",
    b"session=1; Max-Age=",
    b"session=1; Max-Age=99999999999999999999",
    b"session=1; Max-Age=-99999999999999999999",
    b"session=1; Secure\xa0",
    b"session=1; \xa0Secure",
    # Not the app's to set, declared but not granted, and plainly undeclared.
    b"cookies_preferences=granted; Path=/",
    b"cookies_preferences\t=1",
    b"_ga=1",
    b"_ga_ABC=1; Path=/; Max-Age=63072000",
    b"evil=1; Max-Age=0",
    b"evil=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
]

_FAR = ("1601", "1969", "1970", "1999", "2025", "2045", "2069", "2399", "9999")
_NEAR = ("70", "99", "69", "00", "45", "7", "100", "1600", "12345", "0", "2025x")


@st.composite
def dates(draw: st.DrawFn) -> str:
    """Return an Expires date, sane or not, that is never near today."""
    shape = draw(
        st.sampled_from(
            (
                "Thu, {day} {month} {year} {time} GMT",
                "Thursday, {day}-{month}-{year} {time} GMT",
                "Thu {month} {day} {time} {year}",
                "{year} {month} {day} {time}",
                "{time} {year} {day} {month}",
                "{day} {month} {year} {time} +0100",
                "{day}-{month}-{year}T{time}Z",
                '"Thu, {day} {month} {year} {time} GMT"',
                "Thu,{day}/{month}/{year}/{time}",
                "{day} {month} {year}",
                "{month} {year} {time}",
                "{day} {day} {month} {year} {year} {time} {time}",
                "{year}-01-{day}T{time}Z",
                "{time}",
                "",
            )
        )
    )
    return shape.format(
        day=draw(st.sampled_from(("01", "1", "15", "31", "32", "0", "001", "1st"))),
        month=draw(st.sampled_from(("Jan", "jan", "DEC", "February", "Foo", "Ja", "06"))),
        year=draw(st.sampled_from(_FAR) | st.sampled_from(_NEAR)),
        time=draw(
            st.sampled_from(
                ("00:00:00", "1:2:3", "23:59:59", "24:00:00", "12:00", "00:00:00.5", "00:00:000")
            )
        ),
    )


def _mixed(*texts: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from(texts)


_NAMES = (
    _mixed(b"session", b"lang", b"pref-a", b"pref-", b"__Host-session", b"__Secure-lang")
    | _mixed(b"session", b"lang", b"pref-b")
    | _mixed(b"session", b"lang", b"pref-x.y", b"evil", b"_ga", b"_ga_X", b"cookies_preferences")
    | _mixed(
        *(b"Session", b"LANG", b"pref", b"Pref-a", b"__host-session", b"__SECURE-lang"),
        *(b"__Host-evil", b"__Http-x", b"session ", b"\tlang", b"session\xa0", b"\x85lang"),
        *(b"session\x0b", b"\x0clang", b'"session"', b"session,lang", b"sess ion", b"pref-\xe9"),
        *(b"pref-\xc3\xa9", b"$lang", b"", b" ", b"=", b"session;", b"lang\x00", b"sess%69on"),
    )
    | st.builds(
        lambda before, name, after: before + name + after,
        st.binary(max_size=2),
        _mixed(b"session", b"lang", b"pref-"),
        st.binary(max_size=2),
    )
    | st.binary(max_size=6)
)
_VALUES = (
    _mixed(b"1", b"abc.def-123", b"", b'"quoted"')
    | _mixed(
        b"1", b"abc.def-123", b"", b'"quoted"', b'"a;b"', b'"a', b"a, evil=1", b"a=b", b" a b "
    )
    | _mixed(b"\xa0a\xa0", b"a\x85", b"\xff\xfe", b"a\tb", b"a\x01b", b"\xe2\x82\xac", b"x" * 4090)
    | st.binary(max_size=8)
)
_EQUALS = st.sampled_from((*[b"="] * 12, b" = ", b"\t=", b"==", b"", b";", b"\xa0=", b"\x0b="))
_SEMICOLONS = st.sampled_from((b"; ", b"; ", b"; ", b";", b" ;\t", b";;", b"; ;", b",", b";\xa0"))
_AGES = st.sampled_from(
    (
        *(b"Max-Age=0", b"Max-Age=-1", b"max-age = 0", b"MAX-AGE=-999999999999", b"Max-Age=86400"),
        *(b"Max-Age=00", b"Max-Age=-0", b"Max-Age=+0", b'Max-Age="0"', b"Max-Age=0.0", b"Max-Age="),
        *(b"Max-Age=34560000", b"Max-Age=\xa00", b"Max-Age=1e9", b"Max-Age", b"Max-Age=0x0"),
    )
)
_PAST = st.sampled_from(
    (
        *(b"Max-Age=0", b"max-age = -1", b"Expires=Thu, 01 Jan 1970 00:00:00 GMT", b"Expires=0"),
        *(b"expires=Thursday, 01-Jan-70 00:00:01 GMT", b"Expires=Sun Nov  6 08:49:37 1994"),
    )
)
_ENDS = _PAST | _AGES | dates().map(lambda date: b"Expires=" + date.encode())
# Where the cookie is: what a deletion must repeat to hit.
_PLACES = st.sampled_from(
    (
        *(b"Path=/", b"Path=/app", b"path = /", b"Path=", b"Path", b"Path=app", b"PATH=/app/deep"),
        *(b"Domain={site}", b"Domain=.{site}", b"domain=www.{site}", b"Domain=", b"Domain={site}."),
        *(b"Domain=localhost", b"Domain=other.localhost", b"Domain=WWW.{site}"),
        *(b"Secure", b"secure=no", b"HttpOnly", b"Secure", b"Partitioned", b"SameSite=None"),
        *(b"SameSite=Strict", b"SameSite=lax", b"samesite=odd", b"Priority=High", b"Unknown=1"),
        *(b"", b"=", b"=x", b"Secure\xa0", b"Path=/" + b"x" * 1100),
    )
)
_USUAL = st.sampled_from(
    (b"Path=/", b"Path=/app", b"Secure", b"HttpOnly", b"SameSite=Lax", b"Domain={site}", b"secure")
)
_ATTRIBUTES = st.lists(_USUAL, max_size=3) | st.lists(_PLACES, max_size=4)


class Deletion(NamedTuple):
    """A line that looks like a deletion, and one that first sets what it may delete."""

    name: str
    setting: bytes
    line: bytes


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Return a Set-Cookie value."""
    pair = draw(_NAMES) + draw(_EQUALS) + draw(_VALUES)
    kept = st.sampled_from(([], [b"Max-Age=86400"], [b"Expires=Fri, 01 Jan 2077 00:00:00 GMT"]))
    odd = st.binary(max_size=5).map(lambda text: [text])
    ends = kept | kept | kept | st.lists(_ENDS, max_size=2) | odd
    parts = [pair, *draw(st.permutations([*draw(_ATTRIBUTES), *draw(ends)]))]
    return draw(_SEMICOLONS).join(parts)


@st.composite
def deletions(draw: st.DrawFn) -> Deletion:
    """Return a line with dates in the past, the future or neither, of a cookie set before."""
    name = draw(
        _mixed(b"evil", b"_ga", b"_ga_X", b"__Host-evil", b"__Secure-evil", b"Session", b"evil\xa0")
        | _mixed(b"evil", b"_ga", b"session", b"pref-a", b"cookies_preferences")
    )
    places = draw(st.sampled_from(([], [b"Path=/"], [b"Secure", b"Path=/"])))
    places = [*places, *draw(st.lists(_PLACES, max_size=2))]
    ends = draw(_PAST.map(lambda end: [end]) | st.lists(_ENDS, min_size=1, max_size=2))
    value = draw(_mixed(b"", b"deleted", b'""', b"a=b", b" ", b"\xff", b"secret"))
    return Deletion(
        name.decode("latin-1"),
        b"; ".join([name + b"=kept", *places]),
        draw(st.sampled_from((b"; ", b";"))).join([name + b"=" + value, *places, *ends]),
    )


# Dates that RFC 6265bis reads and Chromium does not, and other ends that may be none.
DOUBTFUL_DELETIONS = [
    Deletion("evil", b"evil=kept", b"evil=x; " + end)
    for end in (
        b"Expires=Thu, 1st Jan 1970 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970x 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970 00:00:00Z",
        b"Expires=Thu, 01 Jan 1970\xa000:00:00 GMT",
        b"Expires=Thu, 01 Jan 69 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1600 00:00:00 GMT",
        b"Max-Age=+0",
        b'Max-Age="0"',
        b"Max-Age=0x",
        b"Max-Age=0; Max-Age=x",
        b"Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"Max-Age=0; Max-Age=" + b"1" * 1025,
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT " + b"x" * 1000,
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never",
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Fri, 01 Jan 2077 00:00:00 GMT",
    )
]


def generated(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Return as many distinct examples, the same in every run of the suite."""
    found: dict[T, None] = {}

    @settings(
        max_examples=count + count // 2,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found[example] = None

    collect()
    assert len(found) >= count
    return list(found)[:count]


@cache
def generated_deletions() -> Sequence[Deletion]:
    """Return the deletions: fewer, since each is sent after what it deletes."""
    return [*DOUBTFUL_DELETIONS, *generated(deletions(), LINES // 2)]
