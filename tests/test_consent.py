"""What the app can ask and change, and what leaves then: the K section, over both protocols."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from adapters import (
    KEY,
    Adapter,
    Reply,
    View,
    Visit,
    behind_wsgi,
    called,
    cookies,
    granted,
    sets,
    token_pair,
)
from consentgate import (
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Policy,
    Reason,
    Request,
    ResponseStartedError,
)

ALL = ("session=1", "csrftoken=1", "visits=1", "theme=1", "_ga_X=1", "ad_id=1", "unknown=1")
NECESSARY = [b"session", b"csrftoken"]
EXEMPT = [*NECESSARY, b"visits"]


def doing(act: Callable[[Consent], object], *lines: str) -> View:
    """Return a view that changes consent and then sets cookies."""
    return called(act, sets(*lines))


@pytest.mark.conformance("K1")
@pytest.mark.parametrize(
    "status", [200, 201, 204, 301, 302, 303, 304, 307, 401, 404, 418, 500, 503]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_a_choice_only_the_necessary_passes(
    adapter: Adapter, gate: ConsentGate, status: int, method: str
) -> None:
    """On every status and method, the necessary and exempt pass byte for byte and nothing else."""
    reply = [(b"Set-Cookie", line.encode()) for line in ALL]
    empty = status in (204, 304)  # PEP 3333's checker wants no body and no type here.
    head = [] if empty else [(b"Content-Type", b"text/html")]
    body = () if method == "HEAD" or empty else (b"x",)
    answer = adapter(gate, lambda _: Reply([*head, *reply], status, body), Visit(method=method))
    assert answer.set_cookies == [b"session=1", b"csrftoken=1", b"visits=1"]
    assert answer.status == status


@pytest.mark.conformance("K1")
def test_when_nothing_is_left_there_is_no_header(adapter: Adapter, gate: ConsentGate) -> None:
    """Stripped means absent: no empty Set-Cookie, no Max-Age=0 in its place."""
    answer = adapter(gate, sets("_ga=1", "ad_id=1; Path=/; Max-Age=1000", "unknown=1"))
    assert [name.lower() for name, _ in answer.headers] == [b"content-type", b"vary"]
    assert answer.body == b"hello"


@pytest.mark.conformance("K1", "S11", "W7")
def test_what_passes_is_untouched(adapter: Adapter, gate: ConsentGate) -> None:
    """Survivors keep their bytes, their order and their place among the other headers."""
    lines = [
        b' session="a b, c"; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT; SameSite=lax;;X=\xe9',
        b"csrftoken=; HttpOnly",
        b"session=2;",
    ]
    reply = Reply(
        [
            (b"Content-Type", b"text/plain"),
            (b"Set-Cookie", lines[0]),
            (b"X-One", b"1"),
            (b"set-cookie", b"_ga=1"),
            (b"SET-COOKIE", lines[1]),
            (b"X-Two", b"2"),
            (b"Set-Cookie", lines[2]),
        ]
    )
    answer = adapter(gate, lambda _: reply)
    assert answer.set_cookies == lines
    assert [value for name, value in answer.headers if name.lower().startswith(b"x-")] == [
        b"1",
        b"2",
    ]


@pytest.mark.conformance("K2")
@pytest.mark.parametrize(
    ("categories", "more"),
    [
        ([], []),
        (["statistics"], [b"_ga_X"]),
        (["marketing"], [b"ad_id"]),
        (["preferences", "marketing"], [b"theme", b"ad_id"]),
        (["preferences", "statistics", "marketing"], [b"theme", b"_ga_X", b"ad_id"]),
    ],
)
def test_a_token_lets_its_categories_pass(
    adapter: Adapter, gate: ConsentGate, categories: list[str], more: list[bytes]
) -> None:
    """With a valid token exactly the granted categories pass beside the necessary and exempt."""
    assert adapter(gate, sets(*ALL), granted(gate, *categories)).names == [*EXEMPT, *more]


@pytest.mark.conformance("K3")
def test_an_undeclared_cookie_is_stripped_logged_once_and_told(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """It is stripped even when all is granted; the log has it once, the observer each time."""
    seen: list[Any] = []
    gate = ConsentGate(policy, secret_key=KEY, observer=seen.append)
    visit = Visit([token_pair(gate, "preferences", "statistics", "marketing")], path="/where")
    for _ in range(3):
        assert adapter(gate, sets("tracker=1"), visit).names == []
    assert [record.name for record in caplog.records] == ["consentgate"]
    assert caplog.records[0].levelno == logging.WARNING
    assert "stripped 'tracker' at '/where': undeclared" in caplog.text
    assert [(e.action, e.name, e.category, e.path, e.reason, e.enforced) for e in seen] == [
        ("stripped", "tracker", None, "/where", Reason.UNDECLARED, True)
    ] * 3


@pytest.mark.conformance("K4")
@pytest.mark.parametrize(
    "value",
    [
        b"yes",
        b"true",
        b'{"statistics":true}',
        b"",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"x" * 65536,
        b'"',
        b"=" * 100,
        b"\x00\x01",
    ],
)
def test_a_false_token_is_no_choice(
    adapter: Adapter, gate: ConsentGate, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a visitor writes into the consent cookie, the app answers, unasked and unlogged."""
    asked: list[bool] = []
    visit = Visit([b"a=b; cookies_preferences=" + value + b"; c=d"])
    answer = adapter(gate, doing(lambda c: asked.append(c.answered), "session=1"), visit)
    assert (asked, answer.names, answer.body) == ([False], [b"session"], b"hello")
    assert not caplog.records


@pytest.mark.conformance("K4")
def test_a_cookie_header_that_is_not_latin_1_is_no_choice(gate: ConsentGate) -> None:
    """A lone surrogate in a WSGI environ, against PEP 3333, raises nothing and grants nothing."""
    token = token_pair(gate, "statistics").decode()
    started: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert not environ["consentgate"].answered
        start_response("200 OK", [])
        return [b"ok"]

    environ = {"HTTP_COOKIE": f"{token}\ud800"}
    assert behind_wsgi(gate, app)(environ, lambda *args: started.append(args)) == [b"ok"]
    assert started == [("200 OK", [("Vary", "Cookie")])]


@pytest.mark.conformance("K6")
@pytest.mark.parametrize("https", [True, False])
def test_a_grant_holds_in_the_same_response(
    adapter: Adapter, gate: ConsentGate, https: bool
) -> None:
    """The state flips at once; the consent cookie comes first, then what it allows."""
    asked: list[bool] = []

    def view(consent: Consent) -> Reply:
        reply = cookies(*ALL)  # The app set its cookies before anyone granted anything.
        asked.append(consent.allows("statistics"))
        consent.grant("statistics")
        asked.append(consent.allows("statistics"))
        return reply

    answer = adapter(gate, view, Visit(https=https))
    assert answer.names == [b"cookies_preferences", *EXEMPT, b"_ga_X"]
    assert asked == [False, True]
    again = Visit([answer.set_cookies[0].partition(b";")[0]])
    assert adapter(gate, sets(*ALL), again).names == [*EXEMPT, b"_ga_X"]


@pytest.mark.conformance("K6")
def test_the_last_of_several_choices_counts(adapter: Adapter, gate: ConsentGate) -> None:
    """Choices made one after the other in one request are recorded once, as the last one."""

    def view(consent: Consent) -> Reply:
        consent.grant_all()
        consent.refuse_all()
        consent.grant("marketing")
        assert consent.choice is not None
        assert consent.choice.granted == {"marketing"}
        assert consent.choice.refused == {"anonymous_statistics", "preferences", "statistics"}
        return cookies("ad_id=1", "_ga=1")

    assert adapter(gate, view).names == [b"cookies_preferences", b"ad_id"]


@pytest.mark.conformance("K7")
@pytest.mark.parametrize(
    ("held", "act"),
    [
        (["statistics"], lambda c: c.grant("statistics")),
        (["statistics"], lambda c: c.grant("statistics", "necessary")),
        ([], lambda c: c.grant()),
        (["statistics"], lambda c: (c.grant_all(), c.grant("statistics"))),
    ],
)
def test_a_choice_that_is_held_is_not_sent_again(
    adapter: Adapter, gate: ConsentGate, held: list[str], act: Callable[[Consent], object]
) -> None:
    """Choosing what is chosen already prolongs nothing: no consent cookie is sent."""
    assert adapter(gate, doing(act, "session=1"), granted(gate, *held)).names == [b"session"]


@pytest.mark.conformance("K7")
@pytest.mark.parametrize("method", ["grant_all", "refuse_all"])
def test_all_and_nothing_are_not_sent_again_either(
    adapter: Adapter, gate: ConsentGate, method: str
) -> None:
    """Granting all or refusing all a second time sends no consent cookie."""
    act = doing(lambda consent: getattr(consent, method)(), "session=1")
    first = adapter(gate, act)
    assert first.names == [b"cookies_preferences", b"session"]
    visit = Visit([first.set_cookies[0].partition(b";")[0]])
    assert adapter(gate, act, visit).names == [b"session"]


def test_a_later_choice_keeps_the_id(adapter: Adapter, gate: ConsentGate) -> None:
    """A visitor who changes a choice keeps its random id, so that the two can be told together."""
    ids: list[Any] = []

    def view(consent: Consent) -> Reply:
        ids.append(consent.choice and consent.choice.id)
        consent.grant_all()
        ids.append(consent.choice and consent.choice.id)
        return cookies()

    adapter(gate, view, granted(gate, "statistics"))
    assert ids[0] == ids[1] is not None


@pytest.mark.conformance("K9")
@pytest.mark.parametrize("method", ["withdraw", "refuse_all"])
def test_a_withdrawal_strips_and_records_in_the_same_response(
    adapter: Adapter, gate: ConsentGate, method: str
) -> None:
    """The consent cookie records the refusal, and cookies of the lost categories are stripped."""
    after: list[Any] = []

    def act(consent: Consent) -> None:
        getattr(consent, method)()
        after.append((consent.answered, consent.allows("statistics")))

    view = doing(act, *ALL)
    answer = adapter(gate, view, granted(gate, "statistics", "marketing"))
    assert answer.names == [b"cookies_preferences", *NECESSARY]
    assert after == [(True, False)]
    recorded = Visit([answer.set_cookies[0].partition(b";")[0]])
    assert adapter(gate, sets(*ALL), recorded).names == NECESSARY


@pytest.mark.conformance("K9")
def test_a_withdrawal_can_name_categories(adapter: Adapter, gate: ConsentGate) -> None:
    """Withdrawing one category keeps the other grants; naming the exempt one opposes it."""
    held = granted(gate, "statistics", "marketing")
    one = adapter(gate, doing(lambda c: c.withdraw("marketing"), *ALL), held)
    assert one.names == [b"cookies_preferences", *EXEMPT, b"_ga_X"]
    opposed = adapter(gate, doing(lambda c: c.withdraw("anonymous_statistics"), *ALL), held)
    assert opposed.names == [b"cookies_preferences", *NECESSARY, b"_ga_X", b"ad_id"]


def test_an_opposed_exempt_category_stays_opposed(adapter: Adapter, gate: ConsentGate) -> None:
    """A later grant of something else does not bring back what the visitor opposed."""
    first = adapter(gate, doing(lambda c: c.withdraw("anonymous_statistics")))
    visit = Visit([first.set_cookies[0].partition(b";")[0]])
    second = adapter(gate, doing(lambda c: c.grant("statistics"), *ALL), visit)
    assert second.names == [b"cookies_preferences", *NECESSARY, b"_ga_X"]
    third = adapter(gate, doing(lambda c: c.grant("anonymous_statistics"), *ALL), visit)
    assert third.names == [b"cookies_preferences", *EXEMPT]


@pytest.mark.conformance("K10")
def test_a_withdrawal_without_a_choice_records_the_refusal_alone(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """No cookie but the recorded refusal leaves."""
    assert adapter(gate, doing(lambda c: c.withdraw())).names == [b"cookies_preferences"]


@pytest.mark.conformance("K11")
def test_deletions_always_pass_without_their_value(adapter: Adapter, gate: ConsentGate) -> None:
    """A deletion of a cookie that may not be set leaves emptied; one that may, as it is."""
    lines = [
        "_ga=GA1.2.3; Max-Age=0; Path=/",
        "unknown=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly",
        "session=gone; Max-Age=0",
        "=nameless; Max-Age=0",
        "ad_id=1; Max-Age=0; Max-Age=60",
    ]
    assert adapter(gate, sets(*lines)).set_cookies == [
        b"_ga=; Max-Age=0; Path=/",
        b"unknown=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly",
        b"session=gone; Max-Age=0",
    ]


@pytest.mark.conformance("K12")
@pytest.mark.parametrize(
    "line", ["cookies_preferences=x", "cookies_preferences=; Max-Age=0", " cookies_preferences = y"]
)
def test_the_app_cannot_write_the_consent_cookie(
    adapter: Adapter, gate: ConsentGate, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The app's own attempt is stripped and logged, a deletion and a granted response included."""
    assert adapter(gate, sets(line)).names == []
    assert "reserved for the gate" in caplog.text
    both = adapter(gate, doing(lambda c: c.grant_all(), line))
    assert both.names == [b"cookies_preferences"]
    assert both.set_cookies[0] != line.encode()


@pytest.mark.conformance("K12")
def test_not_even_with_a_real_token(adapter: Adapter, gate: ConsentGate) -> None:
    """A valid token that the app sends as a header of its own is stripped all the same."""
    text = gate.set_cookie_for(gate.choice(["statistics"]))
    assert adapter(gate, sets(text)).names == []


@pytest.mark.conformance("K16")
def test_refused_is_not_unanswered(adapter: Adapter, gate: ConsentGate) -> None:
    """A visitor who refused has answered; one without a choice has not."""
    seen: list[Any] = []
    view = doing(lambda c: seen.append((c.answered, c.choice and set(c.choice.granted))))
    adapter(gate, view)
    adapter(gate, view, granted(gate))
    assert seen == [(False, None), (True, set())]


@pytest.mark.conformance("K16")
def test_the_observer_hears_the_difference(adapter: Adapter, policy: Policy) -> None:
    """What an unanswered visitor would get and what a refusing one would get have two reasons."""
    seen: list[Any] = []
    gate = ConsentGate(policy, secret_key=KEY, observer=seen.append)
    adapter(gate, sets("_ga=1"))
    adapter(gate, sets("_ga=1"), granted(gate))
    assert [event.reason for event in seen] == [Reason.UNANSWERED, Reason.REFUSED]
    assert {event.category for event in seen} == {"statistics"}


@pytest.mark.conformance("K17")
def test_a_predicate_can_open_the_gate(adapter: Adapter, policy: Policy) -> None:
    """Where it says no consent is needed everything passes but the consent cookie's forgery."""
    asked: list[Any] = []

    def needed(request: Request) -> bool:
        asked.append((request.method, request.path, request.headers.get("x-token")))
        assert request.headers["X-Token"] and "x-other" not in request.headers
        return request.path != "/health"

    gate = ConsentGate(policy, secret_key=KEY, needs_consent=needed)
    allowed: list[bool] = []
    view = doing(
        lambda c: allowed.extend([c.needed, c.allows("marketing"), c.allows("x")]),
        *ALL,
        "cookies_preferences=x",
        "=nameless",
    )
    visit = Visit(method="POST", path="/health", headers=[(b"x-token", b"t")])
    assert adapter(gate, view, visit).set_cookies == [line.encode() for line in ALL] + [
        b"=nameless"
    ]
    assert allowed == [False, True, False]
    assert asked == [("POST", "/health", "t")]
    assert adapter(gate, sets(*ALL), Visit(headers=[(b"x-token", b"t")])).names == EXEMPT


@pytest.mark.conformance("K17")
def test_a_predicate_that_raises_means_consent_is_needed(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """The app answers as ever, and nothing leaks."""

    def broken(request: Request) -> bool:
        raise RuntimeError("oops")

    gate = ConsentGate(policy, secret_key=KEY, needs_consent=broken)
    assert adapter(gate, sets(*ALL)).names == EXEMPT
    assert "needs_consent failed" in caplog.text


@pytest.mark.conformance("K18")
def test_threads_share_a_gate_and_nothing_else(adapter: Adapter, gate: ConsentGate) -> None:
    """Visitors served at the same time by one gate each get what they chose."""
    choices: list[list[str]] = [[], ["statistics"], ["marketing"], ["statistics", "marketing"]]
    expected = [[], [b"_ga"], [b"ad_id"], [b"_ga", b"ad_id"]]
    wrong: list[Any] = []

    def visit(number: int) -> None:
        for _ in range(50):
            answer = adapter(gate, sets("_ga=1", "ad_id=1"), granted(gate, *choices[number]))
            if answer.names != expected[number]:
                wrong.append((number, answer.names))

    threads = [threading.Thread(target=visit, args=(n % 4,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.conformance("K19")
@pytest.mark.parametrize(
    "act", [lambda c: None, lambda c: c.grant("statistics"), lambda c: c.withdraw()]
)
@pytest.mark.parametrize("held", [(), ("marketing",)])
def test_two_gates_are_as_good_as_one(
    adapter: Adapter, policy: Policy, act: Callable[[Consent], object], held: tuple[str, ...]
) -> None:
    """Wrapping an app twice gives the same response, and the observer hears it once."""
    heard: list[list[Any]] = []
    answers = []
    for twice in (False, True):
        heard.append([])
        gate = ConsentGate(
            policy, secret_key=KEY, clock=lambda: 1795000000.0, observer=heard[-1].append
        )
        visit = granted(gate, *held) if held else Visit()
        runner = Adapter(adapter.protocol, wrap_twice=twice)
        answers.append(runner(gate, doing(act, *ALL), visit))
    assert answers[0].names == answers[1].names
    assert heard[0] == heard[1]


def test_asking_for_an_unknown_category_is_no(adapter: Adapter, gate: ConsentGate) -> None:
    """A template that asks about a category that is gone gets False, not an error."""
    seen: list[bool] = []
    adapter(gate, doing(lambda c: seen.append(c.allows("gone"))), granted(gate, "statistics"))
    assert seen == [False]


@pytest.mark.parametrize("method", ["grant", "withdraw"])
def test_changing_an_unknown_category_is_an_error(
    adapter: Adapter, gate: ConsentGate, method: str
) -> None:
    """The app that grants or withdraws a category that is not in the policy is told so."""

    def view(consent: Consent) -> Reply:
        with pytest.raises(ConsentGateError, match="unknown category 'statistic'; known are: "):
            getattr(consent, method)("statistic")
        return cookies()

    assert adapter(gate, view).names == []


def test_a_handle_says_what_it_knows(adapter: Adapter, gate: ConsentGate) -> None:
    """Its representation shows the choice, for a developer at a debugger."""
    seen: list[str] = []
    adapter(gate, doing(lambda c: seen.append(repr(c))), granted(gate, "statistics"))
    assert "answered=True" in seen[0]
    assert "statistics" in seen[0]


@pytest.mark.conformance("K8")
def test_a_choice_after_the_start_holds_but_cannot_be_sent(gate: ConsentGate) -> None:
    """The state flips, a clear exception says that nothing was sent, and the body completes."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Set-Cookie", "_ga=1")])
        consent = environ["consentgate"]
        yield b"one"
        for act in (consent.grant_all, consent.withdraw):
            with pytest.raises(ResponseStartedError, match="decide before the response starts"):
                act()
        assert consent.answered
        assert not consent.allows("statistics")
        yield b"two"

    sent: list[Any] = []
    body = behind_wsgi(gate, app)({}, lambda *args: sent.append(args))
    assert b"".join(body) == b"onetwo"
    assert sent == [("200 OK", [("Vary", "Cookie")])]


def test_an_observer_that_raises_hurts_nobody(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """The response goes on, and the log says which observer failed."""

    def broken(event: object) -> None:
        raise RuntimeError("oops")

    gate = ConsentGate(policy, secret_key=KEY, observer=broken)
    assert adapter(gate, sets(*ALL)).names == EXEMPT
    assert "the response goes on" in caplog.text


def test_an_observer_can_hear_of_what_passes(adapter: Adapter, policy: Policy) -> None:
    """With observe_passed it is told of each cookie that leaves too, deletions included."""
    seen: list[Any] = []
    gate = ConsentGate(policy, secret_key=KEY, observer=seen.append, observe_passed=True)
    adapter(gate, sets("session=1", "visits=1", "_ga=1", "ad_id=; Max-Age=0"))
    assert [(event.action, event.name, event.category) for event in seen] == [
        ("passed", "session", "necessary"),
        ("passed", "visits", "anonymous_statistics"),
        ("stripped", "_ga", "statistics"),
        ("passed", "ad_id", "marketing"),
    ]


@pytest.mark.conformance("K3")
def test_the_log_is_bounded(gate: ConsentGate, caplog: pytest.LogCaptureFixture) -> None:
    """A thousand names are logged, then one last line; no name twice, nothing after."""
    for _ in range(2):
        Adapter("wsgi")(gate, sets(*(f"n{number}=1" for number in range(1500))))
    assert len(caplog.records) == 1001
    assert "1000 names logged" in caplog.records[-1].getMessage()


def test_what_a_visitor_decides_is_logged_quietly(
    gate: ConsentGate, caplog: pytest.LogCaptureFixture
) -> None:
    """A declared cookie that waits for consent is information, not a warning."""
    caplog.set_level(logging.INFO, "consentgate")
    Adapter("wsgi")(gate, sets("_ga=1"))
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_a_log_line_is_one_line(gate: ConsentGate, caplog: pytest.LogCaptureFixture) -> None:
    """A name with control characters, or a very long one, cannot forge or flood the log."""
    view = Adapter("wsgi")
    view(gate, sets(b"x\x1b[31m\x01=1", b"y" * 5000 + b"=1"), Visit(strict=False))
    for record in caplog.records:
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 300


@pytest.mark.conformance("K3", "S4")
def test_a_malformed_cookie_keeps_its_value_to_itself(
    gate: ConsentGate, caplog: pytest.LogCaptureFixture
) -> None:
    """What no browser stores is logged by what stands for its name: its value may be a secret."""
    view = Adapter("wsgi")
    for line in (
        "session=SECRET\x01",
        "SECRET",
        "SECRET; x=1",
        "=SECRET",
        "==SECRET",
        "session=1\x01; x=SECRET",
    ):
        view(gate, sets(line), Visit(strict=False))
    assert "SECRET" not in caplog.text
    assert "'session'" in caplog.text


@pytest.mark.conformance("S13", "K3")
def test_a_cookie_withheld_for_its_form_is_logged(
    adapter: Adapter, gate: ConsentGate, caplog: pytest.LogCaptureFixture
) -> None:
    """An allowed cookie that some parser takes for two is withheld, and logged once by its name."""
    for _ in range(2):
        adapter(gate, sets(), Visit([b"session=SECRET x=2; csrftoken=1"]))
        adapter(gate, sets(), Visit([b"_ga=1; other=2"]))
    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith("withheld 'session' (necessary) at '/': more than one cookie")
    assert "SECRET" not in message


@pytest.mark.conformance("K3", "R3")
def test_what_visitors_send_does_not_use_up_the_log(
    adapter: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    """However many doubtful cookies arrive, a cookie of the app's that is stripped is logged."""
    gate = ConsentGate(Policy([Cookie("session*")]), secret_key=KEY)
    doubtful = [b"session%d=1 x=2" % number for number in range(1500)]
    adapter(gate, sets("tracker=1"), Visit([b"; ".join(doubtful)]))
    assert caplog.records[-1].getMessage().startswith("stripped 'tracker'")
    assert len(caplog.records) == 1002


def test_two_names_for_one_declaration() -> None:
    """A policy whose own cookie row is the site's still reserves the name."""
    gate = ConsentGate(Policy([Cookie("cookies_preferences")]), secret_key=KEY)
    assert Adapter("wsgi")(gate, sets("cookies_preferences=1")).names == []


def test_a_grant_beside_the_others_leaves_these(adapter: Adapter, gate: ConsentGate) -> None:
    """What was granted before stays granted, what was refused stays so, and one more is granted."""
    grant = called(lambda consent: consent.grant_also("marketing"), sets("_ga=1", "ad_id=1"))
    answer = adapter(gate, grant, granted(gate, "statistics"))
    assert answer.names == [b"cookies_preferences", b"_ga", b"ad_id"]


def test_a_grant_where_none_is_needed_refuses_nothing(adapter: Adapter, policy: Policy) -> None:
    """Where silence is no refusal, one purpose more leaves all others as they pass."""
    gate = ConsentGate(policy, secret_key=KEY, needs_consent=lambda _: False)
    grant = called(lambda consent: consent.grant_also("marketing"), sets("_ga=1", "ad_id=1"))
    first = adapter(gate, grant)
    assert first.names == [b"cookies_preferences", b"_ga", b"ad_id"]
    choice = gate.standing([first.set_cookies[0].partition(b";")[0]]).choice
    assert choice is not None
    assert choice.refused == frozenset()
    again = adapter(gate, grant, Visit([first.set_cookies[0].partition(b";")[0]]))
    assert again.names == [b"_ga", b"ad_id"]
