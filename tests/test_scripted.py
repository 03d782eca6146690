"""What scripts may write, as the guard reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import KEY, Adapter, Reply, Visit, granted
from consentgate import Consent, ConsentGate, Cookie, Policy
from consentgate.scripted import ScriptRules

COOKIES = [
    Cookie("_ga*", "statistics"),
    Cookie("_ga_ad*", "marketing"),
    Cookie("visits", "anonymous_statistics"),
    Cookie("session"),
    Cookie("_gaol", "marketing"),
]


def listed(adapter: Adapter, visit: Visit | None = None, **options: Any) -> list[str]:
    """Return the list for a visit, entry by entry."""
    gate = ConsentGate(Policy(COOKIES), secret_key=KEY, **options)
    found: list[str] = []

    def look(consent: Consent) -> Reply:
        found.extend(consent.scripts.split(" "))
        return Reply([(b"Content-Type", b"text/html")])

    answer = adapter(gate, look, visit)
    assert answer.values(b"vary")  # it is one visitor's
    return found


def visit_of(*categories: str) -> Visit:
    """Return the visit of who granted these categories."""
    return granted(ConsentGate(Policy(COOKIES), secret_key=KEY), *categories)


@pytest.mark.conformance("T4")
def test_before_an_answer_what_is_exempt_may_be_written(adapter: Adapter) -> None:
    """Exact names come first, then the longer pattern: the first that fits decides."""
    assert listed(adapter) == ["+visits", "+session", "-_gaol", "-_ga_ad*", "-_ga*"]


@pytest.mark.conformance("T4")
def test_what_is_granted_may_be_written(adapter: Adapter) -> None:
    """Names of a granted category get a plus, all others keep their minus."""
    assert listed(adapter, visit_of("statistics")) == [
        *("+visits", "+session", "-_gaol", "-_ga_ad*", "+_ga*")
    ]


@pytest.mark.conformance("T4")
def test_what_is_only_told_says_so(adapter: Adapter) -> None:
    """Under a report on a category its names are announced, and written all the same."""
    assert listed(adapter, report_only=["statistics", "undeclared"]) == [
        *("+visits", "+session", "-_gaol", "-_ga_ad*", "~_ga*", "~*")
    ]


@pytest.mark.conformance("T4")
def test_under_a_report_nothing_is_refused(adapter: Adapter) -> None:
    """Where nothing is enforced the list refuses nothing either."""
    entries = listed(adapter, report_only=True)
    assert entries[-1] == "~*"
    assert not any(entry.startswith("-") for entry in entries)


@pytest.mark.conformance("T4")
def test_an_open_gate_lets_scripts_write(adapter: Adapter) -> None:
    """Where no consent is needed all passes but what the visitor refused."""
    visit = visit_of("statistics")
    assert listed(adapter, visit, needs_consent=lambda _: False) == [
        *("+visits", "+session", "-_gaol", "-_ga_ad*", "+_ga*", "+*")
    ]


def first_match(entries: list[str], name: str) -> str:
    """Return the sign of the first entry that fits a name, "" for none: as the guard reads it."""
    for entry in entries:
        star = r"[!#-+\--:<-\[\]-~]*"
        if re.fullmatch(star.join(map(re.escape, entry[1:].split("*"))), name):
            return entry[0]
    return ""


NAMES = st.text("ab_*", min_size=1, max_size=4)


@given(st.dictionaries(NAMES, st.sampled_from(["statistics", "marketing"]), max_size=8), st.data())
@pytest.mark.conformance("T4")
def test_the_list_decides_as_the_policy_does(rows: dict[str, str], data: st.DataObject) -> None:
    """For every name the first entry that fits says what the policy says of that name."""
    policy = Policy([Cookie(name, category) for name, category in rows.items()])
    rules = ScriptRules(policy, "consent", report_only=False, reported=frozenset())
    entries = rules.text(frozenset({"statistics"}), False).split()
    name = data.draw(st.text("ab_", min_size=1, max_size=6))
    cookie = policy.lookup(name.encode())
    expected = "" if cookie is None else "+" if cookie.category == "statistics" else "-"
    assert first_match(entries, name) == expected


@pytest.mark.parametrize("name", ["cookies_preferences", "other"])
@pytest.mark.conformance("T4")
def test_no_script_writes_the_choice(name: str) -> None:
    """The consent cookie is in no list, whatever it is called, and declared or not."""
    policy = Policy([Cookie("session"), Cookie(name)])
    gate = ConsentGate(policy, secret_key=KEY, cookie_name=name)
    assert gate.script_rules.text(frozenset({"necessary"}), False) == "+session"
