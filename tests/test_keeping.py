"""What is told and can be withdrawn where an older choice holds in part, or silence is enough."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters import KEY, Adapter, Answer, Visit, called, cookies, sets
from consentgate import Category, Consent, ConsentGate, ConsentGateError, Cookie, Policy

SESSION = Cookie("session", exemption="authentication")
VISITS = Cookie("visits", "anonymous_statistics")
COUNTER = Cookie("_ga", "statistics")
ADVERT = Cookie("ad", "marketing")
CHANGED = "The cookies of this site have changed since you decided. Please decide again."
PROMISE = "None of them is set before you decide."


def gate_for(revision: str, *cookies_: Cookie, **options: Any) -> ConsentGate:
    """Return a gate with these cookies beside the necessary one."""
    policy = Policy([SESSION, *cookies_], revision=revision)
    return ConsentGate(policy, secret_key=KEY, **options)


def with_choice(
    gate: ConsentGate, granted: list[str], refused: list[str] | None = None, **visit: Any
) -> Visit:
    """Return the visit of somebody who decided at this gate."""
    pair = gate.set_cookie_for(gate.choice(granted, refused)).partition(";")[0]
    return Visit([pair.encode()], **visit)


def state(adapter: Adapter, gate: ConsentGate, visit: Visit) -> dict[str, Any]:
    """Return the JSON view for a visit."""
    visit = Visit(visit.cookies, path="/cookies/choice.json", headers=visit.headers)
    found: dict[str, Any] = json.loads(adapter(gate, sets(), visit).body)
    return found


def shown(adapter: Adapter, gate: ConsentGate, visit: Visit) -> tuple[str, Answer]:
    """Return banner and footer link of a page that sets a cookie, and the answer."""
    seen: list[str] = []

    def act(consent: Consent) -> None:
        seen.append(consent.banner_html("en") + consent.link_html("en"))

    answer = adapter(gate, called(act, lambda _: cookies("_ga=1")), visit)
    return seen[0], answer


@pytest.mark.conformance("P3", "P4", "P5")
def test_what_is_kept_of_an_older_choice_is_told_and_can_be_withdrawn(adapter: Adapter) -> None:
    """With `keep_unchanged` a grant that still holds is named, and withdrawn in one press."""
    before = gate_for("1", COUNTER)
    now = gate_for("2", COUNTER, ADVERT, keep_unchanged=True)
    visit = with_choice(before, ["statistics"])
    markup, answer = shown(adapter, now, visit)
    assert b"_ga" in answer.names
    assert CHANGED in markup
    assert PROMISE not in markup
    assert "Withdraw my consent" in markup
    assert state(adapter, now, visit)["status"] == [CHANGED, "Accepted: Statistics."]
    preferences = Visit(visit.cookies, path="/cookies/preferences")
    page = adapter(now, sets(), preferences).body.decode()
    assert "Withdraw my consent" in page
    assert " checked" not in page


@pytest.mark.conformance("P3", "P5")
def test_what_is_not_kept_is_asked_for_as_if_for_the_first_time(adapter: Adapter) -> None:
    """Without `keep_unchanged` nothing is set under an older choice, and the banner may say so."""
    before, now = gate_for("1", COUNTER), gate_for("2", COUNTER, ADVERT)
    visit = with_choice(before, ["statistics"])
    markup, answer = shown(adapter, now, visit)
    assert b"_ga" not in answer.names
    assert PROMISE in markup
    assert "Withdraw my consent" not in markup
    assert state(adapter, now, visit)["status"] == [CHANGED]


@pytest.mark.conformance("P5")
def test_an_objection_outlives_a_revision(adapter: Adapter) -> None:
    """Statistics that were objected to under an older revision are told to be refused."""
    before, now = gate_for("1", VISITS, COUNTER), gate_for("2", VISITS, COUNTER, ADVERT)
    visit = with_choice(before, [], ["anonymous_statistics", "statistics"])
    found = state(adapter, now, visit)
    assert found["status"] == [CHANGED, "Refused: Anonymous statistics."]
    assert "anonymous_statistics" not in found["allowed"]


@pytest.mark.conformance("P8")
def test_silence_is_no_choice_for_scripts(adapter: Adapter) -> None:
    """The JSON view tells what was chosen, even where the predicate opens its very address."""
    gate = gate_for("1", COUNTER, VISITS, needs_consent=lambda request: "shop" in request.path)
    found = state(adapter, gate, Visit())
    assert (found["needed"], found["answered"]) == (False, False)
    assert found["allowed"] == ["necessary", "anonymous_statistics"]
    granted = state(adapter, gate, with_choice(gate, ["statistics"]))
    assert granted["allowed"] == ["necessary", "anonymous_statistics", "statistics"]


@pytest.mark.conformance("P5", "K17")
def test_what_is_not_refused_is_not_told_to_be(adapter: Adapter) -> None:
    """Where no consent is needed only what was refused is told to be."""
    gate = gate_for("1", COUNTER, ADVERT, needs_consent=lambda _: False)
    found = state(adapter, gate, with_choice(gate, [], ["statistics"]))
    lines = [line for line in found["status"] if line.startswith(("Accepted", "Refused"))]
    assert lines == ["Refused: Statistics."]


@pytest.mark.conformance("P4", "P5")
@pytest.mark.parametrize("path", ["/cookies", "/cookies/preferences"])
def test_a_site_with_nothing_to_ask_says_so(adapter: Adapter, path: str) -> None:
    """A site of necessary cookies alone says that, and nothing of a decision to take."""
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY)
    page = adapter(gate, sets(), Visit(path=path)).body.decode()
    assert "This site uses only cookies that need no consent." in page
    for phrase in ("not decided", "Decide for each", "with the buttons", "Accept all", "Save my"):
        assert phrase not in page


@pytest.mark.conformance("P3")
def test_a_gate_that_only_reports_shows_no_banner(adapter: Adapter) -> None:
    """Under report_only all cookies are set: the banner's promise would not be true."""
    markup, answer = shown(adapter, gate_for("1", COUNTER, report_only=True), Visit())
    assert b"_ga" in answer.names
    assert "consentgate-banner" not in markup


@pytest.mark.parametrize("name", sorted(name for name in dir(Consent) if not name.startswith("_")))
def test_no_category_is_named_as_what_a_consent_has(name: str) -> None:
    """A template that asks `consent.NAME` for a category would get something that is true."""
    with pytest.raises(ConsentGateError, match="use another key"):
        Category(name)


@pytest.mark.conformance("P2")
@pytest.mark.parametrize("root", ["//evil.example", "/shop/", "shop", "///"])
def test_a_mount_point_is_one_path(adapter: Adapter, root: str) -> None:
    """However a server writes where the app is mounted, links and ways back stay on this host."""
    gate = gate_for("1", COUNTER)
    sent = [
        (b"sec-fetch-site", b"same-origin"),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    visit = Visit(
        method="POST",
        path="/cookies/choice",
        headers=sent,
        body=b"answer=refuse",
        root=root,
        strict=False,
    )
    answer = adapter(gate, sets(), visit)
    if answer.status == 200:
        return  # This server's path is none of the pages': the app has answered.
    assert answer.status == 303
    (location,) = answer.values(b"location")
    assert location == b"/" + root.strip("/").encode() + (b"/" if root.strip("/") else b"")


@pytest.mark.conformance("P3")
def test_accepting_all_is_accepting_what_was_asked(adapter: Adapter) -> None:
    """A purpose that no cookie serves, and that was shown to nobody, is granted by nobody."""
    gate = gate_for("1", COUNTER)
    sent = [
        (b"sec-fetch-site", b"same-origin"),
        (b"content-type", b"application/json"),
    ]
    visit = Visit(
        method="POST", path="/cookies/choice.json", headers=sent, body=b'{"answer": "accept"}'
    )
    answer = adapter(gate, sets(), visit)
    found = json.loads(answer.body)
    assert found["choice"]["granted"] == ["statistics"]
    assert found["allowed"] == ["necessary", "anonymous_statistics", "statistics"]
    own = Category("social", title="Social media")
    policy = Policy([SESSION, COUNTER], categories=[own], revision="1")
    answer = adapter(ConsentGate(policy, secret_key=KEY), sets(), visit)
    assert json.loads(answer.body)["choice"]["granted"] == ["social", "statistics"]


@pytest.mark.parametrize("decision", ["no", "yes", 0, 1, None])
def test_only_true_and_false_decide(adapter: Adapter, decision: Any) -> None:
    """What a form says is no decision yet: its "no" would grant. Nothing is recorded."""
    raised: list[ConsentGateError] = []

    def act(consent: Consent) -> None:
        with pytest.raises(ConsentGateError, match="say True to grant") as error:
            consent.choose({"statistics": decision})
        raised.append(error.value)

    answer = adapter(gate_for("1", COUNTER), called(act, lambda _: cookies("_ga=1")), Visit())
    assert raised
    assert answer.names == []
