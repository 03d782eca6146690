"""Apps for the audit: in every shape that an app can have, and a small careless shop."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, redirect, request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from werkzeug.wrappers import Response as WerkzeugResponse

from adapters import KEY
from consentgate import ConsentGate, Cookie, Policy
from consentgate.asgi import ConsentMiddleware

shop = Flask(__name__)
YEARS = 63072000


@shop.get("/")
def home() -> Response:
    """Set what careless shops set, and link to all kinds of places."""
    response = Response(
        """<a href="/next">next</a> <a href=/account/logout>out</a> <a href="/missing">gone</a>
        <a href="https://elsewhere.test/">away</a> <a href="/away">away too</a>
        <a href="mailto:shop@elsewhere.test">write</a> <img src="/dot.gif">""",
        mimetype="text/html",
    )
    response.set_cookie("sessionid", "1", httponly=True, samesite="Lax")
    response.set_cookie("_fbp", "1", max_age=YEARS)
    response.set_cookie("mystery", "1", max_age=3600)
    response.set_cookie("forgotten", "", max_age=0)
    return response


@shop.get("/next")
def hop() -> WerkzeugResponse:
    """Set a cookie in a redirect, as sign-ins do."""
    response = redirect("/end")
    response.set_cookie("hop", "1")
    return response


@shop.get("/end")
def end() -> Response:
    """Set one more for whoever accepted statistics."""
    response = Response("<p>The end", mimetype="text/html")
    if request.environ["consentgate"].allows("statistics"):
        response.set_cookie("asked", "1")
    return response


@shop.get("/dot.gif")
def dot() -> Response:
    """Set a cookie with a picture."""
    response = Response(b"GIF89a", mimetype="image/gif")
    response.set_cookie("dotted", "1")
    return response


@shop.get("/away")
def away() -> WerkzeugResponse:
    """Lead to another host."""
    response = redirect("https://elsewhere.test/")
    response.set_cookie("leaving", "1")
    return response


@shop.get("/account/logout")
def logout() -> Response:
    """Set what nobody sees who does not press it."""
    response = Response("bye")
    response.set_cookie("gone", "1")
    return response


@shop.errorhandler(404)
def missing(_: Exception) -> tuple[Response, int]:
    """Set a cookie on error pages, too."""
    response = Response("nothing here")
    response.set_cookie("lost", "1")
    return response, 404


gate = ConsentGate(Policy([Cookie("sessionid", exemption="authentication")]), secret_key=KEY)
gated_shop = gate.wsgi(shop)


def wsgi_function(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Be a plain WSGI app."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


async def asgi_function(scope: Any, receive: Any, send: Any) -> None:
    """Be a plain ASGI app; a lifespan it does not know."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"plain"})


class WsgiClass:
    """An app as PEP 3333 shows one, too: what it returns is an object of this class."""

    def __init__(self, environ: dict[str, Any], start_response: Any) -> None:
        self.environ = environ


class AsgiObject:
    """An app that is called, and whose call is no coroutine function."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Return what is awaited."""
        return asgi_function(scope, receive, send)


class Loose:
    """An async app that takes whatever it is given."""

    async def __call__(self, *args: Any) -> None:
        """Answer."""
        await asgi_function(*args)


def anything(*args: Any) -> Any:
    """Take any arguments: nothing tells what this is."""
    return args


def partly(greeting: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Be an app once the greeting is known."""
    return wsgi_function(environ, start_response)


asgi_object = AsgiObject()
loose = Loose()
partial = functools.partial(partly, "hello")
starlette = Starlette(
    middleware=[Middleware(GZipMiddleware), Middleware(ConsentMiddleware, gate=gate)]
)


class Holder:
    """Has apps under dots."""

    inner = shop
    number = 7


holder = Holder()


def make_shop() -> Flask:
    """Return an app."""
    return shop


async def make_later() -> Flask:
    """Return an app, too late."""
    return shop


def make_nothing() -> None:
    """Fail."""
    raise RuntimeError("no database")


async def failing(scope: Any, receive: Any, send: Any) -> None:
    """Fail to start."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
