"""What the pages have to do with a ledger: where a choice came from, its number, and no proof."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import html5lib
import pytest

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Reply,
    Visit,
    called,
    cookies,
    granted,
    sets,
)
from consentgate import Consent, ConsentGate, Pages, Policy
from consentgate.pages.refusal import UNRECORDED
from consentgate.pages.request import PageResponse
from consentgate.pages.settings import OFFICIAL, site_of
from consentgate.pages.static import static_files

CHARTER = "/cookies"
PREFERENCES = "/cookies/preferences"
CHOICE = "/cookies/choice"
STATE = "/cookies/choice.json"
OWN: tuple[Header, ...] = ((b"host", b"shop.example"), (b"origin", b"http://shop.example"))
FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json")
COPY = f"/cookies/static/{static_files()['copy'].name}"


@pytest.fixture
def proving(gate: ConsentGate) -> ConsentGate:
    """Return a gate whose pages were told of a ledger: no page needs more of it."""
    vars(gate)["site"] = site_of(Pages(), gate.policy, gate.max_age, False, keeps_proof=True)
    return gate


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def page_of(adapter: Adapter, gate: ConsentGate, path: str, visit: Visit | None = None) -> Any:
    """Return a page as browsers read it, without namespaces."""
    visit = visit or Visit()
    answer = adapter(gate, unreached, Visit(visit.cookies, path=path, query=visit.query))
    assert answer.status == 200
    return document_of(answer)


def document_of(answer: Answer) -> Any:
    """Return a page in good order."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(answer.body.decode("utf-8"))


def text_of(element: Any) -> str:
    """Return what an element says."""
    return " ".join("".join(element.itertext()).split())


# Where a choice came from


def places(html: str) -> list[str | None]:
    """Return what the forms of a page, or of a piece of one, say of where they are."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    forms = list(parser.parseFragment(html).iter("form"))
    assert forms
    fields = [[e for e in form.iter("input") if e.get("name") == "from"] for form in forms]
    assert all(len(each) == 1 and each[0].get("type") == "hidden" for each in fields)
    return [each[0].get("value") for each in fields]


HELPERS: dict[str, tuple[str, Callable[[Consent], str]]] = {
    "banner": ("banner", Consent.banner_html),
    "link": ("page", Consent.link_html),
    "placeholder": ("page", lambda c: c.iframe_html("https://a.example/", "marketing", "A film")),
}


@pytest.mark.conformance("L1")
@pytest.mark.parametrize("helper", HELPERS)
def test_a_form_says_where_it_is(adapter: Adapter, gate: ConsentGate, helper: str) -> None:
    """The banner's form says that it is the banner's; every other is one of a page."""
    where, ask = HELPERS[helper]
    html: list[str] = []
    visit = granted(gate, "statistics") if helper == "link" else None
    adapter(gate, called(lambda consent: html.append(ask(consent)), sets()), visit)
    assert places(html[0]) == [where]


@pytest.mark.parametrize("path", [CHARTER, PREFERENCES])
def test_the_forms_of_the_pages_are_of_a_page(
    adapter: Adapter, gate: ConsentGate, path: str
) -> None:
    """Both forms of a page, the one that withdraws too, say that they are on a page."""
    visit = granted(gate, "statistics")
    body = adapter(gate, unreached, Visit(visit.cookies, path=path)).body.decode()
    main = body[body.index("<main") :].partition("</main>")
    assert places(main[0] + main[1]) == ["page", "page"]


ANSWERS = {
    "accept": {},
    "refuse": {},
    "save": {"statistics": True},
    "withdraw": {},
    "allow": {"statistics": True},
}
PLACES = [
    ({"from": "banner"}, "banner", "banner"),
    ({"from": "page"}, "page", "page"),
    ({}, "page", "api"),
]


def source_of(
    adapter: Adapter, gate: ConsentGate, monkeypatch: pytest.MonkeyPatch, visit: Visit
) -> list[str]:
    """Return what the exchange hears of where a choice came from."""
    heard: list[str] = []
    for name in ("choose", "refuse_all", "withdraw", "grant_also"):
        monkeypatch.setattr(
            Consent, name, lambda *_, source="app", **__: heard.append(source), raising=True
        )
    assert adapter(gate, unreached, visit).status in (200, 303)
    return heard


@pytest.mark.conformance("L1")
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(("said", "by_form", "by_json"), PLACES)
def test_a_choice_knows_where_it_came_from(
    adapter: Adapter,
    gate: ConsentGate,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    said: dict[str, str],
    by_form: str,
    by_json: str,
) -> None:
    """It is what the form says; a form that says nothing is a page's, and JSON is a script's."""
    decisions = ANSWERS[answer]
    fields = {"answer": answer, **said, **{f"allow-{key}": "yes" for key in decisions}}
    form = Visit(method="POST", path=CHOICE, headers=[*OWN, FORM], body=urlencode(fields).encode())
    assert source_of(adapter, gate, monkeypatch, form) == [by_form]
    spoken = {"answer": answer, **said, **({"allow": decisions} if decisions else {})}
    script = Visit(
        method="POST", path=STATE, headers=[*OWN, JSON], body=json.dumps(spoken).encode()
    )
    assert source_of(adapter, gate, monkeypatch, script) == [by_json]


# The number of a choice


def number_in(document: Any) -> Any:
    """Return the part of a page in which the number is, None where there is none."""
    parts = [e for e in document.iter("div") if e.get("class") == "consentgate-proof"]
    assert len(parts) <= 1
    return parts[0] if parts else None


@pytest.mark.conformance("L16")
@pytest.mark.parametrize("keys", [(), ("statistics",)])
def test_the_preferences_show_the_number(
    adapter: Adapter, proving: ConsentGate, keys: tuple[str, ...]
) -> None:
    """Who accepted and who refused is told the id of the choice, and what it is for."""
    choice = proving.choice(keys)
    pair = proving.set_cookie_for(choice).partition(";")[0].encode()
    part = number_in(page_of(adapter, proving, PREFERENCES, Visit([pair])))
    (code,) = part.iter("code")
    assert (code.text, code.get("dir")) == (choice.id, "ltr")
    assert [text_of(each) for each in part.iter("p")] == [
        f"The number of your choice: {choice.id}",
        "With it this site can find the proof of your choice.",
        "",
    ]
    (button,) = part.iter("button")
    assert button.get("type") == "button"
    assert "hidden" in button.attrib
    assert text_of(button) == "Copy the number"
    assert button.get("data-copied") == "Copied"
    assert button.get("data-selected") == "The number is selected. You can copy it now."
    assert [e.get("role") for e in part.iter("p")] == [None, None, "status"]


def test_who_has_not_answered_has_no_number(adapter: Adapter, proving: ConsentGate) -> None:
    """Without a choice there is none, but the script is there for when there is one."""
    document = page_of(adapter, proving, PREFERENCES)
    assert number_in(document) is None
    assert COPY in [each.get("src") for each in document.iter("script")]


def test_only_the_preferences_have_it(adapter: Adapter, proving: ConsentGate) -> None:
    """The charter has neither the number nor the script for it."""
    visit = granted(proving, "statistics")
    body = adapter(proving, unreached, Visit(visit.cookies, path=CHARTER)).body.decode()
    assert "consentgate-proof" not in body
    assert COPY not in body


@pytest.mark.conformance("L16")
def test_without_a_ledger_there_is_no_number(adapter: Adapter, gate: ConsentGate) -> None:
    """Where no proof is kept no page shows a number, and none loads the script for it."""
    visit = granted(gate, "statistics")
    for path in (PREFERENCES, STATE):
        body = adapter(gate, unreached, Visit(visit.cookies, path=path)).body.decode()
        choice = gate.standing(visit.cookies).choice
        assert choice is not None
        assert choice.id not in body
        assert COPY not in body


def test_scripts_are_told_the_number(adapter: Adapter, proving: ConsentGate) -> None:
    """With a ledger the state has the id of the choice, and nothing before there is one."""
    visit = granted(proving, "statistics")
    told = adapter(proving, unreached, Visit(visit.cookies, path=STATE))
    choice = proving.standing(visit.cookies).choice
    assert choice is not None
    assert json.loads(told.body)["choice"]["id"] == choice.id
    assert json.loads(adapter(proving, unreached, Visit(path=STATE)).body)["choice"] is None


@pytest.mark.conformance("L16")
@pytest.mark.parametrize("language", OFFICIAL)
def test_the_number_is_told_in_every_language(proving: ConsentGate, language: str) -> None:
    """In each language the number stands in a sentence of it, and the button is that language's."""
    visit = Visit(granted(proving).cookies, query=f"lang={language}".encode())
    part = number_in(page_of(Adapter("wsgi"), proving, PREFERENCES, visit))
    assert "%(" not in text_of(part)
    english = number_in(
        page_of(Adapter("wsgi"), proving, PREFERENCES, Visit(visit.cookies, query=b"lang=en"))
    )
    (button,), (other,) = part.iter("button"), english.iter("button")
    words = [text_of(button), button.get("data-copied"), button.get("data-selected")]
    assert all(words)
    if language != "en":
        theirs = [text_of(other), other.get("data-copied"), other.get("data-selected")]
        assert not set(words) & set(theirs)


def test_the_script_for_it_is_served(adapter: Adapter, proving: ConsentGate) -> None:
    """The file under the name that the page says is the script, to be kept for ever."""
    answer = adapter(proving, unreached, Visit(path=COPY))
    assert answer.status == 200
    assert answer.values(b"content-type") == [b"text/javascript; charset=utf-8"]
    assert answer.values(b"cache-control") == [b"public, max-age=31536000, immutable"]


# A grant that could not be recorded

SAID = (
    "Your choice could not be saved just now, so nothing new is allowed. Please try again in a "
    "moment."
)


def unrecorded(
    gate: ConsentGate, path: str, accept: str = "", *, visit: Visit | None = None
) -> PageResponse:
    """Return what is answered in place of such a grant."""
    answered: list[PageResponse] = []

    def act(consent: Consent) -> Reply:
        assert gate.site is not None
        answered.append(gate.site.unrecorded(path, accept, consent))
        return cookies()

    Adapter("wsgi")(gate, act, visit)
    return answered[0]


def in_full(response: PageResponse) -> Answer:
    """Return a response as tests read one."""
    headers = [(name.encode(), value.encode()) for name, value in response.headers]
    return Answer(response.status, headers, response.body)


@pytest.mark.conformance("L4")
@pytest.mark.parametrize(
    ("path", "accept", "content_type"),
    [
        (CHOICE, "", "text/html; charset=utf-8"),
        (f"{CHOICE}/", "*/*", "text/html; charset=utf-8"),
        (STATE, "text/html", "application/json"),
        (f"{STATE}/", "", "application/json"),
        ("/subscribe", "text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/subscribe", "application/xml;q=0.9, TEXT/HTML", "text/html; charset=utf-8"),
        ("/", "", "text/plain; charset=utf-8"),
        ("/api/subscribe", "application/json", "text/plain; charset=utf-8"),
        ("/api/subscribe", "*/*", "text/plain; charset=utf-8"),
    ],
)
def test_what_could_not_be_recorded_is_told_plainly(
    gate: ConsentGate, path: str, accept: str, content_type: str
) -> None:
    """It is a 503 that asks to try again, as the form, the script or the app's visitor reads it."""
    answer = in_full(unrecorded(gate, path, accept))
    assert answer.status == UNRECORDED.status == 503
    assert answer.values(b"retry-after") == [b"5"]
    assert answer.values(b"cache-control") == [b"no-store"]
    assert answer.values(b"content-type") == [content_type.encode()]
    assert answer.values(b"content-length") == [str(len(answer.body)).encode()]
    if content_type.startswith("text/html"):
        document = document_of(answer)
        assert [text_of(each) for each in document.iter("h1")] == ["Please try again"]
        assert [text_of(each) for each in document.iter("title")] == ["Please try again"]
        assert next(text_of(each) for each in document.iter("p")) == SAID
        assert [each.get("href") for each in document.iter("a")] == [PREFERENCES]
        assert not list(document.iter("form"))
    elif content_type == "application/json":
        assert json.loads(answer.body) == {"error": SAID, "field": ""}
    else:
        assert answer.body.decode() == f"{SAID}\n"


@pytest.mark.conformance("L4")
@pytest.mark.parametrize("language", OFFICIAL)
@pytest.mark.parametrize("path", [CHOICE, STATE, "/"])
def test_it_is_told_in_the_language_of_the_visitor(
    gate: ConsentGate, path: str, language: str
) -> None:
    """Page, JSON and plain text are in the visitor's language, and promise nothing."""
    asking = Visit(headers=[(b"accept-language", language.encode())])
    body = unrecorded(gate, path, visit=asking).body.decode()
    message = json.loads(body)["error"] if path == STATE else body
    assert (SAID in message) is (language == "en")
    if path == CHOICE:
        assert f'<html lang="{language}"' in body


def test_it_stands_where_the_pages_stand(policy: Policy) -> None:
    """The way back to the preferences is where the site has them, and where the app is mounted."""
    gate = ConsentGate(policy, secret_key=KEY, pages=Pages("/legal"))
    answer = in_full(unrecorded(gate, "/x", "text/html", visit=Visit(root="/shop", path="/x")))
    (link,) = document_of(answer).iter("a")
    assert link.get("href") == "/shop/legal/preferences"


@pytest.mark.conformance("L4")
def test_it_allows_nothing_new(gate: ConsentGate) -> None:
    """The page's script is told what holds: what was allowed before, and no more."""
    body = unrecorded(gate, "/", "text/html", visit=granted(gate, "statistics")).body.decode()
    (allowed,) = re.findall(r'data-allowed="([^"]*)"', body)
    assert allowed == "necessary anonymous_statistics statistics"
    body = unrecorded(gate, "/", "text/html").body.decode()
    assert re.findall(r'data-allowed="([^"]*)"', body) == ["necessary anonymous_statistics"]
