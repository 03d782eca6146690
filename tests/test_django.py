"""The gate as Django's middleware: settings, views, cookies, handlers and clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from http.cookies import Morsel
from typing import Any, cast

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory

import consentgate.asgi
import consentgate.wsgi
from adapters import KEY, Answer, Visit
from consentgate import (
    Consent,
    ConsentGate,
    ConsentGateError,
    Cookie,
    Event,
    Policy,
    Reason,
    Request,
)
from consentgate.frameworks.django import ConsentMiddleware, configured_gate
from django_setup import (
    ALL_REFUSED,
    GATE,
    GATED,
    MARKETING,
    PAST,
    POLICY,
    SESSION,
    STATISTICS,
    STATISTICS_GRANTED,
    UNDECLARED,
    WAYS,
    Way,
    bare,
    by_asgi,
    by_client,
    by_wsgi,
    consent_of,
    fetch,
    is_token,
    run_asgi,
    run_wsgi,
    site,
    tracked,
)

# Django serves a synchronous stream over ASGI, and an asynchronous one over WSGI, and warns.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Return one way to the site: each test that asks for it runs over all four."""
    return WAYS[request.param]


# K: what leaves


@pytest.mark.conformance("K1", "K3")
@pytest.mark.parametrize("location", ["/", "/async"])
def test_only_necessary_cookies_leave_without_a_choice(way: Way, location: str) -> None:
    """Without a choice, a view's necessary cookie leaves and every other one is stripped."""
    answer = fetch(way, location)
    assert bare(answer.set_cookies) == [SESSION]
    assert answer.body == b"False False"


@pytest.mark.conformance("K1", "S10")
@pytest.mark.parametrize(
    ("location", "status"),
    [
        ("/?status=204", 204),
        ("/leave", 302),
        ("/?status=304", 304),
        ("/?status=403", 403),
        ("/unknown", 404),
        ("/crash", 500),
        ("/?status=503", 503),
    ],
)
def test_every_status_is_filtered(way: Way, location: str, status: int) -> None:
    """Redirects, error pages, the 404 and the 500 handler cannot set what was not allowed."""
    answer = fetch(way, location)
    assert answer.status == status
    assert bare(answer.set_cookies) == [SESSION]


@pytest.mark.conformance("K1")
def test_head_is_filtered(way: Way) -> None:
    """An answer to HEAD carries the necessary cookies only."""
    assert bare(fetch(way, "/", method="HEAD").set_cookies) == [SESSION]


@pytest.mark.conformance("K1")
def test_no_header_at_all_is_left_where_nothing_may_leave(way: Way) -> None:
    """A response whose one cookie is stripped has no Set-Cookie header."""
    assert fetch(way, "/header?cookie=_ga=1").set_cookies == []


@pytest.mark.conformance("K2")
def test_granted_categories_pass(way: Way) -> None:
    """With a token, the cookies of its categories leave, in the view's order, and no others."""
    answer = fetch(way, "/", STATISTICS_GRANTED)
    assert bare(answer.set_cookies) == [STATISTICS, SESSION]
    assert answer.body == b"True True"


@pytest.mark.conformance("K16")
def test_refused_is_an_answer(way: Way) -> None:
    """A visitor who refused has answered, and gets the necessary cookies only."""
    answer = fetch(way, "/", ALL_REFUSED)
    assert bare(answer.set_cookies) == [SESSION]
    assert answer.body == b"False True"


@pytest.mark.conformance("K4")
@pytest.mark.parametrize(
    "token", [b"yes", b"true", STATISTICS_GRANTED[20:-1], b"\xff\xfe", b"%7B%7D", b"x" * 5000]
)
def test_a_bad_token_is_no_choice(token: bytes) -> None:
    """A forged, truncated or senseless token counts as no choice at all, over both handlers."""
    for way in (by_wsgi, by_asgi):
        answer = fetch(way, "/", b"cookies_preferences=" + token)
        assert (answer.status, answer.body) == (200, b"False False")
        assert bare(answer.set_cookies) == [SESSION]


@pytest.mark.conformance("K6")
@pytest.mark.parametrize("location", ["/grant", "/async-grant"])
def test_a_grant_in_a_view_holds_in_the_same_response(way: Way, location: str) -> None:
    """A grant flips at once, and its response has the consent cookie first, then what it allows."""
    answer = fetch(way, location)
    consent_cookie, *others = bare(answer.set_cookies)
    assert answer.body == b"False True"
    assert is_token(consent_cookie)
    assert others == [STATISTICS, SESSION]


@pytest.mark.conformance("K6", "K15")
@pytest.mark.parametrize("https", [False, True])
def test_the_consent_cookie_is_the_one_the_gate_writes(way: Way, https: bool) -> None:
    """Django sends the consent cookie with each attribute that the gate gives it, and holds it."""
    answer = fetch(way, "/grant", https=https)
    pair, *attributes = bare(answer.set_cookies)[0].split(b"; ")
    expected = GATE.set_cookie_for(GATE.choice(["statistics"]), secure=https).encode()
    assert sorted(attributes) == sorted(expected.split(b"; ")[1:])
    assert (b"Secure" in attributes) is https
    assert fetch(way, "/", pair).body == b"True True"


@pytest.mark.conformance("K7")
def test_a_grant_that_is_held_is_not_sent_again(way: Way) -> None:
    """Granting what the visitor's token grants already sends no consent cookie."""
    answer = fetch(way, "/grant", STATISTICS_GRANTED)
    assert bare(answer.set_cookies) == [STATISTICS, SESSION]


@pytest.mark.conformance("K8")
@pytest.mark.parametrize("way", [by_client, by_wsgi, by_asgi])
def test_a_grant_in_a_running_stream_says_it_is_too_late(way: Way) -> None:
    """A grant out of a stream that is being sent raises, sends nothing, and the body completes."""
    answer = fetch(way, "/late")
    assert answer.body == b"start too late end"
    assert bare(answer.set_cookies) == [SESSION]


@pytest.mark.conformance("K9")
def test_a_withdrawal_strips_in_its_own_response(way: Way) -> None:
    """A withdrawal's response records the refusal and strips what was allowed until then."""
    consent_cookie, *others = bare(fetch(way, "/withdraw", STATISTICS_GRANTED).set_cookies)
    assert is_token(consent_cookie)
    assert others == [SESSION]
    assert fetch(way, "/", consent_cookie.partition(b";")[0]).body == b"False True"


@pytest.mark.conformance("K10")
def test_a_withdrawal_without_a_choice_records_the_refusal(way: Way) -> None:
    """A withdrawal by a visitor who never chose sends the refusal and the necessary cookies."""
    consent_cookie, *others = bare(fetch(way, "/withdraw").set_cookies)
    assert is_token(consent_cookie)
    assert others == [SESSION]


@pytest.mark.conformance("K11")
def test_deletions_pass_without_their_value(way: Way) -> None:
    """Deletions of cookies that are not allowed pass with all attributes and an emptied value."""
    answer = fetch(way, "/forget")
    expires = PAST.encode()
    assert bare(answer.set_cookies) == [
        b'_ga=""; expires=' + expires + b"; Max-Age=0; Path=/",
        b"_ga_X=; Domain=example.com; expires=" + expires + b"; Max-Age=-1; Path=/x; Secure",
    ]


@pytest.mark.conformance("K11")
def test_a_deletion_in_a_plain_header_passes_without_its_value(way: Way) -> None:
    """A Set-Cookie header that deletes keeps its attributes and loses its value."""
    answer = fetch(way, "/header?cookie=ad_id=me%3B%20Max-Age=0%3B%20Path=/x")
    assert bare(answer.set_cookies) == [b"ad_id=; Max-Age=0; Path=/x"]


@pytest.mark.conformance("K12")
def test_a_view_cannot_write_the_consent_cookie(way: Way) -> None:
    """A consent cookie that a view sets itself is stripped, as a cookie and as a header."""
    assert fetch(way, "/forge").set_cookies == []


@pytest.mark.conformance("K15", "S11")
def test_allowed_cookies_keep_every_attribute(way: Way) -> None:
    """An allowed cookie leaves byte for byte as without the gate, whatever attributes it has."""
    with site(middleware=[]):
        alone = way(Visit(path="/adorned")).set_cookies
    assert len(alone) == 2
    for attribute in (b"SameSite=Strict", b"Secure", b"HttpOnly", b"Max-Age=3600", b"Comment=kept"):
        assert attribute in alone[1]
    assert fetch(way, "/adorned", STATISTICS_GRANTED).set_cookies == alone
    assert fetch(way, "/adorned").set_cookies == alone[:1]


@pytest.mark.conformance("K17")
def test_the_predicate_decides_on_method_path_and_headers(way: Way) -> None:
    """The needs_consent predicate is asked once per request, with method, path and headers."""
    seen: list[Request] = []

    def needs_consent(request: Request) -> bool:
        seen.append(request)
        return request.headers.get("x-intranet") is None

    gate = ConsentGate(POLICY, secret_key=KEY, needs_consent=needs_consent)
    asked = fetch(way, "/grant", gate=gate, method="PUT")
    free = fetch(way, "/?a=b", gate=gate, headers=[(b"X-Intranet", b"1")])
    assert [(request.method, request.path) for request in seen] == [("PUT", "/grant"), ("GET", "/")]
    assert len(asked.set_cookies) == 3
    assert bare(free.set_cookies) == [STATISTICS, SESSION, MARKETING, UNDECLARED]
    assert free.body == b"True False"


@pytest.mark.conformance("K17")
def test_a_predicate_that_fails_means_consent_is_needed(way: Way) -> None:
    """A predicate that raises leaves the gate closed and the response whole."""

    def broken(_: Request) -> bool:
        raise ValueError("broken")

    gate = ConsentGate(POLICY, secret_key=KEY, needs_consent=broken)
    answer = fetch(way, "/", gate=gate)
    assert (answer.status, bare(answer.set_cookies)) == (200, [SESSION])


@pytest.mark.conformance("K18")
def test_requests_at_once_do_not_see_each_other() -> None:
    """Requests that run at the same time in one process each get what their own visitor allows."""

    async def visit(token: bytes) -> bytes:
        client = AsyncClient()
        client.cookies.load(token.decode())
        response: Any = await client.get("/async")
        return cast("bytes", response.content)

    async def talk() -> list[bytes]:
        tokens = [STATISTICS_GRANTED, ALL_REFUSED] * 8
        return list(await asyncio.gather(*map(visit, tokens)))

    with site():
        assert asyncio.run(talk()) == [b"True True", b"False True"] * 8


def test_report_only_strips_nothing_and_tells(way: Way) -> None:
    """Under report_only every cookie leaves as it is, and the observer hears what would not."""
    events: list[Event] = []
    gate = ConsentGate(POLICY, secret_key=KEY, report_only=True, observer=events.append)
    answer = fetch(way, "/", gate=gate)
    assert bare(answer.set_cookies) == [STATISTICS, SESSION, MARKETING, UNDECLARED]
    assert [(event.name, event.reason, event.enforced) for event in events] == [
        ("_ga", Reason.UNANSWERED, False),
        ("ad_id", Reason.UNANSWERED, False),
        ("surprise", Reason.UNDECLARED, False),
    ]


def test_report_only_leaves_a_deletion_its_value(way: Way) -> None:
    """Under report_only a deletion keeps the value it carries."""
    gate = ConsentGate(POLICY, secret_key=KEY, report_only=True)
    assert b"_ga_X=tracks-you" in b" ".join(fetch(way, "/forget", gate=gate).set_cookies)


@pytest.mark.conformance("K3")
def test_the_observer_hears_of_each_stripped_cookie(way: Way) -> None:
    """The observer is told name, category, path and reason of every stripped cookie, once."""
    events: list[Event] = []
    gate = ConsentGate(POLICY, secret_key=KEY, observer=events.append)
    fetch(way, "/leave", ALL_REFUSED, gate=gate)
    assert events == [
        Event("stripped", "_ga", "statistics", "/leave", Reason.REFUSED),
        Event("stripped", "ad_id", "marketing", "/leave", Reason.REFUSED),
        Event("stripped", "surprise", None, "/leave", Reason.UNDECLARED),
    ]


# Headers beside the cookies


def test_a_plain_header_is_judged_as_a_cookie(way: Way) -> None:
    """A Set-Cookie header that a view writes passes as it is where its category is granted."""
    location = "/header?cookie=_ga=%221%22%3B%20path=/"
    assert bare(fetch(way, location, STATISTICS_GRANTED).set_cookies) == [b'_ga="1"; path=/']
    assert fetch(way, location, ALL_REFUSED).set_cookies == []


def test_other_headers_stay(way: Way) -> None:
    """A header that is no cookie leaves as it was, whatever happens to the cookies beside it."""
    answer = fetch(way, "/header?cookie=_ga=1")
    assert (b"X-Other", b"kept") in answer.headers
    assert answer.body == b""


@pytest.mark.conformance("S1", "S7")
def test_nothing_is_smuggled_out(way: Way) -> None:
    """Neither a header's name nor a line end in an attribute carries a cookie out."""
    answer = fetch(way, "/smuggle", STATISTICS_GRANTED)
    assert answer.status == 200
    assert not [header for header in answer.headers if b"evil" in b"".join(header)]


@pytest.mark.conformance("S1")
def test_nothing_is_smuggled_out_where_no_consent_is_needed() -> None:
    """Where the gate stands open, a line end in an attribute carries nothing out either."""
    gate = ConsentGate(POLICY, secret_key=KEY, needs_consent=lambda _: False)
    answer = fetch(by_client, "/smuggle", gate=gate)
    assert not [header for header in answer.headers if b"evil" in b"".join(header)]


@pytest.mark.conformance("S1")
def test_the_reason_phrase_cannot_carry_a_cookie() -> None:
    """A line end in the reason of a response cuts it there."""
    response = HttpResponse(reason="Fine\r\nSet-Cookie: evil=1")
    ConsentMiddleware(lambda _: response, gate=GATE)(RequestFactory().get("/"))
    assert (response.status_code, response.reason_phrase) == (200, "Fine")


@pytest.mark.conformance("K11")
def test_a_deletion_by_a_recent_date_is_one_by_any_clock() -> None:
    """An Expires that Chromium might move into the future by Date leaves with Max-Age=0."""
    response = HttpResponse()
    response.cookies["_ga"] = "x"
    response.cookies["_ga"]["expires"] = "Thu, 01 Feb 2024 00:00:00 GMT"
    ConsentMiddleware(lambda _: response, gate=GATE)(RequestFactory().get("/"))
    (morsel,) = response.cookies.values()
    assert morsel.OutputString() == "_ga=; expires=Thu, 01 Feb 2024 00:00:00 GMT; Max-Age=0"


@pytest.mark.conformance("K14")
def test_a_wrong_gate_is_said_at_once() -> None:
    """The middleware built with something else as its gate fails at construction."""
    wrong: Any = "gate"
    with pytest.raises(ConsentGateError, match="a ConsentGate is needed, not 'gate'"):
        ConsentMiddleware(lambda _: HttpResponse(), gate=wrong)


@pytest.mark.conformance("K11")
def test_a_deletion_keeps_its_name_whatever_its_key() -> None:
    """A deletion that a view keeps under a key of its own deletes the cookie that it names."""
    morsel: Morsel[str] = Morsel()
    morsel.set("_ga", "tracks-you", "tracks-you")
    morsel["max-age"] = 0
    response = HttpResponse()
    response.cookies["mine"] = morsel
    ConsentMiddleware(lambda _: response, gate=GATE)(RequestFactory().get("/"))
    assert [kept.OutputString() for kept in response.cookies.values()] == ["_ga=; Max-Age=0"]


@pytest.mark.parametrize(
    "name",
    [
        "choice",
        "a~b",
    ],
)
@pytest.mark.conformance("K6")
def test_the_consent_cookie_is_sent_whatever_its_name(name: str) -> None:
    """A grant is recorded under each name that a gate takes for the consent cookie."""
    gate = ConsentGate(POLICY, secret_key=KEY, cookie_name=name)
    first, *others = fetch(by_client, "/grant", gate=gate).set_cookies
    assert first.startswith(name.encode() + b"=")
    assert others == [STATISTICS, SESSION]


# Streams


@pytest.mark.parametrize("location", ["/stream", "/async-stream"])
def test_streams_are_filtered_and_sent_whole(way: Way, location: str) -> None:
    """A streaming response loses its cookies that are not allowed and nothing of its body."""
    answer = fetch(way, location)
    assert answer.body == b"one two three"
    assert bare(answer.set_cookies) == [SESSION]


def test_a_stream_is_not_read_by_the_middleware() -> None:
    """The middleware hands on the response object of the view, its stream not yet begun."""
    begun: list[bool] = []

    def chunks() -> Iterator[bytes]:
        begun.append(True)
        yield b"chunk"

    response = tracked(StreamingHttpResponse(chunks()))
    answered = ConsentMiddleware(lambda _: response, gate=GATE)(RequestFactory().get("/"))
    assert answered is response
    assert list(response.cookies) == ["sessionid"]
    assert begun == []


# What Django itself sets

CONTRIB = (
    GATED,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)


@pytest.mark.conformance("K1")
def test_sessions_and_csrf_work_without_consent(way: Way) -> None:
    """Django's own session and CSRF cookies leave, its undeclared message cookie does not."""
    with site(middleware=CONTRIB):
        first = way(Visit(path="/session"))
    pairs = [cookie.partition(b";")[0] for cookie in bare(first.set_cookies)]
    assert sorted(pair.partition(b"=")[0] for pair in pairs) == [b"csrftoken", b"sessionid"]


def test_a_visitor_keeps_session_and_token() -> None:
    """What leaves is enough for Django to know its visitor again and to take a form of theirs."""
    with site(middleware=CONTRIB):
        client = Client(enforce_csrf_checks=True)
        token = client.get("/session").content.decode()
        assert client.session["basket"] == ["ticket"]
        form = {"language": "fr", "next": "/", "csrfmiddlewaretoken": token}
        response = client.post("/language", form)
        assert client.post("/language", {"language": "fr"}).status_code == 403
    assert response.status_code == 302
    assert client.cookies["django_language"].value == "fr"
    assert "messages" not in client.cookies


def test_the_message_cookie_passes_once_it_is_declared(way: Way) -> None:
    """Django's cookie for messages leaves where the site declares it."""
    declared = Policy([*POLICY.cookies, Cookie(CookieStorage.cookie_name, exemption="interface")])
    gate = ConsentGate(declared, secret_key=KEY)
    with site(gate, CONTRIB):
        names = [
            cookie.strip().partition(b"=")[0] for cookie in way(Visit(path="/session")).set_cookies
        ]
    assert sorted(names) == [b"csrftoken", b"messages", b"sessionid"]


# K19: two gates around one app


Wrap = Callable[[Visit, int], Answer]


def wsgi_twice(visit: Visit, gates: int) -> Answer:
    """Visit over WSGI with so many gates around the Django app, and the middleware in it."""
    app: Any = WSGIHandler()
    for _ in range(gates):
        app = GATE.wsgi(app)
    return run_wsgi(app, visit)


def asgi_twice(visit: Visit, gates: int) -> Answer:
    """Visit over ASGI with so many gates around the Django app, and the middleware in it."""
    app: Any = ASGIHandler()
    for _ in range(gates):
        app = GATE.asgi(app)
    return run_asgi(app, visit)


@pytest.mark.conformance("K19")
@pytest.mark.parametrize("wrap", [wsgi_twice, asgi_twice])
@pytest.mark.parametrize("token", [None, STATISTICS_GRANTED, ALL_REFUSED])
@pytest.mark.parametrize("location", ["/", "/grant", "/withdraw", "/forge", "/forget", "/crash"])
@pytest.mark.parametrize("gates", [1, 2])
def test_a_gate_around_django_and_one_in_it_are_one(
    wrap: Wrap, token: bytes | None, location: str, gates: int
) -> None:
    """A gate around the app and the middleware in it give the middleware's result, as one."""
    visit = Visit([token] if token else [], path=location)
    with site():
        once, more = wrap(visit, 0), wrap(visit, gates)
    assert (more.status, more.body) == (once.status, once.body)
    mine, theirs = bare(more.set_cookies), bare(once.set_cookies)
    assert [c for c in mine if not is_token(c)] == [c for c in theirs if not is_token(c)]
    assert [is_token(c) for c in mine] == [is_token(c) for c in theirs]


@pytest.mark.conformance("K19")
def test_the_middleware_listed_twice_counts_once(way: Way) -> None:
    """The middleware that stands in MIDDLEWARE twice gives one consent cookie."""
    with site(middleware=[GATED, GATED]):
        answer = way(Visit(path="/grant"))
    first, *others = bare(answer.set_cookies)
    assert is_token(first)
    assert others == [STATISTICS, SESSION]


@pytest.mark.conformance("K19", "S12")
@pytest.mark.parametrize(
    "lines",
    [
        [b"a=1; "],
        [b""],
        [b"a=1", b"b=2"],
        [b"a=1", ALL_REFUSED],
    ],
)
def test_a_gate_around_django_reads_the_same_cookie_lines(lines: list[bytes]) -> None:
    """A gate around an ASGI app and the middleware in it are one however cookies are sent."""
    with site():
        answer = asgi_twice(Visit(lines, path="/grant"), 1)
    first, *others = answer.set_cookies
    assert is_token(first)
    assert others == [STATISTICS, SESSION]


@pytest.mark.conformance("S12")
def test_a_choice_in_a_second_cookie_line_is_read() -> None:
    """Over ASGI a choice is found in whichever of several Cookie lines it comes (HTTP/2)."""
    assert fetch(by_asgi, "/", b"a=1", STATISTICS_GRANTED).body == b"True True"


OUTSIDE = "test_django.cookie_from_outside"


def cookie_from_outside(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Set a statistics cookie on every response: a middleware, as an analytics package has one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.set_cookie("_ga", "from outside")
        return response

    return middleware


@pytest.mark.conformance("K1")
def test_only_what_stands_inside_is_gated() -> None:
    """A middleware listed before the gate escapes it; after it, or with a gate around, not."""
    with site(middleware=[OUTSIDE, GATED]):
        escaped = wsgi_twice(Visit(path="/"), 0)
        around = wsgi_twice(Visit(path="/"), 1)
    with site(middleware=[GATED, OUTSIDE]):
        inside = wsgi_twice(Visit(path="/"), 0)
    assert len(escaped.set_cookies) == 2
    assert bare(around.set_cookies) == bare(inside.set_cookies) == [SESSION]


# The handle, and the middleware as a part


def test_every_way_to_the_handle_gives_the_same_one() -> None:
    """`request.consent` is the handle that the environ holds, and a gate around gives it too."""
    seen: list[object] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.extend((consent_of(request), consentgate.wsgi.consent(request.META)))
        return HttpResponse()

    middleware = ConsentMiddleware(view, gate=GATE)
    middleware(RequestFactory().get("/"))
    handle, same = seen
    assert isinstance(handle, Consent)
    assert handle is same


def test_the_handle_of_a_gate_around_is_the_request_s() -> None:
    """Behind `gate.asgi(app)` the middleware puts the outer gate's own handle on the request."""
    seen: list[object] = []

    async def view(request: HttpRequest) -> HttpResponse:
        seen.append(consent_of(request))
        return HttpResponse()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(consentgate.asgi.consent(scope))
        request = AsyncRequestFactory().request(**scope)
        await ConsentMiddleware(view, gate=GATE)(request)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    run_asgi(GATE.asgi(app), Visit())
    assert seen[0] is seen[1]


def test_a_template_can_ask() -> None:
    """A Django template reads the handle from the request, by attribute and by key."""
    with site():
        text = by_client(Visit([STATISTICS_GRANTED], path="/shown")).body.decode()
    assert text.startswith("True, &lt;Consent answered=True, choice=Choice(")


def test_a_request_that_is_used_again_starts_anew() -> None:
    """The grant of a finished request does not hold when its request object is used again."""
    answers: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        answers.append(consent_of(request).answered)
        consent_of(request).grant("statistics")
        return HttpResponse()

    middleware = ConsentMiddleware(view, gate=GATE)
    request = RequestFactory().get("/")
    responses = [middleware(request), middleware(request)]
    assert answers == [False, False]
    assert [list(response.cookies) for response in responses] == [["cookies_preferences"]] * 2


def test_the_middleware_is_as_asynchronous_as_what_it_wraps() -> None:
    """Around a coroutine function it is one for Django, around a plain function it is not."""

    async def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(ConsentMiddleware(view, gate=GATE))
    assert not iscoroutinefunction(ConsentMiddleware(lambda _: HttpResponse(), gate=GATE))
    assert ConsentMiddleware.sync_capable
    assert ConsentMiddleware.async_capable


@pytest.mark.conformance("A5")
def test_an_exception_passes() -> None:
    """What a wrapped part raises passes through, in both worlds."""

    async def fails_async(_: HttpRequest) -> HttpResponse:
        raise RuntimeError("broken")

    def fails(_: HttpRequest) -> HttpResponse:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        ConsentMiddleware(fails, gate=GATE)(RequestFactory().get("/"))
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(ConsentMiddleware(fails_async, gate=GATE)(AsyncRequestFactory().get("/")))


# Settings


@pytest.mark.parametrize("setting", [GATE, "django_setup.GATE"])
def test_the_setting_is_a_gate_or_the_path_to_one(setting: object) -> None:
    """`settings.CONSENTGATE` is taken as a ConsentGate itself or as the dotted path of one."""
    with site(setting):
        assert configured_gate() is GATE
        assert bare(by_client(Visit()).set_cookies) == [SESSION]


def test_a_gate_that_is_given_needs_no_setting() -> None:
    """The middleware built with `gate=` does not look at the settings."""
    with site("no.such.gate"):
        middleware = ConsentMiddleware(lambda _: tracked(HttpResponse()), gate=GATE)
        response = middleware(RequestFactory().get("/"))
    assert list(response.cookies) == ["sessionid"]


@pytest.mark.parametrize(
    "setting",
    [
        None,
        "",
        "gate",
        "no_such_module.gate",
        "django_setup.no_such_gate",
        42,
        POLICY,
        ConsentGate,
        [GATE],
        ".gate",
        "..gate",
    ],
    ids=repr,
)
def test_a_wrong_setting_says_how_to_mend_it(setting: object) -> None:
    """A setting that is no gate and leads to none fails at start, and says which it is."""
    with site(setting), pytest.raises(ConsentGateError, match=r"settings\.CONSENTGATE") as raised:
        WSGIHandler()
    assert repr(setting) in str(raised.value)


@pytest.mark.parametrize("setting", ["django_setup.NOT_A_GATE", "django_setup.ConsentGate"])
def test_a_path_to_something_else_says_what_it_found(setting: str) -> None:
    """A path that leads to something that is no gate fails at start, with what stands there."""
    with site(setting), pytest.raises(ConsentGateError) as raised:
        WSGIHandler()
    assert "settings.CONSENTGATE" in str(raised.value)
    assert "set it to a ConsentGate, or to the path of one" in str(raised.value)


def test_a_missing_setting_says_how_to_mend_it() -> None:
    """Without `settings.CONSENTGATE` the middleware fails at start, and says what to set."""
    with site():
        del settings.CONSENTGATE
        with pytest.raises(
            ConsentGateError, match=r"settings\.CONSENTGATE .*'mysite\.cookies\.gate'"
        ):
            Client().get("/")
