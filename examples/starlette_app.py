"""Starlette behind the gate: `uvicorn examples.starlette_app:app`, or run this file.

A real site sets CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from functools import partial
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from consentgate import Consent, ConsentGate, Cookie, Policy

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
ANSWERS = {"accept": Consent.grant_all, "refuse": Consent.refuse_all, "withdraw": Consent.withdraw}
PAGE = """<!doctype html><html lang="en"><title>Starlette behind consentgate</title>
<h1>Starlette behind consentgate</h1>
<p>You have {answered}. This request brought:</p>
<ul>{names}</ul>
<form method="post">
  <button formaction="/accept">Accept all</button> <button formaction="/refuse">Refuse all</button>
  <button formaction="/withdraw">Withdraw</button>
</form></html>"""

policy = Policy(
    [
        Cookie("session", purpose="Keeps your basket", exemption="basket"),
        Cookie("_ga", "statistics", purpose="Counts visits", lifetime=timedelta(days=395)),
        Cookie("ad_id", "marketing", purpose="Chooses adverts", lifetime=timedelta(days=90)),
    ]
)
gate = ConsentGate(policy, secret_key=KEY)


async def home(request: Request) -> HTMLResponse:
    request.session.setdefault("basket", [])
    answered = "answered" if request.state.consent.answered else "not answered yet"
    names = "".join(f"<li><code>{escape(name)}</code></li>" for name in sorted(request.cookies))
    page = PAGE.format(answered=answered, names=names or "<li>no cookie</li>")
    response = HTMLResponse(page)
    response.set_cookie("_ga", "GA1.1.1", max_age=395 * 86400)
    response.set_cookie("ad_id", "42", max_age=90 * 86400)
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


async def decide(request: Request, answer: str) -> RedirectResponse:
    # Consent comes from the visitor: a form on another site cannot give it. A browser that does
    # not send Sec-Fetch-Site, on plain http say, tells the Origin of every POST.
    own = str(request.base_url).rstrip("/")
    sender = request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin", own)
    if sender not in ("same-origin", "none", own):
        raise HTTPException(403)
    ANSWERS[answer](request.state.consent)
    return RedirectResponse("/", 303)


answers = [Route(f"/{a}", partial(decide, answer=a), methods=["POST"]) for a in ANSWERS]
session = Middleware(SessionMiddleware, secret_key=KEY, max_age=None)
app = gate.asgi(Starlette(routes=[Route("/", home), *answers], middleware=[session]))

if __name__ == "__main__":
    uvicorn.run(app)
