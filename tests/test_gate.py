"""The gate's options, and what a site finds out when it sets them wrongly."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import KEY, Adapter, Visit, called, granted, sets, token_pair
from consentgate import Category, Choice, Consent, ConsentGate, ConsentGateError, Cookie, Policy
from consentgate.asgi import ConsentMiddleware as AsgiMiddleware
from consentgate.wsgi import ConsentMiddleware as WsgiMiddleware

POLICY = Policy([Cookie("session"), Cookie("_ga*", "statistics")])


def built(**options: Any) -> ConsentGate:
    """Return a gate with these options."""
    return ConsentGate(**{"policy": POLICY, "secret_key": KEY, **options})


def anything(value: object) -> Any:
    """Return a value that a type checker would refuse."""
    return value


async def coroutine(thing: object) -> None:
    """Do what nobody awaits."""


@pytest.mark.conformance("K14")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: built(secret_key=""), "secret_key at position 0 has 0 bytes, at least 16"),
        (lambda: built(secret_key="short"), "has 5 bytes, at least 16 are needed; make one with"),
        (lambda: built(secret_key=b"short"), "has 5 bytes"),
        (lambda: built(secret_key=" " * 40), "has 0 bytes"),
        (lambda: built(secret_key=[]), "not an empty list"),
        (lambda: built(secret_key=[KEY, ""]), "secret_key at position 1 has 0 bytes"),
        (lambda: built(secret_key=[KEY, None]), "not NoneType at position 1"),
        (lambda: built(secret_key=None), "from the oldest to the newest, not NoneType"),
        (lambda: built(secret_key=42), "not int"),
        (lambda: built(policy=None), "a Policy is needed, not None"),
        (lambda: built(policy=["session"]), "Policy.allow('session')"),
        (
            lambda: built(policy=Policy([Cookie("cookies_*", "statistics")])),
            "Cookie('cookies_*') matches the consent cookie 'cookies_preferences'",
        ),
        (lambda: built(policy=Policy.allow("*")), "Cookie('*') matches the consent cookie"),
        (
            lambda: built(policy=Policy([Cookie("cookies_preferences", "preferences")])),
            "Cookie('cookies_preferences') is declared in 'preferences'; the consent cookie is",
        ),
        (lambda: built().wsgi(None), "app: a WSGI or ASGI app is needed, not None"),
        (lambda: built().asgi("app"), "app: a WSGI or ASGI app is needed, not 'app'"),
        (
            lambda: WsgiMiddleware(anything(print), gate=anything(POLICY)),
            "gate: a ConsentGate is needed",
        ),
        (lambda: AsgiMiddleware(anything(print), gate=anything(None)), "gate: a ConsentGate is"),
        (lambda: built(cookie_name="a*"), "cookie_name='a*'"),
        (lambda: built(cookie_name="a b"), "cookie_name='a b'"),
        (lambda: built(cookie_name="a[b]"), "a cookie's name is a token"),
        (lambda: built(cookie_name=""), "cookie_name=''"),
        (lambda: built(cookie_name="$consent"), "older parsers take this for an attribute"),
        (lambda: built(cookie_name="Path"), "older parsers take this for an attribute"),
        (lambda: built(cookie_name=None), "cookie_name=None"),
        (lambda: built(cookie_name="__Secure-c"), "only with Secure; add always_secure=True"),
        (lambda: built(cookie_name="__host-c"), "only with Secure; add always_secure=True"),
        (
            lambda: built(cookie_name="__Host-c", always_secure=True, cookie_domain="example.com"),
            "only without a Domain",
        ),
        (lambda: built(cookie_domain="a b"), "cookie_domain='a b'"),
        (lambda: built(cookie_domain="a; Secure"), "cookie_domain='a; Secure'"),
        (lambda: built(cookie_domain=""), "cookie_domain=''"),
        (lambda: built(cookie_domain=7), "cookie_domain=7"),
        (lambda: built(max_age=timedelta(0)), "use a positive timedelta"),
        (lambda: built(max_age=182), "use a positive timedelta"),
        (lambda: built(max_age=timedelta(days=401)), "of 400 days at most"),
        (lambda: built(observer="log"), "observer must be callable, or a list of such, not 'log'"),
        (lambda: built(clock=3), "clock must be callable, not 3"),
        (lambda: built(clock=None), "clock must be callable, not None"),
        (lambda: built(clock=lambda: "now"), "must return the seconds since the epoch"),
        (lambda: built(clock=lambda: float("nan")), "must return the seconds since the epoch"),
        (lambda: built(clock=lambda: -5.0), "must return the seconds since the epoch"),
        (lambda: built(clock=lambda: time.time_ns()), "must return the seconds since the epoch"),
        (lambda: built(observer=coroutine), "observer must be a plain function"),
        (lambda: built(needs_consent=coroutine), "nobody would await it"),
        (lambda: built(secret_key={KEY: 1}), "not dict"),
        (lambda: built(secret_key={KEY}), "not set"),
        (lambda: built(cookie_domain="a..b"), "cookie_domain='a..b'"),
        (lambda: built().choice([], id="x; Domain=evil"), "id='x; Domain=evil'"),
        (lambda: built().choice([], id="a~b"), "id='a~b'"),
        (lambda: built().choice([], id="x" * 33), "use 1 to 32 letters"),
        (lambda: built().choice([], id=anything(7)), "id=7"),
        (lambda: built(report_only="false"), "report_only='false': use True, False, or a list"),
        (lambda: built(always_secure=None), "always_secure must be True or False, not None"),
        (lambda: built(needs_consent=True), "needs_consent must be callable, not True"),
        (
            lambda: built(
                policy=Policy([], categories=[Category(f"{'x' * 29}{n}") for n in range(100)])
            ),
            "use fewer categories or shorter keys",
        ),
    ],
)
def test_a_wrong_option_says_how_to_mend_it(build: Callable[[], object], message: str) -> None:
    """A wrong option raises at construction, saying what is wrong and what to write instead."""
    with pytest.raises(ConsentGateError, match=re.escape(message)):
        build()


def test_a_gate_does_not_change_and_does_not_show_its_key() -> None:
    """Assignment raises, and no representation holds the secret key."""
    gate = built()
    with pytest.raises(AttributeError, match="immutable"):
        gate.report_only = True
    assert KEY not in repr(gate)
    assert KEY not in repr(vars(gate))


@pytest.mark.conformance("K14")
def test_the_gate_adds_the_row_of_its_own_cookie() -> None:
    """The consent cookie is declared by the gate, with its exemption, and asks no one again."""
    gate = built(cookie_name="choices", max_age=timedelta(days=30))
    row = gate.policy.lookup(b"choices")
    assert row is not None
    assert (row.category, row.exemption) == ("necessary", "consent-choice")
    assert row.lifetime == timedelta(days=30)
    assert gate.policy.revision == POLICY.revision


@pytest.mark.conformance("K14")
def test_a_site_may_word_that_row_itself() -> None:
    """The consent cookie's exact name as necessary is the site's own row of the charter."""
    own = Cookie("cookies_preferences", purpose="Our words", exemption="consent-choice")
    assert built(policy=Policy([own])).policy.lookup(b"cookies_preferences") is own


@pytest.mark.conformance("K15")
def test_the_consent_cookie_has_its_attributes() -> None:
    """It is Path=/, SameSite=Lax, HttpOnly and lives 182 days, granted and refused alike."""
    gate = built()
    for categories in ([], ["statistics"]):
        text = gate.set_cookie_for(gate.choice(categories))
        name, *attributes = text.split("; ")
        assert name.startswith("cookies_preferences=")
        assert set(attributes) == {"Path=/", "SameSite=Lax", "HttpOnly", "Max-Age=15724800"}


@pytest.mark.conformance("K15")
@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize("always", [True, False])
def test_it_is_secure_on_https_or_always(adapter: Adapter, https: bool, always: bool) -> None:
    """Secure is there when the request came over https, or when the site says always."""
    gate = built(always_secure=always)
    answer = adapter(gate, called(Consent.grant_all, sets()), Visit(https=https))
    assert answer.set_cookies[0].endswith(b"; Secure") == (https or always)


@pytest.mark.conformance("K15")
def test_it_has_the_domain_and_name_that_the_site_asks_for() -> None:
    """cookie_domain becomes Domain, and a `__Host-` name is possible with Secure always."""
    gate = built(cookie_domain="example.com")
    assert "; Domain=example.com" in gate.set_cookie_for(gate.choice([]))
    host = built(cookie_name="__Host-choice", always_secure=True)
    assert host.set_cookie_for(host.choice([])).startswith("__Host-choice=")
    assert "; Secure" in gate.set_cookie_for(gate.choice([]), secure=True)


def test_what_set_cookie_for_writes_is_what_a_request_brings(adapter: Adapter) -> None:
    """A choice sent by another way is believed like one that the gate sent."""
    gate = built()
    assert adapter(gate, sets("_ga=1"), granted(gate, "statistics")).names == [b"_ga"]


def test_a_choice_can_be_made_by_hand() -> None:
    """gate.choice grants what it is told, and refuses what else needs consent."""
    gate = built(clock=lambda: 1795000000.9)
    choice = gate.choice(["statistics", "necessary"])
    assert isinstance(choice, Choice)
    assert choice.granted == {"statistics"}
    assert choice.refused == {"preferences", "marketing"}
    assert choice.time == datetime.fromtimestamp(1795000000, UTC)
    assert len({gate.choice([]).id for _ in range(100)}) == 100
    assert gate.choice("statistics").granted == {"statistics"}
    for wrong, shown in ((["statistic"], "'statistic'"), ([7], "7"), ([["statistics"]], "\\[")):
        with pytest.raises(ConsentGateError, match=f"unknown category {shown}"):
            gate.choice(anything(wrong))


@pytest.mark.conformance("K4")
@pytest.mark.parametrize(
    ("age", "believed"),
    [
        (timedelta(0), True),
        (timedelta(days=181, hours=23), True),
        (timedelta(days=182), False),
        (timedelta(days=400), False),
        (-timedelta(seconds=30), True),  # Two servers' clocks
        (-timedelta(minutes=2), False),
        (-timedelta(days=1), False),
    ],
)
def test_a_token_is_believed_for_182_days(adapter: Adapter, age: timedelta, believed: bool) -> None:
    """An expired token and one from the future are no choice, and age counts on every look."""
    now = [1795000000.0]
    gate = built(clock=lambda: now[0])
    visit = granted(gate, "statistics")
    assert adapter(gate, sets("_ga=1"), visit).names == [b"_ga"]  # It is remembered from here on.
    now[0] += age.total_seconds()
    assert bool(adapter(gate, sets("_ga=1"), visit).names) == believed


@pytest.mark.conformance("K5")
@pytest.mark.parametrize("keep", [False, True])
def test_a_new_revision_asks_again(adapter: Adapter, keep: bool) -> None:
    """Under an old revision nothing is granted; on request, what did not change still is."""
    old = built(policy=Policy([Cookie("_ga", "statistics"), Cookie("ad", "marketing")]))
    visit = granted(old, "statistics", "marketing")
    more = Policy(
        [Cookie("_ga", "statistics"), Cookie("ad", "marketing"), Cookie("ad2", "marketing")]
    )
    new = built(policy=more, keep_unchanged=keep)
    seen = []
    answer = adapter(new, called(lambda c: seen.append(c.answered), sets("_ga=1", "ad=1")), visit)
    assert seen == [False]
    assert answer.names == ([b"_ga"] if keep else [])


@pytest.mark.conformance("K5")
def test_a_vanished_category_is_ignored(adapter: Adapter) -> None:
    """A grant for a category that the policy no longer has means nothing; the others hold."""
    cookies = [Cookie("_ga", "statistics")]
    old = built(policy=Policy(cookies, categories=[Category("chat")], revision="1"))
    new = built(policy=Policy(cookies, revision="1"))
    seen = []
    answer = adapter(
        new,
        called(lambda c: seen.append(c.allows("chat")), sets("_ga=1", "chat=1")),
        granted(old, "statistics", "chat"),
    )
    assert seen == [False]
    assert answer.names == [b"_ga"]


@pytest.mark.conformance("K13")
def test_two_tokens_are_never_the_more_permissive(adapter: Adapter) -> None:
    """Where two valid tokens disagree only what both grant passes, in either order."""
    gate = built(policy=Policy([Cookie("_ga", "statistics"), Cookie("ad", "marketing")]))
    both = [token_pair(gate, "statistics", "marketing"), token_pair(gate, "statistics")]
    for pair in (both, both[::-1]):
        answer = adapter(gate, sets("_ga=1", "ad=1"), Visit([b"; ".join(pair)]))
        assert answer.names == [b"_ga"]
    refused = Visit([b"; ".join([both[0], token_pair(gate)])])
    assert adapter(gate, sets("_ga=1", "ad=1"), refused).names == []


@pytest.mark.conformance("K13")
def test_junk_beside_a_token_changes_nothing(adapter: Adapter) -> None:
    """A forged or foreign consent cookie beside a valid one is as if it were not there."""
    gate = built()
    good = token_pair(gate, "statistics")
    for junk in (b"cookies_preferences=yes", b"cookies_preferences", b"cookies_preferences=", good):
        for pair in ([good, junk], [junk, good]):
            assert adapter(gate, sets("_ga=1"), Visit([b"; ".join(pair)])).names == [b"_ga"]
    two_junk = Visit([b"cookies_preferences=a; cookies_preferences=b"])
    assert adapter(gate, sets("_ga=1"), two_junk).names == []


@pytest.mark.conformance("K13")
def test_many_tokens_are_nobody(adapter: Adapter) -> None:
    """More different tokens than a browser has reason to send leave just what is necessary."""
    gate = built(policy=Policy([Cookie("_ga", "statistics"), Cookie("n", "anonymous_statistics")]))
    many = b"; ".join(token_pair(gate, "statistics") for _ in range(5))
    assert adapter(gate, sets("_ga=1", "n=1"), Visit([many])).names == []


@pytest.mark.conformance("S12")
def test_a_token_behind_a_comma_is_not_believed() -> None:
    """A WSGI server joins Cookie lines with a comma: what stands behind one grants nothing."""
    gate = built()
    token = token_pair(gate, "statistics")
    for lines in ([b"a=1", token], [token, b"a=1"], [token, token]):
        assert Adapter("wsgi")(gate, sets("_ga=1"), Visit(lines)).names == []


@pytest.mark.conformance("K14")
def test_a_rotated_key_keeps_its_visitors(adapter: Adapter) -> None:
    """A token signed with an older listed key is believed; with an unlisted one it is not."""
    visit = granted(built(), "statistics")
    new = "a new secret key, long enough"
    assert adapter(built(secret_key=[KEY, new]), sets("_ga=1"), visit).names == [b"_ga"]
    assert adapter(built(secret_key=new), sets("_ga=1"), visit).names == []


def test_report_only_strips_nothing_and_tells_all(adapter: Adapter) -> None:
    """Under report_only everything leaves as it is, and the observer hears what would not."""
    seen: list[Any] = []
    gate = built(report_only=True, observer=seen.append)
    lines = ["session=1", "_ga=1", "unknown=1", "cookies_preferences=x", "=1", "_ga=1; Max-Age=0"]
    answer = adapter(gate, sets(*lines))
    assert answer.set_cookies == [line.encode() for line in lines]
    assert [event.name for event in seen] == ["_ga", "unknown", "cookies_preferences", ""]
    assert not any(event.enforced for event in seen)


def test_report_only_records_choices(adapter: Adapter) -> None:
    """Under report_only a grant is recorded like any other."""
    gate = built(report_only=True)
    answer = adapter(gate, called(Consent.grant_all, sets("x=1")))
    assert answer.names == [b"cookies_preferences", b"x"]


def test_report_only_leaves_unsafe_headers_to_the_server() -> None:
    """Under report_only even an unsafe header is only reported."""
    seen: list[Any] = []
    gate = built(report_only=True, observer=seen.append)
    header = (b"X", b"a\rSet-Cookie: evil=1")
    view = Adapter("wsgi")
    reply = sets()
    answer = view(
        gate,
        lambda consent: type(reply(consent))([*reply(consent).headers, header]),
        Visit(strict=False),
    )
    assert header in answer.headers
    assert len(seen) == 1
