"""Lifetimes that are cut to what is declared, and attributes that are raised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Adapter, Visit, called, granted, sets
from consentgate import (
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Event,
    Hardening,
    Policy,
    Reason,
)
from consentgate.attributes import clamped, hardened, lasts
from consentgate.wire import cookie_date

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()
DAY = 86400
LATER = b"Sun, 24 Jan 2027 12:00:00 GMT"
IN_A_DAY = b"Wed, 25 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"a=1", b"a=1"),
        (b"a=1; Max-Age=86400; Path=/", b"a=1; Max-Age=86400; Path=/"),
        (b"a=1; Max-Age=86401", b"a=1; Max-Age=86400"),
        (b"a=1;max-AGE = \t999999 ;Path=/;; X", b"a=1;max-AGE = \t86400 ;Path=/;; X"),
        (b"a=1; Max-Age=999999; Max-Age=60", b"a=1; Max-Age=86400; Max-Age=60"),
        (b"a=1; Max-Age=" + b"9" * 900, b"a=1; Max-Age=86400"),
        (b"a=1; Max-Age=" + b"9" * 5000, b"a=1; Max-Age=86400"),
        (b"a=1; Max-Age=000", b"a=1; Max-Age=000"),
        (b"a=1; Max-Age=00000000000000000060", b"a=1; Max-Age=00000000000000000060"),
        (b"a=1; Max-Age=-999999", b"a=1; Max-Age=-999999"),
        (b"a=1; Max-Age=+999999", b"a=1; Max-Age=+999999"),
        (b"a=1; Max-Age", b"a=1; Max-Age"),
        (b"a=1; Expires=" + LATER, b"a=1; Expires=" + IN_A_DAY),
        (b"a=1; expires = " + LATER + b" ; Secure", b"a=1; expires = " + IN_A_DAY + b" ; Secure"),
        (b"a=1; Expires=" + IN_A_DAY, b"a=1; Expires=" + IN_A_DAY),
        (b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",) * 2,
        (b"a=1; Expires=never",) * 2,
        (
            b"a=1; Expires=" + LATER + b"; Max-Age=999999",
            b"a=1; Expires=" + IN_A_DAY + b"; Max-Age=86400",
        ),
        # Some browsers read a date there, others do not: it is cut for those that do.
        (b"a=1; Expires=24th Jan 2027 12:00:00Z", b"a=1; Expires=" + IN_A_DAY),
        (b"a=1; Expires=24th Jan 1999 12:00:00Z",) * 2,
        (b"a=1; Expires=Wed, 21 Oct 12099 07:28:00 GMT", b"a=1; Expires=" + IN_A_DAY),
        (b"a=1; Expires=Wed, 21 Oct 2099 07:28:001 GMT", b"a=1; Expires=" + IN_A_DAY),
        (b"a=1; Expires=Wed, 21 Oct 1999 07:28:001 GMT",) * 2,
        (b"Max-Age=999999; Path=/",) * 2,
        (b"a=Max-Age=999999",) * 2,
    ],
)
def test_lifetimes_are_cut_and_nothing_else(line: bytes, left: bytes) -> None:
    """Each Max-Age and Expires beyond the limit is cut to it; every other byte stays."""
    assert clamped(line, DAY, NOW) == left
    if line == left:
        assert clamped(line, DAY, NOW) is line


def test_a_cut_lifetime_never_deletes() -> None:
    """A limit of less than a second leaves a second: Max-Age=0 would be a deletion."""
    assert clamped(b"a=1; Max-Age=60", 0.5, NOW) == b"a=1; Max-Age=1"


@given(
    st.lists(
        st.sampled_from(
            [b"Max-Age=%d" % n for n in (0, 60, 10**6)] + [b"Expires=" + LATER, b"Secure"]
        )
    )
)
def test_nothing_outlives_its_limit(attributes: list[bytes]) -> None:
    """However lifetimes are combined, each is within the limit; a second cut changes nothing."""
    left = clamped(b"; ".join([b"a=1", *attributes]), DAY, NOW)
    for attribute in left.split(b"; ")[1:]:
        name, _, value = attribute.partition(b"=")
        if name == b"Max-Age":
            assert int(value) <= DAY
        elif name == b"Expires":
            date = cookie_date(value)
            assert date is not None
            assert date.timestamp() <= NOW + DAY
    assert clamped(left, DAY, NOW) is left


@pytest.mark.parametrize(
    ("line", "kept"),
    [(b"a=1", False), (b"a=1; MAX-age =5", True), (b"a=1;expires", True), (b"expires=1", False)],
)
def test_what_may_outlast_the_browser(line: bytes, kept: bool) -> None:
    """A cookie with Max-Age or Expires may be kept when the browser closes."""
    assert lasts(line) is kept


def anything(value: object) -> Any:
    """Return a value that a type checker would refuse."""
    return value


ALL = Hardening(secure=True, http_only=True, same_site="Lax")


@pytest.mark.parametrize(
    ("line", "added"),
    [
        (b"a=1", b"; Secure; HttpOnly; SameSite=Lax"),
        (b"a=1; Path=/;", b"; Secure; HttpOnly; SameSite=Lax"),
        (b"a=1; secure;HTTPONLY ; samesite = strict", b""),
        (b"a=1; Secure=no; HttpOnly; SameSite=Lax", b""),
        (b"a=1; Secure; HttpOnly; SameSite=None", b"; SameSite=Lax"),
        (b"a=1; Secure; HttpOnly; SameSite=Strict; SameSite=None", b"; SameSite=Lax"),
        (b"a=1; Secure; HttpOnly; SameSite=None; SameSite=Strict", b""),
        (b"a=1; Secure; HttpOnly; SameSite", b"; SameSite=Lax"),
        (b"a=1; Secure; HttpOnly; SameSite=foo", b"; SameSite=Lax"),
        (b"secure=1; HttpOnly; SameSite=Lax", b"; Secure"),
        (b"a=1; Secure=" + b"x" * 1100 + b"; HttpOnly; SameSite=Lax", b"; Secure"),
    ],
)
def test_what_is_missing_is_added(line: bytes, added: bytes) -> None:
    """Secure, HttpOnly and a stronger SameSite are added at the end; nothing is lowered."""
    assert hardened(line, ALL, https=True) == line + added


def test_secure_is_for_https_alone() -> None:
    """Over plain http Secure is not added: the browser would drop the cookie."""
    assert hardened(b"a=1", Hardening(secure=True), https=False) == b"a=1"


def test_strict_is_more_than_lax() -> None:
    """The least SameSite can be Strict; what is less is raised to it."""
    strict = Hardening(same_site="Strict")
    assert hardened(b"a=1; SameSite=Lax", strict, https=True).endswith(b"; SameSite=Strict")
    assert hardened(b"a=1; SameSite=strict", strict, https=True) == b"a=1; SameSite=strict"


@pytest.mark.conformance("K14")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Hardening(secure=anything(1)), "Hardening(secure=1): use True or False"),
        (lambda: Hardening(http_only=anything(None)), "Hardening(http_only=None)"),
        (lambda: Hardening(same_site="None"), "use 'Lax', 'Strict', or leave it out"),
        (lambda: Hardening(same_site="lax"), "Hardening(same_site='lax')"),
        (lambda: Cookie("a", harden=anything(True)), "Cookie('a'): harden is a Hardening, as in"),
        (lambda: Policy([], harden=anything("Lax")), "Policy: harden is a Hardening"),
        (lambda: Cookie("a", path="/x; Secure"), "Cookie('a'): path is what stands in"),
        (lambda: Cookie("a", domain="a b"), "Cookie('a'): domain is what stands in"),
    ],
)
def test_a_wrong_declaration_says_how_to_mend_it(build: Any, message: str) -> None:
    """What cannot be raised, or cannot stand in an attribute, is an error at construction."""
    with pytest.raises(ConsentGateError) as caught:
        build()
    assert message in str(caught.value)


POLICY = Policy(
    [
        Cookie("session", harden=Hardening(secure=True, http_only=True, same_site="Strict")),
        Cookie("session-*", harden=Hardening(secure=True, http_only=True)),
        Cookie("script", harden=Hardening()),
        Cookie("visits", "anonymous_statistics", lifetime=timedelta(days=30)),
        Cookie("counter", "anonymous_statistics"),
        Cookie("_ga", "statistics", lifetime=timedelta(days=1)),
        Cookie("theme", "preferences"),
        Cookie("twice", "preferences", lifetime=timedelta(days=2)),
        Cookie("twice", "preferences", path="/x", lifetime=timedelta(days=3)),
        Cookie("half", "preferences", lifetime=timedelta(days=2)),
        Cookie("half", "preferences", path="/x"),
    ],
    harden=Hardening(same_site="Lax"),
)


def built(**options: Any) -> ConsentGate:
    """Return a gate at a fixed time."""
    policy = options.pop("policy", POLICY)
    return ConsentGate(policy, secret_key=KEY, clock=lambda: NOW, **options)


def everything(gate: ConsentGate, https: bool = True, more: bytes = b"") -> Visit:
    """Return a visitor who granted all, and brings more cookies."""
    [token] = granted(gate, *gate.policy.choosable).cookies
    return Visit([token + more], https=https)


def test_every_cookie_that_leaves_is_hardened(adapter: Adapter) -> None:
    """By the policy's rule or its own, chunk by chunk of a split cookie, deletions too."""
    gate = built()
    lines = ["session=1", "session-0=1", "session-1=2; HttpOnly", "script=1", "theme=1; Max-Age=0"]
    assert adapter(gate, sets(*lines), everything(gate)).set_cookies == [
        b"session=1; Secure; HttpOnly; SameSite=Strict",
        b"session-0=1; Secure; HttpOnly",
        b"session-1=2; HttpOnly; Secure",
        b"script=1",
        b"theme=1; Max-Age=0; SameSite=Lax",
    ]


def test_hardening_over_http_keeps_the_session(adapter: Adapter) -> None:
    """Over plain http no Secure is added, unless the site says that it is https all the same."""
    for gate, secure in ((built(), b""), (built(always_secure=True), b"; Secure")):
        answer = adapter(gate, sets("session-0=1"), everything(gate, https=False))
        assert answer.set_cookies == [b"session-0=1" + secure + b"; HttpOnly"]


def test_the_consent_cookie_is_not_hardened(adapter: Adapter) -> None:
    """A Strict consent cookie would not come along from another site: that would ask again."""
    gate = built(policy=Policy([], harden=Hardening(same_site="Strict")))
    answer = adapter(gate, called(Consent.grant_all, sets()))
    assert b"SameSite=Lax" in answer.set_cookies[0]
    assert b"Strict" not in answer.set_cookies[0]


def test_where_no_consent_is_needed_hardening_holds(adapter: Adapter) -> None:
    """An open gate raises attributes too, of undeclared cookies as the policy says."""
    gate = built(needs_consent=lambda _: False)
    assert adapter(gate, sets("who=1")).set_cookies == [b"who=1; SameSite=Lax"]


def test_lifetimes_are_clamped_on_request(adapter: Adapter) -> None:
    """A cookie that outlives its declaration is cut to it; where nothing is declared it stays."""
    gate = built(clamp_lifetimes=True, policy=Policy(POLICY.cookies))
    lines = ["_ga=1; Max-Age=99999; Path=/", "theme=1; Max-Age=99999999"]
    lines += ["counter=1; Max-Age=99999999", "twice=1; Max-Age=999999", "half=1; Max-Age=999999"]
    assert adapter(gate, sets(*lines), everything(gate)).set_cookies == [
        b"_ga=1; Max-Age=86400; Path=/",
        b"theme=1; Max-Age=99999999",
        b"counter=1; Max-Age=34214400",  # 13 months, whatever was declared
        b"twice=1; Max-Age=259200",  # the longest of its rows
        b"half=1; Max-Age=999999",
    ]


def test_without_the_option_the_observer_is_told(adapter: Adapter) -> None:
    """Off, a cookie that outlives its declaration leaves as it is, and the observer hears of it."""
    told: list[Event] = []
    gate = built(observer=told.append, policy=Policy(POLICY.cookies))
    line = "_ga=1; Max-Age=99999"
    visit = everything(gate)
    assert adapter(gate, sets(line, "theme=1"), visit).set_cookies == [line.encode(), b"theme=1"]
    assert told == [Event("clamped", "_ga", "statistics", "/", Reason.OUTLIVES, enforced=False)]
    told.clear()
    gate = built(observer=told.append, clamp_lifetimes=True, report_only=True)
    assert adapter(gate, sets(line), everything(gate)).set_cookies == [line.encode()]
    assert [(event.action, event.enforced) for event in told] == [("clamped", False)]
    told.clear()
    gate = built(observer=told.append, clamp_lifetimes=True)
    adapter(gate, sets(line), everything(gate))
    assert [(event.action, event.enforced) for event in told] == [("clamped", True)]


@pytest.mark.parametrize(
    ("brought", "line", "left"),
    [
        (b"", "visits=1; Max-Age=60", [b"visits=1; Max-Age=60"]),
        (b"; visits=1", "visits=1; Max-Age=60", []),
        (b"; visits=1", "visits=2; Expires=Wed, 25 Nov 2026 12:00:00 GMT", []),
        (b"; visits=1", "visits=2", [b"visits=2"]),
        (b"; visits=1", "visits=; Max-Age=0", [b"visits=; Max-Age=0"]),
        (b"; _ga=1", "_ga=1; Max-Age=60", [b"_ga=1; Max-Age=60"]),
    ],
)
def test_an_exempt_cookie_is_never_prolonged(
    adapter: Adapter, brought: bytes, line: str, left: list[bytes]
) -> None:
    """Exempt statistics that the browser holds are not set to last anew; a deletion passes."""
    gate = built(clamp_lifetimes=True, policy=Policy(POLICY.cookies))
    assert adapter(gate, sets(line), everything(gate, more=brought)).set_cookies == left
    lax = built(policy=Policy(POLICY.cookies))
    assert adapter(lax, sets(line), everything(lax, more=brought)).set_cookies == [line.encode()]


def test_report_only_hardens_nothing(adapter: Adapter) -> None:
    """Under report_only every cookie leaves as the app set it."""
    gate = built(report_only=True)
    assert adapter(gate, sets("session=1")).set_cookies == [b"session=1"]
