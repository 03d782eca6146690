"""The app reads no cookie that its visitor did not allow, by whatever parser it reads.

The oracles are the parsers that apps read with: those of Werkzeug, Starlette,
Django and the standard library; and a browser's reading, said a second way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.http.cookie import parse_cookie as django_parser
from hypothesis import assume, example, given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.requests import cookie_parser as starlette_parser
from werkzeug.http import parse_cookie as werkzeug_parser
from werkzeug.sansio.http import parse_cookie as werkzeug_text_parser
from werkzeug.wrappers import Request as WerkzeugRequest

from adapters import (
    KEY,
    Adapter,
    Visit,
    asgi_scope,
    behind,
    behind_wsgi,
    sets,
    token_pair,
    wsgi_environ,
)
from consentgate import Consent, ConsentGate, Cookie, Event, Policy, ResponseStartedError
from consentgate.names import is_declarable
from consentgate.observer import Reason
from stepping import counted

Act = Callable[[Consent], object]
Insider = Callable[[Consent, dict[str, Any]], object]
PROTOCOLS = pytest.mark.parametrize("protocol", ["wsgi", "asgi"])


def requested(
    protocol: str,
    gate: ConsentGate,
    request: dict[str, Any],
    act: Insider | None = None,
    *,
    started: bool = False,
) -> dict[str, Any]:
    """Send a request through a gate; return the environ or scope of the app, once it has acted.

    `started` has it act after it started the response.
    """
    found: list[dict[str, Any]] = []

    def acts(seen: dict[str, Any]) -> None:
        found.append(seen)
        if act is not None:
            act(seen["consentgate"], seen)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if not started:
            acts(environ)
        start_response("200 OK", [])
        if started:
            acts(environ)
        return []

    async def asgi_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if not started:
            acts(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if started:
            acts(scope)

    async def send(message: Any) -> None:
        pass

    if protocol == "wsgi":
        behind_wsgi(gate, app)(request, lambda *args: None)
    else:
        asyncio.run(behind(gate, asgi_app)(request, send, send))
    return found[0]


def request_of(protocol: str, lines: Sequence[bytes], visit: Visit | None = None) -> dict[str, Any]:
    """Return the environ or scope of a request with these Cookie lines; WSGI knows only one."""
    visit = visit or Visit()
    if protocol == "asgi":
        return asgi_scope(Visit(lines, headers=visit.headers, path=visit.path))
    return wsgi_environ(
        Visit([b"; ".join(lines)] if lines else [], headers=visit.headers, path=visit.path)
    )


def lines_of(protocol: str, request: dict[str, Any]) -> list[bytes]:
    """Return the Cookie lines in an environ or a scope."""
    if protocol == "wsgi":
        return [request["HTTP_COOKIE"].encode("latin-1")] if "HTTP_COOKIE" in request else []
    return [value for name, value in request["headers"] if name == b"cookie"]


def handed(
    protocol: str,
    gate: ConsentGate,
    lines: Sequence[bytes],
    act: Act = lambda consent: None,
    visit: Visit | None = None,
) -> list[bytes]:
    """Return what is left of these Cookie lines for an app that acts on the consent."""
    request = request_of(protocol, lines, visit)
    return lines_of(protocol, requested(protocol, gate, request, lambda consent, _: act(consent)))


# What the parsers see.


def werkzeug(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return what Werkzeug sees: as it joins the lines, and whatever bytes it would refuse."""
    text = b";".join(lines).decode("latin-1")
    found = list(werkzeug_text_parser(text).items(multi=True))
    with suppress(UnicodeDecodeError):
        found += werkzeug_parser({"HTTP_COOKIE": text}).items(multi=True)
    return found


def starlette(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return what Starlette sees: it reads each line for itself."""
    return [pair for line in lines for pair in starlette_parser(line.decode("latin-1")).items()]


def django(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return what Django sees: over WSGI it reads UTF-8."""
    line = b"; ".join(lines)
    texts = {line.decode("latin-1"), line.decode("utf-8", "replace")}
    return [pair for text in sorted(texts) for pair in django_parser(text).items()]


def standard(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return what `http.cookies` sees in each line and in all together, until it raises."""
    found = []
    for line in {*lines, b"; ".join(lines)}:
        jar = SimpleCookie()
        with suppress(CookieError):
            jar.load(line.decode("latin-1"))
        found += [(name, morsel.value) for name, morsel in jar.items()]
    return found


PARSERS = (werkzeug, starlette, django, standard)


def parts_of(lines: Iterable[bytes]) -> list[bytes]:
    """Return the parts of Cookie lines as a browser wrote them."""
    parts = (part.strip(b" \t") for line in lines for part in line.split(b";"))
    return [part for part in parts if part]


# What the gate may leave, said a second way.


class Situation(NamedTuple):
    """A gate, the consent cookie that the visitor sends, and what may be read then."""

    gate: ConsentGate
    token: bytes
    allowed: Callable[[bytes], bool]


def situation(
    necessary: str,
    statistics: str,
    marketing: str,
    granted: Sequence[str] | None,
    pass_undeclared: bool = False,
) -> Situation:
    """Return a situation; names are separated by blanks, one that ends in a star is a prefix."""
    declared = {"necessary": necessary, "statistics": statistics, "marketing": marketing}
    cookies = [Cookie(name, key) for key, names in declared.items() for name in names.split()]
    gate = ConsentGate(Policy(cookies), secret_key=KEY, withhold_undeclared=not pass_undeclared)

    def allowed(name: bytes) -> bool:
        if name == b"cookies_preferences":
            return True
        if not is_declarable(name):
            return False
        text = name.decode("ascii")
        for key, names in declared.items():
            for pattern in names.split():
                if text == pattern or (pattern[-1] == "*" and text.startswith(pattern[:-1])):
                    return key == "necessary" or key in (granted or ())
        return pass_undeclared

    token = b"" if granted is None else token_pair(gate, *granted)
    return Situation(gate, token, allowed)


SHOP = ("session csrftoken path", "_ga*", "ad_id")
SITUATIONS = [
    situation(*SHOP, None),
    situation(*SHOP, []),
    situation(*SHOP, ["statistics"]),
    situation(*SHOP, ["statistics", "marketing"]),
    situation(*SHOP, None, pass_undeclared=True),
    situation(*SHOP, ["statistics"], pass_undeclared=True),
    situation("_ga ad_id", "session", "csrftoken path expires", None),
    situation("_ga ad_id", "session", "csrftoken path expires", ["statistics"]),
]
OPEN, PASSING = SITUATIONS[0], SITUATIONS[4]

# `{}` becomes a text that is nowhere else in the request.
NAMES = [
    b"session",
    b"session",
    b"csrftoken",
    b"csrftoken",
    b"_ga",
    b"_ga",
    b"_ga_X",
    b"ad_id",
    b"unknown",
    b"path",
    b"Path",
    b"expires",
    b"$Version",
    b"$path",
    b"Session",
    b"",
    b"s\xc3\xa9ance",
    b"session\xa0",
    b"\xa0_ga",
    b"_ga\x85",
    b"\x0b_ga",
    b"\xe2\x80\x83_ga",
    b'"_ga',
    b"_ga,session",
    b"session _ga",
    b"\\_ga",
]
EQUALS = [b"=", b"=", b"=", b"=", b"", b"==", b" = ", b"\xa0=\xa0", b"\t=", b"=\x0b"]
VALUES = [
    b"{}",
    b"{}",
    b"{}",
    b"",
    b'"{}"',
    b'"{}',
    b'{}"',
    b'" {} "',
    b'"\\"{}"',
    b'"{}\\"',
    b'"{}\\',
    b'{}"{}"{}',
    b"{} _ga={}",
    b"{}\t_ga = {}",
    b"{}   _ga =  {}",
    b"{}\x0b_ga={}",
    b"{}\xa0_ga={}",
    b"{}\x1c_ga={}",
    b"{}\x85_ga={}",
    b"{} csrftoken={}",
    b"{} csrftoken={} session={}",
    b'{} csrftoken="{}"',
    b'"{}" _ga={}',
    b'"{} _ga={}"',
    b'" _ga={} "',
    b'{}" _ga={} "',
    b"{} =_ga={}",
    b"{} path={}",
    b"{} secure",
    b"{},_ga={}",
    b"{}, _ga={}",
    b"{} $Path={}",
    b"Wed, 01 Jan 2020 00:00:00 GMT",
    b"\xc3\xa9{}",
    b"\xff{}",
    b"[{}]",
]
JOINTS = [b"; "] * 6 + [b";", b";;", b" ;\t", b"; ;", b",", b", ", b" ", b"\t", b"\xa0", b"   "]
SCRAPS = [b";", b"; ", b"=", b'"', b"\\", b" ", b"\t", b"\xa0", b"\x85", b"\x0b", b",", b"{}"]
# What a quote and white space do to what is around them is found by many small steps.
TRICKS = [b"{}", b'"', b'"', b" _ga=", b" csrftoken=", b" ", b"\\"]

names = st.sampled_from([b"session", b"csrftoken"]) | st.sampled_from(NAMES)
values = st.sampled_from(VALUES) | st.lists(st.sampled_from(TRICKS), max_size=5).map(b"".join)
proper = st.builds(
    lambda name, equals, value: name + equals + value,
    names,
    st.just(b"=") | st.sampled_from(EQUALS),
    values,
)
scrappy = st.lists(st.sampled_from(SCRAPS + NAMES), max_size=10).map(b"".join)
parts = st.one_of(proper, proper, proper, proper, scrappy, st.binary(max_size=12))
joints = st.just(b"; ") | st.sampled_from(JOINTS)
odd_lines = st.lists(st.tuples(parts, joints), max_size=6).map(
    lambda pairs: b"".join(part + joint for part, joint in pairs)
)


class Arrival(NamedTuple):
    """What arrives, and where."""

    situation: Situation
    lines: list[bytes]

    @property
    def kept(self) -> list[bytes]:
        """The parts that the app may read, in order."""
        found = parts_of(self.lines)
        open_quotes = any(map(opens_quote, found))
        kept = [p for p in found if is_clear(p, self.situation.allowed, in_doubt=open_quotes)]
        if len(kept) < len(found):
            kept = [part for part in kept if not opens_quote(part)]
        return kept

    @property
    def nameless(self) -> bool:
        """Whether a value holds a second `=` with nothing but white space between it and a word.

        In `session=1 =2` no parser finds a second cookie; whether it may stay is left open.
        """
        return any(
            re.search(rb"=[^ \t-\r]*[ \t-\r]+=", part) is not None for part in parts_of(self.lines)
        )


QUOTED = re.compile(rb'[ \t-\r]*"(?:[^"\\]|\\[^\n])*"[ \t-\r]*')


def opens_quote(part: bytes) -> bool:
    """Tell whether a value starts with a quote and does not end with that quote's end."""
    value = part.partition(b"=")[2]
    return re.match(rb'[ \t-\r]*"', value) is not None and not QUOTED.fullmatch(value)


def is_clear(part: bytes, allowed: Callable[[bytes], bool], *, in_doubt: bool) -> bool:
    """Tell whether a part has an allowed name, and no other name behind white space.

    What is between quotes is no name, unless an open quote makes that doubtful.
    """
    name, equals, value = part.partition(b"=")
    if not equals or not allowed(name.strip(b" \t")):
        return False
    behind_space = re.findall(rb"[ \t-\r]([^ \t-\r=]+)[ \t-\r]*=", value)
    if not behind_space or (QUOTED.fullmatch(value) and not in_doubt):
        return True
    return b'"' not in value and all(map(allowed, behind_space))


def marked(given_situation: Situation, *lines: bytes) -> Arrival:
    """Return what arrives, with a text of its own for each `{}`: none that a token could hold."""
    numbers = count()
    return Arrival(
        given_situation,
        [re.sub(rb"\{\}", lambda _: b"!%d!" % next(numbers), line) for line in lines],
    )


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    """Draw a request with odd Cookie lines, and the visitor's choice first or last in them."""
    drawn = draw(st.sampled_from(SITUATIONS))
    lines = draw(st.lists(odd_lines, min_size=1, max_size=3))
    shape = draw(st.sampled_from(["first", "last", "line"]))
    if drawn.token and shape == "first":
        lines[0] = b"; ".join([drawn.token, lines[0]])
    elif drawn.token and shape == "last":
        lines[-1] = b"; ".join([lines[-1], drawn.token])
    elif drawn.token:
        lines.append(drawn.token)
    return marked(drawn, *lines)


@pytest.mark.conformance("R1", "R2", "R3", "S13")
@PROTOCOLS
@given(arrivals())
@example(marked(OPEN, b'session="{}; _ga={}"'))
@example(marked(OPEN, b'_ga="{}; session={}"; csrftoken="{}"'))
@example(marked(OPEN, b"session={} _ga={}"))
@example(marked(OPEN, b"session={}\x0b_ga={}"))
@example(marked(OPEN, b'session="{}" _ga={}'))
@example(marked(OPEN, b'session="{}; csrftoken=" _ga={}'))
@example(marked(OPEN, b'session="{}; csrftoken=" _ga={} "'))
@example(marked(OPEN, b'session="{}', b'csrftoken=" _ga={} "'))
@example(marked(OPEN, b'session=\x0b"{}; csrftoken=" _ga={} "'))
@example(marked(OPEN, b'session= _ga="{}"'))
@example(marked(OPEN, b'session= _ga="; session="; '))
@example(marked(OPEN, b"session={}; \xa0_ga={}; _ga\x85={}; {}; ={}"))
@example(marked(PASSING, b"\xa0_ga={}; _ga\xa0={}; \x85_ga={}; \x1c_ga={}; \x0b_ga={}; _ga"))
@example(marked(PASSING, b"session={} =_ga={}"))
def test_no_parser_sees_a_name_that_is_not_allowed(protocol: str, arrival: Arrival) -> None:
    """Whatever arrives, no parser finds a cookie in what the app gets that it may not read.

    Attribute names (`path`, `$Path`) in a kept part are attributes to `http.cookies`, no cookies.
    """
    left = handed(protocol, arrival.situation.gate, arrival.lines)
    for parser in PARSERS:
        seen = {name.encode("latin-1", "replace") for name, _ in parser(left)}
        assert not {name for name in seen if not arrival.situation.allowed(name)}, parser.__name__


@pytest.mark.conformance("R1", "R2", "S12", "S13")
@PROTOCOLS
@given(arrivals())
@example(marked(OPEN, b'session="{}; _ga={}"; ad_id={}; {}; ={}; session={} _ga={}'))
@example(marked(OPEN, b"session={}", b"_ga={}", b"unknown={}; csrftoken={}"))
def test_no_byte_of_what_is_withheld_reaches_the_app(protocol: str, arrival: Arrival) -> None:
    """The value of a cookie that may not be read is nowhere in what the app gets.

    To a parser that takes two cookies for one it may be part of an allowed one; then it stands in
    a part that has an allowed name of its own, as for `session` in `_ga="1; session=2"`.
    """
    line = b"; ".join(handed(protocol, arrival.situation.gate, arrival.lines))
    for part in parts_of(arrival.lines):
        if not is_clear(part, arrival.situation.allowed, in_doubt=False):
            assert not [mark for mark in re.findall(rb"!\d+!", part) if mark in line]


@pytest.mark.conformance("R1", "R2", "S12", "S13")
@PROTOCOLS
@given(arrivals())
@example(marked(OPEN, b'session="{}; _ga={}; csrftoken={}"; csrftoken="{}" ; path=a"{}'))
@example(marked(OPEN, b"session= {}\xa0;;\tcsrftoken ={};path={},_ga={}", b"path={}", b"_ga={}"))
@example(marked(OPEN, b"session={} csrftoken = {}; _ga={}"))
def test_what_a_browser_said_and_may_be_read_is_all_there(protocol: str, arrival: Arrival) -> None:
    """The allowed and unambiguous parts are left, in order and byte for byte, and nothing else."""
    assume(not arrival.nameless)
    assert parts_of(handed(protocol, arrival.situation.gate, arrival.lines)) == arrival.kept


@pytest.mark.conformance("R1", "R4")
@PROTOCOLS
@given(arrivals())
@example(marked(OPEN, b'session="{}; csrftoken={}"', b'path="{}'))
@example(marked(OPEN, b"session=1; session=2;;", b" ;session\t=1", b""))
@example(marked(OPEN, b"session=1; _ga=2"))
def test_what_was_left_once_is_left_again_as_it_is(protocol: str, arrival: Arrival) -> None:
    """Where nothing is withheld the app gets the same header objects; so what is left stays so."""
    gate = arrival.situation.gate
    given_lines = lines_of(protocol, request_of(protocol, arrival.lines))
    left = handed(protocol, gate, arrival.lines)
    for lines in [left, given_lines] if parts_of(left) == parts_of(given_lines) else [left]:
        request = request_of(protocol, lines)
        headers, cookie = request.get("headers"), request.get("HTTP_COOKIE")
        found = requested(protocol, gate, request)
        assert found.get("headers") is headers
        assert found.get("HTTP_COOKIE") is cookie


@pytest.mark.conformance("R2", "R4")
@given(arrivals())
@example(marked(OPEN, b"session={}; csrftoken={}", b"_ga={}", b"session={}; _ga={}", b""))
@example(marked(OPEN, b'session="{}', b"session=1;;", b"_ga={}"))
def test_untouched_lines_are_the_same_headers(arrival: Arrival) -> None:
    """Over ASGI a line that loses nothing is the same object, and one that loses all is gone."""
    assume(not arrival.nameless)
    kept = set(arrival.kept)
    scope = asgi_scope(Visit(arrival.lines, headers=[(b"host", b"a"), (b"x-cookie", b"_ga=1")]))
    found = iter(requested("asgi", arrival.situation.gate, scope)["headers"])
    for header in scope["headers"]:
        before = parts_of([header[1]])
        if header[0] != b"cookie" or kept.issuperset(before):
            assert next(found) is header
        elif not kept.isdisjoint(before):
            name, line = next(found)
            assert (name, parts_of([line])) == (b"cookie", [p for p in before if p in kept])
    assert list(found) == []


plain_values = st.text("ab01!#%&'~_`><@,:/$*+-.^|)(?}{=[]", max_size=6) | st.lists(
    st.sampled_from(["a", "b", ",", "=", r"\"", r"\\"]), max_size=6
).map(lambda characters: f'"{"".join(characters)}"')
plain_names = st.sampled_from(["session", "csrftoken", "_ga", "_ga_X", "ad_id", "unknown"])
plain_pairs = st.builds("{}={}".format, plain_names, plain_values).map(str.encode)
plain_lines = st.lists(
    st.builds(bytes.join, st.sampled_from([b"; ", b";"]), st.lists(plain_pairs, min_size=1)),
    min_size=1,
    max_size=3,
)


@pytest.mark.conformance("R1", "R2")
@PROTOCOLS
@given(st.sampled_from(SITUATIONS), plain_lines)
def test_each_parser_sees_what_is_allowed_of_what_it_saw(
    protocol: str, where: Situation, lines: list[bytes]
) -> None:
    """Of a header without oddities each parser sees all that is allowed, and nothing new.

    Not so in odd ones. `http.cookies` stops at what it cannot parse, and takes a cookie that is
    called like an attribute (`path`) for one, or drops them all: it may see more of what is
    allowed once such a part is gone. And parsers disagree on open quotes: what is allowed but
    ambiguous is withheld as well.
    """
    lines = [*lines, where.token] if where.token else lines
    before, after = request_of(protocol, lines), handed(protocol, where.gate, lines)
    for parser in PARSERS:
        seen = set(parser(lines_of(protocol, before)))
        allowed = {pair for pair in seen if where.allowed(pair[0].encode())}
        assert set(parser(after)) == allowed, parser.__name__


GRANTED = SITUATIONS[2]
EVERYTHING = SITUATIONS[3]


@pytest.mark.conformance("R1", "R3", "S12", "S13")
@PROTOCOLS
@pytest.mark.parametrize(
    ("where", "line", "left"),
    [
        # What browsers send.
        (OPEN, b"session=1; _ga=2; csrftoken=3", b"session=1; csrftoken=3"),
        (OPEN, b"_ga=2; session=1", b"session=1"),
        (OPEN, b"session=1; unknown=2", b"session=1"),
        (OPEN, b"session=1; session=2; _ga=3; session=1", b"session=1; session=2; session=1"),
        (OPEN, b"_ga=1; ad_id=2", None),
        (OPEN, b"_ga=1", None),
        (OPEN, b"unknown=1", None),
        (OPEN, b"session=1; cookies_preferences=junk", b"session=1; cookies_preferences=junk"),
        (OPEN, b"cookies_preferences=junk; _ga=1", b"cookies_preferences=junk"),
        (PASSING, b"unknown=1; _ga=2; other=3", b"unknown=1; other=3"),
        # Empty ones.
        (OPEN, b"", b""),
        (OPEN, b";", b";"),
        (OPEN, b"; ;\t;; ", b"; ;\t;; "),
        (OPEN, b"session=; _ga=", b"session="),
        (OPEN, b";;session=1;;_ga=2;;", b"session=1"),
        # No name, or one that browsers and parsers do not agree on.
        (OPEN, b"session=1; _ga; session", b"session=1"),
        (OPEN, b"session", None),
        (OPEN, b"session=1; =2; ==3; =session=4", b"session=1"),
        (PASSING, b"session=1; _ga; unknown; =2", b"session=1"),
        (PASSING, b"session=1; \xa0_ga=2; _ga\xa0=3; \x85_ga\x85=4", b"session=1"),
        (PASSING, b"session=1; \x0b_ga=2; _ga\x1c=3; \xc2\xa0_ga=4", b"session=1"),
        (PASSING, b'session=1; "_ga"=2; \\_ga=3; a,_ga=4', b"session=1"),
        (OPEN, b"session=1; \xa0session=2; session\x85=3; \x0bsession=4; Session=5", b"session=1"),
        (OPEN, b"session=\xa0\x85\xff\x00; _ga=2", b"session=\xa0\x85\xff\x00"),
        # What is one cookie to some and two to others.
        (OPEN, b'session="1; _ga=2"', None),
        (OPEN, b'_ga="1; session=2"', b'session=2"'),
        (OPEN, b'_ga="1; session=2"; csrftoken=3', b'session=2"; csrftoken=3'),
        (OPEN, b'session="1; _ga=2; csrftoken=3"', b'csrftoken=3"'),
        (OPEN, b'session="1; csrftoken=2"', b'session="1; csrftoken=2"'),
        (OPEN, b'session="1"; _ga="2"', b'session="1"'),
        (OPEN, b'session="\\"1\\""; _ga="\\"; csrftoken="3"', b'session="\\"1\\""; csrftoken="3"'),
        (OPEN, b'session="1\\"; _ga=2; csrftoken="', None),
        (OPEN, b'session="1 _ga=2"; ad_id=3', b'session="1 _ga=2"'),
        (OPEN, b'"session=1; _ga=2"', None),
        # What `http.cookies` ends at white space.
        (OPEN, b"session=1 _ga=2", None),
        (OPEN, b"session=1\t_ga = 2; csrftoken=3", b"csrftoken=3"),
        (OPEN, b"session=1\x0b_ga=2; csrftoken=1\x0c_ga=2; path=1\r_ga=2", None),
        (OPEN, b"session= _ga=2; csrftoken=3", b"csrftoken=3"),
        (OPEN, b"session= csrftoken=2; _ga=3", b"session= csrftoken=2"),
        (OPEN, b'session="1; csrftoken=" _ga=2 "', None),
        (OPEN, b"session=1 csrftoken=2; _ga=3", b"session=1 csrftoken=2"),
        (OPEN, b'session=1 csrftoken="2"; path=3', b"path=3"),
        (OPEN, b"session=a b c; _ga=3", b"session=a b c"),
        (OPEN, b"_ga=1 session=2; csrftoken=3", b"csrftoken=3"),
        # Where a server joined lines with a comma, a name belongs to the value before it.
        (OPEN, b"session=1,_ga=2", b"session=1,_ga=2"),
        (OPEN, b"session=1, _ga=2", None),
        (OPEN, b"_ga=2,session=1; csrftoken=3", b"csrftoken=3"),
        (OPEN, b"_ga=2, session=1", None),
        # What is granted.
        (GRANTED, b"_ga=1; ad_id=2; unknown=3; _ga_X=4", b"_ga=1; _ga_X=4"),
        (GRANTED, b'_ga="1; session=2"; ad_id=3', b'session=2"'),
        (GRANTED, b"session=1 _ga=2; ad_id=3", b"session=1 _ga=2"),
        (EVERYTHING, b'_ga="1; ad_id=2"', b'_ga="1; ad_id=2"'),
        (EVERYTHING, b"_ga=1; ad_id=2; _ga", b"_ga=1; ad_id=2"),
    ],
)
def test_what_an_app_gets_of_a_cookie_header(
    protocol: str, where: Situation, line: bytes, left: bytes | None
) -> None:
    """Of each header the app gets what its visitor allows, byte for byte; None is no header."""
    if where.token:
        given_lines = [where.token + b"; " + line]
        expected = [where.token + (b"; " + left if left else b"")]
    else:
        given_lines, expected = [line], [] if left is None else [left]
    assert handed(protocol, where.gate, given_lines) == expected


@pytest.mark.conformance("R1", "R2")
@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([b"session=1", b"_ga=2", b"csrftoken=3"], [b"session=1", b"csrftoken=3"]),
        ([b"_ga=1", b"ad_id=2"], []),
        ([b"session=1; _ga=2", b"_ga=3; csrftoken=4"], [b"session=1", b"csrftoken=4"]),
        ([b"", b"_ga=1", b";"], [b"", b";"]),
        ([b'session="1', b'_ga=2"', b"csrftoken=3"], [b"csrftoken=3"]),
        ([b'_ga="1', b'session=2"'], [b'session=2"']),
        ([b'session="1', b'csrftoken=2"'], [b'session="1', b'csrftoken=2"']),
    ],
)
def test_what_an_app_gets_of_several_cookie_lines(lines: list[bytes], left: list[bytes]) -> None:
    """Several Cookie lines are read together, and stay several, without those that are empty."""
    assert handed("asgi", OPEN.gate, lines) == left


@pytest.mark.conformance("R1", "R2")
def test_a_choice_in_one_line_counts_for_all() -> None:
    """What a visitor granted may be read wherever among the Cookie lines the choice stands."""
    for lines in ([b"_ga=1", GRANTED.token], [GRANTED.token, b"_ga=1"]):
        assert handed("asgi", GRANTED.gate, [*lines, b"ad_id=2"]) == lines


@pytest.mark.conformance("R1")
def test_a_header_of_refused_cookies_alone_is_not_there_at_all() -> None:
    """Where nothing is left there is no HTTP_COOKIE in environ, and no cookie header in the scope.

    The server's own scope keeps what it had.
    """
    environ = requested("wsgi", OPEN.gate, wsgi_environ(Visit([b"_ga=1; x"])))
    assert "HTTP_COOKIE" not in environ
    scope = asgi_scope(Visit([b"_ga=1", b"x"], headers=[(b"host", b"a")]))
    assert requested("asgi", OPEN.gate, scope)["headers"] == [(b"host", b"a")]
    assert scope["headers"] == [(b"host", b"a"), (b"cookie", b"_ga=1"), (b"cookie", b"x")]


@pytest.mark.conformance("R2")
def test_a_cookie_header_is_known_whatever_its_case_and_container() -> None:
    """Names without case, lists for pairs, a tuple or an iterator of headers: all are read."""
    for container in (tuple, list, iter):
        headers = [[b"Cookie", b"session=1; _ga=2"], (b"COOKIE", b"ad_id=3"), (b"x", b"_ga=4")]
        scope = asgi_scope(Visit()) | {"headers": container(headers)}
        found = requested("asgi", OPEN.gate, scope)["headers"]
        assert list(map(tuple, found)) == [(b"Cookie", b"session=1"), (b"x", b"_ga=4")]


@pytest.mark.conformance("R1")
def test_a_websocket_handshake_brings_no_other_cookies() -> None:
    """A websocket scope is treated as a request is."""
    scope = asgi_scope(Visit([b"session=1; _ga=2"])) | {"type": "websocket", "scheme": "ws"}
    assert lines_of("asgi", requested("asgi", OPEN.gate, scope)) == [b"session=1"]


ODD = b'session=1; _ga=2; unknown=3; x; =4; session="5; ad_id=6"; session=7 _ga=8'


class Kept:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    @property
    def withheld(self) -> list[tuple[str, str | None, Reason | None, bool]]:
        """What was told of cookies that the app did not get to read."""
        return [
            (event.name, event.category, event.reason, event.enforced)
            for event in self.events
            if event.action == "withheld"
        ]


@pytest.mark.conformance("R1", "R4")
@PROTOCOLS
@pytest.mark.parametrize(
    ("options", "enforced"),
    [
        ({"withhold": False}, None),
        ({"needs_consent": lambda request: request.path != "/"}, None),
        ({"report_only": True}, False),
        ({}, True),
    ],
)
def test_options_that_leave_cookies_with_the_app(
    protocol: str, policy: Policy, options: dict[str, Any], enforced: bool | None
) -> None:
    """Without `withhold`, without need, or in a report alone the app gets the very same header.

    A report tells the observer what would have been withheld; the others have nothing to tell.
    """
    kept = Kept()
    gate = ConsentGate(policy, secret_key=KEY, observer=kept, **options)
    request = request_of(protocol, [ODD])
    headers, cookie = request.get("headers"), request.get("HTTP_COOKIE")
    found = requested(protocol, gate, request)
    untouched = found.get("headers") is headers and found.get("HTTP_COOKIE") is cookie
    assert untouched == (enforced is not True)
    assert [told for *_, told in kept.withheld] == ([] if enforced is None else [enforced] * 5)


@pytest.mark.conformance("R1")
@PROTOCOLS
def test_where_no_consent_is_needed_is_asked_per_request(protocol: str, policy: Policy) -> None:
    """One gate leaves all cookies to some requests, and withholds them from others."""
    gate = ConsentGate(policy, secret_key=KEY, needs_consent=lambda request: request.path == "/")
    lines = [b"session=1; _ga=2; x"]
    assert handed(protocol, gate, lines) == [b"session=1"]
    assert handed(protocol, gate, lines, visit=Visit(path="/health")) == lines


@pytest.mark.conformance("R1", "S13")
@pytest.mark.parametrize(
    ("choice", "line", "events"),
    [
        (None, b"session=1; csrftoken=2; visits=3", []),
        (None, b"_ga=1", [("_ga", "statistics", Reason.UNANSWERED)]),
        ([], b"_ga=1", [("_ga", "statistics", Reason.REFUSED)]),
        (["statistics"], b"_ga=1", []),
        (
            ["statistics"],
            b"ad_id=1; unknown=2; _ga=3; ad_id=4",
            [("ad_id", "marketing", Reason.REFUSED), ("unknown", None, Reason.UNDECLARED)],
        ),
        (None, b"unknown=1; unknown=2", [("unknown", None, Reason.UNDECLARED)]),
        (None, b"session\xa0=1", [("session\xa0", None, Reason.UNDECLARED)]),
        (None, b"u" * 100 + b"=1", [("u" * 80, None, Reason.UNDECLARED)]),
        (None, b"secret; =1; ==2", [("", None, Reason.MALFORMED)]),
        (None, b"session=1 _ga=2", [("session", "necessary", Reason.AMBIGUOUS)]),
        (
            None,
            b'session="1; _ga=2"',
            [
                ("_ga", "statistics", Reason.UNANSWERED),
                ("session", "necessary", Reason.AMBIGUOUS),
            ],
        ),
        (
            ["statistics"],
            b'_ga="1; x"',
            [("", None, Reason.MALFORMED), ("_ga", "statistics", Reason.AMBIGUOUS)],
        ),
    ],
)
def test_the_observer_hears_what_is_withheld_and_why(
    adapter: Adapter,
    policy: Policy,
    choice: list[str] | None,
    line: bytes,
    events: list[tuple[str, str | None, Reason]],
) -> None:
    """Each withheld name is told once per request, with its category and a reason."""
    kept = Kept()
    gate = ConsentGate(policy, secret_key=KEY, observer=kept)
    token = [] if choice is None else [token_pair(gate, *choice)]
    adapter(gate, sets(), Visit([b"; ".join([*token, line])], path="/shop"))
    assert kept.withheld == [(*event, True) for event in events]
    assert {event.path for event in kept.events} <= {"/shop"}


CHANGES: list[tuple[list[str], Act, bytes]] = [
    (["statistics", "marketing"], Consent.withdraw, b"session=1"),
    (["statistics", "marketing"], Consent.refuse_all, b"session=1"),
    (
        ["statistics", "marketing"],
        lambda consent: consent.withdraw("marketing"),
        b"_ga=2; session=1",
    ),
    (
        ["statistics", "marketing"],
        lambda consent: consent.grant("marketing"),
        b"session=1; ad_id=3",
    ),
    (["statistics"], lambda consent: consent.grant("marketing"), b"session=1"),
    (["statistics"], lambda consent: consent.grant("statistics"), b"_ga=2; session=1"),
    ([], Consent.grant_all, b"session=1"),
]


@pytest.mark.conformance("R1", "K9")
@PROTOCOLS
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(("choice", "act", "left"), CHANGES)
def test_a_change_of_choice_narrows_what_the_app_reads(
    protocol: str, policy: Policy, choice: list[str], act: Act, left: bytes, started: bool
) -> None:
    """After a withdrawal or a narrower grant the app's own request holds no lost cookies.

    Also once the response has started. What was withheld does not come back.
    """
    gate = ConsentGate(policy, secret_key=KEY)
    token = token_pair(gate, *choice)
    before: list[list[bytes]] = []
    line = b"_ga=2; session=1; ad_id=3; unknown=4"
    names = [b"_ga=2; "] * ("statistics" in choice) + [b"session=1"]
    names += [b"; ad_id=3"] * ("marketing" in choice)
    request = request_of(protocol, [line, token])

    def change(consent: Consent, seen: dict[str, Any]) -> None:
        before.append(lines_of(protocol, seen))
        with suppress(ResponseStartedError):
            act(consent)

    found = requested(protocol, gate, request, change, started=started)
    if protocol == "wsgi":
        assert before == [[b"".join(names) + b"; " + token]]
        assert lines_of(protocol, found) == [left + b"; " + token]
    else:
        assert before == [[b"".join(names), token]]
        assert lines_of(protocol, found) == [left, token]


@pytest.mark.conformance("R1", "K9")
@PROTOCOLS
def test_opposing_an_exempt_category_withholds_its_cookies(protocol: str, policy: Policy) -> None:
    """What needs no consent is withheld as well once the visitor opposes it."""
    gate = ConsentGate(policy, secret_key=KEY)
    lines = [b"visits=1; session=2"]
    assert handed(protocol, gate, lines) == lines

    def oppose(consent: Consent) -> None:
        consent.withdraw("anonymous_statistics")

    assert handed(protocol, gate, lines, oppose) == [b"session=2"]


@pytest.mark.conformance("R1", "K9")
@PROTOCOLS
@pytest.mark.parametrize("options", [{"withhold": False}, {"report_only": True}])
def test_a_withdrawal_withholds_nothing_where_nothing_is_withheld(
    protocol: str, policy: Policy, options: dict[str, Any]
) -> None:
    """Without `withhold`, or in a report alone, the header stays the same after a withdrawal."""
    gate = ConsentGate(policy, secret_key=KEY, **options)
    line = token_pair(gate, "statistics") + b"; _ga=1; ad_id=2; x"
    assert handed(protocol, gate, [line], Consent.withdraw) == [line]


@pytest.mark.conformance("R1", "K9")
@PROTOCOLS
def test_a_request_object_of_before_reads_what_is_left(protocol: str) -> None:
    """Werkzeug's and Starlette's requests read no lost cookie, though they were there before."""
    gate = GRANTED.gate
    read: list[object] = []

    def act(consent: Consent, seen: dict[str, Any]) -> None:
        if protocol == "wsgi":
            request = WerkzeugRequest(seen, populate_request=True)
            read.append("_ga" in request.cookies)
            consent.withdraw()
            read.append(sorted(request.cookies))
        else:
            connection = HTTPConnection(seen)
            read.append("_ga" in connection.headers["cookie"])
            consent.withdraw()
            read.append(sorted(connection.cookies))

    requested(protocol, gate, request_of(protocol, [b"_ga=1; session=2; " + GRANTED.token]), act)
    assert read == [True, ["cookies_preferences", "session"]]


@pytest.mark.conformance("R1")
@PROTOCOLS
def test_what_a_change_withholds_is_told_once(protocol: str, policy: Policy) -> None:
    """The observer hears of a lost cookie as refused, and not again of those withheld before."""
    kept = Kept()
    gate = ConsentGate(policy, secret_key=KEY, observer=kept)
    line = b"_ga=1; unknown=2; " + token_pair(gate, "statistics")
    handed(protocol, gate, [line], Consent.withdraw)
    assert kept.withheld == [
        ("unknown", None, Reason.UNDECLARED, True),
        ("_ga", "statistics", Reason.REFUSED, True),
    ]


@pytest.mark.conformance("R1")
@PROTOCOLS
def test_a_signal_withholds_what_serves_to_sell(protocol: str, policy: Policy) -> None:
    """Where no consent is needed, `Sec-GPC: 1` still withholds the cookies it refuses."""
    kept = Kept()
    gate = ConsentGate(policy, secret_key=KEY, observer=kept, needs_consent=lambda request: False)
    visit = Visit(headers=[(b"sec-gpc", b"1")])
    lines = [b"session=1; ad_id=2; unknown=3; x"]
    assert handed(protocol, gate, lines) == lines
    assert kept.withheld == []
    assert handed(protocol, gate, lines, visit=visit) == [b"session=1; unknown=3"]
    assert kept.withheld == [
        ("ad_id", "marketing", Reason.REFUSED, True),
        ("", None, Reason.MALFORMED, True),
    ]


@pytest.mark.conformance("R1", "K19")
def test_a_gate_behind_a_gate_leaves_the_same(adapter: Adapter, policy: Policy) -> None:
    """Two gates around one app withhold what one does, and tell it once."""
    told = []
    for twice in (False, True):
        kept = Kept()
        gate = ConsentGate(policy, secret_key=KEY, observer=kept)
        Adapter(adapter.protocol, wrap_twice=twice)(gate, sets(), Visit([ODD]))
        told.append(kept.withheld)
    assert told[0] == told[1]
    assert len(told[0]) == 5


HUGE = [
    b"session=1; ",
    b"_ga=1;",
    b"_ga",
    b"=",
    b";",
    b"; ",
    b" ",
    b'"',
    b'session="1;',
    b'session="1 _ga=2"; ',
    b"session=1 _ga=2 ",
    b'\\"',
    b"\xa0",
    b"\x0b",
    b"\0",
    b"cookies_preferences=1~;",
]


@pytest.mark.conformance("R3")
@PROTOCOLS
@pytest.mark.parametrize("unit", HUGE)
def test_a_request_twice_as_long_takes_at_most_a_few_times_as_many_steps(
    protocol: str, unit: bytes
) -> None:
    """The work on 64 KiB of Cookie header, counted in lines of Python, is linear, never an error.

    The response's part in it, and the observer's, are counted as well.
    """
    half = b"session=" + unit * (2**15 // len(unit))
    assert steps(protocol, half + half) < 3 * steps(protocol, half) + 500


@pytest.mark.conformance("R3")
@PROTOCOLS
def test_a_request_with_many_names_takes_as_many_steps(protocol: str) -> None:
    """The work on 64 KiB of names that are all different is linear in their number."""
    short, long = (
        b"; ".join(b"_ga_%d=1; u%d=2 _ga=3" % (number, number) for number in range(size))
        for size in (1500, 3000)
    )
    assert len(long) > 2**16
    assert steps(protocol, long) < 3 * steps(protocol, short) + 500


def steps(protocol: str, line: bytes) -> int:
    """Count the lines of code that run for a request with a Cookie line at a new gate."""
    names = Policy([Cookie("session"), Cookie("_ga*", "statistics"), Cookie("*_id", "marketing")])
    gate = ConsentGate(names, secret_key=KEY, observer=Kept())
    request = request_of(protocol, [line])
    with counted() as steps:
        requested(protocol, gate, request)
    return steps.count
