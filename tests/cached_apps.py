"""Raw WSGI and ASGI apps whose every page says that a shared cache may keep it.

`wsgi` and `asgi` are gated, `bare_wsgi` and `bare_asgi` are the same apps with
no gate around them, for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from consentgate import Consent, ConsentGate, Cookie, Policy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Header = tuple[bytes, bytes]

policy = Policy([Cookie("session", exemption="authentication"), Cookie("_ga*", "statistics")])
gate = ConsentGate(policy, secret_key="shared by the servers and the tests")

PUBLIC = (b"Cache-Control", b"public, max-age=600")
# Before what it overrules: older versions of nginx heed the first of the two.
ACCELERATED = (b"X-Accel-Expires", b"600")
PLAIN = b"the same for everybody"
COUNTED, NOT_COUNTED = b"you are counted", b"you are not counted"

_serials = count(1)


class Asked(NamedTuple):
    """What a page is asked: its number among all requests, the handle (None without a gate)."""

    serial: bytes
    cookies: bytes
    consent: Consent | None


class Reply(NamedTuple):
    """What a page answers, beside what all of them say."""

    body: bytes
    headers: tuple[Header, ...] = ()


def _plain(asked: Asked) -> Reply:
    """Set nothing, ask nothing."""
    return Reply(PLAIN)


def _tracked(asked: Asked) -> Reply:
    """Try to set a cookie whose value is one visitor's alone."""
    return Reply(b"tracked", (_tracker(asked),))


def _accel(asked: Asked) -> Reply:
    """Do the same, and tell nginx by its own header to keep the response."""
    return Reply(b"tracked", (ACCELERATED, _tracker(asked)))


def _asks(asked: Asked) -> Reply:
    """Say whether the visitor allows statistics."""
    if asked.consent is None:
        return Reply(COUNTED if b"cookies_preferences=" in asked.cookies else NOT_COUNTED)
    return Reply(COUNTED if asked.consent.allows("statistics") else NOT_COUNTED)


def _echo(asked: Asked) -> Reply:
    """Say which cookies can be read; that the page depends on them is for it to say."""
    return Reply(asked.cookies, ((b"Vary", b"Cookie"),))


def _withdraw(asked: Asked) -> Reply:
    """Take consent back, and try to set a cookie none the less."""
    if asked.consent is not None:
        asked.consent.withdraw()
    return Reply(b"withdrawn", (_tracker(asked),))


def _laden(asked: Asked) -> Reply:
    """Send the headers that careful sites send: more than a kilobyte of them."""
    return Reply(b"laden", LADEN)


LADEN: tuple[Header, ...] = (
    (b"Content-Security-Policy", b"default-src 'self'; img-src 'self' " + b"https://i.test " * 40),
    (b"Strict-Transport-Security", b"max-age=63072000; includeSubDomains; preload"),
    (b"Permissions-Policy", b"geolocation=(), camera=(), microphone=(), payment=()"),
    (b"Set-Cookie", b"session=" + b"s" * 200 + b"; Path=/; HttpOnly; SameSite=Lax"),
    (b"Link", b"</static/site.css>; rel=preload; as=style, </static/site.js>; rel=preload"),
)


def _tracker(asked: Asked) -> Header:
    return (b"Set-Cookie", b"_ga=" + asked.serial + b"; Path=/")


PAGES: dict[str, Callable[[Asked], Reply]] = {
    "/plain": _plain,
    "/tracked": _tracked,
    "/accel": _accel,
    "/asks": _asks,
    "/echo": _echo,
    "/withdraw": _withdraw,
    "/shop/cart/item": _laden,
}


def _answer(path: str, cookies: bytes, consent: Consent | None) -> Reply:
    """Answer a request, with its number in `X-Serial`: what was kept has an older one."""
    serial = str(next(_serials)).encode()
    body, headers = PAGES[path](Asked(serial, cookies, consent))
    length = (b"Content-Length", str(len(body)).encode())
    return Reply(body, (length, (b"X-Serial", serial), *headers, PUBLIC))


def bare_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer over WSGI, with no gate."""
    cookies = environ.get("HTTP_COOKIE", "").encode("latin-1")
    body, headers = _answer(environ["PATH_INFO"], cookies, environ.get("consentgate"))
    native = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    start_response("200 OK", native)
    return [body]


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer over ASGI, with no gate."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    body, headers = _answer(scope["path"], cookies, scope.get("consentgate"))
    lower = [(name.lower(), value) for name, value in headers]
    await send({"type": "http.response.start", "status": 200, "headers": lower})
    await send({"type": "http.response.body", "body": body})


wsgi = gate.wsgi(bare_wsgi)
asgi = gate.asgi(bare_asgi)
