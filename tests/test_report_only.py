"""Report-only, category by category: what is told, and what happens all the same."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from adapters import KEY, Adapter, Visit, called, granted, sets
from consentgate import Category, Consent, ConsentGate, ConsentGateError, Event, Policy, Reason

ALL_SORTS = ("session=1", "_ga=2", "ad_id=3", "mystery=4")


def gate_of(policy: Policy, told: list[Event] | None = None, **options: Any) -> ConsentGate:
    """Return a gate that only reports on statistics, unless the options say more."""
    options.setdefault("report_only", ["statistics"])
    observer = None if told is None else told.append
    return ConsentGate(policy, secret_key=KEY, observer=observer, **options)


@pytest.mark.parametrize(
    ("report_only", "left"),
    [
        (False, [b"session"]),
        ([], [b"session"]),
        (["statistics"], [b"session", b"_ga"]),
        (("marketing", "statistics"), [b"session", b"_ga", b"ad_id"]),
        ({"undeclared"}, [b"session", b"mystery"]),
        (True, [b"session", b"_ga", b"ad_id", b"mystery"]),
    ],
)
def test_what_is_only_reported_leaves(
    adapter: Adapter, policy: Policy, report_only: object, left: list[bytes]
) -> None:
    """Cookies of the categories that are named leave as the app set them, no others."""
    told: list[Event] = []
    gate = gate_of(policy, told, report_only=report_only)
    assert adapter(gate, sets(*ALL_SORTS)).names == left
    stripped = {event.name: event.enforced for event in told if event.action == "stripped"}
    assert stripped == {name: name.encode() not in left for name in ("_ga", "ad_id", "mystery")}


def test_what_is_only_reported_is_read(adapter: Adapter, policy: Policy) -> None:
    """The app goes on reading the cookies of a category that is only reported on."""
    told: list[Event] = []
    gate = gate_of(policy, told)
    read: list[bytes] = []
    line = b"session=1; _ga=2; ad_id=3; mystery=4"

    def look(consent: Consent) -> None:
        read.extend(consent._exchange.readable(consent._exchange.cookie_lines))

    adapter(gate, called(look, sets()), Visit([line]))
    assert read == [b"session=1; _ga=2"]
    withheld = {event.name: event.enforced for event in told if event.action == "withheld"}
    assert withheld == {"_ga": False, "ad_id": True, "mystery": True}


def test_what_is_only_reported_is_kept_by_the_browser(adapter: Adapter, policy: Policy) -> None:
    """No deletion is sent for a cookie of a category that is only reported on."""
    told: list[Event] = []
    gate = gate_of(policy, told)
    answer = adapter(gate, sets(), Visit([b"_ga=2; ad_id=3"]))
    assert set(answer.names) == {b"ad_id"}
    expired = {event.name: event.enforced for event in told if event.action == "expired"}
    assert expired == {"_ga": False, "ad_id": True}


def test_a_name_that_no_parser_agrees_on_is_withheld_all_the_same(
    adapter: Adapter, policy: Policy
) -> None:
    """What some parser reads as two cookies is another matter than its category."""
    gate = gate_of(policy, report_only=["statistics", "undeclared"])
    read: list[bytes] = []

    def look(consent: Consent) -> None:
        read.extend(consent._exchange.readable(consent._exchange.cookie_lines))

    adapter(gate, called(look, sets()), Visit([b'session=1; _ga=2 ad_id=3; x="4; ad_id=5']))
    assert read == [b"session=1"]


def test_a_name_that_parsers_cut_is_withheld_all_the_same(adapter: Adapter, policy: Policy) -> None:
    """An undeclared name in which some parser finds an enforced one is no undeclared cookie."""
    told: list[Event] = []
    gate = gate_of(policy, told, report_only=["undeclared"])
    read: list[bytes] = []

    def look(consent: Consent) -> None:
        read.extend(consent._exchange.readable(consent._exchange.cookie_lines))

    adapter(gate, called(look, sets()), Visit([b"session=1; x,ad_id=2; y=3"]))
    assert read == [b"session=1; y=3"]
    withheld = {event.name: event.enforced for event in told if event.action == "withheld"}
    assert withheld == {"x,ad_id": True, "y": False}


def test_a_refused_cookie_is_only_reported_too(adapter: Adapter, policy: Policy) -> None:
    """After a refusal it is the same as before an answer: told with its reason, and left."""
    told: list[Event] = []
    gate = gate_of(policy, told)
    answer = adapter(gate, sets("_ga=2"), granted(gate, "marketing"))
    assert answer.set_cookies == [b"_ga=2"]
    assert told == [Event("stripped", "_ga", "statistics", "/", Reason.REFUSED, False)]


def test_a_report_tells_caches_nothing(adapter: Adapter, policy: Policy) -> None:
    """A response that only has cookies in it which are reported on is the same for everyone."""
    gate = gate_of(policy)
    answer = adapter(gate, sets("_ga=2"))
    assert answer.values(b"vary") == answer.values(b"cache-control") == []
    assert adapter(gate, sets("_ga=2", "ad_id=3")).values(b"vary") == [b"Cookie"]


def test_where_no_consent_is_needed_a_report_tells_caches_nothing(
    adapter: Adapter, policy: Policy
) -> None:
    """An open gate that only reports on a category does not depend on a refusal of it."""
    gate = gate_of(policy, needs_consent=lambda request: False)
    assert adapter(gate, sets("_ga=2")).values(b"vary") == []
    assert adapter(gate, sets("ad_id=3")).values(b"vary") == [b"Cookie, Sec-GPC"]


def test_a_deletion_keeps_its_value_under_a_report(adapter: Adapter, policy: Policy) -> None:
    """Nothing is rewritten in a category that is only reported on, a deletion's value neither."""
    gate = gate_of(policy)
    lines = [b"_ga=left; Max-Age=0", b"ad_id=left; Max-Age=0"]
    answer = adapter(gate, sets(*lines))
    assert answer.set_cookies == [b"_ga=left; Max-Age=0", b"ad_id=; Max-Age=0"]


def test_a_lifetime_is_not_cut_under_a_report(adapter: Adapter, policy: Policy) -> None:
    """A cookie that outlives its declaration is told, and keeps its lifetime."""
    told: list[Event] = []
    gate = gate_of(policy, told, clamp_lifetimes=True)
    line = b"_ga=1; Max-Age=99999999"
    assert adapter(gate, sets(line), granted(gate, "statistics")).set_cookies == [line]
    assert told == [Event("clamped", "_ga", "statistics", "/", Reason.OUTLIVES, False)]


def test_a_forbidden_name_is_stripped_all_the_same(adapter: Adapter, policy: Policy) -> None:
    """What no category is about is not spared by a report on categories."""
    gate = gate_of(policy, report_only=["statistics", "undeclared"])
    assert adapter(gate, sets("cookies_preferences=mine", "=nameless", "_ga=1")).names == [b"_ga"]


def test_the_log_says_what_would_be(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says "would strip" of what is only reported, with its fields for machines."""
    caplog.set_level(logging.INFO, "consentgate")
    adapter(gate_of(policy), sets("_ga=1", "ad_id=1"))
    assert [record.getMessage() for record in caplog.records] == [
        "would strip '_ga' (statistics) at '/': no choice yet",
        "stripped 'ad_id' (marketing) at '/': no choice yet",
    ]
    first = vars(caplog.records[0])
    assert {key: first[key] for key in first if key.startswith("consentgate_")} == {
        "consentgate_action": "stripped",
        "consentgate_name": "_ga",
        "consentgate_category": "statistics",
        "consentgate_path": "/",
        "consentgate_reason": Reason.UNANSWERED,
        "consentgate_enforced": False,
    }


@pytest.mark.parametrize(
    ("report_only", "shown"),
    [
        (["statistics"], True),
        (["statistics", "marketing"], True),
        (["statistics", "marketing", "preferences"], False),
        (True, False),
    ],
)
def test_the_banner_asks_while_an_answer_counts(
    adapter: Adapter, policy: Policy, report_only: object, shown: bool
) -> None:
    """Visitors are asked as long as their answer decides about any category that needs one."""
    gate = gate_of(policy, report_only=report_only)
    banners: list[str] = []
    adapter(gate, called(lambda consent: banners.append(consent.banner_html()), sets()))
    assert bool(banners[0]) is shown


@pytest.mark.parametrize(
    ("report_only", "message"),
    [
        ("marketing", "use True, False, or a list"),
        (1, "use True, False, or a list"),
        ({"marketing": True}, "use True, False, or a list"),
        (["marketting"], "did you mean 'marketing'"),
        (["necessary"], "'necessary' is no category in which anything is stopped"),
        ([3], "3 is no category"),
    ],
)
def test_what_is_no_list_of_categories_is_refused(
    policy: Policy, report_only: object, message: str
) -> None:
    """A word that is no category, or one in which nothing is stopped, is said at construction."""
    with pytest.raises(ConsentGateError, match=message):
        gate_of(policy, report_only=report_only)


def test_undeclared_is_no_category_of_a_site() -> None:
    """The word that stands for cookies in no declaration names no category."""
    with pytest.raises(ConsentGateError, match="stands for cookies in no declaration"):
        Category("undeclared")
