"""The demo: a site whose every page tries to set five cookies, behind the gate.

`make demo`, or `python -m examples.demo [PORT]`. The console shows, request by
request, which cookies passed, which were stripped, withheld or expired, and why.
"""

from __future__ import annotations

import logging
import secrets
import socket
import sys
from contextlib import suppress
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from consentgate import Consent, ConsentGate, Cookie, Event, Pages, Policy
from consentgate.frameworks.starlette import context
from examples.demo_texts import TEXTS

YEAR = timedelta(days=365)

policy = Policy(
    [
        Cookie(
            "session",
            purpose={"en": "Keeps you signed in", "fr": "Garde votre session ouverte"},
            exemption="authentication",
        ),
        Cookie(
            "basket",
            purpose={"en": "Keeps what you want to buy", "fr": "Garde ce que vous voulez acheter"},
            exemption="basket",
        ),
        Cookie(
            "_ga*",
            "statistics",
            provider="Google",
            purpose={"en": "Counts visits", "fr": "Compte les visites"},
            lifetime=YEAR,
            party="third",
        ),
        Cookie(
            "ad_id",
            "marketing",
            provider="Adverts Ltd",
            purpose={"en": "Follows you", "fr": "Vous suit"},
            lifetime=YEAR,
            party="third",
        ),
    ]
)

# What the site would set on every page if nobody stopped it. One is HttpOnly: no script could.
ATTEMPTS = {
    "session": "7f3a; Path=/; HttpOnly; SameSite=Lax",
    "basket": "3-apples; Path=/",
    "_ga_DEMO": "GA1.1.1717; Path=/; Max-Age=31536000",
    "ad_id": "42; Path=/; Max-Age=31536000; HttpOnly",
    "spy": "1; Path=/",
}

heard: ContextVar[list[Event]] = ContextVar("heard")


def observe(event: Event) -> None:
    """Keep what the gate says, until the request is over."""
    heard.get([]).append(event)


gate = ConsentGate(
    policy,
    secret_key=secrets.token_urlsafe(32),
    observer=observe,
    observe_passed=True,
    pages=Pages(languages=["en", "fr"], controller={"en": "the demo", "fr": "la démonstration"}),
)
FOLDER = Path(__file__).parent
templates = Jinja2Templates(FOLDER / "templates", context_processors=[context])


def language_of(request: Request) -> str:
    """Return the language of the page: as a link of it says, or as the browser asks."""
    asked = request.query_params.get("lang", "")
    if asked in TEXTS:
        return asked
    accepted = parse_accept_header(request.headers.get("Accept-Language", ""), LanguageAccept)
    return accepted.best_match(list(TEXTS), default="en")


async def home(request: Request) -> Response:
    """Set every cookie there is, as careless sites do."""
    consent: Consent = request.state.consent
    rows = []
    for name in ATTEMPTS:
        cookie = policy.lookup(name.encode())
        category = cookie.category if cookie else None
        passes = category is not None and consent.allows(category)
        rows.append({"name": name, "category": category, "passes": passes, "cookie": cookie})
    lang = language_of(request)
    shown = {"lang": lang, "text": TEXTS[lang], "rows": rows, "brought": sorted(request.cookies)}
    response = templates.TemplateResponse(request, "demo.html", shown)
    # Strict: no style, script or handler in the page itself. What asks needs no exception.
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    for name, value in ATTEMPTS.items():
        response.headers.append("Set-Cookie", f"{name}={value}")
    return response


site = gate.asgi(
    Starlette(
        routes=[Route("/", home), Mount("/static", StaticFiles(directory=FOLDER / "static"))],
    )
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve the gated site, and print what the gate did for each request."""
    events: list[Event] = []
    heard.set(events)
    await site(scope, receive, send)
    if events or scope.get("method") == "POST":
        print("\n".join(report(f"{scope['method']} {scope['path']}", events)), flush=True)


# How the console marks what became of a cookie: a sign, and a colour on a terminal.
MARKS = {
    "passed": ("+", "32"),
    "stripped": ("-", "31"),
    "withheld": ("#", "33"),
    "expired": ("x", "35"),
    "clamped": ("~", "36"),
}


def report(request: str, events: list[Event]) -> list[str]:
    """Return the lines that tell what became of a request's cookies."""
    lines = [request]
    for event in events:
        sign, colour = MARKS[event.action]
        line = f"  {sign} {event.action:9} {event.name:12} {event.category or '':12}"
        line = (line + f" ({event.reason})" if event.reason else line).rstrip()
        lines.append(f"\033[{colour}m{line}\033[0m" if sys.stdout.isatty() else line)
    return lines


def listen(port: int) -> socket.socket:
    """Return a socket on this port of 127.0.0.1, or on the next free one."""
    for candidate in range(port, port + 50):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen()
        except OSError:
            listener.close()
            print(f"Port {candidate} is taken, trying the next one.")
        else:
            return listener
    raise SystemExit(f"No free port from {port} to {port + 49}.")


def main() -> None:
    """Serve the demo until it is interrupted."""
    # The console says it in its own way.
    log = logging.getLogger("consentgate")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    listener = listen(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    print(
        f"""
  consentgate demo

  Open     {url}  (in French: {url}?lang=fr)
  Look at  this console: each page tries to set five cookies
           + passed: it left      - stripped: it never reached the browser
           # withheld: the site could not read it
           x expired: the browser was told to forget it
  Then     press "Accept all", and at the foot of the page "Withdraw my consent":
           what the browser held is gone at once
           (or: curl -si -H 'Cookie: _ga_OLD=1; session=1' {url} | grep -i set-cookie)
  Also     {url}cookies is the charter, {url}cookies/preferences the choice by purpose

  Stop with Ctrl+C.
""",
        flush=True,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
