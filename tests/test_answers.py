"""The answers that visitors send: who may send one, what is one, what it does, and where it leads.

Each runs over both adapters, on the bytes of a request; no browser is needed to send them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Reply,
    Visit,
    asgi_scope,
    behind,
    behind_wsgi,
    sets,
    token_pair,
    wsgi_environ,
)
from consentgate import Category, Choice, Consent, ConsentGate, Cookie, Policy
from consentgate.pages.settings import Pages
from consentgate.pages.static import static_files
from stepping import counted

CHOICE = "/cookies/choice"
STATE = "/cookies/choice.json"
HOST = (b"host", b"shop.example")
OWN: Sequence[Header] = (HOST, (b"origin", b"http://shop.example"))
FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json")
ALL = frozenset({"necessary", "anonymous_statistics", "preferences", "statistics", "marketing"})
ACCEPT = b"answer=accept"
KIBI = 1024


def unreached(_: Consent) -> Reply:
    """Answer nothing: what is for the pages is not for the app."""
    raise AssertionError("the app was asked")


def sent(
    body: bytes | Mapping[str, str], *headers: Header, path: str = CHOICE, **more: Any
) -> Visit:
    """Return the visit of a form of this site, or with other headers where some are given."""
    data = body if isinstance(body, bytes) else urlencode(body).encode()
    kind = JSON if path == STATE else FORM
    typed = any(name == b"content-type" for name, _ in headers)
    known = headers if any(name in WHO for name, _ in headers) else (*OWN, *headers)
    return Visit(
        method="POST", path=path, headers=known if typed else [*known, kind], body=data, **more
    )


WHO = (b"host", b"origin", b"referer", b"sec-fetch-site")


def spoken(fields: object, *headers: Header, **more: Any) -> Visit:
    """Return the visit of a script of this site."""
    return sent(json.dumps(fields).encode(), *headers, path=STATE, **more)


def chosen(gate: ConsentGate, answer: Answer) -> Choice | None:
    """Return the choice that an answer has the browser keep, None where it says nothing of one."""
    lines = [line for line in answer.set_cookies if line.startswith(b"cookies_preferences=")]
    return gate.standing([lines[0].partition(b";")[0]]).choice if lines else None


def allowed(gate: ConsentGate, answer: Answer) -> frozenset[str]:
    """Return the categories that pass by what an answer has the browser keep."""
    lines = [line for line in answer.set_cookies if line.startswith(b"cookies_preferences=")]
    assert len(lines) == 1, "exactly one choice leaves"
    return gate.standing([lines[0].partition(b";")[0]]).allowed


def location(answer: Answer) -> str:
    """Return where an answer leads."""
    assert answer.status == 303
    (value,) = answer.values(b"location")
    return value.decode("ascii")


def text_of(answer: Answer) -> str:
    """Return what a page says, as a browser shows it; it is a page in good order."""
    page = html5lib.HTMLParser(strict=True).parse(answer.body.decode("utf-8"))
    return " ".join("".join(page.itertext()).split())


# Only a POST of this site changes anything (P1)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/cookies", "/cookies/preferences", CHOICE, STATE])
@pytest.mark.parametrize(
    "query", [b"", b"answer=accept&saved=1", b"_method=POST&answer=accept&allow-statistics=yes"]
)
def test_reading_changes_nothing(
    adapter: Adapter, gate: ConsentGate, method: str, path: str, query: bytes
) -> None:
    """A GET or HEAD sets no choice, whatever its query, body or a header for overriding says."""
    override = (b"x-http-method-override", b"POST")
    headers = [*OWN, FORM, (b"sec-fetch-site", b"same-origin"), override]
    visit = Visit(method=method, path=path, query=query, headers=headers, body=ACCEPT)
    answer = adapter(gate, unreached, visit)
    assert answer.status == (405 if path == CHOICE else 200)
    assert answer.set_cookies == []


READING = b"GET, HEAD"
SHEET = f"/cookies/static/{static_files()['css'].name}"
METHODS = {
    "/cookies": READING,
    "/cookies/preferences": READING,
    CHOICE: b"POST",
    STATE: b"GET, HEAD, POST",
    SHEET: READING,
}


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(("path", "allow"), METHODS.items())
def test_other_methods_are_named(
    adapter: Adapter, gate: ConsentGate, path: str, allow: bytes
) -> None:
    """A method that a page does not take is answered by those that it does, and changes nothing."""
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "QUERY"}
    taken = set(allow.decode().split(", "))
    for method in methods - taken:
        body = b'{"answer": "accept"}' if path == STATE else ACCEPT
        visit = Visit(
            method=method,
            path=path,
            headers=[*OWN, JSON if path == STATE else FORM, (b"x-http-method-override", b"POST")],
            body=body,
            query=b"_method=POST",
            strict=False,  # PEP 3333's checker warns of methods that it does not know.
        )
        answer = adapter(gate, unreached, visit)
        assert (answer.status, answer.values(b"allow")) == (405, [allow])
        assert answer.set_cookies == []
        assert bool(answer.body) is (method != "HEAD")


def origin(value: bytes) -> list[Header]:
    """Return the headers of a request that names its origin."""
    return [HOST, (b"origin", value)]


def site(*values: bytes) -> list[Header]:
    """Return the headers of a request by a browser that knows Fetch Metadata, repeated ones too."""
    return [HOST, *((b"sec-fetch-site", value) for value in values)]


def referer(value: bytes) -> list[Header]:
    """Return the headers of a request that only says from which page it comes."""
    return [HOST, (b"referer", value)]


IPV6 = (b"host", b"[2001:DB8::1]:8000")
BELIEVED: dict[str, list[Header]] = {
    "same origin": site(b"same-origin"),
    "by the visitor": site(b"none"),
    "by the visitor, from here": [*site(b"none"), (b"origin", b"http://shop.example")],
    "same origin beats a strange Origin": [*site(b"same-origin"), (b"origin", b"http://evil")],
    "no Host is needed": [(b"sec-fetch-site", b"same-origin")],
    "own Origin": origin(b"http://shop.example"),
    "upper case": origin(b"HTTP://SHOP.Example"),
    "upper case Host": [(b"host", b"SHOP.example"), (b"origin", b"http://shop.example")],
    "port of http": origin(b"http://shop.example:80"),
    "port of http in Host": [(b"host", b"shop.example:80"), (b"origin", b"http://shop.example")],
    "own port": [(b"host", b"shop.example:8000"), (b"origin", b"http://shop.example:8000")],
    "IPv6": [IPV6, (b"origin", b"http://[2001:db8::1]:8000")],
    "Referer": referer(b"http://shop.example/basket?a=//b#c"),
    "Referer without a path": referer(b"http://shop.example"),
    "Origin beats Referer": [*origin(b"http://shop.example"), (b"referer", b"http://evil/")],
}
STRANGE: dict[str, list[Header]] = {
    "same site": site(b"same-site"),
    "by the visitor, from elsewhere": [*site(b"none"), (b"origin", b"http://evil.example")],
    "cross site": site(b"cross-site"),
    "empty": site(b""),
    "upper case site": site(b"Same-Origin"),
    "unknown site": site(b"same-origin-ish"),
    "cross site beats own Origin": [*site(b"cross-site"), (b"origin", b"http://shop.example")],
    "two sites": site(b"same-origin", b"cross-site"),
    "two sites, own last": site(b"cross-site", b"same-origin"),
    "other host": origin(b"http://evil.example"),
    "subdomain": origin(b"http://www.shop.example"),
    "suffix": origin(b"http://shop.example.evil.example"),
    "prefix": origin(b"http://evilshop.example"),
    "other port": origin(b"http://shop.example:8080"),
    "port of https": origin(b"http://shop.example:443"),
    "other scheme": origin(b"https://shop.example"),
    "null": origin(b"null"),
    "upper case null": origin(b"NULL"),
    "empty Origin": origin(b""),
    "slash": origin(b"http://shop.example/"),
    "garbage": origin(b"garbage"),
    "no host": origin(b"http://"),
    "relative": origin(b"//shop.example"),
    "user": origin(b"http://shop.example@evil.example"),
    "own user": origin(b"http://evil@shop.example"),
    "no port": origin(b"http://shop.example:port"),
    "port out of range": origin(b"http://shop.example:65536"),
    "open bracket": origin(b"http://[::1"),
    "backslash": origin(b"http://shop.example\\.evil.example"),
    "beyond ASCII": origin("http://shop.examplé".encode()),
    "script": origin(b"javascript://shop.example"),
    "file": origin(b"file://"),
    "tab": origin(b"http://shop\t.example"),
    "two origins": [*origin(b"http://shop.example"), (b"origin", b"http://evil.example")],
    "two origins, own last": [*origin(b"http://evil"), (b"origin", b"http://shop.example")],
    "twice the same": [*origin(b"http://shop.example"), (b"origin", b"http://shop.example")],
    "null beats own Referer": [*origin(b"null"), (b"referer", b"http://shop.example/")],
    "two hosts": [*origin(b"http://shop.example"), (b"host", b"evil.example")],
    "another IPv6": [IPV6, (b"origin", b"http://[2001:db8::2]:8000")],
    "strange Referer": referer(b"http://evil.example/http://shop.example/"),
    "Referer of a subdomain": referer(b"http://www.shop.example/"),
    "Referer over https": referer(b"https://shop.example/"),
    "Referer with a user": referer(b"http://shop.example@evil.example/"),
    "empty Referer": referer(b""),
    "about": referer(b"about:blank"),
    "no word": [HOST],
    "empty Host": [(b"host", b""), (b"origin", b"http://")],
    "odd Host": [(b"host", b"shop.example/"), (b"origin", b"http://shop.example/")],
}


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("headers", BELIEVED.values(), ids=BELIEVED)
def test_a_form_of_this_site_is_heard(
    adapter: Adapter, gate: ConsentGate, headers: list[Header]
) -> None:
    """A POST of this origin is a choice, by `Sec-Fetch-Site`, else `Origin`, else `Referer`."""
    form = adapter(gate, unreached, sent(ACCEPT, FORM, *headers))
    assert (form.status, allowed(gate, form)) == (303, ALL)
    script = adapter(gate, unreached, spoken({"answer": "accept"}, *headers))
    assert (script.status, allowed(gate, script)) == (200, ALL)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("headers", STRANGE.values(), ids=STRANGE)
def test_a_form_of_another_site_is_refused(
    adapter: Adapter, gate: ConsentGate, headers: list[Header]
) -> None:
    """A POST of another origin, or of none, gets 403, no cookie changes, and it is told why."""
    form = adapter(gate, unreached, sent(ACCEPT, FORM, *headers))
    assert (form.status, form.set_cookies, form.values(b"location")) == (403, [], [])
    assert "It does not come from a page of this site. Nothing was changed." in text_of(form)
    script = adapter(gate, unreached, spoken({"answer": "accept"}, JSON, *headers))
    assert (script.status, script.set_cookies) == (403, [])
    assert json.loads(script.body)["error"].endswith("Nothing was changed.")


@pytest.mark.conformance("P1")
def test_a_request_without_any_header_is_refused(adapter: Adapter, gate: ConsentGate) -> None:
    """Who says neither where to nor where from is nobody, and is refused over every scheme."""
    for https in (False, True):
        visit = Visit(method="POST", path=CHOICE, headers=[FORM], body=ACCEPT, https=https)
        answer = adapter(gate, unreached, visit)
        assert (answer.status, answer.set_cookies) == (403, [])


@pytest.mark.conformance("P1")
def test_a_refused_form_keeps_a_choice(adapter: Adapter, gate: ConsentGate) -> None:
    """Another site cannot take a choice back either."""
    visit = sent(b"answer=refuse", *site(b"cross-site"), cookies=[token_pair(gate, "statistics")])
    answer = adapter(gate, unreached, visit)
    assert (answer.status, answer.set_cookies) == (403, [])


@pytest.mark.conformance("P1")
def test_over_tls_the_scheme_is_https(adapter: Adapter, gate: ConsentGate) -> None:
    """Over TLS the site's own origin is that of https, with its port written out or not."""
    for own in (b"https://shop.example", b"https://shop.example:443"):
        answer = adapter(gate, unreached, sent(ACCEPT, *origin(own), https=True))
        assert allowed(gate, answer) == ALL
        assert b"; Secure" in answer.set_cookies[0]
    for other in (b"http://shop.example", b"https://shop.example:80"):
        answer = adapter(gate, unreached, sent(ACCEPT, *origin(other), https=True))
        assert (answer.status, answer.set_cookies) == (403, [])


def proxied(policy: Policy, proxies: int) -> ConsentGate:
    """Return a gate behind so many proxies."""
    return ConsentGate(policy, secret_key=KEY, pages=Pages(proxies=proxies))


FORWARDED: list[tuple[int, bytes | None, bytes | None, bytes, bool]] = [
    # proxies, X-Forwarded-Proto, X-Forwarded-Host, Origin, heard
    (0, b"https", b"shop.example", b"https://shop.example", False),
    (0, b"https", b"shop.example", b"http://inner:8000", True),
    (1, b"https", b"shop.example", b"https://shop.example", True),
    (1, b"HTTPS", b"SHOP.example", b"https://shop.example", True),
    (1, b"https", b"shop.example", b"http://inner:8000", False),
    (1, b"https", b"evil.example, shop.example", b"https://shop.example", True),
    (1, b"https", b"evil.example, shop.example", b"https://evil.example", False),
    (1, b"http,https", b"evil.example,shop.example", b"https://shop.example", True),
    (2, b"https,http", b"evil.example, shop.example, inner", b"https://shop.example", True),
    (2, b"https,http", b"evil.example, shop.example, inner", b"https://evil.example", False),
    (2, b"https,http", b"evil.example, shop.example, inner", b"https://inner", False),
    (2, b"https", b"shop.example", b"https://shop.example", False),
    (2, b"https", b"shop.example", b"http://inner:8000", True),
    (1, None, None, b"http://inner:8000", True),
    (1, b"https", None, b"https://inner:8000", True),
    (1, None, b"shop.example:8080", b"http://shop.example:8080", True),
    (1, b"gopher", b"shop.example", b"gopher://shop.example", False),
    (1, b"https", b"shop.example,", b"https://shop.example", False),
    (1, b"", b"", b"http://inner:8000", True),
]


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(("proxies", "proto", "host", "own", "heard"), FORWARDED)
def test_proxies_are_believed_as_many_as_there_are(
    adapter: Adapter,
    policy: Policy,
    proxies: int,
    proto: bytes | None,
    host: bytes | None,
    own: bytes,
    heard: bool,
) -> None:
    """What proxies append counts from the end, by their number; what comes before is anybody's."""
    named = ((b"x-forwarded-proto", proto), (b"x-forwarded-host", host))
    told = [(name, value) for name, value in named if value is not None]
    gate = proxied(policy, proxies)
    visit = sent(ACCEPT, (b"host", b"inner:8000"), (b"origin", own), *told)
    answer = adapter(gate, unreached, visit)
    assert answer.status == (303 if heard else 403)
    assert (chosen(gate, answer) is not None) is heard


@pytest.mark.conformance("P1")
def test_forwarded_headers_may_be_repeated(adapter: Adapter, policy: Policy) -> None:
    """Proxies that add a line of their own count as those that add to the one there is."""
    told = [(b"x-forwarded-host", value) for value in (b"evil.example", b"shop.example", b"inner")]
    for proxies, heard in ((1, b"http://inner"), (2, b"http://shop.example")):
        for own in (b"http://evil.example", b"http://shop.example", b"http://inner"):
            visit = sent(ACCEPT, (b"host", b"x"), (b"origin", own), *told)
            answer = adapter(proxied(policy, proxies), unreached, visit)
            assert answer.status == (303 if own == heard else 403)


# How long an answer may be (P1)


def over_asgi(
    gate: ConsentGate, visit: Visit, messages: Iterable[dict[str, Any]], **scope: Any
) -> Answer:
    """Answer a visit over ASGI whose body comes in these messages; more are not there to ask for.

    A page asks for no more than it needs.
    """
    left = iter(messages)
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        unreached(scope["consentgate"])

    async def receive() -> Any:
        return next(left)

    async def send(message: Any) -> None:
        told.append(message)

    asyncio.run(behind(gate, app)(asgi_scope(visit) | scope, receive, send))
    start, end = told
    return Answer(start["status"], start["headers"], end["body"])


def over_wsgi(gate: ConsentGate, visit: Visit, **environ: Any) -> Answer:
    """Answer a visit over WSGI with something else in its environ."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, headers]

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        unreached(environ["consentgate"])
        return []

    chunks = behind_wsgi(gate, app)(wsgi_environ(visit) | environ, start_response)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in started[1]]
    return Answer(int(started[0][:3]), headers, b"".join(chunks))


def padded(size: int, path: str) -> bytes:
    """Return an answer that accepts, in so many bytes."""
    if path == STATE:
        return b'{"answer": "accept"}'.ljust(size)
    return b"answer=accept&back=/".ljust(size, b"x")


def refused(answer: Answer, status: int) -> bool:
    """Tell whether an answer is a refusal of this status that changes nothing."""
    return (answer.status, answer.set_cookies) == (status, [])


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("path", [CHOICE, STATE])
def test_a_body_of_16_kib_is_the_longest(adapter: Adapter, gate: ConsentGate, path: str) -> None:
    """A body of 16 KiB is read, one byte more is 413, and changes nothing."""
    longest = adapter(gate, unreached, sent(padded(16 * KIBI, path), path=path))
    assert allowed(gate, longest) == ALL
    longer = adapter(gate, unreached, sent(padded(16 * KIBI + 1, path), path=path))
    assert refused(longer, 413)
    assert b"too long" in longer.body or path == STATE
    assert b"Nothing was changed." in longer.body


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("path", [CHOICE, STATE])
def test_a_body_in_parts_is_as_long_as_they_are(gate: ConsentGate, path: str) -> None:
    """Over ASGI the parts count together, with no length said; past the limit none is asked for."""
    body = padded(16 * KIBI, path)
    parts = [body[at : at + KIBI] for at in range(0, len(body), KIBI)]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    end = {"type": "http.request"}
    visit = sent(b"", path=path)
    assert allowed(gate, over_asgi(gate, visit, [*messages, end])) == ALL
    beyond = {"type": "http.request", "body": b" ", "more_body": True}
    assert refused(over_asgi(gate, visit, [*messages, beyond]), 413)
    assert refused(over_asgi(gate, visit, [{**end, "body": b" " * 17 * KIBI}]), 413)


@pytest.mark.conformance("P1")
def test_what_a_server_ends_by_itself_is_read(gate: ConsentGate) -> None:
    """Over WSGI a chunked body is read where the server says that it ends, 16 KiB at most."""
    for size, status in ((16 * KIBI, 303), (16 * KIBI + 1, 413)):
        stream = BytesIO(padded(size, CHOICE))
        more = {"wsgi.input": stream, "wsgi.input_terminated": True}
        assert over_wsgi(gate, sent(b""), **more).status == status


@pytest.mark.conformance("P1")
def test_a_said_length_is_enough_to_refuse(gate: ConsentGate) -> None:
    """Over WSGI a Content-Length beyond the limit is refused, and nothing of it is read."""
    more = {"wsgi.input": None, "CONTENT_LENGTH": str(17 * KIBI)}
    assert refused(over_wsgi(gate, sent(b""), **more), 413)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("length", ["", "-1", "x", "1e3", "13, 13", "+13"])
def test_a_length_that_is_none_is_no_body(gate: ConsentGate, length: str) -> None:
    """Over WSGI there is nothing to read without a length that is one, so there is no answer."""
    answer = over_wsgi(gate, sent(ACCEPT), CONTENT_LENGTH=length)
    assert refused(answer, 400)


@pytest.mark.conformance("P1")
def test_a_body_that_is_cut_off_changes_nothing(gate: ConsentGate) -> None:
    """What came of a body when the visitor went is no answer, though it reads like one."""
    more = {"CONTENT_LENGTH": str(len(ACCEPT) + 5)}
    assert refused(over_wsgi(gate, sent(ACCEPT), **more), 413)
    # Some servers say of every body that they know its end.
    assert refused(over_wsgi(gate, sent(ACCEPT), **more, **{"wsgi.input_terminated": True}), 413)
    begun = {"type": "http.request", "body": ACCEPT, "more_body": True}
    gone = {"type": "http.disconnect"}
    assert refused(over_asgi(gate, sent(b""), [begun, gone]), 413)
    assert refused(over_asgi(gate, sent(b""), [gone]), 413)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("error", [OSError("gone"), ValueError("no chunk")])
@pytest.mark.parametrize("environ", [{}, {"wsgi.input_terminated": True}], ids=["plain", "ended"])
def test_a_stream_that_fails_changes_nothing(
    gate: ConsentGate, error: Exception, environ: dict[str, Any]
) -> None:
    """A server whose stream raises, as some do when the visitor goes, is answered all the same."""

    class Broken(BytesIO):
        def readinto(self, buffer: Any, /) -> int:
            raise error

        def read(self, size: int | None = -1, /) -> bytes:
            raise error

    answer = over_wsgi(gate, sent(ACCEPT), **{"wsgi.input": Broken()}, **environ)
    assert refused(answer, 413)


# What is no answer (P1)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"application/json",
        b"application/x-www-form-urlencodedx",
        b"multipart/mixed; boundary=b",
        b"\xff/\xfe",
        b";",
        b"text/plain; charset=utf-8, application/x-www-form-urlencoded",
    ],
)
def test_a_form_comes_as_forms_do(adapter: Adapter, gate: ConsentGate, kind: bytes) -> None:
    """A body of another media type than the two of forms is 415."""
    visit = sent(ACCEPT, (b"content-type", kind), *OWN)
    assert refused(adapter(gate, unreached, visit), 415)


@pytest.mark.conformance("P1", "P8")
@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"text/json",
        b"application/x-www-form-urlencoded",
        b"application/json+x",
        b"application/jsonp",
        b"multipart/form-data; boundary=b",
    ],
)
def test_json_comes_as_json(adapter: Adapter, gate: ConsentGate, kind: bytes) -> None:
    """A body of another media type, as a form elsewhere can send one, is 415."""
    visit = spoken({"answer": "accept"}, (b"content-type", kind), *OWN)
    answer = adapter(gate, unreached, visit)
    assert refused(answer, 415)
    assert answer.values(b"content-type") == [b"application/json"]


@pytest.mark.conformance("P1")
def test_no_media_type_is_none_that_is_taken(adapter: Adapter, gate: ConsentGate) -> None:
    """A body that says nothing of what it is, is 415."""
    for path, body in ((CHOICE, ACCEPT), (STATE, b'{"answer": "accept"}')):
        visit = Visit(method="POST", path=path, headers=OWN, body=body)
        assert refused(adapter(gate, unreached, visit), 415)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    ("visit", "status"),
    [
        (sent(ACCEPT, (b"content-type", b"application/x-www-form-urlencoded; charset=x")), 303),
        (sent(ACCEPT, (b"content-type", b"APPLICATION/X-WWW-Form-Urlencoded")), 303),
        (spoken({"answer": "accept"}, (b"content-type", b"application/json;charset=utf-8")), 200),
        (spoken({"answer": "accept"}, (b"content-type", b"Application/JSON")), 200),
    ],
)
def test_a_media_type_may_have_parameters(
    adapter: Adapter, gate: ConsentGate, visit: Visit, status: int
) -> None:
    """Case and parameters of a media type change nothing in it."""
    answer = adapter(gate, unreached, visit)
    assert (answer.status, allowed(gate, answer)) == (status, ALL)


def multipart(*parts: bytes, end: bytes = b"--frontier--\r\n") -> bytes:
    """Return the body of a form in parts, each with its head."""
    return b"".join(b"--frontier\r\n" + part + b"\r\n" for part in parts) + end


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    """Return one part of such a form."""
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value


MULTIPART = (b"content-type", b"multipart/form-data; boundary=frontier")


@pytest.mark.conformance("P1")
def test_a_form_may_come_in_parts(adapter: Adapter, gate: ConsentGate) -> None:
    """A form in parts (`multipart/form-data`), as a script sends it, is an answer too."""
    body = multipart(
        part(b"answer", b"save"), part(b"allow-statistics", b"yes"), part(b"back", b"/x?y=1")
    )
    answer = adapter(gate, unreached, sent(body, MULTIPART))
    assert location(answer) == "/x?y=1"
    assert allowed(gate, answer) == {"necessary", "anonymous_statistics", "statistics"}


def wrong_field(answer: Answer) -> str:
    """Return the field that an answer says is wrong."""
    assert refused(answer, 400)
    said = text_of(answer).partition("The field ")[2]
    assert " is not as expected. Nothing was changed." in said
    return said.partition(" is not as expected.")[0]


WRONG_FORMS: list[tuple[bytes, str]] = [
    (b"", "answer"),
    (b"back=/", "answer"),
    (b"answer=", "answer"),
    (b"answer=yes", "answer"),
    (b"answer=Accept", "answer"),
    (b"answer=accept ", "answer"),
    (b"answer=accept%00", "answer"),
    (b"answer=accept;answer=refuse", "answer"),
    (b"answer=accept&answer=accept", "answer"),
    (b"answer=accept&answer=refuse", "answer"),
    (b"Answer=accept", "Answer"),
    (b"answer=accept&back=/&back=/x", "back"),
    (b"answer=accept&unknown=1", "unknown"),
    (b"answer=accept&csrf_token=1", "csrf_token"),
    (b"answer=accept&answer[]=refuse", "answer[]"),
    (b"answer=accept&allow-statistics=yes", "allow-statistics"),
    (b"answer=refuse&allow-statistics=yes", "allow-statistics"),
    (b"answer=withdraw&allow-statistics=no", "allow-statistics"),
    (b"answer=save&allow-statistics=yes&allow-statistics=no", "allow-statistics"),
    (b"answer=save&allow-statistics=on", "allow-statistics"),
    (b"answer=save&allow-statistics=", "allow-statistics"),
    (b"answer=save&allow-statistics=YES", "allow-statistics"),
    (b"answer=save&allow-necessary=no", "allow-necessary"),
    (b"answer=save&allow-unknown=yes", "allow-unknown"),
    (b"answer=save&allow-=yes", "allow-"),
    (b"answer=save&allow=yes", "allow"),
    (b"answer=save&allow=yes&allow-statistics=yes", "allow"),
    (b"answer=save&allow-statistics=yes&allow=yes", "allow"),
    (b"answer=save&ALLOW-statistics=yes", "ALLOW-statistics"),
    (b"answer=accept&from=", "from"),
    (b"answer=accept&from=api", "from"),
    (b"answer=accept&from=Banner", "from"),
    (b"answer=accept&from=page&from=page", "from"),
    (b"answer=accept&%C3%A9=1", "é"),
    (b"answer=accept&\xc3\xa9=1", "é"),
    (b"answer=accept&<script>alert(1)</script>=1", "<script>alert(1)</script>"),
    (b"answer=accept&" + b"a" * 500 + b"=1", "a" * 100),
]


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(("body", "field"), WRONG_FORMS)
def test_a_wrong_field_is_named(
    adapter: Adapter, gate: ConsentGate, body: bytes, field: str
) -> None:
    """A field that is missing, repeated, unknown or odd is 400, says which, and changes nothing."""
    answer = adapter(gate, unreached, sent(body))
    assert " ".join(field.split()) == wrong_field(answer)
    assert b"<script>" not in answer.body


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    "name", [b"\xff", b"%FF%FE", b"%00", b"%0d%0aSet-Cookie:a=1", b"%ED%A0%80"]
)
def test_a_name_of_odd_bytes_is_no_field(adapter: Adapter, gate: ConsentGate, name: bytes) -> None:
    """A name that is no text is 400 like any other that is unknown."""
    for body in (b"answer=accept&" + name + b"=1", b"answer=save&allow-" + name + b"=yes"):
        assert refused(adapter(gate, unreached, sent(body)), 400)


NO_NAME = b"Content-Disposition: form-data\r\n\r\nx"
ACCEPTED = part(b"answer", b"accept")
WRONG_PARTS: dict[str, bytes] = {
    "nothing": b"",
    "not in parts": ACCEPT,
    "another frontier": multipart(ACCEPTED).replace(b"frontier", b"border"),
    "not ended": multipart(ACCEPTED, end=b""),
    "not begun": ACCEPTED + b"\r\n--frontier--\r\n",
    "cut in a head": b'--frontier\r\nContent-Disposition: form-data; name="answer"',
    "no disposition": multipart(b"Content-Type: text/plain\r\n\r\naccept"),
    "another disposition": multipart(ACCEPTED, b'Content-Disposition: file; filename="x"\r\n\r\nx'),
    "no name": multipart(ACCEPTED, NO_NAME),
    "no name alone": multipart(NO_NAME),
    "a file without a name": multipart(ACCEPTED, NO_NAME.replace(b"data", b'data; filename="x"')),
    "a file": multipart(ACCEPTED, part(b"photo", b"x", b'; filename="x.png"')),
    "the answer as a file": multipart(part(b"answer", b"accept", b'; filename="x"')),
    "twice": multipart(ACCEPTED, ACCEPTED),
    "too many": multipart(ACCEPTED, *[part(b"x", b"")] * 200),
    "odd bytes in a name": multipart(ACCEPTED, part(b"\xff\xfe", b"x")),
    "an odd head": multipart(ACCEPTED, b"\xff\x00: \x00\r\n\r\nx"),
    "a folded head": multipart(ACCEPTED, b'Content-Disposition:\r\n form-data; name="x"\r\n\r\nx'),
    "an odd charset": multipart(
        b'Content-Disposition: form-data; name="answer"\r\n'
        b"Content-Type: text/plain; charset=utf-16\r\n\r\naccept",
        part(b"x", b"1"),
    ),
}


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("body", WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_wrong_parts_are_no_answer(adapter: Adapter, gate: ConsentGate, body: bytes) -> None:
    """Parts that are cut, without a name, a file, or of too great a number are 400."""
    answer = adapter(gate, unreached, sent(body, MULTIPART))
    assert refused(answer, 400)
    assert "is not as expected. Nothing was changed." in text_of(answer)


@pytest.mark.conformance("P1")
def test_a_file_is_named(adapter: Adapter, gate: ConsentGate) -> None:
    """A field that holds a file is the one that is wrong."""
    files = {"photo": WRONG_PARTS["a file"], "answer": WRONG_PARTS["the answer as a file"]}
    for name, body in files.items():
        assert wrong_field(adapter(gate, unreached, sent(body, MULTIPART))) == name


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    "parameters",
    [b"", b"; boundary=", b"; boundary", b"; boundary=\xff", b"; boundary*=utf-8''%FF", b"; x=y"],
)
def test_a_form_in_parts_says_where_they_end(
    adapter: Adapter, gate: ConsentGate, parameters: bytes
) -> None:
    """A form in parts whose head does not say what is between them is 400, and names the head."""
    visit = sent(multipart(ACCEPTED), (b"content-type", b"multipart/form-data" + parameters))
    answer = adapter(gate, unreached, visit)
    assert wrong_field(answer) == "Content-Type"


WRONG_JSON: list[tuple[bytes, str]] = [
    (b"", "JSON"),
    (b"{", "JSON"),
    (b"null", "JSON"),
    (b"[]", "JSON"),
    (b'["answer", "accept"]', "JSON"),
    (b'"accept"', "JSON"),
    (b"1", "JSON"),
    (b"NaN", "JSON"),
    (b'{"answer": "accept"} {}', "JSON"),
    (b"{'answer': 'accept'}", "JSON"),
    (b'{"answer": "accept",}', "JSON"),
    (b'\xef\xbb\xbf{"answer": "accept"}', "JSON"),
    ('{"answer": "accept"}'.encode("utf-16"), "JSON"),
    (b'{"answer": "accept", "\xff": 1}', "JSON"),
    (b'{"answer": "\xed\xa0\x80"}', "JSON"),
    (b"[" * 16000, "JSON"),
    (b'{"a":' * 3000, "JSON"),
    (b'{"answer": ' + b"1" * 5000 + b"}", "JSON"),
    (b'{"answer": ' + b"1" * 4000 + b"}", "answer"),
    (b"{}", "answer"),
    (b'{"answer": null}', "answer"),
    (b'{"answer": true}', "answer"),
    (b'{"answer": NaN}', "answer"),
    (b'{"answer": 1e999}', "answer"),
    (b'{"answer": ["accept"]}', "answer"),
    (b'{"answer": {"accept": true}}', "answer"),
    (b'{"answer": "ACCEPT"}', "answer"),
    (b'{"answer": "accept", "answer": "accept"}', "answer"),
    (b'{"answer": "accept", "answer": "refuse"}', "answer"),
    (b'{"answer": "accept", "back": 1}', "back"),
    (b'{"answer": "accept", "back": ["/"]}', "back"),
    (b'{"answer": "accept", "from": "api"}', "from"),
    (b'{"answer": "accept", "from": "app"}', "from"),
    (b'{"answer": "accept", "from": ""}', "from"),
    (b'{"answer": "accept", "from": null}', "from"),
    (b'{"answer": "accept", "from": ["page"]}', "from"),
    (b'{"answer": "accept", "from": {"page": 1}}', "from"),
    (b'{"answer": "accept", "unknown": 1}', "unknown"),
    (b'{"answer": "accept", "allow-statistics": true}', "allow-statistics"),
    (b'{"answer": "accept", "": 1}', ""),
    (b'{"answer": "accept", "\\u00e9": 1}', "é"),
    (b'{"answer": "accept", "<script>": 1}', "<script>"),
    (b'{"answer": "accept", "allow": {"statistics": true}}', "allow.statistics"),
    (b'{"answer": "refuse", "allow": {"statistics": true}}', "allow.statistics"),
    (b'{"answer": "save", "allow": null}', "allow"),
    (b'{"answer": "save", "allow": []}', "allow"),
    (b'{"answer": "save", "allow": "statistics"}', "allow"),
    (b'{"answer": "save", "allow": {"statistics": 1}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": 0}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": "yes"}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": null}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": NaN}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": {}}}', "allow.statistics"),
    (b'{"answer": "save", "allow": {"statistics": true, "statistics": false}}', "statistics"),
    (b'{"answer": "save", "allow": {"necessary": false}}', "allow.necessary"),
    (b'{"answer": "save", "allow": {"unknown": true}}', "allow.unknown"),
    (b'{"answer": "save", "allow": {}, "allow": {"statistics": true}}', "allow"),
]


@pytest.mark.conformance("P1", "P8")
@pytest.mark.parametrize(("body", "field"), WRONG_JSON)
def test_wrong_json_is_named(adapter: Adapter, gate: ConsentGate, body: bytes, field: str) -> None:
    """JSON that is malformed, repeats a name or has a wrong type is 400, and says where."""
    answer = adapter(gate, unreached, sent(body, path=STATE))
    assert refused(answer, 400)
    assert answer.values(b"content-type") == [b"application/json"]
    said = json.loads(answer.body)
    assert said["field"] == field
    assert said["error"] == f"The field {field} is not as expected. Nothing was changed."


@pytest.mark.conformance("P1", "P8")
@pytest.mark.parametrize(
    "body", [b'{"\\ud800": 1}', b'{"answer": "save", "allow": {"\\udfff": true}}']
)
def test_half_a_character_is_no_name(adapter: Adapter, gate: ConsentGate, body: bytes) -> None:
    r"""A name with half a character in it, which JSON can write as `\ud800`, is 400."""
    assert refused(adapter(gate, unreached, sent(body, path=STATE)), 400)


@pytest.mark.conformance("P1", "P7")
def test_refusals_speak_the_language_of_the_visitor(adapter: Adapter, gate: ConsentGate) -> None:
    """What is wrong is said in the language that the visitor asks for."""
    french = (b"accept-language", b"fr-CA, fr;q=0.9")
    answer = adapter(gate, unreached, sent(b"", *OWN, french))
    assert answer.status == 400
    assert b'<html lang="fr"' in answer.body
    assert "The field" not in text_of(answer)
    spoken_to = adapter(gate, unreached, sent(b"", *OWN, french, path=STATE))
    assert "The field" not in json.loads(spoken_to.body)["error"]


# Where an answer leads (P2)


GOOD = [
    "/",
    "/basket",
    "/basket/",
    "/basket?next=//other.example/x",
    "/basket?next=%2F%2Fother.example&a=b%5Cc",
    "/basket?next=https://other.example/",
    "/basket?q=a%20b%0D%0Ac",
    "/search?q=%22%3Cscript%3E",
    "/a%20b",
    "/a%2Fb",
    "/caf%C3%A9",
    "/100%",
    "/a@b:80",
    "/a;b=c,d",
    "/...",
    "/.well-known/x",
    "/a.b/c..d",
    "/a#part",
    "/?x",
    "/#x",
    '/a"b',
    "/x" * 1000,
]
EVIL = [
    "",
    " ",
    "//evil.example",
    "//evil.example/",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "\\evil.example",
    "/\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "http://evil.example",
    "HTTP://EVIL.EXAMPLE",
    "http:\\\\evil.example",
    "http://shop.example/",
    "javascript:alert(1)",
    "JavaScript:alert(1)//",
    "data:text/html,x",
    "mailto:a@evil.example",
    "evil.example",
    "evil",
    ".",
    "..",
    "./evil",
    "@evil.example",
    ":80/evil",
    "?x",
    "#x",
    "/%2f/evil.example",
    "/%2Fevil.example",
    "/%2f%2fevil.example",
    "/%252fevil.example",
    "/%25252fevil.example",
    "/%2525252525252f",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%255cevil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/a/../b",
    "/./a",
    "/a/.",
    "/a/..",
    "/%2e%2e//evil.example",
    "/%2e//evil.example",
    "/%2e%2e/%2fevil.example",
    "/%2E/%5Cevil.example",
    "/%252e%252e/x",
    "/.%2e/x",
    "/a//b",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    "\n//evil.example",
    " //evil.example",
    "/a\r\nSet-Cookie: a=1",
    "/a\nLocation: //evil.example",
    "/a\x00b",
    "/a\x7fb",
    "/a b",
    "/ ",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0D%0ASet-Cookie:%20a=1",
    "/%250d%250aSet-Cookie:a=1",
    "/%00",
    "/%20//evil.example",
    "/é",
    "/\u2028/evil.example",
    "/／evil.example",
    "／／evil.example",
    "/\ufeff/evil.example",
    "/?x=é",
    "/" + "x" * 3000,
    "/?" + "x" * 3000,
]


def leads_here(reference: str) -> bool:
    """Tell whether a browser that is sent there stays on this host.

    As WHATWG URL reads it: tabs and line ends are dropped, backslashes are slashes.
    """
    dropped = reference.translate({9: None, 10: None, 13: None}).strip().replace("\\", "/")
    resolved = urlsplit(urljoin("http://shop.example/cookies/choice", dropped))
    return (resolved.scheme, resolved.netloc) == ("http", "shop.example")


@pytest.mark.conformance("P2")
@pytest.mark.parametrize("back", GOOD)
def test_the_way_back_is_as_it_was_sent(adapter: Adapter, gate: ConsentGate, back: str) -> None:
    """A path on this host is where an answer leads, unchanged, its query and all."""
    answer = adapter(gate, unreached, sent({"answer": "accept", "back": back}))
    assert location(answer) == back
    assert allowed(gate, answer) == ALL


@pytest.mark.conformance("P2")
@pytest.mark.parametrize("back", EVIL)
def test_no_way_back_leads_elsewhere(adapter: Adapter, gate: ConsentGate, back: str) -> None:
    """What is no path on this host, or could be read otherwise, leads to its start."""
    for root in ("", "/mount"):
        visit = sent({"answer": "accept", "back": back}, root=root)
        answer = adapter(gate, unreached, visit)
        assert location(answer) == f"{root}/"
        assert allowed(gate, answer) == ALL
        assert [name.lower() for name, _ in answer.headers].count(b"set-cookie") == 1


@pytest.mark.conformance("P2")
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"/a\r\nSet-Cookie: a=1", 303),
        (b"/\x00", 303),
        (b"\t//evil.example", 303),
        (b"%", 303),
        (b"%2", 303),
        (b"/\xe9", 400),
        (b"/\xff\xfe", 400),
    ],
)
def test_raw_bytes_lead_nowhere_else(
    adapter: Adapter, gate: ConsentGate, raw: bytes, status: int
) -> None:
    """Bytes that a browser would have encoded are the same, and those that are no text are 400."""
    answer = adapter(gate, unreached, sent(b"answer=accept&back=" + raw))
    assert answer.status == status
    assert answer.values(b"location") == ([b"/"] if status == 303 else [])
    assert answer.names == ([b"cookies_preferences"] if status == 303 else [])


@pytest.mark.conformance("P2")
@pytest.mark.parametrize(("encoded", "leads_to"), [("/%u002f/x", "/%u002f/x"), ("/%ff", "/%ff")])
def test_what_is_no_text_when_decoded_is_a_path_all_the_same(
    adapter: Adapter, gate: ConsentGate, encoded: str, leads_to: str
) -> None:
    """Encoded bytes that are no UTF-8 can be a path of the app, and lead to no other host."""
    answer = adapter(gate, unreached, sent({"answer": "accept", "back": encoded}))
    assert location(answer) == leads_to


@pytest.mark.conformance("P2")
@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        (b"http://shop.example/basket?a=%2F//b", "/basket?a=%2F//b"),
        (b"http://shop.example:80/basket#part", "/basket"),
        (b"HTTP://SHOP.EXAMPLE/Basket", "/Basket"),
        (b"http://shop.example", "/"),
        (b"http://shop.example/", "/"),
        (b"http://shop.example?x", "/"),
        (b"http://shop.example?x=//evil.example/", "/"),
        (b"http://shop.example//evil.example", "/"),
        (b"http://shop.example/\\evil.example", "/"),
        (b"http://shop.example/%2f/evil.example", "/"),
        (b"http://shop.example/\xc3\xa9", "/"),
        (b"http://evil.example/basket", "/"),
        (b"https://shop.example/basket", "/"),
        (b"http://shop.example@evil.example/basket", "/"),
        (b"//shop.example/basket", "/"),
        (b"/basket", "/"),
        (b"", "/"),
        (b"[", "/"),
    ],
)
def test_without_a_field_the_referer_says_where_to(
    adapter: Adapter, gate: ConsentGate, came_from: bytes, leads_to: str
) -> None:
    """A form that does not say where to leads back to the page of this origin that it is on."""
    visit = sent(ACCEPT, *OWN, (b"referer", came_from))
    assert location(adapter(gate, unreached, visit)) == leads_to


@pytest.mark.conformance("P2")
def test_the_field_wins_over_the_referer(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the form says where to, the referer says nothing, even where the form says it badly."""
    referrer = (b"referer", b"http://shop.example/basket")
    for back, leads_to in (("/asked", "/asked"), ("//evil.example", "/"), ("", "/")):
        visit = sent({"answer": "accept", "back": back}, *OWN, referrer)
        assert location(adapter(gate, unreached, visit)) == leads_to


@pytest.mark.conformance("P2")
def test_without_field_and_referer_it_leads_to_the_start(
    adapter: Adapter, gate: ConsentGate
) -> None:
    """Nothing said of where to: the start of the app, wherever it is mounted."""
    for root, start in (("", "/"), ("/mount", "/mount/"), ("/a/b", "/a/b/")):
        assert location(adapter(gate, unreached, sent(ACCEPT, root=root))) == start


@pytest.mark.conformance("P2")
def test_an_unknown_host_leads_to_the_start(adapter: Adapter, gate: ConsentGate) -> None:
    """Where the request does not say which host it was sent to, no referer is of it."""
    visit = sent(
        ACCEPT, (b"host", b""), (b"sec-fetch-site", b"same-origin"), (b"referer", b"http:///x")
    )
    assert location(adapter(gate, unreached, visit)) == "/"


@pytest.mark.conformance("P2")
def test_a_mount_point_is_encoded(adapter: Adapter, gate: ConsentGate) -> None:
    """A mount point beyond ASCII is written into the way back as a URL has it."""
    root = "/café x"
    root = root if adapter.protocol == "asgi" else root.encode().decode("latin-1")
    answer = adapter(gate, unreached, sent(ACCEPT, root=root))
    assert location(answer) == "/caf%C3%A9%20x/"


@pytest.mark.conformance("P2")
def test_a_server_may_leave_the_mount_point_out_of_the_path(gate: ConsentGate) -> None:
    """Over ASGI a path that does not start with `root_path` is below it already."""
    visit = sent({"answer": "accept", "back": "//evil.example"})
    message = {"type": "http.request", "body": visit.body}
    assert location(over_asgi(gate, visit, [message], root_path="/mount")) == "/mount/"


@pytest.mark.conformance("P2", "P4")
@pytest.mark.parametrize(
    ("back", "leads_to"),
    [
        ("/cookies", "/cookies?saved=1#consentgate-status"),
        ("/cookies#x", "/cookies?saved=1#consentgate-status"),
        ("/cookies/", "/cookies/?saved=1#consentgate-status"),
        ("/cookies/preferences", "/cookies/preferences?saved=1#consentgate-status"),
        ("/cookies/preferences/", "/cookies/preferences/?saved=1#consentgate-status"),
        (
            "/cookies/preferences?lang=fr&back=%2Fbasket",
            "/cookies/preferences?lang=fr&back=%2Fbasket&saved=1#consentgate-status",
        ),
        ("/cookies/other", "/cookies/other"),
        ("/cookiesx", "/cookiesx"),
        ("/basket?saved=1", "/basket?saved=1"),
    ],
)
def test_a_page_of_ours_says_that_it_is_saved(
    adapter: Adapter, gate: ConsentGate, back: str, leads_to: str
) -> None:
    """Charter and preferences are led back to with a word for them to say; pages of the app not."""
    for root in ("", "/mount"):
        visit = sent({"answer": "accept", "back": root + back}, root=root)
        assert location(adapter(gate, unreached, visit)) == root + leads_to


@pytest.mark.conformance("P2", "P4")
def test_a_second_answer_says_so_again(adapter: Adapter, gate: ConsentGate) -> None:
    """Sent from a page that says it is saved already, an answer leads back to where it says so."""
    page = b"http://shop.example/cookies/preferences?saved=1"
    first = adapter(gate, unreached, sent(ACCEPT, *OWN, (b"referer", page)))
    path, _, query = location(first).partition("#")[0].partition("?")
    token = first.set_cookies[0].partition(b";")[0]
    shown = adapter(gate, unreached, Visit([token], path=path, query=query.encode()))
    assert "Your choice is saved." in text_of(shown)


@pytest.mark.conformance("P2")
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@given(back=st.text() | st.from_regex(r"[/\\.%25fFcC:@?#a-z\t\n\r]{0,24}", fullmatch=True))
@example(back="/\t/evil.example")
def test_whatever_is_asked_for_leads_here(protocol: str, back: str) -> None:
    """Any text at all as way back: the answer leads to this host, in visible ASCII."""
    body = "answer=accept&back=" + quote(back, safe="", errors="surrogatepass")
    leads_to = location(Adapter(protocol)(GATE, unreached, sent(body.encode())))
    assert leads_here(leads_to)
    assert leads_to.startswith("/") and leads_to.isprintable() and leads_to.isascii()
    assert leads_to in ("/", back) or leads_to.endswith("saved=1#consentgate-status")


GATE = ConsentGate(
    Policy(
        [
            Cookie("session", exemption="authentication"),
            Cookie("visits", "anonymous_statistics", exemption="audience-measurement"),
            Cookie("_ga", "statistics"),
            Cookie("ad_id", "marketing"),
        ]
    ),
    secret_key=KEY,
)


# What each answer does


SAVES: list[tuple[dict[str, bool], set[str]]] = [
    ({}, {"anonymous_statistics"}),
    ({"statistics": True}, {"anonymous_statistics", "statistics"}),
    ({"statistics": True, "marketing": False}, {"anonymous_statistics", "statistics"}),
    ({"anonymous_statistics": False}, set()),
    ({"anonymous_statistics": True}, {"anonymous_statistics"}),
    (
        {"preferences": True, "marketing": True, "statistics": False},
        {"anonymous_statistics", "preferences", "marketing"},
    ),
]


def both(answer: str, decisions: Mapping[str, bool] | None = None) -> list[Visit]:
    """Return the visits of a form and of a script that say the same."""
    fields = {f"allow-{key}": "yes" if yes else "no" for key, yes in (decisions or {}).items()}
    more = {"allow": decisions} if decisions else {}
    return [sent({"answer": answer, **fields}), spoken({"answer": answer, **more})]


def holding(visit: Visit, *pairs: bytes) -> Visit:
    """Return the visit of a browser that holds these cookies."""
    return Visit(
        [b"; ".join(pairs)],
        method=visit.method,
        path=visit.path,
        headers=visit.headers,
        body=visit.body,
    )


@pytest.mark.conformance("P1", "P3")
def test_accept_and_refuse_are_for_all(adapter: Adapter, gate: ConsentGate) -> None:
    """Accepting grants every category; refusing refuses every one, and opposes the exempt."""
    for visit in both("accept"):
        choice = chosen(gate, answer := adapter(gate, unreached, visit))
        assert choice is not None and choice.refused == set()
        assert allowed(gate, answer) == ALL
    for visit in both("refuse"):
        choice = chosen(gate, answer := adapter(gate, unreached, visit))
        assert choice is not None and choice.refused == ALL - {"necessary"}
        assert allowed(gate, answer) == {"necessary"}


@pytest.mark.conformance("P4", "P8")
@pytest.mark.parametrize(("decisions", "granted_now"), SAVES)
def test_saving_decides_each(
    adapter: Adapter, gate: ConsentGate, decisions: dict[str, bool], granted_now: set[str]
) -> None:
    """Saved is what was decided: what was left open is refused, what is exempt stays as it was."""
    for visit in both("save", decisions):
        answer = adapter(gate, unreached, visit)
        assert allowed(gate, answer) == {"necessary"} | granted_now
        choice = chosen(gate, answer)
        assert choice is not None
        assert choice.refused >= {"preferences", "statistics", "marketing"} - granted_now


@pytest.mark.conformance("P4")
def test_saving_keeps_what_is_opposed(adapter: Adapter, gate: ConsentGate) -> None:
    """Exempt statistics that the visitor opposed stay so where a form says nothing of them."""
    opposed = gate.set_cookie_for(gate.choice([], gate.policy.choosable)).partition(";")[0].encode()
    for visit in both("save", {"statistics": True}):
        answer = adapter(gate, unreached, holding(visit, opposed))
        assert allowed(gate, answer) == {"necessary", "statistics"}
    for visit in both("save", {"anonymous_statistics": True}):
        answer = adapter(gate, unreached, holding(visit, opposed))
        assert allowed(gate, answer) == {"necessary", "anonymous_statistics"}


@pytest.mark.conformance("P4")
def test_withdrawing_takes_all_back(adapter: Adapter, gate: ConsentGate) -> None:
    """One POST withdraws what was granted; what the browser holds by it is expired, at once."""
    token = token_pair(gate, "statistics", "marketing")
    for visit in both("withdraw"):
        answer = adapter(gate, unreached, holding(visit, token, b"_ga=1", b"ad_id=2", b"session=3"))
        assert allowed(gate, answer) == {"necessary"}
        assert {name for name in answer.names if name != b"cookies_preferences"} >= {
            b"_ga",
            b"ad_id",
        }
        assert b"session" not in answer.names


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("answer", ["accept", "refuse", "withdraw", "save"])
def test_the_same_answer_again_sends_no_cookie(
    adapter: Adapter, gate: ConsentGate, answer: str
) -> None:
    """Who answers as before holds the choice already, and it is not prolonged."""
    for visit in both(answer, {"statistics": True} if answer == "save" else None):
        first = adapter(gate, unreached, visit)
        token = first.set_cookies[0].partition(b";")[0]
        second = adapter(gate, unreached, holding(visit, token))
        assert second.status == first.status
        assert second.set_cookies == []


@pytest.mark.conformance("P4")
def test_a_visitor_keeps_the_id(adapter: Adapter, gate: ConsentGate) -> None:
    """A later choice of the same visitor has the id of the one before, and another answer."""
    first = chosen(gate, answer := adapter(gate, unreached, sent(ACCEPT)))
    token = answer.set_cookies[0].partition(b";")[0]
    second = chosen(gate, adapter(gate, unreached, holding(sent(b"answer=refuse"), token)))
    assert first is not None and second is not None
    assert first.id == second.id
    assert first.granted == ALL - {"necessary"} and second.granted == set()


@pytest.mark.conformance("P8")
def test_a_script_hears_what_holds_now(adapter: Adapter, gate: ConsentGate) -> None:
    """The answer to a choice in JSON says at once what is allowed, and that it is saved."""
    answer = adapter(gate, unreached, spoken({"answer": "save", "allow": {"statistics": True}}))
    state = json.loads(answer.body)
    assert state["answered"] is True
    assert state["allowed"] == ["necessary", "anonymous_statistics", "statistics"]
    assert state["choice"]["granted"] == ["statistics"]
    assert state["choice"]["refused"] == ["marketing", "preferences"]
    assert state["status"][0] == "Your choice is saved."
    assert [c["key"] for c in state["categories"] if c["allowed"]] == state["allowed"]


@pytest.mark.conformance("P8")
def test_a_refused_script_is_told_the_field_alone(adapter: Adapter, gate: ConsentGate) -> None:
    """What is refused in JSON is answered in JSON, with nothing of the choice in it."""
    answer = adapter(gate, unreached, spoken({"answer": "no"}))
    assert set(json.loads(answer.body)) == {"error", "field"}


@pytest.mark.conformance("P1")
def test_a_category_that_is_not_offered_cannot_be_saved(adapter: Adapter) -> None:
    """A built-in category with no cookie in it is not asked about, so nobody decides on it."""
    policy = Policy([Cookie("_ga", "statistics")], categories=[Category("social", title="Social")])
    gate = ConsentGate(policy, secret_key=KEY)
    answer = adapter(gate, unreached, sent(b"answer=save&allow-marketing=yes"))
    assert wrong_field(answer) == "allow-marketing"
    body = b"answer=save&allow-social=yes&allow-statistics=no"
    answer = adapter(gate, unreached, sent(body))
    assert "social" in allowed(gate, answer)


@pytest.mark.conformance("P1")
def test_an_answer_is_nobody_elses(adapter: Adapter, gate: ConsentGate) -> None:
    """What answers a choice is kept by no cache, and its body is empty on the way back."""
    answer = adapter(gate, unreached, sent(ACCEPT))
    assert answer.body == b""
    assert answer.values(b"cache-control") == [b"no-store"]
    assert answer.values(b"content-length") == [b"0"]
    told = adapter(gate, unreached, spoken({"answer": "accept"}))
    assert told.values(b"cache-control") == [b"no-store"]


@pytest.mark.conformance("P1")
def test_an_answer_counts_where_no_consent_is_needed(adapter: Adapter, policy: Policy) -> None:
    """A visitor who need not be asked can refuse all the same, and withdraw."""
    gate = ConsentGate(policy, secret_key=KEY, needs_consent=lambda _: False)
    answer = adapter(gate, unreached, sent(b"answer=refuse"))
    assert allowed(gate, answer) == {"necessary"}
    state = adapter(gate, unreached, spoken({"answer": "refuse"}))
    assert json.loads(state.body)["needed"] is False


# Whatever arrives


NAMES = st.sampled_from(
    ["answer", "back", "from", "allow", "allow-statistics", "allow-", "allow-necessary", "x", ""]
) | st.text(max_size=8)
VALUES = st.sampled_from(
    ["accept", "refuse", "save", "withdraw", "yes", "no", "/", "//evil", "banner", "page", ""]
) | st.text(max_size=12)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | VALUES
    | st.text(st.characters(), max_size=4)
)
VALUES_OF_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(
    [
        FORM[1],
        JSON[1],
        MULTIPART[1],
        b"multipart/form-data",
        b"multipart/form-data; boundary=\xff",
        b"text/plain",
    ]
) | st.binary(max_size=40)


def of_parts(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return a form in parts, with names that may break it."""
    return multipart(
        *(
            part(name.encode(errors="replace"), value.encode(errors="replace"))
            for name, value in pairs
        )
    )


BODIES = st.one_of(
    st.binary(max_size=200),
    PAIRS.map(lambda pairs: urlencode(pairs, errors="replace").encode()),
    PAIRS.map(of_parts),
    st.builds(
        lambda fields, answer: json.dumps(answer | fields).encode(),
        st.dictionaries(NAMES, VALUES_OF_JSON, max_size=4),
        st.sampled_from([{}, {"answer": "accept"}, {"answer": "save"}]),
    ),
    VALUES_OF_JSON.map(lambda value: json.dumps(value).encode()),
)
FIELDS = st.sampled_from(
    [
        *(b"origin", b"referer", b"host", b"sec-fetch-site", b"accept-language", b"cookie"),
        *(b"x-forwarded-host", b"content-length", b"content-type", b"transfer-encoding"),
    ]
)
SAID = st.sampled_from(
    [
        b"http://shop.example",
        b"shop.example",
        b"same-origin",
        b"null",
        b"fr",
        b"cookies_preferences=",
    ]
) | st.binary(max_size=30)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("path", [CHOICE, STATE])
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@given(
    body=BODIES,
    kind=KINDS,
    headers=st.just([(b"sec-fetch-site", b"same-origin")])
    | st.lists(st.tuples(FIELDS, SAID), max_size=4),
    query=st.binary(max_size=20),
)
@example(b"allow=x&allow-statistics=yes", FORM[1], list(OWN), b"")
@example(multipart(NO_NAME), MULTIPART[1], list(OWN), b"")
@example(b'{"\\ud800": 1}', JSON[1], list(OWN), b"")
def test_whatever_arrives_is_answered(
    protocol: str,
    path: str,
    body: bytes,
    kind: bytes,
    headers: list[Header],
    query: bytes,
) -> None:
    """Arbitrary bytes, media types and headers are an answer or are refused, and nothing raises."""
    visit = Visit(
        method="POST",
        path=path,
        headers=[(b"content-type", kind), *headers],
        body=body,
        query=query,
        strict=False,
    )
    answer = Adapter(protocol)(GATE, unreached, visit)
    assert answer.status in {200, 303, 400, 403, 413, 415}
    if answer.status >= 400:
        assert b"cookies_preferences" not in answer.names
    if answer.status == 303:
        assert leads_here(location(answer))
    elif path == STATE:
        json.loads(answer.body)


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("path", [CHOICE, STATE])
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@given(body=BODIES, cut=st.integers(0, 60))
def test_a_piece_of_an_answer_changes_nothing_wrongly(
    protocol: str, path: str, body: bytes, cut: int
) -> None:
    """What a form or a script of this site sends is a choice only where it reads as one."""
    kind = JSON if path == STATE else FORM
    visit = sent(body[:cut], kind, path=path, strict=False)
    answer = Adapter(protocol)(GATE, unreached, visit)
    assert answer.status in {200, 303, 400}
    assert (b"cookies_preferences" in answer.names) is (answer.status != 400)


@pytest.mark.conformance("P1")
def test_a_page_costs_as_much_as_its_headers(adapter: Adapter) -> None:
    """The work for a page, in lines of Python, grows with the headers of a request, not faster."""
    gate = ConsentGate(Policy.allow("session"), secret_key=KEY)
    counts = []
    for number in (1500, 3000, 6000):  # More than are remembered by name.
        headers = [(b"x-%d" % each, b"1") for each in range(number)]
        adapter(gate, sets(), Visit(path="/cookies"))  # What is remembered is so by now.
        with counted() as steps:
            adapter(gate, sets(), Visit(path="/cookies", headers=headers))
        counts.append(steps.count)
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    assert second < 3 * first
