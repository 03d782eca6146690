"""RFC 6265bis on bytes: what a browser would store from a `Set-Cookie`.

Browsers, and no Python parser, decide what is stored: `http.cookies`,
`str.strip()` and percent-decoders all read another name than a browser does
for some line that an app can send. Every rule stands once, here, with the
section of RFC 6265bis (draft-ietf-httpbis-rfc6265bis) that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from consentgate.memory import Memory

Text = TypeVar("Text", bytes, str)
Header = tuple[bytes, bytes]
"""Name and value of a header field."""

# 5.6, 5.7: "remove leading or trailing WSP" — SP and HTAB, nothing else.
BLANKS = b" \t"

# 5.6 step 1: "a %x00-08 / %x0A-1F / %x7F character (CTL characters excluding
# HTAB): Abort these steps and ignore the set-cookie-string entirely."
_CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])
# A table that changes nothing but these: one pass, faster than any search for them.
_CONTROLS_MARKED = bytes.maketrans(_CONTROLS, b"?" * len(_CONTROLS))

# 5.6: an attribute-value of more than 1024 octets is ignored.
MAX_ATTRIBUTE = 1024

# No response is older than this year: an Expires before it is past by any Date.
_OLDEST_RESPONSE = 2000

# How wrong a visitor's clock may be before an Expires "in the past" is in doubt.
CLOCK_MARGIN = timedelta(days=1)


def stored_name(set_cookie: bytes) -> bytes:
    """Return the name under which every browser stores this `Set-Cookie` value.

    `b""` where there is no such name: a browser ignores the line, stores a
    nameless cookie, or browsers disagree on the name. RFC 6265bis 5.6.
    """
    if set_cookie.translate(_CONTROLS_MARKED) != set_cookie:
        return b""
    # "The name-value-pair string consists of the characters up to, but not
    # including, the first %x3B": quotes mean nothing. "If the name-value-pair
    # string lacks a %x3D character, then the name string is empty": so for
    # Chromium; Firefox takes the text as the name.
    name, equals, _ = set_cookie.partition(b"=")
    return b"" if _SEMICOLON in name or not equals else name.strip(BLANKS)


def written_name(set_cookie: bytes) -> bytes:
    """Return what stands for a name in a `Set-Cookie` value that no browser stores by one.

    `b""` where there is no `=` in the pair: what is there may be a value, and a secret.
    """
    name, equals, _ = set_cookie.partition(b";")[0].partition(b"=")
    return name if equals else b""


def deletion(set_cookie: bytes, now: float) -> bytes | None:
    """Return the bare deletion that a `Set-Cookie` value is, None if it may be none.

    Bare is without the cookie's value. `now` is in seconds since the epoch.
    In doubt it is no deletion: every browser must take it for one. RFC 6265bis
    5.6.1, 5.6.2 and 5.7: the last attribute of a name counts, Max-Age wins.
    """
    max_ages: list[bytes] = []
    expires: list[bytes] = []
    for attribute in set_cookie.split(b";")[1:]:
        name, _, value = attribute.partition(b"=")
        name, value = name.strip(BLANKS).lower(), value.strip(BLANKS)
        if name not in (b"max-age", b"expires") or len(value) > MAX_ATTRIBUTE:
            continue
        if len(name) + len(value) > MAX_ATTRIBUTE:
            return None  # Chromium counts the attribute's name into the limit.
        (max_ages if name == b"max-age" else expires).append(value)

    numbers = [bool(NUMBER.fullmatch(value)) for value in max_ages]
    if any(numbers):
        # Where the last is no number, one browser goes back to the one before
        # it and another to Expires.
        deletes = numbers[-1] and _is_zero_or_less(max_ages[-1])
        return emptied(set_cookie) if deletes else None
    date = cookie_date(expires[-1]) if expires else None
    if date is None or date.timestamp() >= now - CLOCK_MARGIN.total_seconds():
        return None
    # Chromium adds to Expires what the response's Date is behind its own clock:
    # in a response that was kept for a month, last week is three weeks ahead.
    return emptied(set_cookie) + (b"; Max-Age=0" if date.year >= _OLDEST_RESPONSE else b"")


# 5.6.2: first "a DIGIT or a '-' character", the remainder digits only.
NUMBER = re.compile(rb"-?[0-9]+")


def _is_zero_or_less(number: bytes) -> bool:
    return number.startswith(b"-") or not number.strip(b"0")


def emptied(set_cookie: bytes) -> bytes:
    """Return a `Set-Cookie` value without the cookie's value, its attributes untouched."""
    pair, semicolon, attributes = set_cookie.partition(b";")
    name, equals, value = pair.partition(b"=")
    if value.strip(b' \t"') == b"":
        return set_cookie
    return name + equals + semicolon + attributes


_DELIMITERS = re.compile(rb"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(rb"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})")
# What of a token some browser reads as a time or a number: the RFC's grammar lets "non-digit
# *OCTET" follow, Chromium more digits too.
_NUMBERS = re.compile(rb"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}|[0-9]*")
_DAY = re.compile(rb"[0-9]{1,2}")
_YEAR = re.compile(rb"[0-9]{2,4}")
_MONTHS = {
    month: number
    for number, month in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}


def cookie_date(text: bytes, *, agreed: bool = True) -> datetime | None:
    """Read a date as RFC 6265bis 5.1.1 does: tokens in any order, the first of a kind counts.

    Returns an aware UTC datetime, or None where the algorithm fails. RFC
    6265bis lets a number be followed by anything, as in `1st` or `00:00:00Z`;
    Chromium does not: such a date is None too. With `agreed` False it is the
    latest that any browser may read there.
    """
    time = day = month = year = None
    for token in _DELIMITERS.split(text):
        number = token if agreed else _NUMBERS.findall(token)[0]
        if time is None and (found := _TIME.fullmatch(number)):
            time = (int(found[1]), int(found[2]), int(found[3]))
        elif day is None and _DAY.fullmatch(number):
            day = int(number)
        elif month is None and (found_month := _MONTHS.get(token[:3].lower())):
            month = found_month
        elif year is None and _YEAR.fullmatch(number):
            year = _full_year(int(number))
        elif year is None and not agreed and len(number) > 4:
            year = 9999
        elif agreed and token[:1].isdigit() and not token.isdigit():
            return None
    if time is None or day is None or month is None or year is None or year < 1601:
        return None
    try:
        return datetime(year, month, day, *time, 0, UTC)
    except ValueError:  # 5.1.1 step 5 and 6: a value out of range, "no such date exists".
        return None


def _full_year(year: int) -> int:
    """5.1.1 steps 3 and 4: 70 to 99 are of the 20th century, 0 to 69 of the 21st."""
    if 70 <= year <= 99:
        return year + 1900
    return year + 2000 if year <= 69 else year


class HeaderKind(Enum):
    """What a response header can do, by its name alone."""

    PLAIN = auto()
    SET_COOKIE = auto()
    UNSAFE = auto()


# RFC 9110 5.6.2: token = 1*tchar
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def header_kind(name: bytes) -> HeaderKind:
    """Classify the name of a response header.

    A name that is not a token is unsafe whatever it says: servers trim
    `b"set-cookie "` and some send `b"Set-Cookie: a=b;x"` as it is. RFC 9110 5.1.
    """
    if not _TOKEN.fullmatch(name):
        return HeaderKind.UNSAFE
    return HeaderKind.SET_COOKIE if name.lower() == b"set-cookie" else HeaderKind.PLAIN


# As numbers: Python looks for a byte in bytes ten times faster than for bytes in bytes.
_CR, _LF, _NUL, _SEMICOLON = b"\r\n\0;"


@dataclass(frozen=True, slots=True)
class Dialect(Generic[Text]):
    """How a protocol writes headers: in bytes, or in native strings that are latin-1."""

    kinds: Memory[Text, HeaderKind]
    line_ends: tuple[Any, Any, Any]
    encode: Callable[[Text], bytes]
    decode: Callable[[bytes], Text]
    set_cookie: Text
    vary: Text
    cache_control: Text
    path_encoding: str
    """How the text of a request's path was made of its bytes."""


BYTES: Dialect[bytes] = Dialect(
    Memory(header_kind, limit=1024, longest=64),
    (_CR, _LF, _NUL),
    encode=bytes,
    decode=bytes,
    set_cookie=b"set-cookie",  # ASGI wants lower case.
    vary=b"vary",
    cache_control=b"cache-control",
    path_encoding="utf-8",
)
NATIVE: Dialect[str] = Dialect(
    Memory(lambda name: header_kind(name.encode("latin-1")), limit=1024, longest=64),
    ("\r", "\n", "\0"),
    encode=lambda text: text.encode("latin-1"),  # PEP 3333, "Unicode Issues"
    decode=lambda raw: raw.decode("latin-1"),
    set_cookie="Set-Cookie",
    vary="Vary",
    cache_control="Cache-Control",
    path_encoding="latin-1",
)


def header_kinds(headers: Iterable[tuple[Text, Text]], dialect: Dialect[Text]) -> list[HeaderKind]:
    """Classify the headers of a response, each by its name and its value.

    One that is not a pair of the dialect's strings is unsafe, and so is one
    whose value could end its line early. RFC 9110 5.5: "Field values
    containing CR, LF, or NUL characters are invalid and dangerous". Chromium
    takes a bare CR as the end of a line.
    """
    classified = dialect.kinds
    cr, lf, nul = dialect.line_ends
    kinds = []
    for header in headers:
        try:
            name, value = header if isinstance(header, (tuple, list)) else ()
            kind = classified[name]
            if cr in value or lf in value or nul in value:
                kind = HeaderKind.UNSAFE
            elif not value.isascii():
                dialect.encode(value)
        except (AttributeError, TypeError, ValueError):
            kind = HeaderKind.UNSAFE
        kinds.append(kind)
    return kinds


def first_line(text: str) -> str:
    """Return a text up to its first CR, LF or NUL."""
    return _LINE_END.split(text, maxsplit=1)[0]


_STATUS = re.compile(r"[1-9][0-9]{2}(?: .*)?")
_LINE_END = re.compile("[\r\n\0]")


def safe_status(status: str) -> str:
    """Return a WSGI status line up to its first CR, LF or NUL, a 500 if no status is left of it."""
    if "\r" not in status and "\n" not in status and "\0" not in status:
        return status
    start = first_line(status)
    return start if _STATUS.fullmatch(start) else "500 Internal Server Error"
