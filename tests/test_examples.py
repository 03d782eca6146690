"""The examples, each driven by its framework's own test client as a browser would."""

from __future__ import annotations

import gettext
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import django.test
import pytest
import uvicorn
import werkzeug.test
from django.conf import settings
from django.db import connections
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient

import consentgate.asgi
import consentgate.pages
import consentgate.wsgi
from consentgate import ConsentGate, Cookie
from examples import fastapi_app, flask_app, portal_policy, starlette_app
from examples.portal import __main__ as portal_main
from examples.portal import asgi, wsgi
from examples.portal.cookies import gate as portal_gate
from examples.portal.texts import TEXTS

EXAMPLES = Path(flask_app.__file__).parent
FILES = ("flask_app.py", "starlette_app.py", "fastapi_app.py")
CONSENT = "cookies_preferences"
OPTIONAL = {"_ga", "ad_id"}
UNDECLARED = "tracker"
ENGLISH = {"Accept-Language": "en"}
CHOICE = "/cookies/choice"
ANSWERS = ("accept", "refuse", "withdraw")
LOCALES = Path(consentgate.pages.__file__).parent / "locales"


class Answer(NamedTuple):
    """What came back, redirects not followed."""

    status: int
    location: str | None
    set_cookies: list[str]
    text: str

    @property
    def names_set(self) -> list[str]:
        """The cookies that are set to a value: not those that are deleted."""
        pairs = (line.strip().partition(";")[0].partition("=") for line in self.set_cookies)
        return [name for name, _, value in pairs if value]


class Forms(HTMLParser):
    """The forms of a page: where they go, hidden fields, and the buttons by their label."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: list[dict[str, str]] = []
        self.posts: list[bool] = []
        self.actions: list[str] = []
        self.buttons: dict[str, tuple[int, dict[str, str]]] = {}
        self._button: dict[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what belongs to a form."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.hidden.append({})
            self.posts.append(found.get("method") == "post")
            self.actions.append(found.get("action", ""))
        elif tag == "input" and found.get("type") == "hidden":
            self.hidden[-1][found["name"]] = found["value"]
        elif tag == "button":
            self._button = found

    def handle_data(self, data: str) -> None:
        """Remember a button by the text in it."""
        if self._button is not None:
            self.buttons[data] = (len(self.hidden) - 1, self._button)
            self._button = None


Send = Callable[[str, str, Mapping[str, str], Mapping[str, str]], Answer]


@dataclass
class Visitor:
    """A browser with a jar of its own in front of one example."""

    send: Send
    jar: Callable[[], set[str]]
    necessary: set[str] = field(default_factory=lambda: {"session"})
    origin: str = "http://testserver"

    def get(self, path: str = "/", language: str = "en") -> Answer:
        """Open a page."""
        return self.send("GET", path, {"Accept-Language": language}, {})

    def press(self, label: str, page: str = "/", **fields: str) -> Answer:
        """Press a button of a page, with its form filled in."""
        forms = Forms(self.get(page).text)
        index, button = forms.buttons[label]
        assert forms.posts[index]
        data = {**forms.hidden[index], **fields}
        if "name" in button:
            data[button["name"]] = button["value"]
        headers = {**ENGLISH, "Sec-Fetch-Site": "same-origin"}
        return self.send("POST", forms.actions[index] or page, headers, data)


def werkzeug_visitor(client: werkzeug.test.Client, necessary: set[str]) -> Visitor:
    """Visit a WSGI app."""
    heard: set[str] = set()

    def send(method: str, path: str, headers: Mapping[str, str], data: Mapping[str, str]) -> Answer:
        response = client.open(path, method=method, headers=dict(headers), data=dict(data))
        lines = response.headers.getlist("Set-Cookie")
        heard.update(line.strip().partition("=")[0] for line in lines)
        return Answer(response.status_code, response.location, lines, response.text)

    def jar() -> set[str]:
        return {name for name in heard if client.get_cookie(name)}

    return Visitor(send, jar, necessary, origin="http://localhost")


def starlette_visitor(app: Any, necessary: set[str]) -> Visitor:
    """Visit an ASGI app."""
    client = TestClient(app, follow_redirects=False)

    def send(method: str, path: str, headers: Mapping[str, str], data: Mapping[str, str]) -> Answer:
        response = client.request(method, path, headers=dict(headers), data=dict(data))
        lines = response.headers.get_list("set-cookie")
        return Answer(response.status_code, response.headers.get("location"), lines, response.text)

    return Visitor(send, lambda: {cookie.name for cookie in client.cookies.jar}, necessary)


def django_visitor(necessary: set[str]) -> Visitor:
    """Visit the portal as Django's test client does: round wsgi.py and asgi.py."""
    # It sends no Host by itself, as browsers do.
    client = django.test.Client(enforce_csrf_checks=True, headers={"Host": "testserver"})

    def send(method: str, path: str, headers: Mapping[str, str], data: Mapping[str, str]) -> Answer:
        ask = client.get if method == "GET" else client.post
        response = ask(path, data, headers=dict(headers))
        lines = [morsel.OutputString() for morsel in response.cookies.values()]
        text = response.content.decode()
        return Answer(response.status_code, response.headers.get("Location"), lines, text)

    return Visitor(
        send, lambda: {name for name, morsel in client.cookies.items() if morsel.value}, necessary
    )


SESSION, CSRF = {"session"}, {"csrftoken"}
PORTAL: dict[str, Callable[[], Visitor]] = {
    "portal, Django's client": lambda: django_visitor(CSRF),
    "portal, wsgi.py": lambda: werkzeug_visitor(werkzeug.test.Client(wsgi.application), CSRF),
    "portal, asgi.py": lambda: starlette_visitor(asgi.application, CSRF),
}
ALL: dict[str, Callable[[], Visitor]] = {
    "Flask": lambda: werkzeug_visitor(flask_app.app.test_client(), SESSION),
    "Starlette": lambda: starlette_visitor(starlette_app.app, SESSION),
    "FastAPI": lambda: starlette_visitor(fastapi_app.app, SESSION),
    **PORTAL,
}


@pytest.fixture(scope="module", autouse=True)
def closed_connections() -> Iterator[None]:
    """Close what Django's test client leaves open."""
    yield
    connections.close_all()


@pytest.fixture(params=ALL)
def visitor(request: pytest.FixtureRequest) -> Visitor:
    """Return a new visitor of each example in turn."""
    return ALL[request.param]()


@pytest.fixture(params=PORTAL)
def portal(request: pytest.FixtureRequest) -> Visitor:
    """Return a new visitor of the Django project, by each way in."""
    return PORTAL[request.param]()


def said_in(lang: str, message: str) -> str:
    """Return a message of the pages in a language, from the catalogue that they come with."""
    return gettext.translation("consentgate", LOCALES, [lang]).gettext(message)


def brought(page: str) -> list[str]:
    """Return the names of cookies that a page says its request brought."""
    return [part.partition("</code>")[0] for part in page.split("<code>")[1:]]


@pytest.mark.conformance("K1", "K3")
def test_before_an_answer_only_necessary_cookies_reach_the_visitor(visitor: Visitor) -> None:
    """Before the visitor answers, the jar holds the necessary names and no other."""
    first = visitor.get()
    assert first.status == 200
    assert visitor.jar() == visitor.necessary
    second = visitor.get()
    assert brought(second.text) == sorted(visitor.necessary)
    assert visitor.jar() == visitor.necessary


@pytest.mark.conformance("K2", "K3")
def test_after_accepting_the_declared_cookies_come(visitor: Visitor) -> None:
    """After "Accept all" statistics and marketing cookies come too, the undeclared one never."""
    answer = visitor.press("Accept all")
    assert (answer.status, answer.location) == (303, "/")
    assert set(visitor.get().names_set) >= OPTIONAL
    assert visitor.jar() == visitor.necessary | {CONSENT} | OPTIONAL


@pytest.mark.conformance("K2", "K16")
def test_after_refusing_nothing_more_comes(visitor: Visitor) -> None:
    """After "Refuse all" the jar gains the record of the refusal and nothing else."""
    answer = visitor.press("Refuse all")
    assert (answer.status, answer.location) == (303, "/")
    assert "not answered" not in visitor.get().text
    assert visitor.jar() == visitor.necessary | {CONSENT}


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("label", ["Accept all", "Refuse all"])
def test_the_banner_is_first_in_the_page_until_it_is_answered(visitor: Visitor, label: str) -> None:
    """The banner is the first thing in the body of a page, once, and gone after either answer."""
    for _ in range(2):
        page = visitor.get().text
        assert page.partition("<body>")[2].lstrip().startswith("<section")
        assert page.count("data-consentgate-banner") == 1
    visitor.press(label)
    assert "data-consentgate-banner" not in visitor.get().text


@pytest.mark.conformance("K9")
def test_after_withdrawing_no_optional_cookie_is_set_any_more(visitor: Visitor) -> None:
    """After consent is taken back, pages set the necessary cookies only."""
    visitor.press("Accept all")
    assert set(visitor.get().names_set) >= OPTIONAL
    answer = visitor.press("Withdraw my consent")
    assert (answer.status, answer.location) == (303, "/")
    assert CONSENT in answer.names_set
    assert set(visitor.get().names_set) <= visitor.necessary
    assert visitor.jar() == visitor.necessary | {CONSENT}


def test_withdrawing_is_offered_where_something_is_granted(visitor: Visitor) -> None:
    """The footer leads to the preferences always, and has the way to withdraw after a grant."""
    for label, offered in ((None, False), ("Accept all", True), ("Withdraw my consent", False)):
        if label is not None:
            visitor.press(label)
        page = visitor.get().text
        assert ("Withdraw my consent" in Forms(page).buttons) is offered
        link = page.partition("<footer>")[2].partition('<a href="')[2].partition('"')[0]
        assert "Save my choice" in Forms(visitor.get(link).text).buttons


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("given", ANSWERS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/"},
        {},
    ],
    ids=str,
)
def test_another_site_cannot_answer_for_the_visitor(
    visitor: Visitor, given: str, headers: dict[str, str]
) -> None:
    """A post from another site, or from nobody knows where, gets 403 and no choice is recorded."""
    visitor.get()
    answer = visitor.send("POST", CHOICE, headers, {"answer": given})
    assert answer.status == 403
    assert not {CONSENT, *OPTIONAL} & set(answer.names_set)
    assert visitor.jar() == visitor.necessary


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("given", ANSWERS)
def test_opening_a_page_is_no_answer(visitor: Visitor, given: str) -> None:
    """A GET of the address that takes answers is refused with 405, and none records anything."""
    assert visitor.get(f"{CHOICE}?answer={given}").status == 405
    assert visitor.get(f"/?answer={given}").status == 200
    assert CONSENT not in visitor.jar()


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "none"}, {"Origin": "{}"}, {"Referer": "{}/page"}], ids=str
)
def test_a_visitor_of_the_site_itself_can_answer(visitor: Visitor, headers: dict[str, str]) -> None:
    """A browser without fetch metadata can accept: its Origin or its Referer is the site's own."""
    said = {name: value.format(visitor.origin) for name, value in headers.items()}
    assert visitor.send("POST", CHOICE, said, {"answer": "accept"}).status == 303
    assert CONSENT in visitor.jar()


@pytest.mark.conformance("P3")
def test_refusing_looks_like_accepting(visitor: Visitor) -> None:
    """Both answers are buttons of one form that differ in label and value only."""
    buttons = Forms(visitor.get().text).buttons
    (form, accept), (other_form, refuse) = buttons["Accept all"], buttons["Refuse all"]
    assert form == other_form
    assert (accept["value"], refuse["value"]) == ("accept", "refuse")
    assert {**accept, "value": ""} == {**refuse, "value": ""}


@pytest.mark.conformance("K19")
def test_the_portal_has_one_exchange_for_both_gates(portal: Visitor) -> None:
    """With a gate around Django and one in MIDDLEWARE, one consent cookie leaves, the first."""
    answer = portal.press("Accept all")
    assert answer.names_set.count(CONSENT) == 1
    assert answer.names_set[0] == CONSENT
    assert sorted(portal.get().names_set) == ["_ga", "ad_id", "csrftoken"]
    answer = portal.press("Refuse all", "/cookies")
    assert answer.names_set.count(CONSENT) == 1
    assert set(portal.get().names_set) <= portal.necessary


@pytest.mark.conformance("K1")
def test_the_portal_signs_in_and_out_without_consent(portal: Visitor) -> None:
    """Before any choice, signing in sets `sessionid` alone and greets once; signing out ends it."""
    fields = {"username": "demo", "password": "demo"}
    answer = portal.press("Sign in", "/login/", **fields)
    assert (answer.status, answer.location) == (302, "/")
    assert portal.jar() == {"csrftoken", "sessionid"}
    assert "You are signed in." in (page := portal.get().text)
    assert brought(page) == ["csrftoken", "sessionid"]
    assert "You are signed in." not in portal.get().text
    portal.press("Sign out")
    assert portal.jar() == {"csrftoken"}


def test_a_wrong_password_opens_no_session(portal: Visitor) -> None:
    """A wrong password shows the form again and sets no `sessionid`."""
    answer = portal.press("Sign in", "/login/", username="demo", password="wrong")
    assert answer.status == 200
    assert "Sign in" in Forms(answer.text).buttons
    assert portal.jar() == {"csrftoken"}


@pytest.mark.conformance("K1")
def test_the_portal_remembers_the_language_without_consent(portal: Visitor) -> None:
    """Choosing a language sets `django_language` before any choice, and pages follow it."""
    assert '<html lang="en">' in portal.get(language="en").text
    portal.press("Français")
    assert portal.jar() == {"csrftoken", "django_language"}
    assert '<html lang="fr">' in (page := portal.get(language="en").text)
    assert "Tout refuser" in Forms(page).buttons
    assert '<html lang="fr"' in portal.get("/cookies", language="en").text


@pytest.mark.conformance("P7")
def test_the_portal_asks_in_french_and_in_english(portal: Visitor) -> None:
    """The banner and the withdrawal are in the page's language: as asked for, or French."""
    withdraw = {lang: said_in(lang, "Withdraw my consent") for lang in ("fr", "en")}
    assert withdraw["fr"] != withdraw["en"] == "Withdraw my consent"
    answers = {"fr": {"Tout accepter", "Tout refuser"}, "en": {"Accept all", "Refuse all"}}
    for language, lang in (("fr", "fr"), ("en", "en"), ("de", "fr")):
        page = portal.get(language=language).text
        assert f'<html lang="{lang}">' in page
        assert answers[lang] < set(Forms(page).buttons)
    portal.press("Accept all")
    for language, lang in (("fr", "fr"), ("en", "en"), ("de", "fr")):
        assert withdraw[lang] in Forms(portal.get(language=language).text).buttons
    assert TEXTS["fr"].keys() == TEXTS["en"].keys()


def test_the_portal_says_whether_the_question_is_answered(portal: Visitor) -> None:
    """The page tells an unanswered question from an answered one."""
    assert TEXTS["en"]["unanswered"] in portal.get().text
    portal.press("Refuse all")
    assert TEXTS["en"]["answered"] in portal.get().text


DECLARED = {
    "sessionid": ("necessary", "authentication"),
    "django_language": ("necessary", "interface"),
    "csrftoken": ("necessary", "security"),
    "cookies_preferences": ("necessary", "consent-choice"),
    "visits": ("anonymous_statistics", "audience-measurement"),
    "_ga": ("statistics", None),
    "_ga_ABC123": ("statistics", None),
    "ad_id": ("marketing", None),
}


@pytest.mark.parametrize("name", DECLARED)
def test_the_portal_declares_each_cookie_in_its_category(name: str) -> None:
    """Each cookie of the portal's charter is found with its category and its exemption."""
    found = portal_gate.policy.lookup(name.encode())
    assert found is not None
    assert (found.category, found.exemption) == DECLARED[name]


def test_the_portal_declares_nothing_else() -> None:
    """The charter has these cookies and no other: the undeclared one is undeclared."""
    assert {cookie.name for cookie in portal_policy.policy.cookies} == {
        name for name in DECLARED if not name.startswith("_ga")
    } | {"_ga*"}
    assert portal_gate.policy.lookup(UNDECLARED.encode()) is None
    assert portal_gate.policy is portal_policy.policy


@pytest.mark.parametrize("cookie", portal_policy.policy.cookies, ids=lambda cookie: cookie.name)
def test_the_charter_is_in_french_and_in_english(cookie: Cookie) -> None:
    """Each cookie tells its provider, and its service and purpose in both languages."""
    assert cookie.provider
    for text in (cookie.service, cookie.purpose):
        assert isinstance(text, Mapping)
        assert text.keys() == {"fr", "en"}
        assert all(text.values())
        assert text["fr"] != text["en"]


def test_the_charter_tells_the_lifetimes_that_django_sets() -> None:
    """Lifetimes of the platform's cookies are those of Django's settings and of the gate."""
    lifetimes = {cookie.name: cookie.lifetime for cookie in portal_policy.policy.cookies}
    assert lifetimes["sessionid"] == timedelta(seconds=settings.SESSION_COOKIE_AGE)
    assert lifetimes["csrftoken"] == timedelta(seconds=settings.CSRF_COOKIE_AGE)
    assert lifetimes["django_language"] is settings.LANGUAGE_COOKIE_AGE is None
    assert lifetimes["cookies_preferences"] == portal_gate.max_age


@pytest.mark.parametrize("module", [flask_app, starlette_app, fastapi_app, portal_policy])
def test_declared_lifetimes_are_those_on_the_wire(module: Any) -> None:
    """Statistics and marketing cookies live as long as they are declared to."""
    name = module.__name__.rpartition(".")[2]
    key = {"flask_app": "Flask", "starlette_app": "Starlette", "fastapi_app": "FastAPI"}
    visitor = ALL[key.get(name, "portal, wsgi.py")]()
    visitor.press("Accept all")
    lines = visitor.get().set_cookies
    for cookie in module.policy.cookies:
        sent = [line for line in lines if line.strip().startswith(cookie.name.rstrip("*") + "=")]
        if cookie.name.rstrip("*") in OPTIONAL:
            assert f"max-age={int(cookie.lifetime.total_seconds())};" in sent[0].lower() + ";"


def believes(gate: ConsentGate, other: ConsentGate) -> bool:
    """Tell whether one gate takes the choice that another has signed."""
    pair = other.set_cookie_for(other.choice(["statistics"])).partition(";")[0]
    return gate.standing([pair.encode()]).answered


@pytest.mark.parametrize("file", [*FILES, "portal/cookies.py"])
def test_the_secret_key_comes_from_the_environment(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with one CONSENTGATE_SECRET_KEY share choices; without it each is alone."""
    monkeypatch.setenv("CONSENTGATE_SECRET_KEY", "a key that both processes are given")
    one, other = (runpy.run_path(str(EXAMPLES / file))["gate"] for _ in range(2))
    assert believes(one, other)
    monkeypatch.delenv("CONSENTGATE_SECRET_KEY")
    one, other = (runpy.run_path(str(EXAMPLES / file))["gate"] for _ in range(2))
    assert not believes(one, other)
    assert believes(one, one)


@pytest.mark.parametrize("file", FILES)
def test_each_file_runs_by_itself(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a script, an example serves its gated app."""
    served: list[Any] = []
    monkeypatch.setattr(uvicorn, "run", served.append)
    monkeypatch.setattr(Flask, "run", lambda app: served.append(app.wsgi_app))
    names = runpy.run_path(str(EXAMPLES / file), run_name="__main__")
    assert [app.gate for app in served] == [names["gate"]]


def test_the_portal_is_gated_as_a_whole() -> None:
    """What a server is given is the gate itself, with Django inside of it."""
    assert isinstance(wsgi.application, consentgate.wsgi.ConsentMiddleware)
    assert isinstance(asgi.application, consentgate.asgi.ConsentMiddleware)
    assert wsgi.application.gate is asgi.application.gate is portal_gate


def test_the_portal_runs_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m examples.portal` takes Django's commands, and finds nothing amiss."""
    monkeypatch.setattr(sys, "argv", ["examples.portal", "check"])
    portal_main.main()
    assert "no issues" in capsys.readouterr().out


def test_the_portal_serves_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m examples.portal` without a command is `runserver`."""
    ran: list[list[str]] = []
    monkeypatch.setattr(portal_main, "execute_from_command_line", ran.append)
    monkeypatch.setattr(sys, "argv", ["examples.portal"])
    portal_main.main()
    assert [command[1] for command in ran] == ["runserver"]


def test_fastapi_has_no_ungated_app_in_reach() -> None:
    """`fastapi run` takes the first FastAPI object of a module: there is none to take."""
    assert not [name for name, value in vars(fastapi_app).items() if isinstance(value, FastAPI)]
