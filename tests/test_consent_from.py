"""Another tool's answer behind a gate: signed once, obeyed at once, followed when it changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from adapters import KEY, Adapter, Answer, Visit, called, sets
from consentgate import (
    Choice,
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Event,
    Policy,
)
from consentgate.banners import Banner, CookieConsent, Klaro, Tarteaucitron
from consentgate.banners.found import Said
from consentgate.token import TokenSigner
from test_withholding import handed

NAME = b"cookies_preferences"
KLARO = Klaro(categories={"visits": "statistics", "ads": "marketing", "look": "preferences"})
YES = quote('{"visits":true,"ads":true,"look":true}').encode()
NO = quote('{"visits":false,"ads":false,"look":false}').encode()
VISITS = quote('{"visits":true,"ads":false,"look":false}').encode()
EVERYTHING = ("session=1", "theme=1", "_ga=1", "ad_id=1", "spy=1")
FORM = (
    (b"Origin", b"http://127.0.0.1"),
    (b"Content-Type", b"application/x-www-form-urlencoded"),
)


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 1_795_594_950.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def gate(policy: Policy, clock: Clock) -> ConsentGate:
    """Return a gate that takes the answer of Klaro."""
    return gated(policy, clock)


def gated(policy: Policy, clock: Clock, banner: Banner | None = KLARO, **more: Any) -> ConsentGate:
    """Return a gate that takes the answer of a banner."""
    return ConsentGate(policy, secret_key=KEY, consent_from=banner, clock=clock, **more)


class Browser:
    """A visitor whose browser keeps what it is told to keep."""

    def __init__(self, adapter: Adapter, gate: ConsentGate, **jar: bytes) -> None:
        self.adapter = adapter
        self.gate = gate
        self.jar = {name.encode(): value for name, value in jar.items()}
        self.consent: tuple[bool, bool] | None = None

    def visit(self, path: str = "/", **more: Any) -> Answer:
        """Ask for a page that sets a cookie in each category; keep what is left of it."""
        line = b"; ".join(name + b"=" + value for name, value in self.jar.items())
        visit = replace(Visit([line] if line else [], path=path), **more)
        answer = self.adapter(self.gate, called(self._look, sets(*EVERYTHING)), visit)
        for each in answer.set_cookies:
            pair, _, attributes = each.partition(b";")
            name, _, value = pair.partition(b"=")
            if b"1970" in attributes or b"Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return answer

    def refuse_on_our_pages(self) -> Answer:
        """Refuse all on the gate's own pages."""
        body = b"answer=refuse"
        return self.visit("/cookies/choice", method="POST", body=body, headers=FORM)

    def _look(self, consent: Consent) -> None:
        self.consent = (consent.answered, consent.allows("statistics"))

    @property
    def choice(self) -> Choice:
        """The choice that the browser holds."""
        choice = TokenSigner(KEY, "cookies_preferences").read(self.jar[NAME])
        assert choice is not None
        return choice


def names(values: Iterable[bytes]) -> list[str]:
    """Return names as texts."""
    return [value.decode() for value in values]


# A new answer


@pytest.mark.conformance("P1", "P2", "T7")
def test_a_new_answer_is_signed_and_obeyed_at_once(adapter: Adapter, gate: ConsentGate) -> None:
    """The first request with an answer gets the signed choice first, and what it allows."""
    visitor = Browser(adapter, gate, klaro=VISITS)
    answer = visitor.visit()
    assert names(answer.names) == ["cookies_preferences", "session", "_ga"]
    assert visitor.choice.granted == {"statistics"}
    assert visitor.choice.refused == {"marketing", "preferences"}
    assert visitor.consent == (True, True)
    assert answer.values(b"vary") == [b"Cookie"]
    assert any(b"private" in value for value in answer.values(b"cache-control"))


@pytest.mark.conformance("T7")
def test_a_new_answer_decides_what_the_app_reads(adapter: Adapter, gate: ConsentGate) -> None:
    """Cookies that it does not allow are withheld in the same request, and expired."""
    line = b"klaro=" + VISITS + b"; _ga=1; ad_id=1; session=1"
    readable = [b"klaro=" + VISITS + b"; _ga=1; session=1"]
    assert handed(adapter.protocol, gate, [line]) == readable
    visitor = Browser(adapter, gate, klaro=VISITS, _ga=b"1", ad_id=b"1", session=b"1")
    visitor.visit()
    assert set(visitor.jar) == {b"klaro", NAME, b"session", b"_ga"}


@pytest.mark.conformance("T7")
def test_the_same_answer_is_signed_once(adapter: Adapter, gate: ConsentGate, clock: Clock) -> None:
    """The next request, with both cookies, is like any other with a choice."""
    visitor = Browser(adapter, gate, klaro=VISITS)
    visitor.visit()
    first = visitor.jar[NAME]
    for _ in range(3):
        clock.now += 3600
        assert names(visitor.visit().names) == ["session", "_ga"]
    assert visitor.jar[NAME] == first


@pytest.mark.conformance("T7")
def test_a_refusal_is_signed_too(adapter: Adapter, gate: ConsentGate) -> None:
    """Refusing all is an answer: it is recorded, and nobody is asked again."""
    visitor = Browser(adapter, gate, klaro=NO)
    assert names(visitor.visit().names) == ["cookies_preferences", "session"]
    assert visitor.choice.granted == frozenset()
    assert visitor.consent == (True, False)
    assert names(visitor.visit().names) == ["session"]


@pytest.mark.conformance("T7")
def test_what_is_exempt_is_opposed_by_a_no_alone(
    adapter: Adapter, policy: Policy, clock: Clock
) -> None:
    """Exempt statistics pass unless the tool says no to them, and again when it says yes."""
    banner = Klaro(categories={"count": "anonymous_statistics", "visits": "statistics"})
    gate = gated(policy, clock, banner)
    visitor = Browser(adapter, gate, klaro=quote('{"visits":false}').encode(), visits=b"1")
    for record, stays in (
        ('{"visits":false}', True),
        ('{"visits":false,"count":false}', False),
        ('{"visits":false,"count":true}', True),
    ):
        visitor.jar |= {b"klaro": quote(record).encode(), b"visits": b"1"}
        visitor.visit()
        assert (b"visits" in visitor.jar) == stays
        assert ("anonymous_statistics" in visitor.choice.refused) != stays


@pytest.mark.conformance("T7")
def test_two_gates_in_a_row_sign_an_answer_once(adapter: Adapter, gate: ConsentGate) -> None:
    """Where a framework's gate stands inside another one, the outer one alone signs."""
    twice = replace(adapter, wrap_twice=True)
    visitor = Browser(twice, gate, klaro=VISITS)
    assert names(visitor.visit().names) == ["cookies_preferences", "session", "_ga"]
    assert names(visitor.visit().names) == ["session", "_ga"]


@pytest.mark.conformance("T7")
def test_the_observers_hear_of_an_answer_once(adapter: Adapter, policy: Policy) -> None:
    """An answer that is taken over is told as a choice is, and is told once."""
    heard: list[Event] = []
    gate = ConsentGate(policy, secret_key=KEY, consent_from=KLARO, observer=heard.append)
    visitor = Browser(adapter, gate, klaro=YES)
    visitor.visit()
    visitor.visit()
    told = [event.action for event in heard if event.name == "cookies_preferences"]
    assert told == ["granted"]


# Another answer


@pytest.mark.conformance("P4", "T7")
def test_a_withdrawal_in_the_tool_is_followed(adapter: Adapter, gate: ConsentGate) -> None:
    """When the tool's answer narrows, the choice does, and what was stored is expired."""
    visitor = Browser(adapter, gate, klaro=YES)
    visitor.visit()
    identity = visitor.choice.id
    assert set(visitor.jar) >= {b"_ga", b"ad_id", b"theme"}
    visitor.jar[b"klaro"] = NO
    answer = visitor.visit()
    assert names(answer.names)[0] == "cookies_preferences"
    assert set(visitor.jar) == {b"klaro", NAME, b"session"}
    assert visitor.choice.granted == frozenset()
    # The visitor is the same: the proof of both choices belongs together.
    assert visitor.choice.id[:22] == identity[:22]


@pytest.mark.conformance("T7")
def test_a_wider_answer_is_followed(adapter: Adapter, gate: ConsentGate) -> None:
    """When the tool's answer widens, the choice does."""
    visitor = Browser(adapter, gate, klaro=NO)
    visitor.visit()
    visitor.jar[b"klaro"] = VISITS
    assert names(visitor.visit().names) == ["cookies_preferences", "session", "_ga"]
    assert visitor.choice.granted == {"statistics"}


@pytest.mark.conformance("T7")
def test_a_choice_on_the_gates_pages_stands_until_the_tool_has_another(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """The last word counts: the gate's own pages', and then that of the tool."""
    visitor = Browser(adapter, gate, klaro=YES)
    visitor.visit()
    assert visitor.refuse_on_our_pages().status == 303
    assert visitor.choice.granted == frozenset()
    for _ in range(2):
        assert names(visitor.visit().names) == ["session"]
    visitor.jar[b"klaro"] = VISITS
    assert "_ga" in names(visitor.visit().names)
    assert visitor.choice.granted == {"statistics"}


@pytest.mark.conformance("T7")
def test_an_answer_that_is_gone_stands(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the tool's cookie has lapsed the signed choice holds for as long as it does."""
    visitor = Browser(adapter, gate, klaro=YES)
    visitor.visit()
    del visitor.jar[b"klaro"]
    assert names(visitor.visit().names) == ["session", "theme", "_ga", "ad_id"]


@pytest.mark.conformance("T7")
def test_services_that_only_wait_change_nothing(
    adapter: Adapter, policy: Policy, clock: Clock
) -> None:
    """A page on which tarteaucitron has more to ask does not undo a choice made elsewhere."""
    meant = {"visits": "statistics", "ads": "marketing"}
    banner = Tarteaucitron(categories=meant, lifetime=timedelta(days=182))
    visitor = Browser(adapter, gated(policy, clock, banner), tarteaucitron=b"!visits=true!ads=true")
    visitor.visit()
    visitor.refuse_on_our_pages()
    visitor.jar[b"tarteaucitron"] += b"!maps=wait"
    assert names(visitor.visit().names) == ["session"]


# What is no answer


@pytest.mark.conformance("P8", "T7")
@pytest.mark.parametrize("junk", [b"", b"true", b"%", b"{}", b"\xff", VISITS + b"x", b"a" * 5000])
def test_junk_is_no_answer(adapter: Adapter, gate: ConsentGate, junk: bytes) -> None:
    """Whatever else is in the cookie, the visitor has not answered."""
    visitor = Browser(adapter, gate, klaro=junk)
    assert names(visitor.visit().names) == ["session"]
    assert visitor.consent == (False, False)
    assert NAME not in visitor.jar


@pytest.mark.conformance("T7")
def test_junk_leaves_a_choice_as_it_is(adapter: Adapter, gate: ConsentGate) -> None:
    """A tool's cookie that went bad changes nothing."""
    visitor = Browser(adapter, gate, klaro=VISITS)
    visitor.visit()
    visitor.jar[b"klaro"] = b"junk"
    assert names(visitor.visit().names) == ["session", "_ga"]


@pytest.mark.conformance("T7")
def test_several_that_differ_are_no_answer(adapter: Adapter, gate: ConsentGate) -> None:
    """Two cookies of the tool's name, for two paths or domains, leave it open."""
    visit = Visit([b"klaro=" + YES + b"; klaro=" + NO])
    answer = adapter(gate, sets(*EVERYTHING), visit)
    assert names(answer.names) == ["session"]


@pytest.mark.conformance("T7")
def test_without_the_option_nothing_is_read(adapter: Adapter, policy: Policy, clock: Clock) -> None:
    """A gate that was not told of a tool heeds no cookie but its own."""
    visitor = Browser(adapter, gated(policy, clock, None), klaro=YES)
    assert names(visitor.visit().names) == ["session"]
    assert visitor.consent == (False, False)


def dated(time: str) -> bytes:
    """Return what CookieConsent writes down of a visitor who accepted at this time, once again."""
    record = (
        '{"categories":["visits"],"revision":0,"consentId":"a","services":{},'
        f'"consentTimestamp":"2026-01-01T00:00:00.000Z","lastConsentTimestamp":"{time}"}}'
    )
    return quote(record).encode()


@pytest.mark.conformance("T7")
def test_the_same_answer_at_another_time_prolongs_nothing(
    adapter: Adapter, policy: Policy, clock: Clock
) -> None:
    """Given again, an answer is known again, and lapses when it would have; it is no news."""
    heard: list[Event] = []
    banner = CookieConsent(categories={"visits": "statistics"})
    gate = gated(policy, clock, banner, observer=heard.append)
    visitor = Browser(adapter, gate, cc_cookie=dated("2026-11-20T00:00:00.000Z"))
    visitor.visit()
    first = visitor.choice
    clock.now += 3600
    visitor.jar[b"cc_cookie"] = dated("2026-11-25T00:00:00.000Z")
    assert names(visitor.visit().names) == ["cookies_preferences", "session", "_ga"]
    assert visitor.choice == first._replace(id=visitor.choice.id)
    assert visitor.choice.id != first.id
    assert names(visitor.visit().names) == ["session", "_ga"]
    assert [event.action for event in heard if event.name == "cookies_preferences"] == ["partial"]


@pytest.mark.conformance("T7")
def test_an_old_answer_is_none(adapter: Adapter, policy: Policy, clock: Clock) -> None:
    """An answer that the tool dates lasts as long as a choice does, from when it was given."""
    banner = CookieConsent(categories={"visits": "statistics"})
    value = dated("2026-11-20T00:00:00.000Z")
    for days, is_signed in ((10, True), (3, False)):
        gate = gated(policy, clock, banner, max_age=timedelta(days=days))
        visitor = Browser(adapter, gate, cc_cookie=value)
        visitor.visit()
        assert (NAME in visitor.jar) == is_signed


# A new revision


@pytest.mark.conformance("T7")
def test_a_new_revision_asks_again(
    adapter: Adapter, policy: Policy, gate: ConsentGate, clock: Clock
) -> None:
    """What was answered under another policy is no answer to this one, until there is a new one."""
    visitor = Browser(adapter, gate, klaro=YES)
    visitor.visit()
    wider = Policy([*policy.cookies, Cookie("pixel", "marketing")])
    visitor.gate = gated(wider, clock)
    visitor.visit()
    assert visitor.consent == (False, False)
    assert set(visitor.jar) == {b"klaro", NAME, b"session"}
    visitor.jar[b"klaro"] = VISITS
    assert names(visitor.visit().names) == ["cookies_preferences", "session", "_ga"]
    assert visitor.choice.revision == visitor.gate.policy.revision


@pytest.mark.conformance("T7")
def test_a_tool_that_asks_anew_in_another_cookie_is_answered_anew(
    adapter: Adapter, policy: Policy, gate: ConsentGate, clock: Clock
) -> None:
    """After a new revision the same answer counts again once it stands in a cookie of its own."""
    visitor = Browser(adapter, gate, klaro=VISITS)
    visitor.visit()
    wider = Policy([*policy.cookies, Cookie("pixel", "marketing")])
    visitor.gate = gated(wider, clock, replace(KLARO, cookie="klaro-2"))
    visitor.visit()
    assert visitor.consent == (False, False)
    visitor.jar[b"klaro-2"] = VISITS
    visitor.visit()
    assert visitor.consent == (True, True)


# The tool's cookie itself


@pytest.mark.conformance("T7")
def test_the_tools_cookie_is_the_apps_and_the_visitors(adapter: Adapter, gate: ConsentGate) -> None:
    """It is readable, may be set and is not expired, whatever was refused."""
    visitor = Browser(adapter, gate, klaro=NO, ad_id=b"1")
    visitor.visit()
    assert visitor.jar[b"klaro"] == NO
    held = b"klaro=" + NO + b"; " + NAME + b"=" + visitor.jar[NAME]
    assert handed(adapter.protocol, gate, [held]) == [held]
    answer = adapter(gate, sets("klaro=1"), Visit([held]))
    assert names(answer.names) == ["klaro"]
    assert gate.policy.lookup(b"klaro") == KLARO.row


@pytest.mark.conformance("T7")
def test_the_charter_lists_the_tools_cookie(adapter: Adapter, gate: ConsentGate) -> None:
    """Visitors are told of it, among the necessary ones, and by whom it is."""
    answer = Browser(adapter, gate).visit("/cookies")
    row = answer.body.partition(b">klaro<")[2].partition(b"</tr>")[0]
    assert b"Remembers your choice about cookies" in row
    assert b"120 days" in row
    assert b">Klaro<" in answer.body


@pytest.mark.conformance("T7")
def test_a_declaration_of_the_site_stands(policy: Policy, clock: Clock) -> None:
    """A site that declares the tool's cookie itself keeps its own words."""
    own = Cookie("klaro", purpose="Keeps what you said about cookies", exemption="consent-choice")
    gate = gated(Policy([*policy.cookies, own]), clock)
    assert [cookie for cookie in gate.policy.cookies if cookie.name == "klaro"] == [own]


@pytest.mark.parametrize(
    ("banner", "message"),
    [
        ("klaro", "use one of consentgate.banners"),
        (Klaro, "use one of consentgate.banners"),
        (Klaro(categories={"visits": "stats"}), "'stats', which is no category of the policy"),
        (Klaro(categories={"a": "statistics"}, cookie="ad_id"), "declared in 'marketing'"),
        (
            Klaro(categories={"a": "statistics"}, cookie="cookies_preferences"),
            "consent cookie's own name",
        ),
        (Tarteaucitron(categories={"a": "statistics"}), "must not outlive"),
    ],
)
@pytest.mark.conformance("T7")
def test_a_banner_that_cannot_be_is_told(
    policy: Policy, clock: Clock, banner: Any, message: str
) -> None:
    """What is no banner, or does not fit the policy, raises when the gate is made."""
    with pytest.raises(ConsentGateError, match=message):
        gated(policy, clock, banner)


@pytest.mark.conformance("T7")
def test_nobody_is_asked_twice(policy: Policy) -> None:
    """A gate that puts its own banner in beside that of another tool is a mistake."""
    banner = Klaro(categories={"visits": "statistics"})
    with pytest.raises(ConsentGateError, match="asked twice, by Klaro as well"):
        ConsentGate(policy, secret_key=KEY, consent_from=banner, inject_banner=True)


# What a browser brings without the rest

CROSS = ((b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"document"))


@pytest.mark.conformance("T7")
def test_a_request_that_brings_no_choice_along_takes_nothing_over(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """To a form on another site browsers add the tool's cookie maybe, and not the withdrawal."""
    browser = Browser(adapter, gate, klaro=YES)
    browser.visit()
    browser.refuse_on_our_pages()
    withdrawn = browser.jar.pop(NAME)
    answer = browser.visit(method="POST", headers=CROSS)
    assert names(answer.names) == ["session"]
    browser.jar[NAME] = withdrawn
    assert names(browser.visit().names) == ["session"]


@pytest.mark.conformance("T7")
def test_a_refusal_beside_a_new_answer_is_not_lost(adapter: Adapter, gate: ConsentGate) -> None:
    """Who refuses on our pages in the request that brings a new answer has refused."""
    browser = Browser(adapter, gate, klaro=NO)
    browser.visit()
    browser.refuse_on_our_pages()
    before = browser.choice
    browser.jar[b"klaro"] = YES
    browser.refuse_on_our_pages()
    # The same choice as before, of another answer.
    assert browser.choice.id != before.id
    assert browser.choice._replace(id=before.id) == before
    answer = browser.visit()
    assert names(answer.names) == ["session"]


@pytest.mark.conformance("T7", "K13")
def test_several_choices_never_widen_by_an_answer(adapter: Adapter, gate: ConsentGate) -> None:
    """Where one of several choices is of this answer it is not taken over once more."""
    browser = Browser(adapter, gate, klaro=NO)
    browser.visit()
    first = browser.jar[NAME]
    browser.jar[b"klaro"] = YES
    browser.visit()
    browser.refuse_on_our_pages()
    both = [NAME + b"=" + first, NAME + b"=" + browser.jar[NAME], b"klaro=" + YES]
    answer = adapter(gate, sets(*EVERYTHING), Visit([b"; ".join(both)]))
    assert names(answer.names) == ["session"]
    # The more so where there are too many to tell.
    lines = [NAME + b"=" + made(gate) for _ in range(5)]
    answer = adapter(gate, sets(*EVERYTHING), Visit([b"; ".join([*lines, b"klaro=" + YES])]))
    assert names(answer.names) == ["session"]


def made(gate: ConsentGate) -> bytes:
    """Return a token of its own that refuses everything."""
    choice = gate.choice([], gate.policy.choosable)
    return gate.set_cookie_for(choice).partition(";")[0].partition("=")[2].encode()


@pytest.mark.conformance("T7")
def test_an_answer_from_before_a_choice_is_no_news(
    adapter: Adapter, policy: Policy, clock: Clock
) -> None:
    """A site that takes a tool's answers from now on keeps the choices that were made since."""
    gate = gated(policy, clock, CookieConsent(categories={"analytics": "statistics"}))
    browser = Browser(adapter, gate, cookies_preferences=made(gate))
    browser.jar[b"cc_cookie"] = dated("2026-11-01T00:00:00.000Z")
    browser.visit()
    assert not browser.choice.granted


@pytest.mark.conformance("T7")
def test_where_no_consent_is_needed_silence_stays_silence(
    adapter: Adapter, policy: Policy, clock: Clock
) -> None:
    """What the tool does not speak of goes on passing, and what it refuses is stopped."""
    banner = Klaro(categories={"visits": "statistics"})
    gate = gated(policy, clock, banner, needs_consent=lambda _: False)
    browser = Browser(adapter, gate, klaro=quote('{"visits":false}').encode())
    answer = browser.visit()
    assert "ad_id" in names(answer.names)
    assert "_ga" not in names(answer.names)
    assert browser.choice.refused == {"statistics"}


class Raising(Banner):
    """A banner of the site's own that cannot read."""

    tool = "Raising"

    def read(self, value: bytes) -> Said | None:
        """Raise."""
        raise RuntimeError(value)


@pytest.mark.conformance("T7")
def test_a_banner_that_raises_has_no_answer(
    adapter: Adapter, policy: Policy, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader of the site's own that raises is logged, and the app goes on."""
    lifetime = timedelta(days=1)
    banner = Raising(categories={"a": "statistics"}, cookie="own", lifetime=lifetime)
    answer = Browser(adapter, gated(policy, clock, banner), own=b"1").visit()
    assert answer.status == 200
    assert "Raising cannot read its cookie" in caplog.text
