"""The pages that ask, as they leave the gate: where they are, what they say, and their headers.

Each page is read as browsers read it, by a parser that takes no error in it.
"""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from operator import attrgetter, methodcaller
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest
from markupsafe import Markup

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Reply,
    View,
    Visit,
    asgi_scope,
    behind,
    called,
    granted,
    sets,
    token_pair,
)
from consentgate import (
    Category,
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Policy,
)
from consentgate.pages.settings import Pages
from consentgate.pages.static import static_files
from examples import portal_policy

CHARTER = "/cookies"
PREFERENCES = "/cookies/preferences"
CHOICE = "/cookies/choice"
STATE = "/cookies/choice.json"
GPC = "/.well-known/gpc.json"
OWN: Sequence[Header] = ((b"host", b"shop.example"), (b"origin", b"http://shop.example"))
FORM = (b"content-type", b"application/x-www-form-urlencoded")
THEN = datetime(2027, 1, 15, 12, tzinfo=UTC)


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def reached(_: Consent) -> Reply:
    """Answer as the app."""
    return Reply([(b"Content-Type", b"text/plain")], 404, [b"the app"])


def fixed(policy: Policy, **options: Any) -> ConsentGate:
    """Return a gate for which it is always then."""
    return ConsentGate(policy, secret_key=KEY, clock=THEN.timestamp, **options)


def parsed(markup: str) -> Element:
    """Return a page, or what goes into one, as browsers read it; every error in it raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    whole = markup.lstrip().startswith("<!doctype")
    read: Element = parser.parse(markup) if whole else parser.parseFragment(markup)
    return read


def text_of(element: Element) -> str:
    """Return what an element says, as a browser shows it."""
    return " ".join("".join(element.itertext()).split())


def found(element: Element, tag: str, **attributes: str) -> list[Element]:
    """Return the elements of a name below another, in order, with these attributes."""
    return [
        each
        for each in element.iter(tag)
        if all(each.get(name.rstrip("_")) == value for name, value in attributes.items())
    ]


def texts(element: Element, tag: str) -> list[str]:
    """Return what the elements of a name say, in order."""
    return [text_of(each) for each in element.iter(tag)]


def page(adapter: Adapter, gate: ConsentGate, path: str, visit: Visit | None = None) -> Element:
    """Return the page that is answered with."""
    answer = adapter(gate, unreached, replace(visit or Visit(), path=path))
    assert answer.status == 200
    return parsed(answer.body.decode("utf-8"))


def rendered(
    adapter: Adapter,
    gate: ConsentGate,
    helper: Callable[[Consent], Markup],
    visit: Visit | None = None,
) -> str:
    """Return what a helper gives a page of the app."""
    seen: list[Markup] = []
    adapter(gate, called(lambda consent: seen.append(helper(consent)), sets()), visit)
    return seen[0]


def answered(gate: ConsentGate, *keys: str, refused: Sequence[str] | None = None) -> Visit:
    """Return the visit of somebody who granted these categories."""
    choice = gate.choice(keys, refused)
    return Visit([gate.set_cookie_for(choice).partition(";")[0].encode()])


# Where they are, and their headers


def errors() -> dict[str, tuple[int, Visit]]:
    """Return what is refused, by why."""
    sent = Visit(method="POST", path=CHOICE, headers=[*OWN, FORM], body=b"answer=accept")
    return {
        "no field": (400, replace(sent, body=b"")),
        "another site": (403, replace(sent, headers=[FORM])),
        "another method": (405, replace(sent, method="PUT")),
        "too long": (413, replace(sent, body=b" " * 17000)),
        "no form": (415, replace(sent, headers=OWN)),
        "no field in JSON": (415, replace(sent, path=STATE)),
        "another site for JSON": (403, replace(sent, path=STATE, headers=())),
        "another method for JSON": (405, replace(sent, path=STATE, method="DELETE")),
    }


NOT_KEPT = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; style-src 'self'; script-src 'self'; "
    b"connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"SAMEORIGIN",
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
HTML = b"text/html; charset=utf-8"
JSON = b"application/json"


def assert_headers(answer: Answer, content_type: bytes, **others: bytes) -> None:
    """Assert what every page says of itself, each header once."""
    expected = {**NOT_KEPT, b"content-type": content_type}
    expected |= {name.replace("_", "-").encode(): value for name, value in others.items()}
    assert {name: answer.values(name) for name in expected} == {
        name: [value] for name, value in expected.items()
    }
    assert answer.values(b"content-length") == [str(len(answer.body)).encode()]


@pytest.mark.conformance("P6")
@pytest.mark.parametrize(
    ("path", "content_type"), [(CHARTER, HTML), (PREFERENCES, HTML), (STATE, JSON)]
)
def test_pages_are_nobody_elses(
    adapter: Adapter, gate: ConsentGate, path: str, content_type: bytes
) -> None:
    """Each page forbids inline script, frames elsewhere, sniffing and keeping, before and after."""
    for visit in (Visit(), granted(gate, "statistics")):
        answer = adapter(gate, unreached, replace(visit, path=path))
        assert answer.status == 200
        assert_headers(answer, content_type)


@pytest.mark.conformance("P6")
@pytest.mark.parametrize("why", errors())
def test_refusals_are_as_strict(adapter: Adapter, gate: ConsentGate, why: str) -> None:
    """A page that refuses has the same headers, and reads as a page; JSON is refused in JSON."""
    status, visit = errors()[why]
    answer = adapter(gate, unreached, visit)
    assert answer.status == status
    assert_headers(answer, JSON if visit.path == STATE else HTML)
    if visit.path == STATE:
        assert json.loads(answer.body)["error"]
    else:
        document = parsed(answer.body.decode("utf-8"))
        assert [text_of(title) for title in found(document, "title")] == texts(document, "h1")
        assert texts(document, "p")[0].endswith("Nothing was changed.")
        assert found(document, "a", href=PREFERENCES)


@pytest.mark.conformance("P6")
def test_a_site_sends_its_own_policy(adapter: Adapter, policy: Policy) -> None:
    """A content security policy of the site's is sent in place of the pages' own."""
    pages = Pages(content_security_policy="default-src 'self' https://cdn.example")
    answer = adapter(fixed(policy, pages=pages), unreached, Visit(path=CHARTER))
    assert_headers(answer, HTML, content_security_policy=b"default-src 'self' https://cdn.example")


@pytest.mark.conformance("P6")
@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("css", b"text/css; charset=utf-8"), ("js", b"text/javascript; charset=utf-8")],
)
def test_files_are_kept_for_ever(
    adapter: Adapter, gate: ConsentGate, kind: str, content_type: bytes
) -> None:
    """A file has a name with the hash of what is in it, and may be kept by anybody for ever."""
    (path,) = {
        value
        for element in page(adapter, gate, CHARTER).iter()
        for value in (element.get("href", ""), element.get("src", ""))
        if value.endswith(f".{kind}")
    }
    answer = adapter(gate, unreached, Visit(path=path))
    assert_headers(answer, content_type, cache_control=b"public, max-age=31536000, immutable")
    assert answer.values(b"vary") == []
    assert sha256(answer.body).hexdigest()[:12] in path
    head = adapter(gate, unreached, Visit(path=path, method="HEAD"))
    assert (head.headers, head.body) == (answer.headers, b"")


@pytest.mark.parametrize("path", [CHARTER, PREFERENCES, STATE, GPC])
def test_head_is_get_without_a_body(adapter: Adapter, policy: Policy, path: str) -> None:
    """HEAD says what GET says, with the length of what it leaves out."""
    gate = fixed(policy, pages=Pages(gpc=date(2026, 11, 25)))
    get, head = (adapter(gate, unreached, Visit(path=path, method=m)) for m in ("GET", "HEAD"))
    assert get.body and not head.body
    assert (get.status, get.headers) == (head.status, head.headers)


def test_a_slash_at_the_end_is_one_too_many(adapter: Adapter, gate: ConsentGate) -> None:
    """The pages are found with a slash behind their path as well, and are the same."""
    for path in (CHARTER, PREFERENCES, STATE):
        plain, slashed = (adapter(gate, unreached, Visit(path=path + end)) for end in ("", "/"))
        assert plain == slashed
    visit = Visit(method="POST", path=f"{CHOICE}/", headers=[*OWN, FORM], body=b"answer=accept")
    assert adapter(gate, unreached, visit).status == 303


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/cookie", "/cookiesx", "/cookies-recipes", "/cookies.html", "/Cookies"),
        *("/cookies/other", "/cookies//", "/cookies//preferences", "/cookies/preferences/x"),
        *("/cookies/choice/x", "/cookies/choice.jsonx", "/cookies/static/", "/x/cookies"),
        *("/cookies/static/consentgate.css", "/cookies/static/consentgate.000000000000.css"),
        *("/cookies/static/../preferences", GPC, f"{GPC}/x", "/caf\u00e9"),
    ],
)
def test_the_rest_is_the_apps(adapter: Adapter, gate: ConsentGate, path: str) -> None:
    """What only looks like one of the pages, or was one in an older version, the app answers."""
    for method in ("GET", "POST"):
        answer = adapter(gate, reached, Visit(path=path, method=method, headers=[*OWN, FORM]))
        assert (answer.status, answer.body) == (404, b"the app")


@pytest.mark.parametrize("pages", ["/legal/cookies-2", Pages("/legal/cookies-2")])
def test_a_site_says_where_they_are(adapter: Adapter, policy: Policy, pages: Pages | str) -> None:
    """The pages stand where the site wants them, all their addresses too, and nowhere else."""
    gate = fixed(policy, pages=pages)
    assert adapter(gate, reached, Visit(path=CHARTER)).body == b"the app"
    for path in ("", "/preferences"):
        addresses = list(addresses_in(page(adapter, gate, f"/legal/cookies-2{path}")))
        assert addresses
        assert all(each.startswith("/legal/cookies-2") for each in addresses)
    body = b"answer=accept&back=/legal/cookies-2/preferences"
    path = "/legal/cookies-2/choice"
    visit = Visit(method="POST", path=path, headers=[*OWN, FORM], body=body)
    (location,) = adapter(gate, unreached, visit).values(b"location")
    assert location == b"/legal/cookies-2/preferences?saved=1#consentgate-status"


def addresses_in(element: Element) -> Iterator[str]:
    """Yield all addresses below an element."""
    for each in element.iter():
        for name in ("href", "src", "action", "data-consentgate"):
            if (value := each.get(name)) is not None:
                yield value


@pytest.mark.conformance("P2")
def test_a_mount_point_is_before_every_address(adapter: Adapter, gate: ConsentGate) -> None:
    """Of an app that is mounted somewhere the pages are below that place, and say so."""
    for path in (CHARTER, PREFERENCES):
        document = page(adapter, gate, path, Visit(root="/mount"))
        assert all(each.startswith("/mount/cookies") for each in addresses_in(document))
        (back, *_) = found(document, "input", name="back")
        assert back.get("value") == f"/mount{path}"
    banner = parsed(
        rendered(adapter, gate, Consent.banner_html, Visit(root="/mount", path="/basket"))
    )
    assert all(each.startswith("/mount/cookies") for each in addresses_in(banner))
    assert found(banner, "input", name="back")[0].get("value") == "/mount/basket"


def test_without_pages_there_are_none(adapter: Adapter, policy: Policy) -> None:
    """With pages=None nothing is served, and what would render them says why it does not."""
    gate = ConsentGate(policy, secret_key=KEY, pages=None)
    for path in (CHARTER, PREFERENCES, CHOICE, STATE, GPC):
        assert adapter(gate, reached, Visit(path=path)).body == b"the app"
    assert gate.site is None
    for name in ("banner_html", "link_html", "charter_html", "script_html"):
        with pytest.raises(ConsentGateError, match=rf"consent\.{name}: .*pages=None"):
            rendered(Adapter("wsgi"), gate, methodcaller(name))


@pytest.mark.conformance("P9")
def test_gpc_is_told_where_the_site_asks_for_it(adapter: Adapter, policy: Policy) -> None:
    """With the date the site says that it heeds the signal, in so many words, for a day."""
    gate = fixed(policy, pages=Pages(gpc=date(2026, 11, 25)))
    answer = adapter(gate, unreached, Visit(path=GPC))
    assert_headers(answer, JSON, cache_control=b"public, max-age=86400")
    assert json.loads(answer.body) == {"gpc": True, "lastUpdate": "2026-11-25"}
    assert adapter(gate, unreached, Visit(path=GPC, method="POST")).values(b"allow") == [
        b"GET, HEAD"
    ]
    assert adapter(fixed(policy), reached, Visit(path=GPC)).body == b"the app"


def test_a_websocket_is_no_page(gate: ConsentGate) -> None:
    """A handshake at the path of a page is the app's to answer."""
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def send(message: Any) -> None:
        told.append(message["type"])

    scope = asgi_scope(Visit(path=CHARTER)) | {"type": "websocket", "scheme": "ws"}
    asyncio.run(behind(gate, app)(scope, None, send))
    assert told == ["websocket.accept"]


def test_two_gates_answer_once(adapter: Adapter, gate: ConsentGate) -> None:
    """Of two gates around one app, by mistake, the outer one answers, and records one choice."""
    adapter.wrap_twice = True
    assert page(adapter, gate, CHARTER) is not None
    visit = Visit(method="POST", path=CHOICE, headers=[*OWN, FORM], body=b"answer=accept")
    assert adapter(gate, unreached, visit).names == [b"cookies_preferences"]


@pytest.mark.conformance("P1")
def test_a_site_that_is_always_secure_hears_https_alone(adapter: Adapter, policy: Policy) -> None:
    """Behind a proxy that ends TLS and does not say so, always_secure says that it is https."""
    gate = ConsentGate(policy, secret_key=KEY, always_secure=True)
    for origin, status in ((b"https://shop.example", 303), (b"http://shop.example", 403)):
        headers = [(b"host", b"shop.example"), (b"origin", origin), FORM]
        visit = Visit(method="POST", path=CHOICE, headers=headers, body=b"answer=accept")
        assert adapter(gate, unreached, visit).status == status


# No inline script or style


def outputs(adapter: Adapter, gate: ConsentGate, visit: Visit) -> Iterator[str]:
    """Yield all that templates can say to a visitor."""
    for path in (CHARTER, PREFERENCES):
        yield adapter(gate, unreached, replace(visit, path=path)).body.decode("utf-8")
    yield adapter(gate, unreached, replace(visit, path=CHOICE)).body.decode("utf-8")
    for helper in (
        Consent.banner_html,
        Consent.link_html,
        Consent.charter_html,
        Consent.script_html,
    ):
        yield rendered(adapter, gate, helper, visit)


HARMFUL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}%(x)s"
ELSEWHERE = {"de": HARMFUL}
HARMFUL_POLICY = Policy(
    [
        Cookie("<b>&'x*", provider=HARMFUL, service=HARMFUL, purpose=HARMFUL),
        Cookie("a", provider=ELSEWHERE, service=ELSEWHERE, purpose=ELSEWHERE),
        Cookie("b", "anonymous_statistics", provider=HARMFUL, exemption="audience-measurement"),
        Cookie("c", "statistics", provider=HARMFUL, purpose=HARMFUL, party="third"),
        Cookie("d", "statistics", provider=ELSEWHERE, purpose=ELSEWHERE, party="third"),
        Cookie("e", "own", provider="Plain"),
    ],
    categories=[
        Category("statistics", title=HARMFUL, description=HARMFUL),
        Category("own", title=ELSEWHERE, description=ELSEWHERE),
    ],
)


@pytest.mark.conformance("P6")
@pytest.mark.parametrize("controller", ["", HARMFUL, ELSEWHERE])
def test_nothing_is_inline_and_texts_are_text(adapter: Adapter, controller: Any) -> None:
    """No page has an inline script, style or handler, whatever the texts of the policy are."""
    gate = fixed(HARMFUL_POLICY, pages=Pages(controller=controller))
    query = b"back=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E&lang=%22%3E%3Cscript%3E"
    shown = 0
    for visit in (Visit(), answered(gate, "statistics"), answered(gate, "own")):
        for markup in outputs(adapter, gate, replace(visit, query=query)):
            shown += "alert(1)" in text_of(document := parsed(markup))
            assert not found(document, "style") and not found(document, "img")
            for element in document.iter():
                assert "style" not in element.attrib
                assert not [name for name in element.attrib if name.startswith("on")]
                if element.tag == "script":
                    assert element.get("src", "").startswith("/cookies/static/")
                    assert not element.text
            assert all(each.startswith("/") for each in addresses_in(document))
    assert shown >= 10


@pytest.mark.conformance("P5", "P6")
def test_texts_are_shown_as_they_were_written(adapter: Adapter) -> None:
    """What a site writes into its policy, with marks that mean something in HTML, can be read."""
    gate = fixed(HARMFUL_POLICY, pages=Pages(controller=HARMFUL))
    document = page(adapter, gate, CHARTER, answered(gate, "statistics", "own"))
    cells = {text_of(cell) for tag in ("td", "th") for cell in found(document, tag)}
    assert {HARMFUL, "<b>&'x*"} <= cells
    assert f"Accepted: {HARMFUL} and {HARMFUL}." in texts(document, "p")
    assert f"Controller – {HARMFUL}" in texts(document, "p")
    banner = parsed(rendered(adapter, gate, Consent.banner_html))
    assert f"With your agreement, {HARMFUL} uses cookies" in text_of(banner)
    assert f"{HARMFUL} ({HARMFUL} and {HARMFUL}){HARMFUL}" in texts(banner, "li")


@pytest.mark.conformance("P6", "P8")
def test_json_has_plain_texts(adapter: Adapter) -> None:
    """In JSON the same texts are as they were written, with no markup around them."""
    gate = fixed(HARMFUL_POLICY)
    visit = replace(answered(gate, "statistics"), path=STATE)
    state = json.loads(adapter(gate, unreached, visit).body)
    by_key = {category["key"]: category for category in state["categories"]}
    assert by_key["statistics"]["title"] == by_key["own"]["title"] == HARMFUL
    assert by_key["necessary"]["cookies"][1]["purpose"] == HARMFUL
    assert not any("<span" in line for line in state["status"])


# The preferences


def fields(document: Element) -> dict[str, list[tuple[str, bool]]]:
    """Return the radio buttons of a page by name: their values, and whether they are checked."""
    names: dict[str, list[tuple[str, bool]]] = {}
    for each in found(document, "input", type="radio"):
        names.setdefault(each.attrib["name"], []).append(
            (each.attrib["value"], "checked" in each.attrib)
        )
    assert all(each.get("type") in ("radio", "hidden") for each in document.iter("input"))
    return names


DECIDED_ON = ("anonymous_statistics", "preferences", "statistics", "marketing")
OPEN = [("yes", False), ("no", False)]
YES = [("yes", True), ("no", False)]
NO = [("yes", False), ("no", True)]


@pytest.mark.conformance("P4")
def test_there_is_a_fieldset_for_each_category(adapter: Adapter, gate: ConsentGate) -> None:
    """Each has a legend, a description, its cookies, and two answers; the necessary has none."""
    document = page(adapter, gate, PREFERENCES)
    sets_of_fields = found(document, "fieldset")
    assert [texts(each, "legend") for each in sets_of_fields] == [
        ["Necessary"],
        ["Anonymous statistics"],
        ["Preferences"],
        ["Statistics"],
        ["Marketing"],
    ]
    assert [texts(each, "code") for each in sets_of_fields] == [
        ["session", "csrftoken", "cookies_preferences"],
        ["visits"],
        ["theme"],
        ["_ga*"],
        ["ad_id"],
    ]
    assert [texts(each, "label") for each in sets_of_fields] == [
        [],
        ["Allow", "Object"],
        *[["Accept", "Refuse"]] * 3,
    ]
    necessary = sets_of_fields[0]
    assert not found(necessary, "input") and "Always on" in texts(necessary, "p")
    assert "On unless you object." in texts(sets_of_fields[1], "p")
    assert texts(sets_of_fields[3], "p") == ["Measure how the site is used, visitor by visitor."]
    assert texts(sets_of_fields[3], "summary") == ["Cookies for this purpose: 1"]
    assert texts(sets_of_fields[3], "dd") == ["Google. Kept for – 13 months"]


@pytest.mark.conformance("P4")
def test_nothing_is_checked_before_a_choice(adapter: Adapter, gate: ConsentGate) -> None:
    """No answer is given for the visitor, nor by the browser's signal to opt out."""
    for visit in (Visit(), Visit(headers=[(b"sec-gpc", b"1")]), Visit([b"cookies_preferences=x"])):
        document = page(adapter, gate, PREFERENCES, visit)
        assert fields(document) == dict.fromkeys(
            (f"allow-{key}" for key in DECIDED_ON),
            OPEN,
        )


@pytest.mark.conformance("P4")
def test_what_was_decided_is_checked(adapter: Adapter, gate: ConsentGate) -> None:
    """After a choice each category says what was decided; what was left open stays so."""
    document = page(adapter, gate, PREFERENCES, answered(gate, "statistics"))
    assert fields(document) == {
        "allow-anonymous_statistics": OPEN,
        "allow-preferences": NO,
        "allow-statistics": YES,
        "allow-marketing": NO,
    }
    opposed = answered(gate, refused=[*gate.policy.choosable])
    assert set(map(str, fields(page(adapter, gate, PREFERENCES, opposed)).values())) == {str(NO)}
    all_of_them = answered(gate, *gate.policy.choosable)
    assert set(map(str, fields(page(adapter, gate, PREFERENCES, all_of_them)).values())) == {
        str(YES)
    }


@pytest.mark.conformance("P4")
def test_an_older_choice_is_not_checked(adapter: Adapter) -> None:
    """What was decided under another revision is no answer any more, and is told to be none."""
    cookies = [Cookie("_ga", "statistics")]
    old = fixed(Policy(cookies, revision="1"))
    new = fixed(Policy(cookies, revision="2"))
    document = page(adapter, new, PREFERENCES, answered(old, "statistics"))
    assert fields(document) == {"allow-statistics": OPEN}
    assert status(document) == [
        "The cookies of this site have changed since you decided. Please decide again."
    ]
    assert withdrawals(document) == []


def forms(document: Element) -> list[list[tuple[str | None, str | None]]]:
    """Return the buttons of each form, by name and value; all are sent where answers go."""
    all_forms = found(document, "form")
    for form in all_forms:
        action, other = form.attrib["action"], form.attrib["data-consentgate"]
        assert form.get("method") == "post" and urlsplit(action).path == CHOICE
        assert urlsplit(other).path == STATE and urlsplit(action).query == urlsplit(other).query
    return [
        [(each.get("name"), each.get("value")) for each in found(form, "button")]
        for form in all_forms
    ]


def withdrawals(document: Element) -> list[Element]:
    """Return the buttons that withdraw."""
    return found(document, "button", value="withdraw")


SAVE, ACCEPT, REFUSE, WITHDRAW = (
    ("answer", value) for value in ("save", "accept", "refuse", "withdraw")
)


@pytest.mark.conformance("P4", "P5")
def test_withdrawing_is_one_click(adapter: Adapter, gate: ConsentGate) -> None:
    """Where something is granted every page has a button that takes it back; where not, none."""
    for visit, withdraws in (
        (Visit(), False),
        (answered(gate), False),
        (answered(gate, "anonymous_statistics"), False),
        (answered(gate, refused=[*gate.policy.choosable]), False),
        (answered(gate, "statistics"), True),
        (answered(gate, *gate.policy.choosable), True),
    ):
        more = [[WITHDRAW]] * withdraws
        assert forms(page(adapter, gate, PREFERENCES, visit)) == [[SAVE], *more]
        assert forms(page(adapter, gate, CHARTER, visit)) == [[ACCEPT, REFUSE], *more]
        assert forms(parsed(rendered(adapter, gate, Consent.link_html, visit))) == more


@pytest.mark.conformance("P4")
def test_the_page_knows_the_way_back(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the visitor came from is a link, and stays one in other languages and after saving."""
    visit = Visit(query=b"back=%2Fbasket%3Fa%3D1%26b%3D%252F&lang=fr")
    document = page(adapter, gate, PREFERENCES, visit)
    assert found(document, "a", href="/basket?a=1&b=%2F")
    (back,) = {each.attrib["value"] for each in found(document, "input", name="back")}
    assert parse_qs(urlsplit(back).query) == {"back": ["/basket?a=1&b=%2F"], "lang": ["fr"]}
    others = [each.attrib["href"] for each in found(document, "a") if each.get("hreflang")]
    assert len(others) == 24
    assert all(parse_qs(urlsplit(each).query)["back"] == ["/basket?a=1&b=%2F"] for each in others)


@pytest.mark.conformance("P2", "P4")
@pytest.mark.parametrize(
    "query",
    [
        *(b"", b"back=", b"back=//evil.example", b"back=/a&back=/b", b"back=https://evil.example/"),
        *(b"back=/%5Cevil.example", b"back=javascript:alert(1)", b"back=%00", b"back=\xff"),
    ],
)
def test_a_strange_way_back_is_none(adapter: Adapter, gate: ConsentGate, query: bytes) -> None:
    """A way back to another host, or two of them, is no link on the page."""
    document = page(adapter, gate, PREFERENCES, Visit(query=query))
    assert "Back to the page you came from" not in texts(document, "a")
    assert found(document, "input", name="back")[0].get("value") == PREFERENCES


@pytest.mark.parametrize("path", [CHARTER, PREFERENCES])
def test_where_nothing_is_to_be_decided_nothing_is_asked(adapter: Adapter, path: str) -> None:
    """With necessary cookies alone there is nothing to choose, and no button to choose it."""
    gate = fixed(Policy.allow("session"))
    document = page(adapter, gate, path)
    assert not found(document, "button") and not fields(document)
    assert "Necessary" in text_of(document)


# What is said of the choice


def status(document: Element) -> list[str]:
    """Return what a page says of the choice that stands."""
    (told,) = found(document, "div", role="status")
    assert told.get("id") == "consentgate-status" and told.get("tabindex") == "-1"
    return texts(told, "p")


DECIDED = "You decided on 15 January 2027."
UNTIL = "This answer is kept until 16 July 2027."
SIGNALLED = (
    "Your browser asks that your data be neither sold nor shared (Global Privacy Control). Where "
    "you have not decided, that counts as a refusal."
)
UNDECIDED = "You have not decided yet. Until you do, only cookies that need no consent are set."


@pytest.mark.conformance("P4", "P5")
@pytest.mark.parametrize("path", [CHARTER, PREFERENCES, STATE])
def test_the_choice_and_its_date_are_told(adapter: Adapter, policy: Policy, path: str) -> None:
    """Charter, preferences and JSON say what was decided, when, for how long, and what if not."""
    gate = fixed(policy)
    everything = [*policy.choosable]
    cases = [
        (Visit(), [UNDECIDED]),
        (Visit(query=b"saved=1"), [UNDECIDED]),
        (Visit(headers=[(b"sec-gpc", b"1")]), [UNDECIDED, SIGNALLED]),
        (
            answered(gate, "statistics", "marketing"),
            [
                *(DECIDED, "Accepted: Statistics and Marketing.", "Refused: Preferences."),
                UNTIL,
            ],
        ),
        (
            answered(gate, *everything),
            [
                DECIDED,
                "Accepted: Anonymous statistics, Preferences, Statistics and Marketing.",
                UNTIL,
            ],
        ),
        (
            answered(gate, refused=everything),
            [
                DECIDED,
                "Refused: Anonymous statistics, Preferences, Statistics and Marketing.",
                UNTIL,
            ],
        ),
    ]
    for visit, expected in cases:
        assert said(adapter, gate, path, visit) == expected
    saved = replace(answered(gate), query=b"saved=1")
    assert said(adapter, gate, path, saved)[:2] == ["Your choice is saved.", DECIDED]


def said(adapter: Adapter, gate: ConsentGate, path: str, visit: Visit) -> list[str]:
    """Return what is said of the choice at a path."""
    if path != STATE:
        return status(page(adapter, gate, path, visit))
    answer = adapter(gate, unreached, replace(visit, path=path))
    lines: list[str] = json.loads(answer.body)["status"]
    return lines


def test_where_no_consent_is_needed_that_is_told(adapter: Adapter, policy: Policy) -> None:
    """A visitor who need not be asked is told so, and can refuse; what was refused is told then."""
    gate = fixed(policy, needs_consent=lambda _: False)
    document = page(adapter, gate, CHARTER)
    assert status(document) == [
        "You have not decided yet. You need not, but you can refuse at any time."
    ]
    assert forms(document) == [[ACCEPT, REFUSE]]
    refusing = answered(gate, refused=[*policy.choosable])
    assert status(page(adapter, gate, CHARTER, refusing))[0] == DECIDED


# The charter

KEPT = {
    "en": {
        "sessionid": "14 days",
        "django_language": "Until you close the browser",
        "csrftoken": "364 days",
        "cookies_preferences": "6 months",
        "visits": "1 year",
        "_ga*": "13 months",
        "ad_id": "90 days",
    },
    "fr": {
        "sessionid": "14 jours",
        "django_language": "Jusqu’à la fermeture du navigateur",
        "csrftoken": "364 jours",
        "cookies_preferences": "6 mois",
        "visits": "1 an",
        "_ga*": "13 mois",
        "ad_id": "90 jours",
    },
}
READ_BY = {"en": "This site", "fr": "Ce site"}


@pytest.mark.conformance("P5")
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_charter_is_the_policy(adapter: Adapter, language: str) -> None:
    """A table for each category has the rows of the policy, exactly, in the visitor's language."""
    policy = portal_policy.policy
    gate = ConsentGate(policy, secret_key=KEY)
    document = page(adapter, gate, CHARTER, Visit(query=f"lang={language}".encode()))

    def worded(text: Any) -> str:
        return str(text if isinstance(text, str) else text[language])

    shown = {
        text_of(found(table, "caption")[0]): [
            [text_of(cell) for cell in row if cell.tag in ("td", "th")]
            for row in found(found(table, "tbody")[0], "tr")
        ]
        for table in found(document, "table")
    }
    assert shown == {
        worded(category.title): [
            [
                worded(cookie.provider),
                worded(cookie.service),
                cookie.name,
                worded(cookie.purpose),
                KEPT[language][cookie.name],
                READ_BY[language] if cookie.party == "first" else worded(cookie.provider),
            ]
            for cookie in policy.cookies
            if cookie.category == category.key
        ]
        for category in policy.categories
        if category.key != "preferences"  # No cookie of the portal is in it.
    }


@pytest.mark.conformance("P5")
def test_the_four_rows_of_the_source_are_there(adapter: Adapter) -> None:
    """The necessary cookies of the portal are the four of its own charter, in its own words."""
    gate = ConsentGate(portal_policy.policy, secret_key=KEY)
    document = page(adapter, gate, CHARTER, Visit(query=b"lang=fr"))
    table = found(document, "table")[0]
    assert texts(table, "code") == [
        *("sessionid", "django_language", "csrftoken", "cookies_preferences")
    ]
    assert texts(found(table, "thead")[0], "th") == [
        *("Fournisseur", "Service", "Nom", "Finalité", "Durée de conservation", "Lu par")
    ]
    assert [text_of(row[0]) for row in found(table, "tr")[1:]] == ["Opendatasoft"] * 4


@pytest.mark.conformance("P5")
def test_the_charter_says_what_it_is_about(adapter: Adapter, gate: ConsentGate) -> None:
    """It says what a cookie is, the four kinds, and how to change and withdraw a choice."""
    document = page(adapter, gate, CHARTER)
    assert texts(document, "h1") == texts(document, "title") == ["Cookie charter"]
    assert texts(document, "h2") == [
        "Your choice",
        "What is a cookie?",
        "Four kinds of cookies",
        "The cookies of this site",
        "How to change your mind",
    ]
    assert texts(document, "dt") == [
        *("Necessary cookies", "Statistics cookies", "First-party cookies", "Third-party cookies")
    ]
    assert texts(document, "h3") == [
        *("Necessary", "Anonymous statistics", "Preferences", "Statistics", "Marketing")
    ]
    assert "Your answer is kept for 6 months; then we ask again." in text_of(document)
    assert len(found(document, "a", href=PREFERENCES)) == 2
    assert "13 months at most" in texts(document, "section")[2]


@pytest.mark.conformance("P5")
def test_who_else_reads_a_cookie_is_told(adapter: Adapter) -> None:
    """A third party is named by the provider of the cookie, and called another site without one."""
    policy = Policy(
        [
            Cookie("a", "statistics", provider="Google", party="third"),
            Cookie("b", "statistics", party="third"),
            Cookie("c", "statistics", provider="Google"),
        ]
    )
    document = page(adapter, fixed(policy), CHARTER)
    rows = [[text_of(cell) for cell in row] for row in found(document, "tr")]
    read_by = {row[2]: (row[0], row[-1]) for row in rows}
    assert read_by["a"] == ("Google", "Google")
    assert read_by["b"] == ("–", "Another site")
    assert read_by["c"] == ("Google", "This site")
    assert read_by["cookies_preferences"] == ("–", "This site")


@pytest.mark.conformance("P4", "P5")
def test_a_category_of_the_sites_own_is_offered(adapter: Adapter) -> None:
    """It is asked about with no cookie in it as well; a built-in one without any is not."""
    policy = Policy(
        [Cookie("session", exemption="authentication")],
        categories=[Category("maps", title="Maps", description="Shows maps."), Category("bare")],
    )
    gate = fixed(policy)
    assert texts(page(adapter, gate, PREFERENCES), "legend") == ["Necessary", "Maps", "bare"]
    assert fields(page(adapter, gate, PREFERENCES)) == {"allow-maps": OPEN, "allow-bare": OPEN}
    assert texts(page(adapter, gate, CHARTER), "caption") == ["Necessary"]
    banner = parsed(rendered(adapter, gate, Consent.banner_html))
    assert texts(banner, "li") == ["MapsShows maps.", "bare"]


# The choice as JSON


@pytest.mark.conformance("P8")
def test_the_state_is_the_choice_and_the_policy(adapter: Adapter, policy: Policy) -> None:
    """A script reads what was decided, what is allowed, and what there is to decide."""
    gate = fixed(policy)
    state = json.loads(adapter(gate, unreached, Visit(path=STATE)).body)
    categories = state.pop("categories")
    assert state == {
        "answered": False,
        "needed": True,
        "allowed": ["necessary", "anonymous_statistics"],
        "scripts": "+session +csrftoken +visits -theme -ad_id -_ga*",
        "choice": None,
        "revision": policy.revision,
        "language": "en",
        "status": [UNDECIDED],
    }
    assert [(each["key"], each["kind"], each["allowed"]) for each in categories] == [
        ("necessary", "necessary", True),
        ("anonymous_statistics", "exempt", True),
        *((key, "consent", False) for key in ("preferences", "statistics", "marketing")),
    ]
    assert categories[3] == {
        "key": "statistics",
        "title": "Statistics",
        "description": "Measure how the site is used, visitor by visitor.",
        "kind": "consent",
        "allowed": False,
        "cookies": [
            {
                "name": "_ga*",
                "provider": "Google",
                "service": "",
                "purpose": "",
                "lifetime": 395 * 86400,
                "party": "first",
            }
        ],
        "third_parties": [],
    }
    assert categories[2]["cookies"][0]["lifetime"] is None
    visit = replace(answered(gate, "statistics"), path=STATE)
    state = json.loads(adapter(gate, unreached, visit).body)
    assert (state["answered"], state["allowed"][2:]) == (True, ["statistics"])
    assert state["choice"] == {
        "granted": ["statistics"],
        "refused": ["marketing", "preferences"],
        "time": "2027-01-15T12:00:00+00:00",
        "revision": policy.revision,
    }


# The banner


@pytest.mark.conformance("P3")
def test_the_banner_has_two_equal_answers(adapter: Adapter, gate: ConsentGate) -> None:
    """A labelled region asks, with Accept and Refuse alike in one form, and then Choose."""
    banner = parsed(
        rendered(adapter, gate, Consent.banner_html, Visit(path="/basket", query=b"a=b"))
    )
    (section,) = list(banner)
    assert (section.tag, section.get("lang"), section.get("dir")) == ("section", "en", "ltr")
    (label,) = [e for e in section.iter() if e.get("id") == section.get("aria-labelledby")]
    assert (label.tag, text_of(label)) == ("h2", "Cookies on this site")
    assert texts(section, "li") == [
        "PreferencesRemember settings that you did not ask the site to keep.",
        "Statistics (Google)Measure how the site is used, visitor by visitor.",
        "MarketingFollow you to choose or to measure advertising.",
    ]
    accept, refuse = found(section, "button")
    assert (text_of(accept), text_of(refuse)) == ("Accept all", "Refuse all")
    assert accept.attrib == {**refuse.attrib, "value": "accept"}
    assert refuse.get("value") == "refuse"
    (form,) = found(section, "form")
    assert forms(section) == [[ACCEPT, REFUSE]]
    order = [e.get("value") or text_of(e) for e in form.iter() if e.tag in ("input", "button", "a")]
    assert order == ["/basket?a=b", "banner", "accept", "refuse", "Choose"]
    assert [e.get("type") for e in found(form, "input")] == ["hidden", "hidden"]
    (choose,) = found(form, "a")
    assert parse_qs(urlsplit(choose.attrib["href"]).query) == {"back": ["/basket?a=b"]}
    assert urlsplit(choose.attrib["href"]).path == PREFERENCES
    (charter,) = found(section, "a", href=CHARTER)
    assert text_of(charter) == "Cookie charter"
    assert not [e for e in section.iter() if "autofocus" in e.attrib or "tabindex" in e.attrib]


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("path", ["/cookiesx", "/cookies/other", "/cookies-recipes/3"])
def test_a_page_of_the_app_is_none_of_ours(adapter: Adapter, gate: ConsentGate, path: str) -> None:
    """On a page of the app whose path is like ours, the banner knows the way back to it."""
    banner = parsed(rendered(adapter, gate, Consent.banner_html, Visit(path=path, query=b"a=b")))
    assert found(banner, "input", name="back")[0].get("value") == f"{path}?a=b"
    (choose,) = [e.attrib["href"] for e in found(banner, "a") if text_of(e) == "Choose"]
    assert parse_qs(urlsplit(choose).query) == {"back": [f"{path}?a=b"]}


@pytest.mark.conformance("P2", "P3")
def test_a_page_with_a_space_in_its_path_is_led_back_to(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """A path that has to be encoded is the way back as it is encoded."""
    for path, encoded in (("/a b", "/a%20b"), ("/a'b", "/a'b"), ('/a"b', "/a%22b")):
        banner = parsed(rendered(adapter, gate, Consent.banner_html, Visit(path=path)))
        assert found(banner, "input", name="back")[0].get("value") == encoded


@pytest.mark.conformance("P3")
@pytest.mark.parametrize(
    ("path", "query"), [("//evil.example", b""), ("/", b"a=\xe9"), ("/x", b" ")]
)
def test_a_page_that_cannot_be_led_back_to_says_nowhere(
    adapter: Adapter, gate: ConsentGate, path: str, query: bytes
) -> None:
    """Where the address of a page is no safe way back, the form says none."""
    visit = Visit(path=path, query=query)
    banner = parsed(rendered(adapter, gate, Consent.banner_html, visit))
    assert not found(banner, "input", name="back")
    assert found(banner, "a", href=PREFERENCES)


@pytest.mark.conformance("P3")
def test_the_banner_names_the_controller(adapter: Adapter, policy: Policy) -> None:
    """It says who asks, in the visitor's language, and how long the answer is kept."""
    pages = Pages(controller={"fr": "La Boutique", "en": "The Shop"})
    gate = fixed(policy, pages=pages, max_age=timedelta(days=90))
    banner = text_of(parsed(rendered(adapter, gate, Consent.banner_html)))
    assert "With your agreement, The Shop uses cookies for the purposes below." in banner
    assert "Your answer is kept for 90 days." in banner
    french = rendered(adapter, gate, lambda consent: consent.banner_html("fr"))
    assert "Avec votre accord, La Boutique utilise des cookies" in text_of(parsed(french))


EXEMPT_ONLY = Policy(
    [Cookie("s"), Cookie("v", "anonymous_statistics", exemption="audience-measurement")]
)


@pytest.mark.conformance("P3")
def test_who_need_not_be_asked_is_not(adapter: Adapter, policy: Policy) -> None:
    """There is no banner after an answer, without a need, nor where nothing needs consent."""
    gate = fixed(policy)
    cases = [
        (gate, answered(gate)),
        (gate, answered(gate, "statistics")),
        (fixed(policy, needs_consent=lambda _: False), Visit()),
        (fixed(Policy.allow("session")), Visit()),
        (fixed(EXEMPT_ONLY), Visit()),
    ]
    for asked, visit in cases:
        assert rendered(adapter, asked, Consent.banner_html, visit) == ""
    assert rendered(adapter, gate, Consent.banner_html, Visit([b"cookies_preferences=forged"]))


@pytest.mark.conformance("P3")
def test_who_answers_now_is_not_asked(adapter: Adapter, gate: ConsentGate) -> None:
    """In the response to a choice the banner is gone already, and the link can withdraw."""
    seen: list[Markup] = []

    def act(consent: Consent) -> None:
        consent.grant("statistics")
        seen.extend((consent.banner_html(), consent.link_html()))

    adapter(gate, called(act, sets()))
    assert seen[0] == ""
    assert withdrawals(parsed(seen[1]))


# What an app gets


def test_the_link_leads_to_the_preferences(adapter: Adapter, gate: ConsentGate) -> None:
    """For every footer: a link in the page's language, and a way to withdraw that leads back."""
    link = parsed(
        rendered(
            adapter,
            gate,
            lambda consent: consent.link_html("de"),
            replace(answered(gate, "statistics"), path="/basket"),
        )
    )
    (container,) = list(link)
    assert container.get("lang") == "de"
    (anchor,) = found(container, "a")
    assert anchor.get("href") == f"{PREFERENCES}?lang=de"
    (form,) = found(container, "form")
    assert form.get("action") == f"{CHOICE}?lang=de"
    assert found(form, "input", name="back")[0].get("value") == "/basket"


def test_the_charter_stands_in_a_page_of_the_app(adapter: Adapter, gate: ConsentGate) -> None:
    """The tables alone are those of the charter, with the sheet that they need, and no form."""
    alone = parsed(rendered(adapter, gate, Consent.charter_html))
    whole = page(adapter, gate, CHARTER)
    assert [text_of(each) for each in found(alone, "table")] == [
        text_of(each) for each in found(whole, "table")
    ]
    assert len(found(alone, "link", rel="stylesheet")) == 1
    assert not found(alone, "form")
    (inside,) = [e for e in whole.iter() if e.get("class") == "consentgate consentgate-charter"]
    assert not found(inside, "link")


def test_scripts_are_sent_without_their_comments() -> None:
    """Lines of comments are for who reads the source: visitors load what runs."""
    for kind in ("js", "guard", "mode", "copy"):
        lines = static_files()[kind].content.decode().splitlines()
        assert not any(line.lstrip().startswith("//") for line in lines)
        assert lines[-1] == "})();"


@pytest.mark.parametrize(
    ("kind", "most"), [("js", 3072), ("guard", 2048), ("mode", 1024), ("copy", 512)]
)
def test_scripts_stay_small(kind: str, most: int) -> None:
    """What a visitor loads is no longer, compressed, than what the documentation promises."""
    assert len(gzip.compress(static_files()[kind].content, 9)) <= most


def test_the_script_knows_what_is_allowed(adapter: Adapter, gate: ConsentGate) -> None:
    """The script's element says what is allowed now, and is not inline."""
    for visit, allowed in (
        (Visit(), "necessary anonymous_statistics"),
        (answered(gate, "statistics"), "necessary anonymous_statistics statistics"),
        (answered(gate, refused=[*gate.policy.choosable]), "necessary"),
    ):
        (script,) = list(parsed(rendered(adapter, gate, Consent.script_html, visit)))
        assert (script.tag, script.get("data-allowed")) == ("script", allowed)
        assert script.get("src") == f"/cookies/static/{static_files()['js'].name}"
        assert "defer" in script.attrib and not script.text


def test_templates_have_them_by_name(adapter: Adapter, gate: ConsentGate) -> None:
    """The helpers for templates that need no argument are six, each of this visitor."""
    seen: dict[str, Markup] = {}

    def act(consent: Consent) -> None:
        helpers = consent.helpers()
        seen.update({name: helpers[name]() for name in names})

    names = [f"consent_{name}" for name in ("banner", "link", "charter", "script", "guard", "mode")]
    adapter(gate, called(act, sets()))
    assert list(seen) == names
    assert all(isinstance(each, Markup) and each for each in seen.values())


PUBLIC = (b"Cache-Control", b"public, max-age=600")
TYPE = (b"Content-Type", b"text/html")
LANGUAGE = [b"Cookie, Accept-Language"]


def told(answer: Answer) -> tuple[list[bytes], list[bytes]]:
    """Return what a response tells caches."""
    return answer.values(b"cache-control"), answer.values(b"vary")


def with_helper(helper: Callable[[Consent], object]) -> View:
    """Return a page of the app that may be kept, but for what it asks."""
    return called(helper, lambda _: Reply([TYPE, PUBLIC]))


@pytest.mark.conformance("C1")
def test_caches_are_told_of_what_is_in_a_page(adapter: Adapter, gate: ConsentGate) -> None:
    """A banner makes a page private; link, charter and script only say what they depend on."""
    control = [PUBLIC[1]]
    assert told(adapter(gate, with_helper(Consent.banner_html))) == (
        [b"max-age=600, private"],
        LANGUAGE,
    )
    visit = answered(gate, "statistics")
    # No banner is shown, but whether one is depends on the choice.
    assert told(adapter(gate, with_helper(Consent.banner_html), visit)) == (control, [b"Cookie"])
    for each in (Visit(), visit):
        assert told(adapter(gate, with_helper(Consent.link_html), each)) == (control, LANGUAGE)
        assert told(adapter(gate, with_helper(Consent.charter_html), each)) == (control, LANGUAGE)
        script = with_helper(Consent.script_html)
        assert told(adapter(gate, script, each)) == (control, [b"Cookie"])


@pytest.mark.conformance("C1")
def test_caches_are_told_nothing_where_nothing_is_asked(adapter: Adapter) -> None:
    """Where there is nothing to ask anybody, a page without a banner is the same for all."""
    gate = fixed(Policy.allow("session"))
    assert told(adapter(gate, with_helper(Consent.banner_html))) == ([PUBLIC[1]], [])


def heard(adapter: Adapter, gate: ConsentGate, visit: Visit, ask: Callable[[Consent], Any]) -> Any:
    """Return what the app hears of its visitor."""
    seen: list[Any] = []
    adapter(gate, called(lambda consent: seen.append(ask(consent)), sets()), visit)
    return seen[0]


def test_templates_ask_by_name(adapter: Adapter, gate: ConsentGate) -> None:
    """`consent.statistics` is whether that category is allowed, and so for each of the policy."""
    visit = granted(gate, "statistics")

    def ask(consent: Any) -> list[bool]:
        return [getattr(consent, key) for key in ("necessary", "statistics", "marketing")]

    assert heard(adapter, gate, visit, ask) == [True, True, False]
    assert told(adapter(gate, with_helper(ask), visit))[1] == [b"Cookie"]


def test_an_unknown_name_is_an_error(adapter: Adapter, gate: ConsentGate) -> None:
    """What is no category is no attribute either: a slip in a template is not a refusal."""
    (handle,) = heard(adapter, gate, Visit(), lambda consent: [consent])
    for name in ("statistic", "Statistics", "_private", "__setstate__", "consent_banner"):
        with pytest.raises(AttributeError, match=re.escape(repr(name))):
            getattr(handle, name)


def test_what_looks_into_a_handle_finds_an_end(adapter: Adapter, gate: ConsentGate) -> None:
    """A copy is the same visitor's, and a handle that is not made yet raises as others do."""
    assert heard(
        adapter, gate, granted(gate, "statistics"), lambda c: attrgetter("statistics")(copy.copy(c))
    )
    with pytest.raises(AttributeError):
        attrgetter("statistics")(Consent.__new__(Consent))


def test_a_choice_is_made_category_by_category(adapter: Adapter, gate: ConsentGate) -> None:
    """`choose` grants and refuses what it is told; the rest is refused, the exempt stays."""

    def kept(consent: Consent) -> set[str]:
        keys = [category.key for category in gate.policy.categories]
        return {key for key in keys if consent.allows(key)}

    def choosing(**decisions: bool) -> Any:
        def ask(consent: Consent) -> set[str]:
            consent.choose(decisions)
            return kept(consent)

        return heard(adapter, gate, Visit(), ask)

    assert choosing() == {"necessary", "anonymous_statistics"}
    assert choosing(statistics=True, marketing=False) == {
        *("necessary", "anonymous_statistics", "statistics")
    }
    assert choosing(anonymous_statistics=False, marketing=True) == {"necessary", "marketing"}
    (handle,) = heard(adapter, gate, Visit(), lambda consent: [consent])
    for wrong in ({"unknown": True}, {"unknown": False}):
        with pytest.raises(ConsentGateError, match="unknown category 'unknown'"):
            handle.choose(wrong)


def test_the_app_hears_of_the_signal(adapter: Adapter, gate: ConsentGate) -> None:
    """`opted_out` is whether the browser says `Sec-GPC: 1`."""
    for value, expected in ((b"1", True), (b"0", False)):
        visit = Visit(headers=[(b"sec-gpc", value)])
        assert heard(adapter, gate, visit, lambda consent: consent.opted_out) is expected
    assert heard(adapter, gate, Visit(), lambda consent: consent.opted_out) is False


def test_the_app_hears_where_the_request_went(adapter: Adapter, gate: ConsentGate) -> None:
    """`target` is the address as a link has it, below the place where the app is mounted."""
    path = "/caf\u00e9/a b"
    path = path if adapter.protocol == "asgi" else path.encode().decode("latin-1")
    headers = [(b"accept-language", b"fr"), (b"accept-language", b"de")]
    visit = Visit(path=path, root="/mount", query=b"a=%2F&b=c", headers=headers)
    target = heard(adapter, gate, visit, lambda consent: consent.target)
    assert target[:3] == ("/mount", "/caf%C3%A9/a%20b", "a=%2F&b=c")
    assert re.fullmatch("fr, ?de", target.accept_language.replace(",", ", "))


def test_a_handle_says_what_it_is(adapter: Adapter, gate: ConsentGate) -> None:
    """It is shown with what holds, without being asked for it: no cache is told of a log line."""
    assert heard(adapter, gate, Visit(), repr) == "<Consent answered=False, choice=None>"
    assert told(adapter(gate, with_helper(repr))) == ([PUBLIC[1]], [])


def test_the_token_is_the_pages_own(adapter: Adapter, gate: ConsentGate) -> None:
    """A visitor's token, whoever made it, is what the pages go by."""
    visit = Visit([token_pair(gate, "marketing")])
    assert fields(page(adapter, gate, PREFERENCES, visit))["allow-marketing"] == YES
