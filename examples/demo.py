"""The demo: a site that tries to set seven cookies, of all four kinds, behind the gate.

Five come in headers of every page, a script of the page writes a sixth, and a
film of another site brings a seventh. `make demo`, or `python -m examples.demo
[PORT]`. The console shows, request by request, which cookies passed, which
were stripped, withheld or expired, and why. What visitors choose is kept in a
ledger, `consent-demo.db` in this folder: `consentgate ledger show` explains it.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from consentgate import Consent, ConsentGate, Cookie, Pages, Policy, ThirdParty
from consentgate.cli.live import Live, log_silenced, show
from consentgate.frameworks.starlette import context
from consentgate.ledger import Ledger
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
        Cookie(
            "clicks_js",
            "statistics",
            provider="Counters Ltd",
            purpose={"en": "Counts your clicks", "fr": "Compte vos clics"},
            lifetime=YEAR,
        ),
    ],
    third_parties=[
        ThirdParty(
            "Partner Ltd",
            "marketing",
            # This very server under its other name, on whatever port is free.
            hosts=["127.0.0.1:*", "localhost:*"],
            cookies=[
                Cookie(
                    "partner_id",
                    purpose={
                        "en": "Knows you on other sites",
                        "fr": "Vous reconnaît sur d’autres sites",
                    },
                    lifetime=YEAR,
                )
            ],
            purpose={"en": "Shows a film", "fr": "Montre un film"},
        )
    ],
)

# What the site would set on every page if nobody stopped it. One is HttpOnly: no script could.
ATTEMPTS = {
    "session": "7f3a; Path=/; HttpOnly; SameSite=Lax",
    "basket": "3-apples; Path=/",
    "_ga_DEMO": "GA1.1.1717; Path=/; Max-Age=31536000",
    "ad_id": "42; Path=/; Max-Age=31536000; HttpOnly",
    "spy": "1; Path=/",
}

# What a script of the page writes, and what another site sets in a response of its own.
SCRIPTED = "clicks_js"
PARTNER = "partner_id"
PARTNER_SETS = f"{PARTNER}=99; Path=/; Max-Age=31536000; SameSite=None; Secure"

KINDS = {
    "necessary": ["session", "basket"],
    "statistics": ["_ga_DEMO", SCRIPTED],
    "first_party": ["ad_id"],
    "third_party": [PARTNER],
    "undeclared": ["spy"],
}
"""The cookies by the four kinds that a cookie charter tells apart, and one that nobody declared."""

# The key of the gate is another one each time. What is kept outlives it, so it has one of its own;
# that of a real site is secret, and stands in no file.
LEDGER = os.environ.get("CONSENTGATE_DEMO_LEDGER", "sqlite:///consent-demo.db")
LEDGER_KEY = "the-demo-keeps-no-secrets"

live = Live(show)
gate = ConsentGate(
    policy,
    secret_key=secrets.token_urlsafe(32),
    observer=live,
    observe_passed=True,
    pages=Pages(languages=["en", "fr"], controller={"en": "the demo", "fr": "la démonstration"}),
    ledger=Ledger(LEDGER, key=LEDGER_KEY),
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


_OTHER_NAME = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
# A port has five digits at most.
_HERE = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
FILM = "/partner/film"


def partner_of(request: Request) -> str:
    """Return the origin of the other site; "" where this one is under another name."""
    here = _HERE.fullmatch(request.headers.get("Host", ""))
    return f"http://{_OTHER_NAME[here[1]]}{here[2] or ''}" if here else ""


def rows(consent: Consent) -> list[dict[str, Any]]:
    """Return what the page's table says, cookie by cookie."""
    others = (cookie for party in policy.third_parties for cookie in party.declared_cookies)
    known = {cookie.name: cookie for cookie in others}
    found = []
    for kind, names in KINDS.items():
        for name in names:
            cookie = known.get(name) or policy.lookup(name.encode())
            way = "header" if name in ATTEMPTS else "script" if name == SCRIPTED else "partner"
            passes = cookie is not None and consent.allows(cookie.category)
            found.append(
                {"name": name, "kind": kind, "way": way, "passes": passes, "cookie": cookie}
            )
    return found


async def home(request: Request) -> Response:
    """Set every cookie there is, as careless sites do."""
    consent: Consent = request.state.consent
    lang, partner = language_of(request), partner_of(request)
    shown = {
        "lang": lang,
        "text": TEXTS[lang],
        "rows": rows(consent),
        "brought": sorted(request.cookies),
        "partner": partner,
        "film": partner + FILM,
        # Where the visitor asks to see what comes of it: a frame that nobody asked about.
        "careless": request.query_params.get("partner") == "unasked",
    }
    response = templates.TemplateResponse(request, "demo.html", shown)
    # Strict: no style, script or handler in the page itself. What asks needs no exception. The
    # partner may be framed whatever the visitor says: as to that, the gate adds its own policy.
    frames = f"; frame-src 'self' {partner}" if partner else ""
    response.headers["Content-Security-Policy"] = f"default-src 'self'{frames}"
    for name, value in ATTEMPTS.items():
        response.headers.append("Set-Cookie", f"{name}={value}")
    return response


site = gate.asgi(
    Starlette(
        routes=[Route("/", home), Mount("/static", StaticFiles(directory=FOLDER / "static"))],
    )
)


class Beside:
    """Another site at the same address, outside the gate: it has a film, and sets a cookie."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Show the film; all else is the gated site's."""
        if scope["type"] == "http" and scope["path"] == FILM:
            film = HTMLResponse(PICTURE, headers={"Cache-Control": "no-store"})
            film.headers["Set-Cookie"] = PARTNER_SETS
            await film(scope, receive, send)
        else:
            await self.app(scope, receive, send)


PICTURE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A film</title>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180" role="img" aria-label="The sea">
<path fill="#8fc1e3" d="M0 0h320v120H0z"/><circle cx="250" cy="40" r="18" fill="#ffd166"/>
<path fill="#31708e" d="M0 100q40-16 80 0t80 0 80 0 80 0v80H0z"/></svg></html>"""

# The console shows, request by request, what the gate does.
app = live.around(Beside(site))


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


def command() -> str:
    """Return how the ledger of the demo is asked, in a shell that stands in this folder."""
    program = os.path.relpath(Path(sys.executable).with_name("consentgate"))
    return f"CONSENTGATE_LEDGER={LEDGER} CONSENTGATE_LEDGER_KEY={LEDGER_KEY} {program} ledger"


def main() -> None:
    """Serve the demo until it is interrupted."""
    listener = listen(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    print(
        f"""
  consentgate demo

  Open     {url}  (in French: {url}?lang=fr)
  Look at  this console: each page tries to set five cookies (a script and a film bring two more)
           + passed: it left      - stripped: it never reached the browser
           # withheld: the site could not read it
           x expired: the browser was told to forget it
           ! guarded: a script of the page did not get to write it
  Then     press "Accept all", and at the foot of the page "Withdraw my consent":
           what this site set is gone at once; the partner keeps its own, and is not asked again
           (or: curl -si -H 'Cookie: _ga_OLD=1; session=1' {url} | grep -i set-cookie)
  Also     {url}cookies is the charter, {url}cookies/preferences the choice by purpose;
           there your choice has a number, and in another terminal this prints what is kept:
           {command()} show NUMBER
           (and "verify" in place of "show NUMBER": that nobody changed it)

  Stop with Ctrl+C.
""",
        flush=True,
    )
    # The log would say the same as the console.
    with suppress(KeyboardInterrupt), log_silenced():
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
