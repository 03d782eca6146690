"""A small app in each framework that the presets know, and what it sets when it is visited."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import asgi_csrf
import bottle
import cachelib
import django.conf.global_settings as django_defaults
import falcon
import falcon.testing
import fastapi
import fastapi_csrf_protect
import fastapi_users
import flask
import flask_jwt_extended
import flask_login
import flask_session
import flask_wtf.csrf
import litestar
import litestar.config.csrf
import litestar.security.jwt
import quart
import quart_auth
import starsessions
from beaker.middleware import SessionMiddleware as BeakerMiddleware
from django.test import Client as DjangoClient
from django.test import override_settings
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette_csrf.middleware import CSRFMiddleware
from werkzeug.debug import DebuggedApplication
from werkzeug.test import Client as WerkzeugClient

import django_setup
from adapters import KEY

KEY_16 = b"0123456789abcdef"  # Litestar encrypts with it
KEY_32 = KEY.ljust(32, ".")  # what HMAC-SHA-256 asks for
ORIGIN = "https://localhost"

Lines = Iterator[str]
"""The values of Set-Cookie, of one visit or of several."""


@dataclass(frozen=True)
class SetCookie:
    """A cookie as its Set-Cookie line has it: how long it lasts, None until the browser closes."""

    name: str
    lifetime: timedelta | None


def read(line: str) -> SetCookie | None:
    """Read a Set-Cookie line; None for a deletion."""
    pair, *attributes = line.split(";")
    said = dict(map(_attribute, attributes))
    seconds: float | None = None
    if said.get("max-age"):
        seconds = int(said["max-age"])
    elif said.get("expires"):
        # Of two dates with a dash in place of blanks (Beaker), the standard library reads both.
        expires: datetime = parsedate_to_datetime(said["expires"])
        seconds = expires.timestamp() - time.time()
    if seconds is not None and seconds <= 0:
        return None
    lifetime = None if seconds is None else timedelta(seconds=seconds)
    return SetCookie(pair.partition("=")[0].strip(), lifetime)


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.strip().partition("=")
    return name.lower(), value


def over_wsgi(app: Any, *paths: str) -> Lines:
    """Visit a WSGI app, with the cookies that it set before."""
    client = WerkzeugClient(app)
    for path in paths:
        yield from client.get(path, base_url=ORIGIN).headers.getlist("Set-Cookie")


def over_asgi(app: Any, *paths: str) -> Lines:
    """Visit an ASGI app, with the cookies that it set before."""
    client = TestClient(app, base_url=ORIGIN)
    for path in paths:
        yield from client.get(path).headers.get_list("set-cookie")


# Django


def visit_django() -> Lines:
    """Start a session, hand out a CSRF token, leave a message; then choose a language."""
    names = (
        *("SESSION_COOKIE_NAME", "SESSION_COOKIE_AGE", "SESSION_EXPIRE_AT_BROWSER_CLOSE"),
        *("CSRF_COOKIE_NAME", "CSRF_COOKIE_AGE", "CSRF_USE_SESSIONS", "LANGUAGE_COOKIE_NAME"),
        *("LANGUAGE_COOKIE_AGE", "MESSAGE_STORAGE"),
    )
    defaults = {name: getattr(django_defaults, name) for name in names}
    middleware = (
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    )
    with django_setup.site(middleware=middleware), override_settings(**defaults):
        client = DjangoClient()
        started = client.get("/session")
        chosen = client.post("/language", {"language": "en"})
        for response in (started, chosen):
            yield from (each.OutputString() for each in response.cookies.values())


# Flask and its extensions


def flask_app(view: Callable[[], Any], **config: object) -> flask.Flask:
    """Return a Flask app with one view."""
    app = flask.Flask("site", static_folder=None)
    app.secret_key = KEY_32
    app.config.update(config)
    app.add_url_rule("/", "home", view)
    return app


def fill_flask_session() -> str:
    """Put something in the session."""
    flask.session["basket"] = ["ticket"]
    return "filled"


def visit_flask() -> Lines:
    """Fill the session, and flash a message."""

    def home() -> str:
        flask.flash("saved")
        return fill_flask_session()

    yield from over_wsgi(flask_app(home), "/")


def visit_flask_login() -> Lines:
    """Sign in, to be remembered."""

    class User:
        is_active = True

        def get_id(self) -> str:
            return "1"

    def home() -> str:
        flask_login.login_user(User(), remember=True)
        return "signed in"

    app = flask_app(home)
    manager = flask_login.LoginManager(app)
    manager.user_loader(lambda _: User())
    yield from over_wsgi(app, "/")


def visit_flask_jwt_extended() -> Lines:
    """Hand out both tokens in cookies."""

    def home() -> Any:
        response = flask.make_response("signed in")
        flask_jwt_extended.set_access_cookies(
            response, flask_jwt_extended.create_access_token("alice")
        )
        flask_jwt_extended.set_refresh_cookies(
            response, flask_jwt_extended.create_refresh_token("alice")
        )
        return response

    app = flask_app(home, JWT_TOKEN_LOCATION=["cookies"])
    flask_jwt_extended.JWTManager(app)
    yield from over_wsgi(app, "/")


def visit_flask_session() -> Lines:
    """Fill a session that stays on the server."""
    app = flask_app(
        fill_flask_session, SESSION_TYPE="cachelib", SESSION_CACHELIB=cachelib.SimpleCache()
    )
    flask_session.Session(app)
    yield from over_wsgi(app, "/")


def visit_flask_wtf() -> Lines:
    """Hand out a CSRF token, as a form does."""
    app = flask_app(flask_wtf.csrf.generate_csrf)
    flask_wtf.csrf.CSRFProtect(app)
    yield from over_wsgi(app, "/")


# Quart


def quart_app(view: Callable[[], Any]) -> quart.Quart:
    """Return a Quart app with one view."""
    app = quart.Quart("site", static_folder=None)
    app.secret_key = KEY_32
    app.add_url_rule("/", "home", view)
    return app


def visit_quart() -> Lines:
    """Fill the session, and flash a message."""

    async def home() -> str:
        quart.session["basket"] = ["ticket"]
        await quart.flash("saved")
        return "filled"

    yield from over_asgi(quart_app(home), "/")


def visit_quart_auth() -> Lines:
    """Sign in, to be remembered."""

    async def home() -> str:
        quart_auth.login_user(quart_auth.AuthUser("1"), remember=True)
        return "signed in"

    app = quart_app(home)
    quart_auth.QuartAuth(app)
    yield from over_asgi(app, "/")


# Starlette, FastAPI and what goes with them


async def fill_session(request: Request) -> PlainTextResponse:
    """Put something in the session."""
    request.session["basket"] = ["ticket"]
    return PlainTextResponse("filled")


async def plain(request: Request) -> PlainTextResponse:
    """Answer."""
    return PlainTextResponse("plain")


def starlette_app(view: Any, *middleware: Middleware) -> Starlette:
    """Return a Starlette app with one view."""
    return Starlette(routes=[Route("/", view)], middleware=middleware)


def visit_starlette() -> Lines:
    """Fill the session."""
    app = starlette_app(fill_session, Middleware(SessionMiddleware, secret_key=KEY))
    yield from over_asgi(app, "/")


def visit_fastapi() -> Lines:
    """Fill the session, and read the documentation that FastAPI serves."""
    app = fastapi.FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=KEY)
    app.get("/", response_model=None)(fill_session)
    yield from over_asgi(app, "/", "/docs")


def visit_starlette_csrf() -> Lines:
    """Get a page."""
    middleware: Any = Middleware(CSRFMiddleware, secret=KEY)  # of older types
    yield from over_asgi(starlette_app(plain, middleware), "/")


def visit_asgi_csrf() -> Lines:
    """Hand out a token."""

    async def home(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.scope["csrftoken"]())

    yield from over_asgi(asgi_csrf.asgi_csrf(starlette_app(home), signing_secret=KEY), "/")


def visit_starsessions() -> Lines:
    """Fill the session."""
    middleware = (
        Middleware(starsessions.SessionMiddleware, store=starsessions.InMemoryStore()),
        Middleware(starsessions.SessionAutoloadMiddleware),
    )
    yield from over_asgi(starlette_app(fill_session, *middleware), "/")


@dataclass
class Person:
    """Who signs in."""

    id: int = 1
    email: str = "alice@example.com"
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


class People(BaseUserDatabase[Person, int]):
    """One person."""

    def __init__(self, person: Person) -> None:
        self._person = person

    async def get_by_email(self, email: str) -> Person | None:
        """Return the person."""
        return self._person


class Users(fastapi_users.IntegerIDMixin, fastapi_users.BaseUserManager[Person, int]):
    """Knows the one person."""


def visit_fastapi_users() -> Lines:
    """Sign in with a form, as its router offers it."""
    person = Person()
    users = Users(People(person))
    person.hashed_password = users.password_helper.hash("a password")
    backend: AuthenticationBackend[Person, int] = AuthenticationBackend(
        "cookie",
        CookieTransport(),
        lambda: JWTStrategy(secret=KEY_32, lifetime_seconds=3600),
    )
    made = fastapi_users.FastAPIUsers[Person, int](lambda: users, [backend])
    app = fastapi.FastAPI()
    app.include_router(made.get_auth_router(backend))
    form = {"username": person.email, "password": "a password"}
    client = TestClient(app, base_url=ORIGIN)
    yield from client.post("/login", data=form).headers.get_list("set-cookie")


def visit_fastapi_csrf_protect() -> Lines:
    """Hand out a token."""
    fastapi_csrf_protect.CsrfProtect.load_config(lambda: [("secret_key", KEY)])
    app = fastapi.FastAPI()

    async def home() -> PlainTextResponse:
        protect = fastapi_csrf_protect.CsrfProtect()
        response = PlainTextResponse("form")
        _, signed = protect.generate_csrf_tokens()
        protect.set_csrf_cookie(signed, response)
        return response

    app.get("/", response_model=None)(home)
    yield from over_asgi(app, "/")


# Litestar


@litestar.get("/", sync_to_thread=False)
def fill_litestar_session(request: litestar.Request[Any, Any, Any]) -> str:
    """Put something in the session, more than one cookie holds."""
    request.session["basket"] = "x" * 9000
    return "filled"


@litestar.get("/", sync_to_thread=False)
def plain_litestar() -> str:
    """Answer."""
    return "plain"


def visit_litestar() -> Lines:
    """Fill a session on the server and one in cookies, get a CSRF token, sign in."""
    by_token: Any = litestar.security.jwt.JWTCookieAuth[Any](
        retrieve_user_handler=lambda token, _: token, token_secret=KEY_32
    )

    @litestar.get("/", exclude_from_auth=True, sync_to_thread=False)
    def sign_in() -> litestar.Response[Any]:
        return by_token.login("alice")  # type: ignore[no-any-return]  # generic in the user

    def app(handler: Any, **options: Any) -> litestar.Litestar:
        return litestar.Litestar([handler], openapi_config=None, logging_config=None, **options)

    in_cookies = CookieBackendConfig(secret=KEY_16).middleware
    csrf = litestar.config.csrf.CSRFConfig(secret=KEY)
    on_server = ServerSideSessionConfig().middleware
    yield from over_asgi(app(fill_litestar_session, middleware=[on_server]), "/")
    yield from over_asgi(app(fill_litestar_session, middleware=[in_cookies]), "/")
    yield from over_asgi(app(plain_litestar, csrf_config=csrf), "/")
    yield from over_asgi(app(sign_in, on_app_init=[by_token.on_app_init]), "/")


# Pyramid, Beaker, Bottle, Falcon, Werkzeug


def visit_pyramid() -> Lines:
    """Fill the session, hand out a token of the cookie policy, sign in; ask for a language."""
    # Not above: what it imports warns, and the test of Pyramid alone lets that pass.
    from pyramid.authentication import AuthTktCookieHelper
    from pyramid.config import Configurator
    from pyramid.csrf import CookieCSRFStoragePolicy, get_csrf_token
    from pyramid.session import SignedCookieSessionFactory

    ticket = AuthTktCookieHelper(KEY)

    def home(request: Any) -> Any:
        request.session.flash(request.locale_name)
        get_csrf_token(request)
        request.response.headerlist.extend(ticket.remember(request, "alice"))
        return request.response

    with Configurator(session_factory=SignedCookieSessionFactory(KEY)) as config:
        config.set_csrf_storage_policy(CookieCSRFStoragePolicy())
        config.add_route("home", "/")
        config.add_view(home, route_name="home")
        app = config.make_wsgi_app()
    yield from over_wsgi(app, "/", "/?_LOCALE_=fr")


def visit_beaker() -> Lines:
    """Fill the session."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"]["basket"] = ["ticket"]
        environ["beaker.session"].save()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"filled"]

    yield from over_wsgi(BeakerMiddleware(app, {"session.type": "memory"}), "/")


def visit_bottle() -> Lines:
    """Get a page, an error page and a redirect."""
    app = bottle.Bottle()
    app.route("/", "GET", lambda: "plain")
    app.route("/leave", "GET", lambda: bottle.redirect("/"))
    yield from over_wsgi(app, "/", "/missing", "/leave")


def visit_falcon() -> Lines:
    """Get a page and an error page."""

    class Home:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.text = "plain"

    app: Any = falcon.App()
    app.add_route("/", Home())
    yield from over_wsgi(app, "/", "/missing")


def visit_werkzeug_debugger() -> Lines:
    """Type the PIN into the console."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"plain"]

    debugged = DebuggedApplication(app, evalex=True, pin_logging=False)
    question = f"?__debugger__=yes&cmd=pinauth&pin={debugged.pin}&s={debugged.secret}"
    yield from over_wsgi(debugged, "/", "/console", f"/{question}")


VISITS: Mapping[str, Callable[[], Lines]] = {
    "asgi-csrf": visit_asgi_csrf,
    "beaker": visit_beaker,
    "bottle": visit_bottle,
    "django": visit_django,
    "falcon": visit_falcon,
    "fastapi": visit_fastapi,
    "fastapi-csrf-protect": visit_fastapi_csrf_protect,
    "fastapi-users": visit_fastapi_users,
    "flask": visit_flask,
    "flask-jwt-extended": visit_flask_jwt_extended,
    "flask-login": visit_flask_login,
    "flask-session": visit_flask_session,
    "flask-wtf": visit_flask_wtf,
    "litestar": visit_litestar,
    "pyramid": visit_pyramid,
    "quart": visit_quart,
    "quart-auth": visit_quart_auth,
    "starlette": visit_starlette,
    "starlette-csrf": visit_starlette_csrf,
    "starsessions": visit_starsessions,
    "werkzeug-debugger": visit_werkzeug_debugger,
}
"""Each framework's preset, and the visit that has it set all its cookies."""
