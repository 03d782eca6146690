"""What a response tells caches where it depends on a visitor's choice, and where it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from adapters import (
    KEY,
    Adapter,
    Header,
    Reply,
    View,
    Visit,
    called,
    granted,
    token_pair,
)
from consentgate import Consent, ConsentGate, Policy
from consentgate.caching import keep_apart
from consentgate.exchange import Exchange
from consentgate.wire import BYTES, NATIVE, Dialect, Text

Apart = Callable[..., list[Header]]

COOKIE = (b"Set-Cookie", b"_ga=1; Path=/")
TYPE = (b"Content-Type", b"text/plain")
# What counts more than Cache-Control in one shared cache or another.
OVERRULING = (
    b"X-Accel-Expires",
    b"Surrogate-Control",
    b"CDN-Cache-Control",
    b"Cloudflare-CDN-Cache-Control",
)


def apart_in(dialect: Dialect[Text]) -> Apart:
    """Return `keep_apart` on plain bytes, by way of one dialect."""

    def apart(*headers: Header, fields: Sequence[bytes] = (b"Cookie",)) -> list[Header]:
        own = [(dialect.decode(name), dialect.decode(value)) for name, value in headers]
        keep_apart(own, fields, dialect)
        return [(dialect.encode(name), dialect.encode(value)) for name, value in own]

    return apart


@pytest.fixture(params=["bytes", "native"])
def apart(request: pytest.FixtureRequest) -> Apart:
    """Return `keep_apart` in each dialect: it changes a list of headers, and gives it back."""
    return apart_in(BYTES) if request.param == "bytes" else apart_in(NATIVE)


def values(headers: Sequence[Header], name: bytes) -> list[bytes]:
    """Return the values of one header, by its name in lower case."""
    return [value for key, value in headers if key.lower() == name]


def directives(headers: Sequence[Header]) -> list[bytes]:
    """Return what all Cache-Control lines together say; nothing in them is quoted."""
    parts = b",".join(values(headers, b"cache-control")).split(b",")
    return [part.strip() for part in parts if part.strip()]


# Vary


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [b"Cookie"]),
        ([b""], [b"Cookie"]),
        ([b" , ,\t"], [b"Cookie"]),
        ([b"Accept-Encoding"], [b"Accept-Encoding, Cookie"]),
        ([b"Accept-Encoding,"], [b"Accept-Encoding, Cookie"]),
        ([b"Accept-Encoding,Origin \t, "], [b"Accept-Encoding,Origin, Cookie"]),
        ([b"Accept-Encoding", b"Origin"], [b"Accept-Encoding", b"Origin, Cookie"]),
        ([b"X-Cookie, Cookie2"], [b"X-Cookie, Cookie2, Cookie"]),
        ([b"Set-Cookie, \xe9"], [b"Set-Cookie, \xe9, Cookie"]),
    ],
)
def test_vary_is_merged(apart: Apart, before: list[bytes], after: list[bytes]) -> None:
    """What the app named stays as it wrote it, line by line, and `Cookie` is added once."""
    lines = [(b"Vary", value) for value in before]
    assert values(apart(TYPE, *lines), b"vary") == after


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    "lines",
    [
        *([b"Cookie"], [b"cookie"], [b"COOKIE,"], [b" \tCookie\t "], [b"Origin,cOOkie"]),
        *([b"Cookie, Origin"], [b"Cookie", b"Origin"], [b"Origin", b"Cookie"]),
        *([b"*"], [b" * "], [b"Origin, *"], [b"*", b"Origin"], [b"Origin", b"*"]),
    ],
)
def test_vary_is_untouched_where_it_says_enough(apart: Apart, lines: list[bytes]) -> None:
    """Where `Cookie` is named already, in whatever case, or `*`, not a byte changes."""
    headers = [TYPE, *((b"vARY", value) for value in lines), (b"X-Last", b"1")]
    assert apart(*headers) == headers


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [b"Cookie, Sec-GPC"]),
        ([b"Cookie"], [b"Cookie, Sec-GPC"]),
        ([b"sec-gpc"], [b"sec-gpc, Cookie"]),
        ([b"Origin"], [b"Origin, Cookie, Sec-GPC"]),
        ([b"SEC-GPC", b"cookie"], [b"SEC-GPC", b"cookie"]),
        ([b"*"], [b"*"]),
    ],
)
def test_each_field_is_added_that_is_missing(
    apart: Apart, before: list[bytes], after: list[bytes]
) -> None:
    """Where a response depends on two fields, those that are not named yet are added."""
    lines = [(b"Vary", value) for value in before]
    assert values(apart(*lines, fields=(b"Cookie", b"Sec-GPC")), b"vary") == after


@pytest.mark.conformance("C1")
def test_new_lines_are_spelled_as_the_protocol_wants() -> None:
    """ASGI gets names in lower case, WSGI as they are usually written; old ones stay."""
    old, new = (b"cAche-control", b"public"), (b"vARy", b"Origin")
    assert apart_in(BYTES)(COOKIE)[1:] == [(b"vary", b"Cookie"), (b"cache-control", b"private")]
    assert apart_in(NATIVE)(COOKIE)[1:] == [(b"Vary", b"Cookie"), (b"Cache-Control", b"private")]
    for dialect in (apart_in(BYTES), apart_in(NATIVE)):
        told = dialect(COOKIE, old, new)[1:]
        assert told == [(b"cAche-control", b"private"), (b"vARy", b"Origin, Cookie")]


# Cache-Control, and what overrules it


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"private"),
        (b"public", b"private"),
        (b"PUBLIC", b"private"),
        (b"public, max-age=600", b"max-age=600, private"),
        (b"max-age=600,public", b"max-age=600, private"),
        (b"max-age=600, s-maxage=3600, immutable", b"max-age=600, immutable, private"),
        (b"S-MaxAge=60 , s-maxage", b"private"),
        (b"public,s-maxage =60,", b"private"),
        (b"max-age=600", b"max-age=600, private"),
        (b"max-age=600, ", b"max-age=600, private"),
        (b"no-cache", b"no-cache, private"),
        (b"must-revalidate, proxy-revalidate", b"must-revalidate, proxy-revalidate, private"),
        (b"x-private, not-no-store", b"x-private, not-no-store, private"),
        # A list of fields: a cache may keep the rest of the response (RFC 9111 5.2.2.7).
        (b'private="set-cookie"', b'private="set-cookie", private'),
        (b'Private="a", public', b'Private="a", private'),
        (b'no-cache="a, public, private"', b'no-cache="a, public, private", private'),
        (b'x="a, no-store, b", public, y="public"', b'x="a, no-store, b", y="public", private'),
        (b'x="\\", private, ", max-age=1', b'x="\\", private, ", max-age=1, private'),
        (b'x="public', b'x="public, private'),
        (b"x=\xe9, public", b"x=\xe9, private"),
    ],
)
def test_a_response_with_cookies_is_private(apart: Apart, before: bytes, after: bytes) -> None:
    """What is for shared caches goes, what is for the browser stays, and `private` is said."""
    told = apart((b"Cache-Control", before), COOKIE)
    assert told[:2] == [(b"Cache-Control", after), COOKIE]
    assert values(told, b"vary") == [b"Cookie"]


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    "lines",
    [
        *([b"private"], [b"PRIVATE"], [b"no-store"], [b"No-Store,"], [b" private\t"]),
        *([b"max-age=0, no-cache, no-store"], [b"private, max-age=600"], [b"private,s-maxage=0"]),
        *([b"private", b"max-age=600"], [b"max-age=600", b"no-store"], [b'x="a", private']),
    ],
)
def test_what_is_stricter_is_never_weakened(apart: Apart, lines: list[bytes]) -> None:
    """Where a line says `private` or `no-store` to all caches, not a byte of any changes."""
    headers = [*((b"Cache-Control", value) for value in lines), COOKIE]
    assert apart(*headers)[:-1] == headers


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([b"public", b"max-age=600"], [b"max-age=600", b"private"]),
        ([b"max-age=600", b"public"], [b"max-age=600", b"private"]),
        ([b"s-maxage=5", b"public"], [b"private"]),
        (
            [b"max-age=1, public", b"immutable", b"s-maxage=5"],
            [b"max-age=1", b"immutable", b"private"],
        ),
    ],
)
def test_several_lines_are_read_together(
    apart: Apart, lines: list[bytes], left: list[bytes]
) -> None:
    """Each line loses what is for shared caches, and `private` is said once."""
    told = apart(*((b"Cache-Control", value) for value in lines), COOKIE)
    assert directives(told) == left


@pytest.mark.conformance("C1")
def test_private_is_said_where_nothing_was_said(apart: Apart) -> None:
    """With a cookie in it, by whatever case of the name, a response without a word is private."""
    for name in (b"Set-Cookie", b"SET-COOKIE", b"set-cookie"):
        assert directives(apart(TYPE, (name, b"_ga=1"))) == [b"private"]


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("name", OVERRULING)
def test_what_overrules_cache_control_goes_with_a_cookie(apart: Apart, name: bytes) -> None:
    """Beside a cookie no line is left by which one kind of shared cache would keep it."""
    for spelled in (name, name.lower(), name.upper()):
        told = apart((spelled, b"600"), TYPE, (spelled, b"max-age=60"), COOKIE, (spelled, b"@0"))
        assert told[:2] == [TYPE, COOKIE]
        assert values(told, name.lower()) == []
        assert directives(told) == [b"private"]


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("control", [b"private", b"no-store"])
def test_what_overrules_goes_whatever_cache_control_says(apart: Apart, control: bytes) -> None:
    """A strict Cache-Control is of no use to a cache that does not heed it."""
    every = [(name, b"600") for name in OVERRULING]
    headers = [(b"Cache-Control", control), COOKIE]
    assert apart(*every, *headers)[:-1] == headers


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    "name",
    [b"X-Accel-Buffering", b"X-Accel-Expires-2", b"Surrogate-Key", b"X-CDN-Cache-Control-Note"],
)
def test_other_lines_stay_beside_a_cookie(apart: Apart, name: bytes) -> None:
    """A header whose name only resembles those stays where it was."""
    assert apart((name, b"1"), COOKIE)[:2] == [(name, b"1"), COOKIE]


@pytest.mark.conformance("C1")
def test_without_a_cookie_only_vary_is_said(apart: Apart) -> None:
    """A response that depends on the choice, but carries no cookie, may be kept for its like."""
    headers = [
        (b"Cache-Control", b"public, s-maxage=600"),
        *((name, b"600") for name in OVERRULING),
        (b"X-Set-Cookie", b"a=b"),
    ]
    told = apart(*headers)
    assert told[:-1] == headers
    assert values(told[-1:], b"vary") == [b"Cookie"]


@pytest.mark.conformance("C1")
def test_said_twice_it_is_said_once(apart: Apart) -> None:
    """On what was told already, by a gate further in, nothing changes any more."""
    every = [(name, b"600") for name in OVERRULING]
    once = apart(COOKIE, *every, (b"Cache-Control", b"public, max-age=1"), (b"Vary", b"Origin"))
    assert apart(*once) == once


# Through the gate

PUBLIC = (b"Cache-Control", b"public, max-age=600")
OPEN = [TYPE, PUBLIC, (b"Vary", b"Origin"), (b"X-Accel-Expires", b"600")]
OPTED_OUT = [(b"Sec-GPC", b"1")]


def page(*cookies: str) -> View:
    """Return a view whose response says that any cache may keep it, and sets these cookies."""
    lines = [(b"Set-Cookie", value.encode()) for value in cookies]
    return lambda _: Reply([*OPEN, *lines])


def told(answer_headers: Sequence[Header]) -> dict[str, list[bytes]]:
    """Return what a response tells caches."""
    names = ("vary", "cache-control", "x-accel-expires")
    return {name: values(answer_headers, name.encode()) for name in names}


NOTHING_CHANGED = told(OPEN)
VARIES = {**NOTHING_CHANGED, "vary": [b"Origin, Cookie"]}
VARIES_BY_SIGNAL = {**NOTHING_CHANGED, "vary": [b"Origin, Cookie, Sec-GPC"]}
PRIVATE = {
    "vary": [b"Origin, Cookie"],
    "cache-control": [b"max-age=600, private"],
    "x-accel-expires": [],
}
PRIVATE_BY_SIGNAL = {**PRIVATE, "vary": [b"Origin, Cookie, Sec-GPC"]}


def refused(gate: ConsentGate, *pairs: bytes) -> Visit:
    """Return the visit of somebody who refused everything, with these cookies in the browser."""
    token = gate.set_cookie_for(gate.choice([], gate.policy.choosable)).partition(";")[0]
    return Visit([b"; ".join([token.encode(), *pairs])])


@pytest.mark.conformance("C1")
def test_a_gated_cookie_that_is_stripped_changes_vary(adapter: Adapter, gate: ConsentGate) -> None:
    """Before an answer and after a refusal no cookie leaves: the page may be kept, for its like."""
    for visit in (Visit(), refused(gate), granted(gate, "marketing")):
        answer = adapter(gate, page("_ga=1"), visit)
        assert answer.set_cookies == []
        assert told(answer.headers) == VARIES


@pytest.mark.conformance("C1")
def test_a_gated_cookie_that_passes_is_for_one_visitor(adapter: Adapter, gate: ConsentGate) -> None:
    """After a grant the cookie leaves, in a response that no shared cache keeps."""
    answer = adapter(gate, page("_ga=1"), granted(gate, "statistics"))
    assert answer.set_cookies == [b"_ga=1"]
    assert told(answer.headers) == PRIVATE


@pytest.mark.conformance("C1")
def test_a_necessary_cookie_beside_a_stripped_one_is_for_one_visitor(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """Where the response depends on the choice, whatever cookie is left makes it private."""
    answer = adapter(gate, page("session=1", "_ga=1"))
    assert answer.set_cookies == [b"session=1"]
    assert told(answer.headers) == PRIVATE


@pytest.mark.conformance("C1")
def test_an_exempt_cookie_that_can_be_opposed_depends_on_the_choice(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """Exempt statistics pass until they are opposed, so both outcomes say so."""
    passed, opposed = (adapter(gate, page("visits=1"), visit) for visit in (None, refused(gate)))
    assert (passed.names, told(passed.headers)) == ([b"visits"], PRIVATE)
    assert (opposed.names, told(opposed.headers)) == ([], VARIES)


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("cookies", [(), ("session=1", "csrftoken=2"), ("mystery=1",)])
def test_what_depends_on_nothing_is_told_as_the_app_told_it(
    adapter: Adapter, gate: ConsentGate, cookies: tuple[str, ...]
) -> None:
    """A response with necessary cookies, with an undeclared one or with none stays as it was."""
    for visit in (Visit(), refused(gate), granted(gate, "statistics"), Visit(headers=OPTED_OUT)):
        answer = adapter(gate, page(*cookies), visit)
        left = [cookie.encode() for cookie in cookies if not cookie.startswith("mystery")]
        expected = [*OPEN, *((b"Set-Cookie", value) for value in left)]
        assert [value for _, value in answer.headers] == [value for _, value in expected]
        assert told(answer.headers) == NOTHING_CHANGED


@pytest.mark.conformance("C1", "S11")
@pytest.mark.parametrize("dialect", [BYTES, NATIVE], ids=["bytes", "native"])
def test_what_depends_on_nothing_keeps_its_headers(gate: ConsentGate, dialect: Any) -> None:
    """The very same header objects leave, in their order, but for an undeclared cookie."""
    lines = [*OPEN, (b"Set-Cookie", b"session=1"), (b"Set-Cookie", b"mystery=1"), (b"X-Last", b"1")]
    headers = [(dialect.decode(name), dialect.decode(value)) for name, value in lines]
    left = Exchange(gate, []).leaving(headers, dialect, 200)
    del headers[len(OPEN) + 1]
    assert list(map(id, left)) == list(map(id, headers))


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    "ask",
    [
        lambda consent: consent.allows("statistics"),
        lambda consent: consent.allows("anonymous_statistics"),
        lambda consent: consent.answered,
        lambda consent: consent.choice,
    ],
    ids=["allows", "allows exempt", "answered", "choice"],
)
def test_an_app_that_asks_depends_on_the_choice(
    adapter: Adapter, gate: ConsentGate, ask: Callable[[Consent], object]
) -> None:
    """What the app was told may be in the page: it says so, and may be kept where no cookie is."""
    for visit in (Visit(), refused(gate), granted(gate, "statistics")):
        assert told(adapter(gate, called(ask, page()), visit).headers) == VARIES
    # A necessary cookie beside it is somebody's.
    assert told(adapter(gate, called(ask, page("session=1"))).headers) == PRIVATE


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    "ask",
    [lambda consent: consent.allows("necessary"), lambda consent: consent.needed],
    ids=["necessary", "needed"],
)
def test_an_app_that_asks_what_is_the_same_for_all_depends_on_nothing(
    adapter: Adapter, gate: ConsentGate, ask: Callable[[Consent], object]
) -> None:
    """The necessary is allowed to everybody, and whether consent is needed is no choice."""
    for visit in (Visit(), refused(gate), granted(gate, "statistics")):
        answer = adapter(gate, called(ask, page("session=1")), visit)
        assert told(answer.headers) == NOTHING_CHANGED


@pytest.mark.conformance("C1", "K6", "K9")
@pytest.mark.parametrize(
    "decide",
    [Consent.grant_all, Consent.refuse_all, Consent.withdraw],
    ids=lambda act: act.__name__,
)
def test_a_recorded_choice_is_for_one_visitor(
    adapter: Adapter, gate: ConsentGate, decide: Callable[[Consent], object]
) -> None:
    """The response that carries a visitor's token is kept by no shared cache."""
    answer = adapter(gate, called(decide, page()))
    assert answer.names == [b"cookies_preferences"]
    assert told(answer.headers) == PRIVATE


@pytest.mark.conformance("C1", "K7")
@pytest.mark.parametrize(
    ("decide", "categories"),
    [
        (Consent.grant_all, ("anonymous_statistics", "preferences", "statistics", "marketing")),
        (lambda consent: consent.grant("statistics"), ("statistics",)),
        (lambda consent: (consent.grant_all(), consent.grant("statistics")), ("statistics",)),
    ],
    ids=["all", "one", "there and back"],
)
def test_a_choice_that_is_held_already_depends_on_the_choice(
    adapter: Adapter,
    gate: ConsentGate,
    decide: Callable[[Consent], object],
    categories: tuple[str, ...],
) -> None:
    """Recorded for one visitor and held by the next: the response without a token says so too."""
    answer = adapter(gate, called(decide, page()), granted(gate, *categories))
    assert answer.set_cookies == []
    assert told(answer.headers) == VARIES


@pytest.mark.conformance("C1", "R5")
@pytest.mark.parametrize("cookies", [b"_ga=1", b"_ga=1; session=2"])
def test_a_deletion_is_for_one_visitor(adapter: Adapter, gate: ConsentGate, cookies: bytes) -> None:
    """The response that expires what one browser holds is kept by no shared cache."""
    for visit in (Visit([cookies]), refused(gate, cookies)):
        answer = adapter(gate, page(), visit)
        assert set(answer.names) == {b"_ga"}
        assert told(answer.headers) == PRIVATE


@pytest.mark.conformance("C1", "K11")
def test_a_deletion_by_the_app_is_for_one_visitor(adapter: Adapter, gate: ConsentGate) -> None:
    """An app's own deletion of a gated cookie leaves in a private response."""
    answer = adapter(gate, page("_ga=; Max-Age=0"))
    assert answer.set_cookies == [b"_ga=; Max-Age=0"]
    assert told(answer.headers) == PRIVATE


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("control", [b"no-store", b"private, max-age=60", b"No-Cache, NO-STORE"])
def test_a_strict_app_stays_strict(adapter: Adapter, gate: ConsentGate, control: bytes) -> None:
    """Passed, stripped or asked: what the app forbade to caches stays forbidden, word for word."""
    lines = [TYPE, (b"Cache-Control", control), (b"Set-Cookie", b"_ga=1")]
    for visit in (Visit(), granted(gate, "statistics"), refused(gate, b"_ga=1")):
        answer = adapter(gate, lambda _: Reply(lines), visit)
        assert values(answer.headers, b"cache-control") == [control]
        assert values(answer.headers, b"vary") == [b"Cookie"]


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("status", [301, 304, 404, 500])
def test_every_status_tells_caches(adapter: Adapter, gate: ConsentGate, status: int) -> None:
    """Redirects, error pages and 304 can be kept as well, and say the same."""
    head = [PUBLIC, (b"Set-Cookie", b"_ga=1")] + ([] if status == 304 else [TYPE])
    body = () if status == 304 else (b"hello",)
    answer = adapter(gate, lambda _: Reply(head, status, body), granted(gate, "statistics"))
    assert values(answer.headers, b"vary") == [b"Cookie"]
    assert directives(answer.headers) == [b"max-age=600", b"private"]


@pytest.mark.conformance("C1")
def test_two_gates_tell_caches_once(adapter: Adapter, gate: ConsentGate) -> None:
    """Two gates around one app, by mistake, say what one says."""
    adapter.wrap_twice = True
    for visit, expected in ((Visit(), VARIES), (granted(gate, "statistics"), PRIVATE)):
        assert told(adapter(gate, page("_ga=1"), visit).headers) == expected


@pytest.mark.conformance("C1")
def test_report_only_tells_caches_nothing(adapter: Adapter, policy: Policy) -> None:
    """Where nothing happens to the cookies, nothing happens to what caches are told."""
    gate = ConsentGate(policy, secret_key=KEY, report_only=True)
    for visit in (Visit(), Visit([b"_ga=1"]), refused(gate, b"_ga=1"), granted(gate, "statistics")):
        answer = adapter(gate, page("_ga=1", "mystery=1"), visit)
        assert answer.set_cookies == [b"_ga=1", b"mystery=1"]
        assert told(answer.headers) == NOTHING_CHANGED


@pytest.mark.conformance("C1")
def test_under_report_only_an_app_that_asks_is_answered(adapter: Adapter, policy: Policy) -> None:
    """The app may show what it was told: that is one visitor's, report or not."""
    gate = ConsentGate(policy, secret_key=KEY, report_only=True)

    def ask(consent: Consent) -> object:
        return consent.allows("statistics")

    assert told(adapter(gate, called(ask, page())).headers) == VARIES
    assert told(adapter(gate, called(ask, page("_ga=1"))).headers) == PRIVATE


# Where no consent is needed


@pytest.fixture
def open_gate(policy: Policy) -> ConsentGate:
    """Return a gate that needs no consent: it stands open, but for the signal to opt out."""
    return ConsentGate(policy, secret_key=KEY, needs_consent=lambda request: False)


@pytest.mark.conformance("C1")
@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("CDN-Cache-Control", "no-store", True),
        ("CDN-Cache-Control", "private, max-age=5", True),
        ("Surrogate-Control", "no-store", True),
        ("X-Accel-Expires", "0", True),
        ("X-Accel-Expires", "10", False),
        ("Edge-Control", "max-age=60", False),
        ("CDN-Cache-Control", "max-age=60", False),
    ],
)
def test_what_keeps_caches_out_already_stays(
    adapter: Adapter, gate: ConsentGate, name: str, value: str, stays: bool
) -> None:
    """Of the fields that overrule Cache-Control, those that forbid storing are left alone."""
    header = (name.encode(), value.encode())
    reply = Reply([header, (b"Set-Cookie", b"_ga=1"), (b"Set-Cookie", b"session=1")])
    answer = adapter(gate, lambda _: reply, Visit(strict=False))
    found = [(key.lower(), said) for key, said in answer.headers]
    assert ((name.lower().encode(), value.encode()) in found) is stays
    assert (b"cache-control", b"private") in found


@pytest.mark.conformance("C1")
def test_a_word_of_nginx_says_nothing_in_cache_control(adapter: Adapter, gate: ConsentGate) -> None:
    """What forbids storing in nginx's own field does not count in Cache-Control."""
    reply = Reply(
        [(b"Cache-Control", b"0"), (b"Set-Cookie", b"session=1"), (b"Set-Cookie", b"_ga=1")]
    )
    answer = adapter(gate, lambda _: reply, Visit(strict=False))
    found = [(name.lower(), value) for name, value in answer.headers]
    assert (b"cache-control", b"0, private") in found


@pytest.mark.conformance("C1")
def test_both_protocols_in_one_process_mix_no_bytes_with_text() -> None:
    """Under `python -bb`, where comparing bytes with text is an error, both work side by side."""
    script = """if True:
        from consentgate import ConsentGate, Cookie, Policy, wire
        from consentgate.caching import keep_apart
        keep_apart([(b"vary", b"x"), (b"set-cookie", b"a=1")], (b"Cookie",), wire.BYTES)
        keep_apart([("vary", "x"), ("set-cookie", "a=1")], (b"Cookie",), wire.NATIVE)
    """
    subprocess.run([sys.executable, "-bb", "-c", script], check=True)  # noqa: S603  # our own interpreter


@pytest.mark.conformance("C1", "K17")
def test_what_passes_an_open_gate_is_kept_apart(adapter: Adapter, open_gate: ConsentGate) -> None:
    """A cookie that passes where no consent is needed is nothing for a cache that serves others."""
    for visit in (Visit(), Visit(headers=OPTED_OUT)):
        for line in ("_ga=1", "unknown=1"):
            answer = adapter(open_gate, page(line), visit)
            assert answer.names == [line.partition("=")[0].encode()]
            assert told(answer.headers) == PRIVATE
        asked = adapter(open_gate, called(lambda consent: consent.allows("statistics"), page()))
        assert told(asked.headers) == VARIES
        answer = adapter(open_gate, page("session=1"), visit)
        assert told(answer.headers) == NOTHING_CHANGED


@pytest.mark.conformance("C1")
def test_an_open_gate_depends_on_the_signal_where_cookies_are_sold(
    adapter: Adapter, open_gate: ConsentGate
) -> None:
    """A cookie that serves sale or sharing passes or not by `Sec-GPC`, unless it was granted."""
    signalled = Visit([token_pair(open_gate, "marketing")], headers=OPTED_OUT)
    for visit in (Visit(), signalled):
        answer = adapter(open_gate, page("ad_id=1"), visit)
        assert answer.names == [b"ad_id"]
        assert told(answer.headers) == PRIVATE_BY_SIGNAL
    stripped = adapter(open_gate, page("ad_id=1"), Visit(headers=OPTED_OUT))
    assert stripped.set_cookies == []
    assert told(stripped.headers) == VARIES_BY_SIGNAL


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("first", ["answered", "allows"])
def test_an_open_gate_says_that_the_app_asked_for_the_signal(
    adapter: Adapter, open_gate: ConsentGate, first: str
) -> None:
    """An app that asks whether sale is allowed, and more, in whatever order, names both fields."""

    def ask(consent: Consent) -> object:
        if first == "answered":
            return (consent.answered, consent.allows("marketing"))
        return (consent.allows("marketing"), consent.answered)

    for visit in (Visit(), Visit(headers=OPTED_OUT), refused(open_gate)):
        assert told(adapter(open_gate, called(ask, page()), visit).headers) == VARIES_BY_SIGNAL


@pytest.mark.conformance("C1")
def test_an_open_gate_that_only_reports_tells_caches_nothing(
    adapter: Adapter, policy: Policy
) -> None:
    """Under report_only the signal changes nothing either."""
    gate = ConsentGate(
        policy, secret_key=KEY, needs_consent=lambda request: False, report_only=True
    )
    for visit in (Visit(), Visit(headers=OPTED_OUT)):
        answer = adapter(gate, page("ad_id=1"), visit)
        assert answer.names == [b"ad_id"]
        assert told(answer.headers) == NOTHING_CHANGED
