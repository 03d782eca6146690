"""What observers hear of choices: each that is recorded, once, in a word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters import KEY, Adapter, Visit, behind_wsgi, called, granted, sets
from consentgate import Consent, ConsentGate, ConsentGateError, Cookie, Event, Policy
from consentgate.observer import CHOICES

Act = Callable[[Consent], object]


def told_by(
    adapter: Adapter, policy: Policy, act: Act, visit: Callable[[ConsentGate], Visit]
) -> list[Event]:
    """Return the events about choices, of a visit in which the app acts on the consent."""
    told: list[Event] = []
    gate = ConsentGate(policy, secret_key=KEY, observer=told.append)
    adapter(gate, called(act, sets("session=1")), visit(gate))
    return [event for event in told if event.action in CHOICES]


def nobody(_: ConsentGate) -> Visit:
    """Return the visit of somebody who never answered."""
    return Visit(path="/shop")


def after(*categories: str) -> Callable[[ConsentGate], Visit]:
    """Return what makes the visit of somebody who granted these categories before."""
    return lambda gate: granted(gate, *categories)


def opposes(consent: Consent) -> None:
    """Oppose the exempt statistics, and refuse the rest."""
    consent.refuse_all()


@pytest.mark.parametrize(
    ("before", "act", "word"),
    [
        (nobody, Consent.grant_all, "granted"),
        (nobody, Consent.refuse_all, "refused"),
        (nobody, Consent.withdraw, "refused"),
        (nobody, lambda consent: consent.grant("statistics"), "partial"),
        (after(), Consent.grant_all, "granted"),
        (after(), lambda consent: consent.grant("marketing"), "partial"),
        (after("marketing"), lambda consent: consent.grant("statistics"), "withdrawn"),
        (after("marketing"), Consent.refuse_all, "withdrawn"),
        (after("marketing", "statistics"), lambda c: c.withdraw("marketing"), "withdrawn"),
        (
            after("statistics"),
            lambda consent: consent.grant("statistics", "marketing", "preferences"),
            "granted",
        ),
    ],
)
def test_a_choice_is_told_in_a_word(
    adapter: Adapter,
    policy: Policy,
    before: Callable[[ConsentGate], Visit],
    act: Act,
    word: str,
) -> None:
    """A choice is granted, refused, partial, or withdrawn where something held before."""
    (event,) = told_by(adapter, policy, act, before)
    assert event[:3] == (word, "cookies_preferences", None)
    assert event.reason is None
    assert event.enforced


def test_a_choice_is_told_with_the_place_where_it_was_made(
    adapter: Adapter, policy: Policy
) -> None:
    """The path of the event is that of the request in which the visitor chose."""
    (event,) = told_by(adapter, policy, Consent.grant_all, nobody)
    assert event.path == "/shop"


@pytest.mark.parametrize(
    "act",
    [
        lambda consent: consent.answered,
        lambda consent: consent.grant("statistics"),
        lambda consent: (consent.grant_all(), consent.grant("statistics")),
    ],
)
def test_what_is_no_new_choice_is_not_told(adapter: Adapter, policy: Policy, act: Act) -> None:
    """Asking tells nothing, nor does a choice that is held already when the response leaves."""
    assert told_by(adapter, policy, act, after("statistics")) == []


def test_of_several_choices_in_one_request_the_last_is_told(
    adapter: Adapter, policy: Policy
) -> None:
    """What is recorded is told, not each step on the way to it."""

    def waver(consent: Consent) -> None:
        consent.grant_all()
        consent.refuse_all()

    assert [event.action for event in told_by(adapter, policy, waver, nobody)] == ["refused"]


def test_accepting_what_is_asked_about_is_granting_all(adapter: Adapter) -> None:
    """A built-in category in which nothing is declared does not make a choice partial."""
    policy = Policy([Cookie("_ga*", "statistics")])
    (event,) = told_by(adapter, policy, lambda consent: consent.grant("statistics"), nobody)
    assert event.action == "granted"


def test_a_site_that_asks_nothing_has_objections_alone(adapter: Adapter) -> None:
    """Where all statistics are exempt, to object is to refuse, and to take it back to grant."""
    policy = Policy([Cookie("visits", "anonymous_statistics", exemption="audience-measurement")])
    (event,) = told_by(adapter, policy, opposes, nobody)
    assert event.action == "refused"
    (event,) = told_by(adapter, policy, Consent.grant_all, nobody)
    assert event.action == "granted"


def test_two_gates_tell_a_choice_once(adapter: Adapter, policy: Policy) -> None:
    """Two gates around one app, by mistake, are one exchange."""
    adapter.wrap_twice = True
    assert len(told_by(adapter, policy, Consent.grant_all, nobody)) == 1


def test_an_app_that_starts_its_response_again_has_its_choice_told_once(policy: Policy) -> None:
    """WSGI's second start_response, with exc_info, records the same choice."""
    told: list[Event] = []
    gate = ConsentGate(policy, secret_key=KEY, observer=told.append)

    def app(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        consent = environ["consentgate"]
        assert isinstance(consent, Consent)
        consent.refuse_all()
        start_response("200 OK", [])
        try:
            raise ValueError
        except ValueError as error:
            start_response("500 Oops", [], (type(error), error, error.__traceback__))
        return []

    behind_wsgi(gate, app)({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *_: None)
    assert [event.action for event in told] == ["refused"]


def test_several_observers_hear_the_same(adapter: Adapter, policy: Policy) -> None:
    """A list of observers is told everything, each of them, whatever another one does."""
    first: list[Event] = []
    last: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError("no matter")

    gate = ConsentGate(policy, secret_key=KEY, observer=[first.append, broken, last.append])
    adapter(gate, sets("ad_id=1"))
    assert first == last
    assert [event.action for event in first] == ["stripped"]


def test_a_quick_observer_that_raises_hurts_nobody(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is called in the request itself may fail: that is logged, and the others hear."""
    told: list[Event] = []

    class Broken:
        quick = True

        def __call__(self, event: Event) -> None:
            raise ValueError("no matter")

    gate = ConsentGate(policy, secret_key=KEY, observer=[Broken(), told.append])
    assert adapter(gate, sets("ad_id=1", "session=1")).names == [b"session"]
    assert [event.name for event in told] == ["ad_id"]
    assert "the response goes on" in caplog.text


@pytest.mark.parametrize("observer", ["log", {"a": print}, 3, [print, 3], b"log"])
def test_what_is_no_observer_is_refused(policy: Policy, observer: object) -> None:
    """An observer that cannot be called is said at construction."""
    options: dict[str, object] = {"observer": observer}
    with pytest.raises(ConsentGateError, match="must be callable"):
        ConsentGate(policy, secret_key=KEY, **options)  # type: ignore[arg-type]  # on purpose
