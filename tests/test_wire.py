"""What a browser would store from a Set-Cookie, and what it sends back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate import cookie_header, wire
from consentgate.wire import HeaderKind
from stepping import counted

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.conformance("S2", "S3", "S4", "S5")
@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"a=b", b"a"),
        (b"a=b; Path=/", b"a"),
        (b"a=b;", b"a"),
        (b"a=", b"a"),
        (b"a=b=c", b"a"),
        (b" \ta \t= b", b"a"),
        (b'a="b;c"', b"a"),
        (b'"a;b"=c', b""),
        (b'"a"=c', b'"a"'),
        (b"A=b", b"A"),
        (b"a=b, c=d", b"a"),
        (b"a, c=d", b"a, c"),
        (b"a b=c", b"a b"),
        (b"session\xa0=t", b"session\xa0"),
        (b"session\x85=t", b"session\x85"),
        (b"\xc3\xa9=1", b"\xc3\xa9"),
        (b"a%3Db=c", b"a%3Db"),
        (b"a\t=b", b"a"),
        (b"a=b\tc", b"a"),
        (b"$Version=1", b"$Version"),
        (b"a", b""),
        (b"a; b=c", b""),
        (b"", b""),
        (b";", b""),
        (b"=", b""),
        (b"=b", b""),
        (b"==b", b""),
        (b"=a=b", b""),
        (b" =b", b""),
        (b"; a=b", b""),
        (b"__Host-x", b""),
        (b"=__Secure-x=1", b""),
    ],
)
def test_the_name_is_what_a_browser_stores(line: bytes, name: bytes) -> None:
    """The name ends at the first `=` before any `;`, and loses only SP and HTAB around it."""
    assert wire.stored_name(line) == name


@pytest.mark.conformance("S1")
@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
@pytest.mark.parametrize("template", [b"a%sb=c", b"a=b%sc", b"a=b; Path=/%s"])
def test_a_control_character_anywhere_means_no_cookie(code: int, template: bytes) -> None:
    """A control character other than HTAB leaves no name, wherever it stands."""
    line = template % bytes([code])
    assert bool(wire.stored_name(line)) == (code == 0x09)


@pytest.mark.conformance("K11", "S8")
@pytest.mark.parametrize(
    "attributes",
    [
        b"Max-Age=0",
        b"max-age=0",
        b"MAX-AGE = 0",
        b"Max-Age=-1",
        b"Max-Age=-0",
        b"Max-Age=000",
        b"Max-Age=-99999999999999999999",
        b"Max-Age=100; Max-Age=0",
        b"Max-Age=x; Max-Age=0",
        b"Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        b"Max-Age=0; Max-Age=" + b"9" * 1025,
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"expires=Thu, 01-Jan-1970 00:00:00 GMT",
        b"Expires=Wed, 31-Dec-97 23:59:59 GMT",
        b"Expires=01 jan 1999 0:0:0",
        b"Expires=Sat, 21 Nov 2026 12:00:00 GMT",
        b"Expires=Fri, 01 Jan 2100 00:00:00 GMT; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b'Max-Age="0"; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
        b"Max-Age=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"Path=/; HttpOnly; Max-Age=0; Secure",
    ],
)
def test_a_deletion_is_what_every_browser_deletes_by(attributes: bytes) -> None:
    """Max-Age of zero or less, or an Expires surely in the past, is a deletion."""
    bare = wire.deletion(b"a=b; " + attributes, NOW)
    assert bare is not None
    assert bare.startswith(b"a=; " + attributes)


@pytest.mark.conformance("K11", "S8")
@pytest.mark.parametrize(
    "attributes",
    [
        b"",
        b"Path=/",
        b"Max-Age",
        b"Max-Age=",
        b"Max-Age=-",
        b'Max-Age="0"',
        b"Max-Age=0.5",
        b"Max-Age=+0",
        b"Max-Age=+100",
        b"Max-Age=0x0",
        b"Max-Age=0 0",
        b"Max-Age=\xa00",
        b"Max-Age=1",
        b"Max-Age=0; Max-Age=100",
        b"Max-Age=0; Max-Age=x",
        b"Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"Max-Age=" + b"0" * 1020,
        b"Max-Age=" + b"0" * 1025,
        b"Max-Age\xa0=0",
        b"XMax-Age=0",
        b"Expires",
        b"Expires=0",
        b"Expires=-1",
        b"Expires=Thu, 01 Jan 1970",
        b"Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        b"Expires=Tue, 24 Nov 2026 11:59:59 GMT",
        b"Expires=Mon, 23 Nov 2026 12:00:01 GMT",
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=soon",
        b"Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        b"Expires=Thu, 31 Feb 1970 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970 00:00:00Z",
        b"Expires=Thu, 1st Jan 1970 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1600 00:00:00 GMT",
        b"Expires=Thu, 01 Jan 1970 24:00:00 GMT",
    ],
)
def test_in_doubt_it_is_no_deletion(attributes: bytes) -> None:
    """What one browser might keep is a setting: invalid numbers, recent dates, broken dates."""
    assert not wire.deletion(b"a=b; " + attributes, NOW)


@pytest.mark.conformance("S8")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Sun, 06 Nov 1994 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        (b"Sun Nov  6 08:49:37 1994", (1994, 11, 6, 8, 49, 37)),
        (b"1994 6 NOVEMBER 8:49:37", (1994, 11, 6, 8, 49, 37)),
        (b"06 Nov 1994 08:49:37 GMT+0100 7", (1994, 11, 6, 8, 49, 37)),
        (b"08:49:37Z 06 Nov 1994", None),
        (b"08:49:37 6th Nov 1994", None),
        (b"08:49:37 06 Nov 1994x", None),
        (b"06 Nov 1994 08:49:37 7th", None),
        (b"06 Nov 1994 08:49:37 GMT+01:00:00", None),
        (b"1 Jan 70 0:0:0", (1970, 1, 1, 0, 0, 0)),
        (b"1 Jan 69 0:0:0", (2069, 1, 1, 0, 0, 0)),
        (b"1 Jan 00 0:0:0", (2000, 1, 1, 0, 0, 0)),
        (b"1 Jan 1601 0:0:0", (1601, 1, 1, 0, 0, 0)),
        (b"29 Feb 2024 0:0:0", (2024, 2, 29, 0, 0, 0)),
        (b"29 Feb 2023 0:0:0", None),
        (b"1 Jan 1600 0:0:0", None),
        (b"1 Jan 123 0:0:0", None),
        (b"0 Jan 2000 0:0:0", None),
        (b"32 Jan 2000 0:0:0", None),
        (b"1 Jan 2000 24:0:0", None),
        (b"1 Jan 2000 0:60:0", None),
        (b"1 Jan 2000 0:0:60", None),
        (b"1 Jan 2000 0:0", None),
        (b"1 Jan 12345 0:0:0", None),
        (b"1 Foo 2000 0:0:0", None),
        (b"Jan 0:0:0", None),
        (b"", None),
    ],
)
def test_dates_are_read_as_cookie_dates(text: bytes, expected: tuple[int, ...] | None) -> None:
    """Tokens count in any order, the first of a kind; what browsers read differently is no date."""
    date = wire.cookie_date(text)
    assert (date and (*date.timetuple()[:6],)) == expected


@pytest.mark.conformance("K11")
@pytest.mark.parametrize(
    ("attributes", "added"),
    [
        (b"Expires=Thu, 01 Feb 2024 00:00:00 GMT", b"; Max-Age=0"),
        (b"Expires=Thu, 01 Feb 2024 00:00:00 GMT; Max-Age=x", b"; Max-Age=0"),
        (b"Expires=Thu, 01 Feb 2024 00:00:00 GMT; Max-Age=0", b""),
        (b"Expires=Thu, 01 Jan 1970 00:00:00 GMT", b""),
    ],
)
@pytest.mark.parametrize("value", [b"b", b""])
def test_a_deletion_by_date_is_one_by_any_clock(
    attributes: bytes, added: bytes, value: bytes
) -> None:
    """Chromium corrects Expires by the response's Date: a recent one leaves with Max-Age=0."""
    line = b"a=" + value + b"; " + attributes
    assert wire.deletion(line, NOW) == b"a=; " + attributes + added


@pytest.mark.conformance("K11", "S9")
@pytest.mark.parametrize(
    ("line", "bare"),
    [
        (b"a=secret; Max-Age=0; Path=/", b"a=; Max-Age=0; Path=/"),
        (b"a=b=c;Max-Age=0", b"a=;Max-Age=0"),
        (b"a=; Max-Age=0", b"a=; Max-Age=0"),
        (b'a=""; Max-Age=0', b'a=""; Max-Age=0'),
        (b"__Host-a=x; Max-Age=0; Path=/; Secure", b"__Host-a=; Max-Age=0; Path=/; Secure"),
    ],
)
def test_an_emptied_deletion_keeps_its_attributes(line: bytes, bare: bytes) -> None:
    """Only the value goes; attributes and prefixes stay byte for byte."""
    assert wire.emptied(line) == bare


@pytest.mark.conformance("S7")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Set-Cookie", HeaderKind.SET_COOKIE),
        (b"set-cookie", HeaderKind.SET_COOKIE),
        (b"sEt-cOOkie", HeaderKind.SET_COOKIE),
        (b"Content-Type", HeaderKind.PLAIN),
        (b"x!#$%&'*+-.^_`|~9", HeaderKind.PLAIN),
        (b"Set-Cookie ", HeaderKind.UNSAFE),
        (b"Set-Cookie\t", HeaderKind.UNSAFE),
        (b" set-cookie", HeaderKind.UNSAFE),
        (b"Set-Cookie: a=b;x", HeaderKind.UNSAFE),
        (b"Set-Cookie:", HeaderKind.UNSAFE),
        (b"X\r\nSet-Cookie", HeaderKind.UNSAFE),
        (b"X\n", HeaderKind.UNSAFE),
        (b"Set-Cookie\x00", HeaderKind.UNSAFE),
        (b"Set-Cookie\xa0", HeaderKind.UNSAFE),
        (b"", HeaderKind.UNSAFE),
    ],
)
def test_a_header_name_is_a_token_or_unsafe(name: bytes, kind: HeaderKind) -> None:
    """Set-Cookie is known without case; whatever is no RFC 9110 token is unsafe."""
    assert wire.header_kind(name) is kind


@pytest.mark.conformance("S1")
@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ((b"X", b"y"), HeaderKind.PLAIN),
        ([b"X", b"y"], HeaderKind.PLAIN),
        ((b"X", b"y\rSet-Cookie: evil=1"), HeaderKind.UNSAFE),
        ((b"X", b"y\nSet-Cookie: evil=1"), HeaderKind.UNSAFE),
        ((b"X", b"y\0"), HeaderKind.UNSAFE),
        ((b"Set-Cookie", b"a=b\r"), HeaderKind.UNSAFE),
        (("Set-Cookie", b"a=b"), HeaderKind.UNSAFE),
        ((b"Set-Cookie", "a=b"), HeaderKind.UNSAFE),
        ((b"Set-Cookie", None), HeaderKind.UNSAFE),
        ((b"Set-Cookie",), HeaderKind.UNSAFE),
        ((b"a", b"b", b"c"), HeaderKind.UNSAFE),
        (iter((b"set-cookie", b"a=b")), HeaderKind.UNSAFE),
        ({b"set-cookie": 1, b"a=b": 2}, HeaderKind.UNSAFE),
        ((memoryview(b"set-cookie"), memoryview(b"a=b")), HeaderKind.UNSAFE),
        ((b"set-cookie", [1, 2]), HeaderKind.UNSAFE),
        (None, HeaderKind.UNSAFE),
        (7, HeaderKind.UNSAFE),
    ],
)
def test_a_header_is_judged_by_name_and_value(header: object, kind: HeaderKind) -> None:
    """A value that ends its line early is unsafe, and so is whatever is no pair of bytes."""
    given = cast("list[wire.Header]", [(b"A", b"b"), header])
    assert wire.header_kinds(given, wire.BYTES) == [HeaderKind.PLAIN, kind]


@pytest.mark.conformance("S1")
@pytest.mark.parametrize(
    ("status", "safe"),
    [
        ("200 OK", "200 OK"),
        ("404 Not Found\r\nSet-Cookie: evil=1", "404 Not Found"),
        ("200 OK\rSet-Cookie: evil=1", "200 OK"),
        ("200\0", "200"),
        ("\r\nSet-Cookie: evil=1", "500 Internal Server Error"),
        ("oops\nSet-Cookie: evil=1", "500 Internal Server Error"),
    ],
)
def test_a_status_line_ends_where_its_line_ends(status: str, safe: str) -> None:
    """A WSGI status line is cut at the first CR, LF or NUL, and is a status in any case."""
    assert wire.safe_status(status) == safe


@pytest.mark.conformance("S12")
@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([b"t=1"], [b"1"]),
        ([b"a=b; t=1; c=d"], [b"1"]),
        ([b"a=b;t=1"], [b"1"]),
        ([b" \tt \t= 1 "], [b"1"]),
        ([b"t=1=2"], [b"1=2"]),
        ([b"t=1; t=2"], [b"1", b"2"]),
        ([b"a=b", b"t=1", b"t=2"], [b"1", b"2"]),
        ([b"T=1; xt=2; tt=3"], []),
        ([b"t"], []),
        ([b"=t; t ; a=t=1"], []),
        ([b"a=1,t=2"], []),
        ([b"t=1,t=2"], [b"1,t=2"]),
        ([b"t\xa0=1"], []),
        ([b";;;"], []),
        ([b""], []),
        ([], []),
    ],
)
def test_the_cookie_header_is_read_as_it_is_sent(lines: list[bytes], values: list[bytes]) -> None:
    """Parts end at `;`, names at the first `=`; a part without one and a comma say nothing."""
    assert cookie_header.values_of(lines, b"t") == values


@given(st.binary(max_size=300), st.integers(min_value=0, max_value=2**33))
def test_any_bytes_get_an_answer(line: bytes, now: int) -> None:
    """No bytes make the wire rules raise, and a name never holds what ends one."""
    name = wire.stored_name(line)
    assert not {*name} & {*b";=\r\n\0"}
    wire.deletion(line, now)
    assert not name or wire.stored_name(wire.emptied(line)) == name
    cookie_header.values_of([line], b"t")
    wire.header_kinds([(line, line)], wire.BYTES)


@given(st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31)))  # naive on purpose
def test_every_http_date_is_read(moment: datetime) -> None:
    """A date written as HTTP writes dates is read back to the second."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    days = b"Mon Tue Wed Thu Fri Sat Sun".split()
    months = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    text = b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        days[moment.weekday()],
        moment.day,
        months[moment.month - 1],
        moment.year,
        *moment.timetuple()[3:6],
    )
    assert wire.cookie_date(text) == moment


@pytest.mark.conformance("S6")
@pytest.mark.parametrize(
    "line",
    [
        b"a=" + b"x" * 2**16,
        b"a" * 2**16 + b"=1",
        b"a=1" + b"; Max-Age=0" * 2**13,
        b"a=1" + b";" * 2**16,
        b"a=1; Expires=" + b"1 " * 2**15,
        b"=" * 2**16,
        b" " * 2**16 + b"=1",
    ],
)
def test_a_line_twice_as_long_takes_at_most_a_few_times_as_many_steps(line: bytes) -> None:
    """The work on a huge line, counted in executed lines of Python, is linear in its size."""
    assert steps(line * 2) < 3 * steps(line) + 100


def steps(line: bytes) -> int:
    """Count the lines of code that run for a Set-Cookie value and a Cookie header."""
    with counted() as steps:
        wire.deletion(line, NOW)
        wire.stored_name(line)
        wire.emptied(line)
        cookie_header.values_of([line], b"t")
    return steps.count
