"""Starlette behind the gate: `uvicorn examples.starlette_app:app`, or run this file.

The gate puts the banner into its pages by itself. A real site sets
CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from consentgate import Consent, ConsentGate, Cookie, Policy

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Starlette behind consentgate</title>
</head>
<body>
<main>
  <h1>Starlette behind consentgate</h1>
  <p>You have {answered}. This request brought:</p>
  <ul>{names}</ul>
</main>
<footer>{link}</footer>
</body>
</html>"""

policy = Policy(
    [
        Cookie("session", purpose="Keeps your basket", exemption="basket"),
        Cookie("_ga", "statistics", purpose="Counts visits", lifetime=timedelta(days=395)),
        Cookie("ad_id", "marketing", purpose="Chooses adverts", lifetime=timedelta(days=90)),
    ]
)
gate = ConsentGate(policy, secret_key=KEY, inject_banner=True)


async def home(request: Request) -> HTMLResponse:
    request.session.setdefault("basket", [])
    consent: Consent = request.state.consent
    answered = "answered" if consent.answered else "not answered yet"
    names = "".join(f"<li><code>{escape(name)}</code></li>" for name in sorted(request.cookies))
    page = PAGE.format(
        answered=answered, names=names or "<li>no cookie</li>", link=consent.link_html()
    )
    response = HTMLResponse(page)
    response.set_cookie("_ga", "GA1.1.1", max_age=395 * 86400)
    response.set_cookie("ad_id", "42", max_age=90 * 86400)
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


session = Middleware(SessionMiddleware, secret_key=KEY, max_age=None)
app = gate.asgi(Starlette(routes=[Route("/", home)], middleware=[session]))

if __name__ == "__main__":
    uvicorn.run(app)
