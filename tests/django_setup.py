"""A Django site of one module, with views that set cookies of every kind, and four ways to it.

Django is configured once per process, by DJANGO_SETTINGS_MODULE: what this site
needs stands on top of those settings, while `site()` is entered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from http.cookies import Morsel
from io import BytesIO
from typing import Any, cast

import django
from asgiref.testing import ApplicationCommunicator
from django.contrib import messages
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.template import Context, Engine
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views.decorators.http import condition
from django.views.i18n import set_language

from adapters import KEY, Answer, Visit, asgi_scope, token_pair, wsgi_environ
from consentgate import Consent, ConsentGate, Cookie, Policy, ResponseStartedError
from inserting import PAGE

django.setup()

GATED = "consentgate.frameworks.django.ConsentMiddleware"
POLICY = Policy(
    [
        Cookie("sessionid", exemption="authentication"),
        Cookie("csrftoken", exemption="security"),
        Cookie("django_language", exemption="interface"),
        Cookie("_ga*", "statistics"),
        Cookie("ad_id", "marketing"),
    ]
)
GATE = ConsentGate(POLICY, secret_key=KEY)
NOT_A_GATE = "a text"  # what a wrong path may lead to

# What `tracked` puts on a response, as Django writes it.
SESSION = b"sessionid=abc; HttpOnly; Path=/; SameSite=Lax"
STATISTICS = b"_ga=GA1.2; Path=/"
MARKETING = b"ad_id=7; Path=/"
UNDECLARED = b"surprise=1; Path=/"

PAGE_CHUNKS = (PAGE[:20], PAGE[20:-20], PAGE[-20:])

Response = HttpResponseBase


# The site: views that set cookies of every kind.


def tracked(response: Response) -> Response:
    """Set a necessary, a statistics, a marketing and an undeclared cookie."""
    response.set_cookie("_ga", "GA1.2")
    response.set_cookie("sessionid", "abc", httponly=True, samesite="Lax")
    response.set_cookie("ad_id", "7")
    response.set_cookie("surprise", "1")
    return response


def consent_of(request: HttpRequest) -> Consent:
    """Return what the middleware put on the request."""
    return cast("Consent", request.consent)  # type: ignore[attr-defined]  # the middleware adds it


def page(request: HttpRequest) -> Response:
    """Answer with the status asked for, the cookies of every kind and what consent says."""
    consent = consent_of(request)
    text = f"{consent.allows('statistics')} {consent.answered}"
    return tracked(HttpResponse(text, status=int(request.GET.get("status", "200"))))


async def async_page(request: HttpRequest) -> Response:
    """Answer as `page` does, from a coroutine."""
    return page(request)


def leave(request: HttpRequest) -> Response:
    """Redirect, with cookies."""
    return tracked(HttpResponseRedirect("/elsewhere"))


def crash(request: HttpRequest) -> Response:
    """Fail."""
    raise RuntimeError("the view is broken")


def not_found(request: HttpRequest, exception: Exception) -> Response:
    """Answer an unknown path, with cookies."""
    return tracked(HttpResponse("not found", status=404))


def server_error(request: HttpRequest) -> Response:
    """Answer for a view that failed, with cookies."""
    return tracked(HttpResponse("broken", status=500))


def grant(request: HttpRequest) -> Response:
    """Set a statistics cookie, then take the visitor's grant for it."""
    response = HttpResponse()
    tracked(response)
    before = consent_of(request).allows("statistics")
    consent_of(request).grant("statistics")
    response.content = f"{before} {consent_of(request).allows('statistics')}".encode()
    return response


async def async_grant(request: HttpRequest) -> Response:
    """Grant as `grant` does, from a coroutine."""
    return grant(request)


def withdraw(request: HttpRequest) -> Response:
    """Take consent back."""
    consent_of(request).withdraw()
    return tracked(HttpResponse())


def forge(request: HttpRequest) -> Response:
    """Write the consent cookie by hand, both ways that Django has."""
    response = HttpResponse(headers={"Set-Cookie": "cookies_preferences=forged"})
    response.set_cookie("cookies_preferences", "yes")
    return response


def forget(request: HttpRequest) -> Response:
    """Delete cookies: as Django does, and with a value that goes on a last trip."""
    response = HttpResponse()
    response.delete_cookie("_ga")
    response.set_cookie(
        "_ga_X",
        "tracks-you",
        max_age=-1,
        expires=PAST,
        domain="example.com",
        path="/x",
        secure=True,
    )
    response.set_cookie("ad_id", "still-here", max_age=60, expires=FUTURE)
    return response


PAST = "Thu, 01 Jan 1970 00:00:00 GMT"
FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT"


def adorned(request: HttpRequest) -> Response:
    """Set a necessary and a statistics cookie with every attribute that there is."""
    response = HttpResponse()
    for name in ("sessionid", "_ga"):
        response.set_cookie(
            name,
            'a "quoted"; value',
            max_age=3600,
            expires=FUTURE,
            path="/app",
            domain="example.com",
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        response.cookies[name]["comment"] = "kept"
        if "partitioned" in Morsel._reserved:  # type: ignore[attr-defined]  # Python 3.14
            response.cookies[name]["partitioned"] = True
    return response


def header(request: HttpRequest) -> Response:
    """Set one cookie as a plain header, and another header beside it."""
    return HttpResponse(headers={"X-Other": "kept", "Set-Cookie": request.GET["cookie"]})


def smuggle(request: HttpRequest) -> Response:
    """Try to get cookies out in a header's name and in an attribute."""
    response = HttpResponse(headers={"Set-Cookie: evil=1;x": "y", "Set-Cookie ": "evil=2"})
    response.set_cookie("sessionid", "abc", path="/\r\nSet-Cookie: evil=3")
    return response


def stream(request: HttpRequest) -> Response:
    """Answer in chunks, with cookies."""
    return tracked(StreamingHttpResponse(iter([b"one ", b"two ", b"three"])))


async def async_stream(request: HttpRequest) -> Response:
    """Answer in chunks from an async generator, with cookies."""

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"one ", b"two ", b"three"):
            await asyncio.sleep(0)
            yield chunk

    return tracked(StreamingHttpResponse(chunks()))


def late(request: HttpRequest) -> Response:
    """Grant when the response is on its way already."""

    def chunks() -> Iterator[bytes]:
        yield b"start "
        try:
            consent_of(request).grant("statistics")
        except ResponseStartedError:
            yield b"too late "
        yield b"end"

    return tracked(StreamingHttpResponse(chunks()))


def session(request: HttpRequest) -> Response:
    """Start a session, hand out a CSRF token and leave a message, as Django does it."""
    request.session["basket"] = ["ticket"]
    messages.info(request, "added")
    return HttpResponse(get_token(request))


def shown(request: HttpRequest) -> Response:
    """Ask about consent in a template."""
    template = Engine().from_string(
        "{{ request.consent.answered }}, {{ request.META.consentgate }}"
    )
    return HttpResponse(template.render(Context({"request": request})))


# What the gate may put the banner into.


def html(request: HttpRequest) -> Response:
    """Answer with a page, and with what the query says: a status, and headers."""
    response = HttpResponse(PAGE, status=int(request.GET.get("status", "200")))
    for name, value in request.GET.items():
        if name != "status":
            response.headers[name] = str(value)
    return tracked(response)


async def async_html(request: HttpRequest) -> Response:
    """Answer as `html` does, from a coroutine."""
    return html(request)


def html_stream(request: HttpRequest) -> Response:
    """Answer with a page in chunks."""
    return StreamingHttpResponse(iter(PAGE_CHUNKS), headers={"ETag": '"a"'})


async def async_html_stream(request: HttpRequest) -> Response:
    """Answer with a page in chunks from an async generator."""

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in PAGE_CHUNKS:
            await asyncio.sleep(0)
            yield chunk

    return StreamingHttpResponse(chunks(), headers={"ETag": '"a"'})


def html_file(request: HttpRequest) -> Response:
    """Answer with a page in a file, as Django sends files."""
    return FileResponse(BytesIO(PAGE), filename="page.html")


def html_with_banner(request: HttpRequest) -> Response:
    """Answer with a page that has the banner, by the helper, at its end."""
    return HttpResponse(PAGE + consent_of(request).banner_html().encode())


@condition(etag_func=lambda request: '"a"')
def html_tagged(request: HttpRequest) -> Response:
    """Answer with a page that browsers may keep, or that it has not changed."""
    return HttpResponse(PAGE)


def html_answered(request: HttpRequest) -> Response:
    """Take a choice, and answer with a page."""
    consent_of(request).grant("statistics")
    return HttpResponse(PAGE)


urlpatterns = [
    path("html", html),
    path("async-html", async_html),
    path("html-stream", html_stream),
    path("async-html-stream", async_html_stream),
    path("html-file", html_file),
    path("html-with-banner", html_with_banner),
    path("html-tagged", html_tagged),
    path("html-answered", html_answered),
    path("", page),
    path("async", async_page),
    path("leave", leave),
    path("crash", crash),
    path("grant", grant),
    path("async-grant", async_grant),
    path("withdraw", withdraw),
    path("forge", forge),
    path("forget", forget),
    path("adorned", adorned),
    path("header", header),
    path("smuggle", smuggle),
    path("stream", stream),
    path("async-stream", async_stream),
    path("late", late),
    path("session", session),
    path("language", set_language),
    path("shown", shown),
]
handler404 = not_found
handler500 = server_error


# The four ways to this site: both handlers, and Django's own clients.


def site(gate: object = GATE, middleware: Sequence[str] = (GATED,)) -> Any:
    """Return the settings of the site above, with this gate."""
    return override_settings(
        ROOT_URLCONF="django_setup",
        MIDDLEWARE=list(middleware),
        CONSENTGATE=gate,
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
        DEBUG_PROPAGATE_EXCEPTIONS=False,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        SESSION_COOKIE_NAME="sessionid",
        SESSION_COOKIE_SECURE=False,
        CSRF_COOKIE_NAME="csrftoken",
        LANGUAGE_COOKIE_NAME="django_language",
        LANGUAGES=[("fr", "Français"), ("en", "English")],
        MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
        SECURE_PROXY_SSL_HEADER=None,
    )


def run_wsgi(app: Any, visit: Visit) -> Answer:
    """Answer a visit as a WSGI server does."""
    started: list[Any] = []
    location, _, query = visit.path.partition("?")
    environ = wsgi_environ(visit) | {"PATH_INFO": location, "QUERY_STRING": query}
    body = app(environ, lambda status, headers: started.extend((status, headers)))
    try:
        content = b"".join(body)
    finally:
        body.close()
    status, headers = started
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answer(int(status[:3]), pairs, content)


def run_asgi(app: Any, visit: Visit) -> Answer:
    """Answer a visit as an ASGI server does."""
    location, _, query = visit.path.partition("?")
    scope = asgi_scope(visit) | {"path": location, "query_string": query.encode()}

    async def talk() -> list[Any]:
        communicator = cast("Any", ApplicationCommunicator)(app, scope)
        await communicator.send_input({"type": "http.request", "body": visit.body})
        sent = [await communicator.receive_output(timeout=10)]
        while len(sent) == 1 or sent[-1].get("more_body", False):
            sent.append(await communicator.receive_output(timeout=10))
        await communicator.wait()
        return sent

    start, *parts = asyncio.run(talk())
    body = b"".join(part.get("body", b"") for part in parts)
    return Answer(start["status"], list(start["headers"]), body)


def from_response(response: Any, body: bytes) -> Answer:
    """Return what a client got, in the order that Django sends it."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
    cookies = [(b"Set-Cookie", c.OutputString().encode()) for c in response.cookies.values()]
    return Answer(response.status_code, headers + cookies, body)


def as_called(visit: Visit) -> dict[str, Any]:
    """Return a visit as Django's clients take it."""
    headers = {name.decode(): value.decode() for name, value in visit.headers}
    return {
        "method": visit.method,
        "path": visit.path,
        "data": visit.body,
        "content_type": headers.pop("content-type", "application/octet-stream"),
        "secure": visit.https,
        "headers": headers,
    }


def with_cookies(client: Client | AsyncClient, visit: Visit) -> None:
    """Give a client the cookies of a visit."""
    for line in visit.cookies:
        client.cookies.load(line.decode())


def by_client(visit: Visit) -> Answer:
    """Visit by django.test.Client."""
    client = Client(raise_request_exception=False)
    with_cookies(client, visit)
    response = client.generic(**as_called(visit))
    return from_response(response, b"".join(cast("Any", response)))


def by_async_client(visit: Visit) -> Answer:
    """Visit by django.test.AsyncClient."""

    async def talk() -> Answer:
        client = AsyncClient(raise_request_exception=False)
        with_cookies(client, visit)
        response: Any = await client.generic(**as_called(visit))
        if not response.streaming:
            return from_response(response, response.content)
        chunks = [chunk async for chunk in response]
        return from_response(response, b"".join(chunks))

    return asyncio.run(talk())


def by_wsgi(visit: Visit) -> Answer:
    """Visit through Django's WSGI handler."""
    return run_wsgi(WSGIHandler(), visit)


def by_asgi(visit: Visit) -> Answer:
    """Visit through Django's ASGI handler."""
    return run_asgi(ASGIHandler(), visit)


Way = Callable[[Visit], Answer]
WAYS: Mapping[str, Way] = {
    "client": by_client,
    "async-client": by_async_client,
    "wsgi": by_wsgi,
    "asgi": by_asgi,
}


def fetch(way: Way, location: str, *cookies: bytes, gate: object = GATE, **varied: Any) -> Answer:
    """Visit the site, behind the middleware alone."""
    with site(gate):
        return way(Visit(cookies, path=location, **varied))


def bare(cookies: Sequence[bytes]) -> list[bytes]:
    """Drop the blank that Django's WSGI handler puts before a value."""
    return [cookie.strip(b" ") for cookie in cookies]


def is_token(cookie: bytes) -> bool:
    """Tell whether this is the gate's own cookie."""
    return cookie.startswith((b"cookies_preferences=", b" cookies_preferences="))


STATISTICS_GRANTED = token_pair(GATE, "statistics")
ALL_REFUSED = token_pair(GATE)
