"""`Sec-GPC: 1`: a browser's signal refuses sale and sharing, and an explicit choice wins."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import KEY, Adapter, Header, Reply, Visit, called, cookies, granted, sets, token_pair
from consentgate import (
    Category,
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Event,
    Policy,
    Reason,
)

GPC = (b"sec-gpc", b"1")
POLICY = Policy(
    [
        Cookie("session"),
        Cookie("_ga", "statistics"),
        Cookie("ad_id", "marketing"),
        Cookie("partner", "partners"),
    ],
    categories=[Category("partners", sale_or_sharing=True)],
)
ALL = sets("session=1", "_ga=1", "ad_id=1", "partner=1")


def open_gate(**options: Any) -> ConsentGate:
    """Return a gate for visitors whose consent is not needed, as where the law is opt-out."""
    return ConsentGate(POLICY, secret_key=KEY, needs_consent=lambda _: False, **options)


@pytest.mark.conformance("P9")
def test_the_signal_refuses_where_no_consent_is_needed(adapter: Adapter) -> None:
    """What serves sale or sharing is stripped; what does not passes; no cookie is written."""
    assert adapter(open_gate(), ALL).names == [b"session", b"_ga", b"ad_id", b"partner"]
    assert adapter(open_gate(), ALL, Visit(headers=[GPC])).names == [b"session", b"_ga"]


@pytest.mark.conformance("P9")
def test_the_signal_counts_as_refused_and_not_as_an_answer(adapter: Adapter) -> None:
    """Marketing is refused and not just unanswered; the visitor has not answered for all that."""
    told: list[Event] = []
    gate = ConsentGate(POLICY, secret_key=KEY, observer=told.append)
    seen: list[Any] = []
    view = called(lambda c: seen.append((c.answered, c.choice, c.allows("marketing"))), ALL)
    answer = adapter(gate, view, Visit(headers=[GPC]))
    assert answer.names == [b"session"]
    assert seen == [(False, None, False)]
    reasons = {event.name: event.reason for event in told}
    assert reasons == {
        "_ga": Reason.UNANSWERED,
        "ad_id": Reason.REFUSED,
        "partner": Reason.REFUSED,
    }


@pytest.mark.conformance("P9")
def test_an_explicit_choice_wins(adapter: Adapter) -> None:
    """Who granted marketing gets it in spite of the signal, by a token or in this request."""
    for gate in (ConsentGate(POLICY, secret_key=KEY), open_gate()):
        visit = granted(gate, "marketing")
        with_signal = Visit(visit.cookies, headers=[GPC])
        assert b"ad_id" in adapter(gate, ALL, with_signal).names
        now = called(lambda consent: consent.grant("marketing"), ALL)
        assert b"ad_id" in adapter(gate, now, Visit(headers=[GPC])).names
        refused = Visit([token_pair(gate, "statistics")], headers=[GPC])
        assert b"ad_id" not in adapter(gate, ALL, refused).names


@pytest.mark.conformance("K9", "K17")
def test_an_explicit_refusal_holds_where_no_consent_is_needed(adapter: Adapter) -> None:
    """What a visitor refused is refused at an open gate too: stripped, not read, and expired."""
    gate = open_gate()
    refused = Visit([token_pair(gate) + b"; _ga=1; ad_id=2; other=3"])
    answer = adapter(gate, ALL, refused)
    assert answer.names[0] == b"session"
    assert {line.partition(b"=")[0] for line in answer.set_cookies[1:]} == {b"_ga", b"ad_id"}
    assert all(b"Max-Age=0" in line for line in answer.set_cookies[1:])
    seen: list[bool] = []

    def act(consent: Consent) -> None:
        seen.append(consent.allows("statistics"))
        consent.withdraw("statistics")
        seen.append(consent.allows("statistics"))

    now = adapter(gate, called(act, ALL))
    assert now.names == [b"cookies_preferences", b"session", b"ad_id", b"partner"]
    assert seen == [True, False]
    again = Visit([now.set_cookies[0].partition(b";")[0]])
    more = called(lambda consent: consent.withdraw("partners"), ALL)
    assert adapter(gate, more, again).names == [b"cookies_preferences", b"session", b"ad_id"]


@pytest.mark.conformance("P9")
@pytest.mark.parametrize(
    ("headers", "counts"),
    [
        ([(b"sec-gpc", b"1")], True),
        ([(b"sec-gpc", b"0"), (b"sec-gpc", b"1")], True),
        ([(b"sec-gpc", b"1"), (b"sec-gpc", b"1")], True),
        ([(b"sec-gpc", b"0")], False),
        ([(b"sec-gpc", b"")], False),
        ([(b"sec-gpc", b"true")], False),
        ([(b"sec-gpc", b"11")], False),
        ([(b"sec-gpc", b"1.0")], False),
        ([(b"x-sec-gpc", b"1")], False),
        ([], False),
    ],
)
def test_exactly_one_counts(headers: list[Header], counts: bool) -> None:
    """Any of several fields that is exactly `1` counts, and nothing else does."""
    expected = [b"session", b"_ga"] + [b"ad_id", b"partner"] * (not counts)
    assert Adapter("asgi")(open_gate(), ALL, Visit(headers=headers)).names == expected
    # A WSGI server joins several fields with a comma.
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    visit = Visit(headers=list(joined.items()))
    assert Adapter("wsgi")(open_gate(), ALL, visit).names == expected


@pytest.mark.conformance("P9", "R1")
def test_what_the_signal_refuses_is_withheld_and_expired(adapter: Adapter) -> None:
    """Under the signal an advertiser's cookie is not read, and it goes, even at an open gate."""
    told: list[Event] = []
    gate = open_gate(observer=told.append)
    visit = Visit([b"session=1; ad_id=7; _ga=2; odd"], headers=[GPC])
    answer = adapter(gate, sets(), visit)
    assert set(answer.names) == {b"ad_id"}
    assert all(b"Max-Age=0" in line for line in answer.set_cookies)
    actions = [(event.action, event.name, event.reason) for event in told]
    assert ("withheld", "ad_id", Reason.REFUSED) in actions
    told.clear()
    assert adapter(gate, sets(), Visit([b"session=1; _ga=2; odd"], headers=[GPC])).names == []
    assert told == []


@pytest.mark.conformance("P9", "C1")
def test_an_open_gate_varies_by_the_signal(adapter: Adapter) -> None:
    """Where the signal decides, caches are told so, whichever way it went."""
    for headers in ([], [GPC]):
        answer = adapter(open_gate(), sets("ad_id=1"), Visit(headers=headers))
        assert (b"vary", b"Cookie, Sec-GPC") in lowered(answer.headers)
        asked = called(lambda consent: consent.allows("marketing"), sets())
        answer = adapter(open_gate(), asked, Visit(headers=headers))
        assert (b"vary", b"Cookie, Sec-GPC") in lowered(answer.headers)
    other = adapter(open_gate(), sets("_ga=1"), Visit(headers=[GPC]))
    assert (b"vary", b"Cookie") in lowered(other.headers)
    plain = adapter(open_gate(), sets("session=1"), Visit(headers=[GPC]))
    assert b"vary" not in dict(lowered(plain.headers))


def lowered(headers: list[Header]) -> list[Header]:
    """Return headers with their names in lower case."""
    return [(name.lower(), value) for name, value in headers]


@pytest.mark.conformance("P9")
def test_a_site_says_what_is_sold() -> None:
    """Marketing is marked by default, even reworded; a site can mark and unmark."""
    assert Policy([]).sold == {"marketing"}
    assert Policy([], categories=[Category("marketing", title="Adverts")]).sold == {"marketing"}
    own = [Category("marketing", sale_or_sharing=False), Category("x", sale_or_sharing=True)]
    assert Policy([], categories=own).sold == {"x"}


@pytest.mark.conformance("K14")
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("x", "yes", "sale_or_sharing is True or False, not 'yes'"),
        ("necessary", True, "what needs no consent serves neither sale nor sharing"),
        ("anonymous_statistics", True, "what needs no consent serves neither sale nor sharing"),
    ],
)
def test_what_cannot_be_sold_is_said(key: str, value: Any, message: str) -> None:
    """A mark that is none, or on a category that needs no consent, is an error."""
    with pytest.raises(ConsentGateError, match=message):
        Category(key, sale_or_sharing=value)


def test_under_report_only_the_signal_changes_nothing(adapter: Adapter) -> None:
    """Everything leaves and nothing is added, but the observer hears what would be stripped."""
    told: list[Event] = []
    gate = open_gate(report_only=True, observer=told.append)

    def view(_: Consent) -> Reply:
        return cookies("ad_id=1")

    answer = adapter(gate, view, Visit(headers=[GPC]))
    assert answer.names == [b"ad_id"]
    assert len(answer.headers) == 2
    assert [(event.action, event.enforced) for event in told] == [("stripped", False)]
