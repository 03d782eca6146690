"""What a browser says in a `Cookie` header, and what an app may read of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentgate import cookie_header
from consentgate.memory import Memory
from stepping import counted

ALLOWED = frozenset({b"a", b"b", b"c"})


def may(name: bytes) -> bool:
    """Tell whether a name may be read, in most tests of this file."""
    return name in ALLOWED


@pytest.mark.conformance("S12")
@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([b"t=1"], [b"1"]),
        ([b"a=b;t=1;c=d"], [b"1"]),
        ([b"\tt =\t1 ; t= 2"], [b"1", b"2"]),
        ([b"t=1", b"a=b", b"t=2"], [b"1", b"2"]),
        ([b"t=t=1; t==2"], [b"t=1", b"=2"]),
        ([b"t=; t"], [b""]),
        ([b"tt=1; t=2; att=t=3"], [b"2"]),
        ([b"t\xa0=1; \x85t=2; t\x0b=3; t\0=4"], []),
        ([b'"t"=1; T=2; t;=3'], []),
        ([b"a=1,t=2", b"t", b""], []),
        ([], []),
    ],
)
def test_every_value_of_a_name_is_found_and_no_other(
    lines: list[bytes], values: list[bytes]
) -> None:
    """A value belongs to the bytes before its part's first `=`, less SP and HTAB around them."""
    assert cookie_header.values_of(lines, b"t") == values


@pytest.mark.conformance("S12", "R2")
@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([b"a=1; b=2;c=3"], [b"a", b"b", b"c"]),
        ([b"b=1", b"a=1; b=2"], [b"b", b"a"]),
        ([b" \ta\t =1"], [b"a"]),
        ([b"a\xa0=1; \x85a=1; a\x0b=1"], [b"a\xa0", b"\x85a", b"a\x0b"]),
        ([b"a==1; =1; ==2"], [b"a", b""]),
        ([b"a; b ;; ;"], []),
        ([b'a="1; b=2"'], [b"a", b"b"]),
        ([b"a=1,b=2"], [b"a"]),
        ([b"a b=1"], [b"a b"]),
        ([b"", b""], []),
        ([], []),
    ],
)
def test_names_are_each_given_once_in_order(lines: list[bytes], names: list[bytes]) -> None:
    """The names in a request are what stands before the first `=` of each part that has one."""
    assert cookie_header.names_in(lines) == names


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (b"a=1", b"a"),
        (b" a\t=1=2", b"a"),
        (b"\xa0a=1", b"\xa0a"),
        (b"\x0ba\x0b=1", b"\x0ba\x0b"),
        (b"a", b""),
        (b"=1", b""),
        (b" = ", b""),
        (b"", b""),
    ],
)
@pytest.mark.conformance("S12")
def test_a_part_without_an_equals_sign_has_no_name(part: bytes, name: bytes) -> None:
    """The name in a part is what stands before its first `=`; without one there is no name."""
    assert cookie_header.name_of(part) == name


KINDS: Memory[bytes, str | None] = Memory(
    {b"a": "necessary", b"b": "statistics"}.get, limit=1024, longest=64
)


@pytest.mark.conformance("R1", "R2")
@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([], set()),
        ([b"a=1"], {"necessary"}),
        ([b"a=1; b=2"], {"necessary", "statistics"}),
        ([b"a=1", b"b=2"], {"necessary", "statistics"}),
        ([b"a=1; a=2; x=3"], {"necessary", None}),
        ([b"a="], {"necessary"}),
        ([b"a=1=2"], {"necessary"}),
        ([b"=1"], {None}),
        ([rb"a=~!#$%&'()*+,-./:<>?@[]^_`{|}\x"], {"necessary"}),
    ],
)
def test_a_plain_header_is_known_by_its_kinds(lines: list[bytes], kinds: set[str | None]) -> None:
    """Where pairs are joined as browsers join them, the kinds of their names say it all."""
    assert cookie_header.plain_kinds(lines, KINDS) == kinds


@pytest.mark.conformance("R1", "R3")
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"a",
        b"a=1; b",
        b"a=1; ",
        b"; a=1",
        b"a=1;",
        b"a=1;b=2",
        b"a=1;b=2 ",
        b"a=1 b=2",
        b"a=1;; b=2",
        b"a=1 ; b=2",
        b"a=1;  b=2",
        b" a=1",
        b"a =1",
        b"a=1;\tb=2",
        b'a="1"',
        b'a="1; b=2"',
        *(b"a=1%cb=2" % byte for byte in [*range(0x21), 0x22, 0x3B, *range(0x7F, 0x100)]),
    ],
)
def test_what_is_not_plain_takes_a_closer_look(line: bytes) -> None:
    """A blank, a quote, a semicolon or an odd byte out of place is left to the long way."""
    assert cookie_header.plain_kinds([line], KINDS) is None
    assert cookie_header.plain_kinds([b"a=1", line, b"b=2"], KINDS) is None


@pytest.mark.conformance("R4")
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"a=1",
        b"a=1; b=2;c=3",
        b";; ; a=1;\t;",
        b" a = 1 ",
        b"a=",
        b"a=1=2",
        b"a=1,x=2",
        b"a=\xe9\xa0\x85\x0b",
        b'a="1"; b=2',
        b'a="1; b=2"',
        b'a="1 x=2"; b="\\" x=\\\\"',
        b'a="1',
        b"a=1 2 3",
        b"a=1 b=2\tc = 3",
        b"a=1 b =2",
        b"a=1\xa0x=2\x1cx=3\x85x=4",
        b"a=Wed, 01 Jan 2020 00:00:00 GMT",
    ],
)
def test_where_nothing_is_withheld_the_lines_are_the_same(line: bytes) -> None:
    """Whatever holds only what may be read comes back as the same object, odd as it may be."""
    lines = [line, line[:-1] + line[-1:]]
    left, withheld = cookie_header.divided(lines, may)
    assert left is lines
    assert withheld == []


@pytest.mark.conformance("R1", "S12", "S13")
@pytest.mark.parametrize(
    ("line", "left", "withheld"),
    [
        (b"a=1; x=2; b=3", b"a=1; b=3", [b" x=2"]),
        (b"x=2; a=1", b"a=1", [b"x=2"]),
        (b"a=1; x=2", b"a=1", [b" x=2"]),
        (b"x=1;y=2", b"", [b"x=1", b"y=2"]),
        (b"x=1; a=1; x=1; b=2; x=1", b"a=1; b=2", [b"x=1", b" x=1"]),
        (b" a\t=  1;;\tb=2 ;x=3", b"a\t=  1;;\tb=2", [b"x=3"]),
        (b";;x=1;;", b"", [b"x=1"]),
        (b"a=1; ; x=1; ;b=2", b"a=1; ; ;b=2", [b" x=1"]),
        (b"a=1; A=2; a\xa0=3; \x85a=4", b"a=1", [b" A=2", b" a\xa0=3", b" \x85a=4"]),
        (b"a=1; \x0ba=2;a\x0c=3;\na=4", b"a=1", [b" \x0ba=2", b"a\x0c=3", b"\na=4"]),
        # Nameless in one browser or the other.
        (b"a; b=1; =2; ==3", b"b=1", [b"a", b" =2", b" ==3"]),
        (b"a=1;\xa0;b=2", b"a=1;b=2", [b"\xa0"]),
        # One cookie to some, two to others.
        (b'a="1; x=2"', b"", [b' x=2"', b'a="1']),
        (b'x="1; a=2"', b'a=2"', [b'x="1']),
        (b'a="1; x=2"; b="3"', b'b="3"', [b' x=2"', b'a="1']),
        (b'a="1\\"; x=2; b="', b"", [b" x=2", b'a="1\\"', b' b="']),
        (b'a="1" ; b="\\"" ; c="";x=2', b'a="1" ; b="\\"" ; c=""', [b"x=2"]),
        (b'a=1"; b=2; x=3', b'a=1"; b=2', [b" x=3"]),
        (b'a= \t"1; x=3', b"", [b" x=3", b'a= \t"1']),
        (b'a="1"2; x=3', b"", [b" x=3", b'a="1"2']),
        (b'a="1\\\n"; x=3', b"", [b" x=3", b'a="1\\\n"']),
        # White space ends a cookie to some.
        (b"a=1 x=2; b=3", b"b=3", [b"a=1 x=2"]),
        (b"a=1\x0bx=2; b=3", b"b=3", [b"a=1\x0bx=2"]),
        (b"a=1\nx=2;b=1\rx=2;c=1\x0cx=2", b"", [b"a=1\nx=2", b"b=1\rx=2", b"c=1\x0cx=2"]),
        (b"a=1 x =2; b=1 x\t= 2", b"", [b"a=1 x =2", b" b=1 x\t= 2"]),
        (b"a=1 b=2 x=3", b"", [b"a=1 b=2 x=3"]),
        (b'a=1 b="2"; c=3', b"c=3", [b'a=1 b="2"']),
        (b'a="1" b=2; c=3', b"c=3", [b'a="1" b=2']),
        (b'a="1 x=2"; x=3', b'a="1 x=2"', [b" x=3"]),
        (b'a=\x0b"1 x=2"\x0c; x=3', b'a=\x0b"1 x=2"\x0c', [b" x=3"]),
        (b'a="1 x=2"; b="3', b"", [b'a="1 x=2"', b' b="3']),
        (b"a= x=2; b= c=3", b"b= c=3", [b"a= x=2"]),
        (b'a="1; b=" x=2 "', b"", [b' b=" x=2 "', b'a="1']),
        (b'a=\x0b"1; x=2', b"", [b" x=2", b'a=\x0b"1']),
        (b"a=1 =2; b=3", b"b=3", [b"a=1 =2"]),
        (b"a=1 b= x=2", b"", [b"a=1 b= x=2"]),
    ],
)
def test_what_is_left_keeps_its_bytes_and_order(
    line: bytes, left: bytes, withheld: list[bytes]
) -> None:
    """The parts that may not be read, or not by every parser, are gone, and nothing else is."""
    assert cookie_header.divided([line], may) == ([left], withheld)
    assert cookie_header.divided([left], may) == ([left], [])


@pytest.mark.conformance("R2", "R4")
def test_lines_are_divided_together() -> None:
    """A quote that is open in one line is looked at in all; untouched lines are the same objects.

    There are as many lines as before, empty where nothing is left.
    """
    lines = [b"a=1; b=2", b"x=1", b'a="1; b=3', b"", b"c=3"]
    left, withheld = cookie_header.divided(lines, may)
    assert left == [b"a=1; b=2", b"", b"b=3", b"", b"c=3"]
    assert [new is old for new, old in zip(left, lines, strict=True)] == [True, 0, 0, True, True]
    assert withheld == [b"x=1", b'a="1']


@pytest.mark.conformance("R1", "R2", "R4")
@pytest.mark.parametrize(
    ("lines", "left", "withheld"),
    [
        ([b"a=1; b=2; x=3; a=4"], [b"a=1; a=4"], [b"b=2", b"x=3"]),
        ([b"b=1; a=2"], [b"a=2"], [b"b=1"]),
        ([b"b=1; x=2"], [b""], [b"b=1", b"x=2"]),
        ([b"a=1; a=2", b"b=1", b"a=; =3"], [b"a=1; a=2", b"", b"a="], [b"b=1", b"=3"]),
        ([b"a=1,b=2"], [b"a=1,b=2"], []),
    ],
)
def test_plain_lines_are_divided_by_their_kinds(
    lines: list[bytes], left: list[bytes], withheld: list[bytes]
) -> None:
    """Of plain lines stays what is of an allowed kind; an untouched one is the same object."""
    divided = cookie_header.divided_plainly(lines, KINDS, {"necessary"})
    assert divided == (left, withheld)
    for new, old in zip(divided[0], lines, strict=True):
        assert (new is old) == (new == old)


plain_pairs = st.builds(
    "{}={}".format, st.sampled_from(["a", "b", "x", ""]), st.text("a=,\\1", max_size=3)
).map(str.encode)


@pytest.mark.conformance("R1")
@given(st.lists(st.lists(plain_pairs, min_size=1, max_size=4).map(b"; ".join), max_size=3))
def test_the_short_way_leaves_what_the_long_way_does(lines: list[bytes]) -> None:
    """Plain lines are divided by their kinds just as all lines are divided by their names."""
    kinds = cookie_header.plain_kinds(lines, KINDS)
    assert kinds is not None
    left, withheld = cookie_header.divided_plainly(lines, KINDS, {"necessary"})
    other = cookie_header.divided(lines, lambda name: KINDS[name] == "necessary")
    assert (list(left), {part.strip() for part in withheld}) == (
        list(other[0]),
        {part.strip() for part in other[1]},
    )
    assert bool(withheld) == (not kinds <= {"necessary"})


@pytest.mark.conformance("R3")
@given(st.lists(st.binary(max_size=60) | st.text('ab=x;"\\ ,\t\x0b').map(str.encode), max_size=4))
def test_any_bytes_are_divided(lines: list[bytes]) -> None:
    """No bytes raise; what is left is as many lines, no longer, and is left again as it is."""
    left, withheld = cookie_header.divided(lines, may)
    assert len(left) == len(lines)
    assert all(len(new) <= len(old) for new, old in zip(left, lines, strict=True))
    assert (left is lines) == (not withheld)
    assert cookie_header.divided(left, may) == (left, [])
    kinds = cookie_header.plain_kinds(lines, KINDS)
    assert kinds is None or kinds == {KINDS[name] for name in cookie_header.names_in(lines)}


NASTY = [
    b"a",
    b"=",
    b";",
    b" ",
    b'"',
    b"\\",
    b",",
    b"\xa0",
    b"\x0b",
    b"\0",
    b"tt",
    b"; ",
    b"a;",
    b" =",
    b"a= ",
    b"t; t=",
    b"a=1; ",
    b"a=1,x=2;",
    b"a=1 x=2\t",
    b'"\\',
    b'a="1;',
    b'a="1 x=2";',
    b'\\" ',
]


@pytest.mark.conformance("R3", "S6")
@pytest.mark.parametrize("unit", NASTY)
@pytest.mark.parametrize("start", [b"", b'a="'])
def test_a_header_twice_as_long_takes_at_most_a_few_times_as_many_steps(
    start: bytes, unit: bytes
) -> None:
    """The work on 64 KiB of anything, counted in executed lines of Python, is linear in its size.

    Whether it comes in one line or in many.
    """
    half = unit * (2**15 // len(unit))
    assert steps([start + half * 2]) < 3 * steps([start + half]) + 200
    crumbs = [start + unit * 64] * (2**15 // len(unit * 64))
    assert steps(crumbs * 2) < 3 * steps(crumbs) + 200


@pytest.mark.conformance("R3")
def test_many_different_cookies_take_as_many_steps() -> None:
    """The work on 64 KiB of names that are all different is linear in their number."""

    def line(count: int) -> bytes:
        return b";".join(b'n%d="1 y%d=2' % (number, number) for number in range(count))

    assert len(line(4096)) > 2**16
    assert steps([line(4096)]) < 3 * steps([line(2048)]) + 200


def steps(lines: list[bytes]) -> int:
    """Count the lines of code that run when a Cookie header is read in every way."""
    with counted() as steps:
        cookie_header.values_of(lines, b"t")
        cookie_header.names_in(lines)
        cookie_header.plain_kinds(lines, KINDS)
        cookie_header.divided_plainly(lines, KINDS, {"necessary"})
        _, withheld = cookie_header.divided(lines, may)
        list(map(cookie_header.name_of, withheld))
    return steps.count
