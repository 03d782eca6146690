"""The banner in pages that others wrote, cut anywhere, and as they arrive from real servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

import pytest
import werkzeug.test
from datasette.app import Datasette
from hypothesis import given
from hypothesis import strategies as st

import asking_apps
from adapters import (
    KEY,
    Adapter,
    Visit,
    token_pair,
)
from consentgate import ConsentGate, Cookie, Policy
from examples import demo, fastapi_app, flask_app, starlette_app
from examples.portal import asgi, wsgi
from inserting import (
    asgi_answer,
    helped,
    page,
    values,
    with_one_banner,
)
from serving import answers, each_once, raw_exchange

# Real pages, cut anywhere

# A Django with its admin, in a process of its own: Django is configured once in each.
ADMIN = """if True:
    import json
    import django
    from django.conf import settings
    contrib = [f"django.contrib.{n}" for n in "admin auth contenttypes messages sessions".split()]
    stacks = "sessions.middleware.Session auth.middleware.Authentication"
    stacks += " messages.middleware.Message"
    seen = "django.template.context_processors.request django.contrib.auth.context_processors.auth"
    seen += " django.contrib.messages.context_processors.messages"
    settings.configure(
        DEBUG=True, SECRET_KEY="a key for one process of a test", ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__, STATIC_URL="/static/", INSTALLED_APPS=contrib,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MIDDLEWARE=[f"django.contrib.{name}Middleware" for name in stacks.split()],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": seen.split()},
        }],
    )
    django.setup()
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.urls import path
    def broken(request):
        raise ValueError("<body>")
    urlpatterns = [path("admin/", admin.site.urls), path("broken", broken)]
    call_command("migrate", verbosity=0)
    client = Client(raise_request_exception=False)
    login = client.get("/admin/login/")
    client.force_login(User.objects.create_superuser("somebody"))
    rest = [client.get(p) for p in ("/admin/", "/admin/auth/user/add/", "/nowhere", "/broken")]
    print(json.dumps([page.content.decode() for page in [login, *rest]]))
"""
# Where the banner goes, in a page below; nowhere in one without it.
HERE = b"(here)"
NASTY = [
    b"",
    b"<p>Hello <body>",
    b"<!doctype html><html><head></head><frameset><noframes><body></body></noframes></frameset>",
    b"<!-- <body> --><!doctype html SYSTEM 'x'><html><body a='>' b=\"<body>\">(here)<body>",
    b"<script>document.write('<body>')</script><style>/*<body>*/</style><BODY\nid=x>(here)<p>",
    b"<script><!--<script></script><body>--></script><title><body></title><body/>(here)",
    b"\xef\xbb\xbf<?xml version='1'?>\r\n<head><noscript><body></noscript></head><body>(here)\xff",
    b"<html><head><meta content='<body>'></head>\0<body>",
    b"<!--" + b"-" * 70000 + b"--><body>",
    b"<style>" + b"<body>" * 10000 + b"</style><body>(here)",
]


@cache
def material() -> list[bytes]:
    """Return pages that nobody wrote for this, then nasty ones; a mark says where it goes."""
    done = subprocess.run([sys.executable, "-c", ADMIN], check=True, capture_output=True)  # noqa: S603  # our own interpreter
    found = [html.encode() for html in json.loads(done.stdout)]
    found += [werkzeug.test.Client(flask_app.app).get(path).data for path in ("/", "/cookies")]
    found += [werkzeug.test.Client(wsgi.application).get(path).data for path in ("/", "/login/")]
    asgi_apps = (starlette_app.app, fastapi_app.app, demo.site, asgi.application)
    found += [asgi_answer(app, Visit()).body for app in asgi_apps]
    datasette = Datasette(memory=True)
    for path in ("/", "/_memory", "/-/messages"):
        found.append(asgi_answer(datasette.app(), Visit(path=path)).body)
    for database in datasette.databases.values():
        database.close()
    for html in found:
        assert len(re.findall(rb"<body\b", html)) == 1, html[:500]
    return [*(re.sub(rb"<body\b[^>]*>", rb"\g<0>" + HERE, html) for html in found), *NASTY]


GATE = ConsentGate(
    Policy([Cookie("session", exemption="authentication"), Cookie("_ga*", "statistics")]),
    secret_key=KEY,
    inject_banner=True,
)


def check(protocol: str, marked: bytes, chunks: list[bytes], *, known: bool) -> None:
    """Check what leaves of a page in chunks, for a visitor who has answered or has not."""
    visit = Visit([token_pair(GATE)] if known else [])
    whole = b"".join(chunks)
    length = (b"Content-Length", b"%d" % len(whole))
    answer = Adapter(protocol)(GATE, page(length, body=chunks), visit)
    banner = b"" if known else helped(GATE, Adapter(protocol))
    assert answer.body == marked.replace(HERE, banner)
    assert values(answer.headers, b"content-length") == [b"%d" % len(answer.body)]


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@given(
    number=st.integers(0, 99),
    near=st.lists(st.integers(-60, 20), max_size=6),
    far=st.lists(st.floats(0, 1), max_size=3),
    known=st.booleans(),
)
def test_real_pages_keep_every_byte(
    protocol: str, number: int, near: list[int], far: list[float], known: bool
) -> None:
    """However a page is cut, it leaves with one banner in its place, or none: no byte is lost."""
    marked = material()[number % len(material())]
    whole, place = marked.replace(HERE, b""), marked.find(HERE)
    cuts = [*(place + offset for offset in near), *(int(part * len(whole)) for part in far)]
    places = [0, *sorted(min(max(cut, 0), len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(places)]
    check(protocol, marked, chunks, known=known)


@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
def test_each_real_page_has_its_banner(protocol: str) -> None:
    """Whole, and in chunks as servers send them, each of the pages has its one banner."""
    assert sum(HERE in marked for marked in material()) > 15
    for marked in material():
        whole = marked.replace(HERE, b"")
        check(protocol, marked, [whole], known=False)
        check(protocol, marked, [whole[i : i + 97] for i in range(0, len(whole), 97)], known=False)


# Real servers

SERVERS = ("gunicorn", "waitress", "uvicorn-h11", "hypercorn", "granian")


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[str], str]]:
    """Give the URL of the app on a server."""
    with each_once("asking_apps") as url:
        yield url


def get(path: str, *more: str) -> bytes:
    """Return the bytes of a request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *more, "", ""]).encode()


@pytest.mark.server
@pytest.mark.conformance("P3")
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("path", ["/length", "/chunked"])
def test_a_page_arrives_whole_from_a_server(
    running: Callable[[str], str], server: str, path: str
) -> None:
    """On one connection three pages arrive in step, with the banner, then without, then with."""
    token = token_pair(asking_apps.gate).decode()
    requests = [get(path), get(path, f"Cookie: {token}"), get(path, "Connection: close")]
    # Waitress closes after a page whose length nobody said: there, each has its own connection.
    alone = server == "waitress" and path == "/chunked"
    sent = requests if alone else [b"".join(requests)]
    found = [each for part in sent for each in answers(raw_exchange(running(server), part))]
    assert [answer.status for answer in found] == [200] * 3
    first, second, third = found
    assert with_one_banner(first.body, asking_apps.PAGE)
    assert (second.body, third.body) == (asking_apps.PAGE, first.body)
    assert [bool(answer.values(b"etag")) for answer in found] == [False, True, False]
    if path == "/length":
        lengths = [answer.values(b"content-length") for answer in found]
        assert lengths == [[b"%d" % len(answer.body)] for answer in found]
