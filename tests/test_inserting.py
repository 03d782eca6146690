"""The banner that the gate puts into pages of an app: into which, where, and what is said then."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper
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
    token_pair,
    wsgi_environ,
)
from consentgate import Consent, ConsentGate, Cookie, Pages, Policy, ResponseStartedError

Message = dict[str, Any]

START = b"<!doctype html><html><head><title>A page</title></head><body class='a'>"
REST = b"<p>Hello</p></body></html>"
PAGE = START + REST
HTML: Header = (b"Content-Type", b"text/html; charset=utf-8")
BANNER = re.compile(rb'<section class="consentgate consentgate-banner".*?</section>', re.DOTALL)
# What an app says of the very bytes that it sends.
OF_THE_CONTENT = [
    (b"ETag", b'"a"'),
    (b"Last-Modified", b"Wed, 25 Nov 2026 08:00:00 GMT"),
    (b"Accept-Ranges", b"bytes"),
    (b"Content-MD5", b"Q2hlY2sgSW50ZWdyaXR5IQ=="),
    (b"Digest", b"sha-256=4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo="),
    (b"Content-Digest", b"sha-256=:4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=:"),
    (b"Repr-Digest", b"sha-256=:4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=:"),
]
LENGTH = (b"Content-Length", b"%d" % len(PAGE))
OTHER = (b"X-Other", b"1")


@pytest.fixture
def gate(policy: Policy) -> ConsentGate:
    """Return a gate that puts the banner in."""
    return ConsentGate(policy, secret_key=KEY, inject_banner=True)


def page(
    *more: Header, status: int = 200, body: Sequence[bytes] = (PAGE,), kind: Header = HTML
) -> View:
    """Return a view that answers with a page."""
    return lambda _: Reply([kind, *more], status, body)


def helped(gate: ConsentGate, adapter: Adapter, visit: Visit | None = None) -> bytes:
    """Return the banner that an app gets by the helper, in ASCII."""
    alone = ConsentGate(gate.policy, secret_key=KEY)

    def view(consent: Consent) -> Reply:
        return Reply([HTML], body=[consent.banner_html().encode("ascii", "xmlcharrefreplace")])

    return adapter(alone, view, visit).body


def banners(body: bytes) -> list[bytes]:
    """Return the banners in a page."""
    return BANNER.findall(body)


def values(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """Return the values of one header, by its name in lower case."""
    return [value for key, value in headers if key.lower() == name]


def lowered(headers: Iterable[Header]) -> list[Header]:
    """Return headers with their names in lower case, as ASGI has them."""
    return [(name.lower(), value) for name, value in headers]


def told(headers: Iterable[Header]) -> tuple[list[bytes], list[bytes]]:
    """Return what caches are told: Vary, and Cache-Control."""
    headers = list(headers)
    return values(headers, b"vary"), values(headers, b"cache-control")


MINE = ([b"Cookie, Accept-Language"], [b"private"])
BY_CHOICE: tuple[list[bytes], list[bytes]] = ([b"Cookie"], [])
NOTHING: tuple[list[bytes], list[bytes]] = ([], [])


def apart(headers: Iterable[Header]) -> list[Header]:
    """Return headers, in lower case, without what caches are told."""
    return [h for h in lowered(headers) if h[0] not in (b"vary", b"cache-control")]


def answered(gate: ConsentGate, *categories: str, **varied: Any) -> Visit:
    """Return a visit of somebody who granted these categories, and refused all others."""
    return Visit([token_pair(gate, *categories)], **varied)


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
        (Visit(headers=[(b"accept-language", b"fr-BE, en;q=0.5")]), b"fr"),
        (Visit(query=b"lang=el", headers=[(b"accept-language", b"fr")]), b"el"),
    ],
    ids=["default", "accepted", "asked for"],
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
        policy, secret_key=KEY, inject_banner=True, needs_consent=lambda request: request.path < "/n"
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
def test_the_gates_own_pages_have_no_banner(
    adapter: Adapter, gate: ConsentGate, path: str
) -> None:
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


@pytest.mark.parametrize("chunk", [b"", b"<p>"])
def test_head_omits_what_would_differ(adapter: Adapter, gate: ConsentGate, chunk: bytes) -> None:
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
        sent = sum(steps(gate, messages, Visit(method=method)), [])
        answer = Answer(200, sent[0]["headers"], sent[1]["body"])
    assert apart(answer.headers) == [(b"content-type", b"text/html")]
    assert len(banners(answer.body)) == (method == "GET")


@pytest.mark.conformance("P6", "C1")
@pytest.mark.parametrize(
    ("view", "visit", "expected"),
    [
        (page(), Visit(), MINE),
        (page(), Visit(method="HEAD"), MINE),
        (page(), Visit(method="POST"), MINE),
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
def test_what_is_no_page_is_revalidated(
    adapter: Adapter, gate: ConsentGate, visit: Visit
) -> None:
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
        assert [DOCUMENT] == [h for h in copy["headers"] if h[0] != b"cookie"]
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


# ASGI: what leaves when


def start_of(*headers: Header, status: int = 200) -> Message:
    """Return the start of a response."""
    return {"type": "http.response.start", "status": status, "headers": lowered(headers)}


def body_of(body: bytes, *, more: bool = True) -> Message:
    """Return a part of a body."""
    return {"type": "http.response.body", "body": body, "more_body": more}


async def no_message() -> Message:
    """Be a client that has no body, and waits."""
    return {"type": "http.request", "body": b""}


def steps(
    gate: ConsentGate, messages: Sequence[Message], visit: Visit | None = None
) -> list[list[Message]]:
    """Return what leaves at each message that an app sends, and at its end."""
    left: list[list[Message]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            left.append([])
            await send(message)
        left.append([])

    async def send(message: Any) -> None:
        left[-1].append(message)

    asyncio.run(behind(gate, app)(asgi_scope(visit or Visit()), no_message, send))
    return left


def asgi_answer(app: Any, visit: Visit) -> Answer:
    """Answer a visit as an ASGI server does: one start, the body, one end."""
    sent: list[Message] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(asgi_scope(visit), no_message, send))
    start, *parts = sent
    assert start["type"] == "http.response.start"
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    return Answer(start["status"], start["headers"], b"".join(part["body"] for part in parts))


@pytest.mark.parametrize("last", [{"type": "http.response.body"}, body_of(b"", more=False)])
def test_the_first_bytes_leave_with_the_tag(gate: ConsentGate, last: Message) -> None:
    """Chunks before `<body>` are held, the one with it lets them go, later ones pass one by one."""
    parts = [body_of(each) for each in (START[:20], b"", START[20:] + b"<p>", b"one", b"two", b"")]
    left = steps(gate, [start_of(HTML, LENGTH), *parts, last])
    assert [len(each) for each in left] == [0, 0, 0, 2, 1, 1, 1, 1, 0]
    start, first = left[3]
    (banner,) = banners(first["body"])
    assert first == body_of(START + banner + b"<p>")
    assert values(start["headers"], b"content-length") == [b"%d" % (len(PAGE) + len(banner))]
    for message, after in zip([*parts[3:], last], left[4:-1], strict=True):
        assert after[0] is message


def test_a_page_in_one_message_leaves_in_one(gate: ConsentGate) -> None:
    """A page whole in its last message leaves whole in one; what else the message says stays."""
    (_, (_, body), _) = steps(gate, [start_of(HTML), {**body_of(PAGE, more=False), "extra": 1}])
    (banner,) = banners(body["body"])
    assert body == {**body_of(START + banner + REST, more=False), "extra": 1}


def test_a_page_without_a_place_leaves_as_soon_as_that_is_known(gate: ConsentGate) -> None:
    """What opens its body by itself is held no longer, and its start is as it was."""
    start, parts = start_of(HTML, *OF_THE_CONTENT), [body_of(b"<html>"), body_of(b"<p>")]
    left = steps(gate, [start, *parts, body_of(b"<body>"), body_of(b"", more=False)])
    assert [len(each) for each in left] == [0, 0, 2, 1, 1, 0]
    assert left[2][1]["body"] == b"<html><p>"
    kept = {id(header) for header in left[2][0]["headers"]}
    assert {id(header) for header in start["headers"]} <= kept


@pytest.mark.parametrize("ends", [[b"<html>"], [b"<!-- ", b"<body>"], [b""]])
def test_a_page_that_ends_too_early_leaves_at_its_end(
    gate: ConsentGate, ends: list[bytes]
) -> None:
    """What was never settled leaves with the last message, byte for byte."""
    *held, last = [body_of(each) for each in ends]
    left = steps(gate, [start_of(HTML), *held, {**last, "more_body": False}])
    assert [len(each) for each in left] == [0] * len(ends) + [2, 0]
    assert left[-2][1] == body_of(b"".join(ends), more=False)


UNTOUCHED = {
    "answered": ([HTML], [token_pair]),
    "text": ([(b"Content-Type", b"text/plain")], []),
    "attachment": ([HTML, (b"Content-Disposition", b"attachment")], []),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_what_is_untouched_passes_at_once_as_the_same_objects(
    gate: ConsentGate, case: str
) -> None:
    """Where no banner goes in, nothing is held, and headers and messages are the same objects."""
    headers, by_token = UNTOUCHED[case]
    visit = Visit([token(gate) for token in by_token])
    messages = [start_of(*headers, *OF_THE_CONTENT), body_of(PAGE), body_of(b"", more=False)]
    left = steps(gate, messages, visit)
    assert [len(each) for each in left] == [1, 1, 1, 0]
    assert [each[0] for each in left[1:-1]] == messages[1:]
    assert all(one[0] is message for one, message in zip(left[1:], messages[1:], strict=False))
    kept = [id(header) for header in left[0][0]["headers"]]
    assert kept[: len(messages[0]["headers"])] == [id(h) for h in messages[0]["headers"]]


OTHER_ENDS = [
    {"type": "http.response.pathsend", "path": "/page.html"},
    {"type": "http.response.zerocopysend", "file": 3},
    {"type": "http.response.trailers", "headers": [(b"x-checksum", b"1")]},
]


@pytest.mark.parametrize("end", OTHER_ENDS, ids=lambda end: end["type"])
def test_another_end_lets_the_start_go_first(gate: ConsentGate, end: Message) -> None:
    """A file that the server sends, or trailers: the start leaves before, with what was held."""
    start = start_of(HTML, *OF_THE_CONTENT)
    left = steps(gate, [start, end])
    assert [[m["type"] for m in each] for each in left] == [[], [start["type"], end["type"]], []]
    assert left[1][1] is end
    assert apart(left[1][0]["headers"]) == start["headers"]
    left = steps(gate, [start, body_of(b"<html>"), end])
    assert left[2][1:] == [body_of(b"<html>"), end]


def test_trailers_follow_the_banner(gate: ConsentGate) -> None:
    """A page with trailers gets the banner, and its trailers after it."""
    end = OTHER_ENDS[2]
    left = steps(gate, [{**start_of(HTML), "trailers": True}, body_of(PAGE, more=False), end])
    assert left[1][0]["trailers"] is True
    assert len(banners(left[1][1]["body"])) == 1
    assert left[2] == [end]


@pytest.mark.parametrize("parts", [[], [b"<html>"], [b"<html>", b"<!--"]])
def test_an_app_that_forgets_the_end_loses_nothing(gate: ConsentGate, parts: list[bytes]) -> None:
    """Where the app returns without an end, what it said leaves, and the server sees no end."""
    left = steps(gate, [start_of(HTML, *OF_THE_CONTENT), *map(body_of, parts)])
    start, *rest = left[-1]
    assert sum(left[:-1], []) == []
    assert apart(start["headers"]) == lowered([HTML, *OF_THE_CONTENT])
    assert rest == ([body_of(b"".join(parts))] if parts else [])


def test_an_app_that_fails_while_it_is_held_has_sent_nothing(gate: ConsentGate) -> None:
    """The error passes, and the server can still answer with an error page of its own."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        await send(body_of(b"<html><head>"))
        raise BrokenPipeError

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(BrokenPipeError):
        asyncio.run(behind(gate, app)(asgi_scope(Visit()), no_message, send))
    assert sent == []


def test_an_error_page_replaces_what_was_held(gate: ConsentGate) -> None:
    """An app that starts anew while nothing has left is understood: the last start counts."""
    error = start_of(HTML, status=500)
    left = steps(gate, [start_of(HTML), body_of(b"<html>"), error, body_of(PAGE, more=False)])
    assert [len(each) for each in left] == [0, 0, 1, 1, 0]
    assert left[2][0]["status"] == 500
    assert left[3][0]["body"] == PAGE


def test_a_client_that_has_gone_is_the_apps_to_notice(gate: ConsentGate) -> None:
    """What the server raises at the release reaches the app, which may go on; nothing is resent."""
    sent: list[Message] = []
    raised: list[OSError] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        try:
            await send(body_of(PAGE))
        except OSError as error:
            raised.append(error)
        await send(body_of(b"more", more=False))

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 1:
            raise ConnectionResetError

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), no_message, send))
    assert len(raised) == 1
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.body",
    ]
    assert sent[1] == body_of(b"more", more=False)


def test_an_app_hears_that_the_client_has_gone(gate: ConsentGate) -> None:
    """While the start is held, what the client says reaches the app; it may stop, and does."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        assert await receive() == {"type": "http.disconnect"}

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(Visit()), receive, send))
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_a_streaming_page_that_asks_later_gets_one_banner(gate: ConsentGate) -> None:
    """A helper that is called after the start, and before the tag, is enough."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML, *OF_THE_CONTENT))
        banner = scope["consentgate"].banner_html().encode()
        await send(body_of(START))
        await send(body_of(banner + REST, more=False))

    answer = asgi_answer(behind(gate, app), Visit())
    assert answer.body.startswith(START)
    assert len(banners(answer.body)) == 1
    assert apart(answer.headers) == lowered([HTML, *OF_THE_CONTENT])


def test_a_choice_comes_too_late_while_the_start_is_held(gate: ConsentGate) -> None:
    """That the start is held is the gate's affair: for the app it has started."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        with pytest.raises(ResponseStartedError):
            scope["consentgate"].grant_all()
        await send(body_of(PAGE, more=False))

    answer = asgi_answer(behind(gate, app), Visit())
    # It holds all the same: who has answered is not asked in the same page.
    assert (answer.body, answer.set_cookies) == (PAGE, [])


@pytest.mark.parametrize("headers", [{}, {"headers": None}])
def test_a_start_without_headers_is_no_page(gate: ConsentGate, headers: Message) -> None:
    """A start without headers, which has no type, passes at once."""
    start: Message = {"type": "http.response.start", "status": 200, **headers}
    left = steps(gate, [start, body_of(PAGE, more=False)])
    assert [len(each) for each in left] == [1, 1, 0]


@pytest.mark.parametrize("make", [tuple, iter])
def test_headers_that_can_be_read_once_are_read_once(
    gate: ConsentGate, make: Callable[[Any], Any]
) -> None:
    """Headers in a tuple, or in an iterator, say what those in a list say."""
    start = {**start_of(HTML, LENGTH), "headers": make(lowered([HTML, LENGTH]))}
    (_, (begun, body), _) = steps(gate, [start, body_of(PAGE, more=False)])
    assert values(begun["headers"], b"content-length") == [b"%d" % len(body["body"])]


def test_a_request_without_headers_is_a_page(gate: ConsentGate) -> None:
    """A scope that has no headers at all is one that says nothing: the banner goes in."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start_of(HTML))
        await send(body_of(PAGE, more=False))

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(Visit())
    del scope["headers"]
    asyncio.run(behind(gate, app)(scope, no_message, send))
    assert len(banners(sent[1]["body"])) == 1


def test_websockets_are_left_alone(gate: ConsentGate) -> None:
    """A handshake with HTML in its denial is no page."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {**start_of(HTML), "type": "websocket.http.response.start"}
        await send(start)
        await send({**body_of(PAGE, more=False), "type": "websocket.http.response.body"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(Visit()) | {"type": "websocket"}
    del scope["method"]
    asyncio.run(behind(gate, app)(scope, no_message, send))
    assert sent[1]["body"] == PAGE


# WSGI: what leaves when

NATIVE_HTML = ("Content-Type", "text/html; charset=utf-8")


class Server:
    """A server that notes what it is told, in order; it knows when the head has left."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, list[tuple[str, str]]]] = []
        self.written: list[bytes] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info is not None and self.written:
            raise exc_info[1]
        assert exc_info is not None or not self.starts, "started twice"
        self.starts.append((status, headers))
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body: the head has left, then."""
        assert self.starts, "no start"
        self.written.append(data)

    @property
    def answer(self) -> Answer:
        """What a client gets."""
        status, headers = self.starts[-1]
        return Answer(int(status[:3]), encoded(headers), b"".join(self.written))


def encoded(headers: Iterable[tuple[str, str]]) -> list[Header]:
    """Return the headers of WSGI as bytes."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def served(app: Any, environ: dict[str, Any]) -> Server:
    """Serve one request, as PEP 3333 has it."""
    server = Server()
    body = app(environ, server)
    try:
        for chunk in body:
            server.write(chunk)
        assert server.starts, "no start"
    finally:
        if hasattr(body, "close"):
            body.close()
    return server


def wsgi_answer(app: Any, visit: Visit | None = None) -> Answer:
    """Answer a visit as a WSGI server does."""
    return served(app, wsgi_environ(visit or Visit())).answer


def wsgi_page(headers: Any = (NATIVE_HTML,), body: Sequence[bytes] = (PAGE,)) -> Any:
    """Return an app that answers with a page, but for HEAD."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", list(headers))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else list(body)

    return app


def wsgi_talk(gate: ConsentGate, app: Any, method: str = "GET") -> tuple[Answer, Server]:
    """Answer a visit behind the gate."""
    server = served(gate.wsgi(app), wsgi_environ(Visit(method=method)))
    return server.answer, server


def with_one_banner(body: bytes, page: bytes = PAGE) -> bool:
    """Tell whether a body is a page with one banner in its place."""
    (banner,) = banners(body)
    start = page.index(b">", page.index(b"<body")) + 1
    return body == page[:start] + banner + page[start:]


class Body:
    """A body that notes what becomes of it; `fails` says after how many chunks it raises."""

    def __init__(self, *chunks: bytes, fails: int | None = None) -> None:
        self.chunks = chunks
        self.fails = fails
        self.closed = 0
        self.asked = 0

    def __iter__(self) -> Iterator[bytes]:
        for number, chunk in enumerate(self.chunks):
            self.asked += 1
            if number == self.fails:
                raise BrokenPipeError
            yield chunk

    def close(self) -> None:
        """Note that it is closed."""
        self.closed += 1


def answering(body: Any, headers: Any = (NATIVE_HTML,)) -> Any:
    """Return an app that starts, and returns this very body."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return body

    return app


def test_the_body_of_a_wsgi_app_leaves_as_soon_as_it_can(gate: ConsentGate) -> None:
    """The server hears of the start with the chunk that has the tag, and of later ones singly."""
    body = Body(START[:20], b"", START[20:] + b"<p>", b"one", b"", b"two")
    server = Server()
    chunks = iter(behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server))
    assert (server.starts, body.asked) == ([], 0)
    first = next(chunks)
    assert (len(server.starts), body.asked) == (1, 3)
    assert with_one_banner(first, START + b"<p>")
    for number, chunk in enumerate(body.chunks[3:], 4):
        assert next(chunks) is chunk
        assert body.asked == number
    assert list(chunks) == []


@pytest.mark.parametrize(
    "headers",
    [[("Content-Type", "text/plain")], [NATIVE_HTML, ("Content-Disposition", "attachment")]],
)
def test_the_apps_own_body_is_returned_where_nothing_goes_in(
    gate: ConsentGate, headers: list[tuple[str, str]]
) -> None:
    """A response that has started, and takes no banner, keeps its iterable and its headers."""
    body = Body(PAGE)
    server = Server()
    assert behind_wsgi(gate, answering(body, headers))(wsgi_environ(Visit()), server) is body
    kept = [id(header) for header in server.starts[0][1]]
    assert kept[: len(headers)] == [id(header) for header in headers]


def test_the_apps_own_body_is_returned_to_who_has_answered(gate: ConsentGate) -> None:
    """For a visitor who has answered a page is the app's own object, and so are its headers."""
    body, headers = Body(PAGE), [NATIVE_HTML, ("ETag", '"a"'), ("Content-Length", str(len(PAGE)))]
    environ, server = wsgi_environ(Visit([token_pair(gate)])), Server()
    assert behind_wsgi(gate, answering(body, headers))(environ, server) is body
    assert [id(header) for header in server.starts[0][1][:3]] == [id(header) for header in headers]


def test_a_file_wrapper_stays_one_where_nothing_goes_in(gate: ConsentGate) -> None:
    """A file that the server can send by itself is still one, but for a page with the banner."""
    wrapper = FileWrapper(BytesIO(PAGE))
    app = answering(wrapper, [("Content-Type", "text/plain")])
    assert behind_wsgi(gate, app)(wsgi_environ(Visit()), Server()) is wrapper
    file = BytesIO(PAGE)
    answer, _ = wsgi_talk(gate, answering(FileWrapper(file, 10)))
    assert with_one_banner(answer.body)
    assert file.closed


@pytest.mark.parametrize("cut", [0, 5, 20, len(START), len(PAGE)])
def test_an_app_that_starts_late_is_asked_for(gate: ConsentGate, cut: int) -> None:
    """A generator starts when it is first asked for a chunk; the banner goes in all the same."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [NATIVE_HTML, ("Content-Length", str(len(PAGE)))])
        yield PAGE[:cut]
        yield PAGE[cut:]

    for gated in (gate.wsgi(app), validator(gate.wsgi(validator(app)))):
        answer = wsgi_answer(gated)
        assert with_one_banner(answer.body)
        assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


def test_a_late_app_without_a_page_passes_chunk_by_chunk(gate: ConsentGate) -> None:
    """What a generator yields beside pages are the same objects, and nothing is held."""
    chunks = [b"one", b"", b"two"]

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield from chunks

    _, server = wsgi_talk(gate, app)
    assert [id(chunk) for chunk in server.written] == [id(chunk) for chunk in chunks]


def writing(parts: Sequence[bytes], body: Any = ()) -> Any:
    """Return an app that writes parts, and returns others."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [NATIVE_HTML, ("Content-Length", str(len(PAGE)))])
        for part in parts:
            write(part)
        return body

    return app


@pytest.mark.parametrize("cut", [0, 5, 20, len(START), len(PAGE)])
def test_what_is_written_counts_as_what_is_returned(gate: ConsentGate, cut: int) -> None:
    """By `write`, by the iterable, or by both: the page leaves whole, in order, with one banner."""
    one, two = PAGE[:cut], PAGE[cut:]
    for app in (writing([one, two]), writing([one], [two]), writing([], [one, two])):
        for gated in (gate.wsgi(app), validator(gate.wsgi(validator(app)))):
            answer = wsgi_answer(gated)
            assert with_one_banner(answer.body)
            assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


def test_what_is_written_leaves_at_once(gate: ConsentGate) -> None:
    """The part with the tag, and each after it, is with the server when `write` returns."""
    server = Server()
    lengths = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [NATIVE_HTML])
        for part in (START[:20], START[20:], b"one", REST):
            write(part)
            lengths.append(len(server.written))
        return rest

    rest = [b"more"]
    body = behind_wsgi(gate, app)(wsgi_environ(Visit()), server)
    assert lengths == [0, 1, 2, 3]
    assert body is rest
    assert with_one_banner(server.answer.body, START + b"one" + REST)


def test_what_is_written_without_an_end_leaves_with_the_body(gate: ConsentGate) -> None:
    """A page that is never settled, all of it written, leaves when the server asks for a body."""
    answer, server = wsgi_talk(gate, writing([b"<html>", b"<!-- <body>"]))
    assert answer.body == b"<html><!-- <body>"
    assert len(server.starts) == 1


def restarting(before: Sequence[bytes], status: str, after: bytes, *, write: bool = False) -> Any:
    """Return an app that fails after some chunks, and starts anew with exc_info."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        started = start_response("200 OK", [NATIVE_HTML, ("X-First", "1")])
        if write:
            for chunk in before:
                started(chunk)
        else:
            yield from before
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response(status, [NATIVE_HTML], sys.exc_info())
        yield after

    return app


@pytest.mark.conformance("W2")
@pytest.mark.parametrize("write", [False, True], ids=["yielded", "written"])
@pytest.mark.parametrize("before", [[], [b"<html>"], [b"<html>", b"<head>"]])
def test_an_error_before_the_release_replaces_the_page(
    gate: ConsentGate, before: list[bytes], write: bool
) -> None:
    """While nothing has left, the error page stands for the page, and no byte of it leaves."""
    error = restarting(before, "500 Oops", PAGE, write=write)
    answer, server = wsgi_talk(gate, error)
    assert (answer.status, answer.body, len(server.starts)) == (500, PAGE, 1)
    assert values(answer.headers, b"x-first") == []
    page = restarting(before, "200 OK", PAGE, write=write)
    answer, server = wsgi_talk(gate, page)
    assert (answer.status, len(server.starts)) == (200, 1)
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"x-first") == []


@pytest.mark.conformance("W2")
@pytest.mark.parametrize("status", ["500 Oops", "200 OK"])
@pytest.mark.parametrize("before", [[START], [b"<html>", b"<p>"]], ids=["with", "without"])
def test_an_error_after_the_release_is_the_servers(
    gate: ConsentGate, before: list[bytes], status: str
) -> None:
    """Once bytes have left, the server hears of the new start, and raises what it is told."""
    server = Server()
    body = behind_wsgi(gate, restarting(before, status, PAGE))(wsgi_environ(Visit()), server)
    with pytest.raises(RuntimeError, match="oops"):
        for chunk in body:
            server.write(chunk)
    assert [first for first, _ in server.starts] == ["200 OK"]


@pytest.mark.conformance("W2")
def test_an_error_with_the_head_still_there_is_the_servers(gate: ConsentGate) -> None:
    """After the release, where the server has sent nothing yet, the new start is handed on."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response("200 OK", [NATIVE_HTML], sys.exc_info())
        return [PAGE]

    answer, server = wsgi_talk(gate, app)
    assert [status for status, _ in server.starts] == ["200 OK", "200 OK"]
    assert answer.body == PAGE


def test_the_old_way_to_write_goes_on_after_an_error(gate: ConsentGate) -> None:
    """What the first start gave to write with writes into the page that took its place."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [NATIVE_HTML])
        try:
            raise RuntimeError("oops")
        except RuntimeError:
            start_response("500 Oops", [NATIVE_HTML], sys.exc_info())
        write(PAGE)
        return []

    answer, _ = wsgi_talk(gate, app)
    assert (answer.status, answer.body) == (500, PAGE)


@pytest.mark.conformance("W4")
@pytest.mark.parametrize("chunks", [(PAGE,), (b"<html>",), (b"",), (), (START, REST)])
def test_a_body_is_closed_once(gate: ConsentGate, chunks: tuple[bytes, ...]) -> None:
    """The app's own `close` is called once, with a banner in the page and without."""
    body = Body(*chunks)
    answer, server = wsgi_talk(gate, answering(body))
    assert (body.closed, len(server.starts)) == (1, 1)
    assert len(answer.body) >= sum(map(len, chunks))


@pytest.mark.conformance("W4")
@pytest.mark.parametrize(
    ("chunks", "fails", "started"),
    [((b"<html>", b"x"), 0, 0), ((b"<html>", b"x"), 1, 0), ((START, b"x"), 1, 1)],
    ids=["at once", "while held", "later"],
)
def test_a_body_that_fails_is_closed_once(
    gate: ConsentGate, chunks: tuple[bytes, ...], fails: int, started: int
) -> None:
    """The error passes to the server, which has heard of a start if something had left."""
    body, server = Body(*chunks, fails=fails), Server()
    found = behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server)
    with pytest.raises(BrokenPipeError):
        for chunk in found:
            server.write(chunk)
    found.close()
    assert (body.closed, len(server.starts)) == (1, started)


class Unreadable(Body):
    """A body that cannot even be looked into."""

    def __iter__(self) -> Iterator[bytes]:
        raise BrokenPipeError


@pytest.mark.conformance("W4")
def test_a_body_that_cannot_be_looked_into_is_closed(gate: ConsentGate) -> None:
    """Where `iter` fails the server closes what it got, and that closes the app's own."""
    body = Unreadable()
    with pytest.raises(BrokenPipeError):
        served(gate.wsgi(answering(body)), wsgi_environ(Visit()))
    assert body.closed == 1


@pytest.mark.conformance("W4")
def test_a_client_that_has_gone_ends_the_body(gate: ConsentGate) -> None:
    """A server that stops to ask, while all is held or later, closes the app's body."""
    for asked in (0, 1):
        body, server = Body(START, b"one", b"two"), Server()
        found = behind_wsgi(gate, answering(body))(wsgi_environ(Visit()), server)
        for _ in range(asked):
            next(iter(found))
        found.close()
        assert (body.closed, body.asked, len(server.starts)) == (1, asked, asked)


def test_a_plain_list_needs_no_close(gate: ConsentGate) -> None:
    """A body without `close` can be closed by the server all the same."""
    found = behind_wsgi(gate, answering([PAGE]))(wsgi_environ(Visit()), Server())
    assert with_one_banner(b"".join(found))
    found.close()


def test_a_streaming_wsgi_page_that_asks_later_gets_one_banner(gate: ConsentGate) -> None:
    """A helper that is called after the start, and before the tag, is enough."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [NATIVE_HTML, ("ETag", '"a"')])
        yield b"<!doctype html>"
        yield START[15:] + environ["consentgate"].banner_html().encode() + REST

    answer, _ = wsgi_talk(gate, app)
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"etag") == [b'"a"']


@pytest.mark.parametrize("status", ["", "2", "20", "abc", "²00 OK", "2e2 OK", "200", "200 Fine"])
def test_odd_status_lines_do_not_stop_a_page(gate: ConsentGate, status: str) -> None:
    """A status line that starts with no number is none of 200; it passes."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [NATIVE_HTML])
        return [PAGE]

    server = Server()
    body = b"".join(behind_wsgi(gate, app)(wsgi_environ(Visit()), server))
    assert server.starts[0][0] == status
    assert len(banners(body)) == status.startswith("200")


def test_a_request_without_a_method_is_a_get(gate: ConsentGate) -> None:
    """An environ that names no method, as some tests make it, is one of GET."""
    environ = wsgi_environ(Visit())
    del environ["REQUEST_METHOD"]
    body = behind_wsgi(gate, answering([PAGE]))(environ, Server())
    assert with_one_banner(b"".join(body))
