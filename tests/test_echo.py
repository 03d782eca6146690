"""A view that echoes its cookies never shows a refused one: in each example, over each way in.

Each example app is loaded anew and given two views more: one that echoes the
cookies as its framework reads them, and one that withdraws and then does so.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bottle
import django.test
import falcon
import fastapi
import flask
import pytest
import werkzeug.test
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import examples
from adapters import KEY
from consentgate import ConsentGate, Cookie, Policy
from examples.portal import asgi, wsgi
from examples.portal.cookies import gate as portal_gate

EXAMPLES = Path(examples.__file__).parent

Ask = Callable[[str, str], tuple[str, list[str]]]
"""Asks for a path with a `Cookie` header; returns the body, and the Set-Cookie values."""


def over_wsgi(app: Any) -> Ask:
    """Ask a WSGI app."""

    def ask(location: str, cookie: str) -> tuple[str, list[str]]:
        client = werkzeug.test.Client(app, use_cookies=False)
        response = client.get(location, headers={"Cookie": cookie})
        return response.text, response.headers.getlist("Set-Cookie")

    return ask


def over_asgi(app: Any) -> Ask:
    """Ask an ASGI app."""

    def ask(location: str, cookie: str) -> tuple[str, list[str]]:
        response = TestClient(app).get(location, headers={"Cookie": cookie})
        return response.text, response.headers.get_list("set-cookie")

    return ask


def flask_example() -> tuple[Ask, ConsentGate]:
    """Return the Flask example. Its session has read the cookies before any view runs."""
    module = runpy.run_path(str(EXAMPLES / "flask_app.py"))
    app: flask.Flask = module["app"]

    def echo() -> str:
        flask.session["seen"] = True
        return " ".join(flask.request.cookies)

    def withdraw() -> str:
        flask.request.environ["consentgate"].withdraw()
        return echo()

    app.add_url_rule("/echo", view_func=echo)
    app.add_url_rule("/withdraw-and-echo", view_func=withdraw)
    return over_wsgi(app), module["gate"]


async def starlette_echo(request: Request) -> PlainTextResponse:
    """Echo, with a session in use."""
    request.session["seen"] = True
    return PlainTextResponse(" ".join(request.cookies))


async def starlette_withdraw(request: Request) -> PlainTextResponse:
    """Withdraw, after a look at other headers, and echo."""
    assert request.headers["cookie"]
    request.state.consent.withdraw()
    return await starlette_echo(request)


def starlette_example() -> tuple[Ask, ConsentGate]:
    """Return the Starlette example."""
    module = runpy.run_path(str(EXAMPLES / "starlette_app.py"))
    app = module["app"]
    app.app.router.routes.insert(0, Route("/echo", starlette_echo))
    app.app.router.routes.insert(0, Route("/withdraw-and-echo", starlette_withdraw))
    return over_asgi(app), module["gate"]


async def fastapi_withdraw(request: Request) -> PlainTextResponse:
    """Withdraw, and echo what the request holds now.

    FastAPI reads the cookies of its own Request before any endpoint runs, and
    keeps what it read there.
    """
    request.state.consent.withdraw()
    return await starlette_echo(Request(request.scope))


def fastapi_example() -> tuple[Ask, ConsentGate]:
    """Return the FastAPI example."""
    module = runpy.run_path(str(EXAMPLES / "fastapi_app.py"))
    inner: fastapi.FastAPI = module["app"].app
    inner.get("/echo", response_model=None)(starlette_echo)
    inner.get("/withdraw-and-echo", response_model=None)(fastapi_withdraw)
    return over_asgi(module["app"]), module["gate"]


def django_echo(request: HttpRequest) -> HttpResponse:
    """Echo."""
    return HttpResponse(" ".join(request.COOKIES))


def django_withdraw(request: HttpRequest) -> HttpResponse:
    """Withdraw, after Django's own middleware and the view have read the cookies, and echo."""
    assert request.COOKIES and request.headers["Cookie"]
    request.consent.withdraw()  # type: ignore[attr-defined]  # what the middleware adds
    assert list(request.COOKIES) == [
        part.partition("=")[0] for part in request.headers["Cookie"].split("; ")
    ]
    return django_echo(request)


urlpatterns = [
    path("echo", django_echo),
    path("withdraw-and-echo", django_withdraw),
    path("", include("examples.portal.urls")),
]


def django_client(location: str, cookie: str) -> tuple[str, list[str]]:
    """Ask the portal as Django's test client does."""
    response = django.test.Client().get(location, headers={"Cookie": cookie})
    lines = [morsel.OutputString() for morsel in response.cookies.values()]
    return response.content.decode(), lines


BARE_POLICY = Policy([Cookie("session"), Cookie("_ga", "statistics"), Cookie("ad_id", "marketing")])


def bottle_app() -> tuple[Ask, ConsentGate]:
    """Return a Bottle app: it reads cookies with `http.cookies`."""
    app, gate = bottle.Bottle(), ConsentGate(BARE_POLICY, secret_key=KEY)

    def echo() -> str:
        return " ".join(bottle.request.cookies)

    def withdraw() -> str:
        bottle.request.environ["consentgate"].withdraw()
        return echo()

    app.route("/echo", "GET", echo)
    app.route("/withdraw-and-echo", "GET", withdraw)
    return over_wsgi(gate.wsgi(app)), gate


class FalconEcho:
    """The two views in Falcon."""

    def on_get(self, req: Any, resp: Any) -> None:
        """Echo."""
        resp.text = " ".join(req.cookies)

    def on_get_withdraw(self, req: Any, resp: Any) -> None:
        """Withdraw, and echo."""
        req.env["consentgate"].withdraw()
        self.on_get(req, resp)


def falcon_app() -> tuple[Ask, ConsentGate]:
    """Return a Falcon app: it has a parser of its own."""
    app, gate = falcon.App(), ConsentGate(BARE_POLICY, secret_key=KEY)
    app.add_route("/echo", FalconEcho())
    app.add_route("/withdraw-and-echo", FalconEcho(), suffix="withdraw")
    return over_wsgi(gate.wsgi(app)), gate


APPS: dict[str, Callable[[], tuple[Ask, ConsentGate]]] = {
    "Flask": flask_example,
    "Starlette": starlette_example,
    "FastAPI": fastapi_example,
    "portal, Django's client": lambda: (django_client, portal_gate),
    "portal, wsgi.py": lambda: (over_wsgi(wsgi.application), portal_gate),
    "portal, asgi.py": lambda: (over_asgi(asgi.application), portal_gate),
    "Bottle": bottle_app,
    "Falcon": falcon_app,
}


@pytest.fixture(params=APPS)
def app(request: pytest.FixtureRequest) -> Iterator[tuple[Ask, ConsentGate]]:
    """Return each app in turn, and its gate."""
    with override_settings(ROOT_URLCONF=__name__):
        yield APPS[request.param]()
    connections.close_all()


def cookie_header(gate: ConsentGate, *categories: str) -> str:
    """Return what the browser of a visitor sends who granted these, and holds everything."""
    token = gate.set_cookie_for(gate.choice(categories)).partition(";")[0]
    return f"_ga=1; {token}; ad_id=2; tracker=3"


def deleted(lines: list[str]) -> set[str]:
    """Return the names of the cookies that the browser is told to forget."""
    return {line.strip().partition("=")[0] for line in lines if "Max-Age=0" in line}


@pytest.mark.conformance("R1", "R5")
def test_the_echo_shows_what_the_visitor_allows(app: tuple[Ask, ConsentGate]) -> None:
    """A refused and an undeclared cookie are not in the echo, and the refused one is expired."""
    ask, gate = app
    body, lines = ask("/echo", cookie_header(gate, "statistics"))
    assert body.split() == ["_ga", "cookies_preferences"]
    assert deleted(lines) == {"ad_id"}
    body, lines = ask("/echo", "_ga=1; ad_id=2; tracker=3")
    assert body.split() == []
    assert deleted(lines) == {"_ga", "ad_id"}


@pytest.mark.conformance("R1", "R5", "K9")
def test_after_a_withdrawal_the_same_view_sees_nothing(app: tuple[Ask, ConsentGate]) -> None:
    """In the very request of a withdrawal the refused cookies are gone, and expired after it."""
    ask, gate = app
    body, lines = ask("/withdraw-and-echo", cookie_header(gate, "statistics", "marketing"))
    assert body.split() == ["cookies_preferences"]
    assert deleted(lines) == {"_ga", "ad_id"}
    assert [line for line in lines if line.strip().startswith("cookies_preferences=1~")]
