"""FastAPI behind the gate: `uvicorn examples.fastapi_app:app`, or run this file.

A real site sets CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from html import escape
from typing import Annotated, Literal

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from consentgate import Consent, ConsentGate, Cookie, Policy
from consentgate.asgi import consent

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
ANSWERS = {"accept": Consent.grant_all, "refuse": Consent.refuse_all, "withdraw": Consent.withdraw}
PAGE = """<!doctype html><html lang="en"><title>FastAPI behind consentgate</title>
<h1>FastAPI behind consentgate</h1>
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
router = APIRouter()


def from_visitor(request: Request) -> Consent:
    """Return the consent to change. It comes from the visitor, not from another site's form."""
    # A browser that does not send Sec-Fetch-Site, on plain http say, tells the Origin of a POST.
    own = str(request.base_url).rstrip("/")
    sender = request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin", own)
    if sender not in ("same-origin", "none", own):
        raise HTTPException(403)
    return consent(request.scope)


@router.get("/")
async def home(request: Request) -> HTMLResponse:
    request.session.setdefault("basket", [])
    answered = "answered" if consent(request.scope).answered else "not answered yet"
    names = "".join(f"<li><code>{escape(name)}</code></li>" for name in sorted(request.cookies))
    page = PAGE.format(answered=answered, names=names or "<li>no cookie</li>")
    response = HTMLResponse(page)
    response.set_cookie("_ga", "GA1.1.1", max_age=395 * 86400)
    response.set_cookie("ad_id", "42", max_age=90 * 86400)
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


@router.post("/{answer}")
async def decide(
    answer: Literal["accept", "refuse", "withdraw"],
    visitor: Annotated[Consent, Depends(from_visitor)],
) -> RedirectResponse:
    ANSWERS[answer](visitor)
    return RedirectResponse("/", 303)


def create_app() -> FastAPI:
    api = FastAPI(title="FastAPI behind consentgate")
    api.add_middleware(SessionMiddleware, secret_key=KEY, max_age=None)
    api.include_router(router)
    return api


# No ungated FastAPI object has a name here: `fastapi run` would find it, and serve that one.
app = gate.asgi(create_app())

if __name__ == "__main__":
    uvicorn.run(app)
