"""The banner that the gate puts into pages: into which, where, and what is said of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any
from wsgiref.validate import validator
from xml.etree.ElementTree import Element

import html5lib
import pytest
from jinja2 import DictLoader

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
    behind_wsgi,
    called,
    wsgi_environ,
)
from consentgate import Consent, ConsentGate, Cookie, Pages, Policy
from inserting import (
    BANNER,
    BY_CHOICE,
    HTML,
    LENGTH,
    MINE,
    NOTHING,
    OF_THE_CONTENT,
    OTHER,
    PAGE,
    REST,
    START,
    Message,
    Server,
    answered,
    apart,
    asgi_answer,
    banners,
    body_of,
    helped,
    lowered,
    page,
    start_of,
    steps,
    told,
    values,
    wsgi_answer,
    wsgi_page,
    wsgi_talk,
)


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate that puts the banner in."""
    return ConsentGate(policy, secret_key=KEY, inject_banner=True)


# Where it goes


@pytest.mark.conformance("P3")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"sec-fetch-dest", b"document")],
        [(b"sec-fetch-dest", b"iframe")],
        [(b"sec-fetch-dest", b"document"), (b"x-requested-with", b"com.example.app")],
        [(b"accept", b"*/*")],
    ],
    ids=["silent", "document", "iframe", "browser in an app", "any"],
)
@pytest.mark.parametrize("chunks", [(START, REST), (PAGE,), (START[:9], b"", PAGE[9:])])
def test_the_banner_is_first_in_the_body(
    adapter: Adapter, gate: ConsentGate, headers: list[Header], chunks: Sequence[bytes]
) -> None:
    """A visitor who has not answered gets the banner right after `<body ...>`, and once."""
    visit = Visit(headers=headers)
    answer = adapter(gate, page(body=chunks), visit)
    banner = helped(gate, adapter, visit)
    assert BANNER.fullmatch(banner)
    assert answer.body == START + banner + REST
    assert answer.set_cookies == []


@pytest.mark.conformance("P3")
def test_who_answered_under_an_older_policy_is_asked_again(adapter: Adapter) -> None:
    """After a change of the policy the old answer is none, and the banner is there again."""
    before, after = (
        ConsentGate(Policy([Cookie(name, "statistics")]), secret_key=KEY, inject_banner=True)
        for name in ("old", "new")
    )
    visit = answered(before, "statistics")
    assert banners(adapter(before, page(), visit).body) == []
    assert len(banners(adapter(after, page(), visit).body)) == 1


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(
    ("visit", "language"),
    [
        (Visit(), b"en"),
        (Visit(headers=[(b"accept-language", b"de;q=0.3, fr, en;q=0.5")]), b"fr"),
        # RFC 4647 3.4: each range in turn is shortened until one fits.
        (Visit(headers=[(b"accept-language", b"fr-BE, en;q=0.5")]), b"fr"),
        (Visit(headers=[(b"accept-language", b"tlh, en;q=0, fr;q=0.1")]), b"fr"),
        (Visit(headers=[(b"accept-language", b"tlh")]), b"en"),
        (Visit(query=b"lang=el", headers=[(b"accept-language", b"fr")]), b"el"),
    ],
    ids=["default", "accepted", "variety", "second", "unknown", "asked for"],
)
def test_the_banner_speaks_the_visitors_language(
    adapter: Adapter, gate: ConsentGate, visit: Visit, language: bytes
) -> None:
    """The banner is in the language that the request asks for, and says so."""
    (banner,) = banners(adapter(gate, page(), visit).body)
    assert banner == helped(gate, adapter, visit)
    assert b' lang="%s" ' % language in banner.partition(b">")[0]


@pytest.mark.conformance("P7")
@pytest.mark.parametrize(
    ("charset", "words"),
    [("windows-1252", "à la « carte »"), ("shift_jis", "日本語のページ"), ("iso-8859-7", "σελίδα")],
)
@pytest.mark.parametrize("language", ["en", "fr", "el", "bg"])
def test_the_banner_reads_right_in_any_charset(
    adapter: Adapter, gate: ConsentGate, charset: str, words: str, language: str
) -> None:
    """Pure ASCII, the banner reads the same in a page of another charset, and so does the page."""
    kind = (b"Content-Type", f"text/html; charset={charset}".encode())
    body = START + words.encode(charset) + b"</body></html>"
    visit = Visit(headers=[(b"accept-language", language.encode())])
    answer = adapter(gate, page(kind=kind, body=[body]), visit)
    (banner,) = banners(answer.body)
    assert banner.isascii()
    tree = html5lib.parse(answer.body, transport_encoding=charset, namespaceHTMLElements=False)
    (section,) = tree.iter("section")
    assert (section.tail, section.get("lang")) == (words, language)
    assert text_of(section) == text_of(fragment_of(adapter, gate, visit))


def text_of(element: Element) -> list[str]:
    """Return the text in an element."""
    return [text.strip() for text in element.itertext() if text.strip()]


def fragment_of(adapter: Adapter, gate: ConsentGate, visit: Visit) -> Element:
    """Return what the helper gives for a visit, read as text."""
    said: list[str] = []

    def view(consent: Consent) -> Reply:
        said.append(consent.banner_html())
        return Reply([HTML])

    adapter(ConsentGate(gate.policy, secret_key=KEY), view, visit)
    (section,) = html5lib.parseFragment(said[0], namespaceHTMLElements=False)
    assert isinstance(section, Element)
    return section


def test_two_gates_put_in_one_banner(adapter: Adapter, gate: ConsentGate) -> None:
    """Two gates around one app, by mistake, ask once."""
    adapter.wrap_twice = True
    answer = adapter(gate, page(LENGTH), Visit())
    assert answer.body == START + helped(gate, adapter) + REST
    assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


# What it does not go into


def as_kind(value: bytes) -> View:
    """Return a view that answers with a page of this type."""
    return page(kind=(b"Content-Type", value))


def headed(name: bytes, value: bytes) -> Visit:
    """Return a visit with a header."""
    return Visit(headers=[(name, value)])


NO_PAGES: dict[str, tuple[View, Visit]] = {
    **{method: (page(), Visit(method=method)) for method in ("POST", "PUT", "DELETE", "OPTIONS")},
    **{f"{status}": (page(status=status), Visit()) for status in (201, 203, 206, 404, 410, 500)},
    **{f"{status}": (page(status=status, body=()), Visit(strict=False)) for status in (204, 304)},
    **{
        value.decode(): (as_kind(value), Visit())
        for value in (
            *(b"text/plain", b"application/xhtml+xml", b"application/json", b"image/svg+xml"),
            *(b"text/html; charset=utf-16", b"text/html; charset=utf-16le"),
            *(b"text/html; charset=iso-2022-jp", b"text/html; charset=x-unheard-of"),
        )
    },
    "no type": (lambda _: Reply([], body=[PAGE]), Visit(strict=False)),
    "two types": (page(HTML), Visit()),
    "gzip": (page((b"Content-Encoding", b"gzip")), Visit()),
    "attachment": (page((b"Content-Disposition", b'attachment; filename="a.html"')), Visit()),
    "range": (page((b"Content-Range", b"bytes 0-96/97")), Visit()),
    **{
        f"dest {word.decode()}": (page(), headed(b"sec-fetch-dest", word))
        for word in (b"empty", b"image", b"script", b"embed", b"object", b"fencedframe")
    },
    **{
        name.decode(): (page(), headed(name, value))
        for name, value in (
            *((b"hx-request", b"true"), (b"turbo-frame", b"messages"), (b"x-pjax", b"true")),
            *((b"x-requested-with", b"XMLHttpRequest"), (b"x-up-target", b"main")),
        )
    },
}


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("case", NO_PAGES)
def test_no_banner_goes_into_what_is_no_page(
    adapter: Adapter, gate: ConsentGate, case: str
) -> None:
    """What is no whole HTML page for a visitor to look at passes, body and headers, as it is."""
    view, visit = NO_PAGES[case]
    found, bare = (
        adapter(each, called(lambda _: None, view), visit)
        for each in (gate, ConsentGate(gate.policy, secret_key=KEY))
    )
    assert (found.status, found.body) == (bare.status, bare.body)
    assert found.body in (PAGE, b"")
    assert apart(found.headers) == apart(bare.headers)


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("granted", [(), ("statistics",), ("preferences", "statistics")])
def test_who_has_answered_is_not_asked(
    adapter: Adapter, gate: ConsentGate, granted: Sequence[str]
) -> None:
    """Refused or accepted, in part or whole: the page is the app's own, and its headers."""
    answer = adapter(gate, page(*OF_THE_CONTENT, LENGTH), answered(gate, *granted))
    assert answer.body == PAGE
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT, LENGTH])


@pytest.mark.parametrize(
    ("policy_of", "options"),
    [
        (lambda policy: policy, {"needs_consent": lambda request: False}),
        (lambda policy: policy, {"report_only": True}),
        (lambda policy: Policy.allow("session"), {}),
        (lambda policy: Policy([Cookie("visits", "anonymous_statistics")]), {}),
        (lambda policy: policy, {"inject_banner": False}),
    ],
    ids=["no consent needed", "report only", "nothing but necessary", "exempt", "not asked to"],
)
def test_where_nothing_is_to_be_asked_nothing_changes(
    adapter: Adapter,
    policy: Policy,
    policy_of: Callable[[Policy], Policy],
    options: dict[str, Any],
) -> None:
    """A gate that has nothing to ask leaves pages, headers and what caches are told alone."""
    gate = ConsentGate(policy_of(policy), secret_key=KEY, **{"inject_banner": True, **options})
    answer = adapter(gate, page(*OF_THE_CONTENT, LENGTH))
    assert answer.body == PAGE
    assert lowered(answer.headers) == lowered([HTML, *OF_THE_CONTENT, LENGTH])


def test_consent_is_asked_for_where_it_is_needed(adapter: Adapter, policy: Policy) -> None:
    """With a predicate, the requests that need consent are asked, and no others."""
    gate = ConsentGate(
        policy,
        secret_key=KEY,
        inject_banner=True,
        needs_consent=lambda request: request.path < "/n",
    )
    assert len(banners(adapter(gate, page(), Visit(path="/a")).body)) == 1
    assert banners(adapter(gate, page(), Visit(path="/z")).body) == []


@pytest.mark.conformance("P3")
def test_a_page_with_a_banner_gets_no_other(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the app shows the banner by the helper, wherever in the page, the gate adds none."""

    def view(consent: Consent) -> Reply:
        return Reply([HTML, OTHER], body=[START, REST, consent.banner_html().encode()])

    answer = adapter(gate, view)
    assert answer.body.startswith(PAGE)
    assert len(banners(answer.body)) == 1
    assert told(answer.headers) == MINE
    assert apart(answer.headers) == lowered([HTML, OTHER])


@pytest.mark.parametrize(
    "act",
    [Consent.grant_all, Consent.refuse_all, lambda consent: consent.grant("statistics")],
    ids=["all", "none", "one"],
)
def test_who_answers_with_this_request_is_not_asked(
    adapter: Adapter, gate: ConsentGate, act: Callable[[Consent], object]
) -> None:
    """A choice that the view takes is an answer: the page that says so has no banner."""
    answer = adapter(gate, called(act, page()))
    assert answer.body == PAGE
    assert answer.names == [b"cookies_preferences"]


@pytest.mark.parametrize("path", ["/cookies", "/cookies/", "/cookies/preferences"])
def test_the_gates_own_pages_have_no_banner(adapter: Adapter, gate: ConsentGate, path: str) -> None:
    """The charter and the preferences ask in their own way; the banner stays away."""
    answer = adapter(gate, page(), Visit(path=path))
    assert answer.status == 200
    assert b"consentgate-page" in answer.body
    assert banners(answer.body) == []


@pytest.mark.parametrize("body", [b"<p>Hello", b"Hello <body>", b"<!-- <body>", b"<html", b""])
def test_a_page_without_a_place_passes(adapter: Adapter, gate: ConsentGate, body: bytes) -> None:
    """Without a `<body ...>` of its own a page passes whole, with all that is said of it."""
    length = (b"Content-Length", b"%d" % len(body))
    for chunks in ([body], [body[:3], body[3:]]):
        answer = adapter(gate, page(*OF_THE_CONTENT, length, body=chunks))
        assert answer.body == body
        assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT, length])
        assert told(answer.headers) == MINE


def test_a_template_that_fails_costs_no_page(
    adapter: Adapter, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the site's own template cannot be rendered the page is as it was; the log says why."""
    pages = Pages(templates=DictLoader({"banner.html": "{{ 1 / 0 }}"}))
    gate = ConsentGate(policy, secret_key=KEY, inject_banner=True, pages=pages)
    answer = adapter(gate, page(*OF_THE_CONTENT, LENGTH, (b"Set-Cookie", b"_ga=1")))
    assert answer.body == PAGE
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT, LENGTH])
    (record,) = [r for r in caplog.records if "banner" in r.getMessage()]
    assert (record.name, record.levelname) == ("consentgate", "ERROR")
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_sites_own_template_is_put_in(adapter: Adapter, policy: Policy) -> None:
    """What the site says in its own template stands in the page, in ASCII."""
    pages = Pages(templates=DictLoader({"banner.html": "<p>Ça va ? € 𝄞</p>"}))
    gate = ConsentGate(policy, secret_key=KEY, inject_banner=True, pages=pages)
    answer = adapter(gate, page())
    assert answer.body == START + b"<p>&#199;a va ? &#8364; &#119070;</p>" + REST


# What is said of it


@pytest.mark.conformance("P6")
def test_what_told_of_the_page_without_the_banner_goes(adapter: Adapter, gate: ConsentGate) -> None:
    """With the banner in it the length is right; validators, digests and ranges are left out."""
    answer = adapter(gate, page(OTHER, *OF_THE_CONTENT, LENGTH, (b"X-Last", b"2")))
    length = (b"content-length", b"%d" % len(answer.body))
    assert len(answer.body) > len(PAGE)
    assert apart(answer.headers) == lowered([HTML, OTHER, length, (b"X-Last", b"2")])


def test_no_length_is_made_up(adapter: Adapter, gate: ConsentGate) -> None:
    """A page whose app says no length leaves without one."""
    answer = adapter(gate, page())
    assert apart(answer.headers) == lowered([HTML])


def test_head_omits_what_would_differ(adapter: Adapter, gate: ConsentGate) -> None:
    """The answer to HEAD says nothing of the content where the banner may be in it; else all."""
    lines = [HTML, OTHER, *OF_THE_CONTENT, LENGTH]
    view = page(*lines[1:], body=())
    open_, closed = (
        adapter(gate, view, visit)
        for visit in (Visit(method="HEAD"), answered(gate, method="HEAD"))
    )
    assert apart(open_.headers) == lowered([HTML, OTHER])
    assert apart(closed.headers) == lowered(lines)
    assert (told(open_.headers), told(closed.headers)) == (MINE, BY_CHOICE)
    assert open_.body == closed.body == b""


def test_head_of_a_page_with_a_banner_says_all(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the app shows the banner itself, what it says to HEAD is said of the very page."""
    view = called(Consent.banner_html, page(*OF_THE_CONTENT, LENGTH, body=()))
    answer = adapter(gate, view, Visit(method="HEAD"))
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT, LENGTH])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers_of_any_shape_do_not_stop_a_page(
    adapter: Adapter, gate: ConsentGate, method: str
) -> None:
    """What is no header at all is left out of a page with a banner, as of any; it never raises."""
    odd: Any = [None, ("only one",), "text", (1, 2), ("X-\u20ac", "1"), ("X-Value", "\u20ac")]
    if adapter.protocol == "wsgi":
        answer, _ = wsgi_talk(gate, wsgi_page([*odd, ("Content-Type", "text/html")]), method)
    else:
        odd = [*odd, (b"content-type", b"text/html")]
        start: Message = {"type": "http.response.start", "status": 200, "headers": odd}
        messages = [start, body_of(PAGE if method == "GET" else b"", more=False)]
        sent = list(chain.from_iterable(steps(gate, messages, Visit(method=method))))
        answer = Answer(200, sent[0]["headers"], sent[1]["body"])
    assert apart(answer.headers) == [(b"content-type", b"text/html")]
    assert len(banners(answer.body)) == (method == "GET")


@pytest.mark.conformance("P6", "C1")
@pytest.mark.parametrize(
    ("view", "visit", "expected"),
    [
        (page(), Visit(), MINE),
        (page(), Visit(method="HEAD"), MINE),
        (page(), Visit(method="POST"), NOTHING),
        (page(), headed(b"hx-request", b"true"), MINE),
        (page(), headed(b"sec-fetch-dest", b"empty"), MINE),
        (page(body=[b"<p>"]), Visit(), MINE),
        (page(status=404), Visit(), NOTHING),
        (as_kind(b"text/plain"), Visit(), NOTHING),
        (page((b"Vary", b"*"), (b"Cache-Control", b"no-store")), Visit(), ([b"*"], [b"no-store"])),
        (
            page((b"Cache-Control", b"public, max-age=60"), (b"Vary", b"Accept-Language")),
            Visit(),
            ([b"Accept-Language, Cookie"], [b"max-age=60, private"]),
        ),
    ],
    ids=[
        *("page", "head", "post", "fragment", "fetched", "no place", "error", "text", "strict"),
        "public",
    ],
)
def test_caches_keep_a_page_with_an_open_question_apart(
    adapter: Adapter,
    gate: ConsentGate,
    view: View,
    visit: Visit,
    expected: tuple[list[bytes], list[bytes]],
) -> None:
    """Every HTML page for who has not answered is private, and depends on choice and language."""
    answer = adapter(gate, view, visit)
    assert told(answer.headers) == expected
    assert answer.set_cookies == []


@pytest.mark.conformance("P6", "C1")
@pytest.mark.parametrize("headers", [[], [(b"hx-request", b"true")]], ids=["page", "fragment"])
def test_caches_keep_a_page_with_an_answer_apart(
    adapter: Adapter, gate: ConsentGate, headers: list[Header]
) -> None:
    """A page for who has answered depends on the choice, and may be kept where it says so."""
    for granted in ((), ("statistics",)):
        answer = adapter(gate, page(), answered(gate, *granted, headers=headers))
        assert told(answer.headers) == BY_CHOICE
        assert answer.set_cookies == []


# What is asked anew

CONDITIONS = [
    (b"if-none-match", b'"a"'),
    (b"if-modified-since", b"Wed, 25 Nov 2026 08:00:00 GMT"),
]
OTHER_CONDITIONS = [(b"if-match", b'"a"'), (b"if-unmodified-since", CONDITIONS[1][1])]
DOCUMENT = (b"sec-fetch-dest", b"document")
ACCEPTS = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")


def conditions_seen(adapter: Adapter, gate: ConsentGate, visit: Visit) -> tuple[set[bytes], Answer]:
    """Return the conditions that reach an app, which says 304 to any of them, and its answer."""
    seen: set[bytes] = set()
    names = {name for name, _ in [*CONDITIONS, *OTHER_CONDITIONS]}

    def reply() -> tuple[int, bytes]:
        return (304, b"") if seen & {name for name, _ in CONDITIONS} else (200, PAGE)

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        keys = {b"HTTP_" + name.upper().replace(b"-", b"_"): name for name in names}
        seen.update(name for key, name in keys.items() if key.decode() in environ)
        status, body = reply()
        start_response(f"{status} Status", [] if status == 304 else [("Content-Type", "text/html")])
        return [body] if body else []

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(name for name, _ in scope["headers"] if name in names)
        status, body = reply()
        start: Message = {"type": "http.response.start", "status": status}
        await send({**start, "headers": [] if status == 304 else [(b"content-type", b"text/html")]})
        await send(body_of(body, more=False))

    if adapter.protocol == "wsgi":
        return seen, wsgi_answer(validator(gate.wsgi(validator(wsgi_app))), visit)
    return seen, asgi_answer(gate.asgi(asgi_app), visit)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("said", [DOCUMENT, ACCEPTS])
def test_an_open_question_asks_the_app_anew(
    adapter: Adapter, gate: ConsentGate, said: Header, method: str
) -> None:
    """Whoever opens a page and has not answered gets it whole: the copy may have no banner."""
    visit = Visit(method=method, headers=[said, *CONDITIONS, *OTHER_CONDITIONS])
    seen, answer = conditions_seen(adapter, gate, visit)
    assert seen == {b"if-match", b"if-unmodified-since"}
    assert answer.status == 200


@pytest.mark.parametrize(
    "visit",
    [
        Visit(headers=CONDITIONS),
        Visit(headers=[(b"accept", b"image/avif,*/*"), *CONDITIONS]),
        Visit(headers=[(b"sec-fetch-dest", b"image"), ACCEPTS, *CONDITIONS]),
        Visit(headers=[(b"hx-request", b"true"), ACCEPTS, *CONDITIONS]),
        Visit(method="POST", headers=[DOCUMENT, *CONDITIONS]),
    ],
    ids=["silent", "picture", "picture as a page", "fragment", "post"],
)
def test_what_is_no_page_is_revalidated(adapter: Adapter, gate: ConsentGate, visit: Visit) -> None:
    """What no banner can be in is asked for as the browser asks for it, and may be unchanged."""
    seen, answer = conditions_seen(adapter, gate, visit)
    assert seen == {b"if-none-match", b"if-modified-since"}
    assert answer.status == 304


@pytest.mark.parametrize("granted", [(), ("statistics",)], ids=["refused", "granted"])
def test_who_has_answered_revalidates(
    adapter: Adapter, gate: ConsentGate, granted: Sequence[str]
) -> None:
    """Whoever has answered keeps the copy that is still good: the app says 304."""
    visit = answered(gate, *granted, headers=[DOCUMENT, ACCEPTS, *CONDITIONS])
    seen, answer = conditions_seen(adapter, gate, visit)
    assert seen == {b"if-none-match", b"if-modified-since"}
    assert answer.status == 304


@pytest.mark.parametrize(
    "options",
    [{"inject_banner": False}, {"needs_consent": lambda _: False}, {"report_only": True}],
    ids=["not asked to", "no consent needed", "report only"],
)
def test_where_nothing_is_asked_all_is_revalidated(
    adapter: Adapter, policy: Policy, options: dict[str, Any]
) -> None:
    """A gate that does not ask leaves the conditions of every request alone."""
    gate = ConsentGate(policy, secret_key=KEY, **{"inject_banner": True, **options})
    seen, _ = conditions_seen(adapter, gate, Visit(headers=[DOCUMENT, *CONDITIONS]))
    assert seen == {b"if-none-match", b"if-modified-since"}


def test_what_is_put_in_is_no_reason_to_revalidate_a_bare_request(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """A request without conditions stays as it is, header by header."""
    visit = Visit(headers=[DOCUMENT, ACCEPTS])
    if adapter.protocol == "wsgi":
        environ = wsgi_environ(visit)
        before = dict(environ)
        list(behind_wsgi(gate, wsgi_page())(environ, Server()))
        assert before.items() <= environ.items()
        return
    scope, seen = asgi_scope(visit), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["headers"])

    asyncio.run(behind(gate, app)(scope, None, None))
    assert seen[0] is scope["headers"]


def test_a_withdrawal_still_narrows_what_the_app_reads(adapter: Adapter, gate: ConsentGate) -> None:
    """Without the conditions, the request still loses what the visitor opposes on the way."""
    visit = Visit([b"visits=1; session=2"], headers=[DOCUMENT, *CONDITIONS])
    found: list[Any] = []

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(environ["HTTP_COOKIE"].encode())
        environ["consentgate"].refuse_all()
        found.append(environ["HTTP_COOKIE"].encode())
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        copy = dict(scope)
        found.append(cookies_in(scope))
        scope["consentgate"].refuse_all()
        assert cookies_in(copy) == cookies_in(scope)
        assert [h for h in copy["headers"] if h[0] != b"cookie"] == [DOCUMENT]
        found.append(cookies_in(scope))
        await send(start_of(HTML))
        await send(body_of(PAGE, more=False))

    if adapter.protocol == "wsgi":
        answer = wsgi_answer(validator(gate.wsgi(validator(wsgi_app))), visit)
    else:
        answer = asgi_answer(gate.asgi(asgi_app), visit)
    assert found == [b"visits=1; session=2", b"session=2"]
    assert answer.body == PAGE
    assert answer.names[0] == b"cookies_preferences"


def cookies_in(scope: Any) -> bytes:
    """Return the cookies of a request."""
    return b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
