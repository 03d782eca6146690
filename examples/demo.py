"""The demo: a site whose every page tries to set five cookies, behind the gate.

A script of the page sets a sixth, and an image of another site a seventh: the
page tells what the gate does about these. `make demo`, or `python -m
examples.demo [PORT]`. The console shows, request by request, which cookies
passed, which were stripped, withheld or expired, and why.
"""

from __future__ import annotations

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
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from consentgate import Consent, ConsentGate, Cookie, Pages, Policy, ThirdParty
from consentgate.cli.live import Live, log_silenced, show
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
        Cookie(
            "clicks_js",
            "statistics",
            provider="Counters Ltd",
            purpose={"en": "Counts your clicks", "fr": "Compte vos clics"},
            lifetime=YEAR,
        ),
        Cookie(
            "partner_id",
            "marketing",
            provider="Partner Ltd",
            purpose={"en": "Knows you on other sites", "fr": "Vous reconnaît sur d’autres sites"},
            lifetime=YEAR,
            party="third",
        ),
    ],
    third_parties=[
        ThirdParty(
            "Partner Ltd",
            "marketing",
            hosts=["127.0.0.1", "localhost"],
            purpose={"en": "An image that counts you", "fr": "Une image qui vous compte"},
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

# What a script of the page sets, and what another site sets: neither passes the gate.
SCRIPTED = "clicks_js"
PARTNER = "partner_id"
PARTNER_SETS = f"{PARTNER}=99; Path=/; Max-Age=31536000; SameSite=None; Secure"

live = Live(show)
gate = ConsentGate(
    policy,
    secret_key=secrets.token_urlsafe(32),
    observer=live,
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


# The partner is this very server under its other name. A port has five digits at most.
_OTHER_NAME = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
_HERE = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
PIXEL = "/partner/pixel.svg"


def partner_of(request: Request) -> str:
    """Return the origin of the other site; "" where this one is under another name."""
    here = _HERE.fullmatch(request.headers.get("Host", ""))
    return f"http://{_OTHER_NAME[here[1]]}{here[2] or ''}" if here else ""


async def home(request: Request) -> Response:
    """Set every cookie there is, as careless sites do."""
    consent: Consent = request.state.consent
    rows = []
    for name in ATTEMPTS:
        cookie = policy.lookup(name.encode())
        category = cookie.category if cookie else None
        passes = category is not None and consent.allows(category)
        rows.append({"name": name, "category": category, "passes": passes, "cookie": cookie})
    lang, partner = language_of(request), partner_of(request)
    # With consent, or where the visitor asks to see what happens without it.
    unasked = request.query_params.get("partner") == "unasked"
    loads = bool(partner) and (consent.allows("marketing") or unasked)
    shown = {
        "lang": lang,
        "text": TEXTS[lang],
        "rows": rows,
        "brought": sorted(request.cookies),
        "scripted": SCRIPTED,
        "partner": PARTNER,
        "partner_host": partner.partition("//")[2],
        "pixel": partner + PIXEL if loads else "",
    }
    response = templates.TemplateResponse(request, "demo.html", shown)
    # Strict: no style, script or handler in the page itself. What asks needs no exception.
    images = f"; img-src 'self' {partner}" if loads else ""
    response.headers["Content-Security-Policy"] = f"default-src 'self'{images}"
    for name, value in ATTEMPTS.items():
        response.headers.append("Set-Cookie", f"{name}={value}")
    return response


site = gate.asgi(
    Starlette(
        routes=[Route("/", home), Mount("/static", StaticFiles(directory=FOLDER / "static"))],
    )
)


class Beside:
    """Another site at the same address, outside the gate: it has an image, and sets a cookie."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the image; all else is the gated site's."""
        if scope["type"] == "http" and scope["path"] == PIXEL:
            picture = Response(
                SVG, media_type="image/svg+xml", headers={"Cache-Control": "no-store"}
            )
            picture.headers["Set-Cookie"] = PARTNER_SETS
            await picture(scope, receive, send)
        else:
            await self.app(scope, receive, send)


SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">\
<circle cx="12" cy="12" r="11" fill="#6b4fbb"/><circle cx="12" cy="12" r="4" fill="#fff"/></svg>"""

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


def main() -> None:
    """Serve the demo until it is interrupted."""
    listener = listen(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    print(
        f"""
  consentgate demo

  Open     {url}  (in French: {url}?lang=fr)
  Look at  this console: each page tries to set five cookies (and gets two past it)
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
    # The log would say the same as the console.
    with suppress(KeyboardInterrupt), log_silenced():
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
