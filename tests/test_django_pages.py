"""Django with the gate as a middleware alone: its own pages, and the banner put into views'."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.test import RequestFactory
from jinja2 import DictLoader

from adapters import (
    KEY,
    Adapter,
    Answer,
    Header,
    Visit,
    asgi_scope,
    behind,
    behind_wsgi,
    token_pair,
    wsgi_environ,
)
from consentgate import ConsentGate, ConsentGateError, Pages, Policy
from consentgate.frameworks.django import ConsentMiddleware, consent, context
from django_setup import GATED, POLICY, SESSION, WAYS, Way, bare, consent_of, is_token, site
from inserting import (
    BY_CHOICE,
    MINE,
    NOTHING,
    PAGE,
    REST,
    START,
    banners,
    helped,
    told,
    values,
    with_one_banner,
)

GATE = ConsentGate(POLICY, secret_key=KEY, inject_banner=True)
REFUSED = token_pair(GATE)
GRANTED = token_pair(GATE, "statistics")
DOCUMENT = (b"sec-fetch-dest", b"document")
ACCEPTS = (b"accept", b"text/html,*/*;q=0.8")
# What browsers say of a form on a page of the site.
OWN: list[Header] = [(b"sec-fetch-site", b"same-origin")]
FORM = (b"content-type", b"application/x-www-form-urlencoded")
SYNC = ("client", "wsgi")
# What caches are told of a response that sets a cookie, and would set one that needs consent.
COOKIES = ([b"Cookie"], [b"private"])


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Return each of the four ways to the site."""
    return WAYS[request.param]


def visited(
    way: Way,
    location: str,
    *cookies: bytes,
    gate: ConsentGate = GATE,
    more: Sequence[str] = (),
    **varied: Any,
) -> Answer:
    """Visit the site behind the middleware, with more middleware behind it."""
    with site(gate, [GATED, *more]):
        return way(Visit(cookies, path=location, **varied))


# The banner in pages of views


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("location", ["/html", "/async-html"])
def test_a_page_gets_the_banner(way: Way, location: str) -> None:
    """Through the middleware alone a page gets the banner first in its body, and its cookies."""
    answer = visited(way, location)
    banner = helped(GATE, Adapter("wsgi"), Visit(path=location))
    assert answer.body == START + banner + REST
    assert bare(answer.set_cookies) == [SESSION]
    assert told(answer.headers) == MINE


@pytest.mark.conformance("P3")
@pytest.mark.parametrize("name", WAYS)
def test_a_streamed_page_gets_the_banner(name: str) -> None:
    """Sync or async, a page in chunks gets one banner, and no validator of the one without."""
    location = "/html-stream" if name in SYNC else "/async-html-stream"
    answer = visited(WAYS[name], location)
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"etag") == []
    assert told(answer.headers) == MINE
    answer = visited(WAYS[name], location, REFUSED)
    assert answer.body == PAGE
    assert values(answer.headers, b"etag") == [b'"a"']


@pytest.mark.parametrize("name", SYNC)
def test_a_file_gets_the_banner(name: str) -> None:
    """A page that Django sends from a file has a banner, and no length: it is not known yet."""
    answer = visited(WAYS[name], "/html-file")
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"content-length") == []
    answer = visited(WAYS[name], "/html-file", GRANTED)
    assert answer.body == PAGE
    assert values(answer.headers, b"content-length") == [b"%d" % len(PAGE)]


@pytest.mark.conformance("P3", "P6")
@pytest.mark.parametrize(
    ("location", "varied", "caches"),
    [
        ("/html?status=404", {}, COOKIES),
        ("/html?status=500", {}, COOKIES),
        ("/html?status=206", {}, COOKIES),
        ("/html?Content-Type=text/plain", {}, COOKIES),
        ("/html?Content-Type=text/html;charset=utf-16", {}, COOKIES),
        ("/html?Content-Encoding=gzip", {}, COOKIES),
        ("/html?Content-Disposition=attachment", {}, COOKIES),
        ("/html", {"method": "POST"}, COOKIES),
        ("/html", {"headers": [(b"hx-request", b"true")]}, MINE),
        ("/html", {"headers": [(b"sec-fetch-dest", b"empty")]}, MINE),
        ("/html", {"headers": [(b"x-requested-with", b"XMLHttpRequest")]}, MINE),
    ],
)
def test_what_is_no_page_gets_none(
    way: Way, location: str, varied: Any, caches: tuple[list[bytes], list[bytes]]
) -> None:
    """Errors, other types, encodings, downloads and fragments pass as they are."""
    answer = visited(way, location, **varied)
    assert answer.body == PAGE
    assert told(answer.headers) == caches


@pytest.mark.conformance("P3", "P6")
@pytest.mark.parametrize("cookie", [REFUSED, GRANTED], ids=["refused", "granted"])
def test_who_has_answered_is_not_asked(way: Way, cookie: bytes) -> None:
    """Whoever has answered gets the page of the view, which depends on the choice."""
    answer = visited(way, "/html-tagged", cookie)
    assert answer.body == PAGE
    assert told(answer.headers) == BY_CHOICE
    assert values(answer.headers, b"etag") == [b'"a"']


@pytest.mark.parametrize(
    "gate",
    [
        ConsentGate(POLICY, secret_key=KEY),
        ConsentGate(POLICY, secret_key=KEY, pages=None),
        ConsentGate(POLICY, secret_key=KEY, inject_banner=True, report_only=True),
        ConsentGate(POLICY, secret_key=KEY, inject_banner=True, needs_consent=lambda _: False),
        ConsentGate(Policy.allow("sessionid"), secret_key=KEY, inject_banner=True),
    ],
    ids=["not asked to", "no pages", "report only", "no consent needed", "nothing to ask"],
)
def test_where_nothing_is_to_be_asked_nothing_changes(way: Way, gate: ConsentGate) -> None:
    """A gate that does not ask leaves the page, what caches are told, and conditions alone."""
    answer = visited(way, "/html-tagged", gate=gate)
    assert (answer.body, told(answer.headers)) == (PAGE, NOTHING)
    revalidating = [DOCUMENT, (b"if-none-match", b'"a"')]
    assert visited(way, "/html-tagged", gate=gate, headers=revalidating).status == 304


def test_a_page_with_a_banner_gets_no_other(way: Way) -> None:
    """Where a view shows the banner by the helper, the middleware adds none."""
    answer = visited(way, "/html-with-banner")
    assert answer.body.startswith(PAGE)
    assert len(banners(answer.body)) == 1
    assert told(answer.headers) == MINE


def test_who_answers_with_this_request_is_not_asked(way: Way) -> None:
    """A choice that the view takes is an answer: the page that says so has no banner."""
    answer = visited(way, "/html-answered")
    assert answer.body == PAGE
    assert [is_token(cookie) for cookie in answer.set_cookies] == [True]


COMMON = "django.middleware.common.CommonMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"


def test_what_django_says_of_the_content_is_corrected(way: Way) -> None:
    """The length that Django counted is that of the page with the banner; its ETag is gone."""
    answer = visited(way, "/html", more=[CONDITIONAL, COMMON])
    assert with_one_banner(answer.body)
    assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]
    assert values(answer.headers, b"etag") == []
    answer = visited(way, "/html?Content-Length=97&X-Other=1&Last-Modified=never")
    assert values(answer.headers, b"content-length") == [
        b"%d" % (97 + len(answer.body) - len(PAGE))
    ]
    assert values(answer.headers, b"x-other") == [b"1"]
    assert values(answer.headers, b"last-modified") == []


def test_a_page_without_a_place_keeps_its_headers(way: Way) -> None:
    """A page that has no body of its own passes with its length and its ETag."""
    gate = ConsentGate(POLICY, secret_key=KEY, inject_banner=True)
    answer = visited(way, "/shown", gate=gate, more=[CONDITIONAL, COMMON])
    assert answer.body.startswith(b"False, ")
    assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]
    assert len(values(answer.headers, b"etag")) == 1


@pytest.mark.parametrize("more", [[CONDITIONAL], []], ids=["of the site", "of the view"])
def test_an_open_question_asks_django_anew(way: Way, more: list[str]) -> None:
    """Whoever opens a page and has not answered gets it whole; others may keep theirs."""
    tagged = visited(way, "/html-tagged", REFUSED, more=more)
    (tag,) = values(tagged.headers, b"etag")
    since = (b"if-modified-since", b"Wed, 25 Nov 2026 08:00:00 GMT")
    for said in (DOCUMENT, ACCEPTS):
        headers = [said, (b"if-none-match", tag), since]
        answer = visited(way, "/html-tagged", more=more, headers=headers)
        assert answer.status == 200
        assert with_one_banner(answer.body)
        assert visited(way, "/html-tagged", REFUSED, more=more, headers=headers).status == 304
    fetched = [(b"sec-fetch-dest", b"empty"), (b"if-none-match", tag)]
    assert visited(way, "/html-tagged", more=more, headers=fetched).status == 304


def test_head_omits_what_would_differ(way: Way) -> None:
    """The answer to HEAD says nothing of the content where the banner may be in it; else all."""
    location = "/html?Content-Length=97&ETag=a"
    for cookies, expected in (([], []), ([REFUSED], [b"97"])):
        answer = visited(way, location, *cookies, method="HEAD")
        assert values(answer.headers, b"content-length") == expected
        assert len(values(answer.headers, b"etag")) == len(cookies)


def test_an_error_page_gets_none(way: Way) -> None:
    """What Django answers for a view that fails, and for no view at all, is not asked in."""
    assert visited(way, "/crash").body == b"broken"
    assert visited(way, "/nowhere").body == b"not found"


def test_a_template_that_fails_costs_no_page(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Where the site's own template cannot be rendered the page is as it was; the log says why."""
    pages = Pages(templates=DictLoader({"banner.html": "{{ 1 / 0 }}"}))
    gate = ConsentGate(POLICY, secret_key=KEY, inject_banner=True, pages=pages)
    answer = visited(way, "/html?ETag=a&Content-Length=97", gate=gate)
    assert answer.body == PAGE
    assert values(answer.headers, b"etag") == [b"a"]
    assert values(answer.headers, b"content-length") == [b"97"]
    assert [r.levelname for r in caplog.records if "banner" in r.getMessage()] == ["ERROR"]


def test_a_gate_around_django_and_one_in_it_ask_once() -> None:
    """Behind a gate around the whole app the middleware leaves the banner to that one."""
    started: list[Any] = []
    with site(GATE):
        environ = RequestFactory().get("/html").environ
        gated: Any = GATE.wsgi(WSGIHandler())
        body = gated(environ, lambda *args: started.append(args))
        page = b"".join(body)
        body.close()
    assert with_one_banner(page)
    assert len(started) == 1


# The middleware around a view, in a test's own hands

View = Callable[[HttpRequest], Any]


def answered_by(view: View, gate: ConsentGate = GATE, **headers: str) -> Any:
    """Return what the middleware makes of a view's response."""
    return ConsentMiddleware(view, gate=gate)(RequestFactory().get("/", headers=headers))


def test_the_first_bytes_leave_with_the_tag() -> None:
    """A view's stream is asked for one chunk at a time; what is before the tag leaves with it."""
    asked: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for chunk in (START[:20], START[20:], b"one", b"two"):
            asked.append(chunk)
            yield chunk

    response = answered_by(lambda _: StreamingHttpResponse(chunks()))
    assert asked == []
    left = iter(response)
    assert (next(left), len(asked)) == (b"", 1)
    assert with_one_banner(next(left), START)
    assert len(asked) == 2
    assert (next(left), len(asked)) == (b"one", 3)
    assert (b"".join(left), len(asked)) == (b"two", 4)


def test_the_first_bytes_leave_with_the_tag_of_an_async_stream() -> None:
    """An async stream is asked for one chunk at a time, too."""
    asked: list[bytes] = []

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (START[:20], START[20:], b"one", b"two"):
            asked.append(chunk)
            yield chunk

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(chunks())

    async def talk() -> list[tuple[bytes, int]]:
        response = await answered_by(view)
        assert asked == []
        return [(chunk, len(asked)) async for chunk in response]

    held, first, *rest = asyncio.run(talk())
    assert (held, first[1]) == ((b"", 1), 2)
    assert with_one_banner(first[0], START)
    assert rest == [(b"one", 3), (b"two", 4), (b"", 4)]


@pytest.mark.parametrize("body", [b"<p>Hello", b"<!-- <body>", b"<html", b""])
def test_a_stream_without_a_place_passes(body: bytes) -> None:
    """A stream that never comes to a body of its own leaves whole."""
    response = answered_by(lambda _: StreamingHttpResponse([body[:3], body[3:]]))
    assert b"".join(response) == body


def test_a_stream_that_fails_fails() -> None:
    """What a view's stream raises reaches the server, and the stream is closed once."""
    closed: list[None] = []

    class Chunks:
        """A stream that fails."""

        def __iter__(self) -> Iterator[bytes]:
            yield b"<html>"
            raise BrokenPipeError

        def close(self) -> None:
            """Note that it is closed."""
            closed.append(None)

    response = answered_by(lambda _: StreamingHttpResponse(Chunks()))
    with pytest.raises(BrokenPipeError):
        list(response)
    response.close()
    assert len(closed) == 1


def test_a_file_is_closed() -> None:
    """A file in which the banner goes is not handed to the server as a file, and is closed."""
    file = BytesIO(PAGE)
    response = answered_by(lambda _: FileResponse(file, content_type="text/html"))
    assert response.file_to_stream is None
    assert with_one_banner(b"".join(response))
    response.close()
    assert file.closed


def test_a_streaming_view_that_asks_later_gets_one_banner() -> None:
    """A helper that is called after the start, and before the tag, is enough."""

    def view(request: HttpRequest) -> StreamingHttpResponse:
        def chunks() -> Iterator[bytes]:
            banner = consent_of(request).banner_html().encode()
            yield START
            yield banner + REST

        return StreamingHttpResponse(chunks())

    assert with_one_banner(b"".join(answered_by(view)))


def test_an_untouched_response_is_the_views_own() -> None:
    """Where nothing goes in, the stream is not wrapped, and the content is the same object."""
    plain = HttpResponse(PAGE, content_type="text/plain")
    content = plain.content
    assert answered_by(lambda _: plain) is plain
    assert plain.content == content
    stream: Any = StreamingHttpResponse(iter([PAGE]), content_type="text/plain")
    before = stream._iterator
    assert answered_by(lambda _: stream) is stream
    assert stream._iterator is before


def test_what_django_compressed_passes() -> None:
    """A page that Django compressed, further in, is not looked into."""
    long = PAGE + b"<p>Hello" * 100
    compressing = GZipMiddleware(lambda _: HttpResponse(long))
    response = answered_by(compressing, GATE, **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content) == long


def test_a_response_of_a_kind_of_its_own_passes() -> None:
    """A response that has neither content nor a stream is not looked into."""

    class Own(HttpResponseBase):
        """A response that a site made by itself."""

        streaming = True

        def __iter__(self) -> Iterator[bytes]:
            yield PAGE

    response = answered_by(lambda _: Own(headers={"ETag": "a"}))
    assert (list(response), response.headers["ETag"]) == ([PAGE], "a")


def test_a_withdrawal_still_narrows_what_the_view_reads() -> None:
    """Without the conditions, the request still loses what the visitor refuses on the way."""
    found: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        found.append((request.headers.get("If-None-Match"), request.META.get("HTTP_COOKIE")))
        consent_of(request).withdraw("statistics")
        found.append((request.headers.get("Cookie"), sorted(request.COOKIES)))
        return HttpResponse(PAGE)

    gate = ConsentGate(POLICY, secret_key=KEY, inject_banner=True, keep_unchanged=True)
    older = ConsentGate(Policy(POLICY.cookies, revision="older"), secret_key=KEY)
    cookies = f"_ga=1; sessionid=2; {token_pair(older, 'statistics').decode()}"
    headers = {"Cookie": cookies, "If-None-Match": '"a"', "Sec-Fetch-Dest": "document"}
    response = answered_by(view, gate, **headers)
    left = cookies.removeprefix("_ga=1; ")
    assert found == [(None, cookies), (left, ["cookies_preferences", "sessionid"])]
    assert response.content == PAGE


# The gate's own pages


@pytest.mark.parametrize("path", ["/cookies", "/cookies/", "/cookies/preferences"])
@pytest.mark.parametrize("gate", [GATE, ConsentGate(POLICY, secret_key=KEY)], ids=["in", "not"])
def test_the_pages_are_there(way: Way, path: str, gate: ConsentGate) -> None:
    """The middleware alone serves charter and preferences, without a banner in them."""
    answer = visited(way, path, gate=gate)
    assert answer.status == 200
    assert b"consentgate-page" in answer.body
    assert banners(answer.body) == []
    assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]
    assert values(answer.headers, b"cache-control") == [b"no-store"]
    assert answer.set_cookies == []


@pytest.mark.parametrize("path", ["/cookies/nothing", "/cookiesmore", "/other/cookies"])
def test_other_paths_are_the_sites(way: Way, path: str) -> None:
    """A path that is none of a page goes on to Django."""
    assert visited(way, path).body == b"not found"


def test_without_pages_there_are_none(way: Way) -> None:
    """A gate without pages leaves their paths to the site."""
    gate = ConsentGate(POLICY, secret_key=KEY, pages=None)
    assert visited(way, "/cookies", gate=gate).body == b"not found"


@pytest.mark.conformance("P1", "P2")
@pytest.mark.parametrize(
    ("answer", "granted"), [("accept", True), ("refuse", False)], ids=["accept", "refuse"]
)
def test_a_form_is_taken(way: Way, answer: str, granted: bool) -> None:
    """The banner's form, sent to the middleware alone, records the choice and leads back."""
    body = f"answer={answer}&back=/html".encode()
    found = visited(way, "/cookies/choice", method="POST", headers=[*OWN, FORM], body=body)
    assert (found.status, values(found.headers, b"location")) == (303, [b"/html"])
    (cookie,) = bare(found.set_cookies)
    token = cookie.partition(b";")[0]
    assert is_token(cookie)
    answered = visited(way, "/html", token)
    assert answered.body == PAGE
    assert (b"_ga" in {name.strip() for name in answered.names}) is granted


@pytest.mark.conformance("P8")
def test_json_is_taken(way: Way) -> None:
    """A script's answer in JSON is taken by the middleware alone, and told back."""
    body = json.dumps({"answer": "save", "allow": {"statistics": True}}).encode()
    headers = [*OWN, (b"content-type", b"application/json")]
    found = visited(way, "/cookies/choice.json", method="POST", headers=headers, body=body)
    state = json.loads(found.body)
    assert (found.status, state["answered"]) == (200, True)
    assert state["choice"]["granted"] == ["statistics"]
    assert [is_token(cookie) for cookie in found.set_cookies] == [True]


@pytest.mark.conformance("P1")
@pytest.mark.parametrize(
    ("varied", "status"),
    [
        ({"headers": [(b"sec-fetch-site", b"cross-site"), FORM], "body": b"answer=accept"}, 403),
        ({"headers": [FORM], "body": b"answer=accept"}, 403),
        ({"headers": [*OWN, FORM], "body": b"answer=perhaps"}, 400),
        ({"headers": [*OWN, FORM], "body": b"back=/"}, 400),
        ({"headers": [*OWN, FORM], "body": b"answer=accept&back=" + b"x" * 16384}, 413),
        ({"headers": [*OWN, (b"content-type", b"text/plain")], "body": b"answer=accept"}, 415),
        ({"method": "GET"}, 405),
        ({"method": "PUT", "headers": OWN}, 405),
    ],
    ids=["foreign", "unknown", "odd", "empty", "long", "plain", "got", "put"],
)
def test_what_is_no_answer_changes_nothing(way: Way, varied: dict[str, Any], status: int) -> None:
    """What does not come from the site, or says nothing, is refused, and no cookie is set."""
    found = visited(way, "/cookies/choice", **{"method": "POST", **varied})
    assert (found.status, found.set_cookies) == (status, [])


def test_the_longest_body_is_read(way: Way) -> None:
    """A body of 16 KiB is an answer as any, one of a byte more is none."""
    start = b"answer=accept&back=/"
    for size, status in ((16384, 303), (16385, 413)):
        body = start + b"x" * (size - len(start))
        found = visited(way, "/cookies/choice", method="POST", headers=[*OWN, FORM], body=body)
        assert found.status == status


def test_a_body_that_does_not_come_is_no_answer() -> None:
    """Where the visitor has gone on the way, what came is refused and nothing is recorded."""

    class Gone(WSGIRequest):
        """A request whose body cannot be read."""

        def read(self, *args: Any, **kwargs: Any) -> bytes:
            """Fail as Django does."""
            raise UnreadablePostError

    environ = RequestFactory().post("/cookies/choice", HTTP_SEC_FETCH_SITE="same-origin").environ
    response: Any = ConsentMiddleware(lambda _: HttpResponse(), gate=GATE)(Gone(environ))
    assert response.status_code == 413
    assert not response.cookies


def test_a_body_that_is_cut_is_no_answer() -> None:
    """Of a body that is shorter than its length says, what is missing may have been a refusal."""
    form = {"answer": "save", "allow-statistics": "yes"}
    request = RequestFactory().post("/cookies/choice", form, HTTP_SEC_FETCH_SITE="same-origin")
    request.META["CONTENT_LENGTH"] = str(int(request.META["CONTENT_LENGTH"]) + 40)
    response: Any = ConsentMiddleware(lambda _: HttpResponse(), gate=GATE)(request)
    assert response.status_code == 413
    assert not response.cookies


def test_head_has_no_content(way: Way) -> None:
    """HEAD of a page says what GET says, without the content."""
    got, head = (visited(way, "/cookies", method=method) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert values(head.headers, b"content-length") in ([b"%d" % len(got.body)], [])


def test_a_mounted_site_has_its_pages_below() -> None:
    """Where Django is mounted below a path, the pages are below it, and so are their links."""
    request = RequestFactory().get("/cookies", SCRIPT_NAME="/portal")
    response: Any = ConsentMiddleware(lambda _: HttpResponse(), gate=GATE)(request)
    assert response.status_code == 200
    assert b'action="/portal/cookies/choice"' in response.content


def test_no_view_is_asked_for_a_page() -> None:
    """A request for one of the pages goes no further than to the middleware, sync or async."""

    def view(request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)

    async def async_view(request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)

    request = RequestFactory().get("/cookies")
    response: Any = ConsentMiddleware(view, gate=GATE)(request)
    assert response.status_code == 200
    later: Any = ConsentMiddleware(async_view, gate=GATE)(RequestFactory().get("/cookies"))
    assert asyncio.run(later).status_code == 200


# The handle


def test_a_request_without_a_gate_has_no_consent() -> None:
    """Without the middleware, and without a gate around, asking says what is missing."""
    request = RequestFactory().get("/")
    shown: Any = context(request)["consent"]  # A template may do without.
    with pytest.raises(ConsentGateError, match="ConsentMiddleware"):
        consent(request)
    with pytest.raises(ConsentGateError, match="ConsentMiddleware"):
        shown.allows("statistics")


@pytest.mark.parametrize("way_name", ["wsgi", "asgi"])
def test_the_handle_is_that_of_the_gate_around(way_name: str) -> None:
    """Behind a gate around Django, without the middleware, the handle is found all the same."""
    visit = Visit([GRANTED])
    found: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        found.append(consent(request).allows("statistics"))
        assert context(request) == {"consent": consent(request)}
        return HttpResponse()

    if way_name == "wsgi":

        def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
            view(WSGIRequest(environ))
            start_response("200 OK", [])
            return []

        run_around_wsgi(wsgi_app, visit)
    else:

        async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
            view(ASGIRequest(scope, BytesIO()))

        run_around_asgi(asgi_app, visit)
    assert found == [True]


def run_around_wsgi(app: Any, visit: Visit) -> None:
    """Visit an app behind the gate."""
    behind_wsgi(GATE, app)(wsgi_environ(visit), lambda *_: None)


def run_around_asgi(app: Any, visit: Visit) -> None:
    """Visit an app behind the gate."""
    asyncio.run(behind(GATE, app)(asgi_scope(visit), None, None))
